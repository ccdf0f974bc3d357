//! The section `events`: what happens during a run.
//!
//! ```yaml
//! events:
//!   - {at: 20s, change: reviews}
//!   - {at: 30s, name: nightly, change: [reviews, ratings], objects: 10}
//!   - {at: 40s, name: churn, change: all, objects: 1000, every: 1s, until: 60s}
//!   - {at: 50s, rollout: reviews}
//!   - {at: 60s, scale: reviews, replicas: 6}
//!   - {at: 70s, kill: [reviews, ratings], pods: 1}
//!   - {at: 80s, certificate_authority: down, for: 60s}
//!   - {at: 80s, apply: [{name: reviews, host: reviews, rules: [{to: {service: reviews, subset: v2}}]}]}
//!   - {at: 80s, control_plane: kill, instances: 1}
//!   - {at: 90s, control_plane: starve, cores: 0.2, for: 30s}
//!   - {at: 80s, surge: users, factor: 3, for: 10s}
//!   - {at: 85s, lose: {nodes: 1, zone: a}}
//!   - {at: 88s, upgrade: all, wave: 2, pause: 10s}
//!   - {at: 90s, network: {delay: 5ms, loss: 1%, zones: [a, b]}, for: 30s}
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics, quote};

use crate::input::draft::{ChangedDraft, EVENTS, EventDraft, EventKindDraft, NodesWhat};
use crate::input::fields::{self, Fields, list, located};
use crate::input::tree::{Located, Node, Value};
use crate::units::{Cores, Span};

use super::distribution::time;
use super::routes::{self, list_or_one};

/// One event.
pub(super) fn event(node: &Node, diagnostics: &mut Diagnostics) -> Option<EventDraft> {
    let mut fields = Fields::new(node, "an event", diagnostics);
    let name = fields.read("name", located(fields::text));
    let at = fields.need("at", located(fields::span));
    let every = fields.read("every", located(fields::positive_span));
    let until = fields.read("until", located(fields::span));
    let kind = kind(&mut fields);
    if let Some(until) = until.as_ref().filter(|_| !fields.has("every")) {
        let message = "an event that happens once needs no `until`";
        let problem = Diagnostic::error(Code::MissingKey, message).at(until.location);
        fields.report(problem.hint("say how often it happens, for example `every: 1s`"));
    }
    fields.finish();
    Some(EventDraft { name, at: at?, every, until, kind: kind? })
}

fn kind(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let kinds = EVENTS.map(|(kind, ..)| kind);
    let written: Vec<&str> = kinds.into_iter().filter(|kind| fields.has(kind)).collect();
    if written.is_empty() {
        let problem = Diagnostic::error(Code::MissingKey, "an event does not say what happens");
        fields.report(problem.at(fields.location()).hint(format!("it has one of: {}", kinds.join(", "))));
    }
    if let [first, second, ..] = written[..] {
        let message = format!("an event cannot be {} and {} at once", quote(first), quote(second));
        let problem = Diagnostic::error(Code::InvalidValue, message).at(fields.location());
        fields.report(problem.hint("write an event for each, at the same time if need be"));
    }
    // Each reports what is wrong with its own keys.
    let lasts = of_kinds(&LASTING, "for", fields, fields::positive_span);
    let read = [
        change(fields),
        rollout(fields),
        scale(fields),
        kill(fields),
        authority(fields, lasts.as_ref()),
        apply(fields),
        control_plane(fields, lasts.as_ref()),
        surge(fields),
        network(fields),
        nodes("drain", NodesWhat::Drain, fields),
        nodes("lose", NodesWhat::Lose, fields),
        nodes("add", NodesWhat::Add, fields),
        upgrade(fields),
    ];
    let mut kind = read.into_iter().flatten().next();
    if let Some(EventKindDraft::Surge { lasts: own, .. } | EventKindDraft::Network { lasts: own, .. }) =
        &mut kind
    {
        *own = lasts;
    }
    kind
}

/// Kinds of events that may last for a while.
const LASTING: [&str; 4] = ["certificate_authority", "control_plane", "surge", "network"];

fn change(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let services = fields.read("change", services);
    let objects = of_kind("change", "objects", fields, fields::count);
    Some(EventKindDraft::Change { services: services?, objects })
}

fn rollout(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    Some(EventKindDraft::Rollout { services: fields.read("rollout", services)? })
}

fn scale(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let services = fields.read("scale", services);
    let replicas = of_kind("scale", "replicas", fields, fields::u32);
    need("scale", "replicas", ("how many pods there are to be", "replicas: 2"), fields);
    Some(EventKindDraft::Scale { services: services?, replicas: replicas? })
}

fn kill(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let services = fields.read("kill", services);
    let pods = of_kind("kill", "pods", fields, fields::count);
    need("kill", "pods", ("how many pods are gone", "pods: 2"), fields);
    Some(EventKindDraft::Kill { services: services?, pods: pods? })
}

fn authority(fields: &mut Fields<'_, '_>, lasts: Option<&Located<Span>>) -> Option<EventKindDraft> {
    const KIND: &str = "certificate_authority";
    let is_down = fields.read(KIND, down);
    need(KIND, "for", ("for how long", "for: 60s"), fields);
    is_down.and(lasts).map(|length| EventKindDraft::AuthorityDown { length: length.clone() })
}

/// The one thing that can happen to it.
fn down(node: &Node, diagnostics: &mut Diagnostics) -> Option<()> {
    if node.text() == Some("down") {
        return Some(());
    }
    let problem = Diagnostic::error(Code::InvalidValue, "a certificate authority can only be down");
    diagnostics.push(problem.at(node.location).hint("write `certificate_authority: down`"));
    None
}

fn apply(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let location = fields.take("apply")?.location;
    let routes = fields.read("apply", list_or_one(routes::route))?;
    if routes.is_empty() {
        let problem =
            Diagnostic::error(Code::InvalidValue, "without a route nothing is applied").at(location);
        fields.report(problem.hint("write routes as in the section `routes`"));
    }
    if let Some(every) = fields.take("every").map(|every| every.location) {
        let problem = Diagnostic::error(Code::InvalidValue, "routes that are applied again change nothing");
        fields.report(problem.at(every).hint("write an event for each change"));
    }
    Some(EventKindDraft::Apply { routes, location })
}

/// What happens to instances of the control plane.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfPlane {
    Kill,
    Starve,
}

fn control_plane(fields: &mut Fields<'_, '_>, lasts: Option<&Located<Span>>) -> Option<EventKindDraft> {
    const KIND: &str = "control_plane";
    const KINDS: [(&str, OfPlane); 2] = [("kill", OfPlane::Kill), ("starve", OfPlane::Starve)];
    let read = |node: &Node, diagnostics: &mut Diagnostics| {
        fields::choice(node, "what happens to a control plane", &KINDS, diagnostics)
    };
    let what = fields.read(KIND, read);
    let instances = of_kind(KIND, "instances", fields, fields::count);
    let cores = of_kind(KIND, "cores", fields, positive_cores);
    let what = what?;
    // What belongs to the other one of them.
    let strays: &[&'static str] = if what == OfPlane::Kill { &["cores", "for"] } else { &["instances"] };
    for key in strays {
        if let Some(stray) = fields.take(key) {
            let kind = if what == OfPlane::Kill { "starve" } else { "kill" };
            let message = format!("{} belongs to an event with `control_plane: {kind}`", quote(key));
            fields.report(Diagnostic::error(Code::UnknownKey, message).at(stray.location));
        }
    }
    if what == OfPlane::Kill {
        need(KIND, "instances", ("how many instances are gone", "instances: 1"), fields);
        return Some(EventKindDraft::KillInstances { instances: instances? });
    }
    need(KIND, "cores", ("how much CPU is left", "cores: 0.2"), fields);
    need(KIND, "for", ("how long that lasts", "for: 30s"), fields);
    Some(EventKindDraft::StarveInstances { cores: cores?, length: lasts?.clone() })
}

fn positive_cores(node: &Node, diagnostics: &mut Diagnostics) -> Option<Cores> {
    let cores = fields::cores(node, diagnostics)?;
    if cores == Cores::ZERO {
        let problem = Diagnostic::error(Code::InvalidValue, "without any CPU an instance never goes on");
        diagnostics.push(problem.at(node.location).hint("write a little, for example 0.05"));
        return None;
    }
    Some(cores)
}

fn surge(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let sources = fields.read("surge", services);
    let factor = of_kind("surge", "factor", fields, factor);
    need("surge", "factor", ("how many times as much is sent", "factor: 3"), fields);
    Some(EventKindDraft::Surge { sources: sources?, factor: factor?, lasts: None })
}

/// At most a million times: more is a slip of the pen.
fn factor(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    let factor = fields::f64(node, diagnostics)?;
    if (0.0..=1e6).contains(&factor) {
        return Some(factor);
    }
    let problem = Diagnostic::error(Code::InvalidValue, "traffic is multiplied with 0 to 1000000");
    diagnostics
        .push(problem.at(node.location).hint("0 is silence, 1 is as before, 3 is three times as much"));
    None
}

fn network(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    fields.read("network", |node, diagnostics| {
        let mut fields = Fields::new(node, "`network`", diagnostics);
        let delay = fields.read("delay", time);
        let loss = fields.read("loss", located(fields::ratio));
        let zones = fields.read("zones", located(list(located(fields::text))));
        if !fields.has("delay") && !fields.has("loss") {
            let problem =
                Diagnostic::error(Code::MissingKey, "`network` does not say what happens to messages");
            fields.report(problem.at(node.location).hint("for example `delay: 5ms` or `loss: 1%`"));
        }
        fields.finish()?;
        Some(EventKindDraft::Network { delay, loss, zones, lasts: None })
    })
}

fn upgrade(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let services = fields.read("upgrade", services);
    let wave = of_kind("upgrade", "wave", fields, fields::count);
    let pause = of_kind("upgrade", "pause", fields, fields::span);
    Some(EventKindDraft::Upgrade { services: services?, wave, pause })
}

/// A number of nodes, or `{nodes: 1, zone: b}` with one of the two or both.
fn nodes(key: &'static str, what: NodesWhat, fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    fields.read(key, |node, diagnostics| {
        if node.entries().is_none() {
            let count = located(fields::count)(node, diagnostics)?;
            return Some(EventKindDraft::Nodes { what, count: Some(count), zone: None });
        }
        let mut fields = Fields::new(node, format!("`{key}`"), diagnostics);
        let count = fields.read("nodes", located(fields::count));
        let zone = fields.read("zone", located(fields::text));
        let needs_count = what == NodesWhat::Add;
        if !fields.has("nodes") && (needs_count || !fields.has("zone")) {
            let message = format!("{} does not say how many nodes", quote(key));
            let hint = if needs_count {
                "for example `nodes: 2`"
            } else {
                "for example `nodes: 2`, or `zone: a` for all of it"
            };
            fields.report(Diagnostic::error(Code::MissingKey, message).at(node.location).hint(hint));
        }
        fields.finish()?;
        Some(EventKindDraft::Nodes { what, count, zone })
    })
}

/// A key that goes with one kind of event; with another it means nothing.
fn of_kind<T>(
    kind: &'static str,
    key: &'static str,
    fields: &mut Fields<'_, '_>,
    reader: fn(&Node, &mut Diagnostics) -> Option<T>,
) -> Option<Located<T>> {
    of_kinds(&[kind], key, fields, reader)
}

/// A key that goes with some kinds of event.
fn of_kinds<T>(
    kinds: &[&'static str],
    key: &'static str,
    fields: &mut Fields<'_, '_>,
    reader: fn(&Node, &mut Diagnostics) -> Option<T>,
) -> Option<Located<T>> {
    let location = fields.take(key)?.location;
    if !kinds.iter().any(|kind| fields.has(kind)) && EVENTS.iter().any(|(other, ..)| fields.has(other)) {
        let kinds = kinds.iter().map(|kind| quote(kind)).collect::<Vec<_>>().join(" or ");
        let message = format!("{} belongs to an event with {kinds}", quote(key));
        fields.report(Diagnostic::error(Code::UnknownKey, message).at(location));
    }
    fields.read(key, located(reader))
}

fn need(kind: &'static str, key: &'static str, (what, example): (&str, &str), fields: &mut Fields<'_, '_>) {
    if fields.has(kind) && fields.take(key).is_none() {
        let message = format!("an event with {} does not say {what}", quote(kind));
        let problem = Diagnostic::error(Code::MissingKey, message).at(fields.location());
        fields.report(problem.hint(format!("for example `{example}`")));
    }
}

/// A service or source, a list of them, or `all`.
fn services(node: &Node, diagnostics: &mut Diagnostics) -> Option<ChangedDraft> {
    if node.text() == Some("all") {
        return Some(ChangedDraft::All);
    }
    let Value::List(services) = &node.value else {
        return Some(ChangedDraft::These(vec![located(fields::text)(node, diagnostics)?]));
    };
    if services.is_empty() {
        let problem = Diagnostic::error(Code::InvalidValue, "without a service nothing happens");
        diagnostics.push(problem.at(node.location).hint("name services, or write all"));
        return None;
    }
    list(located(fields::text))(node, diagnostics).map(ChangedDraft::These)
}

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
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics, quote};

use crate::input::draft::{ChangedDraft, EVENTS, EventDraft, EventKindDraft};
use crate::input::fields::{self, Fields, list, located};
use crate::input::tree::{Located, Node, Value};
use crate::units::{Cores, Span};

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
    ];
    read.into_iter().flatten().next()
}

/// Kinds of events that may last for a while.
const LASTING: [&str; 2] = ["certificate_authority", "control_plane"];

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

/// A service, a list of services, or `all`.
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

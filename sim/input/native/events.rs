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
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics, quote};

use crate::input::draft::{ChangedDraft, EVENTS, EventDraft, EventKindDraft};
use crate::input::fields::{self, Fields, list, located};
use crate::input::tree::{Located, Node, Value};

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
    let read = [
        change(fields),
        rollout(fields),
        scale(fields),
        kill(fields),
        authority(fields),
        apply(fields),
    ];
    read.into_iter().flatten().next()
}

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
    need("scale", "replicas", "how many pods there are to be", fields);
    Some(EventKindDraft::Scale { services: services?, replicas: replicas? })
}

fn kill(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    let services = fields.read("kill", services);
    let pods = of_kind("kill", "pods", fields, fields::count);
    need("kill", "pods", "how many pods are gone", fields);
    Some(EventKindDraft::Kill { services: services?, pods: pods? })
}

fn authority(fields: &mut Fields<'_, '_>) -> Option<EventKindDraft> {
    const KIND: &str = "certificate_authority";
    let is_down = fields.read(KIND, down);
    let length = of_kind(KIND, "for", fields, fields::positive_span);
    if fields.has(KIND) && fields.take("for").is_none() {
        let message = format!("an event with {} does not say for how long", quote(KIND));
        let problem = Diagnostic::error(Code::MissingKey, message).at(fields.location());
        fields.report(problem.hint("for example `for: 60s`"));
    }
    is_down.and(length).map(|length| EventKindDraft::AuthorityDown { length })
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

/// A key that goes with one kind of event; with another it means nothing.
fn of_kind<T>(
    kind: &'static str,
    key: &'static str,
    fields: &mut Fields<'_, '_>,
    reader: fn(&Node, &mut Diagnostics) -> Option<T>,
) -> Option<Located<T>> {
    let location = fields.take(key)?.location;
    if !fields.has(kind) && EVENTS.iter().any(|(other, ..)| fields.has(other)) {
        let message = format!("{} belongs to an event with {}", quote(key), quote(kind));
        fields.report(Diagnostic::error(Code::UnknownKey, message).at(location));
    }
    fields.read(key, located(reader))
}

fn need(kind: &'static str, key: &'static str, what: &str, fields: &mut Fields<'_, '_>) {
    if fields.has(kind) && fields.take(key).is_none() {
        let message = format!("an event with {} does not say {what}", quote(kind));
        let problem = Diagnostic::error(Code::MissingKey, message).at(fields.location());
        fields.report(problem.hint(format!("for example `{key}: 2`")));
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

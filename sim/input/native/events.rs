//! The section `events`: what happens during a run.
//!
//! ```yaml
//! events:
//!   - {at: 20s, change: reviews}
//!   - {at: 30s, name: nightly, change: [reviews, ratings], objects: 10}
//!   - {at: 40s, name: churn, change: all, objects: 1000, every: 1s, until: 60s}
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics};

use crate::input::draft::{ChangedDraft, EventDraft, EventKindDraft};
use crate::input::fields::{self, Fields, list, located};
use crate::input::tree::{Node, Value};

/// Keys that say what happens, one in each event.
const KINDS: [&str; 1] = ["change"];

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
    if !KINDS.iter().any(|kind| fields.has(kind)) {
        let problem = Diagnostic::error(Code::MissingKey, "an event does not say what happens");
        fields.report(problem.at(fields.location()).hint(format!("it has one of: {}", KINDS.join(", "))));
    }
    let services = fields.read("change", changed);
    let objects = fields.read("objects", located(fields::count));
    Some(EventKindDraft::Change { services: services?, objects })
}

/// A service, a list of services, or `all`.
fn changed(node: &Node, diagnostics: &mut Diagnostics) -> Option<ChangedDraft> {
    if node.text() == Some("all") {
        return Some(ChangedDraft::All);
    }
    let Value::List(services) = &node.value else {
        return Some(ChangedDraft::These(vec![located(fields::text)(node, diagnostics)?]));
    };
    if services.is_empty() {
        let problem = Diagnostic::error(Code::InvalidValue, "a change of no service changes nothing");
        diagnostics.push(problem.at(node.location).hint("name services, or write `change: all`"));
        return None;
    }
    list(located(fields::text))(node, diagnostics).map(ChangedDraft::These)
}

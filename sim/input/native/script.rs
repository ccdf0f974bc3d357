//! Scripts: what an operation does after its service time.

use crate::diag::{Code, Diagnostic, Diagnostics};

use crate::input::draft::{ActionDraft, CallDraft, StepDraft};
use crate::input::fields::{self, Fields, list, located};
use crate::input::tree::{Located, Node};

use super::distribution::{size, time};
use super::service::timeout;

/// `call: …`, `sleep: …`, or a list of these, which run at once.
pub(super) fn step(node: &Node, diagnostics: &mut Diagnostics) -> Option<StepDraft> {
    if node.elements().is_some() {
        return list(parallel_action)(node, diagnostics).map(StepDraft::Parallel);
    }
    action(node, diagnostics).map(StepDraft::One)
}

fn parallel_action(node: &Node, diagnostics: &mut Diagnostics) -> Option<ActionDraft> {
    if node.elements().is_some() {
        let message = "what runs at once cannot hold another list";
        let diagnostic = Diagnostic::error(Code::UnexpectedKind, message).at(node.location);
        diagnostics.push(diagnostic.hint("give the inner steps to a service of their own"));
        return None;
    }
    action(node, diagnostics)
}

/// What a call may have beside its service.
const OF_A_CALL: [&str; 6] = ["operation", "probability", "count", "size", "timeout", "optional"];

fn action(node: &Node, diagnostics: &mut Diagnostics) -> Option<ActionDraft> {
    if let Some([(first, service), (second, _), ..]) = node.entries()
        && let (Some("call"), Some(service), Some(key)) = (first.text(), service.text(), second.text())
        && OF_A_CALL.contains(&key)
    {
        let message = "a call with more than its service is a map of its own";
        let diagnostic = Diagnostic::error(Code::UnexpectedKind, message).at(second.location);
        diagnostics.push(diagnostic.hint(format!("`call: {{service: {service}, {key}: …}}`")));
        return None;
    }
    match fields::one_of(node, "a step", &["call", "sleep"], diagnostics)? {
        ("sleep", value) => time(value, diagnostics).map(ActionDraft::Sleep),
        (_, value) => call(value, diagnostics).map(ActionDraft::Call),
    }
}

/// A service's name, or a map.
fn call(node: &Node, diagnostics: &mut Diagnostics) -> Option<CallDraft> {
    if node.entries().is_none() {
        let service = fields::text(node, diagnostics)?;
        return Some(CallDraft::of(Located::new(service, node.location)));
    }
    let mut fields = Fields::new(node, "a call", diagnostics);
    let service = fields.need("service", located(fields::text));
    let operation = fields.read("operation", located(fields::text));
    let probability = fields.read("probability", fields::ratio);
    let count = fields.read("count", fields::count);
    let request_size = fields.read("size", size);
    let timeout = fields.read("timeout", timeout);
    let optional = fields.read("optional", fields::boolean);
    fields.finish();
    let plain = CallDraft::of(service?);
    Some(CallDraft {
        operation,
        probability: probability.unwrap_or(plain.probability),
        count: count.unwrap_or(plain.count),
        request_size,
        timeout,
        optional: optional.unwrap_or(plain.optional),
        ..plain
    })
}

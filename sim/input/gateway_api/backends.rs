//! References to backends.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::draft::BackendDraft;
use crate::input::fields;
use crate::input::foreign::readers::{no_effect, port};
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::Node;
use crate::vocabulary::routing::Weighted;

/// Fields of a reference.
pub(super) const REFERENCE: &[Row] = &[
    ("group", Treatment::Modelled),
    ("kind", Treatment::Modelled),
    ("name", Treatment::Modelled),
    ("namespace", Treatment::Modelled),
    ("port", Treatment::Modelled),
];

/// Fields of an element of `backendRefs`.
pub(super) const ROWS: &[Row] = &[
    ("", Treatment::Like(REFERENCE)),
    ("weight", Treatment::Modelled),
    (
        "filters",
        Treatment::Named("what is done for one backend only is not told apart; write it into the rule"),
    ),
];

/// Largest weight that the API server takes.
const LARGEST_WEIGHT: u32 = 1_000_000;

/// `backendRefs`: one without a weight has 1.
pub(super) fn weighted(rule: Foreign<'_>, diagnostics: &mut Diagnostics) -> Vec<Weighted<BackendDraft>> {
    let mut backends = Vec::new();
    for reference in rule.elements("backendRefs") {
        let errors = diagnostics.errors();
        let weight = reference.read("weight", weight, diagnostics);
        let backend = backend(reference, diagnostics);
        if diagnostics.errors() == errors {
            let weight = f64::from(weight.unwrap_or(1));
            backends.extend(backend.map(|backend| Weighted { backend, weight }));
        }
    }
    backends
}

/// A backend. What is no Service is named so that nothing is called like it: it keeps its share, and its requests fail.
pub(super) fn backend(reference: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<BackendDraft> {
    let text = fields::located(fields::text);
    let name = reference.required("name", "a reference to a backend", &text, diagnostics);
    let group = reference.read("group", super::matches::any_text, diagnostics).unwrap_or_default();
    let kind = reference.read("kind", &text, diagnostics);
    let namespace = reference.read("namespace", fields::text, diagnostics);
    let port = reference.read("port", port, diagnostics);
    let name = name?;
    if let Some(kind) = kind.filter(|kind| kind.value != "Service" || !is_core(&group)) {
        let message = format!("{} {} is no Service: its requests fail", kind.value, quote(&name.value));
        diagnostics.push(no_effect(message, kind.location));
        let name = name.map(|name| format!("{} {name}", kind.value));
        return Some(BackendDraft::of(name));
    }
    if port.is_none() && reference.get("port").is_none() {
        let message = "a reference to a Service needs `port`";
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(reference.location()));
    }
    Some(BackendDraft { namespace, port, ..BackendDraft::of(name) })
}

/// Whether a group is that of Kubernetes' own kinds.
pub(super) fn is_core(group: &str) -> bool {
    group.is_empty() || group.eq_ignore_ascii_case("core")
}

fn weight(node: &Node, diagnostics: &mut Diagnostics) -> Option<u32> {
    let weight = fields::u32(node, diagnostics)?;
    if weight > LARGEST_WEIGHT {
        let message = format!("a weight is at most {LARGEST_WEIGHT}, not {weight}");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(weight)
}

//! `HTTPRouteGroup`: named conditions on requests.

use crate::diag::Diagnostics;
use crate::input::fields;
use crate::input::foreign::readers::{any_text, namespace, pattern};
use crate::input::foreign::{Foreign, Head, Kind, Row, Spelling, Treatment};
use crate::input::tree::{Located, Node};
use crate::vocabulary::routing::{NamedMatch, RequestMatch};
use crate::vocabulary::text::{PathMatch, TextMatch};

use super::Import;

/// `apiVersion`s of what traffic looks like.
pub(super) const SPECS: &[&str] = &[
    "specs.smi-spec.io/v1alpha1",
    "specs.smi-spec.io/v1alpha2",
    "specs.smi-spec.io/v1alpha3",
    "specs.smi-spec.io/v1alpha4",
];

const MATCH: &[Row] = &[
    ("name", Treatment::Irrelevant),
    ("pathRegex", Treatment::Modelled),
    ("methods", Treatment::Modelled),
    ("headers", Treatment::Modelled),
];

pub(super) static KIND: Kind = Kind::new(
    "HTTPRouteGroup",
    SPECS,
    Spelling::Exact,
    &[("spec.matches[]", Treatment::Like(MATCH)), ("matches[]", Treatment::Like(MATCH))],
);

/// A group that was read.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Located<String>,
    pub(super) namespace: Option<String>,
    pub(super) matches: Vec<RequestMatch>,
}

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    // Older versions have no `spec`.
    let mut written = object.get("spec").map(|spec| spec.elements("matches")).unwrap_or_default();
    written.extend(object.elements("matches"));
    let mut matches = Vec::new();
    for one in written {
        matches.extend(alternatives(one, import.diagnostics).unwrap_or_default());
    }
    import.pending.groups.push(Group { name: head.name.clone(), namespace: namespace(head), matches });
}

/// One element of `matches`: path and headers must fit, and one of the methods; `None` if something in it is wrong.
fn alternatives(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<RequestMatch>> {
    let errors = diagnostics.errors();
    let path = node.get("pathRegex").and_then(|path| path_match(path, diagnostics));
    let mut headers = Vec::new();
    for (name, value) in node.get("headers").map(|headers| entries(headers.node())).unwrap_or_default() {
        let Some(text) = any_text(value, diagnostics) else { continue };
        let value = pattern(&text, value.location, diagnostics).map(TextMatch::Regex);
        let name = name.text().unwrap_or_default().to_ascii_lowercase();
        headers.extend(value.map(|value| NamedMatch { name, value, without: false }));
    }
    let methods = node.read("methods", fields::each(fields::text), diagnostics).unwrap_or_default();
    let of = RequestMatch { path, headers, ..RequestMatch::default() };
    if diagnostics.errors() > errors {
        return None;
    }
    if methods.is_empty() || methods.iter().any(|method| method == "*") {
        return Some(vec![of]);
    }
    let with = |method: String| RequestMatch { method: Some(TextMatch::Exact(method)), ..of.clone() };
    Some(methods.into_iter().map(with).collect())
}

/// A path that begins with what the expression matches.
fn path_match(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<PathMatch> {
    let text = any_text(node.node(), diagnostics)?;
    if matches!(text.as_str(), "" | ".*" | "/.*" | "*") {
        return None;
    }
    let whole = pattern(&text, node.location(), diagnostics)?;
    if text.ends_with(".*") {
        return Some(PathMatch::Regex(whole));
    }
    pattern(&format!("(?:{text}).*"), node.location(), diagnostics).map(PathMatch::Regex)
}

/// Names and values of headers: a map, or a list of maps as some of the specification's own examples write it.
fn entries(node: &Node) -> Vec<(&Node, &Node)> {
    let maps: Vec<&Node> = match node.elements() {
        Some(elements) => elements.iter().collect(),
        None => vec![node],
    };
    let entries = maps.into_iter().flat_map(|map| map.entries().unwrap_or_default());
    entries.map(|(name, value)| (name, value)).collect()
}

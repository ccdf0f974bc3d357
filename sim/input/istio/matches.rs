//! Conditions of HTTP rules.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::fields;
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::Located;
use crate::vocabulary::routing::{NamedMatch, RequestMatch};
use crate::vocabulary::text::{PathMatch, Pattern, TextMatch};

use super::{no_effect, value};

const TEXT: &[Row] =
    &[("exact", Treatment::Modelled), ("prefix", Treatment::Modelled), ("regex", Treatment::Modelled)];

/// Fields of one element of `match`.
pub(super) const ROWS: &[Row] = &[
    ("name", Treatment::Irrelevant),
    ("statPrefix", Treatment::Irrelevant),
    ("uri", Treatment::Like(TEXT)),
    ("ignoreUriCase", Treatment::Modelled),
    ("scheme", Treatment::Named("requests carry no scheme: it is taken to match")),
    ("method", Treatment::Like(TEXT)),
    ("authority", Treatment::Like(TEXT)),
    ("headers.*", Treatment::Like(TEXT)),
    ("withoutHeaders.*", Treatment::Like(TEXT)),
    ("queryParams.*", Treatment::Like(TEXT)),
    ("sourceLabels", Treatment::Modelled),
    ("sourceNamespace", Treatment::Modelled),
    ("port", Treatment::Modelled),
    ("gateways", Treatment::Modelled),
];

/// Names that a header condition cannot have: they have fields of their own, and Istio passes over them.
const NO_HEADERS: [&str; 4] = ["uri", "scheme", "method", "authority"];

/// One element of `match`; `None` if something in it is wrong, which has been said.
pub(super) fn request(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<RequestMatch> {
    let ignore_case = node.read("ignoreUriCase", fields::boolean, diagnostics).unwrap_or(false);
    let errors = diagnostics.errors();
    let path = node.get("uri").and_then(|uri| {
        let condition = text(uri, diagnostics)?;
        path(condition, ignore_case, uri, diagnostics)
    });
    let method = node.get("method").and_then(|method| text(method, diagnostics));
    let authority = node.get("authority").and_then(|authority| text(authority, diagnostics));
    let mut headers = named(node, "headers", false, diagnostics);
    headers.extend(named(node, "withoutHeaders", true, diagnostics));
    let request = RequestMatch {
        path,
        method,
        authority,
        headers,
        query: named(node, "queryParams", false, diagnostics),
        source_labels: node.texts("sourceLabels", diagnostics),
        source_namespace: node.read("sourceNamespace", fields::text, diagnostics),
        port: node.read("port", value::port, diagnostics),
        gateways: names(value::texts(node, "gateways", diagnostics)),
    };
    (diagnostics.errors() == errors).then_some(request)
}

pub(super) fn names(located: Vec<Located<String>>) -> Vec<String> {
    located.into_iter().map(|name| name.value).collect()
}

/// The conditions of a map from names to texts.
fn named(node: Foreign<'_>, field: &str, without: bool, diagnostics: &mut Diagnostics) -> Vec<NamedMatch> {
    let is_header = field != "queryParams";
    let mut conditions = Vec::new();
    for (name, condition) in node.entries(field) {
        if is_header && NO_HEADERS.contains(&name.value.as_str()) {
            let message = format!("Istio passes over a condition on a header {}", quote(&name.value));
            let hint = format!("it has a field of its own beside {}", quote(field));
            diagnostics.push(no_effect(message, name.location).hint(hint));
            continue;
        }
        let name = if is_header { name.value.to_ascii_lowercase() } else { name.value };
        if let Some(value) = text(condition, diagnostics) {
            conditions.push(NamedMatch { name, value, without });
        }
    }
    conditions
}

/// A `StringMatch`; an empty one only asks that there is something.
pub(super) fn text(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<TextMatch> {
    let exact = node.read("exact", value::any_text, diagnostics);
    let prefix = node.read("prefix", value::any_text, diagnostics);
    let regex = node.read("regex", value::any_text, diagnostics);
    match (exact, prefix, regex) {
        (None, None, None) => Some(TextMatch::Present),
        (Some(exact), None, None) => Some(TextMatch::Exact(exact)),
        (None, Some(prefix), None) => Some(TextMatch::Prefix(prefix)),
        (None, None, Some(regex)) => {
            // Envoy takes an empty expression for none.
            if regex.is_empty() {
                return Some(TextMatch::Present);
            }
            let place = node.get("regex").map_or(node.location(), Foreign::location);
            pattern(&regex, place, diagnostics).map(TextMatch::Regex)
        }
        _ => {
            let message = "a text is matched by one of `exact`, `prefix` and `regex`";
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location()));
            None
        }
    }
}

fn pattern(text: &str, place: crate::diag::Location, diagnostics: &mut Diagnostics) -> Option<Pattern> {
    match Pattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(problem) => {
            let message = format!("{} is no regular expression: {problem}", quote(text));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
            None
        }
    }
}

/// A condition on a path. Upper and lower case are made alike by an expression, as no other condition can.
fn path(
    condition: TextMatch,
    ignore_case: bool,
    node: Foreign<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<PathMatch> {
    let any_case = |text: String, rest: &str, diagnostics: &mut Diagnostics| {
        let text = format!("(?i){}{rest}", regex::escape(&text));
        pattern(&text, node.location(), diagnostics).map(PathMatch::Regex)
    };
    match condition {
        TextMatch::Present => None,
        TextMatch::Exact(text) if ignore_case => any_case(text, "", diagnostics),
        TextMatch::Prefix(text) if ignore_case => any_case(text, ".*", diagnostics),
        TextMatch::Exact(text) => Some(PathMatch::Exact(text)),
        TextMatch::Prefix(text) => Some(PathMatch::Prefix(text)),
        TextMatch::Regex(pattern) => Some(PathMatch::Regex(pattern)),
    }
}

//! Conditions of rules.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::fields;
pub(super) use crate::input::foreign::readers::any_text;
use crate::input::foreign::readers::{no_effect, pattern};
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::vocabulary::routing::{NamedMatch, RequestMatch};
use crate::vocabulary::text::{PathMatch, TextMatch};

/// Matches of one rule that the API server takes.
const MOST: usize = 64;

/// Fields of a condition on a header or a query parameter.
pub(super) const NAMED: &[Row] =
    &[("type", Treatment::Modelled), ("name", Treatment::Modelled), ("value", Treatment::Modelled)];

/// Fields of an element of `matches` of an `HTTPRoute`.
pub(super) const HTTP: &[Row] = &[
    ("path.type", Treatment::Modelled),
    ("path.value", Treatment::Modelled),
    ("headers[]", Treatment::Like(NAMED)),
    ("queryParams[]", Treatment::Like(NAMED)),
    ("method", Treatment::Modelled),
];

/// Fields of an element of `matches` of a `GRPCRoute`.
pub(super) const GRPC: &[Row] = &[
    ("method.type", Treatment::Modelled),
    ("method.service", Treatment::Modelled),
    ("method.method", Treatment::Modelled),
    ("headers[]", Treatment::Like(NAMED)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exact,
    Prefix,
    Regex,
}

const PATHS: &[(&str, Kind)] =
    &[("Exact", Kind::Exact), ("PathPrefix", Kind::Prefix), ("RegularExpression", Kind::Regex)];
const TEXTS: &[(&str, Kind)] = &[("Exact", Kind::Exact), ("RegularExpression", Kind::Regex)];

/// The conditions of a rule, one of which must hold; none is every request.
pub(super) fn all(
    rule: Foreign<'_>,
    one: fn(Foreign<'_>, &mut Diagnostics) -> RequestMatch,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<RequestMatch>> {
    let written = rule.elements("matches");
    if let Some(further) = written.get(MOST) {
        let message =
            format!("a rule has at most {MOST} matches in a cluster, and this one has {}", written.len());
        diagnostics.push(Diagnostic::warning(Code::TooLarge, message).at(further.location()));
    }
    let errors = diagnostics.errors();
    let matches: Vec<_> = written.into_iter().map(|node| one(node, diagnostics)).collect();
    // A rule whose conditions could not be read is not one for everything.
    if diagnostics.errors() > errors {
        return None;
    }
    let is_for_all = matches.len() == 1 && matches[0] == RequestMatch::default();
    Some(if is_for_all { Vec::new() } else { matches })
}

/// One element of `matches` of an `HTTPRoute`.
pub(super) fn http(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> RequestMatch {
    let path = node.get("path").and_then(|path| http_path(path, diagnostics));
    let method = node.read("method", fields::text, diagnostics).map(TextMatch::Exact);
    RequestMatch {
        path,
        method,
        headers: named(node, "headers", diagnostics),
        query: named(node, "queryParams", diagnostics),
        ..RequestMatch::default()
    }
}

/// A prefix of elements unless something else is written; the prefix `/` is every path.
fn http_path(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<PathMatch> {
    let kind = match node.get("type") {
        Some(kind) => fields::choice(kind.node(), "a condition on a path", PATHS, diagnostics)?,
        None => Kind::Prefix,
    };
    let value = node.read("value", any_text, diagnostics).unwrap_or_else(|| "/".to_owned());
    let place = node.get("value").map_or(node.location(), Foreign::location);
    if kind == Kind::Regex {
        return pattern(&value, place, diagnostics).map(PathMatch::Regex);
    }
    if !value.starts_with('/') {
        let message = format!("a path begins with a slash, unlike {}", quote(&value));
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
        return None;
    }
    match kind {
        Kind::Exact => Some(PathMatch::Exact(value)),
        _ => (value != "/").then_some(PathMatch::Elements(value)),
    }
}

/// One element of `matches` of a `GRPCRoute`: gRPC's requests have the path `/service/method`.
pub(super) fn grpc(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> RequestMatch {
    let path = node.get("method").and_then(|method| grpc_path(method, diagnostics));
    RequestMatch { path, headers: named(node, "headers", diagnostics), ..RequestMatch::default() }
}

fn grpc_path(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<PathMatch> {
    let kind = match node.get("type") {
        Some(kind) => fields::choice(kind.node(), "a condition on a method", TEXTS, diagnostics)?,
        None => Kind::Exact,
    };
    let mut part = |field: &str| {
        let written = node.read(field, fields::located(fields::text), diagnostics)?;
        // Each is an expression by itself, before both become one.
        if kind == Kind::Regex && pattern(&written.value, written.location, diagnostics).is_none() {
            return Some(Err(()));
        }
        Some(Ok(written.value))
    };
    let (Ok(service), Ok(method)) = (part("service").transpose(), part("method").transpose()) else {
        return None;
    };
    let any = || "[^/]+".to_owned();
    let regex = |service: Option<String>, method: Option<String>, diagnostics: &mut Diagnostics| {
        let text = format!("/(?:{})/(?:{})", service.unwrap_or_else(any), method.unwrap_or_else(any));
        pattern(&text, node.location(), diagnostics).map(PathMatch::Regex)
    };
    match (service, method) {
        (None, None) => {
            let message = "a condition on a method needs `service`, `method` or both";
            diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location()));
            None
        }
        (service, method) if kind == Kind::Regex => regex(service, method, diagnostics),
        (Some(service), Some(method)) => Some(PathMatch::Exact(format!("/{service}/{method}"))),
        (Some(service), None) => Some(PathMatch::Elements(format!("/{service}"))),
        (None, Some(method)) => regex(None, Some(regex::escape(&method)), diagnostics),
    }
}

/// Conditions on headers or query parameters; of several with one name the first holds.
fn named(node: Foreign<'_>, field: &str, diagnostics: &mut Diagnostics) -> Vec<NamedMatch> {
    let mut conditions: Vec<NamedMatch> = Vec::new();
    for one in node.elements(field) {
        let name = one.required("name", "a condition", fields::text, diagnostics);
        let value = one.required("value", "a condition", any_text, diagnostics);
        let kind = match one.get("type") {
            Some(kind) => fields::choice(kind.node(), "a condition on a text", TEXTS, diagnostics),
            None => Some(Kind::Exact),
        };
        let (Some(name), Some(value), Some(kind)) = (name, value, kind) else { continue };
        let name = if field == "headers" { name.to_ascii_lowercase() } else { name };
        if conditions.iter().any(|known| known.name == name) {
            let message = format!("a second condition on {} is passed over", quote(&name));
            diagnostics.push(no_effect(message, one.location()));
            continue;
        }
        let value = match kind {
            Kind::Regex => pattern(&value, one.location(), diagnostics).map(TextMatch::Regex),
            _ => Some(TextMatch::Exact(value)),
        };
        conditions.extend(value.map(|value| NamedMatch { name, value, without: false }));
    }
    conditions
}

//! Conditions on requests.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::vocabulary::routing::{NamedMatch, RequestMatch};
use crate::vocabulary::text::{PathMatch, Pattern, TextMatch};

use crate::input::fields::{self, Fields, map};
use crate::input::tree::{Node, Value};

use super::routes::{labels, list_or_one};
use super::rules::port;

/// Ways to write a condition on a text, beside the text itself.
const TEXTS: &[&str] = &["exact", "prefix", "regex", "present"];
const NAMED: &[&str] = &["exact", "prefix", "regex", "present", "without"];
const PATHS: &[&str] = &["exact", "prefix", "elements", "regex"];

/// `{path: {prefix: /api}, method: GET, headers: {end-user: jason, x-test: {without: {present}}}}`.
pub(super) fn request_match(node: &Node, diagnostics: &mut Diagnostics) -> Option<RequestMatch> {
    let mut fields = Fields::new(node, "a match", diagnostics);
    let errors = fields.errors();
    let path = fields.read("path", path);
    let method = fields.read("method", text);
    let authority = fields.read("authority", text);
    let headers = fields.read("headers", map(named)).unwrap_or_default();
    let query = fields.read("query", map(named)).unwrap_or_default();
    let (source_labels, source_namespace) = fields.read("source", source).unwrap_or_default();
    let port = fields.read("port", port);
    let gateways = fields.read("gateways", list_or_one(fields::text)).unwrap_or_default();
    let is_right = fields.errors() == errors;
    fields.finish()?;
    let with_name = |name: String, (value, without)| NamedMatch { name, value, without };
    let header = |(name, condition): (crate::input::tree::Located<String>, _)| {
        with_name(name.value.to_ascii_lowercase(), condition)
    };
    let query = query.into_iter().map(|(name, condition)| with_name(name.value, condition));
    is_right.then(|| RequestMatch {
        path,
        method,
        authority,
        headers: headers.into_iter().map(header).collect(),
        query: query.collect(),
        source_labels,
        source_namespace,
        port,
        gateways,
    })
}

type Source = (Vec<(String, String)>, Option<String>);

/// `{labels: {app: web}, namespace: shop}`.
fn source(node: &Node, diagnostics: &mut Diagnostics) -> Option<Source> {
    let mut fields = Fields::new(node, "`source`", diagnostics);
    let labels = fields.read("labels", labels).unwrap_or_default();
    let namespace = fields.read("namespace", fields::text);
    fields.finish()?;
    Some((labels, namespace))
}

/// A path as it is, or `{prefix: /api}` and the like.
fn path(node: &Node, diagnostics: &mut Diagnostics) -> Option<PathMatch> {
    if let Some(exact) = node.text() {
        return rooted(exact, node, diagnostics).map(PathMatch::Exact);
    }
    let (kind, value) = fields::one_of(node, "a condition on a path", PATHS, diagnostics)?;
    let written = fields::text(value, diagnostics)?;
    match kind {
        "regex" => pattern(&written, value, diagnostics).map(PathMatch::Regex),
        "exact" => rooted(&written, value, diagnostics).map(PathMatch::Exact),
        "elements" => rooted(&written, value, diagnostics).map(PathMatch::Elements),
        _ => rooted(&written, value, diagnostics).map(PathMatch::Prefix),
    }
}

/// Paths of requests begin with a slash; one that does not would never match.
fn rooted(text: &str, node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    if text.starts_with('/') {
        return Some(text.to_owned());
    }
    let message = format!("a path begins with a slash, {} does not", quote(text));
    let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
    diagnostics.push(diagnostic.hint(format!("write /{text}")));
    None
}

/// A text as it is, or `{prefix: v}` and the like.
fn text(node: &Node, diagnostics: &mut Diagnostics) -> Option<TextMatch> {
    if matches!(node.value, Value::Scalar { .. }) {
        return fields::text(node, diagnostics).map(TextMatch::Exact);
    }
    let (kind, value) = fields::one_of(node, "a condition on a text", TEXTS, diagnostics)?;
    text_of(kind, value, diagnostics)
}

/// As [`text`], and `{without: …}` for what must not be.
fn named(node: &Node, diagnostics: &mut Diagnostics) -> Option<(TextMatch, bool)> {
    if matches!(node.value, Value::Scalar { .. }) {
        return Some((TextMatch::Exact(node.text()?.to_owned()), false));
    }
    match fields::one_of(node, "a condition on a text", NAMED, diagnostics)? {
        ("without", condition) => text(condition, diagnostics).map(|value| (value, true)),
        (kind, value) => text_of(kind, value, diagnostics).map(|value| (value, false)),
    }
}

fn text_of(kind: &str, value: &Node, diagnostics: &mut Diagnostics) -> Option<TextMatch> {
    if kind == "present" {
        if value.is_null() || fields::boolean(value, diagnostics)? {
            return Some(TextMatch::Present);
        }
        let diagnostic = Diagnostic::error(Code::InvalidValue, "`present` is true where it is written");
        diagnostics.push(diagnostic.at(value.location).hint("for its contrary, {without: {present}}"));
        return None;
    }
    let Some(written) = value.text() else {
        return fields::unexpected(value, "a text", diagnostics);
    };
    match kind {
        "exact" => Some(TextMatch::Exact(written.to_owned())),
        "prefix" => Some(TextMatch::Prefix(written.to_owned())),
        _ => pattern(written, value, diagnostics).map(TextMatch::Regex),
    }
}

fn pattern(text: &str, node: &Node, diagnostics: &mut Diagnostics) -> Option<Pattern> {
    match Pattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(problem) => {
            let message = format!("{} is no regular expression: {problem}", quote(text));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
            None
        }
    }
}

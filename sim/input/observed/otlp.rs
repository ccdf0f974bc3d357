//! Spans as the OpenTelemetry collector's file exporter writes them: OTLP in JSON, a line each, 64-bit numbers as texts.

use crate::diag::Diagnostics;
use crate::input::tree::{Located, Node};

use super::json::{at, head, integer_at, list, text};
use super::traces::{Kind, Parent, Span, Tags};

/// Whether a document holds spans.
pub(in crate::input) fn recognises(node: &Node) -> bool {
    head(node, "resourceSpans").is_some()
}

/// The spans of a document.
pub(super) fn read(node: &Node, spans: &mut Vec<Span>, diagnostics: &mut Diagnostics) {
    for resource in list(node, "resourceSpans") {
        let mut tags = Tags::default();
        let mut service = Located::new("unknown_service".to_owned(), resource.location);
        for (key, value) in resource.get("resource").map(attributes).unwrap_or_default() {
            tags.add(key, value.text().unwrap_or_default());
            if let ("service.name", Some(name)) = (key, value.text()) {
                service = Located::new(name.to_owned(), value.location);
            }
        }
        let scopes = list(resource, "scopeSpans").iter().chain(list(resource, "instrumentationLibrarySpans"));
        for node in scopes.flat_map(|scope| list(scope, "spans")) {
            spans.extend(span(node, &service, &tags, diagnostics));
        }
    }
}

/// Keys and values of attributes, whatever the type.
fn attributes(node: &Node) -> Vec<(&str, &Node)> {
    let value = |attribute| -> Option<(&str, &Node)> {
        let (_, value) = at(attribute, &["value"])?.entries()?.first()?;
        Some((text(attribute, "key")?, value))
    };
    list(node, "attributes").iter().filter_map(value).collect()
}

fn span(node: &Node, service: &Located<String>, tags: &Tags, diagnostics: &mut Diagnostics) -> Option<Span> {
    let mut tags = tags.clone();
    for (key, value) in attributes(node) {
        tags.add(key, value.text().unwrap_or_default());
    }
    let status = at(node, &["status", "code"]).and_then(Node::text);
    tags.failed |= matches!(status, Some("2" | "STATUS_CODE_ERROR"));
    let kind = match text(node, "kind") {
        Some("1" | "SPAN_KIND_INTERNAL") => Kind::Internal,
        Some("2" | "SPAN_KIND_SERVER") => Kind::Server,
        Some("3" | "SPAN_KIND_CLIENT") => Kind::Client,
        Some("4" | "SPAN_KIND_PRODUCER") => Kind::Producer,
        Some("5" | "SPAN_KIND_CONSUMER") => Kind::Consumer,
        _ => Kind::Unsaid,
    };
    let trace = text(node, "traceId").unwrap_or_default().to_owned();
    let parent = text(node, "parentSpanId").filter(|id| !id.is_empty());
    let start = integer_at(node, "startTimeUnixNano", diagnostics)?;
    let end = integer_at(node, "endTimeUnixNano", diagnostics).unwrap_or(start);
    let name = node.get("name");
    Some(Span {
        parents: parent
            .map(|id| Parent { trace: trace.clone(), id: id.to_owned(), waits: true })
            .into_iter()
            .collect(),
        trace,
        id: text(node, "spanId")?.to_owned(),
        kind,
        service: service.clone(),
        operation: Located::new(
            name.and_then(Node::text).filter(|name| !name.is_empty()).unwrap_or("default").to_owned(),
            name.unwrap_or(node).location,
        ),
        start,
        end: end.max(start),
        tags,
        place: node.location,
    })
}

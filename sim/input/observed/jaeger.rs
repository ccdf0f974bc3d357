//! Traces as Jaeger's interface and query service give them: `{"data": [trace, …]}`, or one trace. Times in microseconds.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::tree::{Located, Node};

use super::json::{head, integer_at, list, text};
use super::traces::{Kind, Parent, Span, Tags};

fn is_trace(node: &Node) -> bool {
    head(node, "spans").is_some() && (node.get("traceID").is_some() || node.get("processes").is_some())
}

/// Whether a document holds traces.
pub(in crate::input) fn recognises(node: &Node) -> bool {
    let data = head(node, "data").and_then(Node::elements);
    is_trace(node) || data.is_some_and(|data| data.first().is_none_or(is_trace))
}

/// The spans of a document.
pub(super) fn read(node: &Node, spans: &mut Vec<Span>, diagnostics: &mut Diagnostics) {
    if is_trace(node) {
        trace(node, spans, diagnostics);
    }
    for node in list(node, "data") {
        trace(node, spans, diagnostics);
    }
}

struct Process {
    name: Located<String>,
    tags: Tags,
}

fn trace(node: &Node, spans: &mut Vec<Span>, diagnostics: &mut Diagnostics) {
    let mut processes = BTreeMap::new();
    for (id, process) in node.get("processes").and_then(Node::entries).unwrap_or_default() {
        if let (Some(id), Some(process)) = (id.text(), self::process(process)) {
            processes.insert(id, process);
        }
    }
    let own = text(node, "traceID").unwrap_or_default();
    for node in list(node, "spans") {
        let inline = node.get("process").and_then(process);
        let process = inline.as_ref().or_else(|| processes.get(text(node, "processID")?));
        let Some(process) = process else {
            let message = "the service of this span is not named: `processID` leads to no process";
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(node.location));
            continue;
        };
        spans.extend(span(node, own, process, diagnostics));
    }
}

fn process(node: &Node) -> Option<Process> {
    let name = node.get("serviceName")?;
    let mut tags = Tags::default();
    read_tags(node, &mut tags);
    Some(Process { name: Located::new(name.text()?.to_owned(), name.location), tags })
}

fn read_tags(node: &Node, tags: &mut Tags) -> Kind {
    let mut kind = Kind::Unsaid;
    for tag in list(node, "tags") {
        let (Some(key), Some(value)) = (text(tag, "key"), text(tag, "value")) else { continue };
        if key == "span.kind" {
            kind = match value {
                "client" => Kind::Client,
                "server" => Kind::Server,
                "producer" => Kind::Producer,
                "consumer" => Kind::Consumer,
                "internal" => Kind::Internal,
                _ => Kind::Unsaid,
            };
        }
        tags.add(key, value);
    }
    kind
}

fn span(node: &Node, trace: &str, process: &Process, diagnostics: &mut Diagnostics) -> Option<Span> {
    let trace = text(node, "traceID").unwrap_or(trace);
    let start = integer_at(node, "startTime", diagnostics)?.saturating_mul(1000);
    let duration = integer_at(node, "duration", diagnostics).unwrap_or(0).saturating_mul(1000);
    let mut tags = process.tags.clone();
    let kind = read_tags(node, &mut tags);
    let mut parents: Vec<_> = list(node, "references")
        .iter()
        .filter_map(|reference| {
            Some(Parent {
                trace: text(reference, "traceID").unwrap_or(trace).to_owned(),
                id: text(reference, "spanID")?.to_owned(),
                waits: text(reference, "refType") != Some("FOLLOWS_FROM"),
            })
        })
        .collect();
    let older = text(node, "parentSpanID").filter(|id| !id.is_empty() && *id != "0");
    parents.extend(older.map(|id| Parent { trace: trace.to_owned(), id: id.to_owned(), waits: true }));
    parents.sort_by_key(|parent| !parent.waits);
    let operation = node.get("operationName");
    Some(Span {
        trace: trace.to_owned(),
        id: text(node, "spanID")?.to_owned(),
        parents,
        kind,
        service: process.name.clone(),
        operation: Located::new(
            operation.and_then(Node::text).filter(|name| !name.is_empty()).unwrap_or("default").to_owned(),
            operation.unwrap_or(node).location,
        ),
        start,
        end: start.saturating_add(duration),
        tags,
        place: node.location,
    })
}

//! What is common to all Kubernetes objects: head, lists, ConfigMaps.

use crate::diag::Location;

use super::tree::{Node, Value};

/// Whether a document has the head of a Kubernetes object.
pub(super) fn is_object(node: &Node) -> bool {
    node.get("apiVersion").is_some() && node.get("kind").is_some()
}

/// `Deployment (apps/v1)`.
pub(super) fn kind(node: &Node) -> String {
    let text = |key| node.get(key).and_then(Node::text).unwrap_or("?");
    format!("{} ({})", text("kind"), text("apiVersion"))
}

/// The elements of a `kind: List`, or the object itself.
pub(super) fn flatten(node: Node) -> Vec<Node> {
    let is_list =
        is_object(&node) && node.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    if !is_list {
        return vec![node];
    }
    let Value::Map(entries) = node.value else { return Vec::new() };
    let items = entries.into_iter().find(|(key, _)| key.text() == Some("items"));
    match items {
        Some((_, Node { value: Value::List(items), .. })) => items,
        _ => Vec::new(),
    }
}

/// The isotope graph in a ConfigMap, and where it stands.
pub(super) fn service_graph(node: &Node) -> Option<(String, Location)> {
    if node.get("kind").and_then(Node::text) != Some("ConfigMap") {
        return None;
    }
    let graph = node.get("data")?.get("service-graph")?;
    Some((graph.text()?.to_owned(), graph.location))
}

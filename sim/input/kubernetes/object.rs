//! What is common to all Kubernetes objects: head, metadata, lists, ConfigMaps.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location};
use crate::input::defaults;
use crate::input::tree::{Located, Node, Value};

/// Labels, a selector, or the variables of a ConfigMap: keys with their values, in the order of the text.
pub(super) type Texts = Vec<(String, String)>;

/// Whether a document has the head of a Kubernetes object.
pub(in crate::input) fn is_object(node: &Node) -> bool {
    node.get("apiVersion").is_some() && node.get("kind").is_some()
}

/// `Deployment (apps/v1)`.
pub(in crate::input) fn kind(node: &Node) -> String {
    let text = |key| node.get(key).and_then(Node::text).unwrap_or("?");
    format!("{} ({})", text("kind"), text("apiVersion"))
}

/// The elements of a `kind: List`, or the object itself. Those of a `PodList` need not repeat what they are.
pub(in crate::input) fn flatten(node: Node) -> Vec<Node> {
    let name = if is_object(&node) { node.get("kind").and_then(Node::text) } else { None };
    let Some(element) = name.and_then(|name| name.strip_suffix("List")) else { return vec![node] };
    let head = [("apiVersion", text_at(&node, "apiVersion").to_owned()), ("kind", element.to_owned())];
    let Value::Map(entries) = node.value else { return Vec::new() };
    let items = entries.into_iter().find(|(key, _)| key.text() == Some("items"));
    let Some((_, Node { value: Value::List(items), .. })) = items else { return Vec::new() };
    items.into_iter().map(|item| with_head(item, &head)).flat_map(flatten).collect()
}

/// An element with the head that its list implies, unless it has its own or is no object at all.
fn with_head(mut node: Node, head: &[(&str, String); 2]) -> Node {
    let location = node.location;
    if let Value::Map(entries) = &mut node.value
        && !head[1].1.is_empty()
    {
        for (key, value) in head {
            if entries.iter().all(|(known, _)| known.text() != Some(*key)) {
                entries.push((Node::scalar(key, location), Node::scalar(value, location)));
            }
        }
    }
    node
}

/// The isotope graph in a ConfigMap, and where it stands.
pub(in crate::input) fn service_graph(node: &Node) -> Option<(String, Location)> {
    if node.get("kind").and_then(Node::text) != Some("ConfigMap") {
        return None;
    }
    let graph = node.get("data")?.get("service-graph")?;
    Some((graph.text()?.to_owned(), graph.location))
}

/// Kind, name and namespace of an object.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) kind: String,
    pub(super) name: Located<String>,
    pub(super) namespace: Option<Located<String>>,
}

impl Meta {
    /// Of `metadata`; reports if there is no name.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let named = |key| {
            let written = node.get("metadata")?.get(key)?;
            let text = written.text().filter(|text| !text.trim().is_empty())?;
            Some(Located::new(text.to_owned(), written.location))
        };
        let Some(name) = named("name") else {
            let message = format!("a {} needs a name in `metadata`", text_at(node, "kind"));
            diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location));
            return None;
        };
        Some(Self { kind: text_at(node, "kind").to_owned(), name, namespace: named("namespace") })
    }

    /// The namespace it is in.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or(defaults::NAMESPACE, |namespace| &namespace.value)
    }

    /// `namespace/name`.
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.namespace(), self.name.value)
    }
}

/// What stands at a path of keys.
pub(super) fn at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| node.get(key)).filter(|node| !node.is_null())
}

/// The text of a key; empty if there is none.
pub(super) fn text_at<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::text).unwrap_or_default()
}

/// The elements of the list at a path; something else than a list is reported.
pub(super) fn elements_at<'n>(node: &'n Node, path: &[&str], diagnostics: &mut Diagnostics) -> &'n [Node] {
    let Some(list) = at(node, path) else { return &[] };
    list.elements().unwrap_or_else(|| {
        let message = format!("`{}` is a list, not {}", path.join("."), list.describe());
        diagnostics.push(Diagnostic::error(Code::UnexpectedKind, message).at(list.location));
        &[]
    })
}

/// Keys and values of the map at a path, as texts.
pub(super) fn texts_at(node: &Node, path: &[&str]) -> Texts {
    located_at(node, path).into_iter().map(|(key, value)| (key, value.value)).collect()
}

/// The same with the places of the values.
pub(super) fn located_at(node: &Node, path: &[&str]) -> Vec<(String, Located<String>)> {
    let entries = at(node, path).and_then(Node::entries).unwrap_or_default();
    let text = |(key, value): &(Node, Node)| {
        let value = Located::new(value.text().unwrap_or_default().to_owned(), value.location);
        Some((key.text()?.to_owned(), value))
    };
    entries.iter().filter_map(text).collect()
}

/// Whether all that `selector` asks for is among `labels`; nothing selects nothing.
pub(super) fn selects(selector: &Texts, labels: &Labels<'_>) -> bool {
    let has = |(key, value): &(String, String)| labels.get(key.as_str()) == Some(&value.as_str());
    !selector.is_empty() && selector.iter().all(has)
}

/// Labels by name.
pub(super) type Labels<'l> = BTreeMap<&'l str, &'l str>;

/// Labels by name.
pub(super) fn by_name(labels: &Texts) -> Labels<'_> {
    labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

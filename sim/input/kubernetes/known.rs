//! Looks at all fields of an object and says which of them are not read.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::input::foreign::Treatment;
use crate::input::tree::Node;

use super::table::{ANNOTATIONS, MESHES, Shape, fields};

/// Fields that were found and are not read, each once with its first place.
#[derive(Debug, Default)]
pub(super) struct Unread {
    tables: Vec<(Shape, Vec<(String, Treatment)>)>,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    kind: String,
    path: String,
    reason: Option<&'static str>,
    location: Location,
    count: usize,
}

impl Unread {
    /// Looks at all fields and annotations of an object.
    pub(super) fn look(&mut self, object: &Node, shape: Shape) {
        let row = self.tables.iter().position(|(known, _)| *known == shape).unwrap_or_else(|| {
            self.tables.push((shape, fields(shape)));
            self.tables.len() - 1
        });
        let kind = super::object::text_at(object, "kind").to_owned();
        let table = std::mem::take(&mut self.tables[row].1);
        let rows: Vec<(&str, Treatment)> =
            table.iter().map(|(path, treatment)| (path.as_str(), *treatment)).collect();
        self.walk(object, &rows, "", &kind);
        self.tables[row].1 = table;
        for path in [&["metadata", "annotations"][..], &["spec", "template", "metadata", "annotations"]] {
            self.annotations(object, path, &kind);
        }
    }

    fn walk(&mut self, node: &Node, rows: &[(&str, Treatment)], path: &str, kind: &str) {
        if let Some(elements) = node.elements() {
            let (inner, path) = (below(rows, "[]"), format!("{path}[]"));
            for element in elements.iter().filter(|element| !is_of_mesh(element)) {
                self.walk(element, &inner, &path, kind);
            }
            return;
        }
        for (key, value) in node.entries().unwrap_or_default() {
            let name = key.text().unwrap_or_default();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let inner = below(rows, name);
            let whole = inner.iter().find(|(rest, _)| rest.is_empty());
            let parts: Vec<_> = inner.iter().copied().filter(|(rest, _)| !rest.is_empty()).collect();
            match whole {
                _ if says_nothing(value) => {}
                None if parts.is_empty() => self.note(kind, path, None, key.location),
                None => self.walk(value, &parts, &path, kind),
                Some((_, Treatment::Named(reason))) => self.note(kind, path, Some(reason), key.location),
                Some(_) => {}
            }
        }
    }

    fn annotations(&mut self, object: &Node, path: &[&str], kind: &str) {
        let entries = super::object::at(object, path).and_then(Node::entries).unwrap_or_default();
        for (key, _) in entries {
            let name = key.text().unwrap_or_default();
            let domain = name.split('/').next().unwrap_or_default();
            let of_mesh = |mesh: &str| domain == mesh || domain.ends_with(&format!(".{mesh}"));
            if !MESHES.into_iter().any(of_mesh) {
                continue;
            }
            let path = format!("{}.{name}", path.join("."));
            match ANNOTATIONS.iter().find(|(known, _)| *known == name) {
                Some((_, Treatment::Named(reason))) => self.note(kind, path, Some(reason), key.location),
                Some(_) => {}
                None => self.note(kind, path, Some("this annotation is not read"), key.location),
            }
        }
    }

    fn note(&mut self, kind: &str, path: String, reason: Option<&'static str>, location: Location) {
        match self.found.iter_mut().find(|found| found.kind == kind && found.path == path) {
            Some(found) => found.count += 1,
            None => self.found.push(Found { kind: kind.to_owned(), path, reason, location, count: 1 }),
        }
    }

    /// One warning for each field, at its first place.
    pub(super) fn report(self, diagnostics: &mut Diagnostics) {
        for found in self.found {
            let times = if found.count == 1 { String::new() } else { format!(" ({} times)", found.count) };
            let field = format!("{} of a {}", name(&found.path), found.kind);
            let (code, message) = match found.reason {
                Some(reason) => (Code::NotModelled, format!("{field} is not modelled{times}: {reason}")),
                None => (Code::UnknownKey, format!("unknown field {field}{times}")),
            };
            diagnostics.push(Diagnostic::warning(code, message).at(found.location));
        }
    }
}

/// How messages call a field: `containers[].lifecycle` or an annotation by its key alone.
fn name(path: &str) -> String {
    let path = path.strip_prefix("spec.template.").unwrap_or(path);
    match path.strip_prefix("metadata.annotations.") {
        Some(annotation) => format!("annotation {}", quote(annotation)),
        None => quote(path.strip_prefix("spec.").unwrap_or(path)),
    }
}

/// `{}`, `[]` or nothing at all.
fn says_nothing(value: &Node) -> bool {
    let is_empty = value.entries().map(<[_]>::is_empty).or_else(|| value.elements().map(<[_]>::is_empty));
    value.is_null() || is_empty == Some(true)
}

/// Whether it is a container that a mesh has injected: its fields are not the user's.
fn is_of_mesh(element: &Node) -> bool {
    const NAMES: [&str; 6] = [
        "istio-proxy",
        "istio-init",
        "istio-validation",
        "linkerd-proxy",
        "linkerd-init",
        "linkerd-network-validator",
    ];
    element.get("image").is_some() && NAMES.contains(&super::object::text_at(element, "name"))
}

/// The rows that begin with `segment`, without it.
fn below<'r>(rows: &[(&'r str, Treatment)], segment: &str) -> Vec<(&'r str, Treatment)> {
    let exact = |(path, treatment): &(&'r str, Treatment)| {
        let rest = path.strip_prefix(segment)?;
        let rest = match rest.as_bytes().first() {
            None | Some(b'[') => rest,
            Some(b'.') => &rest[1..],
            Some(_) => return None,
        };
        Some((rest, *treatment))
    };
    let named: Vec<_> = rows.iter().filter_map(exact).collect();
    if !named.is_empty() || segment == "[]" {
        return named;
    }
    rows.iter().filter(|(path, _)| *path == "*").map(|(_, treatment)| ("", *treatment)).collect()
}

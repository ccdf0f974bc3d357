//! Values of other people's JSON: numbers that are written as texts, names that stand for nothing.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::tree::{Located, Node};

/// Keys of a document at most: nobody looks through more for the few that say what it is.
const MOST_KEYS: usize = 100;

/// What stands at a key of a document.
pub(super) fn head<'n>(document: &'n Node, key: &str) -> Option<&'n Node> {
    document.entries().filter(|entries| entries.len() <= MOST_KEYS)?;
    document.get(key)
}

/// What stands below these keys.
pub(super) fn at<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n Node> {
    keys.iter().try_fold(node, |node, key| node.get(key)).filter(|node| !node.is_null())
}

/// The text of a key.
pub(super) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key)?.text()
}

/// Whether a key is `true`.
pub(super) fn flag(node: &Node, key: &str) -> bool {
    text(node, key) == Some("true")
}

/// The elements of a list below a key.
pub(super) fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key).and_then(Node::elements).unwrap_or_default()
}

/// The name at a key; none where it stands for "nobody knows".
pub(super) fn name(node: &Node, key: &str) -> Option<Located<String>> {
    let value = node.get(key)?;
    let text = value.text().filter(|text| is_known(text))?;
    Some(Located::new(text.to_owned(), value.location))
}

/// Whether a name is more than a word for "nobody knows".
pub(super) fn is_known(name: &str) -> bool {
    !matches!(name, "" | "unknown" | "-" | "(?)" | "NAN" | "null")
}

/// A number of at least 0, written as such or as a text; `NaN` and infinities are none.
pub(super) fn number(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    if node.is_null() {
        return None;
    }
    match node.text().and_then(|text| text.trim().parse::<f64>().ok()) {
        Some(value) if value.is_nan() || value.is_infinite() => None,
        Some(value) if value >= 0.0 => Some(value),
        _ => {
            let found = node.text().map_or_else(|| node.describe(), quote);
            let message = format!("{found} is no number of at least 0");
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
            None
        }
    }
}

/// A number of nanoseconds or microseconds that may be too large for [`number`] to be exact.
pub(super) fn integer_at(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<u64> {
    let node = node.get(key)?;
    let exact = node.text().and_then(|text| text.trim().parse::<u64>().ok());
    exact.or_else(|| number(node, diagnostics).map(|value| value as u64))
}

/// The number at a key, if there is one.
pub(super) fn number_at(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<f64> {
    number(node.get(key)?, diagnostics)
}

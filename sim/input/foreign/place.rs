//! The rows of a table as a tree: where a field is found, and what is said of it.

use super::{Row, Spelling, Treatment};

/// The key of a list's elements.
const ELEMENT: &str = "[]";
/// The key of entries whose names users choose.
const ANY: &str = "*";

/// A field, or the elements of a list, with what is below.
#[derive(Debug)]
pub(super) struct Place {
    key: &'static str,
    /// From the top of the object.
    pub(super) path: String,
    /// Of its own row; what is only on the way to one has none.
    pub(super) treatment: Option<Treatment>,
    /// The path of that row in the table that it stands in.
    #[cfg(test)]
    pub(super) row: &'static str,
    below: Vec<Self>,
}

impl Place {
    /// The tree of these rows; `own` rows replace equal ones of `head`.
    pub(super) fn tree(head: &[Row], own: &[Row]) -> Self {
        let mut root = Self::new("", String::new());
        root.add(head);
        root.add(own);
        root
    }

    const fn new(key: &'static str, path: String) -> Self {
        Self {
            key,
            path,
            treatment: None,
            #[cfg(test)]
            row: "",
            below: Vec::new(),
        }
    }

    fn add(&mut self, rows: &[Row]) {
        for (path, treatment) in rows {
            let mut place = &mut *self;
            let mut start = 0;
            while start < path.len() {
                let (key, end) = segment(path, start);
                place = place.child(key);
                start = end;
            }
            match treatment {
                Treatment::Like(rows) => place.add(rows),
                other => {
                    place.treatment = Some(*other);
                    #[cfg(test)]
                    {
                        place.row = path;
                    }
                }
            }
        }
    }

    fn child(&mut self, key: &'static str) -> &mut Self {
        let row = self.below.iter().position(|child| child.key == key).unwrap_or_else(|| {
            self.below.push(Self::new(key, self.path_of(key)));
            self.below.len() - 1
        });
        &mut self.below[row]
    }

    /// Whether it is a map of which more is known.
    pub(super) fn has_keys(&self) -> bool {
        self.below.iter().any(|child| child.key != ELEMENT)
    }

    /// What holds for the elements of the list that it is.
    pub(super) fn element(&self) -> Option<&Self> {
        self.below.iter().find(|child| child.key == ELEMENT)
    }

    /// What holds for the entry that is written as `name`.
    pub(super) fn written(&self, name: &str, spelling: Spelling) -> Option<&Self> {
        let named = self.below.iter().find(|child| is_same(name, child.key, spelling));
        named.or_else(|| self.below.iter().find(|child| child.key == ANY))
    }

    /// Whether its row speaks for entries that have none, too.
    pub(super) fn covers_all(&self) -> bool {
        matches!(self.treatment, Some(Treatment::Irrelevant | Treatment::Named(_)))
    }

    /// The keys that are known below it.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.below.iter().map(|child| child.key).filter(|key| ![ELEMENT, ANY].contains(key))
    }

    /// The path of an entry that has no place.
    pub(super) fn path_of(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", _) => name.to_owned(),
            (path, ELEMENT) => format!("{path}{ELEMENT}"),
            (path, _) if name.contains('.') => format!("{path}[{name}]"),
            (path, _) => format!("{path}.{name}"),
        }
    }

    /// This and all places below that have a row of their own, in the table's order.
    pub(super) fn all(&self) -> Vec<&Self> {
        let below = self.below.iter().flat_map(Self::all);
        self.treatment.is_some().then_some(self).into_iter().chain(below).collect()
    }

    /// Whether nothing is known of what is below.
    #[cfg(test)]
    pub(super) const fn is_leaf(&self) -> bool {
        self.below.is_empty()
    }
}

/// The key that begins at `start`, and where the next one does.
fn segment(path: &'static str, start: usize) -> (&'static str, usize) {
    let rest = &path[start..];
    if let Some(inner) = rest.strip_prefix('[') {
        let end = inner.find(']').expect("a bracket that opens in a path closes");
        let key = if end == 0 { ELEMENT } else { &inner[..end] };
        return (key, start + end + 2);
    }
    let dot = usize::from(rest.starts_with('.'));
    let name = &rest[dot..];
    let end = name.find(['.', '[']).unwrap_or(name.len());
    (&name[..end], start + dot + end)
}

/// Whether `written` is the key of the table.
pub(super) fn is_same(written: &str, key: &str, spelling: Spelling) -> bool {
    written == key || (spelling == Spelling::Protobuf && written.contains('_') && is_snake_of(written, key))
}

/// Whether `snake` is the `snake_case` of the lower camel case `camel`, as protobuf's JSON mapping has it.
fn is_snake_of(snake: &str, camel: &str) -> bool {
    let mut upper = false;
    let letters = snake.chars().filter_map(|letter| {
        if letter == '_' {
            upper = true;
            return None;
        }
        Some(if std::mem::take(&mut upper) { letter.to_ascii_uppercase() } else { letter })
    });
    letters.eq(camel.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_is_read_as_protobuf_does() {
        for (snake, camel, same) in [
            ("per_try_timeout", "perTryTimeout", true),
            ("consecutive_5xx_errors", "consecutive5xxErrors", true),
            ("http1_max_pending_requests", "http1MaxPendingRequests", true),
            ("mirror_percent", "mirrorPercent", true),
            ("mirrorPercent", "mirrorPercent", true),
            ("mirrorpercent", "mirrorPercent", false),
            ("Mirror_percent", "mirrorPercent", false),
        ] {
            assert_eq!(is_same(snake, camel, Spelling::Protobuf), same, "{snake}");
        }
        assert!(!is_same("per_try_timeout", "perTryTimeout", Spelling::Exact));
    }

    #[test]
    fn paths_are_cut_into_keys() {
        let path = "a.b[].*.c[x.y/z].d";
        let mut keys = Vec::new();
        let mut start = 0;
        while start < path.len() {
            let (key, end) = segment(path, start);
            keys.push(key);
            start = end;
        }
        assert_eq!(keys, ["a", "b", "[]", "*", "c", "x.y/z", "d"]);
    }
}

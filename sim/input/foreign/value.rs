//! Values of foreign objects, each with the row of the table that speaks of it.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::input::fields;
use crate::input::tree::{Located, Node};

use super::place::{Place, is_same};
use super::{Spelling, Treatment};

/// A value of an object. Wrong structure has been reported: here, what is no map has no entries.
#[derive(Clone, Copy, Debug)]
pub struct Foreign<'n> {
    node: &'n Node,
    place: &'static Place,
    spelling: Spelling,
}

impl<'n> Foreign<'n> {
    pub(super) const fn new(node: &'n Node, place: &'static Place, spelling: Spelling) -> Self {
        Self { node, place, spelling }
    }

    /// What is written.
    pub const fn node(self) -> &'n Node {
        self.node
    }

    /// Where it stands.
    pub const fn location(self) -> Location {
        self.node.location
    }

    /// Its place in the object: `spec.http[].route`.
    pub const fn path(self) -> &'static str {
        self.place.path.as_str()
    }

    /// The value of `key`; `None` if it is absent or nothing is written there.
    ///
    /// # Panics
    /// If the table does not call it modelled, which is an error in the decoder or in the table.
    pub fn get(self, key: &str) -> Option<Self> {
        let below = self.place.written(key, Spelling::Exact).filter(|below| below.treatment_is_read());
        let path = self.path();
        let place =
            below.unwrap_or_else(|| panic!("no row calls {} below {} modelled", quote(key), quote(path)));
        note_read(place);
        let entries = self.node.entries()?;
        let (_, value) = entries
            .iter()
            .find(|(name, _)| name.text().is_some_and(|name| is_same(name, key, self.spelling)))?;
        (!value.is_null()).then_some(Self { node: value, place, ..self })
    }

    /// The value at the end of a way of keys.
    pub fn at(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// As [`Foreign::get`], and an error if there is nothing; `what` names this value with its article: `a route`.
    pub fn need(self, key: &str, what: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let value = self.get(key);
        if value.is_none() && self.node.entries().is_some() {
            let message = format!("{what} needs {}", quote(key));
            diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(self.node.location));
        }
        value
    }

    /// What `reader` makes of the value of `key`; `None` if it is absent or wrong.
    pub fn read<T>(
        self,
        key: &str,
        reader: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
        diagnostics: &mut Diagnostics,
    ) -> Option<T> {
        reader(self.get(key)?.node, diagnostics)
    }

    /// As [`Foreign::read`], and an error if it is absent; `what` names this value with its article.
    pub fn required<T>(
        self,
        key: &str,
        what: &str,
        reader: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
        diagnostics: &mut Diagnostics,
    ) -> Option<T> {
        reader(self.need(key, what, diagnostics)?.node, diagnostics)
    }

    /// The elements of the list at `key`; none if there is no list.
    pub fn elements(self, key: &str) -> Vec<Self> {
        self.get(key).map(Self::all).unwrap_or_default()
    }

    /// The elements of this list.
    ///
    /// # Panics
    /// If the table does not speak of them.
    pub fn all(self) -> Vec<Self> {
        let Some(place) = self.place.element() else {
            panic!("no row speaks of the elements of {}", quote(self.path()));
        };
        note_read(place);
        let elements = self.node.elements().unwrap_or_default();
        elements.iter().map(|node| Self { node, place, ..self }).collect()
    }

    /// Names and values of the map at `key`, whose names users choose; none if there is no map.
    pub fn entries(self, key: &str) -> Vec<(Located<String>, Self)> {
        let Some(map) = self.get(key) else { return Vec::new() };
        let entries = map.node.entries().unwrap_or_default().iter().filter(|(_, value)| !value.is_null());
        let entries = entries.filter_map(|(name, node)| {
            let text = name.text()?;
            let place = map.place.written(text, Spelling::Exact)?;
            note_read(place);
            Some((Located::new(text.to_owned(), name.location), Self { node, place, ..self }))
        });
        entries.collect()
    }

    /// The map at `key` whose values are texts, such as labels; other values are reported.
    pub fn texts(self, key: &str, diagnostics: &mut Diagnostics) -> Vec<(String, String)> {
        let Some(map) = self.get(key) else { return Vec::new() };
        let mut texts = Vec::new();
        for (name, value) in map.node.entries().unwrap_or_default() {
            let text = value.text().or_else(|| fields::unexpected(value, "a text", diagnostics));
            texts.extend(name.text().zip(text).map(|(name, text)| (name.to_owned(), text.to_owned())));
        }
        texts
    }
}

impl Place {
    /// Whether a decoder may look at it: it is modelled, or on the way to something that is.
    fn treatment_is_read(&self) -> bool {
        self.treatment.is_none_or(Treatment::is_modelled) || self.has_keys()
    }
}

/// Remembers in tests what decoders looked at.
#[cfg_attr(not(test), expect(clippy::missing_const_for_fn, reason = "in tests it remembers"))]
fn note_read(place: &Place) {
    #[cfg(test)]
    READ.with_borrow_mut(|read| read.insert(place.row));
    #[cfg(not(test))]
    let _ = place;
}

#[cfg(test)]
thread_local! {
    static READ: std::cell::RefCell<std::collections::BTreeSet<&'static str>> =
        const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

/// The fields that a table calls modelled and that no decoder has looked at on this thread since the last time. A row
/// of a table that stands in several places needs to be looked at in one of them.
#[cfg(test)]
pub(crate) fn unread(kind: &'static super::Kind) -> Vec<&'static str> {
    let read = READ.take();
    let modelled = |place: &&Place| place.treatment.is_some_and(Treatment::is_modelled) && place.is_leaf();
    let leaves = kind.tree().all().into_iter().filter(modelled);
    let own = leaves.filter(|place| !super::HEAD.iter().any(|(head, _)| *head == place.path));
    own.filter(|place| !read.contains(place.row)).map(|place| place.path.as_str()).collect()
}

//! YAML and JSON as a tree in which every value knows where it was written.
//!
//! Scalars stay text: what `5ms`, `0.10` or `yes` means is decided by whoever reads the field, not by YAML's guesses.

use std::sync::Arc;

use crate::diag::{Diagnostic, Location};

mod parse;
mod set;

pub use parse::{MAX_DEPTH, MAX_FILE_BYTES, MAX_NODES, parse, parse_part};
pub use set::{Assignment, SET, VARY, set};

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands; of a list or a map, from its first to its last byte.
    pub location: Location,
}

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Everything that is one text: numbers, booleans, quantities, names.
    Scalar {
        /// Quotes and escapes resolved.
        text: Arc<str>,
        /// Written in quotes or as a block (`|`, `>`): certainly meant as text.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the text; keys are scalars, none comes twice, `<<` is applied.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// A scalar that was not quoted.
    pub fn scalar(text: &str, location: Location) -> Self {
        Self { value: Value::Scalar { text: text.into(), quoted: false }, location }
    }

    /// What it is, for messages: `a map`, `a list`, `nothing` or the value itself in backticks.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar { text, .. } => crate::diag::quote(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// Whether nothing was written.
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn elements(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The keys and values of a map.
    pub fn entries(&self) -> Option<&[(Self, Self)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a map's key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }
}

/// A decoded value that remembers where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub location: Location,
}

impl<T> Located<T> {
    /// A value at a place.
    pub const fn new(value: T, location: Location) -> Self {
        Self { value, location }
    }

    /// The same place, another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), location: self.location }
    }
}

/// A path or value that cannot be used, boxed to keep results small.
pub type Rejected = Box<Diagnostic>;

//! The kinds of one API family, and who reads objects of each.

use crate::diag::Diagnostics;
use crate::input::draft::Draft;
use crate::input::tree::Node;

use super::{Findings, Foreign, Head, Kind, TypeMeta};

/// Where what is read goes to. `P` is what waits in the family until everything is read.
pub struct Import<'i, P> {
    pub(in crate::input) draft: &'i mut Draft,
    pub(in crate::input) pending: &'i mut P,
    pub(in crate::input) findings: &'i mut Findings,
    pub(in crate::input) diagnostics: &'i mut Diagnostics,
}

/// Reads what an object says.
pub type Decode<P> = fn(Foreign<'_>, &Head, &mut Import<'_, P>);

/// Every kind of a family, and who reads it.
pub struct Family<P: 'static>(pub(in crate::input) &'static [(&'static Kind, Decode<P>)]);

impl<P> Family<P> {
    /// The tables of all kinds, for documentation.
    pub fn kinds(&self) -> impl Iterator<Item = &'static Kind> + use<P> {
        self.0.iter().map(|(kind, _)| *kind)
    }

    /// Whether a document is an object of the family that is known.
    pub fn recognises(&self, node: &Node) -> bool {
        self.find(node).is_some()
    }

    fn find(&self, node: &Node) -> Option<&'static (&'static Kind, Decode<P>)> {
        let head = TypeMeta::of(node)?;
        self.0.iter().find(|(kind, _)| kind.is(head))
    }

    /// Reads one object.
    pub(in crate::input) fn decode(&self, node: &Node, import: &mut Import<'_, P>) {
        let Some((kind, decode)) = self.find(node) else { return };
        let object = kind.open(node, import.findings, import.diagnostics);
        if let Some(head) = Head::read(object, import.diagnostics) {
            decode(object, &head, import);
        }
    }
}

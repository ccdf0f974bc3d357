//! SMI's objects: `TrafficSplit` with the `HTTPRouteGroup`s that it names, in every version.
//!
//! Groups may come after the splits that name them: both wait in [`Pending`] until everything is read.

use crate::diag::Diagnostics;

use super::draft::Draft;
use super::foreign::{Findings, Foreign, Head, Kind, TypeMeta};
use super::tree::Node;

mod named;
mod route_group;
mod traffic_split;

/// Reads what an object says.
type Decode = fn(Foreign<'_>, &Head, &mut Import<'_>);

/// Every kind, and who reads it.
const KINDS: &[(&Kind, Decode)] = &[
    (&traffic_split::KIND, traffic_split::decode),
    (&route_group::KIND, route_group::decode),
    (&named::TCP_ROUTE, named::nothing),
    (&named::UDP_ROUTE, named::nothing),
    (&named::TRAFFIC_TARGET, named::nothing),
];

/// What waits until everything is read.
#[derive(Debug, Default)]
pub(super) struct Pending {
    splits: Vec<traffic_split::Split>,
    groups: Vec<route_group::Group>,
}

/// Where what is read goes to.
pub(super) struct Import<'i> {
    pub(super) pending: &'i mut Pending,
    pub(super) findings: &'i mut Findings,
    pub(super) diagnostics: &'i mut Diagnostics,
}

impl Pending {
    /// Moves everything into the draft.
    pub(super) fn resolve(self, draft: &mut Draft, diagnostics: &mut Diagnostics) {
        for split in self.splits {
            draft.routes.push(split.route(&self.groups, diagnostics));
        }
    }
}

/// The tables of all kinds, for documentation.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().map(|(kind, _)| *kind)
}

/// Whether a document is an object of SMI's that is known.
pub(super) fn recognises(node: &Node) -> bool {
    kind_of(node).is_some()
}

fn kind_of(node: &Node) -> Option<&'static (&'static Kind, Decode)> {
    let head = TypeMeta::of(node)?;
    KINDS.iter().find(|(kind, _)| kind.is(head))
}

/// Reads one object.
pub(super) fn decode(node: &Node, import: &mut Import<'_>) {
    let Some((kind, decode)) = kind_of(node) else { return };
    let object = kind.open(node, import.findings, import.diagnostics);
    if let Some(head) = Head::read(object, import.diagnostics) {
        decode(object, &head, import);
    }
}

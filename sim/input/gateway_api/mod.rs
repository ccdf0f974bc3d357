//! Gateway API: routes of requests for services in the mesh (GAMMA) and for gateways, gateways and waypoints, budgets.
//!
//! Linkerd serves an `HTTPRoute` of its own group with the same fields, which is read here too. Waypoints and the labels
//! that lead to them wait in [`Pending`] until everything is read.

use crate::diag::Diagnostics;

use super::draft::Draft;
use super::foreign::{Findings, Foreign, Head, Kind, TypeMeta};
use super::tree::Node;

mod backends;
mod filters;
mod gateway;
mod grpc;
mod http;
mod matches;
mod named;
mod parents;
mod policy;
mod timing;
mod waypoint;

pub(super) use waypoint::Pending;

/// Reads what an object says.
type Decode = fn(Foreign<'_>, &Head, &mut Import<'_>);

/// Every kind, and who reads it.
const KINDS: &[(&Kind, Decode)] = &[
    (&gateway::KIND, gateway::decode),
    (&http::KIND, http::decode),
    (&http::LINKERD, http::decode_linkerd),
    (&grpc::KIND, grpc::decode),
    (&policy::KIND, policy::decode),
    (&named::TCP_ROUTE, named::nothing),
    (&named::TLS_ROUTE, named::nothing),
    (&named::UDP_ROUTE, named::nothing),
    (&named::LISTENER_SET, named::nothing),
    (&named::X_LISTENER_SET, named::nothing),
    (&named::BACKEND_TLS_POLICY, named::nothing),
    (&named::BACKEND_LB_POLICY, named::nothing),
    (&named::REFERENCE_GRANT, named::nothing),
    (&named::GATEWAY_CLASS, named::nothing),
];

/// Where what is read goes to.
pub(super) struct Import<'i> {
    pub(super) draft: &'i mut Draft,
    pub(super) pending: &'i mut Pending,
    pub(super) findings: &'i mut Findings,
    pub(super) diagnostics: &'i mut Diagnostics,
}

/// The tables of all kinds, for documentation.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().map(|(kind, _)| *kind)
}

/// Whether a document is an object of Gateway API that is known.
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

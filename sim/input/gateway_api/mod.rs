//! Gateway API: routes of requests for services in the mesh (GAMMA) and for gateways, gateways and waypoints, budgets.
//!
//! Linkerd serves an `HTTPRoute` of its own group with the same fields, which is read here too. Waypoints and the labels
//! that lead to them wait in `Pending` until everything is read.

use super::foreign::family::{self, Family};

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

/// Every kind, and who reads it.
pub(super) const FAMILY: Family<Pending> = Family(&[
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
]);

/// Where what is read goes to.
pub(super) type Import<'i> = family::Import<'i, Pending>;

//! Linkerd's objects: `ServiceProfile`, annotations of Services and routes, and policies that refuse nobody here.
//!
//! A profile goes before the annotations of its Service, which go before nothing: all wait in `Pending` until
//! everything is read. Linkerd's own `HTTPRoute` is read with Gateway API's.

use crate::diag::Diagnostics;

use super::draft::Draft;
use super::foreign::family::{self, Family};
use super::tree::Node;

pub(super) mod annotations;
mod conditions;
mod named;
mod profile;
mod responses;

/// Every kind, and who reads it.
pub(super) const FAMILY: Family<Pending> = Family(&[
    (&profile::KIND, profile::decode),
    (&named::SERVER, named::nothing),
    (&named::SERVER_AUTHORIZATION, named::nothing),
    (&named::AUTHORIZATION_POLICY, named::nothing),
    (&named::MESH_TLS_AUTHENTICATION, named::nothing),
    (&named::NETWORK_AUTHENTICATION, named::nothing),
    (&named::RATE_LIMIT, named::nothing),
    (&named::EGRESS_NETWORK, named::nothing),
    (&named::EXTERNAL_WORKLOAD, named::nothing),
    (&named::LINK, named::nothing),
]);

/// What waits until everything is read.
#[derive(Debug, Default)]
pub(super) struct Pending {
    profiles: Vec<profile::Profile>,
    services: Vec<annotations::Annotated>,
}

/// Where what is read goes to.
pub(super) type Import<'i> = family::Import<'i, Pending>;

impl Pending {
    /// Keeps what a Service's annotations ask for.
    pub(super) fn look(&mut self, object: &Node, diagnostics: &mut Diagnostics) {
        self.services.extend(annotations::Annotated::read(object, diagnostics));
    }

    /// Moves everything into the draft, which has all other routes.
    pub(super) fn resolve(self, draft: &mut Draft, diagnostics: &mut Diagnostics) {
        for service in &self.services {
            let profile = self.profiles.iter().find(|profile| profile.is_of(service));
            service.resolve(profile.map(|profile| &profile.name), draft, diagnostics);
        }
        let mut routes = Vec::new();
        for profile in self.profiles {
            routes.extend(profile.resolve(draft));
        }
        // A profile goes before a TrafficSplit of the same service, whose backends it has taken over.
        draft.routes.splice(0..0, routes);
    }
}

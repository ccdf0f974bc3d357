//! What sidecars are told of, under a mesh that tells everything it is allowed to.

use crate::index::IndexVec;

use super::{Scenario, ServiceIdx};

/// What the sidecars of each service, and those of clients, are told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// By service.
    pub of_services: IndexVec<ServiceIdx, Scope>,
    /// Of clients with a sidecar.
    pub of_clients: Scope,
    /// Of gateways, which nobody bounds.
    pub of_gateways: Scope,
}

/// What one sidecar is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// These services, in order; `None` is all.
    pub services: Option<Vec<ServiceIdx>>,
    /// And of hosts outside the cluster.
    pub external: External,
}

/// Hosts outside the cluster, together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct External {
    /// Hosts and ports: a cluster each.
    pub clusters: u64,
    /// Endpoints beyond the first of each.
    pub further_endpoints: u64,
}

impl Scenario {
    /// Services that control planes and proxies without a scope know: its own, and those that take no part in the traffic.
    pub fn known_services(&self) -> u64 {
        self.services.len() as u64 + self.cluster.others.services
    }
}

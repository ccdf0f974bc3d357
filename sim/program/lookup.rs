//! What a program answers without a search.

use crate::digest;
use crate::index::{Idx, IndexVec};
use crate::mesh::scenario::OperationIdx;
use crate::placement::{NodeIdx, ZoneIdx};

use super::{CodeIdx, Edge, PodIdx, Program, ProxyIdx, Service};

impl Program {
    /// SHA-256 of everything the run depends on, in hexadecimal: equal digests, equal results.
    pub fn digest(&self) -> String {
        digest::of_debug(self)
    }

    /// The pod that is an edge's endpoint of this number.
    #[inline]
    pub fn callee(&self, edge: &Edge, endpoint: u32) -> PodIdx {
        edge.endpoints.pod(endpoint)
    }

    /// Whether a service's workloads are its versions.
    pub fn has_versions(&self, service: &Service) -> bool {
        self.workloads[service.first_workload].version.is_some()
    }

    /// Rows of the workloads that serve, as rows of services and of the versions that some have.
    pub fn by_service<T: Clone>(&self, rows: &[T], whole: impl Fn(&[T]) -> T) -> (Vec<T>, Vec<T>) {
        let (mut services, mut versions) = (Vec::new(), Vec::new());
        for service in &self.services {
            let own = &rows[service.first_workload.position()..][..service.workloads as usize];
            if self.has_versions(service) {
                services.push(whole(own));
                versions.extend_from_slice(own);
            } else {
                services.extend_from_slice(own);
            }
        }
        (services, versions)
    }

    /// What a pod that serves does about an operation.
    #[inline]
    pub fn code(&self, pod: PodIdx, operation: OperationIdx) -> CodeIdx {
        let first = self.workloads[self.pods[pod].workload].first_code;
        CodeIdx::at(first.position() + operation.position())
    }

    /// The proxies at the two ends of a connection from a pod to an endpoint of an edge. Where one is at both, it holds
    /// the connection once.
    #[inline]
    pub fn ends(&self, caller: PodIdx, edge: &Edge, endpoint: u32) -> [Option<ProxyIdx>; 2] {
        let callee = self.callee(edge, endpoint);
        let far = if self.is_local(caller, edge, callee) { None } else { self.pods[callee].proxy };
        [self.pods[caller].proxy, far]
    }

    /// The zone of a pod; `None` outside of the cluster.
    #[inline]
    pub fn zone(&self, pod: PodIdx) -> Option<ZoneIdx> {
        Some(self.machines.nodes[self.pods[pod].node?].zone)
    }

    /// The zones of two pods, if they are different ones.
    #[inline]
    pub fn zones_between(&self, from: PodIdx, to: PodIdx) -> Option<(ZoneIdx, ZoneIdx)> {
        if self.machines.zones.len() == 1 {
            return None;
        }
        let (from, to) = (self.zone(from)?, self.zone(to)?);
        (from != to).then_some((from, to))
    }

    /// The proxy that calls of a pod over an edge go out through.
    #[inline]
    pub fn outbound(&self, caller: PodIdx, edge: &Edge) -> Option<ProxyIdx> {
        if edge.outbound.is_some() { self.pods[caller].proxy } else { None }
    }

    /// Whether one node proxy serves both ends of a connection.
    #[inline]
    pub fn is_local(&self, caller: PodIdx, edge: &Edge, callee: PodIdx) -> bool {
        edge.local.is_some() && self.pods[caller].proxy == self.pods[callee].proxy
    }

    /// The machine that each proxy runs on: that of the pods it serves.
    pub fn nodes_of_proxies(&self) -> IndexVec<ProxyIdx, Option<NodeIdx>> {
        let mut nodes = IndexVec::filled(None, self.proxies.len());
        for pod in &self.pods {
            if let Some(proxy) = pod.proxy {
                nodes[proxy] = pod.node;
            }
        }
        nodes
    }

    /// Number of per-pod views of edges.
    pub fn views(&self) -> usize {
        self.pods.iter().map(|pod| self.workloads[pod.workload].edges as usize).sum()
    }
}

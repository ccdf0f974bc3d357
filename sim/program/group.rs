//! Groups of like proxies: wake-ups, quota, and what they hold in memory.

use crate::index::IndexVec;
use crate::kernel::dist::Dist;
use crate::kernel::station::{Quota, WakeModel};
use crate::mesh::model::{ConfigurationView, NodeProxyModel, ProxyModel};
use crate::mesh::scenario::{Others, Protocol, Scenario, Scope, Service, ServiceIdx, Subset, SubsetIdx};
use crate::units::{Bytes, Span};
use crate::vocabulary::routing::Resource;

use super::{AfterRun, ProxyGroup, node};

/// The CFS period of Kubernetes.
pub(super) const CFS_PERIOD: Span = Span::from_millis(100);

/// What a proxy that is told of everything holds of one service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// Ports, with a cluster and a route each.
    ports: u64,
    /// Clusters beside those of the ports: one for each of its subsets and ports.
    of_subsets: u64,
    /// Endpoints beyond the first of each cluster.
    further_endpoints: u64,
    /// Whether it has listeners of its own.
    is_opaque: bool,
}

/// What is told of each service. A subset is a part that some object defines, or that a route or policy names: what a
/// scenario calls a version only is none.
pub(super) fn told(scenario: &Scenario) -> IndexVec<ServiceIdx, Told> {
    let used = scenario.used_subsets();
    let of = |(index, service): (ServiceIdx, &Service)| {
        let ports = u64::from(service.ports);
        let is_told = |(place, subset): &(SubsetIdx, &Subset)| {
            subset.resource != Resource::Scenario || used.contains(&(index, *place))
        };
        let subsets = service.subsets.iter_enumerated().filter(is_told);
        let pods: Vec<u32> = subsets.map(|(_, subset)| service.pods_of(subset)).collect();
        let further = |pods: &u32| u64::from(pods.saturating_sub(1));
        Told {
            ports,
            of_subsets: ports * pods.len() as u64,
            further_endpoints: ports * pods.iter().chain([&service.replicas]).map(further).sum::<u64>(),
            is_opaque: service.application.protocol == Protocol::Tcp,
        }
    };
    scenario.services.iter_enumerated().map(of).collect()
}

/// Proxies of one workload that are told of what is in `scope`.
pub(super) fn of_workload(
    scenario: &Scenario,
    told: &IndexVec<ServiceIdx, Told>,
    name: &str,
    proxy: &ProxyModel,
    scope: &Scope,
) -> ProxyGroup {
    let memory = &proxy.memory;
    let per_cluster = memory.per_cluster + memory.per_cluster_worker * f64::from(proxy.workers);
    let per_target = per_cluster + memory.per_route;
    let mut group = bare(scenario, name, proxy);
    match memory.view {
        ConfigurationView::Everything => {
            let services: Vec<&Told> = match &scope.services {
                None => told.iter().collect(),
                Some(services) => services.iter().map(|&service| &told[service]).collect(),
            };
            let sum = |of: fn(&Told) -> u64| services.iter().map(|service| of(service)).sum::<u64>();
            // A scope names services of the scenario: none of the others is in it.
            let others = if scope.services.is_none() { scenario.cluster.others } else { Others::default() };
            let opaque = sum(|service| if service.is_opaque { service.ports } else { 0 });
            let endpoints = sum(|service| service.further_endpoints) + others.further_endpoints();
            let ports = sum(|service| service.ports) + others.services;
            let external = scope.external;
            group.static_memory += proxy.configuration_bytes(per_target, ports, opaque, endpoints)
                + per_cluster * sum(|service| service.of_subsets) as f64
                + per_target * external.clusters as f64
                + memory.per_endpoint * external.further_endpoints as f64;
        }
        ConfigurationView::Used => {
            group.memory_per_used_target = per_target;
            group.memory_per_used_endpoint = memory.per_endpoint;
        }
    }
    group
}

/// The proxies of the nodes, which are told of every service and of all `pods`, those of other services too.
pub(super) fn of_nodes(scenario: &Scenario, name: &str, node: &NodeProxyModel, pods: u32) -> ProxyGroup {
    let mut group = bare(scenario, name, &node.proxy);
    let memory = &node.proxy.memory;
    let others = scenario.cluster.others;
    let own: u64 = scenario.services.iter().map(|service| u64::from(service.replicas) - 1).sum();
    let endpoints = own + others.further_endpoints();
    group.static_memory += memory.per_cluster * scenario.known_services() as f64
        + memory.per_endpoint * endpoints as f64
        + node.memory_per_workload * (u64::from(pods) + others.endpoints) as f64;
    group
}

/// Proxies that know nothing yet.
fn bare(scenario: &Scenario, name: &str, proxy: &ProxyModel) -> ProxyGroup {
    let speed = scenario.cluster.cpu_speed;
    let scale = |span: Span| span.scale(1.0 / speed);
    let memory = &proxy.memory;
    let workers = f64::from(proxy.workers);
    ProxyGroup {
        name: name.to_owned(),
        workers: proxy.workers,
        dispatch: proxy.dispatch,
        wake: WakeModel {
            floor: scale(proxy.wake.floor),
            rise: scale(proxy.wake.rise),
            tau: proxy.wake.tau,
            thread: scale(proxy.wake.thread),
            before_ratio: proxy.wake.before_ratio,
        },
        quota: proxy
            .cpu_limit
            .filter(|limit| limit.value() < workers)
            .map(|limit| Quota::new(CFS_PERIOD.scale(limit.value()), CFS_PERIOD)),
        variation: variation(proxy.cpu_scv),
        pass_delay: proxy.pass_delay.nanos(),
        cpu_weight: node::weight(node::proxy(proxy)),
        idle_cpu: proxy.idle_cpu.value(),
        memory_request: proxy.memory_request.map(Bytes::value),
        memory_limit: proxy.memory_limit.map(Bytes::value),
        static_memory: memory.base + memory.per_worker * workers,
        memory_per_used_target: 0.0,
        memory_per_used_endpoint: 0.0,
        memory_per_connection: memory.per_connection,
        memory_per_request: memory.per_request,
        telemetry: AfterRun(proxy.telemetry.clone()),
    }
}

/// The spread of a job's CPU, as a law of mean 1.
fn variation(scv: f64) -> Option<Dist> {
    let cv = scv.sqrt();
    let law = if scv > 1.0 { Dist::hyperexponential(1.0, cv) } else { Dist::gamma(1.0, cv) };
    law.ok().filter(|_| scv > 0.0)
}

//! Groups of like proxies: wake-ups, quota, and what they hold in memory.

use crate::kernel::dist::Dist;
use crate::kernel::station::{Quota, WakeModel};
use crate::mesh::model::{ConfigurationView, NodeProxyModel, ProxyModel};
use crate::mesh::scenario::{External, Protocol, Scenario, Scope, Service};
use crate::units::{Bytes, Span};

use super::{ProxyGroup, node};

/// The CFS period of Kubernetes.
pub(super) const CFS_PERIOD: Span = Span::from_millis(100);

/// Proxies of one workload that are told of what is in `scope`.
pub(super) fn of_workload(scenario: &Scenario, name: &str, proxy: &ProxyModel, scope: &Scope) -> ProxyGroup {
    match &scope.services {
        None => told_of(scenario, name, proxy, scenario.services.iter(), scope.external),
        Some(services) => {
            let services = services.iter().map(|&service| &scenario.services[service]);
            told_of(scenario, name, proxy, services, scope.external)
        }
    }
}

/// Proxies that are told of `services`, all of them or those in a waypoint's care, and of hosts outside the cluster.
fn told_of<'s>(
    scenario: &Scenario,
    name: &str,
    proxy: &ProxyModel,
    services: impl Iterator<Item = &'s Service> + Clone,
    external: External,
) -> ProxyGroup {
    let memory = &proxy.memory;
    let per_target =
        memory.per_cluster + memory.per_cluster_worker * f64::from(proxy.workers) + memory.per_route;
    let mut group = bare(scenario, name, proxy);
    match memory.view {
        ConfigurationView::Everything => {
            group.static_memory += configuration_bytes(proxy, per_target, services)
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

/// The proxies of the nodes, which are told of every service and of all `pods`.
pub(super) fn of_nodes(scenario: &Scenario, name: &str, node: &NodeProxyModel, pods: u32) -> ProxyGroup {
    let mut group = bare(scenario, name, &node.proxy);
    let memory = &node.proxy.memory;
    let endpoints: u64 = scenario.services.iter().map(|service| u64::from(service.replicas) - 1).sum();
    group.static_memory += memory.per_cluster * scenario.services.len() as f64
        + memory.per_endpoint * endpoints as f64
        + node.memory_per_workload * f64::from(pods);
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
    }
}

/// The spread of a job's CPU, as a law of mean 1.
fn variation(scv: f64) -> Option<Dist> {
    let cv = scv.sqrt();
    let law = if scv > 1.0 { Dist::hyperexponential(1.0, cv) } else { Dist::gamma(1.0, cv) };
    law.ok().filter(|_| scv > 0.0)
}

/// Bytes of a proxy that is told of all these services.
fn configuration_bytes<'s>(
    proxy: &ProxyModel,
    per_target: f64,
    services: impl Iterator<Item = &'s Service> + Clone,
) -> f64 {
    let opaque = services.clone().filter(|service| service.application.protocol == Protocol::Tcp).count();
    let endpoints: u64 = services.clone().map(|service| u64::from(service.replicas) - 1).sum();
    proxy.configuration_bytes(per_target, services.count() as u64, opaque as u64, endpoints)
}

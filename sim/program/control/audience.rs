//! What the proxies of each group are told of, and what that costs.

use crate::index::IndexVec;
use crate::mesh::model::{
    ApplyCost, ConfigurationView, DistributionModel, MeshModel, ProxyModel, ResourceCost, Way,
};
use crate::mesh::scenario::{Origin, Scenario, Scope, ServiceIdx};
use crate::policy::push::connect::Reconnect;

use super::super::{GroupIdx, Program, WorkloadIdx};
use super::{Audience, AudienceIdx, Layout, Sees, nanos};

/// Of every group of proxies that is told anything.
pub(super) fn all(
    scenario: &Scenario,
    mesh: &MeshModel,
    distribution: &DistributionModel,
    layout: &Layout<'_>,
    program: &Program,
) -> IndexVec<AudienceIdx, Audience> {
    let mut audiences = IndexVec::new();
    let called = called(program);
    let speed = scenario.cluster.cpu_speed;
    for (index, workload) in program.workloads.iter_enumerated() {
        let (Some(group), Some(proxy)) = (workload.group, layout.beside[index].model()) else { continue };
        let role = Role::of(scenario, layout, index, workload.service);
        let cost = match (&distribution.way, &role) {
            (Way::Push(push), Role::Sidecar(_)) => push.sidecar,
            (Way::Push(push), Role::Gateway(_) | Role::Waypoint(_)) => push.gateway,
            (Way::Stream(stream), Role::Sidecar(_)) => {
                ResourceCost { cpu: stream.update, bytes: stream.bytes_per_route }
            }
            // It stands there under every mesh, and asks another control plane.
            (Way::Stream(_), _) => continue,
        };
        let (sees, clusters) = role.sees(scenario, proxy, &called[index]);
        let endpoints = EndpointCost::of(distribution, matches!(distribution.way, Way::Push(_)), speed);
        let own = audience(group, sees, clusters, proxy, (cost, endpoints), speed);
        let reconnect = match distribution.way {
            Way::Push(_) => Reconnect::envoy(),
            Way::Stream(_) => Reconnect::linkerd(),
        };
        audiences.push(Audience { reconnect, ..own });
    }
    if let (Some(group), Some(node), Way::Push(push)) =
        (layout.node_group, &mesh.node_proxy, &distribution.way)
    {
        // It is told of addresses, not of routes.
        let costs = (push.sidecar, EndpointCost::of(distribution, false, speed));
        let own = audience(group, Sees::These(Vec::new()), 0, &node.proxy, costs, speed);
        // It says which versions it has, and is sent no others (istio/ztunnel architecture/ambient/ztunnel.md).
        audiences.push(Audience { reconnect: Reconnect::ztunnel(), keeps: true, ..own });
    }
    audiences
}

/// The services that each workload calls, ascending.
fn called(program: &Program) -> IndexVec<WorkloadIdx, Vec<u32>> {
    let mut called = IndexVec::filled(Vec::new(), program.workloads.len());
    for edge in &program.edges {
        called[edge.caller].push(edge.callee.0);
    }
    for services in &mut called {
        services.sort_unstable();
        services.dedup();
    }
    called
}

/// What it takes to tell of an endpoint.
#[derive(Clone, Copy)]
struct EndpointCost {
    generate: f64,
    bytes: f64,
    /// All endpoints of a service are told of when one changes.
    is_whole: bool,
}

impl EndpointCost {
    fn of(distribution: &DistributionModel, is_whole: bool, speed: f64) -> Self {
        let generate = match &distribution.way {
            Way::Push(push) => nanos(push.per_endpoint, speed),
            // An update costs what it does whatever is in it.
            Way::Stream(_) => 0.0,
        };
        Self { generate, bytes: distribution.bytes_per_endpoint, is_whole }
    }
}

fn audience(
    group: GroupIdx,
    sees: Sees,
    clusters: u64,
    proxy: &ProxyModel,
    (cost, endpoints): (ResourceCost, EndpointCost),
    speed: f64,
) -> Audience {
    let apply: &ApplyCost = &proxy.apply;
    Audience {
        group,
        sees,
        clusters,
        generate: nanos(cost.cpu, speed),
        bytes: cost.bytes,
        apply_changed: nanos(apply.changed, speed),
        apply_unchanged: nanos(apply.unchanged, speed),
        generate_per_endpoint: endpoints.generate,
        bytes_per_endpoint: endpoints.bytes,
        apply_endpoints: nanos(apply.endpoints, speed),
        apply_per_endpoint: nanos(apply.per_endpoint, speed),
        whole_endpoints: endpoints.is_whole,
        apply_worker: apply.worker.scale(1.0 / speed),
        workers: proxy.workers,
        reconnect: Reconnect::envoy(),
        keeps: false,
    }
}

/// Which kind of proxy the one beside a workload is, and what it may be told of.
enum Role<'a> {
    Sidecar(&'a Scope),
    Gateway(&'a Scope),
    Waypoint(Vec<u32>),
}

impl<'a> Role<'a> {
    fn of(
        scenario: &'a Scenario,
        layout: &Layout<'_>,
        workload: WorkloadIdx,
        service: Option<ServiceIdx>,
    ) -> Self {
        if let Some(service) = service {
            return Self::Sidecar(&scenario.scopes.of_services[service]);
        }
        let mut sources = layout.of_sources.iter_enumerated();
        if let Some((source, _)) = sources.find(|(_, of)| **of == workload) {
            return match scenario.sources[source].from {
                Origin::Gateway { .. } => Self::Gateway(&scenario.scopes.of_gateways),
                Origin::Outside | Origin::MeshedClient { .. } => Self::Sidecar(&scenario.scopes.of_clients),
            };
        }
        let cared = layout.waypoint_of.iter_enumerated().filter(|(_, of)| **of == Some(workload));
        Self::Waypoint(cared.map(|(service, _)| service.0).collect())
    }

    /// What it is told of, and how many clusters that are; `called` are the services it calls.
    fn sees(self, scenario: &Scenario, proxy: &ProxyModel, called: &[u32]) -> (Sees, u64) {
        let scope = match self {
            Self::Waypoint(services) => {
                let clusters = services.len() as u64;
                return (Sees::These(services), clusters);
            }
            Self::Sidecar(scope) | Self::Gateway(scope) => scope,
        };
        if proxy.memory.view == ConfigurationView::Used {
            return (Sees::These(called.to_vec()), called.len() as u64);
        }
        let external = scope.external.clusters;
        match &scope.services {
            None => (Sees::Everything, scenario.known_services() + external),
            Some(services) => {
                let mut seen: Vec<u32> = services.iter().map(|service| service.0).collect();
                seen.sort_unstable();
                let clusters = seen.len() as u64 + external;
                (Sees::These(seen), clusters)
            }
        }
    }
}

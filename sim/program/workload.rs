//! Workloads: services, clients, gateways, waypoints, and the proxies beside them.

use std::collections::BTreeMap;

use crate::index::IndexVec;
use crate::kernel::station::Quota;
use crate::mesh::model::{MeshModel, NodeProxyModel, ProxyModel, WaypointModel};
use crate::mesh::scenario::{
    Client, Origin, Scenario, Scope, Service, ServiceIdx, SourceIdx, Waypoint, ZoneIdx,
};
use crate::units::Span;

use super::{CpuLimit, GroupIdx, PodIdx, ProxyGroup, Serving, Workload, WorkloadIdx, group, node};

/// What the group of the nodes' proxies is called.
const NODE_PROXIES: &str = "node:proxy";

/// Begins the name of a waypoint's workload.
pub(super) const WAYPOINT: &str = "waypoint:";

/// The proxy that a workload's calls meet on its side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beside<'a> {
    /// None.
    Nothing,
    /// One in every pod.
    Pod(&'a ProxyModel),
    /// The one of the node, shared with other pods.
    Node(&'a NodeProxyModel),
}

impl<'a> Beside<'a> {
    pub(super) fn model(self) -> Option<&'a ProxyModel> {
        match self {
            Self::Nothing => None,
            Self::Pod(proxy) => Some(proxy),
            Self::Node(node) => Some(&node.proxy),
        }
    }
}

/// Workloads as they are laid out, before pods are placed.
pub(super) struct Workloads<'a> {
    pub(super) all: IndexVec<WorkloadIdx, Workload>,
    /// The proxy beside each workload.
    pub(super) beside: IndexVec<WorkloadIdx, Beside<'a>>,
    pub(super) groups: IndexVec<GroupIdx, ProxyGroup>,
    /// The client or gateway of each source.
    pub(super) of_sources: IndexVec<SourceIdx, WorkloadIdx>,
    /// The waypoint that calls of a service go through.
    pub(super) waypoint_of: IndexVec<ServiceIdx, Option<WorkloadIdx>>,
    /// The one zone of each workload's pods, if that is not any.
    pub(super) zones: IndexVec<WorkloadIdx, Option<ZoneIdx>>,
    /// The proxies of the nodes.
    pub(super) node_group: Option<GroupIdx>,
    next_pod: u32,
}

/// What a workload is made of.
struct Plan<'a, 's> {
    name: String,
    pods: u32,
    beside: Beside<'a>,
    /// The service behind it, if it is one.
    service: Option<&'s Service>,
    /// What its proxies are told of.
    scope: &'s Scope,
}

impl<'a> Workloads<'a> {
    pub(super) fn lay_out(scenario: &Scenario, mesh: &'a MeshModel) -> Self {
        let mut this = Self {
            all: IndexVec::new(),
            beside: IndexVec::new(),
            groups: IndexVec::new(),
            of_sources: IndexVec::new(),
            waypoint_of: IndexVec::filled(None, scenario.services.len()),
            zones: IndexVec::new(),
            node_group: None,
            next_pod: 0,
        };
        let meshed = match (&mesh.sidecar, &mesh.node_proxy) {
            (Some(sidecar), _) => Beside::Pod(sidecar),
            (None, Some(node)) => Beside::Node(node),
            (None, None) => Beside::Nothing,
        };
        for (index, service) in scenario.services.iter_enumerated() {
            let beside = if service.injected { meshed } else { Beside::Nothing };
            let (name, pods) = (service.full_name(), service.replicas);
            let scope = &scenario.scopes.of_services[index];
            this.add(scenario, Plan { name, pods, beside, service: Some(service), scope });
        }
        this.add_sources(scenario, mesh, meshed);
        if let Some(waypoint) = &mesh.waypoint {
            this.add_waypoints(scenario, waypoint);
        }
        if let Some(node) = &mesh.node_proxy {
            let outside = scenario.sources.iter().filter(|source| source.from == Origin::Outside).count();
            let group = group::of_nodes(scenario, NODE_PROXIES, node, this.next_pod - outside as u32);
            this.node_group = Some(this.groups.push(group));
        }
        this
    }

    fn add_sources(&mut self, scenario: &Scenario, mesh: &'a MeshModel, meshed: Beside<'a>) {
        let mut gateways: BTreeMap<&str, WorkloadIdx> = BTreeMap::new();
        for source in &scenario.sources {
            let scope = match &source.from {
                Origin::Gateway { .. } => &scenario.scopes.of_gateways,
                Origin::Outside | Origin::MeshedClient { .. } => &scenario.scopes.of_clients,
            };
            let mut add = |name: String, pods: u32, beside| {
                self.add(scenario, Plan { name, pods, beside, service: None, scope })
            };
            let workload = match &source.from {
                Origin::Outside => add(format!("outside:{}", source.name), 1, Beside::Nothing),
                Origin::MeshedClient { replicas } => {
                    add(format!("client:{}", source.name), *replicas, meshed)
                }
                Origin::Gateway { name, replicas } => *gateways
                    .entry(name.as_str())
                    .or_insert_with(|| add(format!("gateway:{name}"), *replicas, Beside::Pod(&mesh.gateway))),
            };
            self.of_sources.push(workload);
        }
    }

    /// The waypoints that the scenario names, or one for each namespace.
    fn add_waypoints(&mut self, scenario: &Scenario, model: &'a WaypointModel) {
        let given = scenario.waypoints.clone().unwrap_or_else(|| {
            let mut by_namespace: BTreeMap<&str, Vec<ServiceIdx>> = BTreeMap::new();
            for (index, service) in scenario.services.iter_enumerated().filter(|(_, one)| one.injected) {
                by_namespace.entry(&service.namespace).or_default().push(index);
            }
            let waypoint = |(namespace, services): (&str, _)| Waypoint {
                name: namespace.to_owned(),
                services,
                replicas: None,
                zone: None,
            };
            by_namespace.into_iter().map(waypoint).collect()
        });
        for waypoint in given.iter().filter(|waypoint| !waypoint.services.is_empty()) {
            let workload = self.all.next_index();
            let name = format!("{WAYPOINT}{}", waypoint.name);
            let scope = Scope { services: Some(waypoint.services.clone()), ..Scope::default() };
            let group = self.groups.push(group::of_workload(scenario, &name, &model.proxy, &scope));
            let pods = waypoint.replicas.unwrap_or(model.replicas);
            let plan = Plan { name, pods, beside: Beside::Pod(&model.proxy), service: None, scope: &scope };
            self.push(scenario, plan, Some(group));
            self.zones[workload] = waypoint.zone;
            for &service in &waypoint.services {
                self.waypoint_of[service] = Some(workload);
            }
        }
    }

    fn add(&mut self, scenario: &Scenario, plan: Plan<'a, '_>) -> WorkloadIdx {
        let group = match plan.beside {
            Beside::Pod(proxy) => {
                Some(self.groups.push(group::of_workload(scenario, &plan.name, proxy, plan.scope)))
            }
            Beside::Nothing | Beside::Node(_) => None,
        };
        self.push(scenario, plan, group)
    }

    fn push(&mut self, scenario: &Scenario, plan: Plan<'a, '_>, group: Option<GroupIdx>) -> WorkloadIdx {
        let default_client = Client::default();
        let client = plan.service.map_or(&default_client, |service| &service.application.client);
        self.beside.push(plan.beside);
        self.zones.push(None);
        let first_pod = PodIdx(self.next_pod);
        self.next_pod += plan.pods;
        self.all.push(Workload {
            name: plan.name,
            first_pod,
            pods: plan.pods,
            group,
            serving: plan.service.map_or(Serving::Unlimited, serving),
            hold_workers: plan.service.is_some_and(|service| service.application.hold_workers),
            edges: 0,
            pool_size: client.pool_size.unwrap_or(u32::MAX),
            keep_alive: client.keep_alive,
            memory: plan.service.map_or(0, |service| service.application.memory.value()),
            cpu_limit: plan.service.and_then(|service| cpu_limit(service, scenario)),
            cpu_weight: plan.service.map_or(node::LEAST_WEIGHT, node::cpu_weight),
        })
    }
}

/// The limit of a service's application, where it could use more CPU: as many threads run at once as it has workers,
/// but no more than the node has cores. As in Kubernetes, 0 is no limit, and 10m the least.
fn cpu_limit(service: &Service, scenario: &Scenario) -> Option<CpuLimit> {
    const LEAST_BUDGET: Span = Span::from_millis(1);
    let limit = service.application.resources.cpu_limit?.value();
    let node_cores = scenario.cluster.nodes.cores.value().ceil() as u32;
    let threads = service.application.workers.unwrap_or(u32::MAX).min(node_cores);
    let budget = group::CFS_PERIOD.scale(limit).max(LEAST_BUDGET);
    let quota = Quota::new(budget, group::CFS_PERIOD);
    (limit > 0.0 && limit < f64::from(threads)).then_some(CpuLimit { threads, quota })
}

fn serving(service: &Service) -> Serving {
    let application = &service.application;
    match application.workers {
        None => Serving::Unlimited,
        Some(workers) => Serving::Limited {
            workers,
            queue_limit: application.queue_limit.unwrap_or(u32::MAX),
            discipline: application.discipline,
        },
    }
}

//! Workloads: services and their versions, clients, gateways, waypoints, and the proxies beside them.

use std::collections::BTreeMap;

use crate::index::{Idx, IndexVec};
use crate::kernel::station::Quota;
use crate::mesh::model::{MeshModel, NodeProxyModel, ProxyModel, WaypointModel};
use crate::mesh::scenario::{
    Application, Client, Operation, OperationIdx, Origin, Scenario, Scope, ServiceIdx, SourceIdx, VersionIdx,
    Waypoint, ZoneIdx,
};
use crate::units::Span;

use super::own_proxy::OwnProxies;
use super::{
    CodeIdx, CpuLimit, GroupIdx, PodIdx, ProxyGroup, Service, Serving, Workload, WorkloadIdx, group, node,
};

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

/// What the instances of a service, or of one of its versions, do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    pub(super) service: ServiceIdx,
    pub(super) version: Option<VersionIdx>,
    pub(super) application: &'a Application,
    pub(super) operations: &'a IndexVec<OperationIdx, Operation>,
}

/// Workloads as they are laid out, before pods are placed.
pub(super) struct Workloads<'a> {
    pub(super) all: IndexVec<WorkloadIdx, Workload>,
    /// What each does; of clients, gateways and waypoints nothing is known.
    pub(super) bodies: IndexVec<WorkloadIdx, Option<Body<'a>>>,
    /// The workloads of each service.
    pub(super) of_services: IndexVec<ServiceIdx, Service>,
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
    /// What proxies are told of each service.
    told: IndexVec<ServiceIdx, group::Told>,
    next_pod: u32,
    next_code: usize,
}

/// What a workload is made of.
struct Plan<'a, 's> {
    name: String,
    /// Pods when the run begins, ...
    wanted: u32,
    /// ... and places for pods.
    pods: u32,
    beside: Beside<'a>,
    body: Option<Body<'a>>,
    /// What its proxies are told of.
    scope: &'s Scope,
}

impl<'a> Workloads<'a> {
    /// `own` are the sidecars of services that do not have the mesh's.
    pub(super) fn lay_out(
        scenario: &'a Scenario,
        mesh: &'a MeshModel,
        own: &'a IndexVec<ServiceIdx, OwnProxies>,
    ) -> Self {
        let mut this = Self {
            all: IndexVec::new(),
            bodies: IndexVec::new(),
            of_services: IndexVec::new(),
            beside: IndexVec::new(),
            groups: IndexVec::new(),
            of_sources: IndexVec::new(),
            waypoint_of: IndexVec::filled(None, scenario.services.len()),
            zones: IndexVec::new(),
            node_group: None,
            told: group::told(scenario),
            next_pod: 0,
            next_code: 0,
        };
        let meshed = match (&mesh.sidecar, &mesh.node_proxy) {
            (Some(sidecar), _) => Beside::Pod(sidecar),
            (None, Some(node)) => Beside::Node(node),
            (None, None) => Beside::Nothing,
        };
        for (index, service) in scenario.services.iter_enumerated() {
            this.add_service(scenario, index, &|version| {
                let beside = own[index].of(version).map_or(meshed, Beside::Pod);
                if service.injected { beside } else { Beside::Nothing }
            });
        }
        this.add_sources(scenario, mesh, meshed);
        if let Some(waypoint) = &mesh.waypoint {
            this.add_waypoints(scenario, waypoint);
        }
        if let Some(node) = &mesh.node_proxy {
            let outside = scenario.sources.iter().filter(|source| source.from == Origin::Outside).count();
            let pods: u32 = this.all.iter().map(|workload| workload.wanted).sum();
            let group = group::of_nodes(scenario, NODE_PROXIES, node, pods - outside as u32);
            this.node_group = Some(this.groups.push(group));
        }
        this
    }

    /// The workloads that serve, in order.
    pub(super) fn serving(&self) -> impl Iterator<Item = (WorkloadIdx, Body<'a>)> {
        self.bodies.iter_enumerated().filter_map(|(workload, body)| Some((workload, (*body)?)))
    }

    /// A workload for each version of a service, or one, and the proxies beside them.
    fn add_service(
        &mut self,
        scenario: &'a Scenario,
        index: ServiceIdx,
        beside: &dyn Fn(Option<VersionIdx>) -> Beside<'a>,
    ) {
        let service = &scenario.services[index];
        let (first_workload, name) = (self.all.next_index(), service.full_name());
        let scope = &scenario.scopes.of_services[index];
        if service.versions.is_empty() {
            let body = Body {
                service: index,
                version: None,
                application: &service.application,
                operations: &service.operations,
            };
            let (name, wanted) = (name.clone(), service.replicas);
            let pods = places(scenario, index, wanted, &service.application);
            self.add(scenario, Plan { name, wanted, pods, beside: beside(None), body: Some(body), scope });
        }
        for (number, version) in service.versions.iter_enumerated() {
            let body = Body {
                service: index,
                version: Some(number),
                application: &version.application,
                operations: &version.operations,
            };
            let name = format!("{name}@{}", version.name);
            let wanted = version.replicas;
            let pods = places(scenario, index, wanted, &version.application);
            self.add(
                scenario,
                Plan { name, wanted, pods, beside: beside(Some(number)), body: Some(body), scope },
            );
        }
        let workloads = (self.all.len() - first_workload.position()) as u32;
        self.of_services.push(Service { name, first_workload, workloads });
    }

    fn add_sources(&mut self, scenario: &Scenario, mesh: &'a MeshModel, meshed: Beside<'a>) {
        let mut gateways: BTreeMap<&str, WorkloadIdx> = BTreeMap::new();
        for source in &scenario.sources {
            let scope = match &source.from {
                Origin::Gateway { .. } => &scenario.scopes.of_gateways,
                Origin::Outside | Origin::MeshedClient { .. } => &scenario.scopes.of_clients,
            };
            let mut add = |name: String, pods: u32, beside| {
                self.add(scenario, Plan { name, wanted: pods, pods, beside, body: None, scope })
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
            let group =
                self.groups.push(group::of_workload(scenario, &self.told, &name, &model.proxy, &scope));
            let pods = waypoint.replicas.unwrap_or(model.replicas);
            let beside = Beside::Pod(&model.proxy);
            let plan = Plan { name, wanted: pods, pods, beside, body: None, scope: &scope };
            self.push(scenario, plan, Some(group));
            self.zones[workload] = waypoint.zone;
            for &service in &waypoint.services {
                self.waypoint_of[service] = Some(workload);
            }
        }
    }

    fn add(&mut self, scenario: &Scenario, plan: Plan<'a, '_>) -> WorkloadIdx {
        let group = match plan.beside {
            Beside::Pod(proxy) => Some(
                self.groups.push(group::of_workload(scenario, &self.told, &plan.name, proxy, plan.scope)),
            ),
            Beside::Nothing | Beside::Node(_) => None,
        };
        self.push(scenario, plan, group)
    }

    fn push(&mut self, scenario: &Scenario, plan: Plan<'a, '_>, group: Option<GroupIdx>) -> WorkloadIdx {
        let default_client = Client::default();
        let application = plan.body.map(|body| body.application);
        let client = application.map_or(&default_client, |application| &application.client);
        self.bodies.push(plan.body);
        self.beside.push(plan.beside);
        self.zones.push(None);
        let first_pod = PodIdx(self.next_pod);
        self.next_pod += plan.pods;
        let first_code = CodeIdx::at(self.next_code);
        self.next_code += plan.body.map_or(0, |body| body.operations.len());
        self.all.push(Workload {
            name: plan.name,
            service: plan.body.map(|body| body.service),
            version: plan.body.and_then(|body| body.version),
            first_code,
            first_pod,
            pods: plan.pods,
            wanted: plan.wanted,
            group,
            serving: application.map_or(Serving::Unlimited, serving),
            hold_workers: application.is_some_and(|application| application.hold_workers),
            edges: 0,
            pool_size: client.pool_size.unwrap_or(u32::MAX),
            keep_alive: client.keep_alive,
            memory: application.map_or(0, |application| application.memory.value()),
            cpu_limit: application.and_then(|application| cpu_limit(application, scenario)),
            cpu_weight: application.map_or(node::LEAST_WEIGHT, node::cpu_weight),
        })
    }
}

/// Places for the pods of a service or version.
fn places(scenario: &Scenario, service: ServiceIdx, wanted: u32, application: &Application) -> u32 {
    let places = scenario.places(service, wanted, &application.lifecycle);
    places.try_into().expect("validation has counted all places")
}

/// The limit of an application, where it could use more CPU: as many threads run at once as it has workers,
/// but no more than the node has cores. As in Kubernetes, 0 is no limit, and 10m the least.
fn cpu_limit(application: &Application, scenario: &Scenario) -> Option<CpuLimit> {
    const LEAST_BUDGET: Span = Span::from_millis(1);
    let limit = application.resources.cpu_limit?.value();
    let node_cores = scenario.cluster.nodes.cores.value().ceil() as u32;
    let threads = application.workers.unwrap_or(u32::MAX).min(node_cores);
    let budget = group::CFS_PERIOD.scale(limit).max(LEAST_BUDGET);
    let quota = Quota::new(budget, group::CFS_PERIOD);
    (limit > 0.0 && limit < f64::from(threads)).then_some(CpuLimit { threads, quota })
}

fn serving(application: &Application) -> Serving {
    match application.workers {
        None => Serving::Unlimited,
        Some(workers) => Serving::Limited {
            workers,
            queue_limit: application.queue_limit.unwrap_or(u32::MAX),
            discipline: application.discipline,
        },
    }
}

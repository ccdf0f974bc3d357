//! Who is told of changes of configuration, by whom, and what that costs.

use crate::index::{Idx, IndexVec};
use crate::index_type;
use crate::kernel::rng::{extend_path, hash_name};
use crate::mesh::model::{DistributionModel, MeshModel, Way};
use crate::mesh::scenario::{Event, EventKind, Scenario, ServiceIdx, SourceIdx};
use crate::policy::push::connect::Reconnect;
use crate::units::{Cores, Span};

mod audience;
mod certificates;
mod instance;

pub use instance::{Incident, IncidentIdx, IncidentKind, Instance, Memory};

use super::happening::Happening;
use super::lifecycle::LifeIdx;
use super::workload::Beside;
use super::{GroupIdx, Program, ProxyIdx, WorkloadIdx};

pub use certificates::{Certificates, Holder, HolderIdx, Outage};

index_type! {
    /// An event of the scenario that changes configuration.
    pub struct ChangeIdx;
    /// Proxies that are told of the same things.
    pub struct AudienceIdx;
    /// A proxy that a control plane tells of changes.
    pub struct SubscriberIdx;
}

/// Changes of configuration and whom they reach. CPU times are those of the cluster's machines, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Control {
    /// In the scenario's order.
    pub changes: IndexVec<ChangeIdx, Change>,
    /// One per group of proxies that are told anything.
    pub audiences: IndexVec<AudienceIdx, Audience>,
    /// In the order of the proxies.
    pub subscribers: IndexVec<SubscriberIdx, Subscriber>,
    /// Instances of the control plane; 0 where it is kube-proxy alone, and then nobody subscribes.
    pub replicas: u32,
    /// CPU of an instance, in cores.
    pub cores: f64,
    /// What becomes of an instance; `None` where there are none.
    pub instance: Option<Instance>,
    /// Events that happen to instances, in the scenario's order.
    pub incidents: IndexVec<IncidentIdx, Incident>,
    /// How it tells.
    pub plane: Plane,
    /// Certificates of the proxies; `None` where none come to be.
    pub certificates: Option<Certificates>,
    /// When nobody gets one.
    pub outages: Vec<Outage>,
}

/// What proxies are told of: an event that changes routes or policies, or endpoints that come or go.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its name, and when it happens; never of endpoints, which change when pods come and go.
    pub when: Happening,
    /// The pods that it is about; `None` of routes and policies.
    pub endpoints: Option<LifeIdx>,
    /// The position of what routes are from then on among those of the scenario, if it says so.
    pub applies: Option<u32>,
    /// Of endpoints: how many the workload has when the run begins.
    pub endpoint_count: u64,
    /// Services that change, ascending.
    pub services: Vec<u32>,
    /// Objects of each of them that change.
    pub objects: Vec<u32>,
    /// Objects that each audience sees: those that see none are not concerned.
    pub seen: IndexVec<AudienceIdx, u64>,
}

/// Proxies that are told of the same things at the same cost.
#[derive(Clone, Debug)]
pub struct Audience {
    /// Which proxies.
    pub group: GroupIdx,
    /// What they are told of.
    pub sees: Sees,
    /// Clusters that they hold, those outside the cluster included.
    pub clusters: u64,
    /// To generate a cluster or route for one of them.
    pub generate: f64,
    /// Bytes of a cluster or route.
    pub bytes: f64,
    /// Control thread, per cluster or route that changed.
    pub apply_changed: f64,
    /// Control thread, per cluster that came along unchanged.
    pub apply_unchanged: f64,
    /// To generate one endpoint of a service.
    pub generate_per_endpoint: f64,
    /// Bytes of an endpoint.
    pub bytes_per_endpoint: f64,
    /// Control thread, per service whose endpoints changed ...
    pub apply_endpoints: f64,
    /// ... and per endpoint that it is told of.
    pub apply_per_endpoint: f64,
    /// It is told of all endpoints of a service when one of them comes or goes, not of that one alone.
    pub whole_endpoints: bool,
    /// Each worker.
    pub apply_worker: Span,
    /// Worker threads of each.
    pub workers: u32,
    /// How long they wait before they connect again.
    pub reconnect: Reconnect,
    /// What they have is not sent again when they do.
    pub keeps: bool,
}

/// Services whose routes proxies are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sees {
    /// All.
    Everything,
    /// These, ascending.
    These(Vec<u32>),
}

/// A proxy that a control plane tells of changes.
#[derive(Clone, Copy, Debug)]
pub struct Subscriber {
    /// Which.
    pub proxy: ProxyIdx,
    /// What it is told of.
    pub audience: AudienceIdx,
    /// A hash of its group's name and its number within it: the same whatever else is in the scenario.
    pub identity: u64,
}

/// How proxies are told.
#[derive(Clone, Copy, Debug)]
pub enum Plane {
    /// Rules of kube-proxy on every node: there are no routes.
    KubeProxy,
    /// Changes are gathered and pushed.
    Push(Push),
    /// Each change is sent at once.
    Stream(Stream),
}

/// A control plane that pushes.
#[derive(Clone, Copy, Debug)]
pub struct Push {
    /// A push waits for so long without a change ...
    pub quiet: Span,
    /// ... but for no longer than this.
    pub longest: Span,
    /// Proxies that an instance pushes to at once.
    pub concurrency: u32,
    /// Proxies that may connect to an instance in a second; 0 is no limit.
    pub connects: u32,
    /// What came along unchanged is not sent.
    pub is_delta: bool,
    /// To prepare a push.
    pub build: Span,
    /// Per proxy and push.
    pub push: f64,
    /// Per cluster that lies in the cache.
    pub cached: f64,
}

/// A control plane of streams.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Per update and subscriber.
    pub update: Span,
    /// Bytes of a route.
    pub bytes: f64,
    /// Updates that a stream may hold.
    pub queue_limit: u32,
}

impl Change {
    /// How many objects of a service change.
    pub fn objects_of(&self, service: ServiceIdx) -> u32 {
        self.services.binary_search(&service.0).map_or(0, |position| self.objects[position])
    }

    /// Whether proxies of an audience are told of it.
    pub fn concerns(&self, audience: AudienceIdx) -> bool {
        self.seen[audience] > 0
    }
}

impl Audience {
    /// Of how many endpoints a proxy is told where so many of `all` came or went.
    pub fn endpoints_told(&self, changed: u64, all: u64) -> u64 {
        if self.whole_endpoints { all } else { changed }
    }

    /// How many of these services, ascending, it sees.
    pub fn seen_of(&self, changed: &[u32]) -> u64 {
        match &self.sees {
            Sees::Everything => changed.len() as u64,
            Sees::These(seen) => {
                let (few, many) =
                    if seen.len() < changed.len() { (&seen[..], changed) } else { (changed, &seen[..]) };
                few.iter().filter(|service| many.binary_search(service).is_ok()).count() as u64
            }
        }
    }

    fn sees(&self, service: u32) -> bool {
        match &self.sees {
            Sees::Everything => true,
            Sees::These(seen) => seen.binary_search(&service).is_ok(),
        }
    }
}

/// What the layout of workloads says of who is told of what.
pub(super) struct Layout<'a> {
    pub(super) beside: &'a IndexVec<WorkloadIdx, Beside<'a>>,
    pub(super) of_sources: &'a IndexVec<SourceIdx, WorkloadIdx>,
    pub(super) waypoint_of: &'a IndexVec<ServiceIdx, Option<WorkloadIdx>>,
    /// The proxies of the nodes, and what each is like.
    pub(super) node_group: Option<GroupIdx>,
}

/// `None` where nothing happens. `lives` are the workloads whose pods come and go.
pub(super) fn build(
    scenario: &Scenario,
    mesh: &MeshModel,
    layout: &Layout<'_>,
    program: &Program,
    lives: &IndexVec<LifeIdx, WorkloadIdx>,
) -> Option<Box<Control>> {
    if scenario.is_settled() {
        return None;
    }
    let audiences =
        mesh.distribution.as_ref().map(|model| audience::all(scenario, mesh, model, layout, program));
    let audiences = audiences.unwrap_or_default();
    let subscribers = subscribers(program, &audiences);
    let mut changes = changes(scenario, program, &audiences);
    for (life, &workload) in lives.iter_enumerated() {
        changes.push(of_endpoints(program, (life, workload), &audiences, layout.node_group));
    }
    let replicas = mesh.distribution.as_ref().map_or(0, |model| model.replicas);
    let cores = cores(scenario, mesh.distribution.as_ref());
    let instance = mesh.distribution.as_ref();
    Some(Box::new(Control {
        instance: instance.map(|model| Instance::new(scenario, model, &mesh.lifecycle.kubernetes)),
        incidents: instance::incidents(scenario, program),
        plane: plane(scenario, mesh.distribution.as_ref(), cores),
        certificates: certificates::build(scenario, mesh.certificates.as_ref(), program, &subscribers),
        outages: certificates::outages(scenario, program),
        changes,
        audiences,
        subscribers,
        replicas,
        cores,
    }))
}

fn cores(scenario: &Scenario, model: Option<&DistributionModel>) -> f64 {
    let limit = model.and_then(|model| model.cpu_limit);
    limit.map_or(scenario.cluster.nodes.cores.value(), Cores::value)
}

fn plane(scenario: &Scenario, model: Option<&DistributionModel>, cores: f64) -> Plane {
    let speed = scenario.cluster.cpu_speed;
    match model.map(|model| &model.way) {
        None => Plane::KubeProxy,
        Some(Way::Push(push)) => Plane::Push(Push {
            quiet: push.quiet,
            longest: push.longest,
            concurrency: push.concurrency.at(cores.ceil()) as u32,
            connects: push.connect_rate.at(cores.ceil()) as u32,
            is_delta: push.is_delta,
            build: push.build_per_service.scale(scenario.known_services() as f64 / speed),
            push: nanos(push.push, speed),
            cached: nanos(push.per_cached_cluster, speed),
        }),
        Some(Way::Stream(stream)) => Plane::Stream(Stream {
            update: stream.update.scale(1.0 / speed),
            bytes: stream.bytes_per_route,
            queue_limit: stream.queue_limit,
        }),
    }
}

fn nanos(span: Span, speed: f64) -> f64 {
    span.nanos() as f64 / speed
}

fn changes(
    scenario: &Scenario,
    program: &Program,
    audiences: &IndexVec<AudienceIdx, Audience>,
) -> IndexVec<ChangeIdx, Change> {
    let change = |event: &Event| {
        let EventKind::Change(change) = &event.kind else { return None };
        let services: Vec<u32> = change.services.iter().map(|service| service.0).collect();
        let objects: Vec<u32> = (0..services.len()).map(|position| change.objects_of(position)).collect();
        let seen = |audience: &Audience| {
            let all = services.iter().zip(&objects).filter(|(service, _)| audience.sees(**service));
            all.map(|(_, objects)| u64::from(*objects)).sum()
        };
        Some(Change {
            when: Happening::of(event, program.window.end()),
            endpoints: None,
            applies: change.applies,
            endpoint_count: 0,
            seen: audiences.iter().map(seen).collect(),
            services,
            objects,
        })
    };
    scenario.events.iter().filter_map(change).collect()
}

/// The change that stands for every coming and going of a workload's endpoints. Proxies of nodes hold all pods.
fn of_endpoints(
    program: &Program,
    (life, workload): (LifeIdx, WorkloadIdx),
    audiences: &IndexVec<AudienceIdx, Audience>,
    node_group: Option<GroupIdx>,
) -> Change {
    let workload = &program.workloads[workload];
    let service = workload.service.expect("pods that come and go serve").0;
    let seen = |audience: &Audience| u64::from(Some(audience.group) == node_group || audience.sees(service));
    Change {
        when: Happening::never(format!("{}{}", Event::ENDPOINTS, workload.name)),
        endpoints: Some(life),
        applies: None,
        endpoint_count: u64::from(workload.wanted),
        services: vec![service],
        objects: vec![1],
        seen: audiences.iter().map(seen).collect(),
    }
}

fn subscribers(
    program: &Program,
    audiences: &IndexVec<AudienceIdx, Audience>,
) -> IndexVec<SubscriberIdx, Subscriber> {
    let mut of_groups: IndexVec<GroupIdx, Option<AudienceIdx>> = IndexVec::filled(None, program.groups.len());
    for (index, audience) in audiences.iter_enumerated() {
        of_groups[audience.group] = Some(index);
    }
    let names: Vec<u64> = program.groups.iter().map(|group| hash_name(&group.name)).collect();
    let mut numbers = vec![0_u64; names.len()];
    let mut subscribers = IndexVec::new();
    for (proxy, one) in program.proxies.iter_enumerated() {
        let group = one.group.position();
        let identity = extend_path(names[group], numbers[group]);
        numbers[group] += 1;
        if let Some(audience) = of_groups[one.group] {
            subscribers.push(Subscriber { proxy, audience, identity });
        }
    }
    subscribers
}

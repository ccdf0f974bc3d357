//! The scenario: services, traffic, cluster and run, mesh-neutral. Which mesh it runs under is a [`super::MeshModel`].
//!
//! Times in distributions are nanoseconds, sizes bytes. Whoever holds a `Scenario` can rely on it: names are resolved,
//! indexes are in range, calls end (no cycle without a bound), every distribution is valid.

use crate::index::{Idx, IndexVec};
use crate::index_type;
use crate::kernel::dist::Dist;
use crate::units::{Bytes, Cores, Currency, Money, Ratio, Span};
use crate::vocabulary::routing::Status;
use crate::vocabulary::{ProxySettings, autoscale};

mod event;
mod guess;
mod life;
mod routing;
mod scope;

pub use event::{
    Between, Change, Event, EventKind, Network, Nodes as NodesEvent, NodesWhat, PlaneEvent, Repeated, Surge,
    Upgrade,
};
pub use guess::GuessedTime;
pub use routing::{Backend, Policy, Route, Subset, SubsetIdx, Version, VersionIdx};
pub(in crate::mesh) use routing::{merged, policy_of};
pub use scope::{External, Scope, Scopes};

pub use crate::vocabulary::{
    Amount, Application, Arrivals, Balancing, BalancingPolicy, CertificateSettings, Client, CpuTime,
    Discipline, HashOn, Header, HeaderValues, Issued, NodeCores, Objective, Origin, Phase, PodLife, Protocol,
    Readiness, Resources, RunSettings, TelemetrySettings, UpdateStrategy,
};

index_type! {
    /// A service of the scenario.
    pub struct ServiceIdx;
    /// A source of traffic: an entry into the call graph.
    pub struct SourceIdx;
    /// An operation, counted within its service.
    pub struct OperationIdx;
    /// A zone of the cluster.
    pub struct ZoneIdx;
}

/// What the user left open and got a default for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// The rates of all sources.
    pub rates: bool,
    /// Everything about runs, their length too.
    pub run: bool,
}

/// Everything the user said, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Names the results' folder.
    pub name: String,
    /// Workloads with their operations.
    pub services: IndexVec<ServiceIdx, Service>,
    /// Where requests come from.
    pub sources: IndexVec<SourceIdx, TrafficSource>,
    /// Rules for requests, those of one service in the order in which they are looked at.
    pub routes: Vec<Route>,
    /// The same after each event that applies routes, in the order of time: all that there are then.
    pub applied: Vec<Vec<Route>>,
    /// How callers treat services, beside [`Service::balancing`].
    pub policies: Vec<Policy>,
    /// What sidecars are told of, under a mesh that tells all it is allowed to.
    pub scopes: Scopes,
    /// Waypoints, under a mesh that has any; `None` is one for each namespace.
    pub waypoints: Option<Vec<Waypoint>>,
    /// What lies between and beneath the pods.
    pub cluster: Cluster,
    /// What happens during a run, in the order in which it is written.
    pub events: Vec<Event>,
    /// How long, how often, with which seed.
    pub run: RunSettings,
    /// How metrics are gathered.
    pub telemetry: TelemetrySettings,
    /// How proxies came to their certificates, if anything is said of it.
    pub certificates: Option<CertificateSettings>,
    /// Limits that set the exit code.
    pub slos: Vec<Slo>,
    /// Calls that a request of each source makes on average, the source's own included.
    pub calls: IndexVec<SourceIdx, f64>,
    /// What was not said.
    pub unsaid: Unsaid,
    /// An object acts only in meshes that read its kind; otherwise in all that can do what it says.
    pub as_written: bool,
    /// Service times that nobody said or saw: they are as little known as a mesh's constants.
    pub guesses: Vec<GuessedTime>,
}

/// A workload behind one service name.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Name within its namespace.
    pub name: String,
    /// Namespace; `default` if the user gave none.
    pub namespace: String,
    /// Labels of its pods.
    pub labels: Vec<(String, String)>,
    /// Number of instances, at least 1; those of its versions together.
    pub replicas: u32,
    /// Port it is called on, where that is known.
    pub port: Option<u16>,
    /// How many ports it has, at least 1: a mesh's proxies know each by itself.
    pub ports: u32,
    /// Workloads behind it that differ; empty if all instances are alike.
    pub versions: IndexVec<VersionIdx, Version>,
    /// Named parts of its endpoints.
    pub subsets: IndexVec<SubsetIdx, Subset>,
    /// What each of them runs.
    pub application: Application,
    /// How callers choose one of its instances; `None` is the mesh's own way.
    pub balancing: Option<Balancing>,
    /// Whether it gets a proxy when the mesh has one per pod.
    pub injected: bool,
    /// What it can be asked for, at least one.
    pub operations: IndexVec<OperationIdx, Operation>,
    /// What its own proxies take, at most one of each kind; those of versions are theirs.
    pub proxies: Vec<ProxySettings>,
    /// What decides how many instances there are, if anything does; never where it has versions.
    pub autoscale: Option<autoscale::Spec>,
}

impl Service {
    /// What it is asked for by a request that was meant for another service's operation: that of the same name, or of the
    /// same path and method, or its first.
    pub fn counterpart(&self, asked: &Operation) -> OperationIdx {
        let position = |same: &dyn Fn(&Operation) -> bool| self.operations.iter().position(same);
        let found = position(&|one| one.name == asked.name)
            .or_else(|| position(&|one| (&one.path, &one.method) == (&asked.path, &asked.method)));
        OperationIdx::at(found.unwrap_or(0))
    }

    /// `namespace/name`: unique in a scenario, and the address of this service's random streams.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// What its instances do about an operation: a body for each version, or one.
    pub fn bodies(&self, operation: OperationIdx) -> impl Iterator<Item = &Operation> {
        let whole = self.versions.is_empty().then(|| &self.operations[operation]);
        whole.into_iter().chain(self.versions.iter().map(move |version| &version.operations[operation]))
    }
}

/// One thing a service can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Unique within the service; `default` if the user gave none.
    pub name: String,
    /// Method of its requests.
    pub method: Option<String>,
    /// Path of its requests.
    pub path: Option<String>,
    /// Time the application works on it, in nanoseconds, calls and sleeps apart.
    pub service_time: Dist,
    /// How much of that burns CPU.
    pub cpu_time: CpuTime,
    /// Bytes of a request without the mesh's own.
    pub request_size: Dist,
    /// Bytes of a response without the mesh's own.
    pub response_size: Dist,
    /// Share of requests that fail of themselves after their service time ...
    pub error_ratio: Ratio,
    /// ... and with which status.
    pub error_status: Status,
    /// What it does after its service time, in order.
    pub script: Vec<Step>,
}

/// A step of a script; the next one starts when it has ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A call, `count` times one after the other.
    Call(Call),
    /// Waiting, in nanoseconds, without CPU.
    Sleep(Dist),
    /// All at once (a call of count n is n calls at once); ends with the last of them.
    Parallel(Vec<Action>),
}

/// What may stand in a parallel step.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A call, `count` times at once.
    Call(Call),
    /// Waiting, in nanoseconds.
    Sleep(Dist),
}

/// A call of another service: an edge of the call graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Who is called.
    pub service: ServiceIdx,
    /// For what.
    pub operation: OperationIdx,
    /// Chance that the call is made at all, drawn for each repetition.
    pub probability: Ratio,
    /// Repetitions, at least 1.
    pub count: u32,
    /// Request bytes instead of the operation's own.
    pub request_size: Option<Dist>,
    /// After this long the caller gives up; the work at the callee goes on.
    pub timeout: Option<Span>,
    /// A failure of this call leaves the caller's own response successful.
    pub optional: bool,
}

/// A source of requests for one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficSource {
    /// Names the entry in the results and its random streams.
    pub name: String,
    /// The service asked.
    pub service: ServiceIdx,
    /// The operation asked for.
    pub operation: OperationIdx,
    /// Host that its requests name.
    pub host: Option<String>,
    /// Where its requests come from.
    pub from: Origin,
    /// When they come.
    pub arrivals: Arrivals,
    /// Headers with the shares of their values; only what the configuration looks at matters.
    pub headers: Vec<Header>,
    /// After this long without a response the user gives up.
    pub timeout: Option<Span>,
}

/// A proxy that requests to its services go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waypoint {
    /// Unique among waypoints.
    pub name: String,
    /// The services it stands before; none of them is another waypoint's.
    pub services: Vec<ServiceIdx>,
    /// Number of pods; `None` is the profile's.
    pub replicas: Option<u32>,
    /// The zone its pods are in; `None` is any.
    pub zone: Option<ZoneIdx>,
}

/// What lies between and beneath the pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// One-way delay between two pods of a zone, in nanoseconds.
    pub network_delay: Dist,
    /// One-way delay between two pods in different zones, in nanoseconds.
    pub zone_delay: Dist,
    /// One-way delay between an outside client and the cluster, in nanoseconds.
    pub outside_delay: Dist,
    /// Bits per second of one flow; `None` is unlimited.
    pub bandwidth: Option<f64>,
    /// CPU speed relative to the profile's reference machine: 2 halves every CPU time of a proxy.
    pub cpu_speed: f64,
    /// Proxies pinned to cores they share.
    pub core_sets: Vec<CoreSet>,
    /// Names of the zones, at least one.
    pub zones: Vec<String>,
    /// The machines.
    pub nodes: Nodes,
    /// Who may use their cores.
    pub cores: NodeCores,
    /// Price of a GB (10⁹ bytes) that goes from one zone to another, sender and receiver together.
    pub cross_zone_price: Money,
    /// The currency of all prices.
    pub currency: Currency,
    /// Services that take no part in the traffic.
    pub others: Others,
}

/// Services of the cluster that take no part in the traffic. Each has one port and one cluster; proxies that are told of
/// everything, those of nodes and control planes hold them all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// How many.
    pub services: u64,
    /// Endpoints of all of them together: a pod each.
    pub endpoints: u64,
}

impl Others {
    /// Endpoints beyond the first of each service.
    pub const fn further_endpoints(self) -> u64 {
        self.endpoints.saturating_sub(self.services)
    }
}

/// The machines of the cluster, all alike, spread evenly over the zones.
#[derive(Clone, Debug, PartialEq)]
pub struct Nodes {
    /// How many, at least one per zone; `None` is as many as the pods' requests need.
    pub count: Option<u32>,
    /// What they are called in the price table.
    pub node_type: String,
    /// CPU of one.
    pub cores: Cores,
    /// Memory of one.
    pub memory: Bytes,
    /// Pods that one may hold.
    pub pods: u32,
    /// Price of one for an hour.
    pub price: Money,
}

/// Proxies that run on the same cores. One core is one server with several kinds of job; on several, any thread may run
/// on any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreSet {
    /// For messages.
    pub name: String,
    /// Services whose proxies (of replica 0, 1, … each with its own copy of the set) run there.
    pub services: Vec<ServiceIdx>,
    /// Sources whose client or gateway proxies run there.
    pub sources: Vec<SourceIdx>,
    /// Number of cores, at least 1.
    pub cores: u32,
}

/// A limit on an entry's results.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// The entry it concerns; `None` is every entry.
    pub source: Option<SourceIdx>,
    /// What is limited.
    pub objective: Objective,
}

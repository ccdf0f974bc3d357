//! The program: a scenario under one mesh, compiled to dense tables of numbers.
//!
//! No string is looked up and no map is searched once this stands; names remain only as labels of results and as hashes
//! that address random numbers. [`compile`] is total: nothing the user wrote can make it fail.
//!
//! A *workload* is whatever sends or serves: every service (in the scenario's order; of a service with versions each
//! version), then one per client or gateway. A *pod* is one instance of a workload. An *edge* joins a calling workload
//! and a called service, or a subset of its pods; what a pod knows of the endpoints of an edge is its own.

mod call;
mod compile;
pub mod control;
pub mod disturbance;
mod edge;
mod endpoints;
mod fates;
mod group;
pub mod happening;
pub mod lifecycle;
mod lookup;
mod node;
mod own_proxy;
mod pods;
mod resilience;
pub mod route;
pub mod telemetry;
mod workload;

use std::sync::Arc;

use crate::index::{Idx, IndexVec};
use crate::index_type;
use crate::kernel::dist::Dist;
use crate::kernel::station::{CoreIdx, Quota, WakeModel, Window, WorkerIdx};
use crate::mesh::model::{Dispatch, TelemetryModel};
use crate::mesh::scenario::{
    Arrivals, BalancingPolicy, Discipline, HeaderValues, OperationIdx, ServiceIdx, SourceIdx, VersionIdx,
};
use crate::placement::{Node, NodeIdx};
use crate::policy::arrival::Surges;
use crate::policy::balance::Targets;
use crate::units::{Currency, Money, SimTime, Span};
use crate::vocabulary::routing::Status;

pub use compile::compile;
pub use control::Control;
pub use disturbance::Disturbance;
pub use endpoints::Endpoints;
pub use lifecycle::Lifecycle;
pub use resilience::{Bounds, Resilience};
pub use route::{Route, RouteIdx};
use route::{Rule, RuleIdx};
pub use telemetry::{AfterRun, Telemetry};

index_type! {
    /// A service or a version of one, a client or a gateway.
    pub struct WorkloadIdx;
    /// One instance of a workload.
    pub struct PodIdx;
    /// A proxy process.
    pub struct ProxyIdx;
    /// A group of like proxies: those of one workload, or of the nodes.
    pub struct GroupIdx;
    /// An operation of any workload.
    pub struct CodeIdx;
    /// A step of a script.
    pub struct StepIdx;
    /// A call or a sleep in a step.
    pub struct ActionIdx;
    /// A place in a script, or a source, that makes calls.
    pub struct SiteIdx;
    /// A calling workload and whom it calls.
    pub struct EdgeIdx;
}

/// A scenario under one mesh, ready to run. Times are nanoseconds, sizes bytes.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the mesh profile.
    pub mesh: String,
    /// What can be called, in the scenario's order.
    pub services: IndexVec<ServiceIdx, Service>,
    /// How many of the workloads belong to services; they come first.
    pub serving: usize,
    /// Those of services first, in the scenario's order, then clients and gateways.
    pub workloads: IndexVec<WorkloadIdx, Workload>,
    /// Pods, those of a workload side by side.
    pub pods: IndexVec<PodIdx, Pod>,
    /// Groups of like proxies.
    pub groups: IndexVec<GroupIdx, ProxyGroup>,
    /// Every proxy.
    pub proxies: IndexVec<ProxyIdx, Proxy>,
    /// The core each worker thread runs on; those of a proxy side by side.
    pub workers: IndexVec<WorkerIdx, CoreIdx>,
    /// The cores that workers refer to; each with how many it stands for, more than one in a set of several cores.
    pub cores: IndexVec<CoreIdx, u32>,
    /// Operations.
    pub codes: IndexVec<CodeIdx, Code>,
    /// Steps, those of a script side by side.
    pub steps: IndexVec<StepIdx, Step>,
    /// Actions, those of a step side by side.
    pub actions: IndexVec<ActionIdx, Action>,
    /// Call sites.
    pub sites: IndexVec<SiteIdx, Site>,
    /// What proxies do with the calls of sites.
    pub routes: IndexVec<RouteIdx, Route>,
    /// The rules of all routes.
    pub rules: IndexVec<RuleIdx, Rule>,
    /// Edges.
    pub edges: IndexVec<EdgeIdx, Edge>,
    /// Sources of traffic.
    pub sources: IndexVec<SourceIdx, Source>,
    /// What the pods run on.
    pub machines: Machines,
    /// One-way delay between two pods of a zone.
    pub network_delay: Dist,
    /// One-way delay between two pods in different zones.
    pub zone_delay: Dist,
    /// One-way delay between an outside client and the cluster.
    pub outside_delay: Dist,
    /// Nanoseconds a byte takes on the wire.
    pub nanos_per_byte: f64,
    /// What changes during the run, and who is told; `None` where nothing does.
    pub control: Option<Box<Control>>,
    /// What the proxies' metrics are counted by.
    pub telemetry: AfterRun<Telemetry>,
    /// Pods that come and go; `None` where none do.
    pub lifecycle: Option<Box<Lifecycle>>,
    /// What goes on for a while beside all this, in the scenario's order.
    pub disturbances: Vec<Disturbance>,
    /// Requests whose intended arrival lies in it are measured.
    pub window: Window,
    /// Length of the time line's intervals.
    pub interval: Span,
    /// When the run gives up waiting for measured responses.
    pub drain_limit: SimTime,
    /// Everything random follows from it.
    pub seed: u64,
}

/// What the pods run on: nodes, all alike.
#[derive(Clone, Debug)]
pub struct Machines {
    /// Each with what is reserved on it.
    pub nodes: IndexVec<NodeIdx, Node>,
    /// There are as many nodes as the user says.
    pub given: bool,
    /// Names of the zones, at least one.
    pub zones: Vec<String>,
    /// CPU of a node in cores.
    pub cores: f64,
    /// Memory of a node in bytes.
    pub memory: u64,
    /// The containers of a node share its cores.
    pub shared: bool,
    /// Price of a node for an hour.
    pub price: Money,
    /// Price of a GB (10⁹ bytes) from one zone to another.
    pub cross_zone_price: Money,
    /// The currency of both.
    pub currency: Currency,
    /// What was assumed, and what did not fit: sentences for the reader of results.
    pub notes: Vec<String>,
}

/// A name that can be called, and the workloads behind it, whose pods are side by side.
#[derive(Clone, Debug)]
pub struct Service {
    /// `namespace/name`.
    pub name: String,
    /// Its workloads are `first_workload .. first_workload + workloads`: one, or one for each version.
    pub first_workload: WorkloadIdx,
    /// Number of workloads.
    pub workloads: u32,
}

impl Service {
    /// Its workloads.
    pub fn workloads(&self) -> impl Iterator<Item = WorkloadIdx> + use<> {
        let first = self.first_workload.position();
        (first..first + self.workloads as usize).map(WorkloadIdx::at)
    }
}

/// A service or a version of one, a client or a gateway.
#[derive(Clone, Debug)]
pub struct Workload {
    /// `namespace/name` of a service, `namespace/name@version` of a version, else the name of the client or gateway.
    pub name: String,
    /// The service it belongs to ...
    pub service: Option<ServiceIdx>,
    /// ... and which of its versions it is, if it has any.
    pub version: Option<VersionIdx>,
    /// Its operations are `first_code ..`, in the service's order; of a client or gateway there are none.
    pub first_code: CodeIdx,
    /// Its pods are `first_pod .. first_pod + pods`.
    pub first_pod: PodIdx,
    /// Places for pods; where no pods come and go, a pod is in each.
    pub pods: u32,
    /// Pods when the run begins: those of the first places.
    pub wanted: u32,
    /// Its proxies, if it has any.
    pub group: Option<GroupIdx>,
    /// How its instances serve.
    pub serving: Serving,
    /// Whether a worker stays busy while the instance waits for calls and sleeps.
    pub hold_workers: bool,
    /// Number of edges that start here.
    pub edges: u32,
    /// The application's connections per pod and edge; calls that find no room on them wait. `u32::MAX` is unlimited.
    pub pool_size: u32,
    /// Whether the application keeps connections.
    pub keep_alive: bool,
    /// Memory of an idle instance in bytes.
    pub memory: u64,
    /// CPU limit of an instance, where its threads could use more.
    pub cpu_limit: Option<CpuLimit>,
    /// Weight of its application on a node's cores: the CPU it asks for.
    pub cpu_weight: f64,
}

/// A CPU limit of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuLimit {
    /// Threads that share the quota.
    pub threads: u32,
    /// What they may use.
    pub quota: Quota,
}

impl CpuLimit {
    /// The limit in cores.
    pub fn cores(&self) -> f64 {
        self.quota.budget().nanos() as f64 / self.quota.period().nanos() as f64
    }
}

/// How an instance serves its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Any number at once.
    Unlimited,
    /// By a number of workers.
    Limited {
        /// Workers of an instance.
        workers: u32,
        /// Requests that may wait; `u32::MAX` is unlimited.
        queue_limit: u32,
        /// In which order.
        discipline: Discipline,
    },
}

/// One instance of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Of which workload.
    pub workload: WorkloadIdx,
    /// Its proxy: its own, or that of its node.
    pub proxy: Option<ProxyIdx>,
    /// The machine it runs on; `None` outside the cluster.
    pub node: Option<NodeIdx>,
    /// A hash of its workload's name and its number: the same whatever else is in the scenario.
    pub identity: u64,
    /// What it knows of its edges stands at `first_view + edge.slot`.
    pub first_view: u32,
}

/// A group of like proxies.
#[derive(Clone, Debug)]
pub struct ProxyGroup {
    /// The workload beside which they stand, or what they are.
    pub name: String,
    /// Worker threads each.
    pub workers: u32,
    /// How jobs find a worker.
    pub dispatch: Dispatch,
    /// Wake-ups, at the cluster's CPU speed.
    pub wake: WakeModel,
    /// CPU quota, where the workers could use more than it gives.
    pub quota: Option<Quota>,
    /// Squared coefficient of variation of a job's CPU as a law of mean 1; `None` is constant.
    pub variation: Option<Dist>,
    /// Delay of a pass beside CPU, in nanoseconds.
    pub pass_delay: u64,
    /// Weight on a node's cores: the CPU it asks for.
    pub cpu_weight: f64,
    /// CPU of an idle process, in cores.
    pub idle_cpu: f64,
    /// Bytes that the scheduler reserves for one.
    pub memory_request: Option<u64>,
    /// Bytes above which one would be killed.
    pub memory_limit: Option<u64>,
    /// Bytes of a proxy that has its configuration but no traffic.
    pub static_memory: f64,
    /// Bytes per service it has called, if it only holds those.
    pub memory_per_used_target: f64,
    /// Bytes per endpoint of those services.
    pub memory_per_used_endpoint: f64,
    /// Bytes per open connection.
    pub memory_per_connection: f64,
    /// Bytes per request in flight.
    pub memory_per_request: f64,
    /// Metrics, access logs and spans.
    pub telemetry: AfterRun<TelemetryModel>,
}

/// One proxy process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its group.
    pub group: GroupIdx,
    /// Its workers are `first_worker .. first_worker + group.workers`.
    pub first_worker: WorkerIdx,
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Code {
    /// Time the application works on it.
    pub service_time: Dist,
    /// CPU as a share of the service time ...
    pub cpu_share: f64,
    /// ... or a law of its own.
    pub cpu_time: Option<Dist>,
    /// Bytes of a response.
    pub response_size: Dist,
    /// Share of requests that fail of themselves ...
    pub error_ratio: f64,
    /// ... and what they answer, also when a call of theirs has failed.
    pub error_status: Status,
    /// Its script is `first_step .. first_step + steps`.
    pub first_step: StepIdx,
    /// Number of steps.
    pub steps: u32,
}

/// A step of a script: its actions all at once, the whole `repeat` times one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its actions are `first_action .. first_action + actions`.
    pub first_action: ActionIdx,
    /// Number of actions.
    pub actions: u32,
    /// Repetitions in sequence.
    pub repeat: u32,
}

/// A call or a sleep.
#[derive(Clone, Debug)]
pub enum Action {
    /// `copies` calls at once.
    Call {
        /// What is called.
        site: SiteIdx,
        /// Calls at once.
        copies: u32,
    },
    /// Waiting without CPU.
    Sleep {
        /// How long.
        time: Dist,
        /// Static place for its draws.
        place: u64,
    },
}

/// A place that makes calls.
#[derive(Clone, Debug)]
pub struct Site {
    /// From whom to whom.
    pub edge: EdgeIdx,
    /// What is asked for; the called pod's workload has its own code for it.
    pub operation: OperationIdx,
    /// Chance that the call is made.
    pub probability: f64,
    /// Bytes of the request.
    pub request_size: Dist,
    /// After this many nanoseconds the caller gives up; `u64::MAX` is never.
    pub timeout: u64,
    /// A failure leaves the caller's response successful.
    pub optional: bool,
    /// Static place for its draws: a hash of names, never of indexes.
    pub place: u64,
    /// Calls that the application makes again after a failure, at most so often.
    pub retries: u32,
    /// The edge leads to a waypoint, which makes this call in turn.
    pub relay: Option<SiteIdx>,
    /// What the calling proxy does with it; `None` is nothing but pass it on over the edge.
    pub route: Option<RouteIdx>,
}

/// A calling workload and a called service, or a subset of its pods.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Who calls.
    pub caller: WorkloadIdx,
    /// Who is called.
    pub callee: ServiceIdx,
    /// Name of the part of its pods that the edge leads to, if not to all.
    pub subset: Option<String>,
    /// The pods that take the call: the callee's, or a waypoint's that passes it on.
    pub endpoints: Endpoints,
    /// Position among the caller's edges.
    pub slot: u32,
    /// What the caller's proxy spends; `None` without one.
    pub outbound: Option<PassCost>,
    /// What the callee's proxy spends; `None` without one.
    pub inbound: Option<PassCost>,
    /// What a node proxy spends that serves both ends: it passes the call on at once. `None` if no proxy can.
    pub local: Option<PassCost>,
    /// How one endpoint is chosen.
    pub policy: BalancingPolicy,
    /// What all callers share of that choice: endpoints, hash tables.
    pub targets: Arc<Targets>,
    /// What a consistent hash is taken of.
    pub hash: HashInput,
    /// Peak-EWMA parameters: assumed latency and time constant.
    pub ewma: (Span, Span),
    /// What the caller's proxy keeps of the callee; `None` is nothing.
    pub resilience: Option<Box<Resilience>>,
    /// Connections to endpoints.
    pub pool: Pool,
    /// Calls that a connection of the application carries at once; 1 is HTTP/1.1.
    pub link_streams: u32,
    /// Bytes on the wire beside a request's payload ...
    pub request_overhead: u64,
    /// ... and beside a response's.
    pub response_overhead: u64,
}

/// CPU of one proxy on one edge, in nanoseconds at the cluster's CPU speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PassCost {
    /// Of a request.
    pub request: f64,
    /// Of a response.
    pub response: f64,
    /// Per payload byte.
    pub per_byte: f64,
}

/// What a consistent hash is taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashInput {
    /// The policy does not hash.
    Nothing,
    /// The calling pod.
    Source,
    /// The header whose name has this hash.
    Header(u64),
    /// The header whose name has this hash, or else a cookie that is made up for each user.
    Cookie {
        /// Hash of the header's name.
        name: u64,
        /// Nanoseconds that a made-up cookie lasts, zero being for ever.
        lifetime: u64,
    },
}

/// How connections of an edge are pooled and opened.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Streams on a connection at once; 1 is HTTP/1.1.
    pub streams: u32,
    /// An endpoint is chosen per connection, not per request.
    pub per_connection: bool,
    /// Each worker of the calling proxy has its own pool.
    pub per_worker: bool,
    /// A call whose connection does not come to be goes to another endpoint, and the endpoint is left alone for a while.
    pub elsewhere: bool,
    /// Connections are kept.
    pub keep_alive: bool,
    /// Round trips before the first byte of a request, in half round trips.
    pub handshake_legs: u32,
    /// CPU of a handshake at the connecting proxy, in nanoseconds.
    pub client_cpu: u64,
    /// CPU of a handshake at the accepting proxy, in nanoseconds.
    pub server_cpu: u64,
    /// CPU of opening a connection of an application at the calling and the called pod's proxy, in nanoseconds ...
    pub opening_cpu: [u64; 2],
    /// ... and of closing it.
    pub closing_cpu: [u64; 2],
    /// Unused for longer, a connection is closed.
    pub idle_timeout: u64,
    /// Connections are streams in tunnels between proxies; the handshake is then a tunnel's.
    pub tunnel: Option<Tunnel>,
}

/// Connections that carry connections (HBONE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Connections in a tunnel at once; one more opens another tunnel.
    pub streams: u32,
    /// Round trips to open a connection in a tunnel, in half round trips.
    pub stream_legs: u32,
    /// Unused for longer, a tunnel is closed.
    pub idle_timeout: u64,
}

/// A source of requests.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the entry.
    pub name: String,
    /// Hash of its name: the address of its requests' randomness.
    pub name_hash: u64,
    /// The client or gateway pods its requests go through.
    pub workload: WorkloadIdx,
    /// The call it makes.
    pub site: SiteIdx,
    /// When.
    pub arrivals: Arrivals,
    /// By what that is multiplied over time.
    pub surges: Surges,
    /// Headers by hash of their name.
    pub headers: Vec<(u64, HeaderValues)>,
    /// Requests come from outside the cluster and have a leg to the gateway or the entry service.
    pub outside: bool,
    /// The client workload is a gateway: its proxy time is also reported apart.
    pub gateway: bool,
}

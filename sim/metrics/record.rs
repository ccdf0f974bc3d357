//! The record of one replication: histograms and counters, nothing estimated yet.
//!
//! But for the time line, only requests whose intended arrival lies in the measuring window count; rates, utilizations and time-weighted means
//! cover exactly that window. All times are nanoseconds.

use std::fmt;

use hdrhistogram::Histogram;

use super::histogram::LogHistogram;
use super::telemetry::TelemetryRecord;
use super::timeline::TimelineRecord;
use crate::policy::pod_start::Stage;
use crate::vocabulary::failure::Cause;

/// Parts of a response time, in the order of the arrays below; they add up to it exactly.
pub const PARTS: [&str; 8] = [
    "application",
    "queueing",
    "outbound_proxy",
    "waypoint",
    "inbound_proxy",
    "handshake",
    "network",
    "abandoned",
];

/// Counts of failures by cause, in the order of [`Cause::ALL`].
pub type Causes = [u64; Cause::ALL.len()];

/// One replication of one scenario under one mesh. Rows are in the order of the program's tables.
#[derive(Clone, Default)]
pub struct RunRecord {
    /// Length of the measuring window, in nanoseconds.
    pub window: u64,
    /// One row per traffic source.
    pub entries: Vec<EntryRecord>,
    /// One row per service.
    pub services: Vec<ServiceRecord>,
    /// One row per version of the services that have any.
    pub versions: Vec<ServiceRecord>,
    /// One row per call edge (caller service or source → callee service).
    pub edges: Vec<EdgeRecord>,
    /// One row per group of like proxies (the sidecars of a service, the clients of a source, a gateway).
    pub proxies: Vec<ProxyRecord>,
    /// One row per machine.
    pub nodes: Vec<NodeRecord>,
    /// What all machines have in common.
    pub machines: MachineRecord,
    /// Bytes of measured requests from one zone to another, row by row: a square of as many zones as there are; zero
    /// within a zone.
    pub zone_bytes: Vec<u64>,
    /// Golden signals of each interval.
    pub timeline: TimelineRecord,
    /// Changes of configuration and what they cost; `None` where nothing changes.
    pub control: Option<Box<ControlRecord>>,
    /// Certificates of the proxies; `None` where none come to be.
    pub certificates: Option<Box<CertificateRecord>>,
    /// What the proxies' metrics, logs and spans amount to; it follows from the rest.
    pub telemetry: Option<Box<TelemetryRecord>>,
    /// Pods that came and went, of each workload of which some did; `None` where none do.
    pub lives: Option<Vec<LifeRecord>>,
    /// Fingerprint of what the measured requests asked for: a sum of hashes of their intended arrival times and of the
    /// service time of each visit. Equal under every mesh as long as no call is rejected or given up and versions of a
    /// service ask for the same things.
    pub demand: u64,
    /// Events handled, warm-up and drain included.
    pub events: u64,
    /// End-to-end requests simulated, warm-up and drain included.
    pub requests: u64,
}

/// As derived, but that nothing is said of a control plane where nothing changes, nor of telemetry, which follows from the
/// rest: the digest of such a run is the same as it always was.
impl fmt::Debug for RunRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            window,
            entries,
            services,
            versions,
            edges,
            proxies,
            nodes,
            machines,
            zone_bytes,
            timeline,
            control,
            certificates,
            telemetry: _,
            lives,
            demand,
            events,
            requests,
        } = self;
        let mut all = f.debug_struct("RunRecord");
        all.field("window", window).field("entries", entries).field("services", services);
        all.field("versions", versions).field("edges", edges).field("proxies", proxies);
        all.field("nodes", nodes).field("machines", machines).field("zone_bytes", zone_bytes);
        all.field("timeline", timeline).field("demand", demand).field("events", events);
        all.field("requests", requests);
        if let Some(control) = control {
            all.field("control", control);
        }
        if let Some(certificates) = certificates {
            all.field("certificates", certificates);
        }
        if let Some(lives) = lives {
            all.field("lives", lives);
        }
        all.finish()
    }
}

/// What the users of one source saw.
#[derive(Clone, Debug)]
pub struct EntryRecord {
    /// Measured requests: intended arrival in the window.
    pub arrived: u64,
    /// Response times of those answered successfully.
    pub succeeded: Histogram<u64>,
    /// Response times of those that failed.
    pub failed: Histogram<u64>,
    /// Failed ones by what made them fail, wherever in the call tree that was.
    pub causes: Causes,
    /// Measured requests without an answer at the end of the drain; they rank above every answered one.
    pub unfinished: u64,
    /// Responses of whatever request that left in the window (for throughput).
    pub completed_in_window: u64,
    /// Sum over successful measured requests of the time in each part of [`PARTS`].
    pub parts: [u64; PARTS.len()],
    /// Sum over successful measured requests of the time in the client's own proxy or the gateway: entry latency is given
    /// with and without a gateway.
    pub gateway: u64,
    /// Successful measured requests of the first and of the second half of the window, and their summed response times:
    /// a warm-up that was too short shows in them.
    pub halves: [(u64, u64); 2],
}

/// What the instances of one service, or of one of its versions, did in the window.
#[derive(Clone, Debug)]
pub struct ServiceRecord {
    /// Visits of measured requests that were answered.
    pub visits: u64,
    /// Those among them that failed of themselves or by a failed call.
    pub failures: u64,
    /// Visits that were rejected because the queue was full.
    pub rejected: u64,
    /// Time from the arrival at the instance until its response leaves it.
    pub response_time: LogHistogram,
    /// Time waited for a worker of the instance.
    pub queue_time: LogHistogram,
    /// Worker time used in the window, summed over instances; with limited workers, utilization is this over capacity.
    pub busy: u64,
    /// Workers of all instances; `None` when unlimited.
    pub workers: Option<u64>,
    /// CPU time of the application in the window, summed over instances.
    pub cpu: u64,
    /// Number of instances.
    pub instances: u64,
    /// Application memory of all instances in bytes.
    pub memory: u64,
}

impl ServiceRecord {
    /// The workloads of a service as one.
    ///
    /// # Panics
    /// When there are none.
    pub fn together(workloads: &[Self]) -> Self {
        let (first, rest) = workloads.split_first().expect("a service has a workload");
        let mut all = first.clone();
        for one in rest {
            all.visits += one.visits;
            all.failures += one.failures;
            all.rejected += one.rejected;
            all.response_time.merge(&one.response_time);
            all.queue_time.merge(&one.queue_time);
            all.busy += one.busy;
            all.workers = all.workers.zip(one.workers).map(|(left, right)| left + right);
            all.cpu += one.cpu;
            all.instances += one.instances;
            all.memory += one.memory;
        }
        all
    }
}

/// What went over one edge of the call graph.
#[derive(Clone, Debug)]
pub struct EdgeRecord {
    /// Calls of measured requests.
    pub calls: u64,
    /// Calls that failed at the callee or on the way.
    pub failures: u64,
    /// Failed calls by what made them fail, on this edge or beyond it.
    pub causes: Causes,
    /// Calls that the caller gave up.
    pub timeouts: u64,
    /// Those among the calls with which an application repeated a failed one.
    pub repeats: u64,
    /// Attempts: how often the calls were sent to an endpoint, or a connection to one was looked for. Where a retry goes
    /// to another backend, it counts with its call.
    pub attempts: u64,
    /// Copies of measured requests that were sent to a mirror; they are no calls.
    pub copies: u64,
    /// Time from the call until the caller has the response.
    pub response_time: LogHistogram,
    /// The part of it spent in proxies and on handshakes.
    pub proxy_time: LogHistogram,
    /// Connections opened on this edge in the window.
    pub handshakes: u64,
    /// Payload and overhead bytes, requests and responses, of measured requests.
    pub bytes: u64,
    /// Those among them that went from one zone to another.
    pub cross_zone_bytes: u64,
}

/// What a group of like proxies used in the window.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProxyRecord {
    /// Number of proxies.
    pub instances: u64,
    /// Workers of all of them.
    pub workers: u64,
    /// CPU time in the window, wake-ups and idle CPU included.
    pub cpu: u64,
    /// The part of it that went into wake-ups.
    pub wake_cpu: u64,
    /// Jobs (requests and responses) done in the window.
    pub jobs: u64,
    /// Sum over proxies of the time-weighted mean memory in the window, in bytes.
    pub memory_mean: f64,
    /// The largest memory any one of them reached, in bytes.
    pub memory_max: f64,
    /// What the scheduler reserves for one, in bytes; `None` is nothing.
    pub memory_request: Option<u64>,
    /// Above this one of them would be killed, in bytes; `None` is never.
    pub memory_limit: Option<u64>,
    /// Sum over proxies of the time-weighted mean number of open connections, both sides.
    pub connections_mean: f64,
}

/// What the pods of a machine reserve, and what they used in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeRecord {
    /// CPU time in the window of applications and proxies.
    pub cpu: u64,
    /// Time-weighted mean memory of applications and proxies in the window, in bytes.
    pub memory_mean: f64,
    /// CPU its pods ask the scheduler for, in cores.
    pub cpu_reserved: f64,
    /// Memory its pods ask the scheduler for, in bytes.
    pub memory_reserved: u64,
    /// Number of pods, those included that carry no request.
    pub pods: u32,
}

/// What all machines have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MachineRecord {
    /// CPU in cores.
    pub cores: f64,
    /// Memory in bytes.
    pub memory: u64,
    /// There are as many as the user says, not as many as the pods' requests need.
    pub given: bool,
    /// Containers share the cores, and are slower where they want more.
    pub shared: bool,
    /// Price of one for an hour.
    pub hour_price: f64,
    /// Price of a GB (10⁹ bytes) from one zone to another.
    pub gigabyte_price: f64,
}

/// Pods of a workload that came and went in the window.
#[derive(Clone, Debug, Default)]
pub struct LifeRecord {
    /// Pods that were made.
    pub started: u64,
    /// Pods that were deleted.
    pub ended: u64,
    /// Pods that were gone without warning.
    pub killed: u64,
    /// From when a pod was made until its endpoint was written.
    pub start_up: LogHistogram,
    /// Of each stage of a pod's start, in their order: how long after the pod was made it began and ended, summed over
    /// pods.
    pub stages: [(u64, u64); Stage::ALL.len()],
    /// Time for which pods were there, summed over them.
    pub pod_nanos: u64,
    /// Proxies beside them that were killed because their memory passed its limit, ...
    pub oom_kills: u64,
    /// ... and those that were started again.
    pub restarts: u64,
    /// Time for which pods waited for room, summed over them; only where nodes come and go.
    pub waiting_nanos: u64,
    /// How often an autoscaler changed how many are wanted.
    pub scalings: u64,
    /// Pods that are ready at the end of each interval of the time line; of several replications their sum.
    pub ready: Vec<u64>,
}

/// Certificates of the proxies in the window.
#[derive(Clone, Debug, Default)]
pub struct CertificateRecord {
    /// Certificates that proxies hold when the run begins.
    pub holders: u64,
    /// Certificates that were signed.
    pub issued: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// From when a request reaches the authority until it is signed, of those that were signed.
    pub authority_time: LogHistogram,
    /// CPU of the authority. Where that is the control plane, it is part of its CPU.
    pub issue_cpu: u64,
    /// CPU of the proxies: keys and requests.
    pub request_cpu: u64,
    /// Certificates signed in each interval of the time line; of several replications their sum.
    pub issued_over_time: Vec<u64>,
}

/// Changes of configuration that happened in the window, and what they cost.
#[derive(Clone, Default)]
pub struct ControlRecord {
    /// One row per event.
    pub changes: Vec<ChangeRecord>,
    /// Instances of the control plane.
    pub instances: u64,
    /// CPU that all of them might use, as many as there were on average, in cores.
    pub cores: f64,
    /// Proxies that it tells of changes.
    pub subscribers: u64,
    /// Pushes that were built in the window, by any instance.
    pub builds: u64,
    /// Messages to proxies in the window ...
    pub messages: u64,
    /// ... and their bytes.
    pub bytes: u64,
    /// The most proxies, or updates, that have waited at one instance at once.
    pub queue_max: u64,
    /// CPU time of all instances in the window.
    pub cpu: u64,
    /// The most CPU that they took in one interval of the time line, in cores.
    pub cpu_peak: f64,
    /// CPU time of the proxies in the window to take changes over.
    pub apply_cpu: u64,
    /// Memory in bytes of all instances that there are at first, with all proxies connected and nothing to send.
    pub memory: f64,
    /// Measured calls on routes that some event changes, and those of them that took older routes than were written.
    pub outdated: [u64; 2],
    /// What became of the instances.
    pub plane: PlaneRecord,
}

/// As derived, but that nothing is said of instances to which nothing happens.
impl fmt::Debug for ControlRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            changes,
            instances,
            cores,
            subscribers,
            builds,
            messages,
            bytes,
            queue_max,
            cpu,
            cpu_peak,
            apply_cpu,
            memory,
            outdated,
            plane,
        } = self;
        let mut all = f.debug_struct("ControlRecord");
        all.field("changes", changes).field("instances", instances).field("cores", cores);
        all.field("subscribers", subscribers).field("builds", builds).field("messages", messages);
        all.field("bytes", bytes).field("queue_max", queue_max).field("cpu", cpu);
        all.field("cpu_peak", cpu_peak).field("apply_cpu", apply_cpu).field("memory", memory);
        if *outdated != [0; 2] {
            all.field("outdated", outdated);
        }
        if plane.is_eventful() {
            all.field("plane", plane);
        }
        all.finish()
    }
}

/// The instances of a control plane over time, and what happened to them in the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlaneRecord {
    /// CPU that all instances used in each interval of the time line, in cores; like all of these empty without a control
    /// plane, and the sum over several replications.
    pub cores: Vec<f64>,
    /// Memory of all instances at the end of each interval, in bytes.
    pub memory: Vec<f64>,
    /// Proxies that wait to be pushed to, or updates that wait for a CPU, at the end of each interval.
    pub queue: Vec<u32>,
    /// Proxies that are connected at the end of each interval.
    pub connected: Vec<u32>,
    /// Instances that run at the end of each interval.
    pub running: Vec<u32>,
    /// The most memory that one instance had, in bytes.
    pub memory_max: f64,
    /// Messages to proxies, by [`PushKind::ALL`].
    pub pushes: [u64; PushKind::ALL.len()],
    /// What became of connections.
    pub sessions: SessionCounts,
    /// What became of instances.
    pub instances: InstanceCounts,
}

impl PlaneRecord {
    /// Whether anything happened to instances, or to connections but those of new proxies.
    pub fn is_eventful(&self) -> bool {
        let SessionCounts { connected: _, aged, lost, refused } = self.sessions;
        self.instances != InstanceCounts::default() || aged + lost + refused > 0
    }

    /// Adds another replication.
    pub(crate) fn add(&mut self, other: &Self) {
        fn sum<T: Copy + std::ops::AddAssign>(all: &mut [T], one: &[T]) {
            assert_eq!(all.len(), one.len(), "replications of one program have the same intervals");
            for (all, one) in all.iter_mut().zip(one) {
                *all += *one;
            }
        }
        sum(&mut self.cores, &other.cores);
        sum(&mut self.memory, &other.memory);
        sum(&mut self.queue, &other.queue);
        sum(&mut self.connected, &other.connected);
        sum(&mut self.running, &other.running);
        sum(&mut self.pushes, &other.pushes);
        self.memory_max = self.memory_max.max(other.memory_max);
        let (all, one) = (&mut self.sessions, other.sessions);
        all.connected += one.connected;
        all.aged += one.aged;
        all.lost += one.lost;
        all.refused += one.refused;
        let (all, one) = (&mut self.instances, other.instances);
        all.killed += one.killed;
        all.out_of_memory += one.out_of_memory;
        all.starved += one.starved;
        all.started += one.started;
        all.scalings += one.scalings;
    }
}

/// What a message of a control plane to a proxy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushKind {
    /// Routes or policies, and endpoints that changed with them.
    Full,
    /// Endpoints alone.
    Endpoints,
    /// All there is, to a proxy that has just connected.
    Connect,
}

impl PushKind {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Full, Self::Endpoints, Self::Connect];
}

/// What became of proxies' connections to the control plane in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Connections that were opened, those of new proxies included.
    pub connected: u64,
    /// That ended because they were old.
    pub aged: u64,
    /// That ended with their instance.
    pub lost: u64,
    /// That were refused because too many came at once.
    pub refused: u64,
}

/// What became of a control plane's instances in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstanceCounts {
    /// Gone without warning.
    pub killed: u64,
    /// Killed because they took too much memory.
    pub out_of_memory: u64,
    /// How often they were starved of CPU.
    pub starved: u64,
    /// That came to take connections.
    pub started: u64,
    /// How often an autoscaler changed how many there are.
    pub scalings: u64,
}

impl ControlRecord {
    /// All events as one.
    pub fn together(&self) -> ChangeRecord {
        let mut all = ChangeRecord::default();
        for change in &self.changes {
            all.add(change);
        }
        all
    }
}

/// What became of the changes of one event.
#[derive(Clone, Debug, Default)]
pub struct ChangeRecord {
    /// How often it happened.
    pub times: u64,
    /// Proxies that it concerned, summed over the times.
    pub concerned: u64,
    /// From a change until a proxy had it, for each proxy.
    pub convergence_time: LogHistogram,
    /// From a change until the last proxy had it, for each time that all had it.
    pub last_proxy: LogHistogram,
    /// Proxies that it had not reached when the run ended.
    pub unreached: u64,
}

impl ChangeRecord {
    /// Adds what became of other changes.
    pub(crate) fn add(&mut self, other: &Self) {
        self.times += other.times;
        self.concerned += other.concerned;
        self.convergence_time.merge(&other.convergence_time);
        self.last_proxy.merge(&other.last_proxy);
        self.unreached += other.unreached;
    }
}

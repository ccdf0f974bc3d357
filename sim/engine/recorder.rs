//! Counts and histograms of what counts towards the results.

use hdrhistogram::Histogram;

use crate::index::{Idx, IndexVec};
use crate::kernel::Uniform;
use crate::kernel::rng::extend_path;
use crate::kernel::station::Window;
use crate::metrics::RunRecord;
use crate::metrics::histogram::{Histograms, LogHistogram};
use crate::metrics::record::{EdgeRecord, EntryRecord, MachineRecord, NodeRecord, PARTS, ServiceRecord};
use crate::placement::{Node, NodeIdx, ZoneIdx};
use crate::program::{EdgeIdx, Machines, Program, Serving, WorkloadIdx};
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::Cause;

use super::call::Call;
use super::draw;
use super::occupancy::Occupancy;
use super::telemetry::Tally;
use super::timeline::Timeline;

/// Collects a [`RunRecord`].
#[derive(Debug)]
pub(super) struct Recorder {
    record: RunRecord,
    /// Of each workload that serves.
    services: Vec<ServiceRecord>,
    /// Response times and proxy times of each edge, and response times and queue times of each workload that serves.
    edge_times: Histograms,
    service_times: Histograms,
    window: Window,
    /// Calls made and over, measured or not.
    pub(super) calls_made: u64,
    pub(super) calls_over: u64,
    /// CPU of each workload that serves in the window, in nanoseconds.
    service_cpu: Vec<f64>,
    /// Visits of each workload that serves, measured or not.
    pub(super) visits: Vec<Occupancy>,
    /// CPU of the applications on each node in the window, in nanoseconds.
    node_cpu: IndexVec<NodeIdx, f64>,
    /// Number of zones.
    zones: usize,
    pub(super) timeline: Timeline,
    /// What the counts of each edge do not say of its failures and connections.
    pub(super) tallies: Vec<Tally>,
}

/// One request's work at a workload.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) service: usize,
    pub(super) node: Option<NodeIdx>,
    pub(super) waited: Span,
    pub(super) start: SimTime,
    pub(super) taken: Span,
    /// CPU time, spread evenly over `taken`, in nanoseconds.
    pub(super) cpu: f64,
}

impl Recorder {
    pub(super) fn new(program: &Program) -> Self {
        let services = program
            .workloads
            .iter()
            .take(program.serving)
            .map(|workload| ServiceRecord {
                visits: 0,
                failures: 0,
                rejected: 0,
                response_time: LogHistogram::new(),
                queue_time: LogHistogram::new(),
                busy: 0,
                workers: workers_of(&workload.serving, u64::from(workload.pods)),
                cpu: 0,
                instances: u64::from(workload.pods),
                memory: workload.memory * u64::from(workload.pods),
            })
            .collect();
        let zones = program.machines.zones.len();
        let record = RunRecord {
            entries: program.sources.iter().map(|_| new_entry()).collect(),
            edges: program.edges.iter().map(|_| new_edge()).collect(),
            nodes: nodes(program),
            machines: machines(&program.machines),
            zone_bytes: vec![0; zones * zones],
            ..RunRecord::default()
        };
        Self {
            record,
            services,
            edge_times: Histograms::new(2 * program.edges.len()),
            service_times: Histograms::new(2 * program.serving),
            window: program.window,
            calls_made: 0,
            calls_over: 0,
            service_cpu: vec![0.0; program.serving],
            visits: vec![Occupancy::default(); program.serving],
            node_cpu: IndexVec::filled(0.0, program.machines.nodes.len()),
            zones,
            timeline: Timeline::new(program),
            tallies: vec![Tally::default(); program.edges.len()],
        }
    }

    /// A measured request was meant to be sent at its start.
    pub(super) fn entry_arrived(&mut self, call: &Call) {
        self.record.entries[call.source.position()].arrived += 1;
        self.demand(call, call.started.nanos());
    }

    /// A request asks for something: the sum of hashes does not depend on the order.
    pub(super) fn demand(&mut self, call: &Call, nanos: u64) {
        if call.measured {
            let address = call.key.draws(draw::FINGERPRINT, call.path, 0, 0).bits();
            self.record.demand = self.record.demand.wrapping_add(extend_path(address, nanos));
        }
    }

    /// A request's response, or its user's patience, is there.
    pub(super) fn entry_answered(&mut self, call: &Call, now: SimTime) {
        self.timeline.response(call, now);
        let entry = &mut self.record.entries[call.source.position()];
        entry.completed_in_window += u64::from(self.window.contains(now));
        if !call.measured {
            return;
        }
        let nanos = now.since(call.started).nanos();
        assert_eq!(call.parts.iter().sum::<u64>(), nanos, "the parts of a response time add up to it");
        if call.failed {
            entry.causes[call.failure.cause as usize] += 1;
            count(&mut entry.failed, nanos);
            return;
        }
        count(&mut entry.succeeded, nanos);
        for (sum, part) in entry.parts.iter_mut().zip(call.parts) {
            *sum += part;
        }
        entry.gateway += call.outbound_time;
        let middle = self.window.start() + self.window.length().scale(0.5);
        let half = &mut entry.halves[usize::from(call.started >= middle)];
        half.0 += 1;
        half.1 += nanos;
    }

    /// A service works on a request.
    pub(super) fn work(&mut self, measured: bool, work: &Work) {
        self.timeline.work(work.service, work.start, work.taken, work.cpu);
        let cpu = if work.taken > Span::ZERO {
            let inside = self.window.overlap(work.start, work.start + work.taken).nanos() as f64;
            work.cpu * inside / work.taken.nanos() as f64
        } else if self.window.contains(work.start) {
            work.cpu
        } else {
            0.0
        };
        self.service_cpu[work.service] += cpu;
        if let Some(node) = work.node {
            self.node_cpu[node] += cpu;
        }
        if measured {
            self.service_times.record(2 * work.service + 1, work.waited.nanos());
        }
    }

    pub(super) fn rejected(&mut self, service: usize, measured: bool) {
        self.services[service].rejected += u64::from(measured);
    }

    /// A request reaches an instance of a service.
    pub(super) fn visit_begins(&mut self, call: &mut Call, service: usize, now: SimTime) {
        call.served = now;
        call.visiting = true;
        self.visits[service].enter(now, now);
        self.timeline.visit_begins(service);
    }

    /// A response leaves an instance of a service.
    pub(super) fn visit_over(&mut self, call: &mut Call, service: usize, now: SimTime) {
        call.visiting = false;
        self.visits[service].leave(now, call.served);
        self.timeline.visit_over(service, call.failed, now.since(call.served));
        if call.measured {
            let record = &mut self.services[service];
            record.visits += 1;
            record.failures += u64::from(call.failed);
            self.service_times.record(2 * service, now.since(call.served).nanos());
        }
    }

    pub(super) fn call_returned(&mut self, edge: EdgeIdx, call: &Call, now: SimTime) {
        if call.measured {
            let record = &mut self.record.edges[edge.position()];
            record.calls += 1;
            record.repeats += u64::from(call.attempt > 0);
            record.attempts += u64::from(call.sends);
            if call.failed {
                record.failures += 1;
                record.causes[call.failure.cause as usize] += 1;
                self.tallies[edge.position()].call_failed(call.failure);
            }
            self.edge_times.record(2 * edge.position(), now.since(call.started).nanos());
            self.edge_times.record(2 * edge.position() + 1, call.proxy_time);
        }
    }

    pub(super) fn call_given_up(&mut self, edge: EdgeIdx, call: &Call, now: SimTime) {
        self.call_returned(edge, call, now);
        self.record.edges[edge.position()].timeouts += u64::from(call.measured);
    }

    /// A copy is sent to an endpoint, or a connection to one is looked for.
    pub(super) fn copied(&mut self, edge: EdgeIdx, copy: &Call) {
        self.record.edges[edge.position()].copies += u64::from(copy.measured);
    }

    /// An attempt of a proxy has failed, whatever became of its call.
    pub(super) fn attempt_failed(&mut self, edge: EdgeIdx, call: &Call) {
        if call.measured {
            self.tallies[edge.position()].attempt_failed(call.failure);
        }
    }

    /// A connection of an edge is opened, or in a tunnel a stream.
    pub(super) fn connection(&mut self, edge: EdgeIdx, now: SimTime) {
        self.tallies[edge.position()].opened += u64::from(self.window.contains(now));
    }

    pub(super) fn handshake(&mut self, edge: EdgeIdx, now: SimTime) {
        self.record.edges[edge.position()].handshakes += u64::from(self.window.contains(now));
    }

    /// A message goes over an edge; `zones` are those it leaves and enters, if they differ.
    pub(super) fn bytes(
        &mut self,
        edge: EdgeIdx,
        call: &Call,
        bytes: u64,
        zones: Option<(ZoneIdx, ZoneIdx)>,
    ) {
        if !call.measured {
            return;
        }
        let record = &mut self.record.edges[edge.position()];
        record.bytes += bytes;
        if let Some((from, to)) = zones {
            record.cross_zone_bytes += bytes;
            self.record.zone_bytes[from.position() * self.zones + to.position()] += bytes;
        }
    }

    /// On average there were so many instances of a workload.
    pub(super) fn instances(&mut self, program: &Program, index: WorkloadIdx, instances: u64) {
        let workload = &program.workloads[index];
        if let Some(service) = self.services.get_mut(index.position()) {
            service.instances = instances;
            service.memory = workload.memory * instances;
            service.workers = workers_of(&workload.serving, instances);
        }
    }

    /// A node has held so many bytes on average.
    pub(super) fn hold(&mut self, node: Option<NodeIdx>, bytes: f64) {
        if let Some(node) = node {
            self.record.nodes[node.position()].memory_mean += bytes;
        }
    }

    /// Worker time of an instance in the window.
    pub(super) fn busy(&mut self, workload: WorkloadIdx, nanos: u64) {
        if let Some(service) = self.services.get_mut(workload.position()) {
            service.busy += nanos;
        }
    }

    pub(super) fn finish(mut self, program: &Program, window: u64) -> RunRecord {
        let times = self.service_times.all().chunks_exact_mut(2);
        for ((service, cpu), times) in self.services.iter_mut().zip(&self.service_cpu).zip(times) {
            service.cpu = cpu.round() as u64;
            service.response_time = std::mem::take(&mut times[0]);
            service.queue_time = std::mem::take(&mut times[1]);
        }
        for (edge, times) in self.record.edges.iter_mut().zip(self.edge_times.all().chunks_exact_mut(2)) {
            edge.response_time = std::mem::take(&mut times[0]);
            edge.proxy_time = std::mem::take(&mut times[1]);
        }
        for (node, cpu) in self.record.nodes.iter_mut().zip(&self.node_cpu) {
            node.cpu += cpu.round() as u64;
        }
        self.record.window = window;
        (self.record.services, self.record.versions) =
            program.by_service(&self.services, ServiceRecord::together);
        self.record.timeline = self.timeline.finish(program);
        self.record
    }
}

/// Workers of so many instances.
fn workers_of(serving: &Serving, instances: u64) -> Option<u64> {
    match serving {
        Serving::Unlimited => None,
        Serving::Limited { workers, .. } => Some(u64::from(*workers) * instances),
    }
}

fn new_entry() -> EntryRecord {
    let histogram = || Histogram::new(3).expect("three significant digits are valid");
    EntryRecord {
        arrived: 0,
        succeeded: histogram(),
        failed: histogram(),
        causes: [0; Cause::ALL.len()],
        unfinished: 0,
        completed_in_window: 0,
        parts: [0; PARTS.len()],
        gateway: 0,
        halves: [(0, 0); 2],
    }
}

fn new_edge() -> EdgeRecord {
    EdgeRecord {
        calls: 0,
        failures: 0,
        causes: [0; Cause::ALL.len()],
        timeouts: 0,
        repeats: 0,
        attempts: 0,
        copies: 0,
        response_time: LogHistogram::new(),
        proxy_time: LogHistogram::new(),
        handshakes: 0,
        bytes: 0,
        cross_zone_bytes: 0,
    }
}

/// What the nodes hold before anything runs.
fn nodes(program: &Program) -> Vec<NodeRecord> {
    let node = |node: &Node| NodeRecord {
        cpu: 0,
        memory_mean: 0.0,
        cpu_reserved: node.reserved.cores(),
        memory_reserved: node.reserved.bytes,
        pods: node.pods,
    };
    let mut nodes: Vec<NodeRecord> = program.machines.nodes.iter().map(node).collect();
    for pod in &program.pods {
        // Of those that come and go it is known at the end.
        if let Some(node) = pod.node.filter(|_| program.life(pod.workload).is_none()) {
            nodes[node.position()].memory_mean += program.workloads[pod.workload].memory as f64;
        }
    }
    nodes
}

fn machines(machines: &Machines) -> MachineRecord {
    MachineRecord {
        cores: machines.cores,
        memory: machines.memory,
        given: machines.given,
        shared: machines.shared,
        hour_price: machines.price.value(),
        gigabyte_price: machines.cross_zone_price.value(),
    }
}

fn count(histogram: &mut Histogram<u64>, nanos: u64) {
    histogram.record(nanos).expect("an auto-resizing histogram takes every value");
}

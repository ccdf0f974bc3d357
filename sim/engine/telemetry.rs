//! What the proxies' metrics, access logs and spans amount to: counted when the run is over, from what it has counted
//! anyway.
//!
//! A proxy has a series for each combination of labels that its traffic has produced: the workload or pod at the other end,
//! the called service, and what became of the request. The run does not keep which pod has sent what to which. It knows
//! how often a workload called another one (`n`) and what became of that, and calls spread evenly over pods: a
//! combination that a share `p` of them would have is there with probability 1 − (1 − p)ⁿ, and what is counted is the
//! sum of these, the expected number of combinations. Where an endpoint is chosen once per connection, the connections
//! that are open at the end say which pods have met.

mod outcome;
mod reach;

use std::collections::BTreeMap;

use crate::index::Idx;
use crate::mesh::model::{Logs, Metrics, Outcomes, Peers, Reports, SideModel, TelemetryModel};
use crate::mesh::scenario::ServiceIdx;
use crate::metrics::record::EdgeRecord;
use crate::metrics::telemetry::{Series, TelemetryRecord};
use crate::program::{EdgeIdx, GroupIdx, Program, WorkloadIdx};

pub(super) use outcome::Tally;
use outcome::{Labels, at_receiver, at_sender};
pub(super) use reach::Met;
use reach::{Cells, Proxies, distinct, shares};

const NANOS: f64 = 1e9;
const HOUR_SECONDS: f64 = 3600.0;

/// Telemetry of a run, from what each edge has counted, what is known of its failures and of pods that have met.
pub(super) fn count(
    program: &Program,
    edges: &[EdgeRecord],
    tallies: &[Tally],
    met: &[Met],
    window: u64,
) -> TelemetryRecord {
    let mut counter = Counter::new(program, edges, tallies, met, window);
    counter.add_proxies();
    let mut lanes: BTreeMap<(WorkloadIdx, ServiceIdx), Vec<EdgeIdx>> = BTreeMap::new();
    for (index, edge) in program.edges.iter_enumerated() {
        lanes.entry((edge.caller, edge.callee)).or_default().push(index);
    }
    for (&(caller, service), edges) in &lanes {
        counter.add_sent_to(caller, service, edges);
        for (callee, shares) in shares(program, edges) {
            counter.add_lane(&Lane { caller, service, callee, edges: &shares }, &lanes);
        }
        for &edge in edges {
            counter.add_logs_and_spans(edge);
        }
    }
    counter.finish()
}

/// The calls from a workload to one of those behind a service, or to the waypoint before it.
struct Lane<'l> {
    caller: WorkloadIdx,
    service: ServiceIdx,
    callee: WorkloadIdx,
    /// Edges between them, each with the share of its endpoints that are the callee's.
    edges: &'l [(EdgeIdx, f64)],
}

/// Calls with equal labels: for each edge, the share of them that this is about, and how many there are.
type Traffic = Vec<(f64, u64)>;

struct Counter<'r> {
    program: &'r Program,
    edges: &'r [EdgeRecord],
    tallies: &'r [Tally],
    met: &'r [Met],
    seconds: f64,
    /// Series that Prometheus holds of replaced pods, for each of one that is there.
    replaced_ratio: f64,
    record: TelemetryRecord,
}

impl<'r> Counter<'r> {
    fn new(
        program: &'r Program,
        edges: &'r [EdgeRecord],
        tallies: &'r [Tally],
        met: &'r [Met],
        window: u64,
    ) -> Self {
        let serving = program.workloads.iter().take(program.serving);
        let pods: u64 = serving.map(|workload| u64::from(workload.pods)).sum();
        let prometheus = program.telemetry.prometheus;
        let hours = prometheus.head_time.seconds() / HOUR_SECONDS;
        Self {
            program,
            edges,
            tallies,
            met,
            seconds: window as f64 / NANOS,
            replaced_ratio: program.telemetry.pods_replaced_per_hour * hours / pods.max(1) as f64,
            record: TelemetryRecord {
                of_groups: vec![0.0; program.groups.len()],
                scrape_interval: prometheus.scrape_interval.seconds(),
                bytes_per_series: prometheus.memory_per_series,
                ..TelemetryRecord::default()
            },
        }
    }

    fn model(&self, group: GroupIdx) -> &'r TelemetryModel {
        let program: &'r Program = self.program;
        &program.groups[group].telemetry
    }

    /// Whether the pods of a workload are among those that are replaced.
    fn is_replaced(&self, workload: WorkloadIdx) -> bool {
        workload.position() < self.program.serving
    }

    /// Series of proxies without traffic.
    fn add_proxies(&mut self) {
        for proxy in &self.program.proxies {
            let model = self.model(proxy.group);
            self.record.series.base += model.base_series;
            self.record.proxy_bytes += model.base_series * model.memory_per_counter;
            self.record.of_groups[proxy.group.position()] += model.base_series;
        }
        for (index, workload) in self.program.workloads.iter_enumerated() {
            if let Some(group) = workload.group.filter(|_| self.is_replaced(index)) {
                let base = self.model(group).base_series * f64::from(workload.pods);
                self.record.of_replaced_pods += base * self.replaced_ratio;
            }
        }
    }

    /// Series per called service, whoever answers.
    fn add_sent_to(&mut self, caller: WorkloadIdx, service: ServiceIdx, edges: &[EdgeIdx]) {
        let Some(proxies) = Proxies::of(self.program, caller) else { return };
        let model = self.model(proxies.group);
        let is_seen = edges.iter().any(|&edge| self.program.edges[edge].outbound.is_some());
        if !is_seen || model.service_series == 0.0 || self.program.telemetry.opaque[service] {
            return;
        }
        let traffic: Traffic = edges.iter().map(|edge| (1.0, self.edges[edge.position()].calls)).collect();
        let series = distinct(&proxies.cells, &traffic) * model.service_series;
        self.record.series.outbound += series;
        self.record.proxy_bytes += series * model.memory_per_counter;
        self.record.of_groups[proxies.group.position()] += series;
        if self.is_replaced(caller) {
            self.record.of_replaced_pods += series * self.replaced_ratio;
        }
    }

    /// What both ends of a lane report, or the waypoint at its end for both.
    fn add_lane(&mut self, lane: &Lane<'_>, all: &BTreeMap<(WorkloadIdx, ServiceIdx), Vec<EdgeIdx>>) {
        let sender = Proxies::of(self.program, lane.caller);
        let receiver = Proxies::of(self.program, lane.callee);
        let has_outbound = lane.edges.iter().any(|&(edge, _)| self.program.edges[edge].outbound.is_some());
        if let Some(sender) = sender.filter(|_| has_outbound)
            && self.model(sender.group).reports == Reports::Both
        {
            let model = self.model(sender.group);
            let pods = f64::from(self.program.workloads[lane.callee].pods);
            let (cells, is_by_pod) = match model.peers {
                Peers::Workload => (sender.cells.clone(), false),
                Peers::Endpoint => (sender.cells.of_each(pods), true),
            };
            let replaced = f64::from(u8::from(sender.is_own && self.is_replaced(lane.caller)))
                + f64::from(u8::from(is_by_pod && self.is_replaced(lane.callee)));
            let seen = Seen { proxies: &sender, cells, side: model.outbound, is_sent: true, replaced };
            self.add_side(lane, &seen);
        }
        let Some(receiver) = receiver else { return };
        let model = self.model(receiver.group);
        if model.reports == Reports::Passing {
            let behind = all.get(&(lane.callee, lane.service)).map(|edges| shares(self.program, edges));
            let behind = self.weights(&behind.unwrap_or_default());
            let cells = receiver.cells.of_shares(&behind);
            let seen = Seen { proxies: &receiver, cells, side: model.inbound, is_sent: false, replaced: 0.0 };
            return self.add_side(lane, &seen);
        }
        if lane.edges.iter().any(|&(edge, _)| self.program.edges[edge].inbound.is_some()) {
            let replaced = f64::from(u8::from(receiver.is_own && self.is_replaced(lane.callee)));
            let cells = receiver.cells.clone();
            let seen = Seen { proxies: &receiver, cells, side: model.inbound, is_sent: false, replaced };
            self.add_side(lane, &seen);
        }
    }

    /// The share of a waypoint's calls that each workload behind it takes.
    fn weights(&self, behind: &[(WorkloadIdx, Vec<(EdgeIdx, f64)>)]) -> Vec<f64> {
        let calls = |shares: &Vec<(EdgeIdx, f64)>| -> f64 {
            shares.iter().map(|(edge, share)| share * self.edges[edge.position()].calls as f64).sum()
        };
        let calls: Vec<f64> = behind.iter().map(|(_, shares)| calls(shares)).collect();
        let all: f64 = calls.iter().sum();
        calls.into_iter().filter(|_| all > 0.0).map(|calls| calls / all).collect()
    }

    fn add_side(&mut self, lane: &Lane<'_>, seen: &Seen<'_>) {
        let model = self.model(seen.proxies.group);
        let reads_requests = seen.proxies.is_own && !self.program.telemetry.opaque[lane.service];
        if reads_requests {
            let outcomes = self.outcomes(lane, seen.is_sent, |labels| labels.kept(model.outcomes));
            for traffic in outcomes.values() {
                self.add(seen, distinct(&seen.cells, traffic), seen.side.by_outcome);
            }
            self.add(seen, self.any(lane, seen), seen.side.by_peer);
        }
        if !reads_requests || model.counts_all_connections {
            self.add_connections(lane, seen);
        }
    }

    /// Whatever became of the calls.
    fn any(&self, lane: &Lane<'_>, seen: &Seen<'_>) -> f64 {
        let all = self.outcomes(lane, seen.is_sent, |_| Labels::default());
        all.values().map(|traffic| distinct(&seen.cells, traffic)).sum()
    }

    fn add_connections(&mut self, lane: &Lane<'_>, seen: &Seen<'_>) {
        let met: Vec<_> =
            lane.edges.iter().flat_map(|&(edge, _)| self.met[edge.position()].iter()).copied().collect();
        let opened = if met.is_empty() {
            self.any(lane, seen)
        } else {
            let is_by_pod = seen.is_sent && self.model(seen.proxies.group).peers == Peers::Endpoint;
            reach::distinct_of(self.program, &met, lane.callee, seen.is_sent, is_by_pod)
        };
        self.add(seen, opened, seen.side.connections);
        if matches!(self.model(seen.proxies.group).outcomes, Outcomes::CodeAndFlags | Outcomes::Flags) {
            let outcomes = self.outcomes(lane, seen.is_sent, Labels::of_connection);
            for (_, traffic) in outcomes.iter().filter(|(labels, _)| **labels != Labels::default()) {
                self.add(seen, distinct(&seen.cells, traffic), seen.side.connections);
            }
        }
    }

    /// The calls of a lane by what `labels` makes of what became of them, an edge's side by side.
    fn outcomes(
        &self,
        lane: &Lane<'_>,
        is_sent: bool,
        labels: impl Fn(Labels) -> Labels,
    ) -> BTreeMap<Labels, Traffic> {
        let mut by_labels: BTreeMap<Labels, Traffic> = BTreeMap::new();
        for &(edge, share) in lane.edges {
            let (record, tally) = (&self.edges[edge.position()], &self.tallies[edge.position()]);
            let outcomes = if is_sent { at_sender(record, tally) } else { at_receiver(record, tally) };
            for (outcome, calls) in outcomes {
                by_labels.entry(labels(outcome)).or_default().push((share, calls));
            }
        }
        by_labels
    }

    fn add(&mut self, seen: &Seen<'_>, combinations: f64, metrics: Metrics) {
        let model = self.model(seen.proxies.group);
        let series = combinations * model.series(metrics);
        let Series { outbound, inbound, .. } = &mut self.record.series;
        *(if seen.is_sent { outbound } else { inbound }) += series;
        self.record.of_groups[seen.proxies.group.position()] += series;
        self.record.proxy_bytes += combinations * model.memory(metrics);
        self.record.of_replaced_pods += series * seen.replaced * self.replaced_ratio;
    }

    /// Of the calls over an edge: the sender's and the receiver's.
    fn add_logs_and_spans(&mut self, index: EdgeIdx) {
        let edge = &self.program.edges[index];
        let record = &self.edges[index.position()];
        let is_opaque = self.program.telemetry.opaque[edge.callee];
        let opened = self.tallies[index.position()].opened;
        let receiving = edge.endpoints.pod(0);
        let receiver = Proxies::of(self.program, self.program.pods[receiving].workload);
        let sender = Proxies::of(self.program, edge.caller).filter(|_| edge.outbound.is_some());
        let received = record.attempts.max(record.calls) + record.copies;
        let ends = [(sender, record.calls, true), (receiver, received, false)];
        for (proxies, requests, is_sent) in
            ends.into_iter().filter_map(|(end, n, sent)| Some((end?, n, sent)))
        {
            let model = self.model(proxies.group);
            let is_passing = model.reports == Reports::Passing;
            if is_passing == is_sent && is_passing || !is_sent && !is_passing && edge.inbound.is_none() {
                continue;
            }
            let reads_requests = proxies.is_own && !is_opaque;
            let requests = if reads_requests { requests as f64 / self.seconds } else { 0.0 };
            let lines = match model.logs {
                Some(Logs::Request) if reads_requests => requests,
                Some(Logs::InboundRequest) if !is_sent => requests,
                Some(Logs::Request | Logs::Connection) => opened as f64 / self.seconds,
                Some(Logs::InboundRequest) | None => 0.0,
            };
            let spans = requests * model.sampled_ratio;
            for (sum, rate, bytes) in [
                (&mut self.record.log_lines, lines, model.log_line),
                (&mut self.record.spans, spans, model.span),
            ] {
                *sum = [sum[0] + rate, sum[1] + rate * bytes];
            }
        }
    }

    fn finish(self) -> TelemetryRecord {
        self.record
    }
}

/// One side of a lane, as the proxies there see it.
struct Seen<'s> {
    proxies: &'s Proxies,
    /// Combinations of a proxy and what it tells apart at the other end.
    cells: Cells,
    side: SideModel,
    is_sent: bool,
    /// Ends whose pods are replaced and make series of their own.
    replaced: f64,
}

#[cfg(test)]
mod tests;

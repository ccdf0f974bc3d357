//! Samples by caller and callee, each request counted once, as a graph.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Location;
use crate::input::kubernetes;
use crate::input::tree::Located;
use crate::vocabulary::Protocol;

use super::super::graph::{Entrance, Observed, Sum, Target};
use super::Sample;
use super::metrics::{Family, Part, Peer, Quantity};

/// Part of a service's requests by which counts of both ends may differ.
const NOISE: f64 = 0.02;

/// What was counted between two ends.
#[derive(Debug)]
struct Cell {
    /// Requests and those of them that failed, by who counted them: only the best of these counts.
    counted: [(f64, f64); 3],
    /// Failures in a metric of their own.
    failures: f64,
    server: Histogram,
    client: Histogram,
    request_size: Histogram,
    response_size: Histogram,
    protocol: Protocol,
    place: Location,
    /// Requests of all callers together, whoever they are.
    inbound: bool,
}

/// Sum, number and buckets of values.
#[derive(Debug, Default)]
struct Histogram {
    sum: f64,
    count: f64,
    /// Values up to this bound, by its bits, which are in order for positive numbers.
    buckets: BTreeMap<u64, f64>,
}

/// All cells of a query.
#[derive(Debug, Default)]
pub(super) struct Cells {
    cells: BTreeMap<(Peer, Peer), Cell>,
}

impl Cells {
    /// From the samples that tell of calls.
    pub(super) fn gather(samples: &[Sample]) -> Self {
        let mut services: BTreeMap<(String, String), (String, String)> = BTreeMap::new();
        for peer in samples.iter().filter_map(Sample::callee).filter(|peer| !peer.workload.is_empty()) {
            let key = (peer.namespace, peer.workload);
            services.entry(key).or_insert((peer.service, peer.version));
        }
        let mut cells = Self::default();
        for sample in samples {
            let Some(callee) = sample.callee() else { continue };
            let mut caller = sample.caller();
            // A workload is of the service as which it is called.
            let own = services.get(&(caller.namespace.clone(), caller.workload.clone()));
            if let Some((service, version)) = own {
                caller.service.clone_from(service);
                caller.version.clone_from(version);
            }
            let cell = cells.cells.entry((caller, callee)).or_insert_with(|| Cell::new(sample));
            cell.add(sample);
        }
        cells
    }

    /// Adds everything to a graph.
    pub(super) fn fill(self, samples: &[Sample], observed: &mut Observed) {
        let callees: BTreeSet<Peer> = self.cells.keys().map(|(_, callee)| callee.clone()).collect();
        let mut names: Vec<(Peer, Target)> = Vec::new();
        let mut inbound: Vec<(Target, f64)> = Vec::new();
        let mut called: BTreeMap<Target, f64> = BTreeMap::new();
        for ((caller, callee), cell) in &self.cells {
            let to = node(observed, callee, cell.place);
            names.push((callee.clone(), to));
            let (requests, failures) = cell.requests();
            cell.serve(observed, to, requests);
            if cell.inbound {
                inbound.push((to, requests));
                continue;
            }
            observed.at_mut(to).failures += failures;
            *called.entry(to).or_default() += requests;
            if let Some(entrance) = entrance(caller, &callees) {
                *observed.at_mut(to).entries.entry(entrance).or_default() += requests;
                continue;
            }
            let from = node(observed, caller, cell.place);
            names.push((caller.clone(), from));
            cell.call(observed, from, to, requests, failures);
        }
        for (to, all) in inbound {
            let others = all - called.get(&to).copied().unwrap_or(0.0);
            if others > all * NOISE {
                *observed.at_mut(to).entries.entry(Entrance::Outside).or_default() += others;
            }
        }
        cpu(samples, &names, observed);
    }
}

/// The operation of a peer.
fn node(observed: &mut Observed, peer: &Peer, place: Location) -> Target {
    let located = |text: &String| Located::new(text.clone(), place);
    let namespace = (!peer.namespace.is_empty()).then(|| located(&peer.namespace));
    let service = observed.service(namespace, &located(&peer.service));
    observed.only_of(service, located(&peer.version))
}

/// Where requests of a caller come in that is no service itself.
fn entrance(caller: &Peer, callees: &BTreeSet<Peer>) -> Option<Entrance> {
    if caller.service.is_empty() {
        return Some(Entrance::Outside);
    }
    if callees.iter().any(|callee| callee.service == caller.service && callee.namespace == caller.namespace) {
        return None;
    }
    let name = caller.workload.clone();
    match () {
        () if name == "user" => Some(Entrance::Outside),
        () if name.contains("gateway") || name.contains("ingress") => Some(Entrance::Gateway(name)),
        () if kubernetes::makes_load(&name) => Some(Entrance::Client(name)),
        () => None,
    }
}

impl Cell {
    fn new(sample: &Sample) -> Self {
        Self {
            counted: [(0.0, 0.0); 3],
            failures: 0.0,
            server: Histogram::default(),
            client: Histogram::default(),
            request_size: Histogram::default(),
            response_size: Histogram::default(),
            protocol: Protocol::Http1,
            place: sample.place,
            inbound: sample.measure.family == Family::Linkerd && sample.text("direction") == "inbound",
        }
    }

    fn add(&mut self, sample: &Sample) {
        let measure = sample.measure;
        if sample.text("request_protocol") == "grpc" || !sample.text("grpc_response_status").is_empty() {
            self.protocol = Protocol::Grpc;
        }
        // Both ends report the same request; `response_total` and `request_total` count it twice, too.
        let reporter = match (sample.text("reporter"), sample.text("__name__"), sample.text("metric")) {
            ("destination", ..) | (_, "request_total", _) | (.., "request_total") => 1,
            ("waypoint", ..) => 2,
            _ => 0,
        };
        let by_client = matches!(sample.text("reporter"), "source") || sample.text("direction") == "outbound";
        match measure.quantity {
            Quantity::Requests => {
                let (all, failed) = &mut self.counted[reporter];
                *all += sample.value;
                *failed += if sample.failed() { sample.value } else { 0.0 };
            }
            Quantity::Failures => self.failures += sample.value,
            Quantity::Time if by_client => self.client.add(sample),
            Quantity::Time if reporter == 2 => {}
            Quantity::Time | Quantity::ServerTime => self.server.add(sample),
            Quantity::ClientTime => self.client.add(sample),
            Quantity::RequestSize => self.request_size.add(sample),
            Quantity::ResponseSize => self.response_size.add(sample),
            Quantity::Cpu => {}
        }
    }

    /// Requests, and how many of them failed.
    fn requests(&self) -> (f64, f64) {
        let (all, failed) = self.counted.into_iter().find(|(all, _)| *all > 0.0).unwrap_or_default();
        (all, failed.max(self.failures).min(all))
    }

    /// What the callee did.
    fn serve(&self, observed: &mut Observed, to: Target, requests: f64) {
        let protocol = &mut observed.services[to.service].protocol;
        if protocol.is_none() || self.protocol == Protocol::Grpc {
            *protocol = Some(self.protocol);
        }
        let operation = observed.at_mut(to);
        self.server.moments(requests, &mut operation.response);
        self.request_size.moments(requests, &mut operation.request_size);
        self.response_size.moments(requests, &mut operation.response_size);
    }

    /// What the caller did; what lies between both ends is told.
    fn call(&self, observed: &mut Observed, from: Target, to: Target, requests: f64, failures: f64) {
        let call = observed.call(from, to, self.place);
        call.calls += requests;
        call.failures += failures;
        self.client.moments(requests, &mut call.time);
        if let (Some((client, _)), Some((server, _))) = (self.client.mean_cv(), self.server.mean_cv()) {
            observed.remark_overhead(from, to, client, server);
        }
    }
}

impl Histogram {
    fn add(&mut self, sample: &Sample) {
        let unit = f64::from(sample.measure.unit);
        match sample.measure.part {
            Part::Sum => self.sum += sample.value * unit,
            Part::Count => self.count += sample.value,
            Part::Bucket => {
                let bound = sample.text("le").parse::<f64>().unwrap_or(f64::NAN);
                if bound >= 0.0 {
                    *self.buckets.entry((bound * unit).to_bits()).or_default() += sample.value;
                }
            }
            Part::Total => {}
        }
    }

    /// Mean and, from buckets, the coefficient of variation: values lie in the middle of their bucket, those of the last
    /// one at its lower bound.
    fn mean_cv(&self) -> Option<(f64, Option<f64>)> {
        let mut in_buckets = (0.0, 0.0, 0.0);
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, up_to) in &self.buckets {
            let bound = f64::from_bits(*bound);
            let middle = if bound.is_finite() { f64::midpoint(low, bound) } else { low };
            let here = (up_to - below).max(0.0);
            in_buckets.0 += here;
            in_buckets.1 += here * middle;
            in_buckets.2 += here * middle * middle;
            (low, below) = (bound, below.max(*up_to));
        }
        let (count, sum, squares) = in_buckets;
        let middle = sum / count;
        let cv = libm::sqrt((squares / count - middle * middle).max(0.0)) / middle;
        let cv = (count > 0.0 && cv.is_finite()).then_some(cv);
        let mean = self.sum / self.count;
        match cv {
            _ if self.count > 0.0 && mean.is_finite() => Some((mean, cv)),
            Some(_) if middle.is_finite() => Some((middle, cv)),
            _ => None,
        }
    }

    fn moments(&self, requests: f64, to: &mut Sum) {
        let Some((mean, cv)) = self.mean_cv() else { return };
        let weight = if requests > 0.0 { requests } else { self.count };
        match cv {
            Some(cv) => to.add_spread(mean, cv, weight),
            None => to.add_mean(mean, weight),
        }
    }
}

/// Containers' CPU, by the workload that a pod's name begins with.
fn cpu(samples: &[Sample], names: &[(Peer, Target)], observed: &mut Observed) {
    for sample in samples.iter().filter(|sample| sample.measure.quantity == Quantity::Cpu) {
        let container = sample.text("container");
        if matches!(container, "" | "POD" | "istio-proxy" | "linkerd-proxy") {
            continue;
        }
        let pod = match sample.text("pod") {
            "" => container,
            pod => pod,
        };
        let namespace = sample.text("namespace");
        let owns = |name: &str| {
            !name.is_empty()
                && pod.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let of = names.iter().filter(|(peer, _)| {
            let here = namespace.is_empty() || peer.namespace.is_empty() || peer.namespace == namespace;
            here && (owns(&peer.workload) || owns(&peer.service))
        });
        let length =
            |peer: &Peer| if owns(&peer.workload) { peer.workload.len() } else { peer.service.len() };
        if let Some((_, target)) = of.max_by_key(|(peer, _)| length(peer)) {
            let workload = &mut observed.services[target.service].workloads[target.workload];
            workload.cores = Some(workload.cores.unwrap_or(0.0) + sample.value);
        }
    }
}

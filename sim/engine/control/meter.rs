//! What the instances of a control plane do over time.

use crate::index::Idx;
use crate::metrics::record::{CertificateRecord, ControlRecord, NodeRecord, PlaneRecord, ProxyRecord};
use crate::units::{SimTime, Span};

use super::instances::State;
use super::{Control, Plane};

/// What has been seen at the ends of intervals.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// CPU used up to the last interval's end.
    sampled: (SimTime, Span),
    /// The most that any interval had, in cores.
    peak: f64,
    /// The most memory that one instance had in the window, in bytes.
    pub(super) memory_max: f64,
    cores: Vec<f64>,
    memory: Vec<f64>,
    queue: Vec<u32>,
    connected: Vec<u32>,
    instances: Vec<u32>,
}

impl Control<'_> {
    /// An interval of the time line ends.
    pub(in crate::engine) fn sample(&mut self, now: SimTime) {
        let (since, before) = self.meter.sampled;
        if matches!(self.plane, Plane::Nobody) || now == since {
            return;
        }
        let used = self.used_by_all(now)[0];
        let cores = used.saturating_sub(before).nanos() as f64 / now.since(since).nanos() as f64;
        if now > self.shared.program.window.start() {
            self.meter.peak = self.meter.peak.max(cores);
        }
        self.meter.sampled = (now, used);
        self.meter.cores.push(cores);
        let running: Vec<u32> = self.instances.of(State::Running).collect();
        self.meter.memory.push(running.iter().map(|&number| self.memory_of(number)).sum());
        self.meter.queue.push(self.plane.waiting());
        self.meter.connected.push(self.shared.sessions.open());
        self.meter.instances.push(running.len() as u32);
    }

    /// Memory of all instances of the start, with all proxies connected to them, in bytes.
    fn memory_at_rest(&self) -> f64 {
        let setup = self.shared.setup;
        setup.instance.as_ref().map_or(0.0, |instance| {
            instance.memory.base * f64::from(setup.replicas)
                + instance.memory.per_proxy * setup.subscribers.len() as f64
        })
    }

    /// The record; control threads' CPU is added to those of their proxies and nodes.
    pub(in crate::engine) fn finish(
        self,
        end: SimTime,
        proxies: &mut [ProxyRecord],
        nodes: &mut [NodeRecord],
    ) -> (ControlRecord, Option<CertificateRecord>) {
        let (program, setup) = (self.shared.program, self.shared.setup);
        let cpu = self.used_by_all(end)[1];
        let window = program.window.length().nanos() as f64;
        let instances = self.all_ran(end) as f64 / window;
        let capacity = setup.cores * window * instances;
        assert!(cpu.nanos() as f64 <= capacity * (1.0 + 1e-9) + 1e3, "instances have so many cores");
        let (builds, queue_max) = (self.plane.builds(), self.plane.queue_max());
        let (builds, queue_max) = (builds + self.instances.builds, queue_max.max(self.instances.queue_max));
        let memory = self.memory_at_rest();
        let plane = PlaneRecord {
            cores: self.meter.cores,
            memory: self.meter.memory,
            queue: self.meter.queue,
            connected: self.meter.connected,
            running: self.meter.instances,
            memory_max: self.meter.memory_max,
            pushes: self.shared.pushes,
            sessions: self.shared.sessions.counts(),
            instances: self.instances.counts(),
        };
        let shared = self.shared;
        let certificates = self.certificates.map(|certificates| certificates.finish(proxies));
        for (group, cpu) in shared.applied.iter_enumerated() {
            proxies[group.position()].cpu += cpu;
        }
        for (proxy, node) in program.nodes_of_proxies().iter_enumerated() {
            if let Some(node) = node {
                nodes[node.position()].cpu += shared.applied_by[proxy];
            }
        }
        let record = ControlRecord {
            changes: shared.changes.finish(),
            instances: u64::from(setup.replicas),
            cores: setup.cores * instances,
            subscribers: setup.subscribers.len() as u64,
            builds,
            messages: shared.messages,
            bytes: shared.bytes,
            queue_max: u64::from(queue_max),
            cpu: cpu.nanos(),
            cpu_peak: self.meter.peak,
            apply_cpu: shared.applied.iter().sum(),
            memory,
            outdated: shared.told.map_or([0; 2], |told| told.calls()),
            plane,
        };
        (record, certificates)
    }
}

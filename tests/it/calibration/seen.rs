//! One run of a set-up, and what it shows.

use std::sync::atomic::AtomicBool;

use sim::engine;
use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::program::compile;

use crate::common::scenario;

/// What a run of a scenario with one source shows.
#[derive(Debug)]
pub(super) struct Seen {
    record: RunRecord,
    /// Names of the groups of proxies.
    groups: Vec<String>,
}

impl Seen {
    pub(super) fn of(text: &str, mesh: &MeshModel) -> Self {
        let program = compile(&scenario(text), mesh);
        let record = engine::run(&program, 0, &AtomicBool::new(false)).expect("nothing stops it");
        let groups = program.groups.iter().map(|group| group.name.clone()).collect();
        Self { record, groups }
    }

    /// Microseconds.
    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        self.record.entries[0].succeeded.value_at_quantile(quantile) as f64 / 1e3
    }

    /// CPU microseconds per request of all proxies whose group's name has this in it.
    pub(super) fn cpu(&self, group: &str) -> f64 {
        let nanos: u64 = self.of_group(group).map(|proxy| proxy.cpu).sum();
        nanos as f64 / 1e3 / self.record.entries[0].arrived as f64
    }

    /// Share of their CPU that goes into wake-ups.
    pub(super) fn wake_share(&self, group: &str) -> f64 {
        let nanos: u64 = self.of_group(group).map(|proxy| proxy.wake_cpu).sum();
        nanos as f64 / 1e3 / self.record.entries[0].arrived as f64 / self.cpu(group)
    }

    /// Cores that they take.
    pub(super) fn cores(&self, group: &str) -> f64 {
        self.of_group(group).map(|proxy| proxy.cpu).sum::<u64>() as f64 / self.record.window as f64
    }

    /// Megabytes of one of them, on average.
    pub(super) fn memory(&self, group: &str) -> f64 {
        let (sum, instances) = self
            .of_group(group)
            .fold((0.0, 0), |(sum, instances), proxy| (sum + proxy.memory_mean, instances + proxy.instances));
        sum / instances as f64 / 1e6
    }

    fn of_group<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a sim::metrics::record::ProxyRecord> {
        let named = move |(group, _): &(&String, _)| group.contains(name);
        self.groups.iter().zip(&self.record.proxies).filter(named).map(|(_, record)| record)
    }
}

/// A client pod and a server pod on two machines of their own, as load tests of one hop have them.
#[derive(Clone, Debug)]
pub(super) struct Pair<'a> {
    pub(super) arrivals: String,
    /// What a request takes without any proxy, network apart.
    pub(super) service_time: &'a str,
    pub(super) request_bytes: u32,
    pub(super) response_bytes: u32,
    pub(super) network_delay: &'a str,
    pub(super) cpu_speed: f64,
    pub(super) seconds: u32,
}

impl Pair<'_> {
    pub(super) fn under(&self, mesh: &MeshModel) -> Seen {
        let Self { arrivals, service_time, request_bytes, response_bytes, .. } = self;
        let Self { network_delay, cpu_speed, seconds, .. } = self;
        let text = format!(
            "version: 1
name: pair
services:
  - name: server
    service_time: {service_time}
    cpu_time: 0s
    resources: {{cpu_request: 2}} # so that the client stands elsewhere
    request_size: {request_bytes}
    response_size: {response_bytes}
traffic:
  - {{name: client, service: server, from: meshed_client, arrivals: {arrivals}}}
cluster:
  network_delay: {network_delay}
  cpu_speed: {cpu_speed}
  cores: unlimited
  nodes: {{count: 2}}
run: {{warm_up: 2s, duration: {seconds}s, seed: 1}}
"
        );
        Seen::of(&text, mesh)
    }
}

//! Several replications as one record: counts added, histograms merged, time-weighted means weighted by their window.
//! Time lines are not pooled.

use super::record::{
    Causes, CertificateRecord, ChangeRecord, ControlRecord, EdgeRecord, EntryRecord, LifeRecord, NodeRecord,
    ProxyRecord, RunRecord, ServiceRecord,
};
use super::timeline::TimelineRecord;

/// The replications taken together; the window is the sum of theirs. Empty without replications.
pub(crate) fn pool(records: &[RunRecord]) -> RunRecord {
    let Some((first, rest)) = records.split_first() else { return RunRecord::default() };
    let mut pooled = RunRecord { timeline: TimelineRecord::default(), ..first.clone() };
    pooled.entries.iter_mut().for_each(open);
    for record in rest {
        let weights = (pooled.window, record.window);
        each(&mut pooled.entries, &record.entries, add_entry);
        each(&mut pooled.services, &record.services, add_service);
        each(&mut pooled.versions, &record.versions, add_service);
        each(&mut pooled.edges, &record.edges, add_edge);
        each(&mut pooled.proxies, &record.proxies, |pooled, one| add_proxy(pooled, one, weights));
        each(&mut pooled.nodes, &record.nodes, |pooled, one| add_node(pooled, one, weights));
        each(&mut pooled.zone_bytes, &record.zone_bytes, |pooled, one| *pooled += one);
        if let (Some(pooled), Some(one)) = (&mut pooled.control, &record.control) {
            add_control(pooled, one);
        }
        if let (Some(pooled), Some(one)) = (&mut pooled.certificates, &record.certificates) {
            add_certificates(pooled, one);
        }
        if let (Some(pooled), Some(one)) = (&mut pooled.telemetry, &record.telemetry) {
            pooled.average(one, |left, right| weighted(left, right, weights));
        }
        if let (Some(pooled), Some(one)) = (&mut pooled.lives, &record.lives) {
            each(pooled, one, add_life);
        }
        pooled.window += record.window;
        pooled.demand = pooled.demand.wrapping_add(record.demand);
        pooled.events += record.events;
        pooled.requests += record.requests;
    }
    pooled
}

/// One entry of all replications; `None` without replications.
pub(crate) fn pool_entry(records: &[RunRecord], entry: usize) -> Option<EntryRecord> {
    let (first, rest) = records.split_first()?;
    let mut pooled = first.entries.get(entry)?.clone();
    open(&mut pooled);
    for record in rest {
        add_entry(&mut pooled, &record.entries[entry]);
    }
    Some(pooled)
}

/// Whatever the bounds of the first replication's histograms, the others' values must fit.
fn open(entry: &mut EntryRecord) {
    entry.succeeded.auto(true);
    entry.failed.auto(true);
}

/// Adds row by row.
///
/// # Panics
/// When the tables differ in length: they are not replications of one program.
fn each<T>(pooled: &mut [T], one: &[T], add: impl Fn(&mut T, &T)) {
    assert_eq!(pooled.len(), one.len(), "replications of one program have the same rows");
    for (pooled, one) in pooled.iter_mut().zip(one) {
        add(pooled, one);
    }
}

fn add_entry(pooled: &mut EntryRecord, one: &EntryRecord) {
    pooled.arrived += one.arrived;
    for (all, some) in [(&mut pooled.succeeded, &one.succeeded), (&mut pooled.failed, &one.failed)] {
        all.add(some).expect("a histogram that resizes itself takes any value");
    }
    add_causes(&mut pooled.causes, &one.causes);
    pooled.unfinished += one.unfinished;
    pooled.completed_in_window += one.completed_in_window;
    for (all, some) in pooled.parts.iter_mut().zip(one.parts) {
        *all += some;
    }
    pooled.gateway += one.gateway;
    for (all, some) in pooled.halves.iter_mut().zip(one.halves) {
        *all = (all.0 + some.0, all.1 + some.1);
    }
}

fn add_causes(pooled: &mut Causes, one: &Causes) {
    for (all, some) in pooled.iter_mut().zip(one) {
        *all += some;
    }
}

fn add_service(pooled: &mut ServiceRecord, one: &ServiceRecord) {
    pooled.visits += one.visits;
    pooled.failures += one.failures;
    pooled.rejected += one.rejected;
    pooled.response_time.merge(&one.response_time);
    pooled.queue_time.merge(&one.queue_time);
    pooled.busy += one.busy;
    pooled.cpu += one.cpu;
    pooled.memory = pooled.memory.max(one.memory);
}

fn add_edge(pooled: &mut EdgeRecord, one: &EdgeRecord) {
    pooled.calls += one.calls;
    pooled.failures += one.failures;
    pooled.timeouts += one.timeouts;
    pooled.repeats += one.repeats;
    pooled.attempts += one.attempts;
    pooled.copies += one.copies;
    add_causes(&mut pooled.causes, &one.causes);
    pooled.response_time.merge(&one.response_time);
    pooled.proxy_time.merge(&one.proxy_time);
    pooled.handshakes += one.handshakes;
    pooled.bytes += one.bytes;
    pooled.cross_zone_bytes += one.cross_zone_bytes;
}

fn add_proxy(pooled: &mut ProxyRecord, one: &ProxyRecord, weights: (u64, u64)) {
    pooled.cpu += one.cpu;
    pooled.wake_cpu += one.wake_cpu;
    pooled.jobs += one.jobs;
    pooled.memory_mean = weighted(pooled.memory_mean, one.memory_mean, weights);
    pooled.connections_mean = weighted(pooled.connections_mean, one.connections_mean, weights);
    pooled.memory_max = pooled.memory_max.max(one.memory_max);
}

/// What is reserved is the same in every replication.
fn add_node(pooled: &mut NodeRecord, one: &NodeRecord, weights: (u64, u64)) {
    pooled.cpu += one.cpu;
    pooled.memory_mean = weighted(pooled.memory_mean, one.memory_mean, weights);
}

/// Instances, proxies and memory are the same in every replication.
fn add_control(pooled: &mut ControlRecord, one: &ControlRecord) {
    each(&mut pooled.changes, &one.changes, ChangeRecord::add);
    pooled.builds += one.builds;
    pooled.messages += one.messages;
    pooled.bytes += one.bytes;
    pooled.queue_max = pooled.queue_max.max(one.queue_max);
    pooled.cpu += one.cpu;
    pooled.cpu_peak = pooled.cpu_peak.max(one.cpu_peak);
    pooled.apply_cpu += one.apply_cpu;
    pooled.plane.add(&one.plane);
}

/// Holders are the same in every replication.
fn add_certificates(pooled: &mut CertificateRecord, one: &CertificateRecord) {
    pooled.issued += one.issued;
    pooled.refused += one.refused;
    pooled.authority_time.merge(&one.authority_time);
    pooled.issue_cpu += one.issue_cpu;
    pooled.request_cpu += one.request_cpu;
    each(&mut pooled.issued_over_time, &one.issued_over_time, |pooled, one| *pooled += one);
}

fn add_life(pooled: &mut LifeRecord, one: &LifeRecord) {
    pooled.started += one.started;
    pooled.ended += one.ended;
    pooled.killed += one.killed;
    pooled.start_up.merge(&one.start_up);
    for (pooled, one) in pooled.stages.iter_mut().zip(one.stages) {
        pooled.0 += one.0;
        pooled.1 += one.1;
    }
    pooled.pod_nanos += one.pod_nanos;
    pooled.scalings += one.scalings;
    pooled.oom_kills += one.oom_kills;
    pooled.restarts += one.restarts;
    pooled.waiting_nanos += one.waiting_nanos;
    each(&mut pooled.ready, &one.ready, |pooled, one| *pooled += one);
}

fn weighted(left: f64, right: f64, (left_weight, right_weight): (u64, u64)) -> f64 {
    let total = left_weight + right_weight;
    if total == 0 {
        return 0.0;
    }
    (left * left_weight as f64 + right * right_weight as f64) / total as f64
}

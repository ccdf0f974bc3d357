//! Containers that share the cores of a node: who is slowed, by how much, and that no more is done than cores can do.

use sim::metrics::RunRecord;

use super::run;
use crate::common::mesh;

const SECOND: f64 = 1e9;

/// Two applications on one node, each kept busy by as many users as it has workers; requests take 2 ms of CPU.
fn two(cores: &str, first: (u32, &str), second: (u32, &str)) -> RunRecord {
    let service = |name: &str, (workers, request): (u32, &str)| {
        format!(
            "  - {{name: {name}, workers: {workers}, service_time: 2ms, resources: {{cpu_request: {request}, memory_request: 1Mi}}}}\n"
        )
    };
    let source = |name: &str, (users, _): (u32, &str)| {
        format!(
            "  - {{name: {name}, service: {name}, from: outside, arrivals: {{closed: {{users: {users}, think_time: 0s}}}}}}\n"
        )
    };
    let text = format!(
        "cluster: {{network_delay: 0s, nodes: {{count: 1, cores: 2, memory: 8GiB}}, {cores}}}\nservices:\n{}{}traffic:\n{}{}",
        service("a", first),
        service("b", second),
        source("a", first),
        source("b", second)
    );
    run(&mesh("none"), 2_000, 10_000, &text)
}

/// Cores that each application used.
fn used(record: &RunRecord) -> [f64; 2] {
    let window = record.window as f64;
    [record.services[0].cpu as f64 / window, record.services[1].cpu as f64 / window]
}

#[track_caller]
fn check(record: &RunRecord, expected: [f64; 2]) {
    for (used, expected) in used(record).iter().zip(expected) {
        assert!((used / expected - 1.0).abs() < 0.02, "{used} instead of {expected}");
    }
    let node = record.nodes[0].cpu as f64 / record.window as f64;
    assert!(node <= 2.0 * 1.01, "{node} cores of two");
}

#[test]
fn equals_at_twice_the_capacity_get_half_the_speed_each() {
    let record = two("cores: shared", (2, "1"), (2, "1"));
    check(&record, [1.0, 1.0]);
    // Two users over a core: 4 ms instead of 2.
    for entry in &record.entries {
        let mean = entry.halves.iter().map(|half| half.1).sum::<u64>() as f64 / entry.succeeded.len() as f64;
        assert!((mean / 4e6 - 1.0).abs() < 0.02, "{mean}");
    }
}

#[test]
fn weights_divide_the_cores() {
    check(&two("cores: shared", (2, "1500m"), (2, "500m")), [1.5, 0.5]);
}

#[test]
fn who_wants_less_than_its_share_is_not_slowed() {
    // One worker wants half of the node, four would like twice as much as it has.
    let record = two("cores: shared", (1, "1"), (4, "1"));
    check(&record, [1.0, 1.0]);
    // All the same, as far as a histogram knows.
    let times = &record.entries[0].succeeded;
    assert!(times.max() - times.min() < 2_000, "{} to {}", times.min(), times.max());
}

#[test]
fn unlimited_cores_slow_nobody() {
    let record = two("cores: unlimited", (2, "1"), (2, "1"));
    let [first, second] = used(&record);
    assert!((first - 2.0).abs() < 1e-6 && (second - 2.0).abs() < 1e-6);
}

#[test]
fn a_node_with_room_changes_nothing_but_the_number_of_events() {
    let mut shared = two("cores: shared", (1, "1"), (1, "1"));
    let unlimited = two("cores: unlimited", (1, "1"), (1, "1"));
    // 120 ticks of 100 ms in 12 seconds, and those of the last requests.
    assert!((120..=121).contains(&(shared.events - unlimited.events)));
    shared.events = unlimited.events;
    shared.machines.shared = false;
    assert_eq!(format!("{shared:?}"), format!("{unlimited:?}"));
}

#[test]
fn proxies_are_slowed_too_and_use_no_more_than_there_is() {
    let text = "cluster: {network_delay: 0s, nodes: {count: 1, cores: 1, memory: 64GiB}}
services:
  - {name: a, workers: 8, service_time: 200us, resources: {cpu_request: 10m, memory_request: 1Mi}}
traffic:
  - {name: users, service: a, from: {meshed_client: {replicas: 4}}, arrivals: {closed: {users: 64, think_time: 0s}}}
";
    let with = |cores: &str| {
        let text = text.replace("memory: 64GiB}", &format!("memory: 64GiB}}, cores: {cores}"));
        run(&mesh("istio-sidecar"), 2_000, 5_000, &text)
    };
    let (shared, unlimited) = (with("shared"), with("unlimited"));
    let node = |record: &RunRecord| record.nodes[0].cpu as f64 / (5.0 * SECOND);
    assert!(node(&unlimited) > 1.5, "the load is too much for one core: {}", node(&unlimited));
    assert!((0.9..1.05).contains(&node(&shared)), "{}", node(&shared));
    assert!(shared.entries[0].succeeded.len() < unlimited.entries[0].succeeded.len() * 3 / 4);
}

//! What the engine does, through scenarios small enough to work out by hand.

mod ambient;
mod arrivals;
mod autoscale;
mod certificates;
mod connections;
mod control_plane;
mod crowded;
mod disturbances;
mod instances;
mod lifecycle;
mod limits;
mod nodes;
mod others;
mod own_proxies;
mod pool_limits;
mod proxies;
mod quiet;
mod routing;
mod scripts;
mod telemetry;
mod timeline;
mod timeouts;
mod versions;
mod zones;

use std::sync::atomic::AtomicBool;

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::metrics::record::PARTS;
use sim::program::compile;
use sim::units::Span;

use crate::common::{mesh, scenario};

/// Runs `text` under `mesh`; the window begins at `warm_up` and lasts `duration`, both in milliseconds.
fn run(mesh: &MeshModel, warm_up: u64, duration: u64, text: &str) -> RunRecord {
    let mut scenario = scenario(&format!("version: 1\nname: behaviour\n{text}"));
    scenario.run.warm_up = Span::from_millis(warm_up);
    scenario.run.duration = Span::from_millis(duration);
    let program = compile(&scenario, mesh);
    sim::engine::run(&program, 0, &AtomicBool::new(false)).expect("nothing stops it")
}

/// The second second of `text` without a mesh and without network delay.
fn bare(text: &str) -> RunRecord {
    run(&mesh("none"), 1_000, 1_000, &format!("cluster: {{network_delay: 0s}}\n{text}"))
}

/// Ten requests a second, equally spaced, from outside.
fn ten_a_second(service: &str) -> String {
    format!(
        "traffic:\n  - {{name: users, service: {service}, from: outside, arrivals: {{constant: 10/s}}}}\n"
    )
}

/// Users without think time: as many requests in flight as there are users, always.
fn users(service: &str, count: u32, from: &str) -> String {
    format!(
        "traffic:\n  - {{name: users, service: {service}, from: {from}, arrivals: {{closed: {{users: {count}, think_time: 0s}}}}}}\n"
    )
}

/// Summed response time of the successful requests, in nanoseconds: exact, where a histogram is not.
fn total(record: &RunRecord) -> u64 {
    let entry = &record.entries[0];
    let total = entry.halves.iter().map(|half| half.1).sum();
    assert_eq!(entry.parts.iter().sum::<u64>(), total, "the parts add up");
    total
}

/// Summed time of the successful requests in one part, in nanoseconds.
fn part(record: &RunRecord, name: &str) -> u64 {
    let position = PARTS.iter().position(|&part| part == name).expect("a part of the response time");
    record.entries[0].parts[position]
}

const MILLISECOND: u64 = 1_000_000;

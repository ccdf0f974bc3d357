//! The worked example of Netcracker/qubership-istio's sizing model (ambient, Istio 1.30.4): 10 nodes, 800 service ports,
//! 1400 pods, 20,000 requests per second and 10 Gbit/s. A planning model: it has margins where a measurement has none.

use super::row::{Origin, Quantity, Row, Setup};
use super::seen::Seen;
use crate::common::{mesh, mesh_with};

const SOURCE: &str = "Netcracker/qubership-istio";

/// Bytes of a request and its response: 10 Gbit/s over 20,000 of them per second.
const BYTES: u32 = 62_500;

pub(super) fn rows() -> Vec<Row> {
    let named = |proxy, setup: &str| Setup { proxy, source: SOURCE, title: setup.to_owned() };
    let fitted = Origin::Published { fitted: true };
    vec![
        named("ztunnel", "10 nodes, 20,000 rps, 10 Gbit/s, all ztunnels").row(
            fitted,
            Quantity::Cpu,
            "cores",
            [8.8, ztunnels()],
        ),
        named("ztunnel", "1400 pods, 800 service ports, limit per node").published(
            Quantity::Memory,
            "MB",
            [201.3, ztunnel_memory()],
        ),
        named("waypoint", "6000 rps, 3 Gbit/s").published(Quantity::Cpu, "cores", [2.55, waypoint()]),
        named("waypoint", "800 service ports, 2560 hosts, idle").published(
            Quantity::Memory,
            "MB",
            [251.7, waypoint_memory()],
        ),
    ]
}

/// Cores of all ztunnels for calls from anywhere to anywhere on ten nodes: all calls on kept connections, and for a tenth
/// of them what a new one adds, which is the difference between calls that open one each and calls that do not.
fn ztunnels() -> f64 {
    let mesh = mesh("istio-ambient");
    let kept = Seen::of(&text(20_000, 10), &mesh).cores("node:");
    // The example's 2000 new connections a second.
    let [new, old] =
        [false, true].map(|keep_alive| Seen::of(&forwarded(2_000, keep_alive), &mesh).cores("node:"));
    kept + new - old
}

/// Calls from anywhere to anywhere on ten nodes, made by a service that keeps its connections or opens one for each.
fn forwarded(rate: u32, keep_alive: bool) -> String {
    format!(
        "version: 1
name: sizing
services:
  - {{name: caller, replicas: 10, service_time: 0s, client: {{keep_alive: {keep_alive}}}, script: [{{call: server}}]}}
  - {{name: server, replicas: 10, service_time: 1ms, cpu_time: 0s, request_size: 1000, response_size: 1000}}
traffic:
  - {{name: client, service: caller, from: {{meshed_client: {{replicas: 10}}}}, rate: {rate}/s}}
cluster: {{cores: unlimited, nodes: {{count: 10, cores: 16, memory: 64GiB}}}}
run: {{warm_up: 1s, duration: 2s}}
"
    )
}

/// Cores of a waypoint. Of the example's requests as many go through it as its figure says: 0.25 core per 1000 rps and
/// 0.35 per Gbit/s make 2.55 cores at 6000 rps and 3 Gbit/s.
fn waypoint() -> f64 {
    let mesh = mesh_with("istio-ambient-waypoint", &[("waypoint.replicas", "4")]);
    Seen::of(&text(6_000, 10), &mesh).cores("waypoint:")
}

fn text(rate: u32, replicas: u32) -> String {
    format!(
        "version: 1
name: sizing
services:
  - {{name: server, replicas: {replicas}, service_time: 1ms, cpu_time: 0s, request_size: 1000, response_size: {}}}
traffic:
  - {{name: client, service: server, from: {{meshed_client: {{replicas: {replicas}}}}}, rate: {rate}/s}}
cluster: {{cores: unlimited, nodes: {{count: 10, cores: 16, memory: 64GiB}}}}
run: {{warm_up: 1s, duration: 2s}}
",
        BYTES - 1000
    )
}

fn ztunnel_memory() -> f64 {
    let mesh = mesh("istio-ambient");
    let node = mesh.node_proxy.as_ref().expect("ambient has one");
    let memory = &node.proxy.memory;
    let connections = memory.per_connection * 1500.0;
    (memory.base + node.memory_per_workload * 1400.0 + memory.per_cluster * 800.0 + connections) / 1e6
}

fn waypoint_memory() -> f64 {
    let mesh = mesh_with("istio-ambient-waypoint", &[("waypoint.workers", "2")]);
    let proxy = &mesh.waypoint.as_ref().expect("it has one").proxy;
    let memory = &proxy.memory;
    let per_port = memory.per_cluster + memory.per_route + 2.0 * memory.per_cluster_worker;
    (memory.base + 2.0 * memory.per_worker + per_port * 800.0 + memory.per_endpoint * (2560.0 - 800.0)) / 1e6
}

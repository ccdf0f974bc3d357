//! What configuration and connections take in memory, measured by us and published.

use std::fmt::Write as _;

use rayon::prelude::*;
use sim::mesh::MeshModel;

use super::constants::{KIB, own, value};
use super::row::{Origin, Quantity, Row, Setup};
use super::seen::Seen;
use crate::common::{mesh, mesh_with};

pub(super) fn rows() -> Vec<Row> {
    [connections, proxies, arithmetic].par_iter().flat_map_iter(|rows| rows()).collect()
}

fn published(
    proxy: &'static str,
    source: &'static str,
    setup: &str,
    unit: &'static str,
    numbers: [f64; 2],
) -> Row {
    let setup = Setup { proxy, source, title: setup.to_owned() };
    setup.published(Quantity::Memory, unit, numbers)
}

/// What an idle connection of an application takes in the proxies, from two runs with few and with many.
fn connections() -> Vec<Row> {
    let slope = |mesh: &MeshModel, protocol: &str, from: &str, group: &str| {
        let seen = |users: u32| {
            let text = format!(
                "version: 1
name: idle
services:
  - {{name: server, protocol: {protocol}, service_time: 10us, cpu_time: 0s, resources: {{cpu_request: 2}}}}
traffic:
  - {{name: client, service: server, from: {from}, arrivals: {{closed: {{users: {users}, think_time: 1s}}}}}}
cluster: {{cores: unlimited, nodes: {{count: 2}}}}
run: {{warm_up: 3s, duration: 2s}}
"
            );
            Seen::of(&text, mesh).memory(group)
        };
        (seen(1100) - seen(100)) * 1e6 / 1000.0 / KIB
    };
    let bare = mesh_with("istio-sidecar", &[("features.mtls", "off")]);
    let (istio, linkerd, ambient) = (mesh("istio-sidecar"), mesh("linkerd"), mesh("istio-ambient"));
    vec![
        own("Envoy", "an HTTP/1.1 connection", true, [15.91, slope(&bare, "http1", "outside", "server")]),
        own("Envoy", "a TCP connection", false, [17.45, slope(&bare, "tcp", "outside", "server")]),
        own(
            "Envoy",
            "a TCP connection, mTLS, calling side",
            false,
            [21.88, slope(&istio, "tcp", "meshed_client", "client:")],
        ),
        own(
            "Envoy",
            "a TCP connection, mTLS, called side",
            false,
            [26.61, slope(&istio, "tcp", "meshed_client", "server")],
        ),
        own(
            "linkerd2-proxy",
            "an HTTP/1.1 connection, calling side",
            true,
            [15.65, slope(&linkerd, "http1", "meshed_client", "client:")],
        ),
        own(
            "ztunnel",
            "a connection, both sides",
            true,
            [10.32, 2.0 * slope(&ambient, "tcp", "meshed_client", "node:")],
        ),
    ]
}

/// Whole proxies in worlds of so many services, opaque ones among them, and pods, from short runs.
#[rustfmt::skip]
fn proxies() -> Vec<Row> {
    let istio = mesh_with("istio-sidecar", &[("proxy.workers", "2")]);
    let (ambient, waypoint) = (mesh("istio-ambient"), mesh("istio-ambient-waypoint"));
    let of = |mesh: &MeshModel, group: &str, [services, opaque, pods]: [u32; 3]| {
        Seen::of(&small_world(services, opaque, pods), mesh).memory(group)
    };
    // Istio's load mesh, where a sidecar is told of the 20 services of its namespace.
    let alone = of(&istio, "client:", [20, 0, 40]);
    let large = of(&istio, "client:", [325, 171, 325]);
    let agent = value("istio-sidecar", "proxy.memory.agent") / 1e6;
    let row = |proxy, source, title: &str, figure, predicted| {
        published(proxy, source, title, "MB", [figure, predicted])
    };
    vec![
        row("sidecar", "istio/istio#18954", "325 clusters and 175 listeners, Envoy allocated", 51.0, large - agent),
        row("sidecar", "istio/istio#18954", "325 clusters and 175 listeners, container", 108.0, large),
        row("sidecar", "istio/istio#38000", "idle, well scoped, with its agent", 120.0, alone),
        row("sidecar", "istio/istio#12765", "650 TCP services, more than", 134.2, of(&istio, "client:", [650, 650, 650])),
        row("sidecar", "istio.io", "Istio 1.5 to 1.22 but 1.13, load mesh, own namespace only", 50.0, alone),
        row("sidecar", "istio.io", "Istio 1.13, load mesh, own namespace only", 40.0, alone),
        row("sidecar", "istio.io", "Istio 1.24, load mesh, own namespace only", 60.0, alone),
        row("waypoint", "istio.io", "Istio 1.24, load mesh, one of a namespace", 60.0, of(&waypoint, "waypoint:", [20, 0, 40])),
        row("ztunnel", "istio.io", "Istio 1.24, load mesh", 12.0, of(&ambient, "node:", [1000, 0, 2000])),
    ]
}

/// A client that calls every one of so many services now and then.
fn small_world(services: u32, opaque: u32, pods: u32) -> String {
    let mut text = "version: 1\nname: world\nservices:\n".to_owned();
    let mut script = String::new();
    for number in 0..services {
        let protocol = if number < opaque { "tcp" } else { "http1" };
        let replicas = pods / services;
        let _ = writeln!(
            text,
            "  - {{name: s{number}, protocol: {protocol}, replicas: {replicas}, service_time: 10us, cpu_time: 0s}}"
        );
        let _ = writeln!(script, "      - call: s{number}");
    }
    let _ = write!(
        text,
        "  - name: client
    service_time: 0s
    script:
{script}traffic:
  - {{name: client, service: client, from: meshed_client, rate: 2/s}}
cluster: {{cores: unlimited}}
run: {{warm_up: 3s, duration: 2s}}
"
    );
    text
}

/// What follows from constants without a run.
fn arithmetic() -> Vec<Row> {
    let bare = mesh("none");
    let envoy = &bare.gateway.memory;
    let ambient = mesh("istio-ambient");
    let node = ambient.node_proxy.as_ref().expect("ambient has one");
    let million = (node.proxy.memory.base
        + node.memory_per_workload * 1e6
        + node.proxy.memory.per_cluster * 66e3
        + node.proxy.memory.per_endpoint * 1e6)
        / 1e9;
    let linkerd = mesh("linkerd");
    let memory = &linkerd.sidecar.as_ref().expect("linkerd has one").memory;
    let crowd = (memory.base + memory.per_connection * 30e3) / 1e6;
    let stats = "envoyproxy/envoy stats_integration_test.cc";
    let ztunnel = Setup {
        proxy: "ztunnel",
        source: "istio/ztunnel#667",
        title: "a million pods, 66,000 services".to_owned(),
    };
    let bytes = |wasm: &str| {
        let mesh = mesh_with("istio-sidecar", &[("proxy.workers", "2"), ("features.wasm", wasm)]);
        let memory = &mesh.sidecar.as_ref().expect("istio has one").memory;
        memory.base + 2.0 * memory.per_worker
    };
    let plugins = Setup {
        proxy: "sidecar",
        source: "istio/tools, Istio 1.7",
        title: "two Wasm plugins, two workers".to_owned(),
    };
    let plugins = plugins.row(
        Origin::Published { fitted: true },
        Quantity::Memory,
        "MB",
        [104.9, 2.0 * (bytes("on") - bytes("off")) / 1e6],
    );
    vec![
        plugins,
        published(
            "Envoy",
            stats,
            "a cluster without hosts",
            "KiB",
            [40577.0 / KIB, (envoy.per_cluster - envoy.per_endpoint) / KIB],
        ),
        published("Envoy", stats, "a host", "KiB", [1380.0 / KIB, envoy.per_endpoint / KIB]),
        published(
            "Envoy",
            "envoyproxy/envoy PR#15231",
            "a cluster, per worker",
            "KiB",
            [2200.0 / KIB, envoy.per_cluster_worker / KIB],
        ),
        published(
            "Envoy",
            "istio/istio#24307",
            "an idle downstream connection, less than",
            "KiB",
            [20000.0 / KIB, envoy.per_connection / KIB],
        ),
        published("linkerd2-proxy", "linkerd/linkerd2#4900", "30,000 sockets", "MB", [800.0, crowd]),
        ztunnel.row(Origin::Published { fitted: true }, Quantity::Memory, "GB", [3.0, million]),
    ]
}

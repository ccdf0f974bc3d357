//! Proxies that we measured ourselves under load, November 2026: client and server on one core, all proxies on another.

use rayon::prelude::*;
use sim::mesh::MeshModel;

use super::row::{Origin, Quantity, Row, Setup as Named};
use super::seen::Seen;
use crate::common::mesh_with;

/// One measured row: microseconds, medians of several runs (own measurement, November 2026).
struct Measured {
    setup: Setup,
    /// Requests per second; 0 is a closed loop of 32 connections.
    rate: u32,
    response_bytes: u32,
    /// p50 and p90 of the same requests without a proxy.
    direct: [f64; 2],
    response_time: [f64; 2],
    cpu: f64,
    /// Whether profile constants were fitted to this row's CPU, p50, p90.
    fitted: [bool; 3],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Setup {
    OneEnvoy,
    OneEnvoyTcp,
    EnvoyPair,
    LinkerdPair,
    Ztunnel,
}

impl Setup {
    fn title(self) -> &'static str {
        match self {
            Self::OneEnvoy => "one Envoy, HTTP",
            Self::OneEnvoyTcp => "one Envoy, TCP proxy",
            Self::EnvoyPair => "two Envoys, mTLS, HTTP/1.1",
            Self::LinkerdPair => "two linkerd2-proxies",
            Self::Ztunnel => "ztunnel, both sides",
        }
    }

    fn proxy(self) -> &'static str {
        match self {
            Self::OneEnvoy | Self::OneEnvoyTcp | Self::EnvoyPair => "Envoy",
            Self::LinkerdPair => "linkerd2-proxy",
            Self::Ztunnel => "ztunnel",
        }
    }

    /// The profile, and what of it the bare proxy on one core did not have.
    fn mesh(self) -> MeshModel {
        let bare = [
            ("proxy.idle_cpu", "0m"),
            ("proxy.workers", "1"),
            ("features.telemetry", "off"),
            ("features.metadata_exchange", "off"),
        ];
        match self {
            Self::LinkerdPair => mesh_with("linkerd", &bare[..1]),
            Self::Ztunnel => both_sides(),
            Self::EnvoyPair => mesh_with("istio-sidecar", &bare),
            _ => mesh_with("istio-sidecar", &[&bare[..], &[("features.mtls", "off")]].concat()),
        }
    }
}

/// One process that plays both sides of a call: what two do, with the wake-ups of one.
fn both_sides() -> MeshModel {
    let mut mesh = mesh_with("istio-ambient", &[("node_proxy.idle_cpu", "0m"), ("node_proxy.workers", "1")]);
    if let Some(node) = &mut mesh.node_proxy {
        let proxy = &mut node.proxy;
        proxy.tcp.outbound += proxy.tcp.inbound;
        proxy.cpu_per_byte = 2.0 * (proxy.cpu_per_byte + proxy.tls_cpu_per_byte);
        proxy.pass_delay += proxy.pass_delay;
    }
    mesh
}

const fn row(
    setup: Setup,
    rate: u32,
    response_bytes: u32,
    direct: [f64; 2],
    response_time: [f64; 2],
    cpu: f64,
    fitted: [bool; 3],
) -> Measured {
    Measured { setup, rate, response_bytes, direct, response_time, cpu, fitted }
}

const F: bool = true;
const N: bool = false;

#[rustfmt::skip]
const MEASURED: [Measured; 25] = [
    row(Setup::OneEnvoy,     100,  1024, [73.0, 137.0], [285.0, 532.0],   267.0, [F, N, N]),
    row(Setup::OneEnvoy,     500,  1024, [61.0, 103.0], [248.0, 395.0],   184.0, [F, F, F]),
    row(Setup::OneEnvoy,     1000, 1024, [58.0, 104.0], [228.0, 311.0],   152.0, [F, F, F]),
    row(Setup::OneEnvoy,     2000, 1024, [57.0, 88.0],  [233.0, 339.0],   135.0, [F, F, F]),
    row(Setup::OneEnvoy,     4000, 1024, [54.0, 82.0],  [256.0, 371.0],   117.0, [F, N, F]),
    row(Setup::OneEnvoy,     8000, 1024, [54.0, 82.0],  [308.0, 514.0],   91.0,  [F, N, N]),
    row(Setup::OneEnvoy,     0,    1024, [54.0, 82.0],  [1366.0, 1628.0], 43.0,  [F, N, N]),
    row(Setup::OneEnvoy,     0,   16384, [54.0, 82.0],  [1603.0, 2148.0], 52.0,  [F, N, N]),
    row(Setup::OneEnvoy,     500, 16384, [62.0, 109.0], [260.0, 394.0],   194.0, [N, N, N]),
    row(Setup::OneEnvoy,    1000, 16384, [61.0, 93.0],  [255.0, 369.0],   174.0, [N, N, N]),
    row(Setup::OneEnvoyTcp,  0,    1024, [54.0, 82.0],  [427.0, 588.0],   14.0,  [F, N, N]),
    row(Setup::OneEnvoyTcp,  1000, 1024, [58.0, 104.0], [222.0, 300.0],   126.0, [N, N, N]),
    row(Setup::OneEnvoyTcp,  5000, 1024, [54.0, 82.0],  [180.0, 240.0],   70.0,  [N, N, N]),
    row(Setup::OneEnvoyTcp,  500, 16384, [62.0, 109.0], [216.0, 310.0],   143.0, [N, N, N]),
    row(Setup::OneEnvoyTcp, 1000, 16384, [61.0, 93.0],  [194.0, 261.0],   112.0, [N, N, N]),
    row(Setup::EnvoyPair,    1000, 1024, [58.0, 104.0], [439.0, 696.0],   305.0, [N, N, N]),
    row(Setup::EnvoyPair,    0,    1024, [54.0, 82.0],  [3264.0, 4760.0], 107.0, [F, N, N]),
    row(Setup::LinkerdPair,  100,  1024, [50.0, 91.0],  [425.0, 644.0],   374.0, [F, F, N]),
    row(Setup::LinkerdPair,  1000, 1024, [43.0, 66.0],  [349.0, 539.0],   248.0, [F, F, N]),
    row(Setup::LinkerdPair,  4000, 1024, [40.0, 66.0],  [450.0, 775.0],   180.0, [N, N, N]),
    row(Setup::LinkerdPair,  0,    1024, [40.0, 66.0],  [2794.0, 4313.0], 93.0,  [F, N, N]),
    row(Setup::Ztunnel,      100,  1024, [50.0, 91.0],  [220.0, 312.0],   188.0, [F, F, N]),
    row(Setup::Ztunnel,      1000, 1024, [43.0, 66.0],  [182.0, 223.0],   115.0, [F, F, F]),
    row(Setup::Ztunnel,      8000, 1024, [40.0, 66.0],  [195.0, 263.0],   68.0,  [F, F, N]),
    row(Setup::Ztunnel,      0,    1024, [40.0, 66.0],  [883.0, 1094.0],  28.0,  [F, N, N]),
];

/// The set-up as a scenario. What a direct request takes, network and server together, is the server's service time.
fn text(row: &Measured) -> String {
    let [p50, p90] = row.direct;
    let (from, together) = match row.setup {
        Setup::OneEnvoy | Setup::OneEnvoyTcp => ("outside", ""),
        Setup::EnvoyPair | Setup::LinkerdPair => {
            ("meshed_client", "\n  core_sets:\n    - {name: core-1, services: [server], sources: [client]}")
        }
        Setup::Ztunnel => ("meshed_client", "\n  nodes: {count: 1}"),
    };
    let arrivals = if row.rate == 0 {
        "arrivals: {closed: {users: 32, think_time: 0s}}".to_owned()
    } else {
        format!("rate: {}/s", row.rate)
    };
    let seconds = 600_000_u32.checked_div(row.rate).unwrap_or(10);
    let protocol = if row.setup == Setup::OneEnvoyTcp { "tcp" } else { "http1" };
    format!(
        "version: 1
name: calibration
services:
  - name: server
    protocol: {protocol}
    service_time: {{lognormal: {{p50: {p50}us, p90: {p90}us}}}}
    cpu_time: 0s
    request_size: 128
    response_size: {}
traffic:
  - {{name: client, service: server, from: {from}, {arrivals}}}
cluster:
  network_delay: 0s
  cores: unlimited{together}
run: {{warm_up: 5s, duration: {seconds}s, seed: 1}}
",
        row.response_bytes
    )
}

fn compare(row: &Measured) -> [Row; 3] {
    let seen = Seen::of(&text(row), &row.setup.mesh());
    let rate = if row.rate == 0 { "closed loop, 32".to_owned() } else { format!("{} rps", row.rate) };
    let named = Named {
        proxy: row.setup.proxy(),
        source: "",
        title: format!("{}, {} KiB, {rate}", row.setup.title(), row.response_bytes / 1024),
    };
    let compared = |quantity, fitted, numbers| named.row(Origin::Own { fitted }, quantity, "µs", numbers);
    let added = |index: usize, quantile| {
        let direct = row.direct[index];
        [row.response_time[index] - direct, seen.quantile(quantile) - direct]
    };
    [
        compared(Quantity::Cpu, row.fitted[0], [row.cpu, seen.cpu("")]),
        compared(Quantity::P50, row.fitted[1], added(0, 0.5)),
        compared(Quantity::P90, row.fitted[2], added(1, 0.9)),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    MEASURED.par_iter().flat_map_iter(compare).collect()
}

/// What docs/calibration.md says of two ztunnels on the core of the one that was measured.
#[test]
fn two_ztunnels_on_one_core_wake_twice_as_often_as_one() {
    let row = MEASURED.iter().find(|row| row.setup == Setup::Ztunnel && row.rate == 1000).expect("a row");
    let together = "core_sets: [{name: core-1, services: [server], sources: [client]}]";
    // The scheduler puts the client on the machine where less is reserved.
    let text = text(row)
        .replace("nodes: {count: 1}", &format!("nodes: {{count: 2}}\n  {together}"))
        .replace("cpu_time: 0s", "cpu_time: 0s\n    resources: {cpu_request: 2}");
    let mesh = mesh_with("istio-ambient", &[("node_proxy.idle_cpu", "0m"), ("node_proxy.workers", "1")]);
    let cpu = Seen::of(&text, &mesh).cpu("");
    assert!((186.0..192.0).contains(&cpu), "{cpu} µs");
}

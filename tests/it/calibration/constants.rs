//! Constants of the profiles beside the measurements they come from: memory by part, start-up, handshakes.

use sim::mesh::MeshModel;
use sim::mesh::profile::{Setting, find};

use super::row::{Origin, Quantity, Row, Setup};
use crate::common::mesh;

pub(super) const KIB: f64 = 1024.0;

pub(super) fn rows() -> Vec<Row> {
    [units(), start_up(), handshakes()].concat()
}

/// Memory that we measured.
pub(super) fn own(proxy: &'static str, setup: &str, fitted: bool, numbers: [f64; 2]) -> Row {
    let setup = Setup { proxy, source: "", title: setup.to_owned() };
    setup.row(Origin::Own { fitted }, Quantity::Memory, "KiB", numbers)
}

/// Least-squares slopes, each of which is a constant of the profile.
fn units() -> Vec<Row> {
    let memory = |mesh: &MeshModel, workers: f64, endpoints: f64| {
        let memory = mesh.sidecar.as_ref().map_or(&mesh.gateway.memory, |sidecar| &sidecar.memory);
        (memory.per_cluster + memory.per_cluster_worker * workers + memory.per_endpoint * (endpoints - 1.0))
            / KIB
    };
    let (bare, istio) = (mesh("none"), mesh("istio-sidecar"));
    let per = &bare.gateway.memory;
    vec![
        own("Envoy", "a cluster, 1 worker", true, [52.56, memory(&bare, 1.0, 1.0)]),
        own("Envoy", "a cluster, 2 workers", true, [55.39, memory(&bare, 2.0, 1.0)]),
        own("Envoy", "a cluster of 10 endpoints, 1 worker", true, [65.95, memory(&bare, 1.0, 10.0)]),
        own("Envoy", "a cluster with Istio's settings, 1 worker", true, [78.40, memory(&istio, 1.0, 1.0)]),
        own("Envoy", "a virtual host", true, [5.66, per.per_route / KIB]),
        own("Envoy", "an HTTP listener", true, [49.85, per.per_listener / KIB]),
    ]
}

/// Numbers of a profile, in seconds or bytes.
pub(super) fn value(profile: &str, path: &str) -> f64 {
    let profile = find(profile, None).unwrap_or_else(|problem| panic!("{}", problem.message));
    match profile.get(path) {
        Some(Setting::Number(quantity)) => quantity.value,
        _ => panic!("{path} is no number of {}", profile.head.name),
    }
}

/// From exec to ready: constants of the profiles, which the simulator does not use yet.
fn start_up() -> Vec<Row> {
    let row = |proxy, setup: &str, measured: f64, predicted: f64| {
        let setup = Setup { proxy, source: "", title: setup.to_owned() };
        setup.row(Origin::Own { fitted: true }, Quantity::StartUp, "ms", [measured, predicted * 1e3])
    };
    let process = |profile| value(profile, "startup.process");
    let istio = process("istio-sidecar");
    vec![
        row("Envoy", "no clusters", 77.0, istio),
        row(
            "Envoy",
            "1000 clusters with Istio's settings",
            1233.6,
            istio + 1000.0 * value("istio-sidecar", "startup.per_cluster"),
        ),
        row("linkerd2-proxy", "until /live", 8.5, process("linkerd")),
        row("ztunnel", "until ready", 6.8, process("istio-ambient")),
    ]
}

/// The middle of what three runs gave.
fn handshakes() -> Vec<Row> {
    let row = |proxy, setup: &str, measured: f64, profile, path| {
        let setup = Setup { proxy, source: "", title: setup.to_owned() };
        let numbers = [measured, value(profile, path) * 1e3];
        setup.row(Origin::Own { fitted: true }, Quantity::Handshake, "ms", numbers)
    };
    vec![row(
        "Envoy",
        "accepting, RSA-2048, TLS 1.3",
        1.32,
        "istio-sidecar",
        "proxy.features.mtls.handshake_server_cpu",
    )]
}

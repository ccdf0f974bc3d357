//! The order that measurements show comes out by itself: which mesh adds least and most, whose proxies are small, what
//! load does to CPU, and what a waypoint saves.

use rayon::prelude::*;

use sim::mesh::MeshModel;

use super::istio::waking_cheaply;
use super::seen::{Pair, Seen};
use crate::common::{mesh, mesh_with};

/// The same threads for all, as in Istio's own tests.
fn workers(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "none" => &[],
        "istio-ambient" => &[("node_proxy.workers", "2")],
        "istio-ambient-waypoint" => &[("node_proxy.workers", "2"), ("waypoint.workers", "2")],
        _ => &[("proxy.workers", "2")],
    }
}

fn pair(rate: u32, name: &str) -> Seen {
    under(rate, "50us", &mesh_with(name, workers(name)))
}

fn under(rate: u32, network_delay: &str, mesh: &MeshModel) -> Seen {
    let pair = Pair {
        // As many connections as at the highest rate have something to do.
        arrivals: format!("{{paced: {{connections: 32, rate: {rate}/s, phase: jittered}}}}"),
        service_time: "{lognormal: {p50: 150us, p90: 250us}}",
        request_bytes: 1024,
        response_bytes: 1024,
        network_delay,
        cpu_speed: 1.0,
        seconds: (20_000 / rate).clamp(10, 100),
    };
    pair.under(mesh)
}

/// In the order of the latency that they add, as published: two ztunnels, Linkerd, a waypoint, sidecars with telemetry.
const MESHES: [&str; 5] = ["none", "istio-ambient", "linkerd", "istio-ambient-waypoint", "istio-sidecar"];

#[test]
fn ambient_adds_the_least_latency_and_sidecars_with_telemetry_the_most() {
    for rate in [200, 1000] {
        let seen: Vec<Seen> = MESHES.par_iter().map(|name| pair(rate, name)).collect();
        for quantile in [0.5, 0.9] {
            let times: Vec<f64> = seen.iter().map(|seen| seen.quantile(quantile)).collect();
            let [none, ambient, linkerd, waypoint, sidecar] = times[..] else { unreachable!("five") };
            let context = format!("p{} at {rate} rps, {MESHES:?}: {times:?}", quantile * 100.0);
            assert!(none < ambient && ambient < linkerd && linkerd < waypoint.min(sidecar), "{context}");
            // Here a waypoint is no quicker than sidecars: it has six passes with a wake-up each where they have four,
            // and our wake-ups are a virtual machine's (docs/calibration.md).
            let added = (waypoint - none) / (sidecar - none);
            assert!((0.9..1.3).contains(&added), "{context}");
        }
    }
}

#[test]
fn a_waypoint_adds_less_than_sidecars_where_waking_and_the_network_are_cheap() {
    let [waypoint, sidecar] = ["istio-ambient-waypoint", "istio-sidecar"].map(|name| {
        [0.5, 0.9]
            .map(|quantile| under(1000, "20us", &waking_cheaply(name, workers(name))).quantile(quantile))
    });
    assert!(waypoint[0] < sidecar[0] && waypoint[1] < sidecar[1], "{waypoint:?} {sidecar:?}");
}

#[test]
fn cpu_per_request_falls_with_load_for_every_proxy() {
    MESHES[1..].par_iter().for_each(|name| {
        let cpu = [100, 500, 2000, 5000].map(|rate| pair(rate, name).cpu(""));
        assert!(cpu.windows(2).all(|two| two[1] < two[0]), "{name}: {cpu:?}");
    });
}

#[test]
fn a_waypoint_costs_about_a_sidecar_once_instead_of_twice() {
    for rate in [200, 1000, 4000] {
        let sidecars = pair(rate, "istio-sidecar").cpu("");
        let waypoint = pair(rate, "istio-ambient-waypoint").cpu("waypoint:");
        // Istio publishes 0.25 core per 1000 rps against 0.20 of each sidecar: 0.63 of the pair.
        assert!((0.45..0.75).contains(&(waypoint / sidecars)), "{rate} rps: {waypoint} of {sidecars}");
    }
}

#[test]
fn linkerds_proxy_takes_the_least_memory_of_those_beside_a_pod() {
    let largest = |name, group| {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/bookinfo.yaml");
        let text = std::fs::read_to_string(file).expect("a shipped topology");
        Seen::of(&text.replace("duration: 60s", "duration: 5s"), &mesh(name)).memory(group)
    };
    let linkerd = largest("linkerd", "productpage");
    let sidecar = largest("istio-sidecar", "productpage");
    let waypoint = largest("istio-ambient-waypoint", "waypoint:");
    assert!(5.0 * linkerd < sidecar.min(waypoint), "{linkerd} MB beside {sidecar} and {waypoint}");
}

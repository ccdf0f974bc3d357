//! Istio's page "Performance and Scalability", versions 1.5 to 1.24, and its page "Sidecar or ambient?".
//!
//! One client and one server, 1000 requests per second of 1 kB over 16 connections, two workers, mutual TLS, telemetry.
//! Assumed: versions up to 1.13 ran on machines like those of the raw benchmark; between two later ones, of bare metal, lie
//! 20 us. Added latency is that of the same requests under the mesh and under none.

use std::fmt::Write as _;

use rayon::prelude::*;
use sim::mesh::MeshModel;
use sim::mesh::profile::find;

use super::benchmark::CPU_SPEED;
use super::row::{Origin, Quantity, Row, Setup};
use super::seen::{Pair, Seen};
use crate::common::{mesh, mesh_with};

/// Fortio's connections up to 2022 tick together; later they are spread.
const TOGETHER: &str = "{paced: {connections: 16, rate: 1000/s, phase: together}}";
const APART: &str = "{paced: {connections: 16, rate: 1000/s, phase: jittered}}";

const PAGE: &str = "istio.io";

const WITH_A_WAYPOINT: &str = "\"Sidecar or ambient?\", with a waypoint";

fn workers(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "istio-sidecar" => &[("proxy.workers", "2")],
        "istio-ambient" => &[("node_proxy.workers", "2")],
        _ => &[("node_proxy.workers", "2"), ("waypoint.workers", "2")],
    }
}

/// A shipped mesh with all wake-ups at the low ends of their ranges, as on bare metal.
pub(super) fn waking_cheaply(name: &str, overrides: &[(&str, &str)]) -> MeshModel {
    let mut profile = find(name, None).unwrap_or_else(|problem| panic!("{}", problem.message));
    let is_wake =
        |path: &str| ["wake.floor", "wake.rise", "wake.thread"].iter().any(|end| path.ends_with(end));
    let lows: Vec<(&str, String)> = profile
        .numbers()
        .filter(|(path, _)| is_wake(path))
        .map(|(path, number)| (path, format!("{}s", number.low)))
        .collect();
    let given = overrides.iter().map(|&(path, text)| (path, text.to_owned()));
    for (path, text) in lows.into_iter().chain(given) {
        profile.set(path, &text, None).unwrap_or_else(|problem| panic!("{path}: {}", problem.message));
    }
    profile.model(2)
}

/// How a mesh did, and what it added.
struct Trial {
    meshed: Seen,
    bare: Seen,
}

impl Trial {
    fn of(name: &str, arrivals: &str, cpu_speed: f64) -> Self {
        Self::under(&mesh_with(name, workers(name)), arrivals, cpu_speed)
    }

    fn under(mesh_model: &MeshModel, arrivals: &str, cpu_speed: f64) -> Self {
        let pair = Pair {
            arrivals: arrivals.to_owned(),
            service_time: "{lognormal: {p50: 150us, p90: 250us}}",
            request_bytes: 1024,
            response_bytes: 1024,
            network_delay: "20us",
            cpu_speed,
            seconds: 60,
        };
        Self { meshed: pair.under(mesh_model), bare: pair.under(&mesh("none")) }
    }

    /// Microseconds.
    fn added(&self, quantile: f64) -> f64 {
        self.meshed.quantile(quantile) - self.bare.quantile(quantile)
    }

    /// Cores per 1000 rps of one of two proxies, or of one.
    fn vcpu(&self, group: &str, proxies: f64) -> f64 {
        self.meshed.cpu(group) / 1e3 / proxies
    }
}

pub(super) fn rows() -> Vec<Row> {
    let trials = [
        ("istio-sidecar", TOGETHER, CPU_SPEED),
        ("istio-sidecar", APART, 1.0),
        ("istio-ambient", APART, 1.0),
        ("istio-ambient-waypoint", APART, 1.0),
    ];
    let trials: Vec<Trial> =
        trials.par_iter().map(|(name, arrivals, speed)| Trial::of(name, arrivals, *speed)).collect();
    let [together, sidecar, ambient, waypoint] = &trials[..] else { unreachable!("four") };
    [old(together), new(sidecar, ambient, waypoint), ratios(sidecar, ambient, waypoint)].concat()
}

fn named(proxy: &'static str, setup: &str) -> Setup {
    Setup { proxy, source: PAGE, title: setup.to_owned() }
}

/// Versions whose load came in phase.
fn old(sidecar: &Trial) -> Vec<Row> {
    let row = |version: &str, quantity, figure| {
        let setup = named("sidecar", &format!("Istio {version}, sidecars, in phase"));
        let (unit, predicted) = match quantity {
            Quantity::Cpu => ("cores per 1000 rps", sidecar.vcpu("", 2.0)),
            Quantity::P90 => ("µs", sidecar.added(0.9)),
            _ => ("µs", sidecar.added(0.99)),
        };
        setup.published(quantity, unit, [figure, predicted])
    };
    vec![
        row("1.5", Quantity::Cpu, 0.5),
        row("1.5", Quantity::P90, 2800.0),
        row("1.5", Quantity::P99, 2700.0),
        row("1.7", Quantity::Cpu, 0.5),
        row("1.7", Quantity::P90, 2760.0),
        row("1.7", Quantity::P99, 2880.0),
        row("1.13", Quantity::Cpu, 0.35),
        row("1.13", Quantity::P90, 2650.0),
    ]
}

fn new(sidecar: &Trial, ambient: &Trial, waypoint: &Trial) -> Vec<Row> {
    let latency = |proxy, setup, trial: &Trial, figures: [f64; 2]| {
        [(Quantity::P90, 0.9), (Quantity::P99, 0.99)]
            .into_iter()
            .zip(figures)
            .map(move |((quantity, quantile), figure)| {
                named(proxy, setup).published(quantity, "µs", [figure, trial.added(quantile)])
            })
            .collect::<Vec<_>>()
    };
    let cpu = |proxy, setup, numbers| {
        vec![named(proxy, setup).published(Quantity::Cpu, "cores per 1000 rps", numbers)]
    };
    [
        // The price of the telemetry filter is that of this row.
        vec![named("sidecar", "Istio 1.24, sidecar").row(
            Origin::Published { fitted: true },
            Quantity::Cpu,
            "cores per 1000 rps",
            [0.20, sidecar.vcpu("", 2.0)],
        )],
        cpu("waypoint", "Istio 1.24, waypoint", [0.25, waypoint.vcpu("waypoint:", 1.0)]),
        cpu("ztunnel", "Istio 1.24, ztunnel", [0.06, ambient.vcpu("node:", 2.0)]),
        latency("sidecar", "Istio 1.20, sidecars", sidecar, [228.0, 298.0]),
        latency("ztunnel", "Istio 1.22, two ztunnels", ambient, [170.0, 200.0]),
        latency("sidecar", "\"Sidecar or ambient?\", sidecars", sidecar, [630.0, 880.0]),
        latency("ztunnel", "\"Sidecar or ambient?\", two ztunnels", ambient, [160.0, 200.0]),
        latency("waypoint", WITH_A_WAYPOINT, waypoint, [400.0, 500.0]),
    ]
    .concat()
    .into_iter()
    .map(|row| {
        // That a waypoint's delay is shorter than a gateway's was seen on this row.
        let fitted = row.setup == WITH_A_WAYPOINT && row.quantity == Quantity::P90;
        if fitted { Row { origin: Origin::Published { fitted }, ..row } } else { row }
    })
    .collect()
}

fn ratios(sidecar: &Trial, ambient: &Trial, waypoint: &Trial) -> Vec<Row> {
    let row = |proxy, setup, numbers| named(proxy, setup).published(Quantity::Ratio, "", numbers);
    let added = |trial: &Trial, quantile| trial.added(quantile) / sidecar.added(quantile);
    let cpu = sidecar.vcpu("", 2.0);
    vec![
        row("ztunnel", "two ztunnels to sidecars, added p90", [0.16 / 0.63, added(ambient, 0.9)]),
        row("ztunnel", "two ztunnels to sidecars, added p99", [0.20 / 0.88, added(ambient, 0.99)]),
        row("waypoint", "with a waypoint to sidecars, added p90", [0.40 / 0.63, added(waypoint, 0.9)]),
        row("waypoint", "with a waypoint to sidecars, added p99", [0.50 / 0.88, added(waypoint, 0.99)]),
        row("waypoint", "waypoint to sidecar, CPU", [0.25 / 0.20, waypoint.vcpu("waypoint:", 1.0) / cpu]),
        row("ztunnel", "ztunnel to sidecar, CPU", [0.06 / 0.20, ambient.vcpu("node:", 2.0) / cpu]),
    ]
}

/// Lines of a table: published, predicted, and predicted with the wake-ups of bare metal.
pub(super) fn wake_ups() -> String {
    let names = ["istio-sidecar", "istio-ambient", "istio-ambient-waypoint"];
    let trials: Vec<[Trial; 2]> = names
        .par_iter()
        .map(|name| {
            let meshes = [mesh_with(name, workers(name)), waking_cheaply(name, workers(name))];
            meshes.map(|mesh| Trial::under(&mesh, APART, 1.0))
        })
        .collect();
    let [sidecar, ambient, waypoint] = &trials[..] else { unreachable!("three") };
    let mut text = "| figure | published | predicted | with cheap wake-ups |\n|---|---|---|---|\n".to_owned();
    let cpu = [
        ("sidecar", 0.20, sidecar, "", 2.0),
        ("ztunnel", 0.06, ambient, "node:", 2.0),
        ("waypoint", 0.25, waypoint, "waypoint:", 1.0),
    ];
    for (name, figure, trials, group, proxies) in cpu {
        let [nominal, cheap] = [0, 1].map(|index| trials[index].vcpu(group, proxies));
        let _ = writeln!(text, "| {name}, cores per 1000 rps | {figure:.2} | {nominal:.2} | {cheap:.2} |");
    }
    let latency = [
        ("sidecars", [630, 880], sidecar),
        ("two ztunnels", [160, 200], ambient),
        ("with a waypoint", [400, 500], waypoint),
    ];
    for (name, figures, trials) in latency {
        for (quantile, figure) in [0.9, 0.99].into_iter().zip(figures) {
            let [nominal, cheap] = [0, 1].map(|index| trials[index].added(quantile));
            let _ = writeln!(
                text,
                "| {name}, added p{:.0} | {figure} µs | {nominal:.0} µs | {cheap:.0} µs |",
                quantile * 100.0
            );
        }
    }
    text
}

/// What docs/calibration.md says of wake-ups: the reasons rest on it.
#[test]
fn wake_ups_explain_most_of_a_ztunnels_cpu_and_part_of_a_waypoints_delay() {
    let ambient = Trial::of("istio-ambient", APART, 1.0);
    let share = ambient.meshed.wake_share("node:");
    assert!((0.84..0.92).contains(&share), "{share}");
    let name = "istio-ambient-waypoint";
    let nominal = Trial::of(name, APART, 1.0).added(0.9);
    let cheap = Trial::under(&waking_cheaply(name, workers(name)), APART, 1.0).added(0.9);
    let taken_away = (nominal - cheap) / (nominal - 400.0);
    assert!((0.3..0.45).contains(&taken_away), "{taken_away}");
}

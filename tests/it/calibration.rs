//! Predicted beside measured: the set-ups on which real proxies were measured, as scenarios.
//!
//! Writes docs/calibration.md when run with `SIM_BLESS=1`, and otherwise checks that it is what it would write.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use sim::engine;
use sim::program::compile;

use crate::common::{blessed, mesh_with, scenario};

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
}

impl Setup {
    fn title(self) -> &'static str {
        match self {
            Self::OneEnvoy => "one Envoy, HTTP",
            Self::OneEnvoyTcp => "one Envoy, TCP proxy",
            Self::EnvoyPair => "two Envoys, mTLS, HTTP/1.1",
            Self::LinkerdPair => "two linkerd2-proxies",
        }
    }

    fn is_pair(self) -> bool {
        matches!(self, Self::EnvoyPair | Self::LinkerdPair)
    }

    /// The profile, and what of it the bare proxy on one core did not have.
    fn mesh(self) -> sim::mesh::MeshModel {
        let bare = [
            ("proxy.idle_cpu", "0m"),
            ("proxy.workers", "1"),
            ("features.telemetry", "off"),
            ("features.metadata_exchange", "off"),
        ];
        match self {
            Self::LinkerdPair => mesh_with("linkerd", &bare[..1]),
            Self::EnvoyPair => mesh_with("istio-sidecar", &bare),
            _ => mesh_with("istio-sidecar", &[&bare[..], &[("features.mtls", "off")]].concat()),
        }
    }
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
const MEASURED: [Measured; 21] = [
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
];

/// The set-up as a scenario. What a direct request takes, network and server together, is the server's service time.
fn text(row: &Measured) -> String {
    let [p50, p90] = row.direct;
    let (from, together) = if row.setup.is_pair() {
        ("meshed_client", "\n  core_sets:\n    - {name: core-1, services: [server], sources: [client]}")
    } else {
        ("outside", "")
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
    request_size: 128
    response_size: {}
traffic:
  - {{name: client, service: server, from: {from}, {arrivals}}}
cluster:
  network_delay: 0s{together}
run: {{warm_up: 5s, duration: {seconds}s, seed: 1}}
",
        row.response_bytes
    )
}

/// A quantity of a row beside what the simulator says.
struct Compared {
    row: usize,
    quantity: &'static str,
    measured: f64,
    predicted: f64,
    fitted: bool,
}

impl Compared {
    fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }

    /// The band that was fixed before any fitting.
    fn band(&self) -> f64 {
        match (self.quantity, self.fitted) {
            ("CPU", true) => 0.15,
            ("CPU", false) => 0.30,
            (_, true) => 0.25,
            (_, false) => 0.40,
        }
    }
}

fn compare(position: usize, row: &Measured) -> [Compared; 3] {
    let program = compile(&scenario(&text(row)), &row.setup.mesh());
    let record = engine::run(&program, 0, &AtomicBool::new(false)).expect("nothing stops it");
    let entry = &record.entries[0];
    let micros = |quantile: f64| entry.succeeded.value_at_quantile(quantile) as f64 / 1e3;
    let cpu: u64 = record.proxies.iter().map(|proxy| proxy.cpu).sum();
    let compared = |quantity, measured, predicted, fitted| Compared {
        row: position,
        quantity,
        measured,
        predicted,
        fitted,
    };
    let added = |index: usize, quantile| {
        (row.response_time[index] - row.direct[index], micros(quantile) - row.direct[index])
    };
    let (p50, p90) = (added(0, 0.5), added(1, 0.9));
    [
        compared("CPU", row.cpu, cpu as f64 / 1e3 / entry.arrived as f64, row.fitted[0]),
        compared("added p50", p50.0, p50.1, row.fitted[1]),
        compared("added p90", p90.0, p90.1, row.fitted[2]),
    ]
}

fn table(all: &[&Compared]) -> String {
    let mut text = String::from(
        "| set-up | response | rps | quantity | measured µs | predicted µs | error | band | |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for one in all {
        let row = &MEASURED[one.row];
        let rate = if row.rate == 0 { "closed loop, 32".to_owned() } else { row.rate.to_string() };
        let verdict = if one.error().abs() <= one.band() { "" } else { "**outside**" };
        let _ = writeln!(
            text,
            "| {} | {} KiB | {rate} | {} | {:.0} | {:.0} | {:+.1} % | ±{:.0} % | {verdict} |",
            row.setup.title(),
            row.response_bytes / 1024,
            one.quantity,
            one.measured,
            one.predicted,
            one.error() * 100.0,
            one.band() * 100.0
        );
    }
    text
}

/// Mean and largest absolute error of a quantity.
fn summary(all: &[&Compared]) -> String {
    let mut text = String::from("| quantity | rows | mean error | largest |\n|---|---|---|---|\n");
    for quantity in ["CPU", "added p50", "added p90"] {
        let errors: Vec<f64> =
            all.iter().filter(|one| one.quantity == quantity).map(|one| one.error().abs() * 100.0).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let largest = errors.iter().copied().fold(0.0, f64::max);
        let _ = writeln!(text, "| {quantity} | {} | {mean:.0} % | {largest:.0} % |", errors.len());
    }
    text
}

fn page(all: &[Compared]) -> String {
    let fitted: Vec<&Compared> = all.iter().filter(|one| one.fitted).collect();
    let unfitted: Vec<&Compared> = all.iter().filter(|one| !one.fitted).collect();
    format!(
        "# Predicted beside measured

Real proxies were measured in November 2026 (Envoy 1.40.0 without Istio's filters, linkerd2-proxy 29637b6) on a
two-core virtual machine: client and server on one core, all proxies on the other, 32 keep-alive connections, Poisson
arrivals, one worker. The same set-ups as scenarios give the predictions; `tests/it/calibration.rs` writes this page and
checks it. CPU is that of all proxies per request; \"added\" is the quantile with proxies less that without.

Bands were fixed before any fitting. The machine's own speed varies by a factor of up to 1.5 between runs.

## Rows never fitted

{}
{}
## Fitted rows

Constants in `models/` were chosen to meet these.

{}
{}",
        summary(&unfitted),
        table(&unfitted),
        summary(&fitted),
        table(&fitted)
    )
}

#[test]
fn predictions_stay_within_the_bands_fixed_beforehand() {
    use rayon::prelude::*;
    let all: Vec<Compared> =
        MEASURED.par_iter().enumerate().flat_map_iter(|(position, row)| compare(position, row)).collect();
    blessed("docs/calibration.md", &page(&all));
    let outside: Vec<String> = all
        .iter()
        .filter(|one| one.error().abs() > one.band())
        .map(|one| format!("{} {} {}", MEASURED[one.row].setup.title(), MEASURED[one.row].rate, one.quantity))
        .collect();
    assert!(outside.is_empty(), "outside the bands: {outside:?}");
}

//! Istio 1.7's raw benchmark (istio/tools perf/benchmark, August 2020): fortio with 16 connections that tick together and
//! catch up, HTTP/1.1, 1 KiB, both sidecars, mutual TLS, two workers each.
//!
//! What a request took without a mesh at the same rate is the server's service time.

use rayon::prelude::*;

use super::row::{Origin, Quantity, Row, Setup};
use super::seen::{Pair, Seen};
use crate::common::mesh_with;

const SOURCE: &str = "istio/tools, Istio 1.7";

/// Its machines against the profiles': chosen to meet the CPU of the row without filters at 3000 rps, and nothing else.
pub(super) const CPU_SPEED: f64 = 0.61;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Bare,
    Telemetry,
    Wasm,
}

/// Published figures at one rate.
#[derive(Clone, Copy)]
struct Published {
    mode: Mode,
    rate: u32,
    connections: u32,
    /// Microseconds, p50, p90, p99; the mean where there were two runs; 0 where nothing was given.
    response_time: [f64; 3],
    /// Millicores of client's and server's sidecar, where given.
    millicores: [f64; 2],
    /// A constant was chosen to meet its CPU.
    fitted: bool,
}

const fn row(mode: Mode, rate: u32, response_time: [f64; 3], millicores: [f64; 2]) -> Published {
    Published { mode, rate, connections: 16, response_time, millicores, fitted: false }
}

/// With default telemetry at 1000 rps over so many connections: p50 alone.
const fn over(connections: u32, p50: f64) -> Published {
    let published = row(Mode::Telemetry, 1000, [p50, 0.0, 0.0], [0.0, 0.0]);
    Published { connections, ..published }
}

const fn fit(published: Published) -> Published {
    Published { fitted: true, ..published }
}

#[rustfmt::skip]
const PUBLISHED: [Published; 18] = [
    row(Mode::Bare,       100, [980.0, 1411.0, 1940.0],  [31.0, 32.0]),
    row(Mode::Bare,       500, [990.0, 1459.0, 1924.0],  [117.0, 127.0]),
    row(Mode::Bare,      1000, [1329.0, 1883.0, 2458.0], [187.5, 219.0]),
    fit(row(Mode::Bare, 3000, [1815.0, 2253.0, 2811.0],  [453.0, 477.0])),
    row(Mode::Telemetry,   10, [1840.0, 2165.0, 2488.0], [9.0, 10.0]),
    row(Mode::Telemetry,  100, [1256.0, 1837.0, 2440.0], [42.0, 45.0]),
    row(Mode::Telemetry,  500, [1612.0, 2448.0, 3294.0], [144.0, 170.0]),
    row(Mode::Telemetry, 1000, [2395.0, 3363.0, 4130.0], [265.5, 284.5]),
    row(Mode::Telemetry, 2000, [2865.0, 3506.0, 3996.0], [447.0, 463.0]),
    row(Mode::Telemetry, 3000, [3005.0, 3735.0, 4237.0], [573.0, 657.0]),
    over(2, 1220.0),
    over(4, 1880.0),
    over(8, 2240.0),
    over(64, 2140.0),
    // The price of a plugin's callback is that of these.
    fit(row(Mode::Wasm,   100, [1484.0, 0.0, 0.0],       [47.0, 54.0])),
    fit(row(Mode::Wasm,   500, [2325.0, 0.0, 0.0],       [172.0, 204.0])),
    fit(row(Mode::Wasm,  1000, [3483.0, 0.0, 0.0],       [286.0, 313.5])),
    fit(row(Mode::Wasm,  2000, [3927.0, 0.0, 0.0],       [500.0, 577.0])),
];

/// p50, p90 and p99 without a mesh.
fn without_a_mesh(rate: u32) -> [f64; 3] {
    match rate {
        10 => [517.0, 634.0, 698.0],
        100 => [381.0, 488.0, 677.0],
        500 => [337.0, 452.0, 608.0],
        1000 => [316.0, 421.0, 547.0],
        2000 => [307.0, 404.0, 548.0],
        _ => [329.0, 445.0, 634.0],
    }
}

fn run(published: &Published, phase: &str) -> Seen {
    let [p50, p90, _] = without_a_mesh(published.rate);
    let service_time = format!("{{lognormal: {{p50: {p50}us, p90: {p90}us}}}}");
    let pair = Pair {
        arrivals: format!(
            "{{paced: {{connections: {}, rate: {}/s, phase: {phase}}}}}",
            published.connections, published.rate
        ),
        service_time: &service_time,
        request_bytes: 128,
        response_bytes: 1024,
        network_delay: "0s",
        cpu_speed: CPU_SPEED,
        seconds: (20_000 / published.rate).max(10),
    };
    let overrides: &[_] = match published.mode {
        Mode::Bare => &[("features.telemetry", "off"), ("features.metadata_exchange", "off")],
        Mode::Telemetry => &[],
        // What the plugin takes on top of native telemetry.
        Mode::Wasm => &[("features.wasm", "on")],
    };
    pair.under(&mesh_with("istio-sidecar", &[&[("proxy.workers", "2")], overrides].concat()))
}

fn title(mode: Mode) -> &'static str {
    match mode {
        Mode::Bare => "sidecars without Istio's filters",
        Mode::Telemetry => "sidecars, default telemetry",
        Mode::Wasm => "sidecars, telemetry as Wasm",
    }
}

/// CPU microseconds per request and sidecar.
fn cpu(published: &Published) -> f64 {
    let [client, server] = published.millicores;
    f64::midpoint(client, server) * 1e3 / f64::from(published.rate)
}

fn rows_of((published, seen): &(&Published, Seen)) -> Vec<Row> {
    let setup = Setup {
        proxy: "sidecar",
        source: SOURCE,
        title: match published.connections {
            16 => format!("{}, {} rps in phase", title(published.mode), published.rate),
            other => {
                format!("{}, {} rps in phase, {other} connections", title(published.mode), published.rate)
            }
        },
    };
    let direct = without_a_mesh(published.rate);
    let origin = Origin::Published { fitted: published.fitted };
    let quantiles = [(Quantity::P50, 0.5), (Quantity::P90, 0.9), (Quantity::P99, 0.99)];
    let latencies =
        quantiles.iter().enumerate().filter(|(index, _)| published.response_time[*index] > 0.0).map(
            |(index, &(quantity, quantile))| {
                let added = [published.response_time[index], seen.quantile(quantile)]
                    .map(|time| time - direct[index]);
                setup.published(quantity, "µs", added)
            },
        );
    let cpu = [cpu(published), seen.cpu("") / 2.0];
    let cpu = (cpu[0] > 0.0).then(|| setup.row(origin, Quantity::Cpu, "µs", cpu));
    cpu.into_iter().chain(latencies).collect()
}

/// Of two rows' CPU per request.
fn ratio(runs: &[(&Published, Seen)], setup: &str, of: (Mode, u32), to: (Mode, u32)) -> Row {
    let find = |(mode, rate)| {
        let (published, seen) =
            runs.iter().find(|(one, _)| (one.mode, one.rate) == (mode, rate)).expect("a row of the table");
        [cpu(published), seen.cpu("") / 2.0]
    };
    let ([figure, predicted], [of_figure, of_predicted]) = (find(of), find(to));
    let setup = Setup { proxy: "sidecar", source: SOURCE, title: setup.to_owned() };
    setup.published(Quantity::Ratio, "", [figure / of_figure, predicted / of_predicted])
}

pub(super) fn rows() -> Vec<Row> {
    let runs: Vec<(&Published, Seen)> = PUBLISHED.par_iter().map(|one| (one, run(one, "together"))).collect();
    let (bare, telemetry, wasm) = (Mode::Bare, Mode::Telemetry, Mode::Wasm);
    let ratios = [
        ratio(&runs, "CPU, 100 rps to 3000, default telemetry", (telemetry, 100), (telemetry, 3000)),
        ratio(&runs, "CPU, 10 rps to 100, default telemetry", (telemetry, 10), (telemetry, 100)),
        ratio(&runs, "CPU, 100 rps to 3000, without filters", (bare, 100), (bare, 3000)),
        ratio(&runs, "CPU, default telemetry to none, 1000 rps", (telemetry, 1000), (bare, 1000)),
        ratio(&runs, "CPU, default telemetry to none, 3000 rps", (telemetry, 3000), (bare, 3000)),
        ratio(&runs, "CPU, telemetry as Wasm to native, 500 rps", (wasm, 500), (telemetry, 500)),
        ratio(&runs, "CPU, telemetry as Wasm to native, 2000 rps", (wasm, 2000), (telemetry, 2000)),
    ];
    runs.iter().flat_map(rows_of).chain(ratios).collect()
}

/// What docs/calibration.md says of connections that do not tick together: the reasons rest on it.
#[test]
fn connections_that_drift_apart_meet_the_latency_of_low_rates_and_not_the_cpu() {
    let errors = [0, 1].map(|index| {
        let published = &PUBLISHED[index];
        let seen = run(published, "jittered");
        let direct = without_a_mesh(published.rate)[0];
        let added = (seen.quantile(0.5) - direct) / (published.response_time[0] - direct) - 1.0;
        (added, seen.cpu("") / 2.0 / cpu(published) - 1.0)
    });
    let [(at_100, cpu_at_100), (at_500, _)] = errors;
    assert!((0.15..0.19).contains(&at_100) && (-0.14..-0.10).contains(&at_500), "{errors:?}");
    assert!((0.6..0.75).contains(&cpu_at_100), "{errors:?}");
}

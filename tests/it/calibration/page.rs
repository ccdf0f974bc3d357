//! docs/calibration.md from the rows.

use std::fmt::Write as _;

use super::row::{Quantity, Row};
use super::why::REASONS;

const HEAD: &str = "# Predicted beside measured

Figures that somebody measured on real meshes, and what the simulator says of the same set-up; `tests/it/calibration/`
writes this page and checks it. Bands were fixed before any fitting and are never widened: our own measurements ±15 % for
CPU and memory and ±25 % for latency where constants were fitted to them, else ±30 % and ±40 %; published CPU and memory
±30 %, published latency ±50 %, ratios ±25 %. What lies outside is listed with the reason.

Our own rows: Envoy 1.40.0 without Istio's filters, linkerd2-proxy 29637b6 and ztunnel 62d8265, measured in November 2026
on a two-core virtual machine whose speed varies by a factor of up to 1.5 between runs; client and server on one core, all
proxies on the other, 32 keep-alive connections, Poisson arrivals, one worker. CPU is that of all proxies per request;
\"added\" is the quantile with proxies less that without. One ztunnel process played both sides, and so it does here: a node's
proxy with the work of two and the two wake-ups of one. Two processes have four, and at 1000 rps take 189 µs instead of 118.
Published rows ran on other machines, some on bare metal and some long ago: ratios are worth more than absolutes.

";

const WAKE_UPS: &str = "### What waking costs

The profiles' wake-ups are those of a virtual machine: 58 to 278 µs of CPU for Envoy and 40 to 161 µs for ztunnel, half of
which delays. istio.io's rows since 1.24 come from bare metal, where 0.06 core per 1000 rps leaves a ztunnel 23 µs for each
of its two. Each pass through a proxy wakes it: sidecars have four a call, two ztunnels four, with a waypoint between them
six. So ambient gains most where waking is cheap. The last column has all wake-ups at the low ends of their ranges.

";

const NOT_SIMULATED: &str = "## Not compared yet

These figures belong to the control plane and to the start of pods. Runs with events simulate both; no run is held to them yet.
The start-up rows above are such constants, so they are fitted.

| figure | source |
|---|---|
| istiod: 1 vCPU and 1.5 GB for 1000 services and 2000 sidecars | istio.io 1.5 to 1.22 |
| istiod: 512 Mi per replica in the sizing example; 4 to 12 CPU-ms per replaced pod | Netcracker/qubership-istio |
| Linkerd's control plane takes 324 MB where Istio's takes 837 MB | linkerd/website 2021 |
| convergence p90 of 1.5 s in production; an EDS update to 500 sidecars in under 1 s | Airbnb; istio/istio#10486 |
| pushes to one Envoy: 0.7 ms of CPU per changed cluster, 15 us per unchanged one | own measurement |
| pod start with a classic sidecar: 5.144 s on average, 4.912 s with a startup probe | istio/istio PR#47207 |
| resumed TLS handshakes: 0.11 to 0.15 ms | own measurement |
| Envoy keeps the memory of a configuration that shrank | Netcracker/qubership-istio |
";

/// The page; `wake_ups` is the table that shows what waking costs.
pub(super) fn page(rows: &[Row], wake_ups: &str) -> String {
    let of = |own: bool, fitted: bool| -> Vec<&Row> {
        rows.iter().filter(|row| row.is_own() == own && row.fitted() == fitted).collect()
    };
    let groups = [
        ("Our own rows, never fitted", of(true, false)),
        ("Our own rows, fitted", of(true, true)),
        ("Published rows, never fitted", of(false, false)),
        ("Published rows, fitted", of(false, true)),
    ];
    let mut text = HEAD.to_owned();
    text.push_str(&summary(&groups));
    for (title, rows) in &groups {
        let _ = write!(text, "\n## {title}\n\n{}", table(rows));
    }
    let _ = write!(text, "\n## Outside, and why\n\n{}\n{WAKE_UPS}{wake_ups}\n{NOT_SIMULATED}", reasons(rows));
    text
}

/// Errors by quantity.
fn summary(groups: &[(&str, Vec<&Row>)]) -> String {
    let mut text =
        "| rows | quantity | number | mean error | largest | outside |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for (title, rows) in groups {
        for quantity in Quantity::ALL {
            let of: Vec<&&Row> = rows.iter().filter(|row| row.quantity == quantity).collect();
            if of.is_empty() {
                continue;
            }
            let errors = || of.iter().map(|row| row.error().abs() * 100.0);
            let mean = errors().sum::<f64>() / of.len() as f64;
            let largest = errors().fold(0.0, f64::max);
            let outside = of.iter().filter(|row| row.outside()).count();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {mean:.0} % | {largest:.0} % | {outside} |",
                title,
                quantity.title(),
                of.len()
            );
        }
    }
    text
}

fn table(rows: &[&Row]) -> String {
    let mut text =
        "| set-up | quantity | figure | predicted | error | band | |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let source = if row.source.is_empty() { String::new() } else { format!(" ({})", row.source) };
        let _ = writeln!(
            text,
            "| {}{source} | {} | {} | {} | {:+.1} % | ±{:.0} % | {} |",
            row.setup,
            row.quantity.title(),
            number(row.figure, row.unit),
            number(row.predicted, row.unit),
            row.error() * 100.0,
            row.band() * 100.0,
            if row.outside() { "**outside**" } else { "" }
        );
    }
    text
}

/// Three digits or more, and the unit.
fn number(value: f64, unit: &str) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}").trim_end().to_owned()
}

/// One item for each reason, with what it explains.
fn reasons(rows: &[Row]) -> String {
    let mut text = String::new();
    for reason in REASONS {
        let explained: Vec<String> = rows
            .iter()
            .filter(|row| reason.explains(row))
            .map(|row| format!("{}, {} ({:+.0} %)", row.setup, row.quantity.title(), row.error() * 100.0))
            .collect();
        let _ = writeln!(text, "- {} *{}.*", reason.text, explained.join("; "));
    }
    text
}

//! Linkerd's benchmark of May 2021 (Linkerd 2.10.2, Istio 1.10.0): an application of several hops at 200 requests per
//! second, here Emojivoto as shipped. Its machines were saturated, so only ratios count.

use std::path::Path;

use rayon::prelude::*;
use sim::engine;
use sim::metrics::RunRecord;
use sim::program::compile;
use sim::units::Span;

use super::row::{Quantity, Row, Setup};
use crate::common::{load, mesh};

/// Of all requests at the page; the leaderboard was not in the benchmark.
fn run(name: &str) -> RunRecord {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/emojivoto.yaml");
    let mut scenario = load(&file);
    scenario.run.duration = Span::from_seconds(60);
    let program = compile(&scenario, &mesh(name));
    engine::run(&program, 0, &std::sync::atomic::AtomicBool::new(false)).expect("nothing stops it")
}

/// Microseconds, over lists and votes.
fn quantile(record: &RunRecord, quantile: f64) -> f64 {
    let mut all = record.entries[0].succeeded.clone();
    all.add(&record.entries[1].succeeded).expect("histograms alike");
    all.value_at_quantile(quantile) as f64 / 1e3
}

fn largest(record: &RunRecord) -> f64 {
    record.proxies.iter().map(|proxy| proxy.memory_max).fold(0.0, f64::max)
}

pub(super) fn rows() -> Vec<Row> {
    let records: Vec<RunRecord> =
        ["none", "linkerd", "istio-sidecar"].par_iter().map(|name| run(name)).collect();
    let [none, linkerd, istio] = &records[..] else { unreachable!("three") };
    let ratio = |setup: &str, numbers| {
        let setup =
            Setup { proxy: "linkerd2-proxy", source: "linkerd/website 2021", title: setup.to_owned() };
        setup.published(Quantity::Ratio, "", numbers)
    };
    let added = |of| {
        let [none, linkerd, istio] = [none, linkerd, istio].map(|record| quantile(record, of));
        (linkerd - none) / (istio - none)
    };
    vec![
        ratio("Linkerd to Istio, added p50, 200 rps", [11.2 / 18.7, added(0.5)]),
        ratio("Linkerd to Istio, added p90, 200 rps", [35.0 / 62.1, added(0.9)]),
        ratio("Linkerd to Istio, added p99, 200 rps", [44.8 / 186.3, added(0.99)]),
        ratio("Linkerd to Istio, largest proxy's memory", [17.8 / 154.6, largest(linkerd) / largest(istio)]),
    ]
}

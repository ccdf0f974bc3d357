//! What is expected of a run's combinations against what its events show one by one.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::diag::Style;
use crate::engine::{Engine, Event};
use crate::input::{self, Options};
use crate::mesh::profile::find;
use crate::mesh::validate;
use crate::program::compile;

fn program(mesh: &str, text: &str) -> Program {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, text).expect("a writable folder");
    let (draft, sources, mut diagnostics) = input::load(&[file], &Options::default());
    let scenario = validate(&draft, &mut diagnostics)
        .unwrap_or_else(|| panic!("{}", diagnostics.render(&sources, Style::Plain)));
    compile(&scenario, &find(mesh, None).expect("it is shipped").model(2))
}

/// Which pods met: caller and called pod of every measured call that reached a server.
fn met(
    program: &Program,
    replication: u32,
) -> BTreeSet<(EdgeIdx, crate::program::PodIdx, crate::program::PodIdx)> {
    let mut engine = Engine::new(program, replication);
    engine.start();
    let mut met = BTreeSet::new();
    while let Some(event) = engine.step() {
        if let Event::AtServer(call) = event {
            let call = &engine.calls[call];
            if call.measured {
                met.insert((call.edge, call.caller, call.callee));
            }
        }
    }
    met
}

/// Series that those who met make under a mesh of sidecars, one by one.
fn exact(program: &Program, replication: u32) -> f64 {
    let met = met(program, replication);
    let model = |workload: WorkloadIdx| {
        let group = program.workloads[workload].group.expect("everybody has a proxy");
        &program.groups[group].telemetry
    };
    let each: f64 =
        program.proxies.iter().map(|proxy| program.groups[proxy.group].telemetry.base_series).sum();
    let (mut sent, mut received, mut services) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (edge, from, to) in met {
        let [caller, callee] = [from, to].map(|pod| program.pods[pod].workload);
        let is_by_pod = model(caller).peers == Peers::Endpoint;
        sent.insert((caller, from, callee, is_by_pod.then_some(to)));
        received.insert((callee, to, caller));
        services.insert((caller, from, program.edges[edge].callee));
    }
    let of = |workload, side: fn(&TelemetryModel) -> SideModel| {
        let model = model(workload);
        let side = side(model);
        let connections = if model.counts_all_connections { side.connections } else { Metrics::default() };
        model.series(side.by_outcome) + model.series(side.by_peer) + model.series(connections)
    };
    each + sent.iter().map(|one| of(one.0, |model| model.outbound)).sum::<f64>()
        + received.iter().map(|one| of(one.0, |model| model.inbound)).sum::<f64>()
        + services.iter().map(|one| model(one.0).service_series).sum::<f64>()
}

fn counted(program: &Program, replication: u32) -> f64 {
    let record = crate::engine::run(program, replication, &AtomicBool::new(false));
    record.and_then(|record| record.telemetry).expect("nothing stops it").active()
}

/// Three calls of each request over versions and pods, so many requests a second for one second.
fn shop(rate: u32) -> String {
    format!(
        "version: 1\nservices:\n\
         - {{name: web, replicas: 4, service_time: 1ms, script: [{{call: stock}}, {{call: reviews}}]}}\n\
         - {{name: stock, replicas: 5, service_time: 1ms}}\n\
         - {{name: reviews, service_time: 1ms, script: [{{call: stock}}], versions: [{{name: v1}}, {{name: v2, replicas: 3}}]}}\n\
         policies:\n- {{service: web, balancing: random}}\n- {{service: stock, balancing: random}}\n\
         - {{service: reviews, balancing: random}}\n\
         traffic: [{{service: web, from: meshed_client, rate: {rate}/s}}]\n\
         run: {{warm_up: 0s, duration: 1s}}\n"
    )
}

#[test]
fn with_much_traffic_every_combination_is_there() {
    for mesh in ["istio-sidecar", "linkerd"] {
        let program = program(mesh, &shop(1000));
        let (exact, counted) = (exact(&program, 0), counted(&program, 0));
        assert!((exact - counted).abs() < 1e-6 * exact, "{mesh}: {counted} instead of {exact}");
    }
}

#[test]
fn with_little_traffic_the_expected_number_is_what_comes_up_on_average() {
    const RUNS: u32 = 60;
    for mesh in ["istio-sidecar", "linkerd"] {
        let program = program(mesh, &shop(6));
        let differences: Vec<f64> =
            (0..RUNS).map(|run| exact(&program, run) - counted(&program, run)).collect();
        let mean = differences.iter().sum::<f64>() / f64::from(RUNS);
        let squares: f64 =
            differences.iter().map(|difference| (difference - mean) * (difference - mean)).sum();
        let error = (squares / f64::from(RUNS - 1) / f64::from(RUNS)).sqrt();
        assert!(error > 0.0, "{mesh}: chance decides what comes up");
        assert!(mean.abs() < 4.0 * error, "{mesh}: {mean} too many, give or take {error}");
    }
}

/// Where connections are kept, the pods that have met are those that events show.
#[test]
fn where_endpoints_are_chosen_per_connection_those_who_met_are_known() {
    for mesh in ["istio-ambient", "istio-ambient-waypoint"] {
        let program = program(mesh, &shop(50));
        let mut engine = Engine::new(&program, 0);
        engine.start();
        while engine.step().is_some() {}
        let known: BTreeSet<_> = engine
            .met()
            .iter()
            .enumerate()
            .flat_map(|(edge, met)| met.iter().map(move |&(from, to)| (EdgeIdx::at(edge), from, to)))
            .collect();
        let seen: BTreeSet<_> = met(&program, 0)
            .into_iter()
            .filter(|(edge, ..)| program.edges[*edge].pool.per_connection)
            .collect();
        assert!(!seen.is_empty());
        let lost = seen.difference(&known).count();
        assert_eq!(lost, 0, "{mesh}: of {} pairs", seen.len());
    }
}

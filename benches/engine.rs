//! The engine: end-to-end requests per second of the three-tier chain, and of one proxy visit.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sim::engine;
use sim::input::{self, Options};
use sim::mesh::profile::find;
use sim::mesh::{Scenario, validate};
use sim::program::{Program, compile};
use sim::units::Span;

fn topology(name: &str) -> Scenario {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies").join(name);
    let (draft, _, mut diagnostics) = input::load(&[file], &Options::default());
    let mut scenario = validate(&draft, &mut diagnostics).expect("a shipped topology is valid");
    scenario.run.warm_up = Span::from_seconds(1);
    scenario.run.duration = Span::from_seconds(20);
    scenario
}

fn program(scenario: &Scenario, mesh: &str) -> Program {
    compile(scenario, &find(mesh, None).expect("a shipped profile").model(4))
}

/// Requests through a whole program; a visit of the chain costs six proxy jobs a hop under sidecars.
fn runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    group.sample_size(10);
    for topology_name in ["chain-3.yaml", "tree-13.yaml"] {
        let scenario = topology(topology_name);
        for mesh in ["none", "istio-sidecar", "linkerd"] {
            let program = program(&scenario, mesh);
            let stop = AtomicBool::new(false);
            let requests = engine::run(&program, 0, &stop).map_or(0, |record| record.requests);
            group.throughput(Throughput::Elements(requests));
            group.bench_function(BenchmarkId::new(topology_name, mesh), |bencher| {
                bencher.iter(|| black_box(engine::run(&program, 0, &stop)));
            });
        }
    }
    group.finish();
}

/// The chain where each hop has a thousand rules of which the last one is taken, beside the chain without any.
fn routes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("routes");
    group.sample_size(10);
    for (name, pattern) in [("prefix", "{prefix: '/item/N/'}"), ("regex", "{regex: '/item/N/[a-z]+'}")] {
        for rules in [0, 1000] {
            let program = program(&chain_with(rules, pattern), "istio-sidecar");
            let stop = AtomicBool::new(false);
            let requests = engine::run(&program, 0, &stop).map_or(0, |record| record.requests);
            group.throughput(Throughput::Elements(requests));
            group.bench_function(BenchmarkId::new(name, rules), |bencher| {
                bencher.iter(|| black_box(engine::run(&program, 0, &stop)));
            });
        }
    }
    group.finish();
}

/// The chain of three with so many rules on each host, which look at the path.
fn chain_with(rules: usize, pattern: &str) -> Scenario {
    let mut scenario = topology("chain-3.yaml");
    if rules == 0 {
        return scenario;
    }
    let names: Vec<&str> = scenario.services.iter().map(|service| service.name.as_str()).collect();
    let mut text = String::from("version: 1\nservices:\n");
    for name in &names {
        let _ = writeln!(text, "  - {{name: {name}, service_time: 1ms}}");
    }
    text += "routes:\n";
    for name in &names {
        let _ = writeln!(text, "  - host: {name}\n    rules:");
        for rule in 1..rules {
            let pattern = pattern.replace('N', &rule.to_string());
            let _ = writeln!(text, "      - {{match: {{path: {pattern}}}, to: {name}}}");
        }
        let _ = writeln!(text, "      - {{to: {name}}}");
    }
    let _ = writeln!(text, "traffic: [{{service: {}, from: outside, rate: 1/s}}]", names[0]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("routes.yaml");
    std::fs::write(&file, text).expect("a writable folder");
    let (draft, _, mut diagnostics) = input::load(&[file], &Options::default());
    let routed = validate(&draft, &mut diagnostics).expect("a valid scenario");
    scenario.routes = routed.routes;
    // Every request has a path that none of the first rules is for.
    for operation in scenario.services.iter_mut().flat_map(|service| service.operations.iter_mut()) {
        operation.path = Some("/item/0/details".to_owned());
    }
    scenario
}

/// From a scenario to dense tables.
fn compiling(criterion: &mut Criterion) {
    let scenario = topology("fan-out-100.yaml");
    let mesh = find("istio-sidecar", None).expect("a shipped profile").model(4);
    criterion.bench_function("compile/fan-out-100", |bencher| {
        bencher.iter(|| black_box(compile(&scenario, &mesh)));
    });
}

criterion_group!(benches, runs, routes, compiling);
criterion_main!(benches);

//! The engine: end-to-end requests per second of the three-tier chain, and of one proxy visit.

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

/// From a scenario to dense tables.
fn compiling(criterion: &mut Criterion) {
    let scenario = topology("fan-out-100.yaml");
    let mesh = find("istio-sidecar", None).expect("a shipped profile").model(4);
    criterion.bench_function("compile/fan-out-100", |bencher| {
        bencher.iter(|| black_box(compile(&scenario, &mesh)));
    });
}

criterion_group!(benches, runs, compiling);
criterion_main!(benches);

//! From a scenario and a mesh to a program.

use crate::index::IndexVec;
use crate::kernel::rng::{extend_path, hash_name};
use crate::kernel::station::Window;
use crate::mesh::model::MeshModel;
use crate::mesh::scenario::{Origin, Scenario, SourceIdx, TrafficSource};
use crate::program::call::Calls;
use crate::program::edge::Edges;
use crate::program::workload::Workloads;
use crate::units::{SimTime, Span};

use super::{Program, Site, Source, WorkloadIdx};

/// Compiles a scenario under a mesh.
pub fn compile(scenario: &Scenario, mesh: &MeshModel) -> Program {
    let workloads = Workloads::lay_out(scenario, mesh);
    let mut edges = Edges::new(scenario, mesh, &workloads);
    let mut calls = Calls::new(scenario);
    for (service, _) in scenario.services.iter_enumerated() {
        calls.add_scripts(service, &mut edges);
    }
    let sources: IndexVec<SourceIdx, Source> = scenario
        .sources
        .iter()
        .zip(&workloads.of_sources)
        .map(|(source, &workload)| add_source(scenario, source, workload, &mut edges, &mut calls))
        .collect();
    let start = SimTime::ZERO + scenario.run.warm_up;
    let edges = edges.finish();
    let (machines, nodes) = super::node::place(scenario, mesh, &workloads);
    let mut program = Program {
        scenario: scenario.name.clone(),
        mesh: mesh.name.clone(),
        services: scenario.services.len(),
        workloads: workloads.all,
        pods: IndexVec::new(),
        groups: workloads.groups,
        proxies: IndexVec::new(),
        workers: IndexVec::new(),
        cores: IndexVec::new(),
        codes: calls.codes,
        steps: calls.steps,
        actions: calls.actions,
        sites: calls.sites,
        edges,
        sources,
        machines,
        network_delay: scenario.cluster.network_delay.clone(),
        zone_delay: scenario.cluster.zone_delay.clone(),
        outside_delay: scenario.cluster.outside_delay.clone(),
        nanos_per_byte: scenario.cluster.bandwidth.map_or(0.0, |bits_per_second| 8e9 / bits_per_second),
        window: Window::new(start, scenario.run.duration),
        drain_limit: start + scenario.run.duration + scenario.run.drain_limit,
        seed: scenario.run.seed,
    };
    let layout = super::pods::Layout {
        of_sources: &workloads.of_sources,
        beside: &workloads.beside,
        nodes: &nodes,
        node_group: workloads.node_group,
    };
    super::pods::place(&mut program, scenario, &layout);
    program
}

/// The entry call of a source: a call site like any other, made by its client or gateway.
fn add_source(
    scenario: &Scenario,
    source: &TrafficSource,
    workload: WorkloadIdx,
    edges: &mut Edges<'_>,
    calls: &mut Calls<'_>,
) -> Source {
    let name_hash = hash_name(&source.name);
    let code = calls.code(source.service, source.operation);
    let callee = &scenario.services[source.service];
    let operation = &callee.operations[source.operation];
    let site = Site {
        edge: edges.between(workload, source.service),
        code,
        probability: 1.0,
        request_size: operation.request_size.clone(),
        timeout: source.timeout.map_or(u64::MAX, Span::nanos),
        optional: false,
        place: extend_path(hash_name(&callee.full_name()), hash_name(&operation.name)),
        relay: None,
    };
    let site = calls.add_site(site, workload, source.service, edges);
    let gateway = matches!(source.from, Origin::Gateway { .. });
    Source {
        name: source.name.clone(),
        name_hash,
        workload,
        site,
        arrivals: source.arrivals.clone(),
        headers: source
            .headers
            .iter()
            .map(|header| (hash_name(&header.name), header.values.clone()))
            .collect(),
        outside: !matches!(source.from, Origin::MeshedClient { .. }),
        gateway,
    }
}

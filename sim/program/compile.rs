//! From a scenario and a mesh to a program.

use crate::index::IndexVec;
use crate::kernel::rng::{extend_path, hash_name};
use crate::kernel::station::Window;
use crate::mesh::model::MeshModel;
use crate::mesh::scenario::{Origin, RunSettings, Scenario, SourceIdx};
use crate::program::call::Calls;
use crate::program::edge::Edges;
use crate::program::workload::Workloads;
use crate::units::{SimTime, Span};

use super::route::{Caller, Hop};
use super::{AfterRun, Program, Site, Source, Telemetry, WorkloadIdx};

/// Compiles a scenario under a mesh.
pub fn compile(scenario: &Scenario, mesh: &MeshModel) -> Program {
    let own_proxies = super::own_proxy::own_proxies(scenario, mesh);
    let workloads = Workloads::lay_out(scenario, mesh, &own_proxies);
    let (mut machines, nodes, fates) = super::node::place(scenario, mesh, &workloads);
    machines.notes.extend(super::lifecycle::notes(scenario, mesh, &workloads));
    machines.notes.extend(super::lifecycle::upgrade_notes(scenario, mesh, &workloads));
    let zones = nodes.iter().map(|own| own.iter().map(|&node| machines.nodes[node].zone).collect()).collect();
    let mut edges = Edges::new(scenario, mesh, &workloads, zones);
    let mut calls = Calls::new(scenario, mesh);
    for (workload, body) in workloads.serving() {
        calls.add_scripts(workload, body, &mut edges);
    }
    let sources: IndexVec<SourceIdx, Source> = scenario
        .sources
        .indexes()
        .map(|source| add_source(scenario, source, workloads.of_sources[source], &mut edges, &mut calls))
        .collect();
    let start = SimTime::ZERO + scenario.run.warm_up;
    let edges = edges.finish();
    let (routes, rules) = calls.routes.finish();
    let mut program = Program {
        scenario: scenario.name.clone(),
        mesh: mesh.name.clone(),
        serving: workloads.serving().count(),
        services: workloads.of_services,
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
        routes,
        rules,
        edges,
        sources,
        machines,
        network_delay: scenario.cluster.network_delay.clone(),
        zone_delay: scenario.cluster.zone_delay.clone(),
        outside_delay: scenario.cluster.outside_delay.clone(),
        nanos_per_byte: scenario.cluster.bandwidth.map_or(0.0, |bits_per_second| 8e9 / bits_per_second),
        control: None,
        telemetry: AfterRun(Telemetry::of(scenario, mesh)),
        lifecycle: None,
        disturbances: super::disturbance::all(scenario, start + scenario.run.duration),
        window: Window::new(start, scenario.run.duration),
        interval: interval(&scenario.run),
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
    let layout = super::control::Layout {
        beside: &workloads.beside,
        of_sources: &workloads.of_sources,
        waypoint_of: &workloads.waypoint_of,
        node_group: workloads.node_group,
    };
    let lives = super::lifecycle::lives(scenario, &program);
    program.control = super::control::build(scenario, mesh, &layout, &program, &lives);
    program.lifecycle =
        super::lifecycle::build(scenario, mesh, (&workloads.beside, fates.as_ref()), &program, &lives);
    program
}

/// Length of the time line's intervals. Where the scenario leaves it open, 1, 2 or 5 times a power of ten seconds: at
/// most 60 intervals for the window, or 120 with a long warm-up.
fn interval(run: &RunSettings) -> Span {
    const WINDOW: u64 = 60;
    const WHOLE: u64 = 120;
    let whole = run.length().nanos();
    if let Some(wanted) = run.interval {
        // The command line may have made the run longer than the scenario said.
        return wanted.max(Span::from_nanos(whole.div_ceil(RunSettings::MOST_INTERVALS)));
    }
    let least = Span::from_nanos(run.duration.nanos().div_ceil(WINDOW).max(whole.div_ceil(WHOLE)));
    let decades = (0..).map(|decade| 10_u64.pow(decade));
    let mut rounds = decades.flat_map(|decade| [1, 2, 5].map(|digit| Span::from_seconds(digit * decade)));
    rounds.find(|&round| round >= least).unwrap_or(least)
}

/// The entry call of a source: a call site like any other, made by its client or gateway.
fn add_source(
    scenario: &Scenario,
    index: SourceIdx,
    workload: WorkloadIdx,
    edges: &mut Edges<'_>,
    calls: &mut Calls<'_>,
) -> Source {
    let source = &scenario.sources[index];
    let name_hash = hash_name(&source.name);
    let callee = &scenario.services[source.service];
    let operation = &callee.operations[source.operation];
    let site = Site {
        edge: edges.between(workload, source.service),
        operation: source.operation,
        probability: 1.0,
        request_size: operation.request_size.clone(),
        timeout: source.timeout.map_or(u64::MAX, Span::nanos),
        optional: false,
        place: extend_path(hash_name(&callee.full_name()), hash_name(&operation.name)),
        retries: 0,
        relay: None,
        route: None,
    };
    let hop = Hop {
        caller: Caller::Source(index),
        enforcer: workload,
        service: source.service,
        operation: source.operation,
    };
    let site = calls.add_site(site, hop, edges);
    let gateway = matches!(source.from, Origin::Gateway { .. });
    Source {
        name: source.name.clone(),
        name_hash,
        workload,
        site,
        arrivals: source.arrivals.clone(),
        surges: super::disturbance::surges(scenario, index, SimTime::ZERO + scenario.run.length()),
        headers: source
            .headers
            .iter()
            .map(|header| (hash_name(&header.name), header.values.clone()))
            .collect(),
        outside: !matches!(source.from, Origin::MeshedClient { .. }),
        gateway,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::defaults;

    #[test]
    fn intervals_are_round_and_not_too_many() {
        let chosen = |warm_up: u64, duration: u64, wanted: Option<u64>| {
            let run = RunSettings {
                warm_up: Span::from_millis(warm_up),
                duration: Span::from_millis(duration),
                interval: wanted.map(Span::from_millis),
                ..defaults::run()
            };
            interval(&run).to_string()
        };
        assert_eq!(chosen(5_000, 30_000, None), "1s");
        assert_eq!(chosen(0, 10, None), "1s");
        assert_eq!(chosen(0, 60_000, None), "1s");
        assert_eq!(chosen(0, 60_001, None), "2s");
        assert_eq!(chosen(0, 600_000, None), "10s");
        assert_eq!(chosen(0, 3_600_000, None), "100s");
        assert_eq!(chosen(300_000, 10_000, None), "5s");
        assert_eq!(chosen(5_000, 30_000, Some(250)), "250ms");
        assert_eq!(chosen(0, 1_200_000, Some(1)), "1s");
    }
}

//! Services with versions: each version its own pods, application and script, one name for all.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sim::experiment::labels;
use sim::index::Idx as _;
use sim::mesh::scenario::BalancingPolicy;
use sim::metrics::{RunRecord, Scope, Statistic, estimate};
use sim::output::table;
use sim::policy::balance::Targets;
use sim::program::{Endpoints, PodIdx, Program, compile};

use super::{MILLISECOND, bare, ten_a_second, total};
use crate::common::{free_proxies, mesh, scenario};

const SERVICES: &str = "
services:
  - {name: web, service_time: 0s, script: [{call: reviews}]}
  - name: reviews
    service_time: 1ms
    workers: 8
    script: [{call: ratings}]
    versions:
      - {name: v1, script: []}
      - {name: v2, replicas: 2, service_time: 2ms}
      - {name: v3, error_ratio: 100%, workers: 2, memory: 10MiB}
  - {name: ratings, service_time: 3ms}
";

/// Requests that reached each version.
fn visits(record: &RunRecord) -> Vec<u64> {
    record.versions.iter().map(|version| version.visits).collect()
}

/// The second second of a program with a clock that is the same for all.
fn record(program: &Program) -> RunRecord {
    sim::engine::run(program, 0, &AtomicBool::new(false)).expect("nothing stops it")
}

fn program(mesh: &sim::mesh::MeshModel, text: &str) -> Program {
    let mut scenario =
        scenario(&format!("version: 1\nname: versions\ncluster: {{network_delay: 0s}}\n{text}"));
    scenario.run.warm_up = sim::units::Span::from_seconds(1);
    scenario.run.duration = sim::units::Span::from_seconds(1);
    compile(&scenario, mesh)
}

fn a_thousand_a_second() -> &'static str {
    "traffic:\n  - {name: users, service: web, from: meshed_client, arrivals: {constant: 1000/s}}\n"
}

/// Proxies that go round all pods of a service.
fn round_robin() -> &'static str {
    "policies: [{service: reviews, balancing: round_robin}]\n"
}

#[test]
fn each_version_does_its_own() {
    let record =
        record(&program(&free_proxies(), &format!("{SERVICES}{}{}", round_robin(), a_thousand_a_second())));
    // Four pods, each in turn.
    assert_eq!(visits(&record), [250, 500, 250]);
    let [web, reviews, ratings] = &record.services[..] else { panic!("three services") };
    assert_eq!((web.visits, reviews.visits), (1000, 1000));
    assert_eq!(ratings.visits, 500, "only v2 gets that far: v1 does not ask, v3 fails before");
    let failures: Vec<u64> = record.versions.iter().map(|version| version.failures).collect();
    assert_eq!((failures, reviews.failures), (vec![0, 0, 250], 250));
    let cpu: Vec<u64> = record.versions.iter().map(|version| version.cpu / MILLISECOND).collect();
    assert_eq!((cpu, reviews.cpu / MILLISECOND), (vec![250, 1000, 250], 1500));
    let workers: Vec<_> = record.versions.iter().map(|version| version.workers).collect();
    assert_eq!((workers, reviews.workers), (vec![Some(8), Some(16), Some(2)], Some(26)));
    assert_eq!((record.versions[2].memory, reviews.memory), (10 << 20, 10 << 20));
    assert_eq!((reviews.instances, record.versions[1].instances), (4, 2));
    // 1 ms, 2 ms and the 3 ms of ratings, and nothing else.
    assert_eq!(total(&record), (250 + 500 * 5) * MILLISECOND);
}

#[test]
fn time_lines_of_versions_add_up_to_the_services() {
    let record = record(&program(&free_proxies(), &format!("{SERVICES}{}", a_thousand_a_second())));
    assert_eq!(record.timeline.services.len(), record.timeline.versions.len());
    for (services, versions) in record.timeline.services.iter().zip(&record.timeline.versions) {
        let reviews = services[1];
        assert_eq!(reviews.requests, versions.iter().map(|one| one.requests).sum::<u32>());
        assert_eq!(reviews.failures, versions.iter().map(|one| one.failures).sum::<u32>());
        assert_eq!(reviews.busy, versions.iter().map(|one| one.busy).sum::<u64>());
        assert!(reviews.busy > 0 && versions.iter().all(|one| one.busy > 0));
        let largest = versions.iter().map(|one| one.response_time).max();
        assert_eq!(Some(reviews.response_time), largest, "half of the requests take v2's time");
    }
}

#[test]
fn where_some_versions_have_unlimited_workers_the_time_line_counts_cpu() {
    let text = "services:\n  - name: web\n    service_time: 1ms\n    cpu_time: 50%\n    versions: [{name: v1, workers: 1}, {name: v2}]\n";
    let traffic = "traffic:\n  - {name: users, service: web, from: outside, arrivals: {constant: 100/s}}\n";
    let record = bare(&format!("{text}{traffic}"));
    let line = &record.timeline;
    let busy =
        |rows: &[sim::metrics::timeline::ServiceInterval]| rows.iter().map(|row| row.busy).sum::<u64>();
    assert_eq!(busy(&line.services[0]), 100 * MILLISECOND / 2);
    assert_eq!(busy(&line.versions[0]), 100 * MILLISECOND / 2);
    assert_eq!(record.services[0].workers, None);
}

#[test]
fn a_service_whose_versions_are_alike_is_as_one_without() {
    let plain = "services: [{name: web, service_time: {exponential: 1ms}, replicas: 1}]\n";
    let single = "services: [{name: web, service_time: {exponential: 1ms}, versions: [{name: v1}]}]\n";
    let [plain, single] = [plain, single].map(|text| bare(&format!("{text}{}", ten_a_second("web"))));
    assert_eq!(total(&plain), total(&single), "what a request asks for does not depend on who serves it");
    assert_eq!((plain.demand, plain.versions.len()), (single.demand, 0));
    assert_eq!(single.versions[0].visits, single.services[0].visits);
}

#[test]
fn versions_added_elsewhere_shift_no_draw() {
    let other = "\n  - {name: other, service_time: {exponential: 1ms}, script: [{call: ratings}]VERSIONS}\n";
    let traffic = "traffic:\n  - {name: users, service: web, from: outside, rate: 100/s}\n  - {name: others, service: other, from: outside, rate: 100/s}\n";
    let services = SERVICES.replace("1ms", "{exponential: 1ms}").replace("2ms", "{exponential: 2ms}");
    let run = |versions: &str| {
        let other = other.replace("VERSIONS", versions);
        bare(&format!("{}{other}{traffic}", services.trim_end()))
    };
    let [without, with] =
        ["", ", versions: [{name: v1, replicas: 2}, {name: v2, service_time: 9ms}]"].map(run);
    assert_eq!(total(&without), total(&with));
    assert_eq!(visits(&without), visits(&with)[..3]);
    assert_eq!(format!("{:?}", without.services[1]), format!("{:?}", with.services[1]));
}

/// Every edge to reviews leads to `pods` alone.
fn force(program: &mut Program, endpoints: &Endpoints, replicas: &[(&str, u32)]) {
    let reviews = 1;
    for edge in program.edges.iter_mut().filter(|edge| edge.callee.position() == reviews) {
        edge.policy = BalancingPolicy::RoundRobin;
        edge.targets = Arc::new(Targets::of(edge.policy, replicas));
        edge.endpoints = endpoints.clone();
    }
}

#[test]
fn an_edge_to_some_versions_reaches_no_other() {
    let mut program = program(&free_proxies(), &format!("{SERVICES}{}", a_thousand_a_second()));
    // Pods: web, then v1, v2 twice, v3.
    let apart = Endpoints::List([PodIdx(1), PodIdx(4)].into());
    force(&mut program, &apart, &[("default/reviews@v1", 1), ("default/reviews@v3", 1)]);
    assert_eq!(visits(&record(&program)), [500, 0, 500]);
    force(&mut program, &Endpoints::From(PodIdx(2)), &[("default/reviews@v2", 2)]);
    assert_eq!(visits(&record(&program)), [0, 1000, 0]);
}

#[test]
fn every_version_has_proxies_and_results_of_its_own() {
    let program = program(&mesh("istio-sidecar"), &format!("{SERVICES}{}", a_thousand_a_second()));
    let groups: Vec<(&str, usize)> = program
        .groups
        .iter_enumerated()
        .map(|(index, group)| {
            let proxies = program.proxies.iter().filter(|proxy| proxy.group == index).count();
            (group.name.as_str(), proxies)
        })
        .collect();
    let of_reviews = [("default/reviews@v1", 1), ("default/reviews@v2", 2), ("default/reviews@v3", 1)];
    assert_eq!(groups[1..4], of_reviews);
    let pods = program.machines.nodes.iter().map(|node| node.pods).sum::<u32>();
    assert!(pods >= 7, "web, four of reviews, ratings, the client: {pods}");

    let results = estimate(&labels(&program), &[record(&program)]);
    let rate =
        |scope, name: &str| results.get(scope, name, "throughput", Statistic::Mean).expect("a row").value;
    let sum: f64 = of_reviews.iter().map(|(name, _)| rate(Scope::Version, name)).sum();
    assert_eq!(sum, rate(Scope::Service, "default/reviews"));
    assert_eq!(results.names(Scope::Version), of_reviews.map(|(name, _)| name));
    let edges = results.names(Scope::Edge);
    assert!(edges.contains(&"default/reviews@v2 -> default/ratings"), "{edges:?}");
    assert!(!edges.contains(&"default/reviews@v1 -> default/ratings"), "{edges:?}");
    let text = table::render(&[results]);
    assert!(text.contains("Versions under istio-sidecar") && text.contains("default/reviews@v3"), "{text}");
}

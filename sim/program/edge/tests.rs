//! Edges to services and subsets of them.

use super::*;
use crate::input::{self, Options};
use crate::mesh::profile::find;
use crate::mesh::scenario::{Subset, VersionIdx};
use crate::mesh::validate;
use crate::program::own_proxy::own_proxies;
use crate::vocabulary::routing::Resource;

const TEXT: &str = "
version: 1
services:
  - {name: web, service_time: 1ms, script: [{call: reviews}]}
  - name: reviews
    service_time: 1ms
    versions: [{name: v1}, {name: v2, replicas: 2}, {name: v3}]
traffic: [{service: web, from: meshed_client, rate: 1/s}]
";

fn scenario() -> Scenario {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, TEXT).expect("a writable temporary folder");
    let (draft, _, mut diagnostics) = input::load(&[file], &Options::default());
    let mut scenario = validate(&draft, &mut diagnostics).expect("a valid scenario");
    for (name, versions) in [("outer", vec![0, 2]), ("last", vec![1, 2]), ("nobody", vec![])] {
        scenario.services[ServiceIdx(1)].subsets.push(Subset {
            name: name.to_owned(),
            resource: Resource::DestinationRule,
            versions: versions.into_iter().map(VersionIdx).collect(),
        });
    }
    scenario
}

/// The pods that an edge leads to, its subset, and its place among the caller's edges.
type Seen = (Vec<u32>, Option<String>, u32);

/// The edges from web to reviews and to each subset of it.
fn pods(mesh: &str) -> Vec<Option<Seen>> {
    let scenario = scenario();
    let mesh = find(mesh, None).expect("a shipped profile").model(2);
    let own = own_proxies(&scenario, &mesh);
    let workloads = Workloads::lay_out(&scenario, &mesh, &own);
    let nowhere = vec![Vec::new(); workloads.all.len()];
    let mut edges = Edges::new(&scenario, &mesh, &workloads, nowhere);
    let reviews = ServiceIdx(1);
    let subsets = scenario.services[reviews].subsets.iter_enumerated().map(|(index, _)| Some(index));
    let asked: Vec<Option<SubsetIdx>> = std::iter::once(None).chain(subsets).collect();
    let made: Vec<Option<EdgeIdx>> =
        asked.iter().map(|&subset| edges.backend(WorkloadIdx(0), reviews, subset)).collect();
    let again: Vec<Option<EdgeIdx>> =
        asked.iter().map(|&subset| edges.backend(WorkloadIdx(0), reviews, subset)).collect();
    assert_eq!(made, again, "an edge is made once");
    assert_eq!(made[0], Some(edges.between(WorkloadIdx(0), reviews)));
    let all = edges.finish();
    made.into_iter()
        .map(|edge| {
            let edge = &all[edge?];
            let pods = (0..edge.targets.len()).map(|endpoint| edge.endpoints.pod(endpoint).0).collect();
            Some((pods, edge.subset.clone(), edge.slot))
        })
        .collect()
}

#[test]
fn a_subset_is_an_edge_of_its_own_to_the_pods_of_its_versions() {
    let subset = |name: &str| Some(name.to_owned());
    let expected = vec![
        Some((vec![1, 2, 3, 4], None, 0)),
        Some((vec![1], subset("v1"), 1)),
        Some((vec![2, 3], subset("v2"), 2)),
        Some((vec![4], subset("v3"), 3)),
        Some((vec![1, 4], subset("outer"), 4)),
        Some((vec![2, 3, 4], subset("last"), 5)),
        None,
    ];
    assert_eq!(pods("istio-sidecar"), expected);
    assert_eq!(pods("none"), expected);
}

#[test]
fn a_waypoint_on_the_way_chooses_among_subsets() {
    let edges = pods("istio-ambient-waypoint");
    let first = edges[0].clone().expect("an edge to the waypoint");
    assert_eq!(first.1, None);
    assert!(edges.iter().all(|edge| *edge == Some(first.clone())), "{edges:?}");
}

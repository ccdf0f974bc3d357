//! Placements worked out by hand, and first-fit-decreasing as the textbook has it.

use super::*;
use crate::kernel::dist::Dist;
use crate::mesh::scenario::{NodeCores, Nodes, Others};
use crate::units::{Currency, Money};

/// Nodes of 4 cores and 16 GiB.
fn cluster(zones: &[&str], count: Option<u32>) -> Cluster {
    Cluster {
        network_delay: Dist::ZERO,
        zone_delay: Dist::ZERO,
        outside_delay: Dist::ZERO,
        bandwidth: None,
        cpu_speed: 1.0,
        core_sets: Vec::new(),
        zones: zones.iter().map(|&zone| zone.to_owned()).collect(),
        nodes: Nodes {
            count,
            node_type: String::new(),
            cores: Cores::new(4.0).expect("a number of cores"),
            memory: Bytes::new(16 << 30),
            pods: 110,
            price: Money::ZERO,
        },
        cores: NodeCores::Shared,
        cross_zone_price: Money::ZERO,
        currency: Currency::USD,
        others: Others::default(),
    }
}

fn workload(name: &str, pods: u32, millicores: u64, mebibytes: u64) -> Workload {
    let request = Request { nanocores: millicores * 1_000_000, bytes: mebibytes << 20 };
    Workload { name: name.to_owned(), pods, request, zone: None }
}

/// Every pod is on the node that counts it, and nothing is lost.
#[track_caller]
fn conserved(placement: &Placement, daemons: &[Request], workloads: &[Workload]) {
    for (index, node) in placement.nodes.iter_enumerated() {
        let mut reserved = daemons.iter().fold(Request::default(), |sum, daemon| sum.plus(*daemon));
        let mut pods = daemons.len() as u32;
        for (workload, nodes) in workloads.iter().zip(&placement.of) {
            for _ in nodes.iter().filter(|node| **node == index) {
                reserved = reserved.plus(workload.request);
                pods += 1;
            }
        }
        assert_eq!((node.reserved, node.pods), (reserved, pods), "{}", node.name);
    }
}

fn loads(placement: &Placement) -> Vec<(u64, u32)> {
    placement.nodes.iter().map(|node| (node.reserved.nanocores / 1_000_000, node.pods)).collect()
}

#[test]
fn packing_puts_large_pods_first_and_fills_gaps() {
    let workloads = [workload("a", 3, 1_500, 100), workload("b", 1, 3_000, 100), workload("c", 2, 500, 100)];
    let placement = place(&cluster(&["z"], None), &[], &workloads);
    // b and two of c's halves fit one node, a and a another, the last a a third; first fit puts c beside b.
    assert_eq!(loads(&placement), [(4_000, 3), (3_000, 2), (1_500, 1)]);
    conserved(&placement, &[], &workloads);
    assert_eq!(placement.misfits, 0);
}

#[test]
fn the_scarce_resource_decides_how_many_nodes_there_are() {
    let nodes = |workload: Workload| place(&cluster(&["z"], None), &[], &[workload]).nodes.len();
    assert_eq!(nodes(workload("cpu", 8, 1_000, 1)), 2);
    assert_eq!(nodes(workload("memory", 8, 1, 8 << 10)), 4);
    assert_eq!(nodes(workload("pods", 111, 1, 1)), 2);
    assert_eq!(nodes(workload("nothing", 110, 0, 0)), 1);
}

#[test]
fn daemons_take_room_on_every_node() {
    let daemons = [Request { nanocores: 1_000_000_000, bytes: 0 }];
    let workloads = [workload("a", 7, 1_000, 1)];
    let placement = place(&cluster(&["z"], None), &daemons, &workloads);
    assert_eq!(loads(&placement), [(4_000, 4), (4_000, 4), (2_000, 2)]);
    conserved(&placement, &daemons, &workloads);
}

#[test]
fn given_nodes_are_loaded_evenly_and_too_large_pods_are_counted() {
    let workloads =
        [workload("a", 6, 1_000, 512), workload("b", 1, 5_000, 1), workload("c", 3, 100, 4 << 10)];
    let placement = place(&cluster(&["z"], Some(3)), &[], &workloads);
    assert_eq!((placement.nodes.len(), placement.misfits), (3, 1));
    conserved(&placement, &[], &workloads);
    // Beside the pod that no node can hold, the others share the rest.
    let cpu: Vec<u64> = loads(&placement).iter().map(|load| load.0).collect();
    assert_eq!(cpu.iter().sum::<u64>(), 11_300);
    assert_eq!(cpu[0], 5_000, "nothing joins the overloaded node");
}

#[test]
fn replicas_go_round_the_zones_and_the_zone_does_not_depend_on_what_else_runs() {
    let cluster = cluster(&["a", "b", "c"], None);
    let zones = |workloads: &[Workload]| -> Vec<u32> {
        let placement = place(&cluster, &[], workloads);
        conserved(&placement, &[], workloads);
        placement.of[0].iter().map(|&node| placement.nodes[node].zone.0).collect()
    };
    let web = || workload("default/web", 7, 100, 100);
    let alone = zones(&[web()]);
    for pair in alone.windows(2) {
        assert_eq!(pair[1], (pair[0] + 1) % 3);
    }
    assert_eq!(alone, zones(&[web(), workload("default/other", 90, 2_000, 100)]));
    assert_eq!(alone[0], zone_of("default/web", 0, 3).0);
}

#[test]
fn a_workload_may_be_bound_to_one_zone() {
    let workloads =
        [Workload { zone: Some(ZoneIdx(1)), ..workload("w", 5, 100, 100) }, workload("x", 4, 1, 1)];
    let placement = place(&cluster(&["a", "b"], None), &[], &workloads);
    conserved(&placement, &[], &workloads);
    assert!(placement.of[0].iter().all(|&node| placement.nodes[node].zone == ZoneIdx(1)));
}

#[test]
fn given_nodes_are_divided_among_the_zones() {
    let placement = place(&cluster(&["a", "b"], Some(5)), &[], &[workload("w", 1, 1, 1)]);
    let names: Vec<&str> = placement.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["a/node-1", "a/node-2", "a/node-3", "b/node-1", "b/node-2"]);
}

mod random {
    use proptest::prelude::*;

    use super::*;

    /// First fit as it is written in the textbook: every pod looks at every node.
    fn textbook(capacity: (u64, u64), limit: u32, mut pods: Vec<(u64, u64)>) -> usize {
        let share = |&(cpu, memory): &(u64, u64)| (cpu * capacity.1).max(memory * capacity.0);
        pods.sort_by_key(|pod| std::cmp::Reverse((share(pod), *pod)));
        let mut nodes: Vec<(u64, u64, u32)> = Vec::new();
        for (cpu, memory) in pods {
            let fits = |node: &&mut (u64, u64, u32)| {
                node.0 + cpu <= capacity.0 && node.1 + memory <= capacity.1 && node.2 < limit
            };
            match nodes.iter_mut().find(fits) {
                Some(node) => *node = (node.0 + cpu, node.1 + memory, node.2 + 1),
                None => nodes.push((cpu, memory, 1)),
            }
        }
        nodes.len()
    }

    proptest! {
        #[test]
        fn packing_is_first_fit_decreasing(
            rows in prop::collection::vec((1_u32..9, 1_u64..40, 1_u64..160), 1..12)
        ) {
            let workloads: Vec<Workload> = rows
                .iter()
                .enumerate()
                .map(|(row, &(pods, cpu, memory))| workload(&format!("w{row}"), pods, cpu * 100, memory * 100))
                .collect();
            let mut cluster = cluster(&["z"], None);
            cluster.nodes.pods = 10;
            let placement = place(&cluster, &[], &workloads);
            conserved(&placement, &[], &workloads);
            prop_assert_eq!(placement.misfits, 0);
            for node in &placement.nodes {
                prop_assert!(node.reserved.nanocores <= 4_000_000_000 && node.reserved.bytes <= 16 << 30);
                prop_assert!(node.pods <= 10);
            }
            let pods = rows
                .iter()
                .flat_map(|&(pods, cpu, memory)| vec![(cpu * 100, memory * 100); pods as usize])
                .collect();
            prop_assert_eq!(placement.nodes.len(), textbook((4_000, 16 << 10), 10, pods));
        }
    }
}

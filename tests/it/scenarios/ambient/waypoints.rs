//! Waypoints: which there are, where they stand, and that they shift nobody's random numbers.

use sim::mesh::MeshModel;
use sim::mesh::model::TraversalCost;
use sim::program::compile;
use sim::units::Span;

use super::super::{part, run, ten_a_second};
use super::far_apart;
use crate::common::{free_ambient, mesh, scenario};

/// Name, pods and zones of each waypoint of two services in two namespaces.
fn waypoints(mesh_name: &str, written: &str) -> Vec<(String, Vec<u32>)> {
    let text = format!(
        "version: 1\nname: waypoints\ncluster: {{zones: [north, south]}}\nservices:\n  - {{name: a, service_time: 1ms}}\n  - {{name: b, namespace: shop, service_time: 1ms}}\n  - {{name: c, namespace: other, service_time: 1ms}}\n{}{written}",
        ten_a_second("a")
    );
    let program = compile(&scenario(&text), &mesh(mesh_name));
    let of = |workload: &sim::program::Workload| {
        let first = workload.first_pod.0 as usize;
        let pods = &program.pods.as_slice()[first..first + workload.pods as usize];
        let zone = |pod: &sim::program::Pod| program.machines.nodes[pod.node.expect("it is placed")].zone.0;
        (workload.name.clone(), pods.iter().map(zone).collect())
    };
    program.workloads.iter().filter(|workload| workload.name.starts_with("waypoint:")).map(of).collect()
}

#[test]
fn each_namespace_of_the_mesh_has_a_waypoint_unless_others_are_named() {
    let names = |written: &str| {
        let found = waypoints("istio-ambient-waypoint", written).into_iter();
        found.map(|(name, zones)| format!("{name} {}", zones.len())).collect::<Vec<_>>()
    };
    let without_other = "mesh: {exclude: {services: [other/c]}}\n";
    assert_eq!(names(without_other), ["waypoint:default 1", "waypoint:shop 1"]);
    assert!(names("mesh: {waypoints: []}\n").is_empty());
    let named = "mesh: {waypoints: [{name: w, services: [a, shop/b], replicas: 3}]}\n";
    assert_eq!(names(named), ["waypoint:w 3"]);
    assert!(waypoints("istio-ambient", named).is_empty(), "ambient without waypoints has none");
    assert!(waypoints("istio-sidecar", named).is_empty());
}

#[test]
fn the_pods_of_a_waypoint_stand_in_its_zone_or_in_all() {
    let zones = |zone: &str| {
        let written = format!("mesh: {{waypoints: [{{name: w, services: [a], replicas: 4{zone}}}]}}\n");
        let mut zones = waypoints("istio-ambient-waypoint", &written).remove(0).1;
        zones.sort_unstable();
        zones
    };
    assert_eq!(zones(", zone: south"), [1, 1, 1, 1]);
    assert_eq!(zones(", zone: north"), [0, 0, 0, 0]);
    assert_eq!(zones(""), [0, 0, 1, 1]);
}

/// A mesh in which only the called side's node proxy takes time, at random.
fn random_at_the_far_end(name: &str) -> MeshModel {
    let mut mesh = free_ambient(name);
    if let Some(node) = &mut mesh.node_proxy {
        node.proxy.tcp = TraversalCost { outbound: Span::ZERO, inbound: Span::from_millis(1) };
        node.proxy.cpu_scv = 1.0;
        // No byte takes time, however many there are.
        node.proxy.workers = 8;
    }
    mesh
}

#[test]
fn the_last_hop_is_the_same_with_and_without_a_waypoint() {
    let text = format!(
        "{}services:\n  - {{name: a, service_time: {{exponential: 5ms}}}}\ntraffic:\n  - {{name: users, service: a, from: meshed_client, arrivals: {{constant: 10/s}}}}\n",
        far_apart(3)
    );
    let without = run(&random_at_the_far_end("istio-ambient"), 1_000, 10_000, &text);
    let with = run(&random_at_the_far_end("istio-ambient-waypoint"), 1_000, 10_000, &text);
    assert_eq!(without.demand, with.demand);
    for name in ["application", "inbound_proxy"] {
        assert!(part(&without, name) > 0);
        assert_eq!(part(&without, name), part(&with, name), "{name}");
    }
    let visits = |record: &sim::metrics::RunRecord| (record.services[0].visits, record.services[0].failures);
    assert_eq!(visits(&without), visits(&with));
    // One leg more each way, and that is all.
    assert_eq!(part(&with, "network"), 2 * part(&without, "network"));
}

//! Pods in zones: which legs are long, and that the same ones are under every mesh.

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::placement::zone_of;

use super::{MILLISECOND, run, ten_a_second, total};
use crate::common::{free_proxies, mesh};

/// A caller of one instance that calls `db` of two, one in each zone.
fn two_zones(mesh: &MeshModel, cluster: &str) -> RunRecord {
    let services = "services:
  - {name: caller, service_time: 0s, script: [{call: db}]}
  - {name: db, replicas: 2, service_time: 1ms}
";
    let client = "client: {keep_alive: false}";
    let text = services.replace("{name: caller,", &format!("{{name: caller, {client},"));
    run(mesh, 1_000, 10_000, &format!("{cluster}\n{text}{}", ten_a_second("caller")))
}

const CLUSTER: &str =
    "cluster: {zones: [a, b], network_delay: 1ms, zone_delay: 10ms, outside_delay: 0s, nodes: {NODES}}";

#[test]
fn a_call_into_another_zone_takes_the_zones_delay() {
    let cluster = CLUSTER.replace("{NODES}", "{count: 2}");
    let record = two_zones(&free_proxies(), &cluster);
    let edge = &record.edges[0];
    assert_eq!(edge.calls, 100);
    // Both are asked: one lies two milliseconds away, the other twenty.
    let (near, far) = (edge.response_time.quantile(0.01), edge.response_time.quantile(0.99));
    assert!(near.abs_diff(3 * MILLISECOND) < MILLISECOND / 10, "{near}");
    assert!(far.abs_diff(21 * MILLISECOND) < MILLISECOND, "{far}");
}

#[test]
fn zones_that_are_as_near_as_nodes_change_nothing() {
    for mesh in [mesh("none"), mesh("istio-sidecar")] {
        let one = two_zones(&mesh, "cluster: {network_delay: 1ms}");
        let two = two_zones(&mesh, "cluster: {network_delay: 1ms, zone_delay: 1ms, zones: [a, b]}");
        assert_eq!(total(&one), total(&two));
    }
}

#[test]
fn a_mesh_moves_no_pod_to_another_zone() {
    // The extra delay of the zones is the same with proxies that cost nothing and choose like kube-proxy.
    let program = |name: &str| {
        let text = format!(
            "version: 1\n{}\nservices:\n  - {{name: web, replicas: 7, service_time: 1ms}}\n{}",
            CLUSTER.replace("{NODES}", "{}"),
            ten_a_second("web")
        );
        sim::program::compile(&crate::common::scenario(&text), &mesh(name))
    };
    for name in ["none", "istio-sidecar", "linkerd"] {
        let program = program(name);
        for (number, pod) in program.pods.iter().take(7).enumerate() {
            let node = pod.node.expect("the pods of a service have nodes");
            assert_eq!(program.machines.nodes[node].zone, zone_of("default/web", number as u32, 2), "{name}");
        }
        assert_eq!(program.pods.iter().last().and_then(|pod| pod.node), None, "users are outside");
    }
}

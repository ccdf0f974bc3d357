//! Memory of node proxies: what they are told, and the connections they hold.

use sim::mesh::model::NodeProxyModel;

use super::super::run;
use super::{at, far_apart};
use crate::common::mesh;

/// A node proxy that has been told of two services with eight instances, of all `pods`, and holds nothing.
fn idle(node: &NodeProxyModel, pods: f64) -> f64 {
    let memory = &node.proxy.memory;
    memory.base
        + memory.per_worker * f64::from(node.proxy.workers)
        + 2.0 * memory.per_cluster
        + (2.0 + 4.0) * memory.per_endpoint
        + pods * node.memory_per_workload
}

#[test]
fn a_node_proxy_knows_every_pod_and_holds_each_connection_once() {
    let model = mesh("istio-ambient");
    let node = model.node_proxy.as_ref().expect("ambient has node proxies");
    let memory = &node.proxy.memory;
    for (from, pods) in [("meshed_client", 9.0), ("outside", 8.0)] {
        let text = format!(
            "cluster: {{nodes: {{count: 1}}}}\nservices:\n  - {{name: a, replicas: 3, service_time: 1ms}}\n  - {{name: other, replicas: 5, service_time: 1ms}}\n{}",
            at("a", from, "1s")
        );
        let record = run(&model, 0, 2_000, &text);
        assert_eq!((record.proxies.len(), record.proxies[0].instances), (1, 1));
        let expected = idle(node, pods) + memory.per_connection + memory.per_request;
        let largest = record.proxies[0].memory_max;
        assert!((largest - expected).abs() < 1.0, "from {from}: {largest}, expected {expected}");
        // The connection is there for the second half, the request for a thousandth of the time.
        let mean = record.proxies[0].memory_mean;
        let expected = idle(node, pods) + memory.per_connection / 2.0;
        assert!((mean - expected).abs() < memory.per_request / 500.0, "{mean}, expected {expected}");
    }
}

#[test]
fn a_connection_between_nodes_is_held_at_both_ends() {
    let model = mesh("istio-ambient");
    let text = format!(
        "{}services:\n  - {{name: a, service_time: 1ms}}\n{}",
        far_apart(2),
        at("a", "meshed_client", "1s")
    );
    let proxies = run(&model, 0, 2_000, &text).proxies;
    assert_eq!(proxies[0].instances, 2, "where no pod of the mesh is, there is none");
    assert!((proxies[0].connections_mean - 1.0).abs() < 0.01, "two for half of the time");
}

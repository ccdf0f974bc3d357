//! Pods in zones: which legs are long, and that the same ones are under every mesh.

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::placement::zone_of;
use sim::units::Bytes;

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
    let mut mesh = free_proxies();
    if let Some(proxy) = &mut mesh.sidecar {
        proxy.request_overhead = Bytes::ZERO;
        proxy.response_overhead = Bytes::ZERO;
    }
    let record = two_zones(&mesh, &cluster);
    let edge = &record.edges[0];
    assert_eq!(edge.calls, 100);
    // Both are asked: one lies two milliseconds away, the other twenty.
    let (near, far) = (edge.response_time.quantile(0.01), edge.response_time.quantile(0.99));
    assert!(near.abs_diff(3 * MILLISECOND) < MILLISECOND / 10, "{near}");
    assert!(far.abs_diff(21 * MILLISECOND) < MILLISECOND, "{far}");
    // Half a kilobyte goes and a kilobyte comes back with every far call.
    let calls_across = edge.cross_zone_bytes / (512 + 1024);
    assert!((30..70).contains(&calls_across), "{calls_across}");
    let mut directions = record.zone_bytes.clone();
    directions.sort_unstable();
    assert_eq!(directions, [0, 0, calls_across * 512, calls_across * 1024]);
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

#[test]
fn nodes_use_what_services_and_proxies_use() {
    for name in ["none", "istio-sidecar", "linkerd"] {
        let text = format!(
            "services:\n  - {{name: web, replicas: 3, memory: 100MiB, service_time: 5ms}}\n{}",
            ten_a_second("web").replace("outside", "meshed_client")
        );
        let record = run(&mesh(name), 1_000, 1_000, &format!("cluster: {{nodes: {{count: 2}}}}\n{text}"));
        let cpu = |cpu: &mut dyn Iterator<Item = u64>| cpu.sum::<u64>();
        let used = cpu(&mut record.services.iter().map(|service| service.cpu))
            + cpu(&mut record.proxies.iter().map(|proxy| proxy.cpu));
        let on_nodes = cpu(&mut record.nodes.iter().map(|node| node.cpu));
        assert!(used.abs_diff(on_nodes) <= 2, "{name}: {used} {on_nodes}");
        let memory: f64 = record.nodes.iter().map(|node| node.memory_mean).sum();
        let proxies: f64 = record.proxies.iter().map(|proxy| proxy.memory_mean).sum();
        assert!((memory - proxies - f64::from(3 * (100 << 20))).abs() < 1.0, "{name}: {memory}");
        let (reserved, pods) =
            record.nodes.iter().fold((0.0, 0), |sum, node| (sum.0 + node.cpu_reserved, sum.1 + node.pods));
        // Four applications of 100m; sidecars and control plane as their charts ask.
        let (control_plane, sidecars) = match name {
            "istio-sidecar" => (0.5, 4.0 * 0.1),
            _ => (0.0, 0.0),
        };
        assert!((reserved - 0.4 - sidecars - control_plane).abs() < 1e-6, "{name}: {reserved}");
        assert_eq!(pods, 4 + u32::from(name != "none"), "{name}");
    }
}

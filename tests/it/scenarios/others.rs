//! Services that take no part in the traffic: what each of them is to proxies and control planes, by hand.

use sim::mesh::MeshModel;
use sim::mesh::model::{ConfigurationView, Way};
use sim::mesh::scenario::Scenario;
use sim::program::control::{Control, Plane};
use sim::program::{Program, compile};

use crate::common::{mesh, scenario};

const MESHES: [&str; 5] = ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"];

/// The topology, behind a gateway, with so many other services and endpoints of them.
fn with(services: u64, endpoints: u64) -> Scenario {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/many-services.yaml");
    let text = std::fs::read_to_string(file).expect("a shipped topology");
    let mut scenario = scenario(&text.replace("from: outside", "from: gateway:front"));
    scenario.cluster.others.services = services;
    scenario.cluster.others.endpoints = endpoints;
    scenario
}

/// What `services` with `endpoints` add to each group of proxies, in bytes.
fn added(mesh: &MeshModel, services: u64, endpoints: u64) -> Vec<(String, f64)> {
    let (before, after) = (compile(&with(0, 0), mesh), compile(&with(services, endpoints), mesh));
    let groups = before.groups.iter().zip(after.groups.iter());
    groups.map(|(before, after)| (after.name.clone(), after.static_memory - before.static_memory)).collect()
}

fn near(found: f64, expected: f64) -> bool {
    // Differences of sums of hundreds of megabytes.
    (found - expected).abs() <= 1e-6 * expected.max(1000.0)
}

#[test]
fn a_sidecar_without_a_scope_holds_a_cluster_and_a_route_of_each_and_one_with_a_scope_none() {
    let mesh = mesh("istio-sidecar");
    let (sidecar, gateway) = (mesh.sidecar.as_ref().expect("sidecars"), &mesh.gateway);
    let (services, endpoints) = (1000, 3000);
    let by_hand = |proxy: &sim::mesh::model::ProxyModel| {
        let memory = &proxy.memory;
        let cluster = memory.per_cluster + memory.per_cluster_worker * f64::from(proxy.workers);
        1000.0 * (cluster + memory.per_route) + 2000.0 * memory.per_endpoint
    };
    let all = added(&mesh, services, endpoints);
    assert_eq!(all.len(), 7, "five services, the client, the gateway");
    for (name, bytes) in all {
        let expected = match name.as_str() {
            name if name.starts_with("shop/") => 0.0,
            "gateway:front" => by_hand(gateway),
            _ => by_hand(sidecar),
        };
        assert!(near(bytes, expected), "{name}: {bytes} instead of {expected}");
    }
    // Two workers: 75.6 KiB and twice 2.83, the route 5.66; what the documentation says of the topology.
    let each = by_hand(sidecar) / 1000.0 - 2.0 * sidecar.memory.per_endpoint;
    assert!((each / 1024.0 - 87.0).abs() < 1.0, "{} KiB for a service", each / 1024.0);
    // It is a straight line.
    let twice = added(&mesh, 2 * services, 2 * endpoints);
    let once = added(&mesh, services, endpoints);
    assert!(once.iter().zip(&twice).all(|((_, one), (_, two))| near(*two, 2.0 * one)), "{once:?} {twice:?}");
}

#[test]
fn linkerds_proxies_and_waypoints_hold_none_and_ztunnels_services_and_workloads() {
    for (name, bytes) in added(&mesh("linkerd"), 1000, 3000) {
        let is_gateway = name.starts_with("gateway:");
        assert_eq!(bytes > 0.0, is_gateway, "{name}: {bytes}");
    }
    let ambient = mesh("istio-ambient-waypoint");
    let node = ambient.node_proxy.as_ref().expect("ztunnels");
    let memory = &node.proxy.memory;
    let by_hand =
        1000.0 * memory.per_cluster + 2000.0 * memory.per_endpoint + 3000.0 * node.memory_per_workload;
    let mut ztunnels = 0;
    for (name, bytes) in added(&ambient, 1000, 3000) {
        if name.starts_with("waypoint:") {
            assert_eq!(bytes.abs(), 0.0, "{name}");
        } else if !name.starts_with("gateway:") {
            ztunnels += 1;
            assert!(near(bytes, by_hand), "{name}: {bytes} instead of {by_hand}");
        }
    }
    assert_eq!(ztunnels, 1, "all nodes' are one group");
}

#[test]
fn control_planes_hold_them_build_them_and_send_them_along() {
    for name in MESHES {
        let mesh = mesh(name);
        let Some(model) = &mesh.distribution else {
            let control = compile(&with(1000, 3000), &mesh).control;
            assert!(control.is_none_or(|control| control.instance.is_none()), "{name}");
            continue;
        };
        let control = |services, endpoints| {
            let program: Program = compile(&with(services, endpoints), &mesh);
            *program.control.expect("routes change")
        };
        let (before, after) = (control(0, 0), control(1000, 3000));
        let memory = |of: &Control| of.instance.as_ref().expect("there are instances").memory.base;
        let by_hand = 1000.0 * model.memory_per_service + 3000.0 * model.memory_per_endpoint;
        let memory = memory(&after) - memory(&before);
        assert!(near(memory, by_hand), "{name}: {memory} instead of {by_hand}");
        if let (Way::Push(model), Plane::Push(few), Plane::Push(many)) =
            (&model.way, before.plane, after.plane)
        {
            let build = many.build.nanos() as f64 - few.build.nanos() as f64;
            let by_hand = 1000.0 * model.build_per_service.nanos() as f64;
            assert!((build - by_hand).abs() <= 1.0, "{name}: {build} instead of {by_hand}");
        }
        let clusters = before.audiences.iter().zip(after.audiences.iter());
        let more: Vec<u64> = clusters.map(|(few, many)| many.clusters - few.clusters).collect();
        let sidecars_hold_all =
            mesh.sidecar.as_ref().is_some_and(|sidecar| sidecar.memory.view == ConfigurationView::Everything);
        if sidecars_hold_all {
            // Three services of `shop`; two of `office`, the gateway, the client.
            let expected = [0, 0, 0, 1000, 1000, 1000, 1000];
            assert_eq!(more, expected, "{name}");
        } else {
            assert!(more.iter().all(|&more| more == 0 || more == 1000), "{name}: {more:?}");
        }
    }
}

#[test]
fn endpoints_that_nobody_counts_are_one_each() {
    let text = "version: 1\nservices: [{name: a, service_time: 1ms}]\ntraffic: [{service: a, from: outside, rate: 1/s}]\n\
                cluster: {others: {services: 12}}\n";
    let others = scenario(text).cluster.others;
    assert_eq!((others.services, others.endpoints, others.further_endpoints()), (12, 12, 0));
    // Services without a pod have a cluster all the same.
    let text = text.replace("services: 12", "services: 12, endpoints: 5");
    assert_eq!(scenario(&text).cluster.others.further_endpoints(), 0);
}

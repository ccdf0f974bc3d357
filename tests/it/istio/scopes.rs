//! What a Sidecar resource and a `ServiceEntry` do to the memory of sidecars.

use sim::input::Options;

use crate::common::{mesh, scenario};
use crate::errors::check;

const TWO_NAMESPACES: &str = "version: 1
services:
- {name: web, namespace: front, service_time: 1ms, script: [call: front/api]}
- {name: api, namespace: front, service_time: 1ms}
- {name: orders, namespace: back, service_time: 1ms, replicas: 3}
- {name: stock, namespace: back, service_time: 1ms}
traffic: [{service: front/web, from: 'gateway:edge', rate: 10/s}]
---
";

/// MiB of the sidecars of each service and of the gateway, before a connection is open, under these objects.
fn sidecar_memory(objects: &str) -> Vec<(String, f64)> {
    let scenario = scenario(&format!("{TWO_NAMESPACES}{objects}"));
    let program = sim::program::compile(&scenario, &mesh("istio-sidecar"));
    let groups = program.groups.iter();
    groups.map(|group| (group.name.clone(), group.static_memory / f64::from(1 << 20))).collect()
}

fn sidecar(namespace: &str, hosts: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: default, namespace: {namespace}}}\n\
         spec: {{egress: [{{hosts: [{hosts}]}}]}}\n---\n"
    )
}

#[test]
fn a_sidecar_resource_bounds_what_proxies_hold_in_memory() {
    let mesh = mesh("istio-sidecar");
    let memory = &mesh.sidecar.as_ref().expect("sidecars").memory;
    let workers = f64::from(mesh.sidecar.as_ref().expect("sidecars").workers);
    let target = memory.per_cluster + memory.per_cluster_worker * workers + memory.per_route;
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let everything = sidecar_memory("");
    let own = sidecar_memory(&sidecar("istio-system", "./*"));
    let nothing = sidecar_memory(&sidecar("front", "~/*"));
    // Two services of four, and in the other namespace two endpoints less.
    for (service, saved) in [
        ("front/web", 2.0 * target + 2.0 * memory.per_endpoint),
        ("front/api", 2.0 * target + 2.0 * memory.per_endpoint),
        ("back/orders", 2.0 * target),
        ("gateway:edge", 0.0),
    ] {
        let of = |all: &[(String, f64)]| {
            all.iter().find(|(name, _)| name == service).expect("a group of proxies").1
        };
        let difference = of(&everything) - of(&own);
        assert!(
            (difference - mib(saved)).abs() < 1e-9,
            "{service}: {difference} MiB instead of {}",
            mib(saved)
        );
        let all = 4.0 * target + 2.0 * memory.per_endpoint;
        let bounded = if service.starts_with("front/") { mib(all) } else { 0.0 };
        assert!((of(&everything) - of(&nothing) - bounded).abs() < 1e-9, "{service}");
    }
}

#[test]
fn hosts_outside_take_memory_where_they_are_visible() {
    let entry = |export_to: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: out, namespace: front}}\n\
             spec: {{hosts: [a.example, b.example], location: MESH_EXTERNAL, exportTo: [{export_to}],\n\
             ports: [{{number: 443, name: tls, protocol: TLS}}], endpoints: [{{address: 1.1.1.1}}, {{address: 1.1.1.2}}]}}\n---\n"
        )
    };
    let mesh = mesh("istio-sidecar");
    let proxy = mesh.sidecar.as_ref().expect("sidecars");
    let target = proxy.memory.per_cluster
        + proxy.memory.per_cluster_worker * f64::from(proxy.workers)
        + proxy.memory.per_route;
    let both = 2.0 * (target + proxy.memory.per_endpoint) / f64::from(1 << 20);
    let difference = |objects: &str, service: &str| {
        let of = |all: Vec<(String, f64)>| {
            all.into_iter().find(|(name, _)| name == service).expect("a group of proxies").1
        };
        of(sidecar_memory(objects)) - of(sidecar_memory(""))
    };
    for (objects, service, expected) in [
        (entry("'*'"), "back/orders", both),
        (entry("."), "back/orders", 0.0),
        (entry("."), "front/api", both),
        (entry("back"), "back/orders", both),
    ] {
        let added = difference(&objects, service);
        assert!((added - expected).abs() < 1e-9, "{service}: {added} MiB instead of {expected}");
    }
}

#[test]
fn the_scope_of_a_namespace_goes_before_that_of_the_mesh() {
    let object = |namespace: &str, hosts: &str| sidecar(namespace, hosts);
    let both = object("istio-system", "~/*") + &object("back", "./*");
    let scenario = scenario(&format!("{TWO_NAMESPACES}{both}"));
    let told: Vec<_> = scenario
        .services
        .iter()
        .zip(scenario.scopes.of_services.iter())
        .map(|(service, scope)| (service.name.as_str(), scope.services.as_ref().map(Vec::len)))
        .collect();
    assert_eq!(told, [("web", Some(0)), ("api", Some(0)), ("orders", Some(2)), ("stock", Some(2))]);
}

#[test]
fn scopes_that_leave_out_what_is_called_are_named() {
    let said = |hosts: &str| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, format!("{TWO_NAMESPACES}{}", sidecar("front", hosts)))
            .expect("a temporary file");
        check(&[path], &Options::default()).0
    };
    let text = said("'*/stock.back.svc.cluster.local'");
    assert!(text.contains("sidecars of `front/web` are not told of `front/api`, which it calls"), "{text}");
    let text = said("./*, ./web");
    assert!(text.contains("warning[unknown-name]: no host is called `web` there"), "{text}");
    let text = said("web");
    assert!(text.contains("error[invalid-value]: `web` has no namespace"), "{text}");
}

#[test]
fn subsets_take_a_cluster_each_and_port_in_the_memory_of_sidecars() {
    let services = "version: 1
services:
- {name: web, service_time: 1ms, script: [call: api]}
- {name: api, service_time: 1ms, ports: [80, 81], versions: [{name: v1, replicas: 3}, {name: v2}, {name: v3}]}
traffic: [{service: web, from: 'gateway:edge', rate: 10/s}]
---
";
    let memory = |objects: &str| {
        let scenario = scenario(&format!("{services}{objects}"));
        let program = sim::program::compile(&scenario, &mesh("istio-sidecar"));
        let sidecar = program.groups.iter().find(|group| group.name == "default/web").expect("sidecars");
        sidecar.static_memory
    };
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: api}\nspec:\n  host: api\n  \
                subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]\n---\n";
    let route = "version: 1\nroutes: [{host: api, to: {service: api, subset: v3}}]\n---\n";
    let proxy = mesh("istio-sidecar").sidecar.expect("sidecars");
    let cluster = proxy.memory.per_cluster + proxy.memory.per_cluster_worker * f64::from(proxy.workers);
    let bare = memory("");
    // Two subsets on two ports; one of them has two endpoints more than one.
    for (objects, clusters, endpoints) in
        [(rule.to_owned(), 4.0, 4.0), (route.to_owned(), 2.0, 0.0), (format!("{rule}{route}"), 6.0, 4.0)]
    {
        let more = memory(&objects) - bare;
        let expected = clusters * cluster + endpoints * proxy.memory.per_endpoint;
        assert!((more - expected).abs() < 1.0, "{objects}: {more} bytes instead of {expected}");
    }
}

//! What proxies take: CPU within a quota or on a core they share, memory by what they know and hold.

use sim::mesh::MeshModel;
use sim::mesh::model::ProxyModel;
use sim::metrics::RunRecord;

use super::{run, users};
use crate::common::mesh_with;

/// CPU of all proxies of a group in a window of a second, in cores, idle CPU apart.
fn cores(record: &RunRecord, group: usize, mesh: &MeshModel) -> f64 {
    let proxy = &record.proxies[group];
    let idle = mesh.sidecar.as_ref().expect("it has sidecars").idle_cpu.value() * proxy.instances as f64;
    proxy.cpu as f64 / 1e9 - idle
}

/// A mesh whose jobs do not vary.
fn even(overrides: &[(&str, &str)]) -> MeshModel {
    let mut mesh = mesh_with("istio-sidecar", overrides);
    mesh.sidecar.as_mut().expect("it has sidecars").cpu_scv = 0.0;
    mesh
}

/// CPU of a request and its response through the called side's proxy, plain text, in seconds.
fn inbound_cpu(proxy: &ProxyModel) -> f64 {
    let bytes = (512.0 + 1024.0) * (proxy.cpu_per_byte + proxy.feature_cpu_per_byte);
    ((proxy.http1.inbound + proxy.feature_cpu).nanos() as f64 + bytes) / 1e9
}

#[test]
fn a_proxy_under_a_quota_gets_no_more_and_serves_as_many_as_that_pays_for() {
    let text = format!("services:\n  - {{name: a, service_time: 1ms}}\n{}", users("a", 400, "outside"));
    for (overrides, quota) in [
        (&[("proxy.cpu_limit", "500m")][..], 0.5),
        (&[("proxy.workers", "2"), ("proxy.cpu_limit", "1")][..], 1.0),
        (&[("proxy.workers", "2"), ("proxy.cpu_limit", "500m")][..], 0.5),
    ] {
        let mesh = even(overrides);
        let record = run(&mesh, 1_000, 1_000, &text);
        let used = cores(&record, 0, &mesh);
        assert!((0.99 * quota..=quota + 1e-6).contains(&used), "{used} of {quota} cores");
        let expected = quota / inbound_cpu(mesh.sidecar.as_ref().expect("it has sidecars"));
        let served = record.entries[0].completed_in_window as f64;
        assert!((served / expected - 1.0).abs() < 0.05, "{served} served, {expected} expected");
    }
}

fn pair(core_sets: &str) -> String {
    format!(
        "cluster: {{core_sets: [{core_sets}]}}\nservices:\n  - {{name: a, service_time: 0s, script: [{{call: b}}]}}\n  - {{name: b, service_time: 1ms}}\n{}",
        users("a", 400, "outside")
    )
}

#[test]
fn proxies_on_one_core_share_its_second() {
    let mesh = even(&[("proxy.workers", "1")]);
    let record = run(&mesh, 1_000, 1_000, &pair("{name: one, services: [a, b]}"));
    let (a, b) = (cores(&record, 0, &mesh), cores(&record, 1, &mesh));
    assert!((0.99..=1.0 + 1e-6).contains(&(a + b)), "{a} + {b}");
    assert!(b > 0.2, "both get their turn: {b}");
    let apart = run(&mesh, 1_000, 1_000, &pair(""));
    assert!(cores(&apart, 0, &mesh) > 0.98, "a core of its own is a's bottleneck");
    assert!(apart.entries[0].completed_in_window > record.entries[0].completed_in_window);
}

#[test]
fn both_workers_of_a_proxy_may_share_that_core_too() {
    let mesh = even(&[("proxy.workers", "2")]);
    let record = run(&mesh, 1_000, 1_000, &pair("{name: one, services: [a, b]}"));
    let used = cores(&record, 0, &mesh) + cores(&record, 1, &mesh);
    assert!((0.99..=1.0 + 1e-6).contains(&used), "{used}");
}

#[test]
fn a_set_of_several_cores_is_shared_by_whoever_has_work() {
    let mesh = even(&[("proxy.workers", "2")]);
    let record = run(&mesh, 1_000, 1_000, &pair("{name: three, cores: 3, services: [a, b]}"));
    let (a, b) = (cores(&record, 0, &mesh), cores(&record, 1, &mesh));
    assert!(a <= 2.0 + 1e-6 && b <= 2.0 + 1e-6, "a proxy has two threads: {a}, {b}");
    assert!((1.9..=3.0 + 1e-6).contains(&(a + b)), "four threads on three cores: {a} + {b}");
    let one = run(&mesh, 1_000, 1_000, &pair("{name: one, services: [a, b]}"));
    assert!(record.entries[0].completed_in_window > 2 * one.entries[0].completed_in_window);
}

#[test]
fn a_quota_holds_on_a_shared_core() {
    for workers in ["1", "2"] {
        let mesh = even(&[("proxy.workers", workers), ("proxy.cpu_limit", "400m")]);
        // The handshakes of 400 connections, which cost b more than a, take the first seconds.
        let record = run(&mesh, 5_000, 1_000, &pair("{name: one, services: [a, b]}"));
        let (a, b) = (cores(&record, 0, &mesh), cores(&record, 1, &mesh));
        assert!(a <= 0.4 + 1e-6 && b <= 0.4 + 1e-6, "{a}, {b}");
        assert!(a > 0.39, "{workers} workers: {a}, {b}, served {}", record.entries[0].completed_in_window);
    }
}

#[test]
fn a_request_takes_as_few_events_as_it_has_steps() {
    // One arrival; of each of the chain's three hops: outbound proxy, network, inbound proxy, service, network back,
    // outbound proxy. The response's pass at the called pod and its way need no event of their own.
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/chain-3.yaml");
    let text = std::fs::read_to_string(file).expect("a shipped topology");
    let mut scenario = crate::common::scenario(&text);
    scenario.run.duration = sim::units::Span::from_seconds(5);
    let events = |name: &str| {
        let program = sim::program::compile(&scenario, &crate::common::mesh(name));
        let record = sim::engine::run(&program, 0, &false.into()).expect("nothing stops it");
        record.events as f64 / record.requests as f64
    };
    for (name, by_hand) in
        [("istio-sidecar", 1.0 + 3.0 * 6.0), ("linkerd", 1.0 + 3.0 * 6.0), ("none", 1.0 + 3.0 * 3.0)]
    {
        let counted = events(name);
        assert!((counted - by_hand).abs() < 0.2, "{name}: {counted} events a request, {by_hand} by hand");
    }
}

/// Three instances that are called once, one service that nobody calls.
const KNOWN: &str = "services:\n  - {name: a, replicas: 3, service_time: 1ms}\n  - {name: other, replicas: 5, service_time: 1ms}\ntraffic:\n  - {name: users, service: a, from: meshed_client, arrivals: {trace: [1s]}}\n";

/// Memory of the client's proxy at its largest, in bytes, and what it would be by the profile's numbers.
fn client_memory(mesh: &MeshModel, everything: bool) -> (f64, f64) {
    let record = run(mesh, 0, 2_000, KNOWN);
    let proxy = mesh.sidecar.as_ref().expect("it has sidecars");
    let memory = &proxy.memory;
    let workers = f64::from(proxy.workers);
    let target = memory.per_cluster + memory.per_cluster_worker * workers + memory.per_route;
    let configuration = if everything {
        4.0 * memory.per_listener + 2.0 * target + (2.0 + 4.0) * memory.per_endpoint
    } else {
        target + 2.0 * memory.per_endpoint
    };
    let held = 2.0 * memory.per_connection + memory.per_request;
    (record.proxies[2].memory_max, memory.base + memory.per_worker * workers + configuration + held)
}

#[test]
fn a_proxy_above_its_memory_limit_is_named() {
    let notes = |limit: &str| {
        let mesh = mesh_with("istio-sidecar", &[("proxy.memory_limit", limit)]);
        let scenario = crate::common::scenario(&format!("version: 1\nname: behaviour\n{KNOWN}"));
        let program = sim::program::compile(&scenario, &mesh);
        let record = sim::engine::run(&program, 0, &false.into()).expect("nothing stops it");
        let labels = sim::experiment::labels(&program);
        sim::metrics::estimate(&labels, &[record]).notes
    };
    let is_about_memory = |note: &String| note.contains("more memory than their limit");
    let above = notes("40MiB");
    let found = above.iter().find(|note| is_about_memory(note)).expect("a sidecar takes more than 40 MiB");
    assert!(found.contains("3 workloads") && found.contains("of 40 MiB"), "{found}");
    assert!(!notes("1GiB").iter().any(is_about_memory));
}

#[test]
fn memory_is_what_a_proxy_knows_and_holds() {
    let istio = mesh_with("istio-sidecar", &[]);
    let (simulated, expected) = client_memory(&istio, true);
    assert!((simulated - expected).abs() < 1.0, "everything: {simulated}, expected {expected}");
    let linkerd = mesh_with("linkerd", &[]);
    let (simulated, expected) = client_memory(&linkerd, false);
    assert!((simulated - expected).abs() < 1.0, "what was called: {simulated}, expected {expected}");
}

#[test]
fn mean_memory_weighs_each_piece_with_its_time() {
    let linkerd = mesh_with("linkerd", &[]);
    let record = run(&linkerd, 0, 2_000, KNOWN);
    let memory = &linkerd.sidecar.as_ref().expect("it has sidecars").memory;
    // The service nobody calls: three idle proxies and more know of nothing.
    let workers = f64::from(linkerd.sidecar.as_ref().expect("it has sidecars").workers);
    let idle = 5.0 * (memory.base + memory.per_worker * workers);
    assert!((record.proxies[1].memory_mean - idle).abs() < 1.0);
    assert!(record.proxies[1].cpu as f64 > 0.0, "idle processes take CPU");
    // The client's: configuration and connections for the second half.
    let target = memory.per_cluster + memory.per_cluster_worker * workers + memory.per_route;
    let later = target + 2.0 * memory.per_endpoint + 2.0 * memory.per_connection;
    let expected = memory.base + memory.per_worker * workers + later / 2.0;
    let off = (record.proxies[2].memory_mean / expected - 1.0).abs();
    assert!(off < 0.01, "{} against {expected}", record.proxies[2].memory_mean);
}

#[test]
fn headers_of_the_mesh_go_from_proxy_to_proxy_only() {
    let istio = mesh_with("istio-sidecar", &[]);
    let proxy = istio.sidecar.as_ref().expect("it has sidecars");
    let added = proxy.request_overhead.value() + proxy.response_overhead.value();
    assert!(added > 0, "there is something to add");
    for (excluded, expected) in [("", 512 + 1024 + added), ("mesh: {exclude: {services: [a]}}\n", 512 + 1024)]
    {
        let record = run(&istio, 0, 2_000, &format!("{excluded}{KNOWN}"));
        assert_eq!((record.edges[0].calls, record.edges[0].bytes), (1, expected), "{excluded}");
    }
}

#[test]
fn a_request_is_in_flight_until_its_response_has_left_the_proxy() {
    let held = |pass_delay: &str, bytes: &str| {
        let settings = [("proxy.memory.per_request", bytes), ("proxy.pass_delay", pass_delay)];
        let record = run(&mesh_with("linkerd", &settings), 0, 2_000, KNOWN);
        [0, 2].map(|group: usize| record.proxies[group].memory_mean * 2.0)
    };
    let nothing = held("100ms", "0KiB");
    let something = held("100ms", "1MiB");
    let [called, calling] = [0, 1].map(|row: usize| (something[row] - nothing[row]) / f64::from(1 << 20));
    // Both passes of the called proxy and what the application does; all four of the calling one.
    assert!((called - 0.201).abs() < 0.003 && (calling - 0.401).abs() < 0.004, "{called} {calling}");
}

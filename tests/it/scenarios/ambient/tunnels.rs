//! Tunnels: when one is opened, what is in it, when it is closed.

use sim::mesh::MeshModel;
use sim::mesh::model::{ConnectionCost, ConnectionCpu};
use sim::units::Span;

use super::super::{MILLISECOND, run, ten_a_second, total, users};
use super::{at, far_apart, pair};
use crate::common::free_ambient;

#[test]
fn without_keep_alive_every_call_has_a_stream_of_the_open_tunnel() {
    let mesh = free_ambient("istio-ambient");
    for (nodes, client, time) in [
        (2, "client: {keep_alive: false}, ", 2 + 1 + 5 + 1),
        (2, "", 1 + 5 + 1),
        // Within a node a connection takes no time.
        (1, "client: {keep_alive: false}, ", 1 + 5 + 1),
    ] {
        let text = format!("{}{}{}", far_apart(nodes), pair(client, ""), ten_a_second("a"));
        let record = run(&mesh, 1_000, 1_000, &text);
        assert_eq!(total(&record), 10 * time * MILLISECOND, "{client} on {nodes} nodes");
        assert_eq!((record.edges[0].calls, record.edges[0].handshakes), (10, 0));
    }
}

/// Of a connection the proxy of its caller's node has `opening` and `closing` milliseconds, that of its callee's 2 and 1.
fn with_connections(opening: u64, closing: u64) -> MeshModel {
    let mut mesh = free_ambient("istio-ambient");
    let cpu = |opening, closing| ConnectionCpu {
        opening: Span::from_millis(opening),
        closing: Span::from_millis(closing),
    };
    if let Some(node) = &mut mesh.node_proxy {
        node.proxy.connection = ConnectionCost { outbound: cpu(opening, closing), inbound: cpu(2, 1) };
    }
    mesh
}

/// Opening delays the request; closing comes after the call, so what it delays is the caller's own answer, which has to
/// pass the same worker. Within a node the one proxy does the caller's part. What is kept alive is paid for once, before
/// the window.
#[test]
fn each_connection_of_an_application_takes_cpu_at_both_nodes() {
    let mesh = with_connections(3, 4);
    for (nodes, time, cpu) in [(2, (3 + 1 + 2 + 1) + 4, (3 + 4) + (2 + 1)), (1, 3 + 4, 3 + 4)] {
        let [kept, opened] = ["", "client: {keep_alive: false}, "].map(|client| {
            let text = format!("{}{}{}", far_apart(nodes), pair(client, ""), ten_a_second("a"));
            let record = run(&mesh, 1_000, 1_000, &text);
            (total(&record), record.proxies.iter().map(|proxy| proxy.cpu).sum::<u64>())
        });
        assert_eq!(kept.0, 10 * (1 + 5 + 1) * MILLISECOND, "{nodes} nodes");
        assert_eq!(opened.0 - kept.0, 10 * time * MILLISECOND, "{nodes} nodes");
        assert_eq!(opened.1 - kept.1, 10 * cpu * MILLISECOND, "{nodes} nodes");
    }
}

/// Three at once: the first opens the tunnel, in 3 + 5 + 2 + 1 ms. The others' connections wait for it, then each takes
/// 3 ms of the one worker here and 2 ms of the one there: they are ready at 11 + 3 + 2 and 11 + 6 + 2. A call is back
/// 1 + 5 + 1 ms after its connection is ready.
#[test]
fn connections_that_wait_for_a_tunnel_take_cpu_once_it_is_open() {
    let mesh = with_connections(3, 0);
    for (count, last) in [(1, 11 + 7), (2, 16 + 7), (3, 19 + 7)] {
        let calls =
            pair("", "").replace("[{call: b}]", &format!("[[{{call: {{service: b, count: {count}}}}}]]"));
        let text = format!("{}{calls}{}", far_apart(2), at("a", "outside", "100ms"));
        let record = run(&mesh, 0, 1_000, &text);
        // The request's own connection, from outside to a's node: 2 ms.
        assert_eq!(total(&record), (last + 2) * MILLISECOND, "{count} calls");
    }
}

#[test]
fn proxies_of_nodes_meet_only_what_is_in_the_mesh() {
    // Jobs: two on each side that has a proxy; from outside to `a`, then from `a` to `b`.
    for (nodes, rest, time, jobs) in [
        (2, "", 6 + 1 + 5 + 1, 2 + 4),
        (1, "", 1 + 5 + 1, 2 + 2),
        (2, "mesh: {exclude: {services: [b]}}\n", 2 + 1 + 5 + 1, 2 + 2),
        (2, "mesh: {exclude: {services: [a]}}\n", 2 + 1 + 5 + 1, 2),
        (2, "mesh: {exclude: {services: [a, b]}}\n", 2 + 1 + 5 + 1, 0),
    ] {
        let text = format!("{}{}{}{rest}", far_apart(nodes), pair("", ""), at("a", "outside", "100ms"));
        let record = run(&free_ambient("istio-ambient"), 0, 1_000, &text);
        assert_eq!(total(&record), time * MILLISECOND, "{nodes} nodes, {rest}");
        let all: u64 = record.proxies.iter().map(|proxy| proxy.jobs).sum();
        // The handshake's two jobs take no time, and so are none.
        assert_eq!(all, jobs, "{nodes} nodes, {rest}");
    }
}

#[test]
fn a_tunnel_carries_a_hundred_connections() {
    let mesh = free_ambient("istio-ambient");
    for (protocol, count, tunnels, connections) in [
        ("HTTP/1.1", 100, 1, 100),
        ("HTTP/1.1", 101, 2, 101),
        ("TCP", 201, 3, 201),
        // A hundred calls on each of three connections.
        ("gRPC", 250, 1, 3),
    ] {
        let text = format!(
            "{}services:\n  - {{name: a, protocol: {protocol}, service_time: 10ms}}\n{}",
            far_apart(2),
            users("a", count, "meshed_client")
        );
        let record = run(&mesh, 0, 1_000, &text);
        assert_eq!(record.edges[0].handshakes, tunnels, "{count} users of {protocol}");
        let held = record.proxies[0].connections_mean.round() as u64;
        assert_eq!(held, 2 * connections, "once at either end: {count} users of {protocol}");
    }
}

#[test]
fn no_connection_is_ready_before_its_tunnel() {
    // Three at once: the first opens the tunnel.
    let calls = pair("", "").replace("[{call: b}]", "[[{call: {service: b, count: 3}}]]");
    let text = format!("{}{calls}{}", far_apart(2), at("a", "outside", "100ms"));
    let record = run(&free_ambient("istio-ambient"), 0, 1_000, &text);
    assert_eq!((record.edges[0].calls, record.edges[0].handshakes), (3, 1));
    let fastest = record.edges[0].response_time.quantile(0.01);
    assert!(fastest.abs_diff(13 * MILLISECOND) < MILLISECOND / 5, "{fastest}");
    assert_eq!(total(&record), 13 * MILLISECOND);
}

#[test]
fn a_connection_given_back_overtakes_the_stream_opened_for_whoever_waits() {
    // Ready at 106, back at 113, when the second takes it; its own, a stream of the tunnel, is ready at 114.
    let services = "services:\n  - {name: a, service_time: 5ms}\n";
    let times = "100ms, 112ms, 115ms";
    let text = format!("{}{services}{}", far_apart(2), at("a", "meshed_client", times));
    let record = run(&free_ambient("istio-ambient"), 0, 1_000, &text);
    assert_eq!(total(&record), (13 + 8 + 7) * MILLISECOND);
    assert_eq!(record.edges[0].handshakes, 1, "one tunnel");
    let held = record.proxies[0].connections_mean;
    assert!((held - 2.0 * (0.9 + 0.888)).abs() < 1e-9, "{held}: two connections, each at both ends");
}

#[test]
fn an_idle_tunnel_is_closed_after_its_last_connection() {
    let mut mesh = free_ambient("istio-ambient");
    mesh.direct.idle_timeout = Span::from_seconds(1);
    if let Some(node) = &mut mesh.node_proxy {
        node.tunnel.idle_timeout = Span::from_seconds(2);
    }
    let services = "services:\n  - {name: a, service_time: 5ms}\n";
    // Connections are closed a second after their response, the tunnel two seconds later.
    let times = "1s, 3s, 5900ms, 9s";
    let text = format!("{}{services}{}", far_apart(2), at("a", "meshed_client", times));
    let record = run(&mesh, 0, 10_000, &text);
    assert_eq!(record.edges[0].handshakes, 2);
    assert_eq!(total(&record), (13 + 9 + 9 + 13) * MILLISECOND);
}

//! One request through idle node proxies, and a waypoint, against the sum of everything it meets.

use sim::mesh::MeshModel;
use sim::mesh::model::{NodeProxyModel, WaypointModel};
use sim::units::{Bytes, Span};

use super::super::quiet::{
    Core, NANOS_PER_BYTE, NETWORK, OUTSIDE, REQUEST, RESPONSE, SERVICE_TIME, by_hand, same, two_requests,
};
use super::super::run;
use super::nodes_for;
use crate::common::mesh;

fn scenario(pods: u32, from: &str, protocol: &str, rest: &str) -> String {
    format!(
        "cluster: {{network_delay: 50us, outside_delay: 200us, bandwidth: 1Gbit/s, nodes: {}}}\nservices:\n  - {{name: a, protocol: {protocol}, service_time: 5ms, request_size: 512, response_size: 1KiB}}\ntraffic:\n  - {{name: users, service: a, from: {from}, arrivals: {{trace: [1s, 3s]}}}}\n{rest}",
        nodes_for(pods)
    )
}

/// Response times of the first request, which opens the tunnels, and of the second; and the tunnels opened.
fn simulated(mesh: &MeshModel, text: &str) -> ([u64; 2], u64) {
    let record = run(mesh, 0, 4_000, text);
    (two_requests(&record), record.edges.iter().map(|edge| edge.handshakes).sum())
}

/// A mesh whose proxies have one worker and jobs that do not vary.
fn steady(name: &str) -> MeshModel {
    let mut mesh = mesh(name);
    let node = mesh.node_proxy.as_mut().map(|node| &mut node.proxy);
    let waypoint = mesh.waypoint.as_mut().map(|waypoint| &mut waypoint.proxy);
    for proxy in [node, waypoint, Some(&mut mesh.gateway)].into_iter().flatten() {
        proxy.workers = 1;
        proxy.cpu_scv = 0.0;
    }
    mesh
}

fn node(mesh: &MeshModel) -> &NodeProxyModel {
    mesh.node_proxy.as_ref().expect("ambient has node proxies")
}

fn waypoint(mesh: &MeshModel) -> &WaypointModel {
    mesh.waypoint.as_ref().expect("it has waypoints")
}

fn nanos(span: Span) -> f64 {
    span.nanos() as f64
}

/// Half round trips until the first stream of a new tunnel is open: TCP, TLS and CONNECT.
fn legs_to_open(handshake: f64, node: &NodeProxyModel) -> f64 {
    2.0 * (handshake + node.tunnel.stream_round_trips)
}

/// When a tunnel with one stream is open: CPU on both sides, where a node's proxy has a connection to forward and a
/// waypoint opens one of its own, and the legs between.
fn open(client: &mut Core<'_>, server: &mut Core<'_>, now: f64, legs: f64) -> f64 {
    let [from, to] = [client.proxy, server.proxy];
    let sent =
        client.job(now, nanos(from.upstream.handshake_client_cpu) + nanos(from.connection.outbound.opening));
    let accepting = nanos(to.upstream.handshake_server_cpu) + nanos(to.connection.inbound.opening);
    server.job(sent + NETWORK * (legs - 1.0), accepting) + NETWORK
}

fn leg(bytes: f64, overhead: Bytes) -> f64 {
    NETWORK + (bytes + overhead.value() as f64) * NANOS_PER_BYTE
}

/// Two pods on two nodes.
fn between_nodes(node: &NodeProxyModel) -> [f64; 2] {
    let proxy = &node.proxy;
    let (mut client, mut server) = (Core::new(proxy), Core::new(proxy));
    [(1e9, true), (3e9, false)].map(|(sent, opens)| {
        let mut now = sent;
        if opens {
            let legs = legs_to_open(proxy.upstream.handshake_round_trips, node);
            now = open(&mut client, &mut server, now, legs);
        }
        now = client.pass(now, proxy.tcp.outbound, true, false) + leg(REQUEST, proxy.request_overhead);
        now = server.pass(now, proxy.tcp.inbound, true, false) + SERVICE_TIME;
        now = server.pass(now, proxy.tcp.inbound, true, true) + leg(RESPONSE, proxy.response_overhead);
        client.pass(now, proxy.tcp.outbound, true, true) - sent
    })
}

/// Two pods on one node, whose proxy each message passes once.
fn within_a_node(node: &NodeProxyModel) -> [f64; 2] {
    let proxy = &node.proxy;
    let mut core = Core::new(proxy);
    [(1e9, true), (3e9, false)].map(|(sent, opens)| {
        let now = if opens { core.job(sent, nanos(proxy.connection.outbound.opening)) } else { sent };
        let now = core.pass(now, proxy.tcp.outbound, false, false) + leg(REQUEST, Bytes::ZERO);
        let now = now + SERVICE_TIME + leg(RESPONSE, Bytes::ZERO);
        core.pass(now, proxy.tcp.outbound, false, true) - sent
    })
}

/// Six passes: the client's node, the waypoint, the service's node, and back.
fn through_a_waypoint(mesh: &MeshModel) -> [f64; 2] {
    let (node, relay) = (node(mesh), &waypoint(mesh).proxy);
    let proxy = &node.proxy;
    let (mut client, mut server) = (Core::new(proxy), Core::new(proxy));
    let mut middle = Core::new(relay);
    [(1e9, true), (3e9, false)].map(|(sent, opens)| {
        let mut now = sent;
        if opens {
            let legs = legs_to_open(proxy.upstream.handshake_round_trips, node);
            now = open(&mut client, &mut middle, now, legs);
        }
        now = client.pass(now, proxy.tcp.outbound, true, false) + leg(REQUEST, proxy.request_overhead);
        now = middle.pass(now, relay.http1.outbound, true, false);
        if opens {
            let legs = legs_to_open(relay.upstream.handshake_round_trips, node);
            now = open(&mut middle, &mut server, now, legs);
        }
        now += leg(REQUEST, relay.request_overhead);
        now = server.pass(now, proxy.tcp.inbound, true, false) + SERVICE_TIME;
        now = server.pass(now, proxy.tcp.inbound, true, true) + leg(RESPONSE, relay.response_overhead);
        now = middle.pass(now, relay.http1.outbound, true, true) + leg(RESPONSE, proxy.response_overhead);
        client.pass(now, proxy.tcp.outbound, true, true) - sent
    })
}

#[test]
fn between_two_nodes_a_tunnel_is_opened_once_whatever_the_protocol() {
    let mesh = steady("istio-ambient");
    for protocol in ["HTTP/1.1", "HTTP/2", "gRPC", "TCP"] {
        let (times, tunnels) = simulated(&mesh, &scenario(2, "meshed_client", protocol, ""));
        same(times, between_nodes(node(&mesh)));
        assert_eq!(tunnels, 1, "{protocol}");
    }
}

#[test]
fn within_a_node_there_is_one_pass_each_way_and_nothing_to_encrypt() {
    let mesh = steady("istio-ambient");
    let (times, tunnels) = simulated(&mesh, &scenario(1, "meshed_client", "HTTP/1.1", ""));
    same(times, within_a_node(node(&mesh)));
    assert_eq!(tunnels, 0);
}

#[test]
fn who_comes_from_outside_meets_the_services_node_alone() {
    for name in ["istio-ambient", "istio-ambient-waypoint"] {
        let mesh = steady(name);
        let (times, _) = simulated(&mesh, &scenario(2, "outside", "HTTP/1.1", ""));
        same(times, by_hand(None, Some(&node(&mesh).proxy), 0.0, OUTSIDE, 1.0));
    }
}

#[test]
fn a_gateway_speaks_to_the_services_node_and_goes_past_waypoints() {
    for name in ["istio-ambient", "istio-ambient-waypoint"] {
        let mesh = steady(name);
        let trips = mesh.gateway.upstream.handshake_round_trips + node(&mesh).tunnel.stream_round_trips;
        let mut server = node(&mesh).proxy.clone();
        server.upstream.handshake_server_cpu += server.connection.inbound.opening;
        let expected = by_hand(Some(&mesh.gateway), Some(&server), OUTSIDE, NETWORK, trips);
        let (times, tunnels) = simulated(&mesh, &scenario(2, "gateway:front", "HTTP/1.1", ""));
        same(times, expected);
        assert_eq!(tunnels, 1);
    }
}

#[test]
fn a_waypoint_makes_it_six_passes() {
    let mesh = steady("istio-ambient-waypoint");
    let (times, tunnels) = simulated(&mesh, &scenario(3, "meshed_client", "HTTP/1.1", ""));
    same(times, through_a_waypoint(&mesh));
    assert_eq!(tunnels, 2);
}

#[test]
fn without_waypoints_it_is_ambient_as_it_was() {
    let mesh = steady("istio-ambient-waypoint");
    let text = scenario(2, "meshed_client", "HTTP/1.1", "mesh: {waypoints: []}\n");
    same(simulated(&mesh, &text).0, between_nodes(node(&mesh)));
}

#[test]
fn a_service_outside_the_mesh_is_reached_in_plain_text() {
    for name in ["istio-ambient", "istio-ambient-waypoint"] {
        let mesh = steady(name);
        let proxy = &node(&mesh).proxy;
        let text = scenario(2, "meshed_client", "HTTP/1.1", "mesh: {exclude: {services: [a]}}\n");
        let mut client = Core::new(proxy);
        let expected = [(1e9, true), (3e9, false)].map(|(sent, opens)| {
            // The connection, and TCP's handshake.
            let opened = |core: &mut Core<'_>| {
                core.job(sent, nanos(proxy.connection.outbound.opening)) + 2.0 * NETWORK
            };
            let now = if opens { opened(&mut client) } else { sent };
            let now = client.pass(now, proxy.tcp.outbound, false, false) + leg(REQUEST, Bytes::ZERO);
            let now = now + SERVICE_TIME + leg(RESPONSE, Bytes::ZERO);
            client.pass(now, proxy.tcp.outbound, false, true) - sent
        });
        same(simulated(&mesh, &text).0, expected);
    }
}

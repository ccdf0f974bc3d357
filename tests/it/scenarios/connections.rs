//! Connections: pools, handshakes, who is stuck with whom.

use sim::mesh::MeshModel;
use sim::mesh::model::{ConnectionCost, ConnectionCpu};
use sim::units::Span;

use super::{MILLISECOND, bare, run, ten_a_second, total, users};
use crate::common::{free_proxies, mesh, scenario};
use crate::theory::rule::{Expected, agrees};

const PAIR_FAR_APART: &str = "cluster: {network_delay: 1ms}\n";

#[test]
fn a_pool_of_connections_is_a_queue_with_as_many_servers() {
    let text = "version: 1\nname: pool\ncluster: {network_delay: 0s}\nservices:\n  - {name: a, service_time: 0s, client: {pool_size: 2}, script: [{call: b}]}\n  - {name: b, service_time: {exponential: 10ms}}\ntraffic:\n  - {name: users, service: a, from: outside, rate: 100/s}\n";
    let parsed = scenario(text);
    // M/M/2 at .5: 10 ms / (1 - .25).
    agrees("pool of 2", 600, &[Expected::mean("mean", 0.010 / 0.75)], |replication, length| {
        let mut scenario = parsed.clone();
        scenario.run.duration = sim::units::Span::from_seconds(length);
        let program = sim::program::compile(&scenario, &mesh("none"));
        let stop = std::sync::atomic::AtomicBool::new(false);
        let record = sim::engine::run(&program, replication, &stop).expect("nothing stops it");
        vec![record.entries[0].succeeded.mean() / 1e9]
    });
}

#[test]
fn without_keep_alive_every_call_has_its_handshake() {
    let services = |client: &str| {
        format!(
            "{PAIR_FAR_APART}services:\n  - {{name: a, service_time: 0s, client: {client}, script: [{{call: b}}]}}\n  - {{name: b, service_time: 5ms}}\n{}",
            ten_a_second("a")
        )
    };
    let closing = services("{keep_alive: false}");
    let record = run(&mesh("none"), 1_000, 1_000, &closing);
    assert_eq!((record.edges[0].calls, record.edges[0].handshakes), (10, 10));
    assert_eq!(total(&record), 10 * (2 + 1 + 5 + 1) * MILLISECOND);
    let kept = run(&mesh("none"), 1_000, 1_000, &services("{keep_alive: true}"));
    assert_eq!(kept.edges[0].handshakes, 0);
    assert_eq!(total(&kept), 10 * (1 + 5 + 1) * MILLISECOND);
    // The application closes its connection to its proxy; the proxy keeps the one to the other proxy.
    let meshed = run(&free_proxies(), 1_000, 1_000, &closing);
    assert_eq!(meshed.edges[0].handshakes, 0);
    assert_eq!(total(&meshed), 10 * (1 + 5 + 1) * MILLISECOND);
}

#[test]
fn a_connection_unused_for_too_long_is_opened_anew() {
    let mut mesh = mesh("none");
    for (timeout, handshakes) in [(94, 10), (96, 0)] {
        mesh.direct.idle_timeout = sim::units::Span::from_millis(timeout);
        let text = format!("services:\n  - {{name: a, service_time: 5ms}}\n{}", ten_a_second("a"));
        assert_eq!(run(&mesh, 1_000, 1_000, &text).edges[0].handshakes, handshakes, "{timeout} ms");
    }
}

#[test]
fn an_encrypted_handshake_takes_one_round_trip_more_and_only_among_proxies() {
    let text = |mesh: &str| {
        format!(
            "{PAIR_FAR_APART}services:\n  - {{name: a, service_time: 0s, script: [{{call: b}}]}}\n  - {{name: b, service_time: 5ms}}\ntraffic:\n  - {{name: users, service: a, from: outside, arrivals: {{trace: [100ms]}}}}\n{mesh}"
        )
    };
    let time = |text: &str| total(&run(&free_proxies(), 0, 1_000, text));
    assert_eq!(time(&text("")), (4 + 1 + 5 + 1) * MILLISECOND, "TCP and TLS");
    let outside = text("mesh: {exclude: {services: [b]}}\n");
    assert_eq!(time(&outside), (2 + 1 + 5 + 1) * MILLISECOND, "nobody there to speak TLS with");
    let caller = text("mesh: {exclude: {services: [a]}}\n");
    assert_eq!(time(&caller), (2 + 1 + 5 + 1) * MILLISECOND, "the application speaks plain text");
}

/// Requests a second through three instances of one worker and 10 ms each, kept busy by 30 users.
fn throughput(mesh: &MeshModel, protocol: &str, rest: &str) -> u64 {
    let text = format!(
        "services:\n  - {{name: a, protocol: {protocol}, replicas: 3, workers: 1, service_time: 10ms}}\ntraffic:\n  - {{name: users, service: a, from: meshed_client, headers: {{x-user: {{distinct: 1}}}}, arrivals: {{closed: {{users: 30, think_time: 0s}}}}}}\n{rest}"
    );
    run(mesh, 1_000, 1_000, &text).entries[0].completed_in_window
}

#[test]
fn a_multiplexed_connection_sticks_to_one_instance_where_no_proxy_balances() {
    for protocol in ["HTTP/2", "gRPC"] {
        assert_eq!(throughput(&mesh("none"), protocol, "").next_multiple_of(5), 100, "{protocol}");
        assert!(throughput(&free_proxies(), protocol, "") >= 297, "{protocol}");
        assert!(throughput(&mesh("linkerd"), protocol, "") >= 297, "{protocol}");
    }
}

#[test]
fn opaque_connections_are_balanced_once() {
    let text = format!(
        "services:\n  - {{name: a, protocol: TCP, replicas: 3, workers: 1, service_time: 10ms}}\n{}",
        users("a", 30, "meshed_client")
    );
    for mesh in [mesh("none"), free_proxies()] {
        let record = run(&mesh, 0, 2_000, &text);
        assert_eq!(record.edges[0].handshakes, 30);
        assert!(record.entries[0].completed_in_window >= 550, "30 connections reach all three");
    }
}

#[test]
fn one_header_value_always_goes_to_the_same_instance() {
    let hashing = |policy: &str| {
        format!("policies:\n  - {{service: a, balancing: {{policy: {policy}, hash_on: header:x-user}}}}\n")
    };
    for policy in ["ring_hash", "maglev"] {
        assert_eq!(
            throughput(&free_proxies(), "HTTP/1.1", &hashing(policy)).next_multiple_of(5),
            100,
            "{policy}"
        );
        let by_source = hashing(policy).replace("header:x-user", "source");
        assert_eq!(throughput(&free_proxies(), "HTTP/1.1", &by_source).next_multiple_of(5), 100, "{policy}");
        let other = hashing(policy).replace("x-user", "x-other");
        assert!(throughput(&free_proxies(), "HTTP/1.1", &other) > 200, "without the header: anywhere");
    }
}

#[test]
fn a_made_up_cookie_keeps_a_user_at_one_instance() {
    let instances_met = |arrivals: &str, headers: &str, hash_on: &str| {
        let text = format!(
            "services:\n  - {{name: a, replicas: 3, service_time: 1ms}}\ntraffic:\n  - {{service: a, from: meshed_client, {headers}, arrivals: {arrivals}}}\npolicies:\n  - {{service: a, balancing: {{policy: maglev, hash_on: '{hash_on}'}}}}\n"
        );
        // One request at a time opens one connection to each instance that it meets.
        run(&free_proxies(), 0, 1_000, &text).edges[0].handshakes
    };
    let (user, stranger) = ("{closed: {users: 1, think_time: 1ms}}", "{constant: 10/s}");
    assert_eq!(instances_met(user, "headers: {}", "cookie:Session"), 1);
    assert!(instances_met(stranger, "headers: {}", "cookie:Session") > 1, "nobody comes back");
    assert_eq!(instances_met(user, "headers: {}", "query:tenant"), 3, "nobody makes up a parameter");
    assert_eq!(instances_met(stranger, "query: {tenant: gold}", "query:tenant"), 1);
    assert_eq!(instances_met(user, "headers: {'cookie:Session': {distinct: 1000}}", "cookie:Session"), 3);
}

#[test]
fn upgraded_http1_has_one_connection_for_each_pair_of_proxies() {
    let text = |from: &str| {
        format!("services:\n  - {{name: a, replicas: 3, service_time: 10ms}}\n{}", users("a", 60, from))
    };
    let linkerd = mesh("linkerd");
    assert_eq!(run(&linkerd, 0, 2_000, &text("meshed_client")).edges[0].handshakes, 3);
    assert_eq!(run(&linkerd, 0, 2_000, &text("{meshed_client: {replicas: 2}}")).edges[0].handshakes, 6);
    assert_eq!(run(&linkerd, 0, 2_000, &text("outside")).edges[0].handshakes, 60);
    assert!(run(&mesh("istio-sidecar"), 0, 2_000, &text("meshed_client")).edges[0].handshakes >= 60);
}

#[test]
fn a_multiplexing_application_has_one_connection_to_its_proxy_and_so_one_worker() {
    let text = |protocol: &str| {
        format!(
            "services:\n  - {{name: a, protocol: {protocol}, service_time: 10ms}}\n{}",
            users("a", 30, "meshed_client")
        )
    };
    let istio = mesh("istio-sidecar");
    // Two workers each keep connections of their own, but all calls come to one of them.
    let record = run(&istio, 0, 1_000, &text("gRPC"));
    assert_eq!(record.edges[0].handshakes, 1);
    let held: Vec<u64> = record.proxies.iter().map(|proxy| proxy.connections_mean.round() as u64).collect();
    assert_eq!(
        held,
        [1, 2],
        "at the service its client's, at the client the application's and the service's"
    );
    let record = run(&istio, 0, 1_000, &text("HTTP/1.1"));
    assert_eq!(record.edges[0].handshakes, 30);
    assert_eq!(record.proxies[1].connections_mean.round() as u64, 60);
}

#[test]
fn a_full_connection_is_joined_by_another() {
    let text = format!(
        "services:\n  - {{name: a, protocol: gRPC, service_time: 10ms}}\n{}",
        users("a", 250, "outside")
    );
    let record = bare(&text);
    assert_eq!(record.edges[0].handshakes, 0);
    assert_eq!(run(&mesh("none"), 0, 1_000, &text).edges[0].handshakes, 3, "100 streams each");
}

/// Requests at these times, through proxies that take no time, to a service 10 ms away that takes 5 ms: 25 ms on a
/// connection that is ready, and 40 ms more where all of a handshake is waited for.
fn requests_at(mesh: &MeshModel, protocol: &str, times: &str, rest: &str) -> sim::metrics::RunRecord {
    let text = format!(
        "cluster: {{network_delay: 10ms}}\nservices:\n  - {{name: a, protocol: {protocol}, service_time: 5ms}}\ntraffic:\n  - {{name: users, service: a, from: meshed_client, arrivals: {{trace: [{times}]}}{rest}}}\n"
    );
    run(mesh, 0, 1_000, &text)
}

#[test]
fn a_connection_given_back_overtakes_the_handshake_of_whoever_waits() {
    for (times, time, handshakes) in [
        // Ready at 140, back at 165.
        ("100ms", 65, 1),
        // At 165 the second takes the connection of the first, 5 ms before its own would be ready.
        ("100ms, 130ms", 65 + 60, 2),
        // That one is ready at 170 and takes who came after ...
        ("100ms, 130ms, 168ms", 65 + 60 + 27, 2),
        // ... or is idle until it is needed.
        ("100ms, 130ms, 180ms", 65 + 60 + 25, 2),
        // Who has waited longest is first: the third goes out on the connection that was opened for the second.
        ("100ms, 130ms, 131ms", 65 + 60 + 64, 3),
    ] {
        let record = requests_at(&free_proxies(), "HTTP/1.1", times, "");
        assert_eq!(total(&record), time * MILLISECOND, "{times}");
        assert_eq!(record.edges[0].handshakes, handshakes, "{times}");
    }
}

#[test]
fn an_application_takes_what_is_ready_first_too() {
    // Ready at 120, back at 145; the second's own would be ready at 155.
    for protocol in ["HTTP/1.1", "TCP"] {
        let record = requests_at(&mesh("none"), protocol, "100ms, 135ms, 156ms", "");
        assert_eq!(total(&record), (45 + 35 + 25) * MILLISECOND, "{protocol}");
        assert_eq!(record.edges[0].handshakes, 2, "{protocol}");
    }
}

#[test]
fn who_waits_for_a_full_connection_goes_out_where_there_is_room_first() {
    let mut mesh = free_proxies();
    mesh.sidecar.as_mut().expect("it has sidecars").upstream.max_streams = 2;
    for (times, time, handshakes) in [
        ("100ms, 101ms", 65 + 64, 1),
        ("100ms, 101ms, 102ms", 65 + 64 + 65, 2),
        // Both streams are over at 165, 5 ms before the second connection is ready.
        ("100ms, 101ms, 130ms", 65 + 64 + 60, 2),
        ("100ms, 101ms, 130ms, 131ms", 65 + 64 + 60 + 59, 2),
    ] {
        let record = requests_at(&mesh, "gRPC", times, "");
        assert_eq!(total(&record), time * MILLISECOND, "{times}");
        assert_eq!(record.edges[0].handshakes, handshakes, "{times}");
    }
}

#[test]
fn a_handshake_goes_on_though_the_call_for_which_it_was_begun_is_given_up() {
    // Given up at 130; the connection is ready at 140.
    for (times, time) in [("100ms, 136ms", 30 + 29), ("100ms, 150ms", 30 + 25)] {
        for protocol in ["HTTP/1.1", "gRPC"] {
            let record = requests_at(&free_proxies(), protocol, times, ", timeout: 30ms");
            let edge = &record.edges[0];
            assert_eq!((edge.calls, edge.timeouts, edge.handshakes), (2, 1, 1), "{times} of {protocol}");
            assert_eq!(record.services[0].visits, 1, "the first was never sent");
            let times = [record.entries[0].failed.max(), record.entries[0].succeeded.max()];
            assert!((times[0] + times[1]).abs_diff(time * MILLISECOND) < MILLISECOND / 10, "{times:?}");
        }
    }
}

#[test]
fn without_keep_alive_a_connection_that_nobody_waits_for_is_closed() {
    // Kept, it serves the next call, which is given up too, on its way: every other one has a handshake.
    for (keep_alive, handshakes, visits) in [(false, 10, 0), (true, 5, 5)] {
        let text = format!(
            "{PAIR_FAR_APART}services:\n  - {{name: a, service_time: 0s, client: {{keep_alive: {keep_alive}}}, script: [{{call: {{service: b, timeout: 1ms, optional: true}}}}]}}\n  - {{name: b, service_time: 5ms}}\n{}",
            ten_a_second("a")
        );
        let record = run(&mesh("none"), 0, 1_000, &text);
        assert_eq!((record.edges[0].handshakes, record.services[1].visits), (handshakes, visits));
    }
}

#[test]
fn a_burst_from_a_cold_start_does_not_wait_for_as_many_handshakes() {
    let mut mesh = free_proxies();
    mesh.sidecar.as_mut().expect("it has sidecars").upstream.handshake_client_cpu =
        sim::units::Span::from_millis(10);
    for calls in [1, 2, 10, 100] {
        let text = format!(
            "{PAIR_FAR_APART}services:\n  - {{name: a, service_time: 0s, script: [[{{call: {{service: b, count: {calls}}}}}]]}}\n  - {{name: b, service_time: 1ms}}\ntraffic:\n  - {{name: users, service: a, from: outside, arrivals: {{trace: [100ms, 3s]}}}}\n"
        );
        let record = run(&mesh, 0, 4_000, &text);
        // The one worker makes a connection every 10 ms, which is ready 4 ms later and carries a call every 3 ms. It
        // passes responses on when it has made all.
        let mut starts: Vec<u64> =
            (1..=calls).flat_map(|made| (0..calls).map(move |turn| 10 * made + 4 + 3 * turn)).collect();
        starts.sort_unstable();
        let cold = (10 * calls).max(starts[calls as usize - 1] + 3);
        assert_eq!(total(&record), (cold + 3) * MILLISECOND, "{calls} calls, then as many again");
        // All that were begun are made, and kept.
        assert_eq!(record.edges[0].handshakes, calls);
    }
}

/// A proxy that looks at requests takes 3 ms for a connection of its application, with the first request on it, and 4 ms
/// once the response is back, before the caller's own answer passes; one that a client without a proxy opens takes the callee's 2 ms. Connections between proxies are kept, whatever the application does.
#[test]
fn proxies_beside_pods_take_cpu_for_each_connection_of_the_application() {
    let mut mesh = free_proxies();
    let cpu = |opening, closing| ConnectionCpu {
        opening: Span::from_millis(opening),
        closing: Span::from_millis(closing),
    };
    mesh.sidecar.as_mut().expect("it has sidecars").connection =
        ConnectionCost { outbound: cpu(3, 4), inbound: cpu(2, 1) };
    for (keep_alive, own) in [(true, 0), (false, 3 + 4)] {
        let services = format!(
            "{PAIR_FAR_APART}services:\n  - {{name: a, service_time: 0s, client: {{keep_alive: {keep_alive}}}, script: [{{call: b}}]}}\n  - {{name: b, service_time: 5ms}}\n"
        );
        let record = run(&mesh, 1_000, 1_000, &format!("{services}{}", ten_a_second("a")));
        assert_eq!(total(&record), 10 * (own + 1 + 5 + 1) * MILLISECOND);
        assert_eq!(record.edges[0].handshakes, 0);
        // The first request of all: from outside to a's proxy, and a handshake of four legs to b's.
        let once = "traffic:\n  - {name: users, service: a, from: outside, arrivals: {trace: [100ms]}}\n";
        let first = run(&mesh, 0, 1_000, &format!("{services}{once}"));
        let closing = if keep_alive { 0 } else { 4 };
        assert_eq!(total(&first), (2 + 3 + 4 + 1 + 5 + 1 + closing) * MILLISECOND);
    }
}

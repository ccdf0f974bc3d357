//! Limits of a client proxy towards a backend: connections, calls that wait for one, requests.

use sim::metrics::RunRecord;
use sim::vocabulary::failure::Cause;

use super::{MILLISECOND, run, total};
use crate::common::free_proxies;

/// Requests at these times, through proxies that take no time, to a service 10 ms away that takes 5 ms: 25 ms on a
/// connection that is ready, and 40 ms more where all of a handshake is waited for.
fn limited(limits: &str, protocol: &str, times: &str) -> RunRecord {
    let service = format!("{{name: a, protocol: {protocol}, service_time: 5ms}}");
    calls(&service, &format!("limits: {limits}"), "meshed_client", times)
}

fn calls(service: &str, policy: &str, from: &str, times: &str) -> RunRecord {
    let text = format!(
        "cluster: {{network_delay: 10ms}}\nservices: [{service}]\nroutes: [{{host: a, retries: none}}]\npolicies: [{{service: a, {policy}}}]\ntraffic: [{{name: users, service: a, from: {from}, arrivals: {{trace: [{times}]}}}}]\n"
    );
    run(&free_proxies(), 0, 1_000, &text)
}

/// Summed response time of the requests that end well in milliseconds, handshakes, and requests that fail for this cause.
fn seen(record: &RunRecord, cause: Cause) -> (u64, u64, u64) {
    let entry = &record.entries[0];
    assert_eq!(entry.causes[cause as usize], entry.failed.len(), "nothing fails for another cause");
    let total = total(record);
    assert_eq!(total % MILLISECOND, 0);
    (total / MILLISECOND, record.edges[0].handshakes, entry.failed.len())
}

#[test]
fn one_connection_serves_one_call_after_the_other() {
    for (limits, time, handshakes) in [
        ("{connections: 2}", 65 + 65, 2),
        // Ready at 140, back at 165.
        ("{connections: 1}", 65 + (165 - 101) + 25, 1),
    ] {
        let record = limited(limits, "HTTP/1.1", "100ms, 101ms");
        assert_eq!(seen(&record, Cause::Overflow), (time, handshakes, 0), "{limits}");
    }
    let record = limited("{connections: 1}", "HTTP/1.1", "100ms, 101ms, 102ms, 103ms");
    let waiting = (165 - 101) + (190 - 102) + (215 - 103);
    assert_eq!(
        seen(&record, Cause::Overflow),
        (65 + waiting + 3 * 25, 1, 0),
        "in the order in which they came"
    );
}

#[test]
fn every_client_proxy_has_limits_of_its_own() {
    let service = "{name: a, service_time: 5ms}";
    let times = "100ms, 101ms, 102ms, 103ms, 104ms, 105ms, 106ms, 107ms";
    for (replicas, handshakes) in [(1, 2), (2, 4)] {
        let from = format!("{{meshed_client: {{replicas: {replicas}}}}}");
        let record = calls(service, "limits: {connections: 2}", &from, times);
        assert_eq!(record.edges[0].handshakes, handshakes, "{replicas} clients");
    }
}

#[test]
fn every_endpoint_has_a_connection_whatever_the_limit() {
    let service = "{name: a, replicas: 2, service_time: 5ms}";
    let policy = "balancing: round_robin, limits: {connections: 1}";
    let record = calls(service, policy, "meshed_client", "100ms, 101ms, 102ms, 103ms");
    // The third waits for the first's connection from 165, the fourth for the second's from 166.
    assert_eq!(seen(&record, Cause::Overflow), (65 + 65 + 88 + 88, 2, 0));
}

#[test]
fn one_pending_call_too_many_fails_at_once() {
    for (pending, times, expected) in [
        // The second waits for the first's connection from 150 to 165.
        (1, "100ms, 150ms, 151ms", (65 + 40, 1, 1)),
        (2, "100ms, 150ms, 151ms", (65 + 40 + 64, 1, 0)),
        // Waiting for the handshake is waiting too.
        (1, "100ms, 101ms", (65, 1, 1)),
        (0, "100ms, 101ms", (0, 0, 2)),
    ] {
        let limits = format!("{{connections: 1, pending: {pending}}}");
        let record = limited(&limits, "HTTP/1.1", times);
        assert_eq!(seen(&record, Cause::Overflow), expected, "{pending} at {times}");
        assert_eq!(record.entries[0].failed.max(), 0, "at once");
    }
}

#[test]
fn an_overflow_is_answered_with_503_and_not_tried_again() {
    let text = "cluster: {network_delay: 10ms}
services: [{name: a, service_time: 5ms}]
routes: [{host: a, retries: {attempts: 3, on: [503, gateway_error, reset, connect_failure], backoff: {base: 1ms}}}]
policies: [{service: a, limits: {pending: 0}}]
traffic: [{name: users, service: a, from: meshed_client, arrivals: {trace: [100ms]}}]
";
    let record = run(&free_proxies(), 0, 1_000, text);
    assert_eq!(seen(&record, Cause::Overflow), (0, 0, 1));
    assert_eq!(record.edges[0].attempts, 1);
}

#[test]
fn one_request_too_many_fails() {
    for (protocol, limit, times, expected, failed_after) in [
        ("gRPC", 2, "100ms, 101ms, 150ms", (65 + 64, 1, 1), 0),
        // At 140 the connection takes two of three that wait.
        ("gRPC", 2, "100ms, 101ms, 102ms", (65 + 64, 1, 1), 38),
        // The second's own connection is ready at 150, while the first is under way.
        ("HTTP/1.1", 1, "100ms, 110ms", (65, 2, 1), 40),
        // At 190 it is over.
        ("HTTP/1.1", 1, "100ms, 150ms", (65 + 40, 2, 0), 0),
        ("gRPC", 2, "100ms, 101ms, 166ms, 167ms", (65 + 64 + 25 + 25, 1, 0), 0),
        // Nobody looks into it.
        ("TCP", 1, "100ms, 110ms", (65 + 65, 2, 0), 0),
    ] {
        let record = limited(&format!("{{requests: {limit}}}"), protocol, times);
        assert_eq!(seen(&record, Cause::Overflow), expected, "{protocol} at {times}");
        let failed = record.entries[0].failed.max();
        assert!(failed.abs_diff(failed_after * MILLISECOND) < MILLISECOND / 10, "{protocol} at {times}");
    }
}

#[test]
fn a_connection_that_is_forwarded_as_it_is_is_refused() {
    let record = limited("{connections: 1}", "TCP", "100ms, 150ms, 300ms");
    assert_eq!(seen(&record, Cause::Overflow), (65 + 25, 1, 1));
}

#[test]
fn a_connection_is_closed_after_so_many_requests() {
    let apart = "100ms, 200ms, 300ms, 400ms, 500ms";
    for (limits, protocol, times, time, handshakes) in [
        ("{requests_per_connection: 2}", "HTTP/1.1", apart, 65 + 25 + 65 + 25 + 65, 3),
        ("{requests_per_connection: 2}", "gRPC", apart, 65 + 25 + 65 + 25 + 65, 3),
        ("{requests_per_connection: 1}", "gRPC", apart, 5 * 65, 5),
        ("{requests_per_connection: 5}", "HTTP/1.1", apart, 65 + 4 * 25, 1),
        // Two wait for the first connection, which takes no third.
        ("{requests_per_connection: 2}", "gRPC", "100ms, 101ms, 102ms", 65 + 64 + 65, 2),
        ("{requests_per_connection: 3}", "gRPC", "100ms, 101ms, 102ms", 65 + 64 + 63, 1),
        // The third is its last, though there is room.
        ("{requests_per_connection: 3}", "gRPC", "100ms, 101ms, 150ms, 160ms", 65 + 64 + 25 + 65, 2),
        // The second waits for the first to end at 165, and then for a handshake.
        ("{requests_per_connection: 1, connections: 1}", "HTTP/1.1", "100ms, 101ms", 65 + 64 + 65, 2),
        ("{requests_per_connection: 1, connections: 1}", "gRPC", "100ms, 101ms", 65 + 64 + 65, 2),
    ] {
        let record = limited(limits, protocol, times);
        assert_eq!(
            seen(&record, Cause::Overflow),
            (time, handshakes, 0),
            "{limits} of {protocol} at {times}"
        );
    }
}

#[test]
fn who_waits_opens_a_connection_in_place_of_one_that_is_reset() {
    // Given up at 170 with an answer to come; a handshake from then on is over at 210.
    let text = |limits: &str| {
        format!(
            "cluster: {{network_delay: 10ms}}\nservices: [{{name: a, service_time: 40ms}}]\npolicies: [{{service: a, limits: {limits}}}]\ntraffic: [{{name: users, service: a, from: meshed_client, timeout: 70ms, arrivals: {{trace: [100ms, 160ms]}}}}]\n"
        )
    };
    let record = run(&free_proxies(), 0, 1_000, &text("{connections: 1}"));
    assert_eq!((record.edges[0].handshakes, record.services[0].visits), (2, 2));
}

#[test]
fn a_handshake_that_takes_too_long_fails_all_that_wait_for_it() {
    for (timeout, times, expected, failed_after) in [
        (41, "100ms, 105ms", (65 + 60 + 5, 2, 0), 0),
        (30, "100ms", (0, 1, 1), 30),
        // The connection that was given up is of no use to the second, which comes when its handshake is over.
        (30, "100ms, 145ms", (0, 2, 2), 30),
        // Both wait in one pool.
        (30, "100ms, 120ms", (0, 2, 2), 30),
    ] {
        for protocol in ["HTTP/1.1", "TCP"] {
            let record = limited(&format!("{{connect_timeout: {timeout}ms}}"), protocol, times);
            assert_eq!(seen(&record, Cause::ConnectFailure), expected, "{timeout} ms, {protocol} at {times}");
            let failed = record.entries[0].failed.max();
            assert!(
                failed.abs_diff(failed_after * MILLISECOND) < MILLISECOND / 10,
                "{timeout} ms at {times}"
            );
        }
    }
    // The second fails at 130 too.
    let record = limited("{connect_timeout: 30ms}", "gRPC", "100ms, 120ms");
    assert_eq!(seen(&record, Cause::ConnectFailure), (0, 1, 2));
    assert_eq!(record.services[0].visits, 0);
}

#[test]
fn a_connection_attempt_that_fails_is_made_again() {
    let text = "cluster: {network_delay: 10ms}
services: [{name: a, service_time: 5ms}]
routes: [{host: a, retries: {attempts: 2, on: [connect_failure], backoff: {base: 1ns, max: 1ns}}}]
policies: [{service: a, limits: {connect_timeout: 30ms}}]
traffic: [{name: users, service: a, from: meshed_client, arrivals: {trace: [100ms]}}]
";
    let record = run(&free_proxies(), 0, 1_000, text);
    assert_eq!(seen(&record, Cause::ConnectFailure), (0, 3, 1));
    assert_eq!(record.edges[0].attempts, 3);
    assert!(record.entries[0].failed.max().abs_diff(90 * MILLISECOND) < MILLISECOND / 10);
}

#[test]
fn a_connection_without_requests_is_closed_after_so_long() {
    for (times, time, handshakes) in [("100ms, 214ms", 65 + 25, 1), ("100ms, 216ms", 65 + 65, 2)] {
        let record = limited("{idle_timeout: 50ms}", "HTTP/1.1", times);
        assert_eq!(seen(&record, Cause::Overflow), (time, handshakes, 0), "{times}");
    }
}

#[test]
fn a_connection_that_was_idle_for_too_long_leaves_room_for_another() {
    let service = "{name: a, service_time: 5ms, versions: [{name: good}, {name: bad, error_ratio: 100%}]}";
    // One of the first two goes to the bad endpoint, which is not called again: what follows goes to the other.
    for (idle_timeout, rest) in [("100ms", 65 + 65), ("10s", 25 + 49)] {
        let policy = format!(
            "balancing: round_robin, ejection: {{consecutive_errors: 1, base_time: 100s, max_time: 100s, max_ratio: 50%}}, limits: {{connections: 2, idle_timeout: {idle_timeout}}}"
        );
        let record = calls(service, &policy, "meshed_client", "100ms, 101ms, 300ms, 301ms");
        assert_eq!(seen(&record, Cause::Application).0, 65 + rest, "{idle_timeout}");
    }
}

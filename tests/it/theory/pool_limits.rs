//! Limits of a client proxy as loss systems.

use std::sync::atomic::AtomicBool;

use sim::engine;
use sim::program::compile;
use sim::units::Span;
use sim::vocabulary::failure::Cause;

use super::rule::{Expected, agrees};
use crate::common::{free_proxies, scenario};

/// The share of calls that `limits` turn away: 800 a second, each of which takes 10 ms on average wherever it goes.
fn loss(row: &str, protocol: &str, limits: &str, expected: f64) {
    let text = format!(
        "version: 1\nname: theory\ncluster: {{network_delay: 0s}}\nservices: [{{name: a, protocol: {protocol}, service_time: {{exponential: 10ms}}}}]\npolicies: [{{service: a, limits: {limits}}}]\ntraffic: [{{name: users, service: a, from: meshed_client, rate: 800/s}}]\n"
    );
    let parsed = scenario(&text);
    agrees(row, 60, &[Expected::loss("loss", expected)], |replication, length| {
        let mut scenario = parsed.clone();
        scenario.run.warm_up = Span::from_seconds(1);
        scenario.run.duration = Span::from_seconds(length);
        let program = compile(&scenario, &free_proxies());
        let record = engine::run(&program, replication, &AtomicBool::new(false)).expect("nothing stops it");
        let entry = &record.entries[0];
        vec![entry.causes[Cause::Overflow as usize] as f64 / entry.arrived as f64]
    });
}

/// The share of calls lost by so many servers without a queue, by Erlang's recursion.
fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, server| {
        let blocked = load * blocked;
        blocked / (f64::from(server) + blocked)
    })
}

#[test]
fn a_limit_of_requests_is_erlangs_loss_system() {
    let expected = erlang_b(10, 8.0);
    assert!((expected - 0.121_661).abs() < 1e-6, "{expected}");
    for protocol in ["gRPC", "HTTP/1.1"] {
        loss(&format!("10 requests of {protocol}"), protocol, "{requests: 10}", expected);
    }
}

/// A call has to wait for a connection to be opened, so that with no pending call allowed none ever is. With one, there is
/// a place in a queue beside the connections: M/M/10/11, where an arrival meets all eleven places taken.
#[test]
fn a_limit_of_connections_is_a_loss_system_with_a_queue_of_pending_calls() {
    let none_waits = erlang_b(10, 8.0);
    let expected = 0.8 * none_waits / (1.0 + 0.8 * none_waits);
    loss("10 connections", "HTTP/1.1", "{connections: 10, pending: 1}", expected);
    loss("no connection", "HTTP/1.1", "{connections: 10, pending: 0}", 1.0);
}

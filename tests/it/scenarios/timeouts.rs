//! Giving up: the caller goes on after exactly its timeout, the work at the callee goes on without it.

use super::{MILLISECOND, bare, part, ten_a_second, total};

const SLOW: &str = "  - {name: slow, workers: 1, service_time: 10ms}\n";

fn caller(script: &str) -> String {
    format!(
        "services:\n  - {{name: caller, service_time: 0s, script: {script}}}\n{SLOW}{}",
        ten_a_second("caller")
    )
}

#[test]
fn a_call_is_given_up_after_its_timeout_and_its_work_goes_on() {
    let record = bare(&caller("[{call: {service: slow, timeout: 4ms}}]"));
    let entry = &record.entries[0];
    assert_eq!((entry.arrived, entry.succeeded.len(), entry.failed.len()), (10, 0, 10));
    assert!(entry.failed.min().abs_diff(4 * MILLISECOND) < 4_000);
    assert!(entry.failed.max().abs_diff(4 * MILLISECOND) < 4_000);
    let edge = &record.edges[0];
    assert_eq!((edge.calls, edge.failures, edge.timeouts), (10, 10, 10));
    assert_eq!(record.services[1].busy, 10 * 10 * MILLISECOND);
    assert_eq!(record.services[1].cpu, 10 * 10 * MILLISECOND);
}

#[test]
fn an_optional_call_that_is_given_up_costs_its_timeout_only() {
    let record = bare(&caller("[{call: {service: slow, timeout: 4ms, optional: true}}, {sleep: 1ms}]"));
    assert_eq!((record.entries[0].succeeded.len(), record.entries[0].failed.len()), (10, 0));
    assert_eq!(total(&record), 10 * 5 * MILLISECOND);
    assert_eq!(part(&record, "abandoned"), 10 * 4 * MILLISECOND);
    assert_eq!(part(&record, "application"), 10 * MILLISECOND);
    assert_eq!(record.services[1].busy, 10 * 10 * MILLISECOND);
}

#[test]
fn a_timeout_that_is_not_reached_changes_nothing() {
    let record = bare(&caller("[{call: {service: slow, timeout: 11ms}}]"));
    assert_eq!(total(&record), 10 * 10 * MILLISECOND);
    assert_eq!(record.edges[0].timeouts, 0);
}

#[test]
fn the_client_of_a_service_has_a_timeout_for_all_its_calls() {
    let text = format!(
        "services:\n  - {{name: caller, service_time: 0s, client: {{timeout: 4ms}}, script: [{{call: {{service: slow, optional: true}}}}, {{call: {{service: slow, timeout: 3ms, optional: true}}}}]}}\n{SLOW}{}",
        ten_a_second("caller")
    );
    let record = bare(&text);
    assert_eq!(total(&record), 10 * 7 * MILLISECOND);
    assert_eq!(record.services[1].busy, 10 * 20 * MILLISECOND);
}

#[test]
fn a_user_gives_up_too() {
    let text = format!(
        "services:\n{SLOW}traffic:\n  - {{name: users, service: slow, from: outside, timeout: 4ms, arrivals: {{constant: 10/s}}}}\n"
    );
    let record = bare(&text);
    assert_eq!((record.entries[0].failed.len(), record.entries[0].unfinished), (10, 0));
    assert!(record.entries[0].failed.max().abs_diff(4 * MILLISECOND) < 4_000);
    assert_eq!(record.edges[0].timeouts, 10);
    assert_eq!(record.services[0].busy, 10 * 10 * MILLISECOND);
}

#[test]
fn of_parallel_calls_the_last_to_end_decides_be_it_given_up_or_answered() {
    for (other, response, abandoned) in [(2, 4, 4), (7, 7, 0)] {
        let record = bare(&format!(
            "services:\n  - {{name: caller, service_time: 0s, script: [[{{call: {{service: slow, timeout: 4ms, optional: true}}}}, {{call: other}}]]}}\n{SLOW}  - {{name: other, service_time: {other}ms}}\n{}",
            ten_a_second("caller")
        ));
        assert_eq!(record.entries[0].succeeded.len(), 10);
        assert_eq!(total(&record), 10 * response * MILLISECOND);
        assert_eq!(part(&record, "abandoned"), 10 * abandoned * MILLISECOND);
    }
}

#[test]
fn a_call_given_up_while_it_waits_for_a_connection_is_never_sent() {
    let record = bare(&format!(
        "services:\n  - {{name: caller, service_time: 0s, client: {{pool_size: 1}}, script: [[{{call: {{service: slow, count: 2, timeout: 4ms, optional: true}}}}]]}}\n{SLOW}{}",
        ten_a_second("caller")
    ));
    assert_eq!(total(&record), 10 * 4 * MILLISECOND);
    assert_eq!((record.edges[0].calls, record.edges[0].timeouts), (20, 20));
    assert_eq!(record.services[1].busy, 10 * 10 * MILLISECOND, "one of two was sent");
}

#[test]
fn what_was_given_up_is_answered_to_nobody_and_its_connection_is_closed() {
    let given_up = caller("[{call: {service: slow, timeout: 4ms, optional: true}}]");
    let mesh = crate::common::mesh("istio-sidecar");
    let counts = |text: &str| {
        let record = super::run(&mesh, 1_000, 1_000, text);
        let jobs = record.proxies.iter().map(|proxy| proxy.jobs).sum::<u64>();
        (jobs, record.edges[0].handshakes, record.services[1].visits)
    };
    // Of each request: two passes at the caller's own, the request's two on the call, both ends of a handshake, for the
    // connection of the call before was closed, and closing the application's. The service worked on all of them.
    assert_eq!(counts(&given_up), (10 * (2 + 2 + 2 + 1), 10, 10));
    assert_eq!(counts(&given_up.replace("4ms", "4s")), (10 * (2 + 4), 0, 10));
    // A stream is reset, and the connection goes on.
    let multiplexed = given_up.replace("name: slow,", "name: slow, protocol: gRPC,");
    assert_eq!(counts(&multiplexed), (10 * (2 + 2), 0, 10));
}

#[test]
fn who_gives_up_frees_the_connection_for_whoever_waits() {
    // One connection, two calls at once: the second goes out when the first is given up, and has its own 30 ms.
    let record = bare(&format!(
        "services:\n  - {{name: caller, service_time: 0s, client: {{pool_size: 1}}, script: [[{{call: {{service: slow, timeout: 4ms, optional: true}}}}, {{call: {{service: other, timeout: 4ms, optional: true}}}}, {{call: {{service: slow, timeout: 30ms}}}}]]}}\n  - {{name: other, service_time: 1ms}}\n{SLOW}{}",
        ten_a_second("caller")
    ));
    assert_eq!(record.entries[0].succeeded.len(), 10);
    // 4 ms until the first is given up, 6 ms more until its work is done, 10 ms of work on the second.
    assert_eq!(total(&record), 10 * 20 * MILLISECOND);
}

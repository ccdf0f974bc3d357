//! Attempts of the calling proxy.

use sim::vocabulary::failure::Cause;
use sim::vocabulary::routing::{GrpcStatus, Status};

use super::super::MILLISECOND;
use super::{from_clients, outcomes, routed, sum, visits};

fn failing(retries: &str) -> String {
    format!(
        "services:\n  - {{name: web, service_time: 2ms, error_ratio: 100%}}\nroutes: [{{host: web, retries: {retries}}}]\n"
    )
}

#[test]
fn failures_are_tried_again_as_often_as_asked() {
    let record = routed("web", &failing("{attempts: 2, on: [server_error], backoff: {base: 1us, max: 1us}}"));
    assert_eq!(outcomes(&record, Cause::Application), (0, 10, 10));
    assert_eq!((visits(&record), sum(&record, |edge| edge.attempts)), (vec![30], 30));
    assert_eq!((sum(&record, |edge| edge.calls), sum(&record, |edge| edge.failures)), (10, 10));
    let entry = &record.entries[0];
    // As exactly as the histogram tells.
    assert!(entry.failed.min() >= 6 * MILLISECOND - 8_000 && entry.failed.max() < 6 * MILLISECOND + 10_000);
}

/// What is under way when a run ends is neither among the calls nor among their attempts.
#[test]
fn attempts_are_those_of_calls_that_are_over() {
    let text = super::with_clients(
        "web",
        "{constant: 10/s}",
        &format!(
            "run: {{drain_limit: 5s}}\n{}",
            failing("{attempts: 2, on: [500], backoff: {base: 10s, max: 10s}}")
        ),
    );
    let record = super::super::run(&crate::common::free_proxies(), 1_000, 10_000, &text);
    let (calls, unfinished) = (sum(&record, |edge| edge.calls), record.entries[0].unfinished);
    assert!(calls > 10 && unfinished > 10, "{calls} and {unfinished}");
    assert_eq!((sum(&record, |edge| edge.attempts), calls + unfinished), (3 * calls, 100));
}

#[test]
fn other_failures_than_asked_are_not_tried_again() {
    for on in ["gateway_error", "connect_failure", "409", "unavailable"] {
        let record = routed("web", &failing(&format!("{{attempts: 2, on: [{on}]}}")));
        assert_eq!(visits(&record), [10], "{on}");
    }
    assert_eq!(visits(&routed("web", &failing("{attempts: 1, on: [500]}"))), [20]);
    assert_eq!(visits(&routed("web", &failing("none"))), [10]);
}

#[test]
fn pauses_before_retries_are_jittered_and_double() {
    let text = failing("{attempts: 2, on: [server_error], backoff: {base: 10ms, max: 20ms}}");
    let record = from_clients("web", "{constant: 500/s}", &text);
    let entry = &record.entries[0];
    // Two uniform pauses, up to 10 ms and up to 20 ms: their mean is 15 ms, its deviation 6.45 ms / √500.
    let mean = entry.failed.mean() / MILLISECOND as f64;
    assert!((mean - 6.0 - 15.0).abs() < 4.0 * 6.45 / 500_f64.sqrt(), "{mean}");
    assert!(entry.failed.min() < 12 * MILLISECOND && entry.failed.max() > 30 * MILLISECOND);
    assert!(entry.failed.max() <= 36 * MILLISECOND + 40_000);
}

#[test]
fn an_attempt_draws_anew_and_the_first_one_as_without_retries() {
    let text = |rule: &str| {
        format!(
            "services:\n  - {{name: web, service_time: {{exponential: 2ms}}, error_ratio: 50%}}\nroutes: [{{host: web, {rule}}}]\n"
        )
    };
    let retried = "retries: {attempts: 1, on: [server_error], backoff: {base: 1us, max: 1us}}";
    let [once, twice] =
        ["retries: none", retried].map(|rule| from_clients("web", "{constant: 1000/s}", &text(rule)));
    let (failed, attempts) = (once.entries[0].failed.len(), sum(&twice, |edge| edge.attempts));
    assert_eq!(attempts, 1000 + failed, "what failed at first is what is tried again");
    // Half of half: four standard deviations of a binomial of 1000 and 0.25.
    assert!(twice.entries[0].failed.len().abs_diff(250) < 55);
    assert_eq!(once.entries[0].succeeded.min(), twice.entries[0].succeeded.min());
}

/// Two clients ask at the same time; an instance takes one request. Who is refused and asks the other one succeeds.
#[test]
fn a_retry_avoids_the_endpoint_that_failed() {
    let failures = |avoid: bool| {
        let text = format!(
            "services:\n  - {{name: web, replicas: 2, workers: 1, queue_limit: 0, service_time: 5ms}}\nroutes: [{{host: web, retries: {{attempts: 1, on: [503], backoff: {{base: 1us, max: 1us}}, avoid_previous: {avoid}}}}}]\n"
        );
        let more = "{constant: 100/s}}\n  - {name: others, service: web, from: meshed_client, arrivals: {constant: 100/s}";
        let record = from_clients("web", more, &text);
        let failed = record.entries.iter().map(|entry| entry.failed.len()).sum::<u64>();
        (failed, sum(&record, |edge| edge.attempts))
    };
    let (with, attempts) = failures(true);
    let (without, _) = failures(false);
    assert!(attempts > 230, "half of them collide: {attempts}");
    assert!(with <= 5 && without >= 10, "{with} and {without}");
}

#[test]
fn each_retry_is_one_more_pass_of_the_request() {
    let mesh = crate::common::mesh("istio-sidecar");
    let jobs = |rule: &str| {
        let text = super::with_clients("web", "{constant: 10/s}", &failing(rule));
        let record = super::super::run(&mesh, 1_000, 1_000, &text);
        record.proxies.iter().map(|proxy| proxy.jobs).sum::<u64>()
    };
    // The callee's proxy has both messages of every attempt, the caller's the request once more.
    assert_eq!(jobs("{attempts: 1, on: [500]}"), jobs("none") + 10 * 3);
}

#[test]
fn unasked_istio_tries_again_what_grpc_calls_unavailable_and_linkerd_nothing() {
    let attempts = |mesh: &str, status| {
        let text = super::with_clients(
            "web",
            "{constant: 10/s}",
            "services:\n  - {name: web, protocol: gRPC, service_time: 1ms, error_ratio: 100%}\n",
        );
        let mut scenario = crate::common::scenario(&format!("version: 1\nname: unasked\n{text}"));
        for operation in scenario.services.iter_mut().flat_map(|service| service.operations.iter_mut()) {
            operation.error_status = status;
        }
        let program = sim::program::compile(&scenario, &crate::common::mesh(mesh));
        let record = sim::engine::run(&program, 0, &false.into()).expect("nothing stops it");
        (sum(&record, |edge| edge.attempts), sum(&record, |edge| edge.calls))
    };
    let unavailable = Status::Grpc(GrpcStatus::Unavailable);
    assert_eq!(attempts("istio-sidecar", unavailable), (900, 300));
    assert_eq!(attempts("istio-sidecar", Status::Grpc(GrpcStatus::Internal)), (300, 300));
    assert_eq!(attempts("istio-sidecar", Status::Http(503)), (300, 300));
    assert_eq!(attempts("linkerd", unavailable), (300, 300));
    assert_eq!(attempts("none", unavailable), (300, 300));
    // The hop to the waypoint is one attempt, the waypoint makes three.
    assert_eq!(attempts("istio-ambient-waypoint", unavailable), (1200, 600));
}

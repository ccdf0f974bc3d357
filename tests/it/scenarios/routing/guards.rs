//! What a client proxy keeps of a backend: ejected endpoints, breakers, budgets.

use sim::vocabulary::failure::Cause;

use super::{from_clients, outcomes, sum, visits};

/// A service of two instances, one of which fails always: its version.
const HALF: &str = "services:
  - name: web
    service_time: 1ms
    versions: [{name: good}, {name: bad, error_ratio: 100%}]
";

fn guarded(policy: &str) -> sim::metrics::RunRecord {
    let text = format!("{HALF}policies: [{{service: web, balancing: round_robin, {policy}}}]\n");
    from_clients("web", "{constant: 100/s}", &text)
}

#[test]
fn without_a_policy_every_second_request_fails() {
    assert_eq!(outcomes(&guarded("ejection: {consecutive_errors: 10000}"), Cause::Application), (50, 50, 50));
}

#[test]
fn an_endpoint_that_fails_is_left_out() {
    let record = guarded("ejection: {consecutive_errors: 5, base_time: 10s, max_time: 10s, max_ratio: 50%}");
    assert_eq!(outcomes(&record, Cause::Application), (100, 0, 0), "it was ejected in the first second");
}

#[test]
fn not_more_than_the_allowed_share_is_left_out() {
    let record = guarded("ejection: {consecutive_errors: 5, max_ratio: 40%}");
    assert_eq!(outcomes(&record, Cause::Application), (50, 50, 50));
}

#[test]
fn an_ejected_endpoint_comes_back_at_a_sweep() {
    // Ejected after five failures, at 0.1 s; back at 0.4 s: four failures in the window, of five until the next ejection.
    let record = guarded(
        "ejection: {consecutive_errors: 1, interval: 100ms, base_time: 200ms, max_time: 200ms, max_ratio: 50%}",
    );
    let (_, failed, _) = outcomes(&record, Cause::Application);
    // Each time it fails once, and is then away until a sweep at least 200 ms later.
    assert!((3..=5).contains(&failed), "{failed}");
}

#[test]
fn an_endpoint_that_takes_too_long_is_left_out() {
    let slow = HALF.replace("error_ratio: 100%", "service_time: 1s");
    let policy = "ejection: {consecutive_errors: 5, base_time: 10s, max_time: 10s, max_ratio: 50%}";
    // The proxy waits no longer, for the attempt or for the request as a whole; either tells the endpoint's guard.
    for limit in ["attempt_timeout", "timeout"] {
        let text = format!(
            "{slow}routes: [{{host: web, {limit}: 20ms}}]\npolicies: [{{service: web, balancing: round_robin, {policy}}}]\n"
        );
        let record = from_clients("web", "{constant: 100/s}", &text);
        let failed = record.entries[0].failed.len();
        assert_eq!(failed, 0, "{limit}: it was ejected in the first second");
    }
}

#[test]
fn where_all_are_ejected_nobody_is_called() {
    let text = "services: [{name: web, replicas: 2, service_time: 1ms, error_ratio: 100%}]
policies: [{service: web, ejection: {consecutive_errors: 1, base_time: 100s, max_time: 100s, max_ratio: 100%}}]
";
    let record = from_clients("web", "{constant: 100/s}", text);
    assert_eq!(outcomes(&record, Cause::Ejected), (0, 100, 100));
    assert_eq!(visits(&record), [0]);
    // In a panic all are used again.
    let text = text.replace("max_ratio: 100%", "max_ratio: 100%, panic_ratio: 50%");
    let record = from_clients("web", "{constant: 100/s}", &text);
    assert_eq!(outcomes(&record, Cause::Application), (0, 100, 100));
}

#[test]
fn a_breaker_probes_with_one_request_after_longer_and_longer_pauses() {
    let record =
        guarded("circuit_breaker: {max_failures: 3, min_penalty: 100ms, max_penalty: 100ms, jitter: 0%}");
    let (_, failed, _) = outcomes(&record, Cause::Application);
    // A probe fails, and the next one comes 100 ms later with the endpoint's next turn.
    assert!((8..=10).contains(&failed), "{failed}");
}

#[test]
fn a_budget_bounds_retries() {
    let text = |policy: &str| {
        format!(
            "services: [{{name: web, service_time: 1ms, error_ratio: 100%}}]\nroutes: [{{host: web, retries: {{attempts: 3, on: [500], backoff: {{base: 1us}}}}}}]\npolicies: [{{service: web, {policy}}}]\n"
        )
    };
    let attempts =
        |policy: &str| sum(&from_clients("web", "{constant: 100/s}", &text(policy)), |edge| edge.attempts);
    // Requests that fail pay in nothing: what comes by itself is all there is, and that is spread over ten seconds.
    assert_eq!(attempts("retry_budget: {tokens: {ratio: 20%, per_second: 0, ttl: 10s}}"), 100);
    assert_eq!(attempts("limits: {retries: 0}"), 100);
    // One retry at a time, and requests follow each other 10 ms apart: no two at once.
    assert_eq!(attempts("limits: {retries: 1}"), 400);
    assert_eq!(attempts("retry_budget: {concurrent: {ratio: 20%, minimum: 1}}"), 400);
}

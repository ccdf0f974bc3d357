//! Timeouts of the calling proxy, for a request and for an attempt.

use sim::vocabulary::failure::Cause;

use super::super::MILLISECOND;
use super::{outcomes, routed, sum, visits};

fn slow(rule: &str) -> String {
    format!("services:\n  - {{name: web, service_time: 10ms}}\nroutes: [{{host: web, {rule}}}]\n")
}

#[test]
fn the_proxy_answers_when_its_time_is_over_and_the_work_goes_on() {
    let record = routed("web", &slow("timeout: 6ms"));
    assert_eq!(outcomes(&record, Cause::RequestTimeout), (0, 10, 10));
    let failed = &record.entries[0].failed;
    assert!(failed.min().abs_diff(6 * MILLISECOND) < 6_000 && failed.max().abs_diff(6 * MILLISECOND) < 6_000);
    assert_eq!((visits(&record), record.services[0].cpu), (vec![10], 10 * 10 * MILLISECOND));
    assert_eq!(sum(&record, |edge| edge.timeouts), 0, "the caller did not give up");
}

#[test]
fn an_attempt_that_takes_too_long_is_tried_again() {
    let retries = "attempt_timeout: 4ms, retries: {attempts: 1, on: [reset], backoff: {base: 1us, max: 1us}}";
    let record = routed("web", &slow(retries));
    assert_eq!(outcomes(&record, Cause::AttemptTimeout), (0, 10, 10));
    let failed = &record.entries[0].failed;
    assert!(failed.min() >= 8 * MILLISECOND - 8_000 && failed.max() < 8 * MILLISECOND + 10_000);
    assert_eq!((visits(&record), sum(&record, |edge| edge.attempts)), (vec![20], 20));
    assert_eq!(record.services[0].cpu, 20 * 10 * MILLISECOND, "given up attempts are worked on");
    assert_eq!(sum(&record, |edge| edge.calls), 10);

    for condition in ["gateway_error", "server_error"] {
        assert_eq!(visits(&routed("web", &slow(&retries.replace("reset", condition)))), [20], "{condition}");
    }
    let record = routed("web", &slow(&retries.replace("reset", "connect_failure")));
    assert_eq!((visits(&record), outcomes(&record, Cause::AttemptTimeout)), (vec![10], (0, 10, 10)));
}

#[test]
fn the_time_for_the_request_covers_all_attempts() {
    let rule = "timeout: 6ms, attempt_timeout: 4ms, retries: {attempts: 9, on: [reset], backoff: {base: 1us, max: 1us}}";
    let record = routed("web", &slow(rule));
    assert_eq!(outcomes(&record, Cause::RequestTimeout), (0, 10, 10));
    assert!(record.entries[0].failed.max().abs_diff(6 * MILLISECOND) < 6_000);
    assert_eq!(sum(&record, |edge| edge.attempts), 20);
}

#[test]
fn time_can_run_out_during_a_pause() {
    let rule = "timeout: 60ms, retries: {attempts: 1, on: [500], backoff: {base: 100s, max: 100s}}";
    let text = slow(rule).replace("service_time: 10ms", "service_time: 10ms, error_ratio: 100%");
    let record = routed("web", &text);
    assert_eq!(outcomes(&record, Cause::RequestTimeout), (0, 10, 10));
    assert!(record.entries[0].failed.max().abs_diff(60 * MILLISECOND) < 60_000);
    assert_eq!(visits(&record), [10]);
}

#[test]
fn time_that_is_enough_changes_nothing() {
    let record = routed("web", &slow("timeout: 11ms, attempt_timeout: 11ms"));
    assert_eq!(super::super::total(&record), 10 * 10 * MILLISECOND);
    assert_eq!(outcomes(&record, Cause::RequestTimeout), (10, 0, 0));
}

/// The caller gives up while the proxy delays, waits for an attempt, or pauses: nothing is left behind, which the engine's
/// own book-keeping checks.
#[test]
fn the_caller_gives_up_in_every_state_of_its_proxy() {
    for (rule, attempts) in [
        ("delay: 8ms", 0),
        ("timeout: 1s", 10),
        (
            "timeout: 1s, attempt_timeout: 2ms, retries: {attempts: 9, on: [reset], backoff: {base: 1us, max: 1us}}",
            30,
        ),
        (
            "timeout: 1s, attempt_timeout: 2ms, retries: {attempts: 1, on: [reset], backoff: {base: 100s, max: 100s}}",
            10,
        ),
    ] {
        let text = slow(rule).replace(
            "routes",
            "  - {name: front, service_time: 0s, script: [{call: {service: web, timeout: 5ms, optional: true}}]}\nroutes",
        );
        let record = routed("front", &text);
        assert_eq!(super::super::total(&record), 10 * 5 * MILLISECOND, "{rule}");
        let of_web = sum(&record, |edge| edge.attempts) - 10;
        assert_eq!((of_web, sum(&record, |edge| edge.timeouts)), (attempts, 10), "{rule}");
    }
}

//! Delays and failures on purpose.

use sim::vocabulary::failure::Cause;

use super::super::{MILLISECOND, total};
use super::{from_clients, outcomes, routed, sum, visits};

fn ruled(rule: &str) -> String {
    format!("services:\n  - {{name: web, service_time: 2ms}}\nroutes: [{{host: web, rules: [{rule}]}}]\n")
}

#[test]
fn a_delay_precedes_the_call_and_does_not_count_towards_the_timeout() {
    let record = routed("web", &ruled("{delay: 7ms, timeout: 5ms}"));
    assert_eq!(outcomes(&record, Cause::RequestTimeout), (10, 0, 0));
    assert_eq!(total(&record), 10 * 9 * MILLISECOND);
    assert_eq!(super::super::part(&record, "outbound_proxy"), 10 * 7 * MILLISECOND);
}

#[test]
fn who_gives_up_during_a_delay_sends_nothing() {
    let text = ruled("{delay: 7ms}").replace("service_time: 2ms}", "service_time: 2ms}\n  - {name: front, service_time: 0s, script: [{call: {service: web, timeout: 5ms}}]}");
    let record = routed("front", &text);
    assert_eq!(outcomes(&record, Cause::CallerTimeout), (0, 10, 10));
    assert_eq!(visits(&record), [0, 10]);
    assert!(record.entries[0].failed.max().abs_diff(5 * MILLISECOND) < 5_000);
}

#[test]
fn an_abort_is_not_tried_again() {
    let record = routed("web", &ruled("{abort: 503, retries: {attempts: 2, on: [server_error]}}"));
    assert_eq!(outcomes(&record, Cause::FaultAbort), (0, 10, 10));
    assert_eq!((visits(&record), sum(&record, |edge| edge.attempts)), (vec![0], 0));
}

#[test]
fn what_the_percentage_spares_keeps_its_timeout() {
    let record =
        from_clients("web", "{constant: 1000/s}", &ruled("{abort: {share: 30%, status: 500}, timeout: 1ms}"));
    let (succeeded, aborted, failed) = outcomes(&record, Cause::FaultAbort);
    assert_eq!((succeeded, failed), (0, 1000));
    // Four standard deviations of a binomial of 1000 and 0.3.
    assert!(aborted.abs_diff(300) < 58, "{aborted}");
    assert_eq!(record.entries[0].causes[Cause::RequestTimeout as usize], 1000 - aborted);
}

#[test]
fn a_request_can_be_delayed_and_then_fail() {
    let record = routed("web", &ruled("{delay: 7ms, abort: unavailable}"));
    assert_eq!(outcomes(&record, Cause::FaultAbort), (0, 10, 10));
    assert!(record.entries[0].failed.min().abs_diff(7 * MILLISECOND) < 7_000);
}

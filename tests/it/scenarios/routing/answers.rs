//! Answers that a proxy gives itself.

use sim::vocabulary::failure::Cause;

use super::super::total;
use super::{outcomes, routed, sum, visits};

fn ruled(rules: &str) -> String {
    format!("services:\n  - {{name: web, service_time: 2ms}}\nroutes: [{{host: web, rules: {rules}}}]\n")
}

#[test]
fn a_direct_response_goes_nowhere() {
    let record = routed("web", &ruled("[{respond: 418}]"));
    assert_eq!(outcomes(&record, Cause::DirectResponse), (0, 10, 10));
    assert_eq!((visits(&record), sum(&record, |edge| edge.attempts)), (vec![0], 0));
    assert_eq!(record.entries[0].failed.max(), 0, "at once");

    let record = routed("web", &ruled("[{respond: {status: 200, size: 100}}]"));
    assert_eq!(outcomes(&record, Cause::DirectResponse), (10, 0, 0));
    assert_eq!((visits(&record), total(&record)), (vec![0], 0));
}

#[test]
fn a_redirect_is_an_answer_and_no_failure() {
    let record = routed("web", &ruled("[{redirect: 301}]"));
    assert_eq!(outcomes(&record, Cause::DirectResponse), (10, 0, 0));
    assert_eq!(visits(&record), [0]);
}

#[test]
fn what_no_rule_is_for_is_not_found() {
    let record = routed("web", &ruled("[{match: {path: {prefix: /other}}, to: web}]"));
    assert_eq!(outcomes(&record, Cause::NoRoute), (0, 10, 10));
    assert_eq!(visits(&record), [0]);
}

#[test]
fn an_answer_passes_through_the_proxy_like_any_other() {
    // Of each request the client's own proxy has the request and the answer to process.
    let mesh = crate::common::mesh("istio-sidecar");
    let text = super::with_clients("web", "{constant: 10/s}", &ruled("[{respond: 200}]"));
    let record = super::super::run(&mesh, 1_000, 1_000, &text);
    assert_eq!(record.proxies.iter().map(|proxy| proxy.jobs).sum::<u64>(), 10 * 2);
    assert!(record.entries[0].succeeded.min() > 0);
}

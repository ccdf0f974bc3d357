//! Which rule a request takes, and how weights divide requests.

use std::fmt::Write as _;

use super::{from_clients, visits};

const SERVICES: &str = "services:
  - {name: v1, service_time: 0s}
  - {name: v2, service_time: 0s}
  - {name: web, service_time: 0s}
";

/// Within four standard deviations of a binomial of `of` and `share`.
fn assert_share(count: u64, of: u64, share: f64) {
    let (count, of) = (count as f64, of as f64);
    let deviation = (of * share * (1.0 - share)).sqrt();
    assert!((count - of * share).abs() <= 4.0 * deviation, "{count} of {of} is not {share}");
}

fn of_a_thousand(rules: &str, headers: &str) -> Vec<u64> {
    let text = format!("{SERVICES}routes: [{{host: web, rules: {rules}}}]\n");
    visits(&from_clients("web", &format!("{{constant: 1000/s}}, headers: {{{headers}}}"), &text))
}

#[test]
fn weights_divide_requests() {
    for (weights, share) in [([90.0, 10.0], 0.9), ([1.0, 3.0], 0.25), ([0.9, 0.1], 0.9)] {
        let [first, second] = weights;
        let rules =
            format!("[{{to: [{{service: v1, weight: {first}}}, {{service: v2, weight: {second}}}]}}]");
        let visits = of_a_thousand(&rules, "");
        assert_eq!((visits[0] + visits[1], visits[2]), (1000, 0));
        assert_share(visits[0], 1000, share);
    }
}

#[test]
fn a_backend_without_weight_gets_nothing() {
    let rules = "[{to: [{service: v1, weight: 0}, {service: v2, weight: 5}]}]";
    assert_eq!(of_a_thousand(rules, ""), [0, 1000, 0]);
}

#[test]
fn a_header_decides_and_the_first_rule_that_matches_counts() {
    let rules = "[{match: {headers: {user: jason}}, to: v2}, {match: {headers: {user: {prefix: j}}}, to: web}, {to: v1}]";
    let visits = of_a_thousand(rules, "user: {shares: {jason: 30%, jane: 20%, kim: 10%}}");
    assert_eq!(visits.iter().sum::<u64>(), 1000);
    assert_share(visits[1], 1000, 0.3);
    assert_share(visits[2], 1000, 0.2);
    assert_share(visits[0], 1000, 0.5);
}

#[test]
fn several_headers_are_looked_at_together() {
    let rules = "[{match: {headers: {a: x, b: {without: {exact: x}}}}, to: v2}, {match: [{headers: {a: {regex: 'x|y'}}}, {headers: {b: present}}], to: v1}, {to: web}]";
    let visits = of_a_thousand(rules, "a: {shares: {x: 50%, y: 20%}}, b: {shares: {x: 40%}}");
    // a=x and not b=x; else a in {x, y}, or b is there (as the text `present`: never); else the rest.
    assert_share(visits[1], 1000, 0.5 * 0.6);
    assert_share(visits[0], 1000, 0.5 * 0.4 + 0.2);
    assert_share(visits[2], 1000, 0.3);
}

#[test]
fn path_method_and_query_are_those_of_the_operation_or_of_the_source() {
    let rules = "[{match: {path: {prefix: /api}, method: GET}, to: v1}, {match: {query: {beta: {exact: yes}}}, to: v2}, {to: web}]";
    let visits =
        of_a_thousand(rules, "':path': {shares: {/api/a: 50%, /other: 50%}}, '?beta': {shares: {yes: 50%}}");
    assert_share(visits[0], 1000, 0.5);
    assert_share(visits[1], 1000, 0.25);
    assert_share(visits[2], 1000, 0.25);
}

#[test]
fn headers_reach_the_whole_call_tree() {
    let text = "services:
  - {name: front, service_time: 0s, script: [{call: middle}]}
  - {name: middle, service_time: 0s, script: [{call: web}]}
  - {name: web, service_time: 0s}
  - {name: v2, service_time: 0s}
routes: [{host: web, rules: [{match: {headers: {user: jason}}, to: v2}, {to: web}]}]
";
    let seen =
        visits(&from_clients("front", "{constant: 1000/s}, headers: {user: {shares: {jason: 30%}}}", text));
    assert_eq!(seen[2] + seen[3], 1000);
    assert_share(seen[3], 1000, 0.3);
}

#[test]
fn a_thousand_rules_find_the_right_one() {
    let mut rules = String::new();
    for number in 0..1000 {
        let _ = write!(rules, "{{match: {{headers: {{user: u{number}}}}}, to: v1}}, ");
    }
    let visits = of_a_thousand(
        &format!("[{rules}{{match: {{headers: {{user: jason}}}}, to: v2}}, {{to: web}}]"),
        "user: {shares: {u999: 20%, jason: 30%}}",
    );
    assert_share(visits[0], 1000, 0.2);
    assert_share(visits[1], 1000, 0.3);
    assert_share(visits[2], 1000, 0.5);
}

#[test]
fn a_profile_that_spares_a_method_spares_its_requests() {
    let failed = |method: &str, path: &str, condition: &str| {
        let services = format!(
            "services:\n  - {{name: web, operations: [{{name: a, method: {method}, path: {path}, service_time: 2ms}}]}}\n"
        );
        let profile = format!(
            "---\napiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {{name: web.default.svc.cluster.local}}\n\
             spec: {{routes: [{{name: a, condition: {condition}, timeout: 1ms}}]}}\n"
        );
        let text = super::with_clients("web", "{constant: 10/s}", &services) + &profile;
        let record = super::super::run(&crate::common::free_proxies(), 1_000, 1_000, &text);
        record.entries[0].failed.len()
    };
    assert_eq!(failed("GET", "/a", "{not: {method: DELETE}}"), 10);
    assert_eq!(failed("DELETE", "/a", "{not: {method: DELETE}}"), 0);
    assert_eq!(failed("GET", "/a", "{not: {pathRegex: /b.*}}"), 10);
    assert_eq!(failed("GET", "/b/c", "{not: {pathRegex: /b.*}}"), 0);
}

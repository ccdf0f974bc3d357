//! Retries: how they multiply, what they leave, what bounds them.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use sim::mesh::Scenario;
use sim::mesh::scenario::Arrivals;
use sim::metrics::RunRecord;
use sim::program::compile;
use sim::units::Span;

use crate::common::{free_proxies, scenario};

/// `seconds` after a second of warm-up, through sidecars that cost nothing and a network without delay.
fn run(seconds: u64, text: &str, change: impl Fn(&mut Scenario)) -> RunRecord {
    let mut scenario = scenario(&format!("version: 1\nname: theory\ncluster: {{network_delay: 0s}}\n{text}"));
    scenario.run.warm_up = Span::from_seconds(1);
    scenario.run.duration = Span::from_seconds(seconds);
    change(&mut scenario);
    sim::engine::run(&compile(&scenario, &free_proxies()), 0, &AtomicBool::new(false))
        .expect("nothing stops it")
}

const TRAFFIC: &str =
    "traffic: [{name: users, service: s0, from: meshed_client, arrivals: {constant: 10/s}}]\n";

/// A chain of services below the client, the last of which always fails.
fn chain(depth: usize) -> String {
    let mut text = "services:\n".to_owned();
    for level in 0..depth {
        let rest = if level + 1 == depth {
            "error_ratio: 100%".to_owned()
        } else {
            format!("script: [{{call: s{}}}]", level + 1)
        };
        let _ = writeln!(text, "  - {{name: s{level}, service_time: 0s, {rest}}}");
    }
    text
}

const RETRIED: &str = "retries: {attempts: 2, on: [server_error], backoff: {base: 1us, max: 1us}}";

#[test]
fn retries_multiply_with_depth() {
    for (depth, expected) in [(1, 3), (3, 27), (5, 243)] {
        let hosts: Vec<String> = (0..depth).map(|level| format!("s{level}")).collect();
        let routes = format!("routes: [{{name: all, hosts: [{}], {RETRIED}}}]\n", hosts.join(", "));
        let record = run(1, &format!("{}{routes}{TRAFFIC}", chain(depth)), |_| ());
        let leaf = record.services.last().expect("a leaf").visits;
        assert_eq!(leaf, 10 * expected, "of proxies, depth {depth}");
    }
}

#[test]
fn repeats_of_applications_multiply_with_depth() {
    // The client of the chain is its first service: the traffic source repeats nothing.
    for (depth, expected) in [(1, 3), (3, 27), (5, 243)] {
        let record = run(1, &format!("{}{TRAFFIC}", chain(depth + 1)), |scenario| {
            for service in &mut scenario.services {
                service.application.client.retries = 2;
            }
        });
        let leaf = record.services.last().expect("a leaf").visits;
        assert_eq!(leaf, 10 * expected, "of applications, depth {depth}");
    }
}

/// Attempts (1 − p^(r+1))/(1 − p) and residual p^(r+1) of independent failures, each within four standard deviations.
#[test]
fn independent_failures_leave_a_geometric_rest() {
    for (percent, retries) in [(20, 2), (50, 2)] {
        let text = format!(
            "services: [{{name: s0, service_time: 0s, error_ratio: {percent}%}}]\nroutes: [{{host: s0, retries: {{attempts: {retries}, on: [500], backoff: {{base: 1us}}}}}}]\n{}",
            TRAFFIC.replace("10/s", "10000/s")
        );
        let record = run(2, &text, |_| ());
        let (requests, p) = (20_000.0, f64::from(percent) / 100.0);
        let attempts = record.edges[0].attempts as f64 / requests;
        let residual = record.entries[0].failed.len() as f64 / requests;
        let rest = libm::pow(p, f64::from(retries + 1));
        let expected = (1.0 - rest) / (1.0 - p);
        let (variance, _) = (1..=retries + 1).fold((0.0, 1.0), |(sum, reached), attempt| {
            let ends = if attempt == retries + 1 { reached } else { reached * (1.0 - p) };
            let off = f64::from(attempt) - expected;
            (sum + ends * off * off, reached * p)
        });
        assert!(
            (attempts - expected).abs() < 4.0 * (variance / requests).sqrt(),
            "{attempts} and {expected}"
        );
        assert!(
            (residual - rest).abs() < 4.0 * (rest * (1.0 - rest) / requests).sqrt(),
            "{residual} and {rest}"
        );
    }
}

/// A token budget: requests that end well pay for a share of retries, and some come by themselves.
#[test]
fn a_token_budget_bounds_attempts() {
    for (per_second, bound) in [(0, 1.2), (10, 1.2 + 10.0 / 400.0)] {
        let text = format!(
            "services: [{{name: s0, service_time: 0s, error_ratio: 60%}}]\nroutes: [{{host: s0, retries: {{attempts: 9, on: [500], backoff: {{base: 1us}}}}}}]\npolicies: [{{service: s0, retry_budget: {{tokens: {{ratio: 20%, per_second: {per_second}, ttl: 10s}}}}}}]\n{}",
            TRAFFIC.replace("10/s", "400/s")
        );
        let record = run(60, &text, |_| ());
        let attempts = record.edges[0].attempts as f64 / record.edges[0].calls as f64;
        assert!(attempts <= bound + 0.001, "{attempts} above {bound}");
        assert!(attempts > 1.05, "some retries are made: {attempts}");
    }
}

/// The share of `rate` that is answered well from second 100 to 120, when 1500 more requests a second come from second 10
/// to 11, to ten workers that take 10 ms each. An attempt is given up after 100 ms and made again at once, `retries` times.
fn goodput(rate: u32, retries: u32, policies: &str) -> f64 {
    let text = format!(
        "services: [{{name: s0, workers: 10, service_time: 10ms}}]
routes: [{{host: s0, attempt_timeout: 100ms, retries: {{attempts: {retries}, on: [reset], backoff: {{base: 1ns, max: 1ns}}}}}}]
{policies}traffic: [{{name: users, service: s0, from: meshed_client, rate: {rate}/s}}]\n"
    );
    let record = run(119, &text, |scenario| {
        let steady = (0..u64::from(rate) * 120).map(|number| number * 1_000_000_000 / u64::from(rate));
        let surge = (0..1500).map(|number| 10_000_000_000 + number * 1_000_000_000 / 1500);
        let mut times: Vec<u64> = steady.chain(surge).collect();
        times.sort_unstable();
        for source in &mut scenario.sources {
            let times = times.iter().map(|&time| Span::from_nanos(time)).collect();
            source.arrivals = Arrivals::Trace { times };
        }
        scenario.run.interval = Some(Span::from_seconds(20));
        scenario.run.drain_limit = Span::from_seconds(1);
    });
    let last = record.timeline.entries.last().expect("an interval")[0];
    (last.responses - last.failures) as f64 / (20.0 * f64::from(rate))
}

/// Work that nobody waits for any more keeps the station busy: it recovers if and only if λ(1 + r) is at most its capacity
/// of 1000 a second.
#[test]
fn a_surge_is_survived_unless_retries_ask_for_more_than_there_is() {
    for (rate, retries, recovers) in [(300, 2, true), (300, 3, false), (450, 1, true), (450, 2, false)] {
        let share = goodput(rate, retries, "");
        assert_eq!(share >= 0.99, recovers, "{rate}/s with {retries} retries: {share}");
    }
}

#[test]
fn a_budget_cures_the_stuck_state() {
    let budget = "policies: [{service: s0, retry_budget: {tokens: {ratio: 10%, per_second: 0, ttl: 10s}}}]\n";
    for (rate, retries) in [(300, 3), (450, 2)] {
        let share = goodput(rate, retries, budget);
        assert!(share >= 0.99, "{rate}/s with {retries} retries and a budget: {share}");
    }
}

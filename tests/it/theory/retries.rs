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

/// `replicas` client proxies that send `rate` requests a second together, of which a share fails after `service_time`.
fn failing(
    service_time: &str,
    percent: u32,
    retries: u32,
    budget: &str,
    (replicas, rate): (u32, u32),
) -> String {
    format!(
        "services: [{{name: s0, service_time: {service_time}, error_ratio: {percent}%}}]
routes: [{{host: s0, retries: {{attempts: {retries}, on: [500], backoff: {{base: 1us, max: 1us}}}}}}]
policies: [{{service: s0, retry_budget: {budget}}}]
traffic: [{{name: users, service: s0, from: {{meshed_client: {{replicas: {replicas}}}}}, arrivals: {{constant: {rate}/s}}}}]\n"
    )
}

/// Attempts for each request.
fn attempts(record: &RunRecord) -> f64 {
    record.edges.iter().map(|edge| edge.attempts).sum::<u64>() as f64
        / record.edges.iter().map(|edge| edge.calls).sum::<u64>() as f64
}

const LINKERD: &str = "{tokens: {ratio: 20%, per_second: 10, ttl: 10s}}";
const ENVOY: &str = "{concurrent: {ratio: 20%, minimum: 3}}";

/// Requests that end well pay for a share of retries, and some come by themselves.
#[test]
fn a_token_budget_bounds_attempts() {
    for (per_second, bound) in [(0, 1.2), (10, 1.2 + 10.0 / 400.0)] {
        let budget = format!("{{tokens: {{ratio: 20%, per_second: {per_second}, ttl: 10s}}}}");
        let attempts = attempts(&run(60, &failing("0s", 60, 9, &budget, (1, 400)), |_| ()));
        assert!(attempts <= bound + 0.001, "{attempts} above {bound}");
        assert!(attempts > 1.05, "some retries are made: {attempts}");
    }
}

/// What comes by itself is each client's own, whatever is asked of it: ten retries a second, since what is withdrawn comes
/// back after the time to live and up to one of its ten slots. So 100 clients retry 1000 times a second; and up to twice as
/// often where no request falls on the edge of a slot, for Tower counts the slot that has just begun among those that are
/// over.
#[test]
fn the_floor_of_a_token_budget_grows_with_the_clients() {
    for (clients, rate, bounds) in [(1, 20, 8.8..=10.0), (1, 60, 8.8..=10.0), (100, 2000, 1000.0..=2000.0)] {
        let record = run(110, &failing("0s", 100, 9, LINKERD, (clients, rate)), |_| ());
        let retries = (attempts(&record) - 1.0) * f64::from(rate);
        assert!(bounds.contains(&retries), "{clients} clients, {rate}/s: {retries} retries a second");
    }
}

/// A share of what is under way bounds nothing where that is short: three may be, and follow each other as fast as they
/// fail. Where failures are slow, a share b of all under way is retries: attempts are 1/(1 − b) of the requests.
#[test]
fn a_concurrent_budget_bounds_what_is_under_way_and_no_rate() {
    let quick = attempts(&run(10, &failing("1ms", 100, 9, ENVOY, (1, 100)), |_| ()));
    assert!((quick - 10.0).abs() < 1e-9, "{quick}");
    let slow = attempts(&run(10, &failing("100ms", 100, 9, ENVOY, (1, 10_000)), |_| ()));
    assert!((slow - 1.25).abs() < 0.01 * 1.25, "{slow}");
}

/// 100 proxies that send 5 requests a second each ask for less than either budget lets them.
#[test]
fn small_clients_meet_neither_budget() {
    for budget in [LINKERD, ENVOY] {
        let record = run(60, &failing("10ms", 50, 2, budget, (100, 500)), |_| ());
        let (requests, attempts) = (30_000.0_f64, attempts(&record));
        // One, two or three attempts with chances 1/2, 1/4 and 1/4.
        assert!((attempts - 1.75).abs() < 4.0 * (0.6875 / requests).sqrt(), "{budget}: {attempts}");
        let residual = record.entries[0].failed.len() as f64 / requests;
        assert!((residual - 0.125).abs() < 4.0 * (0.125 * 0.875 / requests).sqrt(), "{budget}: {residual}");
    }
}

/// What was answered well in each second of 120, as a share of `rate`, when 1500 more requests a second come from second
/// 10 to 11, to ten workers that take 10 ms each. An attempt is given up after 100 ms and made again at once, `retries`
/// times.
fn goodput(rate: u32, retries: u32, policies: &str) -> Vec<f64> {
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
        scenario.run.interval = Some(Span::from_seconds(1));
        scenario.run.drain_limit = Span::from_seconds(1);
    });
    let seconds = record.timeline.entries.iter().map(|sources| sources[0]);
    seconds.map(|row| (row.responses - row.failures) as f64 / f64::from(rate)).collect()
}

/// Mean share of the last 20 seconds.
fn in_the_end(goodput: &[f64]) -> f64 {
    goodput[100..].iter().sum::<f64>() / 20.0
}

/// When the last second that was not well ended. A request that straddles seconds may be missing in one of them.
fn recovered_at(goodput: &[f64]) -> usize {
    goodput.iter().rposition(|&share| share < 0.95).map_or(0, |second| second + 1)
}

/// Work that nobody waits for any more keeps the station busy: it recovers if and only if λ(1 + r) is at most its capacity
/// of 1000 a second.
#[test]
fn a_surge_is_survived_unless_retries_ask_for_more_than_there_is() {
    for (rate, retries, recovers) in [(300, 2, Some(50)), (300, 3, None), (450, 1, Some(38)), (450, 2, None)]
    {
        let goodput = goodput(rate, retries, "");
        let share = in_the_end(&goodput);
        assert_eq!(share >= 0.99, recovers.is_some(), "{rate}/s with {retries} retries: {share}");
        if let Some(expected) = recovers {
            let at = recovered_at(&goodput);
            assert!(at.abs_diff(expected) <= 1, "{rate}/s with {retries} retries: at {at} s");
        }
    }
}

#[test]
fn a_budget_cures_the_stuck_state() {
    let budget = "policies: [{service: s0, retry_budget: {tokens: {ratio: 10%, per_second: 0, ttl: 10s}}}]\n";
    for (rate, retries) in [(300, 2), (300, 3), (450, 1), (450, 2)] {
        let goodput = goodput(rate, retries, budget);
        let (share, at) = (in_the_end(&goodput), recovered_at(&goodput));
        assert!(share >= 0.99, "{rate}/s with {retries} retries and a budget: {share}");
        assert!((12..=14).contains(&at), "{rate}/s with {retries} retries and a budget: at {at} s");
    }
}

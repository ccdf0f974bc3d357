//! Where Linkerd's proxies do otherwise than Envoy: targets drawn for each attempt, and balancers that wait.

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::vocabulary::failure::Cause;

use super::super::MILLISECOND;
use super::{outcomes, visits, with_clients};
use crate::common::{free_linkerd, free_proxies};

fn run(mesh: &MeshModel, [warm_up, duration]: [u64; 2], arrivals: &str, text: &str) -> RunRecord {
    super::super::run(mesh, warm_up, duration, &with_clients("web", arrivals, text))
}

/// Two services by equal weights, one of which always fails.
fn halves(retries: &str, policies: &str) -> String {
    format!(
        "services: [{{name: web, service_time: 1ms}}, {{name: bad, service_time: 1ms, error_ratio: 100%}}]
routes: [{{host: web, rules: [{{to: [{{service: web, weight: 1}}, {{service: bad, weight: 1}}], retries: {retries}}}]}}]
{policies}"
    )
}

#[test]
fn each_attempt_draws_its_target_anew() {
    let text = halves("{attempts: 1, on: [server_error], backoff: {base: 1us, max: 1us}}", "");
    // A call fails if both attempts draw the bad one; in Envoy the second goes where the first one went.
    for (mesh, expected) in [(free_linkerd(), 0.25_f64), (free_proxies(), 0.5)] {
        let record = run(&mesh, [1_000, 4_000], "{constant: 1000/s}", &text);
        let (_, failed, all_failed) = outcomes(&record, Cause::Application);
        assert_eq!(failed, all_failed);
        let tolerance = 4.0 * (expected * (1.0 - expected) / 4000.0).sqrt();
        let share = failed as f64 / 4000.0;
        assert!((share - expected).abs() < tolerance, "{}: {share}", mesh.name);
    }
}

#[test]
fn a_target_that_fails_fast_is_not_drawn() {
    let breaker = "policies: [{service: bad, circuit_breaker: {max_failures: 1, min_penalty: 100s, max_penalty: 100s, jitter: 0%}}]\n";
    let text = halves("none", breaker);
    // Shut off by its first call; for three seconds calls wait for it, then it is left out.
    let record = run(&free_linkerd(), [5_000, 1_000], "{constant: 100/s}", &text);
    assert_eq!((outcomes(&record, Cause::Ejected), visits(&record)), ((100, 0, 0), vec![100, 0]));
}

/// A service that always fails and is shut off by one failure, for a second at first.
fn shut_off(times: &str) -> RunRecord {
    let text = "services: [{name: web, service_time: 1ms, error_ratio: 100%}]
policies: [{service: web, circuit_breaker: {max_failures: 1, min_penalty: 1s, max_penalty: 60s, jitter: 0%}}]
";
    run(&free_linkerd(), [0, 8_000], &format!("{{trace: [{times}]}}"), text)
}

#[test]
fn calls_wait_for_an_endpoint_and_no_longer_than_three_seconds() {
    // Failed at 101. The second call is the probe at 1101, the third that at 3102, after which four seconds follow:
    // the fourth has waited for three at 6200, the fifth is not let in, and at 7103 calls may go again.
    let record = shut_off("100ms, 500ms, 1000ms, 3200ms, 6500ms, 7200ms");
    let entry = &record.entries[0];
    assert_eq!(entry.failed.len(), 6);
    assert_eq!((entry.causes[Cause::Application as usize], entry.causes[Cause::Ejected as usize]), (4, 2));
    for (rank, expected) in (1_u32..).zip([0, 1, 1, 602, 2_103, 3_000]) {
        let time = entry.failed.value_at_quantile((f64::from(rank) - 0.5) / 6.0);
        let expected = expected * MILLISECOND;
        assert!(time.abs_diff(expected) <= expected / 100, "{rank}: {time}");
    }
}

#[test]
fn a_hundred_calls_wait_at_once() {
    let times = format!("100ms{}", ", 500ms".repeat(102));
    let entry = &shut_off(&times).entries[0];
    assert_eq!(entry.causes[Cause::Overflow as usize], 2);
    // One is the probe; the others have waited for three seconds since.
    assert_eq!(
        (entry.causes[Cause::Application as usize], entry.causes[Cause::Ejected as usize]),
        (2 + 1, 98)
    );
}

#[test]
fn whoever_gives_up_leaves_the_queue() {
    let text = "services: [{name: web, service_time: 1ms, error_ratio: 100%}]
policies: [{service: web, circuit_breaker: {max_failures: 1, min_penalty: 1s, max_penalty: 60s, jitter: 0%}}]
";
    let text = with_clients("web", "{trace: [100ms, 500ms, 900ms]}", text);
    let text = text.replace("arrivals:", "timeout: 400ms, arrivals:");
    let record = super::super::run(&free_linkerd(), 0, 8_000, &text);
    // The second one gives up at 900; the probe is the third.
    assert_eq!((outcomes(&record, Cause::CallerTimeout), visits(&record)), ((0, 1, 3), vec![2]));
}

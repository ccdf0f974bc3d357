//! CPU limits of applications: CFS lets an instance run for its quota in every 100 ms.

use super::{MILLISECOND, bare, part, total};

/// One visit, at the start of a period.
fn visits(service: &str, arrivals: &str) -> sim::metrics::RunRecord {
    bare(&format!(
        "services:\n  - {{name: a, {service}}}\ntraffic:\n  - {{name: users, service: a, from: outside, arrivals: {{trace: [{arrivals}]}}}}\n"
    ))
}

#[test]
fn fifty_milliseconds_of_cpu_under_a_fifth_of_a_core_take_210() {
    for workers in ["1", "2", "unlimited"] {
        let record =
            visits(&format!("workers: {workers}, service_time: 50ms, resources: {{cpu_limit: 200m}}"), "1s");
        // 20 ms in each of two periods, 10 in the third.
        assert_eq!(total(&record), 210 * MILLISECOND, "{workers} workers");
        assert_eq!(part(&record, "application"), 50 * MILLISECOND);
        assert_eq!(part(&record, "queueing"), 160 * MILLISECOND);
        assert_eq!(record.services[0].cpu, 50 * MILLISECOND);
    }
}

#[test]
fn the_threads_of_an_instance_share_its_quota() {
    // Two at once use up 20 ms in 10: both end in the fifth period, after 4 · 10 ms each and 10 more.
    let record = visits("workers: 2, service_time: 50ms, resources: {cpu_limit: 200m}", "1s, 1s");
    assert_eq!(total(&record), 2 * 410 * MILLISECOND);
}

#[test]
fn waiting_needs_no_quota() {
    let record =
        visits("workers: 1, service_time: 50ms, cpu_time: 40%, resources: {cpu_limit: 200m}", "1s, 1050ms");
    // 20 ms of CPU are the quota of a period, 30 ms are waiting; the second request has to wait for the next period.
    assert_eq!(total(&record), 50 * MILLISECOND + (50 + 50) * MILLISECOND);
}

#[test]
fn a_limit_that_cannot_bind_changes_nothing() {
    let (with, without) = (
        visits("workers: 2, service_time: 50ms, resources: {cpu_limit: 2}", "1s, 1010ms, 1020ms"),
        visits("workers: 2, service_time: 50ms", "1s, 1010ms, 1020ms"),
    );
    assert_eq!(total(&with), total(&without));
    assert_eq!(with.events, without.events);
}

//! When requests come, and which of them count.

use sim::metrics::RunRecord;

use super::{MILLISECOND, bare, part, run, total, users};
use crate::common::mesh;

fn with(service_time: &str, arrivals: &str) -> RunRecord {
    bare(&format!(
        "services:\n  - {{name: a, workers: 1, service_time: {service_time}}}\ntraffic:\n  - {{name: users, service: a, from: outside, arrivals: {arrivals}}}\n"
    ))
}

#[test]
fn connections_that_tick_together_queue_and_those_spread_do_not() {
    let together = with("1ms", "{paced: {connections: 10, rate: 100/s, phase: together}}");
    assert_eq!(together.entries[0].arrived, 100);
    assert_eq!(total(&together), 10 * 55 * MILLISECOND);
    let spread = with("1ms", "{paced: {connections: 10, rate: 100/s, phase: spread}}");
    assert_eq!(spread.entries[0].arrived, 100);
    assert_eq!(total(&spread), 100 * MILLISECOND);
}

#[test]
fn a_late_connection_catches_up_or_skips() {
    // Every request takes one and a half ticks.
    let skipping = with("15ms", "{paced: {connections: 1, rate: 100/s, catch_up: false}}");
    assert_eq!(skipping.entries[0].arrived, 50);
    assert_eq!(total(&skipping), 50 * 15 * MILLISECOND);
    // The n-th is meant for 10 n ms and answered at 15 (n + 1) ms: n from 100 to 199.
    let catching_up = with("15ms", "{paced: {connections: 1, rate: 100/s, catch_up: true}}");
    assert_eq!(catching_up.entries[0].arrived, 100);
    assert_eq!(total(&catching_up), (100..200).map(|n| (15 * (n + 1) - 10 * n) * MILLISECOND).sum::<u64>());
    assert_eq!(part(&catching_up, "application"), 100 * 15 * MILLISECOND);
}

#[test]
fn a_user_who_thinks_sends_again_after_it() {
    let record = with("1ms", "{closed: {users: 1, think_time: 9ms}}");
    assert_eq!(record.entries[0].arrived, 100);
    assert_eq!(record.entries[0].completed_in_window, 100);
    assert_eq!(total(&record), 100 * MILLISECOND);
}

#[test]
fn only_arrivals_in_the_window_count() {
    let record = with("600ms", "{trace: [0.1s, 0.999999999s, 1s, 1.999999999s, 2s]}");
    // They queue: done at 0.7, 1.6, 2.2, 2.8 and 3.4 seconds, but for the nanosecond.
    assert_eq!((record.entries[0].arrived, record.requests), (2, 5));
    assert_eq!(total(&record), 2_000 * MILLISECOND - 1);
    assert_eq!(record.entries[0].completed_in_window, 1);
    assert_eq!(record.services[0].busy, 1_000 * MILLISECOND);
}

#[test]
fn a_ramp_has_the_area_under_it() {
    let text = "services:\n  - {name: a, service_time: 0s}\ntraffic:\n  - {name: users, service: a, from: outside, arrivals: {ramp: {from: 0/s, to: 1000/s, over: 10s}}}\n";
    for (warm_up, expected) in [(0, 5_000), (10_000, 10_000)] {
        let record = run(&mesh("none"), warm_up, 10_000, text);
        let off = record.entries[0].arrived as f64 - f64::from(expected);
        assert!(off.abs() < 5.0 * f64::from(expected).sqrt(), "{}", record.entries[0].arrived);
    }
}

#[test]
fn what_is_not_answered_by_the_end_is_unfinished() {
    let text = format!(
        "services:\n  - {{name: a, service_time: 10s}}\n{}run: {{drain_limit: 1s}}\n",
        users("a", 7, "outside")
    );
    let record = run(&mesh("none"), 0, 1_000, &text);
    let entry = &record.entries[0];
    assert_eq!((entry.arrived, entry.unfinished), (7, 7));
    assert_eq!((entry.succeeded.len(), entry.failed.len(), entry.completed_in_window), (0, 0, 0));
}

#[test]
fn what_a_late_connection_never_came_to_send_is_unfinished_too() {
    let text = "services:\n  - {name: a, workers: 1, service_time: 100ms}\ntraffic:\n  - {name: users, service: a, from: outside, arrivals: {paced: {connections: 1, rate: 100/s, catch_up: true}}}\nrun: {drain_limit: 1s}\n";
    let record = bare(text);
    let entry = &record.entries[0];
    // Those of the window's 100 would be sent from 10 s on; the run ends at 3 s.
    assert_eq!((entry.arrived, entry.succeeded.len(), entry.unfinished), (100, 0, 100));
    // From the start: 20 done by 2 s, one under way.
    let record = run(&mesh("none"), 0, 1_000, &format!("cluster: {{network_delay: 0s}}\n{text}"));
    let entry = &record.entries[0];
    assert_eq!((entry.arrived, entry.succeeded.len() + entry.unfinished), (100, 100));
    assert!((19..=20).contains(&entry.succeeded.len()), "{}", entry.succeeded.len());
}

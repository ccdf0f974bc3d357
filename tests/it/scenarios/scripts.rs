//! Scripts: errors, chances, repetitions, sleeps, parallel steps; queues that are full.

use super::{MILLISECOND, bare, part, ten_a_second, total};

fn many(service: &str) -> String {
    format!(
        "traffic:\n  - {{name: users, service: {service}, from: outside, arrivals: {{constant: 10000/s}}}}\n"
    )
}

#[test]
fn sleeps_add_up_in_a_row_and_overlap_in_parallel() {
    let record = bare(&format!(
        "services:\n  - {{name: a, service_time: 1ms, script: [{{sleep: 3ms}}, [{{sleep: 2ms}}, {{sleep: 5ms}}], {{sleep: 4ms}}]}}\n{}",
        ten_a_second("a")
    ));
    assert_eq!(total(&record), 10 * (1 + 3 + 5 + 4) * MILLISECOND);
    assert_eq!(part(&record, "application"), total(&record));
    assert_eq!(record.services[0].cpu, 10 * MILLISECOND, "a sleep takes no CPU");
}

#[test]
fn the_slowest_branch_and_the_time_around_it_are_the_response_time() {
    let record = bare(&format!(
        "services:\n  - {{name: a, service_time: 1ms, script: [[{{call: b}}, {{call: {{service: c, count: 2}}}}, {{sleep: 2ms}}], {{call: b}}]}}\n  - {{name: b, service_time: 3ms}}\n  - {{name: c, workers: 1, service_time: 4ms}}\n{}",
        ten_a_second("a")
    ));
    // The second of two calls of c waits for the first.
    assert_eq!(total(&record), 10 * (1 + 8 + 3) * MILLISECOND);
    assert_eq!(part(&record, "queueing"), 10 * 4 * MILLISECOND);
    assert_eq!(record.services[2].visits, 20);
}

#[test]
fn calls_of_count_n_are_one_after_the_other() {
    let record = bare(&format!(
        "services:\n  - {{name: a, service_time: 0s, script: [{{call: {{service: b, count: 3}}}}]}}\n  - {{name: b, service_time: 2ms}}\n{}",
        ten_a_second("a")
    ));
    assert_eq!(total(&record), 10 * 3 * 2 * MILLISECOND);
    assert_eq!(record.services[1].visits, 30);
}

#[test]
fn a_failed_call_ends_the_script_and_fails_the_caller() {
    let record = bare(&format!(
        "services:\n  - {{name: a, service_time: 0s, script: [{{call: b}}, {{call: c}}]}}\n  - {{name: b, service_time: 10us, error_ratio: 25%}}\n  - {{name: c, service_time: 10us}}\n{}",
        many("a")
    ));
    let [a, b, c] = &record.services[..] else { panic!("three services") };
    assert_eq!((a.visits, b.visits), (10_000, 10_000));
    assert!(b.failures.abs_diff(2_500) < 217, "five standard deviations: {}", b.failures);
    assert_eq!(c.visits, 10_000 - b.failures);
    assert_eq!((a.failures, record.entries[0].failed.len()), (b.failures, b.failures));
}

#[test]
fn an_optional_call_that_fails_does_no_harm() {
    let record = bare(&format!(
        "services:\n  - {{name: a, service_time: 0s, script: [{{call: {{service: b, optional: true}}}}, {{call: c}}]}}\n  - {{name: b, service_time: 10us, error_ratio: 100%}}\n  - {{name: c, service_time: 10us}}\n{}",
        ten_a_second("a")
    ));
    assert_eq!((record.entries[0].succeeded.len(), record.services[2].visits), (10, 10));
    assert_eq!(record.edges[0].failures, 10);
}

#[test]
fn every_repetition_has_its_own_chance() {
    let record = bare(&format!(
        "services:\n  - {{name: a, service_time: 0s, script: [{{call: {{service: b, probability: 40%, count: 3}}}}, [{{call: {{service: c, probability: 40%, count: 3}}}}]]}}\n  - {{name: b, service_time: 10us}}\n  - {{name: c, service_time: 10us}}\n{}",
        many("a")
    ));
    for service in &record.services[1..] {
        assert!(service.visits.abs_diff(12_000) < 425, "five standard deviations: {}", service.visits);
    }
    assert_eq!(record.entries[0].succeeded.len(), 10_000);
}

#[test]
fn what_finds_the_queue_full_fails_at_once() {
    // Ten at once: one is served, four wait, five find the queue full.
    let record = bare(
        "services:\n  - {name: a, workers: 1, queue_limit: 4, service_time: 2ms}\ntraffic:\n  - {name: users, service: a, from: outside, arrivals: {paced: {connections: 10, rate: 100/s, phase: together}}}\n",
    );
    let entry = &record.entries[0];
    assert_eq!((entry.arrived, entry.succeeded.len(), entry.failed.len()), (100, 50, 50));
    assert_eq!((record.services[0].rejected, record.services[0].failures), (50, 50));
    assert_eq!(entry.failed.max(), 0);
    assert_eq!(total(&record), 10 * (2 + 4 + 6 + 8 + 10) * MILLISECOND);
    assert_eq!(part(&record, "queueing"), 10 * (2 + 4 + 6 + 8) * MILLISECOND);
    assert_eq!(record.services[0].busy, 50 * 2 * MILLISECOND);
}

#[test]
fn held_workers_reject_too() {
    let record = bare(
        "services:\n  - {name: a, workers: 1, hold_workers: true, queue_limit: 1, service_time: 2ms, script: [{sleep: 3ms}]}\ntraffic:\n  - {name: users, service: a, from: outside, arrivals: {paced: {connections: 10, rate: 100/s}}}\n",
    );
    assert_eq!((record.entries[0].succeeded.len(), record.entries[0].failed.len()), (20, 80));
    assert_eq!(total(&record), 10 * (5 + 10) * MILLISECOND);
    assert_eq!(record.services[0].busy, 20 * 5 * MILLISECOND);
}

#[test]
fn requests_that_share_a_processor_slow_each_other_down() {
    for (workers, each) in [(1, 20), (2, 10), (4, 10)] {
        let record = bare(&format!(
            "services:\n  - {{name: a, workers: {workers}, discipline: processor_sharing, service_time: 10ms}}\ntraffic:\n  - {{name: users, service: a, from: outside, arrivals: {{paced: {{connections: 2, rate: 20/s}}}}}}\n"
        ));
        assert_eq!(record.entries[0].succeeded.len(), 20);
        assert!(total(&record).abs_diff(20 * each * MILLISECOND) <= 40);
        assert!(record.services[0].busy.abs_diff(20 * 10 * MILLISECOND) <= 40);
    }
}

#[test]
fn what_fails_under_processor_sharing_has_taken_its_time() {
    let record = bare(&format!(
        "services:\n  - {{name: a, workers: 1, discipline: processor_sharing, error_ratio: 100%, service_time: 10ms}}\n{}",
        ten_a_second("a")
    ));
    assert_eq!((record.entries[0].failed.len(), record.services[0].failures), (10, 10));
    assert!(record.entries[0].failed.min().abs_diff(10 * MILLISECOND) < 10_000);
}

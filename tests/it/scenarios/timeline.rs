//! The time line: nothing is lost between its intervals, and saturation is what it must be.

use sim::metrics::RunRecord;
use sim::metrics::timeline::{EntryInterval, ServiceInterval};

use super::{MILLISECOND, bare, run, ten_a_second, users};
use crate::common::mesh;

const INTERVAL: &str = "run: {interval: 250ms}\n";

/// Rows of the only source in the window.
fn entry(record: &RunRecord) -> impl Iterator<Item = &EntryInterval> {
    measured(record).map(|number| &record.timeline.entries[number][0])
}

/// Rows of a service in the window.
fn service(record: &RunRecord, index: usize) -> impl Iterator<Item = &ServiceInterval> {
    measured(record).map(move |number| &record.timeline.services[number][index])
}

/// Intervals after the warm-up, which an interval ends together with.
fn measured(record: &RunRecord) -> std::ops::Range<usize> {
    let first = record.timeline.warm_up / record.timeline.interval;
    first as usize..record.timeline.entries.len()
}

#[test]
fn the_intervals_add_up_to_the_totals() {
    let services = "services:
  - {name: free, service_time: {exponential: 2ms}, cpu_time: 60%, error_ratio: 5%, script: [[{call: fifo}, {call: held}, {call: shared}]]}
  - {name: fifo, workers: 2, queue_limit: 4, service_time: {exponential: 1ms}}
  - {name: held, replicas: 2, workers: 3, hold_workers: true, service_time: {exponential: 2ms}, script: [{call: fifo}]}
  - {name: shared, workers: 2, discipline: processor_sharing, service_time: {exponential: 1ms}}
traffic:
  - {name: users, service: free, from: outside, rate: 700/s}
";
    for mesh_name in ["none", "istio-sidecar"] {
        let record = run(&mesh(mesh_name), 500, 2_000, &format!("{services}{INTERVAL}"));
        assert_eq!(record.timeline.entries.len(), 10);
        let all = &record.entries[0];
        let sum = |of: fn(&EntryInterval) -> u64| entry(&record).map(of).sum::<u64>();
        assert_eq!(sum(|row| row.requests), all.arrived);
        assert_eq!(sum(|row| row.responses), all.completed_in_window);
        let whole = record.timeline.entries.iter().map(|rows| rows[0]);
        let (requests, responses) =
            whole.fold((0, 0), |sums, row| (sums.0 + row.requests, sums.1 + row.responses));
        let left = record.timeline.entries[9][0].in_flight;
        assert_eq!(requests, responses + left, "what did not end is still in flight");
        assert!(sum(|row| row.failures) > 0 && sum(|row| row.failures) < sum(|row| row.responses));

        for (index, totals) in record.services.iter().enumerate() {
            let busy: u64 = service(&record, index).map(|row| row.busy).sum();
            match totals.workers {
                // Each piece of CPU time is rounded to a nanosecond, and so may be the shared processor's at both ends.
                None => assert!(busy.abs_diff(totals.cpu) <= totals.visits, "{busy} {}", totals.cpu),
                Some(_) => assert!(busy.abs_diff(totals.busy) <= 1, "{index}: {busy} {}", totals.busy),
            }
            let rows = record.timeline.services.iter().map(|rows| rows[index]);
            let (came, went) = rows.fold((0, 0), |sums, row| (sums.0 + row.requests, sums.1 + row.responses));
            assert!(went <= came && came - went < 40, "{index}: {came} came, {went} went");
            assert!(u64::from(went) > totals.visits, "those of the warm-up, too");
        }
        let rejected: u32 = service(&record, 1).map(|row| row.failures).sum();
        assert!(u64::from(rejected) >= record.services[1].rejected && rejected > 0, "{rejected}");
    }
}

#[test]
fn a_station_of_known_load_has_that_saturation_in_every_interval() {
    // 14 ms of work every 100 ms, for two workers: 7 %. The last request of an interval is done before its end.
    let one = format!(
        "services: [{{name: a, workers: 2, service_time: 14ms}}]\n{}run: {{interval: 500ms}}\n",
        ten_a_second("a")
    );
    let record = bare(&one);
    assert_eq!(service(&record, 0).map(|row| row.busy).collect::<Vec<_>>(), [70 * MILLISECOND; 2]);
    let times: Vec<u64> = service(&record, 0).map(|row| row.response_time).collect();
    assert!(times.iter().all(|time| time.abs_diff(14 * MILLISECOND) < 14 * MILLISECOND / 250), "{times:?}");
    assert!(entry(&record).all(|row| row.requests == 5 && row.response_time_max == 14 * MILLISECOND));

    // 300 ms every 100 ms: three at a time, whatever interval they fall into.
    for workers in ["unlimited", "5"] {
        let several = format!(
            "services: [{{name: a, workers: {workers}, service_time: 300ms}}]\n{}{INTERVAL}",
            ten_a_second("a")
        );
        let busy: Vec<u64> = service(&bare(&several), 0).map(|row| row.busy).collect();
        assert_eq!(busy, [750 * MILLISECOND; 4], "{workers}");
    }

    // Work that is cut off by the end of the time line.
    let long = format!(
        "services: [{{name: a, service_time: 1500ms, cpu_time: 50%}}]\n{}{INTERVAL}",
        users("a", 1, "outside")
    );
    let record = bare(&long);
    assert_eq!(service(&record, 0).map(|row| row.busy).collect::<Vec<_>>(), [125 * MILLISECOND; 4]);
    assert_eq!(entry(&record).map(|row| row.in_flight).collect::<Vec<_>>(), [1; 4]);
}

#[test]
fn failures_have_no_response_time() {
    let record = bare(&format!(
        "services: [{{name: a, service_time: 1ms, error_ratio: 100%}}]\n{}",
        ten_a_second("a")
    ));
    assert_eq!(record.timeline.entries.len(), 2, "a second each");
    let row = record.timeline.entries[1][0];
    assert_eq!((row.responses, row.failures, row.response_time_max), (10, 10, 0));
}

#[test]
fn a_short_last_interval_ends_with_the_window() {
    let record = bare(&format!(
        "services: [{{name: a, service_time: 1ms}}]\n{}run: {{interval: 800ms}}\n",
        ten_a_second("a")
    ));
    let bounds: Vec<_> =
        record.timeline.bounds().map(|(start, end)| (start / MILLISECOND, end / MILLISECOND)).collect();
    assert_eq!(bounds, [(0, 800), (800, 1600), (1600, 2000)]);
    assert_eq!(record.timeline.entries.iter().map(|rows| rows[0].requests).collect::<Vec<_>>(), [8, 8, 4]);
}

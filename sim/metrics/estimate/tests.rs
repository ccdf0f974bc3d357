//! Estimates against made-up records: coverage, additivity, bounds, refusals, hand-computed values.

use super::*;
use crate::metrics::results::{Kind, Scope, Unit};
use crate::metrics::synthetic::{entry, exponential_times, full_labels, full_record, labels, record};

fn web<'a>(results: &'a Results, metric: &str, statistic: Statistic) -> &'a Estimate {
    results.get(Scope::Entry, "web", metric, statistic).unwrap_or_else(|| panic!("no {metric} {statistic}"))
}

fn web_interval(results: &Results, metric: &str, statistic: Statistic) -> Option<(f64, f64)> {
    web(results, metric, statistic).interval
}

/// The share of a thousand fixed experiments whose interval holds the truth must be 95 % within binomial bounds:
/// ± 3.3 standard deviations are ± 23.
#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    const EXPERIMENTS: u64 = 1000;
    let mean = 1e7;
    let truths = [
        (Statistic::Mean, mean / 1e9),
        (Statistic::P50, mean / 1e9 * std::f64::consts::LN_2),
        (Statistic::P90, mean / 1e9 * std::f64::consts::LN_10),
    ];
    let mut covered = [0; 3];
    for experiment in 0..EXPERIMENTS {
        let records: Vec<_> = (0..10)
            .map(|replication| record(&exponential_times(mean, 1000, experiment * 10 + replication)))
            .collect();
        let results = estimate(&labels(), &records);
        for ((statistic, truth), covered) in truths.iter().zip(&mut covered) {
            let (low, high) = web_interval(&results, "response_time", *statistic).unwrap();
            *covered += u32::from((low..=high).contains(truth));
        }
    }
    for ((statistic, _), covered) in truths.iter().zip(covered) {
        assert!((927..=973).contains(&covered), "{statistic}: {covered} of {EXPERIMENTS}");
    }
}

/// The same for differences: each pair shares its requests, so the interval is far narrower than that of a side.
#[test]
fn differences_cover_the_truth_and_profit_from_common_requests() {
    const EXPERIMENTS: u64 = 300;
    let mut covered = 0;
    for experiment in 0..EXPERIMENTS {
        let times = |replication| exponential_times(1e7, 1000, experiment * 10 + replication);
        let jitter = |replication| exponential_times(5e5, 1000, 1_000_000 + experiment * 10 + replication);
        let baseline: Vec<_> = (0..10).map(|replication| record(&times(replication))).collect();
        let meshed: Vec<_> = (0..10)
            .map(|replication| {
                let added = jitter(replication);
                let times = times(replication);
                record(&times.iter().zip(added).map(|(time, added)| time + added).collect::<Vec<_>>())
            })
            .collect();
        let added = difference(&labels(), &meshed, &baseline);
        let row = added.iter().find(|row| row.metric == "response_time_added").unwrap();
        assert_eq!((row.scope, row.statistic, row.unit), (Scope::Entry, Statistic::Mean, Unit::Seconds));
        let (low, high) = row.value.interval.unwrap();
        covered += u32::from((low..=high).contains(&5e-4));
        let own = web_interval(&estimate(&labels(), &meshed), "response_time", Statistic::Mean).unwrap();
        assert!(high - low < (own.1 - own.0) / 3.0, "{low} {high} {own:?}");
    }
    // 285 of 300, standard deviation 3.8.
    assert!((272..=297).contains(&covered), "{covered}");
}

#[test]
fn the_parts_add_up_to_the_mean_response_time() {
    let records: Vec<_> = (0..3).map(|number| full_record(number, 500, true)).collect();
    let results = estimate(&full_labels("istio", true), &records);
    let parts = [
        "application_time",
        "queue_time",
        "outbound_proxy_time",
        "inbound_proxy_time",
        "handshake_time",
        "network_time",
        "abandoned_time",
    ];
    let sum: f64 = parts.iter().map(|part| web(&results, part, Statistic::Mean).value).sum();
    let mean = web(&results, "response_time", Statistic::Mean).value;
    assert!((sum - mean).abs() < 1e-12, "{sum} {mean}");
    let proxy = web(&results, "proxy_time", Statistic::Mean).value;
    assert!((proxy - 310e-6).abs() < 1e-12, "{proxy}");
}

#[test]
fn results_are_those_computed_by_hand() {
    let labels = full_labels("istio", true);
    let records = [full_record(0, 1000, true), full_record(2, 1000, true)];
    let results = estimate(&labels, &records);
    let total_time: u64 = records.iter().flat_map(|record| record.entries[0].parts).sum();
    let expected = [
        (Scope::Entry, "web", "response_time", Statistic::Mean, total_time as f64 / 2000.0 / 1e9),
        (Scope::Entry, "web", "throughput", Statistic::Mean, 1000.0),
        (Scope::Entry, "web", "error_ratio", Statistic::Mean, 1.0 / 1001.0),
        (Scope::Entry, "web", "unfinished", Statistic::Total, 0.0),
        // 1000 visits · 100 µs, once 20 µs more, of 4 workers · 1 s.
        (Scope::Service, "default/front", "utilization", Statistic::Mean, (0.2 + 20e-6) / 8.0),
        (Scope::Service, "default/front", "cpu", Statistic::Total, 0.08 + 10e-6),
        (Scope::Service, "default/front", "cpu", Statistic::Mean, (0.16 + 20e-6) / 4.0),
        (Scope::Service, "default/back", "memory", Statistic::Total, 314_572_800.0),
        (Scope::Edge, "default/front -> default/back", "connections_opened", Statistic::Mean, 8.0),
        (Scope::Edge, "default/front -> default/back", "traffic", Statistic::Mean, 2_048_000.0),
        (Scope::Edge, "outside:web -> default/front", "error_ratio", Statistic::Mean, 0.001),
        // 1000 requests · 40 µs, once 20 µs more, in a second and two proxies.
        (Scope::Proxy, "default/back", "cpu", Statistic::Total, 0.04 + 10e-6),
        (Scope::Proxy, "default/back", "cpu", Statistic::Mean, 0.02 + 5e-6),
        (Scope::Proxy, "default/back", "cpu_per_1000_rps", Statistic::Mean, 0.04 + 10e-6),
        (Scope::Proxy, "default/back", "wake_up_ratio", Statistic::Mean, 0.02 / (0.08 + 20e-6)),
        (Scope::Proxy, "default/back", "utilization", Statistic::Mean, (0.08 + 20e-6) / 8.0),
        (Scope::Proxy, "default/back", "memory", Statistic::Mean, 50e6 + 0.5),
        (Scope::Proxy, "default/back", "memory", Statistic::Max, 60e6),
        (Scope::Proxy, "default/back", "memory", Statistic::Total, 100e6 + 1.0),
        (Scope::Proxy, "default/back", "connections", Statistic::Mean, 6.0),
        (Scope::Scenario, "shop", "proxy_cpu", Statistic::Total, 0.08 + 20e-6),
        (Scope::Scenario, "shop", "cpu_per_1000_rps", Statistic::Mean, 0.08 + 20e-6),
        (Scope::Scenario, "shop", "proxy_memory", Statistic::Total, 200e6 + 2.0),
        (Scope::Scenario, "shop", "events_per_request", Statistic::Mean, 16.0),
    ];
    for (scope, name, metric, statistic, expected) in expected {
        let got = results.get(scope, name, metric, statistic).map(|estimate| estimate.value);
        let close = got.is_some_and(|got| (got - expected).abs() <= 1e-12 * expected.abs());
        assert!(close, "{scope} {name} {metric} {statistic}: {got:?}, by hand {expected}");
    }
    assert!(results.rows.iter().all(|row| row.value.interval.is_none()), "two replications, no interval");
}

#[test]
fn a_quantile_among_the_unfinished_is_a_bound() {
    let with_unfinished = |unfinished| {
        let mut record = record(&(1..=900).map(|i| i * 1000).collect::<Vec<_>>());
        record.entries[0].unfinished = unfinished;
        record.entries[0].arrived += unfinished;
        record
    };
    let results = estimate(&labels(), &vec![with_unfinished(100); 10]);
    let p50 = web(&results, "response_time", Statistic::P50);
    assert_eq!(p50.kind, Kind::Exact);
    // Rank 500 of 1000, not of 900; the histogram's cells are half a per mille wide.
    assert!((p50.value - 500e-6).abs() < 0.5e-6, "{p50:?}");
    assert!(p50.interval.is_some());
    let p95 = web(&results, "response_time", Statistic::P95);
    assert_eq!((p95.kind, p95.interval), (Kind::AtLeast, None));
    assert!((p95.value - 900e-6).abs() < 1e-6, "{p95:?}");
    assert_eq!(web(&results, "unfinished", Statistic::Total).value, 1000.0);
    assert!(results.notes[0].contains("1000 of 10000 requests had no answer"), "{:?}", results.notes);
}

#[test]
fn quantiles_without_enough_requests_have_no_interval_and_a_note() {
    let results = estimate(
        &labels(),
        &(0..10).map(|stream| record(&exponential_times(1e6, 1999, stream))).collect::<Vec<_>>(),
    );
    assert!(web_interval(&results, "response_time", Statistic::P90).is_some());
    assert_eq!(web_interval(&results, "response_time", Statistic::P95), None);
    assert_eq!(
        results.notes,
        [
            "entry `web`: p95 and above without interval, since that takes 2000 measured requests per replication: \
          lengthen the run"
        ]
    );
}

#[test]
fn a_saturated_station_leaves_no_interval() {
    let mut records: Vec<_> = (0..10).map(|number| full_record(number, 2000, true)).collect();
    for record in &mut records {
        record.services[1].busy = 4 * record.window;
    }
    let mut labels = full_labels("istio", true);
    let results = estimate(&labels, &records);
    assert!(!results.stationary);
    assert!(results.notes[0].starts_with("not stationary: service `default/back`"), "{:?}", results.notes);
    assert!(results.rows.iter().all(|row| row.value.interval.is_none()));
    assert!(difference(&labels, &records, &records).iter().all(|row| row.value.interval.is_none()));

    labels.entries[0].open = false;
    assert!(estimate(&labels, &records).stationary, "closed traffic is stationary at any utilization");
}

#[test]
fn a_short_warm_up_shows_in_the_halves() {
    let run = |growth: f64| {
        let records: Vec<_> = (0..10)
            .map(|stream| {
                let mut times = exponential_times(1e6, 4000, stream);
                times[2000..].iter_mut().for_each(|time| *time = (*time as f64 * growth) as u64);
                record(&times)
            })
            .collect();
        estimate(&labels(), &records).notes.into_iter().find(|note| note.contains("warm-up"))
    };
    assert_eq!(run(1.0), None);
    let note = run(1.25).unwrap();
    assert!(note.contains("% longer in the second half"), "{note}");
    // Significant over ten replications, but too small to matter.
    assert_eq!(run(1.03), None);
}

#[test]
fn failed_requests_stand_apart() {
    let mut one = record(&[1000; 300]);
    for _ in 0..100 {
        one.entries[0].failed.record(5_000_000).unwrap();
    }
    one.entries[0].arrived += 100;
    let results = estimate(&labels(), &[one]);
    assert_eq!(web(&results, "error_ratio", Statistic::Mean).value, 0.25);
    assert!(web(&results, "response_time", Statistic::Max).value < 2e-6);
    let failed = web(&results, "response_time_failed", Statistic::Mean).value;
    assert!((failed - 5e-3).abs() < 5e-6, "{failed}");
    let none = estimate(&labels(), &[record(&[1000])]);
    assert_eq!(none.get(Scope::Entry, "web", "response_time_failed", Statistic::Mean), None);
}

#[test]
fn nothing_measured_gives_no_rows_about_requests() {
    assert!(estimate(&labels(), &[]).rows.is_empty());
    let results = estimate(&labels(), &[record(&[])]);
    assert_eq!(results.get(Scope::Entry, "web", "response_time", Statistic::Mean), None);
    assert_eq!(results.get(Scope::Entry, "web", "throughput", Statistic::Mean).unwrap().value, 0.0);
}

#[test]
#[should_panic(expected = "measured requests succeed, fail or stay unfinished")]
fn a_lost_request_is_a_bug() {
    let mut one = record(&[1000; 3]);
    one.entries[0].arrived = 4;
    estimate(&labels(), &[one]);
}

#[test]
fn the_gateway_is_given_with_and_without() {
    let mut one = record(&[1_000_000; 4]);
    one.entries[0].gateway = 4 * 250_000;
    let mut labels = labels();
    let without = |results: &Results| {
        results.get(Scope::Entry, "web", "response_time_without_gateway", Statistic::Mean).copied()
    };
    assert_eq!(without(&estimate(&labels, std::slice::from_ref(&one))), None);
    labels.entries[0].gateway = true;
    let without = without(&estimate(&labels, &[one])).unwrap().value;
    assert!((without - 750e-6).abs() < 1e-12, "{without}");
}

#[test]
fn an_entrys_quantile_is_that_of_its_row() {
    let records: Vec<_> = (0..10).map(|stream| record(&exponential_times(1e6, 1000, stream))).collect();
    let results = estimate(&labels(), &records);
    assert_eq!(
        entry_quantile(&records, 0, 0.9).as_ref(),
        Some(web(&results, "response_time", Statistic::P90))
    );
    assert_eq!(entry_quantile(&[RunRecord { entries: vec![entry(&[])], ..record(&[]) }], 0, 0.9), None);
}

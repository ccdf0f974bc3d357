//! The model interval of made-up draws whose distances are known, and places among intervals.

use super::*;
use crate::metrics::synthetic::{full_labels, full_record};
use crate::metrics::{difference, estimate};

/// A record whose proxies took `scale` as much CPU.
fn record(scale: f64, proxied: bool) -> RunRecord {
    let mut record = full_record(0, 1000, proxied);
    for proxy in &mut record.proxies {
        proxy.cpu = (1e6 * scale) as u64;
    }
    record
}

fn drawn(labels: &Labels, proxied: bool, scales: &[f64]) -> Drawn {
    let values = |scale: f64| Values::of(labels, &record(scale, proxied));
    Drawn { nominal: values(10.0), draws: scales.iter().map(|&scale| values(scale)).collect() }
}

fn row<'a>(results: &'a Results, metric: &str) -> &'a Estimate {
    results.get(Scope::Scenario, "shop", metric, Statistic::Total).unwrap_or_else(|| panic!("no {metric}"))
}

/// Two groups of 1 ms per unit of the scale over a window of a second: 0.002 cores per unit, and linear.
#[test]
fn a_linear_measure_has_the_interval_of_its_draws() {
    let labels = full_labels("istio-sidecar", true);
    let scales: Vec<f64> = (0..=20).map(f64::from).collect();
    let results =
        estimate(&labels, &[record(10.0, true)]).with_model(&labels, &drawn(&labels, true, &scales), None);
    let cpu = row(&results, "proxy_cpu");
    assert_eq!(cpu.value, 0.02);
    // The 5th and 95th percentiles of 0 … 20 are 1 and 19.
    let (low, high) = cpu.model.expect("it has one");
    assert!((low - 0.002).abs() < 1e-12 && (high - 0.038).abs() < 1e-12, "{low} {high}");
    assert_eq!(cpu.interval, None, "the simulation's interval is another matter");
}

#[test]
fn the_interval_lies_about_the_estimate_of_all_replications_and_holds_it() {
    let labels = full_labels("istio-sidecar", true);
    let records = [record(10.0, true), record(14.0, true)];
    let draws = drawn(&labels, true, &[12.0, 13.0, 14.0]);
    let results = estimate(&labels, &records).with_model(&labels, &draws, None);
    let cpu = row(&results, "proxy_cpu");
    // The estimate is that of a scale of 12; the draws lie 2 to 4 above their nominal 10, and so never below it.
    let (low, high) = cpu.model.expect("it has one");
    assert!((cpu.value - 0.024).abs() < 1e-12);
    assert_eq!(low, cpu.value);
    assert!((high - (0.024 + 0.002 * 3.9)).abs() < 1e-12, "{high}");
}

#[test]
fn what_is_added_is_compared_within_a_draw() {
    let (labels, none) = (full_labels("istio-sidecar", true), full_labels("none", true));
    // Both sides move alike: what they share cancels, and nothing is left of it.
    let scales = [5.0, 10.0, 15.0];
    let (own, baseline) = (drawn(&labels, true, &scales), drawn(&none, true, &scales));
    let records = [record(10.0, true)];
    let added = difference(&labels, &records, &records);
    let results =
        estimate(&labels, &records).with_baseline("none", added).with_model(&labels, &own, Some(&baseline));
    assert_eq!(row(&results, "proxy_cpu_added").model, Some((0.0, 0.0)));
    assert!(row(&results, "proxy_cpu").model.expect("it has one").0 < 0.02);
}

#[test]
fn too_few_requests_or_draws_give_no_interval() {
    let labels = full_labels("istio-sidecar", true);
    let one = [record(10.0, true)];
    let with =
        |draws: &[f64]| estimate(&labels, &one).with_model(&labels, &drawn(&labels, true, draws), None);
    let results = with(&[9.0, 11.0]);
    let time = |statistic| results.get(Scope::Entry, "web", "response_time", statistic).expect("a row").model;
    assert!(time(Statistic::P50).is_some(), "a thousand requests are enough for the median");
    assert_eq!(time(Statistic::P99), None, "and too few for the p99");
    assert_eq!(time(Statistic::Max), None);
    assert_eq!(row(&with(&[]), "proxy_cpu").model, None);
}

#[test]
fn a_bound_in_one_draw_spoils_the_interval() {
    let labels = full_labels("istio-sidecar", true);
    let mut draws = drawn(&labels, true, &[9.0, 11.0]);
    let mut saturated = record(11.0, true);
    saturated.entries[0].unfinished = 900;
    saturated.entries[0].arrived += 900;
    draws.draws[1] = Values::of(&labels, &saturated);
    let results = estimate(&labels, &[record(10.0, true)]).with_model(&labels, &draws, None);
    assert_eq!(results.get(Scope::Entry, "web", "response_time", Statistic::P90).expect("a row").model, None);
}

#[test]
fn percentiles_lie_between_neighbours() {
    assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.25), Some(1.5));
    assert_eq!(percentile(&[1.0, 2.0, 4.0], 1.0), Some(4.0));
    assert_eq!(percentile(&[3.0], 0.05), Some(3.0));
    assert_eq!(percentile(&[], 0.5), None);
}

#[test]
fn places_are_known_where_model_intervals_lie_apart() {
    let with = |low: f64, high: f64| Estimate {
        value: f64::midpoint(low, high),
        interval: None,
        model: Some((low, high)),
        kind: Kind::Exact,
    };
    let shown = |estimates: &[Estimate]| -> Vec<(usize, usize)> {
        places(estimates, true).iter().map(|place| (place.first, place.last)).collect()
    };
    assert_eq!(shown(&[with(3.0, 4.0), with(1.0, 2.0)]), [(2, 2), (1, 1)]);
    assert_eq!(shown(&[with(1.0, 3.0), with(2.0, 4.0)]), [(1, 2), (1, 2)]);
    // The middle one overlaps with both others, which are apart.
    assert_eq!(shown(&[with(1.0, 3.0), with(2.0, 5.0), with(4.0, 6.0)]), [(1, 2), (1, 3), (2, 3)]);
    let bound = Estimate { kind: Kind::AtLeast, model: None, ..with(5.0, 5.0) };
    assert_eq!(shown(&[bound, with(1.0, 2.0), with(6.0, 7.0)]), [(2, 3), (1, 1), (2, 3)]);
    let unknown = Estimate { model: None, interval: Some((9.0, 9.0)), ..with(9.0, 9.0) };
    assert_eq!(shown(&[unknown, with(1.0, 2.0), with(3.0, 4.0)]), [(1, 3), (1, 2), (2, 3)]);
    assert_eq!(places(&[unknown, unknown], false)[0], Place { first: 1, last: 2, of: 2 });
}

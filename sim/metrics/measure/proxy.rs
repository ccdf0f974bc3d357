//! What a group of like proxies used.

use super::super::record::{ProxyRecord, RunRecord};
use super::super::results::{Statistic, Unit};
use super::super::section::Sample;
use super::{MEAN, Measure, NANOS_PER_SECOND};

/// The mean is per proxy, the total is that of the group, and the maximum is that of the largest one.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("cpu", Unit::Cores, MEAN_AND_TOTAL, |record, row, statistic| {
        per_proxy(proxy(record, row).cpu as f64, record.window as f64, proxy(record, row), statistic)
    }),
    Measure::new("cpu_per_1000_rps", Unit::Cores, MEAN, |record, row, _| {
        let proxy = proxy(record, row);
        // A request that passes is two jobs: it and its response.
        Sample::ratio(1000.0 * proxy.cpu as f64 / NANOS_PER_SECOND, proxy.jobs as f64 / 2.0)
    }),
    Measure::new("wake_up_ratio", Unit::Ratio, MEAN, |record, row, _| {
        Sample::ratio(proxy(record, row).wake_cpu as f64, proxy(record, row).cpu as f64)
    }),
    Measure::new("utilization", Unit::Ratio, MEAN, |record, row, _| {
        let proxy = proxy(record, row);
        Sample::ratio(proxy.cpu as f64, proxy.workers as f64 * record.window as f64)
    }),
    Measure::new("memory", Unit::Bytes, MEAN_MAX_AND_TOTAL, |record, row, statistic| match statistic {
        Statistic::Max => Some(Sample::without_interval(proxy(record, row).memory_max)),
        _ => per_proxy(proxy(record, row).memory_mean, 1.0, proxy(record, row), statistic),
    }),
    Measure::new("memory_request", Unit::Bytes, MEAN_AND_TOTAL, |record, row, statistic| {
        let proxy = proxy(record, row);
        per_proxy(proxy.memory_request? as f64 * proxy.instances as f64, 1.0, proxy, statistic)
    }),
    Measure::new("memory_limit", Unit::Bytes, MEAN, |record, row, _| {
        Some(Sample::without_interval(proxy(record, row).memory_limit? as f64))
    }),
    Measure::new("connections", Unit::Count, MEAN_AND_TOTAL, |record, row, statistic| {
        per_proxy(proxy(record, row).connections_mean, 1.0, proxy(record, row), statistic)
    }),
];

const MEAN_AND_TOTAL: &[Statistic] = &[Statistic::Mean, Statistic::Total];
const MEAN_MAX_AND_TOTAL: &[Statistic] = &[Statistic::Mean, Statistic::Max, Statistic::Total];

fn proxy(record: &RunRecord, row: usize) -> &ProxyRecord {
    &record.proxies[row]
}

/// A group's amount over `base`, as it is for the total, else shared among its proxies.
fn per_proxy(amount: f64, base: f64, group: &ProxyRecord, statistic: Statistic) -> Option<Sample> {
    let shares = if statistic == Statistic::Total { 1 } else { group.instances };
    Sample::ratio(amount, base * shares as f64)
}

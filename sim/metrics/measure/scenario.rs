//! Totals over everything that was simulated.

use super::super::record::RunRecord;
use super::super::results::Unit;
use super::super::section::Sample;
use super::{MEAN, Measure, TOTAL, rate};

/// Proxies include gateways, which stand there under every mesh.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("proxies", Unit::Count, TOTAL, |record, _, _| {
        let proxies: u64 = record.proxies.iter().map(|group| group.instances).sum();
        Some(Sample::without_interval(proxies as f64))
    }),
    Measure::new("proxy_cpu", Unit::Cores, TOTAL, |record, _, _| {
        Sample::ratio(proxy_cpu(record), record.window as f64)
    })
    .added_as("proxy_cpu_added"),
    Measure::new("application_cpu", Unit::Cores, TOTAL, |record, _, _| {
        let cpu: u64 = record.services.iter().map(|service| service.cpu).sum();
        Sample::ratio(cpu as f64, record.window as f64)
    })
    .added_as("application_cpu_added"),
    Measure::new("proxy_memory", Unit::Bytes, TOTAL, |record, _, _| {
        Some(Sample::exact(record.proxies.iter().map(|proxy| proxy.memory_mean).sum()))
    })
    .added_as("proxy_memory_added"),
    Measure::new("application_memory", Unit::Bytes, TOTAL, |record, _, _| {
        Some(Sample::exact(record.services.iter().map(|service| service.memory as f64).sum()))
    }),
    Measure::new("cpu_per_1000_rps", Unit::Cores, MEAN, |record, _, _| {
        // Cores over thousands of requests per second: the window cancels but for its unit.
        Sample::ratio(1000.0 * proxy_cpu(record) / super::NANOS_PER_SECOND, completed(record) as f64)
    }),
    Measure::new("throughput", Unit::PerSecond, MEAN, |record, _, _| rate(completed(record), record.window)),
    Measure::new("events_per_request", Unit::Count, MEAN, |record, _, _| {
        Sample::ratio(record.events as f64, record.requests as f64)
    }),
];

/// CPU time of all proxies in the window, in nanoseconds.
fn proxy_cpu(record: &RunRecord) -> f64 {
    record.proxies.iter().map(|proxy| proxy.cpu as f64).sum()
}

/// End-to-end responses in the window.
fn completed(record: &RunRecord) -> u64 {
    record.entries.iter().map(|entry| entry.completed_in_window).sum()
}

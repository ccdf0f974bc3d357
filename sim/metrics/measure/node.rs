//! What a machine's pods reserve and use.

use super::super::record::{NodeRecord, RunRecord};
use super::super::results::Unit;
use super::super::section::Sample;
use super::{MEAN, Measure, TOTAL};

/// CPU and memory are those of applications and proxies; what else runs on a node only reserves.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("utilization", Unit::Ratio, MEAN, |record, row, _| {
        Sample::ratio(node(record, row).cpu as f64, record.machines.cores * record.window as f64)
    }),
    Measure::new("memory", Unit::Bytes, MEAN, |record, row, _| {
        Some(Sample::exact(node(record, row).memory_mean))
    }),
    Measure::new("cpu_reserved", Unit::Cores, TOTAL, |record, row, _| {
        Some(Sample::without_interval(node(record, row).cpu_reserved))
    }),
    Measure::new("memory_reserved", Unit::Bytes, TOTAL, |record, row, _| {
        Some(Sample::without_interval(node(record, row).memory_reserved as f64))
    }),
    Measure::new("pods", Unit::Count, TOTAL, |record, row, _| {
        Some(Sample::without_interval(f64::from(node(record, row).pods)))
    }),
];

fn node(record: &RunRecord, row: usize) -> &NodeRecord {
    &record.nodes[row]
}

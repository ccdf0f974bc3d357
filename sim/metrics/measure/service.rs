//! What the instances of a service did.

use super::super::quantile::of_histogram;
use super::super::results::{Statistic, Unit};
use super::super::section::Sample;
use super::{DISTRIBUTION, MEAN, Measure, TOTAL, rate, share};

/// Per visit of an instance; throughput counts the visits of measured requests. Rejected visits are among the failed.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("response_time", Unit::Seconds, DISTRIBUTION, |record, row, statistic| {
        of_histogram(&record.services[row].response_time, statistic)
    }),
    Measure::new("queue_time", Unit::Seconds, DISTRIBUTION, |record, row, statistic| {
        of_histogram(&record.services[row].queue_time, statistic)
    }),
    Measure::new("throughput", Unit::PerSecond, MEAN, |record, row, _| {
        rate(record.services[row].visits, record.window)
    }),
    Measure::new("error_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(record.services[row].failures, record.services[row].visits)
    }),
    Measure::new("rejected_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(record.services[row].rejected, record.services[row].visits)
    }),
    Measure::new("utilization", Unit::Ratio, MEAN, |record, row, _| {
        let service = &record.services[row];
        Sample::ratio(service.busy as f64, service.workers? as f64 * record.window as f64)
    }),
    Measure::new("cpu", Unit::Cores, &[Statistic::Mean, Statistic::Total], |record, row, statistic| {
        let service = &record.services[row];
        Sample::ratio(service.cpu as f64, record.window as f64 * per(statistic, service.instances))
    }),
    Measure::new("memory", Unit::Bytes, TOTAL, |record, row, _| {
        Some(Sample::exact(record.services[row].memory as f64))
    }),
];

/// What a total is divided by: the instances for a mean, nothing for the total.
fn per(statistic: Statistic, instances: u64) -> f64 {
    if statistic == Statistic::Mean { instances as f64 } else { 1.0 }
}

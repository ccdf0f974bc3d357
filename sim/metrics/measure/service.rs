//! What the instances of a service, or of one of its versions, did.

use super::super::quantile::of_histogram;
use super::super::record::{RunRecord, ServiceRecord};
use super::super::results::{Statistic, Unit};
use super::super::section::Sample;
use super::{DISTRIBUTION, MEAN, Measure, TOTAL, rate, share};

/// Of a service, all its versions together.
pub(super) const MEASURES: &[Measure] = &measures::<Services>();

/// Of a version.
pub(super) const OF_VERSIONS: &[Measure] = &measures::<Versions>();

/// Where the rows of a scope stand.
trait Rows {
    fn of(record: &RunRecord) -> &[ServiceRecord];
}

struct Services;

impl Rows for Services {
    fn of(record: &RunRecord) -> &[ServiceRecord] {
        &record.services
    }
}

struct Versions;

impl Rows for Versions {
    fn of(record: &RunRecord) -> &[ServiceRecord] {
        &record.versions
    }
}

/// Per visit of an instance; throughput counts the visits of measured requests. Rejected visits are among the failed.
const fn measures<R: Rows>() -> [Measure; 8] {
    [
        Measure::new("response_time", Unit::Seconds, DISTRIBUTION, |record, row, statistic| {
            of_histogram(&R::of(record)[row].response_time, statistic)
        }),
        Measure::new("queue_time", Unit::Seconds, DISTRIBUTION, |record, row, statistic| {
            of_histogram(&R::of(record)[row].queue_time, statistic)
        }),
        Measure::new("throughput", Unit::PerSecond, MEAN, |record, row, _| {
            rate(R::of(record)[row].visits, record.window)
        }),
        Measure::new("error_ratio", Unit::Ratio, MEAN, |record, row, _| {
            share(R::of(record)[row].failures, R::of(record)[row].visits)
        }),
        Measure::new("rejected_ratio", Unit::Ratio, MEAN, |record, row, _| {
            share(R::of(record)[row].rejected, R::of(record)[row].visits)
        }),
        Measure::new("utilization", Unit::Ratio, MEAN, |record, row, _| {
            let service = &R::of(record)[row];
            Sample::ratio(service.busy as f64, service.workers? as f64 * record.window as f64)
        }),
        Measure::new("cpu", Unit::Cores, &[Statistic::Mean, Statistic::Total], |record, row, statistic| {
            let service = &R::of(record)[row];
            Sample::ratio(service.cpu as f64, record.window as f64 * per(statistic, service.instances))
        }),
        Measure::new("memory", Unit::Bytes, TOTAL, |record, row, _| {
            Some(Sample::exact(R::of(record)[row].memory as f64))
        }),
    ]
}

/// What a total is divided by: the instances for a mean, nothing for the total.
fn per(statistic: Statistic, instances: u64) -> f64 {
    if statistic == Statistic::Mean { instances as f64 } else { 1.0 }
}

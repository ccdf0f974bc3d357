//! The time line of a run: golden signals of each interval, as a monitoring system would show them.
//!
//! It covers the whole run from its start to the end of the measuring window, and all requests, measured or not. A
//! request counts in the interval in which it starts, its response, error and response time in that in which it ends.

use super::labels::Labels;
use super::record::RunRecord;
use super::results::{Scope, Statistic, Unit};
use crate::vocabulary::failure::Cause;

/// Intervals of one replication. Times are nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimelineRecord {
    /// Length of an interval; the last one may be shorter.
    pub interval: u64,
    /// When the measuring window starts; what begins before it is warm-up.
    pub warm_up: u64,
    /// When the last interval ends.
    pub end: u64,
    /// Per interval, one row per traffic source.
    pub entries: Vec<Vec<EntryInterval>>,
    /// Per interval, one row per service.
    pub services: Vec<Vec<ServiceInterval>>,
    /// Per interval, one row per version of the services that have any; empty if none has.
    pub versions: Vec<Vec<ServiceInterval>>,
}

/// What the users of one source saw in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryInterval {
    /// Requests sent.
    pub requests: u64,
    /// Responses, failed ones included.
    pub responses: u64,
    /// Responses that failed.
    pub failures: u64,
    /// Those by what made them fail, in the order of [`Cause::ALL`].
    pub causes: [u32; Cause::ALL.len()],
    /// Response times of the successful ones, by [`QUANTILES`]; zero without any.
    pub response_time: [u64; QUANTILES.len()],
    /// The largest of them.
    pub response_time_max: u64,
    /// Requests without an answer at the end of the interval.
    pub in_flight: u64,
}

/// What the instances of one service, or of one of its versions, did in an interval. Small, for there may be many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceInterval {
    /// Requests that reached an instance.
    pub requests: u32,
    /// Responses that left one, failed ones included.
    pub responses: u32,
    /// Responses that failed, rejected requests included.
    pub failures: u32,
    /// 99th percentile of the time from arrival to response; zero without any.
    pub response_time: u64,
    /// Worker time used where the workers of the whole service are limited, else CPU time.
    pub busy: u64,
}

impl ServiceInterval {
    /// The workloads of a service as one, but for its response time.
    pub fn together(workloads: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> u32| workloads.iter().map(of).sum();
        Self {
            requests: sum(|one| one.requests),
            responses: sum(|one| one.responses),
            failures: sum(|one| one.failures),
            response_time: 0,
            busy: workloads.iter().map(|one| one.busy).sum(),
        }
    }
}

/// Quantiles of an entry's response time.
pub const QUANTILES: [Statistic; 3] = [Statistic::P50, Statistic::P90, Statistic::P99];

impl TimelineRecord {
    /// Start and end of each interval, in nanoseconds.
    pub fn bounds(&self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.entries.len() as u64).map(|index| {
            let start = index * self.interval;
            (start, self.end.min(start + self.interval))
        })
    }
}

/// One number of an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// [`Scope::Entry`], [`Scope::Service`] or [`Scope::Version`].
    pub scope: Scope,
    /// Which of them.
    pub name: String,
    /// Start of the interval, in seconds from the start of the run.
    pub start: f64,
    /// Its end.
    pub end: f64,
    /// Whether it belongs to the discarded transient.
    pub warm_up: bool,
    /// Which quantity.
    pub metric: &'static str,
    /// Which statistic of it.
    pub statistic: Statistic,
    /// All replications taken together: the mean of rates, ratios and levels, the median of quantiles, the largest
    /// maximum.
    pub value: f64,
    /// The smallest and the largest value among the replications.
    pub range: (f64, f64),
    /// Its unit.
    pub unit: Unit,
}

/// A number that every interval has.
struct Signal<T> {
    metric: &'static str,
    statistic: Statistic,
    unit: Unit,
    /// Zero is not worth a row.
    silent_at_zero: bool,
    /// An amount and what it is divided by, which is zero where there is nothing to say.
    of: fn(&T, &Line) -> (f64, f64),
}

/// What the rows of an interval have in common.
struct Line {
    /// Nanoseconds.
    bounds: (u64, u64),
    warm_up: bool,
    /// Workers of the service, if they are limited.
    workers: Option<f64>,
}

const NANOS: f64 = 1e9;

const ENTRY: [Signal<EntryInterval>; 8] = [
    Signal::new("request_rate", Statistic::Mean, Unit::PerSecond, |row, at| {
        (row.requests as f64, at.seconds())
    }),
    Signal::new("goodput", Statistic::Mean, Unit::PerSecond, |row, at| {
        ((row.responses - row.failures) as f64, at.seconds())
    }),
    Signal::new("error_ratio", Statistic::Mean, Unit::Ratio, |row, _| {
        (row.failures as f64, row.responses as f64)
    }),
    Signal::new("response_time", QUANTILES[0], Unit::Seconds, |row, _| time(row.response_time[0], row)),
    Signal::new("response_time", QUANTILES[1], Unit::Seconds, |row, _| time(row.response_time[1], row)),
    Signal::new("response_time", QUANTILES[2], Unit::Seconds, |row, _| time(row.response_time[2], row)),
    Signal::new("response_time", Statistic::Max, Unit::Seconds, |row, _| time(row.response_time_max, row)),
    Signal::new("in_flight", Statistic::Mean, Unit::Count, |row, _| (row.in_flight as f64, 1.0)),
];

/// Responses that failed, by what made them fail.
const CAUSES: [Signal<EntryInterval>; Cause::ALL.len()] = [
    caused::<0>("error_ratio_application"),
    caused::<1>("error_ratio_fault_abort"),
    caused::<2>("error_ratio_direct_response"),
    caused::<3>("error_ratio_no_route"),
    caused::<4>("error_ratio_connect_failure"),
    caused::<5>("error_ratio_stale_endpoint"),
    caused::<6>("error_ratio_refused_stream"),
    caused::<7>("error_ratio_reset"),
    caused::<8>("error_ratio_attempt_timeout"),
    caused::<9>("error_ratio_request_timeout"),
    caused::<10>("error_ratio_caller_timeout"),
    caused::<11>("error_ratio_overflow"),
    caused::<12>("error_ratio_no_healthy_endpoint"),
    caused::<13>("error_ratio_ejected"),
];

const fn caused<const CAUSE: usize>(metric: &'static str) -> Signal<EntryInterval> {
    let of = |row: &EntryInterval, _: &Line| (f64::from(row.causes[CAUSE]), row.responses as f64);
    Signal { metric, statistic: Statistic::Mean, unit: Unit::Ratio, silent_at_zero: true, of }
}

const SERVICE: [Signal<ServiceInterval>; 5] = [
    Signal::new("request_rate", Statistic::Mean, Unit::PerSecond, |row, at| {
        (f64::from(row.requests), at.seconds())
    }),
    Signal::new("error_ratio", Statistic::Mean, Unit::Ratio, |row, _| {
        (f64::from(row.failures), f64::from(row.responses))
    }),
    Signal::new("response_time", Statistic::P99, Unit::Seconds, |row, _| {
        (row.response_time as f64 / NANOS, f64::from(u8::from(row.responses > 0)))
    }),
    Signal::new("utilization", Statistic::Mean, Unit::Ratio, |row, at| {
        (row.busy as f64 / NANOS, at.workers.map_or(0.0, |workers| workers * at.seconds()))
    }),
    Signal::new("cpu", Statistic::Mean, Unit::Cores, |row, at| {
        (row.busy as f64 / NANOS, if at.workers.is_some() { 0.0 } else { at.seconds() })
    }),
];

fn time(nanos: u64, row: &EntryInterval) -> (f64, f64) {
    (nanos as f64 / NANOS, f64::from(u8::from(row.responses > row.failures)))
}

impl<T> Signal<T> {
    const fn new(
        metric: &'static str,
        statistic: Statistic,
        unit: Unit,
        of: fn(&T, &Line) -> (f64, f64),
    ) -> Self {
        Self { metric, statistic, unit, silent_at_zero: false, of }
    }

    /// The value of all replications and its range; `None` where no replication has one.
    fn value(&self, rows: &[&T], line: &Line) -> Option<(f64, (f64, f64))> {
        let parts: Vec<(f64, f64)> =
            rows.iter().map(|row| (self.of)(row, line)).filter(|(_, base)| *base > 0.0).collect();
        let mut values: Vec<f64> = parts.iter().map(|(amount, base)| amount / base).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (&low, &high) = (values.first()?, values.last()?);
        let value = match self.statistic {
            Statistic::Max => high,
            statistic if statistic.quantile().is_some() => {
                let middle = values.len() / 2;
                if values.len() % 2 == 1 {
                    values[middle]
                } else {
                    f64::midpoint(values[middle - 1], values[middle])
                }
            }
            _ => {
                let sum = |pick: fn(&(f64, f64)) -> f64| parts.iter().map(pick).sum::<f64>();
                sum(|part| part.0) / sum(|part| part.1)
            }
        };
        Some((value, (low, high)))
    }
}

impl Line {
    fn seconds(&self) -> f64 {
        (self.bounds.1 - self.bounds.0) as f64 / NANOS
    }

    /// Adds the rows of one entry or service, given each replication's interval.
    fn add<T>(
        &self,
        rows: &mut Vec<TimelineRow>,
        scope: Scope,
        name: &str,
        signals: &[Signal<T>],
        each: &[&T],
    ) {
        rows.extend(signals.iter().filter_map(|signal| {
            let (value, range) = signal.value(each, self)?;
            if signal.silent_at_zero && value == 0.0 {
                return None;
            }
            Some(TimelineRow {
                scope,
                name: name.to_owned(),
                start: self.bounds.0 as f64 / NANOS,
                end: self.bounds.1 as f64 / NANOS,
                warm_up: self.warm_up,
                metric: signal.metric,
                statistic: signal.statistic,
                value,
                range,
                unit: signal.unit,
            })
        }));
    }
}

/// The time line of all replications: interval by interval, entries before services, those in the order of the labels.
/// `services` chooses among them; each is followed by its versions. There is no row where no replication has a value.
pub fn timeline(labels: &Labels, records: &[RunRecord], services: &[usize]) -> Vec<TimelineRow> {
    let Some(first) = records.first() else { return Vec::new() };
    let mut rows = Vec::new();
    for (number, bounds) in first.timeline.bounds().enumerate() {
        let mut line = Line { bounds, warm_up: bounds.0 < first.timeline.warm_up, workers: None };
        for (index, entry) in labels.entries.iter().enumerate() {
            let each = records.iter().map(|record| &record.timeline.entries[number][index]);
            let each = each.collect::<Vec<_>>();
            line.add(&mut rows, Scope::Entry, &entry.name, &ENTRY, &each);
            line.add(&mut rows, Scope::Entry, &entry.name, &CAUSES, &each);
        }
        for &index in services {
            line.workers = first.services[index].workers.map(|workers| workers as f64);
            let each = records.iter().map(|record| &record.timeline.services[number][index]);
            line.add(&mut rows, Scope::Service, &labels.services[index], &SERVICE, &each.collect::<Vec<_>>());
            let of_service =
                labels.versions.iter().enumerate().filter(|(_, version)| version.service == index);
            for (version, label) in of_service {
                let own = first.versions[version].workers.map(|workers| workers as f64);
                // Where a version has unlimited workers, all of the service count their CPU.
                let line = Line { workers: line.workers.and(own), ..line };
                let each = records.iter().map(|record| &record.timeline.versions[number][version]);
                line.add(&mut rows, Scope::Version, &label.name, &SERVICE, &each.collect::<Vec<_>>());
            }
        }
    }
    rows
}

/// The services that matter most, at most `most` of them, in the order of the labels: those that had the least to spare
/// in some interval, then those with most requests.
pub fn busiest_services(records: &[RunRecord], most: usize) -> Vec<usize> {
    let Some(first) = records.first() else { return Vec::new() };
    let mut services: Vec<usize> = (0..first.services.len()).collect();
    if services.len() <= most {
        return services;
    }
    let rows = |index: usize| {
        records.iter().flat_map(move |record| record.timeline.services.iter().map(move |rows| rows[index]))
    };
    // Millionths of a worker, so that the order needs no comparison of floats.
    let peak = |index: usize| {
        let busy = rows(index).map(|row| row.busy).max().unwrap_or(0);
        let capacity = first.services[index].workers.map_or(0, |workers| workers * first.timeline.interval);
        if capacity == 0 { 0 } else { (u128::from(busy) * 1_000_000 / u128::from(capacity)) as u64 }
    };
    let requests = |index: usize| rows(index).map(|row| u64::from(row.requests)).sum::<u64>();
    services.sort_by_cached_key(|&index| std::cmp::Reverse((peak(index), requests(index))));
    services.truncate(most);
    services.sort_unstable();
    services
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::synthetic::{full_labels, full_record};

    /// The value and range of one row of three replications.
    fn row(scope: Scope, metric: &str, statistic: Statistic, start: f64) -> Option<(f64, (f64, f64))> {
        let records: Vec<_> = (0..3).map(|number| full_record(number, 1000, false)).collect();
        let rows = timeline(&full_labels("none", false), &records, &[1]);
        let found = rows.into_iter().find(|row| {
            (row.scope, row.metric, row.statistic) == (scope, metric, statistic) && row.start == start
        })?;
        assert_eq!(found.warm_up, start < 0.5);
        Some((found.value, found.range))
    }

    #[test]
    fn rates_are_means_and_quantiles_are_medians_over_replications() {
        use Scope::{Entry, Service};
        use Statistic::{Max, Mean, P99};
        assert_eq!(row(Entry, "request_rate", Mean, 0.0), Some((500.0, (500.0, 500.0))));
        // 0, 1 and 2 of 250 fail.
        assert_eq!(row(Entry, "goodput", Mean, 0.0), Some((498.0, (496.0, 500.0))));
        assert_eq!(row(Entry, "error_ratio", Mean, 0.0), Some((3.0 / 750.0, (0.0, 2.0 / 250.0))));
        assert_eq!(row(Entry, "response_time", P99, 0.5), Some((0.024, (0.023, 0.025))));
        assert_eq!(row(Entry, "response_time", Max, 0.5), Some((0.040, (0.040, 0.040))));
        assert_eq!(row(Entry, "in_flight", Mean, 0.5), Some((4.0, (3.0, 5.0))));
        // A second of work in half a second, by four workers.
        assert_eq!(row(Service, "utilization", Mean, 0.5), Some((0.5, (0.5, 0.5))));
        assert_eq!(row(Service, "cpu", Mean, 0.5), None, "workers are limited");
        assert_eq!(row(Service, "response_time", P99, 0.0), None, "nobody came");
        assert_eq!(row(Service, "utilization", Mean, 0.0), Some((0.0, (0.0, 0.0))));
    }

    #[test]
    fn of_many_services_those_with_least_to_spare_come_first() {
        let busy = |busy, requests| ServiceInterval { requests, busy, ..ServiceInterval::default() };
        let mut record = full_record(0, 10, false);
        record.services = vec![record.services[0].clone(); 4];
        record.services[3].workers = None;
        record.timeline.services =
            vec![vec![busy(5, 9), busy(900_000_000, 1), busy(5, 8), busy(1_000_000_000, 9)]; 2];
        let records = [record];
        assert_eq!(busiest_services(&records, 4), [0, 1, 2, 3]);
        assert_eq!(busiest_services(&records, 1), [1]);
        assert_eq!(busiest_services(&records, 2), [0, 1], "then requests decide; earlier ones come first");
    }
}

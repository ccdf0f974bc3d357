//! How long changes of configuration take to reach the proxies, and what that costs the control plane.

use super::super::histogram::LogHistogram;
use super::super::record::{ChangeRecord, ControlRecord, PlaneRecord, RunRecord};
use super::super::results::{Kind, Statistic, Unit};
use super::super::section::Sample;
use super::{MEAN, Measure, NANOS_PER_SECOND, TOTAL};

/// Of all events together.
pub(super) const OF_ALL: &[Measure] = &[
    Measure::new("convergence_time", Unit::Seconds, OVER_PROXIES, |record, _, statistic| {
        convergence(&together(record)?, statistic)
    }),
    Measure::new("last_proxy_time", Unit::Seconds, OVER_CHANGES, |record, _, statistic| {
        last_proxy(&together(record)?, statistic)
    }),
    Measure::new("changes", Unit::Count, TOTAL, |record, _, _| Some(count(together(record)?.times))),
    Measure::new("proxies_concerned", Unit::Count, MEAN, |record, _, _| concerned(&together(record)?)),
    Measure::new("proxies_unreached", Unit::Count, TOTAL, |record, _, _| {
        Some(count(together(record)?.unreached))
    })
    .silent_at_zero(),
];

/// Of one event.
pub(super) const OF_EVENTS: &[Measure] = &[
    Measure::new("convergence_time", Unit::Seconds, OVER_PROXIES, |record, row, statistic| {
        convergence(change(record, row)?, statistic)
    }),
    Measure::new("last_proxy_time", Unit::Seconds, OVER_CHANGES, |record, row, statistic| {
        last_proxy(change(record, row)?, statistic)
    }),
    Measure::new("changes", Unit::Count, TOTAL, |record, row, _| Some(count(change(record, row)?.times))),
    Measure::new("proxies_concerned", Unit::Count, MEAN, |record, row, _| concerned(change(record, row)?)),
    Measure::new("proxies_unreached", Unit::Count, TOTAL, |record, row, _| {
        Some(count(change(record, row)?.unreached))
    })
    .silent_at_zero(),
];

/// Of the control plane, all its instances together unless it says otherwise; nothing where there is none.
pub(super) const OF_CONTROL_PLANE: &[Measure] = &[
    Measure::new("pushes", Unit::Count, TOTAL, |record, _, _| Some(count(managed(record)?.builds)))
        .silent_at_zero(),
    Measure::new("proxy_updates", Unit::Count, TOTAL, |record, _, _| Some(count(managed(record)?.messages))),
    Measure::new("bytes_pushed", Unit::Bytes, TOTAL, |record, _, _| Some(count(managed(record)?.bytes))),
    Measure::new("updates_per_change", Unit::Count, MEAN, |record, _, _| {
        per_change(record, managed(record)?.messages as f64)
    }),
    Measure::new("bytes_per_change", Unit::Bytes, MEAN, |record, _, _| {
        per_change(record, managed(record)?.bytes as f64)
    }),
    Measure::new("queue_length", Unit::Count, MAX, |record, _, _| Some(count(managed(record)?.queue_max))),
    Measure::new("cpu", Unit::Cores, MEAN_AND_MAX, |record, _, statistic| match statistic {
        Statistic::Max => Some(Sample::without_interval(managed(record)?.cpu_peak)),
        _ => Sample::ratio(managed(record)?.cpu as f64, record.window as f64),
    }),
    Measure::new("utilization", Unit::Ratio, MEAN, |record, _, _| {
        let control = managed(record)?;
        Sample::ratio(control.cpu as f64, control.cores * record.window as f64)
    }),
    Measure::new("cpu_per_change", Unit::Seconds, MEAN, |record, _, _| {
        per_change(record, managed(record)?.cpu as f64 / NANOS_PER_SECOND)
    }),
    Measure::new("proxy_apply_cpu", Unit::Cores, TOTAL, |record, _, _| {
        Sample::ratio(managed(record)?.apply_cpu as f64, record.window as f64)
    }),
    Measure::new("memory", Unit::Bytes, MEAN_AND_TOTAL, |record, _, statistic| {
        let control = managed(record)?;
        let instances = if statistic == Statistic::Total { 1.0 } else { control.instances as f64 };
        Some(Sample::exact(control.memory / instances))
    }),
    // Of calls on routes that an event changes: those that took older routes than were written.
    Measure::new("outdated_routes", Unit::Ratio, MEAN, |record, _, _| {
        let [all, outdated] = managed(record)?.outdated;
        Sample::ratio(outdated as f64, all as f64)
    }),
    Measure::new("proxies", Unit::Count, TOTAL, |record, _, _| Some(count(managed(record)?.subscribers))),
    Measure::new("instances", Unit::Count, TOTAL, |record, _, _| Some(count(managed(record)?.instances))),
    // What follows is of instances and connections to which something happens.
    Measure::new("instances_killed", Unit::Count, TOTAL, |record, _, _| {
        Some(count(managed(record)?.plane.instances.killed))
    })
    .silent_at_zero(),
    Measure::new("instances_out_of_memory", Unit::Count, TOTAL, |record, _, _| {
        Some(count(managed(record)?.plane.instances.out_of_memory))
    })
    .silent_at_zero(),
    Measure::new("instances_starved", Unit::Count, TOTAL, |record, _, _| {
        Some(count(managed(record)?.plane.instances.starved))
    })
    .silent_at_zero(),
    Measure::new("instances_started", Unit::Count, TOTAL, |record, _, _| {
        Some(count(managed(record)?.plane.instances.started))
    })
    .silent_at_zero(),
    Measure::new("connections_lost", Unit::Count, TOTAL, |record, _, _| {
        Some(count(managed(record)?.plane.sessions.lost))
    })
    .silent_at_zero(),
    Measure::new("connections_aged", Unit::Count, TOTAL, |record, _, _| {
        Some(count(managed(record)?.plane.sessions.aged))
    })
    .silent_at_zero(),
    Measure::new("connections_refused", Unit::Count, TOTAL, |record, _, _| {
        Some(count(managed(record)?.plane.sessions.refused))
    })
    .silent_at_zero(),
    Measure::new("connections_opened", Unit::Count, TOTAL, |record, _, _| {
        eventful(record).map(|plane| count(plane.sessions.connected))
    }),
    Measure::new("memory_of_one", Unit::Bytes, MAX, |record, _, _| {
        eventful(record).map(|plane| Sample::without_interval(plane.memory_max))
    }),
];

/// The maximum is the last proxy's.
const OVER_PROXIES: &[Statistic] =
    &[Statistic::Mean, Statistic::P50, Statistic::P90, Statistic::P99, Statistic::Max];
const OVER_CHANGES: &[Statistic] = &[Statistic::Mean, Statistic::P50, Statistic::P99, Statistic::Max];
const MAX: &[Statistic] = &[Statistic::Max];
const MEAN_AND_MAX: &[Statistic] = &[Statistic::Mean, Statistic::Max];
const MEAN_AND_TOTAL: &[Statistic] = &[Statistic::Mean, Statistic::Total];

fn change(record: &RunRecord, row: usize) -> Option<&ChangeRecord> {
    record.control.as_ref()?.changes.get(row)
}

/// The control plane, where there is one.
fn managed(record: &RunRecord) -> Option<&ControlRecord> {
    record.control.as_deref().filter(|control| control.instances > 0)
}

/// What became of its instances, where something did.
fn eventful(record: &RunRecord) -> Option<&PlaneRecord> {
    Some(&managed(record)?.plane).filter(|plane| plane.is_eventful())
}

fn together(record: &RunRecord) -> Option<ChangeRecord> {
    Some(record.control.as_ref()?.together())
}

fn per_change(record: &RunRecord, amount: f64) -> Option<Sample> {
    Sample::ratio(amount, together(record)?.times as f64)
}

fn count(count: u64) -> Sample {
    Sample::without_interval(count as f64)
}

/// Proxies per change.
fn concerned(change: &ChangeRecord) -> Option<Sample> {
    (change.times > 0).then(|| Sample::without_interval(change.concerned as f64 / change.times as f64))
}

/// Proxies without the change rank above all others. They are all there are, not a sample: few are enough.
fn convergence(change: &ChangeRecord, statistic: Statistic) -> Option<Sample> {
    of_times(&change.convergence_time, change.unreached, statistic)
}

/// Changes that some proxy does not have rank above all others.
fn last_proxy(change: &ChangeRecord, statistic: Statistic) -> Option<Sample> {
    let open = if change.concerned == 0 { 0 } else { change.times - change.last_proxy.count() };
    of_times(&change.last_proxy, open, statistic)
}

fn of_times(times: &LogHistogram, missing: u64, statistic: Statistic) -> Option<Sample> {
    let (known, all) = (times.count(), times.count() + missing);
    if all == 0 {
        return None;
    }
    let longest = times.max() as f64;
    let (nanos, is_bound, enough) = match statistic.quantile() {
        None if statistic == Statistic::Mean => {
            let sum = times.mean() * known as f64 + longest * missing as f64;
            (sum / all as f64, missing > 0, true)
        }
        None => (longest, missing > 0, false),
        Some(quantile) => {
            let rank = (quantile * all as f64).ceil();
            let is_missing = rank > known as f64;
            let nanos = if is_missing { longest } else { times.quantile(rank / known as f64) as f64 };
            (nanos, is_missing, true)
        }
    };
    let kind = if is_bound { Kind::AtLeast } else { Kind::Exact };
    Some(Sample { value: nanos / NANOS_PER_SECOND, kind, enough })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_arrived_ranks_above_all() {
        let mut times = LogHistogram::new();
        for millis in [10, 20, 30] {
            times.record(millis * 1_000_000);
        }
        let of = |missing, statistic| {
            let sample = of_times(&times, missing, statistic).expect("there are proxies");
            ((sample.value * 1e3).round(), sample.kind)
        };
        assert_eq!(of(0, Statistic::P50), (20.0, Kind::Exact));
        assert_eq!(of(0, Statistic::Max), (30.0, Kind::Exact));
        assert_eq!(of(0, Statistic::Mean), (20.0, Kind::Exact));
        assert_eq!(of(1, Statistic::P50), (20.0, Kind::Exact));
        assert_eq!(of(1, Statistic::P90), (30.0, Kind::AtLeast));
        assert_eq!(of(3, Statistic::Mean), (25.0, Kind::AtLeast));
        assert_eq!(of_times(&LogHistogram::new(), 0, Statistic::P50), None);
    }
}

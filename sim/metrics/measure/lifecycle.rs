//! How pods of a workload start, and how many come and go.

use super::super::quantile::of_histogram;
use super::super::record::{LifeRecord, RunRecord};
use super::super::results::{Statistic, Unit};
use super::super::section::Sample;
use super::{DISTRIBUTION, MEAN, Measure, NANOS_PER_SECOND, TOTAL};
use crate::policy::pod_start::Stage;

/// Of a workload of which pods come and go.
pub(super) const OF_LIVES: &[Measure] = &[
    Measure::new("startup_time", Unit::Seconds, DISTRIBUTION, |record, row, statistic| {
        let times = &life(record, row)?.start_up;
        // They are all there are, not a sample: few are enough.
        let sample = of_histogram(times, statistic)?;
        Some(Sample { enough: !matches!(statistic, Statistic::Max), ..sample })
    }),
    Measure::new("pods", Unit::Count, MEAN, |record, row, _| {
        Sample::ratio(life(record, row)?.pod_nanos as f64, record.window as f64)
    }),
    Measure::new("pods_started", Unit::Count, TOTAL, |record, row, _| {
        Some(count(life(record, row)?.started))
    }),
    Measure::new("pods_ended", Unit::Count, TOTAL, |record, row, _| Some(count(life(record, row)?.ended))),
    Measure::new("pods_killed", Unit::Count, TOTAL, |record, row, _| Some(count(life(record, row)?.killed)))
        .silent_at_zero(),
    Measure::new("scalings", Unit::Count, TOTAL, |record, row, _| Some(count(life(record, row)?.scalings)))
        .silent_at_zero(),
    Measure::new("oom_kills", Unit::Count, TOTAL, |record, row, _| Some(count(life(record, row)?.oom_kills)))
        .silent_at_zero(),
    Measure::new("restarts", Unit::Count, TOTAL, |record, row, _| Some(count(life(record, row)?.restarts)))
        .silent_at_zero(),
    Measure::new("pods_waiting", Unit::Count, MEAN, |record, row, _| {
        Sample::ratio(life(record, row)?.waiting_nanos as f64, record.window as f64)
    })
    .silent_at_zero(),
];

/// Of a stage of their start: the subject at position `life · stages + stage`. Times since the pod was made, means over pods.
pub(super) const OF_STAGES: &[Measure] = &[
    Measure::new("begin", Unit::Seconds, MEAN, |record, row, _| stage(record, row, |times| times.0)),
    Measure::new("end", Unit::Seconds, MEAN, |record, row, _| stage(record, row, |times| times.1)),
];

fn life(record: &RunRecord, row: usize) -> Option<&LifeRecord> {
    record.lives.as_ref()?.get(row)
}

fn stage(record: &RunRecord, row: usize, of: fn(&(u64, u64)) -> u64) -> Option<Sample> {
    let life = life(record, row / Stage::ALL.len())?;
    let times = &life.stages[row % Stage::ALL.len()];
    // A pod without a proxy has no stage of its proxy.
    (*times != (0, 0)).then_some(())?;
    Sample::ratio(of(times) as f64 / NANOS_PER_SECOND, life.started as f64)
}

fn count(count: u64) -> Sample {
    Sample::without_interval(count as f64)
}

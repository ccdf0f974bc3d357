//! The model interval: how far a result moves when the constants behind it are drawn within their ranges.
//!
//! Each draw is one replication on the same requests as the nominal one, so the distance between the two is the
//! constants' doing. The interval is the estimate plus the 5th to the 95th percentile of those distances; it holds the
//! estimate. It never enters the interval of the simulation, nor the other way round.

use std::collections::BTreeMap;

use super::labels::Labels;
use super::measure::subjects;
use super::record::RunRecord;
use super::results::{Estimate, Kind, Results, Scope, Statistic};
use super::section::Sample;

/// The ends of the interval, as shares of the draws.
const SHARES: (f64, f64) = (0.05, 0.95);

/// Every number of one replication, in the order of the subjects and their measures.
#[derive(Clone, Debug)]
pub struct Values(Vec<Option<Sample>>);

impl Values {
    /// The numbers of a record.
    pub fn of(labels: &Labels, record: &RunRecord) -> Self {
        let mut values = Vec::new();
        for subject in subjects(labels) {
            for measure in subject.measures {
                for &statistic in measure.statistics {
                    values.push((measure.of)(record, subject.index, statistic));
                }
            }
        }
        Self(values)
    }

    /// One of them, by scope and name, metric and statistic, if it is a number that warrants an interval.
    pub fn get(
        &self,
        labels: &Labels,
        subject: (Scope, &str),
        metric: &str,
        statistic: Statistic,
    ) -> Option<f64> {
        self.find(labels, subject, metric, statistic).and_then(sure)
    }

    /// The same, however few requests stand behind it.
    pub fn rough(
        &self,
        labels: &Labels,
        subject: (Scope, &str),
        metric: &str,
        statistic: Statistic,
    ) -> Option<f64> {
        let found = self.find(labels, subject, metric, statistic)?;
        (found.kind == Kind::Exact).then_some(found.value)
    }

    fn find(
        &self,
        labels: &Labels,
        subject: (Scope, &str),
        metric: &str,
        statistic: Statistic,
    ) -> Option<Sample> {
        let mut position = 0;
        for own in subjects(labels) {
            for measure in own.measures {
                for &of in measure.statistics {
                    if (own.scope, own.name.as_str(), measure.metric, of)
                        == (subject.0, subject.1, metric, statistic)
                    {
                        return self.0[position];
                    }
                    position += 1;
                }
            }
        }
        None
    }
}

/// One mesh's replication with the profile's own constants, and with those of each draw.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// With the profile's own.
    pub nominal: Values,
    /// Draw by draw.
    pub draws: Vec<Values>,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'m> {
    scope: Scope,
    name: String,
    metric: &'m str,
    statistic: Statistic,
}

/// In the order of [`Values`]: the key of a number, and the metric's name as something added.
fn keys(labels: &Labels) -> Vec<(Key<'static>, Option<&'static str>)> {
    let mut keys = Vec::new();
    for subject in subjects(labels) {
        for measure in subject.measures {
            for &statistic in measure.statistics {
                let name = subject.name.clone();
                let key = Key { scope: subject.scope, name, metric: measure.metric, statistic };
                keys.push((key, measure.added));
            }
        }
    }
    keys
}

impl Results {
    /// Gives every row its model interval; those of what is added come from the differences within each draw.
    ///
    /// A row whose replication holds too few requests for its statistic gets none, and so does one that is only a bound
    /// in some draw.
    pub fn with_model(mut self, labels: &Labels, drawn: &Drawn, baseline: Option<&Drawn>) -> Self {
        let mut intervals: BTreeMap<Key<'static>, (f64, f64)> = BTreeMap::new();
        for (position, (key, added)) in keys(labels).into_iter().enumerate() {
            let own = |values: &Values| values.0[position].and_then(sure);
            let each = |draw: usize| own(&drawn.draws[draw]);
            if let Some(interval) = spread(own(&drawn.nominal), drawn.draws.len(), each) {
                intervals.insert(key.clone(), interval);
            }
            let (Some(metric), Some(baseline)) = (added, baseline) else { continue };
            let less = |left: &Values, right: &Values| Some(own(left)? - own(right)?);
            let each = |draw: usize| less(&drawn.draws[draw], baseline.draws.get(draw)?);
            let nominal = less(&drawn.nominal, &baseline.nominal);
            if let Some(interval) = spread(nominal, drawn.draws.len(), each) {
                intervals.insert(Key { metric, ..key }, interval);
            }
        }
        for row in &mut self.rows {
            let (scope, metric, statistic) = (row.scope, row.metric, row.statistic);
            let key = Key { scope, name: row.name.clone(), metric, statistic };
            if row.value.kind == Kind::Exact {
                let moved = |(low, high)| (row.value.value + low, row.value.value + high);
                row.value.model = intervals.get(&key).copied().map(moved);
            }
        }
        self
    }
}

/// The value, if it is one and enough requests stand behind it.
fn sure(sample: Sample) -> Option<f64> {
    (sample.enough && sample.kind == Kind::Exact).then_some(sample.value)
}

/// From the 5th to the 95th percentile of the distances from `nominal`, widened to hold zero.
fn spread(nominal: Option<f64>, draws: usize, of: impl Fn(usize) -> Option<f64>) -> Option<(f64, f64)> {
    let nominal = nominal?;
    let mut distances = (0..draws).map(|draw| Some(of(draw)? - nominal)).collect::<Option<Vec<f64>>>()?;
    distances.sort_unstable_by(f64::total_cmp);
    let (low, high) = (percentile(&distances, SHARES.0)?, percentile(&distances, SHARES.1)?);
    Some((low.min(0.0), high.max(0.0)))
}

/// The percentile of sorted numbers, interpolated between neighbours (the lowest is the 0th, the highest the 100th).
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share * last as f64;
    let below = (position as usize).min(last);
    let above = (below + 1).min(last);
    let within = position - below as f64;
    Some(sorted[below] + (sorted[above] - sorted[below]) * within)
}

/// Where one of several numbers stands among them, the lowest first, as far as their model intervals tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The best place it can have, counted from 1.
    pub first: usize,
    /// The worst.
    pub last: usize,
    /// How many there are.
    pub of: usize,
}

impl Place {
    /// Whether it is known.
    pub const fn is_known(self) -> bool {
        self.first == self.last
    }
}

/// The places of numbers; where the intervals of two overlap, which of them is lower is not known.
///
/// Those are the model intervals when constants were drawn (`by_model`), else the simulation's. A number without one
/// could be anywhere.
pub fn places(estimates: &[Estimate], by_model: bool) -> Vec<Place> {
    let ends = |estimate: &Estimate| match (estimate.kind, by_model) {
        (Kind::AtLeast, _) => (estimate.value, f64::INFINITY),
        (Kind::Exact, true) => estimate.model.unwrap_or(ANYWHERE),
        (Kind::Exact, false) => estimate.interval.unwrap_or(ANYWHERE),
    };
    let count = |is: &dyn Fn(&Estimate) -> bool| estimates.iter().filter(|other| is(other)).count();
    estimates
        .iter()
        .map(|own| {
            let (low, high) = ends(own);
            let lower = count(&|other| ends(other).1 < low);
            let higher = count(&|other| ends(other).0 > high);
            Place { first: 1 + lower, last: estimates.len() - higher, of: estimates.len() }
        })
        .collect()
}

/// Where a number without an interval may lie.
const ANYWHERE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

#[cfg(test)]
mod tests;

//! Which constants matter: each at the ends of its range, all others as they are.
//!
//! Two rounds. A short one over every constant that the run uses at all finds those with an effect on mean and CPU; a
//! long one gives the effects of the first ten on the tail.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use crate::mesh::Profile;
use crate::mesh::profile::Assumption;
use crate::metrics::{RunRecord, Scope, Statistic, Values};

use super::{Experiment, Job, share, shortened};

/// So many constants are looked at closely.
const CLOSELY: usize = 10;
/// Events of a run of the first round, requests that it takes, and events that it must not pass.
const SCREENING: (u64, u64, u64) = (200_000, 500, 1_000_000);

/// The constants that matter most.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivities {
    /// The entry whose response time is looked at: the busiest.
    pub entry: String,
    /// The statistic of it: the highest that a replication has enough requests for.
    pub statistic: Statistic,
    /// The greatest effect first.
    pub rows: Vec<Sensitivity>,
}

/// What one constant does.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// Which.
    pub assumption: Assumption,
    /// On each mesh but the baseline that has it.
    pub effects: Vec<Effect>,
}

/// How much more, or less, a mesh adds to the baseline with the constant at the low and at the high end of its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The mesh, by position.
    pub mesh: usize,
    /// On the response time, in seconds.
    pub time: (f64, f64),
    /// On the CPU of proxies, in cores.
    pub cpu: (f64, f64),
}

impl Effect {
    fn largest(&self, of: fn(&Self) -> (f64, f64)) -> f64 {
        let (low, high) = of(self);
        low.abs().max(high.abs())
    }
}

impl Experiment<'_> {
    /// The constants that matter most for what meshes add to `baseline`, of those that each mesh uses; `None` when
    /// stopped.
    pub fn sensitivities(
        &self,
        used: &[Vec<Assumption>],
        records: &[Vec<RunRecord>],
        baseline: usize,
        stop: &AtomicBool,
        finished: &(dyn Fn() + Sync),
    ) -> Option<Sensitivities> {
        let entry = busiest(records);
        let mut known = BTreeSet::new();
        let all: Vec<Assumption> =
            used.iter().flatten().filter(|one| known.insert(one.identity.clone())).cloned().collect();
        let (events, requests, most) = SCREENING;
        let scenario = shortened(&self.scenario, share(records, events, requests, most));
        let brief = Experiment { scenario, ..*self };
        let mut screened =
            Round { experiment: &brief, baseline, entry, statistic: Statistic::Mean }.run(&all, stop, finished)?;
        sort(&mut screened);
        screened.truncate(CLOSELY);
        let chosen: Vec<Assumption> = screened.into_iter().map(|row| row.assumption).collect();
        let statistic = self.highest_statistic(records, entry);
        let mut rows = Round { experiment: self, baseline, entry, statistic }.run(&chosen, stop, finished)?;
        sort(&mut rows);
        let entry = self.labels[baseline].entries.get(entry).map_or_else(String::new, |label| label.name.clone());
        Some(Sensitivities { entry, statistic, rows })
    }

    /// The highest quantile that the runs hold enough requests for, else the mean.
    fn highest_statistic(&self, records: &[Vec<RunRecord>], entry: usize) -> Statistic {
        let first = |own: &Vec<RunRecord>| {
            let record = own.first()?;
            Some(record.entries.get(entry)?.arrived as f64 / record.window as f64)
        };
        let rate = records.iter().filter_map(first).fold(f64::INFINITY, f64::min);
        // A hundred requests must lie beyond a quantile.
        match rate * self.scenario.run.duration.nanos() as f64 {
            10_000.0.. => Statistic::P99,
            1000.0.. => Statistic::P90,
            _ => Statistic::Mean,
        }
    }
}

/// The entry with most requests, the first of equals.
fn busiest(records: &[Vec<RunRecord>]) -> usize {
    let first = records.first().and_then(|replications| replications.first());
    let entries = first.map_or(&[][..], |record| &record.entries);
    (0..entries.len()).rev().max_by_key(|&entry| entries[entry].arrived).unwrap_or(0)
}

/// The constant with the greatest effect first: its share of the greatest effect there is on time or on CPU.
fn sort(rows: &mut [Sensitivity]) {
    let largest = |of: fn(&Effect) -> (f64, f64), row: &Sensitivity| {
        row.effects.iter().map(|effect| effect.largest(of)).fold(0.0, f64::max)
    };
    let greatest = |of| rows.iter().map(|row| largest(of, row)).fold(f64::MIN_POSITIVE, f64::max);
    let (time, cpu) = (greatest(|effect| effect.time), greatest(|effect| effect.cpu));
    let weight = |row: &Sensitivity| {
        (largest(|effect| effect.time, row) / time).max(largest(|effect| effect.cpu, row) / cpu)
    };
    rows.sort_by(|left, right| weight(right).total_cmp(&weight(left)));
}

/// Runs of constants one at a time.
struct Round<'r> {
    experiment: &'r Experiment<'r>,
    baseline: usize,
    entry: usize,
    statistic: Statistic,
}

impl Round<'_> {
    fn run(
        &self,
        assumptions: &[Assumption],
        stop: &AtomicBool,
        finished: &(dyn Fn() + Sync),
    ) -> Option<Vec<Sensitivity>> {
        let profiles = self.experiment.profiles;
        let (places, jobs) = jobs(assumptions, profiles);
        let values = self.experiment.run(&jobs, stop, finished)?;
        let numbers: Vec<Option<(f64, f64)>> =
            jobs.iter().zip(&values).map(|((mesh, _), values)| self.numbers(*mesh, values)).collect();
        // How far a mesh moves at both ends; not at all where it does not have the constant.
        let shift = |row: usize, mesh: usize| -> Option<[(f64, f64); 2]> {
            let Some(position) = places.iter().position(|&place| place == (row, mesh)) else {
                return Some([(0.0, 0.0); 2]);
            };
            let (time, cpu) = numbers[mesh]?;
            let first = profiles.len() + 2 * position;
            let (low, high) = (numbers[first]?, numbers[first + 1]?);
            Some([(low.0 - time, high.0 - time), (low.1 - cpu, high.1 - cpu)])
        };
        let effect = |row: usize, mesh: usize| {
            let ([time, cpu], [base_time, base_cpu]) = (shift(row, mesh)?, shift(row, self.baseline)?);
            let less = |own: (f64, f64), base: (f64, f64)| (own.0 - base.0, own.1 - base.1);
            Some(Effect { mesh, time: less(time, base_time), cpu: less(cpu, base_cpu) })
        };
        let rows = assumptions.iter().enumerate().map(|(row, assumption)| {
            let having = places.iter().filter(|&&(of, mesh)| of == row && mesh != self.baseline);
            let effects = having.filter_map(|&(_, mesh)| effect(row, mesh)).collect();
            Sensitivity { assumption: assumption.clone(), effects }
        });
        Some(rows.filter(|row| !row.effects.is_empty()).collect())
    }

    /// Response time and CPU of one run.
    fn numbers(&self, mesh: usize, values: &Values) -> Option<(f64, f64)> {
        let labels = &self.experiment.labels[mesh];
        let entry = &labels.entries.get(self.entry)?.name;
        let time = values.get(labels, (Scope::Entry, entry), "response_time", self.statistic)?;
        let whole = (Scope::Scenario, labels.scenario.as_str());
        Some((time, values.get(labels, whole, "proxy_cpu", Statistic::Total)?))
    }
}

/// Every profile as it is; then, for each constant and mesh that has it (the places), both ends of the range.
fn jobs(assumptions: &[Assumption], profiles: &[Profile]) -> (Vec<(usize, usize)>, Vec<Job>) {
    let mut jobs: Vec<Job> = profiles.iter().cloned().enumerate().collect();
    let mut places = Vec::new();
    for (row, assumption) in assumptions.iter().enumerate() {
        for (mesh, profile) in profiles.iter().enumerate() {
            if profile.assumes(&assumption.identity) {
                places.push((row, mesh));
                jobs.extend([0.0, 1.0].map(|place| (mesh, profile.assuming(&assumption.identity, place))));
            }
        }
    }
    (places, jobs)
}

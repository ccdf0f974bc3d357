//! Which constants matter: each at the ends of its range, all others as they are.
//!
//! Two rounds. A short one over every constant that the run uses at all finds those with an effect on mean and CPU; a
//! long one gives the effects of the first ten on the tail.

use std::sync::atomic::AtomicBool;

use crate::mesh::Profile;
use crate::mesh::profile::Assumption;
use crate::metrics::{RunRecord, Scope, Statistic, Values};
use crate::units::Span;

use super::{Constants, Experiment, Job, merged, share, shortened};

/// An effect below this share of the greatest is none.
const NOTHING: f64 = 0.02;
/// So many constants are looked at closely.
const CLOSELY: usize = 10;
/// Events of a run of the first round, requests that it takes, and events that it must not pass.
const SCREENING: (u64, u64, u64) = (200_000, 500, 1_000_000);

/// The constants that matter most.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivities {
    /// The entry whose response time is looked at: the busiest.
    pub entry: String,
    /// The statistic of its tail: the highest that a replication has enough requests for.
    pub tail: Statistic,
    /// The measuring window of the runs of the first and of the second round.
    pub windows: [Span; 2],
    /// The greatest effect first.
    pub rows: Vec<Sensitivity>,
}

/// What is moved from one end of its range to the other, alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Moved {
    /// A number of profiles.
    Constant(Assumption),
    /// A service time of the scenario.
    Guess(Guess),
}

/// A guessed service time.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// What makes it an assumption: `service_time namespace/service.operation`.
    pub identity: String,
    /// Its mean, in seconds.
    pub mean: f64,
    /// The ends of the range of the mean, in seconds.
    pub range: (f64, f64),
}

/// What one constant or guess does.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// Which.
    pub moved: Moved,
    /// On each mesh but the baseline that is moved by it.
    pub effects: Vec<Effect>,
}

/// How much more, or less, a mesh adds to the baseline with the constant at the low and at the high end of its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The mesh, by position.
    pub mesh: usize,
    /// On the mean response time, in seconds.
    pub mean: (f64, f64),
    /// On its tail, in seconds: one replication's, so with some chance in it.
    pub tail: (f64, f64),
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
    /// The constants that matter most for what meshes add to `baseline`, of those that each mesh uses and of what was
    /// guessed of the scenario; `None` when stopped.
    pub fn sensitivities(
        &self,
        used: &[Vec<Assumption>],
        baseline: usize,
        stop: &AtomicBool,
        finished: &(dyn Fn() + Sync),
    ) -> Option<Sensitivities> {
        let records = self.records;
        let entry = busiest(records);
        let constants = merged(used).into_iter().map(|(assumption, _)| Moved::Constant(assumption));
        let all: Vec<Moved> = constants.chain(self.guesses()).collect();
        let (events, requests, most) = SCREENING;
        let scenario = shortened(&self.scenario, share(records, events, requests, most));
        let brief = Experiment { scenario, ..*self }.for_ends_of(&all);
        let round = Round { experiment: &brief, baseline, entry, tail: Statistic::Mean };
        let mut screened = round.run(&all, stop, finished)?;
        sort(&mut screened);
        screened.truncate(CLOSELY);
        let chosen: Vec<Moved> = screened.into_iter().map(|row| row.moved).collect();
        let close = self.for_ends_of(&chosen);
        let tail = close.highest_statistic(entry);
        let mut rows = Round { experiment: &close, baseline, entry, tail }.run(&chosen, stop, finished)?;
        sort(&mut rows);
        let entry =
            self.labels[baseline].entries.get(entry).map_or_else(String::new, |label| label.name.clone());
        let windows = [&brief, &close].map(|experiment| experiment.scenario.run.duration);
        Some(Sensitivities { entry, tail, windows, rows })
    }

    /// The service times that were guessed.
    fn guesses(&self) -> impl Iterator<Item = Moved> {
        self.scenario.guesses.iter().map(|guess| {
            let (mean, (low, high)) = (guess.mean(&self.scenario), guess.factors);
            let identity = guess.identity(&self.scenario);
            Moved::Guess(Guess { identity, mean, range: (low * mean, high * mean) })
        })
    }

    fn for_ends_of(&self, all: &[Moved]) -> Self {
        let (_, jobs) = jobs(all, self.profiles);
        self.bounded(jobs.into_iter().map(|(mesh, _)| mesh))
    }

    /// The highest quantile that the runs hold enough requests for, else the mean.
    fn highest_statistic(&self, entry: usize) -> Statistic {
        let first = |own: &Vec<RunRecord>| {
            let record = own.first()?;
            Some(record.entries.get(entry)?.arrived as f64 / record.window as f64)
        };
        let rate = self.records.iter().filter_map(first).fold(f64::INFINITY, f64::min);
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

/// The constant with the greatest effect first: its share of the greatest effect there is on the mean or on CPU. What
/// has next to none is left out.
fn sort(rows: &mut Vec<Sensitivity>) {
    let all = || rows.iter().flat_map(|row| &row.effects);
    let greatest = |of| all().map(|effect| effect.largest(of)).fold(f64::MIN_POSITIVE, f64::max);
    let (mean, cpu) = (greatest(|effect| effect.mean), greatest(|effect| effect.cpu));
    let weight = |effect: &Effect| {
        (effect.largest(|effect| effect.mean) / mean).max(effect.largest(|effect| effect.cpu) / cpu)
    };
    for row in rows.iter_mut() {
        row.effects.retain(|effect| weight(effect) >= NOTHING);
    }
    rows.retain(|row| !row.effects.is_empty());
    let of_row = |row: &Sensitivity| row.effects.iter().map(weight).fold(0.0, f64::max);
    rows.sort_by(|left, right| of_row(right).total_cmp(&of_row(left)));
}

/// Runs of constants one at a time.
struct Round<'r> {
    experiment: &'r Experiment<'r>,
    baseline: usize,
    entry: usize,
    tail: Statistic,
}

impl Round<'_> {
    fn run(
        &self,
        all: &[Moved],
        stop: &AtomicBool,
        finished: &(dyn Fn() + Sync),
    ) -> Option<Vec<Sensitivity>> {
        let profiles = self.experiment.profiles;
        let (places, jobs) = jobs(all, profiles);
        let values = self.experiment.run(&jobs, stop, finished)?;
        let numbers: Vec<Option<[f64; 3]>> =
            jobs.iter().zip(&values).map(|((mesh, _), values)| self.numbers(*mesh, values)).collect();
        // How far the numbers of a mesh move at both ends; not at all where it does not have the constant.
        let shift = |row: usize, mesh: usize| -> Option<[(f64, f64); 3]> {
            let Some(position) = places.iter().position(|&place| place == (row, mesh)) else {
                return Some([(0.0, 0.0); 3]);
            };
            let nominal = numbers[mesh]?;
            let first = profiles.len() + 2 * position;
            let (low, high) = (numbers[first]?, numbers[first + 1]?);
            Some([0, 1, 2].map(|number| (low[number] - nominal[number], high[number] - nominal[number])))
        };
        let effect = |row: usize, mesh: usize| {
            let (own, base) = (shift(row, mesh)?, shift(row, self.baseline)?);
            let less = |number: usize| (own[number].0 - base[number].0, own[number].1 - base[number].1);
            Some(Effect { mesh, mean: less(0), tail: less(1), cpu: less(2) })
        };
        let rows = all.iter().enumerate().map(|(row, moved)| {
            let having = places.iter().filter(|&&(of, mesh)| of == row && mesh != self.baseline);
            let effects = having.filter_map(|&(_, mesh)| effect(row, mesh)).collect();
            Sensitivity { moved: moved.clone(), effects }
        });
        Some(rows.filter(|row| !row.effects.is_empty()).collect())
    }

    /// Mean and tail of the response time, and CPU, of one run.
    fn numbers(&self, mesh: usize, values: &Values) -> Option<[f64; 3]> {
        let labels = &self.experiment.labels[mesh];
        let entry = (Scope::Entry, labels.entries.get(self.entry)?.name.as_str());
        let time = |statistic| values.get(labels, entry, "response_time", statistic);
        let whole = (Scope::Scenario, labels.scenario.as_str());
        let cpu = values.get(labels, whole, "proxy_cpu", Statistic::Total)?;
        Some([time(Statistic::Mean)?, time(self.tail)?, cpu])
    }
}

/// Every profile as it is; then, for each constant or guess and each mesh that has it (the places), both ends of the range.
fn jobs<'j>(all: &'j [Moved], profiles: &[Profile]) -> (Vec<(usize, usize)>, Vec<Job<'j>>) {
    let mut jobs: Vec<Job<'j>> = (0..profiles.len()).map(|mesh| (mesh, Constants::Nominal)).collect();
    let mut places = Vec::new();
    for (row, moved) in all.iter().enumerate() {
        for (mesh, profile) in profiles.iter().enumerate() {
            if moved.is_of(profile) {
                places.push((row, mesh));
                jobs.extend([0.0, 1.0].map(|end| (mesh, moved.at(end))));
            }
        }
    }
    (places, jobs)
}

impl Moved {
    /// Whether the mesh has it: all have the scenario.
    fn is_of(&self, profile: &Profile) -> bool {
        match self {
            Self::Constant(assumption) => profile.assumes(&assumption.identity),
            Self::Guess(_) => true,
        }
    }

    /// Everything as it is but for this, at a place between 0 and 1 of its range.
    fn at(&self, place: f64) -> Constants<'_> {
        match self {
            Self::Constant(assumption) => Constants::Assuming(&assumption.identity, place),
            Self::Guess(guess) => Constants::Guessing(&guess.identity, place),
        }
    }
}

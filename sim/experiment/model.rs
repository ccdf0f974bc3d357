//! How far results move with what is not known of a mesh: its constants drawn jointly, and one at a time.
//!
//! Every run here is replication 0 with other constants: the same requests, so that the distance to the run with the
//! profile's own constants is theirs alone. A run is reduced to its numbers at once; records are not kept.

mod sensitivity;
mod used;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::engine;
use crate::mesh::profile::place_in_draw;
use crate::mesh::{Profile, Scenario};
use crate::metrics::{Drawn, Labels, RunRecord, Values};
use crate::program::compile;
use crate::units::Span;
use crate::vocabulary::Arrivals;

pub use sensitivity::{Effect, Guess, Moved, Sensitivities, Sensitivity};
pub use used::merged;

/// Fewer draws say little about the ends of an interval.
pub const FEWEST_DRAWS: u32 = 16;

/// Events after which a run is long enough, unless its requests are too few.
const EVENTS: u64 = 4_000_000;
/// Requests that the p99 of a replication takes, and some to spare.
const REQUESTS: u64 = 10_500;
/// No run is longer than so many times [`EVENTS`] for the sake of a rare entry: at 1, the whole model part of a large
/// scenario stays within minutes, and what a rare entry lacks is said.
const LONGEST: u64 = 1;
/// Events in the measuring windows of all runs of a round together, where nobody chose how long runs are. With warm-ups
/// and replications a comparison of five meshes and a thousand services takes some 300 million.
const ROUND: f64 = 40_000_000.0;

/// Who chose the length of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The user: looks at constants are as long as they are worth.
    Chosen,
    /// Nobody: nor are they longer than a round of them may take.
    Usual,
}

/// What is run again with other constants.
#[derive(Debug)]
pub struct Experiment<'a> {
    scenario: Scenario,
    length: Length,
    /// The scenario's own length, which `records` are of.
    whole: Span,
    records: &'a [Vec<RunRecord>],
    profiles: &'a [Profile],
    labels: &'a [Labels],
    /// Cores of a node, for proxies with a worker per core.
    node_cores: u32,
}

/// A run to be made: the mesh, by its position, and its constants.
type Job<'j> = (usize, Constants<'j>);

/// With which constants; the profile is made of them only when it is run.
#[derive(Clone, Copy, Debug)]
enum Constants<'c> {
    /// The profile's own.
    Nominal,
    /// Those of a draw: its number, and how many there are.
    Drawn(u32, u32),
    /// The profile's own but for one assumption: its identity, and the place in its range.
    Assuming(&'c str, f64),
    /// The profile's own, and the scenario's but for one guess.
    Guessing(&'c str, f64),
}

impl Constants<'_> {
    fn of(self, profile: &Profile, seed: u64) -> Profile {
        match self {
            Self::Nominal | Self::Guessing(..) => profile.clone(),
            Self::Drawn(number, count) => profile.drawn(seed, number, count),
            Self::Assuming(identity, place) => profile.assuming(identity, place),
        }
    }

    /// The scenario with its guesses as these constants have them, the same for all meshes.
    fn guesses(self, scenario: &Scenario) -> Cow<'_, Scenario> {
        match self {
            Self::Drawn(number, count) if !scenario.guesses.is_empty() => {
                let place = |identity: &str| Some(place_in_draw(identity, scenario.run.seed, number, count));
                Cow::Owned(scenario.guessing(place))
            }
            Self::Guessing(wanted, place) => {
                Cow::Owned(scenario.guessing(|identity| (identity == wanted).then_some(place)))
            }
            _ => Cow::Borrowed(scenario),
        }
    }
}

impl<'a> Experiment<'a> {
    /// For a scenario that has been run under the profiles, whose `records` tell how much of it is enough: the window is
    /// shortened where a replication takes more events than a look at its constants is worth.
    pub fn new(
        scenario: &Scenario,
        length: Length,
        profiles: &'a [Profile],
        labels: &'a [Labels],
        records: &'a [Vec<RunRecord>],
        node_cores: u32,
    ) -> Self {
        let share = share(records, EVENTS, REQUESTS, LONGEST * EVENTS);
        let whole = scenario.run.length();
        Self { scenario: shortened(scenario, share), length, whole, records, profiles, labels, node_cores }
    }

    /// The measuring window of runs that [`Self::draws`] makes. More draws than the fewest take longer; they do not make
    /// the runs shorter.
    pub fn window_of_draws(&self) -> Span {
        self.for_draws().scenario.run.duration
    }

    fn for_draws(&self) -> Self {
        let all = (0..=FEWEST_DRAWS).flat_map(|_| 0..self.profiles.len());
        self.bounded(all)
    }

    /// With windows so short that those of one run of each mesh that is named hold no more than [`ROUND`] events, if
    /// nobody chose how long they are. Warm-ups stay: what has to settle takes as long as ever.
    fn bounded(&self, meshes: impl Iterator<Item = usize>) -> Self {
        let events = |mesh: usize| self.records[mesh].first().map_or(0, |record| record.events);
        let of_whole: u64 = meshes.map(events).sum();
        let in_windows = of_whole as f64 * self.scenario.run.duration.seconds() / self.whole.seconds();
        let share = if self.length == Length::Usual { ROUND / in_windows.max(1.0) } else { 1.0 };
        Self { scenario: shortened(&self.scenario, share), ..*self }
    }

    /// Runs `count` draws of every mesh's constants; `None` when stopped.
    pub fn draws(&self, count: u32, stop: &AtomicBool, finished: &(dyn Fn() + Sync)) -> Option<Vec<Drawn>> {
        let all =
            std::iter::once(Constants::Nominal).chain((0..count).map(|draw| Constants::Drawn(draw, count)));
        let jobs: Vec<Job<'_>> =
            all.flat_map(|constants| (0..self.profiles.len()).map(move |mesh| (mesh, constants))).collect();
        let values = self.for_draws().run(&jobs, stop, finished)?;
        let meshes = self.profiles.len();
        let of = |mesh: usize| {
            let mut own = values.iter().skip(mesh).step_by(meshes).cloned();
            own.next().map(|nominal| Drawn { nominal, draws: own.collect() })
        };
        (0..meshes).map(of).collect()
    }

    /// Runs the jobs in parallel; their numbers in the order of the jobs, or `None` when stopped.
    fn run(&self, jobs: &[Job<'_>], stop: &AtomicBool, finished: &(dyn Fn() + Sync)) -> Option<Vec<Values>> {
        jobs.par_iter()
            .map(|&(mesh, constants)| {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                let profile = constants.of(&self.profiles[mesh], self.scenario.run.seed);
                let scenario = constants.guesses(&self.scenario);
                let program = compile(&profile.possible(&scenario), &profile.model(self.node_cores));
                let record = engine::run(&program, 0, stop)?;
                finished();
                Some(Values::of(&self.labels[mesh], &record))
            })
            .collect()
    }
}

/// The share of the window that holds `events` events, or more if an entry needs it for `requests` requests, but no more
/// than `most` events. Of replication 0, and of the mesh that takes most events.
fn share(records: &[Vec<RunRecord>], events: u64, requests: u64, most: u64) -> f64 {
    let firsts = || records.iter().filter_map(|replications| replications.first());
    let taken = firsts().map(|record| record.events).max().unwrap_or(0).max(1) as f64;
    let arrived = |record: &RunRecord| record.entries.iter().map(|entry| entry.arrived).min();
    let fewest = firsts().filter_map(arrived).min().unwrap_or(0).max(1) as f64;
    let wanted = (events as f64 / taken).max(requests as f64 / fewest);
    wanted.min(most as f64 / taken).min(1.0)
}

/// With a share of the window. Traffic that changes over time keeps all of it, a part would be another load, and so do
/// events: what happens later would not happen at all.
fn shortened(scenario: &Scenario, share: f64) -> Scenario {
    let mut shortened = scenario.clone();
    if share < 1.0 && is_steady(scenario) {
        shortened.run.duration = scenario.run.duration.scale(share);
    }
    shortened
}

fn is_steady(scenario: &Scenario) -> bool {
    let is_constant = scenario.sources.iter().all(|source| {
        matches!(
            source.arrivals,
            Arrivals::Poisson { .. }
                | Arrivals::Constant { .. }
                | Arrivals::Paced { .. }
                | Arrivals::Closed { .. }
        )
    });
    is_constant && scenario.is_quiet()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::synthetic::record;

    /// One replication of so many events, whose entries have so many requests.
    fn taken(events: u64, requests: &[usize]) -> Vec<Vec<RunRecord>> {
        let mut one = record(&[]);
        one.entries = requests.iter().flat_map(|&count| record(&vec![1; count]).entries).collect();
        one.events = events;
        vec![vec![one]]
    }

    fn scenario(arrivals: &str) -> Scenario {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("scenario.yaml");
        let text = format!(
            "version: 1\nservices: [{{name: web, service_time: 1ms}}]\ntraffic: [{{service: web, from: outside, {arrivals}}}]\nrun: {{warm_up: 5s, duration: 60s}}\n"
        );
        std::fs::write(&file, text).expect("a writable temporary folder");
        let (draft, _, mut diagnostics) = crate::input::load(&[file], &crate::input::Options::default());
        crate::mesh::validate(&draft, &mut diagnostics).expect("a valid scenario")
    }

    /// The window in seconds of the runs that draws of two meshes take, each of which takes so many events.
    fn window_of_draws(events: u64, length: Length, arrivals: &str) -> f64 {
        let scenario = scenario(arrivals);
        let records = [taken(events, &[1_000_000]), taken(events, &[1_000_000])].concat();
        let profiles =
            ["none", "linkerd"].map(|name| crate::mesh::profile::find(name, None).expect("it is shipped"));
        let experiment = Experiment {
            whole: scenario.run.length(),
            scenario,
            length,
            records: &records,
            profiles: &profiles,
            labels: &[],
            node_cores: 4,
        };
        experiment.window_of_draws().seconds()
    }

    #[test]
    fn a_round_of_draws_holds_no_more_events_than_it_may_unless_the_length_was_chosen() {
        let (poisson, ramp) = ("rate: 100/s", "arrivals: {ramp: {from: 1/s, to: 2/s, over: 10s}}");
        assert_eq!(window_of_draws(1_000_000, Length::Usual, poisson), 60.0, "34 runs hold 34 million");
        // 34 runs of 100 million events in 65 seconds, and 40 million in their windows.
        let shortened = window_of_draws(100_000_000, Length::Usual, poisson);
        assert!((shortened - 65.0 * 40.0 / 3400.0).abs() < 1e-6, "{shortened}");
        assert_eq!(window_of_draws(100_000_000, Length::Chosen, poisson), 60.0);
        assert_eq!(window_of_draws(100_000_000, Length::Usual, ramp), 60.0, "a part would be another load");
    }

    #[test]
    fn a_window_is_shortened_as_far_as_its_rarest_entry_allows() {
        let share = |records: &[Vec<RunRecord>]| share(records, 1000, 100, 4000);
        assert_eq!(share(&taken(500, &[10])), 1.0, "it is short already");
        assert_eq!(share(&taken(10_000, &[5000])), 0.1);
        assert_eq!(share(&taken(10_000, &[5000, 400])), 0.25, "a hundred of the rarer entry's requests");
        assert_eq!(share(&taken(10_000, &[5000, 1])), 0.4, "but no more than four thousand events");
    }
}

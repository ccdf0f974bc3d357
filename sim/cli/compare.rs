//! `sim compare`: what each mesh adds to none, how sure that is, and what could not be told.

mod load;
mod vary;

use clap::Args;

use crate::experiment::model::{Experiment, FEWEST_DRAWS, Length, Sensitivities};
use crate::experiment::{self, Outcome, size};
use crate::mesh::Profile;
use crate::mesh::profile::{Assumption, asked};
use crate::metrics::{Drawn, Labels, Results};
use crate::output::comparison::{self, Comparison, Judgement, Origin};
use crate::output::{self, FolderError, Run};
use crate::program::Program;
use crate::units::Span;

use super::options::{Format, Options};
use super::scenario::{Loaded, Meshes};
use super::simulation::{Simulation, results};
use super::store::{COMPARISON, Place, Provenance};
use super::{Exit, print, slo};

use load::Load;
use vary::{Varied, Vary};

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    #[command(flatten)]
    options: Options,
    /// Draws of the meshes' constants within their ranges, for the model intervals; 0 is none
    #[arg(long, default_value_t = FEWEST_DRAWS, value_parser = draws)]
    draws: u32,
    /// Also under more and less traffic, as factors: `0.2..1.2`, with a step `0.2..1.2:0.05`
    #[arg(long, value_name = "A..B[:STEP]", value_parser = Load::parse)]
    load: Option<Load>,
    /// Also with each of several values of a key that `--set` takes: `cluster.others.services=0,100,1000`,
    /// `profile.proxy.workers=1,2,4`
    #[arg(long, value_name = "KEY=V1,V2,…", value_parser = Vary::parse)]
    vary: Option<Vary>,
}

/// More say nothing more.
const MOST_DRAWS: u32 = 1000;

fn draws(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(draws) if draws == 0 || (FEWEST_DRAWS..=MOST_DRAWS).contains(&draws) => Ok(draws),
        _ => Err(format!("it is 0, or from {FEWEST_DRAWS} to {MOST_DRAWS}: fewer say little about a range")),
    }
}

pub(super) fn execute(arguments: &CompareArguments) -> Exit {
    let options = &arguments.options;
    let Some(mut loaded) = options.loading(Meshes::All).load() else { return Exit::BadInput };
    options.adjust(&mut loaded);
    if options.length(&loaded.scenario) == Length::Usual {
        loaded.notes.extend(size::shorten(&mut loaded.scenario));
    }
    let Some(baseline) = comparable(&loaded) else { return Exit::BadInput };
    let Ok(varied) = arguments.varied(&mut loaded) else { return Exit::BadInput };
    let varied = varied.as_ref();
    let programs = loaded.programs(&loaded.scenario);
    let (places, whole) = match arguments.open(&loaded, &programs, varied) {
        Ok(places) => places,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::BadInput;
        }
    };
    let Some(found) = arguments.simulate(&loaded, &programs, varied, baseline) else {
        eprintln!("error: stopped before the first replication was finished; nothing was written");
        return Exit::Unfinished;
    };
    found.report(options, arguments.draws, &loaded, baseline, &places, &whole)
}

/// The baseline, if there is something to compare with it.
fn comparable(loaded: &Loaded) -> Option<usize> {
    if loaded.meshes.iter().any(|mesh| mesh.name == COMPARISON) {
        eprintln!(
            "error: a profile cannot be called `{COMPARISON}` here: that is the folder of the comparison"
        );
        return None;
    }
    if loaded.baseline.is_none() {
        eprintln!("error: a comparison takes two meshes: name another one with `--mesh`");
    }
    loaded.baseline
}

/// What came of all runs.
struct Found {
    labels: Vec<Labels>,
    outcome: Outcome,
    profiles: Vec<Profile>,
    model: Model,
    load: Option<experiment::load::Loads>,
    vary: Option<experiment::vary::Variation>,
    is_stopped: bool,
    seconds: f64,
}

/// What came of those with other constants.
#[derive(Default)]
struct Model {
    drawn: Option<Vec<Drawn>>,
    used: Vec<Vec<Assumption>>,
    sensitivities: Option<Sensitivities>,
    /// What is to be said of their length.
    note: Option<String>,
}

impl CompareArguments {
    /// The scenario with other values, if that is asked for; what is wrong with them has been reported.
    fn varied(&self, loaded: &mut Loaded) -> Result<Option<Varied>, ()> {
        let load = |vary: &Vary| vary.load(&self.options, loaded).ok_or(());
        self.vary.as_ref().map(load).transpose()
    }

    fn open(
        &self,
        loaded: &Loaded,
        programs: &[Program],
        varied: Option<&Varied>,
    ) -> Result<(Vec<Place>, Place), FolderError> {
        let (root, existing) = (&self.options.out, self.options.existing());
        let provenance = Provenance::new(loaded, programs).with_draws(self.draws);
        let more = self.load.as_ref().map_or_else(String::new, Load::describe)
            + &varied.map_or_else(String::new, Varied::describe);
        Ok((provenance.open(root, existing)?, provenance.open_comparison(root, existing, &more)?))
    }

    /// Runs everything; `None` when it was stopped before there was anything to compare.
    fn simulate(
        &self,
        loaded: &Loaded,
        programs: &[Program],
        varied: Option<&Varied>,
        baseline: usize,
    ) -> Option<Found> {
        let plan = loaded.plan();
        let meshes = programs.len() as u64;
        let runs = u64::from(plan.first_replications()) * meshes + u64::from(self.draws + 1) * meshes;
        let points = self.load.as_ref().map_or(0, |load| load.runs(loaded, self.draws) * meshes)
            + varied.map_or(0, |varied| varied.runs() * meshes);
        let simulation = Simulation::start(self.options.threads, runs + points);
        let outcome = simulation.run(programs, plan);
        if outcome.records.iter().any(Vec::is_empty) {
            simulation.finish();
            return None;
        }
        let labels: Vec<Labels> = programs.iter().map(experiment::labels).collect();
        let profiles: Vec<Profile> = loaded.meshes.iter().map(|mesh| mesh.profile.clone()).collect();
        let mut is_stopped = outcome.stopped;
        let mut model = Model::default();
        if !is_stopped {
            let length = self.options.length(&loaded.scenario);
            let experiment = Experiment::new(
                &loaded.scenario,
                length,
                &profiles,
                &labels,
                &outcome.records,
                loaded.node_cores,
            );
            model = self.model(&simulation, &experiment, baseline);
            let window = loaded.scenario.run.duration;
            let of_draws = experiment.window_of_draws();
            let found = model.sensitivities.as_ref();
            model.note = found.and_then(|found| shorter(length, window, of_draws, found));
            is_stopped = self.draws > 0 && (model.drawn.is_none() || model.sensitivities.is_none());
        }
        let mut load = None;
        if let Some(wanted) = self.load.as_ref().filter(|_| !is_stopped) {
            load = wanted.run(&simulation, loaded, self.draws, baseline);
            is_stopped = load.is_none();
        }
        let mut vary = None;
        if let Some(wanted) = varied.filter(|_| !is_stopped) {
            vary = wanted.run(&simulation);
            is_stopped = vary.is_none();
        }
        let seconds = simulation.finish();
        Some(Found { labels, outcome, profiles, model, load, vary, is_stopped, seconds })
    }

    fn model(&self, simulation: &Simulation, experiment: &Experiment<'_>, baseline: usize) -> Model {
        let used = experiment.used();
        if self.draws == 0 {
            return Model { used, ..Model::default() };
        }
        let drawn = simulation.within(|stop, finished| experiment.draws(self.draws, stop, finished));
        let sensitivities =
            simulation.within(|stop, finished| experiment.sensitivities(&used, baseline, stop, finished));
        Model { drawn, used, sensitivities, note: None }
    }
}

/// Says how much shorter than `window` those of the runs with other constants are, where nobody asked for its length.
fn shorter(length: Length, window: Span, draws: Span, found: &Sensitivities) -> Option<String> {
    let [all, closely] = found.windows;
    let are_shorter = [draws, all, closely].iter().any(|&own| own < window);
    (length == Length::Usual && are_shorter).then(|| {
        let tenths = |span: Span| format!("{:.1} s", span.seconds());
        format!(
            "runs with other constants have shorter windows than {window}, since nobody asked for that: {} where \
             constants are drawn, {} to find those that matter, {} to look at these closely; --duration {window} makes \
             them as long as each is worth",
            tenths(draws),
            tenths(all),
            tenths(closely)
        )
    })
}

impl Found {
    /// Writes the files, says what they say, and how it ended.
    fn report(
        &self,
        options: &Options,
        draws: u32,
        loaded: &Loaded,
        baseline: usize,
        places: &[Place],
        whole: &Place,
    ) -> Exit {
        let all = self.results(loaded, baseline);
        let runs: Vec<Run<'_>> = (0..all.len())
            .map(|mesh| Run {
                labels: &self.labels[mesh],
                records: &self.outcome.records[mesh],
                results: &all[mesh],
            })
            .collect();
        let objectives: Vec<Judgement> = slo::check(&loaded.scenario, &self.labels, &self.outcome);
        let features = asked(&loaded.scenario);
        let origin = origin(loaded);
        let comparison = Comparison {
            runs: &runs,
            baseline,
            profiles: &self.profiles,
            draws: self.model.drawn.as_ref().map_or(0, |_| draws),
            used: &self.model.used,
            sensitivities: self.model.sensitivities.as_ref(),
            written: &loaded.scenario,
            features: &features,
            load: self.load.as_ref(),
            vary: self.vary.as_ref(),
            objectives: &objectives,
            warnings: &loaded.warnings,
            origin: &origin,
        };
        let printed = match self.write(loaded, &comparison, options.output, places, whole) {
            Ok(printed) => printed,
            Err(error) => {
                eprintln!("error: {error}");
                return Exit::Unfinished;
            }
        };
        match options.output {
            Format::Table => {
                print(&comparison::terminal(&comparison));
                print(&format!("\nReport and results in {}\n", whole.path()));
            }
            Format::Csv | Format::Json => print(&options.output.join(&printed)),
        }
        slo::exit(self.is_stopped || self.outcome.imprecise, &objectives)
    }

    fn results(&self, loaded: &Loaded, baseline: usize) -> Vec<Results> {
        let mut all = results(loaded, &self.labels, &self.outcome);
        if self.is_stopped && !self.outcome.stopped {
            let note = "stopped early: the replications are complete, what follows them is not".to_owned();
            for results in &mut all {
                results.notes.push(note.clone());
            }
        }
        for results in &mut all {
            results.notes.extend(self.model.note.clone());
        }
        let Some(drawn) = &self.model.drawn else { return all };
        let with_model = |(mesh, results): (usize, Results)| {
            let compared = (mesh != baseline).then(|| &drawn[baseline]);
            results.with_model(&self.labels[mesh], &drawn[mesh], compared)
        };
        all.into_iter().enumerate().map(with_model).collect()
    }

    /// Writes every folder; what of each mesh goes to standard output as it is.
    fn write(
        &self,
        loaded: &Loaded,
        comparison: &Comparison<'_>,
        format: Format,
        places: &[Place],
        whole: &Place,
    ) -> Result<Vec<String>, FolderError> {
        let mut printed = Vec::new();
        for (run, place) in comparison.runs.iter().zip(places) {
            let files = output::render(run);
            printed.push(format.pick(&files));
            place.write(files, loaded, run.records.len(), &run.results.notes, self.seconds)?;
        }
        let replications = self.outcome.records[0].len();
        whole.write(comparison::render(comparison), loaded, replications, &[], self.seconds)?;
        Ok(printed)
    }
}

/// What it takes to make the comparison again: the command without what changes no result.
fn origin(loaded: &Loaded) -> Origin {
    const VALUES: [&str; 3] = ["--threads", "--out", "--output"];
    const SWITCHES: [&str; 1] = ["--force"];
    let mut command = vec!["sim".to_owned()];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if VALUES.contains(&argument.as_str()) {
            arguments.next();
        } else {
            let is_value = VALUES
                .iter()
                .any(|name| argument.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')));
            if !is_value && !SWITCHES.contains(&argument.as_str()) {
                command.push(argument);
            }
        }
    }
    Origin {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        seed: loaded.scenario.run.seed,
        inputs: loaded.inputs.clone(),
    }
}

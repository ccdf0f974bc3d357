//! `sim diff`: what changes from one scenario to another, or from one folder of results to another.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::experiment::{self, Plan};
use crate::metrics::{Labels, changes};
use crate::output::diff::{self, Diff};
use crate::output::saved::{self, Saved};

use super::options::{Format, Options};
use super::scenario::{Loaded, Meshes};
use super::simulation::Simulation;
use super::{Exit, print};

/// The two sides are the two FILEs: scenarios, folders of manifests, or folders of results that `sim run` or `sim
/// compare` wrote. What `--file` names belongs to both scenarios. Nothing is written.
#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    #[command(flatten)]
    options: Options,
}

pub(super) fn execute(arguments: &DiffArguments) -> Exit {
    let options = &arguments.options;
    let [before, after] = options.files.as_slice() else {
        eprintln!("error: there are two sides to compare: `sim diff BEFORE AFTER`");
        return Exit::BadInput;
    };
    let diffs = match (saved::find(before), saved::find(after)) {
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
        (Ok(left), Ok(right)) => match (left.is_empty(), right.is_empty()) {
            (false, false) => of_folders(&left, &right, options),
            (true, true) => return of_scenarios(before, after, options),
            (has_none, _) => {
                let folder = if has_none { before } else { after };
                Err(format!("{} holds no results, the other side does", folder.display()))
            }
        },
    };
    match diffs {
        Ok(diffs) => show(&diffs, options.output),
        Err(problem) => {
            eprintln!("error: {problem}");
            Exit::BadInput
        }
    }
}

/// Meshes that both folders have results of, by name; a single one on each side is compared whatever its name.
fn of_folders(before: &[Saved], after: &[Saved], options: &Options) -> Result<Vec<Diff>, String> {
    let name = |saved: &Saved| saved.manifest.run.mesh.clone();
    let wanted = |saved: &&Saved| options.mesh.is_empty() || options.mesh.contains(&name(saved));
    let pairs: Vec<(&Saved, &Saved)> = if let ([left], [right]) = (before, after) {
        vec![(left, right)]
    } else {
        let partner = |right| before.iter().find(|left| name(left) == name(right)).map(|left| (left, right));
        after.iter().filter(wanted).filter_map(partner).collect()
    };
    if pairs.is_empty() {
        return Err("the two folders have no mesh in common".to_owned());
    }
    let diff = |(left, right): (&Saved, &Saved)| {
        let mut notes = Vec::new();
        if left.manifest.run.seed != right.manifest.run.seed {
            notes.push(
                "the seeds differ: replications are not paired, and no interval can be given".to_owned(),
            );
        }
        Diff { meshes: (name(left), name(right)), changes: left.changes(right), notes }
    };
    Ok(pairs.into_iter().map(diff).collect())
}

/// Runs both scenarios under the same meshes, on the same seed, for the same time.
fn of_scenarios(before: &Path, after: &Path, options: &Options) -> Exit {
    let load = |side: &PathBuf| {
        let mut loading = options.loading(Meshes::OfScenario);
        loading.files = std::iter::once(side).chain(&options.file).cloned().collect();
        let mut loaded = loading.load()?;
        options.adjust(&mut loaded);
        Some(loaded)
    };
    // Both sides' problems at once.
    let (Some(mut left), Some(mut right)) = (load(&before.to_owned()), load(&after.to_owned())) else {
        return Exit::BadInput;
    };
    let notes = agree(&mut left, &mut right);
    let programs: Vec<_> =
        [&left, &right].into_iter().flat_map(|loaded| loaded.programs(&loaded.scenario)).collect();
    let meshes = left.meshes.len();
    if meshes != right.meshes.len() {
        eprintln!("error: the two scenarios name different meshes: say under which ones with `--mesh`");
        return Exit::BadInput;
    }
    let plan = Plan::Fixed(left.scenario.run.replications);
    let simulation =
        Simulation::start(options.threads, programs.len() as u64 * u64::from(plan.first_replications()));
    let outcome = simulation.run(&programs, plan);
    simulation.finish();
    if outcome.records.iter().any(Vec::is_empty) {
        eprintln!("error: stopped before the first replication was finished");
        return Exit::Unfinished;
    }
    let labels: Vec<Labels> = programs.iter().map(experiment::labels).collect();
    let impossible = |mesh: usize| {
        let of = |loaded: &Loaded| loaded.meshes[mesh].profile.impossible(&loaded.scenario);
        let mut sentences = of(&left);
        sentences.extend(of(&right).into_iter().filter(|sentence| !of(&left).contains(sentence)));
        sentences
    };
    let diff = |mesh: usize| Diff {
        meshes: (left.meshes[mesh].name.clone(), right.meshes[mesh].name.clone()),
        changes: changes(
            (&labels[mesh], &outcome.records[mesh]),
            (&labels[meshes + mesh], &outcome.records[meshes + mesh]),
        ),
        notes: notes.iter().cloned().chain(impossible(mesh)).collect(),
    };
    let diffs: Vec<Diff> = (0..meshes).map(diff).collect();
    let exit = show(&diffs, options.output);
    if outcome.stopped { Exit::Unfinished } else { exit }
}

/// Gives both sides the run of the first one where they differ, and says so.
fn agree(left: &mut Loaded, right: &mut Loaded) -> Vec<String> {
    let mut notes: Vec<String> = left.notes.iter().chain(&right.notes).cloned().collect();
    notes.dedup();
    if left.scenario.run != right.scenario.run {
        right.scenario.run = left.scenario.run;
        notes.push("both sides ran as the first one says: seed, length, replications".to_owned());
    }
    left.scenario.run.precision = None;
    notes
}

fn show(diffs: &[Diff], format: Format) -> Exit {
    match format {
        Format::Table => print(&diff::render(diffs)),
        Format::Csv => print(&String::from_utf8_lossy(&diff::file(diffs).bytes)),
        Format::Json => print(&diff::json(diffs)),
    }
    Exit::Done
}

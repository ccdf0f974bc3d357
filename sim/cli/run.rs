//! `sim run`: simulate a topology under one or several meshes.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::experiment::{self, Outcome, Plan};
use crate::metrics::{Labels, Results, RunRecord, difference, estimate, precision_shortages};
use crate::output::{self, Existing, Folder, FolderError, Identity, Manifest};
use crate::program::{Program, compile};
use crate::units::{Rate, Ratio, Span, UnitError};

use super::scenario::{Loaded, Loading};
use super::{Exit, print, progress, slo};

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Scenario, isotope graph, or a folder of them; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "file")]
    files: Vec<PathBuf>,
    /// One more file or folder
    #[arg(short, long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Meshes to run under, by profile name or file; several are compared with `none`, or else with the first
    #[arg(long, value_name = "MESH", value_delimiter = ',')]
    mesh: Vec<String>,
    /// Replace a value: `services.web.replicas=3`, `run.seed=7`, `profile.proxy.workers=4`; an element of a list goes by
    /// its name, or by its position from 0 (`traffic[0].rate=50`)
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of everything random
    #[arg(long)]
    seed: Option<u64>,
    /// Rate of every open source, and of each entry point of an isotope graph [default there: 1000/s]
    #[arg(long, value_parser = rate)]
    rps: Option<Rate>,
    /// Length of the measuring window
    #[arg(long, value_parser = window)]
    duration: Option<Span>,
    /// Discarded transient before it
    #[arg(long, value_parser = Span::parse)]
    warm_up: Option<Span>,
    /// Number of independent replications
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "precision")]
    replications: Option<u32>,
    /// Add replications until the p99 of every entry is known to this share, e.g. 5%
    #[arg(long, value_parser = precision)]
    precision: Option<Ratio>,
    /// Threads to run replications on [default: one per core]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Overwrite the results of another run
    #[arg(long)]
    force: bool,
}

fn rate(text: &str) -> Result<Rate, UnitError> {
    let rate = Rate::parse(text)?;
    if rate.value() > 0.0 { Ok(rate) } else { Err(UnitError::new("there must be some requests")) }
}

fn window(text: &str) -> Result<Span, UnitError> {
    let span = Span::parse(text)?;
    if span > Span::ZERO { Ok(span) } else { Err(UnitError::new("this must be longer than nothing")) }
}

fn precision(text: &str) -> Result<Ratio, UnitError> {
    let ratio = Ratio::parse(text)?;
    if ratio.value() > 0.0 { Ok(ratio) } else { Err(UnitError::new("this must be more than nothing")) }
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    Table,
    /// The content of every mesh's summary.json, as a list
    Json,
    /// The content of every mesh's summary.csv
    Csv,
}

pub(super) fn execute(arguments: &RunArguments) -> Exit {
    let loading = Loading {
        files: arguments.files.iter().chain(&arguments.file).cloned().collect(),
        meshes: arguments.mesh.clone(),
        sets: arguments.set.clone(),
        rate: arguments.rps,
    };
    let Some(mut loaded) = loading.load() else { return Exit::BadInput };
    arguments.adjust(&mut loaded);
    let programs: Vec<Program> =
        loaded.meshes.iter().map(|mesh| compile(&loaded.scenario, &mesh.model)).collect();
    let folders = match arguments.open_folders(&loaded, &programs) {
        Ok(folders) => folders,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::BadInput;
        }
    };
    let (outcome, seconds) = arguments.simulate(&loaded, &programs);
    if outcome.records.iter().any(Vec::is_empty) {
        eprintln!("error: stopped before the first replication was finished; nothing was written");
        return Exit::Unfinished;
    }
    arguments.report(&loaded, &programs, &folders, &outcome, seconds)
}

impl RunArguments {
    /// Puts what the command line says in place of what the file says.
    fn adjust(&self, loaded: &mut Loaded) {
        let run = &mut loaded.scenario.run;
        run.seed = self.seed.unwrap_or(run.seed);
        run.duration = self.duration.unwrap_or(run.duration);
        run.warm_up = self.warm_up.unwrap_or(run.warm_up);
        if let Some(replications) = self.replications {
            run.replications = replications;
            run.precision = None;
        }
        run.precision = self.precision.or(run.precision);
    }

    fn open_folders(
        &self,
        loaded: &Loaded,
        programs: &[Program],
    ) -> Result<Vec<(Identity, Folder)>, FolderError> {
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        let digests: Vec<String> = programs.iter().map(Program::digest).collect();
        let baseline = loaded.baseline;
        let identity = |index: usize| {
            let compared = baseline.filter(|&base| base != index);
            Identity {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                scenario: loaded.scenario.name.clone(),
                mesh: loaded.meshes[index].name.clone(),
                baseline: compared.map(|base| loaded.meshes[base].name.clone()),
                seed: loaded.scenario.run.seed,
                plan: match loaded.plan() {
                    Plan::Fixed(replications) => replications.to_string(),
                    Plan::Precision(target) => format!("p99 to {target}"),
                },
                program: [Some(index), compared]
                    .into_iter()
                    .flatten()
                    .map(|at| digests[at].clone())
                    .collect(),
            }
        };
        let open = |index: usize| {
            let identity = identity(index);
            Folder::open(&self.out, identity.clone(), existing).map(|folder| (identity, folder))
        };
        (0..programs.len()).map(open).collect()
    }

    /// Runs the experiment; gives its outcome and the wall-clock seconds it took.
    fn simulate(&self, loaded: &Loaded, programs: &[Program]) -> (Outcome, f64) {
        let stop = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&stop);
        // The first Ctrl-C keeps what is finished, the second ends the process.
        let _ = ctrlc::set_handler(move || {
            if handler.swap(true, Ordering::Relaxed) {
                exit(Exit::Unfinished as i32);
            }
            eprintln!("stopping: what is finished is kept; once more ends at once");
        });
        let plan = loaded.plan();
        let bar = progress::bar(u64::from(plan.first_replications()) * programs.len() as u64);
        let threads = self.threads.map_or(0, NonZeroUsize::get);
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
        #[expect(
            clippy::disallowed_methods,
            reason = "the wall time of a run is reported, and nothing depends on it"
        )]
        let start = Instant::now();
        let finished = || {
            if bar.position() + 1 > bar.length().unwrap_or(0) {
                bar.inc_length(1);
            }
            bar.inc(1);
        };
        let outcome = pool.install(|| experiment::run(programs, plan, &stop, &finished));
        bar.finish_and_clear();
        (outcome, start.elapsed().as_secs_f64())
    }

    fn report(
        &self,
        loaded: &Loaded,
        programs: &[Program],
        folders: &[(Identity, Folder)],
        outcome: &Outcome,
        seconds: f64,
    ) -> Exit {
        let labels: Vec<Labels> = programs.iter().map(experiment::labels).collect();
        let mut all = results(loaded, &labels, outcome);
        if outcome.stopped {
            let note = format!("stopped early: {} replications were finished", outcome.records[0].len());
            for results in &mut all {
                results.notes.push(note.clone());
            }
        }
        if outcome.imprecise {
            for ((results, labels), records) in all.iter_mut().zip(&labels).zip(&outcome.records) {
                results.notes.extend(imprecision(labels, records));
            }
        }
        let mut printed = Vec::new();
        for (index, (identity, folder)) in folders.iter().enumerate() {
            let records = &outcome.records[index];
            let run = output::Run { labels: &labels[index], records, results: &all[index] };
            let manifest = Manifest {
                run: identity.clone(),
                command: std::env::args().collect(),
                inputs: loaded.inputs.clone(),
                replications: records.len(),
                notes: loaded.warnings.iter().chain(&all[index].notes).cloned().collect(),
                files: Vec::new(),
                wall_time_seconds: seconds,
            };
            if let Err(error) = folder.write(&run, manifest) {
                eprintln!("error: {error}");
                return Exit::Unfinished;
            }
            printed.push(self.machine_readable(&run));
        }
        let verdicts = slo::check(&loaded.scenario, &labels, outcome);
        match self.output {
            Format::Table => {
                print(&output::table::render(&all));
                print(&slo::render(&verdicts));
                let places: Vec<String> =
                    folders.iter().map(|(_, folder)| folder.path().display().to_string()).collect();
                print(&format!("Results in {}\n", places.join(", ")));
            }
            // One header for all.
            Format::Csv => {
                let bodies = printed.iter().skip(1).filter_map(|csv| csv.split_once('\n'));
                print(&bodies.fold(printed[0].clone(), |text, (_, body)| text + body));
            }
            Format::Json => print(&format!("[\n{}]\n", printed.join(","))),
        }
        if outcome.stopped || outcome.imprecise {
            Exit::Unfinished
        } else if verdicts.iter().any(|verdict| !verdict.met) {
            Exit::SloMissed
        } else {
            Exit::Done
        }
    }

    /// The file that goes to standard output as it is, if one does.
    fn machine_readable(&self, run: &output::Run<'_>) -> String {
        let wanted = match self.output {
            Format::Table => return String::new(),
            Format::Json => "summary.json",
            Format::Csv => "summary.csv",
        };
        let file = output::render(run).into_iter().find(|file| file.path == wanted);
        String::from_utf8(file.map_or_else(Vec::new, |file| file.bytes)).expect("these files are text")
    }
}

/// Why a mesh's results are not as precise as wanted.
fn imprecision(labels: &Labels, records: &[RunRecord]) -> Vec<String> {
    let shortages = precision_shortages(labels, records);
    if !shortages.is_empty() {
        return shortages;
    }
    vec![format!(
        "the wanted precision was not reached with {} replications: lengthen the run",
        records.len()
    )]
}

/// The results of every mesh, each with what it adds to the baseline.
fn results(loaded: &Loaded, labels: &[Labels], outcome: &Outcome) -> Vec<Results> {
    let baseline = loaded.baseline;
    outcome
        .records
        .iter()
        .enumerate()
        .map(|(index, records)| {
            let results = estimate(&labels[index], records);
            match baseline {
                Some(base) if base != index => {
                    let added = difference(&labels[index], records, &outcome.records[base]);
                    results.with_baseline(&labels[base].mesh, added)
                }
                _ => results,
            }
        })
        .collect()
}

//! Running experiments from the command line: threads, Ctrl-C, progress, and what follows from the records.

use std::num::NonZeroUsize;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;

use crate::experiment::{self, Outcome, Plan};
use crate::metrics::{Labels, Results, RunRecord, difference, estimate, precision_shortages};
use crate::program::Program;

use super::scenario::Loaded;
use super::{Exit, progress};

/// Where replications are run until it is finished.
pub(super) struct Simulation {
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    start: Instant,
}

impl Simulation {
    /// With so many threads, or one per core, for whatever the process does from now on, expecting so many runs. The first
    /// Ctrl-C keeps what is finished, the second ends the process.
    ///
    /// # Panics
    /// When it is called twice in a process.
    pub(super) fn start(threads: Option<NonZeroUsize>, runs: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&stop);
        let _ = ctrlc::set_handler(move || {
            if handler.swap(true, Ordering::Relaxed) {
                exit(Exit::Unfinished as i32);
            }
            eprintln!("stopping: what is finished is kept; once more ends at once");
        });
        let threads = threads.map_or(0, NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().expect("threads are started once");
        #[expect(
            clippy::disallowed_methods,
            reason = "the wall time of a run is reported, and nothing depends on it"
        )]
        let start = Instant::now();
        Self { stop, bar: progress::bar(runs), start }
    }

    /// Runs programs on common random numbers.
    pub(super) fn run(&self, programs: &[Program], plan: Plan) -> Outcome {
        self.within(|stop, finished| experiment::run(programs, plan, stop, finished))
    }

    /// Does work of many runs on the threads: it is given the flag that stops it, and what to call after each run.
    pub(super) fn within<T>(&self, work: impl FnOnce(&AtomicBool, &(dyn Fn() + Sync)) -> T) -> T {
        let finished = || {
            if self.bar.position() + 1 > self.bar.length().unwrap_or(0) {
                self.bar.inc_length(1);
            }
            self.bar.inc(1);
        };
        work(&self.stop, &finished)
    }

    /// Takes the progress away; the wall-clock seconds since the start.
    pub(super) fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.start.elapsed().as_secs_f64()
    }
}

/// The results of every mesh, each with what it adds to the baseline, and what must be said of the whole.
pub(super) fn results(loaded: &Loaded, labels: &[Labels], outcome: &Outcome) -> Vec<Results> {
    let mut all: Vec<Results> = outcome
        .records
        .iter()
        .enumerate()
        .map(|(index, records)| {
            let results = estimate(&labels[index], records);
            match loaded.baseline {
                Some(base) if base != index => {
                    let added = difference(&labels[index], records, &outcome.records[base]);
                    results.with_baseline(&labels[base].mesh, added)
                }
                _ => results,
            }
        })
        .collect();
    for (results, mesh) in all.iter_mut().zip(&loaded.meshes) {
        results.notes.extend(loaded.notes.iter().cloned());
        results.notes.extend(mesh.profile.impossible(&loaded.scenario));
    }
    if outcome.stopped {
        let finished = outcome.records.first().map_or(0, Vec::len);
        let note = format!("stopped early: {finished} replications were finished");
        for results in &mut all {
            results.notes.push(note.clone());
        }
    }
    if outcome.imprecise {
        for ((results, labels), records) in all.iter_mut().zip(labels).zip(&outcome.records) {
            results.notes.extend(imprecision(labels, records));
        }
    }
    all
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

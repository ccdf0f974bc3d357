//! `sim run`: simulate a topology under one or several meshes.

use clap::Args;

use crate::experiment::{self, Outcome};
use crate::metrics::Labels;
use crate::output;
use crate::program::Program;

use super::options::{Format, Options};
use super::scenario::{Loaded, Meshes};
use super::simulation::{Simulation, results};
use super::store::{Place, Provenance};
use super::{Exit, print, slo};

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    options: Options,
}

pub(super) fn execute(arguments: &RunArguments) -> Exit {
    let options = &arguments.options;
    let Some(mut loaded) = options.loading(Meshes::OfScenario).load() else { return Exit::BadInput };
    options.adjust(&mut loaded);
    let programs = loaded.programs(&loaded.scenario);
    let places = match Provenance::new(&loaded, &programs).open(&options.out, options.existing()) {
        Ok(places) => places,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::BadInput;
        }
    };
    let plan = loaded.plan();
    let runs = u64::from(plan.first_replications()) * programs.len() as u64;
    let simulation = Simulation::start(options.threads, runs);
    let outcome = simulation.run(&programs, plan);
    let seconds = simulation.finish();
    if outcome.records.iter().any(Vec::is_empty) {
        eprintln!("error: stopped before the first replication was finished; nothing was written");
        return Exit::Unfinished;
    }
    report(options, &loaded, &programs, &places, &outcome, seconds)
}

fn report(
    options: &Options,
    loaded: &Loaded,
    programs: &[Program],
    places: &[Place],
    outcome: &Outcome,
    seconds: f64,
) -> Exit {
    let labels: Vec<Labels> = programs.iter().map(experiment::labels).collect();
    let all = results(loaded, &labels, outcome);
    let mut printed = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let records = &outcome.records[index];
        let run = output::Run { labels: &labels[index], records, results: &all[index] };
        let files = output::render(&run);
        printed.push(options.output.pick(&files));
        if let Err(error) = place.write(files, loaded, records.len(), &all[index].notes, seconds) {
            eprintln!("error: {error}");
            return Exit::Unfinished;
        }
    }
    let verdicts = slo::check(&loaded.scenario, &labels, outcome);
    match options.output {
        Format::Table => {
            print(&output::table::render(&all));
            print(&slo::render(&verdicts));
            let places: Vec<String> = places.iter().map(Place::path).collect();
            print(&format!("Results in {}\n", places.join(", ")));
        }
        Format::Csv | Format::Json => print(&options.output.join(&printed)),
    }
    slo::exit(outcome.stopped || outcome.imprecise, &verdicts)
}

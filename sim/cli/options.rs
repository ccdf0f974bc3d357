//! What `sim run` and `sim compare` are told on the command line, and what it changes.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::experiment::model::Length;
use crate::mesh::Scenario;
use crate::output::{Existing, File};
use crate::units::{Rate, Ratio, Span, UnitError};

use super::scenario::{Loaded, Loading, Meshes};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Scenario, isotope graph, Kubernetes manifests, or a folder of them; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "file")]
    pub(super) files: Vec<PathBuf>,
    /// One more file or folder
    #[arg(short, long, value_name = "PATH")]
    pub(super) file: Vec<PathBuf>,
    /// Meshes to run under, by profile name or file; several are compared with `none`, or else with the first
    #[arg(long, value_name = "MESH", value_delimiter = ',')]
    pub(super) mesh: Vec<String>,
    /// Replace a value: `services.web.replicas=3`, `run.seed=7`, `profile.proxy.workers=4`; an element of a list goes by
    /// its name, or by its position from 0 (`traffic[0].rate=50`)
    #[arg(long, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// Seed of everything random
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Rate of every open source, and of each entry point of an isotope graph [default there: 1000/s, or less where that
    /// makes very many calls]
    #[arg(long, value_parser = rate)]
    pub(super) rps: Option<Rate>,
    /// Length of the measuring window
    #[arg(long, value_parser = window)]
    pub(super) duration: Option<Span>,
    /// Discarded transient before it
    #[arg(long, value_parser = Span::parse)]
    pub(super) warm_up: Option<Span>,
    /// Number of independent replications
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "precision")]
    pub(super) replications: Option<u32>,
    /// Add replications until the p99 of every entry is known to this share, e.g. 5%
    #[arg(long, value_parser = precision)]
    pub(super) precision: Option<Ratio>,
    /// Threads to run replications on [default: one per core]
    #[arg(long)]
    pub(super) threads: Option<NonZeroUsize>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// Let an object act only in the meshes that read its kind, instead of translating what is meant to each mesh
    #[arg(long)]
    pub(super) as_written: bool,
    /// Refuse files of which something is not modelled
    #[arg(long)]
    pub(super) strict: bool,
    /// Overwrite the results of another run
    #[arg(long)]
    pub(super) force: bool,
}

impl Options {
    /// What is to be loaded, and which meshes when none is named.
    pub(super) fn loading(&self, meshes: Meshes) -> Loading {
        Loading {
            files: self.files.iter().chain(&self.file).cloned().collect(),
            meshes: self.mesh.clone(),
            unnamed: meshes,
            sets: self.set.clone(),
            vary: None,
            rate: self.rps,
            as_written: self.as_written,
            strict: self.strict,
        }
    }

    /// Puts what the command line says in place of what the file says.
    pub(super) fn adjust(&self, loaded: &mut Loaded) {
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

    /// Who chose how long the runs of a scenario are.
    pub(super) const fn length(&self, scenario: &Scenario) -> Length {
        if scenario.unsaid.run && self.duration.is_none() && self.warm_up.is_none() {
            Length::Usual
        } else {
            Length::Chosen
        }
    }

    /// What is to become of another run's results.
    pub(super) const fn existing(&self) -> Existing {
        if self.force { Existing::Replace } else { Existing::Keep }
    }
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
pub(super) enum Format {
    /// A table for people
    Table,
    /// The content of every mesh's summary.json, as a list
    Json,
    /// The content of every mesh's summary.csv
    Csv,
}

impl Format {
    /// The file of a mesh that goes to standard output as it is, if one does.
    pub(super) fn pick(self, files: &[File]) -> String {
        let wanted = match self {
            Self::Table => return String::new(),
            Self::Json => "summary.json",
            Self::Csv => "summary.csv",
        };
        let bytes =
            files.iter().find(|file| file.path == wanted).map_or_else(Vec::new, |file| file.bytes.clone());
        String::from_utf8(bytes).expect("these files are text")
    }

    /// Those of all meshes as one: a list, or one table under one header.
    pub(super) fn join(self, texts: &[String]) -> String {
        match self {
            Self::Table => String::new(),
            Self::Json => format!("[\n{}]\n", texts.join(",")),
            Self::Csv => {
                let bodies = texts.iter().skip(1).filter_map(|csv| csv.split_once('\n'));
                bodies.fold(texts.first().cloned().unwrap_or_default(), |text, (_, body)| text + body)
            }
        }
    }
}

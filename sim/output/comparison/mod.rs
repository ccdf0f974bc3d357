//! Several meshes side by side: the terminal's tables, `comparison.csv`, `load.csv`, `vary.csv` and `report.md`.
//!
//! All of it follows from the runs' results; nothing is estimated here. What meshes add is against one baseline.

mod certificates;
mod changes;
mod csv;
mod grid;
mod lifecycle;
mod load;
mod routing;
mod standing;
mod tables;
mod telemetry;
mod terminal;
mod vary;
mod verdict;

use rayon::prelude::*;

use crate::experiment::load::Loads;
use crate::experiment::model::Sensitivities;
use crate::experiment::vary::Variation;
use crate::mesh::profile::{Assumption, Feature};
use crate::mesh::{Profile, Scenario};
use crate::metrics::Results;

use super::busiest::shown_entries;
use super::plot::{Picture, pictures};
use super::{File, FileHash, Output, Run, report};

pub(super) use certificates::certificates;
pub(super) use changes::changes;
pub(super) use lifecycle::lives;
pub(super) use load::{grid as load_grid, knees};
pub(super) use routing::{backend_name, splits, versions};
pub(super) use standing::{Judged, Standing};
pub(super) use tables::{tables, whole};
pub(super) use telemetry::{telemetry, watching};
pub(super) use terminal::paragraph;
pub use terminal::render as terminal;
pub(super) use vary::{grids as vary_grids, growth};
pub(super) use verdict::{Question, about_time, verdict};

/// Several meshes side by side.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// Mesh by mesh, each with what it adds to the baseline.
    pub runs: &'a [Run<'a>],
    /// Position of the mesh that the others are compared with.
    pub baseline: usize,
    /// Their profiles, in the same order.
    pub profiles: &'a [Profile],
    /// Draws of the profiles' constants; 0 when none were made.
    pub draws: u32,
    /// What each mesh assumes and the runs use.
    pub used: &'a [Vec<Assumption>],
    /// The constants that matter most, if they were looked for.
    pub sensitivities: Option<&'a Sensitivities>,
    /// What the user wrote, before any mesh has taken from it what it cannot do.
    pub written: &'a Scenario,
    /// What the scenario asks a mesh for.
    pub features: &'a [&'static Feature],
    /// The same under more and less traffic, if that was asked for.
    pub load: Option<&'a Loads>,
    /// The same with several values of one key, if that was asked for.
    pub vary: Option<&'a Variation>,
    /// The scenario's objectives, mesh by mesh.
    pub objectives: &'a [Judgement],
    /// What was wrong with the input without being an error, and what of it was ignored.
    pub warnings: &'a [String],
    /// Where it all comes from.
    pub origin: &'a Origin,
}

/// Whether a mesh meets an objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The mesh.
    pub mesh: String,
    /// The entry.
    pub entry: String,
    /// Whether it does.
    pub met: bool,
    /// What was seen, and what is allowed.
    pub text: String,
}

/// What a comparison came from: enough to make it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Version of `sim`.
    pub version: String,
    /// The command, without what does not change the results.
    pub command: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// Every file that was read.
    pub inputs: Vec<FileHash>,
}

/// Makes files of a comparison.
pub type Render = fn(&Comparison<'_>) -> Vec<File>;

/// What a comparison leaves behind, beside the files of each mesh.
pub const OUTPUTS: &[Output<Render>] = &[
    Output {
        file: "report.md",
        about: "verdict, tables, pictures, limits, assumptions and how to make it again",
        render: report::files,
    },
    Output {
        file: "comparison.csv",
        about: "each mesh's headline numbers with both intervals, what it adds, and its place",
        render: csv::files,
    },
    Output {
        file: "plots/*.svg, plots/*.png",
        about: "percentiles, where the time goes, CPU and memory, time series of the proxies, the call graph, response time against load, and proxies along the values of a key",
        render: |comparison| comparison.pictures().par_iter().flat_map_iter(Picture::files).collect(),
    },
    Output {
        file: "load.csv",
        about: "response time, throughput, errors and CPU against load, with `--load`",
        render: load::files,
    },
    Output {
        file: "vary.csv",
        about: "response time, proxies' CPU and memory (of each group, of all, of the largest), control plane, nodes and cost with each value of a key, with `--vary`",
        render: vary::files,
    },
];

/// The files of every output.
pub fn render(comparison: &Comparison<'_>) -> Vec<File> {
    OUTPUTS.iter().flat_map(|output| (output.render)(comparison)).collect()
}

impl<'a> Comparison<'a> {
    /// The results of all meshes.
    pub(super) fn results(&self) -> impl Iterator<Item = &'a Results> + use<'a> {
        self.runs.iter().map(|run| run.results)
    }

    /// Those of the meshes that are compared with the baseline.
    pub(super) fn compared(&self) -> impl Iterator<Item = &'a Results> + use<'a> {
        let baseline = self.baseline;
        self.results().enumerate().filter(move |&(mesh, _)| mesh != baseline).map(|(_, results)| results)
    }

    /// The name of the baseline.
    pub(super) fn baseline_name(&self) -> &'a str {
        &self.runs[self.baseline].results.mesh
    }

    /// The name of the scenario.
    pub(super) fn scenario(&self) -> &'a str {
        &self.runs[self.baseline].results.scenario
    }

    /// The entries that have tables and pictures of their own.
    pub(super) fn shown_entries(&self) -> Vec<&'a str> {
        shown_entries(self.runs[self.baseline].results).0
    }

    /// What there is to look at.
    pub(super) fn pictures(&self) -> Vec<Picture> {
        let load = self.load.map_or_else(Vec::new, |loads| load::curves(self, loads));
        let vary = self.vary.map_or_else(Vec::new, |variation| vary::curves(self, variation));
        pictures(self.runs, &load, &vary)
    }

    /// What decides whether one mesh's number is lower than another one's.
    pub(super) const fn judged(&self) -> Judged {
        if self.is_by_model() { Judged::ByModel } else { Judged::BySimulation }
    }

    /// Whether constants were drawn.
    pub(super) const fn is_by_model(&self) -> bool {
        self.draws > 0
    }
}

#[cfg(test)]
mod tests;

//! What is written: one file per output, a row each in [`OUTPUTS`].
//!
//! Outputs are pure: they turn a [`Run`] into the bytes of [`File`]s, the same bytes for the same run. Only [`Folder`]
//! touches the disk. A command does:
//!
//! 1. [`Folder::open`] for every mesh, before it simulates: a folder that holds another run's results is refused.
//! 2. [`estimate`](crate::metrics::estimate()), and [`difference`](crate::metrics::difference) against a baseline.
//! 3. [`Folder::write`] for every mesh, and [`table::render`] for the terminal.

mod busiest;
pub mod comparison;
pub mod diff;
mod edges_csv;
mod folder;
mod hgrm;
mod human;
mod manifest;
mod names;
pub mod native;
pub mod plot;
mod replications_csv;
mod report;
pub mod resources;
pub mod routes;
pub mod saved;
mod summary_csv;
mod summary_json;
pub mod table;
mod timeline_csv;

use rayon::prelude::*;

use crate::metrics::{Labels, Results, RunRecord};

pub(crate) use folder::write_whole;
pub use folder::{Existing, Folder, FolderError, Holds};
pub use manifest::{FileHash, Identity, Manifest};

/// One scenario under one mesh: what outputs are made of.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Names of the rows of the records.
    pub labels: &'a Labels,
    /// Replications in order.
    pub records: &'a [RunRecord],
    /// What follows from them.
    pub results: &'a Results,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path within the mesh's folder, with `/` between its parts.
    pub path: String,
    /// Everything in it.
    pub bytes: Vec<u8>,
}

/// A kind of file that a run leaves behind, or a comparison.
pub struct Output<Render = fn(&Run<'_>) -> Vec<File>> {
    /// Its name or pattern in the mesh's folder.
    pub file: &'static str,
    /// What it holds, in one line.
    pub about: &'static str,
    /// Makes it.
    pub render: Render,
}

/// All outputs beside the manifest, which [`Folder::write`] adds since it lists them.
pub const OUTPUTS: &[Output] = &[
    Output {
        file: "summary.csv",
        about: "every number with unit and intervals, one per row",
        render: summary_csv::files,
    },
    Output {
        file: "summary.json",
        about: "the same with the notes, as docs/summary.schema.json describes it",
        render: summary_json::files,
    },
    Output {
        file: "replications.csv",
        about: "what each replication alone says of the scenario and its entries, for `sim diff`",
        render: replications_csv::files,
    },
    Output {
        file: "edges.csv",
        about: "the call graph, one row per caller and callee",
        render: edges_csv::files,
    },
    Output {
        file: "timeline.csv",
        about: "golden signals of each interval of the run: traffic, errors, latency, saturation, by entry and service",
        render: timeline_csv::files,
    },
    Output {
        file: "histograms/*.hgrm",
        about: "response times of each entry in full, in milliseconds, for HdrHistogram's plotter",
        render: hgrm::files,
    },
];

/// The files of every output, in the order of [`OUTPUTS`]; they are made side by side.
pub fn render(run: &Run<'_>) -> Vec<File> {
    OUTPUTS.par_iter().flat_map_iter(|output| (output.render)(run)).collect()
}

#[cfg(test)]
mod tests;

//! Pictures of a comparison, each as SVG and PNG, readable by itself.
//!
//! A picture is first a list of shapes (`canvas`), which `render` turns into bytes: the same bytes for the same runs.
//! One file per picture; `sheet`, `panel`, `bars`, `axis`, `number` and `palette` are what they share.

mod axis;
mod bars;
mod canvas;
mod certificates;
mod convergence;
mod font;
mod graph;
mod load;
mod number;
mod outcomes;
mod over_time;
mod palette;
mod panel;
mod percentiles;
mod pods;
mod render;
mod resources;
mod sheet;
mod spread;
mod start_up;
mod telemetry;
mod time;
mod timeline;
mod vary;

use canvas::Canvas;

use super::busiest::shown_entries;
use super::names::file_names;
use super::{File, Run};

pub use load::{LoadCurve, LoadPoint};
pub(super) use telemetry::NAME as TELEMETRY;
pub(super) use vary::NAME as VARY;
pub use vary::{VaryCurve, VaryPoint, numbers_of};

/// A picture, drawn but not yet in any format.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its file name without folder and extension.
    pub name: String,
    /// What it shows, in one line; also written in it.
    pub title: String,
    /// How to read it; also written in it.
    pub caption: String,
    canvas: Canvas,
}

impl Picture {
    /// `plots/<name>.svg` and `plots/<name>.png`.
    pub fn files(&self) -> [File; 2] {
        let path = |extension| format!("plots/{}.{extension}", self.name);
        [
            File { path: path("svg"), bytes: render::svg(&self.canvas).into_bytes() },
            File { path: path("png"), bytes: render::png(&self.canvas) },
        ]
    }
}

/// All pictures of one scenario under several meshes (or one), a run each; `load` and `vary` may be empty.
///
/// In order: percentiles, time, time line and outcomes of each entry, load of each entry, what varies along a key, convergence of each
/// change, start-up and number of the pods of each workload of which some come and go, certificates, resources,
/// telemetry, and the call graph under each mesh. What cannot be drawn or says nothing (no answered request, no failed one, no proxy) is left out, and so
/// are all but the busiest of many entries.
pub fn pictures(runs: &[Run<'_>], load: &[LoadCurve], vary: &[VaryCurve]) -> Vec<Picture> {
    let (entries, _) = runs.first().map(|run| shown_entries(run.results)).unwrap_or_default();
    let mut pictures = Vec::new();
    for entry in &entries {
        pictures.extend(percentiles::picture(runs, entry));
        pictures.extend(time::picture(runs, entry));
        pictures.extend(timeline::picture(runs, entry));
        pictures.extend(outcomes::picture(runs, entry));
    }
    pictures.extend(load::pictures(load, &entries));
    pictures.extend(vary::picture(vary));
    let changes = runs.first().map_or(0, |run| run.labels.changes.len());
    pictures.extend((0..changes.min(MOST_CHANGES)).filter_map(|event| convergence::picture(runs, event)));
    let lives = runs.first().map_or(0, |run| run.labels.lives.len());
    pictures.extend((0..lives.min(MOST_LIVES)).filter_map(|life| start_up::picture(runs, life)));
    pictures.extend((0..lives.min(MOST_LIVES)).filter_map(|life| pods::picture(runs, life)));
    pictures.extend(certificates::picture(runs));
    pictures.extend(resources::picture(runs));
    pictures.extend(telemetry::picture(runs));
    pictures.extend(graph::pictures(runs));
    let names: Vec<&str> = pictures.iter().map(|picture| picture.name.as_str()).collect();
    let names = file_names(&names);
    for (picture, name) in pictures.iter_mut().zip(names) {
        picture.name = name;
    }
    pictures
}

/// Changes of configuration that have a picture.
const MOST_CHANGES: usize = 6;

/// Workloads whose pods' start, and whose number of pods, have one.
const MOST_LIVES: usize = 4;

/// The mesh that others are compared with.
fn baseline<'a>(runs: &[Run<'a>]) -> Option<&'a str> {
    runs.iter().find_map(|run| run.results.baseline.as_deref())
}

/// What all names begin with, up to the slash, if they do.
fn common_namespace(services: &[String]) -> String {
    let namespace = |name: &String| name.split_once('/').map(|(namespace, _)| format!("{namespace}/"));
    let first = services.first().and_then(namespace).unwrap_or_default();
    if services.iter().all(|name| name.starts_with(&first)) { first } else { String::new() }
}

#[cfg(test)]
mod tests;

//! `graph-<mesh>`: the call graph, with the load of each service and what proxies add to each call.

mod draw;
mod layout;
mod model;

use std::fmt::Write as _;

use crate::metrics::Unit;
use crate::metrics::pool::pool;
use crate::output::Run;

use super::sheet::{Heading, Sheet, subtitle};
use super::{Picture, number};
use draw::{Ranges, box_size, draw};
use layout::lay_out;
use model::{Graph, graph};

/// Narrower graphs stand in the middle.
const NARROWEST: f64 = 620.0;
/// Legend above the graph.
const LEGEND: f64 = 40.0;

/// One picture for each run; colours and widths mean the same in all of them.
pub(super) fn pictures(runs: &[Run<'_>]) -> Vec<Picture> {
    let graphs: Vec<Graph> = runs.iter().map(|run| graph(run.labels, &pool(run.records))).collect();
    let links = || graphs.iter().flat_map(|graph| &graph.links);
    let slowest = links().filter_map(|link| link.added).fold(0.0, f64::max);
    let ranges = Ranges {
        rate: links().map(|link| link.rate).fold(0.0, f64::max),
        added: slowest,
        scale: number::scale([slowest], Unit::Seconds),
    };
    let drawn = runs.iter().zip(&graphs).filter(|(_, graph)| !graph.nodes.is_empty());
    drawn.map(|(run, graph)| picture(run, graph, ranges)).collect()
}

fn picture(run: &Run<'_>, graph: &Graph, ranges: Ranges) -> Picture {
    let mesh = &run.labels.mesh;
    let ends: Vec<(usize, usize)> = graph.links.iter().map(|link| (link.from, link.to)).collect();
    let layout = lay_out(graph.nodes.len(), &ends, box_size(graph));
    let mut caption = String::new();
    if graph.left_out > 0 {
        let shown = graph.services - graph.left_out;
        caption =
            format!("The {shown} busiest of {} services; {} are left out. ", graph.services, graph.left_out);
    }
    caption += "Callers above callees. The wider a line, the more calls; its colour and number are the median time that a \
                call spends in proxies and on handshakes, on one scale for all meshes compared.";
    match graph.waypoints.as_slice() {
        [] => {}
        [waypoint] => {
            let _ = write!(caption, " The waypoint's work ({waypoint}) is in the number.");
        }
        all => {
            let _ = write!(caption, " The work of {} waypoints is in the number.", all.len());
        }
    }
    let heading = Heading {
        name: format!("graph-{mesh}"),
        title: if mesh == "none" {
            "What proxies add to each call without a mesh".to_owned()
        } else {
            format!("What proxies add to each call under {mesh}")
        },
        subtitle: subtitle(run, "call graph"),
        caption,
    };
    let width = layout.width.max(NARROWEST);
    let mut sheet = Sheet::new(heading, (width, LEGEND + layout.height + 10.0));
    let corner = (sheet.area.left + (width - layout.width) / 2.0, sheet.area.top + LEGEND);
    draw(graph, &layout, corner, ranges, &mut sheet);
    sheet.finish()
}

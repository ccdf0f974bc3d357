//! `time-<entry>`: where the time of a request goes, a bar for each mesh.

use crate::metrics::Unit;
use crate::metrics::pool::pool_entry;
use crate::metrics::record::PARTS;
use crate::output::Run;

use super::bars::{Bar, Bars};
use super::palette::{legend, part_colours};
use super::sheet::{Area, Heading, Sheet, WIDTH, subtitle};
use super::{Picture, baseline, number};

const NANOS_PER_SECOND: f64 = 1e9;
const LEGEND: f64 = 30.0;

/// The picture of one entry; `None` where no request was answered.
pub(super) fn picture(runs: &[Run<'_>], entry: &str) -> Option<Picture> {
    let times: Vec<(&str, Vec<f64>)> =
        runs.iter().filter_map(|run| Some((run.labels.mesh.as_str(), mean_times(run, entry)?))).collect();
    if times.is_empty() {
        return None;
    }
    // A part that takes no time under any mesh says nothing.
    let shown: Vec<usize> =
        (0..PARTS.len()).filter(|&part| times.iter().any(|(_, parts)| parts[part] > 0.0)).collect();
    let names: Vec<&str> = shown.iter().map(|&part| PARTS[part]).collect();
    let colours = part_colours(&names);
    let total = |parts: &[f64]| parts.iter().sum::<f64>();
    let without = baseline(runs).and_then(|mesh| times.iter().find(|(name, _)| *name == mesh));
    let scale = number::scale(times.iter().map(|(_, parts)| total(parts)), Unit::Seconds);
    let bars = times.iter().map(|(mesh, parts)| Bar {
        name: (*mesh).to_owned(),
        parts: shown.iter().map(|&part| parts[part]).collect(),
        detail: match without {
            Some((baseline, base)) if baseline != mesh => number::added(total(parts) - total(base), scale),
            _ => String::new(),
        },
    });
    let bars = Bars {
        title: "mean time per request".to_owned(),
        unit: Unit::Seconds,
        colours: colours.clone(),
        rows: bars.collect(),
    };
    let added =
        without.map_or_else(String::new, |(mesh, _)| format!(", and below it the difference to {mesh}"));
    let caption = format!(
        "Mean over successful requests; the parts add up to the response time. At the end of a bar its total{added}."
    );
    let heading = Heading {
        name: format!("time-{entry}"),
        title: format!("Where the time of a {entry} request goes"),
        subtitle: subtitle(runs.first()?, "mean response time by part"),
        caption,
    };
    let mut sheet = Sheet::new(heading, (WIDTH, LEGEND + 4.0 + bars.height()));
    let words = names.iter().map(|name| name.replace('_', " "));
    let entries: Vec<_> = colours.into_iter().zip(words).collect();
    let used = legend(&mut sheet.canvas, sheet.area.corner(), WIDTH, &entries);
    bars.draw(&mut sheet.canvas, Area { top: sheet.area.top + used.max(LEGEND) + 4.0, ..sheet.area });
    Some(sheet.finish())
}

/// Seconds in each part, mean over the successful requests of all replications.
fn mean_times(run: &Run<'_>, entry: &str) -> Option<Vec<f64>> {
    let row = run.labels.entries.iter().position(|label| label.name == entry)?;
    let record = pool_entry(run.records, row)?;
    let requests = record.succeeded.len();
    let mean = |total: &u64| *total as f64 / NANOS_PER_SECOND / requests as f64;
    (requests > 0).then(|| record.parts.iter().map(mean).collect())
}

//! `outcomes-<entry>`: what became of the requests over time, a panel for each mesh: good answers, and errors by cause.

use crate::metrics::Unit;
use crate::output::Run;
use crate::vocabulary::failure::Cause;

use super::axis::Axis;
use super::canvas::{Align, Point};
use super::palette::{Colour, GOOD, INK, LABEL, NOTE, STRONG, cause_colour, legend};
use super::panel::{Panel, align};
use super::sheet::{Area, Heading, Sheet, WIDTH, subtitle};
use super::{Picture, number};

const LEGEND: f64 = 30.0;
/// From the top of one panel to that of the next, and the room that a panel takes beyond that for its own time axis.
const STEP: f64 = 128.0;
const TIME_AXIS: f64 = 30.0;
/// Room for what is said of a mesh.
const LABELS: f64 = 232.0;
const LABEL_LINE: f64 = 17.0;
/// Causes that are told beside a panel, at most.
const MOST_CAUSES: usize = 3;
/// A share of errors too small to be seen as an area.
const UNSEEN: f64 = 0.002;

/// What one interval was like, all replications together; numbers are per second.
struct Interval {
    start: f64,
    end: f64,
    warm_up: bool,
    requests: f64,
    good: f64,
    /// In the order of [`Cause::ALL`].
    failed: [f64; Cause::ALL.len()],
}

/// The picture of one entry; `None` where next to nothing failed.
pub(super) fn picture(runs: &[Run<'_>], entry: &str) -> Option<Picture> {
    let meshes: Vec<(&str, Vec<Interval>)> =
        runs.iter().map(|run| (run.labels.mesh.as_str(), intervals(run, entry))).collect();
    let causes: Vec<Cause> = Cause::ALL
        .into_iter()
        .filter(|&(_, cause)| meshes.iter().any(|(_, intervals)| is_seen(intervals, cause)))
        .map(|(_, cause)| cause)
        .collect();
    if causes.is_empty() {
        return None;
    }
    let heading = Heading {
        name: format!("outcomes-{entry}"),
        title: format!("What became of the requests of {entry}"),
        subtitle: subtitle(runs.first()?, "requests and answers per second"),
        caption: "The line is requests as they start. Areas are answers as they come, to whoever sent the request: good ones, \
                  and failed ones by what made them fail, wherever in the call tree that was. At the right the means of the \
                  measuring window. On grey: the warm-up."
            .to_owned(),
    };
    let mut sheet = Sheet::new(heading, (WIDTH, LEGEND + STEP * meshes.len() as f64 + TIME_AXIS));
    let mut entries = vec![(GOOD, "answered well".to_owned())];
    entries.extend(causes.iter().map(|&cause| (cause_colour(cause), words(cause))));
    let used = legend(&mut sheet.canvas, sheet.area.corner(), WIDTH, &entries);
    let area = Area { top: sheet.area.top + used.max(LEGEND), ..sheet.area };
    let placed = place(&meshes, area);
    for (index, (panel, (_, intervals))) in placed.iter().zip(&meshes).enumerate() {
        let warm_up = intervals.iter().filter(|row| row.warm_up).map(|row| row.end).fold(0.0, f64::max);
        panel.shade_warm_up(&mut sheet.canvas, warm_up, index == 0);
        panel.draw(&mut sheet.canvas);
        areas(&causes, intervals, panel, &mut sheet);
        describe(&causes, intervals, panel, &mut sheet);
    }
    Some(sheet.finish())
}

fn words(cause: Cause) -> String {
    cause.name().replace('_', " ")
}

/// What the time line of a run says of an entry.
fn intervals(run: &Run<'_>, entry: &str) -> Vec<Interval> {
    let Some(row) = run.labels.entries.iter().position(|label| label.name == entry) else {
        return Vec::new();
    };
    let Some(first) = run.records.first() else { return Vec::new() };
    let replications = run.records.len() as f64;
    let interval = |(number, (start, end)): (usize, (u64, u64))| {
        let rows = || run.records.iter().map(|record| record.timeline.entries[number][row]);
        let per_second = 1e9 / (end - start) as f64 / replications;
        let each = |of: fn(crate::metrics::timeline::EntryInterval) -> u64| {
            rows().map(of).sum::<u64>() as f64 * per_second
        };
        let failed = |cause: usize| rows().map(|row| f64::from(row.causes[cause])).sum::<f64>() * per_second;
        Interval {
            start: start as f64 / 1e9,
            end: end as f64 / 1e9,
            warm_up: start < first.timeline.warm_up,
            requests: each(|row| row.requests),
            good: each(|row| row.responses - row.failures),
            failed: std::array::from_fn(failed),
        }
    };
    first.timeline.bounds().enumerate().map(interval).collect()
}

/// Whether a cause makes an area that can be seen in some interval.
fn is_seen(intervals: &[Interval], cause: Cause) -> bool {
    intervals.iter().any(|row| row.failed[cause as usize] > UNSEEN * row.requests.max(row.good))
}

/// Panels above each other, all on one scale.
fn place(meshes: &[(&str, Vec<Interval>)], area: Area) -> Vec<Panel> {
    let rows = || meshes.iter().flat_map(|(_, intervals)| intervals);
    let answers = |row: &Interval| row.good + row.failed.iter().sum::<f64>();
    let largest = rows().map(|row| row.requests.max(answers(row))).fold(0.0, f64::max);
    let end = rows().map(|row| row.end).fold(0.0, f64::max);
    let mut panels: Vec<Panel> = meshes
        .iter()
        .enumerate()
        .map(|(index, (mesh, _))| {
            let top = area.top + STEP * index as f64;
            let y = Axis::from_zero(mesh, largest, Unit::Count);
            let x = Axis::from_zero("seconds from the start of the run", end, Unit::Count).ending_at(end);
            Panel::new(Area { top, bottom: top + STEP + TIME_AXIS, ..area }, x, y, LABELS)
        })
        .collect();
    align(&mut panels);
    panels
}

/// Good answers on the axis, each cause on what is below it, and the line of requests above all.
fn areas(causes: &[Cause], intervals: &[Interval], panel: &Panel, sheet: &mut Sheet) {
    let mut heights: Vec<f64> = intervals.iter().map(|row| row.good).collect();
    let mut layers: Vec<(Colour, Vec<f64>)> = vec![(GOOD, heights.clone())];
    for &cause in causes {
        for (height, row) in heights.iter_mut().zip(intervals) {
            *height += row.failed[cause as usize];
        }
        layers.push((cause_colour(cause), heights.clone()));
    }
    // Each reaches down to the axis, and is covered by those below it.
    for (colour, heights) in layers.into_iter().rev() {
        let mut corners = steps(intervals, &heights, panel);
        let (Some(&first), Some(&last)) = (corners.first(), corners.last()) else { continue };
        corners.extend([(last.0, panel.area.bottom), (first.0, panel.area.bottom)]);
        sheet.canvas.polygon(corners, colour);
    }
    let requests: Vec<f64> = intervals.iter().map(|row| row.requests).collect();
    sheet.canvas.line(steps(intervals, &requests, panel), 1.6, INK);
}

/// A line that is level within each interval.
fn steps(intervals: &[Interval], heights: &[f64], panel: &Panel) -> Vec<Point> {
    let rows = intervals.iter().zip(heights);
    rows.flat_map(|(row, &height)| [panel.at(row.start, height), panel.at(row.end, height)]).collect()
}

/// Goodput beside what was asked for, and what most failures came from.
fn describe(causes: &[Cause], intervals: &[Interval], panel: &Panel, sheet: &mut Sheet) {
    let seconds: f64 = intervals.iter().filter(|row| !row.warm_up).map(|row| row.end - row.start).sum();
    let mean = |of: &dyn Fn(&Interval) -> f64| {
        let rows = intervals.iter().filter(|row| !row.warm_up);
        rows.map(|row| of(row) * (row.end - row.start)).sum::<f64>() / seconds.max(f64::MIN_POSITIVE)
    };
    let mut failed: Vec<(Cause, f64)> =
        causes.iter().map(|&cause| (cause, mean(&|row| row.failed[cause as usize]))).collect();
    failed.retain(|(_, rate)| *rate > 0.0);
    failed.sort_by(|one, other| other.1.total_cmp(&one.1));
    let (asked, good) = (number::rate(mean(&|row| row.requests)), number::rate(mean(&|row| row.good)));
    let mut lines = vec![(format!("{good} good of {asked}"), STRONG)];
    lines.extend(
        failed
            .into_iter()
            .take(MOST_CAUSES)
            .map(|(cause, rate)| (format!("{}: {}", words(cause), number::rate(rate)), NOTE)),
    );
    let (x, room) = (panel.area.right + 14.0, LABELS - 14.0);
    for (line, (text, style)) in lines.into_iter().enumerate() {
        let y = panel.area.top + LABEL.drop() * 2.0 + LABEL_LINE * line as f64;
        sheet.canvas.text((x, y), Align::Left, &style.fit(&text, room), style);
    }
}

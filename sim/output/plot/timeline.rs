//! `timeline-<entry>`: golden signals over time, four panels above each other, a line for each mesh.

use crate::metrics::{Scope, Statistic, TimelineRow, Unit, busiest_services, timeline};
use crate::output::Run;

use super::axis::Axis;
use super::canvas::{Align, Point};
use super::palette::{Colour, FAINT, LABEL, Look, NOTE, WHITE, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Area, Heading, Sheet, WIDTH, subtitle};
use super::{Picture, number};

/// When the slowest shown is so many times the fastest shown, the axis is logarithmic.
const LOGARITHMIC_FROM: f64 = 30.0;
/// From the top of one panel to that of the next, and the room that a panel takes beyond that for its own time axis.
const STEP: f64 = 148.0;
const TIME_AXIS: f64 = 30.0;
/// Room for the labels of the lines.
const LABELS: f64 = 232.0;
const WARM_UP: Colour = Colour(244, 244, 244);
const CHANGES: Colour = Colour(238, 242, 248);
/// Lines for the names of changes, and their height.
const NAME_LINES: usize = 4;
const NAME_LINE: f64 = 14.0;

/// The time line of one mesh.
struct Line {
    mesh: String,
    look: Look,
    rows: Vec<TimelineRow>,
}

/// What a panel shows.
struct Shown {
    title: String,
    scope: Scope,
    metric: &'static str,
    unit: Unit,
    /// The last one is drawn strongest.
    statistics: &'static [Statistic],
}

/// The picture of one entry; `None` without responses in at least two intervals.
pub(super) fn picture(runs: &[Run<'_>], entry: &str) -> Option<Picture> {
    let (lines, saturation) = lines(runs, entry);
    let times = shown_times();
    if lines.iter().all(|line| line.values(&times, Statistic::P99).len() < 2) {
        return None;
    }
    let mut caption = "Each point is an interval, all replications together: requests as they start, errors and response \
                       times of the responses that come. The strong lines are p99, the thin ones p50. On grey: the \
                       warm-up, which counts for nothing else."
        .to_owned();
    if runs.first().is_some_and(|run| !run.labels.changes.is_empty()) {
        caption += " Upright lines: configuration changes; bands: again and again.";
    }
    let heading = Heading {
        name: format!("timeline-{entry}"),
        title: format!("Golden signals of {entry} over time"),
        subtitle: subtitle(runs.first()?, ""),
        caption,
    };
    let end = lines.iter().flat_map(|line| &line.rows).map(|row| row.end).fold(0.0, f64::max);
    let rate = Shown::of_entry("requests per second", "request_rate", Unit::Count);
    let panels = [rate, Shown::of_entry("errors", "error_ratio", Unit::Ratio), times, saturation];
    let mut sheet = Sheet::new(heading, (WIDTH, STEP * panels.len() as f64 + TIME_AXIS));
    let placed = place(&lines, &panels, sheet.area, end);
    for (index, (panel, shown)) in placed.iter().zip(&panels).enumerate() {
        shade_warm_up(&lines, panel, index == 0, &mut sheet);
        mark_changes(runs, panel, index == 0, &mut sheet);
        panel.draw(&mut sheet.canvas);
        let mut labels = Vec::new();
        for line in &lines {
            labels.extend(draw(line, shown, panel, &mut sheet));
        }
        if shown.metric == "response_time" {
            label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
        }
    }
    Some(sheet.finish())
}

fn shown_times() -> Shown {
    Shown {
        statistics: &[Statistic::P50, Statistic::P99],
        ..Shown::of_entry("response time, p50 and p99", "response_time", Unit::Seconds)
    }
}

/// Each mesh's rows of the entry and of the service with the least to spare, and what is shown of that.
fn lines(runs: &[Run<'_>], entry: &str) -> (Vec<Line>, Shown) {
    let candidates: Vec<usize> = runs.iter().flat_map(|run| busiest_services(run.records, 1)).collect();
    let meshes: Vec<&str> = runs.iter().map(|run| run.labels.mesh.as_str()).collect();
    let mut lines: Vec<Line> = runs
        .iter()
        .zip(looks(&meshes))
        .map(|(run, look)| {
            let rows = timeline(run.labels, run.records, &candidates);
            Line { mesh: run.labels.mesh.clone(), look, rows }
        })
        .collect();
    let saturation = |metric| {
        let rows = lines.iter().flat_map(|line| &line.rows);
        rows.filter(move |row| row.metric == metric).max_by(|one, other| one.value.total_cmp(&other.value))
    };
    let busiest = saturation("utilization").or_else(|| saturation("cpu"));
    let (name, metric, unit) = busiest
        .map_or((String::new(), "utilization", Unit::Ratio), |row| (row.name.clone(), row.metric, row.unit));
    let what = if metric == "cpu" { "CPU" } else { "busy workers" };
    let title = format!("{what} of {name}, the busiest service");
    for line in &mut lines {
        let of_entry = |row: &TimelineRow| row.scope == Scope::Entry && row.name == entry;
        line.rows.retain(|row| of_entry(row) || row.scope == Scope::Service && row.name == name);
    }
    (lines, Shown { title, scope: Scope::Service, metric, unit, statistics: &[Statistic::Mean] })
}

/// Panels above each other whose left ends are in line; only the last one's time axis is written at.
fn place(lines: &[Line], shown: &[Shown], area: Area, end: f64) -> Vec<Panel> {
    let mut panels: Vec<Panel> = shown
        .iter()
        .enumerate()
        .map(|(index, shown)| {
            let top = area.top + STEP * index as f64;
            let values = || lines.iter().flat_map(|line| line.all(shown)).map(|at| at.1);
            let (smallest, largest) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
            let y = if shown.metric == "response_time" && largest > LOGARITHMIC_FROM * smallest {
                Axis::logarithmic(&shown.title, (smallest, largest), shown.unit)
            } else {
                Axis::from_zero(&shown.title, largest, shown.unit)
            };
            let x = Axis::from_zero("seconds from the start of the run", end, Unit::Count).ending_at(end);
            Panel::new(Area { top, bottom: top + STEP + TIME_AXIS, ..area }, x, y, LABELS)
        })
        .collect();
    let left = panels.iter().map(|panel| panel.area.left).fold(0.0, f64::max);
    let last = panels.len() - 1;
    for (index, panel) in panels.iter_mut().enumerate() {
        panel.area.left = left;
        if index < last {
            panel.x.title.clear();
            panel.x.ticks.iter_mut().for_each(|(_, text)| text.clear());
        }
    }
    panels
}

/// Where the transient is that counts for nothing else.
fn shade_warm_up(lines: &[Line], panel: &Panel, is_named: bool, sheet: &mut Sheet) {
    let rows = lines.iter().flat_map(|line| &line.rows);
    let end = rows.filter(|row| row.warm_up).map(|row| row.end).fold(0.0, f64::max);
    let Area { left, top, .. } = panel.area;
    let width = panel.at(end, panel.y.ends.0).0 - left;
    sheet.canvas.rectangle((left, top), (width, panel.area.height()), WARM_UP);
    if is_named && width > NOTE.width("warm-up") + 8.0 {
        sheet.canvas.text(
            (left + width - 4.0, top + 4.0 + LABEL.drop() * 2.0),
            Align::Right,
            "warm-up",
            NOTE,
        );
    }
}

/// A line where configuration changes, a band where it does so again and again, in the first panel with its name.
fn mark_changes(runs: &[Run<'_>], panel: &Panel, is_named: bool, sheet: &mut Sheet) {
    let changes = runs.first().map_or(&[][..], |run| &run.labels.changes);
    let Area { top, bottom, right, .. } = panel.area;
    let x = |nanos: u64| panel.at(nanos as f64 / 1e9, panel.y.ends.0).0;
    for (index, change) in changes.iter().enumerate() {
        let (from, to) = (x(change.span.0), x(change.span.1));
        if to > from {
            sheet.canvas.rectangle((from, top), (to - from, panel.area.height()), CHANGES);
        }
        sheet.canvas.line(vec![(from, top), (from, bottom)], 1.0, FAINT);
        if is_named {
            // Rates have nothing to show near zero. Names that follow each other closely stand above each other.
            let line = (index % NAME_LINES) as f64;
            let place = (from + 4.0, bottom - (line + 0.5) * NAME_LINE);
            let room = (right - place.0).max(0.0);
            sheet.canvas.text(place, Align::Left, &NOTE.fit(&change.name, room), NOTE);
        }
    }
}

/// Draws a mesh's lines; gives the label of the strongest.
fn draw(line: &Line, shown: &Shown, panel: &Panel, sheet: &mut Sheet) -> Option<LineLabel> {
    let mut label = None;
    for (rank, &statistic) in shown.statistics.iter().rev().enumerate() {
        let values = line.values(shown, statistic);
        let placed: Vec<Point> = values.iter().map(|&(time, value)| panel.at(time, value)).collect();
        let (width, colour) =
            if rank == 0 { (2.0, line.look.colour) } else { (1.2, line.look.colour.towards(WHITE, 0.35)) };
        sheet.canvas.dashed(&placed, line.look.dash, width, colour);
        if let (0, Some(&end)) = (rank, placed.last()) {
            let largest = values.iter().map(|at| at.1).fold(0.0, f64::max);
            let detail = format!("{statistic} up to {}", number::alone(largest, shown.unit));
            label = Some(LineLabel { end, name: line.mesh.clone(), detail, look: line.look });
        }
    }
    label
}

impl Line {
    /// Middle of the interval and value, in the order of time.
    fn values(&self, shown: &Shown, statistic: Statistic) -> Vec<(f64, f64)> {
        let is_shown = |row: &&TimelineRow| {
            row.scope == shown.scope && row.metric == shown.metric && row.statistic == statistic
        };
        self.rows.iter().filter(is_shown).map(|row| (f64::midpoint(row.start, row.end), row.value)).collect()
    }

    /// Of every statistic.
    fn all(&self, shown: &Shown) -> Vec<(f64, f64)> {
        shown.statistics.iter().flat_map(|&statistic| self.values(shown, statistic)).collect()
    }
}

impl Shown {
    fn of_entry(title: &str, metric: &'static str, unit: Unit) -> Self {
        Self { title: title.to_owned(), scope: Scope::Entry, metric, unit, statistics: &[Statistic::Mean] }
    }
}

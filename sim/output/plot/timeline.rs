//! `timeline-<entry>`: golden signals over time, panels above each other, a line for each mesh.

use crate::metrics::{Scope, Statistic, TimelineRow, Unit, busiest_services, timeline};
use crate::output::Run;

use super::axis::Axis;
use super::canvas::{Align, Point};
use super::palette::{Colour, FAINT, Look, NOTE, WHITE, looks};
use super::panel::{LineLabel, Panel, align, label_lines};
use super::sheet::{Area, Heading, Sheet, WIDTH, subtitle};
use super::{Picture, common_namespace, number};

/// When the slowest shown is so many times the fastest shown, the axis is logarithmic.
const LOGARITHMIC_FROM: f64 = 30.0;
/// From the top of one panel to that of the next, and the room that a panel takes beyond that for its own time axis.
const STEP: f64 = 148.0;
const TIME_AXIS: f64 = 30.0;
/// So many ticks of a vertical axis have room to be written.
const MOST_TICKS: usize = 7;
/// Room for the labels of the lines.
const LABELS: f64 = 232.0;
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
    unit: Unit,
    /// Metrics and statistics; the last one is drawn strongest.
    lines: &'static [(&'static str, Statistic)],
}

const RATES: &[(&str, Statistic)] = &[("request_rate", Statistic::Mean), ("goodput", Statistic::Mean)];
const ERRORS: &[(&str, Statistic)] = &[("error_ratio", Statistic::Mean)];
const TIMES: &[(&str, Statistic)] = &[("response_time", Statistic::P50), ("response_time", Statistic::P99)];
const REACHED: &[(&str, Statistic)] = &[("request_rate", Statistic::Mean)];
const BUSY: &[(&str, Statistic)] = &[("utilization", Statistic::Mean)];
const CPU: &[(&str, Statistic)] = &[("cpu", Statistic::Mean)];

/// What a caption says of the marks of events.
pub(super) const MARKS: &str = "Upright lines: events; bands: events that last, or happen again and again.";

/// The picture of one entry; `None` without responses in at least two intervals.
pub(super) fn picture(runs: &[Run<'_>], entry: &str) -> Option<Picture> {
    let (lines, busiest) = lines(runs, entry);
    let times = Shown::of_entry("response time, p50 and p99", Unit::Seconds, TIMES);
    if lines.iter().all(|line| line.values(Scope::Entry, TIMES[1]).len() < 2) {
        return None;
    }
    let mut caption = "Each point is an interval, all replications together: requests as they start, good answers, errors and \
                  response times as the responses come. The strong lines are good answers and p99, the thin ones requests \
                  and p50. On grey: the warm-up, which counts for nothing else."
            .to_owned();
    if runs.first().is_some_and(|run| !run.labels.changes.is_empty() || !run.labels.incidents.is_empty()) {
        caption += " ";
        caption += MARKS;
    }
    let heading = Heading {
        name: format!("timeline-{entry}"),
        title: format!("Golden signals of {entry} over time"),
        subtitle: subtitle(runs.first()?, ""),
        caption,
    };
    let end = lines.iter().flat_map(|line| &line.rows).map(|row| row.end).fold(0.0, f64::max);
    let rates = Shown::of_entry("requests and good answers per second", Unit::Count, RATES);
    let mut panels = vec![rates, Shown::of_entry("errors", Unit::Ratio, ERRORS), times];
    panels.extend(busiest);
    let mut sheet = Sheet::new(heading, (WIDTH, STEP * panels.len() as f64 + TIME_AXIS));
    let placed = place(&lines, &panels, sheet.area, end);
    let rows = lines.iter().flat_map(|line| &line.rows);
    let warm_up = rows.filter(|row| row.warm_up).map(|row| row.end).fold(0.0, f64::max);
    for (index, (panel, shown)) in placed.iter().zip(&panels).enumerate() {
        panel.shade_warm_up(&mut sheet.canvas, warm_up, index == 0);
        mark_changes(runs, panel, index == 0, &mut sheet);
        panel.draw(&mut sheet.canvas);
        let mut labels = Vec::new();
        for line in &lines {
            labels.extend(draw(line, shown, panel, &mut sheet));
        }
        if shown.lines == TIMES {
            label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
        }
    }
    Some(sheet.finish())
}

/// Each mesh's rows of the entry and of the service with the least to spare, and what is shown of that: how much it is
/// asked, where something is asked more than once, and how busy it is.
fn lines(runs: &[Run<'_>], entry: &str) -> (Vec<Line>, Vec<Shown>) {
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
    let (name, unit) = busiest.map_or((String::new(), Unit::Ratio), |row| (row.name.clone(), row.unit));
    let (what, metrics) = if unit == Unit::Ratio { ("busy workers", BUSY) } else { ("CPU", CPU) };
    let of_service = |title, unit, lines| Shown { title, scope: Scope::Service, unit, lines };
    let namespace = runs.first().map_or_else(String::new, |run| common_namespace(&run.labels.services));
    let short = name.strip_prefix(&namespace).unwrap_or(&name);
    let mut shown = Vec::new();
    if runs.iter().any(tries_again) {
        shown.push(of_service(format!("requests per second that reach {short}"), Unit::Count, REACHED));
    }
    shown.push(of_service(format!("{what} of {short}, the busiest service"), unit, metrics));
    for line in &mut lines {
        let of_entry = |row: &TimelineRow| row.scope == Scope::Entry && row.name == entry;
        line.rows.retain(|row| of_entry(row) || row.scope == Scope::Service && row.name == name);
    }
    (lines, shown)
}

/// Whether any call is made more than once.
fn tries_again(run: &Run<'_>) -> bool {
    let mut edges = run.records.iter().flat_map(|record| &record.edges);
    edges.any(|edge| edge.attempts > edge.calls)
}

/// Panels above each other.
fn place(lines: &[Line], shown: &[Shown], area: Area, end: f64) -> Vec<Panel> {
    let mut panels: Vec<Panel> = shown
        .iter()
        .enumerate()
        .map(|(index, shown)| {
            let top = area.top + STEP * index as f64;
            let values = || lines.iter().flat_map(|line| line.all(shown)).map(|at| at.1);
            let (smallest, largest) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
            let y = if shown.lines == TIMES && largest > LOGARITHMIC_FROM * smallest {
                Axis::logarithmic(&shown.title, (smallest, largest), shown.unit).thinned(MOST_TICKS)
            } else {
                Axis::from_zero(&shown.title, largest, shown.unit)
            };
            let x = Axis::from_zero("seconds from the start of the run", end, Unit::Count).ending_at(end);
            Panel::new(Area { top, bottom: top + STEP + TIME_AXIS, ..area }, x, y, LABELS)
        })
        .collect();
    align(&mut panels);
    panels
}

/// A line where configuration changes, a band where it does so again and again, in the first panel with its name.
pub(super) fn mark_changes(runs: &[Run<'_>], panel: &Panel, is_named: bool, sheet: &mut Sheet) {
    let labels = runs.first().map(|run| run.labels);
    let changes = labels.iter().flat_map(|labels| labels.changes.iter().chain(&labels.incidents));
    let changes = changes.filter(|change| !change.is_about_endpoints);
    let Area { top, bottom, right, .. } = panel.area;
    let x = |nanos: u64| panel.at(nanos as f64 / 1e9, panel.y.ends.0).0;
    for (index, change) in changes.enumerate() {
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
    for (rank, &metric) in shown.lines.iter().rev().enumerate() {
        let values = line.values(shown.scope, metric);
        let placed: Vec<Point> = values.iter().map(|&(time, value)| panel.at(time, value)).collect();
        let (width, colour) =
            if rank == 0 { (2.0, line.look.colour) } else { (1.2, line.look.colour.towards(WHITE, 0.35)) };
        sheet.canvas.dashed(&placed, line.look.dash, width, colour);
        if let (0, Some(&(_, height))) = (rank, placed.last()) {
            // A line that ends early is named all the same.
            let end = (panel.area.right, height);
            let largest = values.iter().map(|at| at.1).fold(0.0, f64::max);
            let detail = format!("{} up to {}", metric.1, number::alone(largest, shown.unit));
            label = Some(LineLabel { end, name: line.mesh.clone(), detail, look: line.look });
        }
    }
    label
}

impl Line {
    /// Middle of the interval and value, in the order of time.
    fn values(&self, scope: Scope, (metric, statistic): (&str, Statistic)) -> Vec<(f64, f64)> {
        let is_shown =
            |row: &&TimelineRow| row.scope == scope && row.metric == metric && row.statistic == statistic;
        self.rows.iter().filter(is_shown).map(|row| (f64::midpoint(row.start, row.end), row.value)).collect()
    }

    /// Of every line of a panel.
    fn all(&self, shown: &Shown) -> Vec<(f64, f64)> {
        shown.lines.iter().flat_map(|&metric| self.values(shown.scope, metric)).collect()
    }
}

impl Shown {
    fn of_entry(title: &str, unit: Unit, lines: &'static [(&'static str, Statistic)]) -> Self {
        Self { title: title.to_owned(), scope: Scope::Entry, unit, lines }
    }
}

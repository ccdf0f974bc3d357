//! The terminal's tables: what the user came for first.
//!
//! At most 100 columns wide as long as names are short; numbers right-aligned with their 95 % confidence interval.

mod certificates;
mod changes;
mod lifecycle;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

use crate::metrics::{Estimate, Results, Row, Scope, Statistic, Unit};

use super::busiest::{left_out, shown_entries};
use super::comparison::{paragraph, watching};
use super::human;

/// A longer name is cut.
const LONGEST_NAME: usize = 32;
/// The table of versions has at most so many rows.
const MOST_VERSIONS: usize = 20;

const QUANTILES: [(&str, Statistic); 4] =
    [("p50", Statistic::P50), ("p90", Statistic::P90), ("p99", Statistic::P99), ("p99.9", Statistic::P999)];

/// All tables for the meshes of one scenario, in their order, and the notes below them. Ends with a newline.
pub fn render(meshes: &[Results]) -> String {
    let Some(first) = meshes.first() else { return String::new() };
    let mut text = headline(first, meshes);
    let (entries, _) = shown_entries(first);
    for entry in &entries {
        text += &time_added(meshes, entry);
    }
    text += &cost_added(meshes);
    for entry in &entries {
        text += &response_times(meshes, entry);
    }
    for mesh in meshes {
        text += &by_version(mesh);
    }
    text += &usage(meshes);
    text += &machines(meshes);
    text += &lifecycle::tables(meshes);
    text += &changes::tables(meshes);
    text += &certificates::table(meshes);
    text += &paragraph(&watching(meshes));
    for entry in &entries {
        text += &where_time_goes(meshes, entry);
    }
    text + &notes(meshes)
}

fn headline(first: &Results, meshes: &[Results]) -> String {
    let replications = first.replications;
    let plural = if replications == 1 { "" } else { "s" };
    let with_intervals = meshes.iter().any(|mesh| mesh.rows.iter().any(|row| row.value.interval.is_some()));
    let intervals = if with_intervals { ", ± at 95 % confidence" } else { "" };
    format!("{}: {replications} replication{plural}{intervals}\n", name(&first.scenario))
}

/// The response time that each mesh adds to its baseline; nothing without one.
fn time_added(meshes: &[Results], entry: &str) -> String {
    let Some((baseline, compared)) = compared(meshes) else { return String::new() };
    let columns = || std::iter::once(("mean", Statistic::Mean)).chain(QUANTILES);
    let mut grid = Grid::new(columns().map(|(header, _)| Column::difference(header, Unit::Seconds)));
    for mesh in compared {
        let find = |(_, statistic)| mesh.get(Scope::Entry, entry, "response_time_added", statistic);
        grid.add(&mesh.mesh, columns().map(|column| find(column).copied()));
    }
    grid.under(&format!("{}: response time added to {baseline}", name(entry)))
}

/// CPU and memory that each mesh adds to its baseline; nothing without one.
fn cost_added(meshes: &[Results]) -> String {
    let Some((baseline, compared)) = compared(meshes) else { return String::new() };
    let columns = [
        Column::difference("proxy CPU", Unit::Cores),
        Column::difference("proxy memory", Unit::Bytes),
        Column::difference("app CPU", Unit::Cores),
    ];
    let mut grid = Grid::new(columns.into_iter());
    for mesh in compared {
        let find = |metric| mesh.get(Scope::Scenario, &mesh.scenario, metric, Statistic::Total).copied();
        let application =
            find("application_cpu_added").map(|added| negligible(added, find("application_cpu")));
        grid.add(&mesh.mesh, [find("proxy_cpu_added"), find("proxy_memory_added"), application].into_iter());
    }
    grid.under(&format!("CPU and memory added to {baseline}"))
}

/// Nothing, if a difference and its interval are below a thousandth of the whole: requests that the end of the window
/// cuts elsewhere, not a cost.
fn negligible(added: Estimate, whole: Option<Estimate>) -> Estimate {
    let farthest = added.interval.map_or(added.value.abs(), |(low, high)| low.abs().max(high.abs()));
    if whole.is_some_and(|whole| farthest < whole.value * 1e-3) {
        Estimate { value: 0.0, interval: None, ..added }
    } else {
        added
    }
}

/// The meshes that are compared with a baseline, and its name.
fn compared(meshes: &[Results]) -> Option<(String, Vec<&Results>)> {
    let compared: Vec<&Results> = meshes.iter().filter(|mesh| mesh.baseline.is_some()).collect();
    let baseline = compared.first()?.baseline.as_deref()?;
    Some((name(baseline), compared))
}

fn response_times(meshes: &[Results], entry: &str) -> String {
    let quantiles = QUANTILES.map(|(header, _)| Column::new(header, Unit::Seconds));
    // The interval of a small ratio is in the files; here it would be the widest number.
    let mut grid = Grid::new(quantiles.into_iter().chain([Column::bare("errors", Unit::Ratio)]));
    for mesh in meshes {
        let find = |metric, statistic| mesh.get(Scope::Entry, entry, metric, statistic).copied();
        let times = QUANTILES.map(|(_, statistic)| find("response_time", statistic));
        grid.add(&mesh.mesh, times.into_iter().chain([find("error_ratio", Statistic::Mean)]));
    }
    grid.under(&format!("{}: response time", name(entry)))
}

/// What the versions of services did under a mesh; nothing where there are none.
fn by_version(mesh: &Results) -> String {
    let names = mesh.names(Scope::Version);
    if names.is_empty() {
        return String::new();
    }
    let columns = [
        Column::new("requests", Unit::PerSecond),
        Column::bare("errors", Unit::Ratio),
        Column::bare("p50", Unit::Seconds),
        Column::bare("p90", Unit::Seconds),
        Column::bare("p99", Unit::Seconds),
        Column::bare("CPU", Unit::Cores),
    ];
    let mut grid = Grid { rows_are: "version", ..Grid::new(columns.into_iter()) };
    for version in names.iter().take(MOST_VERSIONS) {
        let find = |metric, statistic| mesh.get(Scope::Version, version, metric, statistic).copied();
        let cells = [
            find("throughput", Statistic::Mean),
            find("error_ratio", Statistic::Mean),
            find("response_time", Statistic::P50),
            find("response_time", Statistic::P90),
            find("response_time", Statistic::P99),
            find("cpu", Statistic::Total),
        ];
        grid.add(version, cells.into_iter());
    }
    let text = grid.under(&format!("Versions under {}, at the instances", name(&mesh.mesh)));
    match names.len().saturating_sub(MOST_VERSIONS) {
        0 => text,
        further => format!("{text}{further} further versions are in the files\n"),
    }
}

/// CPU and memory in all, gateways included. The intervals of ratios and of the application are in the files.
fn usage(meshes: &[Results]) -> String {
    let columns = [
        Column::new("proxies", Unit::Count),
        Column::new("proxy CPU", Unit::Cores),
        Column::bare("per 1000 rps", Unit::Cores),
        Column::new("proxy memory", Unit::Bytes),
        Column::bare("app CPU", Unit::Cores),
    ];
    let mut grid = Grid::new(columns.into_iter());
    for mesh in meshes {
        let find = |metric, statistic| mesh.get(Scope::Scenario, &mesh.scenario, metric, statistic).copied();
        let cells = [
            find("proxies", Statistic::Total),
            find("proxy_cpu", Statistic::Total),
            find("cpu_per_1000_rps", Statistic::Mean),
            find("proxy_memory", Statistic::Total),
            find("application_cpu", Statistic::Total),
        ];
        grid.add(&mesh.mesh, cells.into_iter());
    }
    grid.under("What the proxies take, gateways included")
}

/// Nodes and money of a month; nothing where no machines were placed.
fn machines(meshes: &[Results]) -> String {
    let is_cost = |row: &&Row| row.metric == "cost_reserved";
    let Some(unit) = meshes.iter().find_map(|mesh| mesh.rows.iter().find(is_cost)).map(|row| row.unit) else {
        return String::new();
    };
    let across = meshes.iter().any(|mesh| mesh.rows.iter().any(|row| row.metric == "cross_zone_cost"));
    let columns = [
        ("nodes", "nodes", Unit::Count),
        ("reserved", "nodes_reserved", Unit::Count),
        ("used", "nodes_used", Unit::Count),
        ("cost reserved", "cost_reserved", unit),
        ("cost used", "cost_used", unit),
        ("across zones", "cross_zone_cost", unit),
    ];
    let columns = &columns[..columns.len() - usize::from(!across)];
    let mut grid = Grid::new(columns.iter().map(|(header, _, unit)| Column::bare(header, *unit)));
    for mesh in meshes {
        let find = |metric| mesh.get(Scope::Scenario, &mesh.scenario, metric, Statistic::Total).copied();
        grid.add(&mesh.mesh, columns.iter().map(|(_, metric, _)| find(metric)));
    }
    grid.under(&format!("Nodes, and what they cost in {unit}"))
}

/// Mean times of the parts, without those that are nothing under every mesh.
fn where_time_goes(meshes: &[Results], entry: &str) -> String {
    const PARTS: [(&str, &str); 8] = [
        ("app", "application_time"),
        ("queue", "queue_time"),
        ("proxy out", "outbound_proxy_time"),
        ("waypoint", "waypoint_time"),
        ("proxy in", "inbound_proxy_time"),
        ("handshake", "handshake_time"),
        ("network", "network_time"),
        ("given up", "abandoned_time"),
    ];
    let find = |mesh: &Results, metric: &str| mesh.get(Scope::Entry, entry, metric, Statistic::Mean).copied();
    let somewhere = |(_, metric): &(&str, &str)| {
        meshes.iter().any(|mesh| find(mesh, metric).is_some_and(|part| part.value > 0.0))
    };
    let parts: Vec<_> = PARTS.into_iter().filter(somewhere).collect();
    if parts.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(parts.iter().map(|(header, _)| Column::bare(header, Unit::Seconds)));
    for mesh in meshes {
        grid.add(&mesh.mesh, parts.iter().map(|(_, metric)| find(mesh, metric)));
    }
    grid.under(&format!("{}: where the time goes (mean of a successful request)", name(entry)))
}

/// Each note once; with the meshes it is about unless it is about all.
pub(super) fn notes(meshes: &[Results]) -> String {
    let mut text = String::new();
    if let Some(note) = meshes.first().and_then(left_out) {
        let _ = writeln!(text, "note: {note}");
    }
    let mut said = BTreeSet::new();
    for note in meshes.iter().flat_map(|mesh| &mesh.notes) {
        if !said.insert(note) {
            continue;
        }
        let about: Vec<String> =
            meshes.iter().filter(|mesh| mesh.notes.contains(note)).map(|mesh| name(&mesh.mesh)).collect();
        let prefix =
            if about.len() == meshes.len() { String::new() } else { format!("{}: ", about.join(", ")) };
        let _ = writeln!(text, "note: {prefix}{}", human::printable(note));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// A name that cannot disturb a terminal: no control characters, not too long.
pub(super) fn name(name: &str) -> String {
    let shown: Vec<char> = human::printable(name).chars().collect();
    if shown.len() <= LONGEST_NAME {
        return shown.into_iter().collect();
    }
    shown[..LONGEST_NAME - 1].iter().chain(&['…']).collect()
}

/// A column of numbers.
struct Column {
    header: &'static str,
    unit: Unit,
    shown: Shown,
}

/// How the numbers of a column are shown.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    WithInterval,
    Bare,
    Difference,
}

impl Column {
    fn new(header: &'static str, unit: Unit) -> Self {
        Self { header, unit, shown: Shown::WithInterval }
    }

    fn bare(header: &'static str, unit: Unit) -> Self {
        Self { shown: Shown::Bare, ..Self::new(header, unit) }
    }

    fn difference(header: &'static str, unit: Unit) -> Self {
        Self { shown: Shown::Difference, ..Self::new(header, unit) }
    }

    /// What of a number is shown.
    fn shown(&self, number: Estimate) -> Estimate {
        match self.shown {
            Shown::Bare => Estimate { interval: None, ..number },
            Shown::WithInterval | Shown::Difference => number,
        }
    }

    /// Header, with the unit on a second line, and cells.
    fn render(&self, cells: impl Iterator<Item = Option<Estimate>>, scale: human::Scale) -> Vec<String> {
        let header = format!("{}\n{}", self.header, scale.unit);
        let show = |cell: Option<Estimate>| match cell {
            None => "–".to_owned(),
            Some(cell) if self.shown == Shown::Difference => scale.difference(&cell),
            Some(cell) => scale.estimate(&cell),
        };
        std::iter::once(header).chain(cells.map(show)).collect()
    }
}

/// A table whose first column is a name, of a mesh as a rule, and whose others are numbers.
struct Grid {
    columns: Vec<Column>,
    rows_are: &'static str,
    names: Vec<String>,
    /// Name by name.
    rows: Vec<Vec<Option<Estimate>>>,
}

impl Grid {
    fn new(columns: impl Iterator<Item = Column>) -> Self {
        Self { columns: columns.collect(), rows_are: "mesh", names: Vec::new(), rows: Vec::new() }
    }

    fn add(&mut self, row: &str, numbers: impl Iterator<Item = Option<Estimate>>) {
        self.names.push(name(row));
        let shown = numbers.zip(&self.columns).map(|(number, column)| Some(column.shown(number?)));
        self.rows.push(shown.collect());
    }

    /// One for all columns of a unit, so that numbers compare along rows too.
    fn scale(&self, unit: Unit) -> human::Scale {
        let cells = self.rows.iter().flat_map(|row| row.iter().zip(&self.columns));
        human::Scale::of(
            cells.filter(|(_, column)| column.unit == unit).filter_map(|(cell, _)| cell.as_ref()),
            unit,
        )
    }

    fn under(&self, title: &str) -> String {
        let names = std::iter::once(self.rows_are.to_owned()).chain(self.names.iter().cloned()).collect();
        let numbers = self.columns.iter().enumerate().map(|(index, column)| {
            column.render(self.rows.iter().map(|row| row[index]), self.scale(column.unit))
        });
        let columns: Vec<Vec<String>> = std::iter::once(names).chain(numbers).collect();
        draw(title, &columns, 1)
    }
}

/// A table under a title, from columns of cells whose first is the header; the first `left` columns are left-aligned.
pub(super) fn draw(title: &str, columns: &[Vec<String>], left: usize) -> String {
    let aligned = |(column, cells): (usize, &Vec<String>), row: usize| {
        let alignment = if column < left { CellAlignment::Left } else { CellAlignment::Right };
        Cell::new(&cells[row]).set_alignment(alignment)
    };
    let line = |row: usize| columns.iter().enumerate().map(move |cells| aligned(cells, row));
    let mut table = Table::new();
    // Nothing depends on whether this is a terminal, nor on its width.
    table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled);
    let style = table.style_mut();
    *style = comfy_table::presets::NOTHING;
    style.header_separator = comfy_table::LineStyle::none().fill('─').junction('─');
    table.set_header(line(0));
    for row in 1..columns.first().map_or(0, Vec::len) {
        table.add_row(line(row));
    }
    for column in table.column_iter_mut() {
        column.set_padding((1, 0));
    }
    format!("\n{title}\n{}\n", table.trim_fmt())
}

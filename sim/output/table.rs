//! The terminal's tables: what the user came for first.
//!
//! At most 100 columns wide as long as names are short; numbers right-aligned with their 95 % confidence interval.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

use crate::metrics::{Estimate, Results, Scope, Statistic, Unit};

use super::human;

/// A longer name is cut.
const LONGEST_NAME: usize = 32;

const QUANTILES: [(&str, Statistic); 4] =
    [("p50", Statistic::P50), ("p90", Statistic::P90), ("p99", Statistic::P99), ("p99.9", Statistic::P999)];

/// All tables for the meshes of one scenario, in their order, and the notes below them. Ends with a newline.
pub fn render(meshes: &[Results]) -> String {
    let Some(first) = meshes.first() else { return String::new() };
    let mut text = headline(first, meshes);
    let entries = first.names(Scope::Entry);
    for entry in &entries {
        text += &time_added(meshes, entry);
    }
    text += &cost_added(meshes);
    for entry in &entries {
        text += &response_times(meshes, entry);
    }
    text += &usage(meshes);
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
    let mut grid = Grid::new(std::iter::once("mesh").chain(columns().map(|(header, _)| header)));
    for mesh in compared {
        let cell = |(_, statistic)| {
            let found = mesh.get(Scope::Entry, entry, "response_time_added", statistic);
            found.map_or_else(missing, |found| human::difference(found, Unit::Seconds))
        };
        grid.add(&mesh.mesh, columns().map(cell));
    }
    grid.under(&format!("{}: response time added to {baseline}", name(entry)))
}

/// CPU and memory that each mesh adds to its baseline; nothing without one.
fn cost_added(meshes: &[Results]) -> String {
    const COLUMNS: [(&str, &str, Unit); 3] = [
        ("proxy CPU", "proxy_cpu_added", Unit::Cores),
        ("proxy memory", "proxy_memory_added", Unit::Bytes),
        ("app CPU", "application_cpu_added", Unit::Cores),
    ];
    let Some((baseline, compared)) = compared(meshes) else { return String::new() };
    let mut grid = Grid::new(std::iter::once("mesh").chain(COLUMNS.map(|(header, ..)| header)));
    for mesh in compared {
        let cell = |(_, metric, unit)| {
            let found = mesh.get(Scope::Scenario, &mesh.scenario, metric, Statistic::Total);
            found.map_or_else(missing, |found| human::difference(found, unit))
        };
        grid.add(&mesh.mesh, COLUMNS.into_iter().map(cell));
    }
    grid.under(&format!("CPU and memory added to {baseline}"))
}

/// The meshes that are compared with a baseline, and its name.
fn compared(meshes: &[Results]) -> Option<(String, Vec<&Results>)> {
    let compared: Vec<&Results> = meshes.iter().filter(|mesh| mesh.baseline.is_some()).collect();
    let baseline = compared.first()?.baseline.as_deref()?;
    Some((name(baseline), compared))
}

fn response_times(meshes: &[Results], entry: &str) -> String {
    let mut grid =
        Grid::new(std::iter::once("mesh").chain(QUANTILES.map(|(header, _)| header)).chain(["errors"]));
    for mesh in meshes {
        let find = |metric, statistic| mesh.get(Scope::Entry, entry, metric, statistic);
        let times = QUANTILES.map(|(_, statistic)| show(find("response_time", statistic), Unit::Seconds));
        // The interval of a small ratio is in the files; here it would be the widest number.
        let errors = show(bare(find("error_ratio", Statistic::Mean)).as_ref(), Unit::Ratio);
        grid.add(&mesh.mesh, times.into_iter().chain([errors]));
    }
    grid.under(&format!("{}: response time", name(entry)))
}

/// CPU and memory in all, gateways included. The intervals of ratios and of the application are in the files.
fn usage(meshes: &[Results]) -> String {
    let mut grid =
        Grid::new(["mesh", "proxies", "proxy CPU", "per 1000 rps", "proxy memory", "app CPU"].into_iter());
    for mesh in meshes {
        let find = |metric, statistic| mesh.get(Scope::Scenario, &mesh.scenario, metric, statistic);
        let total = |metric, unit| show(find(metric, Statistic::Total), unit);
        let cells = [
            total("proxies", Unit::Count),
            total("proxy_cpu", Unit::Cores),
            show(bare(find("cpu_per_1000_rps", Statistic::Mean)).as_ref(), Unit::Cores),
            total("proxy_memory", Unit::Bytes),
            show(bare(find("application_cpu", Statistic::Total)).as_ref(), Unit::Cores),
        ];
        grid.add(&mesh.mesh, cells.into_iter());
    }
    grid.under("What the proxies take")
}

/// Mean times of the parts, without those that are nothing under every mesh.
fn where_time_goes(meshes: &[Results], entry: &str) -> String {
    const PARTS: [(&str, &str); 7] = [
        ("app", "application_time"),
        ("queueing", "queue_time"),
        ("proxy out", "outbound_proxy_time"),
        ("proxy in", "inbound_proxy_time"),
        ("handshake", "handshake_time"),
        ("network", "network_time"),
        ("abandoned", "abandoned_time"),
    ];
    let find = |mesh: &Results, metric: &str| bare(mesh.get(Scope::Entry, entry, metric, Statistic::Mean));
    let somewhere = |(_, metric): &(&str, &str)| {
        meshes.iter().any(|mesh| find(mesh, metric).is_some_and(|part| part.value > 0.0))
    };
    let parts: Vec<_> = PARTS.into_iter().filter(somewhere).collect();
    if parts.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(std::iter::once("mesh").chain(parts.iter().map(|(header, _)| *header)));
    for mesh in meshes {
        let cell = |(_, metric): &(&str, &str)| show(find(mesh, metric).as_ref(), Unit::Seconds);
        grid.add(&mesh.mesh, parts.iter().map(cell));
    }
    grid.under(&format!("{}: where the time goes (mean of a successful request)", name(entry)))
}

/// Each note once; with the meshes it is about unless it is about all.
fn notes(meshes: &[Results]) -> String {
    let mut text = String::new();
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

fn show(found: Option<&Estimate>, unit: Unit) -> String {
    found.map_or_else(missing, |found| human::estimate(found, unit))
}

/// The value without its interval.
fn bare(found: Option<&Estimate>) -> Option<Estimate> {
    found.map(|found| Estimate { interval: None, ..*found })
}

fn missing() -> String {
    "–".to_owned()
}

/// A name that cannot disturb a terminal: no control characters, not too long.
fn name(name: &str) -> String {
    let shown: Vec<char> = human::printable(name).chars().collect();
    if shown.len() <= LONGEST_NAME {
        return shown.into_iter().collect();
    }
    shown[..LONGEST_NAME - 1].iter().chain(&['…']).collect()
}

/// A table whose first column is a name and whose others are numbers.
struct Grid(Table);

impl Grid {
    fn new<'a>(header: impl Iterator<Item = &'a str>) -> Self {
        let mut table = Table::new();
        // Nothing depends on whether this is a terminal, nor on its width.
        table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled);
        let style = table.style_mut();
        *style = comfy_table::presets::NOTHING;
        style.header_separator = comfy_table::LineStyle::none().fill('─').junction('─');
        table.set_header(header.enumerate().map(|(column, text)| aligned(column, text)));
        Self(table)
    }

    fn add(&mut self, mesh: &str, numbers: impl Iterator<Item = String>) {
        let cells = std::iter::once(name(mesh)).chain(numbers);
        self.0.add_row(cells.enumerate().map(|(column, text)| aligned(column, &text)));
    }

    fn under(mut self, title: &str) -> String {
        for column in self.0.column_iter_mut() {
            column.set_padding((1, 0));
        }
        format!("\n{title}\n{}\n", self.0.trim_fmt())
    }
}

fn aligned(column: usize, text: &str) -> Cell {
    let alignment = if column == 0 { CellAlignment::Left } else { CellAlignment::Right };
    Cell::new(text).set_alignment(alignment)
}

//! The tables of a comparison: what the mesh adds first, what it takes next, the far tail last.

use crate::metrics::{Estimate, Results, Scope, Statistic, Unit};
use crate::output::table::name;

use super::Comparison;
use super::grid::{Column, Grid};

/// All tables, in the order of their importance.
pub(in crate::output) fn tables(comparison: &Comparison<'_>) -> Vec<Grid> {
    let entries = comparison.shown_entries();
    let mut tables: Vec<Grid> = entries.iter().map(|entry| time(comparison, entry)).collect();
    tables.push(cost(comparison));
    tables.extend(machines(comparison));
    tables.extend(entries.iter().map(|entry| tail(comparison, entry)));
    tables
}

/// Response time of an entry, and what of it is added.
fn time(comparison: &Comparison<'_>, entry: &str) -> Grid {
    const QUANTILES: [(&str, Statistic); 3] =
        [("p50", Statistic::P50), ("p90", Statistic::P90), ("p99", Statistic::P99)];
    let columns = QUANTILES
        .iter()
        .flat_map(|(header, _)| [Column::bare(header, Unit::Seconds), Column::added("added", Unit::Seconds)])
        .chain([Column::bare("in proxies", Unit::Ratio), Column::bare("errors", Unit::Ratio)]);
    let title =
        format!("{}: response time, and what is added to {}", name(entry), name(comparison.baseline_name()));
    let mut grid = Grid::new(title, columns.collect());
    for results in comparison.results() {
        let find = |metric, statistic| results.get(Scope::Entry, entry, metric, statistic).copied();
        let mut numbers = Vec::new();
        for (_, statistic) in QUANTILES {
            numbers.push(find("response_time", statistic));
            numbers.push(find("response_time_added", statistic));
        }
        numbers.push(find("proxy_time_ratio", Statistic::Mean));
        numbers.push(find("error_ratio", Statistic::Mean));
        grid.add(&results.mesh, numbers);
    }
    grid
}

/// CPU and memory, and what came through.
fn cost(comparison: &Comparison<'_>) -> Grid {
    const METRICS: [(&str, Column); 6] = [
        ("proxy_cpu", Column::full("proxy CPU", Unit::Cores)),
        ("proxy_cpu_added", Column::added("added", Unit::Cores)),
        ("cpu_per_1000_rps", Column::full("per 1000 rps", Unit::Cores)),
        ("proxy_memory", Column::full("proxy memory", Unit::Bytes)),
        ("proxy_memory_added", Column::added("added", Unit::Bytes)),
        ("throughput", Column::bare("throughput", Unit::PerSecond)),
    ];
    let title = "What the proxies take, gateways included".to_owned();
    let mut grid = Grid::new(title, METRICS.map(|(_, column)| column).to_vec());
    for results in comparison.results() {
        let find = |(metric, _)| whole(results, metric).map(|(number, _)| number);
        grid.add(&results.mesh, METRICS.map(find).to_vec());
    }
    grid
}

/// Nodes and what they cost, where that is known.
fn machines(comparison: &Comparison<'_>) -> Option<Grid> {
    const METRICS: [(&str, &str); 3] =
        [("nodes", "nodes"), ("cost reserved", "cost_reserved"), ("cost used", "cost_used")];
    let column = |(header, metric)| {
        let unit = comparison.results().find_map(|results| whole(results, metric)).map(|(_, unit)| unit);
        Column::full(header, unit.unwrap_or(Unit::Count))
    };
    let mut grid = Grid::new("What it all runs on".to_owned(), METRICS.map(column).to_vec());
    for results in comparison.results() {
        let find = |(_, metric)| whole(results, metric).map(|(number, _)| number);
        grid.add(&results.mesh, METRICS.map(find).to_vec());
    }
    grid.without_empty()
}

/// A number of the whole scenario with its unit, whatever its statistic.
pub(in crate::output) fn whole(results: &Results, metric: &str) -> Option<(Estimate, Unit)> {
    let row = results.rows.iter().find(|row| row.scope == Scope::Scenario && row.metric == metric)?;
    Some((row.value, row.unit))
}

/// The slowest requests of an entry.
fn tail(comparison: &Comparison<'_>, entry: &str) -> Grid {
    let columns = vec![
        Column::full("p99.9", Unit::Seconds),
        Column::added("added", Unit::Seconds),
        Column::bare("max", Unit::Seconds),
    ];
    let mut grid = Grid::new(format!("{}: the slowest requests", name(entry)), columns);
    for results in comparison.results() {
        let find = |metric, statistic| results.get(Scope::Entry, entry, metric, statistic).copied();
        let numbers = vec![
            find("response_time", Statistic::P999),
            find("response_time_added", Statistic::P999),
            find("response_time", Statistic::Max),
        ];
        grid.add(&results.mesh, numbers);
    }
    grid
}

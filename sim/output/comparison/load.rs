//! Response time against load: a table for each entry, and `load.csv`.

use crate::experiment::load::LoadCurve;
use crate::metrics::{Estimate, Kind, Scope, Statistic, Unit};
use crate::output::File;
use crate::output::human::printable;
use crate::output::summary_csv::{ends, number, table};
use crate::output::table::name;

use super::grid::{Column, Grid};
use super::Comparison;

const COLUMNS: [&str; 11] = [
    "scenario",
    "load_factor",
    "mesh",
    "scope",
    "name",
    "metric",
    "statistic",
    "value",
    "unit",
    "ci_low",
    "ci_high",
];

/// What is shown of each point.
const METRICS: [(Scope, &str); 6] = [
    (Scope::Entry, "response_time"),
    (Scope::Entry, "throughput"),
    (Scope::Entry, "error_ratio"),
    (Scope::Entry, "proxy_time_ratio"),
    (Scope::Scenario, "proxy_cpu"),
    (Scope::Scenario, "cpu_per_1000_rps"),
];

pub(super) fn files(comparison: &Comparison<'_>) -> Vec<File> {
    let Some(curve) = comparison.load else { return Vec::new() };
    let mut rows: Vec<[String; COLUMNS.len()]> = Vec::new();
    for point in &curve.points {
        for results in &point.results {
            let shown = |scope, metric| METRICS.contains(&(scope, metric));
            for row in results.rows.iter().filter(|row| shown(row.scope, row.metric)) {
                let (ci_low, ci_high) = ends(row.value.interval);
                rows.push([
                    results.scenario.clone(),
                    point.factor.to_string(),
                    results.mesh.clone(),
                    row.scope.to_string(),
                    row.name.clone(),
                    row.metric.to_owned(),
                    row.statistic.to_string(),
                    number(row.value.value, row.value.kind),
                    row.unit.to_string(),
                    ci_low,
                    ci_high,
                ]);
            }
        }
    }
    vec![File { path: "load.csv".to_owned(), bytes: table(COLUMNS, rows.into_iter()) }]
}

/// The p99 of an entry at every load, a column for each mesh.
pub(in crate::output) fn grid(comparison: &Comparison<'_>, curve: &LoadCurve, entry: &str) -> Grid {
    let plural = if curve.replications == 1 { "" } else { "s" };
    let title =
        format!("{}: p99 against load, {} replication{plural} a point", name(entry), curve.replications);
    let mut columns = vec![Column::bare("throughput", Unit::PerSecond)];
    let meshes: Vec<&str> = comparison.results().map(|results| results.mesh.as_str()).collect();
    columns.extend(meshes.iter().map(|_| Column::bare("", Unit::Seconds)));
    let headers = std::iter::once("throughput".to_owned()).chain(meshes.iter().map(|mesh| name(mesh)));
    let mut grid = Grid::new(title, columns).of("load").with_headers(headers.collect());
    for point in &curve.points {
        let find = |mesh: usize, metric, statistic| -> Option<Estimate> {
            point.results[mesh].get(Scope::Entry, entry, metric, statistic).copied()
        };
        let mut numbers = vec![find(comparison.baseline, "throughput", Statistic::Mean)];
        numbers.extend((0..meshes.len()).map(|mesh| find(mesh, "response_time", Statistic::P99)));
        grid.add(&format!("{:.3}", point.factor).trim_end_matches('0').trim_end_matches('.'), numbers);
    }
    grid
}

/// Where an entry's curves bend, a clause for each mesh.
pub(in crate::output) fn knees(comparison: &Comparison<'_>, curve: &LoadCurve, entry: &str) -> String {
    let clause = |mesh: usize, name: &str| match curve.knee(mesh, entry) {
        None => format!("{name} beyond {}", curve.points.last().map_or(0.0, |point| point.factor)),
        Some(knee) => {
            let point = &curve.points[knee];
            let throughput = point.results[mesh].get(Scope::Entry, entry, "throughput", Statistic::Mean);
            let throughput = throughput.filter(|one| one.kind == Kind::Exact).map_or(0.0, |one| one.value);
            format!("{name} at {} ({throughput:.0} /s)", point.factor)
        }
    };
    let clauses: Vec<String> = comparison
        .results()
        .enumerate()
        .map(|(mesh, results)| clause(mesh, &printable(&results.mesh)))
        .collect();
    format!("The knee, where throughput over p99 is greatest: {}.", clauses.join(", "))
}

//! Response time against load: a table for each entry, and `load.csv`.

use crate::experiment::load::{AtLoad, Loads};
use crate::metrics::{Estimate, Kind, Results, Scope, Statistic, Unit};
use crate::output::File;
use crate::output::human::printable;
use crate::output::plot::{LoadCurve, LoadPoint};
use crate::output::summary_csv::{self, table};
use crate::output::table::name;

use super::Comparison;
use super::grid::{Column, Grid};

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
    let Some(loads) = comparison.load else { return Vec::new() };
    // The columns of `summary.csv`, and the load beside the scenario.
    let mut header = summary_csv::COLUMNS.to_vec();
    header.insert(1, "load_factor");
    let mut rows = Vec::new();
    for point in &loads.points {
        for results in &point.results {
            let shown = |scope, metric| METRICS.contains(&(scope, metric));
            for row in results.rows.iter().filter(|row| shown(row.scope, row.metric)) {
                let mut fields = summary_csv::fields(results, row).to_vec();
                fields.insert(1, point.factor.to_string());
                rows.push(fields);
            }
        }
    }
    vec![File { path: "load.csv".to_owned(), bytes: table(&header, rows.into_iter()) }]
}

/// The p99 of an entry at every load, a column for each mesh.
pub(in crate::output) fn grid(comparison: &Comparison<'_>, loads: &Loads, entry: &str) -> Grid {
    let plural = if loads.replications == 1 { "" } else { "s" };
    let draws = if loads.draws == 0 { String::new() } else { format!(", {} draws", loads.draws) };
    let title = format!(
        "{}: p99 against load, {} replication{plural}{draws} a point",
        name(entry),
        loads.replications
    );
    let mut columns = vec![Column::bare("throughput", Unit::PerSecond)];
    let meshes: Vec<&str> = comparison.results().map(|results| results.mesh.as_str()).collect();
    columns.extend(meshes.iter().map(|_| Column::full("", Unit::Seconds)));
    let headers = std::iter::once("throughput".to_owned()).chain(meshes.iter().map(|mesh| name(mesh)));
    let mut grid = Grid::new(title, columns).of("load").with_headers(headers.collect());
    for point in &loads.points {
        let find = |mesh: usize, metric, statistic| -> Option<Estimate> {
            point.results[mesh].get(Scope::Entry, entry, metric, statistic).copied()
        };
        let mut numbers = vec![find(comparison.baseline, "throughput", Statistic::Mean)];
        numbers.extend((0..meshes.len()).map(|mesh| find(mesh, "response_time", Statistic::P99)));
        grid.add(&point.factor.to_string(), numbers);
    }
    grid
}

/// What the picture shows: every entry under every mesh.
pub(super) fn curves(comparison: &Comparison<'_>, loads: &Loads) -> Vec<LoadCurve> {
    let entries = comparison.runs[comparison.baseline].results.names(Scope::Entry);
    let meshes = comparison.results().enumerate();
    let of = |(mesh, results): (usize, &Results)| {
        let curve = |(position, entry): (usize, &&str)| LoadCurve {
            scenario: results.scenario.clone(),
            entry: (*entry).to_owned(),
            mesh: results.mesh.clone(),
            replications: loads.replications as usize,
            points: loads.points.iter().filter_map(|at| point(at, mesh, position, entry)).collect(),
            drawn: (0..loads.draws as usize).map(|draw| times(loads, mesh, position, draw)).collect(),
        };
        entries.iter().enumerate().map(curve).collect::<Vec<_>>()
    };
    meshes.flat_map(of).collect()
}

/// The p99 of an entry at every load with the constants of one draw.
fn times(loads: &Loads, mesh: usize, position: usize, draw: usize) -> Vec<Option<f64>> {
    let of = |at: &AtLoad| at.drawn.get(mesh)?.get(position)?.get(draw).copied().flatten();
    loads.points.iter().map(of).collect()
}

/// `None` where nothing was answered.
fn point(at: &AtLoad, mesh: usize, position: usize, entry: &str) -> Option<LoadPoint> {
    let results = &at.results[mesh];
    let find = |metric, statistic| results.get(Scope::Entry, entry, metric, statistic);
    let p99 = find("response_time", Statistic::P99)?;
    Some(LoadPoint {
        factor: at.factor,
        offered_rate: at.offered.get(position).copied().flatten().unwrap_or(0.0),
        p50: find("response_time", Statistic::P50)?.value,
        p99: p99.value,
        throughput: find("throughput", Statistic::Mean)?.value,
        saturated: !results.stationary || p99.kind == Kind::AtLeast,
    })
}

/// Where an entry's curves bend, a clause for each mesh.
pub(in crate::output) fn knees(comparison: &Comparison<'_>, loads: &Loads, entry: &str) -> String {
    let highest = loads.points.last().map_or(0.0, |point| point.factor);
    let all = curves(comparison, loads);
    let own = || all.iter().filter(|curve| curve.entry == entry);
    if own().all(|curve| curve.knee().is_some_and(|knee| knee.factor >= highest)) {
        return format!("No knee up to {highest} times the scenario's load, under any mesh.");
    }
    let clause = |curve: &LoadCurve| {
        let mesh = printable(&curve.mesh);
        match curve.knee() {
            None => format!("{mesh} saturated throughout"),
            Some(knee) if knee.factor >= highest => format!("{mesh} none up to {highest}"),
            Some(knee) => {
                let model = curve.knees_drawn().filter(|(low, high)| low < high);
                let model = model.map_or_else(String::new, |(low, high)| format!(", model {low}..{high}"));
                format!("{mesh} at {} ({:.0} /s{model})", knee.factor, knee.throughput)
            }
        }
    };
    let clauses: Vec<String> = own().map(clause).collect();
    format!(
        "The knee, the last load before p99 passes three times its value at the lowest load or something saturates: {}.",
        clauses.join(", ")
    )
}

//! Along the values of one key: a table for each mesh, and `vary.csv`.

use crate::experiment::vary::{AtSetting, LARGEST, SMALLEST, Variation};
use crate::metrics::{Estimate, Kind, Labels, Results, Scope, Statistic, Unit};
use crate::output::File;
use crate::output::busiest::busiest_entry;
use crate::output::human::{Scale, printable};
use crate::output::plot::{VaryCurve, VaryPoint, numbers_of};
use crate::output::summary_csv::{self, table};
use crate::output::table::name;

use super::Comparison;
use super::grid::{Column, Grid};
use super::tables::whole;

/// What is kept of each value.
const METRICS: [(Scope, &str); 17] = [
    (Scope::Entry, "response_time"),
    (Scope::Entry, "throughput"),
    (Scope::Entry, "error_ratio"),
    (Scope::Scenario, "proxies"),
    (Scope::Scenario, "proxy_cpu"),
    (Scope::Scenario, "proxy_memory"),
    (Scope::Scenario, LARGEST),
    (Scope::Scenario, SMALLEST),
    (Scope::Scenario, "nodes"),
    (Scope::Scenario, "cost_reserved"),
    (Scope::Scenario, "cost_used"),
    (Scope::Proxy, "cpu"),
    (Scope::Proxy, "memory"),
    (Scope::ControlPlane, "cpu"),
    (Scope::ControlPlane, "memory"),
    (Scope::ControlPlane, "last_proxy_time"),
    (Scope::ControlPlane, "bytes_pushed"),
];

pub(super) fn files(comparison: &Comparison<'_>) -> Vec<File> {
    let Some(variation) = comparison.vary else { return Vec::new() };
    // The columns of `summary.csv`, and what was set beside the scenario.
    let mut header = summary_csv::COLUMNS.to_vec();
    header.splice(1..1, ["key", "setting"]);
    let mut rows = Vec::new();
    for point in &variation.points {
        for results in &point.results {
            let shown = |scope, metric| METRICS.contains(&(scope, metric));
            for row in results.rows.iter().filter(|row| shown(row.scope, row.metric)) {
                let mut fields = summary_csv::fields(results, row).to_vec();
                fields.splice(1..1, [variation.key.clone(), point.setting.clone()]);
                rows.push(fields);
            }
        }
    }
    vec![File { path: "vary.csv".to_owned(), bytes: table(&header, rows.into_iter()) }]
}

/// A table for each mesh: its numbers with every value.
pub(in crate::output) fn grids(comparison: &Comparison<'_>, variation: &Variation) -> Vec<Grid> {
    let Some(entry) = busiest(comparison) else { return Vec::new() };
    let meshes = comparison.results().enumerate();
    meshes.filter_map(|(mesh, results)| grid(variation, mesh, &results.mesh, entry)).collect()
}

/// Of the tables' columns: CPU and memory of all proxies, memory of the largest and of the smallest.
const HEADERS: [&str; 10] =
    ["p50", "p99", "CPU", "memory", "largest", "smallest", "control CPU", "control memory", "nodes", "cost"];

fn grid(variation: &Variation, mesh: usize, mesh_name: &str, entry: &str) -> Option<Grid> {
    let numbers = |point: &AtSetting| -> Vec<Option<(Estimate, Unit)>> {
        let results = &point.results[mesh];
        let time = |statistic| results.get(Scope::Entry, entry, "response_time", statistic).copied();
        let control = |metric, statistic| {
            results.get(Scope::ControlPlane, Labels::ALL_CHANGES, metric, statistic).copied()
        };
        let of = |found: Option<Estimate>, unit| found.map(|number| (number, unit));
        vec![
            of(time(Statistic::P50), Unit::Seconds),
            of(time(Statistic::P99), Unit::Seconds),
            whole(results, "proxy_cpu"),
            whole(results, "proxy_memory"),
            whole(results, LARGEST),
            whole(results, SMALLEST),
            of(control("cpu", Statistic::Mean), Unit::Cores),
            of(control("memory", Statistic::Total), Unit::Bytes),
            whole(results, "nodes"),
            whole(results, "cost_reserved"),
        ]
    };
    let rows: Vec<_> = variation.points.iter().map(|point| (&point.setting, numbers(point))).collect();
    let column = |(index, header): (usize, &&'static str)| {
        let unit = rows.iter().find_map(|(_, numbers)| numbers[index]).map(|(_, unit)| unit);
        Column::bare(header, unit.unwrap_or(Unit::Count))
    };
    let columns = HEADERS.iter().enumerate().map(column).collect();
    let plural = if variation.replications == 1 { "" } else { "s" };
    let title = format!(
        "{}, {}: {} and proxies, {} replication{plural} a value",
        name(mesh_name),
        name(&variation.key),
        name(entry),
        variation.replications
    );
    let mut grid = Grid::new(title, columns).of("value");
    for (setting, numbers) in rows {
        grid.add(setting, numbers.into_iter().map(|number| number.map(|(number, _)| number)).collect());
    }
    grid.without_empty()
}

fn busiest<'a>(comparison: &Comparison<'a>) -> Option<&'a str> {
    busiest_entry(comparison.runs[comparison.baseline].results)
}

/// What the picture shows: the busiest entry and the proxies under every mesh.
pub(super) fn curves(comparison: &Comparison<'_>, variation: &Variation) -> Vec<VaryCurve> {
    let Some(entry) = busiest(comparison) else { return Vec::new() };
    let curve = |(mesh, results): (usize, &Results)| VaryCurve {
        scenario: results.scenario.clone(),
        key: variation.key.clone(),
        entry: entry.to_owned(),
        mesh: results.mesh.clone(),
        replications: variation.replications as usize,
        points: variation.points.iter().map(|point| at(point, mesh, entry)).collect(),
    };
    comparison.results().enumerate().map(curve).collect()
}

fn at(point: &AtSetting, mesh: usize, entry: &str) -> VaryPoint {
    let results = &point.results[mesh];
    let of = |metric| whole(results, metric).map(|(number, _)| number.value);
    let p99 = results.get(Scope::Entry, entry, "response_time", Statistic::P99);
    VaryPoint {
        setting: point.setting.clone(),
        proxy_memory: of("proxy_memory").unwrap_or(0.0),
        largest: of(LARGEST),
        smallest: of(SMALLEST),
        p99: p99.map(|time| time.value),
        proxy_cpu: of("proxy_cpu").unwrap_or(0.0),
        saturated: !results.stationary || p99.is_some_and(|time| time.kind == Kind::AtLeast),
    }
}

/// What memory grows by from the least value to the greatest, where values are numbers and there are proxies.
pub(in crate::output) fn growth(comparison: &Comparison<'_>, variation: &Variation) -> String {
    let settings: Vec<&str> = variation.points.iter().map(|point| point.setting.as_str()).collect();
    let Some((numbers, _)) = numbers_of(&settings) else { return String::new() };
    let place = |better: fn(f64, f64) -> bool| {
        let all = 0..numbers.len();
        all.reduce(|best, one| if better(numbers[one], numbers[best]) { one } else { best })
    };
    let (Some(least), Some(greatest)) = (place(|one, best| one < best), place(|one, best| one > best)) else {
        return String::new();
    };
    let clause = |(mesh, results): (usize, &Results)| {
        let at = |point: usize, metric| whole(&variation.points[point].results[mesh], metric);
        let grown = |metric| -> Option<String> {
            let (before, after) = (at(least, metric)?.0.value, at(greatest, metric)?.0.value);
            let difference =
                Estimate { value: after - before, interval: None, model: None, kind: Kind::Exact };
            Some(Scale::of([&difference].into_iter(), Unit::Bytes).in_words(&difference))
        };
        Some(format!(
            "{} {} in all, {} the largest, {} the smallest",
            printable(&results.mesh),
            grown("proxy_memory")?,
            grown(LARGEST)?,
            grown(SMALLEST)?
        ))
    };
    let clauses: Vec<String> = comparison.results().enumerate().filter_map(clause).collect();
    if clauses.is_empty() {
        return String::new();
    }
    format!(
        "Memory of proxies, from {} to {} of {}: {}. The smallest is the largest proxy of the group whose proxies are smallest.",
        printable(settings[least]),
        printable(settings[greatest]),
        printable(&variation.key),
        clauses.join("; ")
    )
}

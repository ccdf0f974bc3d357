//! How long changes of configuration take under each mesh, and what they cost.

use crate::metrics::{Labels, Scope, Statistic, Unit};
use crate::output::table::name;

use super::Comparison;
use super::grid::{Column, Grid};

/// More tables of a sort are read by nobody; the files have all numbers.
const MOST: usize = 10;

/// A table for each event, then what all of them cost; none where nothing changes.
pub(in crate::output) fn changes(comparison: &Comparison<'_>) -> Vec<Grid> {
    let events = &comparison.runs[comparison.baseline].labels.changes;
    let mut tables: Vec<Grid> =
        events.iter().take(MOST).filter_map(|event| convergence(comparison, &event.name)).collect();
    if !events.is_empty() {
        tables.extend(cost(comparison));
    }
    tables
}

fn convergence(comparison: &Comparison<'_>, event: &str) -> Option<Grid> {
    const COLUMNS: [(&str, &str, Statistic); 4] = [
        ("p50", "convergence_time", Statistic::P50),
        ("p90", "convergence_time", Statistic::P90),
        ("p99", "convergence_time", Statistic::P99),
        ("last proxy", "last_proxy_time", Statistic::Mean),
    ];
    let times = COLUMNS.iter().map(|(header, ..)| Column::full(header, Unit::Seconds));
    let columns = std::iter::once(Column::bare("proxies", Unit::Count)).chain(times).collect();
    let title = format!("{}: from the change until proxies have it", name(event));
    let mut grid = Grid::new(title, columns);
    for results in comparison.results() {
        let find = |metric, statistic| results.get(Scope::ControlPlane, event, metric, statistic).copied();
        let times = COLUMNS.iter().map(|(_, metric, statistic)| find(metric, *statistic));
        let numbers = std::iter::once(find("proxies_concerned", Statistic::Mean)).chain(times).collect();
        grid.add(&results.mesh, numbers);
    }
    grid.without_empty()
}

fn cost(comparison: &Comparison<'_>) -> Option<Grid> {
    const METRICS: [(&str, Statistic, Column); 7] = [
        ("cpu", Statistic::Mean, Column::full("CPU", Unit::Cores)),
        ("cpu", Statistic::Max, Column::bare("peak", Unit::Cores)),
        ("cpu_per_change", Statistic::Mean, Column::full("CPU a change", Unit::Seconds)),
        ("proxy_apply_cpu", Statistic::Total, Column::full("in proxies", Unit::Cores)),
        ("bytes_per_change", Statistic::Mean, Column::full("bytes a change", Unit::Bytes)),
        ("queue_length", Statistic::Max, Column::bare("queue", Unit::Count)),
        ("memory", Statistic::Total, Column::full("memory", Unit::Bytes)),
    ];
    let columns = METRICS.iter().map(|(_, _, column)| *column).collect();
    let mut grid = Grid::new("What changes of configuration take".to_owned(), columns);
    for results in comparison.results() {
        let find = |metric, statistic| {
            results.get(Scope::ControlPlane, Labels::ALL_CHANGES, metric, statistic).copied()
        };
        grid.add(
            &results.mesh,
            METRICS.iter().map(|(metric, statistic, _)| find(metric, *statistic)).collect(),
        );
    }
    grid.without_empty()
}

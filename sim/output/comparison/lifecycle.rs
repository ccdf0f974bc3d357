//! How pods that come and go start under each mesh, and how many there were.

use crate::metrics::{Scope, Statistic, Unit};
use crate::output::table::name;

use super::Comparison;
use super::grid::{Column, Grid};

/// More tables of a sort are read by nobody; the files have all numbers.
const MOST: usize = 5;

/// A table for each workload of which pods come and go.
pub(in crate::output) fn lives(comparison: &Comparison<'_>) -> Vec<Grid> {
    let lives = &comparison.runs[comparison.baseline].labels.lives;
    lives.iter().take(MOST).filter_map(|life| starts(comparison, life)).collect()
}

fn starts(comparison: &Comparison<'_>, life: &str) -> Option<Grid> {
    const COLUMNS: [(&str, Statistic, Column); 7] = [
        ("startup_time", Statistic::P50, Column::full("start p50", Unit::Seconds)),
        ("startup_time", Statistic::P99, Column::full("start p99", Unit::Seconds)),
        ("startup_time", Statistic::Max, Column::full("slowest", Unit::Seconds)),
        ("pods_started", Statistic::Total, Column::bare("started", Unit::Count)),
        ("pods_ended", Statistic::Total, Column::bare("ended", Unit::Count)),
        ("pods_killed", Statistic::Total, Column::bare("killed", Unit::Count)),
        ("pods", Statistic::Mean, Column::bare("pods on average", Unit::Count)),
    ];
    let columns = COLUMNS.iter().map(|(.., column)| *column).collect();
    let mut grid = Grid::new(format!("Pods of {}: from made to endpoint", name(life)), columns);
    for results in comparison.results() {
        let find = |(metric, statistic, _): &(&'static str, Statistic, Column)| {
            results.get(Scope::Pods, life, metric, *statistic).copied()
        };
        grid.add(&results.mesh, COLUMNS.iter().map(find).collect());
    }
    grid.without_empty()
}

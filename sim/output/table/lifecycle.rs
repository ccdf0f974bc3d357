//! How pods that come and go start, and how many there were; nothing where none do.

use crate::metrics::{Results, Scope, Statistic, Unit};

use super::{Column, Grid, name};

/// More workloads have their numbers in the files.
const MOST: usize = 10;

pub(super) fn tables(meshes: &[Results]) -> String {
    let Some(first) = meshes.first() else { return String::new() };
    first.names(Scope::Pods).into_iter().take(MOST).map(|life| starts(meshes, life)).collect()
}

fn starts(meshes: &[Results], life: &str) -> String {
    let columns = [
        Column::bare("start p50", Unit::Seconds),
        Column::bare("start p99", Unit::Seconds),
        Column::bare("slowest", Unit::Seconds),
        Column::bare("started", Unit::Count),
        Column::bare("ended", Unit::Count),
        Column::bare("killed", Unit::Count),
        Column::bare("pods on average", Unit::Count),
    ];
    let mut grid = Grid::new(columns.into_iter());
    for mesh in meshes {
        let find = |metric, statistic| mesh.get(Scope::Pods, life, metric, statistic).copied();
        let numbers = [
            find("startup_time", Statistic::P50),
            find("startup_time", Statistic::P99),
            find("startup_time", Statistic::Max),
            find("pods_started", Statistic::Total),
            find("pods_ended", Statistic::Total),
            find("pods_killed", Statistic::Total),
            find("pods", Statistic::Mean),
        ];
        grid.add(&mesh.mesh, numbers.into_iter());
    }
    grid.under(&format!("Pods of {}: from made to endpoint", name(life)))
}

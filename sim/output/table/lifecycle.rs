//! How pods that come and go start, and how many there were; nothing where none do.

use crate::metrics::{Results, Scope, Statistic, Unit};

use super::{Column, Grid, name};

/// More workloads have their numbers in the files.
const MOST: usize = 10;

pub(super) fn tables(meshes: &[Results]) -> String {
    let Some(first) = meshes.first() else { return String::new() };
    let of_life = |life| starts(meshes, life) + &troubles(meshes, life);
    first.names(Scope::Pods).into_iter().take(MOST).map(of_life).collect()
}

/// Proxies that were killed, and pods that had no room; nothing where there were none.
fn troubles(meshes: &[Results], life: &str) -> String {
    const METRICS: [(&str, Statistic); 3] =
        [("oom_kills", Statistic::Total), ("restarts", Statistic::Total), ("pods_waiting", Statistic::Mean)];
    let find = |mesh: &Results, (metric, statistic)| mesh.get(Scope::Pods, life, metric, statistic).copied();
    if !meshes.iter().any(|mesh| METRICS.iter().any(|&metric| find(mesh, metric).is_some())) {
        return String::new();
    }
    let columns = [
        Column::bare("OOM kills", Unit::Count),
        Column::bare("restarts", Unit::Count),
        Column::bare("waiting on average", Unit::Count),
    ];
    let mut grid = Grid::new(columns.into_iter());
    for mesh in meshes {
        grid.add(&mesh.mesh, METRICS.into_iter().map(|metric| find(mesh, metric)));
    }
    grid.under(&format!("Pods of {}: proxies killed for their memory, pods without room", name(life)))
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

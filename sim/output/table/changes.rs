//! How long changes of configuration take, and what they cost the control plane; nothing where nothing changes.

use std::fmt::Write as _;

use crate::metrics::{Labels, Results, Scope, Statistic, Unit};

use super::{Column, Grid, name};

/// More events have their numbers in the files.
const MOST_EVENTS: usize = 10;

pub(super) fn tables(meshes: &[Results]) -> String {
    let Some(first) = meshes.first() else { return String::new() };
    let events: Vec<&str> =
        first.names(Scope::ControlPlane).into_iter().filter(|name| *name != Labels::ALL_CHANGES).collect();
    if events.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for event in events.iter().take(MOST_EVENTS) {
        text += &convergence(meshes, event);
    }
    if let further @ 1.. = events.len().saturating_sub(MOST_EVENTS) {
        let _ = writeln!(text, "{further} further events are in the files");
    }
    text + &cost(meshes)
}

fn convergence(meshes: &[Results], event: &str) -> String {
    let columns = [
        Column::bare("proxies", Unit::Count),
        Column::bare("p50", Unit::Seconds),
        Column::bare("p90", Unit::Seconds),
        Column::bare("p99", Unit::Seconds),
        Column::bare("last proxy", Unit::Seconds),
    ];
    let mut grid = Grid::new(columns.into_iter());
    for mesh in meshes {
        let find = |metric, statistic| mesh.get(Scope::ControlPlane, event, metric, statistic).copied();
        let numbers = [
            find("proxies_concerned", Statistic::Mean),
            find("convergence_time", Statistic::P50),
            find("convergence_time", Statistic::P90),
            find("convergence_time", Statistic::P99),
            find("last_proxy_time", Statistic::Mean),
        ];
        grid.add(&mesh.mesh, numbers.into_iter());
    }
    grid.under(&format!("{}: from the change until proxies have it", name(event)))
}

fn cost(meshes: &[Results]) -> String {
    let columns = [
        Column::bare("CPU", Unit::Cores),
        Column::bare("peak", Unit::Cores),
        Column::bare("CPU a change", Unit::Seconds),
        Column::bare("in proxies", Unit::Cores),
        Column::bare("bytes a change", Unit::Bytes),
        Column::bare("queue", Unit::Count),
        Column::bare("memory", Unit::Bytes),
    ];
    let mut grid = Grid::new(columns.into_iter());
    for mesh in meshes {
        let find = |metric, statistic| {
            mesh.get(Scope::ControlPlane, Labels::ALL_CHANGES, metric, statistic).copied()
        };
        let numbers = [
            find("cpu", Statistic::Mean),
            find("cpu", Statistic::Max),
            find("cpu_per_change", Statistic::Mean),
            find("proxy_apply_cpu", Statistic::Total),
            find("bytes_per_change", Statistic::Mean),
            find("queue_length", Statistic::Max),
            find("memory", Statistic::Total),
        ];
        grid.add(&mesh.mesh, numbers.into_iter());
    }
    grid.under("What changes of configuration take")
}

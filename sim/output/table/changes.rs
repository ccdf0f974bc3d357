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
        return instances(meshes);
    }
    let mut text = String::new();
    for event in events.iter().take(MOST_EVENTS) {
        text += &convergence(meshes, event);
    }
    if let further @ 1.. = events.len().saturating_sub(MOST_EVENTS) {
        let _ = writeln!(text, "{further} further events are in the files");
    }
    text + &cost(meshes) + &instances(meshes)
}

/// What became of the control plane's instances and of connections to them; nothing where nothing did.
fn instances(meshes: &[Results]) -> String {
    let columns = [
        Column::bare("killed", Unit::Count),
        Column::bare("out of memory", Unit::Count),
        Column::bare("starved", Unit::Count),
        Column::bare("started", Unit::Count),
        Column::bare("connections lost", Unit::Count),
        Column::bare("aged", Unit::Count),
        Column::bare("refused", Unit::Count),
        Column::bare("opened", Unit::Count),
        Column::bare("memory of one", Unit::Bytes),
    ];
    let mut grid = Grid::new(columns.into_iter());
    let mut is_eventful = false;
    for mesh in meshes {
        let find = |metric, statistic| {
            mesh.get(Scope::ControlPlane, Labels::ALL_CHANGES, metric, statistic).copied()
        };
        is_eventful |= find("connections_opened", Statistic::Total).is_some();
        let numbers = [
            find("instances_killed", Statistic::Total),
            find("instances_out_of_memory", Statistic::Total),
            find("instances_starved", Statistic::Total),
            find("instances_started", Statistic::Total),
            find("connections_lost", Statistic::Total),
            find("connections_aged", Statistic::Total),
            find("connections_refused", Statistic::Total),
            find("connections_opened", Statistic::Total),
            find("memory_of_one", Statistic::Max),
        ];
        grid.add(&mesh.mesh, numbers.into_iter());
    }
    if is_eventful { grid.under("What becomes of the control plane's instances") } else { String::new() }
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

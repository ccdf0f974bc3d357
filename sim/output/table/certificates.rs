//! How long certificates take, and what they cost; nothing where none come to be.

use crate::metrics::{Labels, Results, Scope, Statistic, Unit};

use super::{Column, Grid};

pub(super) fn table(meshes: &[Results]) -> String {
    let columns = [
        Column::bare("issued", Unit::Count),
        Column::bare("refused", Unit::Count),
        Column::bare("p50", Unit::Seconds),
        Column::bare("p99", Unit::Seconds),
        Column::bare("slowest", Unit::Seconds),
        Column::bare("CPU", Unit::Cores),
        Column::bare("in proxies", Unit::Cores),
    ];
    let mut grid = Grid::new(columns.into_iter());
    let mut is_empty = true;
    for mesh in meshes {
        let find = |metric, statistic| {
            mesh.get(Scope::ControlPlane, Labels::ALL_CHANGES, metric, statistic).copied()
        };
        is_empty &= find("certificates_issued", Statistic::Total).is_none();
        let numbers = [
            find("certificates_issued", Statistic::Total),
            find("certificates_refused", Statistic::Total),
            find("certificate_time", Statistic::P50),
            find("certificate_time", Statistic::P99),
            find("certificate_time", Statistic::Max),
            find("certificate_cpu", Statistic::Total),
            find("proxy_certificate_cpu", Statistic::Total),
        ];
        grid.add(&mesh.mesh, numbers.into_iter());
    }
    if is_empty {
        String::new()
    } else {
        grid.under("Certificates: from reaching the authority until signed")
    }
}

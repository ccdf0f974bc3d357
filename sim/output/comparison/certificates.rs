//! How long certificates take under each mesh, and what they cost.

use crate::metrics::{Labels, Scope, Statistic, Unit};

use super::Comparison;
use super::grid::{Column, Grid};

/// `None` where none come to be.
pub(in crate::output) fn certificates(comparison: &Comparison<'_>) -> Option<Grid> {
    const COLUMNS: [(&str, Statistic, Column); 7] = [
        ("certificates_issued", Statistic::Total, Column::bare("issued", Unit::Count)),
        ("certificates_refused", Statistic::Total, Column::bare("refused", Unit::Count)),
        ("certificate_time", Statistic::P50, Column::full("p50", Unit::Seconds)),
        ("certificate_time", Statistic::P99, Column::full("p99", Unit::Seconds)),
        ("certificate_time", Statistic::Max, Column::full("slowest", Unit::Seconds)),
        ("certificate_cpu", Statistic::Total, Column::full("CPU", Unit::Cores)),
        ("proxy_certificate_cpu", Statistic::Total, Column::full("in proxies", Unit::Cores)),
    ];
    let columns = COLUMNS.iter().map(|(.., column)| *column).collect();
    let title = "Certificates: from reaching the authority until signed".to_owned();
    let mut grid = Grid::new(title, columns);
    for results in comparison.results() {
        let find = |(metric, statistic, _): &(&'static str, Statistic, Column)| {
            results.get(Scope::ControlPlane, Labels::ALL_CHANGES, metric, *statistic).copied()
        };
        grid.add(&results.mesh, COLUMNS.iter().map(find).collect());
    }
    grid.without_empty()
}

//! What it takes to watch each mesh: time series, spans, access logs.

use crate::metrics::{Labels, Results, Scope, Statistic, Unit};
use crate::output::human::Scale;
use crate::output::table::name;

use super::Comparison;
use super::grid::{Column, Grid};

/// The table; `None` where no proxy tells anything.
pub(in crate::output) fn telemetry(comparison: &Comparison<'_>) -> Option<Grid> {
    const METRICS: [(&str, Statistic, Column); 7] = [
        ("active_series", Statistic::Total, Column::full("active series", Unit::Count)),
        ("replaced_series", Statistic::Total, Column::bare("of replaced pods", Unit::Count)),
        ("samples", Statistic::Mean, Column::bare("samples", Unit::PerSecond)),
        ("prometheus_memory", Statistic::Total, Column::full("in Prometheus", Unit::Bytes)),
        ("proxy_stats_memory", Statistic::Total, Column::full("in proxies", Unit::Bytes)),
        ("spans", Statistic::Mean, Column::bare("spans", Unit::PerSecond)),
        ("access_log_bytes_per_day", Statistic::Total, Column::full("access logs a day", Unit::Bytes)),
    ];
    let columns = METRICS.iter().map(|(_, _, column)| *column).collect();
    let mut grid = Grid::new("What watching the proxies takes".to_owned(), columns);
    for results in comparison.results() {
        let find = |metric, statistic| {
            results.get(Scope::Telemetry, Labels::ALL_PROXIES, metric, statistic).copied()
        };
        let numbers = METRICS.iter().map(|(metric, statistic, _)| find(metric, *statistic)).collect();
        grid.add(&results.mesh, numbers);
    }
    grid.without_empty()
}

/// The same in a sentence, for the terminal: series and what they take of Prometheus. Empty where there is nothing.
pub(in crate::output) fn watching(meshes: &[Results]) -> String {
    let find = |mesh: &Results, metric| {
        mesh.get(Scope::Telemetry, Labels::ALL_PROXIES, metric, Statistic::Total).copied()
    };
    let words = |number, unit| {
        let number = crate::metrics::Estimate { interval: None, ..number };
        let scale = Scale::of([&number].into_iter(), unit);
        format!("{} {}", scale.estimate(&number), scale.unit).trim_end().to_owned()
    };
    let of = |mesh: &Results| {
        let (series, memory) = (find(mesh, "active_series")?, find(mesh, "prometheus_memory")?);
        let rounded = crate::metrics::Estimate { value: series.value.round(), ..series };
        Some(format!("{} {} ({})", name(&mesh.mesh), words(rounded, Unit::Count), words(memory, Unit::Bytes)))
    };
    let meshes: Vec<String> = meshes.iter().filter_map(of).collect();
    if meshes.is_empty() {
        return String::new();
    }
    format!("Time series of the proxies (Prometheus' memory): {}", meshes.join(", "))
}

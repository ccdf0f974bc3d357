//! `comparison.csv`: tidy, one row per mesh, headline metric and statistic, with what is added beside it.

use crate::metrics::{Estimate, Results, Row, Scope, Statistic, places};
use crate::output::File;
use crate::output::summary_csv::{self, ends, number, table};

use super::Comparison;

/// Behind those of `summary.csv`.
const ADDED: [&str; 7] =
    ["baseline", "added", "added_ci_low", "added_ci_high", "added_model_low", "added_model_high", "verdict"];

/// What a metric's verdict goes by.
#[derive(Clone, Copy, PartialEq)]
enum Judged {
    /// Less is better, and chance or the model's constants may decide.
    Less,
    /// Less is better, and it is no matter of chance.
    LessExactly,
    /// It says nothing about which mesh is better.
    Not,
}

/// Scope, metric, and the name of what is added.
const HEADLINES: [(Scope, &str, Option<&str>, Judged); 24] = [
    (Scope::Entry, "response_time", Some("response_time_added"), Judged::Less),
    (Scope::Entry, "proxy_time_ratio", None, Judged::Less),
    (Scope::Entry, "error_ratio", Some("error_ratio_added"), Judged::Less),
    (Scope::Entry, "throughput", None, Judged::Not),
    (Scope::Scenario, "proxies", None, Judged::Not),
    (Scope::Scenario, "proxy_cpu", Some("proxy_cpu_added"), Judged::Less),
    (Scope::Scenario, "cpu_per_1000_rps", None, Judged::Less),
    (Scope::Scenario, "proxy_memory", Some("proxy_memory_added"), Judged::Less),
    (Scope::Scenario, "application_cpu", Some("application_cpu_added"), Judged::Not),
    (Scope::Scenario, "throughput", None, Judged::Not),
    (Scope::Scenario, "nodes", None, Judged::LessExactly),
    (Scope::Scenario, "cost_reserved", None, Judged::LessExactly),
    (Scope::Scenario, "cost_used", None, Judged::Less),
    (Scope::ControlPlane, "convergence_time", None, Judged::Less),
    (Scope::ControlPlane, "last_proxy_time", None, Judged::Less),
    (Scope::ControlPlane, "cpu", None, Judged::Less),
    (Scope::ControlPlane, "bytes_per_change", None, Judged::Less),
    (Scope::ControlPlane, "memory", None, Judged::Less),
    (Scope::Telemetry, "active_series", None, Judged::Less),
    (Scope::Telemetry, "samples", None, Judged::Less),
    (Scope::Telemetry, "prometheus_memory", None, Judged::Less),
    (Scope::Telemetry, "proxy_stats_memory", None, Judged::Less),
    (Scope::Telemetry, "spans", None, Judged::Less),
    (Scope::Telemetry, "access_log_bytes_per_day", None, Judged::Less),
];

pub(super) fn files(comparison: &Comparison<'_>) -> Vec<File> {
    let mut rows = Vec::new();
    for results in comparison.results() {
        for (scope, metric, added, judged) in HEADLINES {
            let own = results.rows.iter().filter(|row| row.scope == scope && row.metric == metric);
            rows.extend(own.map(|row| fields(comparison, results, row, added, judged)));
        }
    }
    vec![File {
        path: "comparison.csv".to_owned(),
        bytes: table(&[&summary_csv::COLUMNS[..], &ADDED].concat(), rows.into_iter()),
    }]
}

fn fields(
    comparison: &Comparison<'_>,
    results: &Results,
    row: &Row,
    added: Option<&str>,
    judged: Judged,
) -> Vec<String> {
    let find =
        |results: &Results, metric: &str| results.get(row.scope, &row.name, metric, row.statistic).copied();
    let difference = added.and_then(|metric| find(results, metric));
    let (added_ci_low, added_ci_high) = ends(difference.and_then(|number| number.interval));
    let (added_model_low, added_model_high) = ends(difference.and_then(|number| number.model));
    let metric = added.unwrap_or(row.metric);
    let judged = if row.statistic == Statistic::Max { Judged::Not } else { judged };
    let verdict = verdict(comparison, results, judged, |results| find(results, metric));
    let added = [
        comparison.baseline_name().to_owned(),
        difference.map_or_else(String::new, |added| number(added.value, added.kind)),
        added_ci_low,
        added_ci_high,
        added_model_low,
        added_model_high,
        verdict,
    ];
    summary_csv::fields(results, row).into_iter().chain(added).collect()
}

/// The mesh's place among those compared with the baseline: `1 of 3`, or `cannot tell: 1 to 2 of 3`.
fn verdict(
    comparison: &Comparison<'_>,
    of: &Results,
    judged: Judged,
    find: impl Fn(&Results) -> Option<Estimate>,
) -> String {
    if of.mesh == comparison.baseline_name() {
        return "baseline".to_owned();
    }
    let exact = |number: Estimate| Estimate { interval: Some((number.value, number.value)), ..number };
    let (meshes, numbers): (Vec<&str>, Vec<Estimate>) = comparison
        .compared()
        .filter_map(|results| Some((results.mesh.as_str(), find(results)?)))
        .map(|(mesh, number)| (mesh, if judged == Judged::LessExactly { exact(number) } else { number }))
        .unzip();
    let Some(position) = meshes.iter().position(|mesh| *mesh == of.mesh) else { return String::new() };
    if judged == Judged::Not || meshes.len() == 1 {
        return String::new();
    }
    let place = places(&numbers, comparison.is_by_model() && judged == Judged::Less)[position];
    if place.is_known() {
        format!("{} of {}", place.first, place.of)
    } else {
        format!("cannot tell: {} to {} of {}", place.first, place.last, place.of)
    }
}

//! `summary.json`: the results with their notes, in the shape of `docs/summary.schema.json`.

use serde::Serialize;

use crate::metrics::{Kind, Results, Row};

use super::{File, Run};

/// Changes whenever a reader of the file would have to.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Summary<'a> {
    version: u32,
    scenario: &'a str,
    mesh: &'a str,
    baseline: Option<&'a str>,
    replications: usize,
    stationary: bool,
    notes: &'a [String],
    rows: Vec<SummaryRow<'a>>,
}

/// The columns of `summary.csv` under the same names, but for the two that the whole file shares.
#[derive(Serialize)]
struct SummaryRow<'a> {
    scope: &'static str,
    name: &'a str,
    metric: &'static str,
    statistic: &'static str,
    value: f64,
    at_least: bool,
    unit: &'a str,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
    model_low: Option<f64>,
    model_high: Option<f64>,
}

pub(super) fn files(run: &Run<'_>) -> Vec<File> {
    vec![File { path: "summary.json".to_owned(), bytes: render(run.results) }]
}

fn render(results: &Results) -> Vec<u8> {
    let summary = Summary {
        version: VERSION,
        scenario: &results.scenario,
        mesh: &results.mesh,
        baseline: results.baseline.as_deref(),
        replications: results.replications,
        stationary: results.stationary,
        notes: &results.notes,
        rows: results.rows.iter().map(SummaryRow::from).collect(),
    };
    super::manifest::json(&summary)
}

impl<'a> From<&'a Row> for SummaryRow<'a> {
    fn from(row: &'a Row) -> Self {
        let low = |interval: Option<(f64, f64)>| interval.map(|(low, _)| low);
        let high = |interval: Option<(f64, f64)>| interval.map(|(_, high)| high);
        Self {
            scope: row.scope.as_str(),
            name: &row.name,
            metric: row.metric,
            statistic: row.statistic.as_str(),
            value: row.value.value,
            at_least: row.value.kind == Kind::AtLeast,
            unit: row.unit.as_str(),
            ci_low: low(row.value.interval),
            ci_high: high(row.value.interval),
            model_low: low(row.value.model),
            model_high: high(row.value.model),
        }
    }
}

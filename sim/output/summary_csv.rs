//! `summary.csv`: tidy, one number per row.
//!
//! Times are in seconds, CPU in cores, memory in bytes; the column `unit` says so. A value that is only known to be
//! larger (a quantile among unfinished requests) is written `>x`. Fields are quoted where CSV needs it and never
//! changed: a name that starts with `=` stays what it is, and a spreadsheet that runs formulas from CSV files must be
//! told not to.

use crate::metrics::{Kind, Results, Row};

use super::{File, Run};

/// The header, in order.
pub(super) const COLUMNS: [&str; 12] = [
    "scenario",
    "mesh",
    "scope",
    "name",
    "metric",
    "statistic",
    "value",
    "unit",
    "ci_low",
    "ci_high",
    "model_low",
    "model_high",
];

pub(super) const FILE: &str = "summary.csv";

pub(super) fn files(run: &Run<'_>) -> Vec<File> {
    vec![File { path: FILE.to_owned(), bytes: render(run.results) }]
}

fn render(results: &Results) -> Vec<u8> {
    table(&COLUMNS, results.rows.iter().map(|row| fields(results, row)))
}

/// A row's fields, in the order of [`COLUMNS`].
pub(super) fn fields(results: &Results, row: &Row) -> [String; COLUMNS.len()] {
    let value = row.value;
    let (ci_low, ci_high) = ends(value.interval);
    let (model_low, model_high) = ends(value.model);
    [
        results.scenario.clone(),
        results.mesh.clone(),
        row.scope.to_string(),
        row.name.clone(),
        row.metric.to_owned(),
        row.statistic.to_string(),
        number(value.value, value.kind),
        row.unit.to_string(),
        ci_low,
        ci_high,
        model_low,
        model_high,
    ]
}

/// The shortest decimal that reads back as the same number.
pub(super) fn number(value: f64, kind: Kind) -> String {
    match kind {
        Kind::Exact => value.to_string(),
        Kind::AtLeast => format!(">{value}"),
    }
}

pub(super) fn ends(interval: Option<(f64, f64)>) -> (String, String) {
    interval.map_or_else(Default::default, |(low, high)| (low.to_string(), high.to_string()))
}

/// A CSV text with a header.
pub(super) fn table(header: &[&str], rows: impl Iterator<Item = impl AsRef<[String]>>) -> Vec<u8> {
    const IN_MEMORY: &str = "writing to memory does not fail";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect(IN_MEMORY);
    for row in rows {
        writer.write_record(row.as_ref()).expect(IN_MEMORY);
    }
    writer.into_inner().expect(IN_MEMORY)
}

//! `replications.csv`: what each replication alone says of the scenario and its entries, so that another run of the
//! same seed can be compared with this one pair by pair. Only numbers that have an interval are there.

use crate::metrics::{Scope, change};

use super::summary_csv::table;
use super::{File, Run};

pub(super) const FILE: &str = "replications.csv";

/// Columns before those of the replications.
pub(super) const KEYS: [&str; 4] = ["scope", "name", "metric", "statistic"];

pub(super) fn files(run: &Run<'_>) -> Vec<File> {
    let numbered = (1..=run.records.len()).map(|number| format!("replication_{number}"));
    let header: Vec<String> = KEYS.map(str::to_owned).into_iter().chain(numbered).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows = change::replicated(run.labels, run.records, &[Scope::Scenario, Scope::Entry]);
    let rows = rows.into_iter().map(|row| {
        let keys = [row.scope.to_string(), row.name, row.metric.to_owned(), row.statistic.to_string()];
        keys.into_iter().chain(row.values.iter().map(f64::to_string)).collect::<Vec<String>>()
    });
    vec![File { path: FILE.to_owned(), bytes: table(&header, rows) }]
}

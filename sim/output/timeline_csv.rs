//! `timeline.csv`: golden signals (traffic, errors, latency, saturation) over time, tidy, one number per row.
//!
//! Times in seconds from the start of the run, which is where the warm-up starts. A value is that of all replications,
//! `low` and `high` are the smallest and largest among them. There is no row where nothing was seen. Of very many
//! services only the busiest are given, each with its versions.

use crate::metrics::{Kind, TimelineRow, busiest_services, timeline};

use super::summary_csv::{number, table};
use super::{File, Run};

/// Services in a file, at most: 200 of them with 60 intervals make some 5 MB.
const MOST_SERVICES: usize = 200;

const COLUMNS: [&str; 13] = [
    "scenario",
    "mesh",
    "scope",
    "name",
    "start",
    "end",
    "phase",
    "metric",
    "statistic",
    "value",
    "unit",
    "low",
    "high",
];

pub(super) fn files(run: &Run<'_>) -> Vec<File> {
    let services = busiest_services(run.records, MOST_SERVICES);
    let rows = timeline(run.labels, run.records, &services);
    let bytes = table(&COLUMNS, rows.iter().map(|row| fields(run, row)));
    vec![File { path: "timeline.csv".to_owned(), bytes }]
}

fn fields(run: &Run<'_>, row: &TimelineRow) -> [String; COLUMNS.len()] {
    let (low, high) = row.range;
    let exact = |value| number(value, Kind::Exact);
    [
        run.results.scenario.clone(),
        run.results.mesh.clone(),
        row.scope.to_string(),
        row.name.clone(),
        exact(row.start),
        exact(row.end),
        if row.warm_up { "warm_up" } else { "measured" }.to_owned(),
        row.metric.to_owned(),
        row.statistic.to_string(),
        exact(row.value),
        row.unit.to_string(),
        exact(low),
        exact(high),
    ]
}

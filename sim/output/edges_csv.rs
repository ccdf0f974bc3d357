//! `edges.csv`: the call graph with what went over each edge, as its caller sees it.
//!
//! Times in seconds, rates per second. A cell is empty where nothing was measured. Intervals are in `summary.csv`.

use crate::metrics::{Row, Scope, Statistic};

use super::summary_csv::{number, table};
use super::{File, Run};

/// Columns beside scenario, mesh, caller and callee: header, metric and statistic.
const MEASURED: [(&str, &str, Statistic); 11] = [
    ("call_rate", "throughput", Statistic::Mean),
    ("error_ratio", "error_ratio", Statistic::Mean),
    ("timeout_ratio", "timeout_ratio", Statistic::Mean),
    ("response_time_mean", "response_time", Statistic::Mean),
    ("response_time_p50", "response_time", Statistic::P50),
    ("response_time_p99", "response_time", Statistic::P99),
    ("proxy_time_mean", "proxy_time", Statistic::Mean),
    ("proxy_time_p50", "proxy_time", Statistic::P50),
    ("proxy_time_p99", "proxy_time", Statistic::P99),
    ("connections_opened_rate", "connections_opened", Statistic::Mean),
    ("bytes_rate", "traffic", Statistic::Mean),
];
const NAMES: [&str; 4] = ["scenario", "mesh", "caller", "callee"];
const WIDTH: usize = NAMES.len() + MEASURED.len();

pub(super) fn files(run: &Run<'_>) -> Vec<File> {
    let mut header = [""; WIDTH];
    header[..NAMES.len()].copy_from_slice(&NAMES);
    for (column, (name, ..)) in header[NAMES.len()..].iter_mut().zip(MEASURED) {
        *column = name;
    }
    vec![File { path: "edges.csv".to_owned(), bytes: table(&header, lines(run).into_iter()) }]
}

fn lines(run: &Run<'_>) -> Vec<[String; WIDTH]> {
    let rows: Vec<&Row> = run.results.rows.iter().filter(|row| row.scope == Scope::Edge).collect();
    // Rows of an edge stand side by side, edges in the order of the labels; an edge may have none.
    let mut groups = rows.chunk_by(|left, right| left.name == right.name).peekable();
    run.labels
        .edges
        .iter()
        .map(|edge| {
            let name = edge.name();
            let measured = groups.next_if(|group| group[0].name == name).unwrap_or_default();
            let mut line: [String; WIDTH] = std::array::from_fn(|_| String::new());
            line[0].clone_from(&run.results.scenario);
            line[1].clone_from(&run.results.mesh);
            line[2].clone_from(&edge.caller);
            line[3].clone_from(&edge.callee);
            for (cell, (_, metric, statistic)) in line[NAMES.len()..].iter_mut().zip(MEASURED) {
                let row = measured.iter().find(|row| row.metric == metric && row.statistic == statistic);
                *cell = row.map_or_else(String::new, |row| number(row.value.value, row.value.kind));
            }
            line
        })
        .collect()
}

//! What is measured: one file per scope, each a table of [`Measure`]s.
//!
//! A measure looks at one record and does not know whether it is one replication or several pooled, nor whether its
//! value becomes a result or half of a difference.

mod edge;
mod entry;
mod proxy;
mod scenario;
mod service;

use super::labels::Labels;
use super::record::RunRecord;
use super::results::{Scope, Statistic, Unit};
use super::section::Sample;

/// A quantity and its statistics.
pub(super) struct Measure {
    /// Column `metric`.
    pub(super) metric: &'static str,
    /// Its name as something a mesh adds to another, for those worth comparing.
    pub(super) added: Option<&'static str>,
    pub(super) unit: Unit,
    pub(super) statistics: &'static [Statistic],
    /// The statistic of the row at an index of a record; `None` where it has no meaning (nothing to divide by).
    pub(super) of: fn(&RunRecord, usize, Statistic) -> Option<Sample>,
}

impl Measure {
    const fn new(
        metric: &'static str,
        unit: Unit,
        statistics: &'static [Statistic],
        of: fn(&RunRecord, usize, Statistic) -> Option<Sample>,
    ) -> Self {
        Self { metric, added: None, unit, statistics, of }
    }

    const fn added_as(mut self, name: &'static str) -> Self {
        self.added = Some(name);
        self
    }
}

/// A scope, its measures and the names it has rows for.
pub(super) struct Table {
    pub(super) scope: Scope,
    pub(super) measures: &'static [Measure],
    pub(super) names: Vec<String>,
}

/// All tables in the order of the results.
pub(super) fn tables(labels: &Labels) -> [Table; 5] {
    let table = |scope, measures, names| Table { scope, measures, names };
    let entries = labels.entries.iter().map(|entry| entry.name.clone()).collect();
    let edges = labels.edges.iter().map(super::labels::EdgeLabel::name).collect();
    [
        table(Scope::Scenario, scenario::MEASURES, vec![labels.scenario.clone()]),
        table(Scope::Entry, entry::MEASURES, entries),
        table(Scope::Service, service::MEASURES, labels.services.clone()),
        table(Scope::Edge, edge::MEASURES, edges),
        table(Scope::Proxy, proxy::MEASURES, labels.proxies.clone()),
    ]
}

/// Statistics of a time per request.
const DISTRIBUTION: &[Statistic] = &[
    Statistic::Mean,
    Statistic::P50,
    Statistic::P90,
    Statistic::P95,
    Statistic::P99,
    Statistic::P999,
    Statistic::Max,
];
const MEAN: &[Statistic] = &[Statistic::Mean];
const TOTAL: &[Statistic] = &[Statistic::Total];

const NANOS_PER_SECOND: f64 = 1e9;

/// Nanoseconds per request as seconds per request.
fn mean_time(nanos: u64, requests: u64) -> Option<Sample> {
    Sample::ratio(nanos as f64 / NANOS_PER_SECOND, requests as f64)
}

/// Things per second of the window.
fn rate(count: u64, window: u64) -> Option<Sample> {
    Sample::ratio(count as f64, window as f64 / NANOS_PER_SECOND)
}

/// A share of cases.
fn share(cases: u64, of: u64) -> Option<Sample> {
    Sample::ratio(cases as f64, of as f64)
}

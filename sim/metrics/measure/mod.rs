//! What is measured: one file per scope, each a table of [`Measure`]s.
//!
//! A measure looks at one record and does not know whether it is one replication or several pooled, nor whether its
//! value becomes a result or half of a difference.

mod cause;
mod certificates;
mod control_plane;
mod cost;
mod edge;
mod entry;
mod lifecycle;
mod node;
mod proxy;
mod scenario;
mod service;
mod telemetry;
mod zone;

use super::labels::Labels;
use super::record::RunRecord;
use super::results::{Scope, Statistic, Unit};
use super::section::Sample;
use crate::policy::pod_start::Stage;

/// A quantity and its statistics.
pub(super) struct Measure {
    /// Column `metric`.
    pub(super) metric: &'static str,
    /// Its name as something a mesh adds to another, for those worth comparing: of scenarios and entries alone, whose rows
    /// stand at the same places under every mesh.
    pub(super) added: Option<&'static str>,
    pub(super) unit: Unit,
    pub(super) statistics: &'static [Statistic],
    /// Zero is not worth a row.
    pub(super) silent_at_zero: bool,
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
        Self { metric, added: None, unit, statistics, silent_at_zero: false, of }
    }

    const fn silent_at_zero(mut self) -> Self {
        self.silent_at_zero = true;
        self
    }

    const fn added_as(mut self, name: &'static str) -> Self {
        self.added = Some(name);
        self
    }
}

/// Something that results are about, and what is measured of it.
pub(super) struct Subject {
    pub(super) scope: Scope,
    pub(super) name: String,
    /// Its position in the records' table of the scope.
    pub(super) index: usize,
    pub(super) measures: &'static [Measure],
}

/// All subjects in the order of the results. An entry behind a gateway comes twice, with measures of its own.
pub(super) fn subjects(labels: &Labels) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let mut add = |scope, name: &str, index, measures| {
        subjects.push(Subject { scope, name: name.to_owned(), index, measures });
    };
    add(Scope::Scenario, &labels.scenario, 0, scenario::MEASURES);
    if !labels.nodes.is_empty() {
        add(Scope::Scenario, &labels.scenario, 0, cost::MEASURES);
    }
    if labels.zones.len() > 1 {
        add(Scope::Scenario, &labels.scenario, 0, cost::ACROSS_ZONES);
    }
    for (index, entry) in labels.entries.iter().enumerate() {
        add(Scope::Entry, &entry.name, index, entry::MEASURES);
        add(Scope::Entry, &entry.name, index, cause::OF_ENTRIES);
        if entry.gateway {
            add(Scope::Entry, &entry.name, index, entry::BEHIND_GATEWAY);
        }
    }
    for (index, name) in labels.services.iter().enumerate() {
        add(Scope::Service, name, index, service::MEASURES);
    }
    for (index, version) in labels.versions.iter().enumerate() {
        add(Scope::Version, &version.name, index, service::OF_VERSIONS);
    }
    for (index, edge) in labels.edges.iter().enumerate() {
        add(Scope::Edge, &edge.name(), index, edge::MEASURES);
        add(Scope::Edge, &edge.name(), index, cause::OF_EDGES);
        if labels.routed {
            add(Scope::Edge, &edge.name(), index, edge::ROUTED);
        }
        if labels.zones.len() > 1 {
            add(Scope::Edge, &edge.name(), index, edge::ACROSS_ZONES);
        }
    }
    for (index, name) in labels.proxies.iter().enumerate() {
        add(Scope::Proxy, name, index, proxy::MEASURES);
    }
    for (index, name) in labels.nodes.iter().enumerate() {
        add(Scope::Node, name, index, node::MEASURES);
    }
    for measures in of_control_plane(labels) {
        add(Scope::ControlPlane, Labels::ALL_CHANGES, 0, measures);
    }
    for (index, change) in labels.changes.iter().enumerate() {
        add(Scope::ControlPlane, &change.name, index, control_plane::OF_EVENTS);
    }
    if !labels.proxies.is_empty() {
        add(Scope::Telemetry, Labels::ALL_PROXIES, 0, telemetry::OF_ALL);
    }
    for (index, name) in labels.proxies.iter().enumerate() {
        add(Scope::Telemetry, name, index, telemetry::OF_GROUPS);
    }
    for (index, name) in labels.lives.iter().enumerate() {
        add(Scope::Pods, name, index, lifecycle::OF_LIVES);
        for (stage, at) in Stage::ALL.iter().enumerate() {
            let name = format!("{name} {}", at.name());
            add(Scope::PodStart, &name, index * Stage::ALL.len() + stage, lifecycle::OF_STAGES);
        }
    }
    for (from, one) in labels.zones.iter().enumerate() {
        for (to, other) in labels.zones.iter().enumerate().filter(|(to, _)| *to != from) {
            let index = from * labels.zones.len() + to;
            add(Scope::Zone, &format!("{one} -> {other}"), index, zone::MEASURES);
        }
    }
    subjects
}

/// What is measured of all changes, of the control plane and of certificates, as far as there are any.
fn of_control_plane(labels: &Labels) -> impl Iterator<Item = &'static [Measure]> {
    let changes = !labels.changes.is_empty() || !labels.incidents.is_empty();
    let tables = [
        (changes, control_plane::OF_ALL),
        (changes || labels.certificates, control_plane::OF_CONTROL_PLANE),
        (labels.certificates, certificates::MEASURES),
    ];
    tables.into_iter().filter_map(|(is_there, measures)| is_there.then_some(measures))
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

//! What telemetry is counted by, once a run is over.

use std::fmt;
use std::ops::Deref;

use crate::index::IndexVec;
use crate::mesh::MeshModel;
use crate::mesh::model::PrometheusModel;
use crate::mesh::scenario::{Protocol, Scenario, ServiceIdx};

/// What a run never looks at: equal programs may differ in it. It is no part of what they are told apart by.
#[derive(Clone, PartialEq)]
pub struct AfterRun<T>(pub T);

impl<T> Deref for AfterRun<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Says nothing of what is within, so that digests of programs are the same whatever it is.
impl<T> fmt::Debug for AfterRun<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AfterRun")
    }
}

/// What holds for all proxies.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// Services whose bytes no proxy understands.
    pub opaque: IndexVec<ServiceIdx, bool>,
    /// What keeps the metrics; the scenario's interval of scrapes goes before the mesh's.
    pub prometheus: PrometheusModel,
    /// Pods of services that are replaced in an hour.
    pub pods_replaced_per_hour: f64,
}

impl Telemetry {
    pub(super) fn of(scenario: &Scenario, mesh: &MeshModel) -> Self {
        let settings = scenario.telemetry;
        let scrape_interval = settings.scrape_interval.unwrap_or(mesh.prometheus.scrape_interval);
        Self {
            opaque: scenario
                .services
                .iter()
                .map(|service| service.application.protocol == Protocol::Tcp)
                .collect(),
            prometheus: PrometheusModel { scrape_interval, ..mesh.prometheus },
            pods_replaced_per_hour: settings.pods_replaced_per_hour,
        }
    }
}

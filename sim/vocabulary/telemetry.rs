//! What watches the pods, and how often they are replaced.

use crate::units::Span;

/// How metrics are gathered, whatever the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TelemetrySettings {
    /// Time between two scrapes; `None` is the profile's.
    pub scrape_interval: Option<Span>,
    /// Pods of services that are replaced in an hour, by roll-outs, autoscaling, evictions: each brings series of its own.
    pub pods_replaced_per_hour: f64,
}

//! What decides how many pods a service has, as written.

use crate::diag::Location;
use crate::vocabulary::autoscale::{Behavior, Metric, Spec};

use super::Located;

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoscaleDraft {
    /// Where it stands.
    pub location: Location,
    /// Fewest pods.
    pub min: Located<u32>,
    /// Most pods.
    pub max: Located<u32>,
    /// What is looked at, at least one.
    pub metrics: Vec<Located<Metric>>,
    /// How fast pods may come and go; `None` is as the controller has it.
    pub behavior: Option<Behavior>,
}

impl AutoscaleDraft {
    /// What it says.
    pub fn spec(&self) -> Spec {
        Spec {
            min: self.min.value,
            max: self.max.value,
            metrics: self.metrics.iter().map(|metric| metric.value).collect(),
            behavior: self.behavior.clone(),
        }
    }
}

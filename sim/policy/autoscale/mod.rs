//! Kubernetes' HorizontalPodAutoscaler: how many replicas a workload is asked to have.
//!
//! Follows pkg/controller/podautoscaler/horizontal.go. Every 15 s each metric recommends a number (`replicas`), the
//! largest counts; what was recommended lately holds it back, and so do limits to how fast it may change (`behavior`).
//! The count of before the first recommendation is remembered as one.

pub mod behavior;
pub mod replicas;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twins;

use crate::units::{Ratio, SimTime, Span};

pub use crate::vocabulary::autoscale::Spec;

use behavior::History;
use replicas::Pod;

/// What the controller is told for all autoscalers: flags of kube-controller-manager.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Time from one look to the next.
    pub sync: Span,
    /// Nothing changes while usage is within this share of the target.
    pub tolerance: Ratio,
    /// How long a recommendation keeps the replicas from becoming fewer.
    pub stabilization: Span,
    /// How long after a pod's start its CPU counts only if it is ready and was so for the whole sample.
    pub cpu_initialization: Span,
    /// A pod that became unready within this time of its start has never been ready.
    pub readiness_delay: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sync: Span::from_seconds(15),
            tolerance: Ratio::new(0.1).expect("a ratio"),
            stabilization: Span::from_seconds(300),
            cpu_initialization: Span::from_seconds(300),
            readiness_delay: Span::from_seconds(30),
        }
    }
}

/// Why the replicas are asked to be so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// They are as many as recommended.
    Recommended,
    /// They would be more, or fewer, but for what was recommended lately.
    Stabilized,
    /// They may not become more so fast.
    ScaleUpLimit,
    /// They may not become fewer so fast.
    ScaleDownLimit,
    /// They may not be more.
    TooMany,
    /// They may not be fewer.
    TooFew,
    /// Too little is known.
    NoMetrics,
    /// Somebody has set them to none.
    Disabled,
}

/// What a look has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Replicas that the workload is to have from here on.
    pub replicas: u32,
    /// What the metrics recommend, before anything holds it back.
    pub recommended: Option<u32>,
    /// Why so many.
    pub reason: Reason,
}

/// An autoscaler and what it remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct HorizontalPodAutoscaler {
    spec: Spec,
    settings: Settings,
    history: History,
}

impl HorizontalPodAutoscaler {
    /// One that has not looked yet.
    pub fn new(spec: Spec, settings: Settings) -> Self {
        Self { spec, settings, history: History::default() }
    }

    /// Looks at the pods of a workload that is told to have `current` replicas. Due every [`Settings::sync`].
    pub fn sync(&mut self, current: u32, pods: &[Pod], now: SimTime) -> Decision {
        self.history.start(current, now);
        let decision = self.decide(current, pods, now);
        if decision.replicas != current
            && let Some(behavior) = &self.spec.behavior
        {
            self.history.scaled(behavior, current, decision.replicas, now);
        }
        decision
    }

    fn decide(&mut self, current: u32, pods: &[Pod], now: SimTime) -> Decision {
        let Spec { min, max, .. } = self.spec;
        let unasked = |replicas, reason| Decision { replicas, recommended: None, reason };
        if current == 0 && min != 0 {
            return unasked(0, Reason::Disabled);
        }
        if current > max {
            return unasked(max, Reason::TooMany);
        }
        if current < min {
            return unasked(min, Reason::TooFew);
        }
        let Some(recommended) = self.recommend(current, pods, now) else {
            return unasked(current, Reason::NoMetrics);
        };
        let bounds = behavior::Bounds { min, max, current };
        let (replicas, reason) = match &self.spec.behavior {
            None => self.history.limit_by_default(bounds, recommended, self.settings.stabilization, now),
            Some(behavior) => {
                let window = self.settings.stabilization;
                let stable = self.history.stabilize(behavior, current, recommended, window, now);
                self.history.limit(behavior, bounds, stable, now)
            }
        };
        let reason = if reason == Reason::Recommended && replicas != recommended {
            Reason::Stabilized
        } else {
            reason
        };
        Decision { replicas, recommended: Some(recommended), reason }
    }

    /// The largest recommendation. Metrics that say nothing matter where the others would have fewer replicas.
    fn recommend(&self, current: u32, pods: &[Pod], now: SimTime) -> Option<u32> {
        let (mut largest, mut is_complete) = (None, true);
        let tolerance = self.tolerance();
        for metric in &self.spec.metrics {
            match replicas::recommend(metric, &self.settings, tolerance, current, pods, now) {
                Ok(proposal) => largest = largest.max(Some(proposal)),
                Err(_) => is_complete = false,
            }
        }
        largest.filter(|&replicas| is_complete || replicas >= current)
    }

    fn tolerance(&self) -> replicas::Tolerance {
        let of = |own: Option<Ratio>| own.unwrap_or(self.settings.tolerance).value();
        let behavior = self.spec.behavior.as_ref();
        replicas::Tolerance {
            down: of(behavior.and_then(|behavior| behavior.down.tolerance)),
            up: of(behavior.and_then(|behavior| behavior.up.tolerance)),
        }
    }
}

//! When a probe first succeeds.
//!
//! Follows pkg/kubelet/prober/worker.go: a container is probed as soon as kubelet knows that it runs and then every
//! period; what comes before its delay is over does not count. When the status of its pod changes while it is not ready,
//! it is probed at once, and every period from then on.

use super::Container;
use crate::units::{SimTime, Span};

/// How a container is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Not before it has run for so long.
    pub delay: Span,
    /// Time between two probes.
    pub period: Span,
}

impl Default for Probe {
    /// Kubernetes' own: every 10 s.
    fn default() -> Self {
        Self { delay: Span::ZERO, period: Span::from_seconds(10) }
    }
}

impl Probe {
    /// When the first probe of a container succeeds that is probed from `probed` on. At `noticed` the status of its pod
    /// changes.
    pub(super) fn success(&self, container: Container, probed: SimTime, noticed: Option<SimTime>) -> SimTime {
        let from = container.up.max(container.created + self.delay);
        let success = next_tick(probed, self.period, from);
        match noticed {
            Some(noticed) if probed <= noticed && noticed < success => next_tick(noticed, self.period, from),
            _ => success,
        }
    }
}

/// The first of `first`, `first` + `period`, … that is not before `from`.
pub(super) fn next_tick(first: SimTime, period: Span, from: SimTime) -> SimTime {
    let periods = from.since(first).nanos().div_ceil(period.nanos().max(1));
    first + Span::from_nanos(periods.saturating_mul(period.nanos().max(1)))
}

//! Envoy's outlier detection: endpoints that fail in a row are left out for a while. Per client proxy and backend.
//!
//! Follows source/common/upstream/outlier_detection_impl.cc. An endpoint is ejected when a counter reaches its limit,
//! unless that would eject more than the allowed share: ejected once more, 100 · (ejected + 1) / endpoints must not
//! exceed the maximum, so with a tenth and fewer than ten endpoints nothing is ever ejected (`always_eject_one_host` is
//! off). Either way the counter starts anew. Ejected endpoints come back at the first sweep after their time: the base
//! time × a factor that grows by one with each ejection and shrinks by one with each sweep an interval or more after
//! the last return. While too few are left, all are used (load_balancing_policies/common/load_balancer_impl.cc): fewer
//! than the panic share, and fewer than the overprovisioning factor of 1.4 makes up for.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::available::Available;
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::resilience::OutlierEjection;

/// How a call to an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer of this HTTP status, or of the one a gRPC status is translated to.
    Answered(u16),
    /// Without an answer.
    Failed {
        /// The status that stands for it.
        status: u16,
        /// There was a connection.
        connected: bool,
    },
}

impl Outcome {
    /// What the endpoint has to do with a failure; `None` where it has nothing.
    pub fn of(failure: &Failure) -> Option<Self> {
        let failed = |connected| Some(Self::Failed { status: failure.status.as_http(), connected });
        match failure.cause {
            Cause::Application => Some(Self::Answered(failure.status.as_http())),
            Cause::ConnectFailure | Cause::StaleEndpoint => failed(false),
            Cause::RefusedStream | Cause::Reset => failed(true),
            Cause::AttemptTimeout | Cause::RequestTimeout => failed(failure.sent),
            Cause::FaultAbort
            | Cause::DirectResponse
            | Cause::NoRoute
            | Cause::CallerTimeout
            | Cause::Overflow
            | Cause::NoHealthyEndpoint
            | Cause::Ejected => None,
        }
    }
}

/// What is remembered of an endpoint that has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Monitor {
    errors: u32,
    gateway_errors: u32,
    local_errors: u32,
    /// Since when it is ejected.
    ejected: Option<SimTime>,
    /// Since when it is back.
    back: Option<SimTime>,
    /// How many times the base time the ejection lasts.
    factor: u64,
}

/// Which endpoints of a backend a client proxy has ejected.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlierDetector {
    policy: OutlierEjection,
    start: SimTime,
    /// Of endpoints of which there is anything to remember.
    monitors: BTreeMap<u32, Monitor>,
    rotation: Available,
    everyone: Available,
    /// How many endpoints there are: not every one of them may have a pod.
    members: u32,
    is_armed: bool,
}

impl OutlierDetector {
    /// Of a client proxy that starts at `start`, with a backend of so many endpoints.
    pub const fn new(policy: OutlierEjection, endpoints: u32, start: SimTime) -> Self {
        let everyone = Available::all(endpoints);
        let rotation = Available::all(endpoints);
        Self {
            policy,
            start,
            monitors: BTreeMap::new(),
            rotation,
            everyone,
            members: endpoints,
            is_armed: false,
        }
    }

    /// Endpoints to choose from: those that are not ejected, or all where too few are left.
    #[inline]
    pub fn available(&self) -> &Available {
        if self.rotation.is_all() || self.panics() { &self.everyone } else { &self.rotation }
    }

    /// Endpoints that are not ejected, however few they are.
    pub const fn rotation(&self) -> &Available {
        &self.rotation
    }

    /// Whether so many are ejected that all are used.
    pub fn panics(&self) -> bool {
        let all = u64::from(self.members);
        let healthy = all.saturating_sub(self.rotation.out().len() as u64);
        healthy as f64 / (all as f64) < self.policy.panic_ratio.value() && 140 * healthy < 100 * all
    }

    /// There are so many endpoints now.
    pub const fn resize(&mut self, members: u32) {
        self.members = members;
    }

    /// An endpoint is a new one, of which nothing is known.
    pub fn renew(&mut self, endpoint: u32) {
        self.monitors.remove(&endpoint);
        self.rotation.insert(endpoint);
    }

    /// A call to an endpoint has ended. Returns when the endpoint comes back if this has ejected it.
    #[inline]
    pub fn on_result(&mut self, endpoint: u32, outcome: Outcome, now: SimTime) -> Option<SimTime> {
        let is_success = matches!(outcome, Outcome::Answered(..500));
        if is_success && self.monitors.is_empty() {
            return None;
        }
        self.count(endpoint, outcome, is_success, now)
    }

    fn count(&mut self, endpoint: u32, outcome: Outcome, is_success: bool, now: SimTime) -> Option<SimTime> {
        let policy = self.policy;
        let monitor = if is_success {
            self.monitors.get_mut(&endpoint)?
        } else {
            self.monitors.entry(endpoint).or_default()
        };
        if monitor.ejected.is_some() {
            return None;
        }
        let is_outlier = match (outcome, policy.consecutive_local_errors) {
            (Outcome::Failed { connected, .. }, Some(limit)) => {
                monitor.local_errors = if connected { 1 } else { monitor.local_errors + 1 };
                reaches(&mut monitor.local_errors, Some(limit))
            }
            (Outcome::Answered(status) | Outcome::Failed { status, .. }, _) => {
                monitor.local_errors = 0;
                let is_gateway_error = (502..=504).contains(&status);
                monitor.gateway_errors = if is_gateway_error { monitor.gateway_errors + 1 } else { 0 };
                monitor.errors = if is_success { 0 } else { monitor.errors + 1 };
                let by_gateway = reaches(&mut monitor.gateway_errors, policy.consecutive_gateway_errors);
                reaches(&mut monitor.errors, policy.consecutive_errors) || by_gateway
            }
        };
        if is_success && *monitor == Monitor::default() {
            self.monitors.remove(&endpoint);
        }
        if is_outlier { self.eject(endpoint, now) } else { None }
    }

    fn eject(&mut self, endpoint: u32, now: SimTime) -> Option<SimTime> {
        let ejected = self.rotation.out().len() as f64 + 1.0;
        let share = ejected / f64::from(self.members);
        // Envoy compares percentages; a share is not always a binary fraction.
        if share > self.policy.max_ratio.value() + 1e-12 {
            return None;
        }
        let monitor = self.monitors.get_mut(&endpoint)?;
        let (base, max) = (self.policy.base_time.nanos(), self.policy.max_time.nanos());
        if base.saturating_mul(monitor.factor) < max.saturating_add(base) {
            monitor.factor += 1;
        }
        monitor.ejected = Some(now);
        let earliest = now + ejection_time(&self.policy, monitor.factor);
        self.rotation.remove(endpoint);
        Some(self.sweep_from(earliest))
    }

    /// A sweep at `now`: returns the endpoints that come back.
    pub fn sweep(&mut self, now: SimTime) -> Vec<u32> {
        self.is_armed = false;
        let mut back = Vec::new();
        for (&endpoint, monitor) in &mut self.monitors {
            if let Some(since) = monitor.ejected
                && now.since(since) >= ejection_time(&self.policy, monitor.factor)
            {
                *monitor = Monitor { back: Some(now), factor: monitor.factor, ..Monitor::default() };
                back.push(endpoint);
            }
            let is_back = monitor.back.is_some_and(|since| now.since(since) >= self.policy.interval);
            if monitor.ejected.is_none() && is_back {
                monitor.factor = monitor.factor.saturating_sub(1);
                if monitor.factor == 0 {
                    monitor.back = None;
                }
            }
        }
        for &endpoint in &back {
            self.rotation.insert(endpoint);
        }
        self.monitors.retain(|_, monitor| *monitor != Monitor::default());
        back
    }

    /// The next sweep after `now` that there is something to do for, told once: whoever asks after every result and
    /// every sweep, and sweeps at the times told, misses none.
    pub fn next_sweep(&mut self, now: SimTime) -> Option<SimTime> {
        let is_needed = !self.is_armed && self.monitors.values().any(|monitor| monitor.factor > 0);
        self.is_armed |= is_needed;
        is_needed.then(|| self.sweep_from(now + Span::from_nanos(1)))
    }

    /// The first sweep at `time` or later.
    fn sweep_from(&self, time: SimTime) -> SimTime {
        let interval = self.policy.interval.nanos().max(1);
        let sweeps = time.since(self.start).nanos().div_ceil(interval).max(1);
        self.start + Span::from_nanos(interval.saturating_mul(sweeps))
    }
}

/// Whether a count has reached its limit, zero being none; it then starts anew.
fn reaches(count: &mut u32, limit: Option<u32>) -> bool {
    let is_reached = limit.is_some_and(|limit| limit > 0 && *count >= limit);
    if is_reached {
        *count = 0;
    }
    is_reached
}

fn ejection_time(policy: &OutlierEjection, factor: u64) -> Span {
    Span::from_nanos(policy.base_time.nanos().saturating_mul(factor)).min(policy.max_time)
}

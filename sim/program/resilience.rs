//! What a caller's proxy keeps of a backend to get along with its failures.

use crate::mesh::scenario::{Scenario, ServiceIdx, SubsetIdx};
use crate::vocabulary::resilience::{ConsecutiveFailures, OutlierEjection, RetryBudget, TrafficPolicy};

/// What bounds retries to a backend, and which of its endpoints are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Resilience {
    /// Bound on retries ...
    pub budget: Option<RetryBudget>,
    /// ... or, without one, on retries under way.
    pub retries: Option<u32>,
    /// Envoy's way to leave out endpoints.
    pub ejection: Option<OutlierEjection>,
    /// Linkerd's way.
    pub breaker: Option<ConsecutiveFailures>,
}

impl Resilience {
    /// `None` if nothing is to be kept.
    pub(super) fn of(policy: &TrafficPolicy) -> Option<Box<Self>> {
        let this = Self {
            budget: policy.retry_budget,
            retries: policy.limits.retries,
            ejection: policy.ejection,
            breaker: policy.breaker,
        };
        let nothing = Self { budget: None, retries: None, ejection: None, breaker: None };
        (this != nothing).then(|| Box::new(this))
    }
}

/// How callers treat a service or a subset of it, on its port.
pub(super) fn policy_of(scenario: &Scenario, callee: ServiceIdx, subset: Option<SubsetIdx>) -> TrafficPolicy {
    scenario.policy(callee, subset, scenario.services[callee].port)
}

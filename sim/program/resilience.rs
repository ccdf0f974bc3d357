//! What a caller's proxy keeps of a backend: to get along with its failures, and not to ask too much of it.

use crate::index::IndexVec;
use crate::mesh::scenario::{Scenario, ServiceIdx, SubsetIdx};
use crate::placement::ZoneIdx;
use crate::policy::locality::Localities;
use crate::units::{Ratio, Span};
use crate::vocabulary::BalancingPolicy;
use crate::vocabulary::resilience::{
    ConsecutiveFailures, Limits, Locality, OutlierEjection, RetryBudget, TrafficPolicy, WarmUp,
};

use super::Pool;

/// What bounds retries to a backend, which of its endpoints are left out, and what bounds its connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resilience {
    /// Bound on retries ...
    pub budget: Option<RetryBudget>,
    /// ... or, without one, on retries under way.
    pub retries: Option<u32>,
    /// Envoy's way to leave out endpoints.
    pub ejection: Option<OutlierEjection>,
    /// Linkerd's way.
    pub breaker: Option<ConsecutiveFailures>,
    /// Bounds on connections and what goes over them.
    pub bounds: Option<Bounds>,
    /// New endpoints get their share slowly.
    pub warm_up: Option<WarmUp>,
    /// Which endpoints a caller prefers, by its zone; empty where zones make no difference.
    pub localities: IndexVec<ZoneIdx, Localities>,
}

impl Resilience {
    /// `None` if nothing is to be kept. Envoy's slow start is one of two of its balancing policies.
    pub(super) fn of(
        policy: &TrafficPolicy,
        pool: &Pool,
        balancing: BalancingPolicy,
        localities: IndexVec<ZoneIdx, Localities>,
    ) -> Option<Box<Self>> {
        let can_warm_up = matches!(balancing, BalancingPolicy::RoundRobin | BalancingPolicy::LeastRequest);
        let this = Self {
            budget: policy.retry_budget,
            retries: policy.limits.retries,
            ejection: policy.ejection,
            breaker: policy.breaker,
            bounds: Bounds::of(&policy.limits, pool),
            warm_up: policy.warm_up.filter(|_| can_warm_up),
            localities,
        };
        (this != Self::default()).then(|| Box::new(this))
    }
}

/// What callers in each of the zones `names` prefer of endpoints in `zones`, in order. As Istio has it, callers stay in
/// their zone and fail over to others only where failing endpoints are ejected, and do so then unless told otherwise
/// (pilot/pkg/networking/core/loadbalancer/loadbalancer.go; mesh-wide, `localityLbSetting` is enabled).
pub(super) fn localities<'z>(
    policy: &TrafficPolicy,
    names: &[String],
    zones: impl FnOnce() -> Vec<&'z str>,
) -> IndexVec<ZoneIdx, Localities> {
    let nearest = Locality::Failover(Vec::new());
    let said = match (&policy.locality, policy.ejection) {
        (Some(Locality::Off), _) | (None | Some(Locality::Failover(_)), None) => None,
        (said, _) => Some(said.as_ref().unwrap_or(&nearest)),
    };
    let Some(locality) = said.filter(|_| names.len() > 1) else { return IndexVec::new() };
    let panic = policy.ejection.map_or(Ratio::ZERO, |ejection| ejection.panic_ratio);
    let zones = zones();
    let of_zones: IndexVec<ZoneIdx, Localities> =
        names.iter().map(|name| Localities::new(locality, name, &zones, panic)).collect();
    if of_zones.iter().all(Localities::is_flat) { IndexVec::new() } else { of_zones }
}

/// Bounds on the connections of a client proxy to a backend, all its workers together; the greatest number is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections.
    pub connections: u32,
    /// Calls that wait for a connection.
    pub pending: u32,
    /// Calls on connections.
    pub requests: u32,
    /// Calls that one connection carries.
    pub per_connection: u32,
    /// Nanoseconds after which a connection that is not ready is given up.
    pub connect_timeout: u64,
}

impl Bounds {
    const NONE: Self = Self {
        connections: u32::MAX,
        pending: u32::MAX,
        requests: u32::MAX,
        per_connection: u32::MAX,
        connect_timeout: u64::MAX,
    };

    /// A proxy does not see the requests on a connection that it forwards as it is.
    fn of(limits: &Limits, pool: &Pool) -> Option<Self> {
        let of_requests = |limit: Option<u32>| limit.filter(|_| !pool.per_connection).unwrap_or(u32::MAX);
        let this = Self {
            connections: limits.connections.unwrap_or(u32::MAX),
            pending: limits.pending.unwrap_or(u32::MAX),
            requests: of_requests(limits.requests),
            per_connection: of_requests(limits.requests_per_connection),
            connect_timeout: limits.connect_timeout.map_or(u64::MAX, Span::nanos),
        };
        (this != Self::NONE).then_some(this)
    }
}

/// The pool where limits hold: a connection is never given more requests at once than it may carry.
pub(super) fn limited(pool: Pool, limits: &Limits) -> Pool {
    Pool {
        streams: limits.requests_per_connection.map_or(pool.streams, |most| pool.streams.min(most)),
        idle_timeout: limits.idle_timeout.map_or(pool.idle_timeout, Span::nanos),
        ..pool
    }
}

/// How callers treat a service or a subset of it, on its port.
pub(super) fn policy_of(scenario: &Scenario, callee: ServiceIdx, subset: Option<SubsetIdx>) -> TrafficPolicy {
    scenario.policy(callee, subset, scenario.services[callee].port)
}

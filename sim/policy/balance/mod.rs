//! Load balancing: which endpoint a call goes to. One file per policy.
//!
//! Three kinds of state. [`Targets`] is what all callers of a service share: the number of endpoints and, for
//! consistent hashing, the table. A [`Balancer`] belongs to one caller (a client proxy, a waypoint replica, or the
//! application when there is no proxy) and one target. An [`EndpointLoad`] is what that caller knows of one endpoint:
//! no caller sees the calls of another. Endpoints are positions 0, 1, … of the service's replicas; [`Loads`] is whatever
//! keeps what the caller knows of each.
//!
//! ```
//! use sim::kernel::rng::{Purpose, Stream};
//! use sim::policy::balance::{Balancer, EndpointLoad, Targets};
//! use sim::units::{SimTime, Span};
//! use sim::vocabulary::BalancingPolicy;
//!
//! let mut stream = Stream::new(1, Purpose(0), "client", 0);
//! let targets = Targets::new(BalancingPolicy::PeakEwma, "default/web", 3);
//! let mut balancer = Balancer::new(BalancingPolicy::PeakEwma, &targets);
//! let now = SimTime::ZERO;
//! let unknown = EndpointLoad::new(BalancingPolicy::PeakEwma, Span::from_millis(30), Span::from_seconds(10), now);
//! let mut loads = vec![unknown; targets.len() as usize];
//! let endpoint = balancer.pick(&targets, &loads[..], now, 0, &mut stream);
//! loads[endpoint as usize].started();
//! let later = now + Span::from_millis(2);
//! loads[endpoint as usize].finished(Span::from_millis(2), later);
//! ```

mod least_request;
mod maglev;
mod peak_ewma;
mod per_connection;
mod random;
mod ring_hash;
mod round_robin;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod weighted;

pub use least_request::LeastRequest;
pub use peak_ewma::PeakEwma;
pub use round_robin::RoundRobin;
pub use weighted::{WeightedTurn, weighted};

use crate::kernel::Uniform;
use crate::kernel::rng::{extend_path, hash_name};
use crate::policy::available::{Candidates, Everyone};
use crate::units::{SimTime, Span};
use crate::vocabulary::BalancingPolicy;
use maglev::MaglevTable;
use ring_hash::Ring;

/// What a user is told of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalancerHelp {
    /// The policy.
    pub policy: BalancingPolicy,
    /// One line.
    pub doc: &'static str,
    /// Which real proxies balance this way, and when.
    pub used_by: &'static str,
}

/// Every policy there is, one row each, in the order of [`BalancingPolicy`], for help and documentation.
pub const BALANCERS: [BalancerHelp; 7] = [
    random::HELP,
    round_robin::HELP,
    least_request::HELP,
    peak_ewma::HELP,
    ring_hash::HELP,
    maglev::HELP,
    per_connection::HELP,
];

/// What all callers of a service know of it under one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    policy: BalancingPolicy,
    endpoints: u32,
    table: Table,
}

/// Which endpoint owns a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Table {
    None,
    Ring(Ring),
    Maglev(MaglevTable),
}

#[expect(clippy::len_without_is_empty, reason = "a service has at least one endpoint")]
impl Targets {
    /// The `endpoints` replicas of the service called `name` (with its namespace), which places them in hash tables.
    ///
    /// # Panics
    /// When there is no endpoint.
    pub fn new(policy: BalancingPolicy, name: &str, endpoints: u32) -> Self {
        Self::of(policy, &[(name, endpoints)])
    }

    /// The replicas of several workloads, each its name and how many it has: those of the first one come first.
    ///
    /// # Panics
    /// When there is no endpoint.
    pub fn of(policy: BalancingPolicy, replicas: &[(&str, u32)]) -> Self {
        let identities: Vec<u64> =
            replicas.iter().flat_map(|&(name, endpoints)| identities(name, endpoints)).collect();
        assert!(!identities.is_empty(), "{replicas:?} have no endpoint");
        let table = match policy {
            BalancingPolicy::RingHash => Table::Ring(Ring::new(&identities)),
            BalancingPolicy::Maglev => Table::Maglev(MaglevTable::new(&identities)),
            BalancingPolicy::Random
            | BalancingPolicy::RoundRobin
            | BalancingPolicy::LeastRequest
            | BalancingPolicy::PeakEwma
            | BalancingPolicy::PerConnection => Table::None,
        };
        Self { policy, endpoints: identities.len() as u32, table }
    }

    /// The policy that they are for.
    pub const fn policy(&self) -> BalancingPolicy {
        self.policy
    }

    /// Number of endpoints, at least 1.
    pub const fn len(&self) -> u32 {
        self.endpoints
    }

    /// The candidate to which a consistent hash sends `hash`, in the n-th selection for the same call.
    fn owner<C: Candidates + ?Sized>(&self, hash: u64, selection: u32, candidates: &C) -> u32 {
        match &self.table {
            Table::None => unreachable!("{:?} has no hash table", self.policy),
            Table::Ring(ring) => ring.owner(hash, selection, candidates),
            Table::Maglev(table) => table.owner(hash, selection, candidates),
        }
    }
}

/// Stable hashes of endpoints: of the service's name and the replica's position. Envoy hashes addresses with xxHash64,
/// which no scenario has; which endpoint owns which key therefore differs, the law of the shares does not.
fn identities(name: &str, endpoints: u32) -> Vec<u64> {
    let service = hash_name(name);
    (0..endpoints).map(|replica| extend_path(service, u64::from(replica))).collect()
}

/// What a caller knows of one endpoint: its own calls only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndpointLoad {
    /// Calls under way.
    pub active: u32,
    /// Estimate of the response time; kept up for [`BalancingPolicy::PeakEwma`].
    pub latency: PeakEwma,
}

impl EndpointLoad {
    /// An endpoint first heard of at `now`. Under [`BalancingPolicy::PeakEwma`] its response time is taken to be
    /// `assumed` until it has answered, and decays with time constant `decay`; other policies keep none.
    pub const fn new(policy: BalancingPolicy, assumed: Span, decay: Span, now: SimTime) -> Self {
        let latency = match policy {
            BalancingPolicy::PeakEwma => PeakEwma::new(assumed, decay, now),
            _ => PeakEwma::UNUSED,
        };
        Self { active: 0, latency }
    }

    /// A call was sent.
    #[inline]
    pub const fn started(&mut self) {
        self.active += 1;
    }

    /// A call was answered, with whatever status, `response_time` after it was sent.
    #[inline]
    pub fn finished(&mut self, response_time: Span, now: SimTime) {
        self.abandoned();
        self.latency.record(response_time, now);
    }

    /// A call ended without an answer: given up, or its connection failed. That teaches nothing about response times
    /// (as in Linkerd, lest an endpoint that fails at once looks fast).
    #[inline]
    pub const fn abandoned(&mut self) {
        debug_assert!(self.active > 0, "a call is under way");
        self.active -= 1;
    }
}

/// What a caller knows of the endpoints of one service: a row for each, or for those only that it has called.
pub trait Loads {
    /// Number of endpoints.
    fn endpoints(&self) -> u32;

    /// What is known of one of them.
    fn of(&self, endpoint: u32) -> &EndpointLoad;
}

impl Loads for [EndpointLoad] {
    #[inline]
    fn endpoints(&self) -> u32 {
        self.len() as u32
    }

    #[inline]
    fn of(&self, endpoint: u32) -> &EndpointLoad {
        &self[endpoint as usize]
    }
}

/// Whether callers look at what they know of endpoints when they choose one.
pub const fn looks_at_loads(policy: BalancingPolicy) -> bool {
    matches!(policy, BalancingPolicy::LeastRequest | BalancingPolicy::PeakEwma)
}

/// How one caller picks endpoints of one service.
#[derive(Clone, Debug, PartialEq)]
pub enum Balancer {
    /// Any endpoint, equally likely.
    Random,
    /// Each in turn.
    RoundRobin(RoundRobin),
    /// The less busy of two.
    LeastRequest(LeastRequest),
    /// The one of two that is expected to answer sooner.
    PeakEwma,
    /// The owner of the hash on a ring.
    RingHash,
    /// The owner of the hash in Maglev's table.
    Maglev,
    /// Any endpoint, for a whole connection: ask once per connection.
    PerConnection,
}

impl Balancer {
    /// A caller that has not called yet.
    ///
    /// # Panics
    /// When the targets were built for another policy.
    pub fn new(policy: BalancingPolicy, targets: &Targets) -> Self {
        assert_eq!(policy, targets.policy, "targets are built for a policy");
        match policy {
            BalancingPolicy::Random => Self::Random,
            BalancingPolicy::RoundRobin => Self::RoundRobin(RoundRobin::default()),
            BalancingPolicy::LeastRequest => Self::LeastRequest(LeastRequest::ENVOY),
            BalancingPolicy::PeakEwma => Self::PeakEwma,
            BalancingPolicy::RingHash => Self::RingHash,
            BalancingPolicy::Maglev => Self::Maglev,
            BalancingPolicy::PerConnection => Self::PerConnection,
        }
    }

    /// The endpoint for the next call, or, per connection, for the next connection. `loads` is looked at where
    /// [`looks_at_loads`] says so; `hash` is a well-mixed hash of what consistent hashing looks at, ignored by other policies.
    #[inline]
    pub fn pick<L: Loads + ?Sized, U: Uniform>(
        &mut self,
        targets: &Targets,
        loads: &L,
        now: SimTime,
        hash: u64,
        uniform: &mut U,
    ) -> u32 {
        debug_assert_eq!(loads.endpoints(), targets.endpoints, "loads are of the targets");
        let selection = Selection { now, hash, number: 0 };
        self.select(targets, &Everyone(targets.endpoints), loads, selection, uniform)
    }

    /// As [`Self::pick`], one of the candidates; `None` if there is none. An endpoint that was tried before is picked
    /// only if so many selections find no other: they are draws of their own, not a search (Envoy's previous hosts
    /// predicate, load_balancing_policies/common/load_balancer_impl.cc).
    pub fn pick_among<C, L, U>(
        &mut self,
        targets: &Targets,
        candidates: &C,
        loads: &L,
        call: &Call<'_>,
        uniform: &mut U,
    ) -> Option<u32>
    where
        C: Candidates + ?Sized,
        L: Loads + ?Sized,
        U: Uniform,
    {
        debug_assert_eq!(loads.endpoints(), targets.endpoints, "loads are of the targets");
        if candidates.len() == 0 {
            return None;
        }
        let mut number = 0;
        loop {
            let selection = Selection { now: call.now, hash: call.hash, number };
            let picked = self.select(targets, candidates, loads, selection, uniform);
            if number == RESELECTIONS || !call.tried.contains(&picked) {
                return Some(picked);
            }
            number += 1;
        }
    }

    #[inline]
    fn select<C, L, U>(
        &mut self,
        targets: &Targets,
        candidates: &C,
        loads: &L,
        selection: Selection,
        uniform: &mut U,
    ) -> u32
    where
        C: Candidates + ?Sized,
        L: Loads + ?Sized,
        U: Uniform,
    {
        match self {
            Self::Random => random::pick(candidates, uniform),
            Self::RoundRobin(state) => state.pick(candidates, uniform),
            Self::LeastRequest(policy) => policy.pick(candidates, loads, uniform),
            Self::PeakEwma => peak_ewma::pick(candidates, loads, selection.now, uniform),
            Self::RingHash | Self::Maglev => targets.owner(selection.hash, selection.number, candidates),
            Self::PerConnection => per_connection::pick(candidates, uniform),
        }
    }
}

/// How often another endpoint is selected if one that was tried comes up: Istio's `host_selection_retry_max_attempts`.
pub const RESELECTIONS: u32 = 5;

/// What the choice of an endpoint looks at besides the endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Time.
    pub now: SimTime,
    /// Of what consistent hashing looks at.
    pub hash: u64,
    /// Endpoints that earlier attempts went to, where those are avoided.
    pub tried: &'a [u32],
}

/// One draw.
#[derive(Clone, Copy)]
struct Selection {
    now: SimTime,
    hash: u64,
    /// From 0, for the same call.
    number: u32,
}

/// Two different positions below `count`, in random order, every pair equally likely; the same one twice when there is
/// only one.
#[inline]
fn distinct_pair<U: Uniform>(count: u32, uniform: &mut U) -> (u32, u32) {
    if count == 1 {
        return (0, 0);
    }
    let first = uniform.below(count);
    let second = uniform.below(count - 1);
    (first, second + u32::from(second >= first))
}

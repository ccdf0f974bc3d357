//! How a pod picks endpoints of one of its edges: by its balancing policy among all that are in rotation, or, where its
//! proxy is told so, in zones that it prefers and less often those that are new.

use std::collections::BTreeMap;

use crate::kernel::Uniform;
use crate::kernel::rng::{extend_path, unit_of};
use crate::placement::ZoneIdx;
use crate::policy::available::{Available, Candidates, Everyone};
use crate::policy::balance::{Balancer, Call, Loads, RESELECTIONS, Targets, WeightedTurn, looks_at_loads};
use crate::policy::locality::Localities;
use crate::policy::warm_up;
use crate::program::Edge;
use crate::units::SimTime;
use crate::vocabulary::BalancingPolicy;
use crate::vocabulary::resilience::WarmUp;

use super::guard::Guard;
use super::view::Request;

#[derive(Debug)]
pub(super) struct Selector {
    balancer: Balancer,
    /// `None` where every endpoint is alike.
    ranks: Option<Box<Ranks>>,
}

/// What makes endpoints differ in the eyes of a pod.
#[derive(Debug)]
struct Ranks {
    localities: Option<Localities>,
    /// What was in rotation when `localities` were last told.
    seen: Available,
    warm_up: Option<WarmUp>,
    /// Endpoints that have their whole share not yet, and since when they are in rotation.
    since: BTreeMap<u32, SimTime>,
    /// Of each group of endpoints: Envoy has a scheduler for each level and for each zone with a weight.
    turns: Vec<Turns>,
}

/// Whose turn it is in a group of endpoints.
#[derive(Debug)]
struct Turns {
    balancer: Balancer,
    /// While some of them have a smaller share.
    weighted: WeightedTurn,
}

impl Selector {
    /// Of a pod in `zone`; outside of the cluster there is none.
    pub(super) fn new(edge: &Edge, zone: Option<ZoneIdx>) -> Self {
        let balancer = Balancer::new(edge.policy, &edge.targets);
        let resilience = edge.resilience.as_deref();
        let of_zone = resilience.and_then(|of| of.localities.get(zone?));
        let localities = of_zone.filter(|localities| !localities.is_flat()).cloned();
        let warm_up = resilience.and_then(|of| of.warm_up);
        let ranks = (localities.is_some() || warm_up.is_some())
            .then(|| Box::new(Ranks::new(&edge.targets, &balancer, localities, warm_up)));
        Self { balancer, ranks }
    }

    /// An endpoint has come into rotation as a new one.
    pub(super) fn joined(&mut self, endpoint: u32, now: SimTime) {
        if let Some(ranks) = &mut self.ranks {
            ranks.joined(endpoint, now);
        }
    }

    /// An endpoint for a call; `None` if none is in rotation.
    #[inline]
    pub(super) fn pick<L: Loads, U: Uniform>(
        &mut self,
        targets: &Targets,
        loads: &L,
        among: Rotation<'_>,
        request: &Request<'_>,
        uniform: &mut U,
    ) -> Option<u32> {
        let call = Call { now: request.now, hash: request.hash, tried: request.avoid };
        if let Some(ranks) = &mut self.ranks {
            return ranks.pick(targets, loads, among, &call, uniform);
        }
        let kept = among.available();
        if kept.is_none() && targets.len() == 1 {
            return Some(0);
        }
        if kept.is_none() && request.avoid.is_empty() {
            return Some(self.balancer.pick(targets, loads, request.now, request.hash, uniform));
        }
        if let Some(kept) = kept {
            return self.balancer.pick_among(targets, &kept, loads, &call, uniform);
        }
        self.balancer.pick_among(targets, &Everyone(targets.len()), loads, &call, uniform)
    }
}

/// Which endpoints a pod may pick: those that it knows, less those that it cannot reach or that have failed too often.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rotation<'a> {
    /// `None` is all.
    pub(super) known: Option<&'a Available>,
    /// Those that could not be connected to lately are out of it; `None` is all.
    pub(super) ready: Option<&'a Available>,
    pub(super) guard: Option<&'a Guard>,
}

impl Rotation<'_> {
    /// Endpoints to choose from; `None` is all.
    #[inline]
    pub(super) fn available(self) -> Option<Available> {
        let kept = self.guard.and_then(Guard::available);
        [self.known, self.ready]
            .into_iter()
            .flatten()
            .fold(kept, |kept, those| Some(kept.map_or_else(|| those.clone(), |kept| kept.and(those))))
    }

    /// Whether an endpoint is in rotation.
    pub(super) fn is_ready(self) -> bool {
        self.available().is_none_or(|kept| !kept.is_empty())
    }

    /// Endpoints in rotation, of so many, however few they are.
    fn all(self, endpoints: u32) -> Available {
        let kept = self.guard.map_or_else(|| Available::all(endpoints), |guard| guard.rotation(endpoints));
        [self.known, self.ready].into_iter().flatten().fold(kept, |kept, those| kept.and(those))
    }
}

impl Ranks {
    fn new(
        targets: &Targets,
        balancer: &Balancer,
        localities: Option<Localities>,
        warm_up: Option<WarmUp>,
    ) -> Self {
        let groups = localities.as_ref().map_or(1, Localities::groups);
        let turns = || Turns { balancer: balancer.clone(), weighted: WeightedTurn::default() };
        Self {
            localities,
            seen: Available::all(targets.len()),
            warm_up,
            since: BTreeMap::new(),
            turns: (0..groups).map(|_| turns()).collect(),
        }
    }

    /// An endpoint has come into rotation as a new one. As in Envoy without active health checks, which Istio does not
    /// configure, one that comes back after ejection is none (envoyproxy/envoy pull request 23946).
    fn joined(&mut self, endpoint: u32, now: SimTime) {
        if self.warm_up.is_some() {
            self.since.insert(endpoint, now);
        }
    }

    /// As Envoy does, every selection chooses the level or zone anew.
    fn pick<L: Loads, U: Uniform>(
        &mut self,
        targets: &Targets,
        loads: &L,
        among: Rotation<'_>,
        call: &Call<'_>,
        uniform: &mut U,
    ) -> Option<u32> {
        self.forget_the_old(call.now);
        let mut picked = None;
        for _ in 0..=RESELECTIONS {
            picked = Some(self.pick_any(targets, loads, among, call, uniform)?);
            if !picked.is_some_and(|picked| call.tried.contains(&picked)) {
                break;
            }
        }
        picked
    }

    /// One selection, wherever earlier attempts went.
    fn pick_any<L: Loads, U: Uniform>(
        &mut self,
        targets: &Targets,
        loads: &L,
        among: Rotation<'_>,
        call: &Call<'_>,
        uniform: &mut U,
    ) -> Option<u32> {
        let call = &Call { tried: &[], ..*call };
        let Self { localities, seen, warm_up, since, turns } = self;
        let weights = warm_up.filter(|_| !since.is_empty()).map(|warm_up| {
            let since = &*since;
            move |endpoint: u32| {
                since.get(&endpoint).map_or(1.0, |&since| warm_up::weight(&warm_up, call.now.since(since)))
            }
        });
        if let Some(localities) = localities {
            let rotation = among.all(targets.len());
            if rotation != *seen {
                localities.refresh(&rotation);
                *seen = rotation;
            }
            let drawn = match targets.policy() {
                BalancingPolicy::RingHash | BalancingPolicy::Maglev => unit_of(extend_path(call.hash, ZONES)),
                _ if localities.groups() == 1 => 0.0,
                _ => uniform.unit(),
            };
            let (group, kept) = localities.choose(drawn)?;
            return turns[group].pick(targets, kept, loads, call, weights, uniform);
        }
        match among.available() {
            Some(kept) => turns[0].pick(targets, &kept, loads, call, weights, uniform),
            None => turns[0].pick(targets, &Everyone(targets.len()), loads, call, weights, uniform),
        }
    }

    /// Those that have their whole share by now are like all others.
    fn forget_the_old(&mut self, now: SimTime) {
        let Some(warm_up) = self.warm_up.filter(|_| !self.since.is_empty()) else { return };
        self.since.retain(|_, since| now.since(*since) < warm_up.duration);
        if self.since.is_empty() {
            for turns in &mut self.turns {
                turns.weighted = WeightedTurn::default();
            }
        }
    }
}

/// Tells the zone that a consistent hash leads to from the endpoint there.
const ZONES: u64 = 0x7a6f_6e65;

impl Turns {
    /// With weights endpoints come up in turn, under the policy that looks at them the less often the busier they are.
    fn pick<C, L, U>(
        &mut self,
        targets: &Targets,
        candidates: &C,
        loads: &L,
        call: &Call<'_>,
        weights: Option<impl Fn(u32) -> f64>,
        uniform: &mut U,
    ) -> Option<u32>
    where
        C: Candidates + ?Sized,
        L: Loads,
        U: Uniform,
    {
        let Some(weight) = weights else {
            return self.balancer.pick_among(targets, candidates, loads, call, uniform);
        };
        let is_by_load = looks_at_loads(targets.policy());
        let calls = |endpoint| if is_by_load { f64::from(loads.of(endpoint).active) } else { 0.0 };
        self.weighted.pick(candidates, |endpoint| weight(endpoint) / (1.0 + calls(endpoint)), uniform)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rng::{Purpose, Stream};
    use crate::policy::balance::EndpointLoad;
    use crate::units::{Ratio, Span};
    use crate::vocabulary::resilience::Locality;

    const POLICY: BalancingPolicy = BalancingPolicy::RoundRobin;

    fn shares(ranks: &mut Ranks, targets: &Targets, at: Span, picks: u32) -> Vec<f64> {
        let idle = EndpointLoad::new(POLICY, Span::ZERO, Span::ZERO, SimTime::ZERO);
        let loads = Idle(vec![idle; targets.len() as usize]);
        let mut stream = Stream::new(1, Purpose(1), "picks", 0);
        let call = Call { now: SimTime::ZERO + at, hash: 0, tried: &[] };
        let mut counts = vec![0.0; targets.len() as usize];
        for _ in 0..picks {
            let picked = ranks
                .pick(targets, &loads, Rotation::default(), &call, &mut stream)
                .expect("all are in rotation");
            counts[picked as usize] += 1.0 / f64::from(picks);
        }
        counts
    }

    struct Idle(Vec<EndpointLoad>);

    impl Loads for Idle {
        fn endpoints(&self) -> u32 {
            self.0.len() as u32
        }

        fn of(&self, endpoint: u32) -> &EndpointLoad {
            &self.0[endpoint as usize]
        }
    }

    fn ranks(targets: &Targets, localities: Option<Localities>, warm_up: Option<WarmUp>) -> Ranks {
        Ranks::new(targets, &Balancer::new(POLICY, targets), localities, warm_up)
    }

    #[test]
    fn a_new_endpoint_gets_its_share_little_by_little() {
        let targets = Targets::new(POLICY, "default/web", 4);
        let tenth = Ratio::new(0.1).expect("a ratio");
        let warm_up = WarmUp { duration: Span::from_seconds(100), minimum: tenth, aggression: 1.0 };
        let mut ranks = ranks(&targets, None, Some(warm_up));
        ranks.joined(3, SimTime::ZERO);
        for (age, weight) in [(0, 0.1), (20, 0.2), (50, 0.5), (100, 1.0)] {
            let shares = shares(&mut ranks, &targets, Span::from_seconds(age), 10_000);
            let expected = weight / (3.0 + weight);
            assert!((shares[3] - expected).abs() < 1e-3, "{age} s: {} and {expected}", shares[3]);
            assert!((shares[0] - (1.0 - expected) / 3.0).abs() < 1e-3, "{age} s: {}", shares[0]);
        }
        assert!(ranks.since.is_empty(), "it is like the others now");
    }

    #[test]
    fn each_zone_has_its_own_round() {
        let targets = Targets::new(POLICY, "default/web", 5);
        let shares_of = vec![("a".to_owned(), 80.0), ("b".to_owned(), 20.0)];
        let distribute = Locality::Distribute(vec![("a".to_owned(), shares_of)]);
        let localities = Localities::new(&distribute, "a", &["a", "b", "a", "b", "b"], Ratio::ZERO);
        let mut ranks = ranks(&targets, Some(localities), None);
        let shares = shares(&mut ranks, &targets, Span::ZERO, 30_000);
        for (share, expected) in shares.iter().zip([0.4, 0.2 / 3.0, 0.4, 0.2 / 3.0, 0.2 / 3.0]) {
            // Three standard deviations of the zones' draws.
            assert!((share - expected).abs() < 0.007, "{share} {expected}");
        }
    }
}

//! The power of two choices: of two random endpoints the one with fewer calls under way.
//!
//! Envoy (source/extensions/load_balancing_policies/least_request/least_request_lb.cc, unweightedHostPickNChoices, two
//! choices by default) draws both independently: with n endpoints the two are the same one in one of n picks, which
//! then is random. With equally many calls the first drawn is taken. Calls are those of this caller alone.

use super::{BalancerHelp, Loads, distinct_pair};
use crate::kernel::Uniform;
use crate::policy::available::Candidates;
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::LeastRequest,
    doc: "Of two random endpoints the one with fewer requests of this caller under way.",
    used_by: "Istio by default: sidecars, gateways, waypoints.",
};

/// How the two endpoints are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastRequest {
    /// Whether the two are always different, as queueing theory has it; Envoy may draw the same one twice.
    pub distinct: bool,
}

impl LeastRequest {
    /// As Envoy draws.
    pub const ENVOY: Self = Self { distinct: false };

    #[inline]
    pub(super) fn pick<C, L, U>(self, candidates: &C, loads: &L, uniform: &mut U) -> u32
    where
        C: Candidates + ?Sized,
        L: Loads + ?Sized,
        U: Uniform,
    {
        let count = candidates.len();
        let (first, second) = if self.distinct {
            distinct_pair(count, uniform)
        } else {
            (uniform.below(count), uniform.below(count))
        };
        let (first, second) = (candidates.nth(first), candidates.nth(second));
        if loads.of(second).active < loads.of(first).active { second } else { first }
    }
}

#[cfg(test)]
mod tests {
    use super::super::EndpointLoad;
    use super::super::testing::{assert_shares, stream};
    use super::*;
    use crate::policy::available::Everyone;
    use crate::units::{SimTime, Span};
    use proptest::prelude::*;

    fn loads(active: &[u32]) -> Vec<EndpointLoad> {
        let idle = EndpointLoad::new(BalancingPolicy::LeastRequest, Span::ZERO, Span::ZERO, SimTime::ZERO);
        active.iter().map(|&active| EndpointLoad { active, ..idle }).collect()
    }

    /// The obvious twin: every pair in turn.
    fn shares(active: &[u32], distinct: bool) -> Vec<f64> {
        let mut wins = vec![0.0; active.len()];
        let mut pairs = 0.0;
        for first in 0..active.len() {
            for second in 0..active.len() {
                if distinct && first == second && active.len() > 1 {
                    continue;
                }
                pairs += 1.0;
                wins[if active[first] <= active[second] { first } else { second }] += 1.0;
            }
        }
        wins.iter().map(|wins| wins / pairs).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]
        #[test]
        fn picks_have_the_law_of_all_pairs(active in prop::collection::vec(0_u32..5, 2..9), distinct: bool) {
            let (loads, mut uniform) = (loads(&active), stream(0));
            let mut counts = vec![0_u32; active.len()];
            for _ in 0..40_000 {
                counts[LeastRequest { distinct }.pick(&Everyone(active.len() as u32), &loads[..], &mut uniform) as usize] += 1;
            }
            assert_shares(&counts, &shares(&active, distinct));
        }
    }

    #[test]
    fn the_busiest_of_n_is_picked_only_when_drawn_twice() {
        let active = [9, 1, 1, 1];
        assert_eq!(shares(&active, false)[0], 1.0 / 16.0);
        assert_eq!(shares(&active, true)[0], 0.0);
        let mut uniform = stream(0);
        let picked = |distinct, uniform: &mut _| {
            (0..16_000)
                .filter(|_| LeastRequest { distinct }.pick(&Everyone(4), &loads(&active)[..], uniform) == 0)
                .count()
        };
        assert!((900..1100).contains(&picked(false, &mut uniform)));
        assert_eq!(picked(true, &mut uniform), 0);
    }
}

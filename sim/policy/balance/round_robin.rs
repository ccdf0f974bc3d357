//! Each endpoint in turn, from a random start.
//!
//! Every caller keeps its own turn and starts at a random endpoint (as Envoy's round_robin_lb.h, whose index starts at
//! a random seed), so many callers together are random, not in step. Endpoints out of rotation are skipped; Envoy starts
//! anew in the middle of the smaller list, which changes whose turn it is, not how often.

use super::BalancerHelp;
use crate::kernel::Uniform;
use crate::policy::available::Candidates;
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::RoundRobin,
    doc: "Each endpoint in turn, every caller from a random start.",
    used_by: "Envoy by default; Istio where a DestinationRule says ROUND_ROBIN; gRPC clients that balance themselves.",
};

/// Whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundRobin {
    next: Option<u32>,
}

impl RoundRobin {
    #[inline]
    pub(super) fn pick<C: Candidates + ?Sized, U: Uniform>(
        &mut self,
        candidates: &C,
        uniform: &mut U,
    ) -> u32 {
        let count = candidates.len();
        let rank = match self.next {
            Some(next) => candidates.rank(next),
            None => uniform.below(count),
        };
        let picked = candidates.nth(if rank == count { 0 } else { rank });
        self.next = Some(picked + 1);
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_shares, equal, stream};
    use super::*;
    use crate::policy::available::{Available, Everyone};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_turn_goes_round(endpoints in 1_u32..50, seed in 0_u32..1000, picks in 1_usize..200) {
            let (mut state, mut uniform) = (RoundRobin::default(), stream(seed));
            let picked: Vec<u32> = (0..picks).map(|_| state.pick(&Everyone(endpoints), &mut uniform)).collect();
            let start = picked[0];
            let obvious: Vec<u32> = (0..picks as u32).map(|turn| (start + turn) % endpoints).collect();
            prop_assert_eq!(picked, obvious);
        }
    }

    proptest! {
        #[test]
        fn whoever_is_out_of_rotation_is_skipped(endpoints in 1_u32..20, seed in 0_u32..1000, changes in prop::collection::vec((any::<bool>(), 0_u32..20), 1..100)) {
            let (mut state, mut uniform) = (RoundRobin::default(), stream(seed));
            let mut available = Available::all(endpoints);
            let mut last = state.pick(&available, &mut uniform);
            for (is_out, endpoint) in changes {
                if is_out { available.remove(endpoint % endpoints) } else { available.insert(endpoint % endpoints) };
                if available.is_empty() {
                    continue;
                }
                let obvious = (1..=endpoints)
                    .map(|step| (last + step) % endpoints)
                    .find(|&endpoint| available.contains(endpoint));
                last = state.pick(&available, &mut uniform);
                prop_assert_eq!(Some(last), obvious);
            }
        }
    }

    #[test]
    fn callers_start_anywhere() {
        let mut counts = vec![0_u32; 9];
        let mut uniform = stream(0);
        for _ in 0..50_000 {
            counts[RoundRobin::default().pick(&Everyone(9), &mut uniform) as usize] += 1;
        }
        assert_shares(&counts, &equal(9));
    }
}

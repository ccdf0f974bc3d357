//! Each endpoint in turn, from a random start.
//!
//! Every caller keeps its own turn and starts at a random endpoint (as Envoy's round_robin_lb.h, whose index starts at
//! a random seed), so many callers together are random, not in step.

use super::BalancerHelp;
use crate::kernel::Uniform;
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
    pub(super) fn pick<U: Uniform>(&mut self, endpoints: u32, uniform: &mut U) -> u32 {
        let picked = match self.next {
            Some(next) => next,
            None => uniform.below(endpoints),
        };
        self.next = Some(if picked + 1 == endpoints { 0 } else { picked + 1 });
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_shares, equal, stream};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_turn_goes_round(endpoints in 1_u32..50, seed in 0_u32..1000, picks in 1_usize..200) {
            let (mut state, mut uniform) = (RoundRobin::default(), stream(seed));
            let picked: Vec<u32> = (0..picks).map(|_| state.pick(endpoints, &mut uniform)).collect();
            let start = picked[0];
            let obvious: Vec<u32> = (0..picks as u32).map(|turn| (start + turn) % endpoints).collect();
            prop_assert_eq!(picked, obvious);
        }
    }

    #[test]
    fn callers_start_anywhere() {
        let mut counts = vec![0_u32; 9];
        let mut uniform = stream(0);
        for _ in 0..50_000 {
            counts[RoundRobin::default().pick(9, &mut uniform) as usize] += 1;
        }
        assert_shares(&counts, &equal(9));
    }
}

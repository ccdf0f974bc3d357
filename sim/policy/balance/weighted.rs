//! Endpoints in turn, each as often as its weight says: Envoy's earliest deadline first.
//!
//! Envoy goes over to it while weights differ (source/extensions/load_balancing_policies/common: `EdfScheduler`): the
//! endpoint with the earliest deadline is picked, and its next deadline is 1/weight later. For least requests the
//! weight is divided by the calls under way and one more. Weights are asked for when an endpoint is picked, not when
//! they change. Callers start at random, as one that has been picking for long.

use std::collections::BTreeMap;

use crate::kernel::Uniform;
use crate::policy::available::Candidates;

/// Whose turn it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightedTurn {
    /// When each endpoint that was a candidate is due; weights have no unit, and so has this time.
    due: BTreeMap<u32, f64>,
    now: f64,
}

impl WeightedTurn {
    /// The next endpoint; `None` without a candidate of positive weight. Of endpoints that are due at once the first is
    /// picked.
    pub fn pick<C, U>(&mut self, candidates: &C, weight: impl Fn(u32) -> f64, uniform: &mut U) -> Option<u32>
    where
        C: Candidates + ?Sized,
        U: Uniform,
    {
        self.due.retain(|&endpoint, _| candidates.contains(endpoint));
        for rank in 0..candidates.len() {
            let endpoint = candidates.nth(rank);
            let weight = weight(endpoint);
            if weight > 0.0 {
                self.due.entry(endpoint).or_insert_with(|| self.now + uniform.unit() / weight);
            } else {
                self.due.remove(&endpoint);
            }
        }
        let (&picked, &due) = self.due.iter().min_by(|left, right| left.1.total_cmp(right.1))?;
        self.now = due.max(self.now);
        self.due.insert(picked, self.now + 1.0 / weight(picked));
        Some(picked)
    }
}

/// An endpoint with the chance of its weight; `None` without a candidate of positive weight.
pub fn weighted<C, U>(candidates: &C, weight: impl Fn(u32) -> f64, uniform: &mut U) -> Option<u32>
where
    C: Candidates + ?Sized,
    U: Uniform,
{
    let endpoints = || (0..candidates.len()).map(|rank| candidates.nth(rank));
    let total: f64 = endpoints().map(&weight).sum();
    let mut rest = uniform.unit() * total;
    let found = endpoints().find(|&endpoint| {
        rest -= weight(endpoint);
        rest < 0.0
    });
    // What is left over by rounding belongs to the last one.
    found.or_else(|| endpoints().filter(|&endpoint| weight(endpoint) > 0.0).last())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_shares, equal, stream};
    use super::*;
    use crate::policy::available::{Available, Everyone};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn turns_are_never_further_from_their_share_than_one_round(weights in prop::collection::vec(0.05_f64..1.0, 1..8), seed: u32, picks in 1_u32..400) {
            let (mut turn, mut uniform) = (WeightedTurn::default(), stream(seed));
            let mut counts = vec![0.0; weights.len()];
            for _ in 0..picks {
                let picked = turn.pick(&Everyone(weights.len() as u32), |endpoint| weights[endpoint as usize], &mut uniform);
                counts[picked.expect("one") as usize] += 1.0;
            }
            // In the scheduler's time t an endpoint of weight w is picked t·w times, one more or less.
            for (count, weight) in counts.iter().zip(&weights) {
                let share: f64 = turn.now * weight;
                prop_assert!((count - share).abs() <= 1.0 + 1e-6, "{count} {share}");
            }
        }
    }

    #[test]
    fn equal_weights_are_a_round() {
        let (mut turn, mut uniform) = (WeightedTurn::default(), stream(0));
        let picked: Vec<u32> =
            (0..20).filter_map(|_| turn.pick(&Everyone(4), |_| 1.0, &mut uniform)).collect();
        assert!(picked.windows(5).all(|window| window[0] == window[4]), "{picked:?}");
    }

    #[test]
    fn who_leaves_is_not_picked_and_who_joins_waits_for_no_more_than_a_turn() {
        let (mut turn, mut uniform, mut available) = (WeightedTurn::default(), stream(0), Available::all(3));
        let mut picks = |available: &Available, count: usize| -> Vec<Option<u32>> {
            (0..count).map(|_| turn.pick(available, f64::from, &mut uniform)).collect()
        };
        assert!(!picks(&available, 30).contains(&Some(0)), "no weight, no call");
        available.remove(2);
        assert!(picks(&available, 30).iter().all(|&picked| picked == Some(1)));
        available.insert(2);
        assert!(picks(&available, 4).contains(&Some(2)));
        available.remove(1);
        available.remove(2);
        assert_eq!(picks(&available, 1), [None]);
    }

    #[test]
    fn random_picks_have_the_chance_of_their_weight() {
        let mut uniform = stream(0);
        let weights = [0.0, 1.0, 0.5, 0.0, 2.5];
        let mut counts = [0_u32; 5];
        for _ in 0..100_000 {
            let picked = weighted(&Everyone(5), |endpoint| weights[endpoint as usize], &mut uniform);
            counts[picked.expect("one") as usize] += 1;
        }
        assert_shares(&counts, &weights.map(|weight| weight / 4.0));
        assert_eq!(weighted(&Everyone(3), |_| 0.0, &mut uniform), None);
        let mut counts = [0_u32; 3];
        for _ in 0..30_000 {
            counts[weighted(&Everyone(3), |_| 0.1, &mut uniform).expect("one") as usize] += 1;
        }
        assert_shares(&counts, &equal(3));
    }
}

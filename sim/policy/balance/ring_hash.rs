//! Consistent hashing on a ring: every endpoint has points on it, and a key belongs to the next point.
//!
//! As Envoy builds it (source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc): every endpoint has the same
//! number of points, the least for which the ring has at least 1024; a key belongs to the first point at or above its
//! hash, the ring being closed. When an endpoint goes, its keys go to many others and no other key moves. With v points
//! each, an endpoint's share of the keys has mean 1/n and variance (1/n)(1 − 1/n)/(nv + 1) (the gaps of uniform points
//! are Dirichlet): at n·v = 1024 the shares of ten endpoints deviate by a tenth.
//!
//! While endpoints are out of rotation their points are passed over. Envoy builds a ring of the others, with more points
//! each where that takes fewer than 1024 endpoints; which moves other keys, too.

use super::BalancerHelp;
use crate::kernel::rng::extend_path;
use crate::policy::available::Candidates;
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::RingHash,
    doc: "Consistent hashing on a ring of at least 1024 points.",
    used_by: "Istio where a DestinationRule says consistentHash.",
};

/// Envoy's and Istio's `minimum_ring_size`.
const MINIMUM_SIZE: u32 = 1024;

/// The ring, cut open at zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    /// Ascending.
    points: Vec<u64>,
    /// The endpoint of each point.
    owners: Vec<u32>,
}

impl Ring {
    /// The ring of the endpoints with these stable hashes.
    pub(super) fn new(identities: &[u64]) -> Self {
        Self::with_points(identities, MINIMUM_SIZE.div_ceil(identities.len() as u32))
    }

    fn with_points(identities: &[u64], points_each: u32) -> Self {
        let mut ring: Vec<(u64, u32)> = (0_u32..)
            .zip(identities)
            .flat_map(|(endpoint, &identity)| {
                (0..points_each).map(move |point| (extend_path(identity, u64::from(point)), endpoint))
            })
            .collect();
        ring.sort_unstable();
        let (points, owners) = ring.into_iter().unzip();
        Self { points, owners }
    }

    /// The endpoint of the first point at or above `hash` that is one of the candidates; in the n-th selection, from 0,
    /// for the same call n points further.
    #[inline]
    pub(super) fn owner<C: Candidates + ?Sized>(&self, hash: u64, selection: u32, candidates: &C) -> u32 {
        let next = |position: usize| if position + 1 >= self.points.len() { 0 } else { position + 1 };
        let mut position = self.points.partition_point(|&point| point < hash) + selection as usize;
        if position >= self.points.len() {
            position %= self.points.len();
        }
        while !candidates.contains(self.owners[position]) {
            position = next(position);
        }
        self.owners[position]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{identities, testing::stream};
    use super::*;
    use crate::kernel::Uniform;
    use crate::policy::available::{Available, Everyone};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_belongs_to_the_next_point(endpoints in 1_u32..40, points_each in 1_u32..20, hashes in prop::collection::vec(any::<u64>(), 1..50)) {
            let identities = identities("default/web", endpoints);
            let ring = Ring::with_points(&identities, points_each);
            let on_a_point = ring.points.clone();
            for hash in hashes.into_iter().chain(on_a_point).chain([0, u64::MAX]) {
                // The obvious twin: how far every point is ahead of the key, the nearest wins.
                let nearest = (0..endpoints)
                    .flat_map(|endpoint| (0..points_each).map(move |point| (endpoint, point)))
                    .min_by_key(|&(endpoint, point)| {
                        extend_path(identities[endpoint as usize], u64::from(point)).wrapping_sub(hash)
                    });
                prop_assert_eq!(Some(ring.owner(hash, 0, &Everyone(0))), nearest.map(|(endpoint, _)| endpoint));
            }
        }
    }

    /// The exact share of the keys that each endpoint owns: the lengths of its arcs.
    fn shares(ring: &Ring, endpoints: usize) -> Vec<f64> {
        let mut shares = vec![0.0; endpoints];
        let mut before = ring.points[ring.points.len() - 1];
        for (&point, &owner) in ring.points.iter().zip(&ring.owners) {
            shares[owner as usize] += point.wrapping_sub(before) as f64 / u64::MAX as f64;
            before = point;
        }
        shares
    }

    #[test]
    fn shares_spread_as_the_gaps_of_random_points() {
        for endpoints in [2_u32, 3, 10, 100, 1024, 5000] {
            let ring = Ring::new(&identities("default/web", endpoints));
            let size = ring.points.len() as f64;
            assert_eq!(ring.points.len() as u32, endpoints * 1024_u32.div_ceil(endpoints));
            let n = f64::from(endpoints);
            let variance = (1.0 - 1.0 / n) / n / (size + 1.0);
            let shares = shares(&ring, endpoints as usize);
            let squares: f64 = shares.iter().map(|share| (share - 1.0 / n) * (share - 1.0 / n)).sum();
            // The sum of n squared deviations, over its mean; it scatters by about sqrt(2/(n − 1)), more when an
            // endpoint has one point only (the fourth moment of an exponential gap is 9, not 3).
            let ratio = squares / (n * variance);
            let scatter = (8.0 / (n - 1.0)).sqrt();
            assert!((ratio - 1.0).abs() < 4.0 * scatter, "{endpoints}: {ratio}");
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn when_an_endpoint_goes_only_its_keys_move() {
        let all = identities("default/web", 10);
        let ring = Ring::with_points(&all, 103);
        for gone in 0..10_u32 {
            let rest: Vec<u64> = (0_u32..).zip(&all).filter(|row| row.0 != gone).map(|row| *row.1).collect();
            let smaller = Ring::with_points(&rest, 103);
            let mut available = Available::all(10);
            available.remove(gone);
            let mut uniform = stream(gone);
            for _ in 0..10_000 {
                let hash = uniform.bits();
                let (before, after) =
                    (ring.owner(hash, 0, &Everyone(0)), smaller.owner(hash, 0, &Everyone(0)));
                let renumbered = after + u32::from(after >= gone);
                assert_eq!(
                    ring.owner(hash, 0, &available),
                    renumbered,
                    "passed over as if it were not there"
                );
                assert!(
                    before == gone || before == renumbered,
                    "{hash:x} moved from {before} to {renumbered}"
                );
            }
        }
    }

    #[test]
    fn scaling_moves_few_keys_although_the_number_of_points_changes() {
        // From 10 to 9 endpoints each has 114 points, not 103: besides the tenth that must move, about
        // (114 − 103)/114 of the rest meet a new point. That is Envoy's price for a fixed minimum size.
        let (ten, nine) = (Ring::new(&identities("w", 10)), Ring::new(&identities("w", 9)));
        let mut uniform = stream(0);
        let keys = 100_000;
        let moved = (0..keys).filter(|_| {
            let hash = uniform.bits();
            ten.owner(hash, 0, &Everyone(0)) != 9
                && ten.owner(hash, 0, &Everyone(0)) != nine.owner(hash, 0, &Everyone(0))
        });
        let share = moved.count() as f64 / f64::from(keys);
        assert!(share > 0.04 && share < 11.0 / 114.0, "{share}");
    }

    #[test]
    fn a_key_has_the_same_owner_for_ever() {
        let ring = Ring::new(&identities("default/web", 100));
        let mut uniform = stream(0);
        let owners: Vec<u32> = (0..12).map(|_| ring.owner(uniform.bits(), 0, &Everyone(0))).collect();
        assert_eq!(owners, [13, 50, 46, 73, 56, 88, 49, 85, 34, 59, 3, 84]);
    }
}

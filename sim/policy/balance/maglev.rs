//! Consistent hashing with Maglev's lookup table: almost equal shares, one look-up, a little more movement than a ring.
//!
//! Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4, pseudocode 1,
//! with Envoy's and Istio's table size (source/extensions/load_balancing_policies/maglev/maglev_lb.cc). Every endpoint
//! goes through the table in an order of its own, and in turn each takes the next free entry of its order, so the
//! numbers of entries differ by one at most. When an endpoint goes, its entries go to others, and few others change.
//!
//! While endpoints are out of rotation their entries belong to the next one in the table that is not, and no other entry
//! changes. Envoy builds the table of the others anew: the same shares but for chance, and a little more movement.

use super::BalancerHelp;
use crate::kernel::rng::extend_path;
use crate::policy::available::Candidates;
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::Maglev,
    doc: "Consistent hashing with Maglev's table of 65,537 entries.",
    used_by: "Istio where a DestinationRule says consistentHash with maglev.",
};

/// The table size of Envoy and Istio; a prime, so that every stride visits every entry.
const SIZE: u32 = 65_537;

/// The endpoint of each entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaglevTable(Vec<u32>);

/// An endpoint's way through the table: where it looks next, and how far it goes on.
struct Walk {
    position: u32,
    stride: u32,
}

impl Walk {
    /// The order of the endpoint with this stable hash in a table of prime `size`.
    fn new(identity: u64, size: u32) -> Self {
        let position = (extend_path(identity, 0) % u64::from(size)) as u32;
        let stride = (extend_path(identity, 1) % u64::from(size - 1)) as u32 + 1;
        Self { position, stride }
    }
}

const FREE: u32 = u32::MAX;

impl MaglevTable {
    /// The table of the endpoints with these stable hashes.
    pub(super) fn new(identities: &[u64]) -> Self {
        Self::with_size(identities, SIZE)
    }

    fn with_size(identities: &[u64], size: u32) -> Self {
        let mut walks: Vec<Walk> = identities.iter().map(|&identity| Walk::new(identity, size)).collect();
        let mut entries = vec![FREE; size as usize];
        let turns = (0..identities.len()).cycle().take(size as usize);
        for endpoint in turns {
            let walk = &mut walks[endpoint];
            while entries[walk.position as usize] != FREE {
                walk.position = (walk.position + walk.stride) % size;
            }
            entries[walk.position as usize] = endpoint as u32;
        }
        Self(entries)
    }

    /// The endpoint of the entry that `hash` falls into, or of the next entry of a candidate; in the n-th selection, from
    /// 0, for the same call of an entry far away.
    #[inline]
    pub(super) fn owner<C: Candidates + ?Sized>(&self, hash: u64, selection: u32, candidates: &C) -> u32 {
        let hash = if selection == 0 { hash } else { hash ^ !u64::from(selection - 1) };
        let mut entry = (hash % u64::from(SIZE)) as usize;
        while !candidates.contains(self.0[entry]) {
            entry = if entry + 1 == SIZE as usize { 0 } else { entry + 1 };
        }
        self.0[entry]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{identities, testing::stream};
    use super::*;
    use crate::kernel::Uniform;
    use crate::policy::available::{Available, Everyone};
    use proptest::prelude::*;

    /// The paper's pseudocode, letter by letter.
    fn paper(identities: &[u64], size: u64) -> Vec<u32> {
        let permutation: Vec<Vec<u64>> = identities
            .iter()
            .map(|&identity| {
                let offset = extend_path(identity, 0) % size;
                let skip = extend_path(identity, 1) % (size - 1) + 1;
                (0..size).map(|j| (offset + j * skip) % size).collect()
            })
            .collect();
        let mut next = vec![0; identities.len()];
        let mut entry: Vec<Option<u32>> = vec![None; size as usize];
        let mut n = 0;
        loop {
            for i in 0..identities.len() {
                let mut c = permutation[i][next[i]];
                while entry[c as usize].is_some() {
                    next[i] += 1;
                    c = permutation[i][next[i]];
                }
                entry[c as usize] = Some(i as u32);
                next[i] += 1;
                n += 1;
                if n == size {
                    return entry.into_iter().flatten().collect();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_table_is_the_papers(endpoints in 1_u32..30, size in prop::sample::select(vec![7_u32, 31, 101, 499]), name in "[a-z]{1,8}") {
            let identities = identities(&name, endpoints);
            prop_assert_eq!(MaglevTable::with_size(&identities, size).0, paper(&identities, u64::from(size)));
        }
    }

    #[test]
    fn entries_differ_by_one_at_most() {
        for endpoints in [1_u32, 2, 3, 10, 100, 1000] {
            let mut entries = vec![0_u32; endpoints as usize];
            for owner in MaglevTable::new(&identities("default/web", endpoints)).0 {
                entries[owner as usize] += 1;
            }
            let least = SIZE / endpoints;
            assert!(
                entries.iter().all(|&count| count == least || count == least + 1),
                "{endpoints}: {entries:?}"
            );
        }
    }

    #[test]
    fn when_an_endpoint_goes_few_other_entries_change() {
        for endpoints in [10_u32, 100, 1000] {
            let all = identities("default/web", endpoints);
            let table = MaglevTable::new(&all);
            let gone = endpoints / 3;
            let rest: Vec<u64> = (0_u32..).zip(&all).filter(|row| row.0 != gone).map(|row| *row.1).collect();
            let smaller = MaglevTable::new(&rest);
            let changed =
                table.0.iter().zip(&smaller.0).filter(|&(&before, &after)| {
                    before != gone && before != after + u32::from(after >= gone)
                });
            let share = changed.count() as f64 / f64::from(SIZE);
            // Measured: 0.28 %, 0.55 % and 0.58 %.
            assert!(share > 0.0 && share < 0.01, "{endpoints}: {share}");
        }
    }

    #[test]
    fn entries_of_the_missing_are_shared_out() {
        let table = MaglevTable::new(&identities("default/web", 10));
        let mut available = Available::all(10);
        available.remove(3);
        available.remove(4);
        let mut entries = [0_u32; 10];
        for hash in 0..u64::from(SIZE) {
            let (before, after) = (table.owner(hash, 0, &Everyone(10)), table.owner(hash, 0, &available));
            assert!(before == after || before == 3 || before == 4);
            entries[after as usize] += 1;
        }
        assert_eq!((entries[3], entries[4]), (0, 0));
        // An eighth of 65,537 each, but for chance: the binomial deviation of the two tenths is below 90.
        assert!(entries.iter().all(|&count| count == 0 || count.abs_diff(8192) < 360), "{entries:?}");
    }

    #[test]
    fn a_key_has_the_same_owner_for_ever() {
        let table = MaglevTable::new(&identities("default/web", 100));
        let mut uniform = stream(0);
        let owners: Vec<u32> = (0..12).map(|_| table.owner(uniform.bits(), 0, &Everyone(100))).collect();
        assert_eq!(owners, [15, 54, 83, 97, 68, 56, 88, 36, 99, 12, 72, 42]);
    }
}

//! Any endpoint, equally likely, whatever was picked before.

use super::BalancerHelp;
use crate::kernel::Uniform;
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::Random,
    doc: "Any endpoint, equally likely, for every request.",
    used_by: "Istio where a DestinationRule says RANDOM.",
};

#[inline]
pub(super) fn pick<U: Uniform>(endpoints: u32, uniform: &mut U) -> u32 {
    uniform.below(endpoints)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_shares, equal, stream};
    use super::*;

    #[test]
    fn endpoints_and_successions_are_equally_likely() {
        let mut uniform = stream(0);
        let (mut counts, mut successions, mut last) = (vec![0_u32; 7], vec![0_u32; 49], 0);
        for _ in 0..200_000 {
            let picked = pick(7, &mut uniform);
            counts[picked as usize] += 1;
            successions[(last * 7 + picked) as usize] += 1;
            last = picked;
        }
        assert_shares(&counts, &equal(7));
        assert_shares(&successions, &equal(49));
    }
}

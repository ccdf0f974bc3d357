//! Any endpoint, equally likely, whatever was picked before.

use super::BalancerHelp;
use crate::kernel::Uniform;
use crate::policy::available::Candidates;
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::Random,
    doc: "Any endpoint, equally likely, for every request.",
    used_by: "Istio where a DestinationRule says RANDOM.",
};

#[inline]
pub(super) fn pick<C: Candidates + ?Sized, U: Uniform>(candidates: &C, uniform: &mut U) -> u32 {
    candidates.nth(uniform.below(candidates.len()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_shares, equal, stream};
    use super::*;
    use crate::policy::available::Everyone;

    #[test]
    fn endpoints_and_successions_are_equally_likely() {
        let mut uniform = stream(0);
        let (mut counts, mut successions, mut last) = (vec![0_u32; 7], vec![0_u32; 49], 0);
        for _ in 0..200_000 {
            let picked = pick(&Everyone(7), &mut uniform);
            counts[picked as usize] += 1;
            successions[(last * 7 + picked) as usize] += 1;
            last = picked;
        }
        assert_shares(&counts, &equal(7));
        assert_shares(&successions, &equal(49));
    }
}

//! Random, once per connection: whatever balances connections (a NAT rule, a TCP proxy) never sees requests.
//!
//! Many requests over few long-lived connections stay as unevenly spread as those connections are: with c connections
//! to n endpoints the busiest endpoint holds far more than c/n of them. Whoever holds the balancer asks it only when a
//! connection is opened.

use super::{BalancerHelp, random};
use crate::kernel::Uniform;
use crate::policy::available::Candidates;
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::PerConnection,
    doc: "Any endpoint, equally likely, once per connection; its requests follow it.",
    used_by: "kube-proxy (iptables), ztunnel; every proxy for TCP it does not understand.",
};

#[inline]
pub(super) fn pick<C: Candidates + ?Sized, U: Uniform>(candidates: &C, uniform: &mut U) -> u32 {
    random::pick(candidates, uniform)
}

#[cfg(test)]
mod tests {
    use super::super::testing::stream;
    use super::*;
    use crate::policy::available::Everyone;

    #[test]
    fn ten_connections_reach_as_many_endpoints_as_chance_has_it() {
        // Of n endpoints, c random connections reach n (1 − (1 − 1/n)^c) in the mean: 6.513 of 10 with 10.
        let mut uniform = stream(0);
        let rounds = 20_000;
        let reached: u32 = (0..rounds)
            .map(|_| (0..10).fold(0_u32, |set, _| set | 1 << pick(&Everyone(10), &mut uniform)).count_ones())
            .sum();
        let mean = f64::from(reached) / f64::from(rounds);
        // The standard deviation of one round is 0.996.
        assert!((mean - 6.513_215_6).abs() < 4.0 * 0.996 / f64::from(rounds).sqrt(), "{mean}");
    }
}

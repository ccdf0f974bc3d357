//! Which features a scenario asks a mesh for.

use crate::mesh::Scenario;
use crate::vocabulary::BalancingPolicy;

use super::{FEATURES, Feature};

/// What meshes are installed for: looked at whatever the scenario says.
const ALWAYS: [&str; 2] = ["mtls", "authorization"];

/// The features that a scenario asks for, in the table's order, and those that every mesh is asked for.
pub fn asked(scenario: &Scenario) -> Vec<&'static Feature> {
    let policies = scenario.services.iter().filter_map(|service| service.balancing.as_ref());
    let mut names: Vec<&str> = policies.filter_map(|balancing| of_policy(balancing.policy)).collect();
    names.extend(ALWAYS);
    FEATURES.iter().filter(|feature| names.contains(&feature.name)).collect()
}

/// The feature that a balancing policy is; `None` for what no mesh is needed for.
const fn of_policy(policy: BalancingPolicy) -> Option<&'static str> {
    match policy {
        BalancingPolicy::Random => Some("balance_random"),
        BalancingPolicy::RoundRobin => Some("balance_round_robin"),
        BalancingPolicy::LeastRequest => Some("balance_least_request"),
        BalancingPolicy::PeakEwma => Some("balance_peak_ewma"),
        BalancingPolicy::RingHash => Some("balance_ring_hash"),
        BalancingPolicy::Maglev => Some("balance_maglev"),
        BalancingPolicy::PerConnection => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_feature() {
        use BalancingPolicy as P;
        let policies = [P::Random, P::RoundRobin, P::LeastRequest, P::PeakEwma, P::RingHash, P::Maglev];
        for name in policies.into_iter().filter_map(of_policy).chain(ALWAYS) {
            assert!(FEATURES.iter().any(|feature| feature.name == name), "{name}");
        }
    }
}

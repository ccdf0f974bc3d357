//! Which features a scenario asks a mesh for, and what is left of it where the mesh has no equivalent.

use std::borrow::Cow;

use crate::mesh::Scenario;
use crate::mesh::scenario::Service;
use crate::vocabulary::BalancingPolicy;

use super::{FEATURES, Feature, Profile, Support};

/// What meshes are installed for: looked at whatever the scenario says.
const ALWAYS: [&str; 2] = ["mtls", "authorization"];

/// The features that a scenario asks for, in the table's order, and those that every mesh is asked for.
pub fn asked(scenario: &Scenario) -> Vec<&'static Feature> {
    let policies = scenario.services.iter().filter_map(|service| service.balancing.as_ref());
    let mut names: Vec<&str> = policies.filter_map(|balancing| of_policy(balancing.policy)).collect();
    names.extend(ALWAYS);
    FEATURES.iter().filter(|feature| names.contains(&feature.name)).collect()
}

impl Profile {
    /// The scenario as this mesh can have it: a policy that it does not know is left out, so that its own way holds.
    pub fn possible<'s>(&self, scenario: &'s Scenario) -> Cow<'s, Scenario> {
        if self.impossible(scenario).is_empty() {
            return Cow::Borrowed(scenario);
        }
        let mut possible = scenario.clone();
        for service in &mut possible.services {
            if self.lacks(service).is_some() {
                service.balancing = None;
            }
        }
        Cow::Owned(possible)
    }

    /// What [`Self::possible`] leaves out, a sentence each.
    pub fn impossible(&self, scenario: &Scenario) -> Vec<String> {
        let mut sentences: Vec<String> = Vec::new();
        for feature in scenario.services.iter().filter_map(|service| self.lacks(service)) {
            let sentence = format!("not possible: {feature}; the mesh's own way was simulated instead");
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        sentences
    }

    /// The feature that a service's policy asks for and this mesh does not have.
    fn lacks(&self, service: &Service) -> Option<&'static str> {
        let name = of_policy(service.balancing.as_ref()?.policy)?;
        let (_, answer) = self.capabilities().find(|(feature, _)| feature.name == name)?;
        (answer.support == Support::Unsupported).then_some(name)
    }
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

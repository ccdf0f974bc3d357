//! What a run assumes: the constants that change what it is compiled to.

use rayon::prelude::*;

use crate::mesh::profile::Assumption;
use crate::mesh::{Profile, Scenario};
use crate::program::compile;

use super::Experiment;

/// As many replicas tell whether a constant is used at all.
const REPLICAS: u32 = 2;
/// With more services than this a constant counts as used as soon as the compiler is told of it.
const SERVICES: usize = 2000;

impl Experiment<'_> {
    /// What each profile assumes and this scenario makes use of.
    pub fn used(&self) -> Vec<Vec<Assumption>> {
        let mut small = self.scenario.clone();
        for service in &mut small.services {
            service.replicas = service.replicas.min(REPLICAS);
        }
        self.profiles.iter().map(|profile| self.used_by(profile, &small)).collect()
    }

    fn used_by(&self, profile: &Profile, scenario: &Scenario) -> Vec<Assumption> {
        let model = profile.model(self.node_cores);
        let program = compile(scenario, &model).digest();
        let is_used = |assumption: &Assumption| {
            [0.0, 1.0].into_iter().any(|place| {
                let other = profile.assuming(&assumption.identity, place).model(self.node_cores);
                other != model
                    && (scenario.services.len() > SERVICES || compile(scenario, &other).digest() != program)
            })
        };
        profile.assumptions().into_par_iter().filter(is_used).collect()
    }
}

//! What a run assumes: the constants that change what it is compiled to.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::mesh::profile::Assumption;
use crate::mesh::{Profile, Scenario};
use crate::program::compile;

use super::Experiment;

/// As many replicas tell whether a constant is used at all.
const REPLICAS: u32 = 2;
/// With more services than this a constant counts as used as soon as the compiler is told of it.
const SERVICES: usize = 2000;

/// The assumptions of several profiles, each once with everywhere it stands, and who has it (by position).
pub fn merged(used: &[Vec<Assumption>]) -> Vec<(Assumption, Vec<usize>)> {
    let mut all: Vec<(Assumption, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for (mesh, assumptions) in used.iter().enumerate() {
        for assumption in assumptions {
            let Some(&position) = known.get(assumption.identity.as_str()) else {
                known.insert(&assumption.identity, all.len());
                all.push((assumption.clone(), vec![mesh]));
                continue;
            };
            let (first, meshes) = &mut all[position];
            meshes.push(mesh);
            let missing = assumption.paths.iter().filter(|path| !first.paths.contains(path));
            let missing: Vec<&'static str> = missing.copied().collect();
            first.paths.extend(missing);
        }
    }
    all
}

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
        let scenario: &Scenario = &profile.possible(scenario);
        let model = profile.model(self.node_cores);
        let program = compile(scenario, &model).digest();
        let is_used = |assumption: &Assumption| {
            [0.0, 1.0].into_iter().any(|place| {
                let other = profile.assuming(&assumption.identity, place).model(self.node_cores);
                other != model
                    && (scenario.services.len() > SERVICES || compile(scenario, &other).digest() != program)
            })
        };
        let moving = profile.assumptions().into_par_iter().filter(|assumption| !assumption.is_of_telemetry());
        moving.filter(is_used).collect()
    }
}

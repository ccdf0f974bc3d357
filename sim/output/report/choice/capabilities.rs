//! What the scenario asks for and a mesh does or does not.

use crate::mesh::profile::{Capability, Feature, Support};

use super::super::super::comparison::Comparison;
use super::super::{code, escape};
use super::list;

/// The features that the scenario asks for, with a mesh's answers.
fn answers<'a>(
    comparison: &Comparison<'a>,
    mesh: usize,
) -> impl Iterator<Item = (&'static Feature, &'a Capability)> {
    let (features, profiles) = (comparison.features, comparison.profiles);
    profiles[mesh].capabilities().filter(move |(feature, _)| features.contains(feature))
}

fn does_by_itself(answer: &Capability) -> bool {
    answer.support == Support::Native
}

/// What a mesh does not do by itself of what the scenario asks for.
pub(super) fn lacking(comparison: &Comparison<'_>, mesh: usize) -> Vec<String> {
    let lacking = answers(comparison, mesh).filter(|(_, answer)| !does_by_itself(answer));
    lacking.map(|(feature, _)| code(feature.name)).collect()
}

/// What a mesh does by itself of what the scenario asks for, and not every mesh here.
pub(super) fn reason(comparison: &Comparison<'_>, mesh: usize) -> Option<String> {
    let meshes: Vec<&str> = comparison.results().map(|results| results.mesh.as_str()).collect();
    let without = |feature: &Feature| -> Vec<&str> {
        let others = (0..meshes.len()).filter(|&other| {
            answers(comparison, other).any(|(of, answer)| of.name == feature.name && !does_by_itself(answer))
        });
        others.map(|other| meshes[other]).collect()
    };
    let mut groups: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for (feature, _) in answers(comparison, mesh).filter(|(_, answer)| does_by_itself(answer)) {
        let without = without(feature);
        match groups.iter_mut().find(|(known, _)| *known == without) {
            _ if without.is_empty() => {}
            Some((_, features)) => features.push(code(feature.name)),
            None => groups.push((without, vec![code(feature.name)])),
        }
    }
    let clause = |(without, features): &(Vec<&str>, Vec<String>)| {
        let verb = if without.len() == 1 { "does" } else { "do" };
        format!("{} ({} {verb} not)", features.join(", "), list(without))
    };
    let clauses: Vec<String> = groups.iter().map(clause).collect();
    (!clauses.is_empty())
        .then(|| format!("you need what not every mesh here does by itself: {}.", clauses.join("; ")))
}

/// What a mesh cannot do, and what it does by other means.
pub(super) fn costs(comparison: &Comparison<'_>, mesh: usize) -> Vec<String> {
    let mut costs = Vec::new();
    let impossible = answers(comparison, mesh).filter(|(_, answer)| answer.support == Support::Unsupported);
    let impossible: Vec<String> = impossible.map(|(feature, _)| code(feature.name)).collect();
    if !impossible.is_empty() {
        let instead = if comparison.profiles[mesh].is_mesh() {
            "its own way was simulated instead"
        } else {
            "nothing is there to do it"
        };
        costs.push(format!("you get no {}: {instead}.", impossible.join(", no ")));
    }
    let by_other_means = answers(comparison, mesh).filter_map(|(feature, answer)| {
        Some(format!("{} by {}", code(feature.name), escape(answer.by.as_deref()?)))
    });
    let by_other_means: Vec<String> = by_other_means.collect();
    if !by_other_means.is_empty() {
        costs.push(format!("you get, by other means: {}.", by_other_means.join("; ")));
    }
    costs
}

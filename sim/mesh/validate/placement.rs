//! The cluster, and which proxies share a core.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, closest, quote};
use crate::index::IndexVec;
use crate::input::Draft;
use crate::input::defaults;
use crate::input::draft::CoreSetDraft;
use crate::input::tree::Located;

use super::super::scenario::{Cluster, CoreSet, Origin, SourceIdx, TrafficSource};
use super::names::Directory;
use super::nodes;

pub(super) fn cluster(
    draft: &Draft,
    directory: &Directory<'_>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) -> Cluster {
    let written = &draft.cluster;
    let mut placed = BTreeMap::new();
    let core_sets = written
        .core_sets
        .iter()
        .map(|set| core_set(set, directory, sources, &mut placed, diagnostics))
        .collect();
    let machines = nodes::resolve(written, diagnostics);
    Cluster {
        network_delay: written.network_delay.clone(),
        zone_delay: written.zone_delay.as_ref().map_or_else(defaults::zone_delay, |law| law.value.clone()),
        outside_delay: written.outside_delay.clone(),
        bandwidth: written.bandwidth,
        cpu_speed: written.cpu_speed,
        core_sets,
        zones: machines.zones,
        nodes: machines.nodes,
        cores: machines.cores,
        cross_zone_price: machines.cross_zone_price,
        currency: machines.currency,
        others: nodes::others(written.others.as_ref(), diagnostics),
    }
}

fn core_set(
    set: &CoreSetDraft,
    directory: &Directory<'_>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    placed: &mut BTreeMap<String, Location>,
    diagnostics: &mut Diagnostics,
) -> CoreSet {
    let name = set.name.value.clone();
    let mut resolved = CoreSet { name, services: Vec::new(), sources: Vec::new(), cores: set.cores };
    for name in &set.services {
        if let Some(service) = directory.find(name, defaults::NAMESPACE, diagnostics) {
            place_once(format!("service {service:?}"), name, placed, diagnostics);
            resolved.services.push(service);
        }
    }
    for name in &set.sources {
        let Some(source) = find_source(name, sources, diagnostics) else { continue };
        if sources[source].from == Origin::Outside {
            let message = format!("{} comes from outside and has no proxy to place", quote(&name.value));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(name.location));
        }
        place_once(format!("source {source:?}"), name, placed, diagnostics);
        resolved.sources.push(source);
    }
    resolved
}

/// A proxy runs on one core only.
fn place_once(
    key: String,
    name: &Located<String>,
    placed: &mut BTreeMap<String, Location>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(earlier) = placed.insert(key, name.location) {
        let message = format!("{} is in two core sets", quote(&name.value));
        let diagnostic = Diagnostic::error(Code::DuplicateName, message).at(name.location);
        diagnostics.push(diagnostic.related(earlier, "the first time"));
    }
}

/// The source of this name; reports if there is none.
pub(super) fn find_source(
    name: &Located<String>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) -> Option<SourceIdx> {
    let found = sources.iter_enumerated().find(|(_, source)| source.name == name.value);
    if found.is_none() {
        let message = format!("there is no traffic source {}", quote(&name.value));
        let near = closest(&name.value, sources.iter().map(|source| source.name.as_str()));
        diagnostics.push(Diagnostic::error(Code::UnknownName, message).at(name.location).suggest(near));
    }
    found.map(|(index, _)| index)
}

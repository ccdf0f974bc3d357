//! Which services stand behind which waypoint.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::defaults;
use crate::input::draft::WaypointDraft;
use crate::input::tree::Located;

use super::super::scenario::{Service, ServiceIdx, Waypoint, ZoneIdx};
use super::names::Directory;

pub(super) fn resolve(
    draft: &Draft,
    directory: &Directory<'_>,
    services: &IndexVec<ServiceIdx, Service>,
    zones: &[String],
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Waypoint>> {
    let written = draft.mesh.waypoints.as_ref()?;
    let mut taken = BTreeMap::new();
    Some(
        written
            .iter()
            .map(|waypoint| Waypoint {
                name: waypoint.name.value.clone(),
                services: members(waypoint, directory, services, &mut taken, diagnostics),
                replicas: waypoint.replicas,
                zone: waypoint.zone.as_ref().and_then(|zone| find_zone(zone, zones, diagnostics)),
            })
            .collect(),
    )
}

/// The zone of this name; reports if there is none.
pub(super) fn find_zone(
    zone: &Located<String>,
    zones: &[String],
    diagnostics: &mut Diagnostics,
) -> Option<ZoneIdx> {
    let found = zones.iter().position(|name| *name == zone.value);
    if found.is_none() {
        let message = format!("there is no zone {}", quote(&zone.value));
        let near = closest(&zone.value, zones.iter().map(String::as_str));
        let diagnostic = Diagnostic::error(Code::UnknownName, message).at(zone.location);
        diagnostics.push(diagnostic.hint("zones are listed under `cluster`").suggest(near));
    }
    found.map(ZoneIdx::at)
}

/// The services of a waypoint, each once; reports those that another waypoint has already, and those without a proxy.
fn members<'d>(
    waypoint: &'d WaypointDraft,
    directory: &Directory<'_>,
    services: &IndexVec<ServiceIdx, Service>,
    taken: &mut BTreeMap<ServiceIdx, &'d Located<String>>,
    diagnostics: &mut Diagnostics,
) -> Vec<ServiceIdx> {
    let mut found: Vec<(ServiceIdx, &Located<String>)> = Vec::new();
    for namespace in &waypoint.services.namespaces {
        directory.check_namespace(namespace, diagnostics);
        let of_namespace = services
            .iter_enumerated()
            .filter(|(_, service)| service.namespace == namespace.value && service.injected);
        found.extend(of_namespace.map(|(index, _)| (index, namespace)));
    }
    for name in &waypoint.services.services {
        let Some(index) = directory.find(name, defaults::NAMESPACE, diagnostics) else { continue };
        if services.get(index).is_some_and(|service| !service.injected) {
            let message = format!("{} is not in the mesh and cannot have a waypoint", quote(&name.value));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(name.location));
        }
        found.push((index, name));
    }
    if found.is_empty() {
        let message = format!("the waypoint {} has no services", quote(&waypoint.name.value));
        let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(waypoint.name.location);
        diagnostics.push(diagnostic.hint("list them under `services` or `namespaces`"));
    }
    let mut members = Vec::new();
    for (index, place) in found {
        match taken.get(&index) {
            None => {
                taken.insert(index, place);
                members.push(index);
            }
            Some(_) if members.contains(&index) => {}
            Some(earlier) => {
                let message = format!("{} is behind two waypoints", quote(&place.value));
                let diagnostic = Diagnostic::error(Code::DuplicateName, message).at(place.location);
                diagnostics.push(diagnostic.related(earlier.location, "the first time"));
            }
        }
    }
    members
}

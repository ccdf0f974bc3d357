//! Waypoints of ambient Istio, and the labels that lead services to them.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::defaults;
use crate::input::draft::{Draft, SelectionDraft, ServiceDraft, WaypointDraft};
use crate::input::foreign::Head;
use crate::input::foreign::readers::no_effect;
use crate::input::tree::{Located, Node};

use super::Import;

/// Label that leads a namespace or a Service to a waypoint; `none` leads to nothing.
const USE: &str = "istio.io/use-waypoint";
/// Where that waypoint is.
const USE_NAMESPACE: &str = "istio.io/use-waypoint-namespace";

/// Waypoints, and who uses them, until all files are read.
#[derive(Debug, Default)]
pub(in crate::input) struct Pending {
    waypoints: Vec<Waypoint>,
    /// By namespace.
    namespaces: BTreeMap<String, Located<Option<String>>>,
    /// By `namespace/name`.
    services: BTreeMap<String, Located<Option<String>>>,
}

#[derive(Debug)]
struct Waypoint {
    /// `namespace/name`.
    full_name: String,
    name: Located<String>,
}

/// Keeps a waypoint, unless it is for the addresses of pods alone, which no caller uses here.
pub(super) fn add(head: &Head, serves: Option<Located<String>>, import: &mut Import<'_>) {
    if let Some(serves) = serves.filter(|serves| !matches!(serves.value.as_str(), "service" | "all")) {
        let message = format!("a waypoint for {} stands before no service", quote(&serves.value));
        import.diagnostics.push(no_effect(message, serves.location));
        return;
    }
    let namespace = head.namespace.as_ref().map_or(defaults::NAMESPACE, |namespace| &namespace.value);
    let full_name = format!("{namespace}/{}", head.name.value);
    import.pending.waypoints.push(Waypoint { full_name, name: head.name.clone() });
}

impl Pending {
    /// Notes which waypoint a Namespace or a Service asks for.
    pub(in crate::input) fn look(&mut self, object: &Node) {
        let Some(metadata) = object.get("metadata") else { return };
        let text = |key: &str| metadata.get(key).and_then(Node::text);
        let Some(labels) = metadata.get("labels") else { return };
        let (Some(written), Some(name)) = (labels.get(USE), text("name")) else { return };
        let Some(waypoint) = written.text() else { return };
        let is_namespace = object.get("kind").and_then(Node::text) == Some("Namespace");
        let own = if is_namespace { name } else { text("namespace").unwrap_or(defaults::NAMESPACE) };
        let namespace = labels.get(USE_NAMESPACE).and_then(Node::text).unwrap_or(own);
        let asked = (waypoint != "none").then(|| format!("{namespace}/{waypoint}"));
        let asked = Located::new(asked, written.location);
        if is_namespace {
            self.namespaces.insert(name.to_owned(), asked);
        } else {
            self.services.insert(format!("{own}/{name}"), asked);
        }
    }

    /// Puts every service behind the waypoint that it asks for.
    pub(in crate::input) fn resolve(self, draft: &mut Draft, diagnostics: &mut Diagnostics) {
        let labels = || self.services.values().chain(self.namespaces.values());
        if self.waypoints.is_empty() {
            if let Some(label) = labels().find(|label| label.value.is_some()) {
                let message = format!("no waypoint was read, so that the label {} leads nowhere", quote(USE));
                let hint = "give its Gateway too; without any, every namespace has a waypoint of its own";
                diagnostics.push(no_effect(message, label.location).hint(hint));
            }
            return;
        }
        if draft.mesh.waypoints.is_some() {
            let message = "`waypoints` under `mesh` say which there are: this one is left out";
            diagnostics.push(no_effect(message, self.waypoints[0].name.location));
            return;
        }
        let mut members: BTreeMap<&str, Vec<Located<String>>> = BTreeMap::new();
        for service in &draft.services {
            let Some(label) = self.of(service) else { continue };
            let Some(waypoint) = &label.value else { continue };
            if let Some(known) = self.waypoints.iter().find(|known| known.full_name == *waypoint) {
                let member = Located::new(service.full_name(), label.location);
                members.entry(&known.full_name).or_default().push(member);
            } else {
                let message = format!("there is no waypoint {}", quote(waypoint));
                diagnostics.push(Diagnostic::warning(Code::UnknownName, message).at(label.location));
            }
        }
        draft.mesh.waypoints = Some(Vec::new());
        for waypoint in &self.waypoints {
            let Some(services) = members.remove(waypoint.full_name.as_str()) else {
                let message = format!("no service uses the waypoint {}", quote(&waypoint.name.value));
                diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(waypoint.name.location));
                continue;
            };
            let is_same = |other: &&Waypoint| other.name.value == waypoint.name.value;
            let is_unique = self.waypoints.iter().filter(is_same).count() == 1;
            let name = if is_unique { waypoint.name.value.clone() } else { waypoint.full_name.clone() };
            draft.mesh.waypoints.get_or_insert_default().push(WaypointDraft {
                name: Located::new(name, waypoint.name.location),
                services: SelectionDraft { services, ..SelectionDraft::default() },
                replicas: None,
                zone: None,
            });
        }
    }

    /// What a service asks for: its own label, that of one of its other names, or that of its namespace.
    fn of(&self, service: &ServiceDraft) -> Option<&Located<Option<String>>> {
        let named = |name: &str| self.services.get(&format!("{}/{name}", service.namespace()));
        named(&service.name.value)
            .or_else(|| service.aliases.iter().find_map(|alias| named(&alias.name.value)))
            .or_else(|| self.namespaces.get(service.namespace()))
    }
}

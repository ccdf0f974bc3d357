//! `TrafficSplit`: the requests to a service by weight, perhaps only those that a group of routes picks.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, closest, quote};
use crate::input::draft::{BackendDraft, Level, RouteDraft, Via};
use crate::input::fields;
use crate::input::foreign::readers::{namespace, no_effect, weight};
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::Located;
use crate::vocabulary::routing::{Order, Resource, Rule, RuleAction, Weighted};

use super::Import;
use super::route_group::Group;

pub(super) static KIND: Kind = Kind::new(
    "TrafficSplit",
    &[
        "split.smi-spec.io/v1alpha1",
        "split.smi-spec.io/v1alpha2",
        "split.smi-spec.io/v1alpha3",
        "split.smi-spec.io/v1alpha4",
    ],
    Spelling::Exact,
    &[
        ("spec.service", Treatment::Modelled),
        ("spec.backends[].service", Treatment::Modelled),
        ("spec.backends[].weight", Treatment::Modelled),
        ("spec.matches[].kind", Treatment::Modelled),
        ("spec.matches[].name", Treatment::Modelled),
        ("spec.matches[].apiGroup", Treatment::Irrelevant),
    ],
);

/// A split that was read.
#[derive(Debug)]
pub(super) struct Split {
    head: Head,
    service: Located<String>,
    backends: Vec<Weighted<BackendDraft>>,
    /// Where the requests are split, and the groups that pick them; `None` is every request.
    groups: Option<Vec<Located<String>>>,
    location: Location,
}

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "a TrafficSplit", import.diagnostics) else { return };
    let text = fields::located(fields::text);
    let service = spec.required("service", "a TrafficSplit", text, import.diagnostics);
    let backends = backends(spec, import.diagnostics);
    let groups = spec.get("matches").map(|_| groups(spec, import.diagnostics));
    if let Some(service) = service {
        let location = spec.location();
        import.pending.splits.push(Split { head: head.clone(), service, backends, groups, location });
    }
}

fn backends(spec: Foreign<'_>, diagnostics: &mut Diagnostics) -> Vec<Weighted<BackendDraft>> {
    let Some(list) = spec.need("backends", "a TrafficSplit", diagnostics) else { return Vec::new() };
    let mut first: BTreeMap<String, Location> = BTreeMap::new();
    let mut backends = Vec::new();
    for backend in list.all() {
        let text = fields::located(fields::text);
        let service = backend.required("service", "a backend", text, diagnostics);
        let weight = backend.required("weight", "a backend", weight, diagnostics);
        let Some(service) = service else { continue };
        if let Some(earlier) = first.get(&service.value) {
            let message = format!("{} is a backend twice", quote(&service.value));
            let diagnostic = Diagnostic::error(Code::DuplicateName, message).at(service.location);
            diagnostics.push(diagnostic.related(*earlier, "the first time"));
            continue;
        }
        first.insert(service.value.clone(), service.location);
        backends.extend(weight.map(|weight| Weighted { backend: BackendDraft::of(service), weight }));
    }
    if list.node().elements().is_some_and(<[_]>::is_empty) {
        let message = "a TrafficSplit needs at least one backend";
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(list.location()));
    }
    backends
}

/// The names of the groups that pick requests.
fn groups(spec: Foreign<'_>, diagnostics: &mut Diagnostics) -> Vec<Located<String>> {
    let mut groups = Vec::new();
    for one in spec.elements("matches") {
        let kind = one.read("kind", fields::located(fields::text), diagnostics);
        let name = one.required("name", "a match", fields::located(fields::text), diagnostics);
        match kind {
            Some(kind) if kind.value != "HTTPRouteGroup" => {
                let message = format!("{} picks no requests here", quote(&kind.value));
                diagnostics.push(no_effect(message, kind.location));
            }
            _ => groups.extend(name),
        }
    }
    groups
}

impl Split {
    /// The route: of requests that are picked the others go to the service itself.
    pub(super) fn route(self, groups: &[Group], diagnostics: &mut Diagnostics) -> RouteDraft {
        let namespace = namespace(&self.head);
        let split = Rule::of(RuleAction::Forward(self.backends));
        let rules = match self.groups {
            None => vec![split],
            Some(names) => {
                let mut matches = Vec::new();
                for name in &names {
                    let same = |group: &&Group| group.namespace == namespace;
                    let Some(group) = groups.iter().filter(same).find(|group| group.name.value == name.value)
                    else {
                        diagnostics.push(missing(name, groups));
                        continue;
                    };
                    matches.extend(group.matches.iter().cloned());
                }
                let rest = Rule::of(RuleAction::Forward(Vec::new()));
                // Without any condition nothing is picked, whereas a rule without any is for everything.
                if matches.is_empty() { vec![rest] } else { vec![Rule { matches, ..split }, rest] }
            }
        };
        RouteDraft {
            name: self.head.name,
            resource: Resource::TrafficSplit,
            namespace,
            hosts: vec![self.service],
            via: Via::Mesh,
            order: Order::Written,
            level: Level::Request,
            rules: rules.into_iter().map(|rule| Located::new(rule, self.location)).collect(),
            export_to: None,
        }
    }
}

fn missing(name: &Located<String>, groups: &[Group]) -> Diagnostic {
    let message = format!("there is no HTTPRouteGroup {}: it picks no requests", quote(&name.value));
    let near = closest(&name.value, groups.iter().map(|group| group.name.value.as_str()));
    Diagnostic::warning(Code::UnknownName, message).at(name.location).suggest(near)
}

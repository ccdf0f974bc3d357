//! What a route is attached to: services, for callers in the mesh (GAMMA), and gateways.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::draft::{BackendDraft, Draft, Level, RouteDraft, Via};
use crate::input::foreign::readers::{namespace, no_effect, port, texts};
use crate::input::foreign::{Foreign, Head, Row, Treatment};
use crate::input::tree::Located;
use crate::input::{defaults, fields};
use crate::vocabulary::routing::{Order, RequestMatch, Resource, Rule};

use super::backends::is_core;

/// Rules that the API server takes.
const MOST_RULES: usize = 16;

/// Fields of a route's `spec` beside its rules.
pub(super) const ROWS: &[Row] = &[
    ("parentRefs[].group", Treatment::Modelled),
    ("parentRefs[].kind", Treatment::Modelled),
    ("parentRefs[].name", Treatment::Modelled),
    ("parentRefs[].namespace", Treatment::Modelled),
    ("parentRefs[].port", Treatment::Modelled),
    ("parentRefs[].sectionName", Treatment::Named("a route is for all listeners of its gateway")),
    ("hostnames", Treatment::Modelled),
    ("useDefaultGateways", Treatment::Named("no gateway is one by default")),
];

/// Services on one port, or all gateways: what one route of the draft is for.
struct Group {
    services: Vec<Located<String>>,
    gateways: Vec<Located<String>>,
    port: Option<u16>,
    /// Only callers in the route's own namespace: its services are in another one.
    is_consumers: bool,
}

/// Adds a route with these rules to the draft for all that it is attached to.
pub(super) fn attach(
    spec: Foreign<'_>,
    head: &Head,
    resource: Resource,
    rules: &[Located<Rule<BackendDraft>>],
    draft: &mut Draft,
    diagnostics: &mut Diagnostics,
) {
    let hostnames = texts(spec, "hostnames", diagnostics);
    warn_of_many(spec, diagnostics);
    let groups = groups(spec, head, diagnostics);
    if groups.iter().all(|group| group.gateways.is_empty()) && !groups.is_empty() && !hostnames.is_empty() {
        let message = "`hostnames` are for gateways: callers of a Service are known by the Service";
        diagnostics.push(no_effect(message, hostnames[0].location));
    }
    for (position, group) in groups.into_iter().enumerate() {
        let is_mesh = !group.services.is_empty();
        let suffix = if position == 0 { String::new() } else { format!(" ({})", position + 1) };
        let every_host = || Located::new("*".to_owned(), spec.location());
        let hosts = match is_mesh {
            true => group.services,
            false if hostnames.is_empty() => vec![every_host()],
            false => hostnames.clone(),
        };
        draft.routes.push(RouteDraft {
            name: head.name.clone().map(|name| name + &suffix),
            resource,
            namespace: namespace(head),
            hosts,
            via: if is_mesh { Via::Mesh } else { Via::Gateways { names: group.gateways, mesh: false } },
            order: Order::MostSpecific,
            level: Level::Request,
            rules: rules.iter().map(|rule| on_port(rule.clone(), group.port)).collect(),
            export_to: group.is_consumers.then(|| vec![".".to_owned()]),
        });
    }
}

fn warn_of_many(spec: Foreign<'_>, diagnostics: &mut Diagnostics) {
    let rules = spec.elements("rules");
    if let Some(further) = rules.get(MOST_RULES) {
        let message =
            format!("a route has at most {MOST_RULES} rules in a cluster, and this one has {}", rules.len());
        diagnostics.push(Diagnostic::warning(Code::TooLarge, message).at(further.location()));
    }
}

/// The parents that are known, those of one kind together. A route without any is kept, as one that nobody comes through.
fn groups(spec: Foreign<'_>, head: &Head, diagnostics: &mut Diagnostics) -> Vec<Group> {
    let nothing = |port: Option<u16>, is_consumers: bool| {
        let (services, gateways) = (Vec::new(), Vec::new());
        Group { services, gateways, port, is_consumers }
    };
    let parents = spec.elements("parentRefs");
    if parents.is_empty() {
        let message =
            format!("{} is attached to nothing: no request comes through it", quote(&head.name.value));
        let hint = "write `parentRefs`: a Gateway, or a Service for callers in the mesh";
        diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(spec.location()).hint(hint));
        return vec![nothing(None, false)];
    }
    let own = head.namespace.as_ref().map_or(defaults::NAMESPACE, |namespace| &namespace.value);
    let mut groups: Vec<Group> = Vec::new();
    for parent in parents {
        let text = fields::located(fields::text);
        let name = parent.required("name", "a parent", &text, diagnostics);
        let kind = parent.read("kind", &text, diagnostics);
        let group = parent.read("group", super::matches::any_text, diagnostics);
        let other = parent.read("namespace", fields::text, diagnostics).filter(|other| other != own);
        let port = parent.read("port", port, diagnostics);
        let Some(name) = name else { continue };
        let is_service =
            kind.as_ref().is_some_and(|kind| kind.value == "Service") && group.as_deref().is_none_or(is_core);
        let is_gateway = kind.as_ref().is_none_or(|kind| kind.value == "Gateway");
        if !is_service && !is_gateway {
            let kind = kind.map_or_else(String::new, |kind| kind.value);
            let message = format!("no request comes through {kind} {}", quote(&name.value));
            diagnostics.push(no_effect(message, parent.location()));
            continue;
        }
        let name = match &other {
            Some(other) if is_gateway => name.map(|name| format!("{other}/{name}")),
            Some(other) => name.map(|name| format!("{name}.{other}")),
            None => name,
        };
        // A gateway's port is one of its listeners', which requests do not tell.
        let (port, is_consumers) = if is_service { (port, other.is_some()) } else { (None, false) };
        let same = |known: &Group| {
            known.services.is_empty() != is_service
                && known.port == port
                && known.is_consumers == is_consumers
        };
        let place = groups.iter().position(same).unwrap_or_else(|| {
            groups.push(nothing(port, is_consumers));
            groups.len() - 1
        });
        let list = if is_service { &mut groups[place].services } else { &mut groups[place].gateways };
        list.push(name);
    }
    groups
}

/// The same rule for requests to one port only.
fn on_port(mut rule: Located<Rule<BackendDraft>>, port: Option<u16>) -> Located<Rule<BackendDraft>> {
    if port.is_some() {
        if rule.value.matches.is_empty() {
            rule.value.matches.push(RequestMatch::default());
        }
        for of in &mut rule.value.matches {
            of.port = port;
        }
    }
    rule
}

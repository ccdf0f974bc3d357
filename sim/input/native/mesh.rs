//! The sections `mesh` and `policies`.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::units::Span;
use crate::vocabulary::resilience::TrafficPolicy;
use crate::vocabulary::routing::Resource;
use crate::vocabulary::{Balancing, BalancingPolicy, HashOn};

use crate::input::draft::{MeshDraft, PolicyDraft, SelectionDraft, WaypointDraft};
use crate::input::fields::{self, Fields, list, located, map};
use crate::input::tree::{Located, Node};

pub(super) fn mesh(node: &Node, diagnostics: &mut Diagnostics) -> Option<MeshDraft> {
    let mut fields = Fields::new(node, "`mesh`", diagnostics);
    let mesh = MeshDraft {
        profile: fields.read("profile", located(fields::text)),
        overrides: fields.read("overrides", map(located(fields::text))).unwrap_or_default(),
        features: Vec::new(),
        inject: fields.read("inject", selection),
        exclude: fields.read("exclude", selection).unwrap_or_default(),
        waypoints: fields.read("waypoints", list(waypoint)),
    };
    fields.finish()?;
    Some(mesh)
}

fn waypoint(node: &Node, diagnostics: &mut Diagnostics) -> Option<WaypointDraft> {
    let mut fields = Fields::new(node, "a waypoint", diagnostics);
    let names = list(located(fields::text));
    let name = fields.need("name", located(fields::text));
    let services = SelectionDraft {
        namespaces: fields.read("namespaces", &names).unwrap_or_default(),
        services: fields.read("services", &names).unwrap_or_default(),
    };
    let replicas = fields.read("replicas", fields::count);
    let zone = fields.read("zone", located(fields::text));
    fields.finish();
    Some(WaypointDraft { name: name?, services, replicas, zone })
}

fn selection(node: &Node, diagnostics: &mut Diagnostics) -> Option<SelectionDraft> {
    let mut fields = Fields::new(node, "a selection of services", diagnostics);
    let names = list(located(fields::text));
    let selection = SelectionDraft {
        namespaces: fields.read("namespaces", &names).unwrap_or_default(),
        services: fields.read("services", &names).unwrap_or_default(),
    };
    fields.finish()?;
    Some(selection)
}

pub(super) fn policy(node: &Node, diagnostics: &mut Diagnostics) -> Option<PolicyDraft> {
    let mut fields = Fields::new(node, "a policy", diagnostics);
    let service = fields.need("service", located(fields::text));
    let balancing = fields.need("balancing", located(balancing));
    fields.finish();
    let Located { value: balancing, location } = balancing?;
    let policy = TrafficPolicy { balancing: Some(balancing), ..TrafficPolicy::default() };
    Some(PolicyDraft {
        name: None,
        resource: Resource::Scenario,
        namespace: None,
        service: service?,
        subset: None,
        port: None,
        policy: Located::new(policy, location),
    })
}

/// `least_request`, or `{policy: ring_hash, hash_on: header:x-user}`; a cookie lasts as long as its user.
fn balancing(node: &Node, diagnostics: &mut Diagnostics) -> Option<Balancing> {
    let named = |node: &Node, diagnostics: &mut Diagnostics| {
        fields::choice(node, "a balancing policy", &BalancingPolicy::ALL, diagnostics)
    };
    if node.entries().is_none() {
        return Some(Balancing { policy: named(node, diagnostics)?, hash_on: HashOn::Source });
    }
    let mut fields = Fields::new(node, "`balancing`", diagnostics);
    let policy = fields.need("policy", named);
    let hash_on = fields.read("hash_on", located(hash_on));
    if let (Some(policy), Some(hash_on)) = (policy, &hash_on)
        && !matches!(policy, BalancingPolicy::RingHash | BalancingPolicy::Maglev)
    {
        let message = "only ring_hash and maglev look at `hash_on`";
        fields.report(Diagnostic::error(Code::InvalidValue, message).at(hash_on.location));
    }
    fields.finish();
    Some(Balancing { policy: policy?, hash_on: hash_on.map_or(HashOn::Source, |hash_on| hash_on.value) })
}

fn hash_on(node: &Node, diagnostics: &mut Diagnostics) -> Option<HashOn> {
    let text = fields::text(node, diagnostics)?;
    let (kind, name) = text.split_once(':').unwrap_or((&text, ""));
    let name = name.trim().to_ascii_lowercase();
    match kind {
        "source" if text == "source" => Some(HashOn::Source),
        "header" if !name.is_empty() => Some(HashOn::Header(name)),
        "cookie" if !name.is_empty() => Some(HashOn::Cookie { name, ttl: Some(Span::ZERO) }),
        "query" if !name.is_empty() => Some(HashOn::Query(name)),
        _ => {
            let message = format!("a hash cannot be taken of {}", quote(&text));
            let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
            diagnostics.push(diagnostic.hint("source, header:NAME, cookie:NAME or query:NAME"));
            None
        }
    }
}

//! The sections `routes`, `subsets` and `gateways`.
//!
//! ```yaml
//! routes:
//!   - name: reviews-canary
//!     host: reviews
//!     rules:
//!       - match: {headers: {end-user: jason}}
//!         to: {service: reviews, subset: v2}
//!       - to: [{service: reviews, subset: v1, weight: 90}, {service: reviews, subset: v2, weight: 10}]
//!         timeout: 2s
//!         retries: {attempts: 2, on: [connect_failure, gateway_error]}
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::vocabulary::routing::{Order, Resource, Rule};

use crate::input::draft::{BackendDraft, GatewayDraft, Level, RouteDraft, SubsetDraft, Via};
use crate::input::fields::{self, Fields, each, list, located, map};
use crate::input::tree::{Located, Node};

use super::rules::{RULE_KEYS, rule, rule_of};

/// What is written for the kinds of objects that a scenario was made from.
pub(crate) const RESOURCES: &[(&str, Resource)] = &[
    ("scenario", Resource::Scenario),
    ("kubernetes", Resource::Kubernetes),
    ("virtual_service", Resource::VirtualService),
    ("destination_rule", Resource::DestinationRule),
    ("http_route", Resource::HttpRoute),
    ("grpc_route", Resource::GrpcRoute),
    ("traffic_split", Resource::TrafficSplit),
    ("service_profile", Resource::ServiceProfile),
    ("linkerd_http_route", Resource::LinkerdHttpRoute),
    ("linkerd_annotation", Resource::LinkerdAnnotation),
    ("backend_traffic_policy", Resource::BackendTrafficPolicy),
];

pub(crate) const ORDERS: &[(&str, Order)] =
    &[("written", Order::Written), ("most_specific", Order::MostSpecific)];

pub(crate) const LEVELS: &[(&str, Level)] =
    &[("requests", Level::Request), ("connections", Level::Connection)];

/// One route.
pub(super) fn route(node: &Node, diagnostics: &mut Diagnostics) -> Option<RouteDraft> {
    let mut fields = Fields::new(node, "a route", diagnostics);
    let name = fields.read("name", located(fields::text));
    let resource = resource(&mut fields);
    let namespace = fields.read("namespace", fields::text);
    let hosts = hosts(&mut fields);
    let via = fields.read("via", via);
    let order =
        fields.read("order", |node, diagnostics| fields::choice(node, "an order", ORDERS, diagnostics));
    let level =
        fields.read("level", |node, diagnostics| fields::choice(node, "a level", LEVELS, diagnostics));
    let export_to = fields.read("visible_in", list_or_one(fields::text));
    let rules = rules(&mut fields, node);
    fields.finish();
    let hosts = hosts?;
    Some(RouteDraft {
        name: name.or_else(|| hosts.first().cloned())?,
        resource,
        namespace,
        hosts,
        via: via.unwrap_or(Via::Mesh),
        order: order.unwrap_or(Order::Written),
        level: level.unwrap_or(Level::Request),
        rules,
        export_to,
    })
}

/// A named part of a service's endpoints.
pub(super) fn subset(node: &Node, diagnostics: &mut Diagnostics) -> Option<SubsetDraft> {
    let mut fields = Fields::new(node, "a subset", diagnostics);
    let name = fields.need("name", located(fields::text));
    let service = fields.need("service", located(fields::text));
    let resource = resource(&mut fields);
    let namespace = fields.read("namespace", fields::text);
    let labels = fields.read("labels", labels).unwrap_or_default();
    fields.finish();
    Some(SubsetDraft { resource, namespace, service: service?, name: name?, labels })
}

/// An ingress gateway and the hosts it serves.
pub(super) fn gateway(node: &Node, diagnostics: &mut Diagnostics) -> Option<GatewayDraft> {
    let mut fields = Fields::new(node, "a gateway", diagnostics);
    let name = fields.need("name", located(fields::text));
    let namespace = fields.read("namespace", fields::text);
    let hosts = fields.need("hosts", list_or_one(located(fields::text)));
    fields.finish();
    Some(GatewayDraft { name: name?, namespace, hosts: hosts? })
}

/// Which kind of object said so, where the scenario was made from others.
pub(super) fn resource(fields: &mut Fields<'_, '_>) -> Resource {
    let kind = |node: &Node, diagnostics: &mut Diagnostics| {
        fields::choice(node, "a resource", RESOURCES, diagnostics)
    };
    fields.read("resource", kind).unwrap_or(Resource::Scenario)
}

/// `{version: v1}`.
pub(super) fn labels(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<(String, String)>> {
    let decoded = map(fields::text)(node, diagnostics)?;
    Some(decoded.into_iter().map(|(name, value)| (name.value, value)).collect())
}

/// A reader of lists that takes a single element without its brackets.
pub(super) fn list_or_one<T>(
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Vec<T>> {
    move |node, diagnostics| {
        if node.elements().is_some() {
            return list(&reader)(node, diagnostics);
        }
        reader(node, diagnostics).map(|one| vec![one])
    }
}

/// `host: reviews` or `hosts: [reviews, ratings]`.
fn hosts(fields: &mut Fields<'_, '_>) -> Option<Vec<Located<String>>> {
    let location = fields.location();
    match (fields.has("host"), fields.has("hosts")) {
        (true, false) => fields.need("host", located(fields::text)).map(|host| vec![host]),
        (false, true) => {
            let hosts = fields.need("hosts", list(located(fields::text)))?;
            if hosts.is_empty() {
                let problem = Diagnostic::error(Code::EmptyInput, "a route is for at least one host");
                fields.report(problem.at(location));
                return None;
            }
            Some(hosts)
        }
        (both, _) => {
            let (code, message) = if both {
                (Code::InvalidValue, "a route has `host` or `hosts`, not both")
            } else {
                (Code::MissingKey, "a route needs `host` or `hosts`: whose requests it is for")
            };
            fields.take("host");
            fields.take("hosts");
            fields.report(Diagnostic::error(code, message).at(location).hint("for example, host: reviews"));
            None
        }
    }
}

/// `mesh`, `gateway:NAME`, or `{gateways: [NAME], mesh: true}`.
fn via(node: &Node, diagnostics: &mut Diagnostics) -> Option<Via> {
    if node.entries().is_some() {
        let mut fields = Fields::new(node, "`via`", diagnostics);
        let names = fields.need("gateways", list_or_one(located(fields::text)));
        let mesh = fields.read("mesh", fields::boolean).unwrap_or(false);
        fields.finish();
        return Some(Via::Gateways { names: names?, mesh });
    }
    let text = fields::text(node, diagnostics)?;
    match text.split_once(':') {
        None if text == "mesh" => Some(Via::Mesh),
        Some(("gateway", name)) if !name.trim().is_empty() => {
            let names = vec![Located::new(name.trim().to_owned(), node.location)];
            Some(Via::Gateways { names, mesh: false })
        }
        _ => {
            let message = format!("requests cannot come via {}", quote(&text));
            let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
            diagnostics.push(diagnostic.hint("mesh, gateway:NAME or {gateways: [NAME], mesh: true}"));
            None
        }
    }
}

/// The list `rules`, or the one rule that is written into the route.
fn rules(route: &mut Fields<'_, '_>, node: &Node) -> Vec<Located<Rule<BackendDraft>>> {
    if !route.has("rules") {
        if !RULE_KEYS.iter().any(|key| *key != "name" && route.has(key)) {
            let message = "a route needs `rules`: what is done with its requests";
            let problem = Diagnostic::error(Code::MissingKey, message).at(route.location());
            route.report(problem.hint("for example, rules: [{to: reviews}]"));
            // So that they are suggested for what is spelled wrong.
            for key in ["rules"].iter().chain(RULE_KEYS) {
                route.take(key);
            }
            return Vec::new();
        }
        return rule_of(route).map(|rule| Located::new(rule, node.location)).into_iter().collect();
    }
    for key in RULE_KEYS {
        if *key != "name"
            && let Some(node) = route.take(key)
        {
            let message = format!("{} belongs into the rules where they are listed", quote(key));
            route.report(Diagnostic::error(Code::UnknownKey, message).at(node.location));
        }
    }
    route.need("rules", each(located(rule))).unwrap_or_default()
}

//! Which routes concern the requests of one caller for one service, in which order, and what they leave to others.

use crate::mesh::scenario::{Backend, OperationIdx, Protocol, Route, Scenario, Service, ServiceIdx};
use crate::vocabulary::request::{Ends, is_gateway};
use crate::vocabulary::routing::{RequestMatch, Resource, Rule};

use super::{Answer, Why};

/// Who is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) service: ServiceIdx,
    /// By a host of its own rather than by a name of the service.
    pub(super) named: bool,
}

/// A rule as written, and a way to match it.
pub(super) struct Candidate<'a> {
    pub(super) route: &'a Route,
    pub(super) rule: &'a Rule<Backend>,
    pub(super) of: Option<&'a RequestMatch>,
}

/// The names under which callers in the mesh call a service.
pub(super) fn names_of(service: &Service) -> Vec<String> {
    let (name, namespace) = (&service.name, &service.namespace);
    vec![
        name.clone(),
        format!("{name}.{namespace}"),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.cluster.local"),
    ]
}

/// The routes for these requests, in order. At a gateway only those whose host fits best.
pub(super) fn concerning<'a>(
    scenario: &Scenario,
    routes: &'a [Route],
    asked: Asked,
    ends: &Ends,
) -> Vec<&'a Route> {
    let protocol = scenario.services[asked.service].application.protocol;
    let routes = routes.iter().filter(|route| {
        route.of_connections == (protocol == Protocol::Tcp)
            && (route.visible_in.as_ref())
                .is_none_or(|namespaces| ends.gateway.is_some() || namespaces.contains(&ends.namespace))
    });
    let Some(gateway) = &ends.gateway else {
        return routes.filter(|route| route.mesh && route.services.contains(&asked.service)).collect();
    };
    let fit = |route: &Route| {
        let by_host = route.hosts.iter().filter_map(|host| fit(host, &ends.hosts)).max();
        by_host.or((!asked.named && route.services.contains(&asked.service)).then_some(usize::MAX))
    };
    let through: Vec<(usize, &Route)> = routes
        .filter(|route| route.gateways.iter().any(|name| is_gateway(name, gateway)))
        .filter_map(|route| Some((fit(route)?, route)))
        .collect();
    let best = through.iter().map(|row| row.0).max();
    through.into_iter().filter(|row| Some(row.0) == best).map(|row| row.1).collect()
}

/// How well a route's host fits one of the names: the longer the better; `None` if it does not.
pub(super) fn fit(host: &str, names: &[String]) -> Option<usize> {
    match host.strip_prefix('*') {
        None => names.iter().any(|name| name == host).then_some(usize::MAX),
        Some(end) => {
            names.iter().any(|name| name.len() > end.len() && name.ends_with(end)).then_some(end.len())
        }
    }
}

/// The ways to match the rules of routes, in the order in which they are looked at, which is that of the scenario.
pub(super) fn candidates<'a>(routes: &[&'a Route]) -> Vec<Candidate<'a>> {
    let mut all: Vec<Candidate<'a>> = Vec::new();
    for &route in routes {
        for rule in &route.rules {
            if rule.matches.is_empty() {
                all.push(Candidate { route, rule, of: None });
            }
            all.extend(rule.matches.iter().map(|of| Candidate { route, rule, of: Some(of) }));
        }
    }
    all
}

/// Whether requests that no rule is for go where they go anyhow: kinds of object that only divert some requests leave the
/// others alone.
pub(super) fn leaves_others_alone(routes: &[&Route]) -> bool {
    let diverts = |route: &&Route| {
        let kinds = [Resource::TrafficSplit, Resource::ServiceProfile, Resource::LinkerdAnnotation];
        kinds.contains(&route.resource)
    };
    routes.iter().all(diverts) || routes.iter().all(|route| route.of_connections)
}

/// What a backend is asked for, where an operation of another service was asked for: its operation of the same name, else
/// of the same path and method, else its first one.
pub(super) fn operation_of(
    scenario: &Scenario,
    backend: ServiceIdx,
    (service, operation): (ServiceIdx, OperationIdx),
) -> OperationIdx {
    if backend == service {
        return operation;
    }
    scenario.services[backend].counterpart(&scenario.services[service].operations[operation])
}

/// Gateway API wants 500 where a backend is invalid or has no weight, the others 503.
pub(super) fn no_backend(route: &Route) -> Answer {
    Answer { status: if route.resource.is_gateway_api() { 500 } else { 503 }, size: 0, why: Why::NoBackend }
}

//! Routes: whose requests they are for, in which order they are looked at.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::index::{Idx, IndexVec};
use crate::input::draft::{Level, RouteDraft, Via};
use crate::input::tree::Located;
use crate::input::{Draft, defaults};
use crate::vocabulary::routing::Resource;

use super::super::scenario::{Origin, Route, Service, ServiceIdx, SourceIdx, TrafficSource};
use super::backends::Backends;
use super::names::Directory;
use super::order;

/// `namespace/name`, as routes and policies are called in messages and results.
pub(super) fn full_name(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or(defaults::NAMESPACE))
}

/// All routes in the order in which they are looked at.
pub(super) fn resolve(
    draft: &Draft,
    written: &[RouteDraft],
    directory: &Directory<'_>,
    services: &IndexVec<ServiceIdx, Service>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) -> Vec<Route> {
    let drafts = unique(written, diagnostics);
    let gateways = Gateways::new(draft, &drafts, sources);
    let mut hosts = Hosts::new(&drafts, directory, services.len());
    hosts.drop_second(&drafts, services, diagnostics);
    let backends = Backends::new(draft, directory, services, sources);
    let routes = drafts.iter().zip(&hosts.of_routes).map(|(written, found)| {
        gateways.check(written, diagnostics);
        warn_of_unknown_hosts(written, directory, diagnostics);
        let (names, mesh) = match &written.via {
            Via::Mesh => (Vec::new(), true),
            Via::Gateways { names, mesh } => (gateways.of(names), *mesh),
        };
        let mut rules = backends.rules(written, diagnostics);
        for of in rules.iter_mut().flat_map(|rule| &mut rule.matches) {
            gateways.extend(&mut of.gateways);
        }
        Route {
            name: full_name(written.namespace.as_deref(), &written.name.value),
            resource: written.resource,
            services: if mesh { found.iter().map(|(service, _)| *service).collect() } else { Vec::new() },
            hosts: written.hosts.iter().map(|host| host.value.clone()).collect(),
            mesh,
            gateways: names,
            visible_in: visible_in(written),
            order: written.order,
            of_connections: written.level == Level::Connection,
            rules,
        }
    });
    order::arrange(routes.collect())
}

/// What makes two routes the same object: kind, namespace, name, and which of its sections it is.
pub(super) fn object(route: &RouteDraft) -> (Resource, &str, &str, bool) {
    let namespace = route.namespace.as_deref().unwrap_or(defaults::NAMESPACE);
    (route.resource, namespace, route.name.value.as_str(), route.level == Level::Request)
}

/// Routes whose name another one of their kind and namespace has are left out: as in a cluster the last one holds. In the
/// scenario's own format that is an error.
pub(super) fn unique<'d>(routes: &'d [RouteDraft], diagnostics: &mut Diagnostics) -> Vec<&'d RouteDraft> {
    let mut kept: Vec<&RouteDraft> = Vec::new();
    let mut known = BTreeMap::new();
    for route in routes {
        let Some(&position) = known.get(&object(route)) else {
            known.insert(object(route), kept.len());
            kept.push(route);
            continue;
        };
        let earlier: &RouteDraft = kept[position];
        let message = format!("there is a second route {}", quote(&route.name.value));
        let diagnostic = if route.resource == Resource::Scenario {
            Diagnostic::error(Code::DuplicateName, message)
        } else {
            Diagnostic::warning(Code::DuplicateName, message).hint("as in a cluster, the last one holds")
        };
        let diagnostic = diagnostic.at(route.name.location);
        diagnostics.push(diagnostic.related(earlier.name.location, "the first one"));
        kept[position] = route;
    }
    kept
}

/// The services that the hosts of routes mean.
struct Hosts {
    /// By route: services, and how well the host fits.
    of_routes: Vec<Vec<(ServiceIdx, usize)>>,
}

impl Hosts {
    fn new(routes: &[&RouteDraft], directory: &Directory<'_>, known: usize) -> Self {
        let found = |route: &&RouteDraft| {
            let mut services: Vec<(ServiceIdx, usize)> = Vec::new();
            let anywhere = route.resource == Resource::Scenario;
            for host in &route.hosts {
                let (found, fit) = directory.of_host(&host.value, route.namespace.as_deref(), anywhere);
                for service in found.into_iter().filter(|service| service.position() < known) {
                    match services.iter_mut().find(|row| row.0 == service) {
                        Some(row) => row.1 = row.1.max(fit),
                        None => services.push((service, fit)),
                    }
                }
            }
            services
        };
        let mut of_routes: Vec<_> = routes.iter().map(found).collect();
        // Of hosts that begin with `*` and whole ones, the one that fits best holds.
        let mut best: BTreeMap<(Resource, bool, ServiceIdx), usize> = BTreeMap::new();
        let meshed = |route: &RouteDraft| !matches!(route.via, Via::Gateways { mesh: false, .. });
        for (route, found) in routes.iter().zip(&of_routes).filter(|(route, _)| meshed(route)) {
            for (service, fit) in found {
                let best = best.entry((route.resource, route.level == Level::Request, *service)).or_default();
                *best = (*fit).max(*best);
            }
        }
        for (route, found) in routes.iter().zip(&mut of_routes).filter(|(route, _)| meshed(route)) {
            let level = route.level == Level::Request;
            found.retain(|(service, fit)| best[&(route.resource, level, *service)] == *fit);
        }
        Self { of_routes }
    }

    /// Istio's proxies of pods take one `VirtualService` for a host, the first one.
    fn drop_second(
        &mut self,
        routes: &[&RouteDraft],
        services: &IndexVec<ServiceIdx, Service>,
        diagnostics: &mut Diagnostics,
    ) {
        let mut first: BTreeMap<(ServiceIdx, bool), &RouteDraft> = BTreeMap::new();
        for (route, found) in routes.iter().zip(&mut self.of_routes) {
            let meshed = !matches!(route.via, Via::Gateways { mesh: false, .. });
            if route.resource != Resource::VirtualService || !meshed {
                continue;
            }
            found.retain(|(service, _)| {
                let key = (*service, route.level == Level::Request);
                let holder = *first.entry(key).or_insert(route);
                if holder.name.value == route.name.value && holder.namespace == route.namespace {
                    return true;
                }
                let name = quote(&services[*service].name);
                let message = format!("callers in the mesh take another VirtualService for {name}");
                let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(route.name.location);
                let diagnostic = diagnostic.related(holder.name.location, "this one, for it comes first");
                diagnostics.push(diagnostic.hint("rules for one host belong into one VirtualService"));
                false
            });
        }
    }
}

fn warn_of_unknown_hosts(route: &RouteDraft, directory: &Directory<'_>, diagnostics: &mut Diagnostics) {
    if matches!(route.via, Via::Gateways { .. }) {
        return;
    }
    let anywhere = route.resource == Resource::Scenario;
    for host in &route.hosts {
        if directory.of_host(&host.value, route.namespace.as_deref(), anywhere).0.is_empty() {
            let message = format!("{} is no service: the route has no effect on it", quote(&host.value));
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(host.location);
            diagnostics.push(diagnostic.suggest(directory.like(&host.value)));
        }
    }
}

/// Namespaces whose callers see the route; `None` is all.
fn visible_in(route: &RouteDraft) -> Option<Vec<String>> {
    let namespaces = route.export_to.as_ref()?;
    if namespaces.iter().any(|namespace| namespace == "*") {
        return None;
    }
    let own = route.namespace.as_deref().unwrap_or(defaults::NAMESPACE);
    let named = |namespace: &String| if namespace == "." { own.to_owned() } else { namespace.clone() };
    Some(namespaces.iter().map(named).collect())
}

/// Gateways that sources come through, that objects describe, and that routes name.
struct Gateways<'d> {
    draft: &'d Draft,
    /// Names in traffic sources that no object knows: they stand for any gateway.
    unknown: Vec<String>,
    is_used: bool,
}

impl<'d> Gateways<'d> {
    fn new(
        draft: &'d Draft,
        routes: &[&'d RouteDraft],
        sources: &IndexVec<SourceIdx, TrafficSource>,
    ) -> Self {
        let described = draft.gateways.iter().map(|gateway| gateway.name.value.as_str());
        let named = routes.iter().flat_map(|route| match &route.via {
            Via::Mesh => &[],
            Via::Gateways { names, .. } => names.as_slice(),
        });
        let named: Vec<&str> = described.chain(named.map(|name| name.value.as_str())).collect();
        let used = sources.iter().filter_map(|source| match &source.from {
            Origin::Gateway { name, .. } => Some(name),
            Origin::Outside | Origin::MeshedClient { .. } => None,
        });
        let mut unknown: Vec<String> = Vec::new();
        for name in used.clone() {
            if !named.iter().any(|known| is_same(known, name)) && !unknown.contains(name) {
                unknown.push(name.clone());
            }
        }
        Self { draft, unknown, is_used: used.count() > 0 }
    }

    /// The names of a route's gateways, and those that stand for any.
    fn of(&self, names: &[Located<String>]) -> Vec<String> {
        let mut all = names.iter().map(|name| name.value.clone()).collect();
        self.extend(&mut all);
        all
    }

    /// Adds the names that stand for any gateway where one is named.
    fn extend(&self, names: &mut Vec<String>) {
        if names.iter().any(|name| name != "mesh") {
            names.extend(self.unknown.iter().cloned());
        }
    }

    /// Requests can come that way.
    fn check(&self, route: &RouteDraft, diagnostics: &mut Diagnostics) {
        let Via::Gateways { names, mesh } = &route.via else { return };
        if !self.is_used && !mesh {
            let message = format!(
                "no traffic source comes through a gateway: the route {} has no effect",
                quote(&route.name.value)
            );
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(route.name.location);
            diagnostics.push(diagnostic.hint("give a source under `traffic` `from: gateway:NAME`"));
        }
        let described = self.draft.gateways.iter();
        let of: Vec<_> = described
            .filter(|gateway| names.iter().any(|name| is_same(&name.value, &gateway.name.value)))
            .collect();
        let serves = |host: &str| {
            of.iter().flat_map(|gateway| &gateway.hosts).any(|served| overlap(&served.value, host))
        };
        for host in route.hosts.iter().filter(|host| !of.is_empty() && !mesh && !serves(&host.value)) {
            let message = format!("the gateway does not serve {}", quote(&host.value));
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(host.location);
            diagnostics.push(diagnostic.related(of[0].name.location, "the gateway"));
        }
    }
}

/// Whether two names mean one gateway; either may have its namespace before a slash.
fn is_same(one: &str, other: &str) -> bool {
    let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    one == other || (one.contains('/') != other.contains('/') && short(one) == short(other))
}

/// Whether some host is meant by both; `*` at the beginning stands for anything.
fn overlap(one: &str, other: &str) -> bool {
    // Istio writes the namespace of a server's routes before its hosts.
    let one = one.rsplit('/').next().unwrap_or_default();
    match (one.strip_prefix('*'), other.strip_prefix('*')) {
        (None, None) => one == other,
        (Some(suffix), None) => other.ends_with(suffix),
        (None, Some(suffix)) => one.ends_with(suffix),
        (Some(one), Some(other)) => one.ends_with(other) || other.ends_with(one),
    }
}

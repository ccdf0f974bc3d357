//! The order in which routes and rules are looked at.

use std::cmp::Reverse;

use crate::vocabulary::routing::{Order, RequestMatch, Resource, Rule};
use crate::vocabulary::text::PathMatch;

use super::super::scenario::{Backend, Route};

/// Routes in the order in which they are looked at, each with its rules in that order: those in the order as written, then
/// those whose most specific match is taken, across all of them.
pub(super) fn arrange(routes: Vec<Route>) -> Vec<Route> {
    let (written, specific): (Vec<Route>, Vec<Route>) =
        routes.into_iter().partition(|route| route.order == Order::Written);
    let mut arranged = catch_all_last(&written);
    arranged.extend(by_precedence(&specific));
    arranged
}

/// How specific a match is, the largest first. As Gateway API has it: an exact path, then the longest prefix, a match on the
/// method, the most headers, the most query parameters. Regular expressions, which it leaves open, come after exact paths.
pub(super) fn precedence(of: &RequestMatch) -> impl Ord + Copy + std::fmt::Debug + use<> {
    let path = match &of.path {
        Some(PathMatch::Exact(path)) => (3, path.chars().count()),
        Some(PathMatch::Regex(pattern)) => (2, pattern.text().chars().count()),
        Some(PathMatch::Prefix(prefix)) => (1, prefix.chars().count()),
        // A slash at the end of a prefix of elements means nothing.
        Some(PathMatch::Elements(prefix)) => (1, prefix.trim_end_matches('/').chars().count().max(1)),
        // What is not written is the prefix `/`.
        None => (1, 1),
    };
    (path, of.method.is_some(), of.headers.len(), of.query.len())
}

/// The rules of all routes, each for one match, by precedence; then by the order of the routes, the rules and the matches.
fn by_precedence(routes: &[Route]) -> Vec<Route> {
    let mut pieces: Vec<(usize, Rule<Backend>)> = Vec::new();
    for (position, route) in routes.iter().enumerate() {
        for rule in &route.rules {
            if rule.matches.is_empty() {
                pieces.push((position, rule.clone()));
            }
            let single = |of: &RequestMatch| Rule { matches: vec![of.clone()], ..rule.clone() };
            pieces.extend(rule.matches.iter().map(|of| (position, single(of))));
        }
    }
    let nothing = RequestMatch::default();
    pieces.sort_by_cached_key(|(_, rule)| Reverse(precedence(rule.matches.first().unwrap_or(&nothing))));
    let mut sorted: Vec<(usize, Route)> = Vec::new();
    for (position, rule) in pieces {
        match sorted.last_mut() {
            Some((last, route)) if *last == position => route.rules.push(rule),
            _ => {
                let route = Route { order: Order::Written, rules: vec![rule], ..shell(&routes[position]) };
                sorted.push((position, route));
            }
        }
    }
    sorted.into_iter().map(|(_, route)| route).collect()
}

/// Several `VirtualService`s for one host of a gateway are one: rules for every request come after all others.
fn catch_all_last(routes: &[Route]) -> Vec<Route> {
    let shares = |route: &Route, other: &Route| {
        other.resource == Resource::VirtualService
            && other.hosts.iter().any(|host| route.hosts.contains(host))
            && other.gateways.iter().any(|gateway| route.gateways.contains(gateway))
    };
    let mut kept: Vec<Route> = Vec::new();
    let mut last = Vec::new();
    for (position, route) in routes.iter().enumerate() {
        let is_followed = route.resource == Resource::VirtualService
            && routes[position + 1..].iter().any(|other| shares(route, other));
        let mut route = route.clone();
        if is_followed {
            let (all, some): (Vec<_>, Vec<_>) =
                std::mem::take(&mut route.rules).into_iter().partition(|rule| rule.matches.is_empty());
            if !all.is_empty() {
                last.push(Route { rules: all, ..shell(&route) });
            }
            route.rules = some;
        }
        if !route.rules.is_empty() {
            kept.push(route);
        }
    }
    kept.extend(last);
    kept
}

/// A route without its rules.
fn shell(route: &Route) -> Route {
    Route {
        name: route.name.clone(),
        resource: route.resource,
        services: route.services.clone(),
        hosts: route.hosts.clone(),
        mesh: route.mesh,
        gateways: route.gateways.clone(),
        visible_in: route.visible_in.clone(),
        order: route.order,
        of_connections: route.of_connections,
        rules: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::vocabulary::routing::NamedMatch;
    use crate::vocabulary::text::{Pattern, TextMatch};

    use super::*;

    fn path(path: PathMatch) -> RequestMatch {
        RequestMatch { path: Some(path), ..RequestMatch::default() }
    }

    fn named(count: usize) -> Vec<NamedMatch> {
        let one = |name| NamedMatch { name: format!("x-{name}"), value: TextMatch::Present, without: false };
        (0..count).map(one).collect()
    }

    /// Each row goes before those after it.
    #[test]
    fn matches_are_looked_at_as_gateway_api_says() {
        let elements = |text: &str| path(PathMatch::Elements(text.to_owned()));
        let rows = [
            path(PathMatch::Exact("/a/b".to_owned())),
            path(PathMatch::Exact("/a".to_owned())),
            path(PathMatch::Regex(Pattern::new("/a/.*").unwrap())),
            RequestMatch { method: Some(TextMatch::Present), ..elements("/api/v1") },
            RequestMatch { headers: named(9), ..elements("/api/v1") },
            elements("/api/v1"),
            path(PathMatch::Prefix("/api/".to_owned())),
            RequestMatch { headers: named(2), ..elements("/api/") },
            RequestMatch { headers: named(1), query: named(3), ..elements("/api") },
            RequestMatch { query: named(3), ..elements("/api") },
            RequestMatch { query: named(1), ..elements("/api") },
            elements("/api"),
            RequestMatch { method: Some(TextMatch::Present), ..RequestMatch::default() },
            RequestMatch { headers: named(1), ..elements("/") },
            RequestMatch { query: named(1), ..RequestMatch::default() },
            RequestMatch::default(),
        ];
        for pair in rows.windows(2) {
            assert!(precedence(&pair[0]) > precedence(&pair[1]), "{:?} before {:?}", pair[0], pair[1]);
        }
        assert_eq!(precedence(&elements("/api/")), precedence(&elements("/api")));
        assert_eq!(precedence(&elements("/")), precedence(&RequestMatch::default()));
    }
}

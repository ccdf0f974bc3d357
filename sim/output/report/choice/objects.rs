//! How many objects it takes to say a scenario's routes and policies to a mesh.

use std::collections::BTreeSet;

use crate::mesh::scenario::{Route, ServiceIdx};
use crate::mesh::{Profile, Scenario};
use crate::vocabulary::routing::Resource;

/// Istio's way: a VirtualService for each route, and a DestinationRule for each service with a policy or subsets that
/// are used. Gateway API's way: an `HTTPRoute` for each route and service, whose backends are Services: one more for each
/// subset that is used, and a service's policies are annotations of it, which are no objects. A mesh whose rules are
/// enforced by waypoints takes one for each namespace of the services that are meant, unless the scenario says which.
///
/// `None` where there is nothing to say, and under a mesh that cannot have all of it.
pub(super) fn count(profile: &Profile, scenario: &Scenario) -> Option<usize> {
    let is_empty = scenario.routes.is_empty() && scenario.policies.is_empty();
    if is_empty || *profile.possible(scenario) != *scenario {
        return None;
    }
    let subsets = scenario.used_subsets();
    let with_policies: BTreeSet<ServiceIdx> = scenario.policies.iter().map(|policy| policy.service).collect();
    let objects = if profile.reads(Resource::VirtualService) && profile.reads(Resource::DestinationRule) {
        let with_rules: BTreeSet<ServiceIdx> =
            subsets.iter().map(|(service, _)| *service).chain(with_policies.iter().copied()).collect();
        routes(scenario).count() + with_rules.len()
    } else if profile.reads(Resource::HttpRoute) {
        let of_route = |services: usize| services.max(1);
        let routes: usize = routes(scenario).map(|route| of_route(route.services.len())).sum();
        routes + subsets.len()
    } else {
        return None;
    };
    Some(objects + waypoints(profile, scenario, &with_policies))
}

/// The routes but for what annotations make of others.
fn routes(scenario: &Scenario) -> impl Iterator<Item = &Route> {
    let of_gateway_api = |service: &ServiceIdx| {
        let is_other =
            |route: &&Route| route.resource.is_gateway_api() && route.resource != Resource::LinkerdAnnotation;
        scenario.routes.iter().filter(is_other).any(|route| route.services.contains(service))
    };
    let is_copy = move |route: &Route| {
        route.resource == Resource::LinkerdAnnotation && route.services.iter().all(of_gateway_api)
    };
    scenario.routes.iter().filter(move |route| !is_copy(route))
}

/// The waypoints that these routes and policies need.
fn waypoints(profile: &Profile, scenario: &Scenario, with_policies: &BTreeSet<ServiceIdx>) -> usize {
    let has_waypoints = profile.get("waypoint.workers").is_some();
    if !has_waypoints {
        return 0;
    }
    if let Some(waypoints) = &scenario.waypoints {
        return waypoints.len();
    }
    let services = scenario.routes.iter().flat_map(|route| &route.services).chain(with_policies);
    services.map(|&service| &scenario.services[service].namespace).collect::<BTreeSet<_>>().len()
}

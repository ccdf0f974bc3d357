//! How many objects it takes to say a scenario's routes and policies to a mesh.

use std::collections::BTreeSet;

use crate::mesh::scenario::{Backend, ServiceIdx, SubsetIdx};
use crate::mesh::{Profile, Scenario};
use crate::vocabulary::routing::{Resource, RuleAction};

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
    let subsets = used_subsets(scenario);
    let with_policies: BTreeSet<ServiceIdx> = scenario.policies.iter().map(|policy| policy.service).collect();
    let objects = if profile.reads(Resource::VirtualService) && profile.reads(Resource::DestinationRule) {
        let with_rules: BTreeSet<ServiceIdx> =
            subsets.iter().map(|(service, _)| *service).chain(with_policies.iter().copied()).collect();
        scenario.routes.len() + with_rules.len()
    } else if profile.reads(Resource::HttpRoute) {
        let of_route = |services: usize| services.max(1);
        let routes: usize = scenario.routes.iter().map(|route| of_route(route.services.len())).sum();
        routes + subsets.len()
    } else {
        return None;
    };
    Some(objects + waypoints(profile, scenario, &with_policies))
}

/// Subsets that a route sends requests to or a policy is for.
fn used_subsets(scenario: &Scenario) -> BTreeSet<(ServiceIdx, SubsetIdx)> {
    let mut used: BTreeSet<_> =
        scenario.policies.iter().filter_map(|policy| Some((policy.service, policy.subset?))).collect();
    let rules = scenario.routes.iter().flat_map(|route| &route.rules);
    for rule in rules {
        let forwarded = match &rule.action {
            RuleAction::Forward(weighted) => weighted.as_slice(),
            _ => &[],
        };
        let backends = forwarded.iter().map(|weighted| &weighted.backend);
        for backend in backends.chain(rule.mirrors.iter().map(|mirror| &mirror.backend)) {
            if let Backend::Service { service, subset: Some(subset), .. } = backend {
                used.insert((*service, *subset));
            }
        }
    }
    used
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

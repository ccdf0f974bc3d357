//! Hosts that begin with `*`: objects for all services of a namespace, and what goes before them.

use sim::mesh::Scenario;
use sim::mesh::scenario::Service;
use sim::vocabulary::routing::RuleAction;

use crate::drafts::scenario;

const SERVICES: &str = "version: 1
services:
- {name: web, namespace: shop, service_time: 1ms, versions: [{name: v1, labels: {track: stable}}, {name: v2, labels: {track: canary}}]}
- {name: api, namespace: shop, service_time: 1ms, versions: [{name: one, labels: {track: stable}}]}
- {name: plain, namespace: other, service_time: 1ms}
traffic:
- {service: shop/web, from: meshed_client, rate: 1/s}
- {service: shop/api, from: meshed_client, rate: 1/s}
- {service: other/plain, from: meshed_client, rate: 1/s}
---
";

fn rule(name: &str, host: &str, more: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec:\n  host: '{host}'\n  {more}\n---\n"
    )
}

const SUBSETS: &str = "subsets: [{name: stable, labels: {track: stable}}, {name: canary, labels: {track: canary}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}}]";

/// Names of a service's subsets beside its versions, with how many versions each has.
fn subsets(service: &Service) -> Vec<(&str, usize)> {
    let versions: Vec<_> = service.versions.iter().map(|version| version.name.as_str()).collect();
    let subsets = service.subsets.iter().filter(|subset| !versions.contains(&subset.name.as_str()));
    subsets.map(|subset| (subset.name.as_str(), subset.versions.len())).collect()
}

fn of<'s>(scenario: &'s Scenario, name: &str) -> &'s Service {
    scenario.services.iter().find(|service| service.name == name).expect("a service")
}

#[test]
fn subsets_of_a_wildcard_are_those_of_every_service_it_means() {
    let (scenario, said) =
        scenario(&format!("{SERVICES}{}", rule("all", "*.shop.svc.cluster.local", SUBSETS)));
    assert_eq!(subsets(of(&scenario, "web")), [("stable", 1), ("canary", 1)]);
    assert_eq!(subsets(of(&scenario, "api")), [("stable", 1), ("canary", 0)]);
    assert_eq!(subsets(of(&scenario, "plain")), []);
    assert_eq!(said, "", "some pods have the labels of each");
    let limited: Vec<_> = (scenario.policies.iter())
        .map(|policy| {
            (policy.service.0, policy.subset.map(|subset| subset.0), policy.policy.limits.connections)
        })
        .collect();
    assert_eq!(limited, [(0, Some(3), Some(7)), (1, Some(2), Some(7))]);
    let nobody = rule("all", "*.shop.svc.cluster.local", "subsets: [{name: x, labels: {track: x}}]");
    let (_, said) = self::scenario(&format!("{SERVICES}{nobody}"));
    assert_eq!(said.matches("has the labels of the subset `x`").count(), 1, "{said}");
}

#[test]
fn an_object_for_a_service_goes_before_one_for_all_with_all_it_says() {
    let all = rule("all", "*", &format!("trafficPolicy: {{loadBalancer: {{simple: RANDOM}}}}\n  {SUBSETS}"));
    let own = rule("own", "web", "subsets: [{name: own, labels: {track: stable}}]");
    let (scenario, _) = scenario(&format!("{SERVICES}{all}{own}"));
    assert_eq!(subsets(of(&scenario, "web")), [("own", 1)]);
    assert_eq!(subsets(of(&scenario, "api")), [("stable", 1), ("canary", 0)]);
    // What names subsets only has no policy, and yet hides the one for all.
    assert!(of(&scenario, "web").balancing.is_none() && of(&scenario, "api").balancing.is_some());
}

#[test]
fn a_route_for_a_wildcard_sends_to_subsets_of_a_wildcard() {
    let route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: all, namespace: shop}\n\
                 spec:\n  hosts: ['*.shop.svc.cluster.local']\n  http:\n  - route:\n    \
                 - {destination: {host: web, subset: canary}}\n";
    let (scenario, said) =
        scenario(&format!("{SERVICES}{}{route}", rule("all", "*.shop.svc.cluster.local", SUBSETS)));
    assert_eq!(said, "");
    let [route] = &scenario.routes[..] else { panic!("one route") };
    assert_eq!(route.services.iter().map(|service| service.0).collect::<Vec<_>>(), [0, 1]);
    let RuleAction::Forward(backends) = &route.rules[0].action else { panic!("{route:?}") };
    assert!(matches!(
        backends[0].backend,
        sim::mesh::scenario::Backend::Service { service, subset: Some(subset), .. } if (service.0, subset.0) == (0, 3)
    ));
}

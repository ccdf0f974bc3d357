//! Routes and policies from a scenario's text to the checked scenario.

use std::path::PathBuf;

use sim::diag::Style;
use sim::input::Options;
use sim::mesh::scenario::{Backend, Route};
use sim::mesh::{Scenario, validate};
use sim::vocabulary::routing::{RuleAction, Setting};

/// Services that routes can speak of.
const SERVICES: &str = r"version: 1
services:
  - {name: web, namespace: shop, service_time: 1ms, script: [{call: reviews}, {call: ratings}]}
  - {name: reviews, namespace: shop, service_time: 1ms, versions: [{name: v1}, {name: v2}]}
  - {name: ratings, namespace: shop, service_time: 1ms}
  - {name: reviews, namespace: other, service_time: 1ms}
traffic:
  - {service: web, from: 'gateway:ingress', host: shop.example.com, rate: 100/s, headers: {x-a: a}}
  - {name: second, service: other/reviews, from: meshed_client, rate: 100/s}
";

/// The scenario of [`SERVICES`] and what follows them, if it can be simulated, and what is said of it.
fn read(text: &str) -> (Option<Scenario>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, format!("{SERVICES}{text}")).expect("a writable folder");
    let (draft, sources, mut diagnostics) = sim::input::load(&[PathBuf::from(&file)], &Options::default());
    let scenario = validate(&draft, &mut diagnostics);
    (scenario, diagnostics.render(&sources, Style::Plain))
}

#[track_caller]
fn good(text: &str) -> Scenario {
    let (scenario, said) = read(text);
    assert_eq!(said, "");
    scenario.expect("it is good")
}

#[track_caller]
fn warned(text: &str, expected: &[&str]) -> Scenario {
    let (scenario, said) = read(text);
    for part in expected {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(said.matches("warning[").count(), expected.len(), "{said}");
    scenario.unwrap_or_else(|| panic!("{said}"))
}

/// The services a route is for, by their full names.
fn services(scenario: &Scenario, route: &Route) -> Vec<String> {
    route.services.iter().map(|service| scenario.services[*service].full_name()).collect()
}

/// A route's rules in a word each: its name and its backends with their weights.
fn words(scenario: &Scenario) -> Vec<String> {
    let word = |backend: &Backend| match backend {
        Backend::Missing { name, status } => format!("{status} for {name}"),
        Backend::Service { service, subset, .. } => {
            let service = &scenario.services[*service];
            let subset = subset.map(|subset| format!(":{}", service.subsets[subset].name));
            format!("{}{}", service.name, subset.unwrap_or_default())
        }
    };
    let rules = scenario.routes.iter().flat_map(|route| &route.rules);
    let rule_word = |rule: &sim::vocabulary::routing::Rule<Backend>| match &rule.action {
        RuleAction::Forward(backends) => {
            let backends: Vec<String> = backends
                .iter()
                .map(|weighted| format!("{} {}", word(&weighted.backend), weighted.weight))
                .collect();
            format!("{}: {}", rule.name.as_deref().unwrap_or("-"), backends.join(", "))
        }
        action => format!("{}: {action:?}", rule.name.as_deref().unwrap_or("-")),
    };
    rules.map(rule_word).collect()
}

#[test]
fn hosts_are_looked_up_in_the_namespace_of_their_object() {
    for (route, expected) in [
        ("{host: reviews, namespace: shop, to: ratings}", vec!["shop/reviews"]),
        ("{host: reviews, namespace: other, to: reviews}", vec!["other/reviews"]),
        ("{host: reviews.other.svc.cluster.local, namespace: shop, to: ratings}", vec!["other/reviews"]),
        ("{host: ratings, to: ratings}", vec!["shop/ratings"]),
        (
            "{host: '*.shop.svc.cluster.local', namespace: shop, to: ratings}",
            vec!["shop/web", "shop/reviews", "shop/ratings"],
        ),
        (
            "{host: '*', namespace: shop, to: ratings}",
            vec!["shop/web", "shop/reviews", "shop/ratings", "other/reviews"],
        ),
    ] {
        let scenario = good(&format!("routes: [{route}]\n"));
        assert_eq!(services(&scenario, &scenario.routes[0]), expected, "{route}");
    }
    // Foreign objects have no access to other namespaces by short names.
    let text = "routes: [{host: ratings, namespace: other, resource: virtual_service, to: reviews}]\n";
    let scenario = warned(text, &["`ratings` is no service: the route has no effect on it"]);
    assert_eq!(services(&scenario, &scenario.routes[0]), [""; 0]);
}

#[test]
fn of_whole_hosts_and_wildcards_the_best_fit_holds() {
    let scenario = good(
        "routes:\n- {name: all, host: '*', namespace: shop, to: ratings}\n\
         - {name: shop, host: '*.shop.svc.cluster.local', to: shop/ratings}\n\
         - {name: one, host: reviews, namespace: shop, to: ratings}\n",
    );
    let found: Vec<_> = scenario.routes.iter().map(|route| services(&scenario, route)).collect();
    assert_eq!(found, [vec!["other/reviews"], vec!["shop/web", "shop/ratings"], vec!["shop/reviews"]]);
}

#[test]
fn weights_of_any_kind_come_to_something() {
    let rule = |to: &str| format!("routes: [{{host: shop/reviews, namespace: shop, to: {to}}}]\n");
    let v = |subset: u32, weight: &str| format!("{{service: reviews, subset: v{subset}, weight: {weight}}}");
    let two = |first: &str, second: &str| rule(&format!("[{}, {}]", v(1, first), v(2, second)));
    assert_eq!(words(&good(&two("90", "10"))), ["-: reviews:v1 90, reviews:v2 10"]);
    assert_eq!(words(&good(&two("0", "0.1"))), ["-: reviews:v1 0, reviews:v2 0.1"]);
    assert_eq!(words(&good(&rule(&v(2, "0.25")))), ["-: reviews:v2 0.25"]);
    assert_eq!(words(&good(&two("1.7e308", "1.7e308"))), ["-: reviews:v1 1, reviews:v2 1"]);
    let scenario = warned(&two("0", "0"), &["no backend has a weight: requests get a 503"]);
    assert_eq!(words(&scenario), ["-: 503 for a backend with a weight 1"]);
    let text = two("0", "0").replace("{host", "{resource: http_route, host");
    assert_eq!(words(&warned(&text, &["get a 500"])), ["-: 500 for a backend with a weight 1"]);
    let text = rule(&v(2, "0")).replace("{host", "{resource: virtual_service, host");
    assert_eq!(words(&good(&text)), ["-: reviews:v2 1"], "Istio does not look at the weight of one alone");
    assert!(read(&two("-1", "2")).1.contains("error[invalid-value]: a weight is a number from 0, not -1"));
}

#[test]
fn backends_that_do_not_exist_keep_their_share() {
    let route = "{host: ratings, namespace: shop, to: [{service: reviews, subset: v3, weight: 1}, {service: ratingz, weight: 3}]}";
    let expected =
        ["there is no subset `v3` of `reviews`: its requests get a 503", "there is no service `ratingz`"];
    let scenario = warned(&format!("routes: [{route}]\n"), &expected);
    assert_eq!(words(&scenario), ["-: 503 for subset `v3` of `reviews` 1, 503 for service `ratingz` 3"]);
}

#[test]
fn the_most_specific_match_goes_first_across_routes() {
    let scenario = good(
        "routes:\n\
         - {name: a, host: ratings, order: most_specific, rules: [\n\
             {name: all, to: ratings},\n\
             {name: two, match: [{path: {elements: /long/path}}, {method: GET}], to: ratings}]}\n\
         - {name: b, host: ratings, order: most_specific, rules: [\n\
             {name: header, match: {headers: {x-a: a}}, to: ratings},\n\
             {name: exact, match: {path: /x}, to: ratings}, {name: late, to: ratings}]}\n\
         - {name: c, host: ratings, rules: [{name: written, match: {port: 80}, to: ratings}]}\n",
    );
    let order: Vec<_> = words(&scenario);
    let names: Vec<&str> = order.iter().filter_map(|word| word.split(':').next()).collect();
    assert_eq!(names, ["written", "exact", "two", "two", "header", "all", "late"]);
}

#[test]
fn virtual_services_of_one_host_are_one_at_gateways_and_the_first_in_the_mesh() {
    let route = |name: &str, via: &str, rules: &str| {
        format!(
            "- {{name: {name}, resource: virtual_service, namespace: shop, host: {via}, rules: [{rules}]}}\n"
        )
    };
    let at_gateway = "shop.example.com, via: 'gateway:front'";
    let text = format!(
        "routes:\n{}{}",
        route("a", at_gateway, "{name: rest, to: web}"),
        route("b", at_gateway, "{name: some, match: {path: {prefix: /a}}, to: ratings}")
    );
    let scenario = good(&text);
    assert_eq!(words(&scenario), ["some: ratings 1", "rest: web 1"]);
    // No object knows the traffic's gateway: it stands for any.
    assert_eq!(scenario.routes[0].gateways, ["front", "ingress"]);
    assert!(scenario.routes[0].services.is_empty());

    let text = format!(
        "routes:\n{}{}",
        route("a", "reviews", "{match: {port: 80}, to: reviews}"),
        route("b", "reviews", "{to: ratings}")
    );
    let scenario = warned(&text, &["callers in the mesh take another VirtualService for `reviews`"]);
    let found: Vec<_> = scenario.routes.iter().map(|route| services(&scenario, route)).collect();
    assert_eq!(found, [vec!["shop/reviews"], vec![]]);
}

#[test]
fn gateways_are_told_apart_where_objects_know_them() {
    let scenario = good(
        "gateways: [{name: ingress, namespace: shop, hosts: ['*.example.com']}, {name: egress, hosts: ['*']}]\n\
         routes:\n\
         - {name: a, host: shop.example.com, via: 'gateway:ingress', to: shop/web}\n\
         - {name: b, host: shop.example.com, via: {gateways: [egress], mesh: true}, to: shop/web}\n",
    );
    assert_eq!(scenario.routes[0].gateways, ["ingress"]);
    assert_eq!(
        (scenario.routes[1].gateways.as_slice(), scenario.routes[1].mesh),
        (&["egress".to_owned()][..], true)
    );
    warned(
        "gateways: [{name: ingress, hosts: ['*.example.com']}]\n\
         routes: [{name: a, host: shop.test, via: 'gateway:ingress', to: shop/web}]\n",
        &["the gateway does not serve `shop.test`"],
    );
}

#[test]
fn retries_have_bounds() {
    let route = |kind: &str, rest: &str| format!("routes: [{{host: ratings, resource: {kind}, {rest}}}]\n");
    let said = read(&route("scenario", "retries: 101")).1;
    assert!(said.contains("error[too-large]: 101 retries"), "{said}");
    let scenario = warned(&route("virtual_service", "namespace: shop, retries: 101"), &["101 retries"]);
    let Setting::To(retries) = &scenario.routes[0].rules[0].retries else { panic!("it retries") };
    assert_eq!(retries.attempts, 100);
    let long = "namespace: shop, timeout: 1s, attempt_timeout: 2s";
    let said = read(&route("http_route", long)).1;
    assert!(said.contains("an attempt may take 2s, longer than the whole request, 1s"), "{said}");
    good(&route("virtual_service", long));
}

#[test]
fn policies_of_subsets_and_ports_stand_on_those_above() {
    let policies = |resource: &str| {
        good(&format!(
            "policies:\n\
             - {{service: shop/reviews, resource: {resource}, balancing: random, limits: {{connections: 5, pending: 6}}, ejection: {{}}}}\n\
             - {{service: shop/reviews, resource: {resource}, subset: v1, limits: {{connections: 7}}}}\n\
             - {{service: shop/reviews, resource: {resource}, port: 80, limits: {{retries: 1}}}}\n"
        ))
    };
    let look = |scenario: &Scenario, subset: Option<&str>, port| {
        let (service, row) = scenario
            .services
            .iter_enumerated()
            .find(|(_, service)| service.full_name() == "shop/reviews")
            .expect("it is there");
        let subset = subset.map(|name| {
            row.subsets.iter_enumerated().find(|(_, subset)| subset.name == name).expect("it is there").0
        });
        let policy = scenario.policy(service, subset, port);
        let limits = policy.limits;
        (
            policy.balancing.is_some(),
            policy.ejection.is_some(),
            limits.connections,
            limits.pending,
            limits.retries,
        )
    };
    let own = policies("scenario");
    assert_eq!(look(&own, None, None), (true, true, Some(5), Some(6), None));
    assert_eq!(look(&own, Some("v2"), Some(81)), (true, true, Some(5), Some(6), None));
    assert_eq!(look(&own, Some("v1"), None), (true, true, Some(7), Some(6), None));
    assert_eq!(look(&own, Some("v1"), Some(80)), (true, true, Some(7), Some(6), Some(1)));
    assert_eq!(look(&own, Some("v2"), Some(80)), (true, true, Some(5), Some(6), Some(1)));
    let istio = policies("destination_rule");
    assert_eq!(look(&istio, Some("v1"), None), (true, true, Some(7), None, None), "sections as a whole");
    assert_eq!(look(&istio, None, Some(80)), (false, false, None, None, Some(1)), "ports replace everything");
    assert_eq!(look(&istio, Some("v1"), Some(80)), (false, false, Some(7), None, None));
}

#[test]
fn of_two_policies_the_first_one_holds_or_the_scenario_is_refused() {
    let two = |resource: &str| {
        format!(
            "policies:\n- {{service: shop/reviews, resource: {resource}, balancing: random}}\n\
             - {{service: reviews.shop.svc.cluster.local, resource: {resource}, balancing: maglev}}\n"
        )
    };
    assert!(read(&two("scenario")).1.contains("error[duplicate-name]: there is a second policy"));
    let scenario = warned(&two("destination_rule"), &["there is a second policy"]);
    let balancing = scenario.services.iter().find_map(|service| service.balancing.as_ref()).expect("one");
    assert_eq!(balancing.policy, sim::mesh::scenario::BalancingPolicy::Random);
    warned(
        "policies: [{service: nobody, resource: destination_rule, tls: 'off'}]\n",
        &["`nobody` is no service"],
    );
    assert!(read("policies: [{service: nobody, tls: 'off'}]\n").1.contains("error[unknown-name]"));
}

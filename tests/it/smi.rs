//! SMI's objects: weights in every spelling, groups of routes, and the same canary in other words.

use proptest::prelude::*;
use sim::input::draft::{BackendDraft, RouteDraft, Via};
use sim::mesh::Scenario;
use sim::mesh::scenario::{Backend, ServiceIdx, SubsetIdx};
use sim::vocabulary::routing::{NamedMatch, Order, Resource, Rule, RuleAction, Setting, Weighted};
use sim::vocabulary::text::{PathMatch, TextMatch};

use crate::drafts::{OTHERS, backends, example, examples, hosts, only, spoilt, text};

fn split(version: &str, weights: &[&str]) -> String {
    let backend = |(row, weight): (usize, &&str)| format!("  - {{service: web-v{}{weight}}}\n", row + 1);
    let backends = weights.iter().enumerate().map(backend).collect::<Vec<_>>().concat();
    format!(
        "apiVersion: split.smi-spec.io/{version}\nkind: TrafficSplit\nmetadata: {{name: canary}}\n\
         spec:\n  service: web\n  backends:\n{backends}"
    )
}

#[test]
fn weights_are_whole_numbers_or_quantities_in_every_version() {
    for version in ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"] {
        for (one, other, expected) in [
            ("900m", "100m", [0.9, 0.1]),
            ("90", "10", [90.0, 10.0]),
            ("\"500\"", "1", [500.0, 1.0]),
            ("1", "1500m", [1.0, 1.5]),
            ("0", "0", [0.0, 0.0]),
            ("0", "100", [0.0, 100.0]),
            ("0.5", "1k", [0.5, 1000.0]),
            ("1e3", "4294967295", [1000.0, 4_294_967_295.0]),
        ] {
            let weights = [format!(", weight: {one}"), format!(", weight: {other}")];
            let (draft, said) = text(&split(version, &[&weights[0], &weights[1]]));
            assert_eq!(said, "", "{version} {one} {other}");
            let route = only(&draft.routes);
            let found: Vec<f64> =
                backends(&only(&route.rules).value).iter().map(|(_, weight)| *weight).collect();
            assert_eq!(found, expected, "{version} {one} {other}");
        }
    }
}

#[test]
fn weights_that_are_none_are_errors_where_they_stand() {
    for (weight, expected) in [
        (", weight: -1", "a weight cannot be negative"),
        (", weight: -100m", "a weight cannot be negative"),
        (", weight: 1E", "a weight is at most 4294967295"),
        (", weight: 99999999999999999999", "a weight is at most 4294967295"),
        (", weight: 1e400", "a weight is at most 4294967295"),
        (", weight: much", "write a number as 90, or a quantity as 900m"),
        (", weight: .inf", "write a number as 90, or a quantity as 900m"),
        (", weight: ''", "write a number as 90, or a quantity as 900m"),
        (", weight: [1]", "a weight is expected here, not a list"),
        ("", "a backend needs `weight`"),
        (", weight: ~", "a backend needs `weight`"),
    ] {
        let (_, said) = text(&split("v1alpha4", &[", weight: 1", weight]));
        assert!(said.contains(expected), "{weight}: {said}");
        assert!(said.contains("a.yaml:8:") && said.contains("1 error"), "{weight}: {said}");
    }
    let twice = split("v1alpha2", &[", weight: 1", ", weight: 2"]).replace("web-v2", "web-v1");
    assert!(text(&twice).1.contains("`web-v1` is a backend twice"));
    let (_, said) = text(&split("v1alpha2", &[]).replace("backends:\n", "backends: []\n"));
    assert!(said.contains("a TrafficSplit needs at least one backend"), "{said}");
}

#[test]
fn requests_that_no_group_picks_go_to_the_root_service() {
    let draft = example("smi/traffic-split");
    let route = only(&draft.routes);
    assert_eq!((hosts(route), &route.via, route.order), (vec!["reviews"], &Via::Mesh, Order::Written));
    assert_eq!((route.resource, route.namespace.as_deref()), (Resource::TrafficSplit, Some("shop")));
    let [picked, rest] = &route.rules[..] else { panic!("{route:?}") };
    assert_eq!(rest.value, Rule::of(RuleAction::Forward(Vec::new())));
    let named = |name: &str, weight: f64| (name.to_owned(), weight);
    assert_eq!(
        backends(&picked.value),
        [named("reviews-v1", 0.0), named("reviews-v2", 0.9), named("reviews-v3", 0.1)]
    );
    let [get, head, firefox] = &picked.value.matches[..] else { panic!("{picked:?}") };
    assert_eq!(get.method, Some(TextMatch::Exact("GET".to_owned())));
    assert_eq!(head.method, Some(TextMatch::Exact("HEAD".to_owned())));
    let path = get.path.as_ref().expect("a path");
    assert!(path.holds("/api") && path.holds("/apiary/1") && !path.holds("/x/api"));
    let cookie = &only(&get.headers).value;
    assert_eq!(only(&get.headers).name, "cookie");
    assert!(cookie.holds("a=b;type=insider;c=d") && !cookie.holds("type=outsider"));
    let NamedMatch { name, value, without: false } = only(&firefox.headers) else { panic!("{firefox:?}") };
    assert!(name == "user-agent" && value.holds("Mozilla Firefox/1") && !value.holds("Chrome"));
    assert!(firefox.method.is_none() && firefox.path.is_none());
}

#[test]
fn a_group_that_is_missing_picks_nothing() {
    let with = |matches: &str| split("v1alpha4", &[", weight: 1"]) + matches;
    let (draft, said) = text(&with("  matches: [{kind: HTTPRouteGroup, name: nobody}]\n"));
    assert!(said.contains("warning[unknown-name]: there is no HTTPRouteGroup `nobody`"), "{said}");
    assert_eq!(only(&only(&draft.routes).rules).value, Rule::of(RuleAction::Forward(Vec::new())));
    let (_, said) = text(&with("  matches: [{kind: TCPRoute, name: nobody}]\n"));
    assert!(said.contains("warning[not-modelled]: `TCPRoute` picks no requests here"), "{said}");
}

#[test]
fn groups_without_a_specification_are_read_too() {
    let group = std::fs::read_to_string("tests/data/good/smi/http-route-group.yaml").expect("an example");
    let names = "  matches: [{kind: HTTPRouteGroup, name: metrics}]\n";
    let (draft, said) = text(&format!("{}{names}---\n{group}", split("v1alpha3", &[", weight: 1"])));
    assert_eq!(said, "");
    let rules = &only(&draft.routes).rules;
    let [metrics, everything] = &rules[0].value.matches[..] else { panic!("{rules:?}") };
    assert!(matches!(&metrics.path, Some(PathMatch::Regex(_))));
    assert!(everything.path.is_none() && everything.method.is_none() && everything.headers.len() == 1);
}

#[test]
fn a_backend_without_a_port_of_the_root_service_gets_no_requests() {
    let services = |ports: &str| {
        format!(
            "version: 1\nservices:\n- {{name: web, ports: [80, 443], service_time: 1ms}}\n\
             - {{name: web-v1, ports: [80], service_time: 1ms}}\n- {{name: web-v2, ports: {ports}, service_time: 1ms}}\n\
             traffic: [{{service: web, from: meshed_client, rate: 1/s}}]\n---\n"
        )
    };
    let split = split("v1alpha4", &[", weight: 1", ", weight: 3"]);
    let read = |text: &str| {
        let (scenario, said) = crate::drafts::scenario(text);
        let RuleAction::Forward(backends) = &only(&only(&scenario.routes).rules).action else {
            panic!("{text}")
        };
        let shares: Vec<_> = backends.iter().map(|one| (one.backend.clone(), one.weight)).collect();
        (shares, said)
    };
    let service = |index: u32| Backend::Service { service: ServiceIdx(index), subset: None, port: None };
    for ports in ["[443]", "[]", "[8080, 80]"] {
        let (shares, said) = read(&format!("{}{split}", services(ports)));
        assert_eq!((shares, said.as_str()), (vec![(service(1), 1.0), (service(2), 3.0)], ""), "{ports}");
    }
    let (shares, said) = read(&format!("{}{split}", services("[8080]")));
    assert_eq!(shares, [(service(1), 1.0)]);
    assert!(said.contains("`web-v2` has no port of `web` (80, 443): it gets no requests"), "{said}");
    assert!(said.contains("a.yaml:15:15"), "{said}");
    // With nobody left requests fail, as they do where no backend has a weight.
    let (shares, said) = read(&format!("{}{split}", services("[8080]").replace("[80]", "[81]")));
    assert!(matches!(&shares[..], [(Backend::Missing { status: 503, .. }, _)]), "{shares:?}");
    assert!(said.contains("no backend has a weight: requests get a 503"), "{said}");
    // A second Service for some of the pods has ports of its own.
    let pods = "version: 1\nservices:\n- {name: web, ports: [80, 8080], service_time: 1ms, versions: [{name: v1}, {name: v2}],\n  \
                aliases: [{name: web-v1, subset: v1, ports: [80]}, {name: web-v2, subset: v2, ports: [8080]}]}\n\
                traffic: [{service: web, from: meshed_client, rate: 1/s}]\n---\n";
    let (shares, said) = read(&format!("{pods}{split}"));
    assert_eq!(shares.len(), 2, "{said}");
}

/// A scenario in which reviews is the only service.
const SERVICES: &str = "version: 1
services:
- {name: reviews, service_time: 1ms}
";

/// What a route says of requests: matches, and each backend with its share.
fn table(route: &RouteDraft) -> Vec<(usize, Vec<(String, f64)>)> {
    let shares = |rule: &Rule<BackendDraft>| {
        let all = backends(rule);
        let sum: f64 = all.iter().map(|(_, weight)| weight).sum();
        let plain = |name: String| name.split('@').next().unwrap_or_default().to_owned();
        all.into_iter().map(|(name, weight)| (plain(name), weight / sum)).collect()
    };
    route.rules.iter().map(|rule| (rule.value.matches.len(), shares(&rule.value))).collect()
}

const SUBSETS: &str = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
";

#[test]
fn the_same_canary_in_three_languages_is_one_table() {
    let virtual_service = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 90}
    - {destination: {host: reviews, subset: v2}, weight: 10}
";
    let http_route = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: reviews}
spec:
  parentRefs: [{group: '', kind: Service, name: reviews}]
  rules:
  - backendRefs:
    - {name: reviews-v1, port: 9080, weight: 90}
    - {name: reviews-v2, port: 9080, weight: 10}
";
    let profile = "apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: reviews.default.svc.cluster.local}
spec:
  dstOverrides:
  - {authority: reviews-v1.default.svc.cluster.local, weight: 900m}
  - {authority: reviews-v2.default.svc.cluster.local, weight: 100m}
";
    let traffic_split = split("v1alpha1", &[", weight: 900m", ", weight: 100m"]).replace("web", "reviews");
    let by_version =
        split("v1alpha4", &[", weight: 90", ", weight: 10"]).replace("web-", "").replace("web", "reviews");
    let expected = [(0, vec![("reviews/v1".to_owned(), 0.9), ("reviews/v2".to_owned(), 0.1)])];
    for spelling in [virtual_service, http_route, profile, traffic_split.as_str(), by_version.as_str()] {
        let (draft, said) = text(&format!("{SERVICES}---\n{SUBSETS}{spelling}"));
        assert!(!said.contains("error["), "{said}");
        let route = only(&draft.routes);
        assert_eq!(table(route), expected, "{spelling}");
        let rule = &only(&route.rules).value;
        assert_eq!((rule.timeout, rule.attempt_timeout), (Setting::Inherit, None));
        assert_eq!(rule.retries, Setting::Inherit, "{spelling}");
    }
}

/// Service, subset and share of each backend of the only route.
fn shares(scenario: &Scenario) -> Vec<(ServiceIdx, Option<SubsetIdx>, f64)> {
    let rule = only(&only(&scenario.routes).rules);
    let RuleAction::Forward(backends) = &rule.action else { panic!("{rule:?}") };
    let sum: f64 = backends.iter().map(|weighted| weighted.weight).sum();
    let share = |weighted: &Weighted<Backend>| {
        let Backend::Service { service, subset, .. } = weighted.backend else { panic!("{weighted:?}") };
        (service, subset, weighted.weight / sum)
    };
    backends.iter().map(share).collect()
}

#[test]
fn the_same_canary_of_native_versions_is_one_table_of_the_scenario() {
    let native = "version: 1
services:
- {name: web, service_time: 1ms, versions: [{name: v1}, {name: v2}]}
traffic:
- {service: web, from: meshed_client, rate: 10/s}
---
";
    let quantities = split("v1alpha4", &[", weight: 900m", ", weight: 100m"]);
    let virtual_service = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
  - route:
    - {destination: {host: web, subset: v1}, weight: 90}
    - {destination: {host: web, subset: v2}, weight: 10}
";
    let http_route = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
  - backendRefs:
    - {name: web-v1, port: 80, weight: 90}
    - {name: web-v2, port: 80, weight: 10}
";
    let of = |text: &str| shares(&crate::common::scenario(&format!("{native}{text}")));
    let table = of(&quantities);
    assert!(matches!(table[..], [(_, Some(one), 0.9), (_, Some(other), 0.1)] if one != other), "{table:?}");
    assert_eq!(of(virtual_service), table);
    assert_eq!(of(http_route), table);
}

#[test]
fn a_service_goes_before_a_version_and_a_long_name_before_a_short_one() {
    let services = "version: 1
services:
- {name: web, service_time: 1ms}
- {name: web-v1, service_time: 1ms}
- {name: web-api, service_time: 1ms}
";
    let rules = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  subsets: [{name: v1, labels: {v: '1'}}, {name: v2, labels: {v: '2'}}, {name: api-v3, labels: {v: '3'}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web-api}
spec:
  host: web-api
  subsets: [{name: v3, labels: {v: '3'}}]
---
";
    let of = |root: &str, backend: &str| {
        let split = split("v1alpha4", &[", weight: 1"]).replace("web-v1", backend);
        let split = split.replace("service: web\n", &format!("service: {root}\n"));
        let (draft, _) = text(&format!("{services}---\n{rules}{split}"));
        backends(&only(&only(&draft.routes).rules).value)[0].0.clone()
    };
    assert_eq!(of("web", "web-v1"), "web-v1", "it is a service");
    assert_eq!(of("web", "web-v2"), "web/v2");
    assert_eq!(of("web", "v2"), "web/v2");
    assert_eq!(of("web", "web-api-v3"), "web/api-v3", "the route's own service goes before");
    assert_eq!(of("other", "web-api-v3"), "web-api/v3");
    assert_eq!(of("other", "v2"), "v2", "a bare version is one of the route's own service");
    assert_eq!(of("web", "web-v9"), "web-v9");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_objects_of_smi_are_never_fatal(
        file in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(OTHERS)), 1..6),
    ) {
        let examples = examples("smi");
        text(&spoilt(file.get::<String>(&examples), &places));
    }
}

//! The odd corners of what several importers read: weights and regular expressions, by each way to write them.

use std::fmt::Write as _;

use sim::mesh::scenario::Backend;
use sim::vocabulary::routing::RuleAction;
use sim::vocabulary::text::{Pattern, TextMatch};

use crate::drafts::{load, only, scenario, text};
use crate::errors::cpu_time;

const SERVICES: &str = "version: 1
services:
- {name: web, service_time: 1ms, versions: [{name: v1}, {name: v2}]}
traffic: [{service: web, from: meshed_client, rate: 1/s}]
---
";

/// A way to send requests to two versions: what stands before a backend, between its name and its weight, and behind it.
struct Way {
    name: &'static str,
    head: &'static str,
    backend: fn(version: &str, weight: &str) -> String,
    /// The status where no backend has a weight.
    nobody: u16,
    /// The largest weight, and one above it.
    largest: (&'static str, &'static str),
    /// A backend without a weight has this one; `None` is an error.
    missing: Option<f64>,
}

/// A weight as an entry of a map that goes on.
fn entry(weight: &str) -> String {
    if weight.is_empty() { String::new() } else { format!(", weight: {weight}") }
}

const VIRTUAL_SERVICE: &str = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  \
    hosts: [web]\n  http:\n  - route:\n";
const HTTP_ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec:\n  \
    parentRefs: [{group: '', kind: Service, name: web}]\n  rules:\n  - backendRefs:\n";
const GRPC_ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: web}\nspec:\n  \
    parentRefs: [{group: '', kind: Service, name: web}]\n  rules:\n  - backendRefs:\n";
const PROFILE: &str = "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local}\n\
    spec:\n  dstOverrides:\n";

fn subset(version: &str, weight: &str) -> String {
    format!("    - {{destination: {{host: web, subset: {version}}}{}}}\n", entry(weight))
}

fn reference(version: &str, weight: &str) -> String {
    format!("    - {{name: web-{version}, port: 80{}}}\n", entry(weight))
}

fn authority(version: &str, weight: &str) -> String {
    format!("  - {{authority: web-{version}.default.svc.cluster.local{}}}\n", entry(weight))
}

fn backend(version: &str, weight: &str) -> String {
    format!("  - {{service: web-{version}{}}}\n", entry(weight))
}

fn ways() -> Vec<Way> {
    let (u32, million) = (("4294967295", "4294967296"), ("1000000", "1000001"));
    let way =
        |name, head, backend, nobody, largest, missing| Way { name, head, backend, nobody, largest, missing };
    let mut ways = vec![
        way("VirtualService", VIRTUAL_SERVICE, subset as fn(&str, &str) -> String, 503, u32, Some(0.0)),
        way("HTTPRoute", HTTP_ROUTE, reference, 500, million, Some(1.0)),
        way("GRPCRoute", GRPC_ROUTE, reference, 500, million, Some(1.0)),
        way("ServiceProfile", PROFILE, authority, 503, u32, None),
    ];
    for (version, head) in
        [("v1alpha1", SPLIT[0]), ("v1alpha2", SPLIT[1]), ("v1alpha3", SPLIT[2]), ("v1alpha4", SPLIT[3])]
    {
        ways.push(way(version, head, backend, 503, u32, None));
    }
    ways
}

const SPLIT: [&str; 4] = [
    "apiVersion: split.smi-spec.io/v1alpha1\nkind: TrafficSplit\nmetadata: {name: web}\nspec:\n  service: web\n  backends:\n",
    "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {name: web}\nspec:\n  service: web\n  backends:\n",
    "apiVersion: split.smi-spec.io/v1alpha3\nkind: TrafficSplit\nmetadata: {name: web}\nspec:\n  service: web\n  backends:\n",
    "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: web}\nspec:\n  service: web\n  backends:\n",
];

impl Way {
    fn object(&self, weights: [&str; 2]) -> String {
        format!(
            "{SERVICES}{}{}{}",
            self.head,
            (self.backend)("v1", weights[0]),
            (self.backend)("v2", weights[1])
        )
    }

    /// The share of each version, or the status that all requests get; and what is said.
    fn shares(&self, weights: [&str; 2]) -> (Result<Vec<f64>, u16>, String) {
        let (scenario, said) = scenario(&self.object(weights));
        let RuleAction::Forward(backends) = &only(&only(&scenario.routes).rules).action else {
            panic!("{}: {:?}", self.name, scenario.routes)
        };
        if let Backend::Missing { status, .. } = only_backend(backends) {
            return (Err(*status), said);
        }
        let sum: f64 = backends.iter().map(|one| one.weight).sum();
        (Ok(backends.iter().map(|one| one.weight / sum).collect()), said)
    }
}

fn only_backend(backends: &[sim::vocabulary::routing::Weighted<Backend>]) -> &Backend {
    &backends[0].backend
}

#[test]
fn weights_in_their_odd_corners_mean_the_same_to_every_importer() {
    for way in ways() {
        let name = way.name;
        for (weights, expected) in [
            (["90", "10"], [0.9, 0.1]),
            (["1", "1"], [0.5, 0.5]),
            (["0", "7"], [0.0, 1.0]),
            (["7", "0"], [1.0, 0.0]),
            ([way.largest.0, way.largest.0], [0.5, 0.5]),
        ] {
            let (shares, said) = way.shares(weights);
            assert_eq!(shares, Ok(expected.to_vec()), "{name} {weights:?}: {said}");
            assert!(!said.contains("weight"), "{name} {weights:?}: {said}");
        }
        let (shares, said) = way.shares(["0", "0"]);
        assert_eq!(shares, Err(way.nobody), "{name}");
        assert!(
            said.contains(&format!("no backend has a weight: requests get a {}", way.nobody)),
            "{name}: {said}"
        );
        match way.missing {
            Some(missing) => {
                let (shares, said) = way.shares(["3", ""]);
                assert_eq!(
                    shares,
                    Ok(vec![3.0 / (3.0 + missing), missing / (3.0 + missing)]),
                    "{name}: {said}"
                );
            }
            None => check_refused(&way, ["3", ""], "needs `weight`"),
        }
    }
}

/// That weights are refused, at the line of the second backend.
#[track_caller]
fn check_refused(way: &Way, weights: [&str; 2], expected: &str) {
    let (_, said) = text(&way.object(weights));
    let line = way.object(weights).lines().count();
    assert!(said.contains("error[") && said.contains(expected), "{} {weights:?}: {said}", way.name);
    assert!(said.contains(&format!("a.yaml:{line}:")), "{} {weights:?}: {said}", way.name);
}

#[test]
fn weights_that_are_none_are_refused_by_every_importer() {
    for way in ways() {
        for (weight, expected) in [
            ("-1", "-1"),
            ("'-1'", "-1"),
            ("many", "many"),
            ("[1]", "not a list"),
            ("99999999999999999999", "99999999999999999999"),
            (".inf", ".inf"),
            ("1e400", "1e400"),
            (way.largest.1, way.largest.1),
        ] {
            check_refused(&way, ["1", weight], expected);
        }
    }
}

/// Every place that takes a regular expression: the object up to it, and behind.
const PLACES: [(&str, &str, &str); 14] = [
    ("VirtualService uri", VIRTUAL_MATCH, "{uri: {regex: PATTERN}}"),
    ("VirtualService method", VIRTUAL_MATCH, "{method: {regex: PATTERN}}"),
    ("VirtualService authority", VIRTUAL_MATCH, "{authority: {regex: PATTERN}}"),
    ("VirtualService header", VIRTUAL_MATCH, "{headers: {x: {regex: PATTERN}}}"),
    ("VirtualService without", VIRTUAL_MATCH, "{withoutHeaders: {x: {regex: PATTERN}}}"),
    ("VirtualService query", VIRTUAL_MATCH, "{queryParams: {x: {regex: PATTERN}}}"),
    ("HTTPRoute path", ROUTE_MATCH, "{path: {type: RegularExpression, value: PATTERN}}"),
    ("HTTPRoute header", ROUTE_MATCH, "{headers: [{type: RegularExpression, name: x, value: PATTERN}]}"),
    ("HTTPRoute query", ROUTE_MATCH, "{queryParams: [{type: RegularExpression, name: x, value: PATTERN}]}"),
    ("GRPCRoute method", GRPC_MATCH, "{method: {type: RegularExpression, service: PATTERN}}"),
    ("HTTPRouteGroup path", GROUP, "{pathRegex: PATTERN}"),
    ("HTTPRouteGroup header", GROUP, "{headers: {x: PATTERN}}"),
    ("ServiceProfile path", CONDITION, "{pathRegex: PATTERN}"),
    ("scenario path", NATIVE, "{path: {regex: PATTERN}}"),
];

const VIRTUAL_MATCH: &str = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  \
    hosts: [web]\n  http:\n  - route: [{destination: {host: web}}]\n    match: [HERE]\n";
const ROUTE_MATCH: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec:\n  \
    parentRefs: [{group: '', kind: Service, name: web}]\n  rules:\n  - backendRefs: [{name: web, port: 80}]\n    matches: [HERE]\n";
const GRPC_MATCH: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: web}\nspec:\n  \
    parentRefs: [{group: '', kind: Service, name: web}]\n  rules:\n  - backendRefs: [{name: web, port: 80}]\n    matches: [HERE]\n";
const GROUP: &str = "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: g}\nspec:\n  matches: [HERE]\n";
const CONDITION: &str = "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: web.default.svc.cluster.local}\n\
    spec:\n  routes:\n  - {name: a, timeout: 1s, condition: HERE}\n";
const NATIVE: &str = "version: 1\nroutes:\n- host: web\n  rules: [{to: web, match: HERE}]\n";

fn with_pattern((_, object, place): (&str, &str, &str), pattern: &str) -> String {
    format!("{SERVICES}{}", object.replace("HERE", &place.replace("PATTERN", &format!("'{pattern}'"))))
}

#[test]
fn regular_expressions_are_bounded_wherever_they_stand() {
    let long = "a".repeat(Pattern::LONGEST + 1);
    for place in PLACES {
        for (pattern, expected) in [
            (long.as_str(), "a pattern has at most 1024 characters"),
            ("(a", "unclosed group"),
            ("a)|(b", "unopened group"),
            ("(?:a{1000}){1000}", "size limit"),
            ("(a)\\1", "backreferences are not supported"),
            ("a(?=b)", "look-around"),
        ] {
            let object = with_pattern(place, pattern);
            let (_, said) = text(&object);
            assert!(said.contains("error[invalid-value]") && said.contains(expected), "{}: {said}", place.0);
            assert!(said.contains("a.yaml:"), "{}: {said}", place.0);
        }
        // An expression that takes a backtracking matcher forever.
        let object = with_pattern(place, "(a+)+b");
        let (_, sources, diagnostics) = load(&object);
        let said = diagnostics.render(&sources, sim::diag::Style::Plain);
        assert!(!diagnostics.has_errors(), "{}: {said}", place.0);
    }
}

#[test]
fn matching_takes_time_linear_in_the_text() {
    let took = |length: usize, pattern: &str| {
        let pattern = TextMatch::Regex(Pattern::new(pattern).expect("a pattern"));
        let text = "a".repeat(length);
        let start = cpu_time();
        for _ in 0..20 {
            assert!(!pattern.holds(&text));
        }
        cpu_time().saturating_sub(start).as_secs_f64()
    };
    let mut table = String::new();
    for pattern in ["(a+)+b", "(a|aa)+b", "(.*a){12}b", "(a|a)*b"] {
        let (short, long) = (took(20_000, pattern), took(160_000, pattern));
        let _ = writeln!(table, "{pattern}: {short} s and {long} s");
        // Eight times the text: not the 64 times of a quadratic matcher, whatever else the machine does.
        assert!(long < 30.0 * short + 0.05, "{table}");
        assert!(long < 10.0, "{table}");
    }
}

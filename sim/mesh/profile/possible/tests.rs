//! What meshes make of routes and policies.

use std::path::PathBuf;

use crate::diag::Style;
use crate::input::{self, Options};
use crate::mesh::profile::{FEATURES, asked, find, names};
use crate::mesh::validate;
use crate::vocabulary::resilience::Limits;

use super::*;

const SERVICES: &str = "version: 1\nservices:\n- {name: web, service_time: 1ms, script: [call: reviews]}\n\
     - {name: reviews, service_time: 1ms, versions: [{name: v1}]}\n- {name: other, service_time: 1ms}\n\
     traffic: [{service: web, from: outside, rate: 1/s, headers: {x-a: a}}]\n";

fn scenario(text: &str) -> Scenario {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, format!("{SERVICES}{text}")).expect("a writable folder");
    let (draft, sources, mut diagnostics) = input::load(&[PathBuf::from(&file)], &Options::default());
    let scenario = validate(&draft, &mut diagnostics);
    scenario.unwrap_or_else(|| panic!("{}", diagnostics.render(&sources, Style::Plain)))
}

fn profile(name: &str) -> Profile {
    find(name, None).expect("it is shipped")
}

/// The features that a mesh is asked for in vain.
fn lacking(mesh: &str, text: &str) -> Vec<String> {
    let sentences = profile(mesh).impossible(&scenario(text));
    let of = |text: &String| text.strip_prefix("not possible: ")?.split(';').next().map(str::to_owned);
    let all: Vec<String> = sentences.iter().filter_map(of).collect();
    all.iter().flat_map(|names| names.split(", ")).map(str::to_owned).collect()
}

#[test]
fn every_name_is_a_feature_and_nearly_every_feature_can_be_asked_for() {
    let everything = include_str!("everything.yaml");
    let scenario = scenario(everything);
    let asked: Vec<&str> = asked(&scenario).iter().map(|feature| feature.name).collect();
    let never: Vec<&str> =
        FEATURES.iter().map(|feature| feature.name).filter(|name| !asked.contains(name)).collect();
    // An importer resolves it.
    assert_eq!(never, ["delegate"]);
    for name in names() {
        let profile = profile(name);
        let reduction = Reduction::of(&profile, &scenario);
        for lacking in reduction.lacking.iter().chain(&reduction.translated) {
            assert!(FEATURES.iter().any(|feature| feature.name == *lacking), "{lacking}");
        }
        // What is left can be had: nothing is taken away a second time, and only what was asked for.
        let left = profile.possible(&scenario);
        let again = Reduction::of(&profile, &left);
        assert_eq!((again.lacking.len(), again.translated.len()), (0, 0), "{name}: {:?}", again.lacking);
        assert!(reduction.lacking.iter().all(|name| asked.contains(name)), "{name}");
    }
}

#[test]
fn sidecars_have_what_istio_has_and_l4_meshes_nothing() {
    let everything = include_str!("everything.yaml");
    assert_eq!(lacking("istio-sidecar", everything), ["balance_peak_ewma"]);
    assert_eq!(
        lacking("istio-ambient-waypoint", everything),
        ["match_source_labels", "match_source_namespace", "balance_peak_ewma", "mtls_choice"]
    );
    for mesh in ["none", "istio-ambient"] {
        let left = profile(mesh).possible(&scenario(everything)).into_owned();
        assert_eq!(left.routes, [], "{mesh}");
        assert!(left.policies.iter().all(|policy| policy.policy.limits == Limits::default()), "{mesh}");
    }
}

#[test]
fn a_rule_whose_condition_is_unknown_is_left_out_and_others_lose_fields() {
    let text = "routes:\n- host: reviews\n  rules:\n\
        \x20 - {name: without, match: {headers: {x-a: {without: a}}}, to: other}\n\
        \x20 - {name: either, match: [{headers: {x-a: {without: a}}}, {path: /x}], to: other}\n\
        \x20 - {name: fault, delay: 1s, timeout: 1s, retries: {attempts: 1, on: [503], backoff: {base: 1s}}, mirror: other}\n";
    let scenario = scenario(text);
    let linkerd = profile("linkerd");
    let left = linkerd.possible(&scenario);
    let rules = &left.routes[0].rules;
    let named: Vec<_> = rules.iter().map(|rule| rule.name.as_deref().unwrap_or_default()).collect();
    assert_eq!(named, ["either", "fault"]);
    assert_eq!(rules[0].matches.len(), 1);
    let fault = &rules[1];
    assert!(fault.delay.is_none() && fault.mirrors.is_empty() && fault.timeout != Setting::Inherit);
    let Setting::To(retries) = &fault.retries else { panic!("it retries") };
    assert!(retries.backoff.is_none() && retries.on.is_some());
    assert_eq!(lacking("linkerd", text), ["match_without", "fault_delay", "retry_backoff", "mirror"]);
    assert!(matches!(profile("istio-sidecar").possible(&scenario), Cow::Borrowed(_)));
}

#[test]
fn what_is_missing_is_told_in_one_sentence() {
    let scenario = scenario("routes: [{host: reviews, delay: 1s, mirror: other}]\n");
    let said = |mesh: &str| profile(mesh).impossible(&scenario);
    assert_eq!(said("none"), ["not possible: fault_delay, mirror; without a mesh nothing is there to do it"]);
    assert_eq!(
        said("istio-ambient"),
        ["not possible: fault_delay, mirror; the mesh's own way was simulated instead"]
    );
}

#[test]
fn ejection_and_circuit_breaking_stand_for_each_other() {
    let ejection =
        scenario("policies: [{service: reviews, ejection: {consecutive_errors: 4, base_time: 7s}}]\n");
    let linkerd = profile("linkerd");
    let breaker = linkerd.possible(&ejection).policies[0].policy.breaker.expect("it breaks");
    assert_eq!((breaker.max_failures, breaker.min_penalty.nanos()), (4, 7_000_000_000));
    assert!(
        linkerd.impossible(&ejection)[0].starts_with("not like for like: outlier_ejection by annotations")
    );
    let breaker = scenario("policies: [{service: reviews, circuit_breaker: {max_failures: 3}}]\n");
    let istio = profile("istio-sidecar");
    let policy = istio.possible(&breaker).policies[0].policy.clone();
    assert_eq!(
        (policy.breaker, policy.ejection.and_then(|ejection| ejection.consecutive_errors)),
        (None, Some(3))
    );
}

#[test]
fn each_kind_of_budget_stands_for_the_other_one() {
    let concurrent =
        scenario("policies: [{service: reviews, retry_budget: {concurrent: {ratio: 30%, minimum: 7}}}]\n");
    let tokens =
        scenario("policies: [{service: reviews, retry_budget: {tokens: {ratio: 30%, per_second: 1}}}]\n");
    let ratio = Ratio::new(0.3).expect("a ratio");
    let budget =
        |mesh: &str, scenario: &Scenario| profile(mesh).possible(scenario).policies[0].policy.retry_budget;
    for mesh in ["istio-sidecar", "istio-ambient-waypoint"] {
        assert_eq!(budget(mesh, &tokens), Some(RetryBudget::Concurrent { ratio, minimum: 3 }), "{mesh}");
        assert_eq!(budget(mesh, &concurrent), Some(RetryBudget::Concurrent { ratio, minimum: 7 }), "{mesh}");
    }
    let ttl = crate::units::Span::from_seconds(10);
    assert_eq!(budget("linkerd", &concurrent), Some(RetryBudget::Tokens { ratio, per_second: 10, ttl }));
    assert_eq!(budget("linkerd", &tokens), Some(RetryBudget::Tokens { ratio, per_second: 1, ttl }));
    let said = profile("istio-sidecar").impossible(&tokens);
    assert!(
        said[0].starts_with("not like for like: retry_tokens by a share of what is under way"),
        "{said:?}"
    );
}

#[test]
fn as_written_an_object_acts_where_it_is_read() {
    let route = |resource: &str| {
        let text =
            format!("routes: [{{host: reviews, namespace: default, resource: {resource}, timeout: 1s}}]\n");
        Scenario { as_written: true, ..scenario(&text) }
    };
    for (resource, readers) in [
        ("scenario", vec!["istio-sidecar", "istio-ambient-waypoint", "linkerd"]),
        ("virtual_service", vec!["istio-sidecar", "istio-ambient-waypoint"]),
        ("http_route", vec!["istio-sidecar", "istio-ambient-waypoint", "linkerd"]),
        ("service_profile", vec!["linkerd"]),
        ("traffic_split", vec![]),
    ] {
        let scenario = route(resource);
        let acts = |name: &&str| !profile(name).possible(&scenario).routes.is_empty();
        assert_eq!(names().filter(acts).collect::<Vec<_>>(), readers, "{resource}");
    }
    let said = profile("linkerd").impossible(&route("virtual_service"));
    assert_eq!(said, ["as written: no VirtualService is read, and what it says was left out"]);
}

#[test]
fn a_policy_that_is_not_read_leaves_the_balancing_to_the_mesh() {
    let text = "policies:\n- {service: reviews, resource: destination_rule, balancing: least_request}\n";
    let scenario = Scenario { as_written: true, ..scenario(text) };
    let balancing = |mesh: &str| {
        profile(mesh).possible(&scenario).services.iter().filter(|row| row.balancing.is_some()).count()
    };
    assert_eq!((balancing("istio-sidecar"), balancing("linkerd")), (1, 0));
}

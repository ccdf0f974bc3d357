//! Istio's objects: what they mean, on real files, on an example of every kind, and on tables of their odd corners.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sim::diag::Style;
use sim::input::draft::{BackendDraft, FeatureValue, Level, PolicyDraft, RouteDraft, Via};
use sim::input::tree::Located;
use sim::input::{self, Draft, Options};
use sim::units::{Ratio, Span};
use sim::vocabulary::resilience::{ClientTls, Limits, Locality, OutlierEjection, RetryBudget, WarmUp};
use sim::vocabulary::routing::{
    Backoff, GrpcStatus, NamedMatch, RequestMatch, RetryOn, Rule, RuleAction, Setting, Status,
};
use sim::vocabulary::text::{PathMatch, TextMatch};
use sim::vocabulary::{BalancingPolicy, HashOn};

/// What files say, and what is said of them.
fn read(paths: &[PathBuf]) -> (Draft, String) {
    let (draft, sources, diagnostics) = input::load(paths, &Options::default());
    (draft, diagnostics.render(&sources, Style::Plain))
}

/// The same for a text.
fn text(text: &str) -> (Draft, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("istio.yaml");
    std::fs::write(&path, text).expect("a temporary file");
    let (draft, said) = read(std::slice::from_ref(&path));
    (draft, said.replace(&path.display().to_string(), "istio.yaml"))
}

/// An example of a kind, about which nothing is said.
#[track_caller]
fn example(name: &str) -> Draft {
    let (draft, said) = read(&[PathBuf::from(format!("tests/data/good/istio/{name}.yaml"))]);
    assert_eq!(said, "");
    draft
}

/// A `VirtualService` with this element of `http`.
fn http(rule: &str) -> (Draft, String) {
    text(&format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: a}}\nspec:\n  hosts: [a]\n  http:\n  - {rule}\n"
    ))
}

#[track_caller]
fn only<T: Debug>(values: &[T]) -> &T {
    assert_eq!(values.len(), 1, "{values:?}");
    &values[0]
}

/// Host and subset of each backend with its weight.
fn backends(rule: &Rule<BackendDraft>) -> Vec<(String, f64)> {
    let RuleAction::Forward(backends) = &rule.action else { return Vec::new() };
    let name = |backend: &BackendDraft| match &backend.subset {
        Some(subset) => format!("{}/{}", backend.service.value, subset.value),
        None => backend.service.value.clone(),
    };
    backends.iter().map(|weighted| (name(&weighted.backend), weighted.weight)).collect()
}

fn named(name: &str, value: TextMatch, without: bool) -> NamedMatch {
    NamedMatch { name: name.to_owned(), value, without }
}

fn exact(text: &str) -> TextMatch {
    TextMatch::Exact(text.to_owned())
}

fn is_for_jason(rule: &Rule<BackendDraft>) -> bool {
    only(&rule.matches).headers == [named("end-user", exact("jason"), false)]
}

fn route<'d>(draft: &'d Draft, name: &str) -> &'d RouteDraft {
    draft.routes.iter().find(|route| route.name.value == name).expect("a route of this name")
}

fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

/// Istio's own example, where it is at hand.
fn bookinfo(file: &str) -> Option<Draft> {
    let path = Path::new("../shared/data/inputs/istio/bookinfo").join(file);
    path.exists().then(|| {
        let (draft, said) = read(&[path]);
        assert!(!said.contains("error["), "{said}");
        assert!(!said.contains("istio.io"), "{said}");
        draft
    })
}

#[test]
fn ninety_of_a_hundred_requests_go_to_the_first_version() {
    let Some(draft) = bookinfo("virtual-service-reviews-90-10.yaml") else { return };
    let route = only(&draft.routes);
    assert_eq!(route.hosts.iter().map(|host| host.value.as_str()).collect::<Vec<_>>(), ["reviews"]);
    assert_eq!((route.via.clone(), route.namespace.clone()), (Via::Mesh, None));
    let rule = &only(&route.rules).value;
    assert_eq!(backends(rule), [("reviews/v1".to_owned(), 90.0), ("reviews/v2".to_owned(), 10.0)]);
    assert_eq!((&rule.retries, rule.timeout), (&Setting::Inherit, Setting::Inherit));
}

#[test]
fn the_delay_hits_the_user_it_names_only() {
    let Some(draft) = bookinfo("virtual-service-ratings-test-delay.yaml") else { return };
    let rules = &only(&draft.routes).rules;
    let [first, second] = &rules[..] else { panic!("{rules:?}") };
    assert!(is_for_jason(&first.value));
    let delay = first.value.delay.as_ref().expect("a delay");
    assert_eq!((delay.ratio, delay.delay.mean()), (Ratio::ONE, 7e9));
    assert_eq!(backends(&first.value), [("ratings/v1".to_owned(), 1.0)]);
    assert!(second.value.matches.is_empty() && second.value.delay.is_none());
}

#[test]
fn jason_sees_the_second_version_and_the_others_the_first() {
    let Some(draft) = bookinfo("virtual-service-reviews-test-v2.yaml") else { return };
    let rules = &only(&draft.routes).rules;
    let [first, second] = &rules[..] else { panic!("{rules:?}") };
    assert!(is_for_jason(&first.value));
    assert_eq!(backends(&first.value), [("reviews/v2".to_owned(), 1.0)]);
    assert_eq!(backends(&second.value), [("reviews/v1".to_owned(), 1.0)]);
    assert!(second.value.matches.is_empty());
}

#[test]
fn all_of_bookinfo_is_read() {
    let Some(draft) = bookinfo("destination-rule-all.yaml") else { return };
    let subsets: Vec<_> =
        draft.subsets.iter().map(|one| format!("{}/{}", one.service.value, one.name.value)).collect();
    assert_eq!(subsets.len(), 10, "{subsets:?}");
    assert!(subsets.contains(&"ratings/v2-mysql-vm".to_owned()), "{subsets:?}");
    assert_eq!(draft.subsets[0].labels, [("version".to_owned(), "v1".to_owned())]);
    let all = bookinfo("virtual-service-all-v1.yaml").expect("it stands beside the other");
    assert_eq!(all.routes.len(), 4);
    let gateway = bookinfo("bookinfo-gateway.yaml").expect("it stands beside the other");
    assert_eq!(only(&only(&gateway.gateways).hosts).value, "*");
    let route = only(&gateway.routes);
    let Via::Gateways { names, mesh: false } = &route.via else { panic!("{route:?}") };
    assert_eq!(only(names).value, "bookinfo-gateway");
    let paths: Vec<_> = only(&route.rules).value.matches.iter().map(|one| one.path.clone()).collect();
    assert_eq!(paths.len(), 5);
    assert_eq!(paths[1], Some(PathMatch::Prefix("/static".to_owned())));
    let backend = &route.rules[0].value.action;
    assert!(matches!(backend, RuleAction::Forward(one) if one[0].backend.port == Some(9080)), "{backend:?}");
}

#[test]
fn a_virtual_service_means_what_it_says() {
    let draft = example("virtual-service");
    let orders = route(&draft, "orders");
    assert_eq!(orders.namespace.as_deref(), Some("shop"));
    assert_eq!(orders.export_to, Some(vec![".".to_owned(), "checkout".to_owned()]));
    assert!(matches!(&orders.via, Via::Gateways { names, mesh: true } if names[0].value == "front/ingress"));
    let rules: Vec<_> = orders.rules.iter().map(|rule| &rule.value).collect();
    assert_eq!(rules.len(), 7, "two delegated ones stand in the place of one");
    let beta = rules[0];
    let request = &beta.matches[0];
    assert_eq!(request.method, Some(exact("POST")));
    assert!(request.path.as_ref().is_some_and(|path| path.holds("/oRDers/1") && !path.holds("/x/orders")));
    assert_eq!(
        request.headers[1..],
        [named("x-debug", TextMatch::Present, false), named("x-robot", exact("1"), true)]
    );
    assert!(request.headers[0].name == "x-user" && request.headers[0].value.holds("jason"));
    assert_eq!(request.query[0], named("page", exact("2"), false));
    assert_eq!((request.port, request.source_namespace.as_deref()), (Some(8080), Some("shop")));
    assert_eq!(request.gateways, ["mesh"]);
    assert!(beta.matches[1].path.as_ref().is_some_and(|path| path.holds("/v2/x") && !path.holds("/a/v2/x")));
    assert_eq!(
        backends(beta),
        [("orders/v2".to_owned(), 30.0), ("orders.archive.svc.cluster.local".to_owned(), 70.0)]
    );
    assert_eq!(beta.timeout, Setting::To(Span::from_millis(2500)));
    assert_eq!(beta.attempt_timeout, Some(Span::from_millis(800)));
    let Setting::To(retries) = &beta.retries else { panic!("{beta:?}") };
    assert_eq!((retries.attempts, retries.avoid_previous), (3, Some(false)));
    let pause = Backoff { base: Span::from_millis(10), max: Span::from_millis(100) };
    assert_eq!(retries.backoff, Some(pause));
    assert_eq!(
        retries.on.as_deref(),
        Some(&[RetryOn::ConnectFailure, RetryOn::Status(503), RetryOn::Grpc(GrpcStatus::Unavailable)][..])
    );
    assert_eq!(beta.delay.as_ref().map(|delay| delay.ratio), Some(ratio(0.005)));
    let abort = beta.abort.as_ref().expect("an abort");
    assert_eq!((abort.ratio, abort.status), (ratio(0.025), Status::Http(503)));
    let mirrors: Vec<_> =
        beta.mirrors.iter().map(|one| (one.backend.service.value.as_str(), one.ratio)).collect();
    assert_eq!(mirrors, [("shadow", ratio(0.125)), ("audit", ratio(0.01))]);
    assert_eq!((beta.changes.request_headers, beta.changes.response_headers), (4, 3));
    assert_eq!(beta.changes.authority.as_deref(), Some("orders.internal"));
    assert_eq!(rules[1].action, RuleAction::Redirect { status: 302 });
    assert_eq!(rules[2].action, RuleAction::Respond { status: 200, size: 4 });
    assert_eq!(rules[3].action, RuleAction::Respond { status: 418, size: 5 });
    let last = rules[6];
    assert_eq!((last.timeout, &last.retries), (Setting::Off, &Setting::Off));
    assert_eq!(
        last.abort.as_ref().map(|abort| (abort.ratio, abort.status)),
        Some((ratio(0.05), Status::Grpc(GrpcStatus::Unavailable)))
    );
    assert_eq!(last.delay.as_ref().map(|delay| delay.ratio), Some(ratio(0.07)));
}

#[test]
fn delegated_rules_take_the_place_of_the_rule_that_delegates() {
    let draft = example("virtual-service");
    let rules = &route(&draft, "orders").rules;
    let [pdf, rest] = [&rules[4].value, &rules[5].value];
    let prefix = |rule: &Rule<BackendDraft>| only(&rule.matches).path.clone();
    assert_eq!(prefix(pdf), Some(PathMatch::Prefix("/reports/pdf".to_owned())));
    assert_eq!(prefix(rest), Some(PathMatch::Prefix("/reports".to_owned())));
    let (long, short) = (Setting::To(Span::from_millis(9000)), Setting::To(Span::from_millis(1000)));
    assert_eq!((pdf.timeout, rest.timeout), (long, short), "the delegate's own value goes before");
    let RuleAction::Forward(printer) = &pdf.action else { panic!("{pdf:?}") };
    assert_eq!(only(printer).backend.namespace.as_deref(), Some("reporting"));
    assert!(draft.routes.iter().all(|route| !route.hosts.is_empty()), "a delegate is no route by itself");
}

#[test]
fn delegates_that_contradict_or_are_missing_are_left_out() {
    let object = |name: &str, spec: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"
        )
    };
    let delegating = |to: &str, uri: &str| {
        object(
            "root",
            &format!("{{hosts: [a], http: [{{match: [{{uri: {uri}}}], delegate: {{name: {to}}}}}]}}"),
        )
    };
    let leaf = |uri: &str| {
        object(
            "leaf",
            &format!("{{http: [{{match: [{{uri: {uri}}}], route: [{{destination: {{host: b}}}}]}}]}}"),
        )
    };
    for (root, inner, rules) in [
        ("{prefix: /a}", "{prefix: /a/b}", 1),
        ("{prefix: /a}", "{exact: /a/b}", 1),
        ("{prefix: /a/b}", "{prefix: /a}", 0),
        ("{exact: /a}", "{prefix: /a}", 0),
        ("{exact: /a}", "{exact: /a}", 1),
        ("{regex: /a.*}", "{prefix: /a}", 0),
        ("{prefix: /a}", "{regex: /a.*}", 0),
    ] {
        let (draft, said) = text(&(delegating("leaf", root) + &leaf(inner)));
        assert_eq!(only(&draft.routes).rules.len(), rules, "{root} {inner}: {said}");
        assert_eq!(said.contains("asks for other requests"), rules == 0, "{said}");
    }
    let (draft, said) = text(&(delegating("nobody", "{prefix: /}") + &leaf("{prefix: /}")));
    assert!(only(&draft.routes).rules.is_empty());
    assert!(said.contains("there is no VirtualService `nobody` to delegate to"), "{said}");
    assert!(said.contains("nobody delegates to `leaf`"), "{said}");
    let hidden = leaf("{prefix: /}").replace("{http:", "{exportTo: [elsewhere], http:");
    let (draft, said) = text(&(delegating("leaf", "{prefix: /}") + &hidden));
    assert!(only(&draft.routes).rules.is_empty(), "{said}");
}

#[test]
fn objects_of_old_mean_what_they_meant() {
    let draft = example("virtual-service");
    let rule = &only(&route(&draft, "old").rules).value;
    assert_eq!(only(&rule.mirrors).ratio, ratio(0.25));
    assert_eq!(rule.attempt_timeout, Some(Span::from_millis(1000)));
    let Setting::To(retries) = &rule.retries else { panic!("{rule:?}") };
    assert!(retries.on.as_ref().is_some_and(|on| on.contains(&RetryOn::GatewayError)));
}

#[test]
fn rules_for_connections_are_routes_of_their_own() {
    let draft = example("virtual-service");
    for (name, host) in [("orders (tcp)", "database/primary"), ("orders (tls)", "vault")] {
        let route = route(&draft, name);
        assert_eq!(route.level, Level::Connection);
        let rule = &only(&route.rules).value;
        assert_eq!(backends(rule), [(host.to_owned(), 100.0)]);
        let request = only(&rule.matches);
        assert_eq!(request.source_labels, [("app".to_owned(), "web".to_owned())]);
        assert!(request.path.is_none() && request.port.is_some());
    }
}

#[test]
fn words_of_retry_on_stand_for_failures() {
    use RetryOn as R;
    let reset = [R::ConnectFailure, R::RefusedStream, R::Reset];
    let with = |own: R| {
        let mut all = [reset.as_slice(), &[own]].concat();
        all.sort_unstable();
        all
    };
    for (words, expected) in [
        ("5xx", with(R::ServerError)),
        ("gateway-error", with(R::GatewayError)),
        ("reset", reset.to_vec()),
        ("reset-before-request", vec![R::ResetBeforeRequest]),
        ("connect-failure", vec![R::ConnectFailure]),
        ("refused-stream", vec![R::RefusedStream]),
        ("retriable-4xx", vec![R::Conflict]),
        ("cancelled", vec![R::Grpc(GrpcStatus::Cancelled)]),
        ("deadline-exceeded", vec![R::Grpc(GrpcStatus::DeadlineExceeded)]),
        ("internal", vec![R::Grpc(GrpcStatus::Internal)]),
        ("resource-exhausted", vec![R::Grpc(GrpcStatus::ResourceExhausted)]),
        ("unavailable", vec![R::Grpc(GrpcStatus::Unavailable)]),
        ("retriable-status-codes,500,500", vec![R::Status(500)]),
        (" refused-stream , 409 ", vec![R::RefusedStream, R::Status(409)]),
    ] {
        let (draft, said) = http(&format!(
            "{{route: [{{destination: {{host: a}}}}], retries: {{attempts: 1, retryOn: '{words}'}}}}"
        ));
        assert_eq!(said, "", "{words}");
        let Setting::To(retries) = &draft.routes[0].rules[0].value.retries else { panic!("{words}") };
        assert_eq!(retries.on.as_ref(), Some(&expected), "{words}");
    }
    for (words, expected) in [
        ("5xxx", "did you mean `5xx`?"),
        ("CONNECT-FAILURE", "`CONNECT-FAILURE` is no reason for another attempt"),
        ("999", "999 is no status of HTTP"),
        ("retriable-headers", "warning[not-modelled]: a retry on `retriable-headers` never happens"),
    ] {
        let (_, said) = http(&format!(
            "{{route: [{{destination: {{host: a}}}}], retries: {{attempts: 1, retryOn: '{words}'}}}}"
        ));
        assert!(said.contains(expected), "{words}: {said}");
    }
    let (draft, _) = http("{route: [{destination: {host: a}}], retries: {attempts: 4}}");
    let Setting::To(retries) = &draft.routes[0].rules[0].value.retries else { panic!("{draft:?}") };
    assert_eq!((retries.attempts, &retries.on), (4, &None), "the mesh's own conditions");
    for off in ["{attempts: 0, retryOn: 5xx}", "{retryOn: 5xx}", "{}"] {
        let (draft, said) = http(&format!("{{route: [{{destination: {{host: a}}}}], retries: {off}}}"));
        assert_eq!((&draft.routes[0].rules[0].value.retries, said.as_str()), (&Setting::Off, ""), "{off}");
    }
}

#[test]
fn weights_are_kept_and_a_single_destination_needs_none() {
    let weights = |route: &str| {
        let (draft, said) = http(&format!("{{route: [{route}]}}"));
        let weights = backends(&draft.routes[0].rules[0].value).into_iter().map(|(_, weight)| weight);
        (weights.collect::<Vec<_>>(), said)
    };
    let to = |weight: &str| format!("{{destination: {{host: a}}{weight}}}");
    for (written, expected) in [
        (to(""), vec![1.0]),
        (to(", weight: 0"), vec![1.0]),
        (to(", weight: 7"), vec![7.0]),
        (format!("{}, {}", to(", weight: 3"), to("")), vec![3.0, 0.0]),
        (format!("{}, {}", to(", weight: 4000000000"), to(", weight: 1")), vec![4e9, 1.0]),
    ] {
        assert_eq!(weights(&written), (expected, String::new()), "{written}");
    }
    for wrong in ["-1", "1.5", "many", "[1]"] {
        let (_, said) = weights(&to(&format!(", weight: {wrong}")));
        assert!(said.contains("error["), "{wrong}: {said}");
    }
}

#[test]
fn percentages_lie_between_none_and_all() {
    let mirrored = |percentage: &str| {
        let (draft, said) =
            http(&format!("{{route: [{{destination: {{host: a}}}}], mirror: {{host: b}}{percentage}}}"));
        (draft.routes[0].rules[0].value.mirrors.iter().map(|one| one.ratio).collect::<Vec<_>>(), said)
    };
    for (written, expected) in [
        ("", vec![Ratio::ONE]),
        (", mirrorPercentage: {value: 100}", vec![Ratio::ONE]),
        (", mirrorPercentage: {value: 0.1}", vec![ratio(0.001)]),
        (", mirrorPercentage: {value: 0}", vec![]),
        (", mirrorPercentage: {}", vec![]),
        (", mirrorPercent: 50", vec![ratio(0.5)]),
        (", mirror_percent: 50", vec![ratio(0.5)]),
        (", mirrorPercentage: {value: 10}, mirrorPercent: 50", vec![ratio(0.1)]),
    ] {
        assert_eq!(mirrored(written), (expected, String::new()), "{written}");
    }
    for wrong in ["101", "-1", "nan", "10%"] {
        let (_, said) = mirrored(&format!(", mirrorPercentage: {{value: {wrong}}}"));
        assert!(said.contains("write a number from 0 to 100"), "{wrong}: {said}");
    }
    let (draft, said) = http("{route: [{destination: {host: a}}], fault: {abort: {httpStatus: 500}}}");
    assert_eq!(draft.routes[0].rules[0].value.abort.as_ref().map(|abort| abort.ratio), Some(Ratio::ZERO));
    assert!(said.contains("a fault's abort without a percentage hits nobody"), "{said}");
}

#[test]
fn statuses_of_grpc_go_by_name_or_number() {
    for (written, expected) in [
        ("UNAVAILABLE", GrpcStatus::Unavailable),
        ("'14'", GrpcStatus::Unavailable),
        ("14", GrpcStatus::Unavailable),
        ("CANCELLED", GrpcStatus::Cancelled),
        ("'1'", GrpcStatus::Cancelled),
        ("8", GrpcStatus::ResourceExhausted),
        ("NOT_FOUND", GrpcStatus::Unknown),
    ] {
        let (draft, said) = http(&format!(
            "{{route: [{{destination: {{host: a}}}}], fault: {{abort: {{grpcStatus: {written}, percentage: {{value: 1}}}}}}}}"
        ));
        let abort = draft.routes[0].rules[0].value.abort.as_ref().unwrap_or_else(|| panic!("{said}"));
        assert_eq!((abort.status, said.as_str()), (Status::Grpc(expected), ""), "{written}");
    }
    let (_, said) = http(
        "{route: [{destination: {host: a}}], fault: {abort: {grpcStatus: UNAVAILBLE, percentage: {value: 1}}}}",
    );
    assert!(said.contains("did you mean `UNAVAILABLE`?"), "{said}");
}

#[test]
fn an_empty_match_is_for_every_request() {
    let (draft, said) = http("{match: [{}], route: [{destination: {host: a}}]}");
    assert_eq!(only(&draft.routes[0].rules[0].value.matches), &RequestMatch::default(), "{said}");
}

fn policy<'d>(draft: &'d Draft, host: &str, subset: Option<&str>, port: Option<u16>) -> &'d PolicyDraft {
    let is_it = |policy: &&PolicyDraft| {
        policy.service.value == host
            && policy.subset.as_ref().map(|subset| subset.value.as_str()) == subset
            && policy.port == port
    };
    draft.policies.iter().find(is_it).expect("a policy for it")
}

#[test]
fn a_destination_rule_means_what_it_says() {
    let draft = example("destination-rule");
    let host = &policy(&draft, "orders", None, None).policy.value;
    assert_eq!(host.balancing.as_ref().map(|one| one.policy), Some(BalancingPolicy::LeastRequest));
    let shares = vec![("north".to_owned(), 80.0), ("south".to_owned(), 20.0)];
    assert_eq!(host.locality, Some(Locality::Distribute(vec![("north".to_owned(), shares)])));
    let warm_up = WarmUp { duration: Span::from_millis(45_000), minimum: ratio(0.1), aggression: 1.0 };
    assert_eq!(host.warm_up, Some(warm_up));
    let limits = Limits {
        connections: Some(100),
        pending: Some(10),
        requests: Some(1000),
        requests_per_connection: Some(10),
        retries: Some(3),
        connect_timeout: Some(Span::from_millis(30)),
        idle_timeout: Some(Span::from_millis(300_000)),
    };
    assert_eq!(host.limits, limits);
    let ejection = OutlierEjection {
        consecutive_errors: Some(7),
        consecutive_gateway_errors: Some(3),
        consecutive_local_errors: Some(4),
        interval: Span::from_millis(5000),
        base_time: Span::from_millis(900_000),
        max_time: Span::from_millis(900_000),
        max_ratio: ratio(0.5),
        panic_ratio: ratio(0.2),
    };
    assert_eq!(host.ejection, Some(ejection));
    assert_eq!(host.tls, Some(ClientTls::Mesh));
    assert_eq!(host.retry_budget, Some(RetryBudget::Concurrent { ratio: ratio(0.25), minimum: 5 }));
    let port = &policy(&draft, "orders", None, Some(9090)).policy.value;
    assert_eq!(port.balancing.as_ref().map(|one| one.policy), Some(BalancingPolicy::RoundRobin));
    assert_eq!(port.limits, Limits::default());
    assert_eq!(draft.subsets.len(), 3);
}

#[test]
fn a_subset_takes_each_part_of_a_policy_whole() {
    let draft = example("destination-rule");
    let subset = &policy(&draft, "orders", Some("v2"), None).policy.value;
    let balancing = subset.balancing.as_ref().expect("a hash");
    assert_eq!(balancing.policy, BalancingPolicy::Maglev);
    assert_eq!(balancing.hash_on, HashOn::Header("x-user".to_owned()));
    assert_eq!(subset.limits.requests, Some(10));
    assert_eq!(subset.limits.connections, Some(u32::MAX), "the host's limit does not reach its subset");
    assert_eq!(subset.limits.connect_timeout, Some(Span::from_millis(10_000)));
    assert_eq!(subset.ejection, None, "what the subset does not speak of follows from the host");
}

#[test]
fn hashes_and_old_fields_of_policies() {
    let draft = example("destination-rule");
    let others = &policy(&draft, "*.shop.svc.cluster.local", None, None).policy.value;
    let hash = |policy: &sim::vocabulary::resilience::TrafficPolicy| {
        policy.balancing.clone().map(|one| (one.policy, one.hash_on))
    };
    assert_eq!(hash(others), Some((BalancingPolicy::RingHash, HashOn::Header("cookie".to_owned()))));
    assert_eq!(others.locality, Some(Locality::Failover(vec![("north".to_owned(), "south".to_owned())])));
    assert_eq!(others.warm_up.map(|one| (one.minimum, one.aggression)), Some((ratio(0.2), 2.0)));
    let ejection = others.ejection.expect("an ejection");
    assert_eq!((ejection.consecutive_errors, ejection.consecutive_gateway_errors), (None, Some(2)));
    assert_eq!((ejection.max_ratio, ejection.interval), (ratio(0.1), Span::from_millis(10_000)));
    assert_eq!(others.tls, Some(ClientTls::Off));
    let hashed = &policy(&draft, "hashed", None, None).policy.value;
    assert_eq!(hash(hashed), Some((BalancingPolicy::RingHash, HashOn::Header("?page".to_owned()))));
    let source = &policy(&draft, "hashed", Some("by-source"), None).policy.value;
    assert_eq!(hash(source), Some((BalancingPolicy::RingHash, HashOn::Source)));
}

#[test]
fn gateways_external_hosts_and_scopes() {
    let gateway = example("gateway").gateways.remove(0);
    let hosts: Vec<_> = gateway.hosts.iter().map(|host| host.value.as_str()).collect();
    assert_eq!(hosts, ["*.example.org", "orders.example.com", "*"]);
    let external = example("service-entry").external;
    assert_eq!(external.len(), 2);
    assert_eq!((external[0].ports.clone(), external[0].endpoints), (vec![443, 80], 2));
    let scopes = example("sidecar").scopes;
    let told: Vec<_> = scopes
        .iter()
        .map(|scope| {
            let hosts: Vec<_> = scope.hosts.iter().map(|host| host.value.as_str()).collect();
            (scope.namespace.as_deref(), scope.selector.len(), hosts.join(" "))
        })
        .collect();
    assert_eq!(
        told,
        [
            (None, 0, "./* istio-system/*".to_owned()),
            (Some("shop"), 1, "./orders.shop.svc.cluster.local reporting/*".to_owned()),
            (Some("default"), 0, "*/*".to_owned()),
        ]
    );
}

/// Paths and values that objects ask for, for the sidecars.
fn asked(draft: &Draft) -> Vec<(String, FeatureValue)> {
    let features = draft.mesh.features.iter();
    let of_sidecars = features.filter_map(|one| {
        let path = one.path.strip_prefix("proxy.")?;
        Some((path.to_owned(), one.value.clone()))
    });
    of_sidecars.collect()
}

fn to(path: &str, value: &str) -> (String, FeatureValue) {
    (path.to_owned(), FeatureValue::To(value.to_owned()))
}

#[test]
fn objects_of_the_whole_mesh_set_the_profile() {
    assert_eq!(asked(&example("peer-authentication")), [to("features.mtls.enabled", "off")]);
    let workers = FeatureValue::Instead { word: "from_cpu_limit", value: "4".to_owned() };
    assert_eq!(asked(&example("proxy-config")), [("workers".to_owned(), workers)]);
    assert_eq!(
        asked(&example("telemetry")),
        [
            to("features.access_log.enabled", "on"),
            to("features.tracing.enabled", "on"),
            to("features.tracing.sampled_ratio", "0.05"),
            to("features.telemetry.enabled", "off"),
            to("features.access_log.enabled", "off"),
        ],
        "the namespace's own goes after the mesh's"
    );
    assert_eq!(
        asked(&example("authorization-policy")),
        [to("features.authorization.enabled", "on"), to("features.authorization.rules", "3")]
    );
    assert_eq!(asked(&example("wasm-plugin")), [to("features.wasm.enabled", "on")]);
    let twice = asked(&example("traffic-extension"));
    assert_eq!(twice[0], to("features.wasm.enabled", "on"));
    let callbacks = ("features.wasm.callbacks".to_owned(), FeatureValue::Times(2.0));
    assert!(twice.contains(&callbacks), "{twice:?}");
    let edge = example("wasm-plugin").mesh.features;
    let gateways: Vec<_> = edge.iter().filter(|one| one.path.starts_with("gateway.")).collect();
    assert!(gateways.iter().any(|one| one.value == FeatureValue::Times(2.0)), "{gateways:?}");
}

#[test]
fn what_is_for_a_part_of_the_mesh_only_is_named() {
    let services = "version: 1\nservices:\n- {name: a, namespace: x}\n- {name: b, namespace: y}\n---\n";
    let object = |spec: &str| {
        format!(
            "{services}apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: x}}\nspec: {spec}\n"
        )
    };
    let (draft, said) = text(&object("{accessLogging: [{}]}"));
    assert!(asked(&draft).is_empty());
    assert!(said.contains("`Telemetry t` is not modelled: it is for the namespace `x` only"), "{said}");
    let (draft, said) = text(&object("{selector: {matchLabels: {app: a}}, accessLogging: [{}]}"));
    assert!(asked(&draft).is_empty());
    assert!(said.contains("`Telemetry t` is not modelled: it is for some workloads only"), "{said}");
}

const TWO_NAMESPACES: &str = "version: 1
services:
- {name: web, namespace: front, service_time: 1ms, script: [call: front/api]}
- {name: api, namespace: front, service_time: 1ms}
- {name: orders, namespace: back, service_time: 1ms, replicas: 3}
- {name: stock, namespace: back, service_time: 1ms}
traffic: [{service: front/web, from: 'gateway:edge', rate: 10/s}]
---
";

/// MiB of the sidecars of each service and of the gateway, before a connection is open, under these objects.
fn sidecar_memory(objects: &str) -> Vec<(String, f64)> {
    let scenario = crate::common::scenario(&format!("{TWO_NAMESPACES}{objects}"));
    let program = sim::program::compile(&scenario, &crate::common::mesh("istio-sidecar"));
    let groups = program.groups.iter();
    groups.map(|group| (group.name.clone(), group.static_memory / f64::from(1 << 20))).collect()
}

fn sidecar(namespace: &str, hosts: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: default, namespace: {namespace}}}\n\
         spec: {{egress: [{{hosts: [{hosts}]}}]}}\n---\n"
    )
}

#[test]
fn a_sidecar_resource_bounds_what_proxies_hold_in_memory() {
    let mesh = crate::common::mesh("istio-sidecar");
    let memory = &mesh.sidecar.as_ref().expect("sidecars").memory;
    let workers = f64::from(mesh.sidecar.as_ref().expect("sidecars").workers);
    let target = memory.per_cluster + memory.per_cluster_worker * workers + memory.per_route;
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let everything = sidecar_memory("");
    let own = sidecar_memory(&sidecar("istio-system", "./*"));
    let nothing = sidecar_memory(&sidecar("front", "~/*"));
    // Two services of four, and in the other namespace two endpoints less.
    for (service, saved) in [
        ("front/web", 2.0 * target + 2.0 * memory.per_endpoint),
        ("front/api", 2.0 * target + 2.0 * memory.per_endpoint),
        ("back/orders", 2.0 * target),
        ("gateway:edge", 0.0),
    ] {
        let of = |all: &[(String, f64)]| {
            all.iter().find(|(name, _)| name == service).expect("a group of proxies").1
        };
        let difference = of(&everything) - of(&own);
        assert!(
            (difference - mib(saved)).abs() < 1e-9,
            "{service}: {difference} MiB instead of {}",
            mib(saved)
        );
        let all = 4.0 * target + 2.0 * memory.per_endpoint;
        let bounded = if service.starts_with("front/") { mib(all) } else { 0.0 };
        assert!((of(&everything) - of(&nothing) - bounded).abs() < 1e-9, "{service}");
    }
}

#[test]
fn hosts_outside_take_memory_where_they_are_visible() {
    let entry = |export_to: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: out, namespace: front}}\n\
             spec: {{hosts: [a.example, b.example], location: MESH_EXTERNAL, exportTo: [{export_to}],\n\
             ports: [{{number: 443, name: tls, protocol: TLS}}], endpoints: [{{address: 1.1.1.1}}, {{address: 1.1.1.2}}]}}\n---\n"
        )
    };
    let mesh = crate::common::mesh("istio-sidecar");
    let proxy = mesh.sidecar.as_ref().expect("sidecars");
    let target = proxy.memory.per_cluster
        + proxy.memory.per_cluster_worker * f64::from(proxy.workers)
        + proxy.memory.per_route;
    let both = 2.0 * (target + proxy.memory.per_endpoint) / f64::from(1 << 20);
    let difference = |objects: &str, service: &str| {
        let of = |all: Vec<(String, f64)>| {
            all.into_iter().find(|(name, _)| name == service).expect("a group of proxies").1
        };
        of(sidecar_memory(objects)) - of(sidecar_memory(""))
    };
    for (objects, service, expected) in [
        (entry("'*'"), "back/orders", both),
        (entry("."), "back/orders", 0.0),
        (entry("."), "front/api", both),
        (entry("back"), "back/orders", both),
    ] {
        let added = difference(&objects, service);
        assert!((added - expected).abs() < 1e-9, "{service}: {added} MiB instead of {expected}");
    }
}

#[test]
fn the_scope_of_labels_goes_before_the_namespaces_and_that_before_the_meshs() {
    let object = |namespace: &str, hosts: &str| sidecar(namespace, hosts);
    let both = object("istio-system", "~/*") + &object("back", "./*");
    let scenario = crate::common::scenario(&format!("{TWO_NAMESPACES}{both}"));
    let told: Vec<_> = scenario
        .services
        .iter()
        .zip(scenario.scopes.of_services.iter())
        .map(|(service, scope)| (service.name.as_str(), scope.services.as_ref().map(Vec::len)))
        .collect();
    assert_eq!(told, [("web", Some(0)), ("api", Some(0)), ("orders", Some(2)), ("stock", Some(2))]);
}

#[test]
fn scopes_that_leave_out_what_is_called_are_named() {
    let said = |hosts: &str| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, format!("{TWO_NAMESPACES}{}", sidecar("front", hosts)))
            .expect("a temporary file");
        crate::errors::check(&[path], &Options::default()).0
    };
    let text = said("'*/stock.back.svc.cluster.local'");
    assert!(text.contains("sidecars of `front/web` are not told of `front/api`, which it calls"), "{text}");
    let text = said("./*, ./web");
    assert!(text.contains("warning[unknown-name]: no host is called `web` there"), "{text}");
    let text = said("web");
    assert!(text.contains("error[invalid-value]: `web` has no namespace"), "{text}");
}

/// Everything of which examples are read, to be spoilt.
fn examples() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir("tests/data/good/istio")
        .expect("the examples are there")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        (path.display().to_string(), std::fs::read_to_string(&path).expect("a readable example"))
    };
    files.into_iter().map(read).collect()
}

/// What else may stand in a value's place.
const OTHERS: &[&str] =
    &["", "~", "[]", "{}", "-1", "0", "1e400", "x", "[{}]", "{a: 1}", "'*'", "9s", "true", "(?"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Values replaced, pieces cut out, lines swapped: never a panic, and never silence about an object that is lost.
    #[test]
    fn spoilt_objects_are_never_fatal(
        file in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(OTHERS)), 1..6),
        cut in any::<Option<(prop::sample::Index, prop::sample::Index)>>(),
    ) {
        let examples = examples();
        let (_, mut spoilt) = file.get(&examples).clone();
        for (place, other) in places {
            let colons: Vec<_> = spoilt.match_indices(": ").map(|(at, _)| at + 2).collect();
            if colons.is_empty() {
                break;
            }
            let start = *place.get(&colons);
            let end = spoilt[start..].find(['\n', ',', '}', ']']).map_or(spoilt.len(), |end| start + end);
            spoilt.replace_range(start..end, other);
        }
        if let Some((one, other)) = cut {
            let (one, other) = (one.index(spoilt.len() + 1), other.index(spoilt.len() + 1));
            let (start, end) = (one.min(other), one.max(other).min(one.min(other) + 40));
            if spoilt.is_char_boundary(start) && spoilt.is_char_boundary(end) {
                spoilt.replace_range(start..end, "");
            }
        }
        text(&spoilt);
    }
}

#[test]
fn places_point_into_the_object() {
    let (draft, _) = http("{route: [{destination: {host: a}}]}");
    let route = only(&draft.routes);
    let location = |located: &Located<String>| (located.location.start, located.location.end);
    let (start, end) = location(&route.hosts[0]);
    assert_eq!(end - start, 1);
    assert!(route.rules[0].location.start > end && location(&route.name).0 < start);
}

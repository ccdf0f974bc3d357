//! Gateway API's objects: what they mean, on real files, on an example of every kind, and in their odd corners.

use proptest::prelude::*;
use sim::input::Draft;
use sim::input::draft::{RouteDraft, Via};
use sim::units::Span;
use sim::vocabulary::resilience::RetryBudget;
use sim::vocabulary::routing::{
    Backoff, GrpcStatus, NamedMatch, Order, Resource, RetryOn, RuleAction, Setting,
};
use sim::vocabulary::text::{PathMatch, TextMatch};

use crate::drafts::{OTHERS, backend, backends, example, examples, hosts, only, ratio, real, spoilt, text};

/// An `HTTPRoute` for the service `a` with this rule.
fn http(rule: &str) -> (Draft, String) {
    text(&format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: a}}\nspec:\n  \
         parentRefs: [{{kind: Service, group: '', name: a}}]\n  rules:\n  - {rule}\n"
    ))
}

#[track_caller]
fn via_gateways(via: &Via) -> Vec<&str> {
    let Via::Gateways { names, mesh: false } = via else { panic!("{via:?}") };
    names.iter().map(|name| name.value.as_str()).collect()
}

#[test]
fn ninety_of_a_hundred_reviews_come_from_the_first_version() {
    let Some((draft, said)) = real("gateway-api/bookinfo-route-reviews-90-10.yaml") else { return };
    let route = only(&draft.routes);
    assert_eq!((hosts(route), &route.via), (vec!["reviews"], &Via::Mesh), "{said}");
    assert_eq!((route.order, route.resource), (Order::MostSpecific, Resource::HttpRoute));
    let rule = &only(&route.rules).value;
    assert_eq!(only(&rule.matches).port, Some(9080));
    assert_eq!(backends(rule), [("reviews-v1@9080".to_owned(), 90.0), ("reviews-v2@9080".to_owned(), 10.0)]);
    assert_eq!((&rule.retries, rule.timeout), (&Setting::Inherit, Setting::Inherit));
    for file in ["gateway-api/simple-split.yaml", "gateway-api/traffic-split-2.yaml"] {
        let (draft, said) = real(file).expect("it stands beside the other");
        assert!(said.contains("is attached to nothing"), "{said}");
        let route = only(&draft.routes);
        assert_eq!(via_gateways(&route.via), [""; 0]);
        let expected = [("foo-v1@8080".to_owned(), 90.0), ("foo-v2@8080".to_owned(), 10.0)];
        assert_eq!(backends(&only(&route.rules).value), expected);
    }
}

#[test]
fn real_routes_of_gateways_are_read() {
    let Some((draft, _)) = real("gateway-api/foo-httproute.yaml") else { return };
    let route = only(&draft.routes);
    assert_eq!(via_gateways(&route.via), ["example-gateway"]);
    assert_eq!(hosts(route), ["foo.example.com"]);
    let rule = &only(&route.rules).value;
    assert_eq!(only(&rule.matches).path, Some(PathMatch::Elements("/login".to_owned())));
    let (draft, _) = real("gateway-api/httproute-mirroring.yaml").expect("it stands beside the other");
    let rule = &only(&only(&draft.routes).rules).value;
    let mirror = only(&rule.mirrors);
    assert_eq!((backend(&mirror.backend), mirror.ratio), ("foo-v2@8080".to_owned(), ratio(1.0)));
    assert_eq!(backends(rule), [("foo-v1@8080".to_owned(), 1.0)]);
}

#[test]
fn a_route_is_one_for_each_that_it_is_attached_to() {
    let draft = example("gateway-api/http-route");
    let is_annotated = |route: &&RouteDraft| route.resource == Resource::LinkerdAnnotation;
    let (annotated, routes): (Vec<_>, Vec<_>) = draft.routes.iter().partition(is_annotated);
    let [own, consumers, gateways] = routes[..] else { panic!("{routes:?}") };
    assert_eq!((hosts(own), &own.via, &own.export_to), (vec!["reviews"], &Via::Mesh, &None));
    assert_eq!(hosts(consumers), ["reviews.archive"]);
    assert_eq!(consumers.export_to, Some(vec![".".to_owned()]), "only callers in the route's namespace");
    assert_eq!(via_gateways(&gateways.via), ["front", "edge/other"]);
    assert_eq!(hosts(gateways), ["reviews.example.com"]);
    let names = |routes: &[&RouteDraft]| {
        routes.iter().map(|route| route.name.value.clone()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names(&routes), "reviews, reviews (2), reviews (3)");
    assert_eq!(names(&annotated), "reviews (route), reviews (2) (route)");
    assert_eq!(
        annotated.iter().map(|route| hosts(route)).collect::<Vec<_>>(),
        [hosts(own), hosts(consumers)]
    );
    let ports = |rule: usize, route: usize| routes[route].rules[rule].value.matches[0].port;
    assert_eq!((ports(0, 0), ports(2, 0)), (Some(9080), Some(9080)));
    assert_eq!(ports(0, 2), None, "a gateway's requests come on its listeners' ports");
    assert!(gateways.rules[2].value.matches.is_empty(), "the prefix / is every request");
}

#[test]
fn an_http_route_means_what_it_says() {
    let draft = example("gateway-api/http-route");
    let [canary, old, rest] = &draft.routes[0].rules[..] else { panic!("{:?}", draft.routes[0]) };
    let (canary, old, rest) = (&canary.value, &old.value, &rest.value);
    assert_eq!(canary.name.as_deref(), Some("canary"));
    let [first, second] = &canary.matches[..] else { panic!("{canary:?}") };
    assert_eq!(first.path, Some(PathMatch::Exact("/api".to_owned())));
    assert_eq!(first.method, Some(TextMatch::Exact("GET".to_owned())));
    let exact = |name: &str, value: &str| NamedMatch {
        name: name.to_owned(),
        value: TextMatch::Exact(value.to_owned()),
        without: false,
    };
    assert_eq!((&first.headers[0], &first.query[..]), (&exact("x-user", "jason"), &[exact("page", "2")][..]));
    assert!(first.headers[1].value.holds("42") && !first.headers[1].value.holds("x42"));
    assert!(second.path.as_ref().is_some_and(|path| path.holds("/v1/x") && !path.holds("/a/v1/x")));
    let mirrors: Vec<_> = canary.mirrors.iter().map(|one| (backend(&one.backend), one.ratio)).collect();
    assert_eq!(mirrors, [("dark:shadow@80".to_owned(), ratio(0.05)), ("audit@80".to_owned(), ratio(0.125))]);
    assert_eq!((canary.changes.request_headers, canary.changes.response_headers), (4, 3));
    assert_eq!(canary.changes.authority.as_deref(), Some("reviews.internal"));
    assert_eq!(canary.changes.path.as_deref(), Some("/v2"));
    assert_eq!(
        backends(canary),
        [("reviews-v1@9080".to_owned(), 90.0), ("beta:reviews-v2@9080".to_owned(), 1.0)]
    );
    assert_eq!(old.action, RuleAction::Redirect { status: 301 });
    assert_eq!(rest.changes.path.as_deref(), Some("/all"));
    // Linkerd's annotations go before what is written in fields, for who reads them.
    assert_eq!(draft.routes[0].resource, Resource::LinkerdAnnotation);
    let plain = &draft.routes[1].rules[0].value;
    assert_eq!(
        (plain.timeout, plain.attempt_timeout),
        (Setting::To(Span::from_millis(10_000)), Some(Span::from_millis(1500)))
    );
    assert_eq!(canary.timeout, Setting::To(Span::from_millis(2000)));
    assert_eq!(canary.attempt_timeout, Some(Span::from_millis(400)));
    let Setting::To(retries) = &canary.retries else { panic!("{canary:?}") };
    assert_eq!(retries.attempts, 3);
    let on =
        [RetryOn::Reset, RetryOn::ServerError, RetryOn::Status(429), RetryOn::Grpc(GrpcStatus::Unavailable)];
    assert_eq!(retries.on.as_deref(), Some(&on[..]));
}

#[test]
fn timeouts_and_retries_are_those_of_the_rule() {
    let (draft, said) = http(
        "{backendRefs: [{name: b, port: 80}], timeouts: {request: 10s, backendRequest: 1s500ms}, \
         retry: {codes: [503, 500, 503], attempts: 4, backoff: 50ms}}",
    );
    assert_eq!(said, "");
    let rule = &only(&only(&draft.routes).rules).value;
    assert_eq!(rule.timeout, Setting::To(Span::from_millis(10_000)));
    assert_eq!(rule.attempt_timeout, Some(Span::from_millis(1500)));
    let Setting::To(retries) = &rule.retries else { panic!("{rule:?}") };
    let on = [
        RetryOn::ConnectFailure,
        RetryOn::RefusedStream,
        RetryOn::Reset,
        RetryOn::Status(500),
        RetryOn::Status(503),
    ];
    assert_eq!((retries.attempts, retries.on.as_deref()), (4, Some(&on[..])));
    let pause = Backoff { base: Span::from_millis(50), max: Span::from_millis(500) };
    assert_eq!(retries.backoff, Some(pause));
    for (written, expected) in [("retry: {}", Some(2)), ("retry: {attempts: 0}", None)] {
        let (draft, _) = http(&format!("{{backendRefs: [{{name: b, port: 80}}], {written}}}"));
        let rule = &only(&only(&draft.routes).rules).value;
        match (&rule.retries, expected) {
            (Setting::To(retries), Some(attempts)) => assert_eq!(retries.attempts, attempts),
            (Setting::Off, None) => {}
            other => panic!("{other:?}"),
        }
    }
    let (draft, said) =
        http("{backendRefs: [{name: b, port: 80}], timeouts: {request: 0s, backendRequest: 9s}}");
    assert_eq!(said, "", "without a limit on the whole any is short enough");
    assert_eq!(only(&only(&draft.routes).rules).value.timeout, Setting::Off);
}

#[test]
fn paths_and_headers_have_their_defaults() {
    for (written, expected) in [
        ("{}", None),
        ("{path: {}}", None),
        ("{path: {type: PathPrefix, value: /}}", None),
        ("{path: {value: /a}}", Some(PathMatch::Elements("/a".to_owned()))),
        ("{path: {type: Exact, value: /}}", Some(PathMatch::Exact("/".to_owned()))),
    ] {
        let (draft, said) = http(&format!("{{matches: [{written}], backendRefs: [{{name: b, port: 80}}]}}"));
        assert_eq!(said, "", "{written}");
        let matches = &only(&only(&draft.routes).rules).value.matches;
        assert_eq!(matches.first().and_then(|of| of.path.clone()), expected, "{written}");
        assert_eq!(matches.is_empty(), expected.is_none(), "{written}");
    }
    let (draft, said) = http(
        "{matches: [{headers: [{name: A, value: x}, {name: a, value: y}]}], backendRefs: [{name: b, port: 80}]}",
    );
    assert!(said.contains("a second condition on `a` is passed over"), "{said}");
    let matches = &only(&only(&draft.routes).rules).value.matches;
    assert_eq!(only(&only(matches).headers).value, TextMatch::Exact("x".to_owned()));
}

#[test]
fn what_cannot_be_is_said_where_it_stands() {
    const B: &str = "backendRefs: [{name: b, port: 80}]";
    for (rule, expected) in [
        (
            format!("{{{B}, timeouts: {{request: 1s, backendRequest: 2s}}}}"),
            "an attempt may take 2s, longer than the whole request, 1s",
        ),
        (format!("{{{B}, timeouts: {{request: 1.5s}}}}"), "write whole numbers with units"),
        (format!("{{{B}, retry: {{codes: [200]}}}}"), "what is tried again are statuses from 400 to 599"),
        (format!("{{{B}, matches: [{{path: {{value: a}}}}]}}"), "a path begins with a slash, unlike `a`"),
        (
            format!("{{{B}, matches: [{{path: {{type: Suffix, value: /a}}}}]}}"),
            "a condition on a path cannot be `Suffix`",
        ),
        (
            format!("{{{B}, matches: [{{path: {{type: RegularExpression, value: '('}}}}]}}"),
            "is no regular expression",
        ),
        (format!("{{{B}, matches: [{{headers: [{{name: x}}]}}]}}"), "a condition needs `value`"),
        (
            format!("{{{B}, filters: [{{type: RequestRedirect, requestRedirect: {{}}}}]}}"),
            "a rule either redirects or has backends",
        ),
        (format!("{{{B}, filters: [{{type: RequestMirror}}]}}"), "a RequestMirror needs `requestMirror`"),
        (format!("{{{B}, filters: [{{type: Mirror}}]}}"), "a filter cannot be `Mirror`"),
        (
            format!(
                "{{{B}, filters: [{{type: RequestMirror, requestMirror: {{backendRef: {{name: c, port: 1}}, percent: 5, fraction: {{numerator: 1}}}}}}]}}"
            ),
            "a mirror has either `percent` or `fraction`",
        ),
        (
            format!(
                "{{{B}, filters: [{{type: RequestMirror, requestMirror: {{backendRef: {{name: c, port: 1}}, fraction: {{numerator: 3, denominator: 2}}}}}}]}}"
            ),
            "3/2 is more than everything",
        ),
        (
            "{filters: [{type: RequestRedirect, requestRedirect: {statusCode: 418}}]}".to_owned(),
            "a redirect has status 301, 302, 303, 307 or 308",
        ),
        ("{backendRefs: [{name: b}]}".to_owned(), "a reference to a Service needs `port`"),
        ("{backendRefs: [{name: b, port: 0}]}".to_owned(), "a port lies between 1 and 65535"),
        (
            "{backendRefs: [{name: b, port: 80, weight: -1}]}".to_owned(),
            "`-1` cannot be read as a whole number",
        ),
        ("{backendRefs: [{name: b, port: 80, weight: 1000001}]}".to_owned(), "a weight is at most 1000000"),
    ] {
        let (_, said) = http(&rule);
        assert!(said.contains(expected) && said.contains("a.yaml:7:"), "{rule}: {said}");
    }
}

#[test]
fn what_has_no_effect_is_named() {
    for (rule, expected) in [
        (
            "{backendRefs: [{name: b, port: 80, filters: [{type: CORS}]}]}",
            "`spec.rules[].backendRefs[].filters` of HTTPRoute is not modelled",
        ),
        (
            "{backendRefs: [{name: b, port: 80}], filters: [{type: CORS, cors: {allowOrigins: ['*']}}]}",
            "`spec.rules[].filters[].cors` of HTTPRoute is not modelled",
        ),
        (
            "{backendRefs: [{name: b, port: 80}], filters: [{type: ExtensionRef, extensionRef: {name: x}}]}",
            "`spec.rules[].filters[].extensionRef`",
        ),
        (
            "{backendRefs: [{name: b, port: 80}], sessionPersistence: {sessionName: s}}",
            "proxies hand out no sessions",
        ),
        (
            "{backendRefs: [{name: b, port: 80}], retries: {}}",
            "`spec.rules[].retries` of HTTPRoute is no known field",
        ),
        (
            "{backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: llm}]}",
            "InferencePool `llm` is no Service: its requests fail",
        ),
        ("{matches: [{path: {value: /a}}]}", "a rule without `backendRefs` answers every request with 500"),
    ] {
        let (draft, said) = http(rule);
        assert!(said.contains(expected) && !said.contains("error["), "{rule}: {said}");
        assert_eq!(draft.routes.len(), 1);
    }
    let (draft, _) =
        http("{backendRefs: [{kind: InferencePool, group: x, name: llm, weight: 3}, {name: b, port: 80}]}");
    let expected = [("InferencePool llm".to_owned(), 3.0), ("b@80".to_owned(), 1.0)];
    assert_eq!(backends(&only(&only(&draft.routes).rules).value), expected, "it keeps its share");
    let many = vec!["{path: {value: /a}}"; 65].join(", ");
    let (_, said) = http(&format!("{{matches: [{many}], backendRefs: [{{name: b, port: 80}}]}}"));
    assert!(said.contains("a rule has at most 64 matches in a cluster, and this one has 65"), "{said}");
    let (_, said) = http(&["{backendRefs: [{name: b, port: 80}]}"; 17].join("\n  - "));
    assert!(said.contains("a route has at most 16 rules in a cluster, and this one has 17"), "{said}");
}

#[test]
fn grpc_routes_are_paths() {
    let draft = example("gateway-api/grpc-route");
    let [annotated, route] = &draft.routes[..] else { panic!("{:?}", draft.routes) };
    assert_eq!((route.resource, hosts(route)), (Resource::GrpcRoute, vec!["cart"]));
    let [add, rest] = &route.rules[..] else { panic!("{route:?}") };
    let paths: Vec<_> = add.value.matches.iter().map(|of| of.path.clone().expect("a path")).collect();
    assert_eq!(paths[0], PathMatch::Exact("/shop.Cart/AddItem".to_owned()));
    assert_eq!(paths[1], PathMatch::Elements("/shop.Cart".to_owned()));
    assert!(paths[2].holds("/any.Thing/EmptyCart") && !paths[2].holds("/any.Thing/EmptyCarts"));
    assert!(paths[3].holds("/shop.Basket/GetAll") && !paths[3].holds("/shop.Box/GetAll"));
    assert_eq!(backends(&add.value), [("cart-v1@7070".to_owned(), 3.0), ("cart-v2@7070".to_owned(), 1.0)]);
    assert_eq!(only(&add.value.mirrors).ratio, ratio(0.25));
    assert!(rest.value.matches.is_empty());
    let Setting::To(retries) = &annotated.rules[1].value.retries else { panic!("{annotated:?}") };
    assert_eq!((annotated.resource, retries.attempts), (Resource::LinkerdAnnotation, 1));
    let grpc = |method: &str, filter: &str| {
        text(&format!(
            "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: GRPCRoute\nmetadata: {{name: a}}\nspec:\n  \
             parentRefs: [{{name: g}}]\n  rules: [{{matches: [{{method: {method}}}], filters: [{filter}], \
             backendRefs: [{{name: b, port: 1}}]}}]\n"
        ))
    };
    let (_, said) = grpc("{}", "");
    assert!(said.contains("a condition on a method needs `service`, `method` or both"), "{said}");
    let (_, said) = grpc("{service: a}", "{type: URLRewrite}");
    assert!(said.contains("a GRPCRoute neither redirects nor rewrites"), "{said}");
}

#[test]
fn services_stand_behind_the_waypoint_that_their_labels_name() {
    let path = std::path::PathBuf::from("tests/data/good/gateway-api/gateway.yaml");
    let (draft, said) = crate::drafts::read(&[path]);
    assert!(!said.contains("error["), "{said}");
    let gateway = only(&draft.gateways);
    let served: Vec<_> = gateway.hosts.iter().map(|host| host.value.as_str()).collect();
    assert_eq!((gateway.name.value.as_str(), served), ("front", vec!["*.example.com", "*"]));
    let waypoints = draft.mesh.waypoints.as_ref().expect("waypoints");
    let members = |row: usize| {
        let services = waypoints[row].services.services.iter();
        services.map(|service| service.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(waypoints.len(), 2);
    assert_eq!((waypoints[0].name.value.as_str(), members(0)), ("waypoint", vec!["shop/reviews".to_owned()]));
    assert_eq!((waypoints[1].name.value.as_str(), members(1)), ("cart-only", vec!["shop/cart".to_owned()]));
}

#[test]
fn a_label_that_leads_nowhere_is_named() {
    let label = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {{istio.io/use-waypoint: {name}}}}}\n---\n"
        )
    };
    let waypoint = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: w}\nspec: {gatewayClassName: istio-waypoint}\n---\n";
    let services = "version: 1\nservices: [{name: a, service_time: 1ms}]\n---\n";
    let (draft, said) = text(&format!("{services}{}", label("w")));
    assert!(said.contains("no waypoint was read"), "{said}");
    assert_eq!(draft.mesh.waypoints, None);
    let (draft, said) = text(&format!("{services}{waypoint}{}", label("v")));
    assert!(said.contains("there is no waypoint `default/v`"), "{said}");
    assert!(said.contains("no service uses the waypoint `w`"), "{said}");
    assert_eq!(draft.mesh.waypoints, Some(Vec::new()), "there is one, and nobody is behind it");
    let (draft, said) = text(&format!("{services}{waypoint}{}", label("w")));
    assert!(!said.contains("waypoint"), "{said}");
    assert_eq!(draft.mesh.waypoints.map(|all| all.len()), Some(1));
}

#[test]
fn a_policy_is_a_budget() {
    let draft = example("gateway-api/x-backend-traffic-policy");
    let policy = only(&draft.policies);
    assert_eq!((policy.service.value.as_str(), policy.namespace.as_deref()), ("reviews", Some("shop")));
    let budget = RetryBudget::Tokens { ratio: ratio(0.3), per_second: 3, ttl: Span::from_millis(20_000) };
    assert_eq!(policy.policy.value.retry_budget, Some(budget));
    let (draft, said) = text(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackendTrafficPolicy\nmetadata: {name: a}\n\
         spec: {targetRefs: [{kind: Service, name: b}, {group: x, kind: Pool, name: c}], retryConstraint: {}}\n",
    );
    assert!(said.contains("Pool `c` is no Service"), "{said}");
    let budget = RetryBudget::Tokens { ratio: ratio(0.2), per_second: 10, ttl: Span::from_millis(10_000) };
    assert_eq!(only(&draft.policies).policy.value.retry_budget, Some(budget));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_objects_of_gateway_api_are_never_fatal(
        file in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(OTHERS)), 1..6),
    ) {
        let examples = examples("gateway-api");
        text(&spoilt(file.get::<String>(&examples), &places));
    }
}

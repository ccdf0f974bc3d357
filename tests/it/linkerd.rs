//! Linkerd's objects: profiles with their conditions and classes, annotations, and which of them goes before which.

use proptest::prelude::*;
use sim::input::Draft;
use sim::input::draft::Via;
use sim::units::Span;
use sim::vocabulary::resilience::{ConsecutiveFailures, RetryBudget};
use sim::vocabulary::routing::{GrpcStatus, Resource, RetryOn, RuleAction, Setting};
use sim::vocabulary::text::TextMatch;

use crate::drafts::{OTHERS, backends, example, examples, hosts, only, ratio, read, spoilt, text};

const GRPC: [RetryOn; 4] = [
    RetryOn::Grpc(GrpcStatus::Unknown),
    RetryOn::Grpc(GrpcStatus::DeadlineExceeded),
    RetryOn::Grpc(GrpcStatus::Internal),
    RetryOn::Grpc(GrpcStatus::Unavailable),
];

/// A profile of the service `web` with this specification.
fn profile(spec: &str) -> (Draft, String) {
    text(&format!(
        "apiVersion: linkerd.io/v1alpha1\nkind: ServiceProfile\nmetadata: {{name: web.default.svc.cluster.local}}\n\
         spec: {spec}\n"
    ))
}

#[test]
fn a_profile_means_what_it_says() {
    let draft = example("linkerd/service-profile");
    let route = only(&draft.routes);
    assert_eq!((route.resource, &route.via), (Resource::ServiceProfile, &Via::Mesh));
    assert_eq!(hosts(route), ["web.shop.svc.cluster.local"]);
    assert_eq!(route.export_to, None, "the service's own namespace: all callers");
    let [list, others, rest] = &route.rules[..] else { panic!("{route:?}") };
    let split = [
        ("web-v1.shop.svc.cluster.local@8080".to_owned(), 0.9),
        ("web-v2.shop.svc.cluster.local".to_owned(), 0.1),
    ];
    for rule in [list, others, rest] {
        assert_eq!(backends(&rule.value), split, "a split is for all requests");
    }
    assert_eq!(list.value.timeout, Setting::To(Span::from_millis(300)));
    let Setting::To(retries) = &list.value.retries else { panic!("{list:?}") };
    let on = [&[RetryOn::ServerError, RetryOn::Status(404)][..], &GRPC].concat();
    assert_eq!(retries.on.as_deref(), Some(&on[..]));
    let request = only(&list.value.matches);
    assert_eq!(request.method, Some(TextMatch::Exact("GET".to_owned())));
    assert!(request.path.as_ref().is_some_and(|path| path.holds("/api/list") && !path.holds("/api/list/1")));
    assert_eq!(others.value.retries, Setting::Off, "what is not retryable is not tried again");
    let [post, not_delete] = &others.value.matches[..] else { panic!("{others:?}") };
    assert_eq!(post.method, Some(TextMatch::Exact("POST".to_owned())));
    assert!(post.path.as_ref().is_some_and(|path| path.holds("/authors/12")));
    assert!(not_delete.method.is_none() && not_delete.path.is_some());
    let header = only(&not_delete.headers);
    assert_eq!((header.name.as_str(), header.without), (":method", true));
    assert_eq!(header.value, TextMatch::Exact("DELETE".to_owned()));
    assert!(rest.value.matches.is_empty() && rest.value.retries == Setting::Inherit);
    let budget = RetryBudget::Tokens { ratio: ratio(0.3), per_second: 5, ttl: Span::from_millis(15_000) };
    assert_eq!(only(&draft.policies).policy.value.retry_budget, Some(budget));
    assert_eq!(only(&draft.policies).resource, Resource::ServiceProfile);
}

#[test]
fn conditions_come_to_alternatives() {
    for (condition, alternatives) in [
        ("{method: GET}", 1),
        ("{method: GET, pathRegex: /a}", 1),
        ("{any: [{method: GET}, {method: PUT}, {pathRegex: /a}]}", 3),
        ("{all: [{any: [{method: GET}, {method: PUT}]}, {any: [{pathRegex: /a}, {pathRegex: /b}]}]}", 4),
        ("{not: {any: [{method: GET}, {pathRegex: /a}]}}", 1),
        ("{not: {all: [{method: GET}, {pathRegex: /a}]}}", 2),
        ("{not: [{method: GET}, {pathRegex: /a}]}", 1),
        ("{not: {not: {method: GET}}}", 1),
        ("{not: {method: GET, pathRegex: /a}}", 2),
    ] {
        let (draft, said) = profile(&format!("{{routes: [{{name: a, condition: {condition}}}]}}"));
        assert_eq!(said, "", "{condition}");
        let rules = &only(&draft.routes).rules;
        assert_eq!(rules[0].value.matches.len(), alternatives, "{condition}: {rules:?}");
    }
    let (draft, _) = profile("{routes: [{name: a, condition: {not: {not: {method: get}}}}]}");
    let matches = &only(&draft.routes).rules[0].value.matches;
    assert_eq!(only(matches).method, Some(TextMatch::Exact("GET".to_owned())), "twice not is not not");
}

#[test]
fn what_cannot_be_is_said() {
    let any = ["{pathRegex: /a}"; 9].join(", ");
    let wide = format!("{{all: [{{any: [{any}]}}, {{any: [{any}]}}]}}");
    for (spec, expected) in [
        ("{routes: [{name: a}]}".to_owned(), "a route needs `condition`"),
        ("{routes: [{name: a, condition: {}}]}".to_owned(), "a condition needs `method`, `pathRegex`"),
        ("{routes: [{name: a, condition: {any: {}}}]}".to_owned(), "a list of conditions is expected here"),
        ("{routes: [{name: a, condition: {pathRegex: '('}}]}".to_owned(), "is no regular expression"),
        ("{routes: [{name: a, condition: {path: /}}]}".to_owned(), "`path` is no condition on a request"),
        (format!("{{routes: [{{name: a, condition: {wide}}}]}}"), "comes to more than 64 alternatives"),
        (
            "{routes: [{name: a, condition: {method: GET}, responseClasses: [{condition: {status: {min: 600}}}]}]}"
                .to_owned(),
            "statuses lie between 100 and 599, not from 600 to 600",
        ),
        (
            "{routes: [{name: a, condition: {method: GET}, responseClasses: [{condition: {status: {}}}]}]}".to_owned(),
            "a range of statuses needs `min`, `max` or both",
        ),
        ("{retryBudget: {retryRatio: -1, minRetriesPerSecond: 1, ttl: 10s}}".to_owned(), "a ratio of retries lies between 0 and 1000"),
        ("{retryBudget: {retryRatio: 0.1, minRetriesPerSecond: 1, ttl: 90s}}".to_owned(), "a budget looks back 1s to 60s"),
        ("{dstOverrides: [{authority: 'web:x', weight: 1}]}".to_owned(), "after the colon of an authority stands a port"),
        ("{dstOverrides: [{authority: web, weight: -1}]}".to_owned(), "a weight cannot be negative"),
        ("{dstOverrides: [{authority: ':80', weight: 1}]}".to_owned(), "an authority names a service"),
        ("{opaquePorts: ['3306']}".to_owned(), "`spec.opaquePorts` of ServiceProfile is not modelled"),
    ] {
        let (_, said) = profile(&spec);
        assert!(said.contains(expected) && said.contains("a.yaml:4:"), "{spec}: {said}");
    }
}

#[test]
fn classes_say_what_is_tried_again() {
    let not_five_hundred = "responseClasses: [{condition: {status: {min: 500}}, isFailure: false}]";
    let (draft, _) = profile(&format!(
        "{{routes: [{{name: a, isRetryable: true, condition: {{method: GET}}, {not_five_hundred}}}]}}"
    ));
    let Setting::To(retries) = &only(&draft.routes).rules[0].value.retries else { panic!("{draft:?}") };
    let on = retries.on.as_ref().expect("conditions");
    assert!(!on.contains(&RetryOn::ServerError) && !on.contains(&RetryOn::Status(500)));
    assert!(on.contains(&RetryOn::Status(501)) && on.contains(&RetryOn::Status(599)));
}

#[test]
fn a_profile_in_another_namespace_is_that_of_its_callers() {
    let (draft, _) = text(
        "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: web.shop.svc.cluster.local, namespace: client}\n\
         spec: {routes: [{name: a, condition: {method: GET}, timeout: 1s}]}\n",
    );
    assert_eq!(only(&draft.routes).export_to, Some(vec![".".to_owned()]));
}

#[test]
fn linkerds_own_route_goes_to_the_service_unless_it_says_otherwise() {
    let draft = example("linkerd/http-route");
    let route = only(&draft.routes);
    assert_eq!((hosts(route), &route.via), (vec!["web"], &Via::Mesh));
    let rule = &only(&route.rules).value;
    assert_eq!(rule.action, RuleAction::Forward(Vec::new()));
    assert_eq!(rule.timeout, Setting::To(Span::from_millis(250)));
    let (draft, said) = text(
        "apiVersion: policy.linkerd.io/v1beta1\nkind: HTTPRoute\nmetadata: {name: a}\n\
         spec: {parentRefs: [{group: policy.linkerd.io, kind: Server, name: s}], rules: []}\n",
    );
    assert!(said.contains("no request comes through Server `s`") && draft.routes.is_empty(), "{said}");
}

fn annotated(more: &str) -> (Draft, String) {
    let service = std::fs::read_to_string("tests/data/good/linkerd/annotations.yaml").expect("an example");
    text(&format!("{service}---\n{more}"))
}

#[test]
fn annotations_of_a_service_are_a_route_and_a_policy() {
    let (draft, said) = read(&[std::path::PathBuf::from("tests/data/good/linkerd/annotations.yaml")]);
    assert!(!said.contains("retry") && !said.contains("balancer"), "{said}");
    let route = only(&draft.routes);
    assert_eq!((route.resource, hosts(route)), (Resource::LinkerdAnnotation, vec!["web"]));
    let rule = &only(&route.rules).value;
    assert_eq!(rule.action, RuleAction::Forward(Vec::new()));
    assert_eq!(rule.timeout, Setting::To(Span::from_millis(3000)));
    let Setting::To(retries) = &rule.retries else { panic!("{rule:?}") };
    let on = [
        RetryOn::GatewayError,
        RetryOn::Status(409),
        RetryOn::Status(410),
        RetryOn::Grpc(GrpcStatus::Internal),
    ];
    assert_eq!((retries.attempts, retries.on.as_deref()), (2, Some(&on[..])));
    let breaker = ConsecutiveFailures {
        max_failures: 5,
        min_penalty: Span::from_millis(2000),
        max_penalty: Span::from_millis(30_000),
        jitter: ratio(0.25),
    };
    let policy = only(&draft.policies);
    assert_eq!((policy.resource, policy.policy.value.breaker), (Resource::LinkerdAnnotation, Some(breaker)));
}

#[test]
fn routes_take_what_they_leave_open_from_the_service() {
    let (draft, said) = annotated(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web, namespace: shop}\nspec:\n  \
         parentRefs: [{kind: Service, group: core, name: web}]\n  rules:\n  \
         - {backendRefs: [{name: web, port: 80}], timeouts: {request: 7s}}\n",
    );
    assert!(!said.contains("error["), "{said}");
    let [annotated, route] = &draft.routes[..] else { panic!("{:?}", draft.routes) };
    assert_eq!((annotated.resource, route.resource), (Resource::LinkerdAnnotation, Resource::HttpRoute));
    assert_eq!(only(&route.rules).value.retries, Setting::Inherit);
    let rule = &only(&annotated.rules).value;
    assert_eq!(rule.timeout, Setting::To(Span::from_millis(7000)));
    assert!(matches!(&rule.retries, Setting::To(retries) if retries.attempts == 2), "{rule:?}");
}

/// Kinds of object that hold, and timeouts in milliseconds.
type Held = Vec<(Resource, Option<u64>)>;

/// A service and what objects say of it, under each mesh as written.
fn as_written(objects: &str) -> Vec<(&'static str, Held)> {
    let services = "version: 1\nservices: [{name: web, service_time: 1ms}]\n\
                    traffic: [{service: web, from: meshed_client, rate: 1/s}]\n---\n";
    let (mut scenario, said) = crate::drafts::scenario(&format!("{services}{objects}"));
    assert!(!said.contains("error["), "{said}");
    scenario.as_written = true;
    ["linkerd", "istio-sidecar", "none"]
        .map(|mesh| {
            let profile = sim::mesh::profile::find(mesh, None).expect("it is shipped");
            let possible = profile.possible(&scenario);
            let timeout = |of: Setting<Span>| of.or(None).map(|span| span.nanos() / 1_000_000);
            let routes =
                possible.routes.iter().map(|route| (route.resource, timeout(route.rules[0].timeout)));
            let policies = possible.policies.iter().map(|policy| (policy.resource, None));
            (mesh, routes.chain(policies).collect())
        })
        .into()
}

#[test]
fn what_a_mesh_does_not_read_is_told_apart_object_by_object() {
    let route = |version: &str, annotations: &str, timeouts: &str| {
        format!(
            "apiVersion: {version}\nkind: HTTPRoute\nmetadata: {{name: web{annotations}}}\nspec:\n  \
             parentRefs: [{{group: '', kind: Service, name: web}}]\n  rules: [{{backendRefs: [{{name: web, port: 80}}]{timeouts}}}]\n---\n"
        )
    };
    let gateway_api = "gateway.networking.k8s.io/v1";
    let timeouts = ", timeouts: {request: 7s}";
    // Linkerd's own kind is read by nobody else.
    let own = as_written(&route("policy.linkerd.io/v1beta3", "", timeouts));
    assert_eq!(own[0].1, [(Resource::LinkerdHttpRoute, Some(7000))]);
    assert_eq!((&own[1].1, &own[2].1), (&vec![], &vec![]));
    // An annotation holds for who reads it, before the field; the field for the others.
    let annotations = ", annotations: {timeout.linkerd.io/request: 2s}";
    for (annotations, before) in [(annotations, Some(2000)), ("", None)] {
        let both = as_written(&route(gateway_api, annotations, timeouts));
        let first = both[0].1.first().expect("a route");
        assert_eq!(first.1, before.or(Some(7000)), "{both:?}");
        assert_eq!(both[1].1, [(Resource::HttpRoute, Some(7000))], "{both:?}");
    }
    // So does that of a Service, for what the route leaves open.
    let service =
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: web{annotations}}}\nspec: {{}}\n---\n");
    let filled = as_written(&format!("{service}{}", route(gateway_api, "", "")));
    assert_eq!(filled[0].1[0], (Resource::LinkerdAnnotation, Some(2000)));
    assert_eq!(filled[1].1, [(Resource::HttpRoute, None)]);
    let open = as_written(&format!("{service}{}", route(gateway_api, "", timeouts)));
    assert_eq!(open[0].1[0].1, Some(7000));
    // A budget of Gateway API's is nobody's yet, and no HTTPRoute.
    let budget = "apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackendTrafficPolicy\nmetadata: {name: web}\n\
                  spec: {targetRefs: [{group: '', kind: Service, name: web}], retryConstraint: {budget: {percent: 30}}}\n";
    assert!(as_written(budget).iter().all(|(_, held)| held.is_empty()));
}

#[test]
fn a_profile_goes_before_annotations_and_takes_over_a_split() {
    let (draft, said) = annotated(
        "apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: web.shop.svc.cluster.local, namespace: shop}\n\
         spec: {routes: [{name: a, condition: {method: GET}, isRetryable: true}]}\n---\n\
         apiVersion: split.smi-spec.io/v1alpha1\nkind: TrafficSplit\nmetadata: {name: s, namespace: shop}\n\
         spec: {service: web, backends: [{service: web-1, weight: 900m}, {service: web-2, weight: 100m}]}\n",
    );
    assert!(said.contains("have no effect: it has a ServiceProfile"), "{said}");
    let resources: Vec<_> = draft.routes.iter().map(|route| route.resource).collect();
    assert_eq!(resources, [Resource::ServiceProfile, Resource::TrafficSplit]);
    let expected = [("web-1".to_owned(), 0.9), ("web-2".to_owned(), 0.1)];
    assert!(draft.routes[0].rules.iter().all(|rule| backends(&rule.value) == expected));
    assert_eq!(draft.policies.len(), 1, "failures are still counted");
}

#[test]
fn annotations_that_say_nothing_possible_are_errors() {
    let service = |annotation: &str| {
        text(&format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: a, annotations: {{{annotation}}}}}\nspec: {{selector: {{a: b}}}}\n"
        ))
        .1
    };
    let accrual = "balancer.linkerd.io/failure-accrual";
    for (annotation, expected) in [
        ("retry.linkerd.io/http: 4xx".to_owned(), "`4xx` is no status that can be tried again"),
        ("retry.linkerd.io/http: 504-500".to_owned(), "`504-500` is no status"),
        ("retry.linkerd.io/grpc: unavailble".to_owned(), "did you mean `unavailable`?"),
        ("timeout.linkerd.io/request: 1m30s".to_owned(), "write one whole number with ms, s, m, h or d"),
        ("timeout.linkerd.io/request: 1.5s".to_owned(), "write one whole number with ms, s, m, h or d"),
        ("timeout.linkerd.io/idle: 1s".to_owned(), "not modelled: streams are never idle"),
        (format!("{accrual}: success-rate"), "failures are counted in a row only, not as `success-rate`"),
        (
            format!("{accrual}: consecutive, {accrual}-consecutive-min-penalty: 90s"),
            "the longest penalty, 60s, is shorter than the first, 90s",
        ),
        (
            format!("{accrual}: consecutive, {accrual}-consecutive-jitter-ratio: '7'"),
            "jitter above 1 is taken for 1",
        ),
    ] {
        let said = service(&annotation);
        assert!(said.contains(expected) && said.contains("a.yaml:3:"), "{annotation}: {said}");
    }
}

#[test]
fn policies_refuse_nobody() {
    for (version, kind) in [
        ("policy.linkerd.io/v1beta3", "Server"),
        ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy"),
        ("policy.linkerd.io/v1alpha1", "MeshTLSAuthentication"),
        ("policy.linkerd.io/v1beta1", "ServerAuthorization"),
    ] {
        let (_, said) = text(&format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{port: 80}}\n"
        ));
        assert!(said.contains(&format!("`{kind}` is not modelled: nobody is refused")), "{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_objects_of_linkerd_are_never_fatal(
        file in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(OTHERS)), 1..6),
    ) {
        let examples = examples("linkerd");
        text(&spoilt(file.get::<String>(&examples), &places));
    }
}

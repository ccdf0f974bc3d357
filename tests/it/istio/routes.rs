//! `VirtualService`.

use sim::input::draft::{BackendDraft, Level, Via};
use sim::units::Span;
use sim::vocabulary::routing::{Backoff, GrpcStatus, RetryOn, Rule, RuleAction, Setting, Status};
use sim::vocabulary::text::{PathMatch, TextMatch};

use super::{backends, exact, example, named, only, ratio, route, text};

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

//! Istio's own example, where it is at hand.

use std::path::Path;

use sim::input::Draft;
use sim::input::draft::{BackendDraft, Via};
use sim::units::Ratio;
use sim::vocabulary::routing::{Rule, RuleAction, Setting};
use sim::vocabulary::text::PathMatch;

use super::{backends, exact, named, only, read};

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

fn is_for_jason(rule: &Rule<BackendDraft>) -> bool {
    only(&rule.matches).headers == [named("end-user", exact("jason"), false)]
}

//! `DestinationRule`.

use sim::input::Draft;
use sim::input::draft::PolicyDraft;
use sim::units::Span;
use sim::vocabulary::resilience::{
    ClientTls, Limits, Locality, OutlierEjection, RetryBudget, TrafficPolicy, WarmUp,
};
use sim::vocabulary::{BalancingPolicy, HashOn};

use super::{example, ratio, text};

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
    let hash = |policy: &TrafficPolicy| policy.balancing.clone().map(|one| (one.policy, one.hash_on));
    assert_eq!(
        hash(others),
        Some((BalancingPolicy::RingHash, HashOn::Cookie { name: "session".to_owned(), ttl: None }))
    );
    assert_eq!(others.locality, Some(Locality::Failover(vec![("north".to_owned(), "south".to_owned())])));
    assert_eq!(others.warm_up.map(|one| (one.minimum, one.aggression)), Some((ratio(0.2), 2.0)));
    let ejection = others.ejection.expect("an ejection");
    assert_eq!((ejection.consecutive_errors, ejection.consecutive_gateway_errors), (None, Some(2)));
    assert_eq!((ejection.max_ratio, ejection.interval), (ratio(0.1), Span::from_millis(10_000)));
    assert_eq!(others.tls, Some(ClientTls::Off));
    let hashed = &policy(&draft, "hashed", None, None).policy.value;
    assert_eq!(hash(hashed), Some((BalancingPolicy::RingHash, HashOn::Query("page".to_owned()))));
    let source = &policy(&draft, "hashed", Some("by-source"), None).policy.value;
    assert_eq!(hash(source), Some((BalancingPolicy::RingHash, HashOn::Source)));
}

#[test]
fn a_retry_budget_has_istios_defaults() {
    for (written, percent, minimum) in [
        ("{}", 0.2, 3),
        ("{percent: 0}", 0.0, 3),
        ("{minRetryConcurrency: 0}", 0.2, 3),
        ("{percent: 0.2, minRetryConcurrency: 7}", 0.002, 7),
    ] {
        let (draft, said) = text(&format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: a}}\nspec: {{host: a, trafficPolicy: {{retryBudget: {written}}}}}\n"
        ));
        let budget = policy(&draft, "a", None, None).policy.value.retry_budget;
        let expected = RetryBudget::Concurrent { ratio: ratio(percent), minimum };
        assert_eq!((budget, said.as_str()), (Some(expected), ""), "{written}");
    }
}

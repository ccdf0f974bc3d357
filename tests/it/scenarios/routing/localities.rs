//! Zones that a client proxy prefers: shares by weight, and failing over where endpoints are ejected.

use sim::metrics::RunRecord;
use sim::placement::{ZoneIdx, zone_of};
use sim::units::Bytes;
use sim::vocabulary::failure::Cause;

use super::outcomes;
use crate::common::free_proxies;

/// Bytes of a request and its response.
const CALL: u64 = 512 + 1024;

/// Two seconds, after two, of a thousand requests a second from clients in two zones.
fn zoned(clients: u32, service: &str, policy: &str) -> RunRecord {
    let mut mesh = free_proxies();
    if let Some(proxy) = &mut mesh.sidecar {
        (proxy.request_overhead, proxy.response_overhead) = (Bytes::ZERO, Bytes::ZERO);
    }
    let text = format!(
        "cluster: {{zones: [a, b], network_delay: 0s, zone_delay: 0s}}
services: [{service}]
routes: [{{host: web, retries: none}}]
policies: [{{service: web, {policy}}}]
traffic: [{{name: users, service: web, from: {{meshed_client: {{replicas: {clients}}}}}, arrivals: {{constant: 1000/s}}}}]
"
    );
    super::super::run(&mesh, 2_000, 2_000, &text)
}

/// Share of the calls that go from one zone to another.
fn crossing(record: &RunRecord) -> f64 {
    let edge = &record.edges[0];
    assert_eq!(edge.calls, 2_000);
    edge.cross_zone_bytes as f64 / (CALL * edge.calls) as f64
}

const WEB: &str = "{name: web, replicas: 4, service_time: 1ms}";

/// As `ejection`, of endpoints that never fail.
const EJECTION: &str = "ejection: {consecutive_errors: 5}";

#[test]
fn calls_are_distributed_over_zones_by_weight() {
    let far = |policy: &str| crossing(&zoned(1, WEB, policy));
    let client_is_in_a = zone_of("client:users", 0, 2) == ZoneIdx(0);
    for (weights, to_a) in [("{a: 80, b: 20}", 0.8), ("{a: 1, b: 3}", 0.25), ("{a: 1}", 1.0), ("{b: 7}", 0.0)]
    {
        let expected: f64 = if client_is_in_a { 1.0 - to_a } else { to_a };
        // Four standard deviations of 2000 draws.
        let tolerance = 4.0 * (expected * (1.0 - expected) / 2000.0).sqrt() + 1e-9;
        let distribute = format!("locality: {{distribute: {{'*': {weights}}}}}");
        for balancing in ["least_request", "round_robin", "random"] {
            let share = far(&format!("balancing: {balancing}, {distribute}"));
            assert!((share - expected).abs() <= tolerance, "{weights} {balancing}: {share}");
        }
        // One caller, one hash, one endpoint.
        let share = far(&format!("balancing: {{policy: maglev, hash_on: source}}, {distribute}"));
        assert!([0.0, 1.0].contains(&share) && (share - expected).abs() < 1.0, "{weights}: {share}");
    }
    // The caller's zone decides which weights hold.
    let both = "locality: {distribute: {a: {a: 90, b: 10}, b: {a: 10, b: 90}}}";
    assert!((crossing(&zoned(2, WEB, both)) - 0.1).abs() < 4.0 * (0.09 / 2000.0_f64).sqrt());
}

#[test]
fn callers_stay_in_their_zone_only_where_failing_endpoints_are_ejected() {
    for (policy, expected) in [
        ("balancing: random", 0.5),
        ("balancing: random, locality: failover", 0.5),
        ("balancing: random, locality: 'off', ejection: {}", 0.5),
        // Istio's way unless told otherwise.
        ("balancing: random, ejection: {}", 0.0),
        ("balancing: random, locality: failover, ejection: {}", 0.0),
    ] {
        let policy = policy.replace("ejection: {}", EJECTION);
        let share = crossing(&zoned(2, WEB, &policy));
        assert!((share - expected).abs() < if expected == 0.0 { 1e-9 } else { 0.05 }, "{policy}: {share}");
    }
}

/// A service of two endpoints in different zones, one of which always fails.
fn half_failing() -> String {
    let zone = |version: &str| zone_of(&format!("default/web@{version}"), 0, 2);
    let names = ["v1", "v2", "v3", "v4", "v5", "v6"];
    let bad = names.iter().find(|name| zone(name) != zone("good")).expect("one is in the other zone");
    format!(
        "{{name: web, service_time: 1ms, versions: [{{name: good}}, {{name: {bad}, error_ratio: 100%}}]}}"
    )
}

#[test]
fn the_other_zone_stands_in_for_ejected_endpoints() {
    let ejection = |most: &str| {
        format!("ejection: {{consecutive_errors: 5, base_time: 100s, max_time: 100s, max_ratio: {most}}}")
    };
    let record = zoned(2, &half_failing(), &ejection("50%"));
    assert_eq!(outcomes(&record, Cause::Application), (2_000, 0, 0), "ejected in the first second");
    assert!((crossing(&record) - 0.5).abs() < 0.05, "of the clients, one has the good one far away");
    // Not ejected, the failing endpoint is the nearest to one of the clients.
    let record = zoned(2, &half_failing(), &ejection("40%"));
    let (_, failed, _) = outcomes(&record, Cause::Application);
    assert!(failed.abs_diff(1_000) < 100, "{failed}");
    assert_eq!(record.edges[0].cross_zone_bytes, 0);
}

//! `trafficPolicy` of a `DestinationRule`, its subsets and ports.

use crate::diag::Diagnostics;
use crate::input::fields;
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::Node;
use crate::units::{Ratio, Span};
use crate::vocabulary::resilience::{
    ClientTls, Limits, Locality, OutlierEjection, RetryBudget, TrafficPolicy, WarmUp,
};
use crate::vocabulary::{Balancing, BalancingPolicy, HashOn};

use super::{no_effect, value};

const LOAD_BALANCER: &[Row] = &[
    ("simple", Treatment::Modelled),
    ("consistentHash.httpHeaderName", Treatment::Modelled),
    ("consistentHash.httpCookie.name", Treatment::Modelled),
    ("consistentHash.httpCookie.ttl", Treatment::Modelled),
    ("consistentHash.httpCookie.path", Treatment::Irrelevant),
    ("consistentHash.httpCookie.attributes", Treatment::Irrelevant),
    ("consistentHash.useSourceIp", Treatment::Modelled),
    ("consistentHash.httpQueryParameterName", Treatment::Modelled),
    ("consistentHash.ringHash", Treatment::Modelled),
    (
        "consistentHash.ringHash.minimumRingSize",
        Treatment::Named("every ring has at least Istio's 1024 points"),
    ),
    ("consistentHash.maglev", Treatment::Modelled),
    ("consistentHash.maglev.tableSize", Treatment::Named("every table has Istio's 65537 entries")),
    ("consistentHash.minimumRingSize", Treatment::Named("every ring has at least Istio's 1024 points")),
    ("localityLbSetting.enabled", Treatment::Modelled),
    ("localityLbSetting.distribute[].from", Treatment::Modelled),
    ("localityLbSetting.distribute[].to", Treatment::Modelled),
    ("localityLbSetting.failover[].from", Treatment::Modelled),
    ("localityLbSetting.failover[].to", Treatment::Modelled),
    (
        "localityLbSetting.failoverPriority",
        Treatment::Named("endpoints are told apart by zone, not by labels"),
    ),
    ("zoneAwareLbSetting", Treatment::Named("Envoy's zone-aware routing is not simulated")),
    ("warmup.duration", Treatment::Modelled),
    ("warmup.minimumPercent", Treatment::Modelled),
    ("warmup.aggression", Treatment::Modelled),
    ("warmupDurationSecs", Treatment::Modelled),
];

const PROTOCOL: Treatment = Treatment::Named("proxies speak to each other what the profile says");

const CONNECTION_POOL: &[Row] = &[
    ("tcp.maxConnections", Treatment::Modelled),
    ("tcp.connectTimeout", Treatment::Modelled),
    ("tcp.idleTimeout", Treatment::Modelled),
    ("tcp.maxConnectionDuration", Treatment::Named("connections do not end by age")),
    ("tcp.tcpKeepalive", Treatment::Irrelevant),
    ("http.http1MaxPendingRequests", Treatment::Modelled),
    ("http.http2MaxRequests", Treatment::Modelled),
    ("http.maxRequestsPerConnection", Treatment::Modelled),
    ("http.maxRetries", Treatment::Modelled),
    ("http.idleTimeout", Treatment::Modelled),
    ("http.h2UpgradePolicy", PROTOCOL),
    ("http.useClientProtocol", PROTOCOL),
    ("http.maxConcurrentStreams", Treatment::Named("streams of a connection are limited by the profile")),
    ("http.http2KeepAlive", Treatment::Irrelevant),
];

const OUTLIERS: &[Row] = &[
    ("consecutiveErrors", Treatment::Modelled),
    ("consecutive5xxErrors", Treatment::Modelled),
    ("consecutiveGatewayErrors", Treatment::Modelled),
    ("splitExternalLocalOriginErrors", Treatment::Modelled),
    ("consecutiveLocalOriginFailures", Treatment::Modelled),
    ("interval", Treatment::Modelled),
    ("baseEjectionTime", Treatment::Modelled),
    ("maxEjectionPercent", Treatment::Modelled),
    ("minHealthPercent", Treatment::Modelled),
    ("outlierDetectionHttpErrorCodes", Treatment::Named("failures are the statuses from 500")),
];

const COMMON: &[Row] = &[
    ("loadBalancer", Treatment::Like(LOAD_BALANCER)),
    ("connectionPool", Treatment::Like(CONNECTION_POOL)),
    ("outlierDetection", Treatment::Like(OUTLIERS)),
    ("tls", Treatment::Irrelevant),
    ("tls.mode", Treatment::Modelled),
    (
        "retryBudget.percent",
        Treatment::ModelledAs("20 % where it is missing; before Istio 1.30 it was 0.2 % (istio/istio#59505)"),
    ),
    ("retryBudget.minRetryConcurrency", Treatment::ModelledAs("3 where it is missing or 0, as in Istio")),
    ("retryBudget.budgetInterval", Treatment::Named("Envoy's budget looks at requests under way")),
];

/// Fields of a `trafficPolicy`.
pub(super) const ROWS: &[Row] = &[
    ("portLevelSettings[].port.number", Treatment::Modelled),
    ("portLevelSettings[]", Treatment::Like(COMMON)),
    ("", Treatment::Like(COMMON)),
    ("tunnel", Treatment::Named("nothing is tunnelled through a forward proxy")),
    ("proxyProtocol", Treatment::Irrelevant),
];

/// What Istio has where an object is silent (istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go, Envoy's
/// outlier_detection.proto and circuit_breaker.proto).
mod silent {
    use super::{Ratio, Span};

    pub(super) const UNLIMITED: u32 = u32::MAX;
    pub(super) const CONNECT_TIMEOUT: Span = Span::from_millis(10_000);
    pub(super) const IDLE_TIMEOUT: Span = Span::from_millis(3_600_000);
    pub(super) const CONSECUTIVE_ERRORS: u32 = 5;
    pub(super) const INTERVAL: Span = Span::from_millis(10_000);
    pub(super) const BASE_EJECTION: Span = Span::from_millis(30_000);
    pub(super) const MAX_EJECTION: Span = Span::from_millis(300_000);
    pub(super) const BUDGET_CONCURRENCY: u32 = 3;

    pub(super) fn percent(percent: u32) -> Ratio {
        Ratio::new(f64::from(percent) / 100.0).expect("a share")
    }
}

/// What a `trafficPolicy` or one of its ports says.
pub(super) fn traffic(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> TrafficPolicy {
    let balancer = node.get("loadBalancer");
    TrafficPolicy {
        balancing: balancer.and_then(|balancer| balancing(balancer, diagnostics)),
        warm_up: balancer.and_then(|balancer| warm_up(balancer, diagnostics)),
        locality: balancer
            .and_then(|balancer| balancer.get("localityLbSetting"))
            .map(|setting| locality(setting, diagnostics)),
        limits: node.get("connectionPool").map(|pool| limits(pool, diagnostics)).unwrap_or_default(),
        ejection: node.get("outlierDetection").map(|outliers| ejection(outliers, diagnostics)),
        breaker: None,
        retry_budget: node.get("retryBudget").map(|budget| RetryBudget::Concurrent {
            ratio: budget
                .read("percent", value::percentage, diagnostics)
                .unwrap_or_else(|| silent::percent(20)),
            minimum: budget
                .read("minRetryConcurrency", fields::u32, diagnostics)
                .filter(|minimum| *minimum > 0)
                .unwrap_or(silent::BUDGET_CONCURRENCY),
        }),
        tls: node.get("tls").and_then(|tls| tls.read("mode", tls_mode, diagnostics)),
    }
}

/// What a subset leaves open of the parts that it speaks of: Istio takes each part whole from the subset or the host.
pub(super) fn complete(subset: &mut TrafficPolicy, written: Foreign<'_>, host: &TrafficPolicy) {
    if written.get("connectionPool").is_some() {
        let (own, host) = (&mut subset.limits, &host.limits);
        let counts = [
            (&mut own.connections, host.connections),
            (&mut own.pending, host.pending),
            (&mut own.requests, host.requests),
            (&mut own.requests_per_connection, host.requests_per_connection),
            (&mut own.retries, host.retries),
        ];
        for (own, host) in counts {
            if host.is_some() {
                own.get_or_insert(silent::UNLIMITED);
            }
        }
        if host.connect_timeout.is_some() {
            own.connect_timeout.get_or_insert(silent::CONNECT_TIMEOUT);
        }
        if host.idle_timeout.is_some() {
            own.idle_timeout.get_or_insert(silent::IDLE_TIMEOUT);
        }
    }
    if written.get("loadBalancer").is_some() && host.balancing.is_some() {
        let policy = BalancingPolicy::LeastRequest;
        subset.balancing.get_or_insert(Balancing { policy, hash_on: HashOn::Source });
    }
    if written.get("loadBalancer").is_some() && host.locality.is_some() {
        subset.locality.get_or_insert(Locality::Failover(Vec::new()));
    }
}

/// Values of `simple`; `None` is the mesh's own way.
const SIMPLE: &[(&str, Option<BalancingPolicy>)] = &[
    ("UNSPECIFIED", None),
    ("ROUND_ROBIN", Some(BalancingPolicy::RoundRobin)),
    ("LEAST_REQUEST", Some(BalancingPolicy::LeastRequest)),
    ("LEAST_CONN", Some(BalancingPolicy::LeastRequest)),
    ("RANDOM", Some(BalancingPolicy::Random)),
    ("PASSTHROUGH", None),
];

fn balancing(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Balancing> {
    if let Some(hash) = node.get("consistentHash") {
        return consistent(hash, diagnostics);
    }
    let simple = node.get("simple")?;
    let policy = fields::choice(simple.node(), "`simple`", SIMPLE, diagnostics)?;
    if simple.node().text() == Some("PASSTHROUGH") {
        let message =
            "callers choose no address themselves: PASSTHROUGH is taken for the mesh's own balancing";
        diagnostics.push(no_effect(message, simple.location()));
    }
    Some(Balancing { policy: policy?, hash_on: HashOn::Source })
}

fn consistent(hash: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Balancing> {
    let is_maglev = hash.get("maglev").is_some();
    let is_ring = hash.get("ringHash").is_some();
    let header = hash.read("httpHeaderName", fields::text, diagnostics);
    let query = hash.read("httpQueryParameterName", fields::text, diagnostics);
    let cookie = hash.get("httpCookie").and_then(|cookie| {
        let name = cookie.read("name", fields::text, diagnostics)?;
        // Without a lifetime Envoy hands out no cookie itself.
        Some(HashOn::Cookie { name, ttl: cookie.read("ttl", fields::span, diagnostics) })
    });
    let source = hash.read("useSourceIp", fields::boolean, diagnostics).unwrap_or(false);
    let hash_on = match (header, query, cookie) {
        (Some(header), ..) => HashOn::Header(header.to_ascii_lowercase()),
        (None, Some(query), _) => HashOn::Query(query),
        (None, None, Some(cookie)) => cookie,
        (None, None, None) if source => HashOn::Source,
        (None, None, None) => {
            let message = "a consistent hash of nothing: Istio balances as if it were not there";
            diagnostics.push(no_effect(message, hash.location()));
            return None;
        }
    };
    let policy = if is_maglev && !is_ring { BalancingPolicy::Maglev } else { BalancingPolicy::RingHash };
    Some(Balancing { policy, hash_on })
}

fn warm_up(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<WarmUp> {
    let (default, growth) = (silent::percent(10), 1.0);
    let Some(warm_up) = node.get("warmup") else {
        let duration = node.read("warmupDurationSecs", fields::span, diagnostics)?;
        return Some(WarmUp { duration, minimum: default, aggression: growth });
    };
    let minimum = warm_up.read("minimumPercent", value::percentage, diagnostics).unwrap_or(default);
    let aggression = warm_up.read("aggression", at_least_one, diagnostics).unwrap_or(growth);
    let duration = warm_up.required("duration", "`warmup`", fields::positive_span, diagnostics)?;
    Some(WarmUp { duration, minimum, aggression })
}

fn at_least_one(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    fields::parsed(node, "a number", diagnostics, |text| {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 1.0);
        number.ok_or_else(|| crate::units::UnitError::new("write a number from 1"))
    })
}

fn locality(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Locality {
    if node.read("enabled", fields::boolean, diagnostics) == Some(false) {
        return Locality::Off;
    }
    let mut distribution = Vec::new();
    for rule in node.elements("distribute") {
        let from = rule.required("from", "a distribution", fields::text, diagnostics);
        let to = rule.read("to", fields::map(fields::f64), diagnostics).unwrap_or_default();
        let to = to.into_iter().map(|(name, weight)| (zone(&name.value), weight)).collect();
        distribution.extend(from.map(|from| (zone(&from), to)));
    }
    let mut failover = Vec::new();
    for rule in node.elements("failover") {
        let from = rule.required("from", "a failover", fields::text, diagnostics);
        let to = rule.required("to", "a failover", fields::text, diagnostics);
        failover.extend(from.zip(to));
    }
    if distribution.is_empty() { Locality::Failover(failover) } else { Locality::Distribute(distribution) }
}

/// The zone of `region/zone/sub-zone`, or the region where no zone is written.
fn zone(locality: &str) -> String {
    let mut parts = locality.split('/');
    let region = parts.next().unwrap_or_default();
    parts.next().filter(|zone| *zone != "*").unwrap_or(region).to_owned()
}

fn limits(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Limits {
    let tcp = node.get("tcp");
    let http = node.get("http");
    // Zero is protobuf's way to say nothing.
    let mut count = |part: Option<Foreign<'_>>, field: &str| {
        part?.read(field, fields::u32, diagnostics).filter(|count| *count > 0)
    };
    let connections = count(tcp, "maxConnections");
    let pending = count(http, "http1MaxPendingRequests");
    let requests = count(http, "http2MaxRequests");
    let requests_per_connection = count(http, "maxRequestsPerConnection");
    let retries = count(http, "maxRetries");
    let mut span = |part: Option<Foreign<'_>>, field: &str| value::span(part?, field, diagnostics).or(None);
    let idle_timeout = span(http, "idleTimeout");
    let tcp_idle_timeout = span(tcp, "idleTimeout");
    Limits {
        connections,
        pending,
        requests,
        requests_per_connection,
        retries,
        connect_timeout: span(tcp, "connectTimeout"),
        idle_timeout: idle_timeout.or(tcp_idle_timeout),
    }
}

fn ejection(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> OutlierEjection {
    let mut count = |field: &str| node.read(field, fields::u32, diagnostics);
    // The field of old counted gateway errors alone.
    let legacy = count("consecutiveErrors").filter(|count| *count > 0);
    let any = count("consecutive5xxErrors");
    let gateway = count("consecutiveGatewayErrors");
    let local = count("consecutiveLocalOriginFailures").unwrap_or(silent::CONSECUTIVE_ERRORS);
    let are_split = node.read("splitExternalLocalOriginErrors", fields::boolean, diagnostics) == Some(true);
    let silent_any = if legacy.is_some() { 0 } else { silent::CONSECUTIVE_ERRORS };
    let on = |count: u32| (count > 0).then_some(count);
    let mut span =
        |field: &str, silent: Span| node.read(field, fields::positive_span, diagnostics).unwrap_or(silent);
    let interval = span("interval", silent::INTERVAL);
    let base_time = span("baseEjectionTime", silent::BASE_EJECTION);
    let mut percent = |field: &str, silent: u32| {
        node.read(field, value::percentage, diagnostics).unwrap_or_else(|| silent::percent(silent))
    };
    OutlierEjection {
        consecutive_errors: on(any.unwrap_or(silent_any)),
        consecutive_gateway_errors: on(gateway.or(legacy).unwrap_or(0)),
        consecutive_local_errors: on(local).filter(|_| are_split),
        interval,
        base_time,
        max_time: silent::MAX_EJECTION.max(base_time),
        max_ratio: percent("maxEjectionPercent", 10),
        panic_ratio: percent("minHealthPercent", 0),
    }
}

fn tls_mode(node: &Node, diagnostics: &mut Diagnostics) -> Option<ClientTls> {
    const MODES: &[(&str, ClientTls)] = &[
        ("DISABLE", ClientTls::Off),
        ("SIMPLE", ClientTls::Simple),
        ("MUTUAL", ClientTls::Simple),
        ("ISTIO_MUTUAL", ClientTls::Mesh),
    ];
    fields::choice(node, "a mode of TLS", MODES, diagnostics)
}

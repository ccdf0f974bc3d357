//! The section `policies`: how callers treat a service, or a subset or port of it.
//!
//! ```yaml
//! policies:
//!   - service: reviews
//!     balancing: {policy: ring_hash, hash_on: 'header:x-user'}
//!     limits: {connections: 100, pending: 10}
//!     ejection: {consecutive_errors: 3, base_time: 1m}
//!   - {service: reviews, subset: v2, circuit_breaker: {max_failures: 5}, retry_budget: {tokens: {ratio: 10%}}}
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::units::{Ratio, Span};
use crate::vocabulary::resilience::{
    ClientTls, ConsecutiveFailures, Limits, Locality, OutlierEjection, RetryBudget, TrafficPolicy, WarmUp,
};
use crate::vocabulary::{Balancing, BalancingPolicy, HashOn};

use crate::input::defaults;
use crate::input::draft::PolicyDraft;
use crate::input::fields::{self, Fields, located, map};
use crate::input::tree::{Located, Node, Value};

use super::routes::resource;
use super::rules::{inheritable, or_word, port};

pub(crate) const TLS: &[(&str, ClientTls)] =
    &[("off", ClientTls::Off), ("mesh", ClientTls::Mesh), ("simple", ClientTls::Simple)];

/// Keys that say something.
const SAID: [&str; 8] =
    ["balancing", "warm_up", "locality", "limits", "ejection", "circuit_breaker", "retry_budget", "tls"];

/// One policy.
pub(super) fn policy(node: &Node, diagnostics: &mut Diagnostics) -> Option<PolicyDraft> {
    let mut fields = Fields::new(node, "a policy", diagnostics);
    let errors = fields.errors();
    let name = fields.read("name", located(fields::text));
    let resource = resource(&mut fields);
    let namespace = fields.read("namespace", fields::text);
    let service = fields.need("service", located(fields::text));
    let subset = fields.read("subset", located(fields::text));
    let port = fields.read("port", port);
    let policy = TrafficPolicy {
        balancing: fields.read("balancing", inheritable(balancing)).flatten(),
        warm_up: fields.read("warm_up", inheritable(warm_up)).flatten(),
        locality: fields.read("locality", inheritable(locality)).flatten(),
        limits: fields.read("limits", limits).unwrap_or_default(),
        ejection: fields.read("ejection", inheritable(ejection)).flatten(),
        breaker: fields.read("circuit_breaker", inheritable(breaker)).flatten(),
        retry_budget: fields.read("retry_budget", inheritable(retry_budget)).flatten(),
        tls: fields.read("tls", inheritable(tls)).flatten(),
    };
    let is_silent = fields.errors() == errors && !SAID.iter().any(|key| fields.has(key));
    if is_silent && node.entries().is_some() {
        let problem = Diagnostic::error(Code::MissingKey, "a policy says nothing").at(fields.location());
        fields.report(problem.hint(format!("it has one of: {}", SAID.join(", "))));
    }
    fields.finish();
    Some(PolicyDraft {
        name,
        resource,
        namespace,
        service: service?,
        subset,
        port,
        policy: Located::new(policy, node.location),
    })
}

/// `least_request`, or `{policy: ring_hash, hash_on: header:x-user}`.
fn balancing(node: &Node, diagnostics: &mut Diagnostics) -> Option<Balancing> {
    let named = |node: &Node, diagnostics: &mut Diagnostics| {
        fields::choice(node, "a balancing policy", &BalancingPolicy::ALL, diagnostics)
    };
    if node.entries().is_none() {
        return Some(Balancing { policy: named(node, diagnostics)?, hash_on: HashOn::Source });
    }
    let mut fields = Fields::new(node, "`balancing`", diagnostics);
    let policy = fields.need("policy", named);
    let hash_on = fields.read("hash_on", located(hash_on));
    if let (Some(policy), Some(hash_on)) = (policy, &hash_on)
        && !matches!(policy, BalancingPolicy::RingHash | BalancingPolicy::Maglev)
    {
        let message = "only ring_hash and maglev look at `hash_on`";
        fields.report(Diagnostic::error(Code::InvalidValue, message).at(hash_on.location));
    }
    fields.finish();
    Some(Balancing { policy: policy?, hash_on: hash_on.map_or(HashOn::Source, |hash_on| hash_on.value) })
}

fn hash_on(node: &Node, diagnostics: &mut Diagnostics) -> Option<HashOn> {
    let text = fields::text(node, diagnostics)?;
    let named =
        text.split_once(':').map(|(kind, name)| (kind, name.trim())).filter(|(_, name)| !name.is_empty());
    match named {
        None if text == "source" => Some(HashOn::Source),
        Some(("header", name)) => Some(HashOn::Header(name.to_ascii_lowercase())),
        Some(("cookie", cookie)) => {
            let (name, ttl) = cookie.split_once(':').unwrap_or((cookie, "0s"));
            let ttl = if ttl == "none" { None } else { Some(Span::parse(ttl).ok()?) };
            Some(HashOn::Cookie { name: name.to_owned(), ttl })
        }
        Some(("query", name)) => Some(HashOn::Query(name.to_owned())),
        _ => {
            let message = format!("a hash cannot be taken of {}", quote(&text));
            let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
            diagnostics.push(diagnostic.hint("source, header:NAME, cookie:NAME or query:NAME"));
            None
        }
    }
}

/// `30s`, or `{duration: 30s, minimum: 10%, aggression: 1}`.
fn warm_up(node: &Node, diagnostics: &mut Diagnostics) -> Option<WarmUp> {
    let of = |duration| WarmUp {
        duration,
        minimum: defaults::warm_up_minimum(),
        aggression: defaults::WARM_UP_AGGRESSION,
    };
    if matches!(node.value, Value::Scalar { .. }) {
        return fields::positive_span(node, diagnostics).map(of);
    }
    let mut fields = Fields::new(node, "`warm_up`", diagnostics);
    let duration = fields.need("duration", fields::positive_span);
    let minimum = fields.read("minimum", fields::ratio);
    let aggression = fields.read("aggression", at_least_one);
    fields.finish();
    let silent = of(duration?);
    Some(WarmUp {
        minimum: minimum.unwrap_or(silent.minimum),
        aggression: aggression.unwrap_or(silent.aggression),
        ..silent
    })
}

fn at_least_one(node: &Node, diagnostics: &mut Diagnostics) -> Option<f64> {
    let number = fields::f64(node, diagnostics)?;
    if number < 1.0 {
        let message = "this must be at least 1";
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(number)
}

/// `off`, `failover`, `{failover: {north: south}}` or `{distribute: {north: {north: 80, south: 20}}}`.
fn locality(node: &Node, diagnostics: &mut Diagnostics) -> Option<Locality> {
    const WORDS: &[(&str, bool)] = &[("off", false), ("failover", true)];
    if matches!(node.value, Value::Scalar { .. }) {
        let fails_over = fields::choice(node, "`locality`", WORDS, diagnostics)?;
        return Some(if fails_over { Locality::Failover(Vec::new()) } else { Locality::Off });
    }
    match fields::one_of(node, "`locality`", &["failover", "distribute"], diagnostics)? {
        ("failover", zones) => {
            let zones = map(fields::text)(zones, diagnostics)?;
            Some(Locality::Failover(zones.into_iter().map(|(zone, to)| (zone.value, to)).collect()))
        }
        (_, zones) => {
            let zones = map(zone_weights)(zones, diagnostics)?;
            let plain = zones.into_iter().map(|(zone, weights)| (zone.value, weights));
            Some(Locality::Distribute(plain.collect()))
        }
    }
}

/// `{north: 80, south: 20}`.
fn zone_weights(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<(String, f64)>> {
    let weights = map(fields::f64)(node, diagnostics)?;
    if weights.iter().any(|(_, weight)| *weight < 0.0) || weights.iter().all(|(_, weight)| *weight == 0.0) {
        let message = "weights of zones are not negative, and one of them is more than nothing";
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(weights.into_iter().map(|(zone, weight)| (zone.value, weight)).collect())
}

fn limits(node: &Node, diagnostics: &mut Diagnostics) -> Option<Limits> {
    let mut fields = Fields::new(node, "`limits`", diagnostics);
    let mut number = |key| fields.read(key, inheritable(fields::u32)).flatten();
    let (pending, requests, retries) = (number("pending"), number("requests"), number("retries"));
    let mut count = |key| fields.read(key, inheritable(fields::count)).flatten();
    let (connections, requests_per_connection) = (count("connections"), count("requests_per_connection"));
    let mut span = |key| fields.read(key, inheritable(fields::positive_span)).flatten();
    let (connect_timeout, idle_timeout) = (span("connect_timeout"), span("idle_timeout"));
    fields.finish()?;
    Some(Limits {
        connections,
        pending,
        requests,
        requests_per_connection,
        retries,
        connect_timeout,
        idle_timeout,
    })
}

/// `{consecutive_errors: 5, interval: 10s, base_time: 30s, max_ratio: 10%}`.
fn ejection(node: &Node, diagnostics: &mut Diagnostics) -> Option<OutlierEjection> {
    let silent = defaults::ejection();
    let mut fields = Fields::new(node, "`ejection`", diagnostics);
    let mut errors = |key, default| fields.read(key, or_word("none", fields::count)).unwrap_or(default);
    let consecutive_errors = errors("consecutive_errors", silent.consecutive_errors);
    let consecutive_gateway_errors = errors("consecutive_gateway_errors", silent.consecutive_gateway_errors);
    let consecutive_local_errors = errors("consecutive_local_errors", silent.consecutive_local_errors);
    let mut span = |key, default| fields.read(key, fields::positive_span).unwrap_or(default);
    let (interval, base_time) = (span("interval", silent.interval), span("base_time", silent.base_time));
    let max_time = fields.read("max_time", fields::positive_span);
    let mut ratio = |key, default| fields.read(key, fields::ratio).unwrap_or(default);
    let max_ratio: Ratio = ratio("max_ratio", silent.max_ratio);
    let panic_ratio = ratio("panic_ratio", silent.panic_ratio);
    fields.finish()?;
    Some(OutlierEjection {
        consecutive_errors,
        consecutive_gateway_errors,
        consecutive_local_errors,
        interval,
        base_time,
        // As Envoy: never less than the first ejection.
        max_time: max_time.unwrap_or(silent.max_time).max(base_time),
        max_ratio,
        panic_ratio,
    })
}

/// `{max_failures: 7, min_penalty: 1s, max_penalty: 1m, jitter: 50%}`.
fn breaker(node: &Node, diagnostics: &mut Diagnostics) -> Option<ConsecutiveFailures> {
    let silent = defaults::circuit_breaker();
    let mut fields = Fields::new(node, "`circuit_breaker`", diagnostics);
    let max_failures = fields.read("max_failures", fields::count).unwrap_or(silent.max_failures);
    let min_penalty = fields.read("min_penalty", fields::positive_span).unwrap_or(silent.min_penalty);
    let max_penalty = fields.read("max_penalty", located(fields::positive_span));
    let jitter = fields.read("jitter", fields::ratio).unwrap_or(silent.jitter);
    if let Some(longest) = &max_penalty
        && longest.value < min_penalty
    {
        let message = "the longest penalty is shorter than the first one";
        fields.report(Diagnostic::error(Code::InvalidValue, message).at(longest.location));
    }
    fields.finish()?;
    let max_penalty = max_penalty.map_or(silent.max_penalty, |longest| longest.value).max(min_penalty);
    Some(ConsecutiveFailures { max_failures, min_penalty, max_penalty, jitter })
}

/// `concurrent`, `tokens`, `{concurrent: {ratio: 20%, minimum: 3}}` or
/// `{tokens: {ratio: 20%, per_second: 10, ttl: 10s}}`.
fn retry_budget(node: &Node, diagnostics: &mut Diagnostics) -> Option<RetryBudget> {
    if matches!(node.value, Value::Scalar { .. }) {
        let words = [("concurrent", defaults::concurrent_budget()), ("tokens", defaults::token_budget())];
        return fields::choice(node, "a retry budget", &words, diagnostics);
    }
    let (kind, value) = fields::one_of(node, "a retry budget", &["concurrent", "tokens"], diagnostics)?;
    let mut fields = Fields::new(value, quote(kind), diagnostics);
    let ratio = fields.read("ratio", fields::ratio).unwrap_or_else(defaults::budget_ratio);
    let budget = if kind == "concurrent" {
        let minimum = fields.read("minimum", fields::u32).unwrap_or(defaults::BUDGET_MINIMUM);
        RetryBudget::Concurrent { ratio, minimum }
    } else {
        let per_second = fields.read("per_second", fields::u32).unwrap_or(defaults::BUDGET_PER_SECOND);
        let ttl: Span = fields.read("ttl", fields::positive_span).unwrap_or(defaults::BUDGET_TTL);
        RetryBudget::Tokens { ratio, per_second, ttl }
    };
    fields.finish()?;
    Some(budget)
}

fn tls(node: &Node, diagnostics: &mut Diagnostics) -> Option<ClientTls> {
    fields::choice(node, "`tls`", TLS, diagnostics)
}

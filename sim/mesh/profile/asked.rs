//! Which features a scenario asks a mesh for: every element of the vocabulary is one.

use std::collections::BTreeSet;

use crate::mesh::Scenario;
use crate::vocabulary::resilience::{ClientTls, Limits, Locality, RetryBudget, TrafficPolicy};
use crate::vocabulary::routing::{Changes, RequestMatch, Retries, Rule, RuleAction, Setting};
use crate::vocabulary::text::PathMatch;
use crate::vocabulary::{Balancing, BalancingPolicy, HashOn};

use super::super::scenario::Backend;
use super::{FEATURES, Feature};

/// What meshes are installed for: looked at whatever the scenario says.
const ALWAYS: [&str; 2] = ["mtls", "authorization"];

/// The features that a scenario asks for, in the table's order, and those that every mesh is asked for.
pub fn asked(scenario: &Scenario) -> Vec<&'static Feature> {
    let mut names: BTreeSet<&str> = ALWAYS.into();
    for service in &scenario.services {
        names.extend(service.balancing.iter().flat_map(of_balancing));
    }
    for policy in &scenario.policies {
        names.extend(of_policy(&policy.policy));
        names.extend(policy.subset.map(|_| SUBSETS));
    }
    for route in scenario.all_routes() {
        names.extend(route.of_connections.then_some(ROUTE_CONNECTIONS));
        for rule in &route.rules {
            names.extend(of_rule(rule));
        }
    }
    FEATURES.iter().filter(|feature| names.contains(feature.name)).collect()
}

pub(super) const SUBSETS: &str = "subsets";
pub(super) const ROUTE_CONNECTIONS: &str = "route_connections";
pub(super) const RETRIES: &str = "retries";
pub(super) const EJECTION: &str = "outlier_ejection";
const BUDGET: &str = "retry_budget";
const TOKENS: &str = "retry_tokens";
pub(super) const BREAKER: &str = "circuit_breaker";

fn of_rule(rule: &Rule<Backend>) -> Vec<&'static str> {
    let mut names: Vec<&str> = rule.matches.iter().flat_map(of_match).collect();
    names.extend(of_action(&rule.action));
    names.extend(matches!(rule.timeout, Setting::To(_)).then_some("timeout"));
    names.extend(rule.attempt_timeout.map(|_| "per_try_timeout"));
    if let Setting::To(retries) = &rule.retries {
        names.push(RETRIES);
        names.extend(of_retries(retries));
    }
    names.extend(rule.delay.as_ref().map(|_| "fault_delay"));
    names.extend(rule.abort.as_ref().map(|_| "fault_abort"));
    for mirror in &rule.mirrors {
        names.push("mirror");
        names.extend((mirror.ratio.value() < 1.0).then_some("mirror_percentage"));
    }
    names.extend(of_changes(&rule.changes));
    names
}

/// The features that a condition takes.
pub(super) fn of_match(of: &RequestMatch) -> Vec<&'static str> {
    let mut names = Vec::new();
    names.extend(of.path.as_ref().map(|path| match path {
        PathMatch::Exact(_) => "match_path_exact",
        PathMatch::Prefix(_) | PathMatch::Elements(_) => "match_path_prefix",
        PathMatch::Regex(_) => "match_path_regex",
    }));
    names.extend(of.method.as_ref().map(|_| "match_method"));
    names.extend(of.authority.as_ref().map(|_| "match_authority"));
    names.extend((!of.headers.is_empty()).then_some("match_headers"));
    names.extend((!of.query.is_empty()).then_some("match_query"));
    let without = of.headers.iter().chain(&of.query).any(|condition| condition.without);
    names.extend(without.then_some("match_without"));
    names.extend((!of.source_labels.is_empty()).then_some("match_source_labels"));
    names.extend(of.source_namespace.as_ref().map(|_| "match_source_namespace"));
    names.extend(of.port.map(|_| "match_port"));
    names
}

/// The features that it takes to do this with a request.
pub(super) fn of_action(action: &RuleAction<Backend>) -> Vec<&'static str> {
    match action {
        RuleAction::Redirect { .. } => vec!["redirect"],
        RuleAction::Respond { .. } => vec!["direct_response"],
        RuleAction::Forward(backends) => {
            let mut names = Vec::new();
            names.extend((!backends.is_empty()).then_some("weighted_backends"));
            let has_subset = backends
                .iter()
                .any(|weighted| matches!(weighted.backend, Backend::Service { subset: Some(_), .. }));
            names.extend(has_subset.then_some(SUBSETS));
            names
        }
    }
}

/// The features that it takes to retry so, beside retries themselves.
pub(super) fn of_retries(retries: &Retries) -> Vec<&'static str> {
    let mut names = Vec::new();
    names.extend(retries.on.as_ref().map(|_| "retry_conditions"));
    names.extend(retries.backoff.map(|_| "retry_backoff"));
    names.extend(retries.avoid_previous.map(|_| "retry_avoid_previous"));
    names
}

/// The features that changes to a request are.
pub(super) fn of_changes(changes: &Changes) -> Vec<&'static str> {
    let mut names = Vec::new();
    names.extend((changes.request_headers > 0 || changes.response_headers > 0).then_some("header_changes"));
    names.extend((changes.path.is_some() || changes.authority.is_some()).then_some("rewrite"));
    names
}

/// The feature that a retry budget is.
pub(super) const fn of_budget(budget: &RetryBudget) -> &'static str {
    match budget {
        RetryBudget::Concurrent { .. } => BUDGET,
        RetryBudget::Tokens { .. } => TOKENS,
    }
}

fn of_policy(policy: &TrafficPolicy) -> Vec<&'static str> {
    let mut names: Vec<&str> = policy.balancing.iter().flat_map(of_balancing).collect();
    names.extend(policy.warm_up.map(|_| "warm_up"));
    names.extend(policy.locality.as_ref().and_then(of_locality));
    names.extend(of_limits(&policy.limits));
    names.extend(policy.ejection.map(|_| EJECTION));
    names.extend(policy.breaker.map(|_| BREAKER));
    names.extend(policy.retry_budget.map(|budget| of_budget(&budget)));
    names.extend(policy.tls.map(of_tls));
    names
}

/// The policy and what it hashes on; nothing for what no mesh is needed for.
fn of_balancing(balancing: &Balancing) -> Vec<&'static str> {
    let hash = matches!(balancing.policy, BalancingPolicy::RingHash | BalancingPolicy::Maglev)
        .then(|| of_hash(&balancing.hash_on));
    of_balancing_policy(balancing.policy).into_iter().chain(hash).collect()
}

/// The feature that a balancing policy is; `None` for what no mesh is needed for.
pub(super) const fn of_balancing_policy(policy: BalancingPolicy) -> Option<&'static str> {
    match policy {
        BalancingPolicy::Random => Some("balance_random"),
        BalancingPolicy::RoundRobin => Some("balance_round_robin"),
        BalancingPolicy::LeastRequest => Some("balance_least_request"),
        BalancingPolicy::PeakEwma => Some("balance_peak_ewma"),
        BalancingPolicy::RingHash => Some("balance_ring_hash"),
        BalancingPolicy::Maglev => Some("balance_maglev"),
        BalancingPolicy::PerConnection => None,
    }
}

/// The feature that an input of consistent hashing is.
pub(super) const fn of_hash(hash_on: &HashOn) -> &'static str {
    match hash_on {
        HashOn::Source => "balance_hash_source",
        HashOn::Header(_) => "balance_hash_header",
        HashOn::Cookie { .. } => "balance_hash_cookie",
        HashOn::Query(_) => "balance_hash_query",
    }
}

/// The feature that a preference of zones is; `None` for having none.
pub(super) const fn of_locality(locality: &Locality) -> Option<&'static str> {
    match locality {
        Locality::Off => None,
        Locality::Failover(zones) if zones.is_empty() => Some("balance_locality"),
        Locality::Failover(_) => Some("locality_failover"),
        Locality::Distribute(_) => Some("locality_distribute"),
    }
}

/// The feature that a choice of encryption is.
pub(super) const fn of_tls(tls: ClientTls) -> &'static str {
    match tls {
        ClientTls::Off | ClientTls::Mesh => "mtls_choice",
        ClientTls::Simple => "tls_origination",
    }
}

fn of_limits(limits: &Limits) -> Vec<&'static str> {
    let mut limits = *limits;
    let mut names = Vec::new();
    each_limit(&mut limits, |name, is_set| {
        names.extend(is_set.then_some(name));
        true
    });
    names
}

/// Looks at each limit with the name of its feature and whether it is set; takes away those for which `keep` is false.
pub(super) fn each_limit(limits: &mut Limits, mut keep: impl FnMut(&'static str, bool) -> bool) {
    fn look<T>(limit: &mut Option<T>, name: &'static str, keep: &mut impl FnMut(&'static str, bool) -> bool) {
        if !keep(name, limit.is_some()) {
            *limit = None;
        }
    }
    look(&mut limits.connections, "connection_limit", &mut keep);
    look(&mut limits.pending, "pending_limit", &mut keep);
    look(&mut limits.requests, "request_limit", &mut keep);
    look(&mut limits.requests_per_connection, "requests_per_connection", &mut keep);
    look(&mut limits.retries, "retry_limit", &mut keep);
    look(&mut limits.connect_timeout, "connect_timeout", &mut keep);
    look(&mut limits.idle_timeout, "idle_timeout", &mut keep);
}

//! What is left of a scenario where a mesh has no equivalent, and of its objects where the mesh reads them only.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::input::defaults;
use crate::mesh::Scenario;
use crate::units::Ratio;
use crate::vocabulary::resilience::{ConsecutiveFailures, OutlierEjection, RetryBudget, TrafficPolicy};
use crate::vocabulary::routing::{Resource, Rule, RuleAction, Setting};
use crate::vocabulary::{Balancing, BalancingPolicy, HashOn};

use super::super::scenario::{Backend, Policy, Route, policy_of};
use super::asked::{
    BREAKER, EJECTION, RETRIES, ROUTE_CONNECTIONS, SUBSETS, each_limit, of_action, of_balancing_policy,
    of_budget, of_changes, of_hash, of_locality, of_match, of_retries, of_tls,
};
use super::{Capability, Enforcer, FEATURES, Profile, Support};

/// Linkerd's own, for circuit breaking that stands for ejection.
const JITTER: f64 = 0.5;

impl Profile {
    /// The scenario as this mesh can have it: what it does not do is left out field by field, a rule whose conditions or
    /// backends it does not know as a whole, so that its own way holds. Where a scenario is run as written, so is what
    /// objects say that the mesh does not read.
    pub fn possible<'s>(&self, scenario: &'s Scenario) -> Cow<'s, Scenario> {
        if scenario.all_routes().next().is_none() && scenario.policies.is_empty() {
            return Cow::Borrowed(scenario);
        }
        let reduced = Reduction::of(self, scenario);
        let (routes, policies) = (&scenario.routes, &scenario.policies);
        if (&reduced.routes, &reduced.policies, &reduced.applied) == (routes, policies, &scenario.applied) {
            return Cow::Borrowed(scenario);
        }
        let mut possible = scenario.clone();
        for policy in &scenario.policies {
            let left = policy_of(&reduced.policies, policy.service, None, None);
            possible.services[policy.service].balancing = left.balancing;
        }
        possible.routes = reduced.routes;
        possible.applied = reduced.applied;
        possible.policies = reduced.policies;
        Cow::Owned(possible)
    }

    /// What [`Self::possible`] leaves out or does by other means, a sentence each.
    pub fn impossible(&self, scenario: &Scenario) -> Vec<String> {
        let reduced = Reduction::of(self, scenario);
        let named = |names: &BTreeSet<&'static str>| {
            let all = FEATURES.iter().map(|feature| feature.name).filter(|name| names.contains(name));
            all.collect::<Vec<_>>()
        };
        let instead = if self.is_mesh() {
            "the mesh's own way was simulated instead"
        } else {
            "without a mesh nothing is there to do it"
        };
        let lacking = named(&reduced.lacking);
        let lacking =
            (!lacking.is_empty()).then(|| format!("not possible: {}; {instead}", lacking.join(", ")));
        let translated = named(&reduced.translated).into_iter().map(|feature| {
            let by = self.answer(feature).and_then(|answer| answer.by.as_deref()).unwrap_or_default();
            format!("not like for like: {feature} by {by}")
        });
        let unread = reduced.unread.iter().map(|resource| {
            format!("as written: no {} is read, and what it says was left out", resource.kind())
        });
        unread.chain(lacking).chain(translated).collect()
    }

    /// What this profile answers to a feature.
    pub(super) fn answer(&self, feature: &str) -> Option<&Capability> {
        self.capabilities().find(|(row, _)| row.name == feature).map(|(_, answer)| answer)
    }
}

/// A scenario's routes and policies under one mesh.
struct Reduction<'p> {
    profile: &'p Profile,
    routes: Vec<Route>,
    /// Those from each event on that changes some.
    applied: Vec<Vec<Route>>,
    policies: Vec<Policy>,
    lacking: BTreeSet<&'static str>,
    translated: BTreeSet<&'static str>,
    unread: BTreeSet<Resource>,
}

impl<'p> Reduction<'p> {
    fn of(profile: &'p Profile, scenario: &Scenario) -> Self {
        let mut reduction = Self {
            profile,
            routes: Vec::new(),
            applied: Vec::new(),
            policies: Vec::new(),
            lacking: BTreeSet::new(),
            translated: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        reduction.routes = reduction.of_routes(scenario, &scenario.routes);
        for routes in &scenario.applied {
            let left = reduction.of_routes(scenario, routes);
            reduction.applied.push(left);
        }
        for policy in &scenario.policies {
            if reduction.reads(scenario, policy.resource) {
                let left = reduction.policy(policy);
                reduction.policies.extend(left);
            }
        }
        reduction
    }

    fn of_routes(&mut self, scenario: &Scenario, routes: &[Route]) -> Vec<Route> {
        let mut left = Vec::new();
        for route in routes {
            if self.reads(scenario, route.resource) {
                left.extend(self.route(route));
            }
        }
        left
    }

    fn reads(&mut self, scenario: &Scenario, resource: Resource) -> bool {
        let reads = !scenario.as_written || self.profile.reads(resource);
        if !reads {
            self.unread.insert(resource);
        }
        reads
    }

    /// Whether the mesh does this, by whatever means but the application.
    fn can(&mut self, feature: &'static str) -> bool {
        let can = self.profile.answer(feature).is_some_and(|answer| {
            answer.support != Support::Unsupported && answer.enforced_by != Some(Enforcer::Application)
        });
        if !can {
            self.lacking.insert(feature);
        }
        can
    }

    /// Whether the mesh has a proxy that does this with each request or connection: kube-proxy knows no rules.
    fn can_route(&mut self, feature: &'static str) -> bool {
        let by = self.profile.answer(feature).and_then(|answer| answer.enforced_by);
        let can = matches!(by, Some(Enforcer::ClientProxy | Enforcer::ServerProxy | Enforcer::Waypoint));
        if !can {
            self.lacking.insert(feature);
        }
        can
    }

    fn can_route_all(&mut self, features: &[&'static str]) -> bool {
        // All that are missing are named.
        let lacking = features.iter().filter(|feature| !self.can_route(feature)).count();
        lacking == 0
    }

    /// What is left of a route; `None` if nothing is.
    fn route(&mut self, route: &Route) -> Option<Route> {
        if route.of_connections && !self.can_route(ROUTE_CONNECTIONS) {
            return None;
        }
        let rules: Vec<_> = route.rules.iter().filter_map(|rule| self.rule(rule)).collect();
        rules.iter().any(does_something).then(|| Route { rules, ..route.clone() })
    }

    fn rule(&mut self, rule: &Rule<Backend>) -> Option<Rule<Backend>> {
        let mut left = rule.clone();
        left.matches.retain(|of| self.can_route_all(&of_match(of)));
        if left.matches.is_empty() && !rule.matches.is_empty() {
            return None;
        }
        if !self.can_route_all(&of_action(&rule.action)) {
            return None;
        }
        if matches!(left.timeout, Setting::To(_)) && !self.can_route("timeout") {
            left.timeout = Setting::Inherit;
        }
        left.attempt_timeout = left.attempt_timeout.filter(|_| self.can_route("per_try_timeout"));
        self.retries(&mut left);
        left.delay = left.delay.filter(|_| self.can_route("fault_delay"));
        left.abort = left.abort.filter(|_| self.can_route("fault_abort"));
        if !left.mirrors.is_empty() && !self.can_route("mirror") {
            left.mirrors.clear();
        }
        for mirror in left.mirrors.iter_mut().filter(|mirror| mirror.ratio.value() < 1.0) {
            if !self.can_route("mirror_percentage") {
                mirror.ratio = Ratio::ONE;
            }
        }
        for name in of_changes(&rule.changes) {
            if self.can_route(name) {
                continue;
            }
            if name == "rewrite" {
                (left.changes.path, left.changes.authority) = (None, None);
            } else {
                (left.changes.request_headers, left.changes.response_headers) = (0, 0);
            }
        }
        Some(left)
    }

    fn retries(&mut self, rule: &mut Rule<Backend>) {
        let Setting::To(retries) = &mut rule.retries else { return };
        let lacking: Vec<&str> =
            of_retries(retries).into_iter().filter(|name| !self.can_route(name)).collect();
        for name in lacking {
            match name {
                "retry_conditions" => retries.on = None,
                "retry_backoff" => retries.backoff = None,
                _ => retries.avoid_previous = None,
            }
        }
        if !self.can_route(RETRIES) {
            rule.retries = Setting::Inherit;
        }
    }

    /// What is left of a policy; `None` if nothing is.
    fn policy(&mut self, policy: &Policy) -> Option<Policy> {
        if policy.subset.is_some() && !self.can_route(SUBSETS) {
            return None;
        }
        let written = &policy.policy;
        let mut left = written.clone();
        left.balancing = written.balancing.clone().and_then(|balancing| self.balancing(balancing));
        left.warm_up = written.warm_up.filter(|_| self.can("warm_up"));
        left.locality =
            left.locality.filter(|locality| of_locality(locality).is_none_or(|name| self.can(name)));
        each_limit(&mut left.limits, |name, is_set| !is_set || self.can(name));
        left.ejection = written.ejection.filter(|_| self.can(EJECTION));
        left.breaker = written.breaker.filter(|_| self.can(BREAKER));
        self.translate(&mut left);
        left.retry_budget = written.retry_budget.filter(|budget| self.can(of_budget(budget)));
        left.retry_budget = left.retry_budget.map(|budget| self.budget(budget));
        left.tls = written.tls.filter(|tls| self.can(of_tls(*tls)));
        (left != TrafficPolicy::default()).then(|| Policy { policy: left, ..policy.clone() })
    }

    fn balancing(&mut self, balancing: Balancing) -> Option<Balancing> {
        let known = of_balancing_policy(balancing.policy).is_none_or(|name| self.can(name));
        if !known {
            return None;
        }
        let hashes = matches!(balancing.policy, BalancingPolicy::RingHash | BalancingPolicy::Maglev);
        if hashes && !self.can(of_hash(&balancing.hash_on)) {
            return Some(Balancing { hash_on: HashOn::Source, ..balancing });
        }
        Some(balancing)
    }

    /// Whether a mesh does something else that stands for a feature.
    fn has_other(&self, feature: &str) -> bool {
        self.profile.answer(feature).is_some_and(|answer| answer.support == Support::OtherResource)
    }

    /// Each kind of budget stands for the other one, with the same share and the floor that the mesh has by itself, where a
    /// mesh has one alone.
    fn budget(&mut self, budget: RetryBudget) -> RetryBudget {
        let feature = of_budget(&budget);
        if !self.has_other(feature) {
            return budget;
        }
        self.translated.insert(feature);
        match budget {
            RetryBudget::Concurrent { ratio, .. } => RetryBudget::Tokens {
                ratio,
                per_second: defaults::BUDGET_PER_SECOND,
                ttl: defaults::BUDGET_TTL,
            },
            RetryBudget::Tokens { ratio, .. } => {
                RetryBudget::Concurrent { ratio, minimum: defaults::BUDGET_MINIMUM }
            }
        }
    }

    /// Ejection and circuit breaking each stand for the other one where a mesh has one alone.
    fn translate(&mut self, policy: &mut TrafficPolicy) {
        if let Some(ejection) = policy.ejection.filter(|_| self.has_other(EJECTION)) {
            self.translated.insert(EJECTION);
            policy.ejection = None;
            policy.breaker = policy.breaker.or_else(|| breaker_for(&ejection));
        } else if let Some(breaker) = policy.breaker.filter(|_| self.has_other(BREAKER)) {
            self.translated.insert(BREAKER);
            policy.breaker = None;
            policy.ejection = policy.ejection.or_else(|| Some(ejection_for(&breaker)));
        }
    }
}

/// Whether a rule does more than send requests where they go anyhow.
fn does_something(rule: &Rule<Backend>) -> bool {
    let plain = Rule {
        matches: rule.matches.clone(),
        name: rule.name.clone(),
        ..Rule::of(RuleAction::Forward(Vec::new()))
    };
    *rule != plain
}

/// Circuit breaking with the same number of failures and the same pauses; `None` if nothing is counted.
fn breaker_for(ejection: &OutlierEjection) -> Option<ConsecutiveFailures> {
    let counted =
        [ejection.consecutive_errors, ejection.consecutive_gateway_errors, ejection.consecutive_local_errors];
    Some(ConsecutiveFailures {
        max_failures: counted.into_iter().flatten().min()?,
        min_penalty: ejection.base_time,
        max_penalty: ejection.max_time,
        jitter: Ratio::new(JITTER).expect("a ratio"),
    })
}

/// Ejection of any share of the endpoints, with the same number of failures and the same pauses.
fn ejection_for(breaker: &ConsecutiveFailures) -> OutlierEjection {
    OutlierEjection {
        consecutive_errors: Some(breaker.max_failures),
        consecutive_gateway_errors: None,
        consecutive_local_errors: None,
        interval: breaker.min_penalty,
        base_time: breaker.min_penalty,
        max_time: breaker.max_penalty,
        max_ratio: Ratio::ONE,
        panic_ratio: Ratio::ZERO,
    }
}

#[cfg(test)]
mod tests;

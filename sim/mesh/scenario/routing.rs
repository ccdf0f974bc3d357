//! Routes, policies and subsets, resolved.

use std::collections::BTreeSet;

use crate::index_type;
use crate::vocabulary::ProxySettings;
use crate::vocabulary::resilience::{Limits, TrafficPolicy};
use crate::vocabulary::routing::{Order, Resource, Rule, RuleAction};

use super::{Application, Operation, OperationIdx, Scenario, Service, ServiceIdx};
use crate::index::IndexVec;

index_type! {
    /// A version, counted within its service.
    pub struct VersionIdx;
    /// A subset, counted within its service.
    pub struct SubsetIdx;
}

/// One of several workloads behind a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Unique within the service.
    pub name: String,
    /// Labels of its pods.
    pub labels: Vec<(String, String)>,
    /// Number of instances, at least 1.
    pub replicas: u32,
    /// What each of them runs.
    pub application: Application,
    /// What it can be asked for: operations of the same names and in the same order as the service's.
    pub operations: IndexVec<OperationIdx, Operation>,
    /// What its own proxies take, at most one of each kind.
    pub proxies: Vec<ProxySettings>,
}

/// A named part of a service's endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    /// Unique within the service.
    pub name: String,
    /// Which kind of object defines it.
    pub resource: Resource,
    /// The versions whose pods are in it; none if nobody has its labels. Of a service without versions `VersionIdx(0)`
    /// stands for all its pods.
    pub versions: Vec<VersionIdx>,
}

/// Rules for the requests to some services.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Of the object, with its namespace.
    pub name: String,
    /// Which kind of object says so.
    pub resource: Resource,
    /// Whose requests, from callers in the mesh.
    pub services: Vec<ServiceIdx>,
    /// Hosts as written, for requests through gateways.
    pub hosts: Vec<String>,
    /// Callers in the mesh are meant.
    pub mesh: bool,
    /// Requests through these gateways are meant; `*` is any.
    pub gateways: Vec<String>,
    /// Namespaces whose callers see it; `None` is all.
    pub visible_in: Option<Vec<String>>,
    /// Which of several matching rules is taken.
    pub order: Order,
    /// It looks at connections only, not at requests.
    pub of_connections: bool,
    /// The rules, as written.
    pub rules: Vec<Rule<Backend>>,
}

/// Where a rule sends requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// To a service, or a subset of its endpoints.
    Service {
        /// Whose endpoints.
        service: ServiceIdx,
        /// Only these of them.
        subset: Option<SubsetIdx>,
        /// On this port.
        port: Option<u16>,
    },
    /// To nobody: what is named does not exist, and the proxy answers itself.
    Missing {
        /// What was named.
        name: String,
        /// Status of the answer.
        status: u16,
    },
}

/// How callers treat a service, or a subset or port of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Of the object, with its namespace; what a scenario says has no name.
    pub name: Option<String>,
    /// Which kind of object says so.
    pub resource: Resource,
    /// The service called.
    pub service: ServiceIdx,
    /// Only these of its endpoints.
    pub subset: Option<SubsetIdx>,
    /// Only on this port.
    pub port: Option<u16>,
    /// What it says.
    pub policy: TrafficPolicy,
}

impl Scenario {
    /// How callers treat a service, a subset of it, a port of it: what all kinds of object together say, the first one
    /// before the others.
    pub fn policy(&self, service: ServiceIdx, subset: Option<SubsetIdx>, port: Option<u16>) -> TrafficPolicy {
        policy_of(&self.policies, service, subset, port)
    }

    /// Routes of whatever time. Those that an event leaves alone stand there again.
    pub fn all_routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().chain(self.applied.iter().flatten())
    }

    /// Subsets that a route sends requests to or a policy is for.
    pub fn used_subsets(&self) -> BTreeSet<(ServiceIdx, SubsetIdx)> {
        let mut used: BTreeSet<_> =
            self.policies.iter().filter_map(|policy| Some((policy.service, policy.subset?))).collect();
        for rule in self.all_routes().flat_map(|route| &route.rules) {
            let forwarded = match &rule.action {
                RuleAction::Forward(weighted) => weighted.as_slice(),
                RuleAction::Redirect { .. } | RuleAction::Respond { .. } => &[],
            };
            let backends = forwarded.iter().map(|weighted| &weighted.backend);
            for backend in backends.chain(rule.mirrors.iter().map(|mirror| &mirror.backend)) {
                if let Backend::Service { service, subset: Some(subset), .. } = backend {
                    used.insert((*service, *subset));
                }
            }
        }
        used
    }
}

impl Service {
    /// Endpoints of a subset.
    pub fn pods_of(&self, subset: &Subset) -> u32 {
        let pods = |version: &VersionIdx| match self.versions.get(*version) {
            Some(version) => version.replicas,
            None => self.replicas,
        };
        subset.versions.iter().map(pods).sum()
    }
}

/// As [`Scenario::policy`]. Each kind of object has its say where it speaks of the target most closely.
pub(in crate::mesh) fn policy_of(
    policies: &[Policy],
    service: ServiceIdx,
    subset: Option<SubsetIdx>,
    port: Option<u16>,
) -> TrafficPolicy {
    let of_service = || policies.iter().filter(|policy| policy.service == service);
    let mut kinds: Vec<Resource> = Vec::new();
    for policy in of_service() {
        if !kinds.contains(&policy.resource) {
            kinds.push(policy.resource);
        }
    }
    let mut whole = TrafficPolicy::default();
    for kind in kinds {
        let targets = [(subset, port), (subset, None), (None, port), (None, None)];
        let closest = targets.into_iter().find_map(|(subset, port)| {
            of_service()
                .find(|policy| policy.resource == kind && policy.subset == subset && policy.port == port)
        });
        if let Some(closest) = closest {
            whole = merged(closest.policy.clone(), &whole);
        }
    }
    whole
}

/// `upper` with what `lower` says in its place, field by field.
pub(in crate::mesh) fn merged(upper: TrafficPolicy, lower: &TrafficPolicy) -> TrafficPolicy {
    let (limits, own) = (upper.limits, lower.limits);
    TrafficPolicy {
        balancing: lower.balancing.clone().or(upper.balancing),
        warm_up: lower.warm_up.or(upper.warm_up),
        locality: lower.locality.clone().or(upper.locality),
        limits: Limits {
            connections: own.connections.or(limits.connections),
            pending: own.pending.or(limits.pending),
            requests: own.requests.or(limits.requests),
            requests_per_connection: own.requests_per_connection.or(limits.requests_per_connection),
            retries: own.retries.or(limits.retries),
            connect_timeout: own.connect_timeout.or(limits.connect_timeout),
            idle_timeout: own.idle_timeout.or(limits.idle_timeout),
        },
        ejection: lower.ejection.or(upper.ejection),
        breaker: lower.breaker.or(upper.breaker),
        retry_budget: lower.retry_budget.or(upper.retry_budget),
        tls: lower.tls.or(upper.tls),
    }
}

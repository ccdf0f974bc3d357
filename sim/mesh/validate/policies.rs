//! Policies towards services: whose they are, which of several holds, and what levels above add.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::index::{Idx, IndexVec};
use crate::input::draft::PolicyDraft;
use crate::input::{Draft, defaults};
use crate::vocabulary::resilience::{Limits, Locality, TrafficPolicy};
use crate::vocabulary::routing::Resource;

use super::super::scenario::{self, Policy, Service, ServiceIdx, SourceIdx, SubsetIdx, TrafficSource};
use super::hosts::Hosts;
use super::names::Directory;

/// What one kind of object says of a service: subset and port, `None` for all of them, and who says it.
type Said<'d> = BTreeMap<(Option<SubsetIdx>, Option<u16>), &'d PolicyDraft>;

/// All policies, each with what the levels above it say, and the services' own balancing.
pub(super) fn resolve(
    draft: &Draft,
    directory: &Directory<'_>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    services: &mut IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) -> Vec<Policy> {
    let mut said: BTreeMap<(ServiceIdx, Resource), Said<'_>> = BTreeMap::new();
    let mut order: Vec<(ServiceIdx, Resource)> = Vec::new();
    for (policy, service) in chosen(draft, directory, services, diagnostics) {
        let subset = match &policy.subset {
            None => None,
            Some(name) => match find_subset(policy, &services[service], diagnostics) {
                Some(subset) => Some(subset),
                None if policy.resource == Resource::Scenario => continue,
                None => {
                    let message = format!("there is no subset {} to treat so", quote(&name.value));
                    diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(name.location));
                    continue;
                }
            },
        };
        let key = (service, policy.resource);
        if !said.contains_key(&key) {
            order.push(key);
        }
        let targets = said.entry(key).or_default();
        match targets.get(&(subset, policy.port)) {
            None => {
                targets.insert((subset, policy.port), policy);
            }
            Some(earlier) => diagnostics.push(second(policy, earlier)),
        }
    }
    for policy in &draft.policies {
        check(policy, draft, sources, diagnostics);
    }
    let all: Vec<Policy> = order.iter().flat_map(|key| folded(key.0, key.1, &said[key])).collect();
    for (service, _) in order {
        services[service].balancing = scenario::policy_of(&all, service, None, None).balancing;
    }
    all
}

/// Each policy with each service it holds for: of one kind of object those whose host fits best.
fn chosen<'d>(
    draft: &'d Draft,
    directory: &Directory<'_>,
    services: &IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) -> Vec<(&'d PolicyDraft, ServiceIdx)> {
    let hosts = Hosts::new(draft, directory, services);
    let mut rows = Vec::new();
    for policy in &draft.policies {
        let host = &policy.service;
        if policy.resource == Resource::Scenario && !host.value.starts_with('*') {
            let namespace = policy.namespace.as_deref().unwrap_or(defaults::NAMESPACE);
            let found = directory.find(host, namespace, diagnostics);
            rows.extend(found.filter(|index| index.position() < services.len()).map(|one| (policy, one)));
            continue;
        }
        let (found, is_known) = hosts.of(policy.resource, &host.value, policy.namespace.as_deref());
        if !is_known {
            let message = format!("{} is no service: the policy has no effect", quote(&host.value));
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(host.location);
            diagnostics.push(diagnostic.suggest(directory.like(&host.value)));
        }
        rows.extend(found.into_iter().map(|service| (policy, service)));
    }
    rows
}

/// The subset that a policy is for; reports if the scenario's own format names none.
fn find_subset(policy: &PolicyDraft, service: &Service, diagnostics: &mut Diagnostics) -> Option<SubsetIdx> {
    let name = policy.subset.as_ref()?;
    let found = service.subsets.iter().position(|subset| subset.name == name.value);
    if found.is_none() && policy.resource == Resource::Scenario {
        let message = format!("{} has no subset {}", quote(&service.name), quote(&name.value));
        let near = closest(&name.value, service.subsets.iter().map(|subset| subset.name.as_str()));
        diagnostics.push(Diagnostic::error(Code::UnknownName, message).at(name.location).suggest(near));
    }
    found.map(SubsetIdx::at)
}

/// Of two policies for one target the first one holds; in the scenario's own format that is an error.
fn second(policy: &PolicyDraft, earlier: &PolicyDraft) -> Diagnostic {
    let message = format!("there is a second policy for {}", quote(&policy.service.value));
    let diagnostic = if policy.resource == Resource::Scenario {
        Diagnostic::error(Code::DuplicateName, message)
    } else {
        Diagnostic::warning(Code::DuplicateName, message).hint("the first one holds")
    };
    diagnostic.at(policy.service.location).related(earlier.service.location, "the first one")
}

/// What a policy looks at is there.
fn check(
    policy: &PolicyDraft,
    draft: &Draft,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) {
    let place = policy.policy.location;
    let said = &policy.policy.value;
    if let Some(name) = said.balancing.as_ref().and_then(|balancing| balancing.hash_on.header())
        && !sources.iter().any(|source| source.headers.iter().any(|header| header.name == *name))
    {
        let what = match (name.strip_prefix('?'), name.strip_prefix("cookie:")) {
            (Some(name), _) => format!("the query parameter {}", quote(name)),
            (_, Some(name)) => {
                format!("the cookie {}, as header {}", quote(name), quote(&format!("cookie:{name}")))
            }
            _ => format!("the header {}", quote(&name)),
        };
        let message = format!("no traffic source sends {what}");
        let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(place);
        diagnostics.push(diagnostic.hint("requests without it are hashed on their caller"));
    }
    let named: Vec<&String> = match &said.locality {
        Some(Locality::Failover(zones)) => zones.iter().flat_map(|(from, to)| [from, to]).collect(),
        Some(Locality::Distribute(zones)) => zones
            .iter()
            .flat_map(|(from, to)| std::iter::once(from).chain(to.iter().map(|row| &row.0)))
            .collect(),
        Some(Locality::Off) | None => Vec::new(),
    };
    let known: Vec<&str> = match &draft.cluster.zones {
        Some(zones) => zones.value.iter().map(|zone| zone.value.as_str()).collect(),
        None => vec![defaults::ZONE],
    };
    if let Some(unknown) = named.into_iter().find(|zone| *zone != "*" && !known.contains(&zone.as_str())) {
        let message = format!("there is no zone {}: what is said of it has no effect", quote(unknown));
        let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(place);
        diagnostics.push(diagnostic.hint(format!("zones of the cluster: {}", known.join(", "))));
    }
}

/// What holds for each target of which something is said.
fn folded(service: ServiceIdx, resource: Resource, said: &Said<'_>) -> Vec<Policy> {
    let subsets: Vec<Option<SubsetIdx>> = distinct(said.keys().map(|key| key.0));
    let ports: Vec<Option<u16>> = distinct(said.keys().map(|key| key.1));
    let by_istio = resource == Resource::DestinationRule;
    let at_port = |subset, port: Option<u16>| {
        let all = said.get(&(subset, None)).map(|draft| draft.policy.value.clone());
        let own = port.and_then(|port| said.get(&(subset, Some(port)))).map(|draft| &draft.policy.value);
        match own {
            Some(own) if by_istio => {
                // A port's settings replace all that a port can have.
                let retry_budget = all.and_then(|all| all.retry_budget);
                TrafficPolicy { retry_budget: own.retry_budget.or(retry_budget), ..own.clone() }
            }
            Some(own) => over(all.unwrap_or_default(), own, false),
            None => all.unwrap_or_default(),
        }
    };
    let mut policies = Vec::new();
    for &subset in &subsets {
        for &port in &ports {
            let mut policy = at_port(None, port);
            if subset.is_some() {
                policy = over(policy, &at_port(subset, port), by_istio);
            }
            let by = said.get(&(subset, port)).or_else(|| said.get(&(subset, None)));
            let by = by.or_else(|| said.get(&(None, port))).or_else(|| said.get(&(None, None)));
            if policy != TrafficPolicy::default() {
                let name = by.and_then(|draft| {
                    let name = draft.name.as_ref()?;
                    Some(super::routes::full_name(draft.namespace.as_deref(), &name.value))
                });
                policies.push(Policy { name, resource, service, subset, port, policy });
            }
        }
    }
    policies
}

/// All, and each value once.
fn distinct<T: Ord + Copy>(values: impl Iterator<Item = Option<T>>) -> Vec<Option<T>> {
    let all: std::collections::BTreeSet<Option<T>> = values.chain([None]).collect();
    all.into_iter().collect()
}

/// `upper` with what `lower` says in its place: field by field or, as Istio does, section by section.
fn over(upper: TrafficPolicy, lower: &TrafficPolicy, by_section: bool) -> TrafficPolicy {
    if !by_section {
        return scenario::merged(upper, lower);
    }
    let mut sections = upper;
    if lower.balancing.is_some() || lower.warm_up.is_some() || lower.locality.is_some() {
        (sections.balancing, sections.warm_up, sections.locality) = (None, None, None);
    }
    if lower.limits != Limits::default() {
        sections.limits = Limits::default();
    }
    scenario::merged(sections, lower)
}

//! Which of several hosts holds for a service: of policies and subsets those whose host fits it best.

use std::collections::BTreeMap;

use crate::index::{Idx, IndexVec};
use crate::input::{Draft, defaults};
use crate::vocabulary::routing::Resource;

use super::super::scenario::{Service, ServiceIdx};
use super::names::Directory;

/// How well an object fits a service: whether it is in the service's own namespace, then how much of its host is written.
type Fit = (bool, usize);

/// The best fit of each kind of object.
pub(super) struct Hosts<'a> {
    directory: &'a Directory<'a>,
    services: Vec<&'a str>,
    best: BTreeMap<(Resource, ServiceIdx), Fit>,
}

impl<'a> Hosts<'a> {
    /// Of all policies and subsets of the draft: an object that only names subsets goes before a less fitting one, too.
    pub(super) fn new(
        draft: &Draft,
        directory: &'a Directory<'a>,
        services: &'a IndexVec<ServiceIdx, Service>,
    ) -> Self {
        let namespaces = services.iter().map(|service| service.namespace.as_str()).collect();
        let mut hosts = Self { directory, services: namespaces, best: BTreeMap::new() };
        let policies = draft.policies.iter().map(|one| (one.resource, &one.service, &one.namespace));
        let subsets = draft.subsets.iter().map(|one| (one.resource, &one.service, &one.namespace));
        for (resource, host, namespace) in policies.chain(subsets) {
            for (service, fit) in hosts.fitting(resource, &host.value, namespace.as_deref()) {
                let best = hosts.best.entry((resource, service)).or_insert(fit);
                *best = fit.max(*best);
            }
        }
        hosts
    }

    /// The services that a host means and for which no other object of its kind fits better, and whether it means any.
    pub(super) fn of(
        &self,
        resource: Resource,
        host: &str,
        namespace: Option<&str>,
    ) -> (Vec<ServiceIdx>, bool) {
        let fitting = self.fitting(resource, host, namespace);
        let is_best = |(service, fit): &(ServiceIdx, Fit)| {
            self.best.get(&(resource, *service)).is_none_or(|best| best == fit)
        };
        let best = fitting.iter().filter(|row| is_best(row)).map(|(service, _)| *service).collect();
        (best, !fitting.is_empty())
    }

    fn fitting(&self, resource: Resource, host: &str, namespace: Option<&str>) -> Vec<(ServiceIdx, Fit)> {
        let (found, length) = self.directory.of_host(host, namespace, resource == Resource::Scenario);
        let known = found.into_iter().filter(|index| index.position() < self.services.len());
        let fit = |service: ServiceIdx| {
            // Istio asks the service's own namespace before any other.
            let is_near = namespace.unwrap_or(defaults::NAMESPACE) == self.services[service.position()];
            (service, (is_near && resource == Resource::DestinationRule, length))
        };
        known.map(fit).collect()
    }
}

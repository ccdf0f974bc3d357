//! Backends that are called as a version of a service and not as a service.
//!
//! In a cluster a version that gets a share of its own has a Service of its own: SMI and Gateway API name
//! `reviews-v1`. A scenario that gives `reviews` a version `v1`, or a subset of that name, need not repeat it as a
//! service: there `reviews-v1` is that version, and so is `v1` in a route of `reviews`. A service of the name goes
//! before.

use super::draft::{BackendDraft, Draft, RouteDraft, ServiceDraft, SubsetDraft};
use super::foreign::readers::host;
use super::{defaults, tree::Located};
use crate::vocabulary::routing::{Resource, RuleAction};

/// Whether the backends of a kind of object are Services.
fn are_services(resource: Resource) -> bool {
    resource.is_gateway_api() || matches!(resource, Resource::TrafficSplit | Resource::ServiceProfile)
}

/// Puts service and subset in the place of such names.
pub(super) fn resolve(draft: &mut Draft) {
    let Draft { services, subsets, routes, .. } = draft;
    let known = Known { services, subsets };
    for route in routes.iter_mut().filter(|route| are_services(route.resource)) {
        let of = Of::route(route);
        for rule in &mut route.rules {
            if let RuleAction::Forward(backends) = &mut rule.value.action {
                for weighted in backends {
                    known.replace(&of, &mut weighted.backend);
                }
            }
            for mirror in &mut rule.value.mirrors {
                known.replace(&of, &mut mirror.backend);
            }
        }
    }
}

/// Where a route stands and whose it is.
struct Of {
    namespace: String,
    hosts: Vec<String>,
}

impl Of {
    fn route(route: &RouteDraft) -> Self {
        let namespace = route.namespace.as_deref().unwrap_or(defaults::NAMESPACE).to_owned();
        let full = |written: &Located<String>| {
            let (name, other) = host(&written.value);
            format!("{}/{name}", other.unwrap_or(&namespace))
        };
        Self { hosts: route.hosts.iter().map(full).collect(), namespace }
    }
}

struct Known<'d> {
    services: &'d [ServiceDraft],
    subsets: &'d [SubsetDraft],
}

impl Known<'_> {
    fn replace(&self, of: &Of, backend: &mut BackendDraft) {
        if backend.subset.is_some() {
            return;
        }
        let (name, own) = host(&backend.service.value);
        let namespace = own.or(backend.namespace.as_deref()).unwrap_or(&of.namespace);
        let near = || self.services.iter().filter(|service| service.namespace() == namespace);
        if near().any(|service| is_called(service, name)) {
            return;
        }
        // The route's own service goes before others, and a longer name before a shorter one.
        let candidates = near().filter_map(|service| {
            let is_own = of.hosts.contains(&service.full_name());
            let version = self.version(service, name, is_own)?;
            Some((is_own, service.name.value.len(), service, version))
        });
        let best = candidates.max_by_key(|(is_own, length, ..)| (*is_own, *length));
        if let Some((_, _, service, version)) = best {
            let location = backend.service.location;
            backend.subset = Some(Located::new(version, location));
            // Another spelling of the route's own service would be another backend to whoever compares.
            backend.namespace = (namespace != of.namespace).then(|| namespace.to_owned());
            backend.service = Located::new(service.name.value.clone(), location);
        }
    }

    /// The version or subset of a service that `name` means.
    fn version(&self, service: &ServiceDraft, name: &str, is_own: bool) -> Option<String> {
        let after = name.strip_prefix(service.name.value.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let whole = is_own.then_some(name);
        let versions = service.versions.iter().map(|version| version.name.value.as_str());
        let mut names = versions.chain(self.subsets_of(service));
        names.find(|known| after == Some(known) || whole == Some(known)).map(str::to_owned)
    }

    fn subsets_of(&self, service: &ServiceDraft) -> impl Iterator<Item = &str> {
        let full_name = service.full_name();
        let domain = format!("{}.{}.svc.cluster.local", service.name.value, service.namespace());
        let of = move |subset: &&SubsetDraft| {
            if let Some(suffix) = subset.service.value.strip_prefix('*') {
                return domain.ends_with(suffix);
            }
            let (name, namespace) = host(&subset.service.value);
            let own = subset.namespace.as_deref().unwrap_or(defaults::NAMESPACE);
            format!("{}/{name}", namespace.unwrap_or(own)) == full_name
        };
        self.subsets.iter().filter(of).map(|subset| subset.name.value.as_str())
    }
}

fn is_called(service: &ServiceDraft, name: &str) -> bool {
    service.name.value == name || service.aliases.iter().any(|alias| alias.name.value == name)
}

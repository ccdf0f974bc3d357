//! Policies towards services, and which services get a proxy.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::defaults;
use crate::input::draft::SelectionDraft;

use super::super::scenario::{HashOn, Service, ServiceIdx, SourceIdx, TrafficSource};
use super::names::Directory;

/// Writes policies and injection into the services.
pub(super) fn apply(
    draft: &Draft,
    directory: &Directory<'_>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    services: &mut IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) {
    let mut first = BTreeMap::new();
    for policy in &draft.policies {
        let Some(index) = directory.find(&policy.service, defaults::NAMESPACE, diagnostics) else { continue };
        if let Some(earlier) = first.insert(index, policy.service.location) {
            let message = format!("there is a second policy for {}", quote(&policy.service.value));
            let diagnostic = Diagnostic::error(Code::DuplicateName, message).at(policy.service.location);
            diagnostics.push(diagnostic.related(earlier, "the first one"));
        }
        let Some(balancing) = &policy.policy.value.balancing else { continue };
        if let HashOn::Header(name) = &balancing.hash_on
            && !sources.iter().any(|source| source.headers.iter().any(|header| header.name == *name))
        {
            let message = format!("no traffic source sends the header {}", quote(name));
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(policy.policy.location);
            diagnostics.push(diagnostic.hint("requests without it are hashed on their caller"));
        }
        services[index].balancing = Some(balancing.clone());
    }
    inject(draft, directory, services, diagnostics);
}

fn inject(
    draft: &Draft,
    directory: &Directory<'_>,
    services: &mut IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(selection) = &draft.mesh.inject {
        for service in services.iter_mut() {
            service.injected = false;
        }
        mark(selection, true, directory, services, diagnostics);
    }
    mark(&draft.mesh.exclude, false, directory, services, diagnostics);
}

fn mark(
    selection: &SelectionDraft,
    injected: bool,
    directory: &Directory<'_>,
    services: &mut IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) {
    for namespace in &selection.namespaces {
        directory.check_namespace(namespace, diagnostics);
        for service in services.iter_mut().filter(|service| service.namespace == namespace.value) {
            service.injected = injected;
        }
    }
    for name in &selection.services {
        if let Some(index) = directory.find(name, defaults::NAMESPACE, diagnostics)
            && index.position() < services.len()
        {
            services[index].injected = injected;
        }
    }
}

//! Which services get a proxy.

use crate::diag::Diagnostics;
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::defaults;
use crate::input::draft::SelectionDraft;

use super::super::scenario::{Service, ServiceIdx};
use super::names::Directory;

/// Writes into the services which of them get a proxy.
pub(super) fn mark(
    draft: &Draft,
    directory: &Directory<'_>,
    services: &mut IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(selection) = &draft.mesh.inject {
        for service in services.iter_mut() {
            service.injected = false;
        }
        set(selection, true, directory, services, diagnostics);
    }
    set(&draft.mesh.exclude, false, directory, services, diagnostics);
}

fn set(
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

//! Names: which are allowed, which come twice, and what a name in a call means.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::index::Idx;
use crate::input::Draft;
use crate::input::defaults;
use crate::input::draft::{Origins, ServiceDraft};
use crate::input::tree::Located;

use super::super::scenario::ServiceIdx;

/// As long as the longest name of a Kubernetes object.
const LONGEST_NAME: usize = 253;

/// The service of manifests or measurements that a scenario may mean by a service of its own.
pub(super) fn misspelt<'d>(draft: &'d Draft, written: &ServiceDraft) -> Option<&'d str> {
    let is_own = matches!(written.origin, Origins::Scenario(_));
    let others = draft.services.iter().filter(|other| !matches!(other.origin, Origins::Scenario(_)));
    closest(&written.name.value, others.filter(|_| is_own).map(|other| other.name.value.as_str()))
}

/// Checks every name that the user chose.
pub(super) fn check(draft: &Draft, diagnostics: &mut Diagnostics) {
    if let Some(name) = &draft.name {
        allowed(name, diagnostics);
    }
    for service in &draft.services {
        allowed(&service.name, diagnostics);
        if let Some(namespace) = &service.namespace {
            allowed(namespace, diagnostics);
        }
        for operation in &service.operations {
            allowed(&operation.name, diagnostics);
        }
        unique("operation", service.operations.iter().map(|operation| &operation.name), diagnostics);
        for version in &service.versions {
            allowed(&version.name, diagnostics);
        }
        unique("version", service.versions.iter().map(|version| &version.name), diagnostics);
    }
    for source in &draft.sources {
        allowed(&source.name, diagnostics);
    }
    unique("traffic source", draft.sources.iter().map(|source| &source.name), diagnostics);
    let waypoints = draft.mesh.waypoints.iter().flatten();
    unique("waypoint", waypoints.clone().map(|waypoint| &waypoint.name), diagnostics);
    for waypoint in waypoints {
        allowed(&waypoint.name, diagnostics);
    }
    for name in draft.events.iter().filter_map(|event| event.name.as_ref()) {
        allowed(name, diagnostics);
    }
    for zone in draft.cluster.zones.iter().flat_map(|zones| &zones.value) {
        allowed(zone, diagnostics);
    }
    unique("zone", draft.cluster.zones.iter().flat_map(|zones| &zones.value), diagnostics);
    unique("core set", draft.cluster.core_sets.iter().map(|set| &set.name), diagnostics);
    let full_names: Vec<_> = draft
        .services
        .iter()
        .map(|service| Located::new(service.full_name(), service.name.location))
        .collect();
    unique("service", full_names.iter(), diagnostics);
}

/// Any printable name may be used; what cannot be printed would garble every output.
fn allowed(name: &Located<String>, diagnostics: &mut Diagnostics) {
    let length = name.value.chars().count();
    let problem = if length > LONGEST_NAME {
        format!("a name of {length} characters is longer than the {LONGEST_NAME} that Kubernetes allows")
    } else if name.value.chars().any(char::is_control) {
        format!("the name {} holds control characters", quote(&name.value))
    } else if name.value.trim().is_empty() {
        "a name is empty".to_owned()
    } else {
        return;
    };
    diagnostics.push(Diagnostic::error(Code::InvalidName, problem).at(name.location));
}

fn unique<'n>(what: &str, names: impl Iterator<Item = &'n Located<String>>, diagnostics: &mut Diagnostics) {
    let mut first: BTreeMap<&str, &Located<String>> = BTreeMap::new();
    for name in names {
        if let Some(earlier) = first.get(name.value.as_str()) {
            let message = format!("there is a second {what} {}", quote(&name.value));
            diagnostics.push(
                Diagnostic::error(Code::DuplicateName, message)
                    .at(name.location)
                    .related(earlier.location, "the first one"),
            );
        } else {
            first.insert(&name.value, name);
        }
    }
}

/// Finds services by what calls write.
pub(super) struct Directory<'d> {
    services: &'d [ServiceDraft],
    by_full_name: FxHashMap<String, ServiceIdx>,
    by_name: FxHashMap<&'d str, Vec<ServiceIdx>>,
}

impl<'d> Directory<'d> {
    pub(super) fn new(services: &'d [ServiceDraft]) -> Self {
        let mut by_full_name = FxHashMap::default();
        let mut by_name: FxHashMap<&str, Vec<ServiceIdx>> = FxHashMap::default();
        for (position, service) in services.iter().enumerate() {
            let index = ServiceIdx::at(position);
            by_full_name.entry(service.full_name()).or_insert(index);
            by_name.entry(&service.name.value).or_default().push(index);
        }
        for (position, service) in services.iter().enumerate() {
            for alias in &service.aliases {
                let full_name = format!("{}/{}", service.namespace(), alias.name.value);
                by_full_name.entry(full_name).or_insert(ServiceIdx::at(position));
                by_name.entry(&alias.name.value).or_default().push(ServiceIdx::at(position));
            }
        }
        Self { services, by_full_name, by_name }
    }

    /// The service that `name` means in `namespace`; reports if there is none or more than one.
    ///
    /// A service is found by its other names too, and by those of its parts.
    ///
    /// In this order: a service of the same namespace, `namespace/service`, the only service of that name anywhere,
    /// `service.namespace` with or without `.svc.cluster.local`.
    pub(super) fn find(
        &self,
        name: &Located<String>,
        namespace: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<ServiceIdx> {
        let written = name.value.as_str();
        let full = self.by_full_name.get(&format!("{namespace}/{written}"));
        if let Some(index) = full.or_else(|| self.by_full_name.get(written)) {
            return Some(*index);
        }
        match self.by_name.get(written).map(Vec::as_slice) {
            Some([only]) => return Some(*only),
            Some(several) => {
                let names: Vec<_> =
                    several.iter().map(|index| self.services[index.position()].full_name()).collect();
                let message = format!("{} is the name of {} services", quote(written), names.len());
                let diagnostic = Diagnostic::error(Code::UnknownName, message).at(name.location);
                diagnostics.push(diagnostic.hint(format!("write one of: {}", names.join(", "))));
                return None;
            }
            None => {}
        }
        let found = self.by_domain(written);
        if found.is_none() {
            diagnostics.push(self.unknown(name, diagnostics));
        }
        found
    }

    /// The services that a host of a route or policy means, without a word if there are none, and how well it fits: a host
    /// beginning with `*` fits by its length, any other best.
    ///
    /// A short name is looked up in `namespace`. If that is not written, or `anywhere`, the only service of that name will
    /// do.
    pub(super) fn of_host(
        &self,
        host: &str,
        namespace: Option<&str>,
        anywhere: bool,
    ) -> (Vec<ServiceIdx>, usize) {
        let Some(suffix) = host.strip_prefix('*') else {
            return (self.quietly(host, namespace, anywhere).into_iter().collect(), usize::MAX);
        };
        let fits = |service: &ServiceDraft| {
            let domain = format!("{}.{}.svc.cluster.local", service.name.value, service.namespace());
            domain.ends_with(suffix) || service.name.value.ends_with(suffix)
        };
        let fitting = self.services.iter().enumerate().filter(|(_, service)| fits(service));
        (fitting.map(|(position, _)| ServiceIdx::at(position)).collect(), suffix.len())
    }

    /// As [`Self::find`], without a word if there is none.
    pub(super) fn quietly(
        &self,
        written: &str,
        namespace: Option<&str>,
        anywhere: bool,
    ) -> Option<ServiceIdx> {
        let own = namespace.unwrap_or(defaults::NAMESPACE);
        let full = self.by_full_name.get(&format!("{own}/{written}"));
        if let Some(index) = full.or_else(|| self.by_full_name.get(written)) {
            return Some(*index);
        }
        // A name with dots is a whole one, as those of services outside the cluster.
        if (anywhere || namespace.is_none() || written.contains('.'))
            && let Some([only]) = self.by_name.get(written).map(Vec::as_slice)
        {
            return Some(*only);
        }
        self.by_domain(written)
    }

    /// A service whose name is like this one.
    pub(super) fn like(&self, written: &str) -> Option<&'d str> {
        closest(written, self.services.iter().map(|service| service.name.value.as_str()))
    }

    /// `service.namespace[.svc[.cluster.local]]`; both parts may contain dots themselves.
    fn by_domain(&self, written: &str) -> Option<ServiceIdx> {
        let host = written.strip_suffix(".cluster.local").unwrap_or(written);
        let host = host.strip_suffix(".svc").unwrap_or(host);
        host.match_indices('.').find_map(|(dot, _)| {
            self.by_full_name.get(&format!("{}/{}", &host[dot + 1..], &host[..dot])).copied()
        })
    }

    fn unknown(&self, name: &Located<String>, diagnostics: &Diagnostics) -> Diagnostic {
        let message = format!("there is no service {}", quote(&name.value));
        let diagnostic = Diagnostic::error(Code::UnknownName, message).at(name.location);
        // Comparing with every service is slow where nearly every name is wrong, and then nobody reads on.
        if diagnostics.errors() > Diagnostics::MAX_KEPT {
            return diagnostic;
        }
        let names = self.services.iter().map(|service| service.name.value.as_str());
        diagnostic.suggest(closest(&name.value, names))
    }

    /// Whether any service is in this namespace; reports if not.
    pub(super) fn check_namespace(&self, namespace: &Located<String>, diagnostics: &mut Diagnostics) {
        let known = |service: &&ServiceDraft| service.namespace() == namespace.value;
        if self.services.iter().find(known).is_none() {
            let message = format!("no service is in the namespace {}", quote(&namespace.value));
            let names = self.services.iter().map(ServiceDraft::namespace);
            let near = closest(&namespace.value, names);
            diagnostics
                .push(Diagnostic::error(Code::UnknownName, message).at(namespace.location).suggest(near));
        }
    }
}

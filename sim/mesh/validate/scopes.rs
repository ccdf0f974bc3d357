//! Which services and outside hosts each sidecar is told of.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::index::IndexVec;
use crate::input::Draft;
use crate::input::defaults;
use crate::input::draft::{ExternalDraft, ScopeDraft};
use crate::input::tree::Located;

use super::super::scenario::{Action, External, Scope, Scopes, Service, ServiceIdx, Step};

/// What a pattern of a scope is looked up with.
struct Known<'k> {
    services: &'k IndexVec<ServiceIdx, Service>,
    external: &'k [ExternalDraft],
}

/// The scope of each service. As in Istio, that of the pods' labels goes before that of the namespace, and that before
/// the whole mesh's.
pub(super) fn resolve(
    draft: &Draft,
    services: &IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) -> Scopes {
    let known = Known { services, external: &draft.external };
    check(draft, &known, diagnostics);
    let mut scopes = Scopes { of_gateways: known.told(None, None), ..Scopes::default() };
    for service in services {
        let written = scope_of(&draft.scopes, &service.namespace, &service.labels);
        let scope = known.told(written, Some(&service.namespace));
        if let (Some(written), Some(told), true) = (written, &scope.services, service.injected) {
            check_calls(service, written, told, services, diagnostics);
        }
        scopes.of_services.push(scope);
    }
    scopes.of_clients =
        known.told(scope_of(&draft.scopes, defaults::NAMESPACE, &[]), Some(defaults::NAMESPACE));
    scopes
}

fn scope_of<'s>(
    scopes: &'s [ScopeDraft],
    namespace: &str,
    labels: &[(String, String)],
) -> Option<&'s ScopeDraft> {
    let is_own = |scope: &&ScopeDraft| scope.namespace.as_deref() == Some(namespace);
    let is_selected = |scope: &&ScopeDraft| scope.selector.iter().all(|label| labels.contains(label));
    let of_pods = scopes.iter().filter(is_own).find(|scope| !scope.selector.is_empty() && is_selected(scope));
    let of_namespace = || scopes.iter().filter(is_own).find(|scope| scope.selector.is_empty());
    let of_mesh = || scopes.iter().find(|scope| scope.namespace.is_none());
    of_pods.or_else(of_namespace).or_else(of_mesh)
}

/// Warns of patterns that nothing fits: in the mesh they leave a sidecar without the service that was meant.
fn check(draft: &Draft, known: &Known<'_>, diagnostics: &mut Diagnostics) {
    for scope in &draft.scopes {
        for host in &scope.hosts {
            let Some((namespace, name)) = host.value.split_once('/') else {
                let message = format!("{} has no namespace", quote(&host.value));
                let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(host.location);
                diagnostics.push(diagnostic.hint("write ./*, shop/* or */web.shop.svc.cluster.local"));
                continue;
            };
            // Names of hosts are full ones; what is meant for any of them needs no other check.
            if name == "*" || namespace == "~" {
                continue;
            }
            let own = scope.namespace.as_deref();
            let told = known.of_pattern(host, own.unwrap_or(defaults::NAMESPACE));
            if told.services.is_some_and(|services| services.is_empty()) && told.external.clusters == 0 {
                let message = format!("no host is called {} there", quote(name));
                let diagnostic = Diagnostic::warning(Code::UnknownName, message).at(host.location);
                diagnostics.push(diagnostic.hint("hosts have full names here: web.shop.svc.cluster.local"));
            }
        }
    }
}

/// Warns of calls that a sidecar is not told the callee of: in the mesh they pass it as traffic to somewhere unknown.
fn check_calls(
    caller: &Service,
    scope: &ScopeDraft,
    told: &[ServiceIdx],
    services: &IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) {
    let steps = caller.operations.iter().flat_map(|operation| &operation.script);
    let called = steps.flat_map(|step| match step {
        Step::Call(call) => vec![call.service],
        Step::Sleep(_) => Vec::new(),
        Step::Parallel(actions) => actions.iter().filter_map(call_of).collect(),
    });
    // What is called but does not exist has been reported.
    let unknown: BTreeSet<_> = called.filter(|callee| !told.contains(callee)).collect();
    for callee in unknown.into_iter().filter_map(|callee| services.get(callee)) {
        let (caller, callee) = (caller.full_name(), callee.full_name());
        let message = format!("sidecars of {} are not told of {}", quote(&caller), quote(&callee));
        let diagnostic = Diagnostic::warning(Code::NotModelled, format!("{message}, which it calls"));
        diagnostics.push(
            diagnostic.at(scope.name.location).hint("the calls are simulated as if the sidecars knew it"),
        );
    }
}

const fn call_of(action: &Action) -> Option<ServiceIdx> {
    match action {
        Action::Call(call) => Some(call.service),
        Action::Sleep(_) => None,
    }
}

impl Known<'_> {
    /// What a scope allows the sidecars of a namespace to be told of; without one, all that is visible there.
    fn told(&self, scope: Option<&ScopeDraft>, namespace: Option<&str>) -> Scope {
        let Some(scope) = scope else {
            let visible = self.external.iter().filter(|host| is_visible(host, namespace));
            return Scope { services: None, external: sum(visible) };
        };
        let own = namespace.unwrap_or(defaults::NAMESPACE);
        let fits = |host_namespace: &str, name: &str| {
            scope.hosts.iter().any(|host| is_meant(&host.value, own, host_namespace, name))
        };
        self.those(own, fits)
    }

    /// What one pattern stands for.
    fn of_pattern(&self, host: &Located<String>, own: &str) -> Scope {
        self.those(own, |namespace, name| is_meant(&host.value, own, namespace, name))
    }

    fn those(&self, own: &str, fits: impl Fn(&str, &str) -> bool) -> Scope {
        let is_told = |service: &Service| {
            let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
            fits(&service.namespace, &host)
        };
        let services = self.services.iter_enumerated().filter(|(_, service)| is_told(service));
        let services = services.map(|(index, _)| index).collect();
        let external = self
            .external
            .iter()
            .filter(|host| is_visible(host, Some(own)) && fits(namespace_of(host), &host.host.value));
        Scope { services: Some(services), external: sum(external) }
    }
}

fn namespace_of(external: &ExternalDraft) -> &str {
    external.namespace.as_deref().unwrap_or(defaults::NAMESPACE)
}

/// Whether the proxies of a namespace, or gateways, may see an outside host.
fn is_visible(external: &ExternalDraft, namespace: Option<&str>) -> bool {
    match (&external.export_to, namespace) {
        (None, _) | (_, None) => true,
        (Some(names), Some(namespace)) => {
            names.iter().any(|name| name == namespace || (name == "." && namespace_of(external) == namespace))
        }
    }
}

fn sum<'e>(hosts: impl Iterator<Item = &'e ExternalDraft>) -> External {
    hosts.fold(External::default(), |sum, host| {
        let clusters = host.ports.len().max(1) as u64;
        External {
            clusters: sum.clusters + clusters,
            further_endpoints: sum.further_endpoints + clusters * u64::from(host.endpoints.saturating_sub(1)),
        }
    })
}

/// Whether `namespace/host` of a scope stands for a host: `.` is the own namespace, `*` any, `~` none.
fn is_meant(pattern: &str, own: &str, namespace: &str, host: &str) -> bool {
    let Some((of, name)) = pattern.split_once('/') else { return false };
    let is_there = match of {
        "*" => true,
        "." => namespace == own,
        other => namespace == other,
    };
    let fits = match name.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => host == name,
    };
    is_there && fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_scopes() {
        let host = "web.shop.svc.cluster.local";
        for (pattern, meant) in [
            ("*/*", true),
            ("./*", true),
            ("shop/*", true),
            ("other/*", false),
            ("~/*", false),
            ("./web.shop.svc.cluster.local", true),
            ("*/*.shop.svc.cluster.local", true),
            ("*/*.other.svc.cluster.local", false),
            ("./web", false),
            ("web", false),
        ] {
            assert_eq!(is_meant(pattern, "shop", "shop", host), meant, "{pattern}");
        }
        assert!(!is_meant("./*", "other", "shop", host));
    }
    #[test]
    fn the_nearest_scope_holds() {
        let mut sources = crate::diag::Sources::default();
        let place = crate::diag::Location::new(sources.add("a.yaml", "x"), 0, 1);
        let label = |value: &str| ("app".to_owned(), value.to_owned());
        let scope = |name: &str, namespace: Option<&str>, selector: &[(String, String)]| ScopeDraft {
            name: Located::new(name.to_owned(), place),
            namespace: namespace.map(str::to_owned),
            selector: selector.to_vec(),
            hosts: Vec::new(),
        };
        let scopes = [
            scope("mesh", None, &[]),
            scope("shop", Some("shop"), &[]),
            scope("web", Some("shop"), &[label("web")]),
        ];
        for (namespace, labels, expected) in [
            ("shop", vec![label("web")], "web"),
            ("shop", vec![label("api")], "shop"),
            ("shop", vec![], "shop"),
            ("other", vec![label("web")], "mesh"),
        ] {
            let found = scope_of(&scopes, namespace, &labels).expect("the mesh's at least");
            assert_eq!(found.name.value, expected, "{namespace} {labels:?}");
        }
        assert!(scope_of(&scopes[1..], "other", &[]).is_none());
    }
}

//! Rules: where they send requests, and what of them cannot be.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::draft::{AliasDraft, BackendDraft, Level, RouteDraft, ServiceDraft};
use crate::input::tree::Located;
use crate::vocabulary::routing::{
    Mirror, Order, RequestMatch, Resource, Retries, Rule, RuleAction, Setting, Weighted,
};

use super::super::scenario::{Backend, Service, ServiceIdx, SourceIdx, SubsetIdx, TrafficSource};
use super::names::Directory;

/// More attempts than anybody means.
const MOST_ATTEMPTS: u32 = 100;

/// What rules can name.
pub(super) struct Backends<'a> {
    draft: &'a Draft,
    directory: &'a Directory<'a>,
    services: &'a IndexVec<ServiceIdx, Service>,
    sources: &'a IndexVec<SourceIdx, TrafficSource>,
}

impl<'a> Backends<'a> {
    pub(super) const fn new(
        draft: &'a Draft,
        directory: &'a Directory<'a>,
        services: &'a IndexVec<ServiceIdx, Service>,
        sources: &'a IndexVec<SourceIdx, TrafficSource>,
    ) -> Self {
        Self { draft, directory, services, sources }
    }

    /// The rules of a route.
    pub(super) fn rules(&self, route: &RouteDraft, diagnostics: &mut Diagnostics) -> Vec<Rule<Backend>> {
        warn_of_shadowed(route, diagnostics);
        let resolve = |rule: &Located<Rule<BackendDraft>>| {
            if let Some(problem) = impossible(route, rule) {
                diagnostics.push(problem);
            }
            self.warn_of_unsent(rule, diagnostics);
            let written = &rule.value;
            let mirrors = written.mirrors.iter().map(|mirror| Mirror {
                backend: self.backend(route, &mirror.backend, diagnostics),
                ratio: mirror.ratio,
            });
            let mirrors = mirrors.collect();
            let action = self.action(route, rule, diagnostics);
            Rule {
                name: written.name.clone(),
                matches: written.matches.clone(),
                timeout: written.timeout,
                attempt_timeout: written.attempt_timeout,
                retries: retries(route, rule, diagnostics),
                delay: written.delay.clone(),
                abort: written.abort.clone(),
                mirrors,
                changes: written.changes.clone(),
                action,
            }
        };
        route.rules.iter().map(resolve).collect()
    }

    fn action(
        &self,
        route: &RouteDraft,
        rule: &Located<Rule<BackendDraft>>,
        diagnostics: &mut Diagnostics,
    ) -> RuleAction<Backend> {
        let (written, is_service_itself) = match &rule.value.action {
            RuleAction::Forward(backends) => (backends, backends.is_empty()),
            RuleAction::Redirect { status } => return RuleAction::Redirect { status: *status },
            RuleAction::Respond { status, size } => {
                return RuleAction::Respond { status: *status, size: *size };
            }
        };
        let mut backends: Vec<Weighted<Backend>> = Vec::new();
        let written: Vec<_> =
            written.iter().filter(|weighted| self.has_ports_of(route, weighted, diagnostics)).collect();
        let is_sent_nowhere = written.is_empty() && !is_service_itself;
        for weighted in written {
            if !(weighted.weight >= 0.0 && weighted.weight.is_finite()) {
                let message = format!("a weight is a number from 0, not {}", weighted.weight);
                let place = weighted.backend.service.location;
                diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
            }
            let backend = self.backend(route, &weighted.backend, diagnostics);
            backends.push(Weighted { backend, weight: weighted.weight });
        }
        if let [only] = &mut backends[..]
            && route.resource == Resource::VirtualService
        {
            // Istio does not look at the weight of a destination that stands alone.
            only.weight = 1.0;
        }
        if is_sent_nowhere || !backends.is_empty() && backends.iter().all(|backend| backend.weight == 0.0) {
            let status = status_of_missing(route.resource);
            let message = format!("no backend has a weight: requests get a {status}");
            diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(rule.location));
            let backend = Backend::Missing { name: "a backend with a weight".to_owned(), status };
            return RuleAction::Forward(vec![Weighted { backend, weight: 1.0 }]);
        }
        let sum: f64 = backends.iter().map(|backend| backend.weight).sum();
        if sum.is_infinite() {
            let largest = backends.iter().map(|backend| backend.weight).fold(0.0, f64::max);
            for backend in &mut backends {
                backend.weight /= largest;
            }
        }
        RuleAction::Forward(backends)
    }

    /// Whether a backend gets its share: SMI leaves out one that has no port of the service whose requests are split.
    fn has_ports_of(
        &self,
        route: &RouteDraft,
        weighted: &Weighted<BackendDraft>,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        if route.resource != Resource::TrafficSplit {
            return true;
        }
        let ports = |written: &str, namespace: Option<&str>| {
            let index = self.directory.quietly(written, namespace.or(route.namespace.as_deref()), false)?;
            Some(ports_of(&self.draft.services[index.position()], written)).filter(|ports| !ports.is_empty())
        };
        let host = &weighted.backend.service;
        let root = route.hosts.first().and_then(|root| ports(&root.value, None));
        let (Some(root), Some(own)) = (root, ports(&host.value, weighted.backend.namespace.as_deref()))
        else {
            return true;
        };
        if own.iter().any(|port| root.contains(port)) {
            return true;
        }
        let list = root.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{} has no port of {} ({list}): it gets no requests",
            quote(&host.value),
            quote(&route.hosts[0].value)
        );
        diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(host.location));
        false
    }

    /// Where a backend is; one that does not exist keeps its share, and its requests fail.
    fn backend(&self, route: &RouteDraft, written: &BackendDraft, diagnostics: &mut Diagnostics) -> Backend {
        let status = status_of_missing(route.resource);
        let mut missing = |name: String, place: Location, like: Option<&str>| {
            let message = format!("there is no {name}: its requests get a {status}");
            diagnostics.push(Diagnostic::warning(Code::UnknownName, message).at(place).suggest(like));
            Backend::Missing { name, status }
        };
        let host = &written.service;
        let namespace = written.namespace.as_deref().or(route.namespace.as_deref());
        let anywhere = route.resource == Resource::Scenario && written.namespace.is_none();
        let found = self.directory.quietly(&host.value, namespace, anywhere);
        let Some(index) = found.filter(|index| index.position() < self.services.len()) else {
            let like = self.directory.like(&host.value);
            return missing(format!("service {}", quote(&host.value)), host.location, like);
        };
        let service = &self.services[index];
        let ports = &self.draft.services[index.position()].ports;
        if let Some(port) = written.port
            && !ports.is_empty()
            && ports.iter().all(|known| known.number != port)
        {
            return missing(format!("port {port} of {}", quote(&service.name)), host.location, None);
        }
        let part = part(&self.draft.services[index.position()], &host.value);
        let wanted = written.subset.as_ref().map(|name| (&*name.value, name.location));
        let subset = match wanted.or_else(|| part.map(|name| (name, host.location))) {
            None => None,
            Some((name, place)) => {
                let found = service.subsets.iter().position(|subset| subset.name == name);
                let Some(found) = found else {
                    let names = service.subsets.iter().map(|subset| subset.name.as_str());
                    let like = crate::diag::closest(name, names);
                    let what = format!("subset {} of {}", quote(name), quote(&service.name));
                    return missing(what, place, like);
                };
                Some(SubsetIdx::at(found))
            }
        };
        Backend::Service { service: index, subset, port: written.port }
    }

    /// A rule for what no source sends matches nobody.
    fn warn_of_unsent(&self, rule: &Located<Rule<BackendDraft>>, diagnostics: &mut Diagnostics) {
        let sent = |name: &str| {
            self.sources.iter().any(|source| source.headers.iter().any(|header| header.name == name))
        };
        let unsent = |of: &RequestMatch| {
            let headers = of.headers.iter().filter(|header| !header.without);
            headers.map(|header| header.name.clone()).find(|name| !name.starts_with(':') && !sent(name))
        };
        let unsent: Vec<String> = rule.value.matches.iter().filter_map(unsent).collect();
        if let (Some(name), false) = (unsent.first(), self.sources.is_empty())
            && unsent.len() == rule.value.matches.len()
        {
            let message =
                format!("no traffic source sends the header {}: the rule matches nobody", quote(name));
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(rule.location);
            diagnostics.push(diagnostic.hint("give some requests the header, under `traffic`"));
        }
    }
}

/// The ports on which a service is called by this name of it.
fn ports_of(service: &ServiceDraft, host: &str) -> Vec<u16> {
    let own = alias(service, host).filter(|alias| !alias.ports.is_empty());
    own.map_or_else(|| service.ports.iter().map(|port| port.number).collect(), |alias| alias.ports.clone())
}

/// The other name by which a host means a service.
fn alias<'d>(service: &'d ServiceDraft, host: &str) -> Option<&'d AliasDraft> {
    let own = host.rsplit('/').next().unwrap_or(host).split('.').next().unwrap_or_default();
    let is_other = |alias: &&AliasDraft| alias.name.value == own && service.name.value != own;
    service.aliases.iter().find(is_other)
}

/// The subset of a service that another name of it stands for: in Kubernetes, a second Service for some of its pods.
fn part<'d>(service: &'d ServiceDraft, host: &str) -> Option<&'d str> {
    alias(service, host)?.subset.as_deref()
}

/// What the proxy answers for a backend that does not exist: Envoy has no cluster, Gateway API says 500.
const fn status_of_missing(resource: Resource) -> u16 {
    if resource.is_gateway_api() { 500 } else { 503 }
}

/// At most [`MOST_ATTEMPTS`]; none at all is off.
fn retries(
    route: &RouteDraft,
    rule: &Located<Rule<BackendDraft>>,
    diagnostics: &mut Diagnostics,
) -> Setting<Retries> {
    let Setting::To(retries) = &rule.value.retries else { return rule.value.retries.clone() };
    if retries.attempts == 0 {
        return Setting::Off;
    }
    if retries.attempts <= MOST_ATTEMPTS {
        return Setting::To(retries.clone());
    }
    let message = format!("{} retries are more than the {MOST_ATTEMPTS} that are possible", retries.attempts);
    let diagnostic = if route.resource == Resource::Scenario {
        Diagnostic::error(Code::TooLarge, message)
    } else {
        Diagnostic::warning(Code::NotModelled, message)
    };
    diagnostics.push(diagnostic.at(rule.location));
    Setting::To(Retries { attempts: MOST_ATTEMPTS, ..retries.clone() })
}

/// What a rule says and cannot mean.
fn impossible(route: &RouteDraft, rule: &Located<Rule<BackendDraft>>) -> Option<Diagnostic> {
    let written = &rule.value;
    let problem = |message: String| Some(Diagnostic::error(Code::InvalidValue, message).at(rule.location));
    if matches!(route.resource, Resource::HttpRoute | Resource::GrpcRoute | Resource::LinkerdHttpRoute)
        && let (Some(attempt), Setting::To(whole)) = (written.attempt_timeout, written.timeout)
        && attempt > whole
    {
        return problem(format!("an attempt may take {attempt}, longer than the whole request, {whole}"));
    }
    let of_requests = |of: &RequestMatch| {
        of.path.is_some()
            || of.method.is_some()
            || of.authority.is_some()
            || !of.headers.is_empty()
            || !of.query.is_empty()
    };
    if route.level == Level::Connection
        && (written.matches.iter().any(of_requests)
            || !matches!(written.action, RuleAction::Forward(_))
            || matches!(written.retries, Setting::To(_))
            || written.delay.is_some()
            || written.abort.is_some()
            || !written.mirrors.is_empty())
    {
        let message = "a rule for connections looks at no request: it forwards by port and caller alone";
        return problem(message.to_owned());
    }
    None
}

/// Nobody gets past a rule that is for every request.
fn warn_of_shadowed(route: &RouteDraft, diagnostics: &mut Diagnostics) {
    if route.order == Order::MostSpecific {
        return;
    }
    let all = route.rules.iter().position(|rule| rule.value.matches.is_empty());
    if let Some(all) = all
        && let Some(next) = route.rules.get(all + 1)
    {
        let message = "no request gets to this rule: one before it is for every request";
        let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(next.location);
        diagnostics.push(diagnostic.related(route.rules[all].location, "this one"));
    }
}

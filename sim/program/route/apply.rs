//! Which rules concern a call site, in which order, and what they come to there.

use std::collections::BTreeMap;

use crate::index::{Idx, IndexVec};
use crate::mesh::model::{Follows, RetryModel};
use crate::mesh::scenario::{
    self, OperationIdx, Origin, Protocol, Scenario, ServiceIdx, SourceIdx, TrafficSource, VersionIdx,
};
use crate::policy::backoff::Pauses;
use crate::policy::retry::{Conditions, Style};
use crate::units::{Ratio, Span};
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::{self, Backoff, Resource, RuleAction, Setting, Status};

use super::super::WorkloadIdx;
use super::super::edge::Edges;
use super::choice::choice;
use super::condition::{Condition, Name, Place, is_gateway};
use super::{Action, Answer, Attempts, Backend, Mirror, Route, RouteIdx, Rule, RuleIdx, Target, Why};

/// The namespace of clients, which say none.
const CLIENT_NAMESPACE: &str = "default";

/// Who makes the calls of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::program) enum Caller {
    Service(ServiceIdx, Option<VersionIdx>),
    Source(SourceIdx),
}

/// The calls of a site, as a proxy on their way sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::program) struct Hop {
    pub(in crate::program) caller: Caller,
    /// Whose proxy looks at the rules: the caller's, or the waypoint's.
    pub(in crate::program) enforcer: WorkloadIdx,
    pub(in crate::program) service: ServiceIdx,
    pub(in crate::program) operation: OperationIdx,
}

/// Collects the routes of call sites.
pub(in crate::program) struct Routes<'a> {
    scenario: &'a Scenario,
    /// What the mesh's proxies try again where nothing is written.
    retries: Option<&'a RetryModel>,
    known: BTreeMap<Hop, Option<RouteIdx>>,
    made: IndexVec<RouteIdx, Route>,
}

/// A rule as written, and a way to match it.
struct Candidate<'a> {
    route: &'a scenario::Route,
    rule: &'a routing::Rule<scenario::Backend>,
    of: Option<&'a routing::RequestMatch>,
}

impl<'a> Routes<'a> {
    pub(in crate::program) fn new(scenario: &'a Scenario, retries: Option<&'a RetryModel>) -> Self {
        Self { scenario, retries, known: BTreeMap::new(), made: IndexVec::new() }
    }

    pub(in crate::program) fn finish(self) -> IndexVec<RouteIdx, Route> {
        self.made
    }

    /// What the proxy does with these calls; `None` if that is nothing but pass them on.
    pub(in crate::program) fn of(&mut self, hop: Hop, edges: &mut Edges<'_>) -> Option<RouteIdx> {
        if let Some(&known) = self.known.get(&hop) {
            return known;
        }
        let made = self.make(hop, edges).map(|route| self.made.push(route));
        self.known.insert(hop, made);
        made
    }

    fn make(&self, hop: Hop, edges: &mut Edges<'_>) -> Option<Route> {
        let place = self.place(hop);
        let routes = self.concerning(hop, &place);
        if routes.is_empty() {
            return self.unasked(hop, edges);
        }
        let sources = self.sources_behind(hop);
        let varies = |name: Name<'_>| {
            sources.iter().flat_map(|source| &source.headers).any(|header| name.is_header(&header.name))
        };
        let mut rules = IndexVec::new();
        let mut numbers: Vec<(*const routing::Rule<scenario::Backend>, RuleIdx)> = Vec::new();
        let mut matches: Vec<(Vec<Condition<'_>>, RuleIdx)> = Vec::new();
        for candidate in candidates(&routes) {
            let left = match candidate.of {
                None => Some(Vec::new()),
                Some(of) => place.remaining(of, varies),
            };
            let Some(left) = left else { continue };
            let known = numbers.iter().find(|(rule, _)| std::ptr::eq(*rule, candidate.rule));
            let number = known.map_or(rules.next_index(), |(_, number)| *number);
            if number == rules.next_index() {
                rules.push(self.rule(&candidate, hop, edges));
                numbers.push((candidate.rule, number));
            }
            let always = left.is_empty();
            matches.push((left, number));
            if always {
                break;
            }
        }
        if matches.last().is_none_or(|(left, _)| !left.is_empty()) {
            matches.push((Vec::new(), rules.push(self.otherwise(&routes, hop, edges))));
        }
        let choices = self
            .scenario
            .sources
            .iter()
            .map(|source| choice(&place, &matches, &source.headers, place.is_own));
        Some(Route { choices: choices.collect(), rules })
    }

    /// What is known of every call.
    fn place(&self, hop: Hop) -> Place<'a> {
        let callee = &self.scenario.services[hop.service];
        let names = [
            callee.name.clone(),
            format!("{}.{}", callee.name, callee.namespace),
            format!("{}.{}.svc", callee.name, callee.namespace),
            format!("{}.{}.svc.cluster.local", callee.name, callee.namespace),
        ];
        let mut place = Place::new(callee, &callee.operations[hop.operation], names.to_vec());
        match hop.caller {
            Caller::Service(service, version) => {
                let caller = &self.scenario.services[service];
                let labels = version.map_or(&caller.labels, |version| &caller.versions[version].labels);
                place.labels.clone_from(labels);
                place.namespace.clone_from(&caller.namespace);
            }
            Caller::Source(source) => {
                let source = &self.scenario.sources[source];
                place.is_own = true;
                CLIENT_NAMESPACE.clone_into(&mut place.namespace);
                if let Origin::Gateway { name, .. } = &source.from {
                    place.gateway = Some(name.clone());
                }
                if let Some(host) = &source.host {
                    place.hosts = vec![host.clone()];
                }
            }
        }
        place
    }

    /// The sources whose requests may come this way.
    fn sources_behind(&self, hop: Hop) -> Vec<&'a TrafficSource> {
        match hop.caller {
            Caller::Service(..) => self.scenario.sources.iter().collect(),
            Caller::Source(source) => vec![&self.scenario.sources[source]],
        }
    }

    /// The routes for these calls, in order. At a gateway only those whose host fits best.
    fn concerning(&self, hop: Hop, place: &Place<'_>) -> Vec<&'a scenario::Route> {
        let protocol = self.scenario.services[hop.service].application.protocol;
        let routes = self.scenario.routes.iter().filter(|route| {
            route.of_connections == (protocol == Protocol::Tcp)
                && (route.visible_in.as_ref())
                    .is_none_or(|namespaces| place.gateway.is_some() || namespaces.contains(&place.namespace))
        });
        let Some(gateway) = &place.gateway else {
            return routes.filter(|route| route.mesh && route.services.contains(&hop.service)).collect();
        };
        let named = match hop.caller {
            Caller::Source(source) => self.scenario.sources[source].host.is_some(),
            Caller::Service(..) => false,
        };
        let fit = |route: &scenario::Route| {
            let by_host = route.hosts.iter().filter_map(|host| fit(host, &place.hosts)).max();
            by_host.or((!named && route.services.contains(&hop.service)).then_some(usize::MAX))
        };
        let through: Vec<(usize, &scenario::Route)> = routes
            .filter(|route| route.gateways.iter().any(|name| is_gateway(name, gateway)))
            .filter_map(|route| Some((fit(route)?, route)))
            .collect();
        let best = through.iter().map(|row| row.0).max();
        through.into_iter().filter(|row| Some(row.0) == best).map(|row| row.1).collect()
    }

    /// Where nothing is written, only the mesh's own retries can make a difference.
    fn unasked(&self, hop: Hop, edges: &mut Edges<'_>) -> Option<Route> {
        let attempts = self.inherited(hop)?;
        let to = Target::Backend(asked_for(hop, edges));
        let rule = Rule {
            action: Action::Forward(vec![(1.0, to)]),
            delay: None,
            abort: None,
            mirrors: Vec::new(),
            attempts: Some(attempts),
        };
        let mut rules = IndexVec::new();
        let only = rules.push(rule);
        let choices = IndexVec::filled(super::Choice::Fixed(only), self.scenario.sources.len());
        Some(Route { choices, rules })
    }

    /// What happens to requests that no rule is for. Kinds of object that only divert some requests leave the others alone.
    fn otherwise(&self, routes: &[&scenario::Route], hop: Hop, edges: &mut Edges<'_>) -> Rule {
        let diverts = |route: &&scenario::Route| {
            let kinds = [Resource::TrafficSplit, Resource::ServiceProfile, Resource::LinkerdAnnotation];
            kinds.contains(&route.resource)
        };
        let action = if routes.iter().all(diverts) || routes.iter().all(|route| route.of_connections) {
            let to = Target::Backend(asked_for(hop, edges));
            Action::Forward(vec![(1.0, to)])
        } else {
            Action::Answer(Answer { status: 404, size: 0, why: Why::NoRule })
        };
        let attempts = matches!(action, Action::Forward(_)).then(|| self.inherited(hop)).flatten();
        Rule { action, delay: None, abort: None, mirrors: Vec::new(), attempts }
    }

    fn rule(&self, candidate: &Candidate<'a>, hop: Hop, edges: &mut Edges<'_>) -> Rule {
        let written = candidate.rule;
        let attempts = self.attempts(written, candidate.route, hop);
        Rule {
            action: self.action(candidate, hop, edges),
            delay: written.delay.clone(),
            abort: written.abort.clone(),
            mirrors: (written.mirrors.iter())
                .filter_map(|mirror| match self.target(&mirror.backend, candidate.route, hop, edges) {
                    Target::Backend(backend) => Some(Mirror { backend, ratio: mirror.ratio.value() }),
                    Target::Missing(_) => None,
                })
                .collect(),
            attempts: attempts.filter(|_| !candidate.route.of_connections),
        }
    }

    fn action(&self, candidate: &Candidate<'a>, hop: Hop, edges: &mut Edges<'_>) -> Action {
        let written = match &candidate.rule.action {
            RuleAction::Redirect { status } => {
                return Action::Answer(Answer { status: *status, size: 0, why: Why::Rule });
            }
            RuleAction::Respond { status, size } => {
                return Action::Answer(Answer { status: *status, size: *size, why: Why::Rule });
            }
            RuleAction::Forward(written) => written,
        };
        if written.is_empty() {
            let to = Target::Backend(asked_for(hop, edges));
            return Action::Forward(vec![(1.0, to)]);
        }
        let all: f64 = written.iter().map(|one| one.weight).sum();
        let weighted: Vec<_> = written.iter().filter(|one| one.weight > 0.0).collect();
        let Some(last) = weighted.len().checked_sub(1) else {
            return Action::Answer(no_backend(candidate.route));
        };
        let mut sum = 0.0;
        let targets = weighted.iter().enumerate().map(|(number, one)| {
            sum += one.weight;
            let bound = if number == last { 1.0 } else { sum / all };
            (bound, self.target(&one.backend, candidate.route, hop, edges))
        });
        Action::Forward(targets.collect())
    }

    fn target(
        &self,
        backend: &scenario::Backend,
        route: &scenario::Route,
        hop: Hop,
        edges: &mut Edges<'_>,
    ) -> Target {
        match backend {
            scenario::Backend::Missing { status, .. } => {
                Target::Missing(Answer { status: *status, size: 0, why: Why::NoBackend })
            }
            scenario::Backend::Service { service, subset, .. } => {
                match edges.backend(hop.enforcer, *service, *subset) {
                    Some(edge) => Target::Backend(Backend { edge, operation: self.operation(*service, hop) }),
                    None => Target::Missing(Answer { status: 503, ..no_backend(route) }),
                }
            }
        }
    }

    /// What a backend is asked for. Of another service than the one asked: its operation of the same name, else of the
    /// same path and method, else its first one.
    fn operation(&self, service: ServiceIdx, hop: Hop) -> OperationIdx {
        if service == hop.service {
            return hop.operation;
        }
        let asked = &self.scenario.services[hop.service].operations[hop.operation];
        let operations = &self.scenario.services[service].operations;
        let position = |same: &dyn Fn(&scenario::Operation) -> bool| operations.iter().position(same);
        let found = position(&|one| one.name == asked.name)
            .or_else(|| position(&|one| (&one.path, &one.method) == (&asked.path, &asked.method)));
        OperationIdx::at(found.unwrap_or(0))
    }

    fn attempts(
        &self,
        written: &routing::Rule<scenario::Backend>,
        route: &scenario::Route,
        hop: Hop,
    ) -> Option<Attempts> {
        if route.of_connections || !matches!(written.action, RuleAction::Forward(_)) {
            return None;
        }
        let nanos = |span: Option<Span>| span.map_or(u64::MAX, Span::nanos);
        let timeout = nanos(written.timeout.or(None));
        let attempt_timeout = nanos(written.attempt_timeout);
        let retries = match &written.retries {
            Setting::Inherit => self.inherited(hop),
            Setting::Off => None,
            Setting::To(retries) => Some(self.asked(retries, route.resource)),
        };
        let is_plain = timeout == u64::MAX && attempt_timeout == u64::MAX;
        match retries {
            None if is_plain => None,
            retries => Some(Attempts { timeout, attempt_timeout, ..retries.unwrap_or_else(once) }),
        }
    }

    /// Retries as a rule asks for them; what it leaves open is the mesh's own.
    fn asked(&self, written: &routing::Retries, resource: Resource) -> Attempts {
        let Some(own) = self.retries else {
            let pauses = written.backoff.map_or(ENVOYS_PAUSES, Pauses::from);
            let on = Conditions::new(Style::Envoy, written.on.as_deref().unwrap_or_default());
            let avoid_previous = written.avoid_previous.unwrap_or(false);
            return Attempts { retries: written.attempts, on, pauses, avoid_previous, ..once() };
        };
        let style = match own.follows {
            Follows::Envoy => Style::Envoy,
            Follows::Linkerd if resource == Resource::ServiceProfile => Style::ServiceProfile,
            Follows::Linkerd => Style::Linkerd,
        };
        Attempts {
            retries: written.attempts,
            on: Conditions::new(style, written.on.as_deref().unwrap_or(&own.on)),
            pauses: match (style, written.backoff) {
                (Style::ServiceProfile, None) => Pauses::None,
                (_, backoff) => pauses(own.follows, backoff.unwrap_or(own.backoff)),
            },
            avoid_previous: written.avoid_previous.unwrap_or(own.avoid_previous),
            ..once()
        }
    }

    /// The mesh's own retries, where the callee's failures are of a kind that they are for.
    fn inherited(&self, hop: Hop) -> Option<Attempts> {
        let own = self.retries.filter(|own| own.attempts > 0)?;
        let callee = &self.scenario.services[hop.service];
        let asked =
            routing::Retries { attempts: own.attempts, on: None, backoff: None, avoid_previous: None };
        let attempts = self.asked(&asked, Resource::Scenario);
        let answers = [callee.operations[hop.operation].error_status, Status::Http(503)];
        let is_for = |status| attempts.on.retries(&Failure::answered(Cause::Application, status));
        (callee.application.protocol != Protocol::Tcp && answers.into_iter().any(is_for)).then_some(attempts)
    }
}

/// The service that was asked, as a backend.
fn asked_for(hop: Hop, edges: &mut Edges<'_>) -> Backend {
    Backend { edge: edges.between(hop.enforcer, hop.service), operation: hop.operation }
}

/// Pauses of a proxy that no mesh's profile describes: Envoy's.
const ENVOYS_PAUSES: Pauses = Pauses::FullJitter { base: Span::from_millis(25), max: Span::from_millis(250) };

fn pauses(follows: Follows, backoff: Backoff) -> Pauses {
    match follows {
        Follows::Envoy => Pauses::from(backoff),
        Follows::Linkerd => Pauses::Exponential { min: backoff.base, max: backoff.max, jitter: Ratio::ONE },
    }
}

/// One attempt, for as long as it takes.
fn once() -> Attempts {
    Attempts {
        timeout: u64::MAX,
        attempt_timeout: u64::MAX,
        retries: 0,
        on: Conditions::new(Style::Envoy, &[]),
        pauses: Pauses::None,
        avoid_previous: false,
    }
}

/// Gateway API wants 500 where a backend is invalid or has no weight, the others 503.
fn no_backend(route: &scenario::Route) -> Answer {
    let is_gateway_api = matches!(route.resource, Resource::HttpRoute | Resource::GrpcRoute);
    Answer { status: if is_gateway_api { 500 } else { 503 }, size: 0, why: Why::NoBackend }
}

/// How well a route's host fits one of the names: the longer the better; `None` if it does not.
fn fit(host: &str, names: &[String]) -> Option<usize> {
    match host.strip_prefix('*') {
        None => names.iter().any(|name| name == host).then_some(usize::MAX),
        Some(end) => {
            names.iter().any(|name| name.len() > end.len() && name.ends_with(end)).then_some(end.len())
        }
    }
}

/// The ways to match the rules of routes, in the order in which they are looked at, which is that of the scenario.
fn candidates<'a>(routes: &[&'a scenario::Route]) -> Vec<Candidate<'a>> {
    let mut all: Vec<Candidate<'a>> = Vec::new();
    for &route in routes {
        for rule in &route.rules {
            if rule.matches.is_empty() {
                all.push(Candidate { route, rule, of: None });
            }
            all.extend(rule.matches.iter().map(|of| Candidate { route, rule, of: Some(of) }));
        }
    }
    all
}

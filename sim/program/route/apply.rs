//! Which rules concern a call site, in which order, and what they come to there.

use std::collections::BTreeMap;

use crate::index::IndexVec;
use crate::mesh::model::{Follows, RetryModel};
use crate::mesh::scenario::{
    self, OperationIdx, Origin, Protocol, Scenario, ServiceIdx, SourceIdx, TrafficSource, VersionIdx,
};
use crate::vocabulary::request::{Condition, Name};
use crate::vocabulary::routing::{self, RuleAction};

use super::super::WorkloadIdx;
use super::super::edge::Edges;
use super::attempts::Tries;
use super::choice::choice;
use super::concern::{
    Asked, Candidate, candidates, concerning, leaves_others_alone, names_of, no_backend, operation_of,
};
use super::condition::{Place, is_header};
use super::{
    Action, Answer, Attempts, Backend, Draw, Later, Mirror, Route, RouteIdx, Rule, RuleIdx, Target, Why,
};

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
    tries: Tries<'a>,
    known: BTreeMap<Hop, Option<RouteIdx>>,
    made: IndexVec<RouteIdx, Route>,
    rules: IndexVec<RuleIdx, Rule>,
}

impl<'a> Routes<'a> {
    pub(in crate::program) fn new(scenario: &'a Scenario, retries: Option<&'a RetryModel>) -> Self {
        Self {
            scenario,
            tries: Tries { scenario, retries },
            known: BTreeMap::new(),
            made: IndexVec::new(),
            rules: IndexVec::new(),
        }
    }

    /// All routes, and the rules that some request can take.
    pub(in crate::program) fn finish(self) -> (IndexVec<RouteIdx, Route>, IndexVec<RuleIdx, Rule>) {
        (self.made, self.rules)
    }

    /// What the proxy does with these calls; `None` if that is nothing but pass them on.
    pub(in crate::program) fn of(&mut self, hop: Hop, edges: &mut Edges<'_>) -> Option<RouteIdx> {
        if let Some(&known) = self.known.get(&hop) {
            return known;
        }
        let place = self.place(hop);
        let mut routes = self.concerning(hop, &place, &self.scenario.routes);
        let mut made = self.make(hop, &place, &routes, edges);
        let mut later = Vec::new();
        for (applied, all) in (0..).zip(&self.scenario.applied) {
            let changed = self.concerning(hop, &place, all);
            if changed != routes {
                let route = self.make(hop, &place, &changed, edges).unwrap_or_else(|| self.plain(hop, edges));
                later.push(Later { applied, service: hop.service, route: self.made.push(route) });
                routes = changed;
            }
        }
        if !later.is_empty() {
            let mut first = made.unwrap_or_else(|| self.plain(hop, edges));
            first.later = later;
            made = Some(first);
        }
        let made = made.map(|route| self.made.push(route));
        self.known.insert(hop, made);
        made
    }

    fn make(
        &mut self,
        hop: Hop,
        place: &Place<'a>,
        routes: &[&'a scenario::Route],
        edges: &mut Edges<'_>,
    ) -> Option<Route> {
        if routes.is_empty() {
            let attempts = self.tries.inherited(hop.service, hop.operation)?;
            return Some(self.passing_on(hop, Some(attempts), edges));
        }
        let sources = self.sources_behind(hop);
        let varies = |name: Name<'_>| {
            sources.iter().flat_map(|source| &source.headers).any(|header| is_header(name, &header.name))
        };
        let mut numbers: Vec<(*const routing::Rule<scenario::Backend>, RuleIdx)> = Vec::new();
        let mut matches: Vec<(Vec<Condition<'_>>, RuleIdx)> = Vec::new();
        for candidate in candidates(routes) {
            let left = match candidate.of {
                None => Some(Vec::new()),
                Some(of) => place.remaining(of, varies),
            };
            let Some(left) = left else { continue };
            let known = numbers.iter().find(|(rule, _)| std::ptr::eq(*rule, candidate.rule));
            let number = if let Some((_, number)) = known {
                *number
            } else {
                let rule = self.rule(&candidate, hop, edges);
                let number = self.rules.push(rule);
                numbers.push((candidate.rule, number));
                number
            };
            let always = left.is_empty();
            matches.push((left, number));
            if always {
                break;
            }
        }
        if matches.last().is_none_or(|(left, _)| !left.is_empty()) {
            let otherwise = self.otherwise(routes, hop, edges);
            matches.push((Vec::new(), self.rules.push(otherwise)));
        }
        let choices =
            self.scenario.sources.iter().map(|source| choice(place, &matches, &source.headers, place.is_own));
        Some(Route { choices: choices.collect(), later: Vec::new() })
    }

    /// What is known of every call.
    fn place(&self, hop: Hop) -> Place<'a> {
        let callee = &self.scenario.services[hop.service];
        let mut place = Place::new(callee, &callee.operations[hop.operation], names_of(callee));
        match hop.caller {
            Caller::Service(service, version) => {
                let caller = &self.scenario.services[service];
                let labels = version.map_or(&caller.labels, |version| &caller.versions[version].labels);
                place.ends.labels.clone_from(labels);
                place.ends.namespace.clone_from(&caller.namespace);
            }
            Caller::Source(source) => {
                let source = &self.scenario.sources[source];
                place.is_own = true;
                CLIENT_NAMESPACE.clone_into(&mut place.ends.namespace);
                if let Origin::Gateway { name, .. } = &source.from {
                    place.ends.gateway = Some(name.clone());
                }
                if let Some(host) = &source.host {
                    place.ends.hosts = vec![host.clone()];
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

    /// The routes for these calls, in order.
    fn concerning(
        &self,
        hop: Hop,
        place: &Place<'_>,
        routes: &'a [scenario::Route],
    ) -> Vec<&'a scenario::Route> {
        let named = match hop.caller {
            Caller::Source(source) => self.scenario.sources[source].host.is_some(),
            Caller::Service(..) => false,
        };
        concerning(self.scenario, routes, Asked { service: hop.service, named }, &place.ends)
    }

    /// Requests are passed on.
    fn plain(&mut self, hop: Hop, edges: &mut Edges<'_>) -> Route {
        self.passing_on(hop, None, edges)
    }

    /// Where nothing is written, only the mesh's own retries can make a difference.
    fn passing_on(&mut self, hop: Hop, attempts: Option<Attempts>, edges: &mut Edges<'_>) -> Route {
        let to = Target::Backend(asked_for(hop, edges));
        let rule = Rule {
            action: Action::Forward(vec![(1.0, to)]),
            delay: None,
            abort: None,
            mirrors: Vec::new(),
            attempts,
            draw: self.draw(hop),
        };
        let only = self.rules.push(rule);
        let choices = IndexVec::filled(super::Choice::Fixed(only), self.scenario.sources.len());
        Route { choices, later: Vec::new() }
    }

    /// What happens to requests that no rule is for.
    fn otherwise(&self, routes: &[&scenario::Route], hop: Hop, edges: &mut Edges<'_>) -> Rule {
        let action = if leaves_others_alone(routes) {
            let to = Target::Backend(asked_for(hop, edges));
            Action::Forward(vec![(1.0, to)])
        } else {
            Action::Answer(Answer { status: 404, size: 0, why: Why::NoRule })
        };
        let attempts = matches!(action, Action::Forward(_))
            .then(|| self.tries.inherited(hop.service, hop.operation))
            .flatten();
        Rule { action, delay: None, abort: None, mirrors: Vec::new(), attempts, draw: self.draw(hop) }
    }

    fn rule(&self, candidate: &Candidate<'a>, hop: Hop, edges: &mut Edges<'_>) -> Rule {
        let written = candidate.rule;
        let attempts = self.tries.attempts(written, candidate.route, hop.service, hop.operation);
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
            attempts,
            draw: self.draw(hop),
        }
    }

    fn draw(&self, hop: Hop) -> Draw {
        let follows = self.tries.retries.map(|own| own.follows);
        match self.scenario.services[hop.service].application.protocol {
            Protocol::Tcp => Draw::PerConnection,
            _ if follows == Some(Follows::Linkerd) => Draw::PerAttempt,
            _ => Draw::PerCall,
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
                    Some(edge) => Target::Backend(Backend {
                        edge,
                        operation: operation_of(self.scenario, *service, (hop.service, hop.operation)),
                    }),
                    None => Target::Missing(Answer { status: 503, ..no_backend(route) }),
                }
            }
        }
    }
}

/// The service that was asked, as a backend.
fn asked_for(hop: Hop, edges: &mut Edges<'_>) -> Backend {
    Backend { edge: edges.between(hop.enforcer, hop.service), operation: hop.operation }
}

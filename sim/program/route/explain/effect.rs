//! What a rule does with requests, and how its backends are treated.

use crate::index::Idx;
use crate::mesh::model::{MeshModel, ProxyModel};
use crate::mesh::scenario::{Backend, Protocol, Route, Scenario, ServiceIdx, SubsetIdx};
use crate::policy::backoff::Pauses;
use crate::units::Span;
use crate::vocabulary::BalancingPolicy;
use crate::vocabulary::resilience::TrafficPolicy;
use crate::vocabulary::routing::{Changes, Rule, RuleAction, Setting};

use super::super::attempts::Tries;
use super::super::concern::no_backend;
use super::super::{Answer, Attempts, Why};
use super::{Effect, Enforcement, Explained, Question, Retrying, Sender, Share, Target, Told, Treatment};
use crate::program::edge::policy;

/// Under one mesh, for one question.
pub(super) struct View<'a> {
    /// As the mesh can have it.
    pub(super) scenario: &'a Scenario,
    pub(super) mesh: &'a MeshModel,
    pub(super) question: &'a Question,
    pub(super) enforcer: &'a Enforcement,
}

impl View<'_> {
    /// What a rule does.
    pub(super) fn rule(&self, route: &Route, rule: &Rule<Backend>) -> Effect {
        let (to, answer) = self.action(route, rule);
        let attempts = self.tries().attempts(rule, route, self.question.service, self.operation());
        let mirrors =
            rule.mirrors.iter().map(|mirror| self.share(mirror.ratio.value(), &mirror.backend, route));
        Effect {
            answer,
            delay: rule.delay.clone(),
            abort: rule.abort.clone(),
            // Copies to nobody are not made.
            mirrors: mirrors.filter(|share| share.missing.is_none()).collect(),
            timeout: attempts.as_ref().and_then(|attempts| limit(attempts.timeout)),
            attempt_timeout: attempts.as_ref().and_then(|attempts| limit(attempts.attempt_timeout)),
            retries: self.retries(attempts, Some(rule), !to.is_empty() && !route.of_connections),
            to,
            changes: rule.changes.clone(),
        }
    }

    /// What happens to requests that no rule is for.
    pub(super) fn otherwise(&self, is_left_alone: bool) -> Effect {
        let answer = (!is_left_alone).then_some(Answer { status: 404, size: 0, why: Why::NoRule });
        let looked_at = is_left_alone && *self.enforcer != Enforcement::Nobody;
        Effect {
            to: if is_left_alone {
                vec![self.endpoints(1.0, (self.question.service, None))]
            } else {
                Vec::new()
            },
            answer,
            delay: None,
            abort: None,
            mirrors: Vec::new(),
            timeout: None,
            attempt_timeout: None,
            retries: self.retries(None, None, looked_at),
            changes: Changes::default(),
        }
    }

    fn tries(&self) -> Tries<'_> {
        Tries { scenario: self.scenario, retries: self.mesh.retries.as_ref() }
    }

    fn operation(&self) -> crate::mesh::scenario::OperationIdx {
        super::operation(&self.scenario.services[self.question.service], self.question.request.as_ref())
    }

    fn action(&self, route: &Route, rule: &Rule<Backend>) -> (Vec<Share>, Option<Answer>) {
        let weighted = match &rule.action {
            RuleAction::Redirect { status } => {
                return (Vec::new(), Some(Answer { status: *status, size: 0, why: Why::Rule }));
            }
            RuleAction::Respond { status, size } => {
                return (Vec::new(), Some(Answer { status: *status, size: *size, why: Why::Rule }));
            }
            RuleAction::Forward(weighted) => weighted,
        };
        if weighted.is_empty() {
            return (vec![self.endpoints(1.0, (self.question.service, None))], None);
        }
        let all: f64 = weighted.iter().map(|one| one.weight).sum();
        if all <= 0.0 {
            return (Vec::new(), Some(no_backend(route)));
        }
        (weighted.iter().map(|one| self.share(one.weight / all, &one.backend, route)).collect(), None)
    }

    fn share(&self, ratio: f64, backend: &Backend, route: &Route) -> Share {
        match backend {
            Backend::Missing { name, status } => {
                Share { ratio, backend: name.clone(), versions: Vec::new(), pods: 0, missing: Some(*status) }
            }
            Backend::Service { service, subset, .. } => {
                let share = self.endpoints(ratio, (*service, *subset));
                // No endpoint is no invalid backend: 503 from every kind of object.
                let missing = (share.pods == 0).then(|| Answer { status: 503, ..no_backend(route) }.status);
                Share { missing, ..share }
            }
        }
    }

    fn endpoints(&self, ratio: f64, target: Target) -> Share {
        let service = &self.scenario.services[target.0];
        let chosen = |position: usize| {
            target.1.is_none_or(|subset| {
                service.subsets[subset].versions.iter().any(|version| version.position() == position)
            })
        };
        let versions: Vec<(String, u32)> = (service.versions.iter().enumerate())
            .filter(|(position, _)| chosen(*position))
            .map(|(_, version)| (version.name.clone(), version.replicas))
            .collect();
        let pods = if service.versions.is_empty() {
            if chosen(0) { service.replicas } else { 0 }
        } else {
            versions.iter().map(|version| version.1).sum()
        };
        Share { ratio, backend: self.name(target), versions, pods, missing: None }
    }

    /// `service` or `service:subset`, with the namespace where it is not the callee's.
    fn name(&self, (service, subset): Target) -> String {
        let callee = &self.scenario.services[self.question.service];
        let service = &self.scenario.services[service];
        let name =
            if service.namespace == callee.namespace { service.name.clone() } else { service.full_name() };
        match subset {
            Some(subset) => format!("{name}:{}", service.subsets[subset].name),
            None => name,
        }
    }

    /// What is tried again. What the mesh tries unasked is told even where a callee never fails in such a way.
    fn retries(
        &self,
        attempts: Option<Attempts>,
        rule: Option<&Rule<Backend>>,
        may_inherit: bool,
    ) -> Retrying {
        let setting = rule.map(|rule| &rule.retries);
        let written = match setting {
            Some(Setting::To(retries)) => Some(retries),
            _ => None,
        };
        let is_said = matches!(setting, Some(Setting::To(_) | Setting::Off));
        let own = self.mesh.retries.as_ref();
        let unasked = || self.tries().unasked(self.question.service).filter(|_| may_inherit && !is_said);
        let attempts = attempts.filter(|attempts| attempts.retries > 0).or_else(unasked);
        let on = written.and_then(|retries| retries.on.clone());
        let told = |is_written: bool| is_written && attempts.is_some();
        Retrying {
            on: Told {
                written: told(on.is_some()),
                value: match &attempts {
                    Some(_) => on.or_else(|| own.map(|own| own.on.clone())).unwrap_or_default(),
                    None => Vec::new(),
                },
            },
            pauses: Told {
                written: told(written.is_some_and(|retries| retries.backoff.is_some())),
                value: attempts.as_ref().map_or(Pauses::None, |attempts| attempts.pauses),
            },
            avoid_previous: Told {
                written: told(written.is_some_and(|retries| retries.avoid_previous.is_some())),
                value: attempts.as_ref().is_some_and(|attempts| attempts.avoid_previous),
            },
            attempts: Told { value: attempts.map_or(0, |attempts| attempts.retries), written: is_said },
        }
    }

    /// How the backends that requests may go to are treated.
    pub(super) fn treatments(
        &self,
        rules: &[Explained],
        otherwise: Option<&Effect>,
    ) -> Vec<(Target, Treatment)> {
        let effects = rules.iter().filter_map(|rule| rule.effect.as_ref()).chain(otherwise);
        let mut names: Vec<&str> = Vec::new();
        for share in effects.flat_map(|effect| effect.to.iter().chain(&effect.mirrors)) {
            if share.missing.is_none() && share.ratio > 0.0 && !names.contains(&share.backend.as_str()) {
                names.push(&share.backend);
            }
        }
        let targets: Vec<Target> = self.targets();
        let found =
            names.iter().filter_map(|name| targets.iter().find(|target| self.name(**target) == *name));
        found.map(|target| (*target, self.treatment(*target))).collect()
    }

    /// Everything that a backend can be.
    fn targets(&self) -> Vec<Target> {
        let services = self.scenario.services.iter_enumerated();
        let of = |(index, service): (ServiceIdx, &crate::mesh::scenario::Service)| {
            let subsets = (0..service.subsets.len()).map(|subset| Some(SubsetIdx::at(subset)));
            std::iter::once(None).chain(subsets).map(move |subset| (index, subset)).collect::<Vec<_>>()
        };
        services.flat_map(of).collect()
    }

    fn treatment(&self, target: Target) -> Treatment {
        let service = &self.scenario.services[target.0];
        let protocol = service.application.protocol;
        let said = self.scenario.policy(target.0, target.1, self.question.port.or(service.port));
        let balancing = said.balancing.as_ref().or(service.balancing.as_ref());
        let proxy = self.proxy();
        let (chosen, is_looked_at) = match (self.enforcer, &self.mesh.node_proxy) {
            (Enforcement::Nobody, Some(node)) if self.is_meshed() => (node.proxy.tcp_balancing, false),
            (Enforcement::Nobody, _) => (self.mesh.direct.balancing, false),
            _ => (policy(balancing, protocol, proxy, &self.mesh.direct), true),
        };
        Treatment {
            backend: self.name(target),
            balancing: Told { value: chosen, written: is_looked_at && balancing.is_some() },
            per_connection: !is_looked_at
                || protocol == Protocol::Tcp
                || chosen == BalancingPolicy::PerConnection,
            policy: if is_looked_at { said } else { TrafficPolicy::default() },
        }
    }

    /// The proxy that looks at requests.
    fn proxy(&self) -> Option<&ProxyModel> {
        match self.enforcer {
            Enforcement::ClientProxy => self.mesh.sidecar.as_ref(),
            Enforcement::Waypoint => self.mesh.waypoint.as_ref().map(|waypoint| &waypoint.proxy),
            Enforcement::Gateway(_) => Some(&self.mesh.gateway),
            Enforcement::Nobody => None,
        }
    }

    fn is_meshed(&self) -> bool {
        match &self.question.from {
            Sender::Service(caller) => self.scenario.services[*caller].injected,
            Sender::Anyone | Sender::Gateway(_) => true,
        }
    }
}

fn limit(nanos: u64) -> Option<Span> {
    (nanos != u64::MAX).then(|| Span::from_nanos(nanos))
}

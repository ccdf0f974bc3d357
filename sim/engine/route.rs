//! The calling proxy's rules: which one a request takes, faults on purpose, and where it goes.

use crate::kernel::Uniform;
use crate::program::route::{Action, Answer, Backend, Draw, Route, Rule, Target, Why};
use crate::units::Span;
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::Status;

use super::call::{CallId, Progress, Waiter};
use super::links::Drawn;
use super::{Engine, draw};

impl<'p> Engine<'p> {
    /// The calling side has processed the request: its rules, if it has any, say what becomes of it.
    pub(super) fn dispatch(&mut self, id: CallId) {
        let call = &self.calls[id];
        let route = self.program.sites[call.site].route;
        // The rules have sent an attempt or a copy on its way already.
        let Some(route) = route.filter(|_| !call.is_attempt() && !call.mirrored) else {
            return self.connect(id);
        };
        let mut route = &self.program.routes[route];
        if !route.later.is_empty() {
            route = self.as_told(id, route);
        }
        let call = &self.calls[id];
        let rule = route.choices[call.source].rule(|header| self.header_of(call, header));
        self.calls[id].rule = rule;
        match self.delay_of(id, &self.program.rules[rule]) {
            Some(delay) => self.hold(id, delay),
            None => self.follow_rule(id),
        }
    }

    /// What the proxy does with the call, which an event changes: what it has been told last.
    #[cold]
    fn as_told(&mut self, id: CallId, route: &'p Route) -> &'p Route {
        let call = &self.calls[id];
        let Some(control) = &mut self.control else { return route };
        let proxy = self.program.pods[call.caller].proxy;
        match proxy.and_then(|proxy| control.latest(&route.later, proxy, call.measured)) {
            Some(later) => &self.program.routes[later],
            None => route,
        }
    }

    fn delay_of(&self, id: CallId, rule: &Rule) -> Option<Span> {
        let delay = rule.delay.as_ref()?;
        let call = &self.calls[id];
        if !call.key.draws(draw::FAULT, call.path, 0, 0).chance(delay.ratio.value()) {
            return None;
        }
        let nanos = delay.delay.sample(&mut call.key.draws(draw::FAULT, call.path, 1, 0));
        Some(Span::from_nanos_f64(nanos))
    }

    /// The rule that the call takes.
    pub(super) fn rule(&self, id: CallId) -> &'p Rule {
        &self.program.rules[self.calls[id].rule]
    }

    /// The request has been delayed if it was to be. Like Envoy's filter for faults, all this precedes whatever else the
    /// rule says: its timeout does not run yet, and a failure on purpose is not tried again.
    pub(super) fn follow_rule(&mut self, id: CallId) {
        let rule = self.rule(id);
        if let Some(abort) = &rule.abort {
            let call = &self.calls[id];
            if call.key.draws(draw::FAULT, call.path, 2, 0).chance(abort.ratio.value()) {
                return self.answer_here(id, Some(Failure::answered(Cause::FaultAbort, abort.status)), 0);
            }
        }
        let target = match &rule.action {
            Action::Answer(answer) => return self.answer_by_rule(id, answer),
            Action::Forward(targets) => self.target(id, rule, targets),
        };
        self.copy(id, &rule.mirrors);
        match target {
            Target::Missing(answer) => self.answer_by_rule(id, answer),
            Target::Backend(Backend { edge, operation }) => {
                let call = &mut self.calls[id];
                (call.edge, call.operation) = (*edge, *operation);
                match &rule.attempts {
                    None => self.connect(id),
                    Some(attempts) => self.begin_trying(id, attempts),
                }
            }
        }
    }

    /// One of the targets, by weight: that of the call's first attempt.
    fn target(&mut self, id: CallId, rule: &Rule, targets: &'p [(f64, Target)]) -> &'p Target {
        if let [(_, only)] = targets {
            return only;
        }
        let position = match rule.draw {
            Draw::PerCall => self.drawn(id, targets, 0),
            Draw::PerAttempt => self.drawn_of_ready(id, targets, 0),
            Draw::PerConnection => {
                let rule = self.calls[id].rule;
                let drawn = Drawn { rule, target: self.drawn(id, targets, 0) as u32 };
                let known = self.target_of_connection(id);
                let kept = known.filter(|known| known.rule == rule).unwrap_or(drawn);
                *known = Some(kept);
                kept.target as usize
            }
        };
        &targets[position].1
    }

    fn drawn(&self, id: CallId, targets: &[(f64, Target)], attempt: u32) -> usize {
        let call = &self.calls[id];
        let drawn = call.key.draws(draw::BACKEND, call.path, attempt, 0).unit();
        targets.partition_point(|(bound, _)| *bound <= drawn)
    }

    /// As Linkerd draws (linkerd/distribute): a target that takes no calls is left out and another one drawn, if one is
    /// left.
    fn drawn_of_ready(&self, id: CallId, targets: &[(f64, Target)], attempt: u32) -> usize {
        let first = self.drawn(id, targets, attempt);
        let caller = self.calls[id].caller;
        let is_ready = |target: &Target| match target {
            Target::Backend(backend) => !self.fails_fast(caller, &self.program.edges[backend.edge]),
            Target::Missing(_) => true,
        };
        if is_ready(&targets[first].1) {
            return first;
        }
        let mut below = 0.0;
        let mut left = Vec::new();
        for (position, (bound, target)) in targets.iter().enumerate() {
            let weight = bound - std::mem::replace(&mut below, *bound);
            if is_ready(target) {
                left.push((position, weight));
            }
        }
        let all: f64 = left.iter().map(|(_, weight)| weight).sum();
        let call = &self.calls[id];
        let mut rest = call.key.draws(draw::BACKEND, call.path, attempt, 1).unit() * all;
        let found = left.iter().find(|(_, weight)| {
            rest -= weight;
            rest < 0.0
        });
        found.or(left.last()).map_or(first, |(position, _)| *position)
    }

    /// Where an attempt after the first one goes; `None` is where the first one went.
    pub(super) fn target_of_attempt(&self, id: CallId, attempt: u32) -> Option<&'p Target> {
        let rule = self.rule(id);
        match &rule.action {
            Action::Forward(targets) if rule.draw == Draw::PerAttempt && targets.len() > 1 => {
                Some(&targets[self.drawn_of_ready(id, targets, attempt)].1)
            }
            _ => None,
        }
    }

    /// The target that was drawn for the connection on which an opaque call comes, once one is: the application's own, or,
    /// at a waypoint, that of the call to it.
    fn target_of_connection(&mut self, id: CallId) -> &mut Option<Drawn> {
        if let Waiter::Relay(outer) = self.calls[id].waiter {
            let connection = self.calls[outer].connection;
            return &mut self.connections[connection].target;
        }
        let edge = self.link_edge(id);
        let (caller, link) = (self.calls[id].caller, self.calls[id].link);
        let position = self.view_position(caller, edge);
        let view = self.views[position].as_mut().expect("a view that is asked for is there");
        view.links.target(link)
    }

    fn answer_by_rule(&mut self, id: CallId, answer: &Answer) {
        self.answer_here(id, failure_of(answer), answer.size);
    }

    /// An attempt has drawn a target that is not there.
    pub(super) fn fail_attempt(&mut self, id: CallId, answer: &Answer) {
        if let Some(failure) = failure_of(answer) {
            self.calls[id].fail(failure);
        }
        self.returned(id);
    }

    /// The calling proxy finds that a call, or an attempt of one, cannot be sent.
    pub(super) fn fail_here(&mut self, id: CallId, cause: Cause) {
        let failure = Failure::local(cause, false);
        if !self.calls[id].is_attempt() {
            return self.answer_here(id, Some(failure), 0);
        }
        self.calls[id].fail(failure);
        self.returned(id);
    }

    /// The calling proxy answers the request itself.
    pub(super) fn answer_here(&mut self, id: CallId, failure: Option<Failure>, size: u64) {
        let call = &mut self.calls[id];
        if let Some(failure) = failure {
            call.fail(failure);
        }
        call.payload = size;
        call.progress = Progress::Back;
        self.pass_back(id);
    }
}

fn failure_of(answer: &Answer) -> Option<Failure> {
    let cause = match answer.why {
        Why::Rule => Cause::DirectResponse,
        Why::NoRule | Why::NoBackend => Cause::NoRoute,
    };
    (answer.status >= 400).then(|| Failure::answered(cause, Status::Http(answer.status)))
}

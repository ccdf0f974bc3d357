//! The calling proxy's rules: which one a request takes, faults on purpose, and where it goes.

use crate::kernel::Uniform;
use crate::program::route::{Action, Answer, Backend, Rule, Target, Why};
use crate::units::Span;
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::Status;

use super::call::{CallId, Progress};
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
        let route = &self.program.routes[route];
        let rule = route.choices[call.source].rule(|header| self.header_of(call, header));
        self.calls[id].rule = rule;
        match self.delay_of(id, &route.rules[rule]) {
            Some(delay) => self.hold(id, delay),
            None => self.follow_rule(id),
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
        let call = &self.calls[id];
        let route = self.program.sites[call.site].route.expect("only a call with a route takes a rule");
        &self.program.routes[route].rules[call.rule]
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
            Action::Forward(targets) => self.choose(id, targets),
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

    /// One of the targets, by weight: the same for every attempt of the call.
    fn choose(&self, id: CallId, targets: &'p [(f64, Target)]) -> &'p Target {
        if let [(_, only)] = targets {
            return only;
        }
        let call = &self.calls[id];
        let drawn = call.key.draws(draw::BACKEND, call.path, 0, 0).unit();
        let position = targets.partition_point(|(bound, _)| *bound <= drawn);
        &targets[position].1
    }

    fn answer_by_rule(&mut self, id: CallId, answer: &Answer) {
        let cause = match answer.why {
            Why::Rule => Cause::DirectResponse,
            Why::NoRule | Why::NoBackend => Cause::NoRoute,
        };
        let failure = (answer.status >= 400).then(|| Failure::answered(cause, Status::Http(answer.status)));
        self.answer_here(id, failure, answer.size);
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

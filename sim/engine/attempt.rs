//! Timeouts and retries of the calling proxy.
//!
//! The call stays in its proxy and makes attempts: calls that begin where an endpoint is chosen and end when the answer is
//! in the calling pod. What the last one answers passes on to the caller.

use smallvec::SmallVec;

use crate::kernel::rng::extend_path;
use crate::kernel::timer::TimerId;
use crate::program::HashInput;
use crate::program::route::{Attempts, Target};
use crate::units::Span;
use crate::vocabulary::failure::{Cause, Failure};

use super::call::{Call, CallId, NO_ENDPOINT, Part, Progress, Waiter};
use super::pass::Pass;
use super::{Engine, Event, draw};

/// What a proxy does about a call that it holds or tries.
#[derive(Clone, Debug, Default)]
pub(super) struct Tries {
    /// When it goes on.
    pause: Option<TimerId>,
    /// When it answers without waiting any longer.
    deadline: Option<TimerId>,
    /// The attempt under way.
    current: Option<CallId>,
    /// Attempts made.
    made: u32,
    /// Endpoints that have failed.
    failed: SmallVec<[u32; 4]>,
    /// A retry waits for its time or is under way.
    is_retry: bool,
}

impl Engine<'_> {
    /// The proxy makes the call wait.
    pub(super) fn hold(&mut self, id: CallId, pause: Span) {
        let now = self.schedule.now();
        let timer = self.schedule.timer(pause, Event::Resumed(id));
        let call = &mut self.calls[id];
        call.progress = Progress::Held;
        call.since = now;
        call.tries.get_or_insert_default().pause = Some(timer);
    }

    /// It has waited for long enough.
    pub(super) fn resume(&mut self, id: CallId) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        let waited = now.since(call.since);
        call.spend(if call.at_waypoint { Part::Waypoint } else { Part::Outbound }, waited);
        let Some(tries) = &mut call.tries else { return };
        tries.pause = None;
        if tries.made > 0 {
            return self.try_once(id);
        }
        call.progress = Progress::Outbound;
        self.follow_rule(id);
    }

    /// The proxy tries to make the call; its timeout starts.
    pub(super) fn begin_trying(&mut self, id: CallId, attempts: &Attempts) {
        let deadline = (attempts.timeout != u64::MAX)
            .then(|| self.schedule.timer(Span::from_nanos(attempts.timeout), Event::Deadline(id)));
        self.calls[id].tries.get_or_insert_default().deadline = deadline;
        self.try_once(id);
    }

    /// The first attempt has the addresses that the call itself would have. Each further one passes through the proxy
    /// again.
    fn try_once(&mut self, id: CallId) {
        let now = self.schedule.now();
        let attempts = self.rule(id).attempts.as_ref().expect("a rule that tries says how");
        let call = &mut self.calls[id];
        call.progress = Progress::Trying;
        call.since = now;
        let Some(tries) = &mut call.tries else { return };
        let number = tries.made;
        tries.made += 1;
        let call = &self.calls[id];
        let path = match number {
            0 => call.path,
            _ => extend_path(call.path, draw::PROXY_ATTEMPT + u64::from(number)),
        };
        let site = (call.site, &self.program.sites[call.site]);
        let mut attempt = Call::new(Waiter::Attempt(id), call.source, site, call.key, path, call.caller, now);
        (attempt.edge, attempt.operation, attempt.place) = (call.edge, call.operation, call.place);
        let anew = if number > 0 { self.target_of_attempt(id, number) } else { None };
        if let Some(Target::Backend(backend)) = anew {
            (attempt.edge, attempt.operation) = (backend.edge, backend.operation);
        }
        (attempt.hop, attempt.worker, attempt.payload) = (call.hop, call.worker, call.payload);
        (attempt.measured, attempt.at_waypoint) = (call.measured, call.at_waypoint);
        attempt.attempt = number;
        attempt.progress = Progress::Outbound;
        let attempt = self.calls.insert(attempt);
        self.recorder.calls_made += 1;
        if let Some(tries) = &mut self.calls[id].tries {
            tries.current = Some(attempt);
        }
        if attempts.attempt_timeout != u64::MAX {
            let timeout = Span::from_nanos(attempts.attempt_timeout);
            self.calls[attempt].timer = Some(self.schedule.timer(timeout, Event::Timeout(attempt)));
        }
        if let Some(Target::Missing(answer)) = anew {
            return self.fail_attempt(attempt, answer);
        }
        match self.outbound(attempt) {
            Some((cost, proxy)) if number > 0 && !self.edge(attempt).1.pool.per_connection => {
                self.pass(attempt, proxy, cost, Pass::OutboundRequest);
            }
            _ => self.connect(attempt),
        }
    }

    /// An attempt has an answer, or none in time: another one follows, or the answer is the call's.
    pub(super) fn attempt_over(&mut self, id: CallId, attempt: CallId) {
        let attempts = self.rule(id).attempts.as_ref().expect("a rule that tries says how");
        let (edge, _) = self.edge(attempt);
        let attempt = &self.calls[attempt];
        if attempt.failed {
            self.recorder.attempt_failed(edge, attempt);
        }
        let (failed, failure, payload) = (attempt.failed, attempt.failure, attempt.payload);
        let seen = seen(attempt);
        let (parts, proxy_time, outbound_time) = (attempt.parts, attempt.proxy_time, attempt.outbound_time);
        let endpoint = attempt.endpoint;
        let call = &mut self.calls[id];
        call.absorb(&parts);
        call.proxy_time += proxy_time;
        call.outbound_time += outbound_time;
        let Some(tries) = &mut call.tries else { return };
        tries.current = None;
        let is_left = tries.made <= attempts.retries;
        if attempts.avoid_previous && endpoint != NO_ENDPOINT {
            tries.failed.push(endpoint);
        }
        self.end_retry_of(id);
        let is_for_retries = failed && attempts.on.retries(&seen);
        let (caller, edge) = (self.calls[id].caller, self.calls[id].edge);
        if !is_for_retries {
            self.deposit(caller, edge);
        } else if is_left && self.withdraw(caller, edge) {
            if let Some(tries) = &mut self.calls[id].tries {
                tries.is_retry = true;
            }
            let pause = self.pause_before(id, attempts);
            return self.hold(id, pause);
        }
        let call = &mut self.calls[id];
        if failed {
            call.fail(failure);
        }
        call.payload = payload;
        self.stop_trying(id, Cause::RequestTimeout);
        self.calls[id].progress = Progress::Back;
        self.pass_back(id);
    }

    /// Endpoints at which earlier attempts of the call have failed, if this is one that avoids them. A consistent hash
    /// always leads to the same one.
    pub(super) fn failed_before(&self, id: CallId) -> SmallVec<[u32; 4]> {
        match self.calls[id].waiter {
            Waiter::Attempt(call) if self.edge(id).1.hash == HashInput::Nothing => {
                self.calls[call].tries.as_ref().map_or_else(SmallVec::new, |tries| tries.failed.clone())
            }
            _ => SmallVec::new(),
        }
    }

    fn pause_before(&self, id: CallId, attempts: &Attempts) -> Span {
        let call = &self.calls[id];
        let number = call.tries.as_ref().map_or(1, |tries| tries.made);
        attempts.pauses.pause(number, &mut call.key.draws(draw::BACKOFF, call.path, number, 0))
    }

    /// The proxy's timeout for the call is over.
    pub(super) fn run_out(&mut self, id: CallId) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        let waited = now.since(call.since);
        call.spend(Part::Abandoned, waited);
        self.stop_trying(id, Cause::RequestTimeout);
        self.answer_here(id, Some(Failure::local(Cause::RequestTimeout, true)), 0);
    }

    /// The retry of a call is over, if there is one.
    fn end_retry_of(&mut self, id: CallId) {
        let call = &mut self.calls[id];
        let (caller, edge) = (call.caller, call.edge);
        let tries = call.tries.as_mut();
        if tries.is_some_and(|tries| std::mem::take(&mut tries.is_retry)) {
            self.end_retry(caller, edge);
        }
    }

    /// The proxy makes no further attempt, and for this reason waits for none.
    pub(super) fn stop_trying(&mut self, id: CallId, cause: Cause) {
        self.end_retry_of(id);
        let Some(tries) = self.calls[id].tries.take() else { return };
        for timer in [tries.pause, tries.deadline].into_iter().flatten() {
            self.schedule.cancel(timer);
        }
        let Some(attempt) = tries.current else { return };
        if let Some(timer) = self.calls[attempt].timer.take() {
            self.schedule.cancel(timer);
        }
        let progress = self.calls[attempt].progress;
        let is_over = self.let_go(attempt);
        self.endpoint_given_up(attempt, progress, cause);
        self.calls[attempt].waiter = Waiter::Nobody;
        if is_over {
            self.forget(attempt);
        }
    }
}

/// A failure as the calling proxy sees it: what lies behind an answer is hidden from it.
pub(super) fn seen(attempt: &Call) -> Failure {
    if attempt.progress == Progress::Back {
        Failure::answered(Cause::Application, attempt.failure.status)
    } else {
        attempt.failure
    }
}

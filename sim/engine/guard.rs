//! What a client proxy keeps of a backend to get along with its failures: a budget for retries, and which endpoints are
//! in rotation.

use crate::policy::available::Available;
use crate::policy::circuit_breaker::CircuitBreakers;
use crate::policy::outlier::{Outcome, OutlierDetector};
use crate::policy::retry::Budget;
use crate::program::{Edge, EdgeIdx, PodIdx, Resilience};
use crate::units::SimTime;
use crate::vocabulary::failure::{Cause, Failure};

use super::call::{CallId, NO_ENDPOINT, Progress};
use super::ready::ReadyQueue;
use super::{Engine, Event, draw};

/// Of a client proxy and a backend.
#[derive(Debug)]
pub(super) struct Guard {
    budget: Budget,
    ejection: Option<OutlierDetector>,
    breakers: Option<CircuitBreakers>,
    /// Requests that look for a connection, or are under way.
    requests: u32,
    /// What waits until a breaker opens; with breakers only.
    pub(super) queue: Option<Box<ReadyQueue>>,
}

impl Guard {
    pub(super) fn new(of: &Resilience, endpoints: u32, now: SimTime) -> Self {
        Self {
            budget: Budget::new(of.budget, of.retries, now),
            ejection: of.ejection.map(|policy| OutlierDetector::new(policy, endpoints, now)),
            breakers: of.breaker.map(|policy| CircuitBreakers::new(policy, endpoints)),
            requests: 0,
            queue: of.breaker.map(|_| Box::default()),
        }
    }

    /// Endpoints to choose from; `None` is all.
    pub(super) fn available(&self) -> Option<Available> {
        let ejection = self.ejection.as_ref().map(OutlierDetector::available).filter(|kept| !kept.is_all());
        let breakers = self.breakers.as_ref().map(CircuitBreakers::available).filter(|kept| !kept.is_all());
        match (ejection, breakers) {
            (Some(left), Some(right)) => Some(left.and(right)),
            (one, other) => one.or(other).cloned(),
        }
    }

    /// Endpoints in rotation, of so many, however few they are.
    pub(super) fn rotation(&self, endpoints: u32) -> Available {
        let ejection = self.ejection.as_ref().map(OutlierDetector::rotation);
        let breakers = self.breakers.as_ref().map(CircuitBreakers::available);
        match (ejection, breakers) {
            (Some(left), Some(right)) => left.and(right),
            (one, other) => one.or(other).cloned().unwrap_or_else(|| Available::all(endpoints)),
        }
    }

    /// An endpoint is a new one.
    pub(super) fn renew(&mut self, endpoint: u32) {
        if let Some(ejection) = &mut self.ejection {
            ejection.renew(endpoint);
        }
        if let Some(breakers) = &mut self.breakers {
            breakers.renew(endpoint);
        }
    }

    /// There are so many endpoints now.
    pub(super) const fn resize(&mut self, members: u32) {
        if let Some(ejection) = &mut self.ejection {
            ejection.resize(members);
        }
    }

    /// A call goes to an endpoint, or waits for whichever connection is ready first.
    pub(super) fn on_call(&mut self, endpoint: Option<u32>) {
        self.requests += 1;
        if let (Some(breakers), Some(endpoint)) = (&mut self.breakers, endpoint) {
            breakers.on_call(endpoint);
        }
    }
}

impl Engine<'_> {
    /// The guard of a pod for an edge, and where the view is that has it.
    fn guard(&mut self, caller: PodIdx, edge: &Edge) -> Option<(u32, &mut Guard)> {
        edge.resilience.as_ref()?;
        let position = self.view_position(caller, edge);
        let guard = self.views[position].as_mut()?.guard.as_mut()?;
        Some((position as u32, guard))
    }

    /// A call that was sent to its endpoint, or waited for a connection to it, has ended: with an answer, good or bad,
    /// or for a reason of the caller's proxy or the caller itself.
    pub(super) fn endpoint_done(&mut self, id: CallId, failure: Option<Failure>) {
        let (_, edge) = self.edge(id);
        if edge.resilience.is_none() {
            return;
        }
        let now = self.schedule.now();
        let call = &self.calls[id];
        let (caller, endpoint) = (call.caller, call.endpoint);
        let mut draws = call.key.draws(draw::PENALTY, call.path, call.hop, 0);
        let Some((view, guard)) = self.guard(caller, edge) else { return };
        guard.requests -= 1;
        if endpoint == NO_ENDPOINT {
            return;
        }
        let mut events = [None, None];
        if let Some(detector) = &mut guard.ejection {
            let outcome = failure.as_ref().map_or(Some(Outcome::Answered(200)), Outcome::of);
            if let Some(outcome) = outcome {
                detector.on_result(endpoint, outcome, now);
                events[0] = detector.next_sweep(now).map(|at| (at, Event::Sweep { view }));
            }
        }
        if let Some(breakers) = &mut guard.breakers {
            if failure.is_some_and(|failure| failure.cause == Cause::CallerTimeout) {
                breakers.on_abandoned(endpoint);
            } else {
                let is_success = !failure.as_ref().is_some_and(CircuitBreakers::is_failure);
                let until = breakers.on_result(endpoint, is_success, now, &mut draws);
                events[1] = until.map(|at| (at, Event::Probe { view, endpoint }));
            }
        }
        let has_queue = guard.queue.is_some();
        for (at, event) in events.into_iter().flatten() {
            self.schedule.at(at, event);
        }
        if has_queue {
            self.look_whether_ready(view as usize);
        }
    }

    /// What an answer says of its endpoint.
    pub(super) fn endpoint_answered(&mut self, id: CallId) {
        let call = &self.calls[id];
        let failure = call.failed.then(|| Failure::answered(Cause::Application, call.failure.status));
        self.endpoint_done(id, failure);
    }

    /// The caller's proxy, or the caller, waits no longer for a call that has come so far.
    pub(super) fn endpoint_given_up(&mut self, id: CallId, progress: Progress, cause: Cause) {
        if matches!(progress, Progress::Connecting | Progress::Sent) {
            self.endpoint_done(id, Some(Failure::local(cause, progress == Progress::Sent)));
        }
    }

    /// Ejected endpoints may come back.
    pub(super) fn sweep(&mut self, view: u32) {
        let now = self.schedule.now();
        let guard = self.views[view as usize].as_mut().and_then(|view| view.guard.as_mut());
        if let Some(detector) = guard.and_then(|guard| guard.ejection.as_mut()) {
            detector.sweep(now);
            if let Some(at) = detector.next_sweep(now) {
                self.schedule.at(at, Event::Sweep { view });
            }
        }
    }

    /// An endpoint that was shut off admits one call.
    pub(super) fn probe(&mut self, view: u32, endpoint: u32) {
        let guard = self.views[view as usize].as_mut().and_then(|view| view.guard.as_mut());
        if let Some(breakers) = guard.and_then(|guard| guard.breakers.as_mut()) {
            breakers.probe(endpoint);
            self.look_whether_ready(view as usize);
        }
    }

    /// Asks the budget of a backend for a retry.
    pub(super) fn withdraw(&mut self, caller: PodIdx, edge: EdgeIdx) -> bool {
        let now = self.schedule.now();
        let edge = &self.program.edges[edge];
        self.guard(caller, edge).is_none_or(|(_, guard)| guard.budget.withdraw(guard.requests, now))
    }

    /// A retry is over.
    pub(super) fn end_retry(&mut self, caller: PodIdx, edge: EdgeIdx) {
        let edge = &self.program.edges[edge];
        if let Some((_, guard)) = self.guard(caller, edge) {
            guard.budget.end();
        }
    }

    /// A call is over, and would not be tried again.
    pub(super) fn deposit(&mut self, caller: PodIdx, edge: EdgeIdx) {
        let now = self.schedule.now();
        let edge = &self.program.edges[edge];
        if let Some((_, guard)) = self.guard(caller, edge) {
            guard.budget.deposit(now);
        }
    }
}

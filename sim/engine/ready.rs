//! A balancer that waits until an endpoint is ready, and then no longer: Linkerd's queue with fail-fast.
//!
//! Where breakers have shut off every endpoint, calls wait in a queue until one may be called again. Follows
//! linkerd2-proxy's linkerd/proxy/balance/queue: when the balancer has not been ready for so long, all that wait fail,
//! and whatever else comes at once until an endpoint is ready. A call that finds the queue full fails at once.

use std::collections::VecDeque;

use crate::kernel::timer::TimerId;
use crate::program::{Edge, PodIdx};
use crate::units::Span;
use crate::vocabulary::failure::Cause;

use super::call::{CallId, Part, Progress};
use super::{Engine, Event};

/// Calls that wait at once (linkerd2 policy-controller/grpc/src/outbound.rs, `default_queue_config`).
const CAPACITY: usize = 100;

/// How long a balancer may not be ready (ibid.).
const FAIL_FAST: Span = Span::from_seconds(3);

/// Of a client proxy and a backend.
#[derive(Debug, Default)]
pub(super) struct ReadyQueue {
    /// In the order in which they came.
    calls: VecDeque<CallId>,
    /// When they fail; there while calls wait.
    timer: Option<TimerId>,
    /// The balancer has not been ready for too long.
    fails_fast: bool,
}

impl Engine<'_> {
    /// No endpoint is in rotation for a call: it waits if its proxy has a queue for that, or fails.
    pub(super) fn await_ready(&mut self, id: CallId, position: usize) {
        let now = self.schedule.now();
        let Some(queue) = self.queue(position) else { return self.fail_here(id, Cause::Ejected) };
        if queue.fails_fast {
            return self.fail_here(id, Cause::Ejected);
        }
        if queue.calls.len() == CAPACITY {
            return self.fail_here(id, Cause::Overflow);
        }
        queue.calls.push_back(id);
        let call = &mut self.calls[id];
        (call.progress, call.since) = (Progress::Queued, now);
        self.set_timer(position);
    }

    fn queue(&mut self, position: usize) -> Option<&mut ReadyQueue> {
        self.views[position].as_mut()?.guard.as_mut()?.queue.as_deref_mut()
    }

    /// The clock runs while calls wait.
    fn set_timer(&mut self, position: usize) {
        let Some(queue) = self.queue(position) else { return };
        let (waits, timer) = (!queue.calls.is_empty(), queue.timer);
        let timer = match (waits, timer) {
            (true, None) => Some(self.schedule.timer(FAIL_FAST, Event::FailFast { view: position as u32 })),
            (false, Some(timer)) => {
                self.schedule.cancel(timer);
                None
            }
            _ => return,
        };
        if let Some(queue) = self.queue(position) {
            queue.timer = timer;
        }
    }

    /// Endpoints may be ready again: calls that wait go on, in order, as long as one is.
    pub(super) fn look_whether_ready(&mut self, position: usize) {
        while let Some(view) = self.views[position].as_mut()
            && let Some(queue) = view.guard.as_ref().and_then(|guard| guard.queue.as_ref())
            && (queue.fails_fast || !queue.calls.is_empty())
            && view.rotation().is_ready()
            && let Some(queue) = view.guard.as_mut().and_then(|guard| guard.queue.as_mut())
        {
            queue.fails_fast = false;
            let (next, timer) = (queue.calls.pop_front(), queue.timer.take());
            if let Some(timer) = timer {
                self.schedule.cancel(timer);
            }
            let Some(next) = next else { return };
            self.leave_queue(next);
            self.find_connection(next);
        }
        self.set_timer(position);
    }

    fn leave_queue(&mut self, id: CallId) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        let waited = now.since(call.since);
        call.spend(Part::Queueing, waited);
        call.proxy_time += waited.nanos();
        call.progress = Progress::Outbound;
    }

    /// No endpoint was ready for too long.
    pub(super) fn fail_fast(&mut self, view: u32) {
        let position = view as usize;
        let Some(queue) = self.queue(position) else { return };
        (queue.timer, queue.fails_fast) = (None, true);
        // What fails now may be followed by other calls, which fail by themselves.
        for id in std::mem::take(&mut queue.calls) {
            self.leave_queue(id);
            self.fail_here(id, Cause::Ejected);
        }
    }

    /// The call, which waits for an endpoint to be ready, is given up.
    pub(super) fn stop_queueing(&mut self, id: CallId) {
        let (_, edge) = self.edge(id);
        let position = self.view_position(self.calls[id].caller, edge);
        if let Some(queue) = self.queue(position) {
            queue.calls.retain(|&other| other != id);
        }
        self.set_timer(position);
    }

    /// Whether a pod's balancer for an edge takes no calls at the moment.
    pub(super) fn fails_fast(&self, caller: PodIdx, edge: &Edge) -> bool {
        let position = self.program.pods[caller].first_view + edge.slot;
        let view = self.views[position as usize].as_ref();
        let queue = view.and_then(|view| view.guard.as_ref()?.queue.as_ref());
        queue.is_some_and(|queue| queue.fails_fast)
    }
}

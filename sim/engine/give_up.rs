//! Giving up: the calling side lets go of what it holds for a call, in whatever state the call is.

use crate::vocabulary::failure::{Cause, Failure};

use super::Engine;
use super::call::{CallId, Part, Progress, Waiter};

impl Engine<'_> {
    /// The time that the caller waits for the call is over.
    pub(super) fn time_out(&mut self, id: CallId) {
        self.calls[id].timer = None;
        let cause = self.cause_of_timeout(id);
        self.give_up(id, cause);
    }

    /// The caller, or its proxy, gives the call up; what was set in motion goes on without it.
    pub(super) fn give_up(&mut self, id: CallId, cause: Cause) {
        let now = self.schedule.now();
        let (index, _) = self.edge(id);
        let progress = self.calls[id].progress;
        let is_over = self.let_go(id);
        self.endpoint_given_up(id, progress, cause);
        let call = &mut self.calls[id];
        if let Some(timer) = call.timer.take() {
            self.schedule.cancel(timer);
        }
        let waiter = std::mem::replace(&mut call.waiter, Waiter::Nobody);
        // The caller spent all this time on something it never got.
        let mut given_up = call.clone();
        given_up.fail(Failure::local(cause, progress == Progress::Sent));
        given_up.parts = Default::default();
        given_up.spend(Part::Abandoned, now.since(call.started));
        match cause {
            Cause::CallerTimeout => self.recorder.call_given_up(index, &given_up, now),
            _ if matches!(waiter, Waiter::Attempt(_)) || given_up.mirrored => {}
            _ => self.recorder.call_returned(index, &given_up, now),
        }
        // The script or user sees a failed call in this one's place.
        let stand_in = self.calls.insert(given_up);
        if is_over {
            self.forget(id);
        }
        self.hand_over(stand_in, waiter);
        self.calls.remove(stand_in);
    }

    /// The calling side lets go of what it holds for a call: connections, memory. An HTTP/1.1 connection on which the
    /// answer is still to come is closed, a stream of a shared one reset. Returns whether nothing refers to the call now:
    /// it waited for a connection and is never sent, its proxy held it or tried to make it, or it was lost with a node.
    pub(super) fn let_go(&mut self, id: CallId) -> bool {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let call = &mut self.calls[id];
        let progress = std::mem::replace(&mut call.progress, Progress::GivenUp);
        let (caller, begun, pool) = (call.caller, call.begun, call.pool);
        if progress == Progress::Waiting {
            return self.stop_waiting(id);
        }
        // What an attempt holds belongs to the call.
        let holds_memory = progress != Progress::Back && !self.calls[id].is_attempt();
        if holds_memory && let Some(proxy) = self.program.outbound(caller, edge) {
            self.proxies.request_ended(proxy, begun, now);
        }
        if progress == Progress::Sent {
            let closed = self.leave_connection(id, false);
            self.tidy_up(closed);
        }
        if progress == Progress::Connecting {
            let position = self.view_position(caller, edge);
            if let Some(view) = &mut self.views[position] {
                view.cancel(edge, pool, id);
            }
        }
        if progress == Progress::Queued {
            self.stop_queueing(id);
        }
        self.free_link(id, false);
        let is_in_proxy = matches!(progress, Progress::Held | Progress::Trying);
        if is_in_proxy {
            self.stop_trying(id, Cause::CallerTimeout);
        }
        is_in_proxy
            || matches!(progress, Progress::Connecting | Progress::Queued)
            || self.calls[id].has_vanished
    }

    /// Takes a call out of the queue for a connection; false if it is not there but under way to the gateway.
    fn stop_waiting(&mut self, id: CallId) -> bool {
        let edge = self.link_edge(id);
        let position = self.view_position(self.calls[id].caller, edge);
        let Some(view) = &mut self.views[position] else { return false };
        let place = view.waiting.iter().position(|&waiting| waiting == id);
        place.is_some_and(|place| view.waiting.remove(place).is_some())
    }
}

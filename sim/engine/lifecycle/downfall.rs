//! What the end of a pod does to connections and calls.
//!
//! A pod that drains takes its leave: connections that nobody uses are closed, the others when their calls are over. What
//! is left when its proxy, or without one its application, is gone breaks: calls fail where they were made, at once, for the
//! packet that says so is on the way for less than a request. Their work in a dead pod ends at its next step.

use crate::program::lifecycle::LifeIdx;
use crate::program::{EdgeIdx, PodIdx, ProxyIdx};
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::Status;

use super::super::Engine;
use super::super::call::{CallId, Progress};
use super::super::connection::ConnectionId;
use super::super::pass::Pass;
use super::pod::Phase;

impl Engine<'_> {
    /// A pod is gone without warning.
    pub(super) fn drop_dead(&mut self, life: LifeIdx, place: u32) {
        let now = self.schedule.now();
        let Some(lifecycle) = &mut self.lifecycle else { return };
        lifecycle.records[life].killed += u64::from(self.program.window.contains(now));
        let state = &mut lifecycle.places[life][place as usize];
        (state.accepts, state.is_reachable, state.serves) = (false, false, false);
        state.phase = Phase::Ending;
        // The endpoint goes with the pod.
        self.write_endpoint(life, place, false);
        self.leave_place(life, place);
    }

    /// Views of edges that lead to a pod, each with whose it is and the pod's number on the edge.
    fn views_of(&self, pod: PodIdx) -> Vec<(PodIdx, EdgeIdx, u32)> {
        let (Some((life, place)), Some(lifecycle)) = (self.program.place(pod), &self.lifecycle) else {
            return Vec::new();
        };
        let mut views = Vec::new();
        for &index in lifecycle.edges_to(life) {
            let edge = &self.program.edges[index];
            let first = lifecycle.leads_to(index).iter().find(|(of, _)| *of == life).map(|(_, first)| *first);
            let Some(first) = first else { continue };
            let workload = &self.program.workloads[edge.caller];
            let callers = (0..workload.pods).map(|caller| PodIdx(workload.first_pod.0 + caller));
            views.extend(callers.map(|caller| (caller, index, first + place)));
        }
        views
    }

    /// A pod asks its clients to go elsewhere: idle connections are closed, others serve the calls they have.
    pub(super) fn drain(&mut self, pod: PodIdx) {
        self.close_idle(pod);
        for id in self.connections_to(pod) {
            self.connections[id].left = 0;
        }
    }

    /// Closes connections to a pod that carry no call.
    fn close_idle(&mut self, pod: PodIdx) {
        let now = self.schedule.now();
        for (caller, index, endpoint) in self.views_of(pod) {
            let edge = &self.program.edges[index];
            let position = (self.program.pods[caller].first_view + edge.slot) as usize;
            let Some(view) = &mut self.views[position] else { continue };
            for _ in 0..view.close_idle(&mut self.connections, endpoint, now) {
                self.proxies.connection_closed(self.program.ends(caller, edge, endpoint), now);
            }
        }
    }

    /// Connections that calls to a pod are on.
    fn connections_to(&self, pod: PodIdx) -> Vec<ConnectionId> {
        let mut used: Vec<_> = self
            .calls
            .iter()
            .filter(|call| call.callee == pod && call.progress == Progress::Sent)
            .map(|call| call.connection)
            .collect();
        used.sort_unstable_by_key(|id| id.0);
        used.dedup();
        used
    }

    /// Calls under way to or in a pod that is there no longer fail where they were made.
    pub(super) fn break_calls(&mut self, pod: PodIdx) {
        for id in self.calls.ids() {
            let call = &self.calls[id];
            let is_there = call.callee == pod && call.progress == Progress::Sent && !call.has_left;
            // One may have gone with another.
            if is_there && self.calls.is_live(id) {
                self.give_up(id, Cause::StaleEndpoint);
            }
        }
    }

    /// The call comes to a pod that is there no longer.
    pub(in super::super) fn miss(&mut self, id: CallId) {
        if self.calls[id].progress == Progress::Sent {
            self.give_up(id, Cause::StaleEndpoint);
        }
        self.forget(id);
    }

    /// The called pod's proxy answers that its application is there no longer.
    pub(in super::super) fn answer_for_application(&mut self, id: CallId) {
        let now = self.schedule.now();
        let inbound = self.inbound(id);
        let call = &mut self.calls[id];
        call.fail(Failure::answered(Cause::StaleEndpoint, Status::Http(503)));
        call.payload = 0;
        let (reached, is_over) = (call.reached, call.progress == Progress::GivenUp);
        match inbound {
            Some((_, proxy)) if is_over => {
                self.proxies.request_ended(proxy, reached, now);
                self.forget(id);
            }
            None if is_over => self.forget(id),
            Some((cost, proxy)) => self.pass(id, proxy, cost, Pass::InboundResponse),
            None => self.send_back(id, now),
        }
    }

    /// A pod is gone: calls that it made are given up, and its own connections are closed.
    pub(super) fn abandon_own(&mut self, pod: PodIdx) {
        for id in self.calls.ids() {
            // One may have gone with another.
            let is_own = self.calls.is_live(id) && {
                let call = &self.calls[id];
                call.caller == pod && call.progress != Progress::GivenUp && !call.is_attempt()
            };
            if is_own {
                self.give_up(id, Cause::Reset);
            }
        }
        for id in self.connections.opening() {
            let Some(opening) = &mut self.connections[id].opening else { continue };
            if opening.ends[0] == pod && !opening.is_given_up {
                if let Some(timer) = opening.timer.take() {
                    self.schedule.cancel(timer);
                }
                self.give_up_connection(id);
            }
        }
        self.close_own_connections(pod);
    }

    /// Connections of a pod's views and of its application, which carry no call any more.
    fn close_own_connections(&mut self, pod: PodIdx) {
        let now = self.schedule.now();
        let workload = self.program.pods[pod].workload;
        let edges = self.lifecycle.as_ref().map(|lifecycle| lifecycle.edges_of(workload).to_vec());
        for index in edges.unwrap_or_default() {
            let edge = &self.program.edges[index];
            let position = (self.program.pods[pod].first_view + edge.slot) as usize;
            let Some(view) = &mut self.views[position] else { continue };
            for endpoint in view.close_all(&mut self.connections, now) {
                self.proxies.connection_closed(self.program.ends(pod, edge, endpoint), now);
            }
            let links = view.links.close_all();
            if !edge.pool.per_connection
                && let Some(proxy) = self.program.outbound(pod, edge)
            {
                for _ in 0..links {
                    self.proxies.closed(proxy, now);
                }
            }
        }
    }

    /// A new pod knows nothing of whom it calls.
    pub(super) fn forget_views(&mut self, pod: PodIdx) {
        let first = self.program.pods[pod].first_view as usize;
        let edges = self.program.workloads[self.program.pods[pod].workload].edges as usize;
        for view in &mut self.views[first..first + edges] {
            *view = None;
        }
    }

    /// The proxy of a pod, if it is the pod's own.
    fn own_proxy(&self, pod: PodIdx) -> Option<(ProxyIdx, f64)> {
        let group = self.program.workloads[self.program.pods[pod].workload].group?;
        Some((self.program.pods[pod].proxy?, self.program.groups[group].static_memory))
    }

    /// A new pod's proxy begins.
    pub(super) fn renew_proxy(&mut self, pod: PodIdx) {
        if let Some((proxy, memory)) = self.own_proxy(pod) {
            self.proxies.start(proxy, memory, self.schedule.now());
            self.limit_memory_of(pod, proxy);
        }
    }

    pub(super) fn stop_proxy(&mut self, pod: PodIdx) {
        if let Some((proxy, _)) = self.own_proxy(pod) {
            self.proxies.stop(proxy, self.schedule.now());
        }
    }
}

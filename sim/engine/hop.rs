//! The way of a call: calling proxy → endpoint and connection → network → called proxy → instance, and back.

use crate::index::Idx;
use crate::kernel::Uniform;
use crate::program::Edge;
use crate::units::{SimTime, Span};

use super::call::{Call, CallId, Part, Waiter};
use super::pass::Pass;
use super::{Engine, Event, draw};

/// The legs of a hop, as addresses of their draws.
const LEG_REQUEST: u32 = 0;
const LEG_RESPONSE: u32 = 1;
pub(super) const LEG_HANDSHAKE: u32 = 2;
pub(super) const LEG_OUTSIDE_REQUEST: u32 = 3;
pub(super) const LEG_OUTSIDE_RESPONSE: u32 = 4;

impl Engine<'_> {
    /// A call comes into being; its timeout starts.
    pub(super) fn make_call(&mut self, mut call: Call) -> CallId {
        let site = &self.program.sites[call.site];
        call.payload =
            site.request_size.sample(&mut call.key.draws(draw::REQUEST_SIZE, call.path, 0, 0)) as u64;
        let id = self.calls.insert(call);
        self.recorder.calls_made += 1;
        if site.timeout != u64::MAX {
            let timer = self.schedule.timer(Span::from_nanos(site.timeout), Event::Timeout(id));
            self.calls[id].timer = Some(timer);
        }
        id
    }

    /// The application hands the call to its connection, its own proxy's or the callee's; it may have to wait for one.
    pub(super) fn begin(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        self.calls[id].since = now;
        let position = self.view_position(self.calls[id].caller, edge);
        let Some(view) = &mut self.views[position] else { return };
        if view.in_use >= self.program.workloads[edge.caller].pool_size {
            view.waiting.push_back(id);
            return;
        }
        view.in_use += 1;
        self.issue(id, position, edge);
    }

    /// The call has a connection of the application.
    fn issue(&mut self, id: CallId, position: usize, edge: &Edge) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        call.spend(Part::Queueing, now.since(call.since));
        call.begun = now;
        let (Some(cost), Some(proxy)) = (&edge.outbound, self.program.pods[call.caller].proxy) else {
            return self.connect(id);
        };
        let idle = self.views[position].as_mut().and_then(|view| view.idle_workers.pop());
        call.worker = idle.unwrap_or_else(|| {
            self.proxies.opened(proxy, now);
            match self.proxies.workers(proxy) {
                1 => 0,
                workers => call.key.draws(draw::CLIENT_WORKER, call.path, 0, 0).below(workers),
            }
        });
        self.proxies.request_began(proxy);
        let bytes = call.payload;
        self.pass(id, proxy, cost, Pass::OutboundRequest, bytes);
    }

    /// The request goes over the network.
    pub(super) fn transmit(&mut self, id: CallId) {
        let (index, edge) = self.edge(id);
        let bytes = self.calls[id].payload + edge.request_overhead;
        let delay = self.leg(id, LEG_REQUEST, bytes);
        self.calls[id].spend(Part::Network, delay);
        self.recorder.bytes(index, &self.calls[id], bytes);
        self.schedule.after(delay, Event::AtServer(id));
    }

    /// The request reaches the called pod: its proxy, if it has one, takes it up.
    pub(super) fn reach(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        self.calls[id].reached = now;
        let (Some(cost), Some(proxy)) = (&edge.inbound, self.program.pods[self.calls[id].callee].proxy)
        else {
            return self.serve(id);
        };
        self.proxies.request_began(proxy);
        let bytes = self.calls[id].payload;
        self.pass(id, proxy, cost, Pass::InboundRequest, bytes);
    }

    /// The response leaves the instance.
    pub(super) fn respond(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let call = &mut self.calls[id];
        let service = self.program.pods[call.callee].workload.position();
        self.recorder.visit_over(call, service, now);
        let law = &self.program.codes[self.program.sites[call.site].code].response_size;
        let size = law.sample(&mut call.key.draws(draw::RESPONSE_SIZE, call.path, 0, 0)) as u64;
        let callee = call.callee;
        self.calls[id].payload = size;
        match (&edge.inbound, self.program.pods[callee].proxy) {
            (Some(cost), Some(proxy)) => self.pass(id, proxy, cost, Pass::InboundResponse, size),
            _ => self.send_back(id, now),
        }
    }

    /// The response leaves the called pod at `left`.
    pub(super) fn send_back(&mut self, id: CallId, left: SimTime) {
        let (index, edge) = self.edge(id);
        let bytes = self.calls[id].payload + edge.response_overhead;
        let delay = self.leg(id, LEG_RESPONSE, bytes);
        self.calls[id].spend(Part::Network, delay);
        self.recorder.bytes(index, &self.calls[id], bytes);
        self.schedule.at(left + delay, Event::AtClient(id));
    }

    /// The response reaches the calling pod: the connection is free again, and its proxy passes the response on.
    pub(super) fn response_at_client(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let call = &self.calls[id];
        let (caller, endpoint, size) = (call.caller, call.endpoint, call.payload);
        let (connection, sent) = (call.connection, call.sent);
        let position = self.view_position(caller, edge);
        let Some(view) = &mut self.views[position] else { return };
        if view.release(edge, &mut self.connections, connection, sent, now) {
            let ends = self.program.ends(caller, edge, endpoint);
            self.proxies.connection_closed(ends, now);
        }
        let (Some(cost), Some(proxy)) = (&edge.outbound, self.program.pods[caller].proxy) else {
            return self.returned(id);
        };
        self.pass(id, proxy, cost, Pass::OutboundResponse, size);
    }

    /// The response reaches the caller: its application's connection is free for the next call.
    pub(super) fn returned(&mut self, id: CallId) {
        let (index, edge) = self.edge(id);
        let position = self.view_position(self.calls[id].caller, edge);
        self.free_application_connection(id, position, edge);
        let call = &mut self.calls[id];
        if let Some(timer) = call.timer.take() {
            self.schedule.cancel(timer);
        }
        let now = self.schedule.now();
        let waiter = std::mem::replace(&mut call.waiter, Waiter::Nobody);
        if waiter != Waiter::Nobody {
            debug_assert_eq!(
                self.calls[id].parts.iter().sum::<u64>(),
                now.since(self.calls[id].started).nanos(),
                "the parts of a response time add up to it"
            );
            self.recorder.call_returned(index, &self.calls[id], now);
            self.hand_over(id, waiter);
        }
        self.calls.remove(id);
        self.recorder.calls_over += 1;
    }

    fn free_application_connection(&mut self, id: CallId, position: usize, edge: &Edge) {
        let now = self.schedule.now();
        let call = &self.calls[id];
        let Some(view) = &mut self.views[position] else { return };
        view.in_use -= 1;
        if edge.outbound.is_some() {
            if self.program.workloads[edge.caller].keep_alive {
                view.idle_workers.push(call.worker);
            } else if let Some(proxy) = self.program.pods[call.caller].proxy {
                self.proxies.closed(proxy, now);
            }
        }
        while let Some(next) = view.waiting.pop_front() {
            if self.calls[next].waiter != Waiter::Nobody {
                view.in_use += 1;
                return self.issue(next, position, edge);
            }
            // Given up while it waited: it is never sent.
            self.calls.remove(next);
            self.recorder.calls_over += 1;
        }
    }

    /// The caller gives the call up; what was set in motion goes on without it.
    pub(super) fn time_out(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (index, _) = self.edge(id);
        let call = &mut self.calls[id];
        call.timer = None;
        let waiter = std::mem::replace(&mut call.waiter, Waiter::Nobody);
        // The caller spent all this time on something it never got.
        let mut given_up = call.clone();
        given_up.failed = true;
        given_up.parts = Default::default();
        given_up.spend(Part::Abandoned, now.since(call.started));
        call.measured = false;
        self.recorder.call_given_up(index, &given_up, now);
        // The script or user sees a failed call in this one's place.
        let stand_in = self.calls.insert(given_up);
        self.hand_over(stand_in, waiter);
        self.calls.remove(stand_in);
    }

    fn hand_over(&mut self, id: CallId, waiter: Waiter) {
        match waiter {
            Waiter::Script(parent) => self.action_over(parent, id),
            Waiter::User(user) => self.answer(id, user),
            Waiter::Nobody => {}
        }
    }

    /// Delay of a leg between the calling and the called pod.
    pub(super) fn leg(&self, id: CallId, leg: u32, bytes: u64) -> Span {
        let call = &self.calls[id];
        let law = if self.is_from_outside(call) {
            &self.program.outside_delay
        } else {
            &self.program.network_delay
        };
        let nanos = law.sample(&mut call.key.draws(draw::NETWORK, call.path, leg, 0));
        Span::from_nanos_f64(nanos + bytes as f64 * self.program.nanos_per_byte)
    }

    /// Delay of a leg between an outside client and the gateway.
    pub(super) fn outside_delay(&self, id: CallId, leg: u32) -> Span {
        let call = &self.calls[id];
        Span::from_nanos_f64(self.program.outside_delay.sample(&mut call.key.draws(
            draw::NETWORK,
            call.path,
            leg,
            0,
        )))
    }

    fn is_from_outside(&self, call: &Call) -> bool {
        let source = &self.program.sources[call.source];
        call.entry && source.outside && !source.gateway
    }
}

//! The way of a call: calling proxy → endpoint and connection → network → called proxy → instance, and back.

use crate::index::Idx;
use crate::kernel::Uniform;
use crate::kernel::dist::Dist;
use crate::program::{Edge, PassCost, PodIdx, ProxyIdx, SiteIdx};
use crate::units::{SimTime, Span};

use super::call::{Call, CallId, Part, Progress, Waiter};
use super::connection::ConnectionId;
use super::links::{LinkTaken, NO_LINK};
use super::network::Message;
use super::pass::{Pass, Work};
use super::{Engine, Event, draw};

/// The legs of a hop, as addresses of their draws.
const LEG_REQUEST: u32 = 0;
const LEG_RESPONSE: u32 = 1;
pub(super) const LEG_HANDSHAKE: u32 = 2;
pub(super) const LEG_OUTSIDE_REQUEST: u32 = 3;
pub(super) const LEG_OUTSIDE_RESPONSE: u32 = 4;

impl<'p> Engine<'p> {
    /// A call comes into being; its timeout starts.
    pub(super) fn make_call(&mut self, mut call: Call) -> CallId {
        let site = &self.program.sites[call.site];
        call.payload =
            site.request_size.sample(&mut call.key.draws(draw::REQUEST_SIZE, call.place, 0, 0)) as u64;
        call.hop = u32::from(site.relay.is_some());
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
        if self.calls[id].progress == Progress::GivenUp {
            return self.forget(id);
        }
        self.calls[id].since = self.schedule.now();
        let edge = self.link_edge(id);
        let position = self.view_position(self.calls[id].caller, edge);
        if self.calls[id].is_relayed() {
            return self.take_up(id, edge, 0.0);
        }
        let limit = self.program.workloads[edge.caller].pool_size;
        let Some(view) = &mut self.views[position] else { return };
        match view.links.take(edge.link_streams, limit) {
            None => view.waiting.push_back(id),
            Some(taken) => self.issue(id, position, edge, taken),
        }
    }

    /// The call has a connection of the application.
    fn issue(&mut self, id: CallId, position: usize, edge: &Edge, taken: LinkTaken) {
        let call = &mut self.calls[id];
        let (LinkTaken::Kept(link) | LinkTaken::New(link)) = taken;
        call.link = link;
        let mut opening = 0.0;
        if let Some(proxy) = self.program.outbound(call.caller, edge)
            && let Some(view) = &mut self.views[position]
        {
            if let LinkTaken::New(_) = taken {
                // One that the proxy forwards as it is counts with the connection to the endpoint: measured as one.
                if !edge.pool.per_connection {
                    self.proxies.opened(proxy, self.schedule.now());
                    opening = edge.pool.opening_cpu[0] as f64;
                }
                let worker = match self.proxies.workers(proxy) {
                    1 => 0,
                    workers => call.key.draws(draw::CLIENT_WORKER, call.path, call.hop, 0).below(workers),
                };
                view.links.accepted(link, worker);
            }
            call.worker = view.links.worker(link);
        }
        self.take_up(id, edge, opening);
    }

    /// The calling side has the call: its proxy, if there is one, begins with it. A proxy that balances connections has
    /// the connection first and then forwards what comes on it. One that looks at requests has accepted the connection
    /// with the first of them, at the CPU of `opening`, in nanoseconds.
    fn take_up(&mut self, id: CallId, edge: &Edge, opening: f64) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        call.spend(Part::Queueing, now.since(call.since));
        call.begun = now;
        call.progress = Progress::Outbound;
        let outbound = self.outbound(id);
        if let Some((_, proxy)) = outbound {
            self.proxies.request_began(proxy, now);
        }
        match outbound {
            Some((cost, proxy)) if !edge.pool.per_connection => {
                self.pass_after(id, proxy, cost, Pass::OutboundRequest, opening);
            }
            _ => self.dispatch(id),
        }
    }

    /// The calling proxy has processed the request.
    pub(super) fn outbound_done(&mut self, id: CallId) {
        if self.calls[id].progress == Progress::GivenUp {
            // Its caller went away before it was sent.
            return self.forget(id);
        }
        if self.calls[id].connection == ConnectionId::NONE { self.dispatch(id) } else { self.transmit(id) }
    }

    /// The call has a connection to its endpoint.
    pub(super) fn on_connection(&mut self, id: CallId) {
        let (_, edge) = self.edge(id);
        let call = &mut self.calls[id];
        call.progress = Progress::Sent;
        call.server_worker = self.connections[call.connection].server_worker;
        match self.outbound(id) {
            Some((cost, proxy)) if edge.pool.per_connection => {
                self.pass(id, proxy, cost, Pass::OutboundRequest);
            }
            _ => self.transmit(id),
        }
    }

    /// What the calling pod's proxy spends on the call, if it meets one.
    pub(super) fn outbound(&self, id: CallId) -> Option<(&'p PassCost, ProxyIdx)> {
        let (_, edge) = self.edge(id);
        let outbound = edge.outbound.as_ref()?;
        let call = &self.calls[id];
        let proxy = self.program.pods[call.caller].proxy?;
        let local = edge.local.as_ref().filter(|_| self.program.pods[call.callee].proxy == Some(proxy));
        Some((local.unwrap_or(outbound), proxy))
    }

    /// What the called pod's proxy spends on the call, if it meets one.
    pub(super) fn inbound(&self, id: CallId) -> Option<(&'p PassCost, ProxyIdx)> {
        let (_, edge) = self.edge(id);
        let cost = edge.inbound.as_ref()?;
        let call = &self.calls[id];
        let proxy = self.program.pods[call.callee].proxy?;
        (!self.program.is_local(call.caller, edge, call.callee)).then_some((cost, proxy))
    }

    /// The request goes over the network.
    pub(super) fn transmit(&mut self, id: CallId) {
        let delay = self.carry(id, LEG_REQUEST);
        self.schedule.after(delay, Event::AtServer(id));
    }

    /// The request reaches the called pod: its proxy, if it has one, takes it up.
    pub(super) fn reach(&mut self, id: CallId) {
        let now = self.schedule.now();
        if !self.is_reachable(self.calls[id].callee) {
            return if self.is_lost(self.calls[id].callee) { self.vanish(id) } else { self.miss(id) };
        }
        self.calls[id].reached = now;
        match self.inbound(id) {
            None => self.serve(id),
            Some((cost, proxy)) => {
                self.proxies.request_began(proxy, now);
                self.pass(id, proxy, cost, Pass::InboundRequest);
            }
        }
    }

    /// The response leaves the instance.
    pub(super) fn respond(&mut self, id: CallId) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        let service = self.program.pods[call.callee].workload.position();
        self.recorder.visit_over(call, service, now);
        let call = &self.calls[id];
        if call.progress == Progress::GivenUp {
            // The connection is reset: the answer goes no further than the instance.
            if let Some((_, proxy)) = self.inbound(id) {
                self.proxies.request_ended(proxy, call.reached, now);
            }
            return self.forget(id);
        }
        let law = &self.program.codes[call.code].response_size;
        let size = law.sample(&mut call.key.draws(draw::RESPONSE_SIZE, call.place, 0, 0)) as u64;
        self.calls[id].payload = size;
        match self.inbound(id) {
            Some((cost, proxy)) => self.pass(id, proxy, cost, Pass::InboundResponse),
            None => self.send_back(id, now),
        }
    }

    /// The request reaches a waypoint, which makes the call to the service.
    pub(super) fn relay(&mut self, id: CallId, site: SiteIdx) {
        let outer = &self.calls[id];
        let waiter = Waiter::Relay(id);
        let now = self.schedule.now();
        let site = (site, &self.program.sites[site]);
        let mut call = Call::new(waiter, outer.source, site, outer.key, outer.path, outer.callee, now);
        call.place = outer.place;
        call.measured = outer.measured;
        call.at_waypoint = true;
        call.payload = outer.payload;
        call.worker = outer.server_worker;
        let call = self.calls.insert(call);
        self.recorder.calls_made += 1;
        self.begin(call);
    }

    /// The response reaches the waypoint, which passes it on.
    fn relayed(&mut self, id: CallId, inner: CallId) {
        let inner = &self.calls[inner];
        let (failed, failure) = (inner.failed, inner.failure);
        let (payload, parts, proxy_time) = (inner.payload, inner.parts, inner.proxy_time);
        let outer = &mut self.calls[id];
        if failed {
            outer.fail(failure);
        }
        outer.payload = payload;
        outer.absorb(&parts);
        outer.proxy_time += proxy_time;
        if outer.progress == Progress::GivenUp {
            return self.forget(id);
        }
        self.send_back(id, self.schedule.now());
    }

    /// The response leaves the called pod at `left`.
    pub(super) fn send_back(&mut self, id: CallId, left: SimTime) {
        if self.is_lost(self.calls[id].callee) {
            return self.vanish(id);
        }
        self.calls[id].has_left = true;
        let delay = self.carry(id, LEG_RESPONSE);
        self.schedule.at(left + delay, Event::AtClient(id));
    }

    /// The request, or the response, goes over the network; returns how long it takes. Where one node proxy serves both
    /// ends there is no tunnel and nothing is encrypted, so that no bytes are added.
    fn carry(&mut self, id: CallId, leg: u32) -> Span {
        let (index, edge) = self.edge(id);
        let call = &self.calls[id];
        let overhead = if self.program.is_local(call.caller, edge, call.callee) {
            0
        } else if leg == LEG_REQUEST {
            edge.request_overhead
        } else {
            edge.response_overhead
        };
        let bytes = call.payload + overhead;
        let zones = self.program.zones_between(call.caller, call.callee);
        let law = self.law(self.is_from_outside(call), zones.is_some());
        let nanos = law.sample(&mut call.key.draws(draw::NETWORK, call.path, draw::of_hop(leg, call.hop), 0));
        let usual = Span::from_nanos_f64(nanos + bytes as f64 * self.program.nanos_per_byte);
        let delay = usual + message(call, leg).suffers(self.program, self.schedule.now());
        let call = &mut self.calls[id];
        call.spend(Part::Network, delay);
        let zones = if leg == LEG_REQUEST { zones } else { zones.map(|(caller, callee)| (callee, caller)) };
        self.recorder.bytes(index, call, bytes, zones);
        delay
    }

    /// The response reaches the calling pod: the connection is free again, and its proxy passes the response on.
    pub(super) fn response_at_client(&mut self, id: CallId) {
        let call = &mut self.calls[id];
        if call.progress == Progress::GivenUp {
            return self.forget(id);
        }
        call.progress = Progress::Back;
        let closed = self.leave_connection(id, true);
        self.endpoint_answered(id);
        if self.calls[id].is_attempt() {
            self.returned(id);
        } else {
            self.pass_back(id);
        }
        self.tidy_up(closed);
    }

    /// The calling pod's proxy, if there is one, passes the response on.
    pub(super) fn pass_back(&mut self, id: CallId) {
        match self.outbound(id) {
            Some((cost, proxy)) => self.pass(id, proxy, cost, Pass::OutboundResponse),
            None => self.returned(id),
        }
    }

    /// The response reaches the caller: its application's connection is free for the next call.
    pub(super) fn returned(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (index, _) = self.edge(id);
        if self.calls[id].progress != Progress::GivenUp {
            self.free_link(id, true);
            let call = &mut self.calls[id];
            if let Some(timer) = call.timer.take() {
                self.schedule.cancel(timer);
            }
            let waiter = std::mem::replace(&mut call.waiter, Waiter::Nobody);
            debug_assert_eq!(
                self.calls[id].parts.iter().sum::<u64>(),
                now.since(self.calls[id].started).nanos(),
                "the parts of a response time add up to it"
            );
            if !matches!(waiter, Waiter::Attempt(_)) && !self.calls[id].mirrored {
                self.recorder.call_returned(index, &self.calls[id], now);
            }
            self.hand_over(id, waiter);
        }
        self.forget(id);
    }

    /// Nothing refers to the call any more.
    pub(super) fn forget(&mut self, id: CallId) {
        self.calls.remove(id);
        self.recorder.calls_over += 1;
    }

    /// The call needs its connection of the application no longer; `whole` is false when an answer is still to come on
    /// it. Whoever waits for a connection goes on.
    pub(super) fn free_link(&mut self, id: CallId, whole: bool) {
        let now = self.schedule.now();
        let edge = self.link_edge(id);
        let call = &mut self.calls[id];
        let (caller, worker) = (call.caller, call.worker);
        let link = std::mem::replace(&mut call.link, NO_LINK);
        if link == NO_LINK {
            return;
        }
        let position = self.position_of(caller, edge);
        let workload = &self.program.workloads[edge.caller];
        let Some(view) = &mut self.views[position] else { return };
        let kept = workload.keep_alive && (whole || edge.link_streams > 1);
        if view.links.release(link, edge.link_streams, kept)
            && !edge.pool.per_connection
            && let Some(proxy) = self.program.outbound(caller, edge)
        {
            self.proxies.closed(proxy, now);
            if edge.pool.closing_cpu[0] > 0 {
                self.give_to_worker(proxy, worker, Work::Close, Span::from_nanos(edge.pool.closing_cpu[0]));
            }
        }
        let Some(view) = &mut self.views[position] else { return };
        if view.waiting.is_empty() {
            return;
        }
        // A call whose time is up at this very instant is not sent any more.
        let is_due = |&next: &CallId| {
            let call = &self.calls[next];
            let timeout = self.program.sites[call.site].timeout;
            timeout != u64::MAX && call.started + Span::from_nanos(timeout) <= now
        };
        if let Some(first) = view.waiting.iter().position(|next| !is_due(next))
            && let Some(taken) = view.links.take(edge.link_streams, workload.pool_size)
            && let Some(next) = view.waiting.remove(first)
        {
            self.issue(next, position, edge, taken);
        }
    }

    pub(super) fn hand_over(&mut self, id: CallId, waiter: Waiter) {
        match waiter {
            Waiter::Script(parent) => self.action_over(parent, id),
            Waiter::Relay(outer) => self.relayed(outer, id),
            Waiter::Attempt(call) => self.attempt_over(call, id),
            Waiter::User(user) => self.answer(id, user),
            Waiter::Nobody => {}
        }
    }

    /// The law of the delay of a leg between two pods, the first of which may stand for a client outside of the cluster.
    pub(super) fn delay(&self, from_outside: bool, [caller, callee]: [PodIdx; 2]) -> &Dist {
        self.law(from_outside, self.program.zones_between(caller, callee).is_some())
    }

    fn law(&self, from_outside: bool, across_zones: bool) -> &'p Dist {
        if from_outside {
            &self.program.outside_delay
        } else if across_zones {
            &self.program.zone_delay
        } else {
            &self.program.network_delay
        }
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

    pub(super) fn is_from_outside(&self, call: &Call) -> bool {
        call.entry && {
            let source = &self.program.sources[call.source];
            source.outside && !source.gateway
        }
    }
}

/// A leg of a call.
fn message(call: &Call, leg: u32) -> Message {
    Message {
        ends: Some([call.caller, call.callee]),
        key: call.key,
        path: call.path,
        number: draw::of_hop(leg, call.hop),
        opens: false,
    }
}

//! The way of a call: calling proxy → endpoint and connection → network → called proxy → instance, and back.

use crate::program::{Edge, PassCost, ProxyIdx};
use crate::units::{SimTime, Span};

use super::call::{Call, CallId, Part, Waiter};
use super::view::{Request, Taken, View, any_worker};
use super::{Engine, Event, draw};

/// The legs of a hop, as addresses of their draws.
const LEG_REQUEST: u32 = 0;
const LEG_RESPONSE: u32 = 1;
const LEG_HANDSHAKE: u32 = 2;
pub(super) const LEG_OUTSIDE_REQUEST: u32 = 3;
const LEG_OUTSIDE_RESPONSE: u32 = 4;

/// The passes of a call through proxies, as addresses of their draws.
#[derive(Clone, Copy)]
enum Pass {
    OutboundRequest,
    InboundRequest,
    InboundResponse,
    OutboundResponse,
}

impl Engine<'_> {
    /// A call comes into being; its timeout starts.
    pub(super) fn make_call(&mut self, mut call: Call) -> CallId {
        let site = &self.program.sites[call.site];
        call.payload = site.request_size.sample(&mut call.key.draws(draw::REQUEST_SIZE, call.path, 0, 0)) as u64;
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
            let draws = call.key.draws(draw::CLIENT_WORKER, call.path, 0, 0);
            self.proxies.opened(proxy, now);
            any_worker(self.proxies.workers(proxy), draws)
        });
        self.proxies.request_began(proxy);
        let bytes = call.payload;
        let done = self.pass(id, proxy, cost, Pass::OutboundRequest, bytes);
        self.schedule.at(done, Event::OutboundDone(id));
    }

    /// The calling side chooses an endpoint and takes or opens a connection.
    pub(super) fn connect(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let hash = self.hash_of(id, &edge.hash);
        let position = self.view_position(self.calls[id].caller, edge);
        let Some(view) = &mut self.views[position] else { return };
        let call = &mut self.calls[id];
        let request = Request { now, worker: call.worker, hash };
        let draws = call.key.draws(draw::BALANCE, call.path, 0, 0);
        let (caller, program, proxies) = (call.caller, self.program, &mut self.proxies);
        let taken = view.take(edge, &mut self.connections, &request, draws, |endpoint| {
            proxies.connection_closed(program, caller, edge, endpoint, now);
        });
        call.connection = taken.id();
        call.endpoint = self.connections[taken.id()].endpoint;
        call.callee = program.callee(edge, call.endpoint);
        call.since = now;
        call.sent = now;
        match taken {
            Taken::Ready(_) => self.transmit(id, edge),
            Taken::Opening(connection) => self.connections[connection].waiters.push(id),
            Taken::New(_) => self.open_connection(id, edge, position),
        }
    }

    /// Opens the connection of a call: CPU on both sides, round trips between.
    fn open_connection(&mut self, id: CallId, edge: &Edge, position: usize) {
        let now = self.schedule.now();
        let (index, _) = self.edge(id);
        let call = &self.calls[id];
        let (caller, endpoint, connection) = (call.caller, call.endpoint, call.connection);
        if edge.pool.streams > 1
            && edge.pool.keep_alive
            && let Some(view) = &mut self.views[position]
        {
            view.share(&self.connections, connection);
        }
        self.proxies.connection_opened(self.program, caller, edge, endpoint, now);
        self.recorder.handshake(index, now);
        if edge.pool.handshake_legs == 0 {
            return self.connected(id);
        }
        let sent = match (edge.pool.client_cpu, self.program.pods[caller].proxy) {
            (0, _) | (_, None) => now,
            (cpu, Some(proxy)) => self.proxies.work(proxy, self.calls[id].worker, now, Span::from_nanos(cpu)).done,
        };
        let delay = self.leg(id, LEG_HANDSHAKE, 0);
        let legs = u64::from(edge.pool.handshake_legs - 1);
        self.schedule.at(sent + Span::from_nanos(delay.nanos() * legs), Event::Handshake(id));
    }

    /// The handshake's decisive message reaches the accepting side.
    pub(super) fn accept(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let proxy = self.program.pods[self.calls[id].callee].proxy;
        let worker = self.server_worker(id);
        let connection = self.calls[id].connection;
        self.connections[connection].server_worker = worker;
        let done = match (edge.pool.server_cpu, proxy) {
            (0, _) | (_, None) => now,
            (cpu, Some(proxy)) => self.proxies.work(proxy, worker, now, Span::from_nanos(cpu)).done,
        };
        let delay = self.leg(id, LEG_HANDSHAKE, 0);
        self.schedule.at(done + delay, Event::Connected(id));
    }

    /// The worker of the accepting proxy that a new connection belongs to.
    fn server_worker(&self, id: CallId) -> u32 {
        let call = &self.calls[id];
        let workers = self.program.pods[call.callee].proxy.map_or(1, |proxy| self.proxies.workers(proxy));
        any_worker(workers, call.key.draws(draw::SERVER_WORKER, call.path, 0, 0))
    }

    /// The connection is ready: the call that opened it goes on, and whoever waited for it too.
    pub(super) fn connected(&mut self, id: CallId) {
        let (_, edge) = self.edge(id);
        let connection = self.calls[id].connection;
        let worker = self.connections[connection].server_worker;
        let waiters = View::ready(&mut self.connections, connection, worker);
        for waiting in std::iter::once(id).chain(waiters) {
            let now = self.schedule.now();
            let call = &mut self.calls[waiting];
            let waited = now.since(call.since);
            call.spend(Part::Handshake, waited);
            call.proxy_time += waited.nanos();
            self.transmit(waiting, edge);
        }
    }

    /// The request goes over the network.
    fn transmit(&mut self, id: CallId, edge: &Edge) {
        let (index, _) = self.edge(id);
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
        let (Some(cost), Some(proxy)) = (&edge.inbound, self.program.pods[self.calls[id].callee].proxy) else {
            return self.serve(id);
        };
        self.proxies.request_began(proxy);
        let bytes = self.calls[id].payload;
        let done = self.pass(id, proxy, cost, Pass::InboundRequest, bytes);
        self.schedule.at(done, Event::AtInstance(id));
    }

    /// The response leaves the instance.
    pub(super) fn respond(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (index, edge) = self.edge(id);
        self.recorder.visit_over(&self.calls[id], self.program, now);
        let call = &self.calls[id];
        let law = &self.program.codes[self.program.sites[call.site].code].response_size;
        let size = law.sample(&mut call.key.draws(draw::RESPONSE_SIZE, call.path, 0, 0)) as u64;
        let left = match (&edge.inbound, self.program.pods[call.callee].proxy) {
            (Some(cost), Some(proxy)) => {
                let reached = call.reached;
                let done = self.pass(id, proxy, cost, Pass::InboundResponse, size);
                self.proxies.request_ended(proxy, reached, done);
                done
            }
            _ => now,
        };
        let bytes = size + edge.response_overhead;
        let delay = self.leg(id, LEG_RESPONSE, bytes);
        let call = &mut self.calls[id];
        call.spend(Part::Network, delay);
        call.payload = size;
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
            self.proxies.connection_closed(self.program, caller, edge, endpoint, now);
        }
        let (Some(cost), Some(proxy)) = (&edge.outbound, self.program.pods[caller].proxy) else {
            return self.returned(id);
        };
        let begun = self.calls[id].begun;
        let mut done = self.pass(id, proxy, cost, Pass::OutboundResponse, size);
        self.proxies.request_ended(proxy, begun, done);
        let call = &self.calls[id];
        if call.entry && self.program.sources[call.source].gateway {
            let delay = self.outside_delay(id, LEG_OUTSIDE_RESPONSE);
            self.calls[id].spend(Part::Network, delay);
            done += delay;
        }
        self.schedule.at(done, Event::Returned(id));
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

    /// A request or response passes through a proxy; returns when it leaves.
    fn pass(&mut self, id: CallId, proxy: ProxyIdx, cost: &PassCost, pass: Pass, bytes: u64) -> SimTime {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        let (fixed, worker, part) = match pass {
            Pass::OutboundRequest => (cost.request, call.worker, Part::Outbound),
            Pass::OutboundResponse => (cost.response, call.worker, Part::Outbound),
            Pass::InboundRequest => (cost.request, self.connections[call.connection].server_worker, Part::Inbound),
            Pass::InboundResponse => (cost.response, self.connections[call.connection].server_worker, Part::Inbound),
        };
        let mut nanos = fixed + cost.per_byte * bytes as f64;
        if let Some(variation) = self.proxies.variation(proxy) {
            nanos *= variation.sample(&mut call.key.draws(draw::PROXY_JOB, call.path, pass as u32, 0));
        }
        let visit = self.proxies.work(proxy, worker, now, Span::from_nanos_f64(nanos));
        let left = visit.done + self.proxies.pass_delay(proxy);
        call.spend(Part::Queueing, visit.start.since(now));
        call.spend(part, left.since(visit.start));
        call.proxy_time += left.since(now).nanos();
        left
    }

    /// Delay of a leg between the calling and the called pod.
    fn leg(&self, id: CallId, leg: u32, bytes: u64) -> Span {
        let call = &self.calls[id];
        let law = if self.is_from_outside(call) { &self.program.outside_delay } else { &self.program.network_delay };
        let nanos = law.sample(&mut call.key.draws(draw::NETWORK, call.path, leg, 0));
        Span::from_nanos_f64(nanos + bytes as f64 * self.program.nanos_per_byte)
    }

    /// Delay of a leg between an outside client and the gateway.
    pub(super) fn outside_delay(&self, id: CallId, leg: u32) -> Span {
        let call = &self.calls[id];
        Span::from_nanos_f64(self.program.outside_delay.sample(&mut call.key.draws(draw::NETWORK, call.path, leg, 0)))
    }

    fn is_from_outside(&self, call: &Call) -> bool {
        let source = &self.program.sources[call.source];
        call.entry && source.outside && !source.gateway
    }
}

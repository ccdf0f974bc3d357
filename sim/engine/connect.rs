//! Endpoint and connection: choosing, taking, opening, sharing.

use crate::kernel::Uniform;
use crate::program::Edge;
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::Cause;

use super::call::{CallId, Part, Progress};
use super::endpoints::Stream;
use super::hop::LEG_HANDSHAKE;
use super::pass::Pass;
use super::view::{Opening, Request, Taken, View};
use super::{Engine, Event, draw};

impl Engine<'_> {
    /// The calling side chooses an endpoint and takes or opens a connection.
    pub(super) fn connect(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (index, edge) = self.edge(id);
        self.recorder.attempt(index, &self.calls[id]);
        let hash = self.hash_of(id, &edge.hash);
        let avoid = self.failed_before(id);
        let position = self.view_position(self.calls[id].caller, edge);
        let Some(view) = &mut self.views[position] else { return };
        let call = &mut self.calls[id];
        let request = Request { now, worker: call.worker, hash, avoid: &avoid };
        let draws = call.key.draws(draw::BALANCE, call.path, call.hop, 0);
        let (caller, program, proxies) = (call.caller, self.program, &mut self.proxies);
        let taken = view.take(edge, &mut self.connections, &request, draws, |endpoint| {
            proxies.connection_closed(program.ends(caller, edge, endpoint), now);
        });
        let Some(taken) = taken else { return self.fail_here(id, Cause::Ejected) };
        if let Some(guard) = &mut view.guard {
            guard.on_call(self.connections[taken.id()].endpoint);
        }
        call.progress = Progress::Connecting;
        call.connection = taken.id();
        call.endpoint = self.connections[taken.id()].endpoint;
        call.callee = program.callee(edge, call.endpoint);
        call.since = now;
        call.sent = now;
        match taken {
            Taken::Ready(_) => self.on_connection(id),
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
        self.proxies.connection_opened(self.program.ends(caller, edge, endpoint), now);
        let worker = self.server_worker(id);
        self.connections[connection].server_worker = worker;
        let Some(opening) = self.opening(id, edge, position) else { return };
        self.connections[connection].opening = opening;
        if opening.encrypts || edge.pool.tunnel.is_none() {
            self.recorder.handshake(index, now);
        }
        if opening.legs == 0 {
            return self.connected(id);
        }
        match (edge.pool.client_cpu, self.program.pods[caller].proxy) {
            (cpu @ 1.., Some(proxy)) if opening.encrypts => {
                self.give_to_worker(id, proxy, Pass::Connect, Span::from_nanos(cpu));
            }
            _ => self.knock(id, now),
        }
    }

    /// What opening the call's connection takes: a handshake, or in a tunnel that is open already a stream of it, or,
    /// where one node proxy serves both ends, nothing. `None` if it is ready when the connection is that opens the tunnel.
    fn opening(&mut self, id: CallId, edge: &Edge, position: usize) -> Option<Opening> {
        let handshake = Opening { legs: edge.pool.handshake_legs, encrypts: true };
        let Some(tunnel) = edge.pool.tunnel else { return Some(handshake) };
        if self.is_local(id) {
            return Some(Opening { legs: 0, encrypts: false });
        }
        let call = &self.calls[id];
        let view = self.views[position].as_mut()?;
        match view.open_stream(tunnel, &self.connections, call.connection, self.schedule.now()) {
            Stream::Ready => Some(Opening { legs: tunnel.stream_legs, encrypts: false }),
            Stream::New => Some(Opening { legs: tunnel.stream_legs + handshake.legs, encrypts: true }),
            Stream::Opening(opener) => {
                self.connections[opener].followers.push(id);
                None
            }
        }
    }

    /// The connecting side has done its work: the handshake's decisive message travels.
    pub(super) fn knock(&mut self, id: CallId, sent: SimTime) {
        let legs = u64::from(self.connections[self.calls[id].connection].opening.legs - 1);
        let delay = self.leg(id, LEG_HANDSHAKE, 0);
        self.schedule.at(sent + Span::from_nanos(delay.nanos() * legs), Event::Handshake(id));
    }

    /// The handshake's decisive message reaches the accepting side.
    pub(super) fn accept(&mut self, id: CallId) {
        let (_, edge) = self.edge(id);
        let call = &self.calls[id];
        let encrypts = self.connections[call.connection].opening.encrypts;
        match (edge.pool.server_cpu, self.program.pods[call.callee].proxy) {
            (cpu @ 1.., Some(proxy)) if encrypts => {
                self.give_to_worker(id, proxy, Pass::Accept, Span::from_nanos(cpu));
            }
            _ => self.welcome(id, self.schedule.now()),
        }
    }

    /// The accepting side has done its work.
    pub(super) fn welcome(&mut self, id: CallId, sent: SimTime) {
        let delay = self.leg(id, LEG_HANDSHAKE, 0);
        self.schedule.at(sent + delay, Event::Connected(id));
    }

    /// The worker of the accepting proxy that a new connection belongs to: any, equally likely.
    fn server_worker(&self, id: CallId) -> u32 {
        let call = &self.calls[id];
        match self.program.pods[call.callee].proxy.map(|proxy| self.proxies.workers(proxy)) {
            None | Some(1) => 0,
            Some(workers) => call.key.draws(draw::SERVER_WORKER, call.path, call.hop, 0).below(workers),
        }
    }

    /// The connection is ready: the call that opened it goes on, and whoever waited for it or its tunnel too.
    pub(super) fn connected(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let (caller, connection) = (self.calls[id].caller, self.calls[id].connection);
        let position = self.view_position(caller, edge);
        if let Some(view) = &mut self.views[position] {
            view.tunnel_opened(&self.connections, connection);
        }
        let followers = std::mem::take(&mut self.connections[connection].followers);
        let waiters = View::ready(&mut self.connections, connection);
        for waiting in std::iter::once(id).chain(waiters) {
            let call = &mut self.calls[waiting];
            let waited = now.since(call.since);
            call.spend(Part::Handshake, waited);
            call.proxy_time += waited.nanos();
            if call.progress == Progress::GivenUp {
                self.leave_connection(waiting);
                self.forget(waiting);
            } else {
                self.on_connection(waiting);
            }
        }
        for follower in followers {
            self.connected(follower);
        }
    }

    /// The call is done with its connection to the endpoint: the next one may use it.
    pub(super) fn leave_connection(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let call = &self.calls[id];
        let (caller, endpoint, connection, sent) = (call.caller, call.endpoint, call.connection, call.sent);
        let position = self.view_position(caller, edge);
        let Some(view) = &mut self.views[position] else { return };
        if view.release(edge, &mut self.connections, connection, sent, now) {
            self.proxies.connection_closed(self.program.ends(caller, edge, endpoint), now);
        }
    }
}

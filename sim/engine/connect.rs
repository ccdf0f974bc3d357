//! Endpoint and connection: choosing, taking, opening, sharing.

use smallvec::SmallVec;

use crate::kernel::Uniform;
use crate::program::{Edge, EdgeIdx, PodIdx, ProxyIdx};
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::Cause;

use super::call::{CallId, NO_ENDPOINT, Part, Progress, Waiter};
use super::connection::{ConnectionId, Handshake, Opening};
use super::endpoints::Stream;
use super::hop::LEG_HANDSHAKE;
use super::network::Message;
use super::pass::Work;
use super::view::{Left, Request, Taken, Turn};
use super::{Engine, Event, draw};

/// How long an endpoint is left alone that could not be connected to: Linkerd's first back-off
/// (`LINKERD2_PROXY_OUTBOUND_CONNECT_EXP_BACKOFF`, 100 ms and longer).
const BEFORE_RECONNECT: Span = Span::from_millis(100);

/// A connection that was closed: the proxies of its ends, and their workers that it belonged to.
#[derive(Clone, Copy, Debug)]
#[must_use = "closing it takes CPU"]
pub(super) struct Closed {
    edge: EdgeIdx,
    ends: [Option<ProxyIdx>; 2],
    workers: [u32; 2],
}

impl Engine<'_> {
    /// The calling side chooses an endpoint and takes a connection, or waits for one.
    pub(super) fn connect(&mut self, id: CallId) {
        let call = &self.calls[id];
        if call.mirrored {
            self.recorder.copied(call.edge, call);
        } else {
            let call = if let Waiter::Attempt(call) = call.waiter { call } else { id };
            self.calls[call].sends += 1;
        }
        self.find_connection(id);
    }

    pub(super) fn find_connection(&mut self, id: CallId) {
        let now = self.schedule.now();
        let (_, edge) = self.edge(id);
        let hash = self.hash_of(id, &edge.hash);
        let avoid = if self.calls[id].is_attempt() { self.failed_before(id) } else { SmallVec::new() };
        let position = self.view_position(self.calls[id].caller, edge);
        let Some(view) = &mut self.views[position] else { return };
        let call = &mut self.calls[id];
        let request = Request { call: id, now, worker: call.worker, hash, avoid: &avoid };
        let draws = call.key.draws(draw::BALANCE, call.path, call.hop, 0);
        let (caller, program, proxies) = (call.caller, self.program, &mut self.proxies);
        let taken = view.take(edge, &mut self.connections, &request, draws, |endpoint| {
            proxies.connection_closed(program.ends(caller, edge, endpoint), now);
        });
        let taken = match taken {
            Ok(taken) => taken,
            Err(Cause::Ejected) => return self.await_ready(id, position),
            Err(cause) => return self.fail_here(id, cause),
        };
        if let Some(guard) = &mut view.guard {
            guard.on_call(match taken {
                Taken::Ready(connection) => Some(self.connections[connection].endpoint),
                Taken::Pending { endpoint, .. } => endpoint,
            });
        }
        call.since = now;
        call.sent = now;
        match taken {
            Taken::Ready(connection) => self.go_out_on(connection, id),
            Taken::Pending { pool, endpoint, opens } => {
                call.progress = Progress::Connecting;
                call.pool = pool;
                call.endpoint = endpoint.unwrap_or(NO_ENDPOINT);
                if let Some((connection, call)) = opens {
                    self.open_connection(connection, call);
                }
            }
        }
    }

    /// The call has a connection that is ready.
    fn go_out_on(&mut self, connection: ConnectionId, id: CallId) {
        let (_, edge) = self.edge(id);
        let call = &mut self.calls[id];
        call.connection = connection;
        call.endpoint = self.connections[connection].endpoint;
        call.callee = self.program.callee(edge, call.endpoint);
        self.on_connection(id);
    }

    /// A connection is ready, and it is the turn of a call that has waited.
    fn stop_pending(&mut self, connection: ConnectionId, turn: Turn) {
        match turn {
            Turn::Goes(id) => {
                self.waited(id);
                self.go_out_on(connection, id);
            }
            Turn::Overflows(id) => self.fail_pending(id, Cause::Overflow),
        }
    }

    /// The call, which has waited for a connection, goes out on none.
    fn fail_pending(&mut self, id: CallId, cause: Cause) {
        self.waited(id);
        self.endpoint_given_up(id, Progress::Connecting, cause);
        self.fail_here(id, cause);
    }

    fn waited(&mut self, id: CallId) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        let waited = now.since(call.since);
        call.spend(Part::Handshake, waited);
        call.proxy_time += waited.nanos();
    }

    /// A connection is opened, for this call in the first place: CPU on both sides, round trips between. One that joins a
    /// tunnel which is being opened waits for that first.
    fn open_connection(&mut self, id: ConnectionId, call: CallId) {
        let now = self.schedule.now();
        let (index, edge) = self.edge(call);
        let endpoint = self.connections[id].endpoint;
        let call = &self.calls[call];
        let mut opening = Opening {
            edge: index,
            ends: [call.caller, self.program.callee(edge, endpoint)],
            worker: call.worker,
            key: call.key,
            path: call.path,
            hop: call.hop,
            from_outside: self.is_from_outside(call),
            handshake: Handshake::default(),
            timer: None,
            is_given_up: false,
            refused: None,
            is_unanswered: false,
            followers: Vec::new(),
        };
        self.proxies.connection_opened(self.program.ends(call.caller, edge, endpoint), now);
        self.connections[id].server_worker = self.server_worker(&opening);
        self.connections[id].opened = now;
        let handshake = self.handshake(id, &opening);
        opening.handshake = handshake.unwrap_or_default();
        let timeout = edge.resilience.as_ref().and_then(|of| of.bounds).map(|bounds| bounds.connect_timeout);
        opening.timer = timeout
            .filter(|&timeout| timeout != u64::MAX)
            .map(|timeout| self.schedule.timer(Span::from_nanos(timeout), Event::ConnectTimeout(id)));
        self.connections[id].opening = Some(Box::new(opening));
        self.recorder.connection(index, now);
        let Some(handshake) = handshake else { return };
        if handshake.encrypts || edge.pool.tunnel.is_none() {
            self.recorder.handshake(index, now);
        }
        self.set_out(id);
    }

    /// The connecting side does its part: of exchanging keys, and where its proxy forwards connections, of this one.
    fn set_out(&mut self, id: ConnectionId) {
        let now = self.schedule.now();
        let Some(opening) = &self.connections[id].opening else { return };
        let [caller, _] = opening.ends;
        let (pool, worker) = (&self.program.edges[opening.edge].pool, opening.worker);
        let keys = if opening.handshake.encrypts { pool.client_cpu } else { 0 };
        let own = if pool.per_connection { pool.opening_cpu[0] } else { 0 };
        match (keys + own, self.program.pods[caller].proxy) {
            (cpu @ 1.., Some(proxy)) => {
                self.give_to_worker(proxy, worker, Work::Connect(id), Span::from_nanos(cpu));
            }
            _ => self.knock(id, now),
        }
    }

    /// What opening a connection takes: a handshake, or in a tunnel that is open already a stream of it, or, where one
    /// node proxy serves both ends, nothing. `None` if it is ready when the connection is that opens the tunnel.
    fn handshake(&mut self, id: ConnectionId, opening: &Opening) -> Option<Handshake> {
        let edge = &self.program.edges[opening.edge];
        let handshake = Handshake { legs: edge.pool.handshake_legs, encrypts: true };
        let Some(tunnel) = edge.pool.tunnel else { return Some(handshake) };
        let [caller, callee] = opening.ends;
        if self.program.is_local(caller, edge, callee) {
            return Some(Handshake { legs: 0, encrypts: false });
        }
        let position = self.view_position(caller, edge);
        let view = self.views[position].as_mut()?;
        match view.open_stream(tunnel, &self.connections, id, self.schedule.now()) {
            Stream::Ready => Some(Handshake { legs: tunnel.stream_legs, encrypts: false }),
            Stream::New => Some(Handshake { legs: tunnel.stream_legs + handshake.legs, encrypts: true }),
            Stream::Opening(opener) => {
                if let Some(opener) = &mut self.connections[opener].opening {
                    opener.followers.push(id);
                }
                None
            }
        }
    }

    /// The worker of the accepting proxy that a new connection belongs to: any, equally likely.
    fn server_worker(&self, opening: &Opening) -> u32 {
        let [_, callee] = opening.ends;
        match self.program.pods[callee].proxy.map(|proxy| self.proxies.workers(proxy)) {
            None | Some(1) => 0,
            Some(workers) => {
                opening.key.draws(draw::SERVER_WORKER, opening.path, opening.hop, 0).below(workers)
            }
        }
    }

    /// The connecting side has done its work: the handshake's decisive message travels.
    pub(super) fn knock(&mut self, id: ConnectionId, sent: SimTime) {
        let Some(opening) = &self.connections[id].opening else { return };
        let Some(legs) = opening.handshake.legs.checked_sub(1) else {
            return if sent == self.schedule.now() {
                self.accept(id);
            } else {
                self.schedule.at(sent, Event::Handshake(id));
            };
        };
        let delay = self.handshake_leg(opening);
        let usual = Span::from_nanos(delay.nanos() * u64::from(legs));
        let arrives = self.suffer(opening, 0..legs, sent + usual);
        self.schedule.at(arrives, Event::Handshake(id));
    }

    /// The handshake's decisive message reaches the accepting side.
    pub(super) fn accept(&mut self, id: ConnectionId) {
        let connection = &self.connections[id];
        let Some(opening) = &connection.opening else { return };
        let [caller, callee] = opening.ends;
        let encrypts = opening.handshake.encrypts;
        if self.is_lost(callee) {
            return self.wait_in_vain(id);
        }
        if !self.accepts(callee) {
            self.refuse(id, Cause::StaleEndpoint);
        } else if encrypts && self.lack_certificates([caller, callee]) {
            self.refuse(id, Cause::ConnectFailure);
        }
        let Some(opening) = self.connections[id].opening.as_ref().filter(|opening| opening.refused.is_none())
        else {
            return self.welcome(id, self.schedule.now());
        };
        let connection = &self.connections[id];
        let edge = &self.program.edges[opening.edge];
        let keys = if opening.handshake.encrypts { edge.pool.server_cpu } else { 0 };
        // Within a node the one proxy has done its part.
        let is_local = self.program.is_local(caller, edge, callee);
        let own = if is_local { 0 } else { edge.pool.opening_cpu[1] };
        match (keys + own, self.program.pods[callee].proxy) {
            (cpu @ 1.., Some(proxy)) => {
                let worker = connection.server_worker;
                self.give_to_worker(proxy, worker, Work::Accept(id), Span::from_nanos(cpu));
            }
            _ => self.welcome(id, self.schedule.now()),
        }
    }

    /// The accepting side has done its work.
    pub(super) fn welcome(&mut self, id: ConnectionId, sent: SimTime) {
        let Some(opening) = &self.connections[id].opening else { return };
        if opening.handshake.legs == 0 && sent == self.schedule.now() {
            return self.connected(id);
        }
        let arrives = match opening.handshake.legs {
            0 => sent,
            legs => self.suffer(opening, legs - 1..legs, sent + self.handshake_leg(opening)),
        };
        self.schedule.at(arrives, Event::Connected(id));
    }

    /// When the last of some legs of a handshake arrives that would at `usual`. The first two are TCP's own.
    fn suffer(&self, opening: &Opening, legs: std::ops::Range<u32>, usual: SimTime) -> SimTime {
        let mut time = usual;
        if self.program.disturbances.is_empty() {
            return time;
        }
        for leg in legs {
            let message = Message {
                ends: Some(opening.ends),
                key: opening.key,
                path: opening.path,
                number: draw::of_hop(LEG_HANDSHAKE, opening.hop) + (leg << 16),
                opens: opening.handshake.encrypts && leg < 2,
            };
            time += message.suffers(self.program, time);
        }
        time
    }

    /// Delay of a leg of a handshake.
    fn handshake_leg(&self, opening: &Opening) -> Span {
        let number = draw::of_hop(LEG_HANDSHAKE, opening.hop);
        let law = self.delay(opening.from_outside, opening.ends);
        Span::from_nanos_f64(law.sample(&mut opening.key.draws(draw::NETWORK, opening.path, number, 0)))
    }

    /// The connection is ready, and so is the tunnel that it opens, which others wait for: calls that wait go on.
    pub(super) fn connected(&mut self, id: ConnectionId) {
        let now = self.schedule.now();
        let Some(opening) = self.connections[id].opening.take() else { return };
        let edge = &self.program.edges[opening.edge];
        let [caller, _] = opening.ends;
        let position = self.view_position(caller, edge);
        if let Some(timer) = opening.timer {
            self.schedule.cancel(timer);
        }
        if let Some(cause) = opening.refused.filter(|_| !opening.is_given_up) {
            self.fail_pool(id, position, edge, caller, cause);
        }
        if opening.is_given_up || opening.refused.is_some() {
            if let Some(view) = &mut self.views[position] {
                view.bury(&mut self.connections, id, now);
            }
        } else {
            self.share_out(id, position, edge, caller);
        }
        for follower in opening.followers {
            // Without its tunnel nothing comes of it.
            if let Some(cause) = opening.refused {
                self.refuse(follower, cause);
            }
            self.set_out(follower);
        }
    }

    /// A new connection takes calls that wait, and is kept.
    fn share_out(&mut self, id: ConnectionId, position: usize, edge: &Edge, caller: PodIdx) {
        let now = self.schedule.now();
        if let Some(view) = &mut self.views[position] {
            view.connected(edge, &self.connections, id);
        }
        while let Some(view) = &mut self.views[position]
            && let Some(turn) = view.next_call(edge, &mut self.connections, id)
        {
            self.stop_pending(id, turn);
        }
        let endpoint = self.connections[id].endpoint;
        if let Some(view) = &mut self.views[position]
            && view.keep(edge, &mut self.connections, id, now)
        {
            self.proxies.connection_closed(self.program.ends(caller, edge, endpoint), now);
        }
    }

    /// A connection is not ready in time. As in Envoy, all that wait in its pool fail.
    pub(super) fn give_up_connection(&mut self, id: ConnectionId) {
        let Some(opening) = &mut self.connections[id].opening else { return };
        (opening.timer, opening.is_given_up) = (None, true);
        let is_unanswered = opening.is_unanswered;
        let (edge, [caller, _]) = (&self.program.edges[opening.edge], opening.ends);
        let position = self.view_position(caller, edge);
        self.fail_pool(id, position, edge, caller, Cause::ConnectFailure);
        if is_unanswered {
            self.connected(id);
        }
    }

    /// The call, which has waited for a connection, looks for one to another endpoint.
    fn go_elsewhere(&mut self, id: CallId) {
        self.waited(id);
        // It says nothing of the endpoint: nobody has answered.
        self.endpoint_given_up(id, Progress::Connecting, Cause::CallerTimeout);
        self.calls[id].progress = Progress::Outbound;
        self.find_connection(id);
    }

    /// An endpoint that could not be connected to may be tried again.
    pub(super) fn reconnect(&mut self, position: u32, endpoint: u32) {
        let Some(view) = &mut self.views[position as usize] else { return };
        view.may_try(endpoint);
        self.look_whether_ready(position as usize);
    }

    /// A connection will not come to be, of which its caller hears at the end of the handshake.
    fn refuse(&mut self, id: ConnectionId, cause: Cause) {
        if let Some(opening) = &mut self.connections[id].opening {
            opening.refused = opening.refused.or(Some(cause));
        }
    }

    /// A connection does not come to be: all that wait in its pool fail.
    fn fail_pool(&mut self, id: ConnectionId, position: usize, edge: &Edge, caller: PodIdx, cause: Cause) {
        let now = self.schedule.now();
        let (pool, endpoint) = (self.connections[id].pool, self.connections[id].endpoint);
        let Some(view) = &mut self.views[position] else { return };
        view.give_up(edge, &self.connections, id);
        if edge.pool.elsewhere {
            view.leave_alone(edge, endpoint);
            self.schedule.after(BEFORE_RECONNECT, Event::Reconnect { view: position as u32, endpoint });
        }
        self.proxies.connection_closed(self.program.ends(caller, edge, endpoint), now);
        // What fails now may be followed by other calls, which do not.
        for _ in 0..view.pending(pool) {
            let Some(view) = &mut self.views[position] else { return };
            let Some(call) = view.turn_away(edge, pool) else { return };
            if edge.pool.elsewhere {
                self.go_elsewhere(call);
            } else {
                self.fail_pending(call, cause);
            }
        }
    }

    /// A connection of a pool is closed: others are opened for calls that wait, if limits leave room.
    fn open_instead(&mut self, position: usize, edge: &Edge, pool: u32, endpoint: u32) {
        while let Some(view) = &mut self.views[position]
            && let Some((connection, call)) = view.open_instead(edge, &mut self.connections, pool, endpoint)
        {
            self.open_connection(connection, call);
        }
    }

    /// The CPU of closing a connection after a call; within a node it is the one proxy's. Those that have been idle for too
    /// long are few, and closed at none.
    pub(super) fn tidy_up(&mut self, closed: Option<Closed>) {
        let Some(Closed { edge, ends, workers }) = closed else { return };
        let pool = &self.program.edges[edge].pool;
        let outbound = if pool.per_connection { pool.closing_cpu[0] } else { 0 };
        for ((cpu, proxy), worker) in [outbound, pool.closing_cpu[1]].into_iter().zip(ends).zip(workers) {
            if let (cpu @ 1.., Some(proxy)) = (cpu, proxy) {
                self.give_to_worker(proxy, worker, Work::Close, Span::from_nanos(cpu));
            }
        }
    }

    /// The call is done with its connection to the endpoint, or given up and `is_over` false: an answer is still to come
    /// on it. The call that has waited longest may use it, or it is closed.
    pub(super) fn leave_connection(&mut self, id: CallId, is_over: bool) -> Option<Closed> {
        let now = self.schedule.now();
        let (index, edge) = self.edge(id);
        let call = &self.calls[id];
        let (caller, endpoint, connection, sent) = (call.caller, call.endpoint, call.connection, call.sent);
        let workers = [call.worker, call.server_worker];
        let position = self.position_of(caller, edge);
        let pool = self.connections[connection].pool;
        let view = self.views[position].as_mut()?;
        match view.release(edge, &mut self.connections, connection, is_over, [sent, now]) {
            Left::Kept => None,
            Left::To(next) => {
                self.stop_pending(connection, next);
                None
            }
            Left::Closed => {
                let ends = self.program.ends(caller, edge, endpoint);
                self.proxies.connection_closed(ends, now);
                self.open_instead(position, edge, pool, endpoint);
                Some(Closed { edge: index, ends, workers })
            }
        }
    }
}

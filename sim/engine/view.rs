//! What a pod keeps for one of its edges: connections in pools, and waiting calls. Made on first use.

use std::collections::VecDeque;

use crate::kernel::rng::Draws;
use crate::policy::available::Everyone;
use crate::policy::balance::{Balancer, Call};
use crate::program::{Edge, Tunnel};
use crate::units::{SimTime, Span};

use super::call::CallId;
use super::connection::{Connection, ConnectionId, Connections};
use super::endpoints::{Endpoints, Place, Stream};
use super::guard::Guard;
use super::links::Links;
use super::pool::Pool;

/// What a pod knows of one edge.
#[derive(Debug)]
pub(super) struct View {
    balancer: Balancer,
    endpoints: Endpoints,
    /// What is kept of failures, if anything.
    pub(super) guard: Option<Guard>,
    /// Per worker of the proxy, if each has pools of its own; for each known endpoint so many, or, where the endpoint is
    /// chosen per connection, so many in all.
    pools: Vec<Pool>,
    workers: u32,
    /// The application's own connections.
    pub(super) links: Links,
    /// Calls that wait for a connection of the application.
    pub(super) waiting: VecDeque<CallId>,
}

/// A connection for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// Ready to use.
    Ready(ConnectionId),
    /// None is ready: the call waits in a pool.
    Pending {
        /// The pool.
        pool: u32,
        /// The endpoint, where one was chosen for this call.
        endpoint: Option<u32>,
        /// A new connection, which the caller opens.
        opens: Option<ConnectionId>,
    },
}

/// What becomes of a connection that a call gives back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// It is kept.
    Kept,
    /// It is closed.
    Closed,
    /// The call that has waited longest takes it.
    To(CallId),
}

impl View {
    pub(super) fn new(edge: &Edge, workers: u32, now: SimTime) -> Self {
        let workers = if edge.pool.per_worker { workers } else { 1 };
        let endpoints = Endpoints::new(edge, now);
        let shares = if edge.pool.per_connection { 1 } else { endpoints.places() };
        let mut pools = Vec::new();
        pools.resize_with(shares * workers as usize, Pool::default);
        Self {
            balancer: Balancer::new(edge.policy, &edge.targets),
            endpoints,
            guard: edge.resilience.as_ref().map(|of| Guard::new(of, edge.targets.len(), now)),
            pools,
            workers,
            links: Links::default(),
            waiting: VecDeque::new(),
        }
    }

    /// Chooses an endpoint and takes a connection to it; `closed` is told of each connection found too old. `None` if no
    /// endpoint is in rotation.
    pub(super) fn take(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        request: &Request<'_>,
        mut draws: Draws,
        mut closed: impl FnMut(u32),
    ) -> Option<Taken> {
        let worker = if edge.pool.per_worker { request.worker } else { 0 };
        if edge.pool.per_connection {
            if let Some(id) = self.reuse(edge, connections, worker, request, &mut closed) {
                self.endpoints.started(connections[id].place);
                return Some(Taken::Ready(id));
            }
            if !self.pools[worker as usize].wait(request.call, calls_at_once(edge)) {
                return Some(Taken::Pending { pool: worker, endpoint: None, opens: None });
            }
            let Some(endpoint) = self.pick(edge, request, &mut draws) else {
                let pool = &mut self.pools[worker as usize];
                pool.cancel(request.call);
                pool.connected();
                return None;
            };
            let place = self.endpoints.place(endpoint);
            // Until it is ready it counts itself, for no call has gone to the endpoint yet.
            self.endpoints.started(place);
            let opens = Some(Self::open(connections, worker, endpoint, place));
            return Some(Taken::Pending { pool: worker, endpoint: None, opens });
        }
        let endpoint = self.pick(edge, request, &mut draws)?;
        let place = self.endpoints.place(endpoint);
        let pool = place.0 * self.workers + worker;
        if pool as usize >= self.pools.len() {
            self.pools.resize_with(((place.0 + 1) * self.workers) as usize, Pool::default);
        }
        self.endpoints.started(place);
        if let Some(id) = self.reuse(edge, connections, pool, request, &mut closed) {
            return Some(Taken::Ready(id));
        }
        let opens = self.pools[pool as usize].wait(request.call, calls_at_once(edge));
        let opens = opens.then(|| Self::open(connections, pool, endpoint, place));
        Some(Taken::Pending { pool, endpoint: Some(endpoint), opens })
    }

    fn pick(&mut self, edge: &Edge, request: &Request<'_>, draws: &mut Draws) -> Option<u32> {
        let Self { balancer, endpoints, guard, .. } = self;
        let endpoints = &*endpoints;
        let kept = guard.as_ref().and_then(Guard::available);
        if kept.is_none() && edge.targets.len() == 1 {
            return Some(0);
        }
        if kept.is_none() && request.avoid.is_empty() {
            return Some(balancer.pick(&edge.targets, endpoints, request.now, request.hash, draws));
        }
        let call = Call { now: request.now, hash: request.hash, tried: request.avoid };
        if let Some(kept) = kept {
            return balancer.pick_among(&edge.targets, &kept, endpoints, &call, draws);
        }
        let all = Everyone(edge.targets.len());
        balancer.pick_among(&edge.targets, &all, endpoints, &call, draws)
    }

    fn open(connections: &mut Connections, pool: u32, endpoint: u32, place: Place) -> ConnectionId {
        connections.add(Connection {
            endpoint,
            place,
            server_worker: 0,
            pool,
            streams: 0,
            idle_since: SimTime::ZERO,
            opening: None,
        })
    }

    /// A ready connection of this pool with room for one more request.
    fn reuse(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        pool: u32,
        request: &Request<'_>,
        closed: &mut impl FnMut(u32),
    ) -> Option<ConnectionId> {
        let too_old = |connection: &Connection| {
            connection.streams == 0
                && request.now.since(connection.idle_since).nanos() > edge.pool.idle_timeout
        };
        // It was closed in time, though nobody looked.
        let closed_at =
            |connection: &Connection| connection.idle_since + Span::from_nanos(edge.pool.idle_timeout);
        if edge.pool.streams == 1 {
            while let Some(id) = self.pools[pool as usize].connections.pop() {
                let connection = &mut connections[id];
                if too_old(connection) {
                    closed(connection.endpoint);
                    self.endpoints.close_stream(connection.place, closed_at(connection));
                    connections.remove(id);
                    continue;
                }
                connection.streams = 1;
                return Some(id);
            }
            return None;
        }
        let mut position = 0;
        while let Some(&id) = self.pools[pool as usize].connections.get(position) {
            let connection = &mut connections[id];
            if too_old(connection) {
                closed(connection.endpoint);
                self.endpoints.close_stream(connection.place, closed_at(connection));
                self.pools[pool as usize].connections.remove(position);
                connections.remove(id);
                continue;
            }
            if connection.streams < edge.pool.streams {
                connection.streams += 1;
                return Some(id);
            }
            position += 1;
        }
        None
    }

    /// A new connection goes through a tunnel, which that connection opens if need be.
    pub(super) fn open_stream(
        &mut self,
        tunnel: Tunnel,
        connections: &Connections,
        id: ConnectionId,
        now: SimTime,
    ) -> Stream {
        self.endpoints.open_stream(tunnel, connections[id].place, id, now)
    }

    /// A connection is ready, and so is the tunnel if this connection opened it.
    pub(super) fn connected(&mut self, edge: &Edge, connections: &Connections, id: ConnectionId) {
        let connection = &connections[id];
        self.endpoints.tunnel_opened(connection.place, id);
        if edge.pool.per_connection {
            self.endpoints.abandoned(connection.place);
        }
        self.pools[connection.pool as usize].connected();
    }

    /// A connection with room takes the call that has waited longest in its pool.
    pub(super) fn next_call(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        id: ConnectionId,
    ) -> Option<CallId> {
        let connection = &mut connections[id];
        if connection.streams == calls_at_once(edge) {
            return None;
        }
        let call = self.pools[connection.pool as usize].next()?;
        connection.streams += 1;
        if edge.pool.per_connection {
            self.endpoints.started(connection.place);
        }
        Some(call)
    }

    /// A new connection has taken all that waited and have room. Returns whether it was closed.
    pub(super) fn keep(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        id: ConnectionId,
        now: SimTime,
    ) -> bool {
        let connection = &mut connections[id];
        let is_idle = connection.streams == 0;
        if is_idle && !edge.pool.keep_alive {
            self.endpoints.close_stream(connection.place, now);
            connections.remove(id);
            return true;
        }
        connection.idle_since = now;
        if edge.pool.keep_alive && (is_idle || edge.pool.streams > 1) {
            self.pools[connection.pool as usize].connections.push(id);
        }
        false
    }

    /// The call, which waits for a connection in this pool, is given up.
    pub(super) fn cancel(&mut self, edge: &Edge, pool: u32, call: CallId) {
        self.pools[pool as usize].cancel(call);
        if !edge.pool.per_connection {
            self.endpoints.abandoned(Place(pool / self.workers));
        }
    }

    /// The response has come, or `is_over` is false: the call has been given up, and an answer is still to come. Nobody
    /// else can then use the connection, but if it is shared, only the stream is reset.
    pub(super) fn release(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        id: ConnectionId,
        is_over: bool,
        [sent, now]: [SimTime; 2],
    ) -> Left {
        let connection = &mut connections[id];
        self.endpoints.finished(connection.place, now.since(sent), now);
        connection.streams -= 1;
        connection.idle_since = now;
        if !edge.pool.keep_alive || (edge.pool.streams == 1 && !is_over) {
            self.endpoints.close_stream(connection.place, now);
            connections.remove(id);
            return Left::Closed;
        }
        if let Some(call) = self.next_call(edge, connections, id) {
            return Left::To(call);
        }
        if edge.pool.streams == 1 {
            self.pools[connections[id].pool as usize].connections.push(id);
        }
        Left::Kept
    }
}

/// Calls that a connection takes at once.
fn calls_at_once(edge: &Edge) -> u32 {
    if edge.pool.keep_alive { edge.pool.streams } else { 1 }
}

/// What the choice of endpoint and connection looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) call: CallId,
    pub(super) now: SimTime,
    /// Worker of the calling proxy.
    pub(super) worker: u32,
    /// For consistent hashing.
    pub(super) hash: u64,
    /// Endpoints to avoid.
    pub(super) avoid: &'a [u32],
}

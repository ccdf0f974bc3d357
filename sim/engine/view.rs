//! What a pod keeps for one of its edges: connections in pools, and waiting calls. Made on first use.

use std::collections::VecDeque;

use crate::kernel::rng::Draws;
use crate::policy::available::Everyone;
use crate::policy::balance::{Balancer, Call};
use crate::program::{Edge, Tunnel};
use crate::units::{SimTime, Span};

use super::call::CallId;
use super::endpoints::{Endpoints, Place, Stream};
use super::guard::Guard;
use super::links::Links;

/// A connection between two pods; reused once it is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ConnectionId(pub(super) u32);

impl ConnectionId {
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// A connection between two pods.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) endpoint: u32,
    /// Where the view keeps what it knows of the endpoint.
    place: Place,
    /// Worker of the accepting proxy it belongs to.
    pub(super) server_worker: u32,
    /// The view's pool it belongs to.
    pool: u32,
    /// Requests on it.
    streams: u32,
    ready: bool,
    /// What opening it takes.
    pub(super) opening: Opening,
    idle_since: SimTime,
    /// Calls that wait until it is ready, the one that opened it apart.
    pub(super) waiters: Vec<CallId>,
    /// Calls with connections of their own, in the tunnel that this one opens.
    pub(super) followers: Vec<CallId>,
}

/// What it takes to open a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Opening {
    /// Half round trips.
    pub(super) legs: u32,
    /// With a handshake of the two proxies, and its CPU.
    pub(super) encrypts: bool,
}

/// All open connections of the run.
#[derive(Debug, Default)]
pub(super) struct Connections {
    places: Vec<Connection>,
    free: Vec<u32>,
}

impl Connections {
    fn open(&mut self, connection: Connection) -> ConnectionId {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = connection;
            return ConnectionId(place);
        }
        self.places.push(connection);
        ConnectionId((self.places.len() - 1) as u32)
    }
}

impl std::ops::Index<ConnectionId> for Connections {
    type Output = Connection;
    #[inline]
    fn index(&self, id: ConnectionId) -> &Connection {
        &self.places[id.0 as usize]
    }
}

impl std::ops::IndexMut<ConnectionId> for Connections {
    #[inline]
    fn index_mut(&mut self, id: ConnectionId) -> &mut Connection {
        &mut self.places[id.0 as usize]
    }
}

/// What a pod knows of one edge.
#[derive(Debug)]
pub(super) struct View {
    balancer: Balancer,
    endpoints: Endpoints,
    /// What is kept of failures, if anything.
    pub(super) guard: Option<Guard>,
    /// Per worker of the proxy, if each has pools of its own; for each known endpoint so many, or, where the endpoint is
    /// chosen per connection, so many in all. With one stream per connection a pool holds the idle connections, last used
    /// last; else all connections.
    pools: Vec<Vec<ConnectionId>>,
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
    /// Being opened by another call, which this one now waits for too.
    Opening(ConnectionId),
    /// New: the caller opens it.
    New(ConnectionId),
}

impl View {
    pub(super) fn new(edge: &Edge, workers: u32, now: SimTime) -> Self {
        let workers = if edge.pool.per_worker { workers } else { 1 };
        let endpoints = Endpoints::new(edge, now);
        let shares = if edge.pool.per_connection { 1 } else { endpoints.places() };
        Self {
            balancer: Balancer::new(edge.policy, &edge.targets),
            endpoints,
            guard: edge.resilience.as_ref().map(|of| Guard::new(of, edge.targets.len(), now)),
            pools: vec![Vec::new(); shares * workers as usize],
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
            if let Some(taken) = self.reuse(edge, connections, worker, request, &mut closed) {
                self.endpoints.started(connections[taken.id()].place);
                return Some(taken);
            }
            let endpoint = self.pick(edge, request, &mut draws)?;
            let place = self.endpoints.place(endpoint);
            return Some(self.open(connections, worker, endpoint, place));
        }
        let endpoint = self.pick(edge, request, &mut draws)?;
        let place = self.endpoints.place(endpoint);
        let pool = place.0 * self.workers + worker;
        if pool as usize >= self.pools.len() {
            self.pools.resize_with(((place.0 + 1) * self.workers) as usize, Vec::new);
        }
        Some(match self.reuse(edge, connections, pool, request, &mut closed) {
            Some(taken) => {
                self.endpoints.started(place);
                taken
            }
            None => self.open(connections, pool, endpoint, place),
        })
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
        match kept {
            Some(kept) => balancer.pick_among(&edge.targets, &kept, endpoints, &call, draws),
            None => {
                let all = Everyone(edge.targets.len());
                balancer.pick_among(&edge.targets, &all, endpoints, &call, draws)
            }
        }
    }

    fn open(&mut self, connections: &mut Connections, pool: u32, endpoint: u32, place: Place) -> Taken {
        self.endpoints.started(place);
        Taken::New(connections.open(Connection {
            endpoint,
            place,
            server_worker: 0,
            pool,
            streams: 1,
            ready: false,
            opening: Opening::default(),
            idle_since: SimTime::ZERO,
            waiters: Vec::new(),
            followers: Vec::new(),
        }))
    }

    /// A kept connection of this pool with room for one more request.
    fn reuse(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        pool: u32,
        request: &Request<'_>,
        closed: &mut impl FnMut(u32),
    ) -> Option<Taken> {
        let too_old = |connection: &Connection| {
            connection.streams == 0
                && request.now.since(connection.idle_since).nanos() > edge.pool.idle_timeout
        };
        // It was closed in time, though nobody looked.
        let closed_at =
            |connection: &Connection| connection.idle_since + Span::from_nanos(edge.pool.idle_timeout);
        if edge.pool.streams == 1 {
            while let Some(id) = self.pools[pool as usize].pop() {
                let connection = &mut connections[id];
                if too_old(connection) {
                    closed(connection.endpoint);
                    self.endpoints.close_stream(connection.place, closed_at(connection));
                    connections.free.push(id.0);
                    continue;
                }
                connection.streams = 1;
                return Some(Taken::Ready(id));
            }
            return None;
        }
        let mut position = 0;
        while let Some(&id) = self.pools[pool as usize].get(position) {
            let connection = &mut connections[id];
            if too_old(connection) {
                closed(connection.endpoint);
                self.endpoints.close_stream(connection.place, closed_at(connection));
                self.pools[pool as usize].remove(position);
                connections.free.push(id.0);
                continue;
            }
            if connection.streams < edge.pool.streams {
                connection.streams += 1;
                return Some(if connection.ready { Taken::Ready(id) } else { Taken::Opening(id) });
            }
            position += 1;
        }
        None
    }

    /// The connection that a call just opened is multiplexed: others may use it from now on, once it is ready.
    pub(super) fn share(&mut self, connections: &Connections, id: ConnectionId) {
        self.pools[connections[id].pool as usize].push(id);
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
    pub(super) fn tunnel_opened(&mut self, connections: &Connections, id: ConnectionId) {
        self.endpoints.tunnel_opened(connections[id].place, id);
    }

    /// The handshake is over: whoever waited may go on.
    pub(super) fn ready(connections: &mut Connections, id: ConnectionId) -> Vec<CallId> {
        let connection = &mut connections[id];
        connection.ready = true;
        std::mem::take(&mut connection.waiters)
    }

    /// The call has been given up: nobody else can use a connection on which an answer is still to come; a stream of
    /// a shared one is reset. Returns whether the connection was closed.
    pub(super) fn abandon(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        id: ConnectionId,
        sent: SimTime,
        now: SimTime,
    ) -> bool {
        let connection = &mut connections[id];
        self.endpoints.finished(connection.place, now.since(sent), now);
        connection.streams -= 1;
        connection.idle_since = now;
        let closes = edge.pool.streams == 1 || !edge.pool.keep_alive;
        if closes {
            self.endpoints.close_stream(connection.place, now);
            connections.free.push(id.0);
        }
        closes
    }

    /// The response has come. Returns whether the connection was closed.
    pub(super) fn release(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        id: ConnectionId,
        sent: SimTime,
        now: SimTime,
    ) -> bool {
        let connection = &mut connections[id];
        self.endpoints.finished(connection.place, now.since(sent), now);
        connection.streams -= 1;
        connection.idle_since = now;
        if !edge.pool.keep_alive {
            self.endpoints.close_stream(connection.place, now);
            connections.free.push(id.0);
            return true;
        }
        if edge.pool.streams == 1 {
            let pool = connection.pool as usize;
            self.pools[pool].push(id);
        }
        false
    }
}

impl Taken {
    pub(super) fn id(self) -> ConnectionId {
        match self {
            Self::Ready(id) | Self::Opening(id) | Self::New(id) => id,
        }
    }
}

/// What the choice of endpoint and connection looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) now: SimTime,
    /// Worker of the calling proxy.
    pub(super) worker: u32,
    /// For consistent hashing.
    pub(super) hash: u64,
    /// Endpoints to avoid.
    pub(super) avoid: &'a [u32],
}

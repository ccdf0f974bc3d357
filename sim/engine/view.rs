//! What a pod keeps for one of its edges: connections in pools, and waiting calls. Made on first use.

use std::collections::VecDeque;

use crate::kernel::rng::Draws;
use crate::placement::ZoneIdx;
use crate::policy::available::{Available, Candidates};
use crate::program::{Edge, Tunnel};
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::Cause;

use super::call::CallId;
use super::connection::{Connection, ConnectionId, Connections};
use super::endpoints::{Endpoints, Place, Stream};
use super::guard::Guard;
use super::links::Links;
use super::pool::Pool;
use super::selector::{Rotation, Selector};
use super::usage::Usage;

/// What a pod knows of one edge.
#[derive(Debug)]
pub(super) struct View {
    selector: Selector,
    pub(super) endpoints: Endpoints,
    /// What the pod takes for the endpoints, where pods come and go; `None` is all.
    pub(super) known: Option<Box<Available>>,
    /// Endpoints that could not be connected to lately are out of it, where the proxy picks among the others then.
    pub(super) ready: Option<Box<Available>>,
    /// What is kept of failures, if anything.
    pub(super) guard: Option<Guard>,
    /// What is used of limits, if there are any.
    pub(super) usage: Option<Box<Usage>>,
    /// Per worker of the proxy, if each has pools of its own; for each known endpoint so many, or, where the endpoint is
    /// chosen per connection, so many in all.
    pub(super) pools: Vec<Pool>,
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
        /// A new connection, which the caller opens, and the call for which it is in the first place.
        opens: Option<(ConnectionId, CallId)>,
    },
}

/// What becomes of a connection that a call gives back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// It is kept.
    Kept,
    /// It is closed.
    Closed,
    /// It is the turn of the call that has waited longest.
    To(Turn),
}

/// What becomes of a call that has waited for a connection, now that one is ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// It takes the connection.
    Goes(CallId),
    /// So many requests are under way that it may not.
    Overflows(CallId),
}

impl View {
    /// Of a pod in `zone`, whose proxy has so many workers.
    pub(super) fn new(edge: &Edge, zone: Option<ZoneIdx>, workers: u32, now: SimTime) -> Self {
        let workers = if edge.pool.per_worker { workers } else { 1 };
        let endpoints = Endpoints::new(edge, now);
        let shares = if edge.pool.per_connection { 1 } else { endpoints.places() };
        let bounds = edge.resilience.as_ref().and_then(|of| of.bounds);
        let mut pools = Vec::new();
        pools.resize_with(shares * workers as usize, Pool::default);
        Self {
            selector: Selector::new(edge, zone),
            endpoints,
            known: None,
            ready: None,
            guard: edge.resilience.as_ref().map(|of| Guard::new(of, edge.targets.len(), now)),
            usage: bounds.map(|bounds| Box::new(Usage::new(bounds))),
            pools,
            workers,
            links: Links::default(),
            waiting: VecDeque::new(),
        }
    }

    /// Chooses an endpoint and takes a connection to it; `closed` is told of each connection found too old. Fails if no
    /// endpoint is in rotation, or a limit is reached.
    pub(super) fn take(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        request: &Request<'_>,
        mut draws: Draws,
        mut closed: impl FnMut(u32),
    ) -> Result<Taken, Cause> {
        let worker = if edge.pool.per_worker { request.worker } else { 0 };
        if edge.pool.per_connection {
            return self.take_any(edge, connections, request, worker, draws, closed);
        }
        let endpoint = self.pick(edge, request, &mut draws).ok_or_else(|| self.nobody(edge))?;
        let place = self.endpoints.place(endpoint);
        let pool = place.0 * self.workers + worker;
        if pool as usize >= self.pools.len() {
            self.pools.resize_with(((place.0 + 1) * self.workers) as usize, Pool::default);
        }
        self.endpoints.started(place);
        if let Some(id) = self.reuse(edge, connections, pool, request, &mut closed) {
            if self.admit(edge, connections, id) {
                return Ok(Taken::Ready(id));
            }
            self.put_back(edge, connections, id);
            return Err(Cause::Overflow);
        }
        if !self.may_wait() {
            self.endpoints.abandoned(place);
            return Err(Cause::Overflow);
        }
        let mut opens = self.pools[pool as usize].wait(request.call, calls_at_once(edge));
        if opens.is_some() && !self.may_open(edge, connections, pool, request.now, closed) {
            self.pools[pool as usize].connected();
            opens = None;
        }
        let opens = opens.map(|call| (self.open(connections, pool, endpoint, place), call));
        Ok(Taken::Pending { pool, endpoint: Some(endpoint), opens })
    }

    /// Takes a connection to whatever endpoint, or opens one to an endpoint that is chosen for it.
    fn take_any(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        request: &Request<'_>,
        pool: u32,
        mut draws: Draws,
        mut closed: impl FnMut(u32),
    ) -> Result<Taken, Cause> {
        if let Some(id) = self.reuse(edge, connections, pool, request, &mut closed) {
            self.endpoints.started(connections[id].place);
            let is_admitted = self.admit(edge, connections, id);
            debug_assert!(is_admitted, "requests on a connection that is forwarded as it is have no limit");
            return Ok(Taken::Ready(id));
        }
        if !self.may_wait() {
            return Err(Cause::Overflow);
        }
        let Some(opens) = self.pools[pool as usize].wait(request.call, calls_at_once(edge)) else {
            return Ok(Taken::Pending { pool, endpoint: None, opens: None });
        };
        // Nobody waits until another connection ends: the connection is refused.
        let may_open = self.may_open(edge, connections, pool, request.now, closed);
        let endpoint = if may_open { self.pick(edge, request, &mut draws) } else { None };
        let Some(endpoint) = endpoint else {
            self.cancel(edge, pool, request.call);
            self.pools[pool as usize].connected();
            return Err(if may_open { self.nobody(edge) } else { Cause::Overflow });
        };
        let place = self.endpoints.place(endpoint);
        // Until it is ready it counts itself, for no call has gone to the endpoint yet.
        self.endpoints.started(place);
        let opens = Some((self.open(connections, pool, endpoint, place), opens));
        Ok(Taken::Pending { pool, endpoint: None, opens })
    }

    fn pick(&mut self, edge: &Edge, request: &Request<'_>, draws: &mut Draws) -> Option<u32> {
        let among = Rotation {
            known: self.known.as_deref(),
            ready: self.ready.as_deref(),
            guard: self.guard.as_ref(),
        };
        self.selector.pick(&edge.targets, &self.endpoints, among, request, draws)
    }

    /// What may be picked.
    pub(super) fn rotation(&self) -> Rotation<'_> {
        Rotation { known: self.known.as_deref(), ready: self.ready.as_deref(), guard: self.guard.as_ref() }
    }

    /// An endpoint could not be connected to.
    pub(super) fn leave_alone(&mut self, edge: &Edge, endpoint: u32) {
        let ready = self.ready.get_or_insert_with(|| Box::new(Available::all(edge.targets.len())));
        ready.remove(endpoint);
    }

    /// Why no endpoint can be picked. Without endpoints, rules of a node refuse connections.
    fn nobody(&self, edge: &Edge) -> Cause {
        match &self.known {
            Some(known) if known.is_empty() && edge.outbound.is_none() => Cause::ConnectFailure,
            Some(known) if known.is_empty() => Cause::NoHealthyEndpoint,
            _ if self.ready.is_some() => Cause::NoHealthyEndpoint,
            _ => Cause::Ejected,
        }
    }

    /// An endpoint that could not be connected to may be tried again.
    pub(super) fn may_try(&mut self, endpoint: u32) {
        if let Some(ready) = &mut self.ready {
            ready.insert(endpoint);
        }
        self.ready.take_if(|ready| ready.is_all());
    }

    /// The pod takes others for the endpoints from now on. What is one anew is a new pod, of which nothing is known.
    pub(super) fn renew(&mut self, edge: &Edge, known: Option<Available>, now: SimTime) {
        let all = Available::all(edge.targets.len());
        let (before, after) = (self.known.as_deref().unwrap_or(&all), known.as_ref().unwrap_or(&all));
        let joined: Vec<u32> =
            before.out().iter().copied().filter(|&endpoint| after.contains(endpoint)).collect();
        for endpoint in joined {
            self.may_try(endpoint);
            self.endpoints.renew(endpoint);
            if let Some(guard) = &mut self.guard {
                guard.renew(endpoint);
            }
            self.selector.joined(endpoint, now);
        }
        if let Some(guard) = &mut self.guard {
            guard.resize(after.len());
        }
        self.known = known.map(Box::new);
    }

    /// Closes all connections, which carry no call; returns the endpoints they led to.
    pub(super) fn close_all(&mut self, connections: &mut Connections, now: SimTime) -> Vec<u32> {
        let mut all = Vec::new();
        for pool in &mut self.pools {
            all.extend(pool.connections.drain(..));
        }
        let endpoints = all.iter().map(|&id| connections[id].endpoint).collect();
        for id in all {
            self.close(connections, id, now);
        }
        endpoints
    }

    /// Takes connections to an endpoint out of their pools, and closes those that carry no call; returns how many. The
    /// others are closed when their calls are over.
    pub(super) fn close_idle(&mut self, connections: &mut Connections, endpoint: u32, now: SimTime) -> u32 {
        let mut idle = Vec::new();
        for pool in &mut self.pools {
            pool.connections.retain(|&mut id| {
                let connection = &mut connections[id];
                if connection.endpoint != endpoint {
                    return true;
                }
                connection.left = 0;
                if connection.streams == 0 {
                    idle.push(id);
                }
                false
            });
        }
        for &id in &idle {
            self.close(connections, id, now);
        }
        idle.len() as u32
    }

    /// Takes connections that were opened before a time out of their pools, of the endpoints that are meant, and closes those
    /// that carry no call; returns where these led to. The others are closed when their calls are over.
    pub(super) fn close_old(
        &mut self,
        connections: &mut Connections,
        since: SimTime,
        now: SimTime,
        is_meant: impl Fn(u32) -> bool,
    ) -> Vec<u32> {
        let mut idle = Vec::new();
        for pool in &mut self.pools {
            pool.connections.retain(|&mut id| {
                let connection = &mut connections[id];
                if connection.opened >= since || !is_meant(connection.endpoint) {
                    return true;
                }
                connection.left = 0;
                if connection.streams == 0 {
                    idle.push(id);
                }
                false
            });
        }
        let endpoints: Vec<u32> = idle.iter().map(|&id| connections[id].endpoint).collect();
        for id in idle {
            self.close(connections, id, now);
        }
        for &endpoint in &endpoints {
            // Tunnels end as well.
            self.endpoints.renew(endpoint);
        }
        endpoints
    }

    pub(super) fn open(
        &mut self,
        connections: &mut Connections,
        pool: u32,
        endpoint: u32,
        place: Place,
    ) -> ConnectionId {
        let mut left = u32::MAX;
        if let Some(usage) = &mut self.usage {
            usage.opened(pool);
            left = usage.bounds.per_connection;
        }
        connections.add(Connection {
            endpoint,
            place,
            server_worker: 0,
            pool,
            streams: 0,
            left,
            idle_since: SimTime::ZERO,
            opened: SimTime::ZERO,
            target: None,
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
                    let end = closed_at(connection);
                    self.close(connections, id, end);
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
                let end = closed_at(connection);
                self.pools[pool as usize].connections.remove(position);
                self.close(connections, id, end);
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
    ) -> Option<Turn> {
        let connection = &mut connections[id];
        if connection.streams == calls_at_once(edge) || connection.left == 0 {
            return None;
        }
        let call = self.pools[connection.pool as usize].next()?;
        connection.streams += 1;
        if edge.pool.per_connection {
            self.endpoints.started(connection.place);
        }
        if let Some(usage) = &mut self.usage {
            usage.stop_waiting();
        }
        if self.admit(edge, connections, id) {
            return Some(Turn::Goes(call));
        }
        connections[id].streams -= 1;
        self.endpoints.abandoned(connections[id].place);
        Some(Turn::Overflows(call))
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
            self.close(connections, id, now);
            return true;
        }
        connection.idle_since = now;
        if edge.pool.keep_alive && (is_idle || edge.pool.streams > 1) && connection.left > 0 {
            self.pools[connection.pool as usize].connections.push(id);
        }
        false
    }

    /// The call, which waits for a connection in this pool, is given up.
    pub(super) fn cancel(&mut self, edge: &Edge, pool: u32, call: CallId) {
        self.pools[pool as usize].cancel(call);
        if let Some(usage) = &mut self.usage {
            usage.stop_waiting();
        }
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
        let is_spent = connection.left == 0 && connection.streams == 0;
        if let Some(usage) = &mut self.usage {
            usage.end();
        }
        if !edge.pool.keep_alive || (edge.pool.streams == 1 && !is_over) || is_spent {
            self.close(connections, id, now);
            return Left::Closed;
        }
        let pool = connection.pool as usize;
        if self.pools[pool].has_pending()
            && let Some(turn) = self.next_call(edge, connections, id)
        {
            return Left::To(turn);
        }
        if edge.pool.streams == 1 {
            self.pools[pool].connections.push(id);
        }
        Left::Kept
    }
}

/// Calls that a connection takes at once.
pub(super) fn calls_at_once(edge: &Edge) -> u32 {
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

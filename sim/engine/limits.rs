//! A view's limits: what of them a call needs, and what a connection that closes gives back.

use crate::program::Edge;
use crate::units::{SimTime, Span};

use super::Engine;
use super::call::{CallId, Progress};
use super::connection::{ConnectionId, Connections};
use super::view::{View, calls_at_once};

impl View {
    /// Whether one more call may wait for a connection.
    pub(super) fn may_wait(&mut self) -> bool {
        self.usage.as_mut().is_none_or(|usage| usage.wait())
    }

    /// Whether the call that has just taken a place on a connection may go out on it. One that has taken all that it may
    /// carry takes no more.
    #[inline]
    pub(super) fn admit(&mut self, edge: &Edge, connections: &mut Connections, id: ConnectionId) -> bool {
        let Some(usage) = &mut self.usage else { return true };
        if !usage.begin() {
            return false;
        }
        let connection = &mut connections[id];
        if connection.left != u32::MAX {
            connection.left -= 1;
            if connection.left == 0 && edge.pool.streams > 1 {
                self.pools[connection.pool as usize].connections.retain(|other| *other != id);
            }
        }
        true
    }

    /// The call that has just taken a place on a connection may not go out on it.
    pub(super) fn put_back(&mut self, edge: &Edge, connections: &mut Connections, id: ConnectionId) {
        let connection = &mut connections[id];
        connection.streams -= 1;
        self.endpoints.abandoned(connection.place);
        if edge.pool.streams == 1 {
            self.pools[connection.pool as usize].connections.push(id);
        }
    }

    /// Whether a pool may open a connection; `closed` is told of each that was closed for it had been idle for too long.
    pub(super) fn may_open(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        pool: u32,
        now: SimTime,
        closed: impl FnMut(u32),
    ) -> bool {
        if self.usage.as_ref().is_none_or(|usage| usage.may_open(pool)) {
            return true;
        }
        self.close_unused(edge, connections, now, closed);
        self.usage.as_ref().is_none_or(|usage| usage.may_open(pool))
    }

    /// Closes what has been idle for too long, in all pools.
    fn close_unused(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        now: SimTime,
        mut closed: impl FnMut(u32),
    ) {
        let timeout = Span::from_nanos(edge.pool.idle_timeout);
        let Some(usage) = self.usage.as_mut().filter(|usage| usage.look_again <= now) else { return };
        let mut next = now + timeout;
        let mut unused = Vec::new();
        for pool in &mut self.pools {
            pool.connections.retain(|&mut id| {
                let connection = &connections[id];
                let end = connection.idle_since + timeout;
                let is_kept = connection.streams > 0 || end >= now;
                if !is_kept {
                    unused.push((id, end));
                } else if connection.streams == 0 {
                    next = next.min(end);
                }
                is_kept
            });
        }
        usage.look_again = next;
        for (id, end) in unused {
            closed(connections[id].endpoint);
            self.close(connections, id, end);
        }
    }

    /// A connection is closed, which is in no pool any more.
    pub(super) fn close(&mut self, connections: &mut Connections, id: ConnectionId, at: SimTime) {
        let connection = &connections[id];
        self.endpoints.close_stream(connection.place, at);
        if let Some(usage) = &mut self.usage {
            usage.closed(connection.pool);
        }
        connections.remove(id);
    }

    /// After a connection of a pool is closed: another one to the same endpoint, which the caller opens, if calls wait
    /// for it and the limit leaves room; and the call for which it is in the first place.
    pub(super) fn open_instead(
        &mut self,
        edge: &Edge,
        connections: &mut Connections,
        pool: u32,
        endpoint: u32,
    ) -> Option<(ConnectionId, CallId)> {
        if !self.usage.as_ref()?.may_open(pool) {
            return None;
        }
        let call = self.pools[pool as usize].wants(calls_at_once(edge))?;
        let place = self.endpoints.place(endpoint);
        if edge.pool.per_connection {
            // Until it is ready it counts itself, for no call has gone to the endpoint yet.
            self.endpoints.started(place);
        }
        Some((self.open(connections, pool, endpoint, place), call))
    }

    /// A connection that is being opened has taken too long: its pool does not count on it any more.
    pub(super) fn give_up(&mut self, edge: &Edge, connections: &Connections, id: ConnectionId) {
        let connection = &connections[id];
        if edge.pool.per_connection {
            self.endpoints.abandoned(connection.place);
        }
        self.pools[connection.pool as usize].connected();
        if let Some(usage) = &mut self.usage {
            usage.closed(connection.pool);
        }
    }

    /// The handshake of a connection that was given up is over, and so is that of the tunnel if this one opened it.
    pub(super) fn bury(&mut self, connections: &mut Connections, id: ConnectionId, now: SimTime) {
        let place = connections[id].place;
        self.endpoints.tunnel_opened(place, id);
        self.endpoints.close_stream(place, now);
        connections.remove(id);
    }

    /// Calls that wait in a pool.
    pub(super) fn pending(&self, pool: u32) -> usize {
        self.pools[pool as usize].pending()
    }

    /// The call that has waited longest in a pool; it waits no longer.
    pub(super) fn turn_away(&mut self, edge: &Edge, pool: u32) -> Option<CallId> {
        let call = self.pools[pool as usize].first()?;
        self.cancel(edge, pool, call);
        Some(call)
    }
}

impl Engine<'_> {
    /// What is used of limits is used by calls in flight.
    pub(super) fn check_limits(&self) {
        let used = self.views.iter().flatten().filter_map(|view| view.usage.as_ref());
        let [pending, requests] =
            used.map(|usage| usage.calls()).fold([0; 2], |[a, b], [c, d]| [a + c, b + d]);
        let in_flight = |progress: Progress| {
            let bounds = |edge| self.program.edges[edge].resilience.as_ref().and_then(|of| of.bounds);
            let calls =
                self.calls.iter().filter(|call| call.progress == progress && bounds(call.edge).is_some());
            calls.count() as u32
        };
        assert_eq!(pending, in_flight(Progress::Connecting), "calls that wait for connections are conserved");
        assert_eq!(requests, in_flight(Progress::Sent), "calls on connections are conserved");
    }
}

//! What a pod knows of the endpoints of one of its edges: calls under way, response times, tunnels.
//!
//! Where endpoints are few there is a row for each. Where they are many there is one only for those that were called:
//! some services have thousands of pods, each of which calls few of another service's thousands.

use rustc_hash::FxHashMap;

use crate::policy::balance::{EndpointLoad, Loads, looks_at_loads};
use crate::program::{Edge, Tunnel};
use crate::units::{SimTime, Span};

use super::connection::ConnectionId;

/// Up to so many endpoints each has a row from the start.
const FEW: u32 = 16;

/// Where what is known of an endpoint stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(pub(super) u32);

/// What is known of the endpoints of an edge.
#[derive(Debug)]
pub(super) struct Endpoints {
    count: u32,
    /// Rows by endpoint; `None` where the row's number is the endpoint's.
    rows: Option<FxHashMap<u32, Place>>,
    /// Empty where nobody looks at loads.
    loads: Vec<EndpointLoad>,
    /// Of an endpoint without a row.
    unknown: EndpointLoad,
    looks_at_loads: bool,
    /// Empty where connections go through no tunnels.
    tunnels: Vec<Tunnels>,
    has_tunnels: bool,
}

/// Tunnels to one endpoint, and the connections in them.
#[derive(Clone, Copy, Debug, Default)]
struct Tunnels {
    open: u32,
    streams: u32,
    idle_since: SimTime,
    /// The connection that opens the last of them, until it is ready.
    opener: Option<ConnectionId>,
}

/// The tunnel of a new connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stream {
    /// Is open.
    Ready,
    /// Is being opened by that connection.
    Opening(ConnectionId),
    /// Has to be opened.
    New,
}

impl Endpoints {
    pub(super) fn new(edge: &Edge, now: SimTime) -> Self {
        let count = edge.targets.len();
        let (assumed, decay) = edge.ewma;
        let unknown = EndpointLoad::new(edge.policy, assumed, decay, now);
        let has_tunnels = edge.pool.tunnel.is_some();
        let looks_at_loads = looks_at_loads(edge.policy);
        let is_kept = looks_at_loads || has_tunnels || !edge.pool.per_connection;
        Self::with(count, count > FEW && is_kept, unknown, looks_at_loads, has_tunnels)
    }

    fn with(
        count: u32,
        are_many: bool,
        unknown: EndpointLoad,
        looks_at_loads: bool,
        has_tunnels: bool,
    ) -> Self {
        let first = |kept: bool| if kept && !are_many { count as usize } else { 0 };
        let loads = vec![unknown; first(looks_at_loads)];
        let tunnels = vec![Tunnels::default(); first(has_tunnels)];
        let rows = are_many.then(FxHashMap::default);
        Self { count, rows, loads, unknown, looks_at_loads, tunnels, has_tunnels }
    }

    /// Rows that there are from the start.
    pub(super) fn places(&self) -> usize {
        if self.rows.is_some() { 0 } else { self.count as usize }
    }

    /// The row of an endpoint, a new one if it has none.
    #[inline]
    pub(super) fn place(&mut self, endpoint: u32) -> Place {
        let Some(rows) = &mut self.rows else { return Place(endpoint) };
        let next = Place(rows.len() as u32);
        let place = *rows.entry(endpoint).or_insert(next);
        if place == next {
            if self.looks_at_loads {
                self.loads.push(self.unknown);
            }
            if self.has_tunnels {
                self.tunnels.push(Tunnels::default());
            }
        }
        place
    }

    /// The endpoint is a new pod, of which nothing is known.
    pub(super) fn renew(&mut self, endpoint: u32) {
        let row = match &self.rows {
            None => endpoint,
            Some(rows) => match rows.get(&endpoint) {
                Some(place) => place.0,
                None => return,
            },
        };
        // Calls that are on their way to what was there before still count.
        if let Some(load) = self.loads.get_mut(row as usize).filter(|load| load.active == 0) {
            *load = self.unknown;
        }
        if let Some(tunnels) = self.tunnels.get_mut(row as usize).filter(|tunnels| tunnels.streams == 0) {
            *tunnels = Tunnels::default();
        }
    }

    /// A call goes to the endpoint.
    #[inline]
    pub(super) fn started(&mut self, place: Place) {
        if let Some(load) = self.loads.get_mut(place.0 as usize) {
            load.started();
        }
    }

    /// A call is over.
    #[inline]
    pub(super) fn finished(&mut self, place: Place, response_time: Span, now: SimTime) {
        if let Some(load) = self.loads.get_mut(place.0 as usize) {
            load.finished(response_time, now);
        }
    }

    /// What counted as a call under way goes no further.
    pub(super) fn abandoned(&mut self, place: Place) {
        if let Some(load) = self.loads.get_mut(place.0 as usize) {
            load.abandoned();
        }
    }

    /// A new connection to the endpoint goes through a tunnel.
    pub(super) fn open_stream(
        &mut self,
        tunnel: Tunnel,
        place: Place,
        connection: ConnectionId,
        now: SimTime,
    ) -> Stream {
        let tunnels = &mut self.tunnels[place.0 as usize];
        if tunnels.streams == 0 && now.since(tunnels.idle_since).nanos() > tunnel.idle_timeout {
            tunnels.open = 0;
        }
        tunnels.streams += 1;
        if tunnels.streams > tunnels.open * tunnel.streams {
            tunnels.open += 1;
            tunnels.opener = Some(connection);
            return Stream::New;
        }
        tunnels.opener.map_or(Stream::Ready, Stream::Opening)
    }

    /// A connection to the endpoint is ready, and so is the tunnel if this connection opened it.
    pub(super) fn tunnel_opened(&mut self, place: Place, connection: ConnectionId) {
        if let Some(tunnels) = self.tunnels.get_mut(place.0 as usize)
            && tunnels.opener == Some(connection)
        {
            tunnels.opener = None;
        }
    }

    /// A connection through a tunnel, if it is one, is closed.
    pub(super) fn close_stream(&mut self, place: Place, now: SimTime) {
        if let Some(tunnels) = self.tunnels.get_mut(place.0 as usize) {
            tunnels.streams = tunnels.streams.saturating_sub(1);
            tunnels.idle_since = tunnels.idle_since.max(now);
        }
    }
}

impl Loads for Endpoints {
    #[inline]
    fn endpoints(&self) -> u32 {
        self.count
    }

    #[inline]
    fn of(&self, endpoint: u32) -> &EndpointLoad {
        let row = match &self.rows {
            None => endpoint,
            Some(rows) => match rows.get(&endpoint) {
                Some(place) => place.0,
                None => return &self.unknown,
            },
        };
        &self.loads[row as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::BalancingPolicy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_of_those_called_know_what_rows_of_all_know(calls in prop::collection::vec((0_u32..40, 1_u64..1000, any::<bool>()), 1..100)) {
            let policy = BalancingPolicy::PeakEwma;
            let unknown = EndpointLoad::new(policy, Span::from_millis(30), Span::from_seconds(10), SimTime::ZERO);
            let [mut few, mut many] =
                [false, true].map(|are_many| Endpoints::with(40, are_many, unknown, true, true));
            let tunnel = Tunnel { streams: 2, stream_legs: 2, idle_timeout: 500 };
            let mut now = SimTime::ZERO;
            for (endpoint, gap, is_over) in calls {
                now += Span::from_nanos(gap);
                let places = [few.place(endpoint), many.place(endpoint)];
                few.started(places[0]);
                many.started(places[1]);
                prop_assert_eq!(
                    few.open_stream(tunnel, places[0], ConnectionId(0), now),
                    many.open_stream(tunnel, places[1], ConnectionId(0), now)
                );
                if is_over {
                    for (all, place) in [(&mut few, places[0]), (&mut many, places[1])] {
                        all.finished(place, Span::from_nanos(gap), now);
                        all.close_stream(place, now);
                    }
                }
                prop_assert!((0..40).all(|endpoint| few.of(endpoint) == many.of(endpoint)));
            }
        }
    }
}

//! Connections between pods, and what opening one takes.

use crate::kernel::rng::Key;
use crate::kernel::timer::TimerId;
use crate::program::{EdgeIdx, PodIdx};
use crate::units::SimTime;
use crate::vocabulary::failure::Cause;

use super::endpoints::Place;
use super::links::Drawn;

/// A connection between two pods; reused once it is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// A connection between two pods.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) endpoint: u32,
    /// Where the view keeps what it knows of the endpoint.
    pub(super) place: Place,
    /// Worker of the accepting proxy it belongs to.
    pub(super) server_worker: u32,
    /// The view's pool it belongs to.
    pub(super) pool: u32,
    /// Requests on it.
    pub(super) streams: u32,
    /// Requests that it may still take; the greatest number is any.
    pub(super) left: u32,
    pub(super) idle_since: SimTime,
    /// When somebody began to open it.
    pub(super) opened: SimTime,
    /// Which of its route's targets a waypoint sends its calls to, where that is drawn for all of them.
    pub(super) target: Option<Drawn>,
    /// How it is opened, until it is ready.
    pub(super) opening: Option<Box<Opening>>,
}

/// How a connection is opened. It belongs to no call: the one for which it was begun may go out on another connection,
/// or be given up, and the handshake goes on.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) edge: EdgeIdx,
    pub(super) ends: [PodIdx; 2],
    /// Worker of the calling proxy it belongs to.
    pub(super) worker: u32,
    /// Where its draws are addressed: at the call for which it was begun.
    pub(super) key: Key,
    pub(super) path: u64,
    pub(super) hop: u32,
    /// The connecting end is a client outside of the cluster.
    pub(super) from_outside: bool,
    pub(super) handshake: Handshake,
    /// When it is given up.
    pub(super) timer: Option<TimerId>,
    /// It took too long: the handshake goes on, but nobody wants the connection any more.
    pub(super) is_given_up: bool,
    /// Why it does not come to be, once that is sure: the handshake goes on to its end.
    pub(super) refused: Option<Cause>,
    /// The other end is lost, and says nothing.
    pub(super) is_unanswered: bool,
    /// Connections in the tunnel that this one opens.
    pub(super) followers: Vec<ConnectionId>,
}

/// What it takes to open a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Handshake {
    /// Half round trips.
    pub(super) legs: u32,
    /// The two proxies exchange keys, which takes CPU.
    pub(super) encrypts: bool,
}

/// All open connections of the run.
#[derive(Debug, Default)]
pub(super) struct Connections {
    places: Vec<Connection>,
    free: Vec<u32>,
}

impl Connections {
    pub(super) fn add(&mut self, connection: Connection) -> ConnectionId {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = connection;
            return ConnectionId(place);
        }
        self.places.push(connection);
        ConnectionId((self.places.len() - 1) as u32)
    }

    /// Those that are being opened.
    pub(super) fn opening(&self) -> Vec<ConnectionId> {
        let all = (0..).zip(&self.places).filter(|(_, connection)| connection.opening.is_some());
        all.map(|(place, _)| ConnectionId(place)).collect()
    }

    /// Nothing refers to the connection any more.
    pub(super) fn remove(&mut self, id: ConnectionId) {
        self.free.push(id.0);
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

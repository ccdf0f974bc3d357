//! Calls in flight: one object for a call and for what the callee does about it.

use crate::kernel::rng::Key;
use crate::kernel::timer::TimerId;
use crate::mesh::scenario::{OperationIdx, SourceIdx};
use crate::metrics::record::PARTS;
use crate::program::route::RuleIdx;
use crate::program::{CodeIdx, EdgeIdx, PodIdx, Site, SiteIdx};
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::Status;

use super::attempt::Tries;
use super::connection::ConnectionId;
use super::links::{LinkId, NO_LINK};

/// A call in flight; reused once it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// What a piece of response time was spent on; positions in [`PARTS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Application,
    Queueing,
    Outbound,
    Waypoint,
    Inbound,
    Handshake,
    Network,
    Abandoned,
}

/// Nanoseconds by [`Part`]. Along the path that determined the response time: of parallel calls the last one counts.
pub(super) type Parts = [u64; PARTS.len()];

/// Who waits for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waiter {
    /// The script of another call.
    Script(CallId),
    /// The call from which a waypoint has taken it.
    Relay(CallId),
    /// The call that this one tries to make.
    Attempt(CallId),
    /// The user or paced connection of the call's source; `u32::MAX` is an open source's.
    User(u32),
    /// Nobody any more: the caller gave up.
    Nobody,
}

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// It waits for a connection of the application, or has not reached the gateway.
    Waiting,
    /// The calling proxy has it.
    Outbound,
    /// The calling proxy makes it wait.
    Held,
    /// The calling proxy tries to make it: another call, its attempt, is under way.
    Trying,
    /// It waits until the proxy may call any endpoint.
    Queued,
    /// It is pending in a pool: no connection to an endpoint is ready.
    Connecting,
    /// It has a connection to the endpoint, and is on its way there, there, or on its way back.
    Sent,
    /// Its response is in the calling pod.
    Back,
    /// The caller gave it up; what was set in motion goes on.
    GivenUp,
}

/// A call from the moment it is made until its response has arrived and nothing refers to it.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) waiter: Waiter,
    /// Where the request came from.
    pub(super) source: SourceIdx,
    pub(super) site: SiteIdx,
    /// Which way it goes: the site's edge, or that of the backend chosen for it.
    pub(super) edge: EdgeIdx,
    /// What is asked for.
    pub(super) operation: OperationIdx,
    /// What the callee does about it, once it is there.
    pub(super) code: CodeIdx,
    /// The rule that it takes, where its site has a route.
    pub(super) rule: RuleIdx,
    pub(super) key: Key,
    /// Address of its draws: the static places on the way from the source, with repetitions and attempts.
    pub(super) path: u64,
    /// The same without attempts: the address of what they have in common, as sizes.
    pub(super) place: u64,
    /// How often this was tried before: by the application, or, of an attempt, by its proxy.
    pub(super) attempt: u32,
    /// How often it was sent, its attempts included.
    pub(super) sends: u32,
    /// Made by a source, not by a script.
    pub(super) entry: bool,
    /// Hops before the callee: 1 on the way to a waypoint, else 0. Tells the draws of the two hops apart.
    pub(super) hop: u32,
    /// Counts towards the results.
    pub(super) measured: bool,
    /// Failed at the callee or on the way.
    pub(super) failed: bool,
    /// Why, wherever in the call tree that was, and what the caller is told.
    pub(super) failure: Failure,
    /// Made by a waypoint.
    pub(super) at_waypoint: bool,
    /// A copy that nobody waits for.
    pub(super) mirrored: bool,
    /// At the instance: it has arrived there, and its response has not left.
    pub(super) visiting: bool,
    /// Its response has left the called pod.
    pub(super) has_left: bool,
    /// It or its answer was lost with a node: nothing more happens to it unless it is given up.
    pub(super) has_vanished: bool,
    pub(super) caller: PodIdx,
    pub(super) callee: PodIdx,
    /// Where it goes, once that is chosen.
    pub(super) endpoint: u32,
    pub(super) connection: ConnectionId,
    /// The pool of connections to endpoints in which it waits for one.
    pub(super) pool: u32,
    pub(super) progress: Progress,
    /// The application's connection.
    pub(super) link: LinkId,
    /// Worker of the calling proxy that the application's connection belongs to.
    pub(super) worker: u32,
    /// Worker of the called proxy that the connection belongs to.
    pub(super) server_worker: u32,
    /// Bytes of the message under way: the request's, then the response's.
    pub(super) payload: u64,
    /// When the call was made (for a source: when it was meant to be).
    pub(super) started: SimTime,
    /// Start of the stage being waited in.
    pub(super) since: SimTime,
    /// When the calling proxy took it up.
    pub(super) begun: SimTime,
    /// When it was sent to the endpoint.
    pub(super) sent: SimTime,
    /// When it reached the called pod.
    pub(super) reached: SimTime,
    /// When it reached the instance.
    pub(super) served: SimTime,
    pub(super) parts: Parts,
    /// Time of this call alone in proxies and handshakes, nested calls apart.
    pub(super) proxy_time: u64,
    /// The part of it in the calling proxy.
    pub(super) outbound_time: u64,
    /// Script position.
    pub(super) step: u32,
    pub(super) repetition: u32,
    /// Actions of the step that have not ended.
    pub(super) pending: u32,
    pub(super) timer: Option<TimerId>,
    /// Where its proxy holds it or tries it more than once.
    pub(super) tries: Option<Box<Tries>>,
    /// What was spent on the application's earlier attempts.
    pub(super) before: Option<Box<Parts>>,
    /// Next free place when this one is unused.
    next_free: u32,
}

impl Call {
    pub(super) fn new(
        waiter: Waiter,
        source: SourceIdx,
        (index, site): (SiteIdx, &Site),
        key: Key,
        path: u64,
        caller: PodIdx,
        now: SimTime,
    ) -> Self {
        Self {
            waiter,
            source,
            site: index,
            edge: site.edge,
            operation: site.operation,
            code: CodeIdx(u32::MAX),
            rule: RuleIdx(0),
            key,
            path,
            place: path,
            attempt: 0,
            sends: 0,
            entry: false,
            hop: 0,
            measured: false,
            failed: false,
            failure: NO_FAILURE,
            at_waypoint: false,
            mirrored: false,
            visiting: false,
            has_left: false,
            has_vanished: false,
            caller,
            callee: caller,
            endpoint: NO_ENDPOINT,
            connection: ConnectionId::NONE,
            pool: 0,
            progress: Progress::Waiting,
            link: NO_LINK,
            worker: 0,
            server_worker: 0,
            payload: 0,
            started: now,
            since: now,
            begun: now,
            sent: now,
            reached: now,
            served: now,
            parts: [0; PARTS.len()],
            proxy_time: 0,
            outbound_time: 0,
            step: 0,
            repetition: 0,
            pending: 0,
            timer: None,
            tries: None,
            before: None,
            next_free: LIVE,
        }
    }

    /// Whether a user, and no script, waits for it.
    pub(super) const fn is_awaited_by_user(&self) -> bool {
        matches!(self.waiter, Waiter::User(_))
    }

    /// It fails, for the first time.
    pub(super) fn fail(&mut self, failure: Failure) {
        if !self.failed {
            (self.failed, self.failure) = (true, failure);
        }
    }

    /// Made by the calling proxy as a try of another call.
    pub(super) fn is_attempt(&self) -> bool {
        matches!(self.waiter, Waiter::Attempt(_))
    }

    #[inline]
    pub(super) fn spend(&mut self, part: Part, span: Span) {
        self.parts[part as usize] += span.nanos();
    }

    /// Made by a waypoint that passes another call on.
    pub(super) fn is_relayed(&self) -> bool {
        matches!(self.waiter, Waiter::Relay(_))
    }

    /// What follows happened after the parts of `other`, which ended last.
    pub(super) fn absorb(&mut self, other: &Parts) {
        for (mine, theirs) in self.parts.iter_mut().zip(other) {
            *mine += theirs;
        }
    }
}

/// No endpoint.
pub(super) const NO_ENDPOINT: u32 = u32::MAX;

const NONE: u32 = u32::MAX;

/// In the place of the next free one: this one is used.
const LIVE: u32 = u32::MAX - 1;

/// Of a call that has not failed.
const NO_FAILURE: Failure = Failure::answered(Cause::Application, Status::Http(500));

/// The calls in flight.
#[derive(Debug)]
pub(super) struct Calls {
    places: Vec<Call>,
    first_free: u32,
    live: usize,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), first_free: NONE, live: 0 }
    }

    #[inline]
    pub(super) fn insert(&mut self, call: Call) -> CallId {
        self.live += 1;
        if self.first_free == NONE {
            self.places.push(call);
            return CallId((self.places.len() - 1) as u32);
        }
        let place = self.first_free;
        let slot = &mut self.places[place as usize];
        self.first_free = slot.next_free;
        *slot = call;
        CallId(place)
    }

    #[inline]
    pub(super) fn remove(&mut self, id: CallId) {
        self.live -= 1;
        self.places[id.0 as usize].next_free = self.first_free;
        self.first_free = id.0;
    }

    /// The calls in flight, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.places.iter().filter(|call| call.next_free == LIVE)
    }

    /// Their places.
    pub(super) fn ids(&self) -> Vec<CallId> {
        let all = (0..).zip(&self.places).filter(|(_, call)| call.next_free == LIVE);
        all.map(|(place, _)| CallId(place)).collect()
    }

    /// Whether a call is in this place.
    pub(super) fn is_live(&self, id: CallId) -> bool {
        self.places[id.0 as usize].next_free == LIVE
    }

    /// Calls in flight.
    pub(super) fn live(&self) -> usize {
        self.live
    }
}

impl std::ops::Index<CallId> for Calls {
    type Output = Call;
    #[inline]
    fn index(&self, id: CallId) -> &Call {
        &self.places[id.0 as usize]
    }
}

impl std::ops::IndexMut<CallId> for Calls {
    #[inline]
    fn index_mut(&mut self, id: CallId) -> &mut Call {
        &mut self.places[id.0 as usize]
    }
}

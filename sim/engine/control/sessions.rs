//! Which proxy is connected to which instance of the control plane, and how it comes to be.
//!
//! A proxy that wants a connection is sent to any instance that takes some, with equal chance; the instance lets so many in
//! a second and refuses who would wait too long. A connection ends with its age, or with its instance; then the proxy
//! waits a while, keeps what it has, and tries again. Nobody is moved to even out.

use crate::index::IndexVec;
use crate::kernel::Schedule;
use crate::kernel::rng::{Draws, Key};
use crate::metrics::record::SessionCounts;
use crate::policy::push::connect::{Reconnect, Spread};
use crate::program::control::{Control as Setup, SubscriberIdx};

use super::{Control, Event, Shared, draw};

/// All connections.
#[derive(Debug)]
pub(super) struct Sessions {
    spread: Spread,
    all: IndexVec<SubscriberIdx, Session>,
    open: u32,
    counts: SessionCounts,
}

/// The connection of one proxy.
#[derive(Clone, Copy, Debug)]
struct Session {
    place: Place,
    /// Tells what happens next from what would have happened.
    number: u32,
    reconnect: Reconnect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// There is no proxy, or it wants none.
    Away,
    /// It waits before it tries again.
    Pausing,
    /// An instance is about to let it in.
    Waiting,
    Open,
}

/// Why a connection is there no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The instance has ended it in order.
    Ended,
    /// It could not be had, or broke.
    Failed,
}

/// What random numbers of a connection are for.
#[derive(Clone, Copy, Debug)]
enum Draw {
    Instance = 0,
    Age = 1,
    Pause = 2,
}

impl Sessions {
    /// Nobody connected, no instance.
    pub(super) fn new(setup: &Setup) -> Self {
        let session = |subscriber: &crate::program::control::Subscriber| Session {
            place: Place::Away,
            number: 0,
            reconnect: setup.audiences[subscriber.audience].reconnect,
        };
        Self {
            spread: Spread::new(0),
            all: setup.subscribers.iter().map(session).collect(),
            open: 0,
            counts: SessionCounts::default(),
        }
    }

    /// The instance that a proxy is connected to.
    pub(super) fn instance(&self, subscriber: SubscriberIdx) -> Option<u32> {
        let is_open = self.all[subscriber].place == Place::Open;
        self.spread.replica(subscriber.0).filter(|_| is_open)
    }

    pub(super) fn is_client(&self, subscriber: SubscriberIdx, instance: u32) -> bool {
        self.instance(subscriber) == Some(instance)
    }

    /// Proxies that are connected, or about to be, to an instance.
    pub(super) fn connections(&self, instance: u32) -> u32 {
        self.spread.connections(instance)
    }

    /// Proxies that are connected to any.
    pub(super) const fn open(&self) -> u32 {
        self.open
    }

    pub(super) const fn counts(&self) -> SessionCounts {
        self.counts
    }

    /// An instance takes connections from here on.
    pub(super) fn add(&mut self, instance: u32) {
        self.spread.add(instance);
    }

    /// A proxy has what it asked for: what failed before is forgotten.
    pub(super) fn has_heard(&mut self, subscriber: SubscriberIdx) {
        self.all[subscriber].reconnect.connected();
    }

    fn set(&mut self, subscriber: SubscriberIdx, place: Place) -> u32 {
        let session = &mut self.all[subscriber];
        self.open -= u32::from(session.place == Place::Open);
        self.open += u32::from(place == Place::Open);
        (session.place, session.number) = (place, session.number + 1);
        session.number
    }

    /// Whoever is connected, or about to be, is so to an instance that is there; and others are not.
    pub(super) fn check(&self, is_running: impl Fn(u32) -> bool) {
        let mut open = 0;
        for (subscriber, session) in self.all.iter_enumerated() {
            let instance = self.spread.replica(subscriber.0);
            let is_connected = matches!(session.place, Place::Waiting | Place::Open);
            assert_eq!(instance.is_some(), is_connected, "a connection leads to an instance");
            assert!(instance.is_none_or(&is_running), "an instance that is gone has no connections");
            open += u32::from(session.place == Place::Open);
        }
        assert_eq!(open, self.open, "connections are conserved");
    }
}

impl Shared<'_> {
    fn session_draws(&self, subscriber: SubscriberIdx, draw: Draw) -> Draws {
        let identity = self.setup.subscribers[subscriber].identity;
        let key = Key::new(&[self.program.seed, u64::from(self.replication), identity]);
        key.draws(draw::SESSION, draw as u64, self.sessions.all[subscriber].number, 0)
    }

    /// A proxy that is there when the run begins is connected by then.
    pub(super) fn connect_at_start(&mut self, subscriber: SubscriberIdx) {
        let mut draws = self.session_draws(subscriber, Draw::Instance);
        if self.sessions.spread.connect(subscriber.0, &mut draws).is_some() {
            self.sessions.set(subscriber, Place::Open);
        }
    }

    /// A connection ends at its age, if the run lasts as long.
    fn end_with_age(&mut self, subscriber: SubscriberIdx, schedule: &mut Schedule<Event>) {
        let Some(instance) = &self.setup.instance else { return };
        let mut draws = self.session_draws(subscriber, Draw::Age);
        let end = instance.age.end(schedule.now(), &mut draws) + instance.age.grace;
        if end < self.program.drain_limit {
            schedule.at(end, Event::Session { subscriber, number: self.sessions.all[subscriber].number });
        }
    }

    /// A proxy without a connection waits before it tries again.
    fn pause(&mut self, subscriber: SubscriberIdx, ending: Ending, schedule: &mut Schedule<Event>) {
        let mut draws = self.session_draws(subscriber, Draw::Pause);
        let reconnect = &mut self.sessions.all[subscriber].reconnect;
        let pause = match ending {
            Ending::Ended => reconnect.ended(&mut draws),
            Ending::Failed => reconnect.failed(&mut draws),
        };
        let number = self.sessions.set(subscriber, Place::Pausing);
        schedule.after(pause, Event::Session { subscriber, number });
    }

    /// All proxies of an instance that takes no connections any more lose theirs. They are added to `lost`, as far as they
    /// were let in.
    pub(super) fn lose_instance(
        &mut self,
        instance: u32,
        ending: Ending,
        lost: &mut Vec<SubscriberIdx>,
        schedule: &mut Schedule<Event>,
    ) {
        let mut all = Vec::new();
        self.sessions.spread.kill(instance, &mut all);
        let is_measured = self.program.window.contains(schedule.now());
        for subscriber in all.into_iter().map(SubscriberIdx) {
            if self.sessions.all[subscriber].place == Place::Open {
                lost.push(subscriber);
                self.sessions.counts.lost += u64::from(is_measured);
            }
            self.pause(subscriber, ending, schedule);
        }
    }
}

impl Control<'_> {
    /// Connections of the start end with their age.
    pub(super) fn start_sessions(&mut self, schedule: &mut Schedule<Event>) {
        for subscriber in self.shared.sessions.all.indexes() {
            if self.shared.sessions.all[subscriber].place == Place::Open {
                self.shared.end_with_age(subscriber, schedule);
            }
        }
    }

    /// The next thing happens to a proxy's connection, unless something came between.
    pub(super) fn session(&mut self, subscriber: SubscriberIdx, number: u32, schedule: &mut Schedule<Event>) {
        let session = self.shared.sessions.all[subscriber];
        if session.number != number {
            return;
        }
        match session.place {
            Place::Away => {}
            Place::Pausing => self.try_session(subscriber, schedule),
            Place::Waiting => self.open_session(subscriber, schedule),
            Place::Open => {
                let is_measured = self.shared.program.window.contains(schedule.now());
                self.shared.sessions.counts.aged += u64::from(is_measured);
                self.close_session(subscriber, schedule);
                self.shared.pause(subscriber, Ending::Ended, schedule);
            }
        }
    }

    /// A proxy wants to be connected.
    pub(super) fn try_session(&mut self, subscriber: SubscriberIdx, schedule: &mut Schedule<Event>) {
        let (now, shared) = (schedule.now(), &mut self.shared);
        let mut draws = shared.session_draws(subscriber, Draw::Instance);
        let Some(instance) = shared.sessions.spread.connect(subscriber.0, &mut draws) else {
            return shared.pause(subscriber, Ending::Failed, schedule);
        };
        let Some(turn) = self.plane.admit(instance, now) else {
            shared.sessions.spread.disconnect(subscriber.0);
            shared.sessions.counts.refused += u64::from(shared.program.window.contains(now));
            return shared.pause(subscriber, Ending::Failed, schedule);
        };
        let number = shared.sessions.set(subscriber, Place::Waiting);
        if turn == now {
            return self.open_session(subscriber, schedule);
        }
        schedule.at(turn, Event::Session { subscriber, number });
    }

    fn open_session(&mut self, subscriber: SubscriberIdx, schedule: &mut Schedule<Event>) {
        let shared = &mut self.shared;
        shared.sessions.set(subscriber, Place::Open);
        shared.sessions.counts.connected += u64::from(shared.program.window.contains(schedule.now()));
        shared.end_with_age(subscriber, schedule);
        if let Some(instance) = shared.sessions.instance(subscriber) {
            self.plane.connect(instance, subscriber, shared, schedule);
            self.look_at_memory(instance, schedule);
        }
    }

    /// A proxy is connected no longer, wherever it was in that.
    fn close_session(&mut self, subscriber: SubscriberIdx, schedule: &mut Schedule<Event>) {
        let shared = &mut self.shared;
        let was_open = shared.sessions.all[subscriber].place == Place::Open;
        let instance = shared.sessions.spread.disconnect(subscriber.0);
        shared.sessions.set(subscriber, Place::Away);
        if let Some(instance) = instance.filter(|_| was_open) {
            self.plane.disconnect(instance, subscriber, shared, schedule);
        }
    }

    /// A proxy is gone.
    pub(super) fn end_session(&mut self, subscriber: SubscriberIdx, schedule: &mut Schedule<Event>) {
        self.close_session(subscriber, schedule);
        let audience = self.shared.setup.subscribers[subscriber].audience;
        self.shared.sessions.all[subscriber].reconnect = self.shared.setup.audiences[audience].reconnect;
    }
}

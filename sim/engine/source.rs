//! Where requests come from: open arrivals, closed users, paced connections; and what becomes of their answers.

use crate::index::Idx;
use crate::kernel::Uniform;
use crate::kernel::rng::{Key, Stream};
use crate::mesh::scenario::{Arrivals, HeaderValues, SourceIdx};
use crate::policy::arrival::{OpenArrivals, Pacer};
use crate::program::{HashInput, PodIdx, Program, Source};
use crate::units::{SimTime, Span};

use super::call::{Call, CallId, Part, Waiter};
use super::hop::LEG_OUTSIDE_REQUEST;
use super::occupancy::Occupancy;
use super::{Engine, Event, draw};

/// What a source is up to.
#[derive(Debug)]
pub(super) struct SourceState {
    kind: Kind,
    /// Requests sent and answered.
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// Requests in flight, each from when it was meant to be sent.
    pub(super) in_flight: Occupancy,
    /// Measured requests without an answer.
    pub(super) unanswered: u64,
}

#[derive(Debug)]
enum Kind {
    Open {
        arrivals: OpenArrivals,
        stream: Box<Stream>,
    },
    /// Requests each user has sent.
    Closed {
        sent: Vec<u64>,
    },
    /// The next tick of each connection.
    Paced {
        pacer: Pacer,
        ticks: Vec<u64>,
        catch_up: bool,
    },
}

impl SourceState {
    pub(super) fn new(program: &Program, source: &Source, replication: u32) -> Self {
        let mut stream = Stream::new(program.seed, draw::ARRIVAL, &source.name, replication);
        let kind = match &source.arrivals {
            Arrivals::Closed { users, .. } => {
                let most = (f64::from(*users) * source.surges.most()).round();
                Kind::Closed { sent: vec![0; most as usize] }
            }
            Arrivals::Paced { connections, rate, phase, catch_up } => Kind::Paced {
                pacer: Pacer::new(*connections, *rate, *phase, &mut stream).with(source.surges.clone()),
                ticks: vec![0; *connections as usize],
                catch_up: *catch_up,
            },
            open => Kind::Open {
                arrivals: OpenArrivals::new(open)
                    .expect("every other kind of arrivals is open")
                    .with(&source.surges),
                stream: Box::new(stream),
            },
        };
        Self { kind, sent: 0, answered: 0, in_flight: Occupancy::default(), unanswered: 0 }
    }
}

impl Engine<'_> {
    pub(super) fn start_source(&mut self, source: SourceIdx) {
        let users = match &self.sources[source].kind {
            Kind::Open { .. } => return self.schedule_arrival(source),
            Kind::Closed { sent } => sent.len(),
            Kind::Paced { ticks, .. } => ticks.len(),
        };
        for user in 0..users as u32 {
            self.schedule_send(source, user);
        }
    }

    fn schedule_arrival(&mut self, source: SourceIdx) {
        let Kind::Open { arrivals, stream } = &mut self.sources[source].kind else { return };
        if let Some(time) = arrivals.next(&mut **stream) {
            self.schedule.at(time, Event::Arrival(source));
        }
    }

    /// Schedules the next request of a user or connection that has none in flight.
    fn schedule_send(&mut self, source: SourceIdx, user: u32) {
        let now = self.schedule.now();
        let time = match &self.sources[source].kind {
            Kind::Open { .. } => return,
            Kind::Closed { sent } => {
                let key = self.request_key(source, user, sent[user as usize]);
                let Arrivals::Closed { think_time, .. } = &self.program.sources[source].arrivals else {
                    return;
                };
                let think = Span::from_nanos_f64(think_time.sample(&mut key.draws(draw::THINK, 0, 0, 0)));
                let Some(time) = self.in_turn(source, user, now + think, think) else { return };
                time
            }
            Kind::Paced { ticks, .. } => self.tick_time(source, user, ticks[user as usize]).max(now),
        };
        self.schedule.at(time, Event::Send { source, user });
    }

    /// When a user of a closed source sends who would at a time: then, or after thinking once there are so many users.
    fn in_turn(&self, source: SourceIdx, user: u32, time: SimTime, think: Span) -> Option<SimTime> {
        let Source { surges, arrivals: Arrivals::Closed { users, .. }, .. } = &self.program.sources[source]
        else {
            return Some(time);
        };
        // Half a user is none, as in the number of all.
        let needed = (f64::from(user) + 0.5) / f64::from(*users);
        let from = surges.reaches(needed, time)?;
        Some(if from > time { from + think } else { time })
    }

    /// The key of everything random about a request: of closed sources, of the user's n-th request.
    fn request_key(&self, source: SourceIdx, user: u32, number: u64) -> Key {
        let name = self.program.sources[source].name_hash;
        Key::new(&[self.program.seed, u64::from(self.replication), name, u64::from(user), number])
    }

    /// When a tick of a paced connection is meant to happen; never for other sources.
    fn tick_time(&self, source: SourceIdx, user: u32, tick: u64) -> SimTime {
        let Kind::Paced { pacer, .. } = &self.sources[source].kind else { return SimTime::MAX };
        let mut draws = self.request_key(source, user, tick).draws(draw::THINK, 0, 0, 0);
        pacer.tick(user, tick, &mut draws)
    }

    pub(super) fn arrive(&mut self, source: SourceIdx) {
        let number = self.sources[source].sent;
        let key = self.request_key(source, u32::MAX, number);
        let pods = self.program.workloads[self.program.sources[source].workload].pods;
        let pod = if pods == 1 { 0 } else { key.draws(draw::CLIENT_POD, 0, 0, 0).below(pods) };
        self.send(source, u32::MAX, pod, key, self.schedule.now());
        self.schedule_arrival(source);
    }

    pub(super) fn send_next(&mut self, source: SourceIdx, user: u32) {
        let now = self.schedule.now();
        let pods = self.program.workloads[self.program.sources[source].workload].pods;
        let (number, intended) = match &mut self.sources[source].kind {
            Kind::Open { .. } => return,
            Kind::Closed { sent } => {
                sent[user as usize] += 1;
                (sent[user as usize] - 1, now)
            }
            Kind::Paced { ticks, .. } => {
                let tick = ticks[user as usize];
                ticks[user as usize] += 1;
                (tick, self.tick_time(source, user, tick))
            }
        };
        let key = self.request_key(source, user, number);
        self.send(source, user, user % pods, key, intended);
    }

    /// A request enters: the first call.
    fn send(&mut self, source: SourceIdx, user: u32, pod: u32, key: Key, intended: SimTime) {
        let now = self.schedule.now();
        let definition = &self.program.sources[source];
        let workload = &self.program.workloads[definition.workload];
        let site = (definition.site, &self.program.sites[definition.site]);
        let path = site.1.place;
        let caller = PodIdx(workload.first_pod.0 + pod);
        let mut call = Call::new(Waiter::User(user), source, site, key, path, caller, now);
        call.entry = true;
        call.started = intended;
        call.measured = self.program.window.contains(intended);
        call.spend(Part::Queueing, now.since(intended));
        self.recorder.timeline.request(source.position());
        if call.measured {
            self.unanswered += 1;
            self.recorder.entry_arrived(&call);
        }
        let state = &mut self.sources[source];
        state.sent += 1;
        state.in_flight.enter(now, intended);
        state.unanswered += u64::from(call.measured);
        let call = self.make_call(call);
        if definition.gateway {
            let delay = self.outside_delay(call, LEG_OUTSIDE_REQUEST);
            self.calls[call].spend(Part::Network, delay);
            self.schedule.after(delay, Event::AtGateway(call));
        } else {
            self.begin(call);
        }
    }

    /// A request's answer has arrived, or its user has given up.
    pub(super) fn answer(&mut self, call: CallId, user: u32) {
        let now = self.schedule.now();
        let record = &self.calls[call];
        let source = record.source;
        self.recorder.entry_answered(record, now);
        let (measured, started) = (record.measured, record.started);
        let state = &mut self.sources[source];
        state.answered += 1;
        state.in_flight.leave(now, started);
        if measured {
            state.unanswered -= 1;
            self.unanswered -= 1;
        }
        if let Kind::Paced { pacer, ticks, catch_up } = &mut state.kind {
            let tick = &mut ticks[user as usize];
            *tick = pacer.after(user, *tick - 1, now, *catch_up);
        }
        self.finished |= measured && self.is_settled();
        if user != u32::MAX {
            self.schedule_send(source, user);
        }
    }

    /// The window is over, every request that was meant for it has been sent and answered, and every change that happened
    /// in it has reached the proxies that it concerns.
    pub(super) fn is_settled(&self) -> bool {
        self.window_over
            && self.unanswered == 0
            && self.control.as_ref().is_none_or(|control| control.is_settled())
            && self.sources.indexes().all(|source| {
                let owes = |user| self.owed_ticks(source, user).next().is_some();
                !(0..self.connections_that_catch_up(source)).any(owes)
            })
    }

    /// Requests meant for the window that late connections have not come to send.
    pub(super) fn owed(&self, source: SourceIdx) -> u64 {
        (0..self.connections_that_catch_up(source))
            .map(|user| self.owed_ticks(source, user).count() as u64)
            .sum()
    }

    fn connections_that_catch_up(&self, source: SourceIdx) -> u32 {
        match &self.sources[source].kind {
            Kind::Paced { ticks, catch_up: true, .. } => ticks.len() as u32,
            _ => 0,
        }
    }

    /// The ticks in the window of a connection that catches up, from its next one on.
    fn owed_ticks(&self, source: SourceIdx, user: u32) -> impl Iterator<Item = u64> {
        let first = match &self.sources[source].kind {
            Kind::Paced { ticks, .. } => ticks[user as usize],
            _ => 0,
        };
        let window = self.program.window;
        (first..)
            .map(move |tick| (tick, self.tick_time(source, user, tick)))
            .take_while(move |&(_, time)| time < window.end())
            .filter(move |&(_, time)| window.contains(time))
            .map(|(tick, _)| tick)
    }

    /// What a consistent hash of this call is taken of.
    pub(super) fn hash_of(&self, call: CallId, input: &HashInput) -> u64 {
        let call = &self.calls[call];
        let (name, lifetime) = match *input {
            HashInput::Nothing => return 0,
            HashInput::Source => return self.program.pods[call.caller].identity,
            HashInput::Header(name) => (name, None),
            HashInput::Cookie { name, lifetime } => (name, Some(lifetime)),
        };
        let headers = &self.program.sources[call.source].headers;
        let mut draws = call.key.draws(draw::HEADER, name, 0, 0);
        let mut waiter = call.waiter;
        while let Waiter::Relay(relayed) | Waiter::Attempt(relayed) = waiter {
            waiter = self.calls[relayed].waiter;
        }
        match (headers.iter().find(|(header, _)| *header == name), lifetime, waiter) {
            (Some((_, values)), ..) => match value_position(values, &mut draws) {
                None => draws.bits(),
                Some(position) => Key::new(&[position]).draws(draw::HEADER, 0, 0, 0).bits(),
            },
            (None, Some(lifetime), Waiter::User(user)) if user != u32::MAX => {
                self.made_up_cookie(call.source, user, name, lifetime)
            }
            // Applications keep no cookies, nor do users who come once.
            (None, ..) => draws.bits(),
        }
    }

    /// The hash of the cookie that a proxy has given a user: a new one whenever the last has expired, which users'
    /// cookies do at different times.
    fn made_up_cookie(&self, source: SourceIdx, user: u32, name: u64, lifetime: u64) -> u64 {
        let mut user = self.request_key(source, user, u64::MAX).draws(draw::HEADER, name, 0, 0);
        let (value, phase) = (user.bits(), user.bits());
        let age = self.schedule.now().nanos() + phase.checked_rem(lifetime).unwrap_or(0);
        Key::new(&[value, age.checked_div(lifetime).unwrap_or(0)]).draws(draw::HEADER, 0, 0, 0).bits()
    }

    /// Which of its source's values of a header, given by its position there, a call carries, if any.
    pub(super) fn header_of(&self, call: &Call, header: u32) -> Option<u64> {
        let (name, values) = &self.program.sources[call.source].headers[header as usize];
        value_position(values, &mut call.key.draws(draw::HEADER, *name, 0, 0))
    }
}

/// A drawn header value; some requests do not carry the header.
fn value_position<U: Uniform>(values: &HeaderValues, draws: &mut U) -> Option<u64> {
    match values {
        HeaderValues::Distinct(count) => Some(u64::from(draws.below(*count))),
        HeaderValues::Shares(shares) => {
            let mut rest = draws.unit();
            let found = shares.iter().position(|(_, share)| {
                rest -= share;
                rest < 0.0
            });
            found.map(|position| position as u64)
        }
    }
}

//! A control plane of streams: each proxy has one for each service it calls, from its start on, and a change is an update
//! on every stream of a service that changes.
//!
//! Updates take the CPU of the proxy's instance one after the other on each core. A stream whose queue is full is ended;
//! the proxy asks anew at once, and is then told everything. Streams end with the proxy's connection to the instance; the
//! proxy keeps what it has and asks anew once it is connected again.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use crate::index::IndexVec;
use crate::kernel::Schedule;
use crate::kernel::station::Window;
use crate::mesh::scenario::ServiceIdx;
use crate::metrics::record::PushKind;
use crate::policy::stream::{Change, Settings, StreamId, Streams, Use};
use crate::program::Program;
use crate::program::control::{Audience, Control as Setup, Sees, Stream, SubscriberIdx};
use crate::units::{SimTime, Span};

use super::changes::Written;
use super::members::Learned;
use super::updates::Updates;
use super::{Event, Shared};

/// All instances.
#[derive(Debug)]
pub(super) struct Destination {
    costs: Stream,
    streams: Streams,
    /// Every stream, ascending, with its position below.
    positions: Vec<(StreamId, u32)>,
    subscriptions: Vec<Subscription>,
    topics: IndexVec<ServiceIdx, Topic>,
    /// The CPU of each instance by its number; `None` does not run.
    instances: Vec<Option<Updates<Job>>>,
    /// Positions of what proxies without a connection have, ascending.
    away: BTreeSet<u32>,
    /// Updates that no CPU has worked on yet, and the most there have been.
    waiting: u32,
    queue_max: u32,
    /// The streams of a change, kept for its memory.
    told: Vec<(StreamId, Change)>,
}

/// An update that an instance makes.
#[derive(Clone, Copy, Debug)]
struct Job {
    stream: StreamId,
    position: u32,
    /// It is what the proxy has asked for, not what has changed since.
    is_first: bool,
}

/// What a proxy is told of one service.
#[derive(Clone, Copy, Debug)]
struct Subscription {
    /// Its stream, as long as it has one.
    id: Option<StreamId>,
    subscriber: SubscriberIdx,
    service: ServiceIdx,
    /// The version that the proxy has.
    has: u32,
}

/// Changes of a service that are under way: the n-th of them made version `before + n`, counted from 1.
#[derive(Clone, Debug, Default)]
struct Topic {
    changes: VecDeque<u32>,
    before: u32,
}

impl Destination {
    /// No instance, and the streams of the proxies that are there.
    pub(super) fn new(
        program: &Program,
        setup: &Setup,
        costs: Stream,
        is_there: impl Fn(SubscriberIdx) -> bool,
    ) -> Self {
        let services = program.services.len();
        let settings = Settings { capacity: costs.queue_limit, ..Settings::default() };
        let mut streams = Streams::new(settings, services as u32);
        let mut subscriptions = Vec::new();
        for (subscriber, one) in setup.subscribers.iter_enumerated() {
            let Sees::These(called) = &setup.audiences[one.audience].sees else { continue };
            for &service in called {
                // What is there at the start is known at the start.
                let asked = is_there(subscriber).then(|| streams.begin(subscriber.0, service, SimTime::ZERO));
                let id = match asked {
                    Some(Use::Asked(id, _)) => streams.send(id, SimTime::ZERO).and(Some(id)),
                    Some(Use::Known(_)) | None => None,
                };
                subscriptions.push(Subscription { id, subscriber, service: ServiceIdx(service), has: 0 });
            }
        }
        let streams_of = (0..).zip(&subscriptions);
        let mut positions: Vec<(StreamId, u32)> =
            streams_of.filter_map(|(position, one)| Some((one.id?, position))).collect();
        positions.sort_unstable();
        Self {
            costs,
            streams,
            positions,
            subscriptions,
            topics: IndexVec::filled(Topic::default(), services),
            instances: Vec::new(),
            away: BTreeSet::new(),
            waiting: 0,
            queue_max: 0,
            told: Vec::new(),
        }
    }

    /// Routes or endpoints of services have changed; so many `others` are told as well. Returns the number of the change.
    pub(super) fn change(
        &mut self,
        written: Written,
        others: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) -> u32 {
        let now = schedule.now();
        let number = shared.changes.next();
        let mut told = std::mem::take(&mut self.told);
        for &service in &shared.setup.changes[written.change].services {
            self.streams.publish(service, |id, what| told.push((id, what)));
            self.topics[ServiceIdx(service)].add(number, shared.changes.first());
        }
        let services = &shared.setup.changes[written.change].services;
        let of = |position: u32| self.subscriptions[position as usize];
        let missed = self.away.iter().map(|&position| of(position));
        let missed = missed.filter(|one| services.binary_search(&one.service.0).is_ok());
        let proxies = told.iter().map(|(id, _)| of(self.position(*id))).chain(missed);
        let all = shared.setup.subscribers.len();
        shared.changes.begin_in_parts(written, others, all, proxies.map(|one| one.subscriber));
        for (stream, what) in told.drain(..) {
            if what == Change::Ended {
                self.streams.reopen(stream, now);
            }
            let position = self.position(stream);
            let subscriber = self.subscriptions[position as usize].subscriber;
            if let Some(instance) = shared.sessions.instance(subscriber) {
                self.offer(instance, Job { stream, position, is_first: false }, schedule);
            }
        }
        self.told = told;
        number
    }

    fn offer(&mut self, instance: u32, job: Job, schedule: &mut Schedule<Event>) {
        let Some(Some(updates)) = self.instances.get_mut(instance as usize) else { return };
        self.waiting += 1;
        self.queue_max = self.queue_max.max(self.waiting);
        if let Some((number, done)) = updates.offer(schedule.now(), self.costs.update, job) {
            schedule.at(done, Event::UpdateMade { instance, number });
        }
    }

    /// Positions of what a proxy is told of.
    fn of(&self, subscriber: SubscriberIdx) -> Range<u32> {
        let first = self.subscriptions.partition_point(|one| one.subscriber < subscriber);
        let count = self.subscriptions[first..].partition_point(|one| one.subscriber == subscriber);
        first as u32..(first + count) as u32
    }

    /// An instance runs from now on.
    pub(super) fn start(&mut self, instance: u32, cores: f64, window: Window) {
        if self.instances.len() <= instance as usize {
            self.instances.resize_with(instance as usize + 1, || None);
        }
        self.instances[instance as usize] = Some(Updates::new(cores, window));
    }

    /// An instance is gone, and the updates that it was about to make.
    pub(super) fn stop(&mut self, instance: u32) {
        let gone = self.instances.get_mut(instance as usize).and_then(Option::take);
        self.waiting -= gone.map_or(0, |updates| updates.present());
    }

    /// Each instance has so many cores from now on.
    pub(super) fn resize(&mut self, cores: f64, schedule: &mut Schedule<Event>) {
        for (instance, updates) in (0..).zip(&mut self.instances) {
            let Some(updates) = updates else { continue };
            for (number, done) in updates.resize(schedule.now(), cores) {
                schedule.at(done, Event::UpdateMade { instance, number });
            }
        }
    }

    /// The streams of a proxy have ended.
    pub(super) fn close(&mut self, subscriber: SubscriberIdx) {
        for position in self.of(subscriber) {
            self.end(position);
            self.away.insert(position);
        }
    }

    fn end(&mut self, position: u32) {
        if let Some(id) = self.subscriptions[position as usize].id.take()
            && self.streams.drop(id)
            && let Ok(place) = self.positions.binary_search_by_key(&id, |(id, _)| *id)
        {
            self.positions.remove(place);
        }
    }

    /// A proxy is gone.
    pub(super) fn disconnect(&mut self, subscriber: SubscriberIdx) {
        for position in self.of(subscriber) {
            self.end(position);
            self.away.remove(&position);
        }
    }

    /// A new proxy knows what there is, and has streams once it is connected.
    pub(super) fn welcome(&mut self, subscriber: SubscriberIdx) {
        for position in self.of(subscriber) {
            let one = &mut self.subscriptions[position as usize];
            one.has = self.streams.version(one.service.0) as u32;
            self.away.insert(position);
        }
    }

    /// A proxy is connected to an instance and asks for the services that it calls. A new one has been told already.
    pub(super) fn open(
        &mut self,
        subscriber: SubscriberIdx,
        instance: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let now = schedule.now();
        shared.sessions.has_heard(subscriber);
        let is_new = std::mem::take(&mut shared.receivers[subscriber].asks);
        for position in self.of(subscriber) {
            self.away.remove(&position);
            let service = self.subscriptions[position as usize].service;
            let Use::Asked(stream, _) = self.streams.begin(subscriber.0, service.0, now) else { continue };
            self.subscriptions[position as usize].id = Some(stream);
            let place = self.positions.partition_point(|(other, _)| *other < stream);
            self.positions.insert(place, (stream, position));
            if is_new && self.subscriptions[position as usize].has == self.streams.version(service.0) as u32 {
                self.streams.send(stream, now);
            } else {
                self.offer(instance, Job { stream, position, is_first: true }, schedule);
            }
        }
    }

    fn position(&self, id: StreamId) -> u32 {
        let found =
            self.positions.binary_search_by_key(&id, |(id, _)| *id).expect("a stream that is told is there");
        self.positions[found].1
    }

    /// The CPU has worked on an update of a stream. If the stream was ended meanwhile, there may be none.
    pub(super) fn on_made(
        &mut self,
        instance: u32,
        number: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let now = schedule.now();
        let Some(Some(updates)) = self.instances.get_mut(instance as usize) else { return };
        let Some((job, begun)) = updates.finish(now, number) else { return };
        if let Some((number, done)) = begun {
            schedule.at(done, Event::UpdateMade { instance, number });
        }
        self.waiting -= 1;
        let Some(version) = self.streams.send(job.stream, now) else { return };
        let Subscription { subscriber, service, .. } = self.subscriptions[job.position as usize];
        let (kind, bytes, work) = if job.is_first {
            self.all_of(service, shared.audience(subscriber), shared)
        } else {
            self.change_to(service, version, shared.audience(subscriber), shared)
        };
        let (bytes, work) = (bytes.round() as u64, Span::from_nanos_f64(work));
        let sent = now + shared.transmission(bytes);
        let applied = shared.deliver(subscriber, sent, bytes, work);
        shared.pushes[kind as usize] += u64::from(shared.program.window.contains(sent));
        schedule.at(applied, Event::UpdateApplied { stream: job.position, version: version as u32 });
    }

    /// What a change that made this version says: its kind, bytes, and the proxy's CPU in nanoseconds.
    fn change_to(
        &self,
        service: ServiceIdx,
        version: u64,
        audience: &Audience,
        shared: &Shared<'_>,
    ) -> (PushKind, f64, f64) {
        let topic = &self.topics[service];
        let change = shared.changes.get(topic.changes[(version - 1) as usize - topic.before as usize]).change;
        let change = &shared.setup.changes[change];
        if change.endpoints.is_some() {
            let endpoints = audience.endpoints_told(1, change.endpoint_count) as f64;
            let work = audience.apply_endpoints + audience.apply_per_endpoint * endpoints;
            (PushKind::Endpoints, audience.bytes_per_endpoint * endpoints, work)
        } else {
            let objects = f64::from(change.objects_of(service));
            (PushKind::Full, self.costs.bytes * objects, audience.apply_changed * objects)
        }
    }

    /// What there is to say of a service: its route and all its endpoints.
    fn all_of(&self, service: ServiceIdx, audience: &Audience, shared: &Shared<'_>) -> (PushKind, f64, f64) {
        let program = shared.program;
        let workloads = program.services[service].workloads();
        let endpoints = f64::from(workloads.map(|workload| program.workloads[workload].wanted).sum::<u32>());
        let bytes = self.costs.bytes + audience.bytes_per_endpoint * endpoints;
        let work =
            audience.apply_changed + audience.apply_endpoints + audience.apply_per_endpoint * endpoints;
        (PushKind::Connect, bytes, work)
    }

    /// A proxy has a service's routes and endpoints as of this version.
    pub(super) fn on_applied(
        &mut self,
        stream: u32,
        version: u32,
        shared: &mut Shared<'_>,
        now: SimTime,
        learned: &mut Vec<Learned>,
    ) {
        let subscription = &mut self.subscriptions[stream as usize];
        let subscriber = subscription.subscriber;
        if !shared.receivers[subscriber].takes_over() {
            return;
        }
        let had = std::mem::replace(&mut subscription.has, version);
        assert!(had <= version, "configuration never gets older");
        let topic = &self.topics[subscription.service];
        for version in had..version {
            let number = topic.changes[(version - topic.before) as usize];
            shared.learn(number, Some(subscription.service.0), subscriber, learned);
            shared.changes.reach_part(number, subscriber, now);
        }
    }

    /// CPU of an instance since it runs: in all and in the window.
    pub(super) fn used(&self, instance: u32, now: SimTime) -> [Span; 2] {
        let updates = self.instances.get(instance as usize).and_then(Option::as_ref);
        updates.map_or([Span::ZERO; 2], |updates| [updates.used(now), updates.used_in_window(now)])
    }

    /// Bytes of the updates that an instance makes.
    pub(super) fn in_work(&self, instance: u32) -> f64 {
        let updates = self.instances.get(instance as usize).and_then(Option::as_ref);
        updates.map_or(0.0, |updates| f64::from(updates.present()) * self.costs.bytes)
    }

    /// Updates that wait for a CPU.
    pub(super) const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// The most updates that have waited at once.
    pub(super) const fn queue_max(&self) -> u32 {
        self.queue_max
    }

    /// A proxy to which nothing is under way has the latest version of every service that it is told of.
    pub(super) fn check(&self, shared: &Shared<'_>) {
        let present: u32 = self.instances.iter().flatten().map(Updates::present).sum();
        assert_eq!(present, self.waiting, "updates wait for a CPU that is there");
        let is_told = |one: &&Subscription| {
            shared.receivers[one.subscriber].is_connected
                && shared.sessions.instance(one.subscriber).is_some()
        };
        for one in self.subscriptions.iter().filter(is_told) {
            let is_settled = one.id.is_none_or(|id| self.streams.waiting(id) == 0)
                && shared.receivers[one.subscriber].under_way == 0;
            assert!(
                !is_settled || u64::from(one.has) == self.streams.version(one.service.0),
                "no proxy ends with older configuration than was last sent to it"
            );
        }
    }
}

impl Topic {
    /// A change makes the next version. Those before `first` have reached everybody.
    fn add(&mut self, number: u32, first: u32) {
        while self.changes.front().is_some_and(|&change| change < first) {
            self.changes.pop_front();
            self.before += 1;
        }
        self.changes.push_back(number);
    }
}

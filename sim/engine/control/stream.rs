//! A control plane of streams: each proxy has one for each service it calls, from its start on, and a change is an update
//! on every stream of a service that changes.
//!
//! Updates take the CPU of the proxy's instance one after the other on each core. A stream whose queue is full is ended;
//! the proxy asks anew at once, and is then told everything.

use std::collections::VecDeque;

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::kernel::station::{Capacity, Fifo};
use crate::mesh::scenario::ServiceIdx;
use crate::policy::stream::{Change, Settings, StreamId, Streams, Use};
use crate::program::Program;
use crate::program::control::{Control as Setup, Sees, Stream, SubscriberIdx};
use crate::units::{SimTime, Span};

use super::changes::Written;
use super::members::Learned;
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
    /// The CPU of each instance: servers that each do this many cores' work.
    stations: Vec<Fifo>,
    cores_per_server: f64,
    /// Updates that no CPU has worked on yet, and the most there have been.
    waiting: u32,
    queue_max: u32,
    /// The streams of a change, kept for its memory.
    told: Vec<(StreamId, Change)>,
}

/// What a proxy is told of one service.
#[derive(Clone, Copy, Debug)]
struct Subscription {
    id: StreamId,
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
    pub(super) fn new(program: &Program, setup: &Setup, costs: Stream) -> Self {
        let services = program.services.len();
        let settings = Settings { capacity: costs.queue_limit, ..Settings::default() };
        let mut streams = Streams::new(settings, services as u32);
        let mut subscriptions = Vec::new();
        for (subscriber, one) in setup.subscribers.iter_enumerated() {
            let Sees::These(called) = &setup.audiences[one.audience].sees else { continue };
            for &service in called {
                if let Use::Asked(id, _) = streams.begin(subscriber.0, service, SimTime::ZERO) {
                    // What is there at the start is known at the start.
                    streams.send(id, SimTime::ZERO);
                    let service = ServiceIdx(service);
                    subscriptions.push(Subscription { id, subscriber, service, has: 0 });
                }
            }
        }
        let mut positions: Vec<(StreamId, u32)> =
            subscriptions.iter().enumerate().map(|(position, one)| (one.id, position as u32)).collect();
        positions.sort_unstable();
        let servers = (setup.cores.ceil() as u32).max(1);
        let station = Fifo::new(Capacity::Limited(servers), Capacity::Unlimited, program.window);
        Self {
            costs,
            streams,
            positions,
            subscriptions,
            topics: IndexVec::filled(Topic::default(), services),
            stations: vec![station; setup.replicas as usize],
            cores_per_server: setup.cores / f64::from(servers),
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
        let positions = told.iter().map(|(id, _)| self.position(*id));
        let proxies = positions.map(|position| self.subscriptions[position as usize].subscriber);
        let all = shared.setup.subscribers.len();
        shared.changes.begin_in_parts(written, others, all, proxies);
        for (id, what) in told.drain(..) {
            if what == Change::Ended {
                self.streams.reopen(id, now);
            }
            let position = self.position(id);
            let subscriber = self.subscriptions[position as usize].subscriber;
            let replica = subscriber.position() % self.stations.len();
            let demand = self.costs.update.scale(1.0 / self.cores_per_server);
            let visit = self.stations[replica].offer(now, demand).expect("any number may wait");
            self.waiting += 1;
            schedule.at(visit.done, Event::UpdateSent(position));
        }
        self.told = told;
        self.queue_max = self.queue_max.max(self.waiting);
        number
    }

    /// A proxy is gone, and its streams with it.
    pub(super) fn disconnect(&mut self, subscriber: SubscriberIdx) {
        for one in self.subscriptions.iter().filter(|one| one.subscriber == subscriber) {
            self.streams.drop(one.id);
        }
        self.positions
            .retain(|(_, position)| self.subscriptions[*position as usize].subscriber != subscriber);
    }

    /// A new proxy asks for the services that it calls, and is told what there is.
    pub(super) fn connect(&mut self, subscriber: SubscriberIdx, now: SimTime) {
        for (position, one) in (0..).zip(&mut self.subscriptions) {
            if one.subscriber != subscriber {
                continue;
            }
            if let Use::Asked(id, _) = self.streams.begin(subscriber.0, one.service.0, now) {
                self.streams.send(id, now);
                (one.id, one.has) = (id, self.streams.version(one.service.0) as u32);
                let place = self.positions.partition_point(|(other, _)| *other < id);
                self.positions.insert(place, (id, position));
            }
        }
    }

    fn position(&self, id: StreamId) -> u32 {
        let found =
            self.positions.binary_search_by_key(&id, |(id, _)| *id).expect("a stream that is told is there");
        self.positions[found].1
    }

    /// The CPU has worked on an update of a stream. If the stream was ended meanwhile, there may be none.
    pub(super) fn on_sent(&mut self, stream: u32, shared: &mut Shared<'_>, schedule: &mut Schedule<Event>) {
        self.waiting -= 1;
        let Subscription { id, subscriber, service, .. } = self.subscriptions[stream as usize];
        let Some(version) = self.streams.send(id, schedule.now()) else { return };
        let topic = &self.topics[service];
        let change = shared.changes.get(topic.changes[(version - 1) as usize - topic.before as usize]).change;
        let (change, audience) = (&shared.setup.changes[change], shared.audience(subscriber));
        let (bytes, work) = if change.endpoints.is_some() {
            let endpoints = audience.endpoints_told(1, change.endpoint_count) as f64;
            let work = audience.apply_endpoints + audience.apply_per_endpoint * endpoints;
            (audience.bytes_per_endpoint * endpoints, work)
        } else {
            let objects = f64::from(change.objects_of(service));
            (self.costs.bytes * objects, audience.apply_changed * objects)
        };
        let (bytes, work) = (bytes.round() as u64, Span::from_nanos_f64(work));
        let sent = schedule.now() + shared.transmission(bytes);
        let applied = shared.deliver(subscriber, sent, bytes, work);
        schedule.at(applied, Event::UpdateApplied { stream, version: version as u32 });
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

    pub(super) fn cpu_used(&self, now: SimTime) -> Span {
        let busy: Span = self.stations.iter().filter_map(|station| station.busy_until(now)).sum();
        busy.scale(self.cores_per_server)
    }

    pub(super) fn cpu_used_in_window(&self) -> Span {
        let busy: Span = self.stations.iter().map(|station| station.busy().in_window()).sum();
        busy.scale(self.cores_per_server)
    }

    /// The most updates that have waited at once.
    pub(super) const fn queue_max(&self) -> u32 {
        self.queue_max
    }

    /// A proxy to which nothing is under way has the latest version of every service that it is told of.
    pub(super) fn check(&self, shared: &Shared<'_>) {
        for one in self.subscriptions.iter().filter(|one| shared.receivers[one.subscriber].is_connected) {
            let is_settled =
                self.streams.waiting(one.id) == 0 && shared.receivers[one.subscriber].under_way == 0;
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

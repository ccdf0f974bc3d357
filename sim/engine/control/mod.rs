//! Changes of configuration, from the control plane to the proxies that they concern.
//!
//! `push` is a control plane that gathers changes and pushes them, `stream` one that sends each at once, and `changes`
//! knows which change has reached whom. Both hand what they send to a proxy's control thread, which takes updates over
//! one after the other: that CPU is counted to the proxy, and delays none of its requests.

mod changes;
mod push;
mod stream;

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::kernel::rng::Key;
use crate::metrics::record::{ControlRecord, NodeRecord, ProxyRecord};
use crate::program::control::{Audience, ChangeIdx, Control as Setup, Plane as Kind, SubscriberIdx};
use crate::program::{GroupIdx, Program, ProxyIdx};
use crate::units::{SimTime, Span};

use super::{Engine, Event, draw};

use changes::Changes;
use push::Replica;
use stream::Destination;

/// The state of everything that is told of changes.
#[derive(Debug)]
pub(super) struct Control<'p> {
    shared: Shared<'p>,
    /// How often each event has happened.
    happened: IndexVec<ChangeIdx, u64>,
    /// How many proxies a change of each event concerns.
    concerned: IndexVec<ChangeIdx, u32>,
    plane: Plane,
    /// CPU used up to the last interval's end, and the most that any interval had, in cores.
    sampled: (SimTime, Span),
    peak: f64,
}

#[derive(Debug)]
enum Plane {
    /// Nobody is told anything.
    Nobody,
    Push(Vec<Replica>),
    Stream(Box<Destination>),
}

/// What both kinds of control plane use.
#[derive(Debug)]
struct Shared<'p> {
    program: &'p Program,
    setup: &'p Setup,
    replication: u32,
    changes: Changes,
    receivers: IndexVec<SubscriberIdx, Receiver>,
    /// Control threads' CPU in the window, in nanoseconds.
    applied: IndexVec<GroupIdx, u64>,
    /// Of the same, that on each proxy: only where it matters to a node.
    applied_by: IndexVec<ProxyIdx, u64>,
    /// Messages to proxies in the window, and their bytes.
    messages: u64,
    bytes: u64,
}

/// A proxy as the control plane's client.
#[derive(Clone, Copy, Debug, Default)]
struct Receiver {
    /// Number of the first change it does not have, where it is pushed to.
    has: u32,
    /// Messages sent to it, and those that it has not taken over.
    messages: u32,
    under_way: u32,
    /// When the latest one arrives, and its control thread is free again.
    arrives: SimTime,
    free: SimTime,
}

impl Shared<'_> {
    fn audience(&self, subscriber: SubscriberIdx) -> &Audience {
        &self.setup.audiences[self.setup.subscribers[subscriber].audience]
    }

    fn is_concerned(&self, change: ChangeIdx, subscriber: SubscriberIdx) -> bool {
        self.setup.changes[change].concerns(self.setup.subscribers[subscriber].audience)
    }

    fn check_missing(&self) {
        for (number, open) in self.changes.open() {
            let misses = |(subscriber, receiver): &(SubscriberIdx, &Receiver)| {
                receiver.has <= number && self.is_concerned(open.change, *subscriber)
            };
            let missing = self.receivers.iter_enumerated().filter(misses).count();
            assert_eq!(missing, open.pending as usize, "a change is under way to those who do not have it");
        }
    }

    /// How long so many bytes take on the wire.
    fn transmission(&self, bytes: u64) -> Span {
        Span::from_nanos_f64(bytes as f64 * self.program.nanos_per_byte)
    }

    /// A message to a proxy is on the wire, which will take `work` of its control thread. Returns when it is taken over.
    fn deliver(&mut self, subscriber: SubscriberIdx, sent: SimTime, bytes: u64, work: Span) -> SimTime {
        let to = &self.setup.subscribers[subscriber];
        let audience = &self.setup.audiences[to.audience];
        let receiver = &mut self.receivers[subscriber];
        let key = Key::new(&[self.program.seed, u64::from(self.replication), to.identity]);
        let mut draws = key.draws(draw::CONFIGURATION, 0, receiver.messages, 0);
        let delay = Span::from_nanos_f64(self.program.network_delay.sample(&mut draws));
        receiver.messages += 1;
        receiver.under_way += 1;
        receiver.arrives = receiver.arrives.max(sent + delay);
        let start = receiver.arrives.max(receiver.free);
        receiver.free = start + work;
        let done = receiver.free + audience.apply_worker;
        let window = self.program.window;
        let workers = window.overlap(receiver.free, done).nanos() * u64::from(audience.workers);
        let cpu = window.overlap(start, receiver.free).nanos() + workers;
        self.applied[audience.group] += cpu;
        self.applied_by[to.proxy] += cpu;
        if window.contains(sent) {
            self.messages += 1;
            self.bytes += bytes;
        }
        done
    }
}

impl<'p> Control<'p> {
    /// `None` where nothing changes.
    pub(super) fn new(program: &'p Program, replication: u32) -> Option<Box<Self>> {
        let setup = program.control.as_deref()?;
        let mut of_audiences = IndexVec::filled(0_u32, setup.audiences.len());
        for subscriber in &setup.subscribers {
            of_audiences[subscriber.audience] += 1;
        }
        let concerned = setup.changes.iter().map(|change| {
            let proxies = of_audiences.iter_enumerated().filter(|(audience, _)| change.concerns(*audience));
            proxies.map(|(_, proxies)| proxies).sum()
        });
        Some(Box::new(Self {
            happened: IndexVec::filled(0, setup.changes.len()),
            concerned: concerned.collect(),
            plane: match setup.plane {
                Kind::KubeProxy => Plane::Nobody,
                Kind::Push(push) => Plane::Push(Replica::all(program, setup, push)),
                Kind::Stream(stream) => Plane::Stream(Box::new(Destination::new(program, setup, stream))),
            },
            shared: Shared {
                program,
                setup,
                replication,
                changes: Changes::new(setup.changes.len()),
                receivers: IndexVec::filled(Receiver::default(), setup.subscribers.len()),
                applied: IndexVec::filled(0, program.groups.len()),
                applied_by: IndexVec::filled(0, program.proxies.len()),
                messages: 0,
                bytes: 0,
            },
            sampled: (SimTime::ZERO, Span::ZERO),
            peak: 0.0,
        }))
    }

    /// Something changes.
    fn change(&mut self, change: ChangeIdx, schedule: &mut Schedule<Event>) {
        let now = schedule.now();
        let shared = &mut self.shared;
        self.happened[change] += 1;
        let setup = &shared.setup.changes[change];
        if self.happened[change] < setup.times {
            schedule.at(now + setup.every, Event::Change(change));
        }
        let is_measured = shared.program.window.contains(now);
        match &mut self.plane {
            Plane::Nobody => {
                shared.changes.begin(change, now, is_measured, 0);
            }
            Plane::Push(replicas) => {
                shared.changes.begin(change, now, is_measured, self.concerned[change]);
                for replica in replicas {
                    replica.change(change, shared, schedule);
                }
            }
            Plane::Stream(destination) => destination.change(change, is_measured, shared, schedule),
        }
    }

    /// CPU of all instances since the start.
    fn cpu_used(&self, now: SimTime) -> Span {
        match &self.plane {
            Plane::Nobody => Span::ZERO,
            Plane::Push(replicas) => replicas.iter().map(|replica| replica.cpu_used(now)).sum(),
            Plane::Stream(destination) => destination.cpu_used(now),
        }
    }

    /// An interval of the time line ends.
    pub(super) fn sample(&mut self, now: SimTime) {
        let (since, before) = self.sampled;
        let used = self.cpu_used(now);
        if now > since && now > self.shared.program.window.start() {
            let cores = used.saturating_sub(before).nanos() as f64 / now.since(since).nanos() as f64;
            self.peak = self.peak.max(cores);
        }
        self.sampled = (now, used);
    }

    /// Every measured change has reached everybody.
    pub(super) const fn is_settled(&self) -> bool {
        self.shared.changes.are_settled()
    }

    /// No proxy has older configuration than what was last sent to it, unless something is under way; and a change is under
    /// way to exactly the proxies that it concerns and that do not have it.
    pub(super) fn check(&self) {
        match &self.plane {
            Plane::Nobody => {}
            Plane::Push(replicas) => {
                for replica in replicas {
                    replica.check(&self.shared);
                }
                self.shared.check_missing();
            }
            Plane::Stream(destination) => destination.check(&self.shared),
        }
    }

    /// The record; control threads' CPU is added to those of their proxies and nodes.
    pub(super) fn finish(
        self,
        end: SimTime,
        proxies: &mut [ProxyRecord],
        nodes: &mut [NodeRecord],
    ) -> ControlRecord {
        let Shared { program, setup, applied, applied_by, messages, bytes, changes, .. } = self.shared;
        for (group, cpu) in applied.iter_enumerated() {
            proxies[group.position()].cpu += cpu;
        }
        for (proxy, node) in program.nodes_of_proxies().iter_enumerated() {
            if let Some(node) = node {
                nodes[node.position()].cpu += applied_by[proxy];
            }
        }
        let (cpu, builds, queue_max) = match &self.plane {
            Plane::Nobody => (Span::ZERO, 0, 0),
            Plane::Push(replicas) => (
                replicas.iter().map(|replica| replica.cpu_used_in_window(end)).sum(),
                replicas.iter().map(Replica::builds).sum(),
                replicas.iter().map(Replica::queue_max).max().unwrap_or(0),
            ),
            Plane::Stream(destination) => (destination.cpu_used_in_window(), 0, destination.queue_max()),
        };
        let capacity = setup.cores * program.window.length().nanos() as f64 * f64::from(setup.replicas);
        assert!(cpu.nanos() as f64 <= capacity * (1.0 + 1e-9) + 1e3, "instances have so many cores");
        ControlRecord {
            changes: changes.finish(),
            instances: u64::from(setup.replicas),
            cores: setup.cores * f64::from(setup.replicas),
            subscribers: setup.subscribers.len() as u64,
            builds,
            messages,
            bytes,
            queue_max: u64::from(queue_max),
            cpu: cpu.nanos(),
            cpu_peak: self.peak,
            apply_cpu: applied.iter().sum(),
            memory: setup.memory,
        }
    }
}

impl<'p> Engine<'p> {
    pub(super) fn start_changes(&mut self) {
        let Some(setup) = &self.program.control else { return };
        for (index, change) in setup.changes.iter_enumerated().filter(|(_, change)| change.times > 0) {
            self.schedule.at(change.first, Event::Change(index));
        }
    }

    pub(super) fn change(&mut self, change: ChangeIdx) {
        if let Some(control) = &mut self.control {
            control.change(change, &mut self.schedule);
        }
    }

    /// A window of a push control plane may be over.
    pub(super) fn push_window(&mut self, replica: u32) {
        self.with_replica(replica, Replica::on_timer);
    }

    /// An instance of a push control plane may have done the next job of its CPU.
    pub(super) fn push_cpu_done(&mut self, replica: u32, generation: u32) {
        self.with_replica(replica, |replica, shared, schedule| replica.on_cpu(generation, shared, schedule));
    }

    /// The last byte of a push is on the wire.
    pub(super) fn push_sent(&mut self, subscriber: SubscriberIdx) {
        let Some(control) = &self.program.control else { return };
        let (replica, client) = (subscriber.0 % control.replicas, subscriber.0 / control.replicas);
        self.with_replica(replica, |replica, shared, schedule| replica.on_sent(client, shared, schedule));
    }

    /// A proxy has all changes before this number from now on.
    pub(super) fn push_applied(&mut self, subscriber: SubscriberIdx, changes: u32) {
        let now = self.schedule.now();
        let Some(control) = &mut self.control else { return };
        let shared = &mut control.shared;
        let receiver = &mut shared.receivers[subscriber];
        let has = std::mem::replace(&mut receiver.has, changes);
        receiver.under_way -= 1;
        assert!(has <= changes, "configuration never gets older");
        for number in has.max(shared.changes.first())..changes {
            // One that has now reached everybody is forgotten, and those before it were.
            let is_open = number >= shared.changes.first();
            if is_open && shared.is_concerned(shared.changes.get(number).change, subscriber) {
                shared.changes.reach(number, now);
            }
        }
        self.finished |= self.is_settled();
    }

    /// An update of a stream is on its way to the proxy.
    pub(super) fn update_sent(&mut self, stream: u32) {
        let Some(control) = &mut self.control else { return };
        if let Plane::Stream(destination) = &mut control.plane {
            destination.on_sent(stream, &mut control.shared, &mut self.schedule);
        }
    }

    /// A proxy has a service's routes as of this version from now on.
    pub(super) fn update_applied(&mut self, stream: u32, version: u32) {
        let Some(control) = &mut self.control else { return };
        if let Plane::Stream(destination) = &mut control.plane {
            destination.on_applied(stream, version, &mut control.shared, self.schedule.now());
        }
        self.finished |= self.is_settled();
    }

    fn with_replica(
        &mut self,
        replica: u32,
        act: impl FnOnce(&mut Replica, &mut Shared<'p>, &mut Schedule<Event>),
    ) {
        let Some(control) = &mut self.control else { return };
        if let Plane::Push(replicas) = &mut control.plane {
            act(&mut replicas[replica as usize], &mut control.shared, &mut self.schedule);
        }
    }
}

//! Changes of configuration and endpoints, from the API server to the proxies and nodes that they concern.
//!
//! `push` is a control plane that gathers changes and pushes them, `stream` one that sends each at once, `rules` are nodes
//! that need none, and `changes` knows which change has reached whom. Control planes hand what they send to a proxy's
//! control thread, which takes updates over one after the other: that CPU is counted to the proxy, and delays none of its
//! requests. `members` keeps who takes which pods for the endpoints of a workload; `connect` is how proxies come and go.
//! `certificates` are those of the proxies, whom a control plane, or another authority, issues them.

mod certificates;
mod changes;
mod connect;
mod members;
mod push;
mod rules;
mod stream;
mod told;

use std::collections::VecDeque;

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::kernel::rng::{Key, hash_name};
use crate::metrics::record::{CertificateRecord, ControlRecord, NodeRecord, ProxyRecord};
use crate::program::control::{
    Audience, AudienceIdx, ChangeIdx, Control as Setup, Plane as Kind, SubscriberIdx,
};
use crate::program::lifecycle::LifeIdx;
use crate::program::{GroupIdx, Program, ProxyIdx};
use crate::units::{SimTime, Span};

use super::{Engine, Event, draw};

pub(super) use certificates::CertificateStep;
use certificates::Certificates;
use changes::{Changes, Written};
use connect::Clients;
pub(super) use members::Learned;
use members::Members;
use push::Replica;
use rules::Rules;
use stream::Destination;
use told::Told;

/// The state of everything that is told of changes.
#[derive(Debug)]
pub(super) struct Control<'p> {
    shared: Shared<'p>,
    /// How often each event has happened.
    happened: IndexVec<ChangeIdx, u64>,
    /// Connected proxies of each audience.
    connected: IndexVec<AudienceIdx, u32>,
    plane: Plane,
    /// What nodes do by themselves; `None` where no pods come and go.
    rules: Option<Rules>,
    /// Who tells each pod of endpoints; empty where no pods come and go.
    clients: Clients,
    /// `None` where none come to be.
    certificates: Option<Certificates<'p>>,
    /// What was written and nobody has heard of, and when the last of it is heard of.
    unheard: VecDeque<Written>,
    hears: SimTime,
    writes: u32,
    unheard_measured: u32,
    /// Who has learned of endpoints since anybody asked.
    learned: Vec<Learned>,
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
    /// `None` where no pods come and go.
    members: Option<Members>,
    /// `None` where no event says what routes are.
    told: Option<Told>,
    receivers: IndexVec<SubscriberIdx, Receiver>,
    /// Control threads' CPU in the window, in nanoseconds.
    applied: IndexVec<GroupIdx, u64>,
    /// Of the same, that on each proxy: only where it matters to a node.
    applied_by: IndexVec<ProxyIdx, u64>,
    /// Messages to proxies in the window, and their bytes.
    messages: u64,
    bytes: u64,
    /// New proxies for which all is made, and certificates that are signed.
    configured: Vec<SubscriberIdx>,
    signed: Vec<certificates::Request>,
}

/// A proxy as the control plane's client.
#[derive(Clone, Copy, Debug, Default)]
struct Receiver {
    /// It is there, and connected to the control plane.
    is_connected: bool,
    /// Messages that are under way to one that is there no longer.
    lost: u32,
    /// Number of the first change it does not have, where it is pushed to.
    has: u32,
    /// Messages sent to it, and those that it has not taken over.
    messages: u32,
    under_way: u32,
    /// When the latest one arrives, and its control thread is free again.
    arrives: SimTime,
    free: SimTime,
}

impl Receiver {
    /// A message has come to its end; returns whether the proxy takes it over.
    fn takes_over(&mut self) -> bool {
        if self.lost > 0 {
            self.lost -= 1;
            return false;
        }
        self.under_way -= 1;
        true
    }
}

impl Shared<'_> {
    fn audience(&self, subscriber: SubscriberIdx) -> &Audience {
        &self.setup.audiences[self.setup.subscribers[subscriber].audience]
    }

    fn is_concerned(&self, change: ChangeIdx, subscriber: SubscriberIdx) -> bool {
        self.setup.changes[change].concerns(self.setup.subscribers[subscriber].audience)
    }

    fn check_missing(&self, rules: Option<&Rules>) {
        for (number, open) in self.changes.open() {
            let misses = |(subscriber, receiver): &(SubscriberIdx, &Receiver)| {
                receiver.is_connected && receiver.has <= number && self.is_concerned(open.change, *subscriber)
            };
            let nodes = rules.zip(open.endpoints).map_or(0, |(rules, (life, _))| rules.missing(number, life));
            let missing = self.receivers.iter_enumerated().filter(misses).count() + nodes as usize;
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
        let mut receivers = IndexVec::filled(Receiver::default(), setup.subscribers.len());
        let mut connected = IndexVec::filled(0_u32, setup.audiences.len());
        let clients = Clients::new(program, setup);
        for (subscriber, one) in setup.subscribers.iter_enumerated() {
            let is_there = clients.is_there(program, subscriber);
            receivers[subscriber].is_connected = is_there;
            connected[one.audience] += u32::from(is_there);
        }
        let lifecycle = program.lifecycle.as_deref();
        let members = lifecycle.map(|lifecycle| Members::new(program, lifecycle, clients.count()));
        let rules = lifecycle.map(|lifecycle| clients.rules(program, lifecycle));
        Some(Box::new(Self {
            happened: IndexVec::filled(0, setup.changes.len()),
            connected,
            rules,
            clients,
            certificates: Certificates::new(program, setup, replication),
            unheard: VecDeque::new(),
            hears: SimTime::ZERO,
            writes: 0,
            unheard_measured: 0,
            learned: Vec::new(),
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
                members,
                told: Told::new(program, setup),
                receivers,
                applied: IndexVec::filled(0, program.groups.len()),
                applied_by: IndexVec::filled(0, program.proxies.len()),
                messages: 0,
                bytes: 0,
                configured: Vec::new(),
                signed: Vec::new(),
            },
            sampled: (SimTime::ZERO, Span::ZERO),
            peak: 0.0,
        }))
    }

    /// An event changes routes.
    fn change(&mut self, change: ChangeIdx, schedule: &mut Schedule<Event>) {
        self.happened[change] += 1;
        let setup = &self.shared.setup.changes[change];
        if self.happened[change] < setup.times {
            schedule.at(schedule.now() + setup.every, Event::Change(change));
        }
        self.write(change, None, schedule);
    }

    /// Something is written to the API server. Who watches there hears of everything in order.
    fn write(
        &mut self,
        change: ChangeIdx,
        endpoints: Option<(LifeIdx, u32)>,
        schedule: &mut Schedule<Event>,
    ) {
        let now = schedule.now();
        if let (Some(told), Some(applied)) =
            (&mut self.shared.told, self.shared.setup.changes[change].applies)
        {
            told.write(applied, &self.shared.setup.changes[change].services);
        }
        let Shared { program, replication, .. } = self.shared;
        let is_measured = program.window.contains(now);
        let key = Key::new(&[program.seed, u64::from(replication), hash_name("watch")]);
        let delay = program.lifecycle.as_ref().map_or(Span::ZERO, |lifecycle| {
            Span::from_nanos_f64(lifecycle.watch.sample(&mut key.draws(draw::WATCH, 0, self.writes, 0)))
        });
        self.writes += 1;
        self.unheard.push_back(Written { change, endpoints, at: now, is_measured });
        self.unheard_measured += u32::from(is_measured);
        self.hears = self.hears.max(now + delay);
        if self.hears == now {
            return self.hear(schedule);
        }
        schedule.at(self.hears, Event::Heard);
    }

    /// Control planes and nodes hear of what was written first.
    fn hear(&mut self, schedule: &mut Schedule<Event>) {
        let Some(written) = self.unheard.pop_front() else { return };
        self.unheard_measured -= u32::from(written.is_measured);
        if let (Some(members), Some((life, version))) = (&mut self.shared.members, written.endpoints) {
            members.hear(life, version);
        }
        let change = &self.shared.setup.changes[written.change];
        if let (Some(told), Some(applied)) = (&mut self.shared.told, change.applies) {
            told.hear(applied, &change.services);
        }
        let nodes = match (&self.rules, written.endpoints) {
            (Some(rules), Some((life, _))) => rules.concerned(life),
            _ => 0,
        };
        let shared = &mut self.shared;
        let number = match &mut self.plane {
            Plane::Nobody => shared.changes.begin(written, nodes),
            Plane::Push(replicas) => {
                let change = &shared.setup.changes[written.change];
                let told =
                    self.connected.iter_enumerated().filter(|(audience, _)| change.concerns(*audience));
                let proxies: u32 = told.map(|(_, proxies)| proxies).sum();
                let number = shared.changes.begin(written, proxies + nodes);
                for replica in replicas {
                    replica.change(written.change, shared, schedule);
                }
                number
            }
            Plane::Stream(destination) => destination.change(written, nodes, shared, schedule),
        };
        if let (Some(rules), Some((life, _))) = (&mut self.rules, written.endpoints) {
            rules.change(life, number, shared, schedule);
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
        self.unheard_measured == 0 && self.shared.changes.are_settled()
    }

    /// No proxy has older configuration than what was last sent to it, unless something is under way; and a change is under
    /// way to exactly the proxies that it concerns and that do not have it.
    pub(super) fn check(&self, now: SimTime) {
        self.check_members();
        if let Some(certificates) = &self.certificates {
            certificates.check(now);
        }
        if let Some(told) = &self.shared.told {
            told.check();
        }
        match &self.plane {
            Plane::Nobody => self.shared.check_missing(self.rules.as_ref()),
            Plane::Push(replicas) => {
                for replica in replicas {
                    replica.check(&self.shared);
                }
                self.shared.check_missing(self.rules.as_ref());
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
    ) -> (ControlRecord, Option<CertificateRecord>) {
        let certificates = self.certificates.map(|certificates| certificates.finish(proxies));
        let Shared { program, setup, applied, applied_by, messages, bytes, changes, told, .. } = self.shared;
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
        let record = ControlRecord {
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
            outdated: told.map_or([0; 2], |told| told.calls()),
        };
        (record, certificates)
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

    /// Control planes and nodes hear of something.
    pub(super) fn hear(&mut self) {
        if let Some(control) = &mut self.control {
            control.hear(&mut self.schedule);
        }
    }

    /// The timer of a node's rules goes off.
    pub(super) fn rules_timer(&mut self, node: u32) {
        let Some(control) = &mut self.control else { return };
        if let Some(rules) = &mut control.rules {
            rules.on_timer(node, &control.shared, &mut self.schedule);
        }
    }

    /// A node's rules are written.
    pub(super) fn rules_written(&mut self, node: u32) {
        let Some(control) = &mut self.control else { return };
        if let Some(rules) = &mut control.rules {
            rules.on_written(node, &mut control.shared, &mut self.schedule, &mut control.learned);
        }
        self.after_learning();
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
        if !receiver.takes_over() {
            return;
        }
        let has = receiver.has;
        // One that has connected since the push was begun has what is newer already.
        receiver.has = has.max(changes);
        for number in has.max(shared.changes.first())..changes {
            // One that has now reached everybody is forgotten, and those before it were.
            let is_open = number >= shared.changes.first();
            if is_open && shared.is_concerned(shared.changes.get(number).change, subscriber) {
                shared.learn(number, None, subscriber, &mut control.learned);
                shared.changes.reach(number, now);
            }
        }
        self.after_learning();
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
            let now = self.schedule.now();
            destination.on_applied(stream, version, &mut control.shared, now, &mut control.learned);
        }
        self.after_learning();
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
        if let Some(certificates) = &mut control.certificates {
            for request in control.shared.signed.drain(..) {
                certificates.signed(request, &mut self.schedule);
            }
        }
        for subscriber in std::mem::take(&mut control.shared.configured) {
            self.configuration_made(subscriber);
        }
    }
}

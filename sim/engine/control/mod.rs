//! Changes of configuration and endpoints, from the API server to the proxies and nodes that they concern.
//!
//! `push` is a control plane that gathers changes and pushes them, `stream` one that sends each at once, `rules` are nodes
//! that need none, and `changes` knows which change has reached whom. Control planes hand what they send to a proxy's
//! control thread, which takes updates over one after the other: that CPU is counted to the proxy, and delays none of its
//! requests. `members` keeps who takes which pods for the endpoints of a workload; `connect` is how proxies come and go.
//! `certificates` are those of the proxies, whom a control plane, or another authority, issues them.
//!
//! `plane` is whatever runs of a control plane, `instances` how its instances come and go, `scaler` what makes them more or
//! fewer, `sessions` which proxy is connected to which of them, `meter` what they do over time. A proxy without a connection
//! keeps what it has, and is still concerned by what changes: it has it once it has connected again.

mod certificates;
mod changes;
mod connect;
mod instances;
mod members;
mod meter;
mod plane;
mod push;
mod rules;
mod scaler;
mod sessions;
mod stream;
mod told;
mod updates;

use std::collections::VecDeque;

use crate::index::IndexVec;
use crate::kernel::Schedule;
use crate::kernel::rng::{Key, hash_name};
use crate::metrics::record::PushKind;
use crate::program::control::{
    Audience, AudienceIdx, ChangeIdx, Control as Setup, IncidentIdx, Plane as Kind, SubscriberIdx,
};
use crate::program::lifecycle::LifeIdx;
use crate::program::{GroupIdx, Program, ProxyIdx};
use crate::units::{SimTime, Span};

use super::network::Message;
use super::{Engine, Event, draw};

pub(super) use certificates::CertificateStep;
use certificates::Certificates;
use changes::{Changes, Written};
use connect::Clients;
use instances::Instances;
pub(super) use members::Learned;
use members::Members;
use meter::Meter;
use plane::Plane;
use push::Replica;
use rules::Rules;
use scaler::Scaler;
use sessions::Sessions;
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
    instances: Instances,
    /// `None` where the number of instances is what it is.
    scaler: Option<Box<Scaler>>,
    meter: Meter,
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
    /// The same messages by kind.
    pushes: [u64; PushKind::ALL.len()],
    /// New proxies for which all is made, and certificates that are signed.
    configured: Vec<SubscriberIdx>,
    signed: Vec<certificates::Request>,
    sessions: Sessions,
    /// What was made last.
    tickets: u32,
}

/// A proxy as the control plane's client.
#[derive(Clone, Copy, Debug, Default)]
struct Receiver {
    /// It is there and has configuration, be it connected to the control plane or not.
    is_connected: bool,
    /// It is new and waits for its first configuration.
    asks: bool,
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

    /// A number for what is made next.
    const fn ticket(&mut self) -> u32 {
        self.tickets = self.tickets.wrapping_add(1);
        self.tickets
    }

    /// What a proxy is sent that has connected and asks for all there is up to a change: bytes, and CPU of its control
    /// thread. What it has it only compares, as far as it is sent again at all.
    fn all_of(&self, subscriber: SubscriberIdx, end: u32) -> (u64, Span) {
        let (audience, receiver) = (self.audience(subscriber), &self.receivers[subscriber]);
        let open = self.changes.open().filter(|(number, _)| (receiver.has..end).contains(number));
        let mut missed: Vec<ChangeIdx> = open.map(|(_, open)| open.change).collect();
        missed.sort_unstable();
        missed.dedup();
        let again = if audience.keeps { 0.0 } else { audience.clusters as f64 };
        let (mut bytes, mut work) = (audience.bytes * again, audience.apply_unchanged * again);
        for change in missed {
            let change = &self.setup.changes[change];
            let seen = change.seen[self.setup.subscribers[subscriber].audience];
            let endpoints = (seen * audience.endpoints_told(1, change.endpoint_count)) as f64;
            if change.endpoints.is_some() {
                bytes += audience.bytes_per_endpoint * endpoints;
                work += audience.apply_endpoints * seen as f64 + audience.apply_per_endpoint * endpoints;
            } else {
                bytes += if audience.keeps { audience.bytes * seen as f64 } else { 0.0 };
                work += audience.apply_changed * seen as f64;
            }
        }
        (bytes.round() as u64, Span::from_nanos_f64(work))
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
        let message = Message { ends: None, key, path: 0, number: receiver.messages, opens: false };
        let delay = delay + message.suffers(self.program, sent);
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
        let autoscaler = setup.instance.as_ref().and_then(|instance| instance.autoscaler.as_ref());
        let mut this = Self {
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
                Kind::Push(_) => Plane::Push(Vec::new()),
                Kind::Stream(stream) => {
                    let is_there = |subscriber| receivers[subscriber].is_connected;
                    Plane::Stream(Box::new(Destination::new(program, setup, stream, is_there)))
                }
            },
            instances: Instances::new(setup),
            scaler: autoscaler.map(|autoscaler| Box::new(Scaler::new(autoscaler))),
            meter: Meter::default(),
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
                pushes: [0; PushKind::ALL.len()],
                configured: Vec::new(),
                signed: Vec::new(),
                sessions: Sessions::new(setup),
                tickets: 0,
            },
        };
        this.start_instances();
        Some(Box::new(this))
    }

    /// An event changes routes.
    fn change(&mut self, change: ChangeIdx, schedule: &mut Schedule<Event>) {
        self.happened[change] += 1;
        let setup = &self.shared.setup.changes[change];
        if let Some(every) = setup.when.again(self.happened[change]) {
            schedule.after(every, Event::Change(change));
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
                for replica in replicas.iter_mut().flatten() {
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
        self.plane.check(&self.shared);
        self.shared.sessions.check(|instance| self.instances.is_running(instance));
        if !matches!(self.plane, Plane::Stream(_)) {
            self.shared.check_missing(self.rules.as_ref());
        }
    }
}

impl<'p> Engine<'p> {
    pub(super) fn start_changes(&mut self) {
        let Some(setup) = &self.program.control else { return };
        for (index, change) in setup.changes.iter_enumerated().filter(|(_, change)| change.when.times > 0) {
            self.schedule.at(change.when.first, Event::Change(index));
        }
        if let Some(control) = &mut self.control {
            control.start_incidents(&mut self.schedule);
            control.start_sessions(&mut self.schedule);
            control.start_scaler(&mut self.schedule);
        }
    }

    /// The next thing happens to a proxy's connection to the control plane.
    pub(super) fn plane_session(&mut self, subscriber: SubscriberIdx, number: u32) {
        if let Some(control) = &mut self.control {
            control.session(subscriber, number, &mut self.schedule);
        }
    }

    /// Something happens to the control plane's instances.
    pub(super) fn plane_incident(&mut self, incident: IncidentIdx) {
        if let Some(control) = &mut self.control {
            control.plane_incident(incident, &mut self.schedule);
        }
    }

    /// It is over.
    pub(super) fn plane_relief(&mut self, incident: IncidentIdx) {
        if let Some(control) = &mut self.control {
            control.plane_relief(incident, &mut self.schedule);
        }
    }

    /// An instance of the control plane takes connections from now on.
    pub(super) fn instance_ready(&mut self, instance: u32) {
        if let Some(control) = &mut self.control {
            control.instance_ready(instance, &mut self.schedule);
        }
    }

    /// What the control plane's instances have used is looked at.
    pub(super) fn plane_scrape(&mut self) {
        if let Some(control) = &mut self.control {
            control.scrape_instances(&mut self.schedule);
        }
    }

    /// The control plane's autoscaler looks.
    pub(super) fn plane_autoscale(&mut self) {
        if let Some(control) = &mut self.control {
            control.autoscale_instances(&mut self.schedule);
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

    /// The last byte of a push is on the wire, unless the proxy is connected no longer.
    pub(super) fn push_sent(&mut self, subscriber: SubscriberIdx, ticket: u32) {
        let session = self.control.as_ref().and_then(|control| control.shared.sessions.instance(subscriber));
        let Some(replica) = session else { return };
        self.with_replica(replica, |replica, shared, schedule| {
            replica.on_sent(subscriber, ticket, shared, schedule);
        });
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

    /// An instance has made an update of a stream.
    pub(super) fn update_made(&mut self, instance: u32, number: u32) {
        let Some(control) = &mut self.control else { return };
        if let Plane::Stream(destination) = &mut control.plane {
            destination.on_made(instance, number, &mut control.shared, &mut self.schedule);
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
        // One that is gone meanwhile does nothing.
        let Some(running) = control.plane.replica(replica) else { return };
        act(running, &mut control.shared, &mut self.schedule);
        if let Some(certificates) = &mut control.certificates {
            for request in control.shared.signed.drain(..) {
                certificates.signed(request, &mut self.schedule);
            }
        }
        control.look_at_memory(replica, &mut self.schedule);
        for subscriber in std::mem::take(&mut control.shared.configured) {
            self.configuration_made(subscriber);
        }
    }
}

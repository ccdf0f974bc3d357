//! An instance of a control plane that pushes: a window, a queue of proxies, and its CPU.
//!
//! Its CPU is shared evenly by the push that is built and the proxies that are served. A proxy is served from the
//! generation of what it gets until the last byte is on the wire.

use std::collections::VecDeque;

use crate::index::IndexVec;
use crate::kernel::Schedule;
use crate::kernel::station::Sharing;
use crate::metrics::record::PushKind;
use crate::policy::push::connect::RequestLimit;
use crate::policy::push::queue::PushQueue;
use crate::policy::push::request::{Merge, PushLog, PushRequest, Pushes, Trigger};
use crate::policy::push::window::{Next, Settings, Window};
use crate::program::control::{Audience, AudienceIdx, Change, ChangeIdx, Push, SubscriberIdx};
use crate::units::{Cores, SimTime, Span};

use super::certificates::Request;
use super::{Event, Shared};

/// Pushes that are kept in any case.
const MOST_KEPT: usize = 256;

#[derive(Debug)]
pub(super) struct Replica {
    number: u32,
    costs: Push,
    limit: RequestLimit,
    window: Window,
    /// Changes that wait for a push, and those in the push that is built; each with the number of the next one.
    gathered: PushRequest,
    building: PushRequest,
    building_to: u32,
    /// Events of the gathered changes, and of those in the push that is built, each once.
    gathered_of: Vec<ChangeIdx>,
    building_of: Vec<ChangeIdx>,
    /// Number of the first change that is in no push yet.
    pushed_to: u32,
    log: PushLog,
    /// Of each push in the log: number of the first change that is not in it.
    ends: VecDeque<u32>,
    /// And events of its changes.
    events: VecDeque<Vec<ChangeIdx>>,
    /// Version of the first push in the log.
    kept_from: u64,
    /// So many in the log are worth a look at who is owed the first of them.
    look_at: usize,
    /// Clients are all proxies that may be connected, by their numbers.
    queue: PushQueue<Pushes>,
    station: Sharing<Work>,
    /// What is made for each client.
    serving: IndexVec<SubscriberIdx, Serving>,
    /// Bytes of all that.
    in_work: f64,
    /// Certificates that it is to sign.
    signing: Vec<Request>,
    /// What the pushes of a range say, and how much of it each audience sees.
    merged: PushRequest,
    merged_of: Option<Pushes>,
    seen: IndexVec<AudienceIdx, Option<Seen>>,
    done: Vec<Work>,
    builds: u64,
    queue_max: u32,
}

/// What an audience sees of some pushes.
#[derive(Clone, Copy, Debug)]
struct Seen {
    of: Pushes,
    /// Clusters and routes, endpoints of those services of which they change, services in all.
    objects: u64,
    endpoints: u64,
    /// Services whose endpoints change.
    renewed: u64,
    services: u64,
    /// More than endpoints change.
    is_full: bool,
}

/// CPU to make a push, its bytes, and CPU of the client's control thread, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Cost {
    cpu: f64,
    bytes: f64,
    apply: f64,
}

/// What the CPU is for. What was made for a connection that is gone is known by its ticket.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// The next push.
    Build,
    /// What a client gets.
    Generate(SubscriberIdx, u32),
    /// All that a client gets which has just connected.
    Connect(SubscriberIdx, u32),
    /// A certificate.
    Sign(Request),
}

/// What is made for one client.
#[derive(Clone, Copy, Debug, Default)]
struct Serving {
    push: Option<Made>,
    connect: Option<Made>,
}

/// A message that is made or on the wire.
#[derive(Clone, Copy, Debug)]
struct Made {
    ticket: u32,
    kind: PushKind,
    /// Number of the first change that is not in it.
    end: u32,
    bytes: u64,
    /// CPU of the client's control thread.
    work: Span,
}

impl Replica {
    /// An instance that knows what has happened, and has no clients yet.
    pub(super) fn new(number: u32, costs: Push, cores: f64, shared: &Shared<'_>) -> Self {
        let cores = Cores::new(cores).expect("a number of cores");
        let settings = Settings { quiet: costs.quiet, longest: costs.longest };
        let setup = shared.setup;
        Self {
            number,
            costs,
            limit: RequestLimit::new(costs.connects),
            window: Window::new(settings),
            gathered: PushRequest::default(),
            building: PushRequest::default(),
            building_to: 0,
            gathered_of: Vec::new(),
            building_of: Vec::new(),
            pushed_to: shared.changes.next(),
            log: PushLog::default(),
            ends: VecDeque::new(),
            events: VecDeque::new(),
            kept_from: 1,
            look_at: MOST_KEPT,
            queue: PushQueue::new(costs.concurrency),
            station: Sharing::new(cores, shared.program.window),
            serving: IndexVec::filled(Serving::default(), setup.subscribers.len()),
            in_work: 0.0,
            signing: Vec::new(),
            merged: PushRequest::default(),
            merged_of: None,
            seen: IndexVec::filled(None, setup.audiences.len()),
            done: Vec::new(),
            builds: 0,
            queue_max: 0,
        }
    }

    /// A proxy wants to connect. Returns when it may; `None` if it is refused.
    pub(super) fn admit(&mut self, now: SimTime) -> Option<SimTime> {
        self.limit.admit(now)
    }

    /// It may use so many cores from now on.
    pub(super) fn resize(&mut self, cores: f64, schedule: &mut Schedule<Event>) {
        self.station.resize(schedule.now(), Cores::new(cores).expect("a number of cores"));
        self.arm(schedule);
    }

    /// Routes or endpoints have changed.
    pub(super) fn change(
        &mut self,
        change: ChangeIdx,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let now = schedule.now();
        let Change { services, endpoints, .. } = &shared.setup.changes[change];
        if !self.gathered_of.contains(&change) {
            self.gathered_of.push(change);
        }
        let request = match endpoints {
            Some(_) => PushRequest::of(Trigger::Endpoint, false, services, now),
            None => PushRequest::of(Trigger::Configuration, true, services, now),
        };
        self.gathered.merge(&request);
        let next = self.window.on_change(now);
        self.follow(next, shared, schedule);
    }

    /// A proxy has connected and asks for all that it sees, which is made beside the pushes from what is built by now.
    pub(super) fn connect(
        &mut self,
        subscriber: SubscriberIdx,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let now = schedule.now();
        let (end, ticket) = (self.pushed_to, shared.ticket());
        let audience = shared.audience(subscriber);
        let cpu = self.costs.push + audience.generate * audience.clusters as f64;
        let (bytes, work) = shared.all_of(subscriber, end);
        if shared.receivers[subscriber].asks && shared.program.window.contains(now) {
            shared.messages += 1;
            shared.bytes += bytes;
            shared.pushes[PushKind::Connect as usize] += 1;
        }
        self.serving[subscriber].connect = Some(Made { ticket, kind: PushKind::Connect, end, bytes, work });
        self.in_work += bytes as f64;
        self.station.offer(now, Span::from_nanos_f64(cpu), Work::Connect(subscriber, ticket));
        self.arm(schedule);
    }

    /// A certificate is to be signed, which takes so much CPU.
    pub(super) fn sign(&mut self, request: Request, cpu: Span, schedule: &mut Schedule<Event>) {
        self.signing.push(request);
        self.station.offer(schedule.now(), cpu, Work::Sign(request));
        self.arm(schedule);
    }

    /// The instance is gone: certificates that it was about to sign.
    pub(super) fn unsigned(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.signing)
    }

    /// A proxy is connected no longer. What is made for it is lost.
    pub(super) fn disconnect(
        &mut self,
        subscriber: SubscriberIdx,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        self.queue.disconnect(subscriber.0);
        let Serving { push, connect } = std::mem::take(&mut self.serving[subscriber]);
        let lost = [push, connect];
        self.in_work -= lost.iter().flatten().map(|made| made.bytes as f64).sum::<f64>();
        self.dispatch(shared, schedule);
    }

    /// The window's timer goes off.
    pub(super) fn on_timer(&mut self, shared: &mut Shared<'_>, schedule: &mut Schedule<Event>) {
        let next = self.window.on_timer(schedule.now());
        self.follow(next, shared, schedule);
    }

    fn follow(&mut self, next: Next, shared: &mut Shared<'_>, schedule: &mut Schedule<Event>) {
        match next {
            Next::Nothing => {}
            Next::Wait(until) => schedule.at(until, Event::PushWindow(self.number)),
            Next::Push(_) => {
                std::mem::swap(&mut self.gathered, &mut self.building);
                std::mem::swap(&mut self.gathered_of, &mut self.building_of);
                self.building_to = shared.changes.next();
                self.station.offer(schedule.now(), self.costs.build, Work::Build);
                self.arm(schedule);
            }
        }
    }

    /// The CPU may have done a job.
    pub(super) fn on_cpu(
        &mut self,
        generation: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let now = schedule.now();
        let mut done = std::mem::take(&mut self.done);
        self.station.ring(now, generation, &mut done);
        for work in done.drain(..) {
            match work {
                Work::Build => self.on_built(shared, schedule),
                Work::Sign(request) => {
                    self.signing.retain(|other| *other != request);
                    shared.signed.push(request);
                }
                Work::Connect(subscriber, ticket) => self.on_connected(subscriber, ticket, shared, schedule),
                Work::Generate(subscriber, ticket) => {
                    let made = self.serving[subscriber].push.filter(|made| made.ticket == ticket);
                    let Some(made) = made else { continue };
                    let transmission = shared.transmission(made.bytes);
                    if transmission == Span::ZERO {
                        self.send(subscriber, ticket, shared, schedule);
                    } else {
                        schedule.after(transmission, Event::PushSent { subscriber, ticket });
                    }
                }
            }
        }
        self.done = done;
        self.dispatch(shared, schedule);
    }

    /// A push is built: every client is to get it.
    fn on_built(&mut self, shared: &mut Shared<'_>, schedule: &mut Schedule<Event>) {
        let version = self.log.push(&mut self.building);
        self.ends.push_back(self.building_to);
        self.events.push_back(std::mem::take(&mut self.building_of));
        self.pushed_to = self.building_to;
        self.builds += u64::from(shared.program.window.contains(schedule.now()));
        for subscriber in self.serving.indexes() {
            let is_told = shared.receivers[subscriber].is_connected;
            if is_told && shared.sessions.is_client(subscriber, self.number) {
                self.queue.enqueue(subscriber.0, Pushes::one(version));
            }
        }
        let next = self.window.on_built(schedule.now());
        self.follow(next, shared, schedule);
    }

    /// All that a proxy asked for when it connected is made: a new one waits for it, another one has something already.
    fn on_connected(
        &mut self,
        subscriber: SubscriberIdx,
        ticket: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let serving = &mut self.serving[subscriber];
        let Some(made) = serving.connect.take_if(|made| made.ticket == ticket) else { return };
        self.in_work -= made.bytes as f64;
        shared.sessions.has_heard(subscriber);
        let receiver = &mut shared.receivers[subscriber];
        if std::mem::take(&mut receiver.asks) {
            shared.configured.push(subscriber);
        } else if receiver.is_connected {
            let sent = schedule.now() + shared.transmission(made.bytes);
            shared.hand_over(subscriber, made, sent, schedule);
        }
    }

    /// The last byte for a client is on the wire.
    pub(super) fn on_sent(
        &mut self,
        subscriber: SubscriberIdx,
        ticket: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        self.send(subscriber, ticket, shared, schedule);
        self.dispatch(shared, schedule);
    }

    fn send(
        &mut self,
        subscriber: SubscriberIdx,
        ticket: u32,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let serving = &mut self.serving[subscriber];
        let Some(made) = serving.push.take_if(|made| made.ticket == ticket) else { return };
        self.in_work -= made.bytes as f64;
        shared.hand_over(subscriber, made, schedule.now(), schedule);
        self.queue.done(subscriber.0);
    }

    /// Serves clients as long as some wait and not too many are served. What concerns a client not at all costs nothing.
    fn dispatch(&mut self, shared: &mut Shared<'_>, schedule: &mut Schedule<Event>) {
        while let Some((client, pushes)) = self.queue.serve() {
            let subscriber = SubscriberIdx(client);
            let seen = self.seen(subscriber, pushes, shared);
            if seen.services == 0 {
                self.queue.done(client);
                continue;
            }
            let cost = self.cost(&seen, shared.audience(subscriber));
            let made = Made {
                ticket: shared.ticket(),
                kind: if seen.is_full { PushKind::Full } else { PushKind::Endpoints },
                end: self.ends[(pushes.last - self.kept_from) as usize],
                bytes: cost.bytes.round() as u64,
                work: Span::from_nanos_f64(cost.apply),
            };
            self.in_work += made.bytes as f64;
            self.serving[subscriber].push = Some(made);
            let work = Work::Generate(subscriber, made.ticket);
            self.station.offer(schedule.now(), Span::from_nanos_f64(cost.cpu), work);
        }
        self.queue_max = self.queue_max.max(self.queue.waiting());
        self.forget();
        self.arm(schedule);
    }

    /// What a push costs. One that is about endpoints alone says nothing else; in a full one what does not change lies in the
    /// cache, and comes along unless only changes are sent.
    fn cost(&self, seen: &Seen, audience: &Audience) -> Cost {
        let (changed, endpoints) = (seen.objects as f64, seen.endpoints as f64);
        let unchanged =
            if seen.is_full { audience.clusters.saturating_sub(seen.services) as f64 } else { 0.0 };
        let along = if self.costs.is_delta { 0.0 } else { unchanged };
        Cost {
            cpu: self.costs.push
                + audience.generate * changed
                + audience.generate_per_endpoint * endpoints
                + self.costs.cached * unchanged,
            bytes: audience.bytes * (changed + along) + audience.bytes_per_endpoint * endpoints,
            apply: audience.apply_changed * changed
                + audience.apply_endpoints * seen.renewed as f64
                + audience.apply_per_endpoint * endpoints
                + audience.apply_unchanged * along,
        }
    }

    /// Objects that change with these pushes and a client sees, and how many services they are of. What one event changes
    /// again and again are the same objects.
    fn seen(&mut self, subscriber: SubscriberIdx, pushes: Pushes, shared: &Shared<'_>) -> Seen {
        let audience = shared.setup.subscribers[subscriber].audience;
        if let Some(seen) = self.seen[audience].filter(|seen| seen.of == pushes) {
            return seen;
        }
        if self.merged_of != Some(pushes) {
            self.log.merged(pushes, &mut self.merged);
            self.merged_of = Some(pushes);
        }
        let range = (pushes.first - self.kept_from) as usize..=(pushes.last - self.kept_from) as usize;
        let mut events: Vec<ChangeIdx> = self.events.range(range).flatten().copied().collect();
        events.sort_unstable();
        events.dedup();
        let changes = events.iter().map(|&event| &shared.setup.changes[event]);
        let told = &shared.setup.audiences[audience];
        let (mut objects, mut endpoints, mut renewed, mut services) = (0, 0, 0, 0);
        for change in changes {
            if change.endpoints.is_some() {
                renewed += change.seen[audience];
                endpoints += change.seen[audience] * told.endpoints_told(1, change.endpoint_count);
            } else {
                objects += change.seen[audience];
            }
            services += change.seen[audience];
        }
        if services > 0 && self.merged.is_full {
            services = told.seen_of(self.merged.changed()).max(1);
        }
        let seen = Seen { of: pushes, objects, endpoints, renewed, services, is_full: self.merged.is_full };
        self.seen[audience] = Some(seen);
        seen
    }

    /// Forgets pushes that nobody is owed any more.
    fn forget(&mut self) {
        let is_idle = self.queue.waiting() == 0 && self.queue.served() == 0;
        if self.ends.is_empty() || !(is_idle || self.ends.len() > self.look_at) {
            return;
        }
        let owed = (0..self.serving.len() as u32).filter_map(|client| self.queue.pending(client));
        let owed = if is_idle { None } else { owed.map(|pushes| pushes.first).min() };
        let keep = owed.unwrap_or(self.log.latest() + 1);
        self.ends.drain(..(keep - self.kept_from) as usize);
        self.events.drain(..(keep - self.kept_from) as usize);
        self.log.forget_before(keep);
        self.kept_from = keep;
        self.look_at = MOST_KEPT.max(2 * self.ends.len());
    }

    fn arm(&mut self, schedule: &mut Schedule<Event>) {
        if let Some(alarm) = self.station.next_alarm() {
            schedule.at(alarm.at, Event::PushCpuDone { replica: self.number, generation: alarm.generation });
        }
    }

    pub(super) fn cpu_used(&self, now: SimTime) -> Span {
        self.station.served(now)
    }

    pub(super) fn cpu_used_in_window(&self, now: SimTime) -> Span {
        self.station.served_in_window(now)
    }

    /// Pushes built in the window.
    pub(super) const fn builds(&self) -> u64 {
        self.builds
    }

    /// The most clients that have waited at once.
    pub(super) const fn queue_max(&self) -> u32 {
        self.queue_max
    }

    /// Proxies that wait to be pushed to.
    pub(super) const fn waiting(&self) -> u32 {
        self.queue.waiting()
    }

    /// Bytes of all that is made or on the wire.
    pub(super) const fn in_work(&self) -> f64 {
        self.in_work
    }

    /// A client to which nothing is under way has every change of every push so far that concerns it; and nothing is made
    /// for who is no client.
    pub(super) fn check(&self, shared: &Shared<'_>) {
        let mut in_work = 0.0;
        for (subscriber, Serving { push, connect }) in self.serving.iter_enumerated() {
            in_work += [push, connect].into_iter().flatten().map(|made| made.bytes as f64).sum::<f64>();
            let is_served = push.is_some() || connect.is_some() || self.queue.pending(subscriber.0).is_some();
            if !shared.sessions.is_client(subscriber, self.number) {
                assert!(!is_served, "nothing is made for who is connected elsewhere");
                continue;
            }
            let receiver = &shared.receivers[subscriber];
            if !receiver.is_connected || is_served || receiver.under_way > 0 {
                continue;
            }
            let pushed = shared.changes.open().take_while(|(number, _)| *number < self.pushed_to);
            let mut missing = pushed.filter(|(number, _)| *number >= receiver.has);
            assert!(
                !missing.any(|(_, open)| shared.is_concerned(open.change, subscriber)),
                "no proxy ends with older configuration than was last pushed to it"
            );
        }
        assert!((in_work - self.in_work).abs() < 1.0, "what is made is given back when it is sent or lost");
    }
}

impl Shared<'_> {
    /// A message is on the wire to a client.
    fn hand_over(
        &mut self,
        subscriber: SubscriberIdx,
        made: Made,
        sent: SimTime,
        schedule: &mut Schedule<Event>,
    ) {
        let applied = self.deliver(subscriber, sent, made.bytes, made.work);
        schedule.at(applied, Event::PushApplied { subscriber, changes: made.end });
        if self.program.window.contains(sent) {
            self.pushes[made.kind as usize] += 1;
        }
    }
}

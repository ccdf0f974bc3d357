//! An instance of a control plane that pushes: a window, a queue of proxies, and its CPU.
//!
//! Its CPU is shared evenly by the push that is built and the proxies that are served. A proxy is served from the
//! generation of what it gets until the last byte is on the wire.

use std::collections::VecDeque;

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::kernel::station::Sharing;
use crate::policy::push::queue::PushQueue;
use crate::policy::push::request::{Merge, PushLog, PushRequest, Pushes, Trigger};
use crate::policy::push::window::{Next, Settings, Window};
use crate::program::Program;
use crate::program::control::{
    Audience, AudienceIdx, Change, ChangeIdx, Control as Setup, Push, SubscriberIdx,
};
use crate::units::{Cores, SimTime, Span};

use super::certificates::Request;
use super::{Event, Shared};

/// Pushes that are kept in any case.
const MOST_KEPT: usize = 256;

#[derive(Debug)]
pub(super) struct Replica {
    number: u32,
    costs: Push,
    replicas: u32,
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
    queue: PushQueue<Pushes>,
    station: Sharing<Work>,
    /// The push to each client, as long as it is served.
    serving: Vec<Serving>,
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

/// What the CPU is for.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// The next push.
    Build,
    /// What a client gets.
    Generate(u32),
    /// All that a new client gets.
    Connect(u32),
    /// A certificate.
    Sign(Request),
}

/// A push to one client.
#[derive(Clone, Copy, Debug, Default)]
struct Serving {
    is_served: bool,
    /// The client has gone meanwhile.
    is_lost: bool,
    /// A new client waits for all there is.
    is_new: bool,
    /// Number of the first change that is not in it.
    end: u32,
    bytes: u64,
    /// CPU of the client's control thread.
    work: Span,
}

impl Replica {
    /// All instances.
    pub(super) fn all(program: &Program, setup: &Setup, costs: Push) -> Vec<Self> {
        let cores = Cores::new(setup.cores).expect("a number of cores");
        let settings = Settings { quiet: costs.quiet, longest: costs.longest };
        let clients = |number: u32| {
            let all = setup.subscribers.len() as u32;
            all.saturating_sub(number).div_ceil(setup.replicas)
        };
        let replica = |number| Self {
            number,
            costs,
            replicas: setup.replicas,
            window: Window::new(settings),
            gathered: PushRequest::default(),
            building: PushRequest::default(),
            building_to: 0,
            gathered_of: Vec::new(),
            building_of: Vec::new(),
            pushed_to: 0,
            log: PushLog::default(),
            ends: VecDeque::new(),
            events: VecDeque::new(),
            kept_from: 1,
            look_at: MOST_KEPT,
            queue: PushQueue::new(costs.concurrency),
            station: Sharing::new(cores, program.window),
            serving: vec![Serving::default(); clients(number) as usize],
            merged: PushRequest::default(),
            merged_of: None,
            seen: IndexVec::filled(None, setup.audiences.len()),
            done: Vec::new(),
            builds: 0,
            queue_max: 0,
        };
        (0..setup.replicas).map(replica).collect()
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

    /// A new proxy asks for all that it sees, which is made beside the pushes.
    pub(super) fn ask(
        &mut self,
        subscriber: SubscriberIdx,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        let client = subscriber.0 / self.replicas;
        let audience = shared.audience(subscriber);
        let clusters = audience.clusters as f64;
        let cpu = self.costs.push + audience.generate * clusters;
        let bytes = (audience.bytes * clusters).round() as u64;
        self.serving[client as usize].is_new = true;
        let now = schedule.now();
        if shared.program.window.contains(now) {
            shared.messages += 1;
            shared.bytes += bytes;
        }
        self.station.offer(now, Span::from_nanos_f64(cpu), Work::Connect(client));
        self.arm(schedule);
    }

    /// A certificate is to be signed, which takes so much CPU.
    pub(super) fn sign(&mut self, request: Request, cpu: Span, schedule: &mut Schedule<Event>) {
        self.station.offer(schedule.now(), cpu, Work::Sign(request));
        self.arm(schedule);
    }

    /// A proxy is gone. What is made for it is lost.
    pub(super) fn disconnect(&mut self, subscriber: SubscriberIdx) {
        let client = subscriber.0 / self.replicas;
        self.queue.disconnect(client);
        let serving = &mut self.serving[client as usize];
        serving.is_lost = std::mem::take(&mut serving.is_served);
    }

    /// Whether something is made for a proxy that is gone.
    pub(super) fn is_busy_with(&self, subscriber: SubscriberIdx) -> bool {
        let serving = &self.serving[(subscriber.0 / self.replicas) as usize];
        serving.is_lost || serving.is_new
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
                Work::Sign(request) => shared.signed.push(request),
                Work::Connect(client) => {
                    self.serving[client as usize].is_new = false;
                    shared.configured.push(self.subscriber(client));
                }
                Work::Generate(client) if self.serving[client as usize].is_lost => {
                    self.serving[client as usize].is_lost = false;
                }
                Work::Generate(client) => {
                    let transmission = shared.transmission(self.serving[client as usize].bytes);
                    if transmission == Span::ZERO {
                        self.send(client, shared, schedule);
                    } else {
                        schedule.after(transmission, Event::PushSent(self.subscriber(client)));
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
        for client in 0..self.serving.len() as u32 {
            if shared.receivers[self.subscriber(client)].is_connected {
                self.queue.enqueue(client, Pushes::one(version));
            }
        }
        let next = self.window.on_built(schedule.now());
        self.follow(next, shared, schedule);
    }

    /// The last byte for a client is on the wire.
    pub(super) fn on_sent(&mut self, client: u32, shared: &mut Shared<'_>, schedule: &mut Schedule<Event>) {
        if !std::mem::take(&mut self.serving[client as usize].is_lost) {
            self.send(client, shared, schedule);
        }
        self.dispatch(shared, schedule);
    }

    fn send(&mut self, client: u32, shared: &mut Shared<'_>, schedule: &mut Schedule<Event>) {
        let Serving { end, bytes, work, .. } = self.serving[client as usize];
        self.serving[client as usize].is_served = false;
        let subscriber = self.subscriber(client);
        let applied = shared.deliver(subscriber, schedule.now(), bytes, work);
        schedule.at(applied, Event::PushApplied { subscriber, changes: end });
        self.queue.done(client);
    }

    /// Serves clients as long as some wait and not too many are served. What concerns a client not at all costs nothing.
    fn dispatch(&mut self, shared: &Shared<'_>, schedule: &mut Schedule<Event>) {
        while let Some((client, pushes)) = self.queue.serve() {
            let seen = self.seen(client, pushes, shared);
            if seen.services == 0 {
                self.queue.done(client);
                continue;
            }
            let audience = shared.audience(self.subscriber(client));
            let cost = self.cost(&seen, audience);
            self.serving[client as usize] = Serving {
                is_served: true,
                is_lost: false,
                is_new: false,
                end: self.ends[(pushes.last - self.kept_from) as usize],
                bytes: cost.bytes.round() as u64,
                work: Span::from_nanos_f64(cost.apply),
            };
            self.station.offer(schedule.now(), Span::from_nanos_f64(cost.cpu), Work::Generate(client));
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
    fn seen(&mut self, client: u32, pushes: Pushes, shared: &Shared<'_>) -> Seen {
        let audience = shared.setup.subscribers[self.subscriber(client)].audience;
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

    /// The proxy that is this instance's client of this number.
    fn subscriber(&self, client: u32) -> SubscriberIdx {
        SubscriberIdx::at((client * self.replicas + self.number) as usize)
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

    /// A client to which nothing is under way has every change of every push so far that concerns it.
    pub(super) fn check(&self, shared: &Shared<'_>) {
        for (client, serving) in (0..).zip(&self.serving) {
            let subscriber = self.subscriber(client);
            let receiver = &shared.receivers[subscriber];
            if !receiver.is_connected
                || serving.is_served
                || self.queue.pending(client).is_some()
                || receiver.under_way > 0
            {
                continue;
            }
            let pushed = shared.changes.open().take_while(|(number, _)| *number < self.pushed_to);
            let mut missing = pushed.filter(|(number, _)| *number >= receiver.has);
            assert!(
                !missing.any(|(_, open)| shared.is_concerned(open.change, subscriber)),
                "no proxy ends with older configuration than was last pushed to it"
            );
        }
    }
}

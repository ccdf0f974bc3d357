//! How instances of the control plane come and go: killed, starved of CPU, out of memory, replaced, made more or fewer.

use crate::kernel::Schedule;
use crate::kernel::rng::{Key, Uniform, hash_name};
use crate::metrics::record::InstanceCounts;
use crate::policy::crash_loop::CrashLoop;
use crate::program::control::{Control as Setup, IncidentIdx, IncidentKind};
use crate::units::{SimTime, Span};

use super::sessions::Ending;
use super::{Control, Event, draw};

/// All instances that there are or were.
#[derive(Debug)]
pub(super) struct Instances {
    all: Vec<Instance>,
    /// Cores that incidents leave each instance.
    limits: Vec<f64>,
    cores: f64,
    /// How often each incident has happened.
    happened: Vec<u64>,
    choices: u32,
    counts: InstanceCounts,
    /// Of those that have stopped: pushes they built and the most that waited at one of them.
    pub(super) builds: u64,
    pub(super) queue_max: u32,
    /// For how long instances have run within the window, in nanoseconds, summed up; that of those that run apart.
    ran: u64,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instance {
    pub(super) state: State,
    /// When its pod was made.
    pub(super) created: SimTime,
    /// Since when it runs, or has run last.
    pub(super) since: SimTime,
    /// CPU that it used before its container was started last: in all and in the window.
    before: [Span; 2],
    crashes: CrashLoop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It takes no connections yet.
    Starting,
    Running,
    Gone,
}

impl Instances {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            all: Vec::new(),
            limits: Vec::new(),
            cores: setup.cores,
            happened: vec![0; setup.incidents.len()],
            choices: 0,
            counts: InstanceCounts::default(),
            builds: 0,
            queue_max: 0,
            ran: 0,
        }
    }

    /// An instance is made; returns its number.
    fn make(&mut self, state: State, now: SimTime) -> u32 {
        let crashes = CrashLoop::default();
        self.all.push(Instance { state, created: now, since: now, before: [Span::ZERO; 2], crashes });
        self.all.len() as u32 - 1
    }

    /// Those in a state, by their numbers.
    pub(super) fn of(&self, state: State) -> impl Iterator<Item = u32> {
        (0..).zip(&self.all).filter(move |(_, one)| one.state == state).map(|(number, _)| number)
    }

    pub(super) fn get(&self, number: u32) -> &Instance {
        &self.all[number as usize]
    }

    pub(super) fn is_running(&self, number: u32) -> bool {
        self.all.get(number as usize).is_some_and(|one| one.state == State::Running)
    }

    /// Instances that run or are about to.
    pub(super) fn wanted(&self) -> u32 {
        self.all.iter().filter(|one| one.state != State::Gone).count() as u32
    }

    /// CPU that an instance may use now.
    fn limit(&self) -> f64 {
        self.limits.iter().copied().fold(self.cores, f64::min)
    }

    pub(super) fn counts(&self) -> InstanceCounts {
        self.counts
    }

    pub(super) const fn counts_mut(&mut self) -> &mut InstanceCounts {
        &mut self.counts
    }
}

impl Control<'_> {
    /// The instances of the start run, and proxies are connected to them.
    pub(super) fn start_instances(&mut self) {
        for _ in 0..self.shared.setup.replicas {
            let number = self.instances.make(State::Running, SimTime::ZERO);
            self.plane.start(number, self.instances.limit(), &self.shared);
            self.shared.sessions.add(number);
        }
        for subscriber in self.shared.setup.subscribers.indexes() {
            if self.shared.receivers[subscriber].is_connected {
                self.shared.connect_at_start(subscriber);
            }
        }
    }

    /// What happens to instances is scheduled.
    pub(super) fn start_incidents(&mut self, schedule: &mut Schedule<Event>) {
        let incidents = self.shared.setup.incidents.iter_enumerated();
        for (index, incident) in incidents.filter(|(_, incident)| incident.when.times > 0) {
            schedule.at(incident.when.first, Event::PlaneIncident(index));
        }
        for number in 0..self.shared.setup.replicas {
            self.look_at_memory(number, schedule);
        }
    }

    /// Something happens to instances.
    pub(super) fn plane_incident(&mut self, index: IncidentIdx, schedule: &mut Schedule<Event>) {
        let incident = &self.shared.setup.incidents[index];
        let happened = &mut self.instances.happened[index.0 as usize];
        *happened += 1;
        if let Some(every) = incident.when.again(*happened) {
            schedule.after(every, Event::PlaneIncident(index));
        }
        if self.shared.setup.replicas == 0 {
            return;
        }
        match incident.kind {
            IncidentKind::Kill(instances) => {
                for _ in 0..instances {
                    self.kill_any(schedule);
                }
            }
            IncidentKind::Starve(cores, length) => {
                self.instances.limits.push(cores);
                self.instances.counts.starved += u64::from(self.is_measured(schedule.now()));
                self.plane.resize(self.instances.limit(), schedule);
                schedule.after(length, Event::PlaneRelief(index));
            }
        }
    }

    /// Instances are starved no longer, unless something else does so.
    pub(super) fn plane_relief(&mut self, index: IncidentIdx, schedule: &mut Schedule<Event>) {
        let IncidentKind::Starve(cores, _) = self.shared.setup.incidents[index].kind else { return };
        let limits = &mut self.instances.limits;
        if let Some(position) = limits.iter().position(|limit| limit.to_bits() == cores.to_bits()) {
            limits.swap_remove(position);
        }
        self.plane.resize(self.instances.limit(), schedule);
    }

    fn is_measured(&self, now: SimTime) -> bool {
        self.shared.program.window.contains(now)
    }

    /// An instance, any of those that run, is gone without warning, and another one is made in its place.
    fn kill_any(&mut self, schedule: &mut Schedule<Event>) {
        let running: Vec<u32> = self.instances.of(State::Running).collect();
        if running.is_empty() {
            return;
        }
        let shared = &self.shared;
        let key = Key::new(&[shared.program.seed, u64::from(shared.replication), hash_name("control plane")]);
        let mut draws = key.draws(draw::INSTANCE_CHOICE, 0, self.instances.choices, 0);
        self.instances.choices += 1;
        let number = running[draws.below(running.len() as u32) as usize];
        self.instances.counts.killed += u64::from(self.is_measured(schedule.now()));
        self.stop_instance(number, Ending::Failed, schedule);
        self.instances.all[number as usize].state = State::Gone;
        self.make_instance(schedule);
    }

    fn make_instance(&mut self, schedule: &mut Schedule<Event>) {
        let Some(setup) = &self.shared.setup.instance else { return };
        let number = self.instances.make(State::Starting, schedule.now());
        schedule.after(setup.start, Event::InstanceReady(number));
    }

    /// There are to be so many instances. Those that are not ready go first, then the youngest.
    pub(super) fn scale_instances(&mut self, wanted: u32, schedule: &mut Schedule<Event>) {
        for _ in self.instances.wanted()..wanted {
            self.make_instance(schedule);
        }
        for _ in wanted..self.instances.wanted() {
            let starting = self.instances.of(State::Starting).last();
            let Some(number) = starting.or_else(|| self.instances.of(State::Running).last()) else { return };
            if self.instances.is_running(number) {
                self.stop_instance(number, Ending::Ended, schedule);
            }
            self.instances.all[number as usize].state = State::Gone;
        }
    }

    /// An instance takes connections from now on, and knows what has happened.
    pub(super) fn instance_ready(&mut self, number: u32, schedule: &mut Schedule<Event>) {
        let now = schedule.now();
        let instance = &mut self.instances.all[number as usize];
        if instance.state != State::Starting {
            return;
        }
        (instance.state, instance.since) = (State::Running, now);
        self.instances.counts.started += u64::from(self.is_measured(now));
        self.plane.start(number, self.instances.limit(), &self.shared);
        self.shared.sessions.add(number);
        self.look_at_memory(number, schedule);
    }

    /// An instance that has run is gone, and its proxies must find another one.
    fn stop_instance(&mut self, number: u32, ending: Ending, schedule: &mut Schedule<Event>) {
        let now = schedule.now();
        let used = self.plane.used(number, now);
        let ran = self.ran(number, now);
        let capacity = self.shared.setup.cores * ran as f64;
        assert!(used[1].nanos() as f64 <= capacity * (1.0 + 1e-9) + 1e3, "an instance has so many cores");
        self.instances.ran += ran;
        let instance = &mut self.instances.all[number as usize];
        for (before, used) in instance.before.iter_mut().zip(used) {
            *before += used;
        }
        if let (Some(certificates), Some(replica)) = (&mut self.certificates, self.plane.replica(number)) {
            for request in replica.unsigned() {
                certificates.refuse(request, schedule);
            }
        }
        let mut lost = Vec::new();
        self.shared.lose_instance(number, ending, &mut lost, schedule);
        if let Some((builds, queue_max)) = self.plane.stop(number, &lost) {
            self.instances.builds += builds;
            self.instances.queue_max = self.instances.queue_max.max(queue_max);
        }
    }

    /// How long an instance that runs has done so within the window, in nanoseconds.
    fn ran(&self, number: u32, now: SimTime) -> u64 {
        self.shared.program.window.overlap(self.instances.get(number).since, now).nanos()
    }

    /// How long all instances have run within the window, in nanoseconds.
    pub(super) fn all_ran(&self, now: SimTime) -> u64 {
        let running = self.instances.of(State::Running);
        self.instances.ran + running.map(|number| self.ran(number, now)).sum::<u64>()
    }

    /// CPU of an instance since it was made: in all and in the window.
    pub(super) fn used_by(&self, number: u32, now: SimTime) -> [Span; 2] {
        let [all, within] = self.instances.get(number).before;
        if !self.instances.is_running(number) {
            return [all, within];
        }
        let used = self.plane.used(number, now);
        [all + used[0], within + used[1]]
    }

    /// CPU of all instances since the start: in all and in the window.
    pub(super) fn used_by_all(&self, now: SimTime) -> [Span; 2] {
        let numbers = 0..self.instances.all.len() as u32;
        numbers
            .map(|number| self.used_by(number, now))
            .fold([Span::ZERO; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    }

    /// Memory of an instance that runs, in bytes.
    pub(super) fn memory_of(&self, number: u32) -> f64 {
        let Some(setup) = &self.shared.setup.instance else { return 0.0 };
        let law = setup.memory;
        let members = self.shared.members.as_ref();
        let more = members.map_or(0.0, |members| members.more_than_at_start(self.shared.program));
        law.base
            + law.per_endpoint * more
            + law.per_proxy * f64::from(self.shared.sessions.connections(number))
            + law.per_pushed_byte * self.plane.in_work(number)
    }

    /// The memory of an instance may have grown: too much of it, and its container is killed and started again.
    pub(super) fn look_at_memory(&mut self, number: u32, schedule: &mut Schedule<Event>) {
        let Some(setup) = &self.shared.setup.instance else { return };
        if !self.instances.is_running(number) {
            return;
        }
        let (now, memory) = (schedule.now(), self.memory_of(number));
        if self.is_measured(now) {
            self.meter.memory_max = self.meter.memory_max.max(memory);
        }
        if setup.memory.limit.is_none_or(|limit| memory <= limit) {
            return;
        }
        self.instances.counts.out_of_memory += u64::from(self.is_measured(now));
        self.stop_instance(number, Ending::Failed, schedule);
        let instance = &mut self.instances.all[number as usize];
        instance.state = State::Starting;
        let restart = instance.crashes.on_end(now);
        schedule.at(restart + setup.restart, Event::InstanceReady(number));
    }
}

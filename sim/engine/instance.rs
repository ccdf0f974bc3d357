//! What the called instance does: wait for a worker, work, run the script, answer.

use crate::index::Idx;
use crate::kernel::Uniform;
use crate::kernel::rng::extend_path;
use crate::kernel::station::{Acquired, Capacity, Fifo, Pool, Sharing};
use crate::mesh::scenario::Discipline;
use crate::program::{Action, ActionIdx, Pod, PodIdx, Program, Serving, SiteIdx, StepIdx};
use crate::units::{Cores, SimTime, Span};
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::Status;

use super::call::{Call, CallId, Part, Waiter};
use super::recorder::Work;
use super::{Engine, Event, draw};

/// The workers of one instance.
#[derive(Debug)]
pub(super) enum Instance {
    /// Any number at once.
    Unlimited,
    /// Workers that are free again after the service time: known on arrival.
    Fifo(Fifo),
    /// Workers that are held until the response leaves, or until throttled work is done.
    Held(Pool<CallId>),
    /// All requests at once, at an equal share of the workers.
    Shared {
        station: Sharing<CallId>,
        /// Requests it takes at once; one more is rejected.
        places: u32,
    },
}

impl Instance {
    pub(super) fn new(program: &Program, pod: &Pod) -> Self {
        let workload = &program.workloads[pod.workload];
        let Serving::Limited { workers, queue_limit, discipline } = workload.serving else {
            return Self::Unlimited;
        };
        let servers = Capacity::Limited(workers);
        let places =
            if queue_limit == u32::MAX { Capacity::Unlimited } else { Capacity::Limited(queue_limit) };
        match (discipline, workload.hold_workers) {
            (Discipline::ProcessorSharing, _) => {
                let limit =
                    workload.cpu_limit.as_ref().map_or(f64::INFINITY, crate::program::CpuLimit::cores);
                let capacity = Cores::new(f64::from(workers).min(limit)).expect("a count is a capacity");
                let station = Sharing::new(capacity, program.window);
                Self::Shared { station, places: workers.saturating_add(queue_limit) }
            }
            // Nobody knows beforehand when throttled work ends.
            (Discipline::Fifo, hold) if hold || workload.cpu_limit.is_some() => {
                Self::Held(Pool::new(servers, places, program.window))
            }
            (Discipline::Fifo, _) => Self::Fifo(Fifo::new(servers, places, program.window)),
        }
    }

    /// Worker time in the window, in nanoseconds.
    pub(super) fn busy(&self, end: SimTime) -> u64 {
        match self {
            Self::Unlimited => 0,
            Self::Fifo(station) => station.busy().in_window().nanos(),
            Self::Held(pool) => pool.busy_level().unit_nanos(end) as u64,
            Self::Shared { station, .. } => station.served_in_window(end).nanos(),
        }
    }

    /// Worker time from the start up to `now`, in nanoseconds; `None` where workers are unlimited.
    pub(super) fn busy_until(&self, now: SimTime) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Fifo(station) => station.busy_until(now).map(Span::nanos),
            Self::Held(pool) => Some(pool.busy_level().unit_nanos_until(now) as u64),
            Self::Shared { station, .. } => Some(station.served(now).nanos()),
        }
    }
}

impl Engine<'_> {
    /// The request reaches the application.
    pub(super) fn serve(&mut self, id: CallId) {
        if let Some(site) = self.program.sites[self.calls[id].site].relay {
            return self.relay(id, site);
        }
        if !self.serves(self.calls[id].callee) {
            return self.answer_for_application(id);
        }
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        call.code = self.program.code(call.callee, call.operation);
        let demand = self.service_time(id);
        let call = &mut self.calls[id];
        let service = self.program.pods[call.callee].workload.position();
        self.recorder.visit_begins(call, service, now);
        self.recorder.demand(call, demand.nanos());
        let pod = call.callee;
        let (cpu, taken) = self.stretched(id, demand);
        match &mut self.instances[pod] {
            Instance::Unlimited => self.start_work(id, demand),
            Instance::Fifo(station) => match station.offer(now, taken) {
                Ok(visit) => {
                    self.burn(pod, cpu);
                    self.work(id, visit.start, demand, taken);
                }
                Err(_) => self.reject(id),
            },
            Instance::Held(pool) => match pool.acquire(now, id) {
                Acquired::Started => self.start_work(id, demand),
                Acquired::Queued(_) => {}
                Acquired::Rejected => self.reject(id),
            },
            Instance::Shared { station, places } if station.present() >= *places => self.reject(id),
            Instance::Shared { station, .. } => {
                station.offer(now, taken, id);
                self.burn(pod, cpu);
                self.arm_shared(pod);
            }
        }
    }

    pub(super) fn service_time(&self, id: CallId) -> Span {
        let call = &self.calls[id];
        let law = &self.program.codes[call.code].service_time;
        Span::from_nanos_f64(law.sample(&mut call.key.draws(draw::SERVICE_TIME, call.path, 0, 0)))
    }

    /// CPU of a visit of length `demand`, in nanoseconds.
    pub(super) fn cpu_time(&self, id: CallId, demand: Span) -> f64 {
        let call = &self.calls[id];
        let code = &self.program.codes[call.code];
        match &code.cpu_time {
            None => demand.nanos() as f64 * code.cpu_share,
            Some(law) => law.sample(&mut call.key.draws(draw::CPU_TIME, call.path, 0, 0)),
        }
    }

    /// CPU of a visit, and how long it takes where the node's cores are shared.
    fn stretched(&self, id: CallId, demand: Span) -> (f64, Span) {
        let Some(cores) = &self.node_cores else { return (0.0, demand) };
        let cpu = self.cpu_time(id, demand);
        let longer = cpu * (cores.stretch_of_application(self.calls[id].callee) - 1.0);
        (cpu, demand + Span::from_nanos_f64(longer))
    }

    fn burn(&mut self, pod: PodIdx, cpu: f64) {
        if let Some(cores) = &mut self.node_cores {
            cores.application_takes_up(pod, cpu);
        }
    }

    /// A worker is on the request from now on.
    fn start_work(&mut self, id: CallId, demand: Span) {
        let (cpu, taken) = self.stretched(id, demand);
        let pod = self.calls[id].callee;
        self.burn(pod, cpu);
        if self.throttles[pod].is_some() {
            return self.start_throttled(id, demand, taken);
        }
        self.work(id, self.schedule.now(), demand, taken);
    }

    /// Work of length `demand` that takes `taken` from `start` on.
    fn work(&mut self, id: CallId, start: SimTime, demand: Span, taken: Span) {
        self.account_work(id, start, demand, taken);
        self.schedule.at(start + taken, Event::ServiceDone(id));
    }

    /// Work of length `demand` that begins at `start` and takes `taken`.
    pub(super) fn account_work(&mut self, id: CallId, start: SimTime, demand: Span, taken: Span) {
        let call = &mut self.calls[id];
        let waited = start.since(call.served) + taken.saturating_sub(demand);
        call.spend(Part::Queueing, waited);
        call.spend(Part::Application, taken.min(demand));
        let cpu = self.cpu_time(id, demand);
        let call = &self.calls[id];
        let callee = call.callee;
        let pod = &self.program.pods[callee];
        let (service, node) = (pod.workload.position(), pod.node);
        let work = Work { service, node, waited, start, taken, cpu };
        self.recorder.work(call.measured, &work);
        self.note_cpu(callee, cpu);
    }

    /// The queue is full.
    fn reject(&mut self, id: CallId) {
        let call = &mut self.calls[id];
        call.fail(Failure::answered(Cause::Application, Status::Http(503)));
        let workload = self.program.pods[call.callee].workload;
        self.recorder.rejected(workload.position(), call.measured);
        self.respond(id);
    }

    /// The application has done its own work: it fails of itself or runs its script.
    pub(super) fn service_done(&mut self, id: CallId) {
        if !self.program.workloads[self.program.pods[self.calls[id].callee].workload].hold_workers {
            self.release_worker(id);
        }
        let call = &mut self.calls[id];
        let code = &self.program.codes[call.code];
        if code.error_ratio > 0.0 && call.key.draws(draw::ERROR, call.path, 0, 0).chance(code.error_ratio) {
            call.fail(Failure::answered(Cause::Application, code.error_status));
        }
        self.run_script(id);
    }

    /// Goes on with the script until something must be waited for or it ends.
    fn run_script(&mut self, id: CallId) {
        let now = self.schedule.now();
        let program = self.program;
        loop {
            let call = &self.calls[id];
            let code = &program.codes[call.code];
            if call.failed || call.step == code.steps || !self.serves(call.callee) {
                return self.leave(id);
            }
            let call = &mut self.calls[id];
            let step = &program.steps[StepIdx::at(code.first_step.position() + call.step as usize)];
            if call.repetition == step.repeat {
                call.step += 1;
                call.repetition = 0;
                continue;
            }
            let repetition = call.repetition;
            call.repetition += 1;
            call.since = now;
            // One more than there is, lest the step be thought over before all its actions have started.
            call.pending = 1;
            for action in 0..step.actions {
                self.start_action(
                    id,
                    ActionIdx::at(step.first_action.position() + action as usize),
                    repetition,
                );
            }
            let call = &mut self.calls[id];
            call.pending -= 1;
            if call.pending > 0 {
                return;
            }
        }
    }

    fn start_action(&mut self, id: CallId, action: ActionIdx, repetition: u32) {
        let program = self.program;
        match &program.actions[action] {
            Action::Sleep { time, place } => {
                let call = &mut self.calls[id];
                call.pending += 1;
                let path = extend_path(call.path, *place);
                let nanos = time.sample(&mut call.key.draws(draw::SLEEP, path, repetition, 0));
                self.schedule.after(Span::from_nanos_f64(nanos), Event::SleepDone(id));
            }
            Action::Call { site, copies } => {
                for copy in 0..*copies {
                    // A sequential call repeats, a parallel one has copies; never both.
                    self.call_from_script(id, *site, repetition + copy);
                }
            }
        }
    }

    fn call_from_script(&mut self, id: CallId, site: SiteIdx, number: u32) {
        let parent = &mut self.calls[id];
        let definition = &self.program.sites[site];
        let below = |path| extend_path(extend_path(path, definition.place), u64::from(number));
        let path = below(parent.path);
        let place = if parent.place == parent.path { path } else { below(parent.place) };
        let key = parent.key;
        if definition.probability < 1.0
            && !key.draws(draw::PROBABILITY, path, 0, 0).chance(definition.probability)
        {
            return;
        }
        parent.pending += 1;
        let (source, caller, measured) = (parent.source, parent.callee, parent.measured);
        let site = (site, definition);
        let mut call = Call::new(Waiter::Script(id), source, site, key, path, caller, self.schedule.now());
        call.place = place;
        call.measured = measured;
        let call = self.make_call(call);
        self.begin(call);
    }

    /// A call of the script has come back, or was given up.
    pub(super) fn action_over(&mut self, parent: CallId, child: CallId) {
        let child = &self.calls[child];
        let site = &self.program.sites[child.site];
        if child.failed && child.attempt < site.retries && self.serves(child.caller) {
            return self.call_again(parent, child.clone());
        }
        let failed = child.failed && !site.optional;
        let (parts, before, cause) = (child.parts, child.before.clone(), child.failure.cause);
        let parent_call = &mut self.calls[parent];
        if failed {
            let status = self.program.codes[parent_call.code].error_status;
            parent_call.fail(Failure { cause, status, sent: true });
        }
        parent_call.pending -= 1;
        if parent_call.pending == 0 {
            parent_call.absorb(&parts);
            if let Some(before) = before {
                parent_call.absorb(&before);
            }
            self.run_script(parent);
        }
    }

    /// The application makes a call again that has failed.
    fn call_again(&mut self, parent: CallId, mut failed: Call) {
        let site = (failed.site, &self.program.sites[failed.site]);
        let path = extend_path(failed.path, draw::APPLICATION_ATTEMPT);
        let waiter = Waiter::Script(parent);
        let now = self.schedule.now();
        let mut call = Call::new(waiter, failed.source, site, failed.key, path, failed.caller, now);
        call.place = failed.place;
        call.measured = failed.measured;
        call.attempt = failed.attempt + 1;
        if let Some(before) = failed.before.take() {
            failed.absorb(&before);
        }
        call.before = Some(Box::new(failed.parts));
        let call = self.make_call(call);
        self.begin(call);
    }

    pub(super) fn sleep_done(&mut self, id: CallId) {
        let now = self.schedule.now();
        let call = &mut self.calls[id];
        call.pending -= 1;
        if call.pending == 0 {
            let slept = now.since(call.since);
            call.spend(Part::Application, slept);
            self.run_script(id);
        }
    }

    /// The instance is done with the request: a worker that was held takes up the next one.
    fn leave(&mut self, id: CallId) {
        if self.program.workloads[self.program.pods[self.calls[id].callee].workload].hold_workers {
            self.release_worker(id);
        }
        self.respond(id);
    }

    fn release_worker(&mut self, id: CallId) {
        let now = self.schedule.now();
        if let Instance::Held(pool) = &mut self.instances[self.calls[id].callee]
            && let Some(next) = pool.release(now)
        {
            let demand = self.service_time(next);
            self.start_work(next, demand);
        }
    }

    fn arm_shared(&mut self, pod: PodIdx) {
        if let Instance::Shared { station, .. } = &mut self.instances[pod]
            && let Some(alarm) = station.next_alarm()
        {
            self.schedule.at(alarm.at, Event::SharedDone { pod, generation: alarm.generation });
        }
    }

    /// A processor-sharing instance may have finished some requests.
    pub(super) fn shared_done(&mut self, pod: PodIdx, generation: u32) {
        if self.throttles[pod].is_some() {
            return self.throttle_done(pod, generation);
        }
        let now = self.schedule.now();
        let mut done = std::mem::take(&mut self.done);
        if let Instance::Shared { station, .. } = &mut self.instances[pod] {
            station.ring(now, generation, &mut done);
        }
        self.arm_shared(pod);
        for id in done.drain(..) {
            let demand = self.service_time(id);
            let served = self.calls[id].served;
            self.account_work(id, served, demand, now.since(served));
            self.service_done(id);
        }
        self.done = done;
    }
}

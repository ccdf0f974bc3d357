//! CPU workers: threads pinned to FIFO cores, with the cost of waking them.
//!
//! A core serves the jobs of all workers pinned to it in the order of arrival; two proxies on one core are one server
//! with two kinds of job. A job that finds its core or its worker asleep pays for the wake-up: a share of it before the
//! job, the rest on the core after it, where it delays only later jobs. This is what makes CPU per request fall with
//! load, as measurements of proxies show. Everything is known on arrival, so workers are committed stations.

use super::quota::Meter;
use super::{Quota, Visit, Window};
use crate::index::IndexVec;
use crate::index_type;
use crate::units::{Ratio, SimTime, Span};

index_type! {
    /// A FIFO core.
    pub struct CoreIdx;
    /// A process: some workers that share a wake model and, when it has a single worker, may have a quota.
    pub struct ProcessIdx;
    /// A worker (thread) of a process.
    pub struct WorkerIdx;
}

/// What it costs to wake a worker.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WakeModel {
    /// CPU time to wake a core that fell idle just now.
    pub floor: Span,
    /// How much dearer the wake-up of a core becomes the longer it has been idle, at most.
    pub rise: Span,
    /// The idle time after which 63 % of the rise is reached.
    pub tau: Span,
    /// CPU time to wake a sleeping worker on a busy core.
    pub thread: Span,
    /// The share of a wake-up that precedes the job; the rest occupies the core after it.
    pub before_ratio: Ratio,
}

impl WakeModel {
    /// Wake-ups cost nothing.
    pub const FREE: Self = Self {
        floor: Span::ZERO,
        rise: Span::ZERO,
        tau: Span::ZERO,
        thread: Span::ZERO,
        before_ratio: Ratio::ZERO,
    };

    /// CPU time to wake a core that has been idle for `idle`: floor + rise · (1 − e^(−idle/tau)).
    pub fn core_wake(&self, idle: Span) -> Span {
        if self.rise == Span::ZERO {
            return self.floor;
        }
        if self.tau == Span::ZERO {
            return self.floor + self.rise;
        }
        let risen = -libm::expm1(-(idle.nanos() as f64) / self.tau.nanos() as f64);
        self.floor + self.rise.scale(risen)
    }

    /// Divides a wake-up into what precedes the job and what follows it.
    pub(crate) fn split(&self, wake: Span) -> (Span, Span) {
        if wake == Span::ZERO {
            return (Span::ZERO, Span::ZERO);
        }
        let before = wake.scale(self.before_ratio.value()).min(wake);
        (before, wake - before)
    }
}

/// Cores and the workers pinned to them.
///
/// ```
/// use sim::kernel::station::{WakeModel, Window, Workers};
/// use sim::units::{Ratio, SimTime, Span};
///
/// let micros = Span::from_micros;
/// let wake = WakeModel {
///     floor: micros(40), rise: micros(0), tau: micros(0), thread: micros(20), before_ratio: Ratio::new(0.5).unwrap(),
/// };
/// let mut workers = Workers::new(Window::ALWAYS);
/// let core = workers.add_core();
/// let client = workers.add_process(wake, &[core]);
/// let server = workers.add_process(wake, &[core]);
///
/// let now = SimTime::ZERO + Span::from_millis(1);
/// let first = workers.offer(now, workers.worker(client, 0), micros(100));
/// assert_eq!(first.done, now + micros(20 + 100)); // half of the core's wake-up comes first
/// let second = workers.offer(now, workers.worker(server, 0), micros(100));
/// assert_eq!(second.start, first.done + micros(20)); // the other half delays the next job
/// assert_eq!(second.done, second.start + micros(10 + 100)); // the core is awake, the worker is not
/// assert_eq!(workers.cpu_used(client), micros(140));
/// ```
#[derive(Clone, Debug)]
pub struct Workers {
    window: Window,
    cores: IndexVec<CoreIdx, Core>,
    table: IndexVec<WorkerIdx, Worker>,
    processes: IndexVec<ProcessIdx, Process>,
    /// What waking costs: most processes are alike.
    wakes: Vec<WakeModel>,
}

#[derive(Clone, Copy, Debug)]
struct Core {
    free_at: SimTime,
    tenant: Option<ProcessIdx>,
    shared: bool,
    under_quota: bool,
}

#[derive(Clone, Copy, Debug)]
struct Worker {
    busy_until: SimTime,
    core: CoreIdx,
    process: ProcessIdx,
    used: Span,
    used_in_window: Span,
}

#[derive(Clone, Debug)]
struct Process {
    /// Position among the wake models.
    wake: u32,
    first: WorkerIdx,
    count: u32,
    meter: Option<Box<Meter>>,
}

impl Workers {
    /// No cores yet; CPU use is counted in `window` as well as in total.
    pub const fn new(window: Window) -> Self {
        Self {
            window,
            cores: IndexVec::new(),
            table: IndexVec::new(),
            processes: IndexVec::new(),
            wakes: Vec::new(),
        }
    }

    /// Adds an idle core.
    pub fn add_core(&mut self) -> CoreIdx {
        self.cores.push(Core { free_at: SimTime::ZERO, tenant: None, shared: false, under_quota: false })
    }

    /// Adds a process with one worker pinned to each core of `cores`, in this order; a core may be named twice.
    ///
    /// # Panics
    /// When `cores` is empty, or one of them is under the quota of another process.
    pub fn add_process(&mut self, wake: WakeModel, cores: &[CoreIdx]) -> ProcessIdx {
        assert!(!cores.is_empty(), "a process has workers");
        let process = self.processes.next_index();
        let first = self.table.next_index();
        for &core in cores {
            let row = &mut self.cores[core];
            assert!(!row.under_quota, "a core under a quota belongs to one process");
            row.shared |= row.tenant.is_some_and(|tenant| tenant != process);
            row.tenant = Some(process);
            self.table.push(Worker {
                busy_until: SimTime::ZERO,
                core,
                process,
                used: Span::ZERO,
                used_in_window: Span::ZERO,
            });
        }
        let known = self.wakes.iter().position(|other| *other == wake);
        let wake = known.unwrap_or_else(|| {
            self.wakes.push(wake);
            self.wakes.len() - 1
        }) as u32;
        self.processes.push(Process { wake, first, count: cores.len() as u32, meter: None })
    }

    /// Puts a process with a single worker, on a core of its own, under a CPU quota.
    ///
    /// # Panics
    /// When the process has several workers or shares its core: such a quota is no committed station's.
    pub fn limit(&mut self, process: ProcessIdx, quota: Quota) {
        assert_eq!(self.processes[process].count, 1, "a committed quota has one worker");
        let core = &mut self.cores[self.table[self.processes[process].first].core];
        assert!(!core.shared, "a core under a quota belongs to one process");
        core.under_quota = true;
        self.processes[process].meter = Some(Box::new(Meter::new(quota)));
    }

    /// The worker at `position` of `process`.
    ///
    /// # Panics
    /// When the process has fewer workers (debug builds only; the result then belongs to another process).
    #[inline]
    pub fn worker(&self, process: ProcessIdx, position: u32) -> WorkerIdx {
        let process = &self.processes[process];
        debug_assert!(position < process.count, "a process has {} workers", process.count);
        WorkerIdx(process.first.0 + position)
    }

    /// How many workers `process` has.
    pub fn worker_count(&self, process: ProcessIdx) -> u32 {
        self.processes[process].count
    }

    /// A job that takes `demand` of CPU time arrives at `worker` (its connection is pinned to it). Arrivals at one core
    /// must come in the order of time.
    #[inline]
    pub fn offer(&mut self, now: SimTime, worker: WorkerIdx, demand: Span) -> Visit {
        let worker = &mut self.table[worker];
        let core = &mut self.cores[worker.core];
        let process = &mut self.processes[worker.process];
        let model = &self.wakes[process.wake as usize];
        let start = now.max(core.free_at);
        let wake = if core.free_at <= now {
            model.core_wake(now.since(core.free_at))
        } else if worker.busy_until <= now {
            model.thread
        } else {
            Span::ZERO
        };
        let (before, after) = model.split(wake);
        let visit = if let Some(meter) = &mut process.meter {
            let start = meter.first_runnable(start);
            let window = self.window;
            let mut ran = |from, to| worker.used_in_window += window.overlap(from, to);
            let done = meter.run(start, before + demand, &mut ran);
            core.free_at = meter.run(done, after, &mut ran);
            Visit { start, done }
        } else {
            let done = start + before + demand;
            core.free_at = done + after;
            worker.used_in_window += self.window.overlap(start, core.free_at);
            Visit { start, done }
        };
        worker.busy_until = core.free_at;
        worker.used += wake + demand;
        visit
    }

    /// A job that any worker of `process` may take arrives: the idle worker that was busy last is woken; when none is
    /// idle, the one that is free first takes it. Returns the worker as well.
    #[inline]
    pub fn offer_shared(&mut self, now: SimTime, process: ProcessIdx, demand: Span) -> (WorkerIdx, Visit) {
        let worker = self.pick(now, process);
        (worker, self.offer(now, worker, demand))
    }

    fn pick(&self, now: SimTime, process: ProcessIdx) -> WorkerIdx {
        let &Process { first, count, .. } = &self.processes[process];
        let mut best = (first, self.table[first].busy_until);
        for worker in (first.0 + 1..first.0 + count).map(WorkerIdx) {
            let busy_until = self.table[worker].busy_until;
            let better = if busy_until <= now {
                best.1 > now || busy_until > best.1
            } else {
                busy_until < best.1 && best.1 > now
            };
            if better {
                best = (worker, busy_until);
            }
        }
        best.0
    }

    /// CPU time of `process`, wake-ups included, within the window.
    pub fn cpu_used_in_window(&self, process: ProcessIdx) -> Span {
        self.workers_of(process).map(|worker| worker.used_in_window).sum()
    }

    /// CPU time of `process`, wake-ups included, since the start; what has been committed to but lies ahead counts.
    pub fn cpu_used(&self, process: ProcessIdx) -> Span {
        self.workers_of(process).map(|worker| worker.used).sum()
    }

    /// CPU time that all workers pinned to `core` used within the window.
    pub fn core_used_in_window(&self, core: CoreIdx) -> Span {
        self.table.iter().filter(|worker| worker.core == core).map(|worker| worker.used_in_window).sum()
    }

    /// When `core` has done everything that has arrived so far.
    pub fn free_at(&self, core: CoreIdx) -> SimTime {
        self.cores[core].free_at
    }

    /// The core that `worker` is pinned to.
    pub fn core_of(&self, worker: WorkerIdx) -> CoreIdx {
        self.table[worker].core
    }

    fn workers_of(&self, process: ProcessIdx) -> impl Iterator<Item = &Worker> {
        let &Process { first, count, .. } = &self.processes[process];
        self.table.as_slice()[first.0 as usize..][..count as usize].iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn micros(micros: u64) -> Span {
        Span::from_micros(micros)
    }

    fn at(micros: u64) -> SimTime {
        SimTime::ZERO + Span::from_micros(micros)
    }

    fn wake(before_ratio: f64) -> WakeModel {
        let before_ratio = Ratio::new(before_ratio).expect("a ratio");
        WakeModel {
            floor: micros(58),
            rise: micros(220),
            tau: Span::from_millis(10),
            thread: micros(42),
            before_ratio,
        }
    }

    #[test]
    fn a_core_is_the_dearer_to_wake_the_longer_it_slept() {
        let wake = wake(0.5);
        assert_eq!(wake.core_wake(Span::ZERO), micros(58));
        assert_eq!(wake.core_wake(Span::from_millis(10)).nanos(), 58_000 + 139_067); // 220 µs · (1 − 1/e)
        assert_eq!(wake.core_wake(Span::from_seconds(60)), micros(278));
        let at_once = WakeModel { tau: Span::ZERO, ..wake };
        assert_eq!(at_once.core_wake(Span::ZERO), micros(278));
        assert_eq!(WakeModel::FREE.core_wake(Span::MAX), Span::ZERO);
    }

    /// What the model says in words, from the whole history and with the demands as they come.
    fn in_words(wake: WakeModel, worker_cores: &[usize], jobs: &[(u64, usize, u64)]) -> Vec<(u64, u64, u64)> {
        let mut history: Vec<(usize, u64, u64, u64, u64)> = Vec::new(); // worker, start, done, released, cpu
        for &(now, worker, demand) in jobs {
            let released_by = |test: &dyn Fn(usize) -> bool| {
                history.iter().filter(|job| test(job.0)).map(|job| job.3).max().unwrap_or(0)
            };
            let core_free = released_by(&|other| worker_cores[other] == worker_cores[worker]);
            let worker_free = released_by(&|other| other == worker);
            let cost = match (core_free <= now, worker_free <= now) {
                (true, _) => wake.core_wake(Span::from_nanos(now - core_free)).nanos(),
                (false, true) => wake.thread.nanos(),
                (false, false) => 0,
            };
            let before = Span::from_nanos(cost).scale(wake.before_ratio.value()).nanos();
            let start = now.max(core_free);
            let done = start + before + demand;
            history.push((worker, start, done, done + cost - before, cost + demand));
        }
        history.into_iter().map(|job| (job.1, job.2, job.4)).collect()
    }

    proptest! {
        #[test]
        fn offers_follow_the_model_in_words(
            before_ratio in 0.0_f64..=1.0,
            jobs in prop::collection::vec((0_u64..400_000, 0_usize..4, 0_u64..200_000), 1..60)
        ) {
            let mut now = 0;
            let jobs: Vec<_> = jobs.into_iter().map(|(gap, worker, demand)| { now += gap; (now, worker, demand) }).collect();
            let worker_cores = [0, 1, 0, 0]; // the second process has both its workers on the first core
            let window = Window::new(SimTime::from_nanos(1_000_000), Span::from_nanos(2_000_000));
            let mut workers = Workers::new(window);
            let cores = [workers.add_core(), workers.add_core()];
            let processes = [workers.add_process(wake(before_ratio), &cores), workers.add_process(wake(before_ratio), &[cores[0]; 2])];
            let mut in_window = 0;
            let expected = in_words(wake(before_ratio), &worker_cores, &jobs);
            for (&(now, worker, demand), &(start, done, cpu)) in jobs.iter().zip(&expected) {
                let worker = workers.worker(processes[worker / 2], worker as u32 % 2);
                let visit = workers.offer(SimTime::from_nanos(now), worker, Span::from_nanos(demand));
                prop_assert_eq!((visit.start.nanos(), visit.done.nanos()), (start, done));
                in_window += (start + cpu).min(3_000_000).saturating_sub(start.max(1_000_000));
            }
            let total: u64 = processes.iter().map(|&process| workers.cpu_used(process).nanos()).sum();
            prop_assert_eq!(total, expected.iter().map(|job| job.2).sum::<u64>());
            let counted: u64 = processes.iter().map(|&process| workers.cpu_used_in_window(process).nanos()).sum();
            let by_core: u64 = cores.iter().map(|&core| workers.core_used_in_window(core).nanos()).sum();
            prop_assert_eq!((counted, by_core), (in_window, in_window));
        }
    }

    #[test]
    fn shared_jobs_go_to_the_worker_that_slept_least_and_else_to_the_first_free() {
        let mut workers = Workers::new(Window::ALWAYS);
        let cores = [workers.add_core(), workers.add_core(), workers.add_core()];
        let process = workers.add_process(WakeModel::FREE, &cores);
        let mut offer = |now, demand| workers.offer_shared(at(now), process, micros(demand)).0.0;
        assert_eq!([offer(0, 10), offer(0, 30), offer(0, 20)], [0, 1, 2]); // free at 10, 30, 20
        assert_eq!(offer(5, 100), 0); // nobody is idle: the first one free
        assert_eq!(offer(31, 100), 1); // idle are 1 (since 30) and 2 (since 20)
        assert_eq!(offer(32, 100), 2);
    }

    #[test]
    fn a_quota_stalls_the_worker_until_the_next_period() {
        let millis = Span::from_millis;
        let mut workers = Workers::new(Window::new(SimTime::ZERO, millis(100)));
        let core = workers.add_core();
        let process = workers.add_process(WakeModel::FREE, &[core]);
        workers.limit(process, Quota::new(millis(20), millis(100)));
        let worker = workers.worker(process, 0);
        assert_eq!(workers.offer(SimTime::ZERO, worker, millis(50)).done, SimTime::ZERO + millis(210));
        assert_eq!(workers.cpu_used_in_window(process), millis(20));
        let next = workers.offer(SimTime::ZERO + millis(205), worker, millis(10));
        assert_eq!((next.start, next.done), (SimTime::ZERO + millis(210), SimTime::ZERO + millis(220)));
        let stalled = workers.offer(SimTime::ZERO + millis(250), worker, millis(1));
        assert_eq!(stalled.start, SimTime::ZERO + millis(300));
    }

    #[test]
    #[should_panic(expected = "a core under a quota belongs to one process")]
    fn a_core_under_a_quota_is_not_shared() {
        let mut workers = Workers::new(Window::ALWAYS);
        let core = workers.add_core();
        let limited = workers.add_process(WakeModel::FREE, &[core]);
        workers.limit(limited, Quota::new(micros(1), micros(10)));
        workers.add_process(WakeModel::FREE, &[core]);
    }
}

//! A processor whose threads compete for cores, may share a quota, and whose jobs can be withdrawn.
//!
//! Cores take the jobs of all threads in the order of arrival; a thread runs its jobs one at a time and to the end,
//! unless its group has used up its quota, which stops every thread of the group until the next period. Wake-ups cost
//! what they cost in [`Workers`](super::Workers), and where both apply the departures are the same.

mod group;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::alarm::Outstanding;
use super::slots::Slots;
use super::{Alarm, JobId, Quota, Tally, WakeModel, Window};
use crate::index::IndexVec;
use crate::index_type;
use crate::units::{SimTime, Span};
use group::{Group, JobQueue};

index_type! {
    /// Threads that share a wake model, a quota and, if wanted, their jobs.
    pub struct GroupIdx;
    /// A thread.
    pub struct ThreadIdx;
}

/// A job that is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Departure<T> {
    /// Whose job.
    pub token: T,
    /// When a core took it up.
    pub start: SimTime,
}

/// Cores, the threads that run on them, and their jobs; `T` says whose job is done.
///
/// ```
/// use sim::kernel::station::{Processor, Quota, WakeModel, Window};
/// use sim::units::{SimTime, Span};
///
/// let at = |millis| SimTime::ZERO + Span::from_millis(millis);
/// let millis = Span::from_millis;
/// let mut processor = Processor::new(2, Window::ALWAYS);
/// let group = processor.add_group(WakeModel::FREE, 2, Some(Quota::new(millis(20), millis(100))));
/// for (position, name) in ["a", "b"].into_iter().enumerate() {
///     let thread = processor.thread(group, position as u32);
///     processor.offer(at(0), thread, millis(15), name);
/// }
/// let (mut now, mut done) = (at(0), Vec::new());
/// while let Some(alarm) = processor.next_alarm() {
///     now = alarm.at;
///     processor.ring(now, alarm.generation, &mut done);
/// }
/// // Both run for 10 ms, are stopped until the next period, and run for 5 ms more.
/// assert_eq!((now, done.len()), (at(105), 2));
/// assert_eq!(processor.cpu_used(group, now), millis(30));
/// ```
#[derive(Clone, Debug)]
pub struct Processor<T> {
    cores: Vec<Core>,
    threads: IndexVec<ThreadIdx, Thread>,
    groups: IndexVec<GroupIdx, Group>,
    jobs: Slots<Job<T>>,
    /// Threads that could run if there were a core, by the order of arrival of what they run.
    ready: BTreeSet<(u64, ThreadIdx)>,
    window: Window,
    updated: SimTime,
    alarm: Outstanding,
    tally: Tally,
}

#[derive(Clone, Copy, Debug)]
struct Core {
    running: Option<ThreadIdx>,
    free_since: SimTime,
}

#[derive(Clone, Debug)]
struct Thread {
    group: GroupIdx,
    task: Option<Task>,
    queue: JobQueue,
    asleep_since: SimTime,
}

/// What a thread that is awake does.
#[derive(Clone, Copy, Debug)]
struct Task {
    /// Order of arrival.
    order: u64,
    /// `None` when the job is done or withdrawn and only the rest of the wake-up remains.
    job: Option<JobId>,
    start: Option<SimTime>,
    before: Span,
    /// CPU time left of the wake-up before the job and the job, or of what follows it.
    left: Span,
    after: Span,
}

#[derive(Clone, Debug)]
struct Job<T> {
    token: T,
    order: u64,
    demand: Span,
    group: GroupIdx,
    /// Whose job it is; `None` as long as any thread of the group may take it.
    thread: Option<ThreadIdx>,
}

impl<T> Processor<T> {
    /// A processor with `cores` idle cores, which counts CPU use in `window`.
    ///
    /// # Panics
    /// When there are no cores.
    pub fn new(cores: u32, window: Window) -> Self {
        assert!(cores > 0, "a processor has cores");
        Self {
            cores: vec![Core { running: None, free_since: SimTime::ZERO }; cores as usize],
            threads: IndexVec::new(),
            groups: IndexVec::new(),
            jobs: Slots::new(),
            ready: BTreeSet::new(),
            window,
            updated: SimTime::ZERO,
            alarm: Outstanding::default(),
            tally: Tally::default(),
        }
    }

    /// Adds a group of `threads` sleeping threads, which may share a quota.
    ///
    /// # Panics
    /// When there are no threads, or the budget is less than a nanosecond for each.
    pub fn add_group(&mut self, wake: WakeModel, threads: u32, quota: Option<Quota>) -> GroupIdx {
        assert!(threads > 0, "a group has threads");
        assert!(
            quota.is_none_or(|quota| quota.budget().nanos() >= u64::from(threads)),
            "every thread can run"
        );
        let group = self.groups.push(Group::new(wake, self.threads.next_index(), threads, quota));
        for _ in 0..threads {
            let queue = JobQueue::default();
            self.threads.push(Thread { group, task: None, queue, asleep_since: SimTime::ZERO });
        }
        group
    }

    /// The thread at `position` of `group`.
    ///
    /// # Panics
    /// When the group has fewer threads.
    pub fn thread(&self, group: GroupIdx, position: u32) -> ThreadIdx {
        self.groups[group].threads().nth(position as usize).expect("a thread of the group")
    }

    /// A job that takes `demand` of CPU time arrives at `thread`.
    pub fn offer(&mut self, now: SimTime, thread: ThreadIdx, demand: Span, token: T) -> JobId {
        self.advance(now);
        let group = self.threads[thread].group;
        let job = self.admit(Job { token, order: 0, demand, group, thread: Some(thread) });
        self.threads[thread].queue.push(job);
        if self.threads[thread].task.is_none() {
            self.wake(now, thread);
        }
        self.dispatch(now);
        job
    }

    /// A job that any thread of `group` may take arrives: the sleeping thread that was awake last is woken; when none
    /// sleeps, the job waits for the first one that has nothing older to do.
    pub fn offer_shared(&mut self, now: SimTime, group: GroupIdx, demand: Span, token: T) -> JobId {
        self.advance(now);
        let job = self.admit(Job { token, order: 0, demand, group, thread: None });
        self.groups[group].backlog.push(job);
        let threads = &self.threads;
        let sleeping = self.groups[group].threads().rev().filter(|&thread| threads[thread].task.is_none());
        if let Some(thread) = sleeping.max_by_key(|&thread| threads[thread].asleep_since) {
            self.wake(now, thread);
        }
        self.dispatch(now);
        job
    }

    /// Withdraws a job. What it has used so far is used, and what remains of its wake-up still occupies the core.
    /// `None` when it has departed already.
    pub fn cancel(&mut self, now: SimTime, job: JobId) -> Option<T> {
        self.advance(now);
        let Job { token, thread, group, .. } = self.jobs.remove(job)?;
        self.tally.withdrawn += 1;
        match thread {
            None => self.groups[group].backlog.withdraw(&self.jobs),
            Some(thread) => match self.threads[thread].task {
                Some(task) if task.job == Some(job) => self.withdraw_task(now, thread, task),
                _ => self.threads[thread].queue.withdraw(&self.jobs),
            },
        }
        self.dispatch(now);
        Some(token)
    }

    /// The alarm of this generation rings: jobs that are done are appended to `done`.
    pub fn ring(&mut self, now: SimTime, generation: u32, done: &mut Vec<Departure<T>>) {
        if !self.alarm.rings(generation) {
            return;
        }
        self.advance(now);
        loop {
            let before = done.len();
            self.finish(now, done);
            self.dispatch(now);
            let finished =
                |core: &Core| core.running.is_some_and(|thread| self.task(thread).left == Span::ZERO);
            if done.len() == before && !self.cores.iter().any(finished) {
                return;
            }
        }
    }

    /// The alarm to schedule, if a new one is needed. To be asked after every other call.
    pub fn next_alarm(&mut self) -> Option<Alarm> {
        let done = self
            .cores
            .iter()
            .filter_map(|core| core.running)
            .map(|thread| self.updated + self.task(thread).left);
        let quotas = self.groups.iter().filter_map(|group| {
            let waiting = group.threads().any(|thread| self.threads[thread].task.is_some());
            group.next_change(self.updated, waiting)
        });
        let next = done.chain(quotas).min();
        self.alarm.arm(next)
    }

    /// CPU time that `group` has used by `now`, wake-ups included.
    pub fn cpu_used(&self, group: GroupIdx, now: SimTime) -> Span {
        self.groups[group].used_at(self.updated, now)
    }

    /// The same within the window.
    pub fn cpu_used_in_window(&self, group: GroupIdx, now: SimTime) -> Span {
        self.groups[group].used_in_window_at(self.updated, now, self.window)
    }

    /// What became of the jobs.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    fn admit(&mut self, job: Job<T>) -> JobId {
        let order = self.tally.arrivals;
        self.tally.arrivals += 1;
        self.jobs.insert(Job { order, ..job })
    }

    fn task(&self, thread: ThreadIdx) -> &Task {
        self.threads[thread].task.as_ref().expect("a thread that runs has a task")
    }

    /// Lets the running threads run until `now`, and stopped ones go on in a new period.
    fn advance(&mut self, now: SimTime) {
        debug_assert!(now >= self.updated, "the clock never goes back");
        let elapsed = now.since(self.updated);
        for thread in self.cores.iter().filter_map(|core| core.running) {
            let task = self.threads[thread].task.as_mut().expect("a thread that runs has a task");
            task.left = task.left - elapsed;
        }
        for group in self.groups.indexes() {
            if self.groups[group].advance(self.updated, now, self.window) {
                for thread in self.groups[group].threads() {
                    self.make_ready(thread);
                }
            }
        }
        self.updated = now;
    }

    /// Wakes a sleeping thread for the job that waits for it.
    fn wake(&mut self, now: SimTime, thread: ThreadIdx) {
        let wake = self.groups[self.threads[thread].group].wake;
        let cost = match self.idle_core() {
            Some(core) => wake.core_wake(now.since(self.cores[core].free_since)),
            None => wake.thread,
        };
        let (before, after) = wake.split(cost);
        self.take_next(now, thread, before, after);
    }

    /// The thread turns to the oldest job that it may run, or falls asleep.
    fn take_next(&mut self, now: SimTime, thread: ThreadIdx, before: Span, after: Span) {
        let Thread { group, queue, .. } = &mut self.threads[thread];
        let backlog = &mut self.groups[*group].backlog;
        let order =
            |job: Option<JobId>| job.and_then(|job| self.jobs.get(job)).map_or(u64::MAX, |job| job.order);
        let (own, shared) = (queue.first(&self.jobs), backlog.first(&self.jobs));
        let (queue, next) = if order(own) <= order(shared) { (queue, own) } else { (backlog, shared) };
        let Some(next) = next else {
            self.threads[thread].task = None;
            self.threads[thread].asleep_since = now;
            return;
        };
        queue.remove_first();
        let job = self.jobs.get_mut(next).expect("the first job is present");
        job.thread = Some(thread);
        let left = before + job.demand;
        self.threads[thread].task =
            Some(Task { order: job.order, job: Some(next), start: None, before, left, after });
        self.make_ready(thread);
    }

    fn make_ready(&mut self, thread: ThreadIdx) {
        let Thread { group, task: Some(task), .. } = &self.threads[thread] else { return };
        if !self.groups[*group].throttled {
            self.ready.insert((task.order, thread));
        }
    }

    /// Jobs that have had all their CPU time depart; threads that have had theirs leave their core.
    fn finish(&mut self, now: SimTime, done: &mut Vec<Departure<T>>) {
        for core in 0..self.cores.len() {
            let Some(thread) = self.cores[core].running else { continue };
            let task = self.threads[thread].task.as_mut().expect("a thread that runs has a task");
            if task.left > Span::ZERO {
                continue;
            }
            if let Some(job) = task.job.take() {
                let Job { token, .. } = self.jobs.remove(job).expect("a job that runs is present");
                done.push(Departure { token, start: task.start.unwrap_or(now) });
                self.tally.completed += 1;
                (task.left, task.after) = (task.after, Span::ZERO);
            }
            if task.left == Span::ZERO {
                self.leave_core(now, core);
                self.take_next(now, thread, Span::ZERO, Span::ZERO);
            }
        }
    }

    /// The job of `task` has been withdrawn while its thread was at it.
    fn withdraw_task(&mut self, now: SimTime, thread: ThreadIdx, task: Task) {
        if task.start.is_none() {
            self.ready.remove(&(task.order, thread));
            return self.take_next(now, thread, task.before, task.after);
        }
        if task.after > Span::ZERO {
            let rest = Task { job: None, left: task.after, after: Span::ZERO, ..task };
            self.threads[thread].task = Some(rest);
            return;
        }
        if let Some(core) = self.cores.iter().position(|core| core.running == Some(thread)) {
            self.leave_core(now, core);
        }
        self.ready.remove(&(task.order, thread));
        self.take_next(now, thread, Span::ZERO, Span::ZERO);
    }

    /// Stops the groups whose quota is used up, and gives the cores that are idle to what arrived first.
    fn dispatch(&mut self, now: SimTime) {
        for group in self.groups.indexes() {
            if !self.groups[group].admits(self.groups[group].running) {
                self.throttle(now, group);
            }
        }
        while let Some(core) = self.idle_core()
            && let Some(&(_, thread)) = self.ready.first()
        {
            let group = self.threads[thread].group;
            if !self.groups[group].admits(self.groups[group].running + 1) {
                self.throttle(now, group);
                continue;
            }
            self.ready.pop_first();
            self.groups[group].running += 1;
            self.cores[core].running = Some(thread);
            if let Some(task) = &mut self.threads[thread].task {
                task.start.get_or_insert(now);
            }
        }
        debug_assert_eq!(
            self.tally.present(),
            self.jobs.len() as u64,
            "arrivals = departures + withdrawn + present"
        );
    }

    /// The core that has been idle for the shortest time.
    fn idle_core(&self) -> Option<usize> {
        let idle = (0..self.cores.len()).rev().filter(|&core| self.cores[core].running.is_none());
        idle.max_by_key(|&core| self.cores[core].free_since)
    }

    fn leave_core(&mut self, now: SimTime, core: usize) {
        if let Some(thread) = self.cores[core].running.take() {
            self.cores[core].free_since = now;
            self.groups[self.threads[thread].group].running -= 1;
        }
    }

    /// Nothing of `group` runs until its next period.
    fn throttle(&mut self, now: SimTime, group: GroupIdx) {
        for core in 0..self.cores.len() {
            if self.cores[core].running.is_some_and(|thread| self.threads[thread].group == group) {
                self.leave_core(now, core);
            }
        }
        let threads = &self.threads;
        self.ready.retain(|&(_, thread)| threads[thread].group != group);
        self.groups[group].throttled = true;
    }
}

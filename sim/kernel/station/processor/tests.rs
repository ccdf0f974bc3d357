//! The processor against the committed workers, and against a twin that lives from nanosecond to nanosecond.

use super::super::Workers;
use super::*;
use crate::units::Ratio;
use proptest::prelude::*;

/// What happens at a time: a job for a thread (or, past the threads, for a group), or a withdrawal.
#[derive(Clone, Copy, Debug)]
enum Step {
    Offer {
        to: usize,
        demand: u64,
    },
    /// The job that arrived this many jobs ago.
    Cancel(usize),
}

/// (job, start, done)
type Departures = Vec<(usize, u64, u64)>;

fn wake(before_ratio: f64, unit: u64) -> WakeModel {
    let nanos = |count| Span::from_nanos(count * unit);
    let before_ratio = Ratio::new(before_ratio).expect("a ratio");
    WakeModel { floor: nanos(3), rise: nanos(9), tau: nanos(20), thread: nanos(2), before_ratio }
}

/// Rings every alarm up to `until`.
fn ring_until(
    processor: &mut Processor<usize>,
    alarms: &mut Vec<Alarm>,
    until: u64,
    departures: &mut Departures,
) {
    let mut done = Vec::new();
    loop {
        alarms.extend(processor.next_alarm());
        alarms.sort_by_key(|alarm| (alarm.at, alarm.generation));
        if alarms.first().is_none_or(|alarm| alarm.at.nanos() > until) {
            return;
        }
        let alarm = alarms.remove(0);
        processor.ring(alarm.at, alarm.generation, &mut done);
        departures.extend(done.drain(..).map(|job| (job.token, job.start.nanos(), alarm.at.nanos())));
    }
}

/// Departures of jobs (time, thread, demand), in the order of the jobs.
fn run(processor: &mut Processor<usize>, jobs: &[(u64, ThreadIdx, u64)]) -> Departures {
    let (mut alarms, mut departures) = (Vec::new(), Vec::new());
    for (job, &(now, thread, demand)) in jobs.iter().enumerate() {
        ring_until(processor, &mut alarms, now, &mut departures);
        processor.offer(SimTime::from_nanos(now), thread, Span::from_nanos(demand), job);
    }
    ring_until(processor, &mut alarms, u64::MAX, &mut departures);
    assert_eq!(processor.tally().present(), 0, "everything departs");
    departures.sort_unstable();
    departures
}

fn jobs(threads: u32) -> impl Strategy<Value = Vec<(u64, u32, u64)>> {
    prop::collection::vec((0_u64..40, 0..threads, 1_u64..40), 1..60).prop_map(|jobs| {
        let mut now = 0;
        let place = |(gap, thread, demand)| {
            now += gap;
            (now, thread, demand)
        };
        jobs.into_iter().map(place).collect()
    })
}

proptest! {
    #[test]
    fn on_one_core_it_is_the_committed_workers(before_ratio in 0.0_f64..=1.0, jobs in jobs(4)) {
        let window = Window::new(SimTime::from_nanos(200), Span::from_nanos(300));
        let (mut workers, mut processor) = (Workers::new(window), Processor::new(1, window));
        let core = workers.add_core();
        let models = [wake(before_ratio, 1), wake(before_ratio, 2)];
        let processes = models.map(|model| workers.add_process(model, &[core; 2]));
        let groups = models.map(|model| processor.add_group(model, 2, None));
        let expected: Departures = jobs.iter().enumerate().map(|(job, &(now, thread, demand))| {
            let worker = workers.worker(processes[thread as usize / 2], thread % 2);
            let visit = workers.offer(SimTime::from_nanos(now), worker, Span::from_nanos(demand));
            (job, visit.start.nanos(), visit.done.nanos())
        }).collect();
        let pinned: Vec<_> = jobs.iter().map(|&(now, thread, demand)| {
            (now, processor.thread(groups[thread as usize / 2], thread % 2), demand)
        }).collect();
        prop_assert_eq!(run(&mut processor, &pinned), expected);
        for (process, group) in processes.into_iter().zip(groups) {
            let end = SimTime::from_nanos(1_000_000);
            prop_assert_eq!(processor.cpu_used(group, end), workers.cpu_used(process));
            prop_assert_eq!(processor.cpu_used_in_window(group, end), workers.cpu_used_in_window(process));
        }
    }

    #[test]
    fn a_single_thread_with_a_quota_is_the_committed_worker(
        before_ratio in 0.0_f64..=1.0, budget in 1_u64..40, period in 1_u64..60, jobs in jobs(1)
    ) {
        let quota = Quota::new(Span::from_nanos(budget), Span::from_nanos(period));
        let window = Window::new(SimTime::from_nanos(200), Span::from_nanos(300));
        let (mut workers, mut processor) = (Workers::new(window), Processor::new(1, window));
        let core = workers.add_core();
        let process = workers.add_process(wake(before_ratio, 1), &[core]);
        workers.limit(process, quota);
        let group = processor.add_group(wake(before_ratio, 1), 1, Some(quota));
        let worker = workers.worker(process, 0);
        let expected: Departures = jobs.iter().enumerate().map(|(job, &(now, _, demand))| {
            let visit = workers.offer(SimTime::from_nanos(now), worker, Span::from_nanos(demand));
            (job, visit.start.nanos(), visit.done.nanos())
        }).collect();
        let thread = processor.thread(group, 0);
        let jobs: Vec<_> = jobs.iter().map(|&(now, _, demand)| (now, thread, demand)).collect();
        prop_assert_eq!(run(&mut processor, &jobs), expected);
        let end = SimTime::from_nanos(1_000_000);
        prop_assert_eq!(processor.cpu_used(group, end), workers.cpu_used(process));
        prop_assert_eq!(processor.cpu_used_in_window(group, end), workers.cpu_used_in_window(process));
    }

    /// As many threads as cores that take jobs from one queue are committed workers that do so.
    #[test]
    fn shared_jobs_go_where_the_committed_workers_take_them(before_ratio in 0.0_f64..=1.0, count in 1_u32..4, jobs in jobs(1)) {
        let (mut workers, mut processor) = (Workers::new(Window::ALWAYS), Processor::new(count, Window::ALWAYS));
        let cores: Vec<_> = (0..count).map(|_| workers.add_core()).collect();
        let process = workers.add_process(wake(before_ratio, 1), &cores);
        let group = processor.add_group(wake(before_ratio, 1), count, None);
        let (mut alarms, mut departures, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        for (job, &(now, _, demand)) in jobs.iter().enumerate() {
            let (time, demand) = (SimTime::from_nanos(now), Span::from_nanos(demand));
            let (_, visit) = workers.offer_shared(time, process, demand);
            expected.push((job, visit.start.nanos(), visit.done.nanos()));
            ring_until(&mut processor, &mut alarms, now, &mut departures);
            processor.offer_shared(time, group, demand, job);
        }
        ring_until(&mut processor, &mut alarms, u64::MAX, &mut departures);
        departures.sort_unstable();
        prop_assert_eq!(departures, expected);
    }
}

/// The processor as its documentation says it, one nanosecond after the other.
struct Ticking {
    now: u64,
    cores: Vec<(Option<usize>, u64)>,
    threads: Vec<TickingThread>,
    groups: Vec<TickingGroup>,
    waiting: Vec<TickingJob>,
    departures: Departures,
}

/// (order, job unless done, start, wake-up before, left, after)
type TickingTask = (usize, Option<usize>, Option<u64>, u64, u64, u64);

#[derive(Clone, Copy)]
struct TickingJob {
    job: usize,
    to: usize,
    demand: u64,
}

#[derive(Clone, Default)]
struct TickingThread {
    group: usize,
    task: Option<TickingTask>,
    asleep_since: u64,
}

#[derive(Clone)]
struct TickingGroup {
    wake: WakeModel,
    quota: Option<(u64, u64)>,
    left: u64,
    throttled: bool,
    used: u64,
}

impl Ticking {
    fn idle_core(&self) -> Option<usize> {
        let mut idle: Vec<usize> =
            (0..self.cores.len()).filter(|&core| self.cores[core].0.is_none()).collect();
        idle.sort_by_key(|&core| std::cmp::Reverse(self.cores[core].1));
        idle.first().copied()
    }

    fn running(&self, group: usize) -> u64 {
        self.cores
            .iter()
            .filter(|core| core.0.is_some_and(|thread| self.threads[thread].group == group))
            .count() as u64
    }

    fn may_take(&self, thread: usize, to: usize) -> bool {
        to == thread || to == self.threads.len() + self.threads[thread].group
    }

    fn take_next(&mut self, thread: usize, before: u64, after: u64) {
        let oldest = self.waiting.iter().position(|job| self.may_take(thread, job.to));
        self.threads[thread].task = oldest.map(|position| {
            let job = self.waiting.remove(position);
            (job.job, Some(job.job), None, before, before + job.demand, after)
        });
        if oldest.is_none() {
            self.threads[thread].asleep_since = self.now;
        }
    }

    fn offer(&mut self, job: TickingJob) {
        self.waiting.push(job);
        let mut asleep: Vec<usize> = (0..self.threads.len())
            .filter(|&thread| self.may_take(thread, job.to) && self.threads[thread].task.is_none())
            .collect();
        asleep.sort_by_key(|&thread| std::cmp::Reverse(self.threads[thread].asleep_since));
        if let Some(&thread) = asleep.first() {
            let wake = self.groups[self.threads[thread].group].wake;
            let cost = self
                .idle_core()
                .map_or(wake.thread, |core| wake.core_wake(Span::from_nanos(self.now - self.cores[core].1)));
            let (before, after) = wake.split(cost);
            self.take_next(thread, before.nanos(), after.nanos());
        }
        self.dispatch();
    }

    fn cancel(&mut self, job: usize) -> bool {
        let waiting = self.waiting.len();
        self.waiting.retain(|waiter| waiter.job != job);
        let at_it = |thread: &TickingThread| thread.task.is_some_and(|task| task.1 == Some(job));
        if let Some(thread) = self.threads.iter().position(at_it) {
            let (order, _, start, before, _, after) = self.threads[thread].task.expect("it is at it");
            if start.is_none() {
                self.take_next(thread, before, after);
            } else if after > 0 {
                self.threads[thread].task = Some((order, None, start, before, after, 0));
            } else {
                self.leave_core(thread);
                self.take_next(thread, 0, 0);
            }
            self.dispatch();
            return true;
        }
        waiting > self.waiting.len()
    }

    fn leave_core(&mut self, thread: usize) {
        for core in &mut self.cores {
            if core.0 == Some(thread) {
                *core = (None, self.now);
            }
        }
    }

    fn throttle(&mut self, group: usize) {
        self.groups[group].throttled = true;
        for thread in 0..self.threads.len() {
            if self.threads[thread].group == group {
                self.leave_core(thread);
            }
        }
    }

    fn dispatch(&mut self) {
        for group in 0..self.groups.len() {
            if self.groups[group].quota.is_some() && self.groups[group].left < self.running(group) {
                self.throttle(group);
            }
        }
        while let Some(core) = self.idle_core() {
            let on_core = |thread: usize| self.cores.iter().any(|core| core.0 == Some(thread));
            let ready = (0..self.threads.len())
                .filter(|&thread| !on_core(thread) && !self.groups[self.threads[thread].group].throttled)
                .filter_map(|thread| self.threads[thread].task.map(|task| (task.0, thread)))
                .min();
            let Some((_, thread)) = ready else { return };
            let group = self.threads[thread].group;
            if self.groups[group].quota.is_some() && self.groups[group].left <= self.running(group) {
                self.throttle(group);
                continue;
            }
            self.cores[core].0 = Some(thread);
            if let Some(task) = &mut self.threads[thread].task {
                task.2.get_or_insert(self.now);
            }
        }
    }

    /// What happens at `now` before the arrivals: budgets are renewed and jobs depart.
    fn begin_tick(&mut self) {
        for group in &mut self.groups {
            if group.quota.is_some_and(|quota| self.now.is_multiple_of(quota.1)) {
                (group.left, group.throttled) = (group.quota.map_or(0, |quota| quota.0), false);
            }
        }
        loop {
            let finished = |core: &(Option<usize>, u64)| {
                core.0.filter(|&thread| self.threads[thread].task.is_some_and(|task| task.4 == 0))
            };
            let Some(thread) = self.cores.iter().find_map(finished) else { break };
            let (order, job, start, _, _, after) = self.threads[thread].task.expect("it is on a core");
            self.departures.extend(job.map(|job| (job, start.expect("it started"), self.now)));
            if job.is_some() && after > 0 {
                self.threads[thread].task = Some((order, None, start, 0, after, 0));
            } else {
                self.leave_core(thread);
                self.take_next(thread, 0, 0);
            }
        }
        self.dispatch();
    }

    fn end_tick(&mut self) {
        for core in 0..self.cores.len() {
            let Some(thread) = self.cores[core].0 else { continue };
            let thread = &mut self.threads[thread];
            let group = &mut self.groups[thread.group];
            group.used += 1;
            group.left = if group.quota.is_some() { group.left - 1 } else { 0 };
            thread.task.as_mut().expect("it is on a core").4 -= 1;
        }
        self.now += 1;
    }
}

/// Share of the wake-up before the job, threads, budget and period.
type GroupCase = (f64, u32, Option<(u64, u64)>);

#[derive(Clone, Debug)]
struct Case {
    cores: u32,
    groups: Vec<GroupCase>,
    steps: Vec<(u64, Step)>,
}

fn case() -> impl Strategy<Value = Case> {
    let group = (0.0_f64..=1.0, 1_u32..4, prop::option::of((3_u64..40, 10_u64..60)));
    let step = prop_oneof![
        2 => (0_usize..100, 1_u64..40).prop_map(|(to, demand)| Step::Offer { to, demand }),
        1 => (1_usize..8).prop_map(Step::Cancel),
    ];
    (1_u32..4, prop::collection::vec(group, 1..3), prop::collection::vec((0_u64..20, step), 1..80))
        .prop_map(|(cores, groups, steps)| Case { cores, groups, steps })
}

fn build(case: &Case) -> (Processor<usize>, Vec<GroupIdx>, Ticking) {
    let mut processor = Processor::new(case.cores, Window::ALWAYS);
    let (mut indexes, mut threads, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for (number, &(before_ratio, count, quota)) in case.groups.iter().enumerate() {
        let wake = wake(before_ratio, 1);
        let limit =
            quota.map(|(budget, period)| Quota::new(Span::from_nanos(budget), Span::from_nanos(period)));
        indexes.push(processor.add_group(wake, count, limit));
        threads.extend((0..count).map(|_| TickingThread { group: number, ..TickingThread::default() }));
        groups.push(TickingGroup { wake, quota, left: 0, throttled: false, used: 0 });
    }
    let cores = vec![(None, 0); case.cores as usize];
    (
        processor,
        indexes,
        Ticking { now: 0, cores, threads, groups, waiting: Vec::new(), departures: Vec::new() },
    )
}

proptest! {
    #[test]
    fn it_does_what_the_ticking_twin_does(case in case()) {
        let (mut processor, indexes, mut ticking) = build(&case);
        let (mut alarms, mut departures, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        let (threads, mut now) = (ticking.threads.len(), 0);
        ticking.begin_tick();
        for &(gap, step) in &case.steps {
            now += gap;
            while ticking.now < now {
                ticking.end_tick();
                ticking.begin_tick();
            }
            ring_until(&mut processor, &mut alarms, now, &mut departures);
            let time = SimTime::from_nanos(now);
            match step {
                Step::Offer { to, demand } => {
                    let to = to % (threads + indexes.len());
                    let (job, span) = (ids.len(), Span::from_nanos(demand));
                    ids.push(if to < threads {
                        processor.offer(time, ThreadIdx(to as u32), span, job)
                    } else {
                        processor.offer_shared(time, indexes[to - threads], span, job)
                    });
                    ticking.offer(TickingJob { job, to, demand });
                }
                Step::Cancel(back) => {
                    if let Some(job) = ids.len().checked_sub(back) {
                        prop_assert_eq!(processor.cancel(time, ids[job]).is_some(), ticking.cancel(job));
                    }
                }
            }
        }
        ring_until(&mut processor, &mut alarms, u64::MAX, &mut departures);
        for _ in 0..20_000 {
            ticking.end_tick();
            ticking.begin_tick();
        }
        departures.sort_unstable();
        ticking.departures.sort_unstable();
        prop_assert_eq!(departures, ticking.departures);
        for (&index, group) in indexes.iter().zip(&ticking.groups) {
            prop_assert_eq!(processor.cpu_used(index, SimTime::from_nanos(ticking.now)).nanos(), group.used);
        }
        prop_assert_eq!(processor.tally().present(), 0);
    }
}

//! What the threads of one process have in common.

use std::collections::VecDeque;

use super::super::quota::SharedMeter;
use super::super::slots::Slots;
use super::super::{JobId, Quota, WakeModel, Window};
use super::ThreadIdx;
use crate::units::{SimTime, Span};

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) wake: WakeModel,
    first: ThreadIdx,
    count: u32,
    meter: Option<SharedMeter>,
    /// The quota is used up: nothing runs until the next period.
    pub(super) throttled: bool,
    /// Threads on a core.
    pub(super) running: u32,
    /// Jobs that any thread may take.
    pub(super) backlog: JobQueue,
    used: Span,
    used_in_window: Span,
}

impl Group {
    pub(super) fn new(wake: WakeModel, first: ThreadIdx, count: u32, quota: Option<Quota>) -> Self {
        Self {
            wake,
            first,
            count,
            meter: quota.map(SharedMeter::new),
            throttled: false,
            running: 0,
            backlog: JobQueue::default(),
            used: Span::ZERO,
            used_in_window: Span::ZERO,
        }
    }

    pub(super) fn threads(&self) -> impl DoubleEndedIterator<Item = ThreadIdx> + use<> {
        (self.first.0..self.first.0 + self.count).map(ThreadIdx)
    }

    /// Accounts for [`from`, `now`); returns whether a throttled group may run again.
    pub(super) fn advance(&mut self, from: SimTime, now: SimTime, window: Window) -> bool {
        self.used = self.used_at(from, now);
        self.used_in_window = self.used_in_window_at(from, now, window);
        let running = self.running;
        let renewed = self.meter.as_mut().is_some_and(|meter| meter.advance(from, now, running));
        let resumes = renewed && self.throttled;
        self.throttled &= !renewed;
        resumes
    }

    /// CPU time used by `now` when nothing has changed since `from`.
    pub(super) fn used_at(&self, from: SimTime, now: SimTime) -> Span {
        self.used + times(now.since(from), self.running)
    }

    /// The same within the window.
    pub(super) fn used_in_window_at(&self, from: SimTime, now: SimTime, window: Window) -> Span {
        self.used_in_window + times(window.overlap(from, now), self.running)
    }

    /// Whether the quota lets `running` threads run.
    pub(super) fn admits(&self, running: u32) -> bool {
        self.meter.is_none_or(|meter| meter.admits(running))
    }

    /// When the threads on a core have to stop, or, if `waiting`, a throttled group goes on.
    pub(super) fn next_change(&self, now: SimTime, waiting: bool) -> Option<SimTime> {
        let meter = self.meter?;
        if self.throttled {
            return waiting.then(|| meter.renewed_at());
        }
        meter.exhausted_at(now, self.running)
    }
}

fn times(span: Span, count: u32) -> Span {
    Span::from_nanos(span.nanos() * u64::from(count))
}

/// Jobs in the order of arrival; withdrawn ones are skipped, and removed when they outnumber the others.
#[derive(Clone, Debug, Default)]
pub(super) struct JobQueue {
    jobs: VecDeque<JobId>,
    withdrawn: usize,
}

impl JobQueue {
    pub(super) fn push(&mut self, job: JobId) {
        self.jobs.push_back(job);
    }

    /// The first job that has not been withdrawn.
    pub(super) fn first<J>(&mut self, present: &Slots<J>) -> Option<JobId> {
        while let Some(&job) = self.jobs.front() {
            if present.contains(job) {
                return Some(job);
            }
            self.jobs.pop_front();
            self.withdrawn -= 1;
        }
        None
    }

    /// Removes the first job, which [`JobQueue::first`] has found.
    pub(super) fn remove_first(&mut self) {
        self.jobs.pop_front();
    }

    /// A job of this queue has been withdrawn.
    pub(super) fn withdraw<J>(&mut self, present: &Slots<J>) {
        self.withdrawn += 1;
        if 2 * self.withdrawn > self.jobs.len() + 16 {
            self.jobs.retain(|&job| present.contains(job));
            self.withdrawn = 0;
        }
    }
}

//! CPU quotas of the Linux completely fair scheduler: so much CPU time in every period.
//!
//! Periods are aligned at multiples of the period from time zero (kernel documentation, "CFS Bandwidth Control"). What
//! a group has not used by the end of a period is lost.

use crate::units::{SimTime, Span};

/// `budget` of CPU time in every `period`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    budget: Span,
    period: Span,
}

impl Quota {
    /// A quota, e.g. 20 ms in every 100 ms for a limit of 200m.
    ///
    /// # Panics
    /// When the budget or the period is zero: nothing would ever run.
    pub fn new(budget: Span, period: Span) -> Self {
        assert!(budget > Span::ZERO && period > Span::ZERO, "a quota lets something run");
        Self { budget, period }
    }

    /// CPU time in every period.
    pub const fn budget(self) -> Span {
        self.budget
    }

    /// The length of a period.
    pub const fn period(self) -> Span {
        self.period
    }

    /// When the period that contains `time` ends.
    pub const fn end_of_period(self, time: SimTime) -> SimTime {
        let period = self.period.nanos();
        SimTime::from_nanos((time.nanos() / period + 1).saturating_mul(period))
    }
}

/// The quota of a single worker, whose CPU use never overlaps itself, so that its future can be computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    quota: Quota,
    /// The end of the last period in which CPU was used, and how much was left in it.
    period_end: SimTime,
    left: Span,
}

impl Meter {
    pub(crate) const fn new(quota: Quota) -> Self {
        Self { quota, period_end: SimTime::ZERO, left: Span::ZERO }
    }

    /// The first instant from `time` on at which budget is left.
    pub(crate) fn first_runnable(&mut self, time: SimTime) -> SimTime {
        let time = if self.left == Span::ZERO { time.max(self.period_end) } else { time };
        if time >= self.period_end {
            self.period_end = self.quota.end_of_period(time);
            self.left = self.quota.budget;
        }
        time
    }

    /// Uses `work` of CPU time from `from` on; returns when it is done. `ran` is told every interval spent on the CPU.
    /// Calls must come in the order of time, each at or after the previous result.
    pub(crate) fn run(
        &mut self,
        from: SimTime,
        work: Span,
        mut ran: impl FnMut(SimTime, SimTime),
    ) -> SimTime {
        let (mut now, mut work) = (from, work);
        while work > Span::ZERO {
            now = self.first_runnable(now);
            let slice = work.min(self.left).min(self.period_end.since(now));
            ran(now, now + slice);
            now += slice;
            self.left = self.left - slice;
            work = work - slice;
        }
        now
    }
}

/// The quota of a group of threads that may run at once, known only as time goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedMeter {
    quota: Quota,
    period_end: SimTime,
    left: Span,
}

impl SharedMeter {
    pub(crate) const fn new(quota: Quota) -> Self {
        Self { quota, period_end: quota.end_of_period(SimTime::ZERO), left: quota.budget }
    }

    /// `running` threads have run from `from` until `now`; returns whether a new period has begun meanwhile.
    ///
    /// # Panics
    /// When they have used more than the budget: they should have been stopped at [`SharedMeter::exhausted_at`].
    pub(crate) fn advance(&mut self, from: SimTime, now: SimTime, running: u32) -> bool {
        let renewed = now >= self.period_end;
        let mut ran_from = from;
        if renewed {
            let period = self.quota.period.nanos();
            self.left = self.quota.budget;
            self.period_end = self.quota.end_of_period(now);
            ran_from = from.max(SimTime::from_nanos(now.nanos() / period * period));
        }
        self.left = self.left - Span::from_nanos(now.since(ran_from).nanos() * u64::from(running));
        renewed
    }

    /// Whether `running` threads can run for at least a nanosecond.
    pub(crate) fn admits(&self, running: u32) -> bool {
        self.left.nanos() >= u64::from(running)
    }

    /// When the budget no longer admits the `running` threads that run from `now` on, if ever.
    pub(crate) fn exhausted_at(&self, now: SimTime, running: u32) -> Option<SimTime> {
        let running = u64::from(running);
        let in_this_period = now + Span::from_nanos(self.left.nanos().checked_div(running)?);
        if in_this_period < self.period_end {
            return Some(in_this_period);
        }
        let after_renewal = Span::from_nanos(self.quota.budget.nanos() / running);
        (after_renewal < self.quota.period).then(|| self.period_end + after_renewal)
    }

    /// When the budget is renewed.
    pub(crate) const fn renewed_at(&self) -> SimTime {
        self.period_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fifty_milliseconds_at_a_fifth_of_a_core_take_two_hundred_and_ten() {
        let mut meter = Meter::new(Quota::new(Span::from_millis(20), Span::from_millis(100)));
        let done = meter.run(SimTime::ZERO, Span::from_millis(50), |_, _| {});
        assert_eq!(done, SimTime::ZERO + Span::from_millis(210));
    }

    /// The slow twin: nanosecond by nanosecond.
    fn tick_by_tick(quota: (u64, u64), jobs: &[(u64, u64)]) -> Vec<u64> {
        let (budget, period) = quota;
        let (mut now, mut used) = (0, 0);
        let mut step = |now: &mut u64, run: bool| {
            used = if now.is_multiple_of(period) { 0 } else { used };
            let runs = run && used < budget;
            used += u64::from(runs);
            *now += 1;
            runs
        };
        let mut done = Vec::new();
        for &(arrival, work) in jobs {
            while now < arrival {
                step(&mut now, false);
            }
            let mut left = work;
            while left > 0 {
                left -= u64::from(step(&mut now, true));
            }
            done.push(now);
        }
        done
    }

    proptest! {
        #[test]
        fn no_period_uses_more_than_the_budget(
            budget in 1_u64..30, period in 1_u64..30, jobs in prop::collection::vec((0_u64..60, 0_u64..80), 1..20)
        ) {
            let mut now = 0;
            let jobs: Vec<(u64, u64)> = jobs.into_iter().map(|(gap, work)| { now += gap; (now, work) }).collect();
            let mut meter = Meter::new(Quota::new(Span::from_nanos(budget), Span::from_nanos(period)));
            let mut used = std::collections::BTreeMap::new();
            let (mut free_at, mut done) = (SimTime::ZERO, Vec::new());
            for &(arrival, work) in &jobs {
                free_at = meter.run(free_at.max(SimTime::from_nanos(arrival)), Span::from_nanos(work), |from, to| {
                    assert_eq!(from.nanos() / period, (to.nanos() - 1) / period, "a slice lies in one period");
                    *used.entry(from.nanos() / period).or_insert(0) += to.since(from).nanos();
                });
                done.push(free_at.nanos());
            }
            prop_assert!(used.values().all(|&used| used <= budget));
            prop_assert_eq!(used.values().sum::<u64>(), jobs.iter().map(|job| job.1).sum::<u64>());
            prop_assert_eq!(done, tick_by_tick((budget, period), &jobs));
        }
    }
}

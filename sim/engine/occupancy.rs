//! Little's law as exact book-keeping: the integral of the number present over time is the sum of the times stayed.
//!
//! The two sides come by different ways: one from counting at arrivals and departures, the other from the times that the
//! calls themselves carry. A departure without an arrival, a lost call or a time stamp that changed breaks the balance.

use crate::units::SimTime;

/// Who is present somewhere, and for how long. Times are integer nanoseconds; nothing is rounded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Occupancy {
    present: u64,
    changed: SimTime,
    /// Number present, integrated over time.
    area: u128,
    /// Times stayed of those that left.
    stayed: u128,
}

impl Occupancy {
    /// Somebody comes, who counts as present since `since`.
    #[inline]
    pub(super) fn enter(&mut self, now: SimTime, since: SimTime) {
        self.advance(now);
        self.present += 1;
        self.area += u128::from(now.since(since).nanos());
    }

    /// Somebody who came at `since` goes.
    ///
    /// # Panics
    /// When nobody is there.
    #[inline]
    pub(super) fn leave(&mut self, now: SimTime, since: SimTime) {
        assert!(self.present > 0, "nobody leaves who has not come");
        self.advance(now);
        self.present -= 1;
        self.stayed += u128::from(now.since(since).nanos());
    }

    #[inline]
    fn advance(&mut self, now: SimTime) {
        self.area += u128::from(self.present) * u128::from(now.since(self.changed).nanos());
        self.changed = now;
    }

    /// How many are present.
    pub(super) const fn present(&self) -> u64 {
        self.present
    }

    /// Whether Little's law holds at the end, given since when each of those still present has been there.
    pub(super) fn balances(mut self, end: SimTime, still_present: impl Iterator<Item = SimTime>) -> bool {
        self.advance(end);
        let (mut count, mut stayed) = (0, self.stayed);
        for since in still_present {
            count += 1;
            stayed += u128::from(end.since(since).nanos());
        }
        (self.present, self.area) == (count, stayed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nanos: u64) -> SimTime {
        SimTime::from_nanos(nanos)
    }

    /// Who was meant to come when, comes how late, and stays how long.
    type Visit = (u64, u64, u64);

    /// Whether the visits balance at the end, with one of them believed to have begun a nanosecond too early.
    fn balances(visits: &[Visit], end: u64, spoilt: Option<usize>) -> bool {
        let coming = |number: usize| visits[number].0 + visits[number].1;
        let leaving = |number: usize| coming(number) + visits[number].2;
        let since = |number: usize| at(visits[number].0 - u64::from(spoilt == Some(number)));
        let numbers = 0..visits.len();
        let mut moments: Vec<(u64, bool, usize)> = numbers
            .clone()
            .flat_map(|number| [(coming(number), false, number), (leaving(number), true, number)])
            .collect();
        moments.sort_unstable();
        let mut occupancy = Occupancy::default();
        for &(time, leaves, number) in moments.iter().filter(|moment| moment.0 <= end) {
            if leaves {
                occupancy.leave(at(time), since(number));
            } else {
                occupancy.enter(at(time), at(visits[number].0));
            }
        }
        let still = numbers.filter(|&number| coming(number) <= end && leaving(number) > end);
        occupancy.balances(at(end), still.map(since))
    }

    proptest! {
        #[test]
        fn visits_balance_and_a_changed_time_stamp_does_not(
            visits in prop::collection::vec((1_u64..1000, 0_u64..50, 0_u64..1000), 1..40),
            end in 1050_u64..3000,
            spoilt in any::<prop::sample::Index>(),
        ) {
            prop_assert!(balances(&visits, end, None));
            prop_assert!(!balances(&visits, end, Some(spoilt.index(visits.len()))));
        }
    }

    #[test]
    fn somebody_lost_is_missed() {
        let mut occupancy = Occupancy::default();
        occupancy.enter(at(10), at(10));
        occupancy.enter(at(10), at(10));
        assert!(occupancy.balances(at(10), [at(10), at(10)].into_iter()));
        assert!(!occupancy.balances(at(10), [at(10)].into_iter()), "at once, before any time has passed");
    }
}

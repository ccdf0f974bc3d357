//! The future event list: events in the order (time, sequence of scheduling).
//!
//! A lazy calendar. Time is cut into days; events of coming days lie unsorted in a ring of buckets, one bucket a day.
//! When the clock reaches a day, its few events are sorted and handed out from the end. An event scheduled for the
//! current day is inserted among them, or goes to a heap beside them where they are many. The length of a day follows the
//! rate of events, so that a day has about eight; below some ten events there is no calendar and one day holds them all.
//!
//! It was chosen because a model of this kind has a hundred to a hundred thousand events pending, most of them due within
//! milliseconds: there it takes half the time of the best heap or less, and hardly more with ten thousand than with a
//! hundred. Where it is no help, when everything happens at one time, it is a heap. The ladder queue comes close, but
//! moves each event more often and is quadratic when everything happens at one time. Nanoseconds of processor time for
//! one hold operation (remove the earliest, schedule another) with events of 24 bytes, medians on a virtual EPYC core
//! (`cargo bench --bench kernel` compares them anew):
//!
//! | pending, delays          | std binary heap | 4-ary heap | ladder queue | lazy calendar |
//! |--------------------------|----------------:|-----------:|-------------:|--------------:|
//! | 100, exponential         |              40 |         34 |           36 |            26 |
//! | 1 000, exponential       |              52 |         46 |           37 |            27 |
//! | 10 000, exponential      |              88 |         71 |           52 |            32 |
//! | 100 000, exponential     |             446 |        201 |          151 |           137 |
//! | 1 000 000, exponential   |            1431 |        790 |          388 |           289 |
//! | 10 000, 60 us or 10 ms   |              81 |         76 |           55 |            34 |
//! | 10 000, constant         |              47 |         62 |           44 |            23 |
//! | 10 000, none: all at once |             47 |         56 |            – |            64 |

use std::cmp::Reverse;

use super::calendar::{Calendar, Entry};
use super::heap::{Heap, Moment};
use crate::units::SimTime;

/// Events that a day should have on average: few to sort, many enough to pay for opening it.
const EVENTS_PER_DAY: f64 = 8.0;
/// With more events than this a calendar pays, with fewer than the other it no longer does.
const CALENDAR_FROM: usize = 24;
const CALENDAR_UNTIL: usize = 8;
/// At most this many nanoseconds a day, as a power of two: 1.5 years.
const LONGEST_DAY_BITS: u32 = 56;
/// The shortest time, in events handled or passed over, between two looks at the length of a day.
const SHORTEST_PERIOD: usize = 1024;
/// So many events tell their rate.
const ENOUGH_EVENTS: u64 = 256;
/// Up to this many events are sorted by insertion.
const FEW: usize = 20;
/// Into so few of today's events another one is inserted; where there are more it waits in the heap. More than
/// [`CALENDAR_FROM`], so that without a calendar there is no heap.
const SHORT: usize = 32;

/// A priority queue of events, earliest first, first-scheduled first among equals.
///
/// Events are copied as they move from the calendar to the day and out: keep them small.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    /// Today's events, the earliest last; without a calendar, all.
    today: Vec<Entry<E>>,
    /// Events that came for today or before while today had many.
    late: Heap<E>,
    /// The events of days after `day`.
    calendar: Calendar<E>,
    /// Number of the current day; [`EVER`] without a calendar.
    day: u64,
    sequence: u64,
    pace: Pace,
}

/// A day after which there is no other.
const EVER: u64 = u64::MAX;

/// What the length of a day is chosen by.
#[derive(Clone, Debug)]
struct Pace {
    /// When the last event was handed out.
    now: u64,
    /// When counting began; moved on by stretches of time in which nothing was pending.
    since: u64,
    /// Events handed out since then.
    handled: u64,
    /// At how many the length of a day is looked at again. Events passed over in vain bring it nearer.
    until: u64,
}

impl<E: Copy> EventQueue<E> {
    /// An empty queue.
    pub fn new() -> Self {
        Self {
            today: Vec::new(),
            late: Heap::new(),
            calendar: Calendar::empty(),
            day: EVER,
            sequence: 0,
            pace: Pace { now: 0, since: 0, handled: 0, until: SHORTEST_PERIOD as u64 },
        }
    }

    /// Adds an event at `time`.
    #[inline]
    pub fn push(&mut self, time: SimTime, event: E) {
        let moment = Moment { time, sequence: self.take_sequence() };
        if self.calendar.day(moment) <= self.day {
            if self.today.len() < SHORT {
                self.today.push(Entry { moment, event });
                let last = self.today.len() - 1;
                settle(&mut self.today, last);
            } else {
                self.late.push(moment, event);
            }
            if self.day == EVER && self.today.len() > CALENDAR_FROM {
                self.adapt();
            }
        } else {
            self.calendar.put(Entry { moment, event });
            if self.calendar.len() > 2 * self.calendar.buckets() {
                self.adapt();
            }
        }
    }

    /// The number of the next event, for something that is to stand in its place among equal times.
    #[inline]
    pub(super) fn take_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// Removes the earliest event.
    #[inline]
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        self.pop_before(Moment::NEVER)
    }

    /// Removes the earliest event, provided it is due before `limit`.
    #[inline]
    pub fn pop_before(&mut self, limit: Moment) -> Option<(SimTime, E)> {
        let late = self.late.first();
        let (moment, event) = match self.today.last() {
            Some(entry) if entry.moment < late => {
                if limit <= entry.moment {
                    return None;
                }
                let Entry { moment, event } = self.today.pop()?;
                (moment, event)
            }
            _ if late < limit => self.late.pop()?,
            None if late == Moment::NEVER && self.calendar.len() > 0 => {
                self.open_next_day();
                return self.pop_before(limit);
            }
            _ => return None,
        };
        self.pace.now = moment.time.nanos();
        self.pace.handled += 1;
        if self.pace.handled >= self.pace.until {
            self.adapt();
        }
        Some((moment.time, event))
    }

    /// When the earliest event is due; [`Moment::NEVER`] when there is none.
    #[inline]
    pub fn first(&mut self) -> Moment {
        if self.today.is_empty() && self.late.is_empty() && self.calendar.len() > 0 {
            self.open_next_day();
        }
        self.today.last().map_or(Moment::NEVER, |entry| entry.moment).min(self.late.first())
    }

    /// Number of pending events.
    pub const fn len(&self) -> usize {
        self.today.len() + self.late.len() + self.calendar.len()
    }

    /// Whether nothing is pending.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sorts the events of the next day that has some.
    #[inline(never)]
    fn open_next_day(&mut self) {
        let from = self.day + 1;
        let found = self.calendar.take_next(from, &mut self.today);
        sort_descending(&mut self.today);
        self.day = found.day;
        self.pace.until = self.pace.until.saturating_sub(found.passed as u64);
        if found.leapt {
            // Nothing was pending in between: that says nothing about the rate of events.
            let gap = (found.day - from) * self.calendar.day_length();
            self.pace.since = self.pace.since.saturating_add(gap);
        }
    }

    /// Looks at how many events are pending and at which rate they come, and reshapes the calendar if it fits no more.
    #[cold]
    #[inline(never)]
    fn adapt(&mut self) {
        let pending = self.len();
        if self.day == EVER && pending > CALENDAR_FROM || self.day != EVER && pending >= CALENDAR_UNTIL {
            let buckets = pending.next_power_of_two().max(64);
            let length = (EVENTS_PER_DAY * self.nanos_per_event()) as u64;
            let length = length.clamp(2, 1 << LONGEST_DAY_BITS);
            let current = self.calendar.day_length();
            let fits = length > current / 2 && length / 4 < current;
            if self.day == EVER
                || !fits
                || buckets > self.calendar.buckets()
                || buckets < self.calendar.buckets() / 8
            {
                self.reshape(buckets, length.ilog2());
            }
        } else if self.day != EVER {
            self.reshape(0, 1);
        }
        self.pace = Pace {
            since: self.pace.now,
            handled: 0,
            until: pending.max(SHORTEST_PERIOD) as u64,
            ..self.pace
        };
    }

    /// Mean time between events: as counted, or, if too few were, as it must be for pending events to be so far ahead.
    fn nanos_per_event(&self) -> f64 {
        if self.pace.handled >= ENOUGH_EVENTS {
            return self.pace.now.saturating_sub(self.pace.since) as f64 / self.pace.handled as f64;
        }
        let (mut first, mut sum, mut count) = (u64::MAX, 0.0, 0.0);
        for entry in self.entries() {
            first = first.min(entry.moment.time.nanos());
            sum += entry.moment.time.nanos() as f64;
            count += 1.0;
        }
        // The mean delay is (events ahead) · (time per event).
        ((sum / count - first as f64) / count).max(0.0)
    }

    fn reshape(&mut self, buckets: usize, day_bits: u32) {
        let entries: Vec<Entry<E>> = self.entries().collect();
        self.today.clear();
        self.late.clear();
        self.calendar.reshape(buckets, day_bits);
        self.day = if buckets == 0 { EVER } else { self.pace.now >> day_bits };
        for entry in entries {
            if self.calendar.day(entry.moment) <= self.day {
                self.today.push(entry);
            } else {
                self.calendar.put(entry);
            }
        }
        sort_descending(&mut self.today);
    }

    /// Everything pending, in no particular order.
    fn entries(&self) -> impl Iterator<Item = Entry<E>> {
        let late = self.late.iter().map(|(moment, event)| Entry { moment, event });
        self.today.iter().chain(self.calendar.entries()).copied().chain(late)
    }
}

/// Most days have few events, and those of equal times come last-scheduled first, thus in order.
#[inline]
fn sort_descending<E: Copy>(entries: &mut [Entry<E>]) {
    if entries.len() > FEW {
        return entries.sort_unstable_by_key(|entry| Reverse(entry.moment));
    }
    for next in 1..entries.len() {
        settle(entries, next);
    }
}

/// Brings an entry where it belongs among those before it, which are sorted.
#[inline]
fn settle<E: Copy>(entries: &mut [Entry<E>], at: usize) {
    let entry = entries[at];
    let mut hole = at;
    while hole > 0 && entries[hole - 1].moment < entry.moment {
        entries[hole] = entries[hole - 1];
        hole -= 1;
    }
    entries[hole] = entry;
}

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;
    use crate::kernel::Uniform;
    use crate::kernel::rng::{Draws, Key, Purpose};

    /// The queue and its twin, a binary heap of (time, number).
    struct Pair {
        queue: EventQueue<u64>,
        twin: BinaryHeap<Reverse<(u64, u64)>>,
        pushed: u64,
        now: u64,
        calendars: u64,
    }

    impl Pair {
        fn new() -> Self {
            Self { queue: EventQueue::new(), twin: BinaryHeap::new(), pushed: 0, now: 0, calendars: 0 }
        }

        fn push(&mut self, delay: u64) {
            let time = self.now.saturating_add(delay);
            self.queue.push(SimTime::from_nanos(time), self.pushed);
            self.twin.push(Reverse((time, self.pushed)));
            self.pushed += 1;
        }

        /// Takes the earliest of both, which must be the same; false when there is none.
        fn pop(&mut self) -> Result<bool, TestCaseError> {
            let expected = self.twin.pop().map(|Reverse((time, number))| (SimTime::from_nanos(time), number));
            if self.pushed.is_multiple_of(3) {
                let first = expected.map_or(SimTime::MAX, |(time, _)| time);
                prop_assert_eq!(self.queue.first().time, first);
            }
            prop_assert_eq!(self.queue.pop(), expected);
            prop_assert_eq!(self.queue.len(), self.twin.len());
            self.now = expected.map_or(self.now, |(time, _)| time.nanos());
            self.calendars += u64::from(self.queue.day != EVER);
            Ok(expected.is_some())
        }
    }

    /// How delays are drawn for a while.
    #[derive(Clone, Copy, Debug)]
    enum Pattern {
        Now,
        Constant(u64),
        Below(u64),
        /// Any number of bits.
        AnyScale,
        /// Mostly below, one in a hundred an hour.
        Gaps(u64),
    }

    impl Pattern {
        fn delay(self, draws: &mut Draws) -> u64 {
            let below = |draws: &mut Draws, bound: u64| draws.bits() % bound;
            match self {
                Self::Now => 0,
                Self::Constant(delay) => delay,
                Self::AnyScale => draws.bits() >> (24 + draws.below(40)),
                Self::Gaps(_) if draws.chance(0.01) => 3_600_000_000_000,
                Self::Below(bound) | Self::Gaps(bound) => below(draws, bound),
            }
        }
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        let bound = || (0_u32..34).prop_map(|bits| 1_u64 << bits);
        prop_oneof![
            Just(Pattern::Now),
            bound().prop_map(Pattern::Constant),
            bound().prop_map(Pattern::Below),
            Just(Pattern::AnyScale),
            bound().prop_map(Pattern::Gaps),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn the_order_is_that_of_a_binary_heap(
            phases in prop::collection::vec((pattern(), 0.2_f64..0.8, 0_u32..3_000), 1..6),
            seed: u64,
        ) {
            let mut draws = Key::new(&[seed]).draws(Purpose(0), 0, 0, 0);
            let mut pair = Pair::new();
            for (pattern, pushes_ratio, operations) in phases {
                for _ in 0..operations {
                    if draws.chance(pushes_ratio) {
                        pair.push(pattern.delay(&mut draws));
                    } else {
                        pair.pop()?;
                    }
                }
            }
            while pair.pop()? {}
        }
    }

    #[test]
    fn the_calendar_follows_the_rate_of_events() {
        let mut draws = Key::new(&[7]).draws(Purpose(0), 0, 0, 0);
        let mut pair = Pair::new();
        for _ in 0..5_000 {
            pair.push(Pattern::Below(1 << 10).delay(&mut draws));
        }
        // 5000 pending and half of 2ⁿ ns ahead on average: eight events take 2ⁿ / 1250 ns.
        for bits in [12, 20, 30, 36] {
            for _ in 0..40_000 {
                pair.pop().unwrap();
                pair.push(Pattern::Below(1 << bits).delay(&mut draws));
            }
            let ideal = ((1_u64 << bits) / 1_250).max(2);
            let day = pair.queue.calendar.day_length();
            assert!((ideal / 4..=ideal * 4).contains(&day), "a day of {day} ns instead of {ideal}");
        }
        assert!(pair.calendars > 150_000, "{}", pair.calendars);
        while pair.pop().unwrap() {}
        assert!(pair.queue.is_empty());
    }

    #[test]
    fn a_sparse_calendar_is_noticed_soon() {
        let mut queue = EventQueue::new();
        // Dense first, then the same number of events a second apart: every search would go round the whole ring.
        for index in 0..20_000_u64 {
            queue.push(SimTime::from_nanos(index), index);
            queue.push(SimTime::from_nanos((index + 1) * 1_000_000_000), index);
        }
        for _ in 0..20_100 {
            queue.pop();
        }
        assert!(queue.calendar.day_length() > 1_000_000_000, "{}", queue.calendar.day_length());
    }

    #[test]
    fn memory_is_that_of_the_events_pending_at_once() {
        let mut draws = Key::new(&[8]).draws(Purpose(0), 0, 0, 0);
        let mut pair = Pair::new();
        for _ in 0..1_000 {
            pair.push(0);
        }
        for _ in 0..200_000 {
            pair.pop().unwrap();
            pair.push(Pattern::AnyScale.delay(&mut draws));
        }
        assert!(pair.queue.calendar.entries().count() <= 1_000);
        assert!(pair.queue.calendar.buckets() <= 8 * 1_024, "{}", pair.queue.calendar.buckets());
    }
}

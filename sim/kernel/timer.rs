//! Timers: events that are mostly cancelled before they happen.
//!
//! A hierarchical timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987): setting and
//! cancelling a timer links it into a coarse slot of time, or unlinks it, whatever the number of timers. What survives
//! until the clock reaches its slot moves to a slot of a finer level, and from the finest to a heap in which timers stand
//! in their exact order. So a timer fires exactly where an event scheduled in its place would have happened, and one that
//! was cancelled costs nothing more.

use std::num::NonZeroU32;

use super::heap::{Heap, Moment};
use crate::units::SimTime;

/// A timer that was set. Once it has fired or was cancelled, it stands for nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerId {
    entry: u32,
    /// Which of the timers that have used this entry; not zero, so that an optional id is no larger.
    generation: NonZeroU32,
}

/// Nanoseconds in a slot of the finest level, as a power of two: about a millisecond.
const TICK_BITS: u32 = 20;
/// Slots per level, as a power of two; their occupancy fits in a `u64`.
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
/// 64⁸ ticks are more than there are in 2⁶⁴ nanoseconds.
const LEVELS: usize = 8;
/// No entry.
const NONE: u32 = u32::MAX;

/// The pending timers.
#[derive(Clone, Debug)]
pub(super) struct Timers<E> {
    entries: Vec<Entry<E>>,
    /// First unused entry; they are linked by `next`.
    free: u32,
    /// First entry of each slot of each level.
    slots: Box<[[u32; SLOTS]; LEVELS]>,
    /// Which slots of each level have entries.
    occupied: [u64; LEVELS],
    /// The tick up to which slots have been emptied. An entry's level is that of the highest digit (base 64) in which
    /// its tick differs from this one.
    tick: u64,
    /// Timers of the current tick or earlier, and perhaps some that have been cancelled since.
    due: Heap<TimerId>,
    /// No timer is due before this moment.
    bound: Moment,
    pending: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    moment: Moment,
    generation: NonZeroU32,
    place: Place,
    next: u32,
    previous: u32,
    event: E,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Unused,
    Due,
    Slot { level: u8, slot: u8 },
}

impl<E: Copy> Timers<E> {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: NONE,
            slots: Box::new([[NONE; SLOTS]; LEVELS]),
            occupied: [0; LEVELS],
            tick: 0,
            due: Heap::new(),
            bound: Moment::NEVER,
            pending: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.pending
    }

    /// No timer is due before this moment; [`Moment::NEVER`] when none is pending.
    #[inline]
    pub(super) const fn bound(&self) -> Moment {
        self.bound
    }

    /// Sets a timer. `now` is the clock, and no timer due before it is pending.
    #[inline]
    pub(super) fn set(&mut self, now: SimTime, moment: Moment, event: E) -> TimerId {
        debug_assert!(self.bound.time >= now, "a timer was not fired in time");
        // No slot between the two has entries, so the levels of all of them stay as they are.
        self.tick = self.tick.max(now.nanos() >> TICK_BITS);
        let generation = NonZeroU32::MIN;
        let fresh = Entry { moment, generation, place: Place::Unused, next: NONE, previous: NONE, event };
        let index = self.free;
        let id = if index == NONE {
            assert!(self.entries.len() < NONE as usize, "too many timers");
            self.entries.push(fresh);
            TimerId { entry: self.entries.len() as u32 - 1, generation }
        } else {
            let entry = &mut self.entries[index as usize];
            self.free = entry.next;
            let generation = entry.generation;
            *entry = Entry { generation, ..fresh };
            TimerId { entry: index, generation }
        };
        self.pending += 1;
        let earliest = self.place(id, moment);
        self.bound = self.bound.min(earliest);
        id
    }

    /// Withdraws a timer; false if it has fired or was cancelled before.
    #[inline]
    pub(super) fn cancel(&mut self, id: TimerId) -> bool {
        let Some(&entry) = self.entries.get(id.entry as usize) else { return false };
        if entry.generation != id.generation || entry.place == Place::Unused {
            return false;
        }
        if let Place::Slot { level, slot } = entry.place {
            self.unlink(usize::from(level), usize::from(slot), entry.previous, entry.next);
        }
        self.release(id.entry);
        if self.pending == 0 {
            self.due.clear();
            self.bound = Moment::NEVER;
        }
        true
    }

    /// Comes closer to the timer due first: gives it if its turn is at [`bound`](Self::bound), or sorts the slot that
    /// begins there, if what was pending then has not been cancelled since. To be called only when nothing else happens
    /// before that moment.
    #[cold]
    pub(super) fn advance(&mut self) -> Option<(SimTime, E)> {
        let mut fired = None;
        if self.due.first() == self.bound {
            fired = self.due.pop().and_then(|(moment, id)| Some((moment.time, self.take(id)?)));
        } else if let Some((level, slot, start)) = self.first_slot()
            && slot_start(start) == self.bound
        {
            self.tick = start;
            self.empty(level, slot);
        }
        let slots = self.first_slot().map_or(Moment::NEVER, |(_, _, start)| slot_start(start));
        self.bound = self.due.first().min(slots);
        fired
    }

    /// Puts an entry into the slot of its tick, or among the due ones; returns what [`bound`](Self::bound) it sets.
    #[inline]
    fn place(&mut self, id: TimerId, moment: Moment) -> Moment {
        let tick = moment.time.nanos() >> TICK_BITS;
        if tick <= self.tick {
            self.entries[id.entry as usize].place = Place::Due;
            self.due.push(moment, id);
            return moment;
        }
        let level = (tick ^ self.tick).ilog2() / LEVEL_BITS;
        let slot = (tick >> (level * LEVEL_BITS)) as usize % SLOTS;
        let head = self.slots[level as usize][slot];
        if head != NONE {
            self.entries[head as usize].previous = id.entry;
        }
        self.slots[level as usize][slot] = id.entry;
        self.occupied[level as usize] |= 1 << slot;
        let entry = &mut self.entries[id.entry as usize];
        entry.place = Place::Slot { level: level as u8, slot: slot as u8 };
        (entry.previous, entry.next) = (NONE, head);
        slot_start(tick >> (level * LEVEL_BITS) << (level * LEVEL_BITS))
    }

    #[inline]
    fn unlink(&mut self, level: usize, slot: usize, previous: u32, next: u32) {
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous == NONE {
            self.slots[level][slot] = next;
            if next == NONE {
                self.occupied[level] &= !(1 << slot);
            }
        } else {
            self.entries[previous as usize].next = next;
        }
    }

    /// The event of a due timer that was not cancelled, which is thereby used up.
    fn take(&mut self, id: TimerId) -> Option<E> {
        let entry = self.entries[id.entry as usize];
        let valid = entry.generation == id.generation && entry.place == Place::Due;
        valid.then(|| {
            self.release(id.entry);
            entry.event
        })
    }

    #[inline]
    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.place = Place::Unused;
        entry.generation = entry.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        entry.next = self.free;
        self.free = index;
        self.pending -= 1;
    }

    /// Level, slot and first tick of the earliest slot that has entries. Those of a level come before those of the
    /// next, for they lie within the block in which the clock stands.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let bits = level as u32 * LEVEL_BITS;
        let block = self.tick >> bits >> LEVEL_BITS << LEVEL_BITS;
        Some((level, slot as usize, (block | u64::from(slot)) << bits))
    }

    /// Moves the entries of a slot that the clock has reached to finer levels or among the due ones.
    fn empty(&mut self, level: usize, slot: usize) {
        let mut index = std::mem::replace(&mut self.slots[level][slot], NONE);
        self.occupied[level] &= !(1 << slot);
        while index != NONE {
            let Entry { moment, generation, next, .. } = self.entries[index as usize];
            self.place(TimerId { entry: index, generation }, moment);
            index = next;
        }
    }
}

/// The moment at which a slot that begins with this tick must have been sorted.
#[inline]
const fn slot_start(tick: u64) -> Moment {
    Moment { time: SimTime::from_nanos(tick << TICK_BITS), sequence: 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Schedule;
    use super::*;
    use crate::units::Span;

    /// Everything pending in one list, searched from end to end.
    #[derive(Default)]
    struct Twin {
        now: u64,
        pending: Vec<(u64, u32)>,
    }

    impl Twin {
        fn next(&mut self, end: u64) -> Option<u32> {
            let &(time, number) = self.pending.iter().min().filter(|event| event.0 <= end)?;
            self.pending.retain(|&event| event.1 != number);
            self.now = time;
            Some(number)
        }

        fn cancel(&mut self, number: u32) -> bool {
            let before = self.pending.len();
            self.pending.retain(|event| event.1 != number);
            self.pending.len() < before
        }
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Event(u64),
        Timer(u64),
        /// Cancels the timer that was set at this share of all.
        Cancel(f64),
        Next,
        NextUntil(u64),
    }

    /// Delays of every scale, equal ones, and ends of slots.
    fn delay() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            0_u64..4,
            (0_u32..40).prop_map(|bits| 1 << bits),
            (20_u32..64, any::<u64>()).prop_map(|(bits, noise)| noise >> (64 - bits)),
            (1_u64..200, 0_u64..3).prop_map(|(ticks, more)| (ticks << TICK_BITS) - 1 + more),
        ]
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            2 => delay().prop_map(Operation::Event),
            4 => delay().prop_map(Operation::Timer),
            2 => (0.0..1.0).prop_map(Operation::Cancel),
            3 => Just(Operation::Next),
            1 => delay().prop_map(Operation::NextUntil),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn timers_fire_as_events_would_in_their_place(operations in prop::collection::vec(operation(), 0..200)) {
            let mut schedule = Schedule::new();
            let mut twin = Twin::default();
            let mut ids = Vec::new();
            for (number, operation) in (0_u32..).zip(operations) {
                match operation {
                    Operation::Event(delay) => {
                        schedule.after(Span::from_nanos(delay), number);
                        twin.pending.push((twin.now.saturating_add(delay), number));
                    }
                    Operation::Timer(delay) => {
                        ids.push((schedule.timer(Span::from_nanos(delay), number), number));
                        twin.pending.push((twin.now.saturating_add(delay), number));
                    }
                    Operation::Cancel(share) => {
                        if let Some(&(id, number)) = ids.get((share * ids.len() as f64) as usize) {
                            prop_assert_eq!(schedule.cancel(id), twin.cancel(number));
                        }
                    }
                    Operation::Next => prop_assert_eq!(schedule.next(), twin.next(u64::MAX)),
                    Operation::NextUntil(delay) => {
                        let end = twin.now.saturating_add(delay);
                        prop_assert_eq!(schedule.next_until(SimTime::from_nanos(end)), twin.next(end));
                    }
                }
                prop_assert_eq!(schedule.now(), SimTime::from_nanos(twin.now));
                prop_assert_eq!(schedule.len(), twin.pending.len());
            }
            while let Some(expected) = twin.next(u64::MAX) {
                prop_assert_eq!(schedule.next(), Some(expected));
            }
            prop_assert_eq!(schedule.next(), None);
            prop_assert!(schedule.is_empty());
        }
    }

    #[test]
    fn memory_is_that_of_the_timers_pending_at_once() {
        let mut schedule = Schedule::new();
        let mut ids = std::collections::VecDeque::new();
        for number in 0..100_000_u32 {
            schedule.after(Span::from_micros(100), number);
            ids.push_back(schedule.timer(Span::from_seconds(15), number));
            if ids.len() > 10 {
                assert!(schedule.cancel(ids.pop_front().unwrap()));
            }
            schedule.next();
        }
        assert_eq!(schedule.len(), 10);
        assert_eq!(schedule.timers.entries.len(), 11);
        assert!(schedule.timers.due.len() <= 11, "{}", schedule.timers.due.len());
    }

    #[test]
    fn a_cancelled_timer_brings_no_later_one_forward() {
        let mut schedule = Schedule::new();
        let soon = schedule.timer(Span::from_millis(5), 'a');
        schedule.timer(Span::from_seconds(15), 'b');
        assert!(schedule.cancel(soon));
        schedule.after(Span::from_millis(10), 'c');
        assert_eq!(schedule.next(), Some('c'));
        assert!(schedule.timers.due.is_empty() && schedule.timers.tick <= 10);
    }

    #[test]
    fn an_old_id_stands_for_nothing() {
        let mut schedule = Schedule::new();
        let fired = schedule.timer(Span::from_nanos(5), 'a');
        assert_eq!(schedule.next(), Some('a'));
        let cancelled = schedule.timer(Span::from_seconds(5), 'b');
        assert!(schedule.cancel(cancelled));
        let pending = schedule.timer(Span::from_seconds(6), 'c');
        assert!(!schedule.cancel(fired) && !schedule.cancel(cancelled));
        assert_eq!((schedule.next(), schedule.now().seconds()), (Some('c'), 6.000_000_005));
        assert!(!schedule.cancel(pending));
    }
}

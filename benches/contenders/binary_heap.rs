//! The standard library's binary heap.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use sim::kernel::heap::Moment;
use sim::units::SimTime;

use super::{Contender, Event};

/// Needs nothing but the standard library; the twin in the tests of the chosen queue.
#[derive(Default)]
pub(crate) struct StandardHeap {
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
}

struct Entry {
    moment: Moment,
    event: Event,
}

impl Contender for StandardHeap {
    const NAME: &'static str = "std binary heap";

    #[inline]
    fn push(&mut self, time: SimTime, event: Event) {
        self.heap.push(Reverse(Entry { moment: Moment { time, sequence: self.sequence }, event }));
        self.sequence += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<(SimTime, Event)> {
        self.heap.pop().map(|Reverse(entry)| (entry.moment.time, entry.event))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.moment == other.moment
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.moment.cmp(&other.moment)
    }
}

//! Future event lists that were measured and not chosen, beside the one that was.

pub(crate) mod binary_heap;
pub(crate) mod ladder;

use sim::kernel::heap::{Heap, Moment};
use sim::kernel::queue::EventQueue;
use sim::units::SimTime;

/// As large as the events of a model get.
pub(crate) type Event = [u64; 3];

/// A future event list in the order (time, sequence of scheduling).
pub(crate) trait Contender: Default {
    /// As shown in the results.
    const NAME: &'static str;
    /// Adds an event.
    fn push(&mut self, time: SimTime, event: Event);
    /// Removes the earliest.
    fn pop(&mut self) -> Option<(SimTime, Event)>;
}

impl Contender for EventQueue<Event> {
    const NAME: &'static str = "lazy calendar";

    #[inline]
    fn push(&mut self, time: SimTime, event: Event) {
        self.push(time, event);
    }

    #[inline]
    fn pop(&mut self) -> Option<(SimTime, Event)> {
        self.pop()
    }
}

/// The heap in which the kernel keeps the late-comers of the current day.
#[derive(Default)]
pub(crate) struct FourAryHeap {
    heap: Heap<Event>,
    sequence: u64,
}

impl Contender for FourAryHeap {
    const NAME: &'static str = "4-ary heap";

    #[inline]
    fn push(&mut self, time: SimTime, event: Event) {
        self.heap.push(Moment { time, sequence: self.sequence }, event);
        self.sequence += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<(SimTime, Event)> {
        self.heap.pop().map(|(moment, event)| (moment.time, event))
    }
}

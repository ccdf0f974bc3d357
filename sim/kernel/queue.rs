//! The future event list: events in the order (time, sequence of scheduling).

use super::heap::{Heap, Moment};
use crate::units::SimTime;

/// A priority queue of events, earliest first, first-scheduled first among equals.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    heap: Heap<E>,
    sequence: u64,
}

impl<E: Copy> EventQueue<E> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { heap: Heap::new(), sequence: 0 }
    }

    /// Adds an event at `time`.
    #[inline]
    pub fn push(&mut self, time: SimTime, event: E) {
        let sequence = self.take_sequence();
        self.heap.push(Moment { time, sequence }, event);
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
        self.heap.pop().map(|(moment, event)| (moment.time, event))
    }

    /// When the earliest event is due; [`Moment::NEVER`] when there is none.
    #[inline]
    pub fn first(&mut self) -> Moment {
        self.heap.first()
    }

    /// Number of pending events.
    pub const fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is pending.
    pub const fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

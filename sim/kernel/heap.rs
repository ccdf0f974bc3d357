//! An implicit heap with four children per node: half the levels of a binary heap, and the four keys compared at a
//! level lie side by side in memory.

use crate::units::SimTime;

/// When something happens, and in which order among what happens at that time. Totally ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The time.
    pub time: SimTime,
    /// The number given when it was scheduled; no two pending things have the same.
    pub sequence: u64,
}

impl Moment {
    /// Later than everything.
    pub const NEVER: Self = Self { time: SimTime::MAX, sequence: u64::MAX };

    /// Time and sequence as one number of the same order: one comparison without a branch.
    #[inline]
    const fn packed(self) -> u128 {
        (self.time.nanos() as u128) << 64 | self.sequence as u128
    }
}

impl Ord for Moment {
    #[inline]
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.packed().cmp(&other.packed())
    }
}

impl PartialOrd for Moment {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }

    #[inline]
    fn lt(&self, other: &Self) -> bool {
        self.packed() < other.packed()
    }
}

/// A priority queue of small items, earliest moment first. Items are copied as they move through the heap.
#[derive(Clone, Debug)]
pub struct Heap<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    moment: Moment,
    item: T,
}

const CHILDREN: usize = 4;

impl<T: Copy> Heap<T> {
    /// An empty heap.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds an item.
    #[inline]
    pub fn push(&mut self, moment: Moment, item: T) {
        let entry = Entry { moment, item };
        let mut hole = self.entries.len();
        self.entries.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / CHILDREN;
            if self.entries[parent].moment < moment {
                break;
            }
            self.entries[hole] = self.entries[parent];
            hole = parent;
        }
        self.entries[hole] = entry;
    }

    /// When the earliest item is due; [`Moment::NEVER`] when there is none.
    #[inline]
    pub fn first(&self) -> Moment {
        self.entries.first().map_or(Moment::NEVER, |entry| entry.moment)
    }

    /// Removes the earliest item.
    #[inline]
    pub fn pop(&mut self) -> Option<(Moment, T)> {
        let last = self.entries.pop()?;
        let Some(&top) = self.entries.first() else { return Some((last.moment, last.item)) };
        self.sink(last);
        Some((top.moment, top.item))
    }

    /// Puts `entry` where the root was, or below, where it belongs.
    #[inline]
    fn sink(&mut self, entry: Entry<T>) {
        let mut hole = 0;
        loop {
            let first = CHILDREN * hole + 1;
            let Some(children) = self.entries.get(first..) else { break };
            let least = match children.first_chunk::<CHILDREN>() {
                Some([a, b, c, d]) => {
                    let left = usize::from(b.moment < a.moment);
                    let right = 2 + usize::from(d.moment < c.moment);
                    if children[right].moment < children[left].moment { right } else { left }
                }
                None if children.is_empty() => break,
                None => (1..children.len()).fold(0, |least, child| {
                    if children[child].moment < children[least].moment { child } else { least }
                }),
            };
            let child = children[least];
            if entry.moment < child.moment {
                break;
            }
            self.entries[hole] = child;
            hole = first + least;
        }
        self.entries[hole] = entry;
    }

    /// Every item, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Moment, T)> {
        self.entries.iter().map(|entry| (entry.moment, entry.item))
    }

    /// Drops all items and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Number of items.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T: Copy> Default for Heap<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_a_binary_heap(operations in prop::collection::vec(prop::option::of(0_u64..50), 0..400)) {
            let (mut heap, mut twin) = (Heap::new(), BinaryHeap::new());
            for (sequence, operation) in (0_u64..).zip(operations) {
                if let Some(nanos) = operation {
                    let time = SimTime::from_nanos(nanos);
                    heap.push(Moment { time, sequence }, sequence);
                    twin.push(Reverse((time, sequence)));
                } else {
                    let expected = twin.pop().map(|Reverse((time, sequence))| (Moment { time, sequence }, sequence));
                    prop_assert_eq!(heap.pop(), expected);
                }
                let first = twin.peek().map_or(Moment::NEVER, |&Reverse((time, sequence))| Moment { time, sequence });
                prop_assert_eq!(heap.first(), first);
                prop_assert_eq!(heap.len(), twin.len());
            }
        }
    }

    #[test]
    fn moments_are_ordered_by_time_then_sequence() {
        let moment = |nanos, sequence| Moment { time: SimTime::from_nanos(nanos), sequence };
        assert!(moment(1, u64::MAX) < moment(2, 0));
        assert!(moment(2, 0) < moment(2, 1));
        assert!(moment(u64::MAX, 5) < Moment::NEVER);
    }
}

//! A ring of days: events of the same stretch of time lie together, unordered, until their day comes.

use super::heap::Moment;

/// No node.
const NONE: u32 = u32::MAX;

/// An event and when it happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<E> {
    pub(super) moment: Moment,
    pub(super) event: E,
}

/// Events by day. Days that are a whole turn of the ring apart share a bucket. All events lie in one vector, linked by
/// bucket; the memory of one that has left is used by the next that comes.
#[derive(Clone, Debug)]
pub(super) struct Calendar<E> {
    /// Length of a day in nanoseconds, as a power of two; at least 1.
    day_bits: u32,
    nodes: Vec<Node<E>>,
    /// First unused node; they are linked by `next`.
    free: u32,
    /// First node of each bucket; a power of two of them.
    buckets: Box<[u32]>,
    /// Which buckets have nodes.
    occupied: Box<[u64]>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node<E> {
    entry: Entry<E>,
    next: u32,
}

/// What came of looking for the next day with events.
pub(super) struct Search {
    /// The day, all of whose events have been taken out.
    pub(super) day: u64,
    /// How many nodes of later years were passed over.
    pub(super) passed: usize,
    /// Whether a whole turn of the ring held nothing: the days are too short for what is pending.
    pub(super) leapt: bool,
}

impl<E: Copy> Calendar<E> {
    /// A calendar without buckets, in which nothing can be put.
    pub(super) fn empty() -> Self {
        Self {
            day_bits: 1,
            nodes: Vec::new(),
            free: NONE,
            buckets: Box::default(),
            occupied: Box::default(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// The length of a day in nanoseconds.
    pub(super) const fn day_length(&self) -> u64 {
        1 << self.day_bits
    }

    #[inline]
    pub(super) const fn day(&self, moment: Moment) -> u64 {
        moment.time.nanos() >> self.day_bits
    }

    #[inline]
    pub(super) fn put(&mut self, entry: Entry<E>) {
        let bucket = self.bucket(self.day(entry.moment));
        let node = Node { entry, next: self.buckets[bucket] };
        let index = self.free;
        if index == NONE {
            assert!(self.nodes.len() < NONE as usize, "too many events");
            self.buckets[bucket] = self.nodes.len() as u32;
            self.nodes.push(node);
        } else {
            let place = &mut self.nodes[index as usize];
            self.free = place.next;
            *place = node;
            self.buckets[bucket] = index;
        }
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.len += 1;
    }

    /// Finds the first day from `from` on that has events and moves them to `out`. There must be an event, and none
    /// before `from`.
    pub(super) fn take_next(&mut self, from: u64, out: &mut Vec<Entry<E>>) -> Search {
        debug_assert!(self.len > 0, "an empty calendar has no next day");
        let mut passed = 0;
        let mut day = from;
        while day - from < self.buckets.len() as u64 {
            let bucket = self.bucket(day);
            let ahead = self.occupied[bucket / 64] >> (bucket % 64);
            if ahead == 0 {
                day += 64 - bucket as u64 % 64;
                continue;
            }
            day += u64::from(ahead.trailing_zeros());
            passed += self.take(day, out);
            if !out.is_empty() {
                return Search { day, passed, leapt: false };
            }
            day += 1;
        }
        let day = self.first_day();
        passed += self.len + self.take(day, out);
        Search { day, passed, leapt: true }
    }

    /// Moves the events of `day` to `out`; returns how many of its bucket belong to other days.
    #[inline]
    fn take(&mut self, day: u64, out: &mut Vec<Entry<E>>) -> usize {
        let bucket = self.bucket(day);
        let (mut kept, mut passed) = (NONE, 0);
        let mut index = self.buckets[bucket];
        while index != NONE {
            let Node { entry, next } = self.nodes[index as usize];
            let list = if self.day(entry.moment) == day {
                out.push(entry);
                self.len -= 1;
                &mut self.free
            } else {
                passed += 1;
                &mut kept
            };
            self.nodes[index as usize].next = std::mem::replace(list, index);
            index = next;
        }
        self.buckets[bucket] = kept;
        if kept == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
        passed
    }

    /// The day of the earliest event, found by looking at all.
    fn first_day(&self) -> u64 {
        let moments = self.entries().map(|entry| entry.moment);
        moments.min().map_or(u64::MAX, |moment| self.day(moment))
    }

    /// All events, in no particular order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<E>> {
        self.buckets.iter().flat_map(|&head| {
            let node = |index: u32| (index != NONE).then(|| &self.nodes[index as usize]);
            std::iter::successors(node(head), move |last| node(last.next)).map(|node| &node.entry)
        })
    }

    /// Empties it, and makes it one of this many buckets (a power of two, at least 64, or none) and this length of day.
    pub(super) fn reshape(&mut self, buckets: usize, day_bits: u32) {
        self.day_bits = day_bits;
        self.nodes.clear();
        self.free = NONE;
        self.buckets = vec![NONE; buckets].into();
        self.occupied = vec![0; buckets / 64].into();
        self.len = 0;
    }

    #[inline]
    const fn bucket(&self, day: u64) -> usize {
        day as usize & (self.buckets.len() - 1)
    }
}

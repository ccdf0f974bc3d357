//! The ladder queue of Tang, Goh and Thng ("Ladder queue: an O(1) priority queue structure for large-scale discrete
//! event simulation", 2005): far events unsorted in `top`, then rungs of ever finer buckets, then a sorted `bottom`.

use std::cmp::Reverse;

use sim::kernel::heap::Moment;
use sim::units::SimTime;

use super::{Contender, Event};

/// A bucket with more events becomes a rung of its own.
const THRESHOLD: usize = 50;
const MOST_RUNGS: usize = 8;

/// Adapts to any distribution of delays without measuring one, at the price of more moves per event.
#[derive(Default)]
pub(crate) struct Ladder {
    /// Events at `top_start` or later.
    top: Vec<Entry>,
    top_start: u64,
    /// From coarse to fine.
    rungs: Vec<Rung>,
    /// Latest first.
    bottom: Vec<Entry>,
    sequence: u64,
}

type Entry = (Moment, Event);

struct Rung {
    start: u64,
    width: u64,
    /// The first bucket that has not been handed down.
    current: usize,
    buckets: Vec<Vec<Entry>>,
}

impl Contender for Ladder {
    const NAME: &'static str = "ladder queue";

    #[inline]
    fn push(&mut self, time: SimTime, event: Event) {
        let entry = (Moment { time, sequence: self.sequence }, event);
        self.sequence += 1;
        if time.nanos() >= self.top_start {
            self.top.push(entry);
        } else if let Some(rung) = self.rungs.iter_mut().find(|rung| rung.takes(time.nanos())) {
            rung.put(entry);
        } else {
            let place = self.bottom.partition_point(|other| other.0 > entry.0);
            self.bottom.insert(place, entry);
            if self.bottom.len() > THRESHOLD {
                self.spread_bottom();
            }
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<(SimTime, Event)> {
        if self.bottom.is_empty() {
            self.refill();
        }
        self.bottom.pop().map(|(moment, event)| (moment.time, event))
    }
}

impl Ladder {
    #[inline(never)]
    fn refill(&mut self) {
        loop {
            let rungs = self.rungs.len();
            let Some(rung) = self.rungs.last_mut() else {
                if self.top.is_empty() {
                    return;
                }
                let rung = Rung::of(&mut self.top, usize::MAX);
                self.top_start = rung.end();
                self.rungs.push(rung);
                continue;
            };
            let Some(index) =
                (rung.current..rung.buckets.len()).find(|&index| !rung.buckets[index].is_empty())
            else {
                self.rungs.pop();
                continue;
            };
            rung.current = index + 1;
            let bucket = &mut rung.buckets[index];
            if bucket.len() > THRESHOLD && rung.width > 1 && rungs < MOST_RUNGS {
                let mut entries = std::mem::take(bucket);
                self.rungs.push(Rung::of(&mut entries, THRESHOLD));
            } else {
                self.bottom.append(bucket);
                self.bottom.sort_unstable_by_key(|entry| Reverse(entry.0));
                return;
            }
        }
    }

    fn spread_bottom(&mut self) {
        let times = (self.bottom[self.bottom.len() - 1].0.time, self.bottom[0].0.time);
        if times.0 < times.1 && self.rungs.len() < MOST_RUNGS {
            let rung = Rung::of(&mut self.bottom, THRESHOLD);
            self.rungs.push(rung);
        }
    }
}

impl Rung {
    /// A rung of about as many buckets as there are entries, at most `most`, from the earliest to the latest of them.
    fn of(entries: &mut Vec<Entry>, most: usize) -> Self {
        let times = || entries.iter().map(|entry| entry.0.time.nanos());
        let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        let width = (last - first) / entries.len().min(most) as u64 + 1;
        let count = ((last - first) / width + 1) as usize;
        let mut rung = Self { start: first, width, current: 0, buckets: Vec::new() };
        rung.buckets.resize_with(count, Vec::new);
        for entry in entries.drain(..) {
            rung.put(entry);
        }
        rung
    }

    fn end(&self) -> u64 {
        self.start + self.width * self.buckets.len() as u64
    }

    #[inline]
    fn takes(&self, time: u64) -> bool {
        time >= self.start + self.width * self.current as u64 && time < self.end()
    }

    #[inline]
    fn put(&mut self, entry: Entry) {
        let index = (entry.0.time.nanos() - self.start) / self.width;
        self.buckets[index as usize].push(entry);
    }
}

//! In which order an operation makes its calls, and which of them at once, from the times of many requests.

use std::collections::BTreeMap;

use super::super::graph::{Observed, Target};

/// Calls of one request whose overlaps are looked at.
const MOST: usize = 100;
/// Part of the shorter of two calls that may overlap by chance: clocks of two machines are never the same.
const CHANCE: f64 = 0.05;

/// What was seen of the calls of one operation.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    callees: BTreeMap<Target, Callee>,
    /// How often a request called both, and how often at once.
    pairs: BTreeMap<(Target, Target), (u32, u32)>,
}

#[derive(Debug, Default)]
struct Callee {
    /// Nanoseconds from the request's begin to its first call of it, added up.
    begin: f64,
    requests: f64,
    /// Earlier ones come first where times are equal.
    order: usize,
}

/// A call, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Interval {
    pub(super) const fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    fn overlaps(self, other: Self) -> bool {
        let common = self.end.min(other.end).saturating_sub(self.start.max(other.start));
        common > 0 && common as f64 > CHANCE * self.length().min(other.length()) as f64
    }
}

impl Pattern {
    /// Adds the calls of one request that began at `begin`.
    pub(super) fn add(&mut self, begin: u64, calls: &[(Target, Interval)]) {
        let mut first: BTreeMap<Target, u64> = BTreeMap::new();
        for (target, interval) in calls {
            let start = first.entry(*target).or_insert(interval.start);
            *start = interval.start.min(*start);
        }
        for (target, start) in first {
            let order = self.callees.len();
            let callee = self.callees.entry(target).or_insert(Callee { order, ..Callee::default() });
            callee.begin += start.saturating_sub(begin) as f64;
            callee.requests += 1.0;
        }
        let calls = &calls[..calls.len().min(MOST)];
        let mut pairs: BTreeMap<(Target, Target), bool> = BTreeMap::new();
        for (row, (one, first)) in calls.iter().enumerate() {
            for (other, second) in &calls[row + 1..] {
                let key = (*one.min(other), *one.max(other));
                *pairs.entry(key).or_default() |= first.overlaps(*second);
            }
        }
        for (key, overlap) in pairs {
            let (both, at_once) = self.pairs.entry(key).or_default();
            *both += 1;
            *at_once += u32::from(overlap);
        }
    }

    /// Writes steps into the calls of `from`: what usually overlaps is one step, steps come in the order of their begin.
    pub(super) fn write(&self, from: Target, observed: &mut Observed) {
        let mut group: BTreeMap<Target, Target> =
            self.callees.keys().map(|callee| (*callee, *callee)).collect();
        for ((one, other), (both, at_once)) in &self.pairs {
            if at_once * 2 <= *both {
                continue;
            }
            if one == other {
                if let Some(call) = observed.at_mut(from).calls.get_mut(one) {
                    call.overlap = true;
                }
                continue;
            }
            let (kept, joined) = (group[one], group[other]);
            for member in group.values_mut().filter(|member| **member == joined) {
                *member = kept;
            }
        }
        let mut begins: BTreeMap<Target, (f64, usize)> = BTreeMap::new();
        for (callee, seen) in &self.callees {
            let begin = (seen.begin / seen.requests, seen.order);
            let known = begins.entry(group[callee]).or_insert(begin);
            if begin.0 < known.0 {
                *known = begin;
            }
        }
        let mut order: Vec<_> = begins.into_iter().collect();
        order.sort_by(|(_, one), (_, other)| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for (step, (leader, _)) in order.iter().enumerate() {
            for callee in group.iter().filter(|(_, of)| *of == leader).map(|(callee, _)| callee) {
                if let Some(call) = observed.at_mut(from).calls.get_mut(callee) {
                    call.step = step;
                }
            }
        }
    }
}

/// Nanoseconds of `whole` that none of the intervals covers.
pub(super) fn uncovered(whole: Interval, parts: &[Interval]) -> u64 {
    let mut parts: Vec<_> = parts.to_vec();
    parts.sort_by_key(|part| part.start);
    let (mut free, mut here) = (0, whole.start);
    for part in parts {
        if part.start > here {
            free += part.start.min(whole.end).saturating_sub(here);
        }
        here = here.max(part.end);
    }
    free + whole.end.saturating_sub(here)
}

//! Exact accounting of busy time within the measuring window.

use crate::units::{SimTime, Span};

/// The half-open interval [start, end) in which a run measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    start: SimTime,
    end: SimTime,
}

impl Window {
    /// All of time.
    pub const ALWAYS: Self = Self { start: SimTime::ZERO, end: SimTime::MAX };

    /// The window that begins at `start` and lasts `length`.
    pub fn new(start: SimTime, length: Span) -> Self {
        Self { start, end: start + length }
    }

    /// The first instant inside.
    pub const fn start(self) -> SimTime {
        self.start
    }

    /// The first instant after.
    pub const fn end(self) -> SimTime {
        self.end
    }

    /// How long it is.
    pub const fn length(self) -> Span {
        self.end.since(self.start)
    }

    /// Whether `time` lies inside.
    pub fn contains(self, time: SimTime) -> bool {
        self.start <= time && time < self.end
    }

    /// How much of [`from`, `to`) lies inside.
    #[inline]
    pub fn overlap(self, from: SimTime, to: SimTime) -> Span {
        to.min(self.end).since(from.max(self.start))
    }
}

/// Busy time added up from intervals that may lie in the future: what a committed station keeps.
///
/// ```
/// use sim::kernel::station::{Busy, Window};
/// use sim::units::{SimTime, Span};
///
/// let at = |seconds| SimTime::ZERO + Span::from_seconds(seconds);
/// let mut busy = Busy::new(Window::new(at(10), Span::from_seconds(5)));
/// busy.add(at(8), at(12));
/// assert_eq!((busy.in_window(), busy.total()), (Span::from_seconds(2), Span::from_seconds(4)));
/// assert_eq!(busy.utilization(1), 0.4);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    window: Window,
    in_window: Span,
    total: Span,
}

impl Busy {
    /// Nothing yet.
    pub const fn new(window: Window) -> Self {
        Self { window, in_window: Span::ZERO, total: Span::ZERO }
    }

    /// Adds the interval [`from`, `to`).
    #[inline]
    pub fn add(&mut self, from: SimTime, to: SimTime) {
        self.in_window += self.window.overlap(from, to);
        self.total += to.since(from);
    }

    /// Busy time within the window, summed over servers.
    pub const fn in_window(&self) -> Span {
        self.in_window
    }

    /// All busy time, before, in and after the window.
    pub const fn total(&self) -> Span {
        self.total
    }

    /// The share of the window in which each of `servers` servers was busy on average.
    pub fn utilization(&self, servers: u32) -> f64 {
        self.in_window.seconds() / (self.window.length().seconds() * f64::from(servers))
    }
}

/// A number that changes with time (servers busy, jobs present) and its integral over the window: what an event-driven
/// station keeps.
///
/// ```
/// use sim::kernel::station::{Level, Window};
/// use sim::units::{SimTime, Span};
///
/// let at = |seconds| SimTime::ZERO + Span::from_seconds(seconds);
/// let mut busy = Level::new(Window::new(at(10), Span::from_seconds(10)));
/// busy.set(at(5), 3);
/// busy.set(at(12), 1);
/// assert_eq!(busy.mean(at(20)), 1.4);
/// assert_eq!(busy.unit_nanos_until(at(20)), 29_000_000_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Level {
    window: Window,
    value: u32,
    since: SimTime,
    unit_nanos: u128,
    total: u128,
}

impl Level {
    /// Zero from the start.
    pub const fn new(window: Window) -> Self {
        Self { window, value: 0, since: SimTime::ZERO, unit_nanos: 0, total: 0 }
    }

    /// The value now.
    pub const fn value(&self) -> u32 {
        self.value
    }

    /// The value is `value` from `now` on.
    ///
    /// # Panics
    /// When `now` lies before the last change (debug builds only).
    #[inline]
    pub fn set(&mut self, now: SimTime, value: u32) {
        debug_assert!(now >= self.since, "the clock never goes back");
        self.unit_nanos += self.since_last_change(now);
        self.total = self.unit_nanos_until(now);
        self.since = now;
        self.value = value;
    }

    /// The integral over the window up to `now`, in units × nanoseconds.
    pub fn unit_nanos(&self, now: SimTime) -> u128 {
        self.unit_nanos + self.since_last_change(now)
    }

    /// The integral from the start up to `now`, window or not, in units × nanoseconds.
    pub fn unit_nanos_until(&self, now: SimTime) -> u128 {
        self.total + u128::from(self.value) * u128::from(now.since(self.since).nanos())
    }

    /// The average over the whole window, which must have ended by `now`.
    pub fn mean(&self, now: SimTime) -> f64 {
        self.unit_nanos(now) as f64 / self.window.length().nanos() as f64
    }

    fn since_last_change(&self, now: SimTime) -> u128 {
        u128::from(self.value) * u128::from(self.window.overlap(self.since, now).nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Counting nanosecond by nanosecond is the slow twin.
        #[test]
        fn overlap_counts_the_nanoseconds_inside(start in 0_u64..50, length in 0_u64..50, from in 0_u64..100, busy in 0_u64..50) {
            let window = Window::new(SimTime::from_nanos(start), Span::from_nanos(length));
            let inside = (from..from + busy).filter(|&nano| window.contains(SimTime::from_nanos(nano))).count();
            let overlap = window.overlap(SimTime::from_nanos(from), SimTime::from_nanos(from + busy));
            prop_assert_eq!(overlap, Span::from_nanos(inside as u64));
        }
    }
}

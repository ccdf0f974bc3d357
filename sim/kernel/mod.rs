//! A discrete-event simulation kernel: clock, future event list, random numbers, distributions, stations.
//!
//! It knows nothing of meshes and can be used by itself. A model owns a [`Schedule`], asks it for the next event, and
//! schedules more. An M/M/1 queue:
//!
//! ```
//! use sim::kernel::{Schedule, dist::Dist, rng::{Purpose, Stream}};
//! use sim::units::{SimTime, Span};
//!
//! #[derive(Clone, Copy)]
//! enum Event { Arrival, Departure { arrived: SimTime } }
//!
//! let mut arrivals = Stream::new(1, Purpose(1), "arrivals", 0);
//! let mut services = Stream::new(1, Purpose(2), "services", 0);
//! let (gap, service) = (Dist::exponential(10e6).unwrap(), Dist::exponential(5e6).unwrap()); // nanoseconds
//! let mut schedule = Schedule::new();
//! let (mut free_at, mut served, mut total) = (SimTime::ZERO, 0_u32, 0.0);
//! schedule.at(SimTime::ZERO, Event::Arrival);
//! while let Some(event) = schedule.next() {
//!     match event {
//!         Event::Arrival => {
//!             free_at = free_at.max(schedule.now()) + Span::from_nanos_f64(service.sample(&mut services));
//!             schedule.at(free_at, Event::Departure { arrived: schedule.now() });
//!             schedule.after(Span::from_nanos_f64(gap.sample(&mut arrivals)), Event::Arrival);
//!         }
//!         Event::Departure { arrived } => {
//!             total += schedule.now().since(arrived).seconds();
//!             served += 1;
//!             if served == 100_000 { break; }
//!         }
//!     }
//! }
//! let mean = total / f64::from(served); // theory: 1/(200 − 100) s = 10 ms
//! assert!((mean - 0.010).abs() < 0.0005);
//! ```

mod calendar;
pub mod dist;
pub mod heap;
pub mod queue;
pub mod rng;
pub mod station;
pub mod timer;

use crate::units::{SimTime, Span};
use heap::Moment;
use queue::EventQueue;
pub use rng::Uniform;
pub use timer::TimerId;
use timer::Timers;

/// The clock and everything that is still to happen, in the order (time, sequence of scheduling).
///
/// Events are copied as they wait: keep them small.
#[derive(Clone, Debug)]
pub struct Schedule<E> {
    now: SimTime,
    queue: EventQueue<E>,
    timers: Timers<E>,
    handled: u64,
}

impl<E: Copy> Schedule<E> {
    /// An empty schedule at time zero.
    pub fn new() -> Self {
        Self { now: SimTime::ZERO, queue: EventQueue::new(), timers: Timers::new(), handled: 0 }
    }

    /// The time of the event being handled.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// How many events have been handed out.
    pub const fn handled(&self) -> u64 {
        self.handled
    }

    /// How many events and timers are pending.
    pub const fn len(&self) -> usize {
        self.queue.len() + self.timers.len()
    }

    /// Whether nothing is left to happen.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Schedules `event` at `time`. Events of the same time happen in the order in which they were scheduled.
    ///
    /// # Panics
    /// When `time` lies in the past: the clock never goes back.
    #[inline]
    pub fn at(&mut self, time: SimTime, event: E) {
        assert!(time >= self.now, "an event at {time} is scheduled in the past of {}", self.now);
        self.queue.push(time, event);
    }

    /// Schedules `event` after `delay`.
    #[inline]
    pub fn after(&mut self, delay: Span, event: E) {
        self.queue.push(self.now + delay, event);
    }

    /// Schedules `event` after `delay`, in the same order among other events as [`after`](Self::after), unless it is
    /// cancelled before. Setting and cancelling take the same short time however many are pending.
    #[inline]
    pub fn timer(&mut self, delay: Span, event: E) -> TimerId {
        let moment = Moment { time: self.now + delay, sequence: self.queue.take_sequence() };
        self.timers.set(self.now, moment, event)
    }

    /// Cancels a timer; false if it has already fired or was cancelled.
    #[inline]
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        self.timers.cancel(timer)
    }

    /// Takes the earliest event and moves the clock to it; `None` when nothing is left to happen.
    #[expect(clippy::should_implement_trait, reason = "a model schedules while it asks for the next event")]
    #[inline]
    pub fn next(&mut self) -> Option<E> {
        self.next_until(SimTime::MAX)
    }

    /// As [`next`](Self::next), but `None`, and the clock stays, when nothing is left to happen until `end` (included).
    /// For models in which something is always pending.
    #[inline]
    pub fn next_until(&mut self, end: SimTime) -> Option<E> {
        let last = Moment { time: end, sequence: u64::MAX };
        loop {
            let timer = self.timers.bound();
            let mut next = self.queue.pop_before(timer.min(last));
            if next.is_none() {
                // Nothing else happens before the first timer.
                if last <= timer {
                    return None;
                }
                next = self.timers.advance();
            }
            if let Some((time, event)) = next {
                debug_assert!(time >= self.now, "the clock never goes back");
                self.now = time;
                self.handled += 1;
                return Some(event);
            }
        }
    }
}

impl<E: Copy> Default for Schedule<E> {
    fn default() -> Self {
        Self::new()
    }
}

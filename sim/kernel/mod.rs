//! A discrete-event simulation kernel: clock, future event list, random numbers, distributions, stations.
//!
//! It knows nothing of meshes and can be used by itself. A model owns a [`Schedule`], asks it for the next event, and
//! schedules more. An M/M/1 queue:
//!
//! ```
//! use sim::kernel::{Schedule, Uniform, rng::{Purpose, Stream}};
//! use sim::units::{SimTime, Span};
//!
//! #[derive(Clone, Copy)]
//! enum Event { Arrival, Departure { arrived: SimTime } }
//!
//! let mut arrivals = Stream::new(1, Purpose(1), "arrivals", 0);
//! let mut services = Stream::new(1, Purpose(2), "services", 0);
//! let mut exponential = |stream: &mut Stream, mean: f64| Span::from_seconds_f64(-mean * libm::log(stream.unit()));
//! let mut schedule = Schedule::new();
//! let (mut free_at, mut served, mut total) = (SimTime::ZERO, 0_u32, 0.0);
//! schedule.at(SimTime::ZERO, Event::Arrival);
//! while let Some(event) = schedule.next() {
//!     match event {
//!         Event::Arrival => {
//!             free_at = free_at.max(schedule.now()) + exponential(&mut services, 0.005);
//!             schedule.at(free_at, Event::Departure { arrived: schedule.now() });
//!             schedule.after(exponential(&mut arrivals, 0.010), Event::Arrival);
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

pub mod dist;
pub mod queue;
pub mod rng;
pub mod station;

use crate::units::{SimTime, Span};
use queue::EventQueue;
pub use rng::Uniform;

/// The clock and everything that is still to happen, in the order (time, sequence of scheduling).
#[derive(Debug)]
pub struct Schedule<E> {
    now: SimTime,
    queue: EventQueue<E>,
    handled: u64,
}

impl<E> Schedule<E> {
    /// An empty schedule at time zero.
    pub fn new() -> Self {
        Self { now: SimTime::ZERO, queue: EventQueue::new(), handled: 0 }
    }

    /// The time of the event being handled.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// How many events have been handed out.
    pub const fn handled(&self) -> u64 {
        self.handled
    }

    /// Schedules `event` at `time`. Events of the same time happen in the order in which they were scheduled.
    ///
    /// # Panics
    /// When `time` lies in the past: the clock never goes back.
    pub fn at(&mut self, time: SimTime, event: E) {
        assert!(time >= self.now, "an event at {time} is scheduled in the past of {}", self.now);
        self.queue.push(time, event);
    }

    /// Schedules `event` after `delay`.
    pub fn after(&mut self, delay: Span, event: E) {
        self.queue.push(self.now + delay, event);
    }

    /// Takes the earliest event and moves the clock to it; `None` when nothing is left to happen.
    #[expect(clippy::should_implement_trait, reason = "a model schedules while it asks for the next event")]
    pub fn next(&mut self) -> Option<E> {
        let (time, event) = self.queue.pop()?;
        debug_assert!(time >= self.now, "the clock never goes back");
        self.now = time;
        self.handled += 1;
        Some(event)
    }
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self::new()
    }
}

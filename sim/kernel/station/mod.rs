//! Stations: where jobs wait and are served.
//!
//! Two kinds. A **committed** station knows the departure when the job arrives, and costs one event per visit:
//! [`Fifo`] and [`Workers`]. An **event-driven** station decides as time goes on, so its jobs may be withdrawn, held for
//! an open-ended time, or slowed: [`Pool`], [`Processor`] and [`Sharing`]. Where both kinds apply, they give the same
//! departures to the nanosecond.
//!
//! Every station counts busy time exactly within one measuring [`Window`]. At one instant departures come before
//! arrivals: a server that becomes free at `t` is free for a job that arrives at `t`.

pub mod alarm;
pub mod busy;
pub mod committed;
pub mod pool;
pub mod processor;
pub mod quota;
pub mod sharing;
mod slots;
pub mod tally;
pub mod worker;

pub use alarm::Alarm;
pub use busy::{Busy, Level, Window};
pub use committed::Fifo;
pub use pool::{Acquired, Pool, Ticket};
pub use processor::{Departure, Processor};
pub use quota::Quota;
pub use sharing::Sharing;
pub use slots::JobId;
pub use tally::Tally;
pub use worker::{CoreIdx, ProcessIdx, WakeModel, WorkerIdx, Workers};

use std::fmt;

use crate::units::{SimTime, Span};

/// When a job that arrived is taken up, and when it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Visit {
    /// When a server takes the job up; the wait ends here.
    pub start: SimTime,
    /// When the job departs.
    pub done: SimTime,
}

impl Visit {
    /// How long a job that arrived at `arrived` waits.
    pub const fn wait(self, arrived: SimTime) -> Span {
        self.start.since(arrived)
    }
}

/// The queue was full: the job was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejected;

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full")
    }
}

impl std::error::Error for Rejected {}

/// A number of servers or of waiting places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capacity {
    /// This many.
    Limited(u32),
    /// Always one more.
    Unlimited,
}

impl Capacity {
    /// Whether one more fits when `taken` are taken.
    pub const fn has_room(self, taken: usize) -> bool {
        match self {
            Self::Limited(limit) => taken < limit as usize,
            Self::Unlimited => true,
        }
    }
}

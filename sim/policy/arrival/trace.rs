//! Given arrival times, in order.

use super::{ArrivalHelp, instant};
use crate::kernel::Uniform;
use crate::units::{SimTime, Span};

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "trace",
    parameters: &["file"],
    doc: "The arrival times that a file lists, in order, since the start of the run.",
};

/// The times, and how many have come.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    times: Vec<Span>,
    sent: usize,
}

impl Trace {
    /// # Panics
    /// When the times do not ascend (debug builds only).
    pub(super) fn new(times: &[Span]) -> Self {
        debug_assert!(times.is_sorted(), "a trace ascends");
        Self { times: times.to_vec(), sent: 0 }
    }

    #[inline]
    pub(super) fn next<U: Uniform>(&mut self, _uniform: &mut U) -> Option<SimTime> {
        let time = *self.times.get(self.sent)?;
        self.sent += 1;
        Some(SimTime::ZERO + time)
    }

    /// The number itself, for nothing is random.
    pub(super) fn cumulative(&self, seconds: f64) -> f64 {
        let end = instant(seconds);
        self.times.partition_point(|&time| SimTime::ZERO + time < end) as f64
    }
}

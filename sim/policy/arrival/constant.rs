//! Equally spaced arrivals from a random start.
//!
//! The first comes at a uniform point of the first interval, so that several sources are not in step and every window
//! of the run sees the same expected number.

use super::{ArrivalHelp, instant};
use crate::kernel::Uniform;
use crate::units::{Rate, SimTime};

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "constant",
    parameters: &["rate"],
    doc: "Equally spaced arrivals, the first at a random point of the first interval.",
};

/// The n-th arrival, from 0, at (n + phase) / rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    per_second: f64,
    /// In (0, 1) of an interval; drawn with the first arrival.
    phase: Option<f64>,
    sent: u64,
}

impl Constant {
    pub(super) fn new(rate: Rate) -> Self {
        Self { per_second: rate.value(), phase: None, sent: 0 }
    }

    #[inline]
    pub(super) fn next<U: Uniform>(&mut self, uniform: &mut U) -> Option<SimTime> {
        self.work(uniform).map(|work| self.at(work))
    }

    /// Intervals until the next one; `None` without any.
    #[inline]
    pub(super) fn work<U: Uniform>(&mut self, uniform: &mut U) -> Option<f64> {
        if self.per_second == 0.0 {
            return None;
        }
        let phase = *self.phase.get_or_insert_with(|| uniform.unit());
        let intervals = self.sent as f64 + phase;
        self.sent += 1;
        Some(intervals)
    }

    /// When so many intervals are over.
    #[inline]
    pub(super) fn at(&self, intervals: f64) -> SimTime {
        instant(intervals / self.per_second)
    }

    pub(super) fn cumulative(&self, seconds: f64) -> f64 {
        self.per_second * seconds
    }
}

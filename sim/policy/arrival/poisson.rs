//! Independent arrivals at a constant rate: what many users together send.

use super::{ArrivalHelp, UnitPoisson, instant};
use crate::kernel::Uniform;
use crate::units::{Rate, SimTime};

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "poisson",
    parameters: &["rate"],
    doc: "Independent arrivals at a constant rate, as many users together send.",
};

/// Λ(t) = rate · t.
#[derive(Clone, Debug, PartialEq)]
pub struct Poisson {
    per_second: f64,
    work: UnitPoisson,
}

impl Poisson {
    pub(super) fn new(rate: Rate) -> Self {
        Self { per_second: rate.value(), work: UnitPoisson::default() }
    }

    #[inline]
    pub(super) fn next<U: Uniform>(&mut self, uniform: &mut U) -> Option<SimTime> {
        self.work(uniform).map(|work| self.at(work))
    }

    /// Arrivals expected until the next one; `None` without any.
    #[inline]
    pub(super) fn work<U: Uniform>(&mut self, uniform: &mut U) -> Option<f64> {
        (self.per_second != 0.0).then(|| self.work.next(uniform))
    }

    /// When so many are expected.
    #[inline]
    pub(super) fn at(&self, work: f64) -> SimTime {
        instant(work / self.per_second)
    }

    pub(super) fn cumulative(&self, seconds: f64) -> f64 {
        self.per_second * seconds
    }
}

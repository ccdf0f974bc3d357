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
        if self.per_second == 0.0 {
            return None;
        }
        Some(instant(self.work.next(uniform) / self.per_second))
    }

    pub(super) fn cumulative(&self, seconds: f64) -> f64 {
        self.per_second * seconds
    }
}

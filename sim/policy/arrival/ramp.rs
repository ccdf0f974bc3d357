//! Poisson with a rate that goes linearly from one value to another and stays there.

use super::{ArrivalHelp, UnitPoisson, instant};
use crate::kernel::Uniform;
use crate::units::{Rate, SimTime, Span};

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "ramp",
    parameters: &["from", "to", "over"],
    doc: "Poisson with a rate that goes linearly from one value to another and stays there.",
};

/// Λ(t) = from·t + slope·t²/2 up to the end of the ramp, then Λ(over) + to·(t − over).
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    from: f64,
    to: f64,
    over: f64,
    work: UnitPoisson,
}

impl Ramp {
    pub(super) fn new(from: Rate, to: Rate, over: Span) -> Self {
        Self { from: from.value(), to: to.value(), over: over.seconds(), work: UnitPoisson::default() }
    }

    pub(super) fn next<U: Uniform>(&mut self, uniform: &mut U) -> Option<SimTime> {
        let work = self.work(uniform);
        self.at(work)
    }

    /// Arrivals expected until the next one.
    pub(super) fn work<U: Uniform>(&mut self, uniform: &mut U) -> f64 {
        self.work.next(uniform)
    }

    /// When so many are expected.
    pub(super) fn at(&self, work: f64) -> Option<SimTime> {
        self.inverse(work).map(instant)
    }

    pub(super) fn cumulative(&self, seconds: f64) -> f64 {
        if seconds < self.over {
            self.from * seconds + (self.to - self.from) / self.over * seconds * seconds / 2.0
        } else {
            self.on_the_ramp() + self.to * (seconds - self.over)
        }
    }

    /// Expected arrivals on the ramp itself.
    fn on_the_ramp(&self) -> f64 {
        self.from.midpoint(self.to) * self.over
    }

    /// The time in seconds before which `work` arrivals are expected; `None` if so many never are.
    fn inverse(&self, work: f64) -> Option<f64> {
        let on_the_ramp = self.on_the_ramp();
        if work >= on_the_ramp {
            return (self.to > 0.0).then(|| self.over + (work - on_the_ramp) / self.to);
        }
        // The root of slope·t²/2 + from·t = work, in the form that subtracts nothing when the rate rises and divides
        // by no slope. When it falls, rounding could make the rate at the end of the ramp imaginary.
        let slope = (self.to - self.from) / self.over;
        let rate_there = (self.from * self.from + 2.0 * slope * work).max(0.0).sqrt();
        Some(2.0 * work / (self.from + rate_there))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ramp(from: f64, to: f64, over: f64) -> Ramp {
        let rate = |value| Rate::per_second(value).expect("a rate");
        Ramp::new(rate(from), rate(to), Span::from_seconds_f64(over))
    }

    proptest! {
        #[test]
        fn the_inverse_is_one_and_rises(from in 0.0..1000.0, to in 0.1..1000.0, over in 0.01..100.0, work in 0.01..1e5) {
            let ramp = ramp(from, to, over);
            let time = ramp.inverse(work).expect("the rate stays above zero");
            // Where the rate nearly vanishes, so does what a rounding of the time changes.
            prop_assert!((ramp.cumulative(time) - work).abs() <= 1e-9 * (work + ramp.on_the_ramp()));
            prop_assert!(ramp.inverse(work * 1.001).expect("idem") > time);
        }
    }

    #[test]
    fn a_ramp_to_zero_ends() {
        let ramp = ramp(10.0, 0.0, 2.0);
        assert_eq!(ramp.on_the_ramp(), 10.0);
        assert_eq!(ramp.inverse(7.5), Some(1.0));
        assert_eq!(ramp.inverse(10.0), None);
    }

    #[test]
    fn a_step_is_a_ramp_of_no_length() {
        assert_eq!(ramp(10.0, 40.0, 0.0).inverse(20.0), Some(0.5));
    }
}

//! Poisson with a daily swing: rate mean · (1 + amplitude · sin(2πt/period)).

use std::f64::consts::PI;

use super::{ArrivalHelp, UnitPoisson, instant};
use crate::kernel::Uniform;
use crate::units::{Rate, Ratio, SimTime, Span};

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "diurnal",
    parameters: &["mean", "amplitude", "period"],
    doc: "Poisson with a rate that swings around its mean as a sine, starting at the mean and rising.",
};

/// Λ(t) = mean · period · L(t / period), with L(x) = x + amplitude/2π · (1 − cos 2πx) expected arrivals in x periods,
/// those of one period being 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Diurnal {
    mean: f64,
    amplitude: f64,
    period: f64,
    work: UnitPoisson,
    last: SimTime,
}

impl Diurnal {
    pub(super) fn new(mean: Rate, amplitude: Ratio, period: Span) -> Self {
        Self {
            mean: mean.value(),
            amplitude: amplitude.value(),
            period: period.seconds(),
            work: UnitPoisson::default(),
            last: SimTime::ZERO,
        }
    }

    pub(super) fn next<U: Uniform>(&mut self, uniform: &mut U) -> Option<SimTime> {
        self.work(uniform).map(|work| self.at(work))
    }

    /// Arrivals expected until the next one; `None` without any.
    pub(super) fn work<U: Uniform>(&mut self, uniform: &mut U) -> Option<f64> {
        (self.mean != 0.0).then(|| self.work.next(uniform))
    }

    /// When so many are expected, asked for in their order.
    pub(super) fn at(&mut self, work: f64) -> SimTime {
        let periods = work / (self.mean * self.period);
        let whole = libm::floor(periods);
        let time = instant((whole + inverse(self.amplitude, periods - whole)) * self.period);
        // Two arrivals within a nanosecond may come out of the iteration in either order.
        self.last = self.last.max(time);
        self.last
    }

    pub(super) fn cumulative(&self, seconds: f64) -> f64 {
        self.mean * self.period * cumulative(self.amplitude, seconds / self.period)
    }
}

/// L(x).
fn cumulative(amplitude: f64, periods: f64) -> f64 {
    periods + amplitude / (2.0 * PI) * (1.0 - libm::cos(2.0 * PI * periods))
}

/// The x in [0, 1] with L(x) = `work`, for `work` in [0, 1): Newton's iteration, kept inside a bracket that is halved
/// where the iteration leaves it (at amplitude 1 the rate vanishes once a period).
fn inverse(amplitude: f64, work: f64) -> f64 {
    /// A tenth of a nanosecond of a day.
    const TOLERANCE: f64 = 1e-15;
    // L(x) − x lies between 0 and amplitude/π.
    let (mut low, mut high) = ((work - amplitude / PI).max(0.0), work);
    let mut x = work;
    for _ in 0..100 {
        let excess = cumulative(amplitude, x) - work;
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let newton = x - excess / (1.0 + amplitude * libm::sin(2.0 * PI * x));
        let next = if newton > low && newton < high { newton } else { low.midpoint(high) };
        let step = next - x;
        x = next;
        if step.abs() <= TOLERANCE {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_inverse_is_one_and_rises(amplitude in 0.0..=1.0, work in 0.0..1.0) {
            let x = inverse(amplitude, work);
            prop_assert!((0.0..=1.0).contains(&x));
            prop_assert!((cumulative(amplitude, x) - work).abs() < 4e-15, "{x}");
            prop_assert!(inverse(amplitude, work + 1e-6 * (1.0 - work)) > x);
        }
    }

    #[test]
    fn without_a_swing_it_is_the_identity() {
        for work in [0.0, 1e-9, 0.25, 0.5, 0.75, 1.0 - 1e-12] {
            assert!((inverse(0.0, work) - work).abs() < 1e-15);
        }
    }

    #[test]
    fn the_rising_half_of_the_day_brings_more() {
        let day = |amplitude| {
            Diurnal::new(
                Rate::per_second(100.0).expect("a rate"),
                Ratio::new(amplitude).expect("a ratio"),
                Span::from_seconds(10),
            )
        };
        // The mean of 1 + a·sin over half a period is 1 + 2a/π.
        for amplitude in [0.0, 0.5, 1.0] {
            let half = day(amplitude).cumulative(5.0);
            assert!((half - 500.0 * (1.0 + 2.0 * amplitude / PI)).abs() < 1e-9, "{half}");
            assert!((day(amplitude).cumulative(30.0) - 3000.0).abs() < 1e-9);
        }
    }
}

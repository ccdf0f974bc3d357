//! Markov-modulated Poisson: exponential phases of calm and of burst, each with a rate of its own, starting calm.

use super::{ArrivalHelp, Surges, exponential, instant};
use crate::kernel::Uniform;
use crate::units::{Rate, SimTime, Span};

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "bursty",
    parameters: &["calm_rate", "burst_rate", "calm_mean", "burst_mean"],
    doc: "Poisson with phases of calm and burst of exponential length, each with its own rate, starting calm.",
};

/// Where in its phases the source is. Each phase and each arrival takes one uniform number.
#[derive(Clone, Debug, PartialEq)]
pub struct Bursty {
    calm: Phase,
    burst: Phase,
    bursting: bool,
    /// Time of the last arrival, and the end of the current phase, in seconds.
    now: f64,
    phase_end: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Phase {
    per_second: f64,
    mean_seconds: f64,
}

impl Phase {
    fn mean_arrivals(self) -> f64 {
        self.per_second * self.mean_seconds
    }
}

impl Bursty {
    /// Rate and mean length of a calm phase, and of a burst.
    pub(super) fn new(calm: (Rate, Span), burst: (Rate, Span)) -> Self {
        let phase =
            |(rate, mean): (Rate, Span)| Phase { per_second: rate.value(), mean_seconds: mean.seconds() };
        // The phase before the first one is a burst of no length.
        Self { calm: phase(calm), burst: phase(burst), bursting: true, now: 0.0, phase_end: 0.0 }
    }

    pub(super) fn next<U: Uniform>(&mut self, uniform: &mut U) -> Option<SimTime> {
        if self.calm.mean_arrivals() + self.burst.mean_arrivals() == 0.0 {
            return None;
        }
        self.go_on(uniform, |from, to| to - from, |from, length| Some(from + length))
    }

    /// The next one where surges raise the rates of both phases.
    pub(super) fn next_surged<U: Uniform>(&mut self, surges: &Surges, uniform: &mut U) -> Option<SimTime> {
        if self.calm.mean_arrivals() + self.burst.mean_arrivals() == 0.0 {
            return None;
        }
        self.go_on(uniform, |from, to| surges.stretched(from, to), |from, length| surges.after(from, length))
    }

    /// `between` is how long the time between two others counts, `after` its inverse.
    fn go_on<U: Uniform>(
        &mut self,
        uniform: &mut U,
        between: impl Fn(f64, f64) -> f64,
        after: impl Fn(f64, f64) -> Option<f64>,
    ) -> Option<SimTime> {
        let mut work = exponential(uniform);
        loop {
            // A surge may have silenced it for good.
            after(self.now, 0.0)?;
            let phase = if self.bursting { self.burst } else { self.calm };
            let left = between(self.now, self.phase_end) * phase.per_second;
            if work < left {
                self.now = after(self.now, work / phase.per_second)?;
                return Some(instant(self.now));
            }
            work -= left;
            self.now = self.phase_end;
            self.bursting = !self.bursting;
            let next = if self.bursting { self.burst } else { self.calm };
            self.phase_end += next.mean_seconds * exponential(uniform);
        }
    }

    /// The chance of being in a burst at t is p·(1 − e^(−t/τ)), with p the share of bursts and 1/τ the sum of the rates
    /// of leaving a phase; integrated, times the rates.
    pub(super) fn cumulative(&self, seconds: f64) -> f64 {
        let cycle = self.calm.mean_seconds + self.burst.mean_seconds;
        if cycle == 0.0 {
            return 0.0;
        }
        let share = self.burst.mean_seconds / cycle;
        let relaxation = self.calm.mean_seconds * share;
        let transient =
            if relaxation == 0.0 { 0.0 } else { -relaxation * libm::expm1(-seconds / relaxation) };
        let bursting = share * (seconds - transient);
        self.calm.per_second * (seconds - bursting) + self.burst.per_second * bursting
    }
}

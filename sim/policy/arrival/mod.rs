//! Arrivals: when a source sends its requests. One file per kind.
//!
//! Open kinds do not look at responses: [`OpenArrivals`] hands out one time after the other, from a random stream of the
//! source's own, so they are the same under every mesh. Kinds that are Poisson with a changing rate invert the expected
//! number of arrivals Λ(t): the n-th arrival is at Λ⁻¹ of the n-th arrival of a Poisson process of rate 1, one uniform
//! number each, so raising a rate moves every arrival forward and draws nothing anew. Closed kinds wait for responses:
//! users ([`closed`]) and paced connections ([`Pacer`]).
//!
//! ```
//! use sim::kernel::rng::{Purpose, Stream};
//! use sim::policy::arrival::OpenArrivals;
//! use sim::units::Rate;
//! use sim::vocabulary::Arrivals;
//!
//! let mut stream = Stream::new(1, Purpose(0), "shop", 0);
//! let mut arrivals = OpenArrivals::new(&Arrivals::Poisson { rate: Rate::per_second(100.0).unwrap() }).unwrap();
//! let (first, second) = (arrivals.next(&mut stream).unwrap(), arrivals.next(&mut stream).unwrap());
//! assert!(first <= second);
//! ```

mod bursty;
pub mod closed;
mod constant;
mod diurnal;
mod paced;
mod poisson;
mod ramp;
pub mod surge;
#[cfg(test)]
mod tests;
mod trace;

pub use bursty::Bursty;
pub use constant::Constant;
pub use diurnal::Diurnal;
pub use paced::Pacer;
pub use poisson::Poisson;
pub use ramp::Ramp;
pub use surge::{Surge, Surges};
pub use trace::Trace;

use crate::kernel::Uniform;
use crate::units::{SimTime, Span};
use crate::vocabulary::Arrivals;

/// What a user is told of a kind of arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivalHelp {
    /// As written in a scenario.
    pub name: &'static str,
    /// What it needs to know.
    pub parameters: &'static [&'static str],
    /// One line.
    pub doc: &'static str,
}

/// Every kind there is, one row each, in the order of [`Arrivals`], for help and documentation.
pub const ARRIVALS: [ArrivalHelp; 8] = [
    poisson::HELP,
    constant::HELP,
    ramp::HELP,
    diurnal::HELP,
    bursty::HELP,
    trace::HELP,
    closed::HELP,
    paced::HELP,
];

/// The row of [`ARRIVALS`] that `arrivals` are an instance of.
pub const fn help(arrivals: &Arrivals) -> &'static ArrivalHelp {
    match arrivals {
        Arrivals::Poisson { .. } => &poisson::HELP,
        Arrivals::Constant { .. } => &constant::HELP,
        Arrivals::Ramp { .. } => &ramp::HELP,
        Arrivals::Diurnal { .. } => &diurnal::HELP,
        Arrivals::Bursty { .. } => &bursty::HELP,
        Arrivals::Trace { .. } => &trace::HELP,
        Arrivals::Closed { .. } => &closed::HELP,
        Arrivals::Paced { .. } => &paced::HELP,
    }
}

/// Expected number of requests whose intended time lies in [`from`, `to`): what a source offers, whether or not it is
/// carried. `None` for closed users, who offer what the responses let them.
pub fn expected(arrivals: &Arrivals, from: SimTime, to: SimTime) -> Option<f64> {
    let until = |time: SimTime| match arrivals {
        Arrivals::Closed { .. } => None,
        Arrivals::Paced { rate, .. } => Some(rate.value() * time.seconds()),
        open => OpenArrivals::new(open).map(|arrivals| arrivals.cumulative(time)),
    };
    Some(until(to)? - until(from)?)
}

/// Arrivals that do not look at responses, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum OpenArrivals {
    /// Independent arrivals at a constant rate.
    Poisson(Poisson),
    /// Equally spaced arrivals.
    Constant(Constant),
    /// Poisson with a rate that goes from one value to another.
    Ramp(Ramp),
    /// Poisson with a daily swing.
    Diurnal(Diurnal),
    /// Poisson with phases of calm and burst.
    Bursty(Bursty),
    /// Given times.
    Trace(Trace),
    /// One of these with surges, which no trace has.
    Surged(Box<Surged>),
}

/// Arrivals with surges.
#[derive(Clone, Debug, PartialEq)]
pub struct Surged {
    plain: OpenArrivals,
    surges: Surges,
    marks: Vec<surge::Mark>,
}

impl Surged {
    fn cumulative(&self, seconds: f64) -> f64 {
        surge::surged(&self.marks, self.plain.cumulative(SimTime::ZERO + Span::from_seconds_f64(seconds)))
    }

    #[inline]
    fn next<U: Uniform>(&mut self, uniform: &mut U) -> Option<SimTime> {
        let Self { plain, surges, marks } = self;
        let work = match plain {
            OpenArrivals::Poisson(kind) => kind.work(uniform)?,
            OpenArrivals::Constant(kind) => kind.work(uniform)?,
            OpenArrivals::Ramp(kind) => kind.work(uniform),
            OpenArrivals::Diurnal(kind) => kind.work(uniform)?,
            OpenArrivals::Bursty(kind) => return kind.next_surged(surges, uniform),
            other => return other.next(uniform),
        };
        let work = surge::plain(marks, work)?;
        match plain {
            OpenArrivals::Poisson(kind) => Some(kind.at(work)),
            OpenArrivals::Constant(kind) => Some(kind.at(work)),
            OpenArrivals::Ramp(kind) => kind.at(work),
            OpenArrivals::Diurnal(kind) => Some(kind.at(work)),
            other => other.next(uniform),
        }
    }
}

/// The same expression for whichever kind it is.
macro_rules! each {
    ($arrivals:expr, $kind:ident => $value:expr) => {
        match $arrivals {
            OpenArrivals::Poisson($kind) => $value,
            OpenArrivals::Constant($kind) => $value,
            OpenArrivals::Ramp($kind) => $value,
            OpenArrivals::Diurnal($kind) => $value,
            OpenArrivals::Bursty($kind) => $value,
            OpenArrivals::Trace($kind) => $value,
            OpenArrivals::Surged($kind) => $value,
        }
    };
}

impl OpenArrivals {
    /// Before the first arrival; `None` for kinds that wait for responses.
    pub fn new(arrivals: &Arrivals) -> Option<Self> {
        Some(match arrivals {
            &Arrivals::Poisson { rate } => Self::Poisson(Poisson::new(rate)),
            &Arrivals::Constant { rate } => Self::Constant(Constant::new(rate)),
            &Arrivals::Ramp { from, to, over } => Self::Ramp(Ramp::new(from, to, over)),
            &Arrivals::Diurnal { mean, amplitude, period } => {
                Self::Diurnal(Diurnal::new(mean, amplitude, period))
            }
            &Arrivals::Bursty { calm_rate, burst_rate, calm_mean, burst_mean } => {
                Self::Bursty(Bursty::new((calm_rate, calm_mean), (burst_rate, burst_mean)))
            }
            Arrivals::Trace { times } => Self::Trace(Trace::new(times)),
            Arrivals::Closed { .. } | Arrivals::Paced { .. } => return None,
        })
    }

    /// The intended time of the next request, never before the last one's; `None` when no more come.
    #[inline]
    pub fn next<U: Uniform>(&mut self, uniform: &mut U) -> Option<SimTime> {
        each!(self, kind => kind.next(uniform))
    }

    /// The same with surges.
    #[must_use]
    pub fn with(self, surges: &Surges) -> Self {
        if surges.is_none() {
            return self;
        }
        let marks = surges.marks(|seconds| self.cumulative(SimTime::ZERO + Span::from_seconds_f64(seconds)));
        Self::Surged(Box::new(Surged { plain: self, surges: surges.clone(), marks }))
    }

    /// Expected number of arrivals before `time`.
    fn cumulative(&self, time: SimTime) -> f64 {
        each!(self, kind => kind.cumulative(time.seconds()))
    }
}

/// The arrivals of a Poisson process of rate 1, whose clock counts expected arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct UnitPoisson {
    last: f64,
}

impl UnitPoisson {
    #[inline]
    fn next<U: Uniform>(&mut self, uniform: &mut U) -> f64 {
        self.last += exponential(uniform);
        self.last
    }
}

/// Exponential with mean 1, from one uniform number; the greater the one, the greater the other.
#[inline]
fn exponential<U: Uniform>(uniform: &mut U) -> f64 {
    -libm::log(1.0 - uniform.unit())
}

/// The nearest nanosecond; the end of time when that is too far.
#[inline]
fn instant(seconds: f64) -> SimTime {
    SimTime::ZERO + Span::from_seconds_f64(seconds)
}

//! Distributions of quantities that are never negative: times, sizes, factors.
//!
//! Values are plain numbers in whatever unit the parameters have. Everything that can be is worked out when a
//! distribution is made; a draw inverts one uniform number wherever the distribution function has a closed inverse (all
//! but gamma), so the same uniform number gives comparable values under two distributions.
//!
//! ```
//! use sim::kernel::{dist::Dist, rng::{Purpose, Stream}};
//!
//! let service = Dist::lognormal_percentiles((0.5, 2.0e6), (0.99, 30.0e6)).unwrap(); // nanoseconds
//! let mut stream = Stream::new(1, Purpose(0), "default/web", 0);
//! assert!(service.sample(&mut stream) > 0.0);
//! assert!(service.mean() > service.quantile(0.5).unwrap()); // skewed to the right
//! ```

mod constant;
mod empirical;
mod exponential;
mod gamma;
mod hyperexponential;
mod lognormal;
mod normal;
mod parameters;
mod pareto;
#[cfg(test)]
mod tests;
mod uniform;
mod weibull;

use std::fmt;

pub use constant::Constant;
pub use empirical::Empirical;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use hyperexponential::Hyperexponential;
pub use lognormal::Lognormal;
pub use normal::standard_quantile;
pub use parameters::Parameters;
pub use pareto::BoundedPareto;
pub use uniform::Between;
pub use weibull::Weibull;

use super::Uniform;

/// A distribution of a quantity that is never negative. Made by the constructors, which check their parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// [`Dist::constant`], and the limits of the others.
    Constant(Constant),
    /// [`Dist::uniform`].
    Uniform(Between),
    /// [`Dist::exponential`].
    Exponential(Exponential),
    /// [`Dist::hyperexponential`].
    Hyperexponential(Hyperexponential),
    /// [`Dist::lognormal_mean_cv`], [`Dist::lognormal_percentiles`].
    Lognormal(Lognormal),
    /// [`Dist::gamma`], [`Dist::erlang`].
    Gamma(Gamma),
    /// [`Dist::weibull`], [`Dist::weibull_mean_shape`].
    Weibull(Weibull),
    /// [`Dist::bounded_pareto`].
    Pareto(BoundedPareto),
    /// [`Dist::empirical_values`], [`Dist::empirical_quantiles`].
    Empirical(Empirical),
}

/// What a user is told of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistributionHelp {
    /// As written in a scenario.
    pub name: &'static str,
    /// The sets of parameters from which it can be made.
    pub parameters: &'static [&'static str],
    /// One line.
    pub doc: &'static str,
}

/// Every distribution there is, one row each, for help and documentation.
pub const DISTRIBUTIONS: [DistributionHelp; 10] = [
    constant::HELP,
    uniform::HELP,
    exponential::HELP,
    hyperexponential::HELP,
    lognormal::HELP,
    gamma::HELP,
    gamma::ERLANG_HELP,
    weibull::HELP,
    pareto::HELP,
    empirical::HELP,
];

/// What every law knows about itself.
trait Law: Sized {
    fn help(&self) -> &'static DistributionHelp;
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64;
    fn mean(&self) -> f64;
    fn variance(&self) -> f64;
    fn quantile(&self, p: f64) -> Option<f64>;
    fn scaled(&self, factor: f64) -> Self;
}

/// The same expression for whichever law it is.
macro_rules! each {
    ($dist:expr, $law:ident => $value:expr) => {
        match $dist {
            Dist::Constant($law) => $value,
            Dist::Uniform($law) => $value,
            Dist::Exponential($law) => $value,
            Dist::Hyperexponential($law) => $value,
            Dist::Lognormal($law) => $value,
            Dist::Gamma($law) => $value,
            Dist::Weibull($law) => $value,
            Dist::Pareto($law) => $value,
            Dist::Empirical($law) => $value,
        }
    };
}

impl Dist {
    /// Always zero.
    pub const ZERO: Self = Self::Constant(Constant::checked(0.0));

    /// One draw, from as many uniform numbers as the law needs: one, except none for a constant and two or more for
    /// gamma.
    #[inline]
    pub fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        each!(self, law => law.sample(uniform))
    }

    /// The expected value.
    pub fn mean(&self) -> f64 {
        each!(self, law => law.mean())
    }

    /// The variance, in squared units of the value.
    pub fn variance(&self) -> f64 {
        each!(self, law => law.variance())
    }

    /// The squared coefficient of variation: variance / mean²; 0 for what is always zero.
    pub fn scv(&self) -> f64 {
        if self.is_zero() { 0.0 } else { self.variance() / self.mean() / self.mean() }
    }

    /// The value that a draw stays at or below with probability `p` in (0, 1); `None` where there is no closed form.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        each!(self, law => law.quantile(p))
    }

    /// The distribution of `factor` times the value.
    ///
    /// # Panics
    /// When `factor` is negative or not finite.
    pub fn scaled(&self, factor: f64) -> Self {
        assert!(factor.is_finite() && factor >= 0.0, "a distribution cannot be scaled by {factor}");
        if factor == 0.0 {
            return Self::ZERO;
        }
        match self {
            Self::Constant(law) => Self::Constant(law.scaled(factor)),
            Self::Uniform(law) => Self::Uniform(law.scaled(factor)),
            Self::Exponential(law) => Self::Exponential(law.scaled(factor)),
            Self::Hyperexponential(law) => Self::Hyperexponential(law.scaled(factor)),
            Self::Lognormal(law) => Self::Lognormal(law.scaled(factor)),
            Self::Gamma(law) => Self::Gamma(law.scaled(factor)),
            Self::Weibull(law) => Self::Weibull(law.scaled(factor)),
            Self::Pareto(law) => Self::Pareto(law.scaled(factor)),
            Self::Empirical(law) => Self::Empirical(law.scaled(factor)),
        }
    }

    /// Whether every draw is zero.
    pub fn is_zero(&self) -> bool {
        self.mean() == 0.0
    }

    /// The row of [`DISTRIBUTIONS`] that this is an instance of.
    pub fn help(&self) -> &'static DistributionHelp {
        each!(self, law => law.help())
    }
}

/// Why parameters make no distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistError(String);

impl DistError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for DistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DistError {}

/// e^x for draws: half the time of `libm::exp`, whose branches cannot be foreseen here, and a relative error of about
/// |x| · 10⁻¹⁶.
#[inline]
fn fast_exp(x: f64) -> f64 {
    libm::exp2(x * std::f64::consts::LOG2_E)
}

fn finite(what: &str, value: f64) -> Result<f64, DistError> {
    check(value.is_finite(), what, value, "is finite")
}

fn non_negative(what: &str, value: f64) -> Result<f64, DistError> {
    check(value.is_finite() && value >= 0.0, what, value, "is finite and not negative")
}

fn positive(what: &str, value: f64) -> Result<f64, DistError> {
    check(value.is_finite() && value > 0.0, what, value, "is finite and above zero")
}

fn probability(what: &str, value: f64) -> Result<f64, DistError> {
    check(value > 0.0 && value < 1.0, what, value, "lies between 0 and 1")
}

fn check(holds: bool, what: &str, value: f64, rule: &str) -> Result<f64, DistError> {
    if holds { Ok(value) } else { Err(DistError::new(format!("{what} {rule}, not {value}"))) }
}

//! The exponential of a normal number: service times and sizes with a long right tail.

use super::normal::standard_quantile;
use super::{
    Constant, Dist, DistError, DistributionHelp, Law, fast_exp, finite, non_negative, positive, probability,
};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "lognormal",
    parameters: &["mean, cv", "two percentiles"],
    doc: "The logarithm is normal: a long right tail, as most measured service times have.",
};

/// exp(μ + σZ) with Z standard normal, drawn by inversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lognormal {
    pub(super) median: f64,
    pub(super) sigma: f64,
}

impl Dist {
    /// Lognormal with this mean and coefficient of variation (standard deviation / mean); constant when one is zero.
    ///
    /// σ² = ln(1 + cv²), median = mean / √(1 + cv²).
    ///
    /// # Errors
    /// When one of them is negative or not finite.
    pub fn lognormal_mean_cv(mean: f64, cv: f64) -> Result<Self, DistError> {
        non_negative("the mean of a lognormal distribution", mean)?;
        non_negative("the cv of a lognormal distribution", cv)?;
        if mean == 0.0 || cv == 0.0 {
            return Ok(Self::Constant(Constant::checked(mean)));
        }
        let sigma = libm::sqrt(libm::log1p(finite("the squared cv of a lognormal distribution", cv * cv)?));
        Ok(Self::Lognormal(Lognormal { median: mean / libm::sqrt(1.0 + cv * cv), sigma }))
    }

    /// Lognormal through two (probability, value) points, in any order, e.g. `(0.5, p50), (0.99, p99)`; constant when
    /// the values are equal.
    ///
    /// # Errors
    /// When a probability is not inside (0, 1), the two are equal, a value is not positive and finite, or the values
    /// do not grow with the probabilities.
    pub fn lognormal_percentiles(first: (f64, f64), second: (f64, f64)) -> Result<Self, DistError> {
        let ((p1, v1), (p2, v2)) = if first.0 <= second.0 { (first, second) } else { (second, first) };
        for (p, v) in [(p1, v1), (p2, v2)] {
            probability("a percentile of a lognormal distribution", p)?;
            positive("the value at a percentile of a lognormal distribution", v)?;
        }
        if p1 == p2 {
            return Err(DistError::new(format!(
                "a lognormal distribution needs two different percentiles, not {p1} twice"
            )));
        }
        if v1 > v2 {
            return Err(DistError::new(format!(
                "the value at percentile {p1} ({v1}) exceeds the value at percentile {p2} ({v2})"
            )));
        }
        if v1 == v2 {
            return Ok(Self::Constant(Constant::checked(v1)));
        }
        let (z1, z2) = (standard_quantile(p1), standard_quantile(p2));
        let sigma = libm::log(v2 / v1) / (z2 - z1);
        let median = finite("the median of a lognormal distribution", v1 * libm::exp(-sigma * z1))?;
        Ok(Self::Lognormal(Lognormal {
            median: positive("the median of a lognormal distribution", median)?,
            sigma: finite("the sigma of a lognormal distribution", sigma)?,
        }))
    }
}

impl Law for Lognormal {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        self.median * fast_exp(self.sigma * standard_quantile(uniform.unit()))
    }

    fn mean(&self) -> f64 {
        self.median * libm::exp(0.5 * self.sigma * self.sigma)
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        mean * mean * libm::expm1(self.sigma * self.sigma)
    }

    fn quantile(&self, p: f64) -> Option<f64> {
        Some(self.median * libm::exp(self.sigma * standard_quantile(p)))
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { median: self.median * factor, sigma: self.sigma }
    }
}

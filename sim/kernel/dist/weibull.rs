//! Times to failure: heavy-tailed below shape 1, peaked above.

use super::{Dist, DistError, DistributionHelp, Law, fast_exp, finite, non_negative, positive};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "weibull",
    parameters: &["scale, shape", "mean, shape"],
    doc: "Times to failure: heavy-tailed below shape 1, exponential at 1, peaked above.",
};

/// Weibull: x = scale · (−ln(1 − u))^(1/shape).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    pub(super) scale: f64,
    pub(super) inverse_shape: f64,
}

impl Dist {
    /// Weibull with this scale (the value that 63.2 % of the draws stay below) and shape; always zero when the scale is.
    ///
    /// # Errors
    /// When the scale is negative or not finite, the shape is not positive and finite, or the shape is so small that
    /// the mean or the variance overflows.
    pub fn weibull(scale: f64, shape: f64) -> Result<Self, DistError> {
        non_negative("the scale of a Weibull distribution", scale)?;
        positive("the shape of a Weibull distribution", shape)?;
        if scale == 0.0 || shape == 1.0 {
            return Self::exponential(scale);
        }
        let law = Weibull { scale, inverse_shape: finite("1/shape of a Weibull distribution", 1.0 / shape)? };
        finite("the variance of a Weibull distribution of this shape", law.variance())?;
        Ok(Self::Weibull(law))
    }

    /// Weibull with this mean and shape: scale = mean / Γ(1 + 1/shape).
    ///
    /// # Errors
    /// As [`Dist::weibull`].
    pub fn weibull_mean_shape(mean: f64, shape: f64) -> Result<Self, DistError> {
        non_negative("the mean of a Weibull distribution", mean)?;
        positive("the shape of a Weibull distribution", shape)?;
        let unit =
            finite("the mean of a Weibull distribution of this shape", libm::tgamma(1.0 + 1.0 / shape))?;
        Self::weibull(mean / unit, shape)
    }
}

impl Law for Weibull {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        self.scale * fast_exp(self.inverse_shape * libm::log(-libm::log(1.0 - uniform.unit())))
    }

    fn mean(&self) -> f64 {
        self.scale * libm::tgamma(1.0 + self.inverse_shape)
    }

    /// scale² (Γ(1 + 2/k) − Γ(1 + 1/k)²), by way of logarithms: the difference cancels when the shape k is large.
    fn variance(&self) -> f64 {
        let mean = self.mean();
        let ratio =
            libm::lgamma(1.0 + 2.0 * self.inverse_shape) - 2.0 * libm::lgamma(1.0 + self.inverse_shape);
        mean * mean * libm::expm1(ratio)
    }

    fn quantile(&self, p: f64) -> Option<f64> {
        Some(self.scale * libm::pow(-libm::log1p(-p), self.inverse_shape))
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { scale: self.scale * factor, ..*self }
    }
}

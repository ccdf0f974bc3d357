//! Memoryless: the time between independent events of a constant rate.

use super::{Constant, Dist, DistError, DistributionHelp, Law, non_negative};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "exponential",
    parameters: &["mean"],
    doc: "Memoryless, as the gaps between independent arrivals; coefficient of variation 1.",
};

/// Exponential with this mean: x = −mean · ln(1 − u).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    pub(super) mean: f64,
}

impl Dist {
    /// Exponential with this mean; always zero when the mean is zero.
    ///
    /// # Errors
    /// When `mean` is negative or not finite.
    pub fn exponential(mean: f64) -> Result<Self, DistError> {
        non_negative("the mean of an exponential distribution", mean)?;
        if mean == 0.0 {
            return Ok(Self::Constant(Constant::checked(0.0)));
        }
        Ok(Self::Exponential(Exponential { mean }))
    }
}

impl Law for Exponential {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        // 1 − u is exact, for unit() is a multiple of 2⁻⁵³.
        -self.mean * libm::log(1.0 - uniform.unit())
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        self.mean * self.mean
    }

    fn quantile(&self, p: f64) -> Option<f64> {
        Some(-self.mean * libm::log1p(-p))
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { mean: self.mean * factor }
    }
}

//! Equally likely anywhere in an interval.

use super::{Constant, Dist, DistError, DistributionHelp, Law, non_negative};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "uniform",
    parameters: &["low, high"],
    doc: "Equally likely anywhere between low and high.",
};

/// Equally likely anywhere in (`low`, `low + width`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    pub(super) low: f64,
    pub(super) width: f64,
}

impl Dist {
    /// Equally likely anywhere between `low` and `high`; constant when they are equal.
    ///
    /// # Errors
    /// When one of them is negative or not finite, or `low` exceeds `high`.
    pub fn uniform(low: f64, high: f64) -> Result<Self, DistError> {
        non_negative("the low end of a uniform distribution", low)?;
        non_negative("the high end of a uniform distribution", high)?;
        if low > high {
            return Err(DistError::new(format!(
                "the low end of a uniform distribution ({low}) exceeds its high end ({high})"
            )));
        }
        if low == high {
            return Ok(Self::Constant(Constant::checked(low)));
        }
        Ok(Self::Uniform(Between { low, width: high - low }))
    }
}

impl Law for Between {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        self.low + self.width * uniform.unit()
    }

    fn mean(&self) -> f64 {
        self.low + self.width / 2.0
    }

    fn variance(&self) -> f64 {
        self.width * self.width / 12.0
    }

    fn quantile(&self, p: f64) -> Option<f64> {
        Some(self.low + self.width * p)
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { low: self.low * factor, width: self.width * factor }
    }
}

//! Two kinds of job, many short and few long: more variable than the exponential law, and cheap to draw.

use super::{Dist, DistError, DistributionHelp, Law, non_negative};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "hyperexponential",
    parameters: &["mean, cv"],
    doc: "Exponential with one of two means, each contributing half of the total; coefficient of variation 1 or more.",
};

/// Exponential with mean m/(2p) with probability p, else with mean m/(2(1 − p)): balanced means (Morse 1958), where
/// p = (1 + √((c² − 1)/(c² + 1)))/2 for the squared coefficient of variation c².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyperexponential {
    pub(super) mean: f64,
    /// Chance of the short kind.
    pub(super) short: f64,
}

impl Dist {
    /// Balanced hyperexponential with this mean and coefficient of variation.
    ///
    /// # Errors
    /// When `mean` is negative or not finite, or `cv` below 1 or not finite.
    pub fn hyperexponential(mean: f64, cv: f64) -> Result<Self, DistError> {
        non_negative("the mean of a hyperexponential distribution", mean)?;
        if !(cv >= 1.0 && cv.is_finite()) {
            let what =
                "the coefficient of variation of a hyperexponential distribution is finite and at least 1";
            return Err(DistError(format!("{what}, not {cv}")));
        }
        let scv = cv * cv;
        if mean == 0.0 || scv == 1.0 {
            return Self::exponential(mean);
        }
        let short = 0.5 * (1.0 + libm::sqrt((scv - 1.0) / (scv + 1.0)));
        Ok(Self::Hyperexponential(Hyperexponential { mean, short }))
    }
}

impl Law for Hyperexponential {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        // What is left of the uniform number after the choice of kind is uniform again.
        let unit = uniform.unit();
        let (share, rest) =
            if unit < self.short { (self.short, unit) } else { (1.0 - self.short, unit - self.short) };
        -self.mean / (2.0 * share) * libm::log(1.0 - (rest / share).min(LARGEST))
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        // E[X²] = Σ share · 2 (m/(2 share))² = m²/2 · (1/p + 1/(1 − p)).
        let second = 0.5 * self.mean * self.mean * (1.0 / self.short + 1.0 / (1.0 - self.short));
        second - self.mean * self.mean
    }

    fn quantile(&self, _p: f64) -> Option<f64> {
        None
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { mean: self.mean * factor, ..*self }
    }
}

/// The largest number below 1: rounding must not make a draw infinite.
const LARGEST: f64 = 1.0 - f64::EPSILON / 2.0;

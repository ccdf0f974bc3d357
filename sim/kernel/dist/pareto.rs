//! A power law between two bounds: sizes and times whose few largest values make up most of the sum.

use super::{Constant, Dist, DistError, DistributionHelp, Law, fast_exp, positive};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "bounded_pareto",
    parameters: &["low, high, shape"],
    doc: "A power law between low and high: the smaller the shape, the heavier the tail.",
};

/// Bounded Pareto: P(X > x) ∝ x^−shape on [low, high].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedPareto {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) shape: f64,
    /// (low / high)^shape, what an unbounded Pareto puts above `high`.
    beyond: f64,
    exponent: f64,
}

impl Dist {
    /// Pareto with this shape, cut off at `high`; constant when `low` and `high` are equal.
    ///
    /// # Errors
    /// When one of the three is not positive and finite, or `low` exceeds `high`.
    pub fn bounded_pareto(low: f64, high: f64, shape: f64) -> Result<Self, DistError> {
        positive("the low end of a Pareto distribution", low)?;
        positive("the high end of a Pareto distribution", high)?;
        positive("the shape of a Pareto distribution", shape)?;
        if low > high {
            return Err(DistError::new(format!(
                "the low end of a Pareto distribution ({low}) exceeds its high end ({high})"
            )));
        }
        if low == high {
            return Ok(Self::Constant(Constant::checked(low)));
        }
        let beyond = libm::pow(low / high, shape);
        if beyond == 1.0 {
            return Err(DistError::new(format!("the shape of a Pareto distribution is too small: {shape}")));
        }
        Ok(Self::Pareto(BoundedPareto { low, high, shape, beyond, exponent: -1.0 / shape }))
    }
}

impl BoundedPareto {
    /// x = low · (1 − u + u · beyond)^(−1/shape); `complement` is 1 − u.
    #[inline]
    fn invert(&self, u: f64, complement: f64) -> f64 {
        let survival = complement + u * self.beyond;
        (self.low * fast_exp(self.exponent * libm::log(survival))).clamp(self.low, self.high)
    }

    /// E[X^order] = shape · low^order / (1 − beyond) · ∫ from low to high of (t/low)^(order − shape − 1) dt/low.
    fn moment(&self, order: f64) -> f64 {
        let difference = order - self.shape;
        let log_range = libm::log(self.high / self.low);
        let integral =
            if difference == 0.0 { log_range } else { libm::expm1(difference * log_range) / difference };
        self.shape * libm::pow(self.low, order) * integral / (1.0 - self.beyond)
    }
}

impl Law for BoundedPareto {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        let u = uniform.unit();
        self.invert(u, 1.0 - u)
    }

    fn mean(&self) -> f64 {
        self.moment(1.0)
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        (self.moment(2.0) - mean * mean).max(0.0)
    }

    fn quantile(&self, p: f64) -> Option<f64> {
        Some(self.invert(p, 1.0 - p))
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor, ..*self }
    }
}

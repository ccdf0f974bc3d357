//! Sums of exponential stages, with a number of stages that need not be whole: regular to bursty at will.

use super::normal::standard_quantile;
use super::{Constant, Dist, DistError, DistributionHelp, Law, fast_exp, finite, non_negative, positive};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "gamma",
    parameters: &["mean, cv"],
    doc: "Any coefficient of variation with an exponential tail; cv 1 is exponential.",
};

pub(super) const ERLANG_HELP: DistributionHelp = DistributionHelp {
    name: "erlang",
    parameters: &["mean, stages"],
    doc: "The sum of equal exponential stages: a gamma distribution with cv 1/√stages.",
};

/// Gamma by the rejection method of Marsaglia and Tsang ("A simple method for generating gamma variables", 2000).
///
/// It takes about two uniforms a draw, sometimes more: there is no closed inverse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    pub(super) shape: f64,
    pub(super) scale: f64,
    /// d and c of the paper, for the shape or, below 1, the shape plus 1.
    d: f64,
    c: f64,
    /// 1 / shape below 1, where a draw for shape + 1 is multiplied by u^(1/shape); zero otherwise.
    boost: f64,
}

impl Dist {
    /// Gamma with this mean and coefficient of variation (standard deviation / mean): shape 1/cv², scale mean · cv².
    /// Constant when one is zero, exponential (drawn by inversion) when cv is 1.
    ///
    /// # Errors
    /// When one of them is negative or not finite.
    pub fn gamma(mean: f64, cv: f64) -> Result<Self, DistError> {
        non_negative("the mean of a gamma distribution", mean)?;
        non_negative("the cv of a gamma distribution", cv)?;
        if mean == 0.0 || cv == 0.0 {
            return Ok(Self::Constant(Constant::checked(mean)));
        }
        Self::gamma_shape(mean, finite("the shape 1/cv² of a gamma distribution", 1.0 / (cv * cv))?)
    }

    /// The sum of `stages` independent exponential times whose means add up to `mean`; always zero when it is zero.
    ///
    /// # Errors
    /// When `mean` is negative or not finite, or there is no stage.
    pub fn erlang(mean: f64, stages: u32) -> Result<Self, DistError> {
        non_negative("the mean of an Erlang distribution", mean)?;
        if stages == 0 {
            return Err(DistError::new("an Erlang distribution has at least one stage"));
        }
        if mean == 0.0 {
            return Ok(Self::Constant(Constant::checked(0.0)));
        }
        Self::gamma_shape(mean, f64::from(stages))
    }

    fn gamma_shape(mean: f64, shape: f64) -> Result<Self, DistError> {
        positive("the shape 1/cv² of a gamma distribution", shape)?;
        if shape == 1.0 {
            return Self::exponential(mean);
        }
        let scale = finite("the scale of a gamma distribution", mean / shape)?;
        let (boosted, boost) = if shape < 1.0 { (shape + 1.0, 1.0 / shape) } else { (shape, 0.0) };
        let d = boosted - 1.0 / 3.0;
        Ok(Self::Gamma(Gamma { shape, scale, d, c: 1.0 / libm::sqrt(9.0 * d), boost }))
    }
}

impl Gamma {
    /// A draw with scale 1 and the shape for which `d` and `c` stand.
    #[inline]
    fn standard<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        loop {
            let x = standard_quantile(uniform.unit());
            let root = 1.0 + self.c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            let u = uniform.unit();
            let x2 = x * x;
            // The squeeze settles 98 % of the draws without a logarithm.
            if u < 1.0 - 0.0331 * x2 * x2 || libm::log(u) < 0.5 * x2 + self.d * (1.0 - v + libm::log(v)) {
                return self.d * v;
            }
        }
    }
}

impl Law for Gamma {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        let draw = self.scale * self.standard(uniform);
        if self.boost == 0.0 { draw } else { draw * fast_exp(self.boost * libm::log(uniform.unit())) }
    }

    fn mean(&self) -> f64 {
        self.shape * self.scale
    }

    fn variance(&self) -> f64 {
        self.shape * self.scale * self.scale
    }

    fn quantile(&self, _: f64) -> Option<f64> {
        None
    }

    fn scaled(&self, factor: f64) -> Self {
        Self { scale: self.scale * factor, ..*self }
    }
}

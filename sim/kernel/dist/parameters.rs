//! What a distribution is made of, for those who write it down.

use super::{Dist, Law};

/// The parameters of a distribution, worked back from what it keeps: exact but for the last digits.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// Always this.
    Constant {
        /// The value.
        value: f64,
    },
    /// Anywhere between two ends.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Memoryless.
    Exponential {
        /// Mean.
        mean: f64,
    },
    /// Exponential with one of two means.
    Hyperexponential {
        /// Mean.
        mean: f64,
        /// Coefficient of variation.
        cv: f64,
    },
    /// The logarithm is normal.
    Lognormal {
        /// Median.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Gamma, Erlang included.
    Gamma {
        /// Mean.
        mean: f64,
        /// Coefficient of variation.
        cv: f64,
    },
    /// Weibull.
    Weibull {
        /// Mean.
        mean: f64,
        /// Shape.
        shape: f64,
    },
    /// A power law between two bounds.
    Pareto {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
        /// Shape.
        shape: f64,
    },
    /// Values with their probabilities.
    Values(Vec<(f64, f64)>),
    /// Probabilities from 0 to 1 with their quantiles.
    Quantiles(Vec<(f64, f64)>),
}

impl Dist {
    /// What it is made of.
    pub fn parameters(&self) -> Parameters {
        match self {
            Self::Constant(law) => Parameters::Constant { value: law.value },
            Self::Uniform(law) => Parameters::Uniform { low: law.low, high: law.low + law.width },
            Self::Exponential(law) => Parameters::Exponential { mean: law.mean },
            Self::Hyperexponential(law) => {
                let root = 2.0 * law.short - 1.0;
                let square = root * root;
                Parameters::Hyperexponential {
                    mean: law.mean,
                    cv: libm::sqrt((1.0 + square) / (1.0 - square)),
                }
            }
            Self::Lognormal(law) => Parameters::Lognormal { median: law.median, sigma: law.sigma },
            Self::Gamma(law) => {
                Parameters::Gamma { mean: law.shape * law.scale, cv: 1.0 / libm::sqrt(law.shape) }
            }
            Self::Weibull(law) => Parameters::Weibull { mean: law.mean(), shape: 1.0 / law.inverse_shape },
            Self::Pareto(law) => Parameters::Pareto { low: law.low, high: law.high, shape: law.shape },
            Self::Empirical(law) if law.segments.iter().all(|segment| segment.slope == 0.0) => {
                let point =
                    |segment: &super::empirical::Segment| (segment.base, segment.upper - segment.lower);
                Parameters::Values(law.segments.iter().map(point).collect())
            }
            Self::Empirical(law) => {
                let point = |segment: &super::empirical::Segment| (segment.lower, segment.base);
                let mut points: Vec<_> = law.segments.iter().map(point).collect();
                let end = |last: &super::empirical::Segment| {
                    (1.0, last.base + last.slope * (last.upper - last.lower))
                };
                points.extend(law.segments.last().map(end));
                Parameters::Quantiles(points)
            }
        }
    }
}

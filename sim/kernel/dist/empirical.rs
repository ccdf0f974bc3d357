//! What was measured, as it was measured: values with weights, or quantile points joined by straight lines.

use super::{Dist, DistError, DistributionHelp, Law, finite, non_negative, positive};
use crate::kernel::Uniform;

pub(super) const HELP: DistributionHelp = DistributionHelp {
    name: "empirical",
    parameters: &["values with weights", "quantile points from 0 to 1"],
    doc: "Measured values with their weights, or measured quantiles joined by straight lines.",
};

/// A piecewise linear quantile function, drawn by inversion in constant expected time (guide table of Chen and Asau,
/// "On generating random variates from an empirical distribution", 1974), which keeps the order of the uniforms.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    /// Ordered, and adjacent in probability.
    pub(super) segments: Box<[Segment]>,
    /// For each of 2ⁿ equal intervals of probability, the first segment that reaches into it.
    guide: Box<[u32]>,
}

/// The quantile function between two probabilities: base + slope · (p − lower).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) base: f64,
    pub(super) slope: f64,
}

impl Dist {
    /// Each (value, weight): the value is drawn with probability weight / sum of the weights. Any order; values may
    /// repeat.
    ///
    /// # Errors
    /// When a value or weight is negative or not finite, or all weights are zero.
    pub fn empirical_values(mut points: Vec<(f64, f64)>) -> Result<Self, DistError> {
        for &(value, weight) in &points {
            non_negative("a value of an empirical distribution", value)?;
            non_negative("a weight of an empirical distribution", weight)?;
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = points.iter().fold(0.0, |sum, point| sum + point.1);
        positive("the sum of the weights of an empirical distribution", total)?;
        let mut segments: Vec<Segment> = Vec::with_capacity(points.len());
        let (mut lower, mut sum) = (0.0, 0.0);
        for &(value, weight) in &points {
            sum += weight;
            let upper = sum / total;
            if upper > lower {
                segments.push(Segment { lower, upper, base: value, slope: 0.0 });
                lower = upper;
            }
        }
        Ok(Self::Empirical(Empirical::new(segments)))
    }

    /// Quantile points (probability, value) joined by straight lines. The first probability is 0 (its value is the
    /// minimum), the last is 1 (the maximum); in between they grow, and the values never fall.
    ///
    /// # Errors
    /// When there are fewer than two points, a value is negative or not finite, or the points are not such.
    pub fn empirical_quantiles(points: &[(f64, f64)]) -> Result<Self, DistError> {
        let ends = (points.first().map(|point| point.0), points.last().map(|point| point.0));
        if ends != (Some(0.0), Some(1.0)) {
            return Err(DistError::new(
                "quantile points begin with probability 0 (the minimum) and end with 1 (the maximum)",
            ));
        }
        for &(_, value) in points {
            non_negative("the value of a quantile point", value)?;
        }
        let mut segments = Vec::with_capacity(points.len());
        for pair in points.windows(2) {
            let ((lower, base), (upper, end)) = (pair[0], pair[1]);
            if lower.is_nan() || upper.is_nan() || lower >= upper {
                return Err(DistError::new(format!(
                    "the probabilities of quantile points grow: {upper} follows {lower}"
                )));
            }
            if base > end {
                return Err(DistError::new(format!(
                    "the values of quantile points never fall: {end} follows {base}"
                )));
            }
            let slope = finite("the slope between two quantile points", (end - base) / (upper - lower))?;
            segments.push(Segment { lower, upper, base, slope });
        }
        Ok(Self::Empirical(Empirical::new(segments)))
    }
}

impl Empirical {
    fn new(mut segments: Vec<Segment>) -> Self {
        if let Some(last) = segments.last_mut() {
            last.upper = 1.0;
        }
        // A power of two: multiplying a probability by it is exact, so its interval is never missed by rounding.
        let intervals = segments.len().next_power_of_two();
        let mut first = 0_usize;
        let guide = (0..intervals)
            .map(|interval| {
                let start = interval as f64 / intervals as f64;
                while segments[first].upper < start {
                    first += 1;
                }
                first as u32
            })
            .collect();
        Self { segments: segments.into(), guide }
    }

    #[inline]
    fn invert(&self, p: f64) -> f64 {
        let interval = ((p * self.guide.len() as f64) as usize).min(self.guide.len() - 1);
        let mut index = self.guide[interval] as usize;
        while self.segments[index].upper < p && index + 1 < self.segments.len() {
            index += 1;
        }
        let segment = self.segments[index];
        segment.base + segment.slope * (p - segment.lower)
    }
}

impl Law for Empirical {
    fn help(&self) -> &'static DistributionHelp {
        &HELP
    }

    #[inline]
    fn sample<U: Uniform + ?Sized>(&self, uniform: &mut U) -> f64 {
        self.invert(uniform.unit())
    }

    fn mean(&self) -> f64 {
        self.segments.iter().map(|segment| segment.width() * segment.middle()).sum()
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        self.segments
            .iter()
            .map(|segment| {
                let (distance, rise) = (segment.middle() - mean, segment.slope * segment.width());
                segment.width() * (distance * distance + rise * rise / 12.0)
            })
            .sum()
    }

    fn quantile(&self, p: f64) -> Option<f64> {
        Some(self.invert(p))
    }

    fn scaled(&self, factor: f64) -> Self {
        let scale = |segment: &Segment| Segment {
            base: segment.base * factor,
            slope: segment.slope * factor,
            ..*segment
        };
        Self { segments: self.segments.iter().map(scale).collect(), guide: self.guide.clone() }
    }
}

impl Segment {
    fn width(&self) -> f64 {
        self.upper - self.lower
    }

    fn middle(&self) -> f64 {
        self.base + self.slope * self.width() / 2.0
    }
}

//! Laws of heavy-tailed counts, given as they are published: by a few quantiles.

use std::fmt;

use crate::kernel::dist::standard_quantile;
use crate::units::UnitError;

/// A positive quantity known by quantiles: lognormal between two of them, and on with the same slope beyond the
/// outermost. One quantile alone is a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    /// (probability, value), both growing.
    points: Vec<(f64, f64)>,
}

/// Largest value of a quantile.
const LARGEST: f64 = 1e9;

impl Law {
    /// The law through these quantiles: (probability, value).
    ///
    /// # Errors
    /// When there are none, they do not grow, a probability lies outside (0, 1) or a value outside (0, 10⁹].
    pub fn through(points: &[(f64, f64)]) -> Result<Self, UnitError> {
        if points.is_empty() {
            return Err(UnitError::new("a law needs a value or quantiles, as in 4 or p50:4,p90:23,p99:252"));
        }
        for &(probability, value) in points {
            if !(probability > 0.0 && probability < 1.0) {
                return Err(UnitError::new("a quantile lies between p0 and p100, as in p50"));
            }
            if !(value > 0.0 && value <= LARGEST) {
                return Err(UnitError::new("a value of a law is above zero and at most 1e9"));
            }
        }
        if points.windows(2).any(|pair| pair[0].0 >= pair[1].0 || pair[0].1 > pair[1].1) {
            return Err(UnitError::new("quantiles grow, and their values never fall"));
        }
        Ok(Self { points: points.to_vec() })
    }

    /// Parses `4` or `p50:4,p90:23,p99:252`.
    ///
    /// # Errors
    /// When the text is neither, or no law.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError::new("write a law as 4 or p50:4,p90:23,p99:252");
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| error());
        if !text.contains(':') {
            return Self::through(&[(0.5, number(text)?)]);
        }
        let points: Result<Vec<_>, UnitError> = text
            .split(',')
            .map(|point| {
                let (name, value) = point.split_once(':').ok_or_else(error)?;
                let percent = number(name.trim().strip_prefix('p').ok_or_else(error)?)?;
                Ok((percent / 100.0, number(value)?))
            })
            .collect();
        Self::through(&points?)
    }

    /// The value that is not exceeded with `probability` in (0, 1).
    pub fn quantile(&self, probability: f64) -> f64 {
        if self.points.len() == 1 {
            return self.points[0].1;
        }
        let above = self.points.partition_point(|point| point.0 < probability);
        let upper = above.clamp(1, self.points.len() - 1);
        let [(z0, log0), (z1, log1)] = [self.points[upper - 1], self.points[upper]]
            .map(|(probability, value)| (standard_quantile(probability), libm::log(value)));
        let slope = (log1 - log0) / (z1 - z0);
        libm::exp(log0 + slope * (standard_quantile(probability) - z0))
    }
}

impl Law {
    /// The mean of the law's values rounded to whole numbers, of at least one.
    pub fn mean_count(&self) -> f64 {
        const PARTS: u32 = 10_000;
        let count = |part: u32| {
            let middle = (f64::from(part) + 0.5) / f64::from(PARTS);
            libm::round(self.quantile(middle)).max(1.0)
        };
        (0..PARTS).map(count).sum::<f64>() / f64::from(PARTS)
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(_, value)] = self.points[..] {
            return write!(f, "{value}");
        }
        for (index, (probability, value)) in self.points.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            // The percentage as it was written: 99.9 must not come back as 99.90000000000001.
            let percent = super::draw::rounded(probability * 100.0, 12);
            write!(f, "{comma}p{percent}:{value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_goes_through_its_points_and_never_falls() {
        let law = Law::parse("p50:4,p90:23,p99:252").unwrap();
        for (probability, value) in [(0.5, 4.0), (0.9, 23.0), (0.99, 252.0)] {
            assert!((law.quantile(probability) / value - 1.0).abs() < 1e-12);
        }
        let values: Vec<f64> = (1..1000).map(|step| law.quantile(f64::from(step) / 1000.0)).collect();
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Law::parse("3").unwrap().quantile(0.999), 3.0);
    }

    #[test]
    fn a_law_is_printed_as_it_is_written() {
        for text in ["3", "0.5", "p50:4,p90:23,p99:252", "p10:1,p99.9:7.5"] {
            assert_eq!(Law::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_no_law() {
        for text in
            ["", "x", "-1", "0", "inf", "NaN", "p50:4,p50:5", "p50:4,p90:3", "p0:1,p50:2", "p100:1", "50:4"]
        {
            assert!(Law::parse(text).is_err(), "{text}");
        }
    }
}

//! Confidence intervals by sectioning: how far the replications' own values lie from that of all of them pooled.

use super::results::{Estimate, Kind};
use super::student::student_quantile;

/// Fewer replications give no interval.
pub(super) const REPLICATIONS_NEEDED: usize = 10;

/// Upper quantile of Student's t for a two-sided 95 % interval.
const UPPER_QUANTILE: f64 = 0.975;

/// One statistic of one replication, or of several pooled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// In the row's unit.
    pub(super) value: f64,
    /// Whether it is the number or a bound.
    pub(super) kind: Kind,
    /// Whether this replication holds enough requests for the statistic to have an interval.
    pub(super) enough: bool,
}

impl Sample {
    /// A number that may have an interval.
    pub(super) const fn exact(value: f64) -> Self {
        Self { value, kind: Kind::Exact, enough: true }
    }

    /// A number that never has one.
    pub(super) const fn without_interval(value: f64) -> Self {
        Self { value, kind: Kind::Exact, enough: false }
    }

    /// `amount` over `base`; `None` over nothing.
    pub(super) fn ratio(amount: f64, base: f64) -> Option<Self> {
        (base > 0.0).then(|| Self::exact(amount / base))
    }

    /// `self − other`; `None` when what is taken away is only known to be larger.
    pub(super) fn minus(self, other: Self) -> Option<Self> {
        (other.kind == Kind::Exact).then_some(Self {
            value: self.value - other.value,
            kind: self.kind,
            enough: self.enough && other.enough,
        })
    }
}

/// The pooled value and its 95 % interval: s² = Σ (q_r − q_pooled)² / (R − 1), half-width t · s / √R.
///
/// No interval with fewer than ten replications, with a replication that has no value, a bound or too few requests, or
/// when the pooled value is itself a bound; nor when all values are zero, for what was never seen has an unknown spread.
pub(super) fn estimate(pooled: Sample, replications: &[Option<Sample>]) -> Estimate {
    Estimate { value: pooled.value, interval: interval(pooled, replications), model: None, kind: pooled.kind }
}

fn interval(pooled: Sample, replications: &[Option<Sample>]) -> Option<(f64, f64)> {
    let count = replications.len();
    if count < REPLICATIONS_NEEDED || pooled.kind == Kind::AtLeast {
        return None;
    }
    let mut squares = 0.0;
    for sample in replications {
        let sample = (*sample).filter(|sample| sample.enough && sample.kind == Kind::Exact)?;
        let distance = sample.value - pooled.value;
        squares += distance * distance;
    }
    if pooled.value == 0.0 && squares == 0.0 {
        return None;
    }
    let degrees = u32::try_from(count - 1).ok()?;
    let spread = (squares / f64::from(degrees)).sqrt();
    let half_width = student_quantile(UPPER_QUANTILE, degrees) * spread / (count as f64).sqrt();
    Some((pooled.value - half_width, pooled.value + half_width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Vec<Option<Sample>> {
        values.iter().map(|&value| Some(Sample::exact(value))).collect()
    }

    #[test]
    fn the_interval_is_that_of_the_formula() {
        // 1 … 10 about a pooled 5: squares 16+9+4+1+0+1+4+9+16+25 = 85, s = √(85/9), half-width 2.26216 · s / √10.
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let got = estimate(Sample::exact(5.0), &samples(&values));
        let half = 2.262_157_162_798_2 * (85.0_f64 / 9.0).sqrt() / 10.0_f64.sqrt();
        let (low, high) = got.interval.unwrap();
        assert!((low - (5.0 - half)).abs() < 1e-9 && (high - (5.0 + half)).abs() < 1e-9, "{low} {high}");
        assert!((got.relative_half_width().unwrap() - half / 5.0).abs() < 1e-9);
    }

    #[test]
    fn without_grounds_there_is_no_interval() {
        let nine = samples(&[1.0; 9]);
        assert_eq!(estimate(Sample::exact(1.0), &nine).interval, None);

        let ten = samples(&[1.0; 10]);
        assert_eq!(estimate(Sample::exact(1.0), &ten).interval, Some((1.0, 1.0)));
        assert_eq!(estimate(Sample { kind: Kind::AtLeast, ..Sample::exact(1.0) }, &ten).interval, None);
        assert_eq!(estimate(Sample::exact(0.0), &samples(&[0.0; 10])).interval, None);

        for spoilt in [
            None,
            Some(Sample::without_interval(1.0)),
            Some(Sample { kind: Kind::AtLeast, ..Sample::exact(1.0) }),
        ] {
            let mut replications = ten.clone();
            replications[4] = spoilt;
            assert_eq!(estimate(Sample::exact(1.0), &replications).interval, None, "{spoilt:?}");
        }
    }

    #[test]
    fn a_bound_can_be_reduced_but_not_taken_away() {
        let bound = Sample { kind: Kind::AtLeast, ..Sample::exact(5.0) };
        assert_eq!(bound.minus(Sample::exact(2.0)).map(|d| (d.value, d.kind)), Some((3.0, Kind::AtLeast)));
        assert_eq!(Sample::exact(5.0).minus(bound), None);
    }
}

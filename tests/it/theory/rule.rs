//! The rule by which a simulation agrees with theory.
//!
//! The expected value lies inside the 99.9 % interval over replications of fixed length and fixed seeds, and the
//! interval is narrow: a wide one proves nothing. A row that fails is run again at four times the length and must pass
//! then: the tolerances are never widened, the seeds never changed.

use std::fmt::Write;

use rayon::prelude::*;
use sim::metrics::student_quantile;

/// Independent replications of every row.
pub(crate) const REPLICATIONS: u32 = 32;

/// The upper end of a 99.9 % interval.
const UPPER: f64 = 0.9995;

/// One quantity of a row: what theory says, and how narrow the interval must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    quantity: &'static str,
    value: f64,
    /// How far off the expected value itself may be: zero for a closed form.
    uncertainty: f64,
    /// The greatest half-width of the interval, relative to the value.
    half_width: f64,
}

impl Expected {
    const fn new(quantity: &'static str, value: f64, half_width: f64) -> Self {
        Self { quantity, value, uncertainty: 0.0, half_width }
    }

    /// A mean at a utilization up to .8: 1 %.
    pub(crate) const fn mean(quantity: &'static str, value: f64) -> Self {
        Self::new(quantity, value, 0.01)
    }

    /// A mean at utilization .9: 2 %.
    pub(crate) const fn mean_under_high_load(quantity: &'static str, value: f64) -> Self {
        Self::new(quantity, value, 0.02)
    }

    /// A median or 99th percentile: 2 %.
    pub(crate) const fn quantile(quantity: &'static str, value: f64) -> Self {
        Self::new(quantity, value, 0.02)
    }

    /// A mean with service times of squared coefficient of variation 4, or with the power of two choices: 3 %.
    pub(crate) const fn volatile(quantity: &'static str, value: f64) -> Self {
        Self::new(quantity, value, 0.03)
    }

    /// A probability of loss: 5 %.
    pub(crate) const fn loss(quantity: &'static str, value: f64) -> Self {
        Self::new(quantity, value, 0.05)
    }

    /// The expected value is itself known only within ± `uncertainty`.
    pub(crate) const fn known_within(self, uncertainty: f64) -> Self {
        Self { uncertainty, ..self }
    }
}

/// Runs `simulate(replication, length)`, which returns one value for each of `expected`, and applies the rule.
///
/// # Panics
/// When a quantity disagrees with theory, or its interval is too wide, also at four times the `length`.
pub(crate) fn agrees<F>(row: &str, length: u64, expected: &[Expected], simulate: F)
where
    F: Fn(u32, u64) -> Vec<f64> + Sync,
{
    let first = compare(length, expected, &simulate);
    if first.is_ok() {
        return;
    }
    let second = compare(4 * length, expected, &simulate);
    if let (Err(first), Err(second)) = (first, second) {
        panic!("{row} disagrees with theory\nat length {length}:\n{first}at four times that:\n{second}");
    }
}

/// A table of all quantities, as an error when one of them fails.
fn compare<F>(length: u64, expected: &[Expected], simulate: &F) -> Result<(), String>
where
    F: Fn(u32, u64) -> Vec<f64> + Sync,
{
    let replications: Vec<Vec<f64>> =
        (0..REPLICATIONS).into_par_iter().map(|replication| simulate(replication, length)).collect();
    let mut table = String::new();
    let mut good = true;
    for (position, expected) in expected.iter().enumerate() {
        let values: Vec<f64> = replications.iter().map(|values| values[position]).collect();
        let (mean, half_width) = interval(&values);
        let inside = (mean - expected.value).abs() <= half_width + expected.uncertainty;
        let narrow = half_width <= expected.half_width * expected.value;
        good &= inside && narrow;
        let verdict = match (inside, narrow) {
            (true, true) => "agrees",
            (false, _) => "DISAGREES",
            (true, false) => "TOO WIDE",
        };
        let Expected { quantity, value, .. } = expected;
        writeln!(
            table,
            "  {quantity}: expected {value:.6}, simulated {mean:.6} ± {half_width:.6}: {verdict}"
        )
        .expect("a string takes everything");
    }
    if good { Ok(()) } else { Err(table) }
}

/// Mean and half-width of its 99.9 % interval.
fn interval(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    (mean, student_quantile(UPPER, values.len() as u32 - 1) * deviation / count.sqrt())
}

/// Replications that spread evenly over ± `spread` around 1.
fn spread_around_one(spread: f64) -> impl Fn(u32, u64) -> Vec<f64> {
    move |replication, _| {
        vec![1.0 + spread * (f64::from(replication) / f64::from(REPLICATIONS - 1) * 2.0 - 1.0)]
    }
}

#[test]
fn the_rule_accepts_what_agrees() {
    agrees("one", 1, &[Expected::mean("value", 1.0)], spread_around_one(0.01));
    agrees("almost one", 1, &[Expected::mean("value", 1.02).known_within(0.02)], spread_around_one(0.01));
}

#[test]
#[should_panic(expected = "DISAGREES")]
fn the_rule_rejects_a_wrong_value() {
    agrees("two hundredths off", 1, &[Expected::mean("value", 1.02)], spread_around_one(0.01));
}

#[test]
#[should_panic(expected = "TOO WIDE")]
fn the_rule_rejects_a_wide_interval() {
    agrees("anything goes", 1, &[Expected::mean("value", 1.0)], spread_around_one(0.1));
}

#[test]
fn a_longer_run_may_mend_a_row() {
    let narrower = |replication, length| spread_around_one(0.04 / length as f64)(replication, 1);
    agrees("wide at first", 1, &[Expected::mean("value", 1.0)], narrower);
}

//! Axes: where a value stands between two ends, and at which round values to write what.

use crate::metrics::Unit;

use super::super::human::Scale;
use super::number;

/// A direction of a panel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    /// What is measured, with its unit.
    pub(crate) title: String,
    kind: Kind,
    /// Values at both ends.
    pub(crate) ends: (f64, f64),
    /// Values that a line and a text stand at.
    pub(crate) ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    Logarithmic,
}

/// About so many ticks on a linear axis.
const TICKS: f64 = 5.0;
/// A logarithmic axis over more decades has one tick for each, else three.
const DENSE_DECADES: f64 = 3.5;

impl Axis {
    /// From zero to a round value at or above `largest` (in the base unit); ticks are written in the unit that suits.
    pub(crate) fn from_zero(title: &str, largest: f64, unit: Unit) -> Self {
        let scale = number::scale([largest], unit);
        let largest = if largest > 0.0 { largest } else { scale.divisor };
        let step = round_step(largest / scale.divisor / TICKS);
        let count = (largest / scale.divisor / step - 1e-9).ceil().max(1.0) as u32;
        let ticks = (0..=count).map(|tick| {
            let value = f64::from(tick) * step;
            (value * scale.divisor, number::round(value))
        });
        let ticks: Vec<_> = ticks.collect();
        let ends = (0.0, ticks.last().map_or(1.0, |(value, _)| *value));
        Self { title: titled(title, scale), kind: Kind::Linear, ends, ticks }
    }

    /// Logarithmic over positive values, in the unit that suits the smallest; ends at round values.
    pub(crate) fn logarithmic(title: &str, (smallest, largest): (f64, f64), unit: Unit) -> Self {
        let scale = number::scale([smallest], unit);
        let smallest = smallest.max(f64::MIN_POSITIVE);
        let low = round_below(smallest / scale.divisor);
        let high = round_above((largest / scale.divisor).max(low * 2.0));
        let decades = libm::log10(high / low);
        let steps: &[f64] = if decades <= DENSE_DECADES { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let first = libm::floor(libm::log10(low) + 1e-9) as i32;
        let last = libm::floor(libm::log10(high) + 1e-9) as i32;
        let mut ticks = Vec::new();
        for decade in first..=last {
            for step in steps {
                let value = step * libm::exp10(f64::from(decade));
                if value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9) {
                    ticks.push((value * scale.divisor, number::round(value)));
                }
            }
        }
        let ends = (low * scale.divisor, high * scale.divisor);
        Self { title: titled(title, scale), kind: Kind::Logarithmic, ends, ticks }
    }

    /// Logarithmic over given ends with given ticks.
    pub(crate) fn logarithmic_with_ticks(title: &str, ends: (f64, f64), ticks: Vec<(f64, String)>) -> Self {
        Self { title: title.to_owned(), kind: Kind::Logarithmic, ends, ticks }
    }

    /// Linear over given ends with given ticks.
    pub(crate) fn linear_with_ticks(title: &str, ends: (f64, f64), ticks: Vec<(f64, String)>) -> Self {
        Self { title: title.to_owned(), kind: Kind::Linear, ends, ticks }
    }

    /// The same axis, ending at `high`; ticks beyond are gone.
    pub(crate) fn ending_at(mut self, high: f64) -> Self {
        if high > self.ends.0 {
            self.ends.1 = high;
            self.ticks.retain(|(value, _)| *value <= high * (1.0 + 1e-9));
        }
        self
    }

    /// The same axis; if it has more than `most` ticks, those at powers of ten alone.
    pub(crate) fn thinned(mut self, most: usize) -> Self {
        if self.ticks.len() > most {
            let is_kept = |(value, _): &(f64, String)| {
                let decade = libm::log10(*value);
                (decade - decade.round()).abs() < 1e-9
            };
            self.ticks.retain(is_kept);
        }
        self
    }

    /// Where a value stands: 0 at the low end, 1 at the high end, beyond them outside.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let (low, high) = self.ends;
        match self.kind {
            Kind::Linear => (value - low) / (high - low),
            Kind::Logarithmic => libm::log(value.max(f64::MIN_POSITIVE) / low) / libm::log(high / low),
        }
    }
}

fn titled(title: &str, scale: Scale) -> String {
    if scale.unit.is_empty() {
        title.to_owned()
    } else {
        format!("{title} ({})", scale.unit.trim_start_matches('/'))
    }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let decade = libm::exp10(libm::floor(libm::log10(least)));
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let step = steps.iter().find(|step| **step * decade >= least * (1.0 - 1e-9));
    step.copied().unwrap_or(10.0) * decade
}

/// The largest of 1, 2 and 5 times a power of ten that is not above `value`.
fn round_below(value: f64) -> f64 {
    let decade = libm::exp10(libm::floor(libm::log10(value)));
    let steps = [5.0, 2.0, 1.0];
    let step = steps.iter().find(|step| **step * decade <= value * (1.0 + 1e-9));
    step.copied().unwrap_or(1.0) * decade
}

/// The least of 1, 2 and 5 times a power of ten that is not below `value`.
fn round_above(value: f64) -> f64 {
    let decade = libm::exp10(libm::floor(libm::log10(value)));
    let steps = [1.0, 2.0, 5.0];
    let step = steps.iter().find(|step| **step * decade >= value * (1.0 - 1e-9));
    step.copied().unwrap_or(10.0) * decade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_in_the_unit_that_suits() {
        let axis = Axis::from_zero("response time", 0.0123, Unit::Seconds);
        assert_eq!(axis.title, "response time (ms)");
        assert_eq!(texts(&axis), ["0", "2.5", "5", "7.5", "10", "12.5"]);
        assert_eq!(axis.ends, (0.0, 0.0125));
        assert_eq!(texts(&Axis::from_zero("cpu", 0.37, Unit::Cores)), ["0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(
            texts(&Axis::from_zero("memory", 0.0, Unit::Bytes)),
            ["0", "0.2", "0.4", "0.6", "0.8", "1"]
        );
        let rate = Axis::from_zero("load", 70_000.0, Unit::PerSecond);
        assert_eq!(texts(&rate), ["0", "20\u{a0}000", "40\u{a0}000", "60\u{a0}000", "80\u{a0}000"]);
    }

    #[test]
    fn a_short_logarithmic_axis_has_ticks_between_decades() {
        let axis = Axis::logarithmic("p99", (0.003, 0.12), Unit::Seconds);
        assert_eq!(texts(&axis), ["2", "5", "10", "20", "50", "100", "200"]);
        let axis = Axis::logarithmic("p99", (0.003, 50.0), Unit::Seconds);
        assert_eq!(texts(&axis), ["10", "100", "1\u{a0}000", "10\u{a0}000"]);
        assert_eq!(texts(&axis.clone().ending_at(20.0)), ["10", "100", "1\u{a0}000", "10\u{a0}000"]);
        assert_eq!(texts(&axis.clone().ending_at(5.0)), ["10", "100", "1\u{a0}000"]);
        assert!((axis.share(0.002)).abs() < 1e-9 && (axis.share(50.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn no_value_stands_outside_its_axis() {
        for exponent in -9..9 {
            for digits in [1.0, 1.000_001, 3.3, 5.0, 9.99] {
                let value = digits * libm::exp10(f64::from(exponent));
                let linear = Axis::from_zero("x", value, Unit::Count);
                let logarithmic = Axis::logarithmic("x", (value, value), Unit::Count);
                for axis in [linear, logarithmic] {
                    assert!((-1e-6..=1.000_001).contains(&axis.share(value)), "{value}: {axis:?}");
                    assert!(axis.ticks.len() >= 2, "{value}: {axis:?}");
                }
            }
        }
    }
}

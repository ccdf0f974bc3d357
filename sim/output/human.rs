//! Numbers as people read them: three significant digits, and for each table the unit that keeps them short.

use crate::metrics::{Estimate, Kind, Unit};

/// After the first; three significant digits in all.
const FURTHER_DIGITS: u8 = 2;
/// An interval narrower than this share of its value is rounding, not chance.
const ROUNDING: f64 = 1e-9;

/// The unit of a table's numbers of a kind: one for all, so that they compare at a glance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// What to divide by.
    pub(super) divisor: f64,
    /// As the header says it; empty for plain numbers.
    pub(super) unit: &'static str,
    /// More decimals say nothing.
    most_decimals: u8,
}

impl Scale {
    /// The largest unit in which the largest of the numbers is at least one.
    pub(super) fn of<'a>(estimates: impl Iterator<Item = &'a Estimate>, unit: Unit) -> Self {
        const SECONDS: &[(f64, &str)] = &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
        const BYTES: &[(f64, &str)] = &[
            (1_099_511_627_776.0, "TiB"),
            (1_073_741_824.0, "GiB"),
            (1_048_576.0, "MiB"),
            (1024.0, "KiB"),
            (1.0, "B"),
        ];
        const BYTE_RATES: &[(f64, &str)] = &[(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")];
        // A tenth of a millicore is the least that anyone could measure; five decimals of a time are more than it is worth.
        let (scales, most_decimals) = match unit {
            Unit::Seconds => (SECONDS, 5),
            Unit::Bytes => (BYTES, 9),
            Unit::BytesPerSecond => (BYTE_RATES, 9),
            Unit::Cores => (&[(1.0, "vCPU")][..], 4),
            Unit::Ratio => (&[(0.01, "%")][..], 4),
            Unit::PerSecond => (&[(1.0, "/s")][..], 9),
            Unit::Count => (&[(1.0, "")][..], 9),
            // The table's title says the currency.
            Unit::Money(_) => (&[(1.0, "/month")][..], 2),
        };
        let largest = estimates.map(largest).fold(0.0, f64::max);
        // Nothing at all has the unit that its neighbours mostly have.
        let sought = match unit {
            _ if largest > 0.0 => largest,
            Unit::Seconds => 1e-3,
            Unit::Bytes => 1_048_576.0,
            _ => 1.0,
        };
        let fits = scales.iter().find(|(divisor, _)| sought >= *divisor);
        let (divisor, unit) = *fits.or(scales.last()).expect("every unit has a scale");
        Self { divisor, unit, most_decimals }
    }

    /// `12.3`, `12.3 ±0.4` with an interval, `> 12.3` for a bound.
    pub(super) fn estimate(self, estimate: &Estimate) -> String {
        let bound = if estimate.kind == Kind::AtLeast { "> " } else { "" };
        format!("{bound}{}", self.number(estimate))
    }

    /// The same with a sign: `+1.20 ±0.14`.
    pub(super) fn difference(self, difference: &Estimate) -> String {
        let number = self.estimate(difference);
        let positive = difference.value > 0.0 && difference.kind == Kind::Exact;
        let shown = number.split_whitespace().next().unwrap_or_default();
        if positive && !is_zero(shown) { format!("+{number}") } else { number }
    }

    /// The value and its half-width.
    fn number(self, estimate: &Estimate) -> String {
        let value = estimate.value / self.divisor;
        let Some((low, high)) = estimate.interval else {
            let whole = self.unit.is_empty() && value.fract() == 0.0;
            return fixed(value, if whole { 0 } else { self.decimals(value) });
        };
        let digits = self.decimals(largest(estimate) / self.divisor);
        let value = fixed(value, digits);
        let half_width = (high - low) / 2.0 / self.divisor;
        let width = fixed(half_width, digits);
        if !is_zero(&width) {
            return format!("{value} ±{width}");
        }
        if is_zero(&value) {
            return "0".to_owned();
        }
        if half_width * self.divisor <= ROUNDING * largest(estimate) {
            return format!("{value} ±0");
        }
        // Less than the last digit shown, but not nothing: rounded up.
        let last_digit = 1.0 / libm::exp10(digits as f64);
        format!("{value} ±{last_digit:.digits$}")
    }

    /// Decimals that give enough significant digits of the number as it is rounded.
    fn decimals(self, value: f64) -> usize {
        let rounded = format!("{value:.*e}", usize::from(FURTHER_DIGITS));
        let magnitude = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
        let wanted = i32::from(FURTHER_DIGITS) - magnitude.unwrap_or(0);
        if value == 0.0 { 0 } else { wanted.clamp(0, i32::from(self.most_decimals)) as usize }
    }
}

/// A text that cannot disturb a terminal: control characters are shown as such.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// The larger of the number and its half-width.
fn largest(estimate: &Estimate) -> f64 {
    let half_width = estimate.interval.map_or(0.0, |(low, high)| (high - low) / 2.0);
    estimate.value.abs().max(half_width)
}

/// A number with so many decimals; a plain `0` if that is how it reads.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if is_zero(&text) { "0".to_owned() } else { text }
}

/// Whether a number reads as zero.
fn is_zero(text: &str) -> bool {
    text.chars().all(|digit| matches!(digit, '-' | '0' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;

    fn exact(value: f64, half_width: Option<f64>) -> Estimate {
        Estimate {
            value,
            interval: half_width.map(|width| (value - width, value + width)),
            model: None,
            kind: Kind::Exact,
        }
    }

    fn alone(number: &Estimate, unit: Unit) -> String {
        let scale = Scale::of([number].into_iter(), unit);
        format!("{} {}", scale.estimate(number), scale.unit)
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        for (value, half_width, unit, text) in [
            (0.0123, None, Unit::Seconds, "12.3 ms"),
            (1.0, None, Unit::Seconds, "1.00 s"),
            (123.4, None, Unit::Seconds, "123 s"),
            (0.000_45, None, Unit::Seconds, "450 µs"),
            (0.009_996, None, Unit::Seconds, "10.0 ms"),
            (0.0, None, Unit::Seconds, "0 ms"),
            (2e-9, None, Unit::Seconds, "2.00 ns"),
            (0.0123, Some(0.000_11), Unit::Seconds, "12.3 ±0.1 ms"),
            (0.0123, Some(0.000_011), Unit::Seconds, "12.3 ±0.1 ms"),
            (0.0123, Some(0.0), Unit::Seconds, "12.3 ±0 ms"),
            (0.4, Some(1.0), Unit::Seconds, "0.40 ±1.00 s"),
            (0.0, Some(0.000_11), Unit::Seconds, "0 ±110 µs"),
            (0.0, Some(0.0), Unit::Seconds, "0 ms"),
            (0.42, None, Unit::Cores, "0.420 vCPU"),
            (0.004_23, None, Unit::Cores, "0.0042 vCPU"),
            (-5e-6, Some(1.2e-5), Unit::Cores, "0 vCPU"),
            (12.0, None, Unit::Cores, "12.0 vCPU"),
            (59_768_832.0, None, Unit::Bytes, "57.0 MiB"),
            (512.0, None, Unit::Bytes, "512 B"),
            (0.0, None, Unit::Bytes, "0 MiB"),
            (0.001_2, None, Unit::Ratio, "0.120 %"),
            (0.0, None, Unit::Ratio, "0 %"),
            (1.0, None, Unit::Ratio, "100 %"),
            (70_000.0, None, Unit::PerSecond, "70000 /s"),
            (2_048_000.0, None, Unit::BytesPerSecond, "2.05 MB/s"),
            (16.0, None, Unit::Count, "16 "),
            (16.25, None, Unit::Count, "16.2 "),
            (420.48, None, Unit::Money(Currency::USD), "420 /month"),
            (0.456, None, Unit::Money(Currency::USD), "0.46 /month"),
        ] {
            assert_eq!(alone(&exact(value, half_width), unit), text);
        }
    }

    #[test]
    fn numbers_beside_each_other_have_one_unit() {
        let column = [exact(0.000_696, Some(4e-6)), exact(0.001_05, Some(1e-5))];
        let scale = Scale::of(column.iter(), Unit::Seconds);
        assert_eq!(scale.unit, "ms");
        assert_eq!(column.map(|number| scale.difference(&number)), ["+0.696 ±0.004", "+1.05 ±0.01"]);
    }

    #[test]
    fn differences_have_a_sign_and_bounds_a_mark() {
        let scale = Scale { divisor: 1e-3, unit: "ms", most_decimals: 9 };
        assert_eq!(scale.difference(&exact(0.0012, Some(0.0001))), "+1.20 ±0.10");
        assert_eq!(scale.difference(&exact(-0.0012, None)), "-1.20");
        assert_eq!(scale.difference(&exact(0.0, None)), "0");
        assert_eq!(scale.difference(&exact(1e-9, Some(1e-4))), "0 ±0.100");
        assert_eq!(scale.difference(&exact(-1e-9, Some(1e-4))), "0 ±0.100");
        let bound = Estimate { kind: Kind::AtLeast, ..exact(0.5, None) };
        assert_eq!(scale.estimate(&bound), "> 500");
        assert_eq!(scale.difference(&bound), "> 500");
    }
}

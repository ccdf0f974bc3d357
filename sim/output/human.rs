//! Numbers as people read them: three significant digits and a unit that keeps them short.

use crate::metrics::{Estimate, Kind, Unit};

const SIGNIFICANT_DIGITS: i32 = 3;

/// `12.3 ms`, `12.3 ±0.4 ms` with an interval, `> 12.3 ms` for a bound.
pub(super) fn estimate(estimate: &Estimate, unit: Unit) -> String {
    let (number, unit) = number(estimate, unit);
    let bound = if estimate.kind == Kind::AtLeast { "> " } else { "" };
    format!("{bound}{number}{unit}")
}

/// The same with a sign: `+1.20 ±0.14 ms`.
pub(super) fn difference(difference: &Estimate, unit: Unit) -> String {
    let sign = if difference.value > 0.0 && difference.kind == Kind::Exact { "+" } else { "" };
    format!("{sign}{}", estimate(difference, unit))
}

/// A text that cannot disturb a terminal: control characters are shown as such.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// The number with its half-width, and the unit with the space before it.
fn number(estimate: &Estimate, unit: Unit) -> (String, &'static str) {
    let half_width = estimate.interval.map(|(low, high)| (high - low) / 2.0);
    let largest = estimate.value.abs().max(half_width.unwrap_or(0.0));
    let (scale, unit) = scale(largest, unit);
    let value = estimate.value / scale;
    let Some(half_width) = half_width.map(|width| width / scale) else {
        let whole = unit.is_empty() && value.fract() == 0.0;
        return (fixed(value, if whole { 0 } else { decimals(value, SIGNIFICANT_DIGITS) }), unit);
    };
    let digits = decimals(largest / scale, SIGNIFICANT_DIGITS);
    let width = fixed(half_width, digits);
    // A half-width below the last digit shown is a plain zero, not none.
    let width = if is_zero(&width) { "0" } else { &width };
    (format!("{} ±{width}", fixed(value, digits)), unit)
}

/// What to divide by, and the unit then; the largest in which the number is at least one.
fn scale(value: f64, unit: Unit) -> (f64, &'static str) {
    const SECONDS: &[(f64, &str)] = &[(1.0, " s"), (1e-3, " ms"), (1e-6, " µs"), (1e-9, " ns")];
    const BYTES: &[(f64, &str)] = &[
        (1_099_511_627_776.0, " TiB"),
        (1_073_741_824.0, " GiB"),
        (1_048_576.0, " MiB"),
        (1024.0, " KiB"),
        (1.0, " B"),
    ];
    const BYTE_RATES: &[(f64, &str)] = &[(1e9, " GB/s"), (1e6, " MB/s"), (1e3, " kB/s"), (1.0, " B/s")];
    let scales = match unit {
        Unit::Seconds => SECONDS,
        Unit::Bytes => BYTES,
        Unit::BytesPerSecond => BYTE_RATES,
        Unit::Cores => &[(1.0, " vCPU")],
        Unit::Ratio => &[(0.01, " %")],
        Unit::PerSecond => &[(1.0, "/s")],
        Unit::Count => &[(1.0, "")],
    };
    // Nothing is best said in the smallest unit but for time, where it is 0 s.
    if value == 0.0 && unit == Unit::Seconds {
        return SECONDS[0];
    }
    let fits = scales.iter().find(|(scale, _)| value >= *scale);
    *fits.or(scales.last()).expect("every unit has a scale")
}

/// Decimals that give so many significant digits.
fn decimals(value: f64, significant: i32) -> usize {
    const MOST: i32 = 9;
    if value == 0.0 {
        return 0;
    }
    let magnitude = libm::floor(libm::log10(value.abs())) as i32;
    (significant - 1 - magnitude).clamp(0, MOST) as usize
}

/// A number with so many decimals, without a sign on zero.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if is_zero(&text) { text.trim_start_matches('-').to_owned() } else { text }
}

/// Whether a number reads as zero.
fn is_zero(text: &str) -> bool {
    text.chars().all(|digit| matches!(digit, '-' | '0' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(value: f64, half_width: Option<f64>) -> Estimate {
        Estimate {
            value,
            interval: half_width.map(|width| (value - width, value + width)),
            model: None,
            kind: Kind::Exact,
        }
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        for (value, half_width, unit, text) in [
            (0.0123, None, Unit::Seconds, "12.3 ms"),
            (1.0, None, Unit::Seconds, "1.00 s"),
            (123.4, None, Unit::Seconds, "123 s"),
            (0.000_45, None, Unit::Seconds, "450 µs"),
            (0.0, None, Unit::Seconds, "0 s"),
            (2e-9, None, Unit::Seconds, "2.00 ns"),
            (0.0123, Some(0.000_11), Unit::Seconds, "12.3 ±0.1 ms"),
            (0.0123, Some(0.000_011), Unit::Seconds, "12.3 ±0 ms"),
            (0.4, Some(1.0), Unit::Seconds, "0.40 ±1.00 s"),
            (0.0, Some(0.000_11), Unit::Seconds, "0 ±110 µs"),
            (0.42, None, Unit::Cores, "0.420 vCPU"),
            (0.004_2, None, Unit::Cores, "0.00420 vCPU"),
            (12.0, None, Unit::Cores, "12.0 vCPU"),
            (59_768_832.0, None, Unit::Bytes, "57.0 MiB"),
            (512.0, None, Unit::Bytes, "512 B"),
            (0.0, None, Unit::Bytes, "0 B"),
            (0.001_2, None, Unit::Ratio, "0.120 %"),
            (0.0, None, Unit::Ratio, "0 %"),
            (1.0, None, Unit::Ratio, "100 %"),
            (70_000.0, None, Unit::PerSecond, "70000/s"),
            (2_048_000.0, None, Unit::BytesPerSecond, "2.05 MB/s"),
            (16.0, None, Unit::Count, "16"),
            (16.25, None, Unit::Count, "16.2"),
        ] {
            assert_eq!(estimate(&exact(value, half_width), unit), text);
        }
    }

    #[test]
    fn differences_have_a_sign_and_bounds_a_mark() {
        assert_eq!(difference(&exact(0.0012, Some(0.0001)), Unit::Seconds), "+1.20 ±0.10 ms");
        assert_eq!(difference(&exact(-0.0012, None), Unit::Seconds), "-1.20 ms");
        assert_eq!(difference(&exact(0.0, None), Unit::Ratio), "0 %");
        assert_eq!(difference(&exact(-1e-9, Some(1e-4)), Unit::Seconds), "0 ±100 µs");
        let bound = Estimate { kind: Kind::AtLeast, ..exact(0.5, None) };
        assert_eq!(estimate(&bound, Unit::Seconds), "> 500 ms");
        assert_eq!(difference(&bound, Unit::Seconds), "> 500 ms");
    }
}

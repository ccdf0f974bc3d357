//! Numbers in pictures: as in the tables, without intervals.

use crate::metrics::{Estimate, Kind, Unit};

use super::super::human::Scale;

/// The unit that all of the values are written in.
pub(crate) fn scale(values: impl IntoIterator<Item = f64>, unit: Unit) -> Scale {
    let estimates: Vec<Estimate> = values.into_iter().map(plain).collect();
    Scale::of(estimates.iter(), unit)
}

/// A value with its unit, three significant digits: `12.3 ms`.
pub(crate) fn with_unit(value: f64, scale: Scale) -> String {
    let gap = if scale.unit.is_empty() || scale.unit.starts_with('/') { "" } else { " " };
    format!("{}{gap}{}", scale.estimate(&plain(value)), scale.unit)
}

/// The same without the unit, which stands elsewhere.
pub(crate) fn without_unit(value: f64, scale: Scale) -> String {
    scale.estimate(&plain(value))
}

/// With a sign: `+1.20 ms`.
pub(crate) fn added(value: f64, scale: Scale) -> String {
    format!("{} {}", scale.difference(&plain(value)), scale.unit)
}

/// A value alone in the unit that suits it.
pub(crate) fn alone(value: f64, unit: Unit) -> String {
    with_unit(value, scale([value], unit))
}

/// Events per second, as short as they may be: `199/s`, `1.2k/s`.
pub(crate) fn rate(per_second: f64) -> String {
    let (value, suffix) = match per_second {
        rate if rate >= 999_500.0 => (rate / 1e6, "M"),
        rate if rate >= 9_995.0 => (rate / 1e3, "k"),
        rate => (rate, ""),
    };
    let decimals = match value {
        _ if value < 0.995 => 2,
        _ if value < 9.95 => 1,
        _ => 0,
    };
    format!("{}{suffix}/s", shortest(&format!("{value:.decimals$}")))
}

/// A round number without needless digits, its thousands apart: `2.5`, `20 000`.
pub(crate) fn round(value: f64) -> String {
    // A tick is a small multiple of a round step: nine digits hold it, more would show the binary fraction.
    let text = format!("{value:.9}");
    let text = shortest(&text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.len();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && digits > 3 && (digits - place).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// `2 nodes`, `1 node`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

fn shortest(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

const fn plain(value: f64) -> Estimate {
    Estimate { value, interval: None, model: None, kind: Kind::Exact }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (2.5, "2.5"),
            (1000.0, "1\u{a0}000"),
            (1e6, "1\u{a0}000\u{a0}000"),
        ] {
            assert_eq!(round(value), text);
        }
        for (value, text) in [
            (0.25, "0.25/s"),
            (7.0, "7/s"),
            (199.6, "200/s"),
            (9_994.0, "9994/s"),
            (12_340.0, "12k/s"),
            (2.5e6, "2.5M/s"),
        ] {
            assert_eq!(rate(value), text);
        }
        assert_eq!(alone(0.0123, Unit::Seconds), "12.3 ms");
        assert_eq!(added(0.0012, scale([0.0123], Unit::Seconds)), "+1.20 ms");
        assert_eq!(count(1, "replication"), "1 replication");
    }
}

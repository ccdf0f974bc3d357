//! Units as types: time in integer nanoseconds, rates, bytes, cores, ratios and money.
//!
//! Every unit parses what users write (Go durations, Kubernetes quantities, percentages), prints the shortest text
//! that parses back, and does checked arithmetic. Nothing here knows of meshes.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

mod money;

pub use money::{Currency, Money};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A point in simulated time: whole nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(u64);

/// A length of simulated time: whole nanoseconds, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

/// Events per second; finite and not negative.
#[derive(Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Rate(f64);

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(u64);

/// CPU capacity or use in cores; finite and not negative. `0.1` is Kubernetes' `100m`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Cores(f64);

/// A fraction in [0, 1].
#[derive(Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Ratio(f64);

/// Why a text is not a quantity of the wanted unit; reads as the end of "… is not a …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError(String);

impl UnitError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnitError {}

impl SimTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// Later than everything that can happen.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// How much later `self` is than `earlier`; zero if it is not later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span: 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of whole nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of whole microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros * 1_000)
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// A span of whole seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds * NANOS_PER_SECOND)
    }

    /// The nearest whole number of nanoseconds to `seconds`; negative and NaN give zero, too large gives [`Span::MAX`].
    pub fn from_seconds_f64(seconds: f64) -> Self {
        Self::from_nanos_f64(seconds * NANOS_PER_SECOND as f64)
    }

    /// The nearest whole number of nanoseconds; negative and NaN give zero, too large gives [`Span::MAX`].
    pub fn from_nanos_f64(nanos: f64) -> Self {
        // `as` saturates and maps NaN to zero.
        Self((nanos + 0.5) as u64)
    }

    /// Whole nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// `self − other`, zero if `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self` times a non-negative factor, rounded to the nearest nanosecond.
    pub fn scale(self, factor: f64) -> Self {
        Self::from_nanos_f64(self.0 as f64 * factor)
    }

    /// Parses a Go duration: decimal numbers with units `ns`, `us` (`µs`), `ms`, `s`, `m`, `h`, `d`, as in `1m30s`
    /// or `1.5ms`; `0` needs no unit.
    ///
    /// # Errors
    /// When the text is empty, negative, has a number without unit or an unknown unit, or exceeds 584 years.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let trimmed = text.trim();
        if trimmed == "0" {
            return Ok(Self::ZERO);
        }
        if trimmed.is_empty() {
            return Err(UnitError::new("a duration is empty"));
        }
        if trimmed.starts_with('-') {
            return Err(UnitError::new("a duration cannot be negative"));
        }
        let mut rest = trimmed;
        let mut total = 0.0_f64;
        while !rest.is_empty() {
            let (number, tail) = split_number(rest);
            let value: f64 = number
                .parse()
                .map_err(|_| UnitError::new("write a duration as 250us, 10ms, 1.5s or 1m30s"))?;
            let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, next) = tail.split_at(unit_len);
            let nanos = match unit.trim() {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" | "min" => 60e9,
                "h" => 3600e9,
                "d" => 86_400e9,
                "" => return Err(UnitError::new("a duration needs a unit: ns, us, ms, s, m, h or d")),
                other => {
                    return Err(UnitError::new(format!(
                        "`{other}` is no unit of time: use ns, us, ms, s, m, h or d"
                    )));
                }
            };
            total += value * nanos;
            rest = next.trim_start();
        }
        if total >= u64::MAX as f64 {
            return Err(UnitError::new("a duration cannot exceed 584 years"));
        }
        Ok(Self::from_nanos_f64(total))
    }
}

impl Rate {
    /// Nothing ever happens.
    pub const ZERO: Self = Self(0.0);

    /// `per_second` events per second.
    ///
    /// # Errors
    /// When negative or not finite.
    pub fn per_second(per_second: f64) -> Result<Self, UnitError> {
        if per_second.is_finite() && per_second >= 0.0 {
            Ok(Self(per_second))
        } else {
            Err(UnitError::new("a rate is a finite number of events per second, not negative"))
        }
    }

    /// Events per second.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// Parses `1000`, `1000/s`, `1000rps`, `70k/s`, `600/m`, `3600/h`.
    ///
    /// # Errors
    /// When it is not a number with one of these units, negative or not finite.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let trimmed = text.trim();
        let (number, unit) = split_number(trimmed);
        let value: f64 =
            number.parse().map_err(|_| UnitError::new("write a rate as 1000/s, 70k/s or 600/m"))?;
        let unit = unit.trim();
        let (thousands, unit) = match unit.strip_prefix('k') {
            Some(rest) => (1000.0, rest.trim_start()),
            None => (1.0, unit),
        };
        let per_second = match unit {
            "" | "/s" | "rps" | "qps" | "/sec" => 1.0,
            "/m" | "/min" => 1.0 / 60.0,
            "/h" => 1.0 / 3600.0,
            other => return Err(UnitError::new(format!("`{other}` is no unit of rate: use /s, /m or /h"))),
        };
        Self::per_second(value * thousands * per_second)
    }
}

impl Bytes {
    /// None.
    pub const ZERO: Self = Self(0);

    /// A number of bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// Parses a Kubernetes quantity with an optional `B`: `512`, `1Ki`, `1KiB`, `128Mi`, `1.5Gi`, `1k` or `1kB`
    /// (= 1000), `1M`, `1G`.
    ///
    /// # Errors
    /// When it is not a number with one of these units, negative, or 2⁶⁴ bytes and more.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split_number(text.trim());
        let value: f64 =
            number.parse().map_err(|_| UnitError::new("write a size as 512, 1KiB, 16KiB or 128Mi"))?;
        let unit = unit.trim();
        let factor = match unit.strip_suffix('B').unwrap_or(unit) {
            "" => 1.0,
            "k" | "K" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "T" => 1e12,
            "Ki" => 1024.0,
            "Mi" => 1024.0 * 1024.0,
            "Gi" => 1024.0 * 1024.0 * 1024.0,
            "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => {
                return Err(UnitError::new(format!(
                    "`{unit}` is no unit of size: use B, KiB, MiB, GiB, kB, MB or GB"
                )));
            }
        };
        let bytes = value * factor;
        if bytes.is_finite() && (0.0..u64::MAX as f64).contains(&bytes) {
            Ok(Self((bytes + 0.5) as u64))
        } else {
            Err(UnitError::new("a size lies between 0 and 16 EiB"))
        }
    }
}

impl Cores {
    /// None.
    pub const ZERO: Self = Self(0.0);

    /// This many cores.
    ///
    /// # Errors
    /// When negative or not finite.
    pub fn new(cores: f64) -> Result<Self, UnitError> {
        if cores.is_finite() && cores >= 0.0 {
            Ok(Self(cores))
        } else {
            Err(UnitError::new("a number of cores is finite and not negative"))
        }
    }

    /// Cores.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// Thousandths of a core, begun ones counted whole, as Kubernetes' controllers count.
    pub fn millicores(self) -> u64 {
        // In billionths first, as 0.1 has no exact double.
        ((self.0 * 1e9 + 0.5) as u64).div_ceil(1_000_000)
    }

    /// Parses a Kubernetes CPU quantity: `2`, `0.5`, `100m`.
    ///
    /// # Errors
    /// When it is not such a quantity, negative or not finite.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split_number(text.trim());
        let value: f64 = number.parse().map_err(|_| UnitError::new("write CPU as 100m, 0.5 or 2"))?;
        match unit.trim() {
            "" => Self::new(value),
            "m" => Self::new(value / 1000.0),
            "u" => Self::new(value / 1e6),
            "n" => Self::new(value / 1e9),
            other => Err(UnitError::new(format!(
                "`{other}` is no unit of CPU: use cores (0.5) or millicores (500m)"
            ))),
        }
    }
}

impl Ratio {
    /// Nothing of it.
    pub const ZERO: Self = Self(0.0);
    /// All of it.
    pub const ONE: Self = Self(1.0);

    /// A fraction.
    ///
    /// # Errors
    /// When outside [0, 1] or NaN.
    pub fn new(value: f64) -> Result<Self, UnitError> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(UnitError::new("a ratio lies between 0 and 1 (or 0% and 100%)"))
        }
    }

    /// The fraction, in [0, 1].
    pub const fn value(self) -> f64 {
        self.0
    }

    /// Parses `0.25` or `25%`.
    ///
    /// # Errors
    /// When it is neither, or outside [0, 1].
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let trimmed = text.trim();
        let (number, scale) = match trimmed.strip_suffix('%') {
            Some(percent) => (percent.trim_end(), 0.01),
            None => (trimmed, 1.0),
        };
        let value: f64 = number.parse().map_err(|_| UnitError::new("write a ratio as 0.25 or 25%"))?;
        Self::new(value * scale)
    }
}

impl Add<Span> for SimTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        // 584 years: saturating keeps "never" at the end of time.
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for SimTime {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Self;
    /// # Panics
    /// When `other` is longer: a span is never negative.
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("a span is never negative"))
    }
}

impl std::iter::Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Span {
    /// The largest unit in which the number is at least one, exact: `1.5ms`, `90s`, `250us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (divisor, unit) = match self.0 {
            0 => return f.write_str("0s"),
            1_000_000_000.. => (NANOS_PER_SECOND, "s"),
            1_000_000.. => (1_000_000, "ms"),
            1_000.. => (1_000, "us"),
            _ => (1, "ns"),
        };
        let whole = self.0 / divisor;
        let fraction = self.0 % divisor;
        if fraction == 0 {
            return write!(f, "{whole}{unit}");
        }
        let width = divisor.ilog10() as usize;
        let digits = format!("{fraction:0width$}");
        write!(f, "{whole}.{}{unit}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Span(self.0), f)
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t={self}")
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl fmt::Display for Bytes {
    /// The largest binary unit that divides the number: `1KiB`, `128MiB`, `1500`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        for (shift, unit) in UNITS {
            if self.0 != 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Cores {
    /// Whole cores as they are, everything else in millicores: `2`, `100m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.fract() == 0.0 { write!(f, "{}", self.0) } else { write!(f, "{}m", self.0 * 1000.0) }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! debug_as_display {
    ($($unit:ty),*) => {$(
        impl fmt::Debug for $unit {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_display!(Rate, Bytes, Cores, Ratio);

/// The longest prefix that looks like a decimal number, and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_as_go_writes_them() {
        for (text, nanos) in [
            ("100ms", 100_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("250us", 250_000),
            ("250µs", 250_000),
            ("7ns", 7),
            ("0", 0),
            ("0.025s", 25_000_000),
        ] {
            assert_eq!(Span::parse(text), Ok(Span::from_nanos(nanos)), "{text}");
        }
        for text in ["", "10", "-1s", "1x", "abc", "1s2", "1e300s", "99999999999h", "1.2.3s"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_prints_parses_back() {
        for nanos in [0, 1, 999, 1_500, 250_000, 1_500_000, 90_000_000_000, 1_234_567_891] {
            let span = Span::from_nanos(nanos);
            assert_eq!(Span::parse(&span.to_string()), Ok(span), "{span}");
        }
        for bytes in [0, 1, 1000, 1024, 1536, 128 << 20, 3 << 40] {
            let size = Bytes::new(bytes);
            assert_eq!(Bytes::parse(&size.to_string()), Ok(size), "{size}");
        }
        for text in ["2", "100m", "1500m"] {
            assert_eq!(Cores::parse(text).map(|cores| cores.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn sizes_follow_kubernetes_quantities() {
        for (text, bytes) in [
            ("1KiB", 1024),
            ("1Ki", 1024),
            ("1kB", 1000),
            ("1k", 1000),
            ("1.5Mi", 1_572_864),
            ("128 MiB", 128 << 20),
        ] {
            assert_eq!(Bytes::parse(text), Ok(Bytes::new(bytes)), "{text}");
        }
        assert!(Bytes::parse("1 KX").is_err());
        assert!(Bytes::parse("-1").is_err());
    }

    #[test]
    fn rates_and_ratios_parse_their_units() {
        assert_eq!(Rate::parse("70k/s").map(Rate::value), Ok(70_000.0));
        assert_eq!(Rate::parse("600/m").map(Rate::value), Ok(10.0));
        assert!(Rate::parse("10/fortnight").is_err());
        assert_eq!(Ratio::parse("25%").map(Ratio::value), Ok(0.25));
        assert!(Ratio::parse("101%").is_err());
        assert!(Ratio::new(f64::NAN).is_err());
    }

    #[test]
    fn time_saturates_at_the_end_of_time() {
        assert_eq!(SimTime::MAX + Span::from_seconds(1), SimTime::MAX);
        assert_eq!(SimTime::ZERO.since(SimTime::from_nanos(5)), Span::ZERO);
        assert_eq!(Span::from_nanos_f64(-3.0), Span::ZERO);
        assert_eq!(Span::from_nanos_f64(f64::NAN), Span::ZERO);
    }
}

//! Dimensions and units of a profile's numbers.

use crate::units::Span;

/// What a number measures. The base units are seconds, bytes, cores, one, seconds per byte and per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// A length of time.
    Time,
    /// CPU time per byte.
    TimePerByte,
    /// Bytes.
    Size,
    /// CPU cores.
    Cores,
    /// A share, in [0, 1].
    Ratio,
    /// A whole number of things.
    Count,
    /// Any number without a unit.
    Factor,
    /// Events per second.
    Rate,
}

/// A unit that numbers are written in.
#[derive(Debug, PartialEq)]
pub struct Unit {
    /// As it is printed.
    pub name: &'static str,
    /// Another way to write it.
    alias: &'static str,
    dimension: Dimension,
    /// How many base units one of it is.
    factor: f64,
    /// Whether it is left out: `0.5`, not `0.5 ratio`.
    silent: bool,
}

const fn unit(name: &'static str, alias: &'static str, dimension: Dimension, factor: f64) -> Unit {
    Unit { name, alias, dimension, factor, silent: false }
}

const fn silent(name: &'static str, alias: &'static str, dimension: Dimension, factor: f64) -> Unit {
    Unit { name, alias, dimension, factor, silent: true }
}

/// Every unit. The first of a dimension is its base unit, and the one of a number without a unit where that is allowed.
static UNITS: [Unit; 26] = [
    unit("s", "sec", Dimension::Time, 1.0),
    unit("ns", "nanoseconds", Dimension::Time, 1e-9),
    unit("us", "µs", Dimension::Time, 1e-6),
    unit("ms", "milliseconds", Dimension::Time, 1e-3),
    unit("min", "m", Dimension::Time, 60.0),
    unit("h", "hours", Dimension::Time, 3600.0),
    unit("d", "days", Dimension::Time, 86_400.0),
    unit("s/B", "s/byte", Dimension::TimePerByte, 1.0),
    unit("ns/B", "ns/byte", Dimension::TimePerByte, 1e-9),
    unit("us/KiB", "us/Ki", Dimension::TimePerByte, 1e-6 / 1024.0),
    unit("B", "bytes", Dimension::Size, 1.0),
    unit("kB", "k", Dimension::Size, 1e3),
    unit("MB", "M", Dimension::Size, 1e6),
    unit("GB", "G", Dimension::Size, 1e9),
    unit("KiB", "Ki", Dimension::Size, 1024.0),
    unit("MiB", "Mi", Dimension::Size, 1024.0 * 1024.0),
    unit("GiB", "Gi", Dimension::Size, 1024.0 * 1024.0 * 1024.0),
    unit("cores", "core", Dimension::Cores, 1.0),
    unit("millicores", "m", Dimension::Cores, 1e-3),
    silent("ratio", "share", Dimension::Ratio, 1.0),
    unit("%", "percent", Dimension::Ratio, 0.01),
    silent("count", "times", Dimension::Count, 1.0),
    silent("factor", "times", Dimension::Factor, 1.0),
    unit("/s", "rps", Dimension::Rate, 1.0),
    unit("/min", "/m", Dimension::Rate, 1.0 / 60.0),
    unit("/h", "/hour", Dimension::Rate, 1.0 / 3600.0),
];

impl Unit {
    /// The unit that a dimension's numbers are written in, if there is such a one.
    pub(crate) fn find(name: &str, dimension: Dimension) -> Option<&'static Self> {
        UNITS.iter().find(|unit| unit.dimension == dimension && (unit.name == name || unit.alias == name))
    }

    /// So many of this unit, in the base unit.
    pub(crate) fn to_base(&self, number: f64) -> f64 {
        number * self.factor
    }

    /// `base`, given in the base unit, as text in this unit: `43.3 us`, `0.5`, `128 MiB`.
    pub(crate) fn print(&self, base: f64) -> String {
        let mut text = format!("{:.9}", base / self.factor);
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        if !self.silent {
            text.push(' ');
            text.push_str(self.name);
        }
        text
    }
}

impl Dimension {
    fn base(self) -> &'static Unit {
        UNITS.iter().find(|unit| unit.dimension == self).expect("every dimension has a unit")
    }

    /// Whether a number without a unit is understood.
    const fn has_default_unit(self) -> bool {
        matches!(self, Self::Size | Self::Cores | Self::Ratio | Self::Count | Self::Factor)
    }

    /// The names of its units, for messages: `s, ns, us, ms, min, h or d`.
    pub(crate) fn unit_names(self) -> String {
        let names: Vec<_> =
            UNITS.iter().filter(|unit| unit.dimension == self).map(|unit| unit.name).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.join(""),
        }
    }

    /// Reads `60us`, `2`, `25%`, `128Mi` or `1m30s`: the number in the base unit, and the unit it was written in.
    ///
    /// # Errors
    /// What is wrong with the text, as a sentence without a full stop.
    pub(crate) fn parse(self, text: &str) -> Result<(f64, &'static Unit), String> {
        let text = text.trim();
        let is_unit_start = |c: char| c.is_alphabetic() || matches!(c, '%' | '/');
        let (number, name) = match text.parse::<f64>() {
            Ok(_) => (text, ""),
            Err(_) => text.split_at(text.find(is_unit_start).unwrap_or(text.len())),
        };
        let Ok(number) = number.trim().parse::<f64>() else {
            return Err(format!("write it as a number with a unit: {}", self.unit_names()));
        };
        if !number.is_finite() {
            return Err("it must be finite".to_owned());
        }
        match name.trim() {
            "" if self.has_default_unit() || number == 0.0 => Ok((self.base().to_base(number), self.base())),
            "" => Err(format!("a unit is missing: {}", self.unit_names())),
            name => match Unit::find(name, self) {
                Some(unit) => Ok((unit.to_base(number), unit)),
                None => self
                    .parse_compound(text)
                    .ok_or_else(|| format!("`{name}` does not fit: its units are {}", self.unit_names())),
            },
        }
    }

    /// Durations of several parts, as Go writes them.
    fn parse_compound(self, text: &str) -> Option<(f64, &'static Unit)> {
        let span = (self == Self::Time).then(|| Span::parse(text).ok()).flatten()?;
        Some((span.seconds(), self.base()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_parse_in_any_unit_of_their_dimension() {
        for (dimension, text, base, unit) in [
            (Dimension::Time, "60us", 60e-6, "us"),
            (Dimension::Time, "1m30s", 90.0, "s"),
            (Dimension::Time, "5m", 300.0, "min"),
            (Dimension::Time, "0", 0.0, "s"),
            (Dimension::TimePerByte, "0.6 ns/B", 0.6e-9, "ns/B"),
            (Dimension::Size, "128Mi", 134_217_728.0, "MiB"),
            (Dimension::Size, "50e6", 50e6, "B"),
            (Dimension::Cores, "500m", 0.5, "millicores"),
            (Dimension::Cores, "2", 2.0, "cores"),
            (Dimension::Ratio, "25%", 0.25, "%"),
            (Dimension::Rate, "10/s", 10.0, "/s"),
        ] {
            let (value, written) = dimension.parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!((value - base).abs() <= 1e-12 * base, "{text} is {value}");
            assert_eq!(written.name, unit, "{text}");
        }
        for (dimension, text) in [
            (Dimension::Time, "60"),
            (Dimension::Time, "60 MiB"),
            (Dimension::Time, "soon"),
            (Dimension::Size, "5 us"),
            (Dimension::Cores, "inf"),
            (Dimension::Ratio, "nan"),
            (Dimension::Rate, ""),
        ] {
            assert!(dimension.parse(text).is_err(), "{dimension:?} {text}");
        }
    }

    #[test]
    fn what_prints_parses_back() {
        for (dimension, text) in [
            (Dimension::Time, "43.3 us"),
            (Dimension::Time, "1 h"),
            (Dimension::TimePerByte, "0.57 ns/B"),
            (Dimension::Size, "49.9 KiB"),
            (Dimension::Cores, "100 millicores"),
            (Dimension::Ratio, "0.45"),
            (Dimension::Count, "1024"),
        ] {
            let (base, unit) = dimension.parse(text).expect("it parses");
            assert_eq!(unit.print(base), text);
        }
    }
}

//! A profile's values, each with where it comes from.

use crate::diag::{Code, Diagnostic, Location, quote};
use crate::input::fields::{self, Fields};

use super::dimension::Unit;

/// A number with its unit, its plausible range and its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// In the base unit of its dimension.
    pub value: f64,
    /// The least plausible value, in the base unit, at most `value`.
    pub low: f64,
    /// The greatest plausible value, in the base unit, at least `value`.
    pub high: f64,
    /// The unit it was written in.
    pub unit: &'static Unit,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Quantity {
    /// The value in the unit it was written in: `43.3 us`.
    pub fn print(&self) -> String {
        self.unit.print(self.value)
    }

    /// The range in the same unit: `30 … 60 us`; empty when the value is exact.
    pub fn print_range(&self) -> String {
        if self.low < self.high {
            let low = self.unit.print(self.low);
            format!("{} … {}", low.trim_end_matches(self.unit.name).trim_end(), self.unit.print(self.high))
        } else {
            String::new()
        }
    }
}

/// One of a parameter's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As the parameter's table has it.
    pub word: &'static str,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// What a profile says of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A number.
    Number(Quantity),
    /// A word.
    Word(Word),
}

impl Setting {
    /// Where it comes from.
    pub const fn provenance(&self) -> &Provenance {
        match self {
            Self::Number(quantity) => &quantity.provenance,
            Self::Word(word) => &word.provenance,
        }
    }

    /// The value as text.
    pub fn print(&self) -> String {
        match self {
            Self::Number(quantity) => quantity.print(),
            Self::Word(word) => word.word.to_owned(),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// How it was found.
    pub kind: Kind,
    /// A short sentence: repository and path, publication, or measurement.
    pub source: String,
    /// Year, or year and month; empty for what the user gave.
    pub date: String,
    /// Where it is written, when it is the user's file or option.
    pub origin: Option<Location>,
    /// When the default changed, if it did not always hold.
    pub change: Option<Change>,
}

impl Provenance {
    /// Of what a user set, there.
    pub(super) fn given(origin: Option<Location>) -> Self {
        Self {
            kind: Kind::Given,
            source: "set by the user".to_owned(),
            date: String::new(),
            origin,
            change: None,
        }
    }
}

/// A default that was another one before some version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first version that has it: `Istio 1.27`.
    pub since: String,
    /// What it was before, in words; empty where that is not known.
    pub was: String,
}

impl Change {
    /// The keys `since` and `was` of a value.
    pub(super) fn read(map: &mut Fields<'_, '_>) -> Option<Self> {
        let since = map.read("since", fields::text);
        let was = map.read("was", fields::text);
        if let (None, Some(was)) = (&since, &was) {
            let message = format!("without `since` nobody knows until when it was {}", quote(was));
            let place = map.location();
            map.report(Diagnostic::error(Code::MissingKey, message).at(place));
        }
        Some(Self { since: since?, was: was.unwrap_or_default() })
    }

    /// `since Istio 1.27; before: classic`.
    pub fn print(&self) -> String {
        let before = if self.was.is_empty() { String::new() } else { format!("; before: {}", self.was) };
        format!("since {}{before}", self.since)
    }
}

/// How a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// We measured it.
    Measured,
    /// Someone published a measurement.
    Published,
    /// It is written in the mesh's source or its charts.
    SourceCode,
    /// Nobody measured it; the range is wide.
    Assumed,
    /// The user set it.
    Given,
}

impl Kind {
    /// All, in the order of trust.
    pub const ALL: [Self; 5] =
        [Self::Measured, Self::Published, Self::SourceCode, Self::Assumed, Self::Given];

    /// As files have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Published => "published",
            Self::SourceCode => "source_code",
            Self::Assumed => "assumed",
            Self::Given => "given",
        }
    }
}

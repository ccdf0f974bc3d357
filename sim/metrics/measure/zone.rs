//! What goes from one zone to another.

use super::super::results::Unit;
use super::{MEAN, Measure, rate};

/// Bytes of measured requests in one direction; what comes back is the other pair's.
pub(super) const MEASURES: &[Measure] =
    &[Measure::new("traffic", Unit::BytesPerSecond, MEAN, |record, row, _| {
        rate(record.zone_bytes[row], record.window)
    })];

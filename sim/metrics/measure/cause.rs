//! Failures by what made them fail, wherever in the call tree that was. There is no row for what never happened.

use super::super::record::{Causes, RunRecord};
use super::super::results::Unit;
use super::super::section::Sample;
use super::{MEAN, Measure, share};

/// A measure for each cause, in the order of `Cause::ALL`.
macro_rules! measures {
    ($of:ident) => {
        [
            cause!($of, 0, "error_ratio_application"),
            cause!($of, 1, "error_ratio_fault_abort"),
            cause!($of, 2, "error_ratio_direct_response"),
            cause!($of, 3, "error_ratio_no_route"),
            cause!($of, 4, "error_ratio_connect_failure"),
            cause!($of, 5, "error_ratio_stale_endpoint"),
            cause!($of, 6, "error_ratio_refused_stream"),
            cause!($of, 7, "error_ratio_reset"),
            cause!($of, 8, "error_ratio_attempt_timeout"),
            cause!($of, 9, "error_ratio_request_timeout"),
            cause!($of, 10, "error_ratio_caller_timeout"),
            cause!($of, 11, "error_ratio_overflow"),
            cause!($of, 12, "error_ratio_no_healthy_endpoint"),
            cause!($of, 13, "error_ratio_ejected"),
        ]
    };
}

macro_rules! cause {
    ($of:ident, $number:literal, $name:literal) => {
        Measure::new($name, Unit::Ratio, MEAN, |record, row, _| $of(record, row, $number)).silent_at_zero()
    };
}

/// Of an entry's measured requests.
pub(super) const OF_ENTRIES: &[Measure] = &measures!(entry);

/// Of an edge's calls.
pub(super) const OF_EDGES: &[Measure] = &measures!(edge);

fn entry(record: &RunRecord, row: usize, cause: usize) -> Option<Sample> {
    of(&record.entries[row].causes, cause, record.entries[row].arrived)
}

fn edge(record: &RunRecord, row: usize, cause: usize) -> Option<Sample> {
    of(&record.edges[row].causes, cause, record.edges[row].calls)
}

fn of(causes: &Causes, cause: usize, all: u64) -> Option<Sample> {
    share(causes[cause], all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::failure::Cause;

    #[test]
    fn every_cause_has_its_measure() {
        for measures in [OF_ENTRIES, OF_EDGES] {
            let names = measures.iter().map(|measure| measure.metric.strip_prefix("error_ratio_"));
            assert!(names.eq(Cause::ALL.iter().map(|(name, _)| Some(*name))));
        }
    }
}

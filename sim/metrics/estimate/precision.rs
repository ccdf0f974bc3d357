//! When enough replications have run.

use super::entry_quantile;
use crate::metrics::record::RunRecord;
use crate::units::Ratio;

/// Numbers of replications after which the precision is looked at. Few looks, fixed beforehand, keep the interval's
/// coverage near its nominal 95 %; looking after every replication would not.
pub const PRECISION_LADDER: [u32; 7] = [10, 15, 22, 33, 50, 75, 100];

/// The quantile whose interval decides.
const QUANTILE: f64 = 0.99;

/// Whether the interval of every entry's p99 has a half-width of at most `target` of its value.
///
/// An entry without an interval (fewer than ten replications, too few requests in one of them, a bound) has not reached
/// any precision; an entry without a single request needs none.
pub fn precision_reached(records: &[RunRecord], target: Ratio) -> bool {
    let entries = records.first().map_or(0, |record| record.entries.len());
    !records.is_empty()
        && (0..entries).all(|entry| match entry_quantile(records, entry, QUANTILE) {
            None => true,
            Some(estimate) => estimate.relative_half_width().is_some_and(|width| width <= target.value()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::synthetic::{exponential_times, record};

    #[test]
    fn precision_is_reached_by_more_replications() {
        let records: Vec<_> = (0..33).map(|stream| record(&exponential_times(1e6, 10_000, stream))).collect();
        let target = Ratio::new(0.01).unwrap();
        // The p99 of 10,000 exponential times has a standard deviation of some 2.2 %: 2.26 · 2.2 / √10 = 1.5 % after
        // ten replications, 0.8 % after 33.
        assert!(!precision_reached(&records[..10], target));
        assert!(precision_reached(&records, target));
        assert!(precision_reached(&records[..10], Ratio::new(0.05).unwrap()));
    }

    #[test]
    fn without_an_interval_no_precision_is_reached() {
        let few: Vec<_> = (0..10).map(|stream| record(&exponential_times(1e6, 9_999, stream))).collect();
        assert!(!precision_reached(&few, Ratio::ONE));
        assert!(!precision_reached(&[], Ratio::ONE));
        let silent = vec![record(&[]); 10];
        assert!(
            precision_reached(&silent, Ratio::ZERO),
            "an entry without requests has nothing to be precise about"
        );
    }
}

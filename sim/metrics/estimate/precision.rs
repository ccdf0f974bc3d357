//! When enough replications have run.

use super::entry_quantile;
use crate::metrics::labels::Labels;
use crate::metrics::quantile::requests_needed;
use crate::metrics::record::{EntryRecord, RunRecord};
use crate::units::{Ratio, Span};

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

/// Whether more replications can help: each holds enough requests of every entry for an interval of its p99.
pub fn precision_possible(records: &[RunRecord]) -> bool {
    entries_too_short(records).is_empty()
}

/// One sentence for each entry with too few requests in a replication for any precision: how many there are, and how
/// long a window would hold enough.
pub fn precision_shortages(labels: &Labels, records: &[RunRecord]) -> Vec<String> {
    let sentence = |Shortage { entry, fewest, needed, window }| {
        let name = &labels.entries[entry].name;
        format!(
            "no precision can be reached for entry `{name}`: the p99 takes {needed:.0} measured requests per \
             replication, the shortest has {fewest}: run with --duration {window}"
        )
    };
    entries_too_short(records).into_iter().map(sentence).collect()
}

/// An entry with too few requests.
struct Shortage {
    entry: usize,
    /// Requests in the replication that has the fewest.
    fewest: u64,
    needed: f64,
    /// A window that holds enough.
    window: Span,
}

fn entries_too_short(records: &[RunRecord]) -> Vec<Shortage> {
    // Ten thousand Poisson requests vary by 1 %; with this much more, not one replication in a million is too short.
    const MARGIN: f64 = 1.05;
    let needed = requests_needed(QUANTILE);
    let requests = |entry: &EntryRecord| entry.succeeded.len() + entry.unfinished;
    let shortage = |entry: usize| {
        let all: u64 = records.iter().map(|record| requests(&record.entries[entry])).sum();
        let fewest = records.iter().map(|record| requests(&record.entries[entry])).min()?;
        let window: u64 = records.iter().map(|record| record.window).sum();
        // An entry without a single request needs no precision.
        (all > 0 && (fewest as f64) < needed).then(|| {
            let nanos = needed * MARGIN * window as f64 / all as f64;
            let window = Span::from_seconds((nanos / 1e9).ceil() as u64);
            Shortage { entry, fewest, needed, window }
        })
    };
    let entries = records.first().map_or(0, |record| record.entries.len());
    (0..entries).filter_map(shortage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::synthetic::{exponential_times, labels, record};

    #[test]
    fn too_few_requests_in_one_replication_are_told_with_the_window_that_holds_enough() {
        let counted = |count| record(&exponential_times(1e6, count, 0));
        let mut records = vec![counted(10_000); 9];
        assert!(precision_possible(&records));
        assert_eq!(precision_shortages(&labels(), &records), [""; 0]);
        records.push(counted(2_000));
        assert!(!precision_possible(&records));
        // 92,000 requests in ten windows of one second: 10,500 take 1.14 s.
        assert_eq!(
            precision_shortages(&labels(), &records),
            [
                "no precision can be reached for entry `web`: the p99 takes 10000 measured requests per replication, \
              the shortest has 2000: run with --duration 2s"
            ]
        );
        assert!(precision_possible(&vec![record(&[]); 10]), "an entry without requests needs none");
    }

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

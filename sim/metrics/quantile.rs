//! Statistics of histograms as samples, in seconds.

use hdrhistogram::Histogram;

use super::histogram::LogHistogram;
use super::results::{Kind, Statistic};
use super::section::Sample;

const NANOS_PER_SECOND: f64 = 1e9;

/// A statistic of the answered requests of `histogram` and of `unfinished` more that rank above every one of them.
///
/// `sum` is the exact sum of the answered ones' times in nanoseconds. What falls among the unfinished is at least the
/// largest answered time, and so is each of them in the mean. `None` without requests, and for [`Statistic::Total`].
pub(super) fn of_requests(
    histogram: &Histogram<u64>,
    sum: f64,
    unfinished: u64,
    statistic: Statistic,
) -> Option<Sample> {
    let answered = histogram.len();
    let all = answered + unfinished;
    if all == 0 {
        return None;
    }
    let longest = if answered == 0 { 0 } else { histogram.max() };
    let (nanos, is_bound) = match statistic {
        Statistic::Mean => ((sum + longest as f64 * unfinished as f64) / all as f64, unfinished > 0),
        Statistic::Max => (longest as f64, unfinished > 0),
        Statistic::Total => return None,
        Statistic::P50 | Statistic::P90 | Statistic::P95 | Statistic::P99 | Statistic::P999 => {
            at_quantile(histogram, unfinished, statistic.quantile()?)
        }
    };
    let kind = if is_bound { Kind::AtLeast } else { Kind::Exact };
    Some(Sample { value: nanos / NANOS_PER_SECOND, kind, enough: enough(all, statistic) })
}

/// Any quantile of the answered and unfinished requests, as [`of_requests`] has it.
pub(super) fn quantile_of_requests(
    histogram: &Histogram<u64>,
    unfinished: u64,
    quantile: f64,
) -> Option<Sample> {
    let all = histogram.len() + unfinished;
    if all == 0 {
        return None;
    }
    let (nanos, is_bound) = at_quantile(histogram, unfinished, quantile);
    let kind = if is_bound { Kind::AtLeast } else { Kind::Exact };
    Some(Sample { value: nanos / NANOS_PER_SECOND, kind, enough: all as f64 >= requests_needed(quantile) })
}

/// The middle of the cell that holds the request of the quantile's rank, in nanoseconds, or the largest answered time
/// and `true` when that request is unfinished.
fn at_quantile(histogram: &Histogram<u64>, unfinished: u64, quantile: f64) -> (f64, bool) {
    let answered = histogram.len();
    let rank = rank(quantile, answered + unfinished);
    if answered == 0 {
        return (0.0, true);
    }
    if rank > answered {
        return (histogram.max() as f64, true);
    }
    // Half a rank below, so that rounding in the histogram's own multiplication cannot reach the next rank.
    let value = histogram.value_at_quantile((rank as f64 - 0.5) / answered as f64);
    (histogram.median_equivalent(value) as f64, false)
}

/// The smallest rank, counted from 1, with at least `quantile · count` values at or below it.
fn rank(quantile: f64, count: u64) -> u64 {
    // 0.07 · 100 is a little more than 7 in binary; it must not become 8.
    const ROUNDING: f64 = 1e-6;
    ((quantile * count as f64 - ROUNDING).ceil() as u64).clamp(1, count)
}

/// A statistic of a histogram of nanoseconds. `None` when it is empty, and for [`Statistic::Total`].
pub(super) fn of_histogram(histogram: &LogHistogram, statistic: Statistic) -> Option<Sample> {
    if histogram.count() == 0 {
        return None;
    }
    let nanos = match statistic {
        Statistic::Mean => histogram.mean(),
        Statistic::Max => histogram.max() as f64,
        Statistic::Total => return None,
        Statistic::P50 | Statistic::P90 | Statistic::P95 | Statistic::P99 | Statistic::P999 => {
            histogram.quantile(statistic.quantile()?) as f64
        }
    };
    Some(Sample {
        value: nanos / NANOS_PER_SECOND,
        kind: Kind::Exact,
        enough: enough(histogram.count(), statistic),
    })
}

/// Whether so many requests of a replication warrant an interval of this statistic. A maximum never does.
fn enough(requests: u64, statistic: Statistic) -> bool {
    match statistic.quantile() {
        Some(quantile) => requests as f64 >= requests_needed(quantile),
        None => statistic == Statistic::Mean,
    }
}

/// Measured requests that each replication must hold for an interval of the quantile: a hundred beyond it.
pub(super) fn requests_needed(quantile: f64) -> f64 {
    // 1 − 0.9 is a little less than 0.1; a thousand requests shall do.
    (100.0 / (1.0 - quantile)).round()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_is_that_of_the_sorted_times_with_the_unfinished_on_top(
            mut times in prop::collection::vec(1_u64..2_000, 0..100),
            unfinished in 0_u64..50,
            permille in 1_u64..1000,
        ) {
            prop_assume!(!times.is_empty() || unfinished > 0);
            let mut histogram = Histogram::new(3).unwrap();
            for &time in &times {
                histogram.record(time).unwrap();
            }
            let quantile = permille as f64 / 1000.0;
            let sample = quantile_of_requests(&histogram, unfinished, quantile).unwrap();

            times.sort_unstable();
            // Whole numbers have no rounding: the smallest rank with 1000 · rank ≥ permille · count.
            let rank = (permille * (times.len() as u64 + unfinished)).div_ceil(1000) as usize;
            // Values below 2000 have a cell of their own at three digits.
            let expected = match times.get(rank - 1) {
                Some(&time) => (time as f64 / 1e9, Kind::Exact),
                None => (times.last().copied().unwrap_or(0) as f64 / 1e9, Kind::AtLeast),
            };
            prop_assert_eq!((sample.value, sample.kind), expected);
        }
    }

    #[test]
    fn a_hundred_requests_must_lie_beyond_a_quantile() {
        for (statistic, needed) in [
            (Statistic::P50, 200),
            (Statistic::P90, 1000),
            (Statistic::P99, 10_000),
            (Statistic::P999, 100_000),
        ] {
            assert!(enough(needed, statistic), "{statistic}");
            assert!(!enough(needed - 1, statistic), "{statistic}");
        }
        assert!(enough(1, Statistic::Mean));
        assert!(!enough(1_000_000_000, Statistic::Max));
    }

    #[test]
    fn with_unfinished_requests_the_mean_and_the_largest_are_bounds() {
        let mut histogram = Histogram::new(3).unwrap();
        histogram.record(100).unwrap();
        histogram.record(300).unwrap();
        let mean = of_requests(&histogram, 400.0, 2, Statistic::Mean).unwrap();
        assert_eq!((mean.value, mean.kind), (250.0 / 1e9, Kind::AtLeast));
        let max = of_requests(&histogram, 400.0, 2, Statistic::Max).unwrap();
        assert_eq!((max.value, max.kind), (300.0 / 1e9, Kind::AtLeast));
        let mean = of_requests(&histogram, 400.0, 0, Statistic::Mean).unwrap();
        assert_eq!((mean.value, mean.kind), (200.0 / 1e9, Kind::Exact));
    }
}

//! `histograms/<entry>.hgrm`: HdrHistogram's percentile text, in milliseconds, successful requests of all replications.
//!
//! The layout is that of the reference implementation (HdrHistogram 2.2, `outputPercentileDistribution` with five steps
//! per half distance), which HdrHistogram's plotFiles page, `hdr-plot` and everyone who reads wrk2's output take.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use crate::metrics::pool::pool_entry;

use super::names::file_names;
use super::{File, Run};

const NANOS_PER_MILLISECOND: f64 = 1e6;
const STEPS_PER_HALF_DISTANCE: u32 = 5;

pub(super) fn files(run: &Run<'_>) -> Vec<File> {
    let names: Vec<&str> = run.labels.entries.iter().map(|entry| entry.name.as_str()).collect();
    let entries = (0..names.len()).filter_map(|index| pool_entry(run.records, index));
    file_names(&names)
        .into_iter()
        .zip(entries)
        .map(|(name, entry)| File {
            path: format!("histograms/{name}.hgrm"),
            bytes: render(&entry.succeeded, entry.unfinished).into_bytes(),
        })
        .collect()
}

fn render(histogram: &Histogram<u64>, unfinished: u64) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut total = 0;
    for step in histogram.iter_quantiles(STEPS_PER_HALF_DISTANCE) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / NANOS_PER_MILLISECOND;
        let quantile = step.quantile_iterated_to();
        let _ = write!(text, "{value:12.6} {quantile:.12} {total:10}");
        // The last line has no fourth column: it would be infinite.
        if quantile < 1.0 {
            let _ = write!(text, " {:14.2}", 1.0 / (1.0 - quantile));
        }
        text.push('\n');
    }
    let (mean, deviation, max) = if histogram.is_empty() {
        (0.0, 0.0, 0.0)
    } else {
        (histogram.mean(), histogram.stdev(), histogram.max() as f64)
    };
    let millis = |nanos: f64| nanos / NANOS_PER_MILLISECOND;
    let _ = writeln!(text, "#[Mean    = {:12.6}, StdDeviation   = {:12.6}]", millis(mean), millis(deviation));
    let _ = writeln!(text, "#[Max     = {:12.6}, Total count    = {:12}]", millis(max), histogram.len());
    let _ = writeln!(
        text,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        histogram.buckets(),
        sub_buckets(histogram.sigfig())
    );
    if unfinished > 0 {
        let _ = writeln!(text, "#[Unfinished = {unfinished}, slower than all of the above]");
    }
    text
}

/// The power of two that holds 2 · 10^digits values, as HdrHistogram lays out a bucket.
fn sub_buckets(digits: u8) -> u64 {
    (2 * 10_u64.pow(u32::from(digits))).next_power_of_two()
}

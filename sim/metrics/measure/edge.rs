//! What went over one edge of the call graph.

use super::super::quantile::of_histogram;
use super::super::results::Unit;
use super::{DISTRIBUTION, MEAN, Measure, rate, share};

/// As the caller sees it, per call of a measured request.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("response_time", Unit::Seconds, DISTRIBUTION, |record, row, statistic| {
        of_histogram(&record.edges[row].response_time, statistic)
    }),
    Measure::new("proxy_time", Unit::Seconds, DISTRIBUTION, |record, row, statistic| {
        of_histogram(&record.edges[row].proxy_time, statistic)
    }),
    Measure::new("throughput", Unit::PerSecond, MEAN, |record, row, _| {
        rate(record.edges[row].calls, record.window)
    }),
    Measure::new("error_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(record.edges[row].failures, record.edges[row].calls)
    }),
    Measure::new("timeout_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(record.edges[row].timeouts, record.edges[row].calls)
    }),
    Measure::new("connections_opened", Unit::PerSecond, MEAN, |record, row, _| {
        rate(record.edges[row].handshakes, record.window)
    }),
    Measure::new("traffic", Unit::BytesPerSecond, MEAN, |record, row, _| {
        rate(record.edges[row].bytes, record.window)
    }),
];

/// Only where there are several zones.
pub(super) const ACROSS_ZONES: &[Measure] =
    &[Measure::new("cross_zone_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(record.edges[row].cross_zone_bytes, record.edges[row].bytes)
    })];

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

/// Only where a proxy looks at rules or an application repeats calls: how often a call is sent until it is over, repeats of
/// the application and attempts of its proxy together, and copies for mirrors, which are no calls.
pub(super) const ROUTED: &[Measure] = &[
    Measure::new("attempts_per_call", Unit::Ratio, MEAN, |record, row, _| {
        let edge = &record.edges[row];
        share(edge.attempts, edge.calls - edge.repeats)
    }),
    Measure::new("copies", Unit::PerSecond, MEAN, |record, row, _| {
        rate(record.edges[row].copies, record.window)
    })
    .silent_at_zero(),
];

/// Only where there are several zones.
pub(super) const ACROSS_ZONES: &[Measure] =
    &[Measure::new("cross_zone_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(record.edges[row].cross_zone_bytes, record.edges[row].bytes)
    })];

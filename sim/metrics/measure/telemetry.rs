//! What watching the proxies takes: time series, spans, access logs.

use super::super::record::RunRecord;
use super::super::results::Unit;
use super::super::section::Sample;
use super::super::telemetry::TelemetryRecord;
use super::{MEAN, Measure, TOTAL};

const SECONDS_PER_DAY: f64 = 86_400.0;

/// Of all proxies. What is active is in Prometheus' head, that of replaced pods included; what is exposed is scraped.
pub(super) const OF_ALL: &[Measure] = &[
    Measure::new("active_series", Unit::Count, TOTAL, |record, _, _| exact(of(record)?.active())),
    Measure::new("exposed_series", Unit::Count, TOTAL, |record, _, _| exact(of(record)?.exposed())),
    Measure::new("base_series", Unit::Count, TOTAL, |record, _, _| exact(of(record)?.series.base)),
    Measure::new("outbound_series", Unit::Count, TOTAL, |record, _, _| exact(of(record)?.series.outbound)),
    Measure::new("inbound_series", Unit::Count, TOTAL, |record, _, _| exact(of(record)?.series.inbound)),
    Measure::new("replaced_series", Unit::Count, TOTAL, |record, _, _| exact(of(record)?.of_replaced_pods))
        .silent_at_zero(),
    Measure::new("samples", Unit::PerSecond, MEAN, |record, _, _| exact(of(record)?.samples())),
    Measure::new("prometheus_memory", Unit::Bytes, TOTAL, |record, _, _| {
        exact(of(record)?.prometheus_bytes())
    }),
    Measure::new("proxy_stats_memory", Unit::Bytes, TOTAL, |record, _, _| exact(of(record)?.proxy_bytes)),
    Measure::new("spans", Unit::PerSecond, MEAN, |record, _, _| exact(of(record)?.spans[0])).silent_at_zero(),
    Measure::new("span_bytes_per_day", Unit::Bytes, TOTAL, |record, _, _| {
        exact(of(record)?.spans[1] * SECONDS_PER_DAY)
    })
    .silent_at_zero(),
    Measure::new("access_log_lines", Unit::PerSecond, MEAN, |record, _, _| exact(of(record)?.log_lines[0]))
        .silent_at_zero(),
    Measure::new("access_log_bytes_per_day", Unit::Bytes, TOTAL, |record, _, _| {
        exact(of(record)?.log_lines[1] * SECONDS_PER_DAY)
    })
    .silent_at_zero(),
];

/// Of a group of like proxies.
pub(super) const OF_GROUPS: &[Measure] =
    &[Measure::new("exposed_series", Unit::Count, TOTAL, |record, row, _| {
        exact(*of(record)?.of_groups.get(row)?)
    })];

fn of(record: &RunRecord) -> Option<&TelemetryRecord> {
    record.telemetry.as_deref()
}

#[expect(clippy::unnecessary_wraps, reason = "what a measure gives may be missing")]
fn exact(value: f64) -> Option<Sample> {
    Some(Sample::exact(value))
}

//! How long the certificates of proxies take, and what they cost the authority and the proxies.

use super::super::quantile::of_histogram;
use super::super::record::{CertificateRecord, RunRecord};
use super::super::results::{Statistic, Unit};
use super::super::section::Sample;
use super::{Measure, TOTAL};

/// Of all proxies together.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("certificate_holders", Unit::Count, TOTAL, |record, _, _| Some(count(of(record)?.holders))),
    Measure::new("certificates_issued", Unit::Count, TOTAL, |record, _, _| Some(count(of(record)?.issued))),
    Measure::new("certificates_refused", Unit::Count, TOTAL, |record, _, _| Some(count(of(record)?.refused)))
        .silent_at_zero(),
    Measure::new("certificate_time", Unit::Seconds, TIMES, |record, _, statistic| {
        // They are all there are, not a sample: few are enough.
        let sample = of_histogram(&of(record)?.authority_time, statistic)?;
        Some(Sample { enough: !matches!(statistic, Statistic::Max), ..sample })
    }),
    Measure::new("certificate_cpu", Unit::Cores, TOTAL, |record, _, _| {
        Sample::ratio(of(record)?.issue_cpu as f64, record.window as f64)
    }),
    Measure::new("proxy_certificate_cpu", Unit::Cores, TOTAL, |record, _, _| {
        Sample::ratio(of(record)?.request_cpu as f64, record.window as f64)
    }),
];

/// From when a request reaches the authority until it is signed.
const TIMES: &[Statistic] = &[Statistic::Mean, Statistic::P50, Statistic::P99, Statistic::Max];

fn of(record: &RunRecord) -> Option<&CertificateRecord> {
    record.certificates.as_deref()
}

fn count(count: u64) -> Sample {
    Sample::without_interval(count as f64)
}

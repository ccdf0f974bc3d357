//! What the users of a source see.

use hdrhistogram::Histogram;

use super::super::quantile;
use super::super::record::{PARTS, RunRecord};
use super::super::results::{Statistic, Unit};
use super::super::section::Sample;
use super::{DISTRIBUTION, MEAN, Measure, TOTAL, mean_time, rate, share};

/// Response times are those of successful and unfinished requests, failed ones apart. The times of [`PARTS`] are means
/// over successful requests and add up to their mean response time.
pub(super) const MEASURES: &[Measure] = &[
    Measure::new("response_time", Unit::Seconds, DISTRIBUTION, response_time).added_as("response_time_added"),
    Measure::new("response_time_failed", Unit::Seconds, DISTRIBUTION, response_time_failed),
    Measure::new("application_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, APPLICATION)),
    Measure::new("queue_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, QUEUEING)),
    Measure::new("outbound_proxy_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, OUTBOUND)),
    Measure::new("waypoint_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, WAYPOINT)),
    Measure::new("inbound_proxy_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, INBOUND)),
    Measure::new("handshake_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, HANDSHAKE)),
    Measure::new("network_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, NETWORK)),
    Measure::new("abandoned_time", Unit::Seconds, MEAN, |record, row, _| part(record, row, ABANDONED)),
    Measure::new("proxy_time", Unit::Seconds, MEAN, |record, row, _| {
        mean_time(in_proxies(record, row), record.entries[row].succeeded.len())
    }),
    Measure::new("proxy_time_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(in_proxies(record, row), record.entries[row].parts.iter().sum())
    }),
    Measure::new("throughput", Unit::PerSecond, MEAN, |record, row, _| {
        rate(record.entries[row].completed_in_window, record.window)
    }),
    Measure::new("error_ratio", Unit::Ratio, MEAN, |record, row, _| {
        share(record.entries[row].failed.len(), record.entries[row].arrived)
    })
    .added_as("error_ratio_added"),
    Measure::new("unfinished", Unit::Count, TOTAL, |record, row, _| {
        Some(Sample::without_interval(record.entries[row].unfinished as f64))
    }),
];

/// Only where a gateway stands before the mesh.
pub(super) const BEHIND_GATEWAY: &[Measure] =
    &[Measure::new("response_time_without_gateway", Unit::Seconds, MEAN, |record, row, _| {
        let entry = &record.entries[row];
        let total: u64 = entry.parts.iter().sum();
        mean_time(total - entry.gateway, entry.succeeded.len())
    })];

/// Positions in [`PARTS`].
const APPLICATION: usize = 0;
const QUEUEING: usize = 1;
const OUTBOUND: usize = 2;
const WAYPOINT: usize = 3;
const INBOUND: usize = 4;
const HANDSHAKE: usize = 5;
const NETWORK: usize = 6;
const ABANDONED: usize = 7;
const _: () = assert!(ABANDONED + 1 == PARTS.len(), "every part has a measure");

fn response_time(record: &RunRecord, row: usize, statistic: Statistic) -> Option<Sample> {
    let entry = &record.entries[row];
    let sum: u64 = entry.parts.iter().sum();
    quantile::of_requests(&entry.succeeded, sum as f64, entry.unfinished, statistic)
}

fn response_time_failed(record: &RunRecord, row: usize, statistic: Statistic) -> Option<Sample> {
    let failed = &record.entries[row].failed;
    quantile::of_requests(failed, sum_of_cells(failed), 0, statistic)
}

/// Sum of the recorded values, each taken at the middle of its cell.
fn sum_of_cells(histogram: &Histogram<u64>) -> f64 {
    histogram.mean() * histogram.len() as f64
}

/// Time in proxies and on handshakes, of all successful requests together.
fn in_proxies(record: &RunRecord, row: usize) -> u64 {
    [OUTBOUND, WAYPOINT, INBOUND, HANDSHAKE].iter().map(|&part| record.entries[row].parts[part]).sum()
}

fn part(record: &RunRecord, row: usize, part: usize) -> Option<Sample> {
    let entry = &record.entries[row];
    mean_time(entry.parts[part], entry.succeeded.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_positions_are_those_of_the_parts() {
        let named = [
            (APPLICATION, "application"),
            (QUEUEING, "queueing"),
            (OUTBOUND, "outbound_proxy"),
            (INBOUND, "inbound_proxy"),
            (HANDSHAKE, "handshake"),
            (NETWORK, "network"),
            (ABANDONED, "abandoned"),
        ];
        assert_eq!(named.map(|(position, _)| PARTS[position]), named.map(|(_, name)| name));
    }
}

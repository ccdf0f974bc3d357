//! From the records of replications to results.
//!
//! A value is that of all replications pooled into one record (a quantile is that of the pooled histogram, a rate that
//! of the summed counts over the summed windows); its interval comes from the replications' own values, see
//! `section.rs`. What a mesh adds is the same on differences of the pairs of replications that saw the same requests.

mod precision;

use super::labels::Labels;
use super::lookup::Lookup;
use super::measure::{Measure, Subject, subjects};
use super::pool::{pool, pool_entry};
use super::record::{EntryRecord, RunRecord};
use super::results::{Estimate, Results, Row, Statistic, Unit};
use super::section::{self, Sample};
use super::{notes, quantile, stationary};

pub use precision::{PRECISION_LADDER, precision_possible, precision_reached, precision_shortages};

/// Everything that the replications of one scenario under one mesh say, and what must be said beside it. Times are in
/// seconds, CPU in cores, memory in bytes, money in the labels' currency.
///
/// # Panics
/// When a record breaks its own conservation laws or `labels` names other rows than it has: bugs of whoever recorded.
pub fn estimate(labels: &Labels, records: &[RunRecord]) -> Results {
    for record in records {
        assert_conserved(labels, record);
    }
    let pooled = pool(records);
    let saturated = stationary::saturated(labels, &pooled);
    let mut rows = rows(labels, records, |measure, row, statistic| {
        let sample = |record| (measure.of)(record, row, statistic);
        let each: Vec<_> = records.iter().map(sample).collect();
        Some((measure.metric, section::estimate(sample(&pooled)?, &each)))
    });
    if !saturated.is_empty() {
        drop_intervals(&mut rows);
    }
    Results {
        scenario: labels.scenario.clone(),
        mesh: labels.mesh.clone(),
        baseline: None,
        replications: records.len(),
        stationary: saturated.is_empty(),
        rows,
        notes: notes::all(labels, records, &pooled, &saturated),
        lookup: Lookup::default(),
    }
}

/// What `records` have more than `baseline`: metrics ending in `_added`, for [`Results::with_baseline`].
///
/// Replications are paired by position, as far as both go; the interval is that of the differences. A quantile's row is
/// the difference of quantiles, not a quantile of differences. Intervals are left out when either side was saturated.
pub fn difference(labels: &Labels, records: &[RunRecord], baseline: &[RunRecord]) -> Vec<Row> {
    let pairs = records.len().min(baseline.len());
    let (records, baseline) = (&records[..pairs], &baseline[..pairs]);
    let (pooled, pooled_baseline) = (pool(records), pool(baseline));
    let mut rows = rows(labels, records, |measure, row, statistic| {
        // The difference of two maxima says nothing.
        let metric = measure.added.filter(|_| statistic != Statistic::Max)?;
        let sample = |left: &RunRecord, right: &RunRecord| -> Option<Sample> {
            (measure.of)(left, row, statistic)?.minus((measure.of)(right, row, statistic)?)
        };
        let each: Vec<_> = records.iter().zip(baseline).map(|(left, right)| sample(left, right)).collect();
        Some((metric, section::estimate(sample(&pooled, &pooled_baseline)?, &each)))
    });
    let saturated = |pooled| !stationary::saturated(labels, pooled).is_empty();
    if saturated(&pooled) || saturated(&pooled_baseline) {
        drop_intervals(&mut rows);
    }
    rows
}

/// Any quantile in (0, 1) of an entry's response time in seconds, unfinished requests on top; `None` without requests.
pub fn entry_quantile(records: &[RunRecord], entry: usize, quantile: f64) -> Option<Estimate> {
    let sample =
        |record: &EntryRecord| quantile::quantile_of_requests(&record.succeeded, record.unfinished, quantile);
    let each: Vec<_> = records.iter().map(|record| sample(&record.entries[entry])).collect();
    Some(section::estimate(sample(&pool_entry(records, entry)?)?, &each))
}

/// Rows in the order of the subjects and their measures; `of` gives a row's metric and value.
fn rows(
    labels: &Labels,
    records: &[RunRecord],
    of: impl Fn(&Measure, usize, Statistic) -> Option<(&'static str, Estimate)>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if records.is_empty() {
        return rows;
    }
    for Subject { scope, name, index, measures } in subjects(labels) {
        for measure in measures {
            for &statistic in measure.statistics {
                let Some((metric, value)) = of(measure, index, statistic) else { continue };
                if measure.silent_at_zero && value.value == 0.0 {
                    continue;
                }
                let unit = match measure.unit {
                    Unit::Money(_) => Unit::Money(labels.currency),
                    unit => unit,
                };
                rows.push(Row { scope, name: name.clone(), metric, statistic, value, unit });
            }
        }
    }
    rows
}

fn drop_intervals(rows: &mut [Row]) {
    for row in rows {
        row.value.interval = None;
    }
}

/// What must hold in every record, whatever was simulated.
fn assert_conserved(labels: &Labels, record: &RunRecord) {
    let services = [record.services.len(), record.versions.len()];
    assert_eq!(
        services,
        [labels.services.len(), labels.versions.len()],
        "services and versions of a record have a label each"
    );
    let lengths = [record.entries.len(), record.edges.len(), record.proxies.len()];
    let names = [labels.entries.len(), labels.edges.len(), labels.proxies.len()];
    assert_eq!(lengths, names, "entries, edges and proxies of a record have a label each");
    let zones = labels.zones.len();
    assert_eq!(
        (record.nodes.len(), record.zone_bytes.len()),
        (labels.nodes.len(), zones * zones),
        "nodes of a record have a label each, and zones one with every other"
    );
    let across: u64 = record.edges.iter().map(|edge| edge.cross_zone_bytes).sum();
    assert_eq!(across, record.zone_bytes.iter().sum::<u64>(), "what leaves a zone went over an edge");
    for (entry, label) in record.entries.iter().zip(&labels.entries) {
        let EntryRecord { arrived, succeeded, failed, unfinished, parts, halves, .. } = entry;
        let [first, second] = halves;
        assert_eq!(
            *arrived,
            succeeded.len() + failed.len() + unfinished,
            "`{}`: measured requests succeed, fail or stay unfinished",
            label.name
        );
        assert_eq!(
            (succeeded.len(), parts.iter().sum::<u64>()),
            (first.0 + second.0, first.1 + second.1),
            "`{}`: the parts of the response times add up to them, and both halves to the window",
            label.name
        );
    }
}

#[cfg(test)]
mod tests;

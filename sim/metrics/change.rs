//! What changes from one scenario to another under one mesh: rows matched by name, replications paired.

use rustc_hash::FxHashMap;

use super::labels::Labels;
use super::measure::{Subject, subjects};
use super::pool::pool;
use super::record::RunRecord;
use super::results::{Estimate, Kind, Scope, Statistic, Unit};
use super::section::{self, Sample};
use super::stationary;

/// A number before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What kind of thing it describes.
    pub scope: Scope,
    /// Which one; of the scenario, its name after.
    pub name: String,
    /// Which quantity.
    pub metric: String,
    /// Which statistic of it.
    pub statistic: Statistic,
    /// The unit of all three.
    pub unit: Unit,
    /// Before; `None` if there was no such thing, or nothing to measure.
    pub before: Option<Estimate>,
    /// After.
    pub after: Option<Estimate>,
    /// After less before, with the interval of the paired replications' differences. `None` where either side is
    /// missing, or what is taken away is only known to be larger.
    pub difference: Option<Estimate>,
}

impl Change {
    /// Whether the interval of the difference leaves out zero; `None` without an interval.
    pub fn is_told(&self) -> Option<bool> {
        let (low, high) = self.difference?.interval?;
        Some(low > 0.0 || high < 0.0)
    }

    /// The difference by the value before; `None` where that is nothing.
    pub fn ratio(&self) -> Option<f64> {
        let before = self.before?.value;
        (before != 0.0).then_some(self.difference?.value / before)
    }
}

/// Records of replications and the names of their rows.
pub type Side<'r> = (&'r Labels, &'r [RunRecord]);

/// Every number of both sides, in the order of the results after, then what was there only before.
///
/// Replications are paired by position, as far as both go: with one seed the pairs saw the same requests, as far as the
/// scenarios ask for the same. A side that was saturated has no steady state: no interval is then given.
pub fn changes(before: Side<'_>, after: Side<'_>) -> Vec<Change> {
    let pairs = before.1.len().min(after.1.len());
    if pairs == 0 {
        return Vec::new();
    }
    let [before, after] = [before, after].map(|(labels, records)| Numbers::new(labels, &records[..pairs]));
    let mut changes: Vec<Change> = after.rows.iter().map(|row| row.change_from(before.of(row))).collect();
    let gone = before.rows.iter().filter(|row| after.of(row).is_none());
    changes.extend(gone.map(|row| Change {
        before: Some(row.estimate()),
        after: None,
        ..row.change_from(None)
    }));
    if !(before.stationary && after.stationary) {
        for change in &mut changes {
            for side in [&mut change.before, &mut change.after, &mut change.difference].into_iter().flatten()
            {
                side.interval = None;
            }
        }
    }
    changes
}

/// The difference of two numbers of which the replications are known, paired by position.
pub fn paired(before: f64, after: f64, each: &[(f64, f64)]) -> Estimate {
    let each: Vec<Option<Sample>> =
        each.iter().map(|(before, after)| Some(Sample::exact(after - before))).collect();
    section::estimate(Sample::exact(after - before), &each)
}

/// The values of one side's numbers in each replication.
struct Numbers {
    rows: Vec<Number>,
    by_key: FxHashMap<(Scope, String, &'static str, Statistic), usize>,
    stationary: bool,
}

struct Number {
    scope: Scope,
    name: String,
    metric: &'static str,
    statistic: Statistic,
    unit: Unit,
    pooled: Sample,
    each: Vec<Option<Sample>>,
}

impl Numbers {
    fn new(labels: &Labels, records: &[RunRecord]) -> Self {
        let pooled = pool(records);
        let mut numbers = Self {
            rows: Vec::new(),
            by_key: FxHashMap::default(),
            stationary: stationary::saturated(labels, &pooled).is_empty(),
        };
        for Subject { scope, name, index, measures } in subjects(labels) {
            for measure in measures {
                for &statistic in measure.statistics {
                    let sample = |record: &RunRecord| (measure.of)(record, index, statistic);
                    let Some(pooled) = sample(&pooled) else { continue };
                    let unit = match measure.unit {
                        Unit::Money(_) => Unit::Money(labels.currency),
                        unit => unit,
                    };
                    let (name, each) = (name.clone(), records.iter().map(sample).collect());
                    let row = Number { scope, name, metric: measure.metric, statistic, unit, pooled, each };
                    numbers.by_key.insert(row.key(), numbers.rows.len());
                    numbers.rows.push(row);
                }
            }
        }
        numbers
    }

    /// The number of the same name.
    fn of(&self, row: &Number) -> Option<&Number> {
        self.by_key.get(&row.key()).map(|&at| &self.rows[at])
    }
}

impl Number {
    /// Two scenarios may be called differently and are compared nevertheless.
    fn key(&self) -> (Scope, String, &'static str, Statistic) {
        let name = if self.scope == Scope::Scenario { String::new() } else { self.name.clone() };
        (self.scope, name, self.metric, self.statistic)
    }

    fn estimate(&self) -> Estimate {
        section::estimate(self.pooled, &self.each)
    }

    fn change_from(&self, before: Option<&Self>) -> Change {
        let difference = before.and_then(|before| {
            // Maxima of two runs differ by chance alone.
            let pooled = self.pooled.minus(before.pooled).filter(|_| self.statistic != Statistic::Max)?;
            let each: Vec<_> =
                self.each.iter().zip(&before.each).map(|(left, right)| (*left)?.minus((*right)?)).collect();
            Some(section::estimate(pooled, &each))
        });
        Change {
            scope: self.scope,
            name: self.name.clone(),
            metric: self.metric.to_owned(),
            statistic: self.statistic,
            unit: self.unit,
            before: before.map(Self::estimate),
            after: Some(self.estimate()),
            difference,
        }
    }
}

/// A number that has an interval, in each replication.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicated {
    /// What kind of thing it describes.
    pub scope: Scope,
    /// Which one.
    pub name: String,
    /// Which quantity.
    pub metric: &'static str,
    /// Which statistic of it.
    pub statistic: Statistic,
    /// Its values, replication by replication.
    pub values: Vec<f64>,
}

/// The numbers of these scopes that have an interval.
pub fn replicated(labels: &Labels, records: &[RunRecord], scopes: &[Scope]) -> Vec<Replicated> {
    if records.is_empty() {
        return Vec::new();
    }
    let numbers = Numbers::new(labels, records);
    if !numbers.stationary {
        return Vec::new();
    }
    let rows = numbers.rows.into_iter().filter(|row| scopes.contains(&row.scope));
    let rows = rows.filter(|row| row.estimate().interval.is_some());
    rows.map(|row| Replicated {
        scope: row.scope,
        metric: row.metric,
        statistic: row.statistic,
        values: row
            .each
            .iter()
            .flatten()
            .filter(|one| one.kind == Kind::Exact)
            .map(|one| one.value)
            .collect(),
        name: row.name,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paired_difference_has_the_interval_of_the_differences() {
        // Noise that both sides share cancels: every pair differs by 1 exactly.
        let each: Vec<(f64, f64)> = (0..10).map(|one| (f64::from(one), f64::from(one) + 1.0)).collect();
        let difference = paired(4.5, 5.5, &each);
        assert_eq!((difference.value, difference.interval), (1.0, Some((1.0, 1.0))));
        assert_eq!(paired(4.5, 5.5, &each[..9]).interval, None);
    }

    #[test]
    fn a_change_is_told_when_its_interval_leaves_out_zero() {
        let estimate = |value, interval| Estimate { value, interval, model: None, kind: Kind::Exact };
        let change = |difference| Change {
            scope: Scope::Entry,
            name: "web".to_owned(),
            metric: "response_time".to_owned(),
            statistic: Statistic::P50,
            unit: Unit::Seconds,
            before: Some(estimate(2.0, None)),
            after: Some(estimate(3.0, None)),
            difference,
        };
        assert_eq!(change(Some(estimate(1.0, Some((0.5, 1.5))))).is_told(), Some(true));
        assert_eq!(change(Some(estimate(1.0, Some((-0.5, 2.5))))).is_told(), Some(false));
        assert_eq!(change(Some(estimate(1.0, None))).is_told(), None);
        assert_eq!(change(Some(estimate(1.0, None))).ratio(), Some(0.5));
        assert_eq!(change(None).ratio(), None);
    }
}

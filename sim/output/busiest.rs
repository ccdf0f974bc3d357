//! Which entries are shown where not all can be: those with most traffic.

use crate::metrics::{Results, Scope, Statistic};

/// More than so many tables and pictures are read by nobody; the files have all.
const MOST: usize = 10;

/// The names of the entries to show, in the scenario's order, and how many are left out.
pub(super) fn shown_entries(results: &Results) -> (Vec<&str>, usize) {
    let names = results.names(Scope::Entry);
    let left_out = names.len().saturating_sub(MOST);
    if left_out == 0 {
        return (names, 0);
    }
    let mut ranked: Vec<(usize, f64)> =
        names.iter().enumerate().map(|(position, name)| (position, throughput(results, name))).collect();
    // Stable: the first of equals stays first.
    ranked.sort_by(|left, right| right.1.total_cmp(&left.1));
    ranked.truncate(MOST);
    ranked.sort_unstable_by_key(|&(position, _)| position);
    (ranked.into_iter().map(|(position, _)| names[position]).collect(), left_out)
}

/// The entry with the highest throughput, the first of equals.
pub(super) fn busiest_entry(results: &Results) -> Option<&str> {
    let entries = results.names(Scope::Entry).into_iter().rev();
    entries.max_by(|left, right| throughput(results, left).total_cmp(&throughput(results, right)))
}

fn throughput(results: &Results, entry: &str) -> f64 {
    let found = results.get(Scope::Entry, entry, "throughput", Statistic::Mean);
    found.map_or(0.0, |estimate| estimate.value)
}

/// What is said about those left out; nothing if none are.
pub(super) fn left_out(results: &Results) -> Option<String> {
    let (shown, left_out) = shown_entries(results);
    let plural = if left_out == 1 { "y is" } else { "ies are" };
    (left_out > 0).then(|| {
        format!(
            "the {} entries with most traffic are shown, {left_out} other entr{plural} in the files",
            shown.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Estimate, Kind, Row, Unit};

    /// Entries `e0`, `e1`, … with these throughputs.
    fn results(throughputs: &[f64]) -> Results {
        let row = |(number, &value): (usize, &f64)| Row {
            scope: Scope::Entry,
            name: format!("e{number}"),
            metric: "throughput",
            statistic: Statistic::Mean,
            value: Estimate { value, interval: None, model: None, kind: Kind::Exact },
            unit: Unit::PerSecond,
        };
        let mut results = crate::metrics::estimate(&crate::metrics::Labels::default(), &[]);
        results.retain(&[]);
        results.extend(throughputs.iter().enumerate().map(row));
        results
    }

    #[test]
    fn ten_entries_are_all_shown() {
        let results = results(&[1.0; 10]);
        assert_eq!((shown_entries(&results).0.len(), left_out(&results)), (10, None));
        assert_eq!(busiest_entry(&results), Some("e0"), "the first of equals");
    }

    #[test]
    fn of_more_the_busiest_are_shown_in_the_scenarios_order() {
        let mut throughputs = [5.0; 12];
        (throughputs[3], throughputs[7], throughputs[11]) = (1.0, 2.0, 9.0);
        let results = results(&throughputs);
        let (shown, left) = shown_entries(&results);
        assert_eq!(shown, ["e0", "e1", "e2", "e4", "e5", "e6", "e8", "e9", "e10", "e11"]);
        assert_eq!(left, 2);
        assert!(left_out(&results).is_some_and(|text| text.contains("2 other entries")));
        assert_eq!(busiest_entry(&results), Some("e11"));
    }
}

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
    let throughput = |name: &str| {
        let found = results.get(Scope::Entry, name, "throughput", Statistic::Mean);
        found.map_or(0.0, |estimate| estimate.value)
    };
    let mut ranked: Vec<(usize, f64)> =
        names.iter().enumerate().map(|(position, name)| (position, throughput(name))).collect();
    // Stable: the first of equals stays first.
    ranked.sort_by(|left, right| right.1.total_cmp(&left.1));
    ranked.truncate(MOST);
    ranked.sort_unstable_by_key(|&(position, _)| position);
    (ranked.into_iter().map(|(position, _)| names[position]).collect(), left_out)
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

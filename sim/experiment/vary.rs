//! The same scenario with one of its values changed, or one of the meshes' constants.

use crate::metrics::{Estimate, Kind, Results, Row, Scope, Statistic, Unit};

/// What is found beside what a run records: memory of the largest proxy of all.
pub const LARGEST: &str = "largest_proxy_memory";
/// And of the group of like proxies whose largest is smallest: what a scope leaves.
pub const SMALLEST: &str = "smallest_proxy_memory";

/// Results of the same meshes with several settings of one key.
#[derive(Clone, Debug)]
pub struct Variation {
    /// The key, as `--set` takes it.
    pub key: String,
    /// Replications of each mesh with each setting.
    pub replications: u32,
    /// Setting by setting, as they were asked for.
    pub points: Vec<AtSetting>,
}

/// Results with one setting.
#[derive(Clone, Debug)]
pub struct AtSetting {
    /// The value, as it was written.
    pub setting: String,
    /// Mesh by mesh; of the scenario, its entries, its proxies and the control plane only.
    pub results: Vec<Results>,
}

impl AtSetting {
    /// Of the results with a setting, of which that is kept which a reader wants side by side.
    pub fn new(setting: &str, mut results: Vec<Results>) -> Self {
        for one in &mut results {
            one.retain(&[Scope::Scenario, Scope::Entry, Scope::Proxy, Scope::ControlPlane]);
            let found = [(LARGEST, extreme(one, f64::max)), (SMALLEST, extreme(one, f64::min))];
            let row = |(metric, bytes): (&'static str, Option<f64>)| {
                bytes.map(|value| Row {
                    scope: Scope::Scenario,
                    name: one.scenario.clone(),
                    metric,
                    statistic: Statistic::Max,
                    value: Estimate { value, interval: None, model: None, kind: Kind::Exact },
                    unit: Unit::Bytes,
                })
            };
            let rows: Vec<Row> = found.into_iter().filter_map(row).collect();
            one.extend(rows);
        }
        Self { setting: setting.to_owned(), results }
    }
}

/// Of all groups of proxies, by the memory of the largest proxy in each.
fn extreme(results: &Results, better: fn(f64, f64) -> f64) -> Option<f64> {
    let is_memory =
        |row: &&Row| row.scope == Scope::Proxy && row.metric == "memory" && row.statistic == Statistic::Max;
    results.rows.iter().filter(is_memory).map(|row| row.value.value).reduce(better)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::estimate;
    use crate::metrics::synthetic::{full_labels, full_record};

    #[test]
    fn the_largest_and_the_smallest_proxy_are_found_among_all_groups() {
        let mut record = full_record(0, 1000, true);
        record.proxies[0].memory_max = 5e6;
        record.proxies[1].memory_max = 3e6;
        let results = estimate(&full_labels("linkerd", true), &[record]);
        let at = AtSetting::new("7", vec![results]);
        let of = |metric| {
            let rows = &at.results[0].rows;
            rows.iter().find(|row| row.metric == metric).expect("there are proxies").value.value
        };
        assert_eq!((of(LARGEST), of(SMALLEST)), (5e6, 3e6));
        let bare = estimate(&full_labels("none", false), &[full_record(0, 1000, false)]);
        let at = AtSetting::new("7", vec![bare]);
        assert!(at.results[0].rows.iter().all(|row| row.metric != LARGEST), "there are no proxies");
    }
}

//! Whether a run measured a steady state: stations below saturation, a warm-up that was long enough.

use super::labels::Labels;
use super::record::{RunRecord, ServiceRecord};
use super::student::student_quantile;

/// A station this busy over the whole window has no idle time to speak of: work may pile up.
const SATURATED: f64 = 0.999;

/// Two-sided 99 % test of the difference between the halves of the window ...
const UPPER_QUANTILE: f64 = 0.995;
/// ... which must also exceed this share of the mean to be worth a word.
const RELATIVE_DIFFERENCE: f64 = 0.05;

/// A station without idle time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Saturated {
    /// As a reader knows it.
    pub(super) name: String,
    /// Its utilization over the window, pooled over replications.
    pub(super) utilization: f64,
}

/// Saturated services, proxies and nodes. None are reported when every source waits for its responses: such traffic has a
/// steady state at any utilization.
pub(super) fn saturated(labels: &Labels, pooled: &RunRecord) -> Vec<Saturated> {
    if !labels.entries.iter().any(|entry| entry.open) {
        return Vec::new();
    }
    let window = pooled.window as f64;
    let of_workers = |service: &ServiceRecord, name: &String| {
        let utilization = service.busy as f64 / (service.workers? as f64 * window);
        Some(Saturated { name: format!("service `{name}`"), utilization })
    };
    let services = pooled.services.iter().zip(&labels.services);
    let versions = pooled.versions.iter().zip(labels.versions.iter().map(|version| &version.name));
    // Of a service with versions one may have no idle time while the others have.
    let services = services.chain(versions).filter_map(|(service, name)| of_workers(service, name));
    let proxies = pooled.proxies.iter().zip(&labels.proxies).map(|(proxy, name)| Saturated {
        name: format!("the proxies of `{name}`"),
        utilization: proxy.cpu as f64 / (proxy.workers as f64 * window),
    });
    let capacity = pooled.machines.cores * window;
    let nodes =
        pooled.nodes.iter().zip(&labels.nodes).filter(|_| pooled.machines.shared).map(|(node, name)| {
            Saturated { name: format!("node `{name}`"), utilization: node.cpu as f64 / capacity }
        });
    // Nothing over nothing is NaN, which is not saturated.
    services.chain(proxies).chain(nodes).filter(|station| station.utilization >= SATURATED).collect()
}

/// Mean response time of the second half of the window over that of the first, less one, if the difference is
/// significant (paired over replications) and large; `None` if the halves agree or cannot be compared.
pub(super) fn drift(records: &[RunRecord], entry: usize) -> Option<f64> {
    let mean = |(count, sum): (u64, u64)| (count > 0).then(|| sum as f64 / count as f64);
    let halves: Vec<(f64, f64)> = records
        .iter()
        .filter_map(|record| {
            let [first, second] = record.entries[entry].halves;
            Some((mean(first)?, mean(second)?))
        })
        .collect();
    let degrees = u32::try_from(halves.len()).ok()?.checked_sub(1).filter(|&degrees| degrees > 0)?;
    let count = halves.len() as f64;
    let first = halves.iter().map(|(first, _)| first).sum::<f64>() / count;
    let second = halves.iter().map(|(_, second)| second).sum::<f64>() / count;
    let difference = second - first;
    let squares: f64 = halves
        .iter()
        .map(|(first, second)| {
            let distance = (second - first) - difference;
            distance * distance
        })
        .sum();
    let half_width =
        student_quantile(UPPER_QUANTILE, degrees) * (squares / f64::from(degrees) / count).sqrt();
    let significant = difference.abs() > half_width;
    let large = difference.abs() > RELATIVE_DIFFERENCE * f64::midpoint(first, second);
    (significant && large).then(|| difference / first)
}

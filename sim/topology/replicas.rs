//! How long each service works on a request, and how many pods it therefore needs and gets.

use crate::diag::{Code, Diagnostic};
use crate::units::Span;

use super::draw::{Draw, rounded, sample, stream};
use super::{Settings, WORKERS};

/// The mean service time of each service, to two digits.
pub(super) fn work(settings: &Settings) -> Vec<Span> {
    sample(&settings.work, settings.services, &mut stream(settings.seed, Draw::Work))
        .into_iter()
        .map(|milliseconds| Span::from_seconds_f64(rounded(milliseconds, 2) / 1000.0))
        .collect()
}

/// Pods of each service: the law's values, the largest for the service with most work, in proportion to the pods there
/// are, and nowhere fewer than keep utilization below the limit.
pub(super) fn apportion(settings: &Settings, rates: &[f64], work: &[Span]) -> Result<Vec<u32>, Diagnostic> {
    let load: Vec<f64> = rates.iter().zip(work).map(|(rate, work)| rate * work.seconds()).collect();
    let capacity = f64::from(WORKERS) * settings.utilization.value();
    let least: Vec<f64> = load.iter().map(|load| libm::ceil(load / capacity).max(1.0)).collect();
    let needed: f64 = least.iter().sum();
    let pods = match settings.pods {
        Some(pods) if (pods as f64) < needed => {
            let message = format!("{pods} pods are too few for this traffic: it needs {needed}");
            let hint = "ask for more pods, fewer requests, or allow a higher --utilization";
            return Err(Diagnostic::error(Code::InvalidValue, message).hint(hint));
        }
        Some(pods) => pods as f64,
        None => needed.max(libm::round(settings.pods_per_service * settings.services as f64)),
    };
    if pods > super::options::MAX_PODS as f64 {
        let message = format!("this traffic needs {pods} pods, more than {}", super::options::MAX_PODS);
        return Err(Diagnostic::error(Code::TooLarge, message).hint("ask for fewer requests"));
    }
    Ok(whole(&shares(&least, &weights(settings, &load), pods), pods))
}

/// A draw of the replica law for each service: the more work, the larger.
fn weights(settings: &Settings, load: &[f64]) -> Vec<f64> {
    let mut draws = sample(&settings.replicas, load.len(), &mut stream(settings.seed, Draw::Replicas));
    draws.sort_by(f64::total_cmp);
    let mut by_load: Vec<usize> = (0..load.len()).collect();
    by_load.sort_by(|&a, &b| load[a].total_cmp(&load[b]).then(b.cmp(&a)));
    let mut weights = vec![0.0; load.len()];
    for (service, draw) in by_load.into_iter().zip(draws) {
        weights[service] = draw;
    }
    weights
}

/// max(least, s · weight) for each service, with the s that brings the sum to `pods` (from below).
fn shares(least: &[f64], weights: &[f64], pods: f64) -> Vec<f64> {
    let at = |scale: f64| least.iter().zip(weights).map(move |(least, weight)| least.max(scale * weight));
    let lightest = weights.iter().copied().fold(f64::INFINITY, f64::min);
    let (mut low, mut high) = (0.0, pods / lightest);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if at(middle).sum::<f64>() <= pods { low = middle } else { high = middle }
    }
    at(low).collect()
}

/// Whole numbers that sum to `pods`: rounded down, and one more where most was cut off (Hamilton's method).
fn whole(shares: &[f64], pods: f64) -> Vec<u32> {
    let mut replicas: Vec<u32> = shares.iter().map(|share| libm::floor(*share) as u32).collect();
    let given: u64 = replicas.iter().map(|&count| u64::from(count)).sum();
    let mut by_rest: Vec<usize> = (0..shares.len()).collect();
    by_rest.sort_by(|&a, &b| shares[b].fract().total_cmp(&shares[a].fract()).then(a.cmp(&b)));
    for service in by_rest.into_iter().cycle().take(pods as usize - given as usize) {
        replicas[service] += 1;
    }
    replicas
}

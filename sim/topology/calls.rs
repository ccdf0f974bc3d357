//! How often calls are made, and what traffic follows from it at each service: computed exactly, not sampled.

use super::Load;
use super::draw::rounded;
use super::graph::Graph;

/// Digits of probabilities and rates in a scenario.
const DIGITS: usize = 4;

/// Calls and rates.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// Of each service, the chance of each of its calls to be made.
    pub(super) chances: Vec<f64>,
    /// Calls that a request makes in all, on average over the entries.
    pub(super) per_request: f64,
    /// Requests per second at each entry.
    pub(super) entry_rate: f64,
    /// Requests per second at each service.
    pub(super) rates: Vec<f64>,
}

impl Calls {
    /// With `wanted` calls per request if that many can be made, else with every call made always.
    pub(super) fn new(graph: &Graph, wanted: Option<f64>, load: Load) -> Self {
        let chances = match wanted {
            Some(wanted) => calibrated(graph, wanted),
            None => vec![1.0; graph.services()],
        };
        let visits = visits(graph, &chances);
        let all: f64 = visits.iter().sum();
        let requests = match load {
            Load::Entries(rate) => rate.value(),
            Load::Services(rate) => rate.value() / all,
        };
        let entry_rate = rounded(requests / graph.entries.len() as f64, DIGITS);
        let requests = entry_rate * graph.entries.len() as f64;
        let rates = visits.iter().map(|visits| visits * requests).collect();
        Self { chances, per_request: all - 1.0, entry_rate, rates }
    }
}

/// How often a request of an average entry comes to each service.
fn visits(graph: &Graph, chances: &[f64]) -> Vec<f64> {
    let mut visits = vec![0.0; graph.services()];
    for &entry in &graph.entries {
        visits[entry as usize] = 1.0 / graph.entries.len() as f64;
    }
    // Callers stand before whom they call, so a service's visits are complete when its turn comes.
    for (caller, callees) in graph.callees.iter().enumerate() {
        let calls = visits[caller] * chances[caller];
        for &callee in callees {
            visits[callee as usize] += calls;
        }
    }
    visits
}

/// Chances with which a request makes `wanted` calls: a service that calls k others makes min(k, b) of these calls on
/// average, with one b for all, found by bisection.
fn calibrated(graph: &Graph, wanted: f64) -> Vec<f64> {
    let chances = |b: f64| -> Vec<f64> {
        let chance = |callees: &Vec<u32>| match callees.len() {
            0 => 1.0,
            k => rounded((b / k as f64).min(1.0), DIGITS),
        };
        graph.callees.iter().map(chance).collect()
    };
    let calls = |b: f64| visits(graph, &chances(b)).iter().sum::<f64>() - 1.0;
    let (mut low, mut high) = (0.0, graph.fan_outs().last().map_or(1.0, |&largest| largest as f64));
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if calls(middle) < wanted { low = middle } else { high = middle }
    }
    chances(high)
}

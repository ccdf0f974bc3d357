//! Graphs in layers: entries above, then services that call any below them, popular ones more often than others.

use std::ops::Range;

use crate::kernel::Uniform;
use crate::kernel::rng::Stream;

use super::Settings;
use super::draw::{Draw, sample, shuffle, stream};
use super::graph::Graph;

/// Each layer below the first has this share of the one above: most call graphs are wide above and thin below.
const NARROWING: f64 = 0.75;

/// Every service below the entries has a caller in the layer above it, so all are reached and the depth is what was
/// asked for; all other calls go to whom popularity chooses, anywhere below.
pub(super) fn grow(settings: &Settings) -> Graph {
    let layers = layers(settings);
    let leaves = leaves(settings, &layers);
    let fan_outs = fan_outs(settings, &layers, &leaves);
    let mut graph = Graph {
        callees: vec![Vec::new(); settings.services],
        entries: layers[0].clone().map(|service| service as u32).collect(),
        namespaces: (0..settings.services).map(|service| (service % settings.namespaces) as u32).collect(),
    };
    connect(settings, &layers, &leaves, &fan_outs, &mut graph);
    fill(settings, &layers, &fan_outs, &mut graph);
    graph
}

/// The most layers that so many services below the entries fill without the last being too thin.
pub(super) fn most(below: u32) -> u32 {
    let first = f64::from(below) * (1.0 - NARROWING);
    let layers = libm::floor(libm::log(first.max(1.0)) / -libm::log(NARROWING)) as u32;
    if below == 0 { 1 } else { layers.clamp(1, below) + 1 }
}

/// The services of each layer; every layer has one at least.
fn layers(settings: &Settings) -> Vec<Range<usize>> {
    let mut layers = Vec::with_capacity(settings.depth);
    layers.push(0..settings.entries);
    let (mut rest, mut next) = (settings.services - settings.entries, settings.entries);
    for layer in 1..settings.depth {
        let left = settings.depth - layer;
        // Of a geometric series of `left` terms, the share of the first.
        let share = (1.0 - NARROWING) / (1.0 - libm::pow(NARROWING, left as f64));
        let size = (libm::round(rest as f64 * share) as usize).clamp(1, rest + 1 - left);
        layers.push(next..next + size);
        next += size;
        rest -= size;
    }
    layers
}

/// Who calls nobody: the last layer, and of the others at random until their share is reached; one caller stays in each
/// layer.
fn leaves(settings: &Settings, layers: &[Range<usize>]) -> Vec<bool> {
    let mut leaves = vec![false; settings.services];
    let last = layers.last().expect("there is a layer").clone();
    leaves[last.clone()].fill(true);
    let wanted = libm::round(settings.leaf_share * settings.services as f64) as usize;
    let inner = layers.iter().skip(1).take(layers.len().saturating_sub(2));
    let mut candidates: Vec<usize> = inner.flat_map(|layer| layer.clone().skip(1)).collect();
    shuffle(&mut candidates, &mut stream(settings.seed, Draw::Leaves));
    for service in candidates.into_iter().take(wanted.saturating_sub(last.len())) {
        leaves[service] = true;
    }
    leaves
}

/// How many each service calls. Whoever has few below chooses first, so that the law's large values go where they fit.
fn fan_outs(settings: &Settings, layers: &[Range<usize>], leaves: &[bool]) -> Vec<usize> {
    let mut draws = stream(settings.seed, Draw::FanOut);
    let callers = leaves.iter().filter(|leaf| !**leaf).count();
    let mut values: Vec<usize> = sample(&settings.fan_out, callers, &mut draws)
        .into_iter()
        .map(|value| libm::round(value).max(1.0) as usize)
        .collect();
    values.sort_unstable();
    let mut fan_outs = vec![0; settings.services];
    for layer in layers.iter().rev() {
        let below = settings.services - layer.end;
        for service in layer.clone().filter(|&service| !leaves[service]) {
            let fitting = values.partition_point(|&value| value <= below).max(1);
            let value = values.remove(draws.below(fitting as u32) as usize);
            fan_outs[service] = value.min(below);
        }
    }
    fan_outs
}

/// Gives each service below the entries one caller in the layer above, by the callers' fan-outs.
fn connect(
    settings: &Settings,
    layers: &[Range<usize>],
    leaves: &[bool],
    fan_outs: &[usize],
    graph: &mut Graph,
) {
    let mut draws = stream(settings.seed, Draw::Callers);
    for pair in layers.windows(2) {
        let (above, below) = (pair[0].clone(), pair[1].clone());
        let callers: Vec<usize> = above.filter(|&service| !leaves[service]).collect();
        let mut places: Vec<usize> = Vec::new();
        for &caller in &callers {
            places.extend(std::iter::repeat_n(caller, fan_outs[caller].min(below.len())));
        }
        shuffle(&mut places, &mut draws);
        // Where the law gives too few calls to reach all, callers make more.
        let more = callers.iter().copied().cycle();
        for (service, caller) in below.zip(places.into_iter().chain(more)) {
            graph.callees[caller].push(service as u32);
        }
    }
}

/// Lets each service call as many as its fan-out says.
fn fill(settings: &Settings, layers: &[Range<usize>], fan_outs: &[usize], graph: &mut Graph) {
    let popularity =
        sample(&settings.fan_in, settings.services, &mut stream(settings.seed, Draw::Popularity));
    // Of each service, the popularity of all before it.
    let mut before = vec![0.0];
    for weight in &popularity {
        before.push(before[before.len() - 1] + weight);
    }
    let mut taken = vec![false; settings.services];
    let mut draws = stream(settings.seed, Draw::Callees);
    for layer in layers {
        for caller in layer.clone() {
            let callees = &mut graph.callees[caller];
            mark(callees, true, &mut taken);
            let missing = fan_outs[caller].saturating_sub(callees.len());
            choose(missing, layer.end, &before, &mut taken, callees, &mut draws);
            mark(callees, false, &mut taken);
            callees.sort_unstable();
        }
    }
}

fn mark(callees: &[u32], value: bool, taken: &mut [bool]) {
    for &callee in callees {
        taken[callee as usize] = value;
    }
}

/// Adds `missing` different services from `first` on, by popularity; when the popular ones are all taken, the next free.
fn choose(
    missing: usize,
    first: usize,
    before: &[f64],
    taken: &mut [bool],
    callees: &mut Vec<u32>,
    draws: &mut Stream,
) {
    const TRIES: usize = 20;
    let services = taken.len();
    for _ in 0..missing {
        let mut draw = || {
            let weight = before[first] + draws.unit() * (before[services] - before[first]);
            before.partition_point(|&sum| sum <= weight).clamp(first + 1, services) - 1
        };
        let mut service = draw();
        for _ in 0..TRIES {
            if !taken[service] {
                break;
            }
            service = draw();
        }
        while taken[service] {
            service = if service + 1 == services { first } else { service + 1 };
        }
        taken[service] = true;
        callees.push(service as u32);
    }
}

//! Trees, one per namespace: every service but the root is called by exactly one other, as isotope's trees are.

use super::Settings;
use super::draw::{Draw, sample, stream};
use super::graph::Graph;

/// Trees grown level by level: each service takes the next ones as its callees until there are no more.
pub(super) fn grow(settings: &Settings) -> Graph {
    let mut fan_outs = sample(&settings.fan_out, settings.services, &mut stream(settings.seed, Draw::FanOut))
        .into_iter()
        .map(|fan_out| libm::round(fan_out).max(1.0) as usize);
    let mut graph = Graph::default();
    for namespace in 0..settings.namespaces {
        let root = graph.services();
        // The first namespaces take what does not divide evenly.
        let size = (settings.services + settings.namespaces - 1 - namespace) / settings.namespaces;
        let mut next = root + 1;
        for _ in 0..size {
            let fan_out = fan_outs.next().expect("as many as services");
            let end = (next + fan_out).min(root + size);
            graph.callees.push((next as u32..end as u32).collect());
            graph.namespaces.push(namespace as u32);
            next = end;
        }
        graph.entries.push(root as u32);
    }
    graph
}

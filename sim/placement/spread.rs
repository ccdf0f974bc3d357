//! A given number of nodes, filled as kube-scheduler does by default: each pod goes to the node that has least reserved
//! (LeastAllocated: the mean of the shares of CPU and memory) among those with room.

use std::collections::BTreeSet;

use super::{NodeIdx, Place, Site};

/// Spreads pods over `count` nodes, at least one.
pub(super) fn fill(site: &mut Site<'_>, count: u32, pods: impl Iterator<Item = Place>) {
    // The least allocated first, of equal ones the first.
    let mut nodes: BTreeSet<(u128, NodeIdx)> = BTreeSet::new();
    for number in 1..=count {
        let node = site.open(number);
        nodes.insert((allocated(site, node), node));
    }
    for place in pods {
        let found = nodes.iter().copied().find(|&(_, node)| site.fits(node, place.request));
        if found.is_none() {
            site.placement.misfits += 1;
        }
        let Some((score, node)) = found.or_else(|| nodes.first().copied()) else { return };
        nodes.remove(&(score, node));
        site.put(&place, node);
        nodes.insert((allocated(site, node), node));
    }
}

fn allocated(site: &Site<'_>, node: NodeIdx) -> u128 {
    let (cpu, memory) = site.size.shares(site.placement.nodes[node].reserved);
    cpu.saturating_add(memory)
}

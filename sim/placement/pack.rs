//! As few nodes as first-fit-decreasing needs: each pod goes to the first node with room, a new one if there is none.

use crate::index::{Idx, IndexVec};

use super::{NodeIdx, Place, Request, Site};

/// Packs pods, which come largest first.
pub(super) fn fill(site: &mut Site<'_>, pods: impl Iterator<Item = Place>) {
    let first = site.placement.nodes.next_index();
    // Like pods: a node that had no room for one of them has none for the next.
    let mut like: Option<(Request, NodeIdx)> = None;
    for place in pods {
        let start = match like {
            Some((request, node)) if request == place.request => node,
            _ => first,
        };
        let end = site.placement.nodes.next_index();
        let found =
            (start.position()..end.position()).map(NodeIdx::at).find(|&node| site.fits(node, place.request));
        let node = found.unwrap_or_else(|| open(site, first, &place));
        like = Some((place.request, node));
        site.put(&place, node);
    }
}

/// A new node; a pod that does not even fit there gets it nevertheless.
fn open(site: &mut Site<'_>, first: NodeIdx, place: &Place) -> NodeIdx {
    let nodes: &IndexVec<NodeIdx, _> = &site.placement.nodes;
    let number = nodes.len() - first.position() + 1;
    let node = site.open(number as u32);
    if !site.fits(node, place.request) {
        site.placement.misfits += 1;
    }
    node
}

//! The way of each line, from box to box.

use super::super::super::canvas::Point;
use super::Size;

/// Share of a box's width that lines end on.
const PORTS: f64 = 0.7;

/// The points of each link: out of its caller's lower edge, straight through the rows it passes, into its callee's
/// upper edge. Links share the edge of a box from left to right as they come.
pub(super) fn lines(
    boxes: &[Point],
    box_size: Size,
    chains: &[Vec<usize>],
    at: impl Fn(usize) -> Point,
) -> Vec<Vec<Point>> {
    let half = box_size.1 / 2.0;
    let mut lines: Vec<Vec<Point>> = chains
        .iter()
        .map(|chain| {
            let inner = chain.get(1..chain.len().saturating_sub(1)).unwrap_or_default();
            inner
                .iter()
                .flat_map(|&thing| [(at(thing).0, at(thing).1 - half), (at(thing).0, at(thing).1 + half)])
                .collect()
        })
        .collect();
    for (node, &(x, y)) in boxes.iter().enumerate() {
        let below = ports(chains, node, x, box_size.0, &at, |chain| Some((*chain.first()?, *chain.get(1)?)));
        for (link, x) in below {
            lines[link].insert(0, (x, y + half));
        }
        let above = ports(chains, node, x, box_size.0, &at, |chain| match chain {
            [.., before, last] => Some((*last, *before)),
            _ => None,
        });
        for (link, x) in above {
            lines[link].push((x, y - half));
        }
    }
    lines
}

/// Where links end on one edge of a node's box, by where they go next; those that go the same way share a port.
/// `ends` gives the end of a chain at this edge and the thing next to it.
fn ports(
    chains: &[Vec<usize>],
    node: usize,
    middle: f64,
    width: f64,
    at: impl Fn(usize) -> Point,
    ends: impl Fn(&[usize]) -> Option<(usize, usize)>,
) -> Vec<(usize, f64)> {
    let mut links: Vec<(f64, usize, usize)> = chains
        .iter()
        .enumerate()
        .filter_map(|(link, chain)| {
            let (end, next) = ends(chain)?;
            (end == node).then(|| (at(next).0, next, link))
        })
        .collect();
    links.sort_by(|one, other| one.0.total_cmp(&other.0).then((one.1, one.2).cmp(&(other.1, other.2))));
    let ways: Vec<&[(f64, usize, usize)]> = links.chunk_by(|one, other| one.1 == other.1).collect();
    let step = width * PORTS / ways.len().max(1) as f64;
    let first = middle - width * PORTS / 2.0 + step / 2.0;
    let place = |(place, way): (usize, &&[(f64, usize, usize)])| {
        way.iter().map(|&(_, _, link)| (link, first + step * place as f64)).collect::<Vec<_>>()
    };
    ways.iter().enumerate().flat_map(place).collect()
}

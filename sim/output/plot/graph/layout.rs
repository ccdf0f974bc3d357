//! A layered layout (Sugiyama, Tagawa and Toda, 1981): callers above callees, few crossings, lines around boxes.
//!
//! 1. Calls that close a circle are turned round for the layout. 2. The layer of a node is its longest way from above; a
//! layer that is too wide becomes several rows. 3. A line that passes a row gets a bend there, which takes room like a
//! box. 4. Rows are ordered by the mean position of their neighbours. 5. Everything moves as near to its neighbours as
//! the order allows.

use super::super::canvas::Point;
use super::super::spread::spread;

mod order;

/// Width and height of a box.
pub(super) const BOX: (f64, f64) = (152.0, 48.0);
/// From the lower edge of a box to the upper edge of the next row's.
pub(super) const BETWEEN_ROWS: f64 = 66.0;
const BETWEEN_BOXES: f64 = 22.0;
const BEND: f64 = 14.0;
/// Boxes in a row.
const MOST_IN_ROW: usize = 6;
/// With more lines than this, those of one caller pass a row together.
const BUNDLED_FROM: usize = 30;
const ORDER_SWEEPS: usize = 12;
const PLACE_SWEEPS: usize = 24;
/// Share of a box's width that lines end on.
const PORTS: f64 = 0.7;

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    /// Centres of the boxes.
    pub(super) boxes: Vec<Point>,
    /// For each link the points it goes through, from caller to callee, two for each row it passes; empty where a node
    /// calls itself.
    pub(super) lines: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A thing in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Box(usize),
    /// The way of a link, or of all links of a caller, through a row.
    Bend {
        owner: usize,
        row: usize,
    },
}

/// Lays out `nodes` nodes and links from callers to callees.
pub(super) fn lay_out(nodes: usize, links: &[(usize, usize)]) -> Layout {
    let downward = without_circles(nodes, links);
    let rows_of = rows_of(nodes, &downward);
    let mut things: Vec<Thing> = (0..nodes).map(Thing::Box).collect();
    // The things that each link goes through, from above to below.
    let mut chains: Vec<Vec<usize>> = Vec::new();
    let bundled = links.len() > BUNDLED_FROM;
    for (link, &(from, to)) in downward.iter().enumerate() {
        let mut chain = vec![from];
        for row in rows_of[from] + 1..rows_of[to].max(rows_of[from] + 1) {
            let bend = Thing::Bend { owner: if bundled { from } else { link }, row };
            let known = things.iter().skip(nodes).position(|thing| *thing == bend).map(|place| place + nodes);
            chain.push(known.unwrap_or(things.len()));
            if known.is_none() {
                things.push(bend);
            }
        }
        chain.push(to);
        chains.push(if from == to { Vec::new() } else { chain });
    }
    let row = |thing: &Thing| match *thing {
        Thing::Box(node) => rows_of[node],
        Thing::Bend { row, .. } => row,
    };
    let rows = things.iter().map(row).max().map_or(0, |last| last + 1);
    let by_row = (0..rows).map(|number| {
        let of_row = |range: std::ops::Range<usize>| range.filter(|&index| row(&things[index]) == number);
        let mut members: Vec<usize> = of_row(0..nodes).collect();
        // Ways through a row begin in its middle and stay there unless something pulls them aside.
        let middle = members.len() / 2;
        members.splice(middle..middle, of_row(nodes..things.len()));
        members
    });
    let by_row: Vec<Vec<usize>> = by_row.collect();
    let segments: Vec<(usize, usize)> =
        chains.iter().flat_map(|chain| chain.windows(2)).map(|pair| (pair[0], pair[1])).collect();
    let by_row = order::ordered(by_row, &segments, things.len(), ORDER_SWEEPS);
    let mut x = across(&things, &by_row, &segments);
    let left = things.iter().zip(&x).map(|(thing, x)| x - size(thing) / 2.0).fold(f64::INFINITY, f64::min);
    x.iter_mut().for_each(|x| *x -= left);
    let y = |row: usize| BOX.1 / 2.0 + row as f64 * (BOX.1 + BETWEEN_ROWS);
    let right = things.iter().zip(&x).map(|(thing, x)| x + size(thing) / 2.0).fold(0.0, f64::max);
    let boxes: Vec<Point> = (0..nodes).map(|node| (x[node], y(rows_of[node]))).collect();
    let lines = lines(&boxes, &chains, |thing| (x[thing], y(row(&things[thing]))));
    let turned = |link: usize| downward[link] != links[link];
    let lines = lines.into_iter().enumerate().map(|(link, mut line)| {
        if turned(link) {
            line.reverse();
        }
        line
    });
    Layout {
        boxes,
        lines: lines.collect(),
        width: right.max(0.0),
        height: if rows == 0 { 0.0 } else { y(rows - 1) + BOX.1 / 2.0 },
    }
}

/// The links, those turned round that lead back to a node on the way from the top.
fn without_circles(nodes: usize, links: &[(usize, usize)]) -> Vec<(usize, usize)> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![NEW; nodes];
    let mut downward = links.to_vec();
    let out: Vec<Vec<usize>> =
        (0..nodes).map(|node| (0..links.len()).filter(|&link| links[link].0 == node).collect()).collect();
    let called = |node: &usize| links.iter().any(|&(from, to)| to == *node && from != *node);
    let (below, top): (Vec<usize>, Vec<usize>) = (0..nodes).partition(called);
    for root in top.into_iter().chain(below) {
        if state[root] != NEW {
            continue;
        }
        // Nodes on the way, each with the number of its links that were followed.
        let mut way = vec![(root, 0)];
        state[root] = OPEN;
        while let Some((node, followed)) = way.last_mut() {
            let Some(&link) = out[*node].get(*followed) else {
                state[*node] = DONE;
                way.pop();
                continue;
            };
            *followed += 1;
            let (from, to) = links[link];
            match state[to] {
                OPEN if from != to => downward[link] = (to, from),
                NEW => {
                    state[to] = OPEN;
                    way.push((to, 0));
                }
                _ => {}
            }
        }
    }
    downward
}

/// The row of each node: layers by the longest way, wide layers in several rows.
fn rows_of(nodes: usize, downward: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; nodes];
    // Without circles, this many rounds are enough for the longest way.
    for _ in 0..nodes {
        let mut changed = false;
        for &(from, to) in downward {
            if from != to && layers[to] <= layers[from] {
                layers[to] = layers[from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut rows = vec![0; nodes];
    let mut first = 0;
    for layer in 0..=layers.iter().copied().max().unwrap_or(0) {
        let members: Vec<usize> = (0..nodes).filter(|&node| layers[node] == layer).collect();
        let count = members.len().div_ceil(MOST_IN_ROW).max(1);
        // Rows of about the same length.
        let length = members.len().div_ceil(count).max(1);
        for (place, node) in members.into_iter().enumerate() {
            rows[node] = first + place / length;
        }
        first += count;
    }
    rows
}

fn size(thing: &Thing) -> f64 {
    match thing {
        Thing::Box(_) => BOX.0 + BETWEEN_BOXES,
        Thing::Bend { .. } => BEND,
    }
}

/// Horizontal positions: everything moves to the mean of its neighbours, as far as its row allows.
fn across(things: &[Thing], by_row: &[Vec<usize>], segments: &[(usize, usize)]) -> Vec<f64> {
    let mut neighbours: Vec<[Vec<usize>; 2]> = vec![[Vec::new(), Vec::new()]; things.len()];
    for &(above, below) in segments {
        neighbours[above][1].push(below);
        neighbours[below][0].push(above);
    }
    let sizes: Vec<Vec<f64>> =
        by_row.iter().map(|row| row.iter().map(|&thing| size(&things[thing])).collect()).collect();
    let mut x = vec![0.0; things.len()];
    for sweep in 0..PLACE_SWEEPS {
        let rows: Vec<usize> =
            if sweep % 2 == 0 { (0..by_row.len()).collect() } else { (0..by_row.len()).rev().collect() };
        for row in rows {
            let wanted: Vec<f64> = by_row[row]
                .iter()
                .map(|&thing| {
                    let [above, below] = &neighbours[thing];
                    let near: Vec<f64> = above.iter().chain(below).map(|&other| x[other]).collect();
                    if near.is_empty() { x[thing] } else { near.iter().sum::<f64>() / near.len() as f64 }
                })
                .collect();
            for (&thing, place) in by_row[row].iter().zip(spread(&wanted, &sizes[row])) {
                x[thing] = place;
            }
        }
    }
    x
}

/// The points of each link: out of its caller's lower edge, straight through the rows it passes, into its callee's
/// upper edge. Links share the edge of a box from left to right as they come.
fn lines(boxes: &[Point], chains: &[Vec<usize>], at: impl Fn(usize) -> Point) -> Vec<Vec<Point>> {
    let half = BOX.1 / 2.0;
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
    let ports = |node: usize, chain_end: &dyn Fn(&Vec<usize>) -> Option<(usize, usize)>| {
        // Links at this side of the node, by where they go next.
        let mut links: Vec<(f64, usize)> = chains
            .iter()
            .enumerate()
            .filter_map(|(link, chain)| {
                let (end, next) = chain_end(chain)?;
                (end == node).then(|| (at(next).0, link))
            })
            .collect();
        links.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let step = BOX.0 * PORTS / links.len().max(1) as f64;
        let first = boxes[node].0 - BOX.0 * PORTS / 2.0 + step / 2.0;
        links
            .into_iter()
            .enumerate()
            .map(|(place, (_, link))| (link, first + step * place as f64))
            .collect::<Vec<_>>()
    };
    for (node, &(_, y)) in boxes.iter().enumerate() {
        for (link, x) in ports(node, &|chain| Some((*chain.first()?, *chain.get(1)?))) {
            lines[link].insert(0, (x, y + half));
        }
        for (link, x) in
            ports(node, &|chain| Some((*chain.last()?, *chain.get(chain.len().checked_sub(2)?)?)))
        {
            lines[link].push((x, y - half));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether two boxes share a point.
    fn overlap(one: Point, other: Point) -> bool {
        (one.0 - other.0).abs() < BOX.0 && (one.1 - other.1).abs() < BOX.1
    }

    fn check(nodes: usize, links: &[(usize, usize)]) -> Layout {
        let layout = lay_out(nodes, links);
        assert_eq!((layout.boxes.len(), layout.lines.len()), (nodes, links.len()));
        for (index, &one) in layout.boxes.iter().enumerate() {
            assert!(
                layout.boxes[..index].iter().all(|&other| !overlap(one, other)),
                "{index} covers another box"
            );
            assert!(one.0 >= BOX.0 / 2.0 - 1e-6 && one.0 <= layout.width - BOX.0 / 2.0 + 1e-6);
            assert!(one.1 >= BOX.1 / 2.0 && one.1 <= layout.height - BOX.1 / 2.0 + 1e-6);
        }
        for (line, &(from, to)) in layout.lines.iter().zip(links) {
            assert_eq!(line.is_empty(), from == to);
            // Within a row a line runs upright, and there it keeps clear of the boxes.
            for pair in line.get(1..line.len().saturating_sub(1)).unwrap_or_default().chunks(2) {
                assert_eq!(pair[0].0, pair[1].0);
                let middle = (pair[0].0, f64::midpoint(pair[0].1, pair[1].1));
                for at in &layout.boxes {
                    let through =
                        (at.0 - middle.0).abs() < BOX.0 / 2.0 && (at.1 - middle.1).abs() < BOX.1 / 2.0;
                    assert!(!through, "a line runs through a box");
                }
            }
        }
        layout
    }

    #[test]
    fn callers_stand_above_callees() {
        let shop = [(0, 1), (0, 2), (2, 3), (0, 3), (4, 0)];
        let layout = check(5, &shop);
        for (from, to) in shop {
            assert!(layout.boxes[from].1 < layout.boxes[to].1);
        }
        // The direct way from 0 to 3 passes the row of 1 and 2.
        assert_eq!(layout.lines[3].len(), 4);
    }

    #[test]
    fn circles_and_self_calls_are_placed_too() {
        let layout = check(4, &[(0, 1), (1, 2), (2, 0), (1, 1)]);
        assert!(layout.lines[2][0].1 > layout.lines[2][1].1, "the call that closes the circle goes upwards");
        assert_eq!(check(0, &[]), Layout::default());
        check(3, &[]);
    }

    #[test]
    fn a_wide_layer_becomes_rows() {
        let fan: Vec<(usize, usize)> = (1..=40).map(|callee| (0, callee)).collect();
        let layout = check(41, &fan);
        assert!(layout.width < 1300.0, "{}", layout.width);
    }

    #[test]
    fn a_tree_has_no_crossings() {
        let links: Vec<(usize, usize)> = (1..13).map(|node| ((node - 1) / 3, node)).collect();
        let layout = check(13, &links);
        for (index, &(from, to)) in links.iter().enumerate() {
            for &(other_from, other_to) in &links[..index] {
                if layout.boxes[to].1 == layout.boxes[other_to].1 {
                    let above = layout.boxes[from].0 - layout.boxes[other_from].0;
                    let below = layout.boxes[to].0 - layout.boxes[other_to].0;
                    assert!(above * below >= 0.0, "{from}->{to} crosses {other_from}->{other_to}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_graph_is_placed(links in prop::collection::vec((0_usize..14, 0_usize..14), 0..45)) {
            check(14, &links);
        }

        #[test]
        fn without_circles_every_call_goes_down(links in prop::collection::vec((0_usize..14, 1_usize..14), 0..40)) {
            let links: Vec<(usize, usize)> = links.into_iter().filter(|(from, to)| from < to).collect();
            let layout = check(14, &links);
            for (from, to) in links {
                prop_assert!(layout.boxes[from].1 < layout.boxes[to].1);
            }
        }
    }
}

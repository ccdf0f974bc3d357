//! A layered layout (Sugiyama, Tagawa and Toda, 1981): callers above callees, few crossings, lines around boxes.
//!
//! - Calls that close a circle are turned round for the layout.
//! - The layer of a node is its longest way from above; a layer that is too wide becomes several rows.
//! - A line that passes a row gets a bend there, which takes room like a box.
//! - Rows are ordered by the mean position of their neighbours.
//! - Everything moves as near to its neighbours as the order allows.

use super::super::canvas::Point;
use super::super::spread::spread;

mod lines;
mod order;
mod rank;

/// Width and height of a box.
pub(super) type Size = (f64, f64);

/// From the lower edge of a box to the upper edge of the next row's.
pub(super) const BETWEEN_ROWS: f64 = 66.0;
const BETWEEN_BOXES: f64 = 22.0;
const BEND: f64 = 14.0;
/// With more lines than this, those of one caller pass a row together.
const BUNDLED_FROM: usize = 30;
const ORDER_SWEEPS: usize = 12;
const PLACE_SWEEPS: usize = 50;

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

/// Lays out `nodes` nodes, boxes of one size, and links from callers to callees.
pub(super) fn lay_out(nodes: usize, links: &[(usize, usize)], box_size: Size) -> Layout {
    let downward = rank::without_circles(nodes, links);
    let rows_of = rank::rows_of(nodes, &downward);
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
    let sizes: Vec<f64> = things.iter().map(|thing| size(thing, box_size.0)).collect();
    let mut x = across(&sizes, &by_row, &segments);
    let left = sizes.iter().zip(&x).map(|(size, x)| x - size / 2.0).fold(f64::INFINITY, f64::min);
    for x in &mut x {
        *x -= left;
    }
    let y = |row: usize| box_size.1 / 2.0 + row as f64 * (box_size.1 + BETWEEN_ROWS);
    let right = sizes.iter().zip(&x).map(|(size, x)| x + size / 2.0).fold(0.0, f64::max);
    let boxes: Vec<Point> = (0..nodes).map(|node| (x[node], y(rows_of[node]))).collect();
    let lines = lines::lines(&boxes, box_size, &chains, |thing| (x[thing], y(row(&things[thing]))));
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
        height: if rows == 0 { 0.0 } else { y(rows - 1) + box_size.1 / 2.0 },
    }
}

fn size(thing: &Thing, box_width: f64) -> f64 {
    match thing {
        Thing::Box(_) => box_width + BETWEEN_BOXES,
        Thing::Bend { .. } => BEND,
    }
}

/// Horizontal positions: everything moves to the mean of its neighbours, as far as its row allows.
fn across(sizes: &[f64], by_row: &[Vec<usize>], segments: &[(usize, usize)]) -> Vec<f64> {
    let mut neighbours: Vec<[Vec<usize>; 2]> = vec![[Vec::new(), Vec::new()]; sizes.len()];
    for &(above, below) in segments {
        neighbours[above][1].push(below);
        neighbours[below][0].push(above);
    }
    let row_sizes: Vec<Vec<f64>> =
        by_row.iter().map(|row| row.iter().map(|&thing| sizes[thing]).collect()).collect();
    let mut x = vec![0.0; sizes.len()];
    let down = 0..by_row.len();
    let up = (0..by_row.len()).rev();
    let sweeps = (0..PLACE_SWEEPS).flat_map(|_| up.clone().chain(down.clone()));
    // Going down last puts an only callee right below its caller, and then the first row right above what it calls.
    for row in sweeps.chain(down.clone().take(1)) {
        let wanted: Vec<f64> = by_row[row]
            .iter()
            .map(|&thing| {
                let [above, below] = &neighbours[thing];
                let near: Vec<f64> = above.iter().chain(below).map(|&other| x[other]).collect();
                if near.is_empty() { x[thing] } else { near.iter().sum::<f64>() / near.len() as f64 }
            })
            .collect();
        for (&thing, place) in by_row[row].iter().zip(spread(&wanted, &row_sizes[row])) {
            x[thing] = place;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOX: Size = (150.0, 48.0);

    /// Whether two boxes share a point.
    fn overlap(one: Point, other: Point) -> bool {
        (one.0 - other.0).abs() < BOX.0 && (one.1 - other.1).abs() < BOX.1
    }

    fn check(nodes: usize, links: &[(usize, usize)]) -> Layout {
        let layout = lay_out(nodes, links, BOX);
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

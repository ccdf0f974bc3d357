//! Lines, boxes and labels of the call graph.

use crate::output::human::Scale;

use super::super::canvas::{Align, Canvas, Point, Type};
use super::super::number;
use super::super::palette::{AXIS, Colour, FAINT, GRID, LABEL, NOTE, STRONG, WHITE};
use super::super::sheet::Sheet;
use super::layout::{BOX, Layout};
use super::model::{Graph, Link, Node};

/// What colours and widths span, and the unit of the labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranges {
    /// The highest call rate.
    pub(super) rate: f64,
    /// The longest added time in seconds.
    pub(super) added: f64,
    pub(super) scale: Scale,
}

/// From nothing added to the most: lighter to darker, so that grey print keeps the order.
const COLOURS: [Colour; 4] =
    [Colour(178, 205, 227), Colour(86, 160, 205), Colour(22, 92, 160), Colour(8, 32, 84)];
const NARROWEST: f64 = 1.3;
const WIDEST: f64 = 6.5;
const ARROW: f64 = 8.0;
/// Points of a bent piece of line.
const PIECES: u32 = 20;
const SOURCE: Colour = Colour(243, 243, 243);
const STRIP: f64 = 4.0;
const LINK_LABEL: Type = Type { size: 11.0, ..LABEL };

/// A rectangle that labels keep clear of: corner and size.
type Taken = (Point, (f64, f64));

pub(super) fn draw(graph: &Graph, layout: &Layout, (left, top): Point, ranges: Ranges, sheet: &mut Sheet) {
    let placed = |&(x, y): &Point| (x + left, y + top);
    let canvas = &mut sheet.canvas;
    let boxes: Vec<Point> = layout.boxes.iter().map(placed).collect();
    let lines: Vec<Vec<Point>> = layout
        .lines
        .iter()
        .zip(&graph.links)
        .map(|(line, link)| match &line[..] {
            [] => loop_beside(boxes[link.from]),
            points => curve(&points.iter().map(placed).collect::<Vec<_>>()),
        })
        .collect();
    // What adds most is drawn last.
    let mut order: Vec<usize> = (0..lines.len()).collect();
    let added = |link: usize| graph.links[link].added.unwrap_or(0.0);
    order.sort_by(|&one, &other| added(one).total_cmp(&added(other)));
    for &link in &order {
        draw_line(canvas, &lines[link], &graph.links[link], ranges);
    }
    for (node, at) in graph.nodes.iter().zip(&boxes) {
        draw_box(canvas, node, *at);
    }
    let mut taken: Vec<Taken> =
        boxes.iter().map(|&(x, y)| ((x - BOX.0 / 2.0, y - BOX.1 / 2.0), BOX)).collect();
    for &link in order.iter().rev() {
        label(canvas, &lines[link], &graph.links[link], ranges, &mut taken);
    }
    legend(sheet, ranges);
}

/// A smooth line that leaves and reaches every second point upright.
fn curve(points: &[Point]) -> Vec<Point> {
    let mut curve = Vec::new();
    for pair in points.chunks(2) {
        let [from, to] = pair else { continue };
        let middle = f64::midpoint(from.1, to.1);
        for piece in 0..=PIECES {
            let t = f64::from(piece) / f64::from(PIECES);
            let u = 1.0 - t;
            let bezier = |a: f64, b: f64, c: f64, d: f64| {
                u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
            };
            curve.push((bezier(from.0, from.0, to.0, to.0), bezier(from.1, middle, middle, to.1)));
        }
    }
    curve
}

/// The way of a call to oneself: out of the right edge and back.
fn loop_beside((x, y): Point) -> Vec<Point> {
    let right = x + BOX.0 / 2.0;
    let half_circle = (0..=PIECES).map(|piece| {
        let angle = std::f64::consts::PI * (f64::from(piece) / f64::from(PIECES) - 0.5);
        (right + 16.0 * libm::cos(angle), y + 12.0 * libm::sin(angle))
    });
    half_circle.collect()
}

fn draw_line(canvas: &mut Canvas, line: &[Point], link: &Link, ranges: Ranges) {
    let colour = colour(link.added.unwrap_or(0.0), ranges);
    let width = width(link.rate, ranges);
    let (Some(&tip), Some(&before)) = (line.last(), line.get(line.len().saturating_sub(3))) else { return };
    let (across, down) = (tip.0 - before.0, tip.1 - before.1);
    let length = (across * across + down * down).sqrt().max(f64::MIN_POSITIVE);
    let (across, down) = (across / length, down / length);
    let size = ARROW + width * 0.6;
    let base = (tip.0 - across * size, tip.1 - down * size);
    let half = size * 0.5;
    // The line ends within its arrow.
    let mut shaft = line.to_vec();
    shaft.retain(|point| {
        (point.0 - tip.0) * across + (point.1 - tip.1) * down < -0.6 * size || point == &line[0]
    });
    shaft.push((tip.0 - across * size * 0.6, tip.1 - down * size * 0.6));
    canvas.line(shaft, width, colour);
    let corners = vec![
        tip,
        (base.0 - down * half, base.1 + across * half),
        (base.0 + down * half, base.1 - across * half),
    ];
    canvas.polygon(corners, colour);
}

fn draw_box(canvas: &mut Canvas, node: &Node, (x, y): Point) {
    let corner = (x - BOX.0 / 2.0, y - BOX.1 / 2.0);
    let inside = if node.source { SOURCE } else { WHITE };
    canvas.boxed(corner, BOX, 1.2, [AXIS, inside]);
    let room = BOX.0 - 14.0;
    canvas.text((x, y - 4.0), Align::Centre, &STRONG.fit(&node.name, room), STRONG);
    canvas.text((x, y + 13.0), Align::Centre, &NOTE.fit(&node.detail, room), NOTE);
    if let Some(utilization) = node.utilization {
        let (width, bottom) = (BOX.0 - 2.4, corner.1 + BOX.1 - 1.2 - STRIP);
        canvas.rectangle((corner.0 + 1.2, bottom), (width, STRIP), GRID);
        canvas.rectangle((corner.0 + 1.2, bottom), (width * utilization.clamp(0.0, 1.0), STRIP), FAINT);
    }
}

/// Writes what a call adds where nothing else is, best near the callee; nowhere if there is no room.
fn label(canvas: &mut Canvas, line: &[Point], link: &Link, ranges: Ranges, taken: &mut Vec<Taken>) {
    let Some(added) = link.added.filter(|added| *added > 0.0) else { return };
    let text = number::with_unit(added, ranges.scale);
    let size = (LINK_LABEL.width(&text) + 6.0, LINK_LABEL.size + 4.0);
    for share in [0.62, 0.5, 0.74, 0.4, 0.84, 0.3, 0.9, 0.2] {
        let at = line[((line.len() - 1) as f64 * share) as usize];
        let corner = (at.0 - size.0 / 2.0, at.1 - size.1 / 2.0);
        if taken.iter().all(|other| !overlap((corner, size), *other)) {
            canvas.text_on_ground((at.0, at.1 + LINK_LABEL.drop()), Align::Centre, &text, LINK_LABEL);
            taken.push((corner, size));
            return;
        }
    }
}

fn overlap((one, one_size): Taken, (other, other_size): Taken) -> bool {
    one.0 < other.0 + other_size.0
        && other.0 < one.0 + one_size.0
        && one.1 < other.1 + other_size.1
        && other.1 < one.1 + one_size.1
}

/// Colours with the times at both ends, and a narrow and a wide line with their rates.
fn legend(sheet: &mut Sheet, ranges: Ranges) {
    let (left, y) = (sheet.area.left, sheet.area.top + 8.0);
    let canvas = &mut sheet.canvas;
    let base = y + NOTE.drop();
    let mut x = left;
    let write = |canvas: &mut Canvas, x: &mut f64, text: &str| {
        canvas.text((*x, base), Align::Left, text, NOTE);
        *x += NOTE.width(text) + 8.0;
    };
    write(canvas, &mut x, "added per call, median:");
    if ranges.added > 0.0 {
        write(canvas, &mut x, "0");
        let (steps, step) = (60, 2.0);
        for place in 0..steps {
            let added = ranges.added * f64::from(place) / f64::from(steps - 1);
            canvas.rectangle((x + f64::from(place) * step, y - 5.0), (step, 10.0), colour(added, ranges));
        }
        x += f64::from(steps) * step + 8.0;
        write(canvas, &mut x, &number::with_unit(ranges.added, ranges.scale));
    } else {
        write(canvas, &mut x, "nothing under any mesh");
    }
    x += 24.0;
    write(canvas, &mut x, "calls:");
    for share in [0.1, 1.0] {
        let rate = ranges.rate * share;
        canvas.line(vec![(x, y), (x + 26.0, y)], width(rate, ranges), COLOURS[1]);
        x += 32.0;
        write(canvas, &mut x, &number::rate(rate));
    }
}

fn colour(added: f64, ranges: Ranges) -> Colour {
    let share = if ranges.added > 0.0 { (added / ranges.added).clamp(0.0, 1.0) } else { 0.0 };
    let last = COLOURS.len() - 1;
    let place = share * last as f64;
    let below = (place as usize).min(last - 1);
    COLOURS[below].towards(COLOURS[below + 1], place - below as f64)
}

/// Areas grow with the rate, so widths with its root: a tenth of the calls is a third as wide.
fn width(rate: f64, ranges: Ranges) -> f64 {
    let share = if ranges.rate > 0.0 { (rate / ranges.rate).clamp(0.0, 1.0).sqrt() } else { 0.0 };
    NARROWEST + (WIDEST - NARROWEST) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_adds_more_is_darker() {
        let ranges =
            Ranges { rate: 10.0, added: 1.0, scale: number::scale([1.0], crate::metrics::Unit::Seconds) };
        let shades: Vec<f64> =
            (0..=10).map(|tenth| colour(f64::from(tenth) / 10.0, ranges).lightness()).collect();
        assert!(shades.windows(2).all(|pair| pair[0] > pair[1]), "{shades:?}");
        assert_eq!((width(10.0, ranges), width(0.0, ranges)), (WIDEST, NARROWEST));
    }

    #[test]
    fn a_curve_begins_and_ends_where_its_points_do() {
        let points = [(0.0, 0.0), (50.0, 40.0), (50.0, 80.0), (10.0, 120.0)];
        let curve = curve(&points);
        assert_eq!((curve[0], curve[curve.len() - 1]), (points[0], points[3]));
    }
}

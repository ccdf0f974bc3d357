//! Lying bars made of parts, one for each mesh, with their totals at the end.

use crate::metrics::Unit;

use super::axis::Axis;
use super::canvas::{Align, Canvas, Type};
use super::number;
use super::palette::{AXIS, Colour, GRID, LABEL, NOTE, STRONG, WHITE};
use super::sheet::Area;

/// A bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What stands left of it.
    pub(crate) name: String,
    /// As many as there are colours, in the unit of the bars.
    pub(crate) parts: Vec<f64>,
    /// Written at its end, after the total.
    pub(crate) detail: String,
}

/// Bars on a common scale.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    /// What they measure.
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) colours: Vec<Colour>,
    pub(crate) bars: Vec<Bar>,
}

/// Of a bar and the gap after it.
const ROW: f64 = 46.0;
const THICKNESS: f64 = 27.0;
/// Below the last bar: ticks and the title of the axis.
const BELOW: f64 = 46.0;
/// Widest name that is written in full.
const WIDEST_NAME: f64 = 190.0;
/// Between a bar and what is written beside it.
const GAP: f64 = 8.0;

impl Bars {
    /// Height that these bars take.
    pub(crate) fn height(&self) -> f64 {
        ROW * self.bars.len() as f64 + BELOW
    }

    /// Draws into the upper part of `area`.
    pub(crate) fn draw(&self, canvas: &mut Canvas, area: Area) {
        let totals: Vec<f64> = self.bars.iter().map(|bar| bar.parts.iter().sum()).collect();
        let largest = totals.iter().copied().fold(0.0, f64::max);
        let scale = number::scale([largest], self.unit);
        let axis = Axis::from_zero(&self.title, largest, self.unit);
        let names = self.bars.iter().map(|bar| STRONG.width(&bar.name)).fold(0.0, f64::max).min(WIDEST_NAME);
        let written =
            self.bars.iter().zip(&totals).map(|(bar, total)| {
                STRONG.width(&number::with_unit(*total, scale)).max(NOTE.width(&bar.detail))
            });
        let left = area.left + names + GAP + 2.0;
        let right = area.right - written.fold(0.0, f64::max) - GAP - 2.0;
        let x = |value: f64| left + axis.share(value) * (right - left);
        let bottom = area.top + ROW * self.bars.len() as f64;
        for (value, text) in &axis.ticks {
            canvas.line(vec![(x(*value), area.top), (x(*value), bottom)], 1.0, GRID);
            canvas.text((x(*value), bottom + 16.0), Align::Centre, text, LABEL);
        }
        for (index, (bar, total)) in self.bars.iter().zip(&totals).enumerate() {
            let middle = area.top + ROW * (index as f64 + 0.5);
            let name = STRONG.fit(&bar.name, WIDEST_NAME);
            canvas.text((left - GAP, middle + STRONG.drop()), Align::Right, &name, STRONG);
            self.draw_parts(canvas, bar, middle, &x);
            let beside = x(*total) + GAP;
            let rise = if bar.detail.is_empty() { 0.0 } else { 7.5 };
            let total = number::with_unit(*total, scale);
            canvas.text((beside, middle - rise + STRONG.drop()), Align::Left, &total, STRONG);
            canvas.text((beside, middle + rise + NOTE.drop()), Align::Left, &bar.detail, NOTE);
        }
        canvas.line(vec![(left, area.top), (left, bottom)], 1.0, AXIS);
        canvas.text((right, bottom + 36.0), Align::Right, &axis.title, STRONG);
    }

    /// One part after the other, each with its number where there is room.
    fn draw_parts(&self, canvas: &mut Canvas, bar: &Bar, middle: f64, x: &impl Fn(f64) -> f64) {
        let largest = bar.parts.iter().copied().fold(0.0, f64::max);
        let scale = number::scale([largest], self.unit);
        let mut from = 0.0;
        for (value, colour) in bar.parts.iter().zip(&self.colours) {
            let (start, end) = (x(from), x(from + value));
            from += value;
            canvas.rectangle((start, middle - THICKNESS / 2.0), (end - start, THICKNESS), *colour);
            // A white line between parts, as long as it leaves something of them.
            if end - start > 3.0 {
                canvas.line(
                    vec![(end, middle - THICKNESS / 2.0), (end, middle + THICKNESS / 2.0)],
                    1.0,
                    WHITE,
                );
            }
            let style = Type { size: 11.0, colour: colour.ink(), ..LABEL };
            let text = number::without_unit(*value, scale);
            if style.width(&text) + 6.0 <= end - start {
                canvas.text((f64::midpoint(start, end), middle + style.drop()), Align::Centre, &text, style);
            }
        }
    }
}

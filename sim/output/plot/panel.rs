//! A pair of axes to draw lines in.

use super::axis::Axis;
use super::canvas::{Align, Canvas, Point};
use super::palette::{AXIS, Colour, FAINT, GRID, LABEL, Look, NOTE, STRONG};
use super::sheet::Area;
use super::spread::spread_within;

/// Axes around an area.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Between the axes.
    pub(crate) area: Area,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

/// Room above the axes (for the vertical one's title) and below (for ticks and the horizontal one's title).
const ABOVE: f64 = 26.0;
const BELOW: f64 = 44.0;
const LABEL_LINE: f64 = 17.0;
const WARM_UP: Colour = Colour(244, 244, 244);

impl Panel {
    /// Axes that fill `area` together with what is written at them; `right` is left free for labels of lines.
    pub(crate) fn new(area: Area, x: Axis, y: Axis, right: f64) -> Self {
        let ticks = y.ticks.iter().map(|(_, text)| LABEL.width(text)).fold(0.0, f64::max);
        let inner = Area {
            left: area.left + ticks + 10.0,
            top: area.top + ABOVE,
            right: area.right - right,
            bottom: area.bottom - BELOW,
        };
        Self { area: inner, x, y }
    }

    /// Where a pair of values stands.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        let Area { left, bottom, .. } = self.area;
        (left + self.x.share(x) * self.area.width(), bottom - self.y.share(y) * self.area.height())
    }

    /// Grid, axes, ticks and titles.
    pub(crate) fn draw(&self, canvas: &mut Canvas) {
        let Area { left, top, right, bottom } = self.area;
        for (value, text) in &self.y.ticks {
            let (_, y) = self.at(self.x.ends.0, *value);
            canvas.line(vec![(left, y), (right, y)], 1.0, GRID);
            canvas.text((left - 8.0, y + LABEL.drop()), Align::Right, text, LABEL);
        }
        for (value, text) in &self.x.ticks {
            let (x, _) = self.at(*value, self.y.ends.0);
            canvas.line(vec![(x, top), (x, bottom)], 1.0, GRID);
            canvas.line(vec![(x, bottom), (x, bottom + 4.0)], 1.0, AXIS);
            canvas.text((x, bottom + 18.0), Align::Centre, text, LABEL);
        }
        canvas.line(vec![(left, bottom), (right, bottom)], 1.0, AXIS);
        canvas.text((left, top - 12.0), Align::Left, &self.y.title, STRONG);
        canvas.text((right, bottom + 38.0), Align::Right, &self.x.title, STRONG);
    }

    /// Puts on grey what lies before `end`, the transient that counts for nothing else.
    pub(crate) fn shade_warm_up(&self, canvas: &mut Canvas, end: f64, is_named: bool) {
        let Area { left, top, bottom, .. } = self.area;
        let width = self.at(end, self.y.ends.0).0 - left;
        canvas.rectangle((left, top), (width, self.area.height()), WARM_UP);
        if is_named && width > NOTE.width("warm-up") + 8.0 {
            // Runs start with few requests: lines rise to the right, and seldom touch the lower corner.
            let at = (left + width - 4.0, bottom - 4.0 - LABEL.drop());
            canvas.text(at, Align::Right, "warm-up", NOTE);
        }
    }
}

/// Brings panels that stand above each other in line; only at the last one's horizontal axis is anything written.
pub(crate) fn align(panels: &mut [Panel]) {
    let left = panels.iter().map(|panel| panel.area.left).fold(0.0, f64::max);
    let last = panels.len().saturating_sub(1);
    for (index, panel) in panels.iter_mut().enumerate() {
        panel.area.left = left;
        if index < last {
            panel.x.title.clear();
            panel.x.ticks.iter_mut().for_each(|(_, text)| text.clear());
        }
    }
}

/// The name of a line beside its end.
#[derive(Clone, Debug)]
pub(crate) struct LineLabel {
    /// Where the line ends.
    pub(crate) end: Point,
    pub(crate) name: String,
    /// A second, fainter line; may be empty.
    pub(crate) detail: String,
    pub(crate) look: Look,
}

/// Writes the names of lines in a column that begins at `left`, none over another one.
pub(crate) fn label_lines(canvas: &mut Canvas, area: Area, left: f64, labels: &[LineLabel]) {
    let has_detail = labels.iter().any(|label| !label.detail.is_empty());
    let height = if has_detail { 2.0 * LABEL_LINE + 4.0 } else { LABEL_LINE + 3.0 };
    let wanted: Vec<f64> = labels.iter().map(|label| label.end.1).collect();
    let half = height / 2.0;
    let places = spread_within(&wanted, height, (area.top + half, area.bottom - half));
    for (label, y) in labels.iter().zip(places) {
        let elbow = left + 8.0;
        canvas.line(vec![(label.end.0 + 6.0, label.end.1), (left, label.end.1), (elbow, y)], 0.8, FAINT);
        label.look.sample(canvas, (elbow + 20.0, y));
        let (x, room) = (elbow + 42.0, canvas.width - elbow - 46.0);
        let rise = if label.detail.is_empty() { 0.0 } else { LABEL_LINE / 2.0 };
        canvas.text((x, y - rise + LABEL.drop()), Align::Left, &STRONG.fit(&label.name, room), STRONG);
        canvas.text((x, y + rise + LABEL.drop()), Align::Left, &NOTE.fit(&label.detail, room), NOTE);
    }
}

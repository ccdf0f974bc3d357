//! What every picture has: a title that says what it shows, a line that says of what, and a caption below.

use crate::output::Run;

use super::Picture;
use super::canvas::{Align, Canvas, Point};
use super::number;
use super::palette::{NOTE, TITLE};

/// Between the edge and everything.
pub(crate) const MARGIN: f64 = 22.0;
/// Width of most pictures.
pub(crate) const WIDTH: f64 = 960.0;
const NOTE_LINE: f64 = 16.0;

/// What is written around a picture.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    /// File name without folder and extension, before it is made safe.
    pub(crate) name: String,
    pub(crate) title: String,
    /// Scenario, entry, replications.
    pub(crate) subtitle: String,
    /// How to read it.
    pub(crate) caption: String,
}

/// A rectangle to draw in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// A picture under way: the frame is drawn, the area is to be filled.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) canvas: Canvas,
    pub(crate) area: Area,
    heading: Heading,
}

impl Sheet {
    /// A sheet with an area of the given size for the picture itself.
    pub(crate) fn new(heading: Heading, (width, height): (f64, f64)) -> Self {
        let notes = NOTE.wrap(&heading.caption, width);
        let top = MARGIN + 46.0;
        let bottom = top + height;
        let full = bottom + 12.0 + NOTE_LINE * notes.len() as f64 + MARGIN - 8.0;
        let mut canvas = Canvas::new((width + 2.0 * MARGIN).ceil(), full.ceil());
        canvas.text((MARGIN, MARGIN + 12.0), Align::Left, &TITLE.fit(&heading.title, width), TITLE);
        canvas.text((MARGIN, MARGIN + 32.0), Align::Left, &NOTE.fit(&heading.subtitle, width), NOTE);
        for (line, note) in notes.iter().enumerate() {
            let y = bottom + 12.0 + NOTE_LINE * (line as f64 + 0.7);
            canvas.text((MARGIN, y), Align::Left, note, NOTE);
        }
        let area = Area { left: MARGIN, top, right: MARGIN + width, bottom };
        Self { canvas, area, heading }
    }

    pub(crate) fn finish(self) -> Picture {
        let Heading { name, title, caption, .. } = self.heading;
        Picture { name, title, caption, canvas: self.canvas }
    }
}

impl Area {
    pub(crate) fn width(self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(self) -> f64 {
        self.bottom - self.top
    }

    pub(crate) const fn corner(self) -> Point {
        (self.left, self.top)
    }
}

/// `bookinfo · 10 replications of 60 s`, with `what` between if there is something to say.
pub(crate) fn subtitle(run: &Run<'_>, what: &str) -> String {
    let replications = number::count(run.records.len(), "replication");
    let window = run.records.first().map_or(0.0, |record| record.window as f64 / 1e9);
    let length = format!("{replications} of {} s", number::round(window));
    let parts = [run.labels.scenario.as_str(), what, &length];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

//! A picture as a list of shapes, before anything is drawn: what every picture is made of, and what tests look at.
//!
//! Coordinates are in points from the upper left corner, `y` downwards.

use super::font::{self, Weight};
use super::palette::{Colour, WHITE};

/// Horizontal and vertical position.
pub(crate) type Point = (f64, f64);

/// A picture of a given size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Canvas {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Later ones cover earlier ones.
    pub(super) shapes: Vec<Shape>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// A filled polygon.
    Polygon { corners: Vec<Point>, colour: Colour },
    /// A line through points.
    Line { points: Vec<Point>, colour: Colour, width: f64 },
    /// A filled circle.
    Disc { centre: Point, radius: f64, colour: Colour },
    /// One line of text; `at` is the left end of its base line.
    Text { at: Point, text: String, style: Type },
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Type {
    /// Height of an em.
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) colour: Colour,
}

/// Which part of a text stands at the given point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

/// Lengths of strokes and gaps in turn; empty for a solid line.
pub(crate) type Dash = &'static [f64];

impl Canvas {
    pub(crate) const fn new(width: f64, height: f64) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    pub(crate) fn polygon(&mut self, corners: Vec<Point>, colour: Colour) {
        self.shapes.push(Shape::Polygon { corners, colour });
    }

    pub(crate) fn rectangle(&mut self, (x, y): Point, (width, height): (f64, f64), colour: Colour) {
        if width > 0.0 && height > 0.0 {
            let corners = vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)];
            self.polygon(corners, colour);
        }
    }

    /// A rectangle with a border inside its edge.
    pub(crate) fn boxed(
        &mut self,
        (x, y): Point,
        (width, height): (f64, f64),
        border: f64,
        colours: [Colour; 2],
    ) {
        let [edge, inside] = colours;
        self.rectangle((x, y), (width, height), edge);
        self.rectangle((x + border, y + border), (width - 2.0 * border, height - 2.0 * border), inside);
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, width: f64, colour: Colour) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, colour, width });
        }
    }

    pub(crate) fn dashed(&mut self, points: &[Point], dash: Dash, width: f64, colour: Colour) {
        for stroke in strokes(points, dash) {
            self.line(stroke, width, colour);
        }
    }

    pub(crate) fn disc(&mut self, centre: Point, radius: f64, colour: Colour) {
        self.shapes.push(Shape::Disc { centre, radius, colour });
    }

    /// A circle that is not filled.
    pub(crate) fn ring(&mut self, centre: Point, radius: f64, width: f64, colour: Colour) {
        let points = (0..=48).map(|step| {
            let angle = f64::from(step) * std::f64::consts::TAU / 48.0;
            (centre.0 + radius * libm::cos(angle), centre.1 + radius * libm::sin(angle))
        });
        self.line(points.collect(), width, colour);
    }

    /// Writes `text` with its base line at the height of `at`.
    pub(crate) fn text(&mut self, at: Point, align: Align, text: &str, style: Type) {
        let text = printable(text);
        let width = style.width(&text);
        let left = match align {
            Align::Left => 0.0,
            Align::Centre => width / 2.0,
            Align::Right => width,
        };
        if !text.is_empty() {
            self.shapes.push(Shape::Text { at: (at.0 - left, at.1), text, style });
        }
    }

    /// The same on a white ground, so that lines do not run through the letters.
    pub(crate) fn text_on_ground(&mut self, at: Point, align: Align, text: &str, style: Type) {
        let (width, margin) = (style.width(text), 2.0);
        let left = match align {
            Align::Left => at.0,
            Align::Centre => at.0 - width / 2.0,
            Align::Right => at.0 - width,
        };
        let corner = (left - margin, at.1 - 0.8 * style.size - margin / 2.0);
        self.rectangle(corner, (width + 2.0 * margin, style.size + margin), WHITE);
        self.text(at, align, text, style);
    }
}

impl Type {
    /// Width of a text on one line.
    pub(crate) fn width(self, text: &str) -> f64 {
        font::width(text, self.size, self.weight)
    }

    /// How far below the middle of the capitals the base line is.
    pub(crate) fn drop(self) -> f64 {
        0.36 * self.size
    }

    /// The text, its end replaced by `…` if it is wider than `width`.
    pub(crate) fn fit(self, text: &str, width: f64) -> String {
        let text = printable(text);
        if self.width(&text) <= width {
            return text;
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let shortened = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.width(&shortened) <= width {
                return shortened;
            }
        }
        String::new()
    }

    /// The text in lines no wider than `width`, broken between words.
    pub(crate) fn wrap(self, text: &str, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let word = self.fit(word, width);
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}")) <= width => {
                    line.push(' ');
                    line.push_str(&word);
                }
                _ => lines.push(word),
            }
        }
        lines
    }
}

/// A text that an XML file may hold and a font can show: what cannot be seen becomes a mark.
fn printable(text: &str) -> String {
    let hidden = |character: char| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|character| if hidden(character) { '\u{fffd}' } else { character }).collect()
}

/// The parts of a line that its dashes cover.
fn strokes(points: &[Point], dash: Dash) -> Vec<Vec<Point>> {
    if dash.is_empty() {
        return vec![points.to_vec()];
    }
    let mut strokes: Vec<Vec<Point>> = Vec::new();
    let mut place = 0;
    let mut left = dash[0];
    let mut current: Vec<Point> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut length = distance(from, to);
        while length > left {
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            length -= left;
            if place % 2 == 0 {
                extend(&mut current, from);
                strokes.push(std::mem::take(&mut current));
            }
            place += 1;
            left = dash[place % dash.len()];
            current = vec![from];
        }
        left -= length;
        extend(&mut current, to);
    }
    if place % 2 == 0 {
        strokes.push(current);
    }
    strokes
}

/// Adds a point unless the line already ends there.
fn extend(line: &mut Vec<Point>, point: Point) {
    if line.last() != Some(&point) {
        line.push(point);
    }
}

fn distance(from: Point, to: Point) -> f64 {
    let (x, y) = (to.0 - from.0, to.1 - from.1);
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::palette::INK;
    use super::*;

    const PLAIN: Type = Type { size: 12.0, weight: Weight::Regular, colour: INK };

    #[test]
    fn dashes_cover_their_share_of_a_line() {
        let line = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)];
        let strokes = strokes(&line, &[4.0, 2.0]);
        assert_eq!(
            strokes,
            [
                vec![(0.0, 0.0), (4.0, 0.0)],
                vec![(6.0, 0.0), (10.0, 0.0)],
                vec![(10.0, 2.0), (10.0, 6.0)],
                vec![(10.0, 8.0), (10.0, 10.0)],
            ]
        );
    }

    #[test]
    fn text_that_is_too_wide_is_cut_with_a_mark() {
        assert_eq!(PLAIN.fit("web", 100.0), "web");
        let cut = PLAIN.fit("a-service-with-a-very-long-name", 100.0);
        assert!(cut.starts_with("a-serv") && cut.ends_with('…') && PLAIN.width(&cut) <= 100.0, "{cut}");
        assert_eq!(PLAIN.fit("web", 1.0), "");
    }

    #[test]
    fn lines_break_between_words_and_lose_none() {
        let text = "the quick brown fox jumps over the lazy dog";
        let lines = PLAIN.wrap(text, 90.0);
        assert!(lines.len() > 2 && lines.iter().all(|line| PLAIN.width(line) <= 90.0));
        assert_eq!(lines.join(" "), text);
    }
}

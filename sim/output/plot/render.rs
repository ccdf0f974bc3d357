//! A canvas as SVG and as PNG. Only this file knows plotters.
//!
//! plotters places shapes on whole pixels, so both are drawn larger than they are shown: an SVG says so in its view box,
//! a PNG is averaged down to twice the size in points, which screens of today show sharp.

use plotters::backend::{BitMapBackend, DrawingBackend, RGBPixel, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, IntoFont as _, RGBColor, ShapeStyle, TextStyle};

use super::canvas::{Canvas, Point, Shape, Type};
use super::font::{self, FAMILY, Weight};
use super::palette::Colour;

/// Units of an SVG per point.
const SVG_SCALE: f64 = 8.0;
/// Pixels of a PNG per point.
const PNG_SCALE: u32 = 2;
/// Dots that are averaged to a pixel, each way.
const DOTS: u32 = 2;
/// What plotters divides a font's size by when it writes an SVG, and how far below its anchor it puts the base line.
const SVG_FONT: (f64, f64) = (1.24, 0.76);

/// The picture as a text of XML.
pub(super) fn svg(canvas: &Canvas) -> String {
    let size = ((canvas.width * SVG_SCALE) as u32, (canvas.height * SVG_SCALE) as u32);
    let mut text = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut text, size);
        shape(
            &mut backend,
            &Shape::Polygon { corners: page(canvas), colour: super::palette::WHITE },
            SVG_SCALE,
        );
        for each in &canvas.shapes {
            match each {
                Shape::Text { at, text, style } => svg_text(&mut backend, *at, text, *style),
                other => shape(&mut backend, other, SVG_SCALE),
            }
        }
        backend.present().expect("a string takes any text");
    }
    let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let shown = format!("width=\"{}\" height=\"{}\"", canvas.width as u32, canvas.height as u32);
    text.replacen(&drawn, &shown, 1)
}

/// The picture as a PNG file.
pub(super) fn png(canvas: &Canvas) -> Vec<u8> {
    let (width, height) = (canvas.width as u32 * PNG_SCALE, canvas.height as u32 * PNG_SCALE);
    let size = (width * DOTS, height * DOTS);
    let mut dots = vec![u8::MAX; size.0 as usize * size.1 as usize * 3];
    {
        let scale = f64::from(PNG_SCALE * DOTS);
        let mut backend = BitMapBackend::<RGBPixel>::with_buffer_and_format(&mut dots, size)
            .expect("the buffer is as large as it must be");
        for each in &canvas.shapes {
            match each {
                Shape::Text { at, text, style } => png_text(&mut backend, *at, text, *style, scale),
                Shape::Line { points, colour, width } => {
                    png_line(&mut backend, points, *colour, *width, scale)
                }
                other => shape(&mut backend, other, scale),
            }
        }
        backend.present().expect("a buffer needs no saving");
    }
    encode(&averaged(&dots, width, height), width, height)
}

fn page(canvas: &Canvas) -> Vec<Point> {
    vec![(0.0, 0.0), (canvas.width, 0.0), (canvas.width, canvas.height), (0.0, canvas.height)]
}

/// Draws anything but text.
fn shape<B: DrawingBackend>(backend: &mut B, shape: &Shape, scale: f64) {
    let placed = |&(x, y): &Point| ((x * scale).round() as i32, (y * scale).round() as i32);
    let drawn = match shape {
        Shape::Polygon { corners, colour } => match corners[..] {
            // Rectangles with upright sides have sharp edges.
            [from, (right, top), to, (left, bottom)]
                if (right, top) == (to.0, from.1) && (left, bottom) == (from.0, to.1) =>
            {
                backend.draw_rect(placed(&from), placed(&to), &style(*colour, 1), true)
            }
            _ => backend.fill_polygon(corners.iter().map(placed), &style(*colour, 1)),
        },
        Shape::Line { points, colour, width } => {
            let width = (width * scale).round().max(1.0) as u32;
            backend.draw_path(points.iter().map(placed), &style(*colour, width))
        }
        Shape::Disc { centre, radius, colour } => {
            backend.draw_circle(placed(centre), (radius * scale).round() as u32, &style(*colour, 1), true)
        }
        Shape::Text { .. } => Ok(()),
    };
    assert!(drawn.is_ok(), "memory takes any shape");
}

fn svg_text(backend: &mut SVGBackend<'_>, (x, y): Point, text: &str, style: Type) {
    let (divisor, drop) = SVG_FONT;
    let em = style.size * SVG_SCALE;
    let weight = if style.weight == Weight::Bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = (FAMILY, em * divisor, weight).into_font();
    let colour = rgb(style.colour);
    let anchored = TextStyle::from(font).color(&colour).pos(Pos::new(HPos::Left, VPos::Top));
    let at = ((x * SVG_SCALE).round() as i32, (y * SVG_SCALE - drop * em).round() as i32);
    let drawn = backend.draw_text(text, &anchored, at);
    assert!(drawn.is_ok(), "a string takes any text");
}

fn png_text(backend: &mut BitMapBackend<'_>, at: Point, text: &str, style: Type, scale: f64) {
    let (width, height) = backend.get_size();
    let colour = rgb(style.colour);
    font::draw(
        text,
        style.size * scale,
        style.weight,
        (at.0 * scale, at.1 * scale),
        |column, row, coverage| {
            let inside = (0..width as i32).contains(&column) && (0..height as i32).contains(&row);
            if inside && coverage > 0.0 {
                let drawn = backend.draw_pixel((column, row), colour.mix(coverage).to_backend_color());
                assert!(drawn.is_ok(), "a buffer takes any pixel");
            }
        },
    );
}

/// A line as a row of upright or slanted bars with round joints: plotters' own lines fray where they bend.
fn png_line(backend: &mut BitMapBackend<'_>, points: &[Point], colour: Colour, width: f64, scale: f64) {
    let half = width / 2.0;
    for pair in points.windows(2) {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let (across, down) = (to_x - x, to_y - y);
        let length = (across * across + down * down).sqrt();
        if length > 0.0 {
            let (side_x, side_y) = (-down / length * half, across / length * half);
            let corners = vec![
                (x + side_x, y + side_y),
                (to_x + side_x, to_y + side_y),
                (to_x - side_x, to_y - side_y),
                (x - side_x, y - side_y),
            ];
            shape(backend, &Shape::Polygon { corners, colour }, scale);
        }
    }
    // Thin lines need no joints, and a line's ends stay flat.
    if width > 1.2 && points.len() > 2 {
        for &centre in &points[1..points.len() - 1] {
            shape(backend, &Shape::Disc { centre, radius: half, colour }, scale);
        }
    }
}

fn style(colour: Colour, stroke_width: u32) -> ShapeStyle {
    ShapeStyle { color: rgb(colour).to_rgba(), filled: true, stroke_width }
}

const fn rgb(Colour(red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

/// The mean of each square of dots.
fn averaged(dots: &[u8], width: u32, height: u32) -> Vec<u8> {
    let (width, height, side) = (width as usize, height as usize, DOTS as usize);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for row in 0..height {
        for column in 0..width {
            for channel in 0..3 {
                let mut sum = 0_usize;
                for dot in 0..side * side {
                    let line = row * side + dot / side;
                    let place = line * width * side + column * side + dot % side;
                    sum += usize::from(dots[place * 3 + channel]);
                }
                pixels.push(((sum + side * side / 2) / (side * side)) as u8);
            }
        }
    }
    pixels
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels))
        .expect("a vector takes any picture");
    bytes
}

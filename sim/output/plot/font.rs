//! The font of all pictures, part of the program: DejaVu Sans, regular and bold.
//!
//! plotters would set glyphs without their left bearing, so PNG text is set here; an SVG names the font and leaves the
//! setting to its viewer. The font may be part of a program (Bitstream Vera licence; DejaVu's changes are public
//! domain). Widths are those of DejaVu, which is wider than most fonts a viewer may take instead.

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont as _, point};

/// What an SVG asks for, best first.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// How heavy letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// Width of a text on one line when an em is `size` high.
pub(super) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let (_, end) = set(text, size, weight);
    end
}

/// Covers pixels (column, row, coverage in 0 to 1) with a text whose base line begins at `(x, y)`.
pub(super) fn draw(
    text: &str,
    size: f64,
    weight: Weight,
    (x, y): (f64, f64),
    mut pixel: impl FnMut(i32, i32, f64),
) {
    let font = face(weight);
    for mut glyph in set(text, size, weight).0 {
        glyph.position.x += x as f32;
        glyph.position.y += y as f32;
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|column, row, coverage| {
            pixel(
                corner.x as i32 + column.cast_signed(),
                corner.y as i32 + row.cast_signed(),
                f64::from(coverage),
            );
        });
    }
}

/// Glyphs side by side on a base line at zero, and where the text ends.
fn set(text: &str, size: f64, weight: Weight) -> (Vec<Glyph>, f64) {
    let font = face(weight);
    let units_per_em = font.units_per_em().expect("the font says how large its em is");
    let scale = PxScale::from(size as f32 * font.height_unscaled() / units_per_em);
    let scaled = font.as_scaled(scale);
    let mut glyphs: Vec<Glyph> = Vec::new();
    let mut end = 0.0;
    for character in text.chars() {
        let id = font.glyph_id(character);
        if let Some(last) = glyphs.last() {
            end += scaled.kern(last.id, id);
        }
        glyphs.push(id.with_scale_and_position(scale, point(end, 0.0)));
        end += scaled.h_advance(id);
    }
    (glyphs, f64::from(end))
}

fn face(weight: Weight) -> FontRef<'static> {
    let bytes = match weight {
        Weight::Regular => dejavu::sans::regular(),
        Weight::Bold => dejavu::sans::bold(),
    };
    FontRef::try_from_slice(bytes).expect("the font in the program is a font")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font_and_grow_with_size() {
        // DejaVu Sans: a digit is 1303 of 2048 units wide.
        let digit = width("0", 100.0, Weight::Regular);
        assert!((digit - 100.0 * 1303.0 / 2048.0).abs() < 0.01, "{digit}");
        assert!((width("00", 50.0, Weight::Regular) - digit).abs() < 0.01);
        assert!(width("mesh", 12.0, Weight::Bold) > width("mesh", 12.0, Weight::Regular));
        assert_eq!(width("", 12.0, Weight::Regular), 0.0);
    }

    #[test]
    fn glyphs_stand_where_they_belong() {
        let mut columns = Vec::new();
        draw("l", 100.0, Weight::Regular, (10.0, 200.0), |column, row, coverage| {
            assert!((100..=200).contains(&row));
            if coverage > 0.5 {
                columns.push(column);
            }
        });
        // The stem of an l: 193 to 377 of 2048 units after the pen.
        assert_eq!((columns.iter().min(), columns.iter().max()), (Some(&19), Some(&27)));
    }
}

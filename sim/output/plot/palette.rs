//! Colours that colour-blind readers tell apart (Okabe and Ito, 2008), and with each a dash and a marker for grey print.

use crate::policy::pod_start::Stage;
use crate::vocabulary::failure::Cause;

use super::canvas::{Align, Canvas, Dash, Point, Type};
use super::font::Weight;

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(crate) const WHITE: Colour = Colour(255, 255, 255);
/// Text and whatever must be read.
pub(crate) const INK: Colour = Colour(34, 34, 34);
/// Text beside what must be read.
pub(crate) const FAINT: Colour = Colour(105, 105, 105);
/// Lines to read values off.
pub(crate) const GRID: Colour = Colour(226, 226, 226);
/// Axes.
pub(crate) const AXIS: Colour = Colour(120, 120, 120);
/// The application: what is there without a mesh, too.
pub(crate) const APPLICATION: Colour = Colour(190, 190, 190);

/// Black would outweigh all else where it fills an area.
const DARK: Colour = Colour(85, 85, 85);
const BLACK: Colour = Colour(0, 0, 0);
const ORANGE: Colour = Colour(230, 159, 0);
const SKY: Colour = Colour(86, 180, 233);
const GREEN: Colour = Colour(0, 158, 115);
const YELLOW: Colour = Colour(240, 228, 66);
const BLUE: Colour = Colour(0, 114, 178);
const VERMILLION: Colour = Colour(213, 94, 0);
const PURPLE: Colour = Colour(204, 121, 167);

/// How the lines of a mesh look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub(crate) colour: Colour,
    pub(crate) dash: Dash,
    pub(crate) marker: Marker,
}

/// The shape that stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Disc,
    Square,
    Triangle,
    Diamond,
    Upended,
}

/// Meshes that keep their look whatever they are compared with.
const KNOWN: [(&str, Look); 5] = [
    ("none", Look { colour: BLACK, dash: &[], marker: Marker::Disc }),
    ("istio-sidecar", Look { colour: BLUE, dash: &[9.0, 3.0], marker: Marker::Square }),
    ("istio-ambient", Look { colour: SKY, dash: &[2.5, 2.5], marker: Marker::Triangle }),
    ("istio-ambient-waypoint", Look { colour: GREEN, dash: &[9.0, 3.0, 2.5, 3.0], marker: Marker::Diamond }),
    ("linkerd", Look { colour: VERMILLION, dash: &[5.0, 2.0], marker: Marker::Upended }),
];

/// For all others, in the order in which they appear.
const OTHERS: [Look; 6] = [
    Look { colour: PURPLE, dash: &[14.0, 4.0], marker: Marker::Disc },
    Look { colour: ORANGE, dash: &[7.0, 2.0, 2.0, 2.0, 2.0, 2.0], marker: Marker::Square },
    Look { colour: YELLOW, dash: &[4.0, 4.0], marker: Marker::Triangle },
    Look { colour: PURPLE, dash: &[2.0, 4.0], marker: Marker::Diamond },
    Look { colour: ORANGE, dash: &[12.0, 2.0], marker: Marker::Upended },
    Look { colour: YELLOW, dash: &[9.0, 5.0], marker: Marker::Disc },
];

/// A look for each mesh, by name.
pub(crate) fn looks(meshes: &[&str]) -> Vec<Look> {
    let mut others = OTHERS.iter().cycle();
    let known = |mesh: &str| KNOWN.iter().find(|(name, _)| *name == mesh).map(|(_, look)| *look);
    meshes
        .iter()
        .map(|mesh| known(mesh).unwrap_or_else(|| *others.next().expect("a cycle has no end")))
        .collect()
}

/// Parts that keep their colour wherever they appear; in their order on a bar, neighbours differ in lightness, too.
const PARTS: [(&str, Colour); 20] = [
    ("application", APPLICATION),
    ("queueing", YELLOW),
    ("outbound_proxy", BLUE),
    ("inbound_proxy", SKY),
    ("waypoint", GREEN),
    ("handshake", PURPLE),
    ("network", DARK),
    ("abandoned", VERMILLION),
    ("sidecars", BLUE),
    ("client sidecars", SKY),
    ("gateways", ORANGE),
    ("node proxies", PURPLE),
    ("waypoints", GREEN),
    ("control plane", VERMILLION),
    ("proxies themselves", APPLICATION),
    ("sent", BLUE),
    ("received", SKY),
    ("replaced pods", ORANGE),
    ("in Prometheus", VERMILLION),
    ("in proxies", SKY),
];

/// For parts not known here.
const OTHER_PARTS: [Colour; 3] = [ORANGE, YELLOW, BLACK];

/// A colour for each part, by name.
pub(crate) fn part_colours(parts: &[&str]) -> Vec<Colour> {
    let mut others = OTHER_PARTS.iter().cycle();
    let known = |part: &str| PARTS.iter().find(|(name, _)| *name == part).map(|(_, colour)| *colour);
    parts
        .iter()
        .map(|part| known(part).unwrap_or_else(|| *others.next().expect("a cycle has no end")))
        .collect()
}

/// A colour for a stage of a pod's start: greys for Kubernetes, one hue for the proxy's image and process, one for what it is
/// given, one for the application.
pub(crate) fn stage_colour(stage: Stage) -> Colour {
    let (lighter, darker) = (|hue: Colour| hue.towards(WHITE, 0.45), |hue: Colour| hue.towards(BLACK, 0.35));
    match stage {
        Stage::Schedule => DARK,
        Stage::Sandbox => APPLICATION,
        Stage::Init => AXIS,
        Stage::ProxyPull => lighter(BLUE),
        Stage::ProxyStart => BLUE,
        Stage::Certificate => PURPLE,
        Stage::Configuration => darker(PURPLE),
        Stage::Apply => lighter(PURPLE),
        Stage::ProxyReady => SKY,
        Stage::ApplicationPull => YELLOW,
        Stage::ApplicationStart => GREEN,
        Stage::Readiness => lighter(GREEN),
        Stage::Endpoint => VERMILLION,
    }
}

/// Requests that are answered well.
pub(crate) const GOOD: Colour = Colour(150, 214, 190);

/// A colour for what makes requests fail: one hue for timeouts, one for connections, one for endpoints.
pub(crate) fn cause_colour(cause: Cause) -> Colour {
    let (lighter, darker) = (|hue: Colour| hue.towards(WHITE, 0.45), |hue: Colour| hue.towards(BLACK, 0.35));
    match cause {
        Cause::Application => ORANGE,
        Cause::FaultAbort => DARK,
        Cause::DirectResponse => APPLICATION,
        Cause::NoRoute => BLACK,
        Cause::ConnectFailure => BLUE,
        Cause::RefusedStream => SKY,
        Cause::Reset => darker(BLUE),
        Cause::AttemptTimeout => VERMILLION,
        Cause::RequestTimeout => darker(VERMILLION),
        Cause::CallerTimeout => lighter(VERMILLION),
        Cause::Overflow => YELLOW,
        Cause::NoHealthyEndpoint => PURPLE,
        Cause::Ejected => darker(PURPLE),
        Cause::StaleEndpoint => lighter(PURPLE),
    }
}

impl Colour {
    /// How light it looks, in 0 to 1 (relative luminance of sRGB, gamma taken as 2.2).
    pub(crate) fn lightness(self) -> f64 {
        let linear = |channel: u8| libm::pow(f64::from(channel) / 255.0, 2.2);
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// What is readable on it.
    pub(crate) fn ink(self) -> Colour {
        if self.lightness() > 0.3 { INK } else { WHITE }
    }

    /// The colour `share` of the way to another one.
    pub(crate) fn towards(self, other: Self, share: f64) -> Self {
        let mix =
            |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

impl Look {
    /// A piece of line with a marker, centred, as legends show it.
    pub(crate) fn sample(self, canvas: &mut Canvas, (x, y): Point) {
        canvas.dashed(&[(x - 16.0, y), (x + 16.0, y)], self.dash, 2.0, self.colour);
        self.marker.draw(canvas, (x, y), self.colour);
    }
}

impl Marker {
    const RADIUS: f64 = 4.0;

    pub(crate) fn draw(self, canvas: &mut Canvas, at: Point, colour: Colour) {
        self.fill(canvas, at, Self::RADIUS, colour);
    }

    pub(crate) fn draw_hollow(self, canvas: &mut Canvas, at: Point, colour: Colour) {
        self.fill(canvas, at, Self::RADIUS + 0.6, colour);
        self.fill(canvas, at, Self::RADIUS - 1.4, WHITE);
    }

    fn fill(self, canvas: &mut Canvas, (x, y): Point, radius: f64, colour: Colour) {
        // Corners stand further out than a circle of the same look.
        let (wide, flat) = (radius * 1.2, radius * 0.9);
        match self {
            Self::Disc => canvas.disc((x, y), radius, colour),
            Self::Square => canvas.rectangle((x - flat, y - flat), (2.0 * flat, 2.0 * flat), colour),
            Self::Triangle => {
                canvas.polygon(vec![(x, y - wide), (x + wide, y + flat), (x - wide, y + flat)], colour);
            }
            Self::Diamond => {
                canvas.polygon(vec![(x, y - wide), (x + wide, y), (x, y + wide), (x - wide, y)], colour);
            }
            Self::Upended => {
                canvas.polygon(vec![(x, y + wide), (x - wide, y - flat), (x + wide, y - flat)], colour);
            }
        }
    }
}

/// Text sizes of all pictures.
pub(crate) const TITLE: Type = Type { size: 18.0, weight: Weight::Bold, colour: INK };
pub(crate) const LABEL: Type = Type { size: 12.5, weight: Weight::Regular, colour: INK };
pub(crate) const STRONG: Type = Type { size: 12.5, weight: Weight::Bold, colour: INK };
pub(crate) const NOTE: Type = Type { size: 11.5, weight: Weight::Regular, colour: FAINT };

/// Colour swatches with their words in lines no wider than `width`; gives the height they take.
pub(crate) fn legend(
    canvas: &mut Canvas,
    (left, top): Point,
    width: f64,
    entries: &[(Colour, String)],
) -> f64 {
    const LINE: f64 = 20.0;
    const SWATCH: f64 = 12.0;
    let (mut x, mut y) = (left, top);
    for (colour, word) in entries {
        let needed = SWATCH + 6.0 + LABEL.width(word);
        if x > left && x + needed > left + width {
            (x, y) = (left, y + LINE);
        }
        canvas.rectangle((x, y + 2.0), (SWATCH, SWATCH), *colour);
        canvas.text((x + SWATCH + 6.0, y + 8.0 + LABEL.drop()), Align::Left, word, LABEL);
        x += needed + 18.0;
    }
    if entries.is_empty() { 0.0 } else { y - top + LINE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_causes_share_a_colour() {
        let colours = Cause::ALL.map(|(_, cause)| cause_colour(cause));
        for (index, colour) in colours.iter().enumerate() {
            assert!(!colours[..index].contains(colour) && *colour != GOOD, "{}", Cause::ALL[index].0);
        }
    }

    #[test]
    fn meshes_differ_in_colour_and_in_grey_print() {
        let meshes =
            ["linkerd", "mine", "none", "istio-sidecar", "yours", "istio-ambient", "istio-ambient-waypoint"];
        let looks = looks(&meshes);
        for (index, one) in looks.iter().enumerate() {
            for other in &looks[..index] {
                assert_ne!(one.colour, other.colour);
                assert_ne!(one.dash, other.dash);
            }
        }
        assert_eq!(looks[0].colour, VERMILLION);
        assert_eq!(looks[2].colour, BLACK);
    }

    #[test]
    fn a_mesh_keeps_its_look_in_any_company() {
        assert_eq!(looks(&["linkerd"])[0], looks(&["none", "mine", "linkerd"])[2]);
        assert_eq!(looks(&["mine"])[0], looks(&["none", "mine"])[1]);
    }

    #[test]
    fn parts_of_a_response_time_differ_in_colour() {
        let colours = part_colours(&crate::metrics::record::PARTS);
        for (index, colour) in colours.iter().enumerate() {
            assert!(!colours[..index].contains(colour), "part {index}");
        }
    }

    #[test]
    fn words_on_a_colour_are_readable() {
        for (_, colour) in PARTS {
            let (ground, ink) = (colour.lightness(), colour.ink().lightness());
            let contrast = (ground.max(ink) + 0.05) / (ground.min(ink) + 0.05);
            assert!(contrast > 3.0, "{colour:?}: {contrast}");
        }
    }
}

//! `vary`: proxies and response time along the values of one key.

use crate::metrics::Unit;

use super::axis::Axis;
use super::canvas::Point;
use super::palette::{LABEL, Look, STRONG, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Area, Heading, Sheet, WIDTH};
use super::{Picture, number};

/// The picture's file name.
pub(in crate::output) const NAME: &str = "vary";

/// One mesh along the values of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct VaryCurve {
    /// Name of the scenario.
    pub scenario: String,
    /// The key.
    pub key: String,
    /// The entry whose response times are shown.
    pub entry: String,
    /// Name of the mesh profile.
    pub mesh: String,
    /// Independent replications behind each point.
    pub replications: usize,
    /// In the order in which they were asked for; the same values for every mesh.
    pub points: Vec<VaryPoint>,
}

/// What was measured with one value.
#[derive(Clone, Debug, PartialEq)]
pub struct VaryPoint {
    /// The value as it was written.
    pub setting: String,
    /// Bytes of all proxies together.
    pub proxy_memory: f64,
    /// Bytes of the largest proxy; `None` without any.
    pub largest: Option<f64>,
    /// Bytes of the largest proxy of the group whose proxies are smallest.
    pub smallest: Option<f64>,
    /// 99th percentile of the response time in seconds; `None` where nothing was answered.
    pub p99: Option<f64>,
    /// Cores of all proxies together.
    pub proxy_cpu: f64,
    /// Something could not keep up: the times grow with the length of the run.
    pub saturated: bool,
}

/// What a panel shows: title, unit and number.
type Shown = (&'static str, Unit, fn(&VaryPoint) -> Option<f64>);
const PANELS: [Shown; 4] = [
    ("memory of all proxies", Unit::Bytes, |point| Some(point.proxy_memory)),
    ("memory of the largest proxy", Unit::Bytes, |point| point.largest),
    ("p99 response time", Unit::Seconds, |point| point.p99),
    ("CPU of all proxies", Unit::Cores, |point| Some(point.proxy_cpu)),
];
/// The panel that shows the smallest, too.
const OF_LARGEST: usize = 1;
const LABELS: f64 = 262.0;
const ROW: f64 = 320.0;
const BETWEEN: f64 = 14.0;
/// Numbers that differ by more than this factor stand on a logarithmic axis.
const WIDE: f64 = 20.0;
/// Proxies that differ by less are alike.
const ALIKE: f64 = 1.02;
const MOST_TICKS: usize = 6;

/// The numbers that settings are, and the unit that is written behind all of them; `None` if they are none, or not of
/// one unit.
pub fn numbers_of<'a>(settings: &[&'a str]) -> Option<(Vec<f64>, &'a str)> {
    let split = |setting: &'a str| {
        let end = setting.find(|c: char| !(c.is_ascii_digit() || ".-+".contains(c))).unwrap_or(setting.len());
        let number: f64 = setting[..end].parse().ok()?;
        Some((number, setting[end..].trim()))
    };
    let all: Vec<(f64, &str)> = settings.iter().map(|setting| split(setting)).collect::<Option<_>>()?;
    let (_, unit) = *all.first()?;
    // `1e3`, `2x4`: what follows a number is a unit only if it holds no digit.
    let is_unit = !unit.contains(|c: char| c.is_ascii_digit()) && all.iter().all(|(_, own)| *own == unit);
    is_unit.then(|| (all.into_iter().map(|(number, _)| number).collect(), unit))
}

/// Where values stand, and in which order lines pass them.
struct Along {
    places: Vec<f64>,
    order: Vec<usize>,
    axis: Axis,
}

impl Along {
    fn new(key: &str, settings: &[&str], width: f64) -> Self {
        let numbers = numbers_of(settings).filter(|(numbers, _)| numbers.iter().all(|number| *number >= 0.0));
        let Some((places, unit)) = numbers else { return Self::categories(key, settings, width) };
        let title = if unit.is_empty() { key.to_owned() } else { format!("{key} ({unit})") };
        let title = STRONG.fit(&title, width);
        let least = places.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = places.iter().copied().fold(0.0, f64::max);
        let axis = if least > 0.0 && greatest > WIDE * least {
            Axis::logarithmic(&title, (least, greatest), Unit::Count).thinned(MOST_TICKS)
        } else {
            Axis::from_zero(&title, greatest, Unit::Count)
        };
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by(|&left, &right| places[left].total_cmp(&places[right]));
        Self { places, order, axis }
    }

    /// Side by side, as they were asked for.
    fn categories(key: &str, settings: &[&str], width: f64) -> Self {
        let step = width / settings.len() as f64;
        let widest = settings.iter().map(|setting| LABEL.width(setting)).fold(0.0, f64::max).min(width / 4.0);
        // So many share one name where there is no room for more.
        let shared = ((widest + 8.0) / step).ceil().max(1.0) as usize;
        let room = step * shared as f64 - 6.0;
        let name = |(index, setting): (usize, &&str)| {
            let text = if index.is_multiple_of(shared) { LABEL.fit(setting, room) } else { String::new() };
            (index as f64, text)
        };
        let ticks = settings.iter().enumerate().map(name).collect();
        let ends = (-0.5, settings.len() as f64 - 0.5);
        Self {
            places: (0..settings.len()).map(|index| index as f64).collect(),
            order: (0..settings.len()).collect(),
            axis: Axis::linear_with_ticks(&STRONG.fit(key, width), ends, ticks),
        }
    }
}

/// The picture; `None` where there is nothing to draw.
pub(super) fn picture(curves: &[VaryCurve]) -> Option<Picture> {
    let first = curves.first().filter(|curve| !curve.points.is_empty())?;
    let heading = Heading {
        name: NAME.to_owned(),
        title: format!("Proxies and response time along {}", first.key),
        subtitle: format!(
            "{} · {} for each value · response time of {}",
            first.scenario,
            number::count(first.replications, "replication"),
            first.entry
        ),
        caption: caption(curves),
    };
    let mut sheet = Sheet::new(heading, (WIDTH + 110.0, 2.0 * ROW));
    let half = (sheet.area.width() - LABELS) / 2.0;
    let settings: Vec<&str> = first.points.iter().map(|point| point.setting.as_str()).collect();
    let along = Along::new(&first.key, &settings, half - 80.0);
    let meshes: Vec<&str> = curves.iter().map(|curve| curve.mesh.as_str()).collect();
    let looks = looks(&meshes);
    for (index, shown) in PANELS.iter().enumerate() {
        let (row, column) = ((index / 2) as f64, (index % 2) as f64);
        let left = sheet.area.left + (half + BETWEEN) * column;
        let top = sheet.area.top + ROW * row;
        let area = Area { left, top, right: left + half - BETWEEN, bottom: top + ROW - 10.0 };
        let panel = Panel::new(area, along.axis.clone(), vertical(curves, shown), 6.0);
        panel.draw(&mut sheet.canvas);
        let mut labels = Vec::new();
        for (curve, look) in curves.iter().zip(&looks) {
            if index == OF_LARGEST && has_smaller(curve) {
                let line = placed(curve, &along, &panel, |point| point.smallest);
                let points: Vec<Point> = line.iter().map(|(at, _)| *at).collect();
                sheet.canvas.dashed(&points, &[1.5, 3.0], 1.8, look.colour);
            }
            let line = placed(curve, &along, &panel, shown.2);
            draw(&line, *look, &mut sheet);
            if let (Some(&(end, _)), Some(last)) = (line.last(), end_of(curve, &along, shown.2)) {
                let smaller = Some(curve).filter(|curve| index == OF_LARGEST && has_smaller(curve));
                let smallest = smaller.and_then(|curve| end_of(curve, &along, |point| point.smallest));
                let detail = detail(last, smallest, shown.1);
                labels.push(LineLabel { end, name: curve.mesh.clone(), detail, look: *look });
            }
        }
        if column > 0.0 {
            label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
        }
    }
    Some(sheet.finish())
}

fn caption(curves: &[VaryCurve]) -> String {
    let mut text = "Beside each line what its mesh has at the right end of that panel.".to_owned();
    if curves.iter().any(has_smaller) {
        text += " Dotted, in a mesh's colour: the largest proxy of the group whose proxies are smallest.";
    }
    if curves.iter().flat_map(|curve| &curve.points).any(|point| point.saturated) {
        text += " Hollow points are saturated: their times grow with the length of the run.";
    }
    text
}

/// Whether some group's proxies are smaller than others'.
fn has_smaller(curve: &VaryCurve) -> bool {
    let is_smaller = |point: &VaryPoint| {
        point.largest.zip(point.smallest).is_some_and(|(large, small)| large > ALIKE * small)
    };
    curve.points.iter().any(is_smaller)
}

/// From zero, unless numbers lie far apart.
fn vertical(curves: &[VaryCurve], (title, unit, of): &Shown) -> Axis {
    let values = || curves.iter().flat_map(|curve| &curve.points).filter_map(of);
    let greatest = values().fold(0.0, f64::max);
    let least = values().fold(f64::INFINITY, f64::min);
    if *unit == Unit::Seconds && least > 0.0 && greatest > WIDE * least {
        return Axis::logarithmic(title, (least, greatest), *unit).thinned(MOST_TICKS);
    }
    Axis::from_zero(title, greatest, *unit)
}

/// Where a curve's points stand, from left to right, and whether they are saturated.
fn placed(
    curve: &VaryCurve,
    along: &Along,
    panel: &Panel,
    of: fn(&VaryPoint) -> Option<f64>,
) -> Vec<(Point, bool)> {
    let at = |&index: &usize| {
        let point = curve.points.get(index)?;
        Some((panel.at(along.places[index], of(point)?), point.saturated))
    };
    along.order.iter().filter_map(at).collect()
}

/// The number at the right end of a curve.
fn end_of(curve: &VaryCurve, along: &Along, of: fn(&VaryPoint) -> Option<f64>) -> Option<f64> {
    along.order.iter().rev().find_map(|&index| of(curve.points.get(index)?))
}

/// `892 MiB, smallest 43.3 MiB`.
fn detail(value: f64, smallest: Option<f64>, unit: Unit) -> String {
    let value = number::alone(value, unit);
    smallest.map_or(value.clone(), |smallest| format!("{value}, smallest {}", number::alone(smallest, unit)))
}

fn draw(line: &[(Point, bool)], look: Look, sheet: &mut Sheet) {
    let points: Vec<Point> = line.iter().map(|(at, _)| *at).collect();
    sheet.canvas.dashed(&points, look.dash, 2.2, look.colour);
    for (at, saturated) in line {
        if *saturated {
            look.marker.draw_hollow(&mut sheet.canvas, *at, look.colour);
        } else {
            look.marker.draw(&mut sheet.canvas, *at, look.colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_numbers_if_they_share_a_unit() {
        assert_eq!(numbers_of(&["0", "100", "2.5"]), Some((vec![0.0, 100.0, 2.5], "")));
        assert_eq!(numbers_of(&["5ms", "20 ms"]), Some((vec![5.0, 20.0], "ms")));
        for none in [&["1ms", "1s"][..], &["a", "b"], &["1", "auto"], &["1e3", "2e3"], &[]] {
            assert_eq!(numbers_of(none), None, "{none:?}");
        }
    }

    #[test]
    fn values_far_apart_stand_on_a_logarithmic_axis_and_words_side_by_side() {
        let shares = |settings: &[&str]| -> Vec<f64> {
            let along = Along::new("key", settings, 300.0);
            let share = |&index: &usize| (along.axis.share(along.places[index]) * 1e6).round() / 1e6;
            along.order.iter().map(share).collect()
        };
        assert_eq!(shares(&["100", "1", "10"]), [0.0, 0.5, 1.0]);
        assert_eq!(shares(&["0", "100", "50"]), [0.0, 0.5, 1.0], "there is no logarithm of nothing");
        assert_eq!(shares(&["5", "10"]), [0.5, 1.0], "close together");
        assert_eq!(shares(&["b", "a"]), [0.25, 0.75], "as they were asked for");
        assert_eq!(shares(&["-1", "1"]), [0.25, 0.75]);
    }

    #[test]
    fn names_that_have_no_room_are_left_out() {
        let settings: Vec<String> = (0..64).map(|index| format!("policy-{index}")).collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let along = Along::new("key", &settings, 300.0);
        let named = along.axis.ticks.iter().filter(|(_, text)| !text.is_empty()).count();
        assert!((2..10).contains(&named), "{named}");
    }
}

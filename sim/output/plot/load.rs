//! `load-<entry>`: response times against load, with the knee of each mesh.

use crate::metrics::Unit;

use super::Picture;
use super::axis::Axis;
use super::canvas::Point;
use super::number;
use super::palette::{Look, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Area, Heading, Sheet, WIDTH};

/// Response times of one entry under one mesh at several loads.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadCurve {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the traffic source.
    pub entry: String,
    /// Name of the mesh profile.
    pub mesh: String,
    /// Independent replications behind each point.
    pub replications: usize,
    /// From the lowest load to the highest.
    pub points: Vec<LoadPoint>,
    /// For each draw of the mesh's constants the 99th percentile at each load, in seconds; `None` where requests were left.
    pub drawn: Vec<Vec<Option<f64>>>,
}

/// What was measured at one load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPoint {
    /// Load as a multiple of the scenario's own.
    pub factor: f64,
    /// Requests per second that arrive; zero where that is not known beforehand (users who wait for responses).
    pub offered_rate: f64,
    /// Median response time in seconds.
    pub p50: f64,
    /// 99th percentile of the response time in seconds.
    pub p99: f64,
    /// Responses per second.
    pub throughput: f64,
    /// Something could not keep up: the times grow with the length of the run.
    pub saturated: bool,
}

/// Beyond so many times its value at the lowest load, p99 is past the knee.
const KNEE: f64 = 3.0;
/// What the panels show: title and time.
type Shown = (&'static str, fn(&LoadPoint) -> f64);
const PANELS: [Shown; 2] =
    [("p50 response time", |point| point.p50), ("p99 response time", |point| point.p99)];
const LABELS: f64 = 262.0;
/// What ranges of knees are.
const DRAWN: &str = " In brackets: the knees of nine tenths of the draws of the mesh's constants.";

impl LoadCurve {
    /// The last load before p99 passes three times its value at the lowest load, or something saturates; `None` if even
    /// the lowest saturates.
    pub fn knee(&self) -> Option<&LoadPoint> {
        let lowest = self.points.first()?.p99;
        self.points.iter().take_while(|point| !point.saturated && point.p99 <= KNEE * lowest).last()
    }

    /// The knees of nine tenths of the draws as multiples of the scenario's load: from the 5th to the 95th percentile of
    /// those that have one, widened to hold the curve's own. In a draw the response time alone tells.
    pub fn knees_drawn(&self) -> Option<(f64, f64)> {
        let own = self.knee()?.factor;
        let mut knees: Vec<f64> = self.drawn.iter().filter_map(|times| self.knee_of(times)).collect();
        knees.sort_unstable_by(f64::total_cmp);
        // Loads were tried at steps: there is nothing between them.
        let last = knees.len().checked_sub(1)? as f64;
        let (low, high) = (knees[(0.05 * last) as usize], knees[(0.95 * last).ceil() as usize]);
        Some((low.min(own), high.max(own)))
    }

    fn knee_of(&self, times: &[Option<f64>]) -> Option<f64> {
        let lowest = (*times.first()?)?;
        let is_fast = |time: &Option<f64>| time.is_some_and(|time| time <= KNEE * lowest);
        let fast = times.iter().take_while(|time| is_fast(time)).count();
        Some(self.points.get(fast.checked_sub(1)?)?.factor)
    }

    /// The load at the knee is the highest that was tried.
    fn has_no_knee(&self) -> bool {
        self.knee() == self.points.last()
    }
}

/// A picture for each of the entries.
pub(super) fn pictures(curves: &[LoadCurve], entries: &[&str]) -> Vec<Picture> {
    let of = |entry: &&str| curves.iter().filter(|curve| curve.entry == *entry).collect::<Vec<_>>();
    entries.iter().filter_map(|entry| picture(&of(entry), entry)).collect()
}

fn picture(curves: &[&LoadCurve], entry: &str) -> Option<Picture> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let times = || points().flat_map(|point| [point.p50, point.p99]).filter(|time| *time > 0.0);
    let largest = times().fold(0.0, f64::max);
    if largest <= 0.0 {
        return None;
    }
    let first = curves.first()?;
    let by_rate = points().all(|point| point.offered_rate > 0.0);
    let load = move |point: &LoadPoint| if by_rate { point.offered_rate } else { point.factor };
    let heading = Heading {
        name: format!("load-{entry}"),
        title: match curves {
            [only] => format!("Response time of {entry} against load, and its knee, under {}", only.mesh),
            _ => format!("Response time of {entry} against load, with the knee of each mesh"),
        },
        subtitle: format!("{} · {} for each load", first.scenario, number::count(first.replications, "replication")),
        caption: "A ring marks the knee: the last load tried before p99 passes three times its value at the lowest load, or \
                  something saturates. Hollow points on a dotted line are saturated: their times grow with the length of \
                  the run."
            .to_owned()
            + if curves.iter().any(|curve| !curve.drawn.is_empty()) { DRAWN } else { "" },
    };
    let mut sheet = Sheet::new(heading, (WIDTH + 110.0, 420.0));
    let smallest = times().fold(f64::INFINITY, f64::min);
    let half = (sheet.area.width() - LABELS) / 2.0;
    let highest = points().map(load).fold(0.0, f64::max);
    let meshes: Vec<&str> = curves.iter().map(|curve| curve.mesh.as_str()).collect();
    let looks = looks(&meshes);
    for (index, (title, time)) in PANELS.iter().enumerate() {
        let left = sheet.area.left + half * index as f64 + 14.0 * index as f64;
        let area = Area { left, right: left + half - 14.0, ..sheet.area };
        let x = if by_rate {
            Axis::from_zero("offered requests per second", highest, Unit::Count)
        } else {
            Axis::from_zero("load, as a multiple of the scenario's", highest, Unit::Count)
        };
        let y = Axis::logarithmic(title, (smallest, largest), Unit::Seconds);
        let panel = Panel::new(area, x, y, 6.0);
        panel.draw(&mut sheet.canvas);
        let mut labels = Vec::new();
        for (curve, look) in curves.iter().zip(&looks) {
            let placed: Vec<Point> =
                curve.points.iter().map(|point| panel.at(load(point), time(point))).collect();
            draw(curve, &placed, *look, &mut sheet);
            if let Some(&end) = placed.last() {
                labels.push(LineLabel {
                    end,
                    name: curve.mesh.clone(),
                    detail: detail(curve, by_rate),
                    look: *look,
                });
            }
        }
        if index + 1 == PANELS.len() {
            label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
        }
    }
    Some(sheet.finish())
}

fn draw(curve: &LoadCurve, placed: &[Point], look: Look, sheet: &mut Sheet) {
    let canvas = &mut sheet.canvas;
    let steady = curve.points.iter().take_while(|point| !point.saturated).count();
    canvas.dashed(&placed[..steady], look.dash, 2.2, look.colour);
    canvas.dashed(&placed[steady.saturating_sub(1)..], &[1.5, 3.0], 1.8, look.colour);
    for (point, at) in curve.points.iter().zip(placed) {
        if point.saturated {
            look.marker.draw_hollow(canvas, *at, look.colour);
        } else {
            look.marker.draw(canvas, *at, look.colour);
        }
    }
    let knee = curve.knee().and_then(|knee| curve.points.iter().position(|point| point == knee));
    if let (Some(index), false) = (knee, curve.has_no_knee()) {
        canvas.ring(placed[index], 8.5, 1.8, look.colour);
    }
}

fn detail(curve: &LoadCurve, by_rate: bool) -> String {
    let load = |point: &LoadPoint| {
        if by_rate { number::rate(point.offered_rate) } else { format!("{}×", number::round(point.factor)) }
    };
    match curve.knee() {
        None => "saturated at every load".to_owned(),
        Some(last) if curve.has_no_knee() => format!("no knee up to {}", load(last)),
        Some(knee) => {
            let at = |factor: f64| curve.points.iter().find(|point| point.factor == factor);
            let drawn = curve.knees_drawn().filter(|(low, high)| low < high);
            match drawn.and_then(|(low, high)| at(low).zip(at(high))) {
                Some((low, high)) => format!("knee at {} ({} to {})", load(knee), load(low), load(high)),
                None => format!("knee at {}", load(knee)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(times: &[(f64, bool)]) -> LoadCurve {
        let points = times.iter().enumerate().map(|(index, &(p99, saturated))| LoadPoint {
            factor: index as f64,
            offered_rate: 100.0 * index as f64,
            p50: p99 / 2.0,
            p99,
            throughput: 1.0,
            saturated,
        });
        LoadCurve {
            scenario: "shop".to_owned(),
            entry: "web".to_owned(),
            mesh: "none".to_owned(),
            replications: 1,
            points: points.collect(),
            drawn: Vec::new(),
        }
    }

    #[test]
    fn the_knees_of_draws_are_a_range_that_holds_the_curves_own() {
        let own = curve(&[(1.0, false), (2.0, false), (3.0, false), (9.0, false)]);
        assert_eq!((own.knee().map(|knee| knee.factor), own.knees_drawn()), (Some(2.0), None));
        let [early, same, late] =
            [4.0, 1.0, 2.5].map(|middle| vec![Some(1.0), Some(middle), Some(2.5), None]);
        for (drawn, range) in [
            (vec![same.clone(); 20], (2.0, 2.0)),
            (vec![early.clone(); 20], (0.0, 2.0)),
            // One in twenty is left out at either end, two are not.
            ([vec![early.clone(); 1], vec![late.clone(); 40]].concat(), (2.0, 2.0)),
            ([vec![early; 3], vec![late; 38]].concat(), (0.0, 2.0)),
            (vec![vec![Some(1.0), Some(1.0), Some(1.0), Some(1.0)]; 20], (2.0, 3.0)),
        ] {
            let curve = LoadCurve { drawn, ..own.clone() };
            assert_eq!(curve.knees_drawn(), Some(range));
            let told = detail(&curve, false);
            if range.0 < range.1 {
                assert!(
                    told.starts_with("knee at 2× (") && told.ends_with(&format!("{}×)", range.1)),
                    "{told}"
                );
            } else {
                assert_eq!(told, "knee at 2×");
            }
        }
    }

    #[test]
    fn the_knee_is_the_last_load_before_it_gets_slow() {
        for (times, knee, text) in [
            (
                &[(1.0, false), (2.0, false), (3.0, false), (3.1, false), (2.0, false)][..],
                Some(2.0),
                "knee at 200/s",
            ),
            (&[(1.0, false), (1.1, false), (1.2, true)], Some(1.0), "knee at 100/s"),
            (&[(1.0, false), (1.1, false)], Some(1.0), "no knee up to 100/s"),
            (&[(1.0, true), (1.1, false)], None, "saturated at every load"),
        ] {
            let curve = curve(times);
            assert_eq!(curve.knee().map(|point| point.factor), knee);
            assert_eq!(detail(&curve, true), text);
        }
    }
}

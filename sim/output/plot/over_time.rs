//! A number of each mesh over the time of a run, a line for each: what pictures of pods and of certificates have in common.

use crate::metrics::Unit;
use crate::output::Run;

use super::Picture;
use super::axis::Axis;
use super::canvas::Point;
use super::palette::{Look, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Heading, Sheet, WIDTH};
use super::timeline::mark_changes;

pub(super) const NANOS_PER_SECOND: f64 = 1e9;
const LABELS: f64 = 232.0;

/// What is drawn of a mesh.
pub(super) struct Curve {
    /// Seconds since the start of the run, and the number.
    pub(super) points: Vec<(f64, f64)>,
    /// What stands below the mesh's name.
    pub(super) detail: String,
}

impl Curve {
    /// Its highest number.
    pub(super) fn most(points: &[(f64, f64)]) -> f64 {
        points.iter().map(|point| point.1).fold(0.0, f64::max)
    }
}

/// `None` where nothing is above zero, or there are not two points. `unit` names the number.
pub(super) fn picture(
    runs: &[Run<'_>],
    heading: Heading,
    unit: &str,
    curve: impl Fn(&Run<'_>) -> Curve,
) -> Option<Picture> {
    let meshes: Vec<&str> = runs.iter().map(|run| run.labels.mesh.as_str()).collect();
    let curves =
        runs.iter().zip(looks(&meshes)).map(|(run, look)| (run.labels.mesh.clone(), look, curve(run)));
    let curves: Vec<(String, Look, Curve)> = curves.filter(|(.., curve)| curve.points.len() > 1).collect();
    let most = curves.iter().map(|(.., curve)| Curve::most(&curve.points)).fold(0.0, f64::max);
    let all = curves.iter().flat_map(|(.., curve)| &curve.points);
    let end = all.map(|point| point.0).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let mut sheet = Sheet::new(heading, (WIDTH, 380.0));
    let x = Axis::from_zero("seconds from the start of the run", end, Unit::Count).ending_at(end);
    let panel = Panel::new(sheet.area, x, Axis::from_zero(unit, most, Unit::Count), LABELS);
    let records = runs.iter().flat_map(|run| run.records);
    let warm_up = records.map(|record| record.timeline.warm_up).max().unwrap_or(0);
    panel.shade_warm_up(&mut sheet.canvas, warm_up as f64 / NANOS_PER_SECOND, true);
    mark_changes(runs, &panel, true, &mut sheet);
    panel.draw(&mut sheet.canvas);
    let draw = |(name, look, curve): (String, Look, Curve)| {
        let placed: Vec<Point> = curve.points.iter().map(|&(time, number)| panel.at(time, number)).collect();
        sheet.canvas.dashed(&placed, look.dash, 2.2, look.colour);
        let end = (panel.area.right, placed.last()?.1);
        Some(LineLabel { end, name, detail: curve.detail, look })
    };
    let labels: Vec<LineLabel> = curves.into_iter().filter_map(draw).collect();
    label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
    Some(sheet.finish())
}

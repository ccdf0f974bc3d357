//! `convergence-<event>`: the share of proxies that have a change, against the time since it, a curve for each mesh.

use std::fmt::Write as _;

use crate::metrics::Unit;
use crate::metrics::pool::pool;
use crate::metrics::record::ChangeRecord;
use crate::output::Run;

use super::Picture;
use super::axis::Axis;
use super::number;
use super::palette::{Look, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Heading, Sheet, WIDTH, subtitle};

/// Points of a curve.
const POINTS: u32 = 200;
const NANOS_PER_SECOND: f64 = 1e9;

struct Curve {
    mesh: String,
    look: Look,
    /// Time in seconds, share of the proxies.
    points: Vec<(f64, f64)>,
    detail: String,
}

/// The picture of an event; `None` where it concerns nobody.
pub(super) fn picture(runs: &[Run<'_>], event: usize) -> Option<Picture> {
    let name = &runs.first()?.labels.changes.get(event)?.name;
    let meshes: Vec<&str> = runs.iter().map(|run| run.labels.mesh.as_str()).collect();
    let curves: Vec<Curve> = runs
        .iter()
        .zip(looks(&meshes))
        .filter_map(|(run, look)| {
            let record = pool(run.records).control?.changes.get(event).cloned()?;
            Some(Curve { mesh: run.labels.mesh.clone(), look, ..curve(&record)? })
        })
        .collect();
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let longest = all().map(|point| point.0).fold(0.0, f64::max);
    let shortest = all().map(|point| point.0).fold(f64::INFINITY, f64::min);
    if longest <= 0.0 {
        return None;
    }
    let without: Vec<&str> =
        meshes.iter().filter(|mesh| !curves.iter().any(|curve| curve.mesh == **mesh)).copied().collect();
    let mut caption =
        "Proxies that the change concerns, all replications and repetitions together. A curve ends at \
                       100 % where the last proxy has the change."
            .to_owned();
    if !without.is_empty() {
        let _ = write!(caption, " Nobody is concerned under {}.", without.join(", "));
    }
    let heading = Heading {
        name: format!("convergence-{name}"),
        title: format!("{name}: how soon proxies have the change"),
        subtitle: subtitle(runs.first()?, ""),
        caption,
    };
    let mut sheet = Sheet::new(heading, (WIDTH, 430.0));
    let x = Axis::logarithmic("time since the change", (shortest, longest), Unit::Seconds);
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share: f64| (share, format!("{:.0} %", 100.0 * share)));
    let mut y = Axis::from_zero("", 1.0, Unit::Ratio);
    "share of the proxies concerned".clone_into(&mut y.title);
    y.ticks = ticks.to_vec();
    let panel = Panel::new(sheet.area, x, y, 250.0);
    panel.draw(&mut sheet.canvas);
    let labels: Vec<LineLabel> = curves.iter().filter_map(|curve| draw(curve, &panel, &mut sheet)).collect();
    label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
    Some(sheet.finish())
}

/// From the first proxy to the last that has the change.
fn curve(record: &ChangeRecord) -> Option<Curve> {
    let times = &record.convergence_time;
    if times.count() == 0 {
        return None;
    }
    let whole = times.count() as f64 / record.concerned as f64;
    let at = |share: f64| times.quantile(share) as f64 / NANOS_PER_SECOND;
    let mut points = vec![(at(0.0), 0.0)];
    points.extend((1..=POINTS).map(|step| {
        let share = f64::from(step) / f64::from(POINTS);
        (at(share), share * whole)
    }));
    let last = times.max() as f64 / NANOS_PER_SECOND;
    points.push((last, whole));
    let mut detail = format!(
        "half {}, last {}",
        number::alone(at(0.5), Unit::Seconds),
        number::alone(last, Unit::Seconds)
    );
    if record.unreached > 0 {
        detail = format!("half {}, not all", number::alone(at(0.5), Unit::Seconds));
    }
    Some(Curve { mesh: String::new(), look: looks(&[""])[0], points, detail })
}

fn draw(curve: &Curve, panel: &Panel, sheet: &mut Sheet) -> Option<LineLabel> {
    let mut placed = Vec::with_capacity(2 * curve.points.len());
    // Between two points the share stays as it is.
    for pair in curve.points.windows(2) {
        placed.push(panel.at(pair[0].0, pair[0].1));
        placed.push(panel.at(pair[1].0, pair[0].1));
    }
    let &(time, share) = curve.points.last()?;
    let end = panel.at(time, share);
    placed.push(end);
    sheet.canvas.dashed(&placed, curve.look.dash, 2.2, curve.look.colour);
    curve.look.marker.draw(&mut sheet.canvas, end, curve.look.colour);
    // All end at the same height; where does not matter to the label.
    let end = (panel.area.right, end.1);
    Some(LineLabel { end, name: curve.mesh.clone(), detail: curve.detail.clone(), look: curve.look })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_with_the_last_proxy_that_has_it() {
        let mut record = ChangeRecord { times: 1, concerned: 4, ..ChangeRecord::default() };
        assert!(curve(&record).is_none());
        for millis in [10, 20, 30] {
            record.convergence_time.record(millis * 1_000_000);
        }
        record.unreached = 1;
        let curve = curve(&record).expect("three have it");
        assert_eq!(curve.points.last(), Some(&(0.03, 0.75)));
        assert!((curve.points[0].0 - 0.01).abs() < 1e-4);
        assert!(curve.detail.contains("not all"), "{}", curve.detail);
        assert!(curve.points.is_sorted_by(|left, right| left.0 <= right.0 && left.1 <= right.1));
    }
}

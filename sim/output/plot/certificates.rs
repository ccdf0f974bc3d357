//! `certificates`: how many the authority signs over time, a line for each mesh.

use crate::metrics::Unit;
use crate::metrics::pool::pool;
use crate::output::Run;

use super::axis::Axis;
use super::canvas::Point;
use super::palette::{Look, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Heading, Sheet, WIDTH, subtitle};
use super::timeline::mark_changes;
use super::{Picture, number};

const NANOS_PER_SECOND: f64 = 1e9;
const LABELS: f64 = 232.0;

struct Line {
    mesh: String,
    look: Look,
    /// Seconds since the start of the run, and certificates a second.
    points: Vec<(f64, f64)>,
    total: f64,
}

/// `None` where none are signed, or there are not two intervals.
pub(super) fn picture(runs: &[Run<'_>]) -> Option<Picture> {
    let meshes: Vec<&str> = runs.iter().map(|run| run.labels.mesh.as_str()).collect();
    let lines = runs.iter().zip(looks(&meshes)).map(|(run, look)| line(run, look));
    let lines: Vec<Line> = lines.filter(|line| line.points.len() > 1).collect();
    let all = || lines.iter().flat_map(|line| &line.points);
    let most = all().map(|point| point.1).fold(0.0, f64::max);
    let end = all().map(|point| point.0).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let heading = Heading {
        name: "certificates".to_owned(),
        title: "Certificates signed over time".to_owned(),
        subtitle: subtitle(runs.first()?, "certificates of proxies"),
        caption: "Certificates that the authority signs a second, in each interval, mean over the replications: those of \
                  new pods and those that are renewed. On grey: the warm-up. Upright lines: events; bands: for as long."
            .to_owned(),
    };
    let mut sheet = Sheet::new(heading, (WIDTH, 380.0));
    let x = Axis::from_zero("seconds from the start of the run", end, Unit::Count).ending_at(end);
    let y = Axis::from_zero("certificates per second", most, Unit::Count);
    let panel = Panel::new(sheet.area, x, y, LABELS);
    let records = runs.iter().flat_map(|run| run.records);
    let warm_up = records.map(|record| record.timeline.warm_up).max().unwrap_or(0);
    panel.shade_warm_up(&mut sheet.canvas, warm_up as f64 / NANOS_PER_SECOND, true);
    mark_changes(runs, &panel, true, &mut sheet);
    panel.draw(&mut sheet.canvas);
    let labels: Vec<LineLabel> = lines.iter().filter_map(|line| draw(line, &panel, &mut sheet)).collect();
    label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
    Some(sheet.finish())
}

/// A point in the middle of each interval.
fn line(run: &Run<'_>, look: Look) -> Line {
    let replications = run.records.len() as f64;
    let pooled = pool(run.records).certificates;
    let issued = pooled.as_deref().map(|certificates| certificates.issued_over_time.as_slice());
    let issued: Vec<f64> =
        issued.unwrap_or_default().iter().map(|&issued| issued as f64 / replications).collect();
    let bounds = run.records.first().into_iter().flat_map(|record| record.timeline.bounds());
    let seconds = |nanos: u64| nanos as f64 / NANOS_PER_SECOND;
    let at = |((from, to), issued): ((u64, u64), &f64)| {
        (f64::midpoint(seconds(from), seconds(to)), issued / (seconds(to) - seconds(from)))
    };
    Line {
        mesh: run.labels.mesh.clone(),
        look,
        points: bounds.zip(&issued).map(at).collect(),
        total: issued.iter().sum(),
    }
}

fn draw(line: &Line, panel: &Panel, sheet: &mut Sheet) -> Option<LineLabel> {
    let placed: Vec<Point> = line.points.iter().map(|&(time, rate)| panel.at(time, rate)).collect();
    sheet.canvas.dashed(&placed, line.look.dash, 2.2, line.look.colour);
    let most = line.points.iter().map(|point| point.1).fold(0.0, f64::max);
    let end = placed.last()?;
    let most = number::round((10.0 * most).round() / 10.0);
    let detail = format!("{} in all, {most}/s at most", number::round(line.total.round()));
    Some(LineLabel { end: (panel.area.right, end.1), name: line.mesh.clone(), detail, look: line.look })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::record::CertificateRecord;
    use crate::metrics::synthetic::{full_labels, full_record};
    use crate::output::plot::tests::Made;

    #[test]
    fn a_rate_is_that_of_its_interval_and_a_mean_over_replications() {
        let record = |issued: &[u64]| {
            let mut record = full_record(0, 100, false);
            let issued_over_time = issued.to_vec();
            record.certificates =
                Some(Box::new(CertificateRecord { issued_over_time, ..CertificateRecord::default() }));
            record
        };
        let labels = full_labels("none", false);
        let made = Made::new(labels.clone(), vec![record(&[2, 3]), record(&[4, 0])]);
        let drawn = line(&made.run(), looks(&["none"])[0]);
        // Two intervals of half a second.
        assert_eq!((drawn.points.as_slice(), drawn.total), (&[(0.25, 6.0), (0.75, 3.0)][..], 4.5));
        assert!(picture(&[made.run()]).is_some());
        let none = Made::new(labels, vec![record(&[0, 0])]);
        assert!(picture(&[none.run()]).is_none(), "nothing is signed");
    }
}

//! `pods-<workload>`: how many pods are ready over time, a line for each mesh.

use crate::metrics::Unit;
use crate::metrics::pool::pool;
use crate::output::Run;

use super::axis::Axis;
use super::canvas::Point;
use super::palette::{Look, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Heading, Sheet, WIDTH, subtitle};
use super::timeline::mark_changes;
use super::{Picture, common_namespace, number};

const NANOS_PER_SECOND: f64 = 1e9;
const LABELS: f64 = 232.0;

struct Line {
    mesh: String,
    look: Look,
    /// Seconds since the start of the run, and pods.
    points: Vec<(f64, f64)>,
}

/// The picture of a workload; `None` where it is not known in at least two intervals how many there are.
pub(super) fn picture(runs: &[Run<'_>], life: usize) -> Option<Picture> {
    let labels = runs.first()?.labels;
    let name = labels.lives.get(life)?;
    let short = name.strip_prefix(&common_namespace(&labels.services)).unwrap_or(name);
    let meshes: Vec<&str> = runs.iter().map(|run| run.labels.mesh.as_str()).collect();
    let lines: Vec<Line> = runs
        .iter()
        .zip(looks(&meshes))
        .map(|(run, look)| Line { mesh: run.labels.mesh.clone(), look, points: points(run, life) })
        .filter(|line| line.points.len() > 1)
        .collect();
    let all = || lines.iter().flat_map(|line| &line.points);
    let most = all().map(|point| point.1).fold(0.0, f64::max);
    let end = all().map(|point| point.0).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let heading = Heading {
        name: format!("pods-{short}"),
        title: format!("Pods of {short} over time"),
        subtitle: subtitle(runs.first()?, "pods that are ready"),
        caption: "Pods that are ready at the end of each interval, mean over the replications: those that start or end \
                  are not among them. On grey: the warm-up. Upright lines: events; bands: again and again."
            .to_owned(),
    };
    let mut sheet = Sheet::new(heading, (WIDTH, 380.0));
    let x = Axis::from_zero("seconds from the start of the run", end, Unit::Count).ending_at(end);
    let y = Axis::from_zero("pods that are ready", most, Unit::Count);
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

/// At the end of each interval.
fn points(run: &Run<'_>, life: usize) -> Vec<(f64, f64)> {
    let Some(timeline) = run.records.first().map(|record| &record.timeline) else { return Vec::new() };
    let pooled = pool(run.records).lives;
    let ready = pooled.iter().filter_map(|lives| lives.get(life)).flat_map(|life| &life.ready);
    let replications = run.records.len() as f64;
    let at = |(number, &pods): (u64, &u64)| {
        let end = (number * timeline.interval).min(timeline.end);
        (end as f64 / NANOS_PER_SECOND, pods as f64 / replications)
    };
    (1..).zip(ready).map(at).collect()
}

fn draw(line: &Line, panel: &Panel, sheet: &mut Sheet) -> Option<LineLabel> {
    let placed: Vec<Point> = line.points.iter().map(|&(time, pods)| panel.at(time, pods)).collect();
    sheet.canvas.dashed(&placed, line.look.dash, 2.2, line.look.colour);
    let most = line.points.iter().map(|point| point.1).fold(0.0, f64::max);
    let (&last, &end) = (line.points.last()?, placed.last()?);
    let [most, last] = [most, last.1].map(|pods| number::round((10.0 * pods).round() / 10.0));
    let detail = format!("{last} at the end, {most} at most");
    Some(LineLabel { end: (panel.area.right, end.1), name: line.mesh.clone(), detail, look: line.look })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::record::LifeRecord;
    use crate::metrics::synthetic::{full_labels, full_record};
    use crate::output::plot::tests::Made;

    #[test]
    fn replications_count_alike_and_intervals_end_where_the_run_does() {
        let record = |ready: &[u64]| {
            let mut record = full_record(0, 100, false);
            record.lives = Some(vec![LifeRecord { ready: ready.to_vec(), ..LifeRecord::default() }]);
            record
        };
        let mut labels = full_labels("none", false);
        labels.lives = vec!["default/front".to_owned()];
        let made = Made::new(labels.clone(), vec![record(&[2, 3]), record(&[2, 6])]);
        assert_eq!(points(&made.run(), 0), [(0.5, 2.0), (1.0, 4.5)]);
        let picture = picture(&[made.run()], 0).expect("two intervals");
        assert_eq!(
            (picture.name.as_str(), picture.title.as_str()),
            ("pods-front", "Pods of front over time")
        );
        let single = Made::new(labels, vec![record(&[2])]);
        assert!(super::picture(&[single.run()], 0).is_none());
        assert!(super::picture(&[single.run()], 1).is_none());
    }
}

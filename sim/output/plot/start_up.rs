//! `start-up-<workload>`: how a pod starts, stage by stage, two lanes for each mesh: the pod with its application, and its
//! proxy.

use crate::metrics::Unit;
use crate::metrics::pool::pool;
use crate::metrics::record::LifeRecord;
use crate::output::Run;
use crate::policy::pod_start::Stage;

use super::axis::Axis;
use super::canvas::{Align, Canvas};
use super::number;
use super::palette::{AXIS, Colour, GRID, LABEL, STRONG, legend, stage_colour};
use super::sheet::{Area, Heading, Sheet, WIDTH, subtitle};
use super::{Picture, common_namespace};

/// Of a mesh: two lanes and a gap.
const ROW: f64 = 58.0;
const LANE: f64 = 21.0;
/// Below the last lane: ticks and the title of the axis.
const BELOW: f64 = 46.0;
const WIDEST_NAME: f64 = 190.0;
const GAP: f64 = 8.0;

/// A stage as a bar.
struct Bar {
    stage: Stage,
    begin: f64,
    end: f64,
}

struct Row {
    mesh: String,
    bars: Vec<Bar>,
    /// When half of the pods were endpoints, and all of them.
    times: [f64; 2],
}

/// The picture of a workload; `None` where no pod of it has started.
pub(super) fn picture(runs: &[Run<'_>], life: usize) -> Option<Picture> {
    let labels = runs.first()?.labels;
    let name = labels.lives.get(life)?;
    let short = name.strip_prefix(&common_namespace(&labels.services)).unwrap_or(name);
    let rows: Vec<Row> = runs.iter().filter_map(|run| row(run, life)).collect();
    if rows.is_empty() {
        return None;
    }
    let shown: Vec<Stage> = Stage::ALL
        .into_iter()
        .filter(|stage| rows.iter().any(|row| row.bars.iter().any(|bar| bar.stage == *stage)))
        .collect();
    let heading = Heading {
        name: format!("start-up-{short}"),
        title: format!("How a pod of {short} starts"),
        subtitle: subtitle(runs.first()?, "from when it is made until it is written down as an endpoint"),
        caption: "Means over the pods that started. The upper lane is the pod and its application, the lower one its proxy: \
                  where it ends, the proxy is known to be ready. Callers send to the pod once their proxies, or the rules of \
                  their nodes, have its endpoint, too."
            .to_owned(),
    };
    let words: Vec<(Colour, String)> =
        shown.iter().map(|stage| (stage_colour(*stage), stage.name().replace('_', " "))).collect();
    let mut sheet = Sheet::new(heading, (WIDTH, 74.0 + ROW * rows.len() as f64 + BELOW));
    let used = legend(&mut sheet.canvas, sheet.area.corner(), WIDTH, &words);
    draw(&rows, &mut sheet.canvas, Area { top: sheet.area.top + used + 8.0, ..sheet.area });
    Some(sheet.finish())
}

fn row(run: &Run<'_>, life: usize) -> Option<Row> {
    let record = pool(run.records).lives?.get(life).cloned()?;
    let bars = bars(&record);
    let times = [0.5, 1.0].map(|share| record.start_up.quantile(share) as f64 / 1e9);
    (record.started > 0).then(|| Row { mesh: run.labels.mesh.clone(), bars, times })
}

/// Stages that take any time.
fn bars(record: &LifeRecord) -> Vec<Bar> {
    let mean = |sum: u64| sum as f64 / 1e9 / record.started.max(1) as f64;
    let all = Stage::ALL.into_iter().zip(record.stages);
    let bars = all.map(|(stage, (begin, end))| Bar { stage, begin: mean(begin), end: mean(end) });
    bars.filter(|bar| bar.end > bar.begin).collect()
}

fn draw(rows: &[Row], canvas: &mut Canvas, area: Area) {
    let largest = rows.iter().map(|row| row.times[1]).fold(0.0, f64::max);
    let scale = number::scale([largest], Unit::Seconds);
    let axis = Axis::from_zero("time since the pod was made", largest, Unit::Seconds).ending_at(largest);
    let names = rows.iter().map(|row| STRONG.width(&row.mesh)).fold(0.0, f64::max).min(WIDEST_NAME);
    let beside = |row: &Row| number::with_unit(row.times[0], scale);
    let written = rows.iter().map(|row| STRONG.width(&beside(row))).fold(0.0, f64::max);
    let left = area.left + names + GAP + 2.0;
    let right = area.right - written - GAP - 2.0;
    let x = |value: f64| left + axis.share(value) * (right - left);
    let bottom = area.top + ROW * rows.len() as f64;
    for (value, text) in &axis.ticks {
        canvas.line(vec![(x(*value), area.top), (x(*value), bottom)], 1.0, GRID);
        canvas.text((x(*value), bottom + 16.0), Align::Centre, text, LABEL);
    }
    for (index, row) in rows.iter().enumerate() {
        let top = area.top + ROW * index as f64 + (ROW - 2.0 * LANE) / 2.0;
        let name = STRONG.fit(&row.mesh, WIDEST_NAME);
        canvas.text((left - GAP, top + LANE + STRONG.drop()), Align::Right, &name, STRONG);
        for bar in &row.bars {
            let lane = if bar.stage.is_of_proxy() { top + LANE } else { top };
            let (from, to) = (x(bar.begin), x(bar.end));
            canvas.rectangle((from, lane + 1.0), (to - from, LANE - 2.0), stage_colour(bar.stage));
        }
        let end = x(row.times[0]) + GAP;
        canvas.text_on_ground((end, top + LANE / 2.0 + STRONG.drop()), Align::Left, &beside(row), STRONG);
    }
    canvas.line(vec![(left, area.top), (left, bottom)], 1.0, AXIS);
    canvas.text((right, bottom + 36.0), Align::Right, &axis.title, STRONG);
}

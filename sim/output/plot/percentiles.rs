//! `percentiles-<entry>`: response times up to rare percentiles, a curve for each mesh.

use std::fmt::Write as _;

use crate::metrics::Unit;
use crate::metrics::pool::pool_entry;
use crate::metrics::record::EntryRecord;
use crate::output::Run;

use super::Picture;
use super::axis::Axis;
use super::number;
use super::palette::{Look, looks};
use super::panel::{LineLabel, Panel, label_lines};
use super::sheet::{Heading, Sheet, WIDTH, subtitle};

/// A curve ends where fewer slower requests than this were seen.
const FEWEST_ABOVE: f64 = 10.0;
/// Percentiles that have a tick and a marker, with what they are written as.
const TICKS: [(f64, &str); 6] = [
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
];
/// Points of a curve per factor of ten in rarity.
const POINTS_PER_DECADE: f64 = 60.0;
/// When the slowest shown is so many times the fastest shown, the axis is logarithmic.
const LOGARITHMIC_FROM: f64 = 30.0;
const NANOS_PER_SECOND: f64 = 1e9;

/// Response time in seconds against 1/(1-quantile).
struct Curve {
    mesh: String,
    look: Look,
    points: Vec<(f64, f64)>,
    unfinished: u64,
}

/// The picture of one entry; `None` where no request was answered.
pub(super) fn picture(runs: &[Run<'_>], entry: &str) -> Option<Picture> {
    let curves = curves(runs, entry);
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let rarest = all().map(|point| point.0).fold(0.0, f64::max);
    let largest = all().map(|point| point.1).fold(0.0, f64::max);
    let smallest = all().map(|point| point.1).fold(f64::INFINITY, f64::min);
    if largest <= 0.0 || rarest <= 1.0 {
        return None;
    }
    let mut caption =
        "All replications together. Right of 50 % stands the slower half of the requests, right of 90 % the \
                       slowest tenth, and so on. A curve ends \
                       where fewer than 10 slower requests were seen."
            .to_owned();
    for curve in curves.iter().filter(|curve| curve.unfinished > 0) {
        let unanswered = number::count(curve.unfinished as usize, "request");
        let _ = write!(
            caption,
            " {}: {unanswered} had no answer at the end of the run, counted as slowest.",
            curve.mesh
        );
    }
    let meshes = match &curves[..] {
        [only] => format!("under {}", only.mesh),
        _ => "by mesh".to_owned(),
    };
    let heading = Heading {
        name: format!("percentiles-{entry}"),
        title: format!("Response time of {entry} {meshes}, to the rarest percentiles"),
        subtitle: subtitle(runs.first()?, "successful requests"),
        caption,
    };
    let mut sheet = Sheet::new(heading, (WIDTH, 430.0));
    let ticks = TICKS.iter().map(|(quantile, text)| (1.0 / (1.0 - quantile), (*text).to_owned()));
    let ticks = ticks.filter(|(value, _)| *value <= rarest * 1.001).collect();
    let x = Axis::logarithmic_with_ticks("percentile of requests", (1.0, rarest), ticks);
    let y = if largest / smallest > LOGARITHMIC_FROM {
        Axis::logarithmic("response time", (smallest, largest), Unit::Seconds)
    } else {
        Axis::from_zero("response time", largest, Unit::Seconds)
    };
    let panel = Panel::new(sheet.area, x, y, 250.0);
    panel.draw(&mut sheet.canvas);
    let labels: Vec<LineLabel> = curves.iter().filter_map(|curve| draw(curve, &panel, &mut sheet)).collect();
    label_lines(&mut sheet.canvas, panel.area, panel.area.right + 14.0, &labels);
    Some(sheet.finish())
}

fn curves(runs: &[Run<'_>], entry: &str) -> Vec<Curve> {
    let meshes: Vec<&str> = runs.iter().map(|run| run.labels.mesh.as_str()).collect();
    let looks = looks(&meshes);
    let curve = |(run, look): (&Run<'_>, Look)| {
        let row = run.labels.entries.iter().position(|label| label.name == entry)?;
        let record = pool_entry(run.records, row)?;
        let points = points(&record);
        Some(Curve { mesh: run.labels.mesh.clone(), look, points, unfinished: record.unfinished })
    };
    runs.iter().zip(looks).filter_map(curve).filter(|curve| curve.points.len() > 1).collect()
}

/// From the fastest request to the last percentile that enough requests lie above.
fn points(entry: &EntryRecord) -> Vec<(f64, f64)> {
    let answered = entry.succeeded.len() as f64;
    let all = answered + entry.unfinished as f64;
    if answered <= FEWEST_ABOVE {
        return Vec::new();
    }
    // The rarest quantile is 1 - above/all, so 1/(1-quantile) is all/above.
    let above = (entry.unfinished as f64).max(FEWEST_ABOVE);
    let end = libm::log10(all / above);
    let steps = (end * POINTS_PER_DECADE).ceil().max(1.0) as u32;
    let even = (0..=steps).map(|step| libm::exp10(end * f64::from(step) / f64::from(steps)));
    // The marked percentiles stand on the curve exactly.
    let marked =
        TICKS.iter().map(|(quantile, _)| 1.0 / (1.0 - quantile)).filter(|&rarity| rarity < all / above);
    let mut rarities: Vec<f64> = even.chain(marked).collect();
    rarities.sort_by(f64::total_cmp);
    rarities
        .into_iter()
        .map(|rarity| {
            let rank = (1.0 - 1.0 / rarity) * all;
            let value = entry.succeeded.value_at_quantile((rank / answered).min(1.0));
            (rarity, value as f64 / NANOS_PER_SECOND)
        })
        .collect()
}

fn draw(curve: &Curve, panel: &Panel, sheet: &mut Sheet) -> Option<LineLabel> {
    let placed: Vec<_> = curve.points.iter().map(|&(rarity, time)| panel.at(rarity, time)).collect();
    let end = *placed.last()?;
    sheet.canvas.dashed(&placed, curve.look.dash, 2.2, curve.look.colour);
    let mut detail = Vec::new();
    for (quantile, text) in TICKS {
        let rarity = 1.0 / (1.0 - quantile);
        let Some(&(_, time)) = curve.points.iter().find(|point| point.0 >= rarity * (1.0 - 1e-9)) else {
            continue;
        };
        curve.look.marker.draw(&mut sheet.canvas, panel.at(rarity, time), curve.look.colour);
        if matches!(text, "50 %" | "99 %") {
            detail.push(format!("p{} {}", text.trim_end_matches(" %"), number::alone(time, Unit::Seconds)));
        }
    }
    Some(LineLabel { end, name: curve.mesh.clone(), detail: detail.join(", "), look: curve.look })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::synthetic::{entry, exponential_times};

    #[test]
    fn a_curve_ends_with_ten_requests_above() {
        let mut record = entry(&exponential_times(1e6, 10_000, 1));
        let end = |record: &EntryRecord| points(record).last().expect("enough requests").0;
        assert!((end(&record) - 1000.0).abs() < 1e-6);
        record.unfinished = 90_000;
        assert!((end(&record) - 100_000.0 / 90_000.0).abs() < 1e-6);
        assert!(points(&entry(&exponential_times(1e6, 10, 1))).is_empty());
    }

    #[test]
    fn a_curve_has_the_quantiles_of_what_was_recorded() {
        let record = entry(&(1..=100_000).map(|time| time * 1000).collect::<Vec<_>>());
        for (rarity, time) in points(&record) {
            let expected = (1.0 - 1.0 / rarity) * 0.1;
            assert!((time - expected).abs() < 0.001 * 0.1, "{rarity}: {time}, not {expected}");
        }
    }
}

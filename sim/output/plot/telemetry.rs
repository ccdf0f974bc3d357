//! `telemetry`: time series by mesh and what they are about, and the memory that they take.

use crate::metrics::Unit;
use crate::metrics::pool::pool;
use crate::metrics::telemetry::TelemetryRecord;
use crate::output::Run;

use super::Picture;
use super::bars::{Bar, Bars};
use super::number;
use super::palette::{legend, part_colours};
use super::sheet::{Area, Heading, Sheet, WIDTH, subtitle};

pub(in crate::output) const NAME: &str = "telemetry";
const BETWEEN: f64 = 26.0;
const LEGEND: f64 = 34.0;

/// A panel: its title, its unit, what its bars are made of, and the amounts.
type Panel = (&'static str, Unit, &'static [&'static str], fn(&TelemetryRecord) -> Vec<f64>);

const PANELS: [Panel; 2] = [
    (
        "active time series",
        Unit::Count,
        &["proxies themselves", "sent", "received", "replaced pods"],
        |one| vec![one.series.base, one.series.outbound, one.series.inbound, one.of_replaced_pods],
    ),
    ("memory for them", Unit::Bytes, &["in Prometheus", "in proxies"], |one| {
        vec![one.prometheus_bytes(), one.proxy_bytes]
    }),
];

/// The picture; `None` where no proxy tells anything.
pub(super) fn picture(runs: &[Run<'_>]) -> Option<Picture> {
    let records: Vec<(&str, TelemetryRecord)> = runs
        .iter()
        .filter_map(|run| Some((run.labels.mesh.as_str(), *pool(run.records).telemetry?)))
        .filter(|(_, record)| record.active() > 0.0)
        .collect();
    if records.is_empty() {
        return None;
    }
    let heading = Heading {
        name: NAME.to_owned(),
        title: "Time series of the proxies, and the memory they take".to_owned(),
        subtitle: subtitle(runs.first()?, "expected number of label combinations of the measured traffic"),
        caption: "The proxies themselves tell something without any traffic. At the end of a bar its total; below it \
                  the samples that are scraped in a second. The memory in proxies is a part of what they hold anyway."
            .to_owned(),
    };
    let height = LEGEND + bars(&records, &PANELS[0]).height();
    let mut sheet = Sheet::new(heading, (WIDTH, height));
    let half = (sheet.area.width() - BETWEEN) / 2.0;
    for (index, panel) in PANELS.iter().enumerate() {
        let left = sheet.area.left + (half + BETWEEN) * index as f64;
        let (_, _, parts, _) = panel;
        let entries: Vec<_> =
            part_colours(parts).into_iter().zip(parts.iter().map(|part| (*part).to_owned())).collect();
        legend(&mut sheet.canvas, (left, sheet.area.top), half, &entries);
        let area = Area { left, top: sheet.area.top + LEGEND, right: left + half, ..sheet.area };
        bars(&records, panel).draw(&mut sheet.canvas, area);
    }
    Some(sheet.finish())
}

fn bars(records: &[(&str, TelemetryRecord)], (title, unit, parts, of): &Panel) -> Bars {
    let bar = |(mesh, record): &(&str, TelemetryRecord)| Bar {
        name: (*mesh).to_owned(),
        parts: of(record),
        detail: if *unit == Unit::Count { number::rate(record.samples()) } else { String::new() },
    };
    Bars {
        title: (*title).to_owned(),
        unit: *unit,
        colours: part_colours(parts),
        rows: records.iter().map(bar).collect(),
    }
}

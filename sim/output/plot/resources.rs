//! `resources`: CPU and memory that stand beside the application, by mesh and part.
//!
//! The application takes the same under every mesh, and mostly far more than its proxies: it is a number beside the bar,
//! not a part of it, so that what the mesh adds is what is seen.

use crate::metrics::pool::pool;
use crate::metrics::{Labels, RunRecord, Unit};
use crate::output::Run;

use super::bars::{Bar, Bars};
use super::palette::{legend, part_colours};
use super::sheet::{Area, Heading, Sheet, WIDTH, subtitle};
use super::{Picture, number};

/// What the groups of proxies whose names begin so are called; services have no prefix. Later ones stand further right.
const PREFIXES: [(&str, &str); 5] = [
    ("client", "client sidecars"),
    ("gateway", "gateways"),
    ("node", "node proxies"),
    ("waypoint", "waypoints"),
    ("control_plane", "control plane"),
];
const SIDECARS: &str = "sidecars";
const BETWEEN: f64 = 26.0;

/// Cores and bytes of one mesh.
struct Use {
    mesh: String,
    application: [f64; 2],
    /// Cores and bytes of each part, in order of first appearance.
    parts: Vec<(String, [f64; 2])>,
}

/// CPU first, memory second: title, unit.
const PANELS: [(&str, Unit); 2] =
    [("CPU beside the application", Unit::Cores), ("memory beside the application", Unit::Bytes)];

/// The picture; `None` where nothing stands beside the application.
pub(super) fn picture(runs: &[Run<'_>]) -> Option<Picture> {
    let uses: Vec<Use> = runs.iter().map(|run| used(run.labels, &pool(run.records))).collect();
    let mut parts: Vec<&str> = Vec::new();
    for (part, _) in uses.iter().flat_map(|used| &used.parts) {
        if !parts.contains(&part.as_str()) {
            parts.push(part);
        }
    }
    if parts.is_empty() {
        return None;
    }
    parts.sort_by_key(|part| order(part));
    let panels: Vec<Bars> = (0..PANELS.len()).map(|panel| bars(&uses, &parts, panel)).collect();
    let heading = Heading {
        name: "resources".to_owned(),
        title: "CPU and memory that proxies take beside the application".to_owned(),
        subtitle: subtitle(runs.first()?, "mean over the measured time, all instances together"),
        caption: caption(&uses),
    };
    let legend_height = 34.0;
    let mut sheet = Sheet::new(heading, (WIDTH, legend_height + panels[0].height()));
    let entries: Vec<_> =
        part_colours(&parts).into_iter().zip(parts.iter().map(|part| (*part).to_owned())).collect();
    legend(&mut sheet.canvas, sheet.area.corner(), WIDTH, &entries);
    let half = (sheet.area.width() - BETWEEN) / 2.0;
    for (index, bars) in panels.iter().enumerate() {
        let left = sheet.area.left + (half + BETWEEN) * index as f64;
        let area = Area { left, top: sheet.area.top + legend_height, right: left + half, ..sheet.area };
        bars.draw(&mut sheet.canvas, area);
    }
    Some(sheet.finish())
}

fn bars(uses: &[Use], parts: &[&str], panel: usize) -> Bars {
    let (title, unit) = PANELS[panel];
    let bar = |used: &Use| {
        let amount = |part: &&str| {
            let found = used.parts.iter().find(|(name, _)| name == part);
            found.map_or(0.0, |(_, amounts)| amounts[panel])
        };
        let amounts: Vec<f64> = parts.iter().map(amount).collect();
        let application = used.application[panel];
        let ratio = amounts.iter().sum::<f64>() / application;
        let detail = if application > 0.0 && ratio > 0.0 {
            format!("{} of app.", number::with_unit(ratio, number::scale([ratio], Unit::Ratio)))
        } else {
            String::new()
        };
        Bar { name: used.mesh.clone(), parts: amounts, detail }
    };
    Bars { title: title.to_owned(), unit, colours: part_colours(parts), rows: uses.iter().map(bar).collect() }
}

fn caption(uses: &[Use]) -> String {
    let range = |panel: usize, unit: Unit| {
        let amounts = || uses.iter().map(|used| used.application[panel]);
        let (low, high) = (amounts().fold(f64::INFINITY, f64::min), amounts().fold(0.0, f64::max));
        let (low, high) = (number::alone(low, unit), number::alone(high, unit));
        if low == high { high } else { format!("{low} to {high}") }
    };
    let [cores, bytes] = [range(0, Unit::Cores), range(1, Unit::Bytes)];
    let memory = if uses.iter().any(|used| used.application[1] > 0.0) {
        format!(" and {bytes}")
    } else {
        " (its memory is not given)".to_owned()
    };
    format!(
        "The application itself, not in the bars, takes {cores}{memory}. At the end of a bar its total, and below it the \
         total as a share of what the application takes."
    )
}

fn used(labels: &Labels, record: &RunRecord) -> Use {
    let cores = |cpu: u64| cpu as f64 / record.window.max(1) as f64;
    let mut parts: Vec<(String, [f64; 2])> = Vec::new();
    for (label, proxy) in labels.proxies.iter().zip(&record.proxies) {
        let part = part(label, labels);
        let amounts = [cores(proxy.cpu), proxy.memory_mean];
        match parts.iter_mut().find(|(name, _)| *name == part) {
            Some((_, sums)) => *sums = [sums[0] + amounts[0], sums[1] + amounts[1]],
            None => parts.push((part, amounts)),
        }
    }
    let application = [
        record.services.iter().map(|service| cores(service.cpu)).sum(),
        record.services.iter().map(|service| service.memory as f64).sum(),
    ];
    Use { mesh: labels.mesh.clone(), application, parts }
}

/// What a group of proxies is a part of: the word for its prefix, the prefix itself if there is no word for it.
fn part(label: &str, labels: &Labels) -> String {
    let versions = labels.versions.iter().map(|version| &version.name);
    if labels.services.iter().chain(versions).any(|workload| workload == label) {
        return SIDECARS.to_owned();
    }
    let prefix = label.split_once(':').map_or(label, |(prefix, _)| prefix);
    let known = PREFIXES.iter().find(|(known, _)| *known == prefix.replace(['-', ' '], "_"));
    known.map_or_else(|| prefix.to_owned(), |(_, word)| (*word).to_owned())
}

/// Sidecars first, then as in [`PREFIXES`], then all others.
fn order(part: &str) -> usize {
    if part == SIDECARS {
        return 0;
    }
    1 + PREFIXES.iter().position(|(_, word)| *word == part).unwrap_or(PREFIXES.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::VersionLabel;

    #[test]
    fn groups_of_proxies_belong_to_parts() {
        let version = VersionLabel { name: "default/web@v1".to_owned(), service: 0 };
        let labels =
            Labels { services: vec!["default/web".to_owned()], versions: vec![version], ..Labels::default() };
        for (label, word) in [
            ("default/web", "sidecars"),
            ("default/web@v1", "sidecars"),
            ("client:web", "client sidecars"),
            ("gateway:ingress", "gateways"),
            ("node:worker-1", "node proxies"),
            ("waypoint:default", "waypoints"),
            ("control-plane", "control plane"),
            ("egress:x", "egress"),
        ] {
            assert_eq!(part(label, &labels), word);
        }
        let mut parts = ["egress", "waypoints", "sidecars", "gateways"];
        parts.sort_by_key(|part| order(part));
        assert_eq!(parts, ["sidecars", "gateways", "waypoints", "egress"]);
    }
}

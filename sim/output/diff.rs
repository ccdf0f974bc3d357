//! What changes from one scenario, or one folder of results, to another: tables for the terminal, and `diff.csv`.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

use crate::metrics::{Change, Estimate, Scope, Statistic, Unit};

use super::File;
use super::human::Scale;
use super::summary_csv::{ends, number, table};
use super::table::name;

/// Under one mesh.
#[derive(Debug)]
pub struct Diff {
    /// Name of the mesh before, and after.
    pub meshes: (String, String),
    /// Every number.
    pub changes: Vec<Change>,
    /// What a reader must know beside the numbers.
    pub notes: Vec<String>,
}

/// Rows of the table of those that changed most.
const MOST: usize = 12;

/// A smaller change without an interval is not worth a line.
const LEAST_RATIO: f64 = 0.01;

/// Of an entry: what its users see.
const OF_ENTRY: [(&str, Statistic); 7] = [
    ("response_time", Statistic::Mean),
    ("response_time", Statistic::P50),
    ("response_time", Statistic::P90),
    ("response_time", Statistic::P99),
    ("response_time", Statistic::P999),
    ("throughput", Statistic::Mean),
    ("error_ratio", Statistic::Mean),
];

/// Of the whole: what it costs.
const OF_SCENARIO: [(&str, Statistic); 6] = [
    ("application_cpu", Statistic::Total),
    ("proxy_cpu", Statistic::Total),
    ("proxy_memory", Statistic::Total),
    ("nodes_reserved", Statistic::Total),
    ("cost_reserved", Statistic::Total),
    ("cross_zone_cost", Statistic::Total),
];

/// Whether a change is worth a line among those that changed most.
fn is_change(change: &Change) -> bool {
    match change.is_told() {
        Some(told) => told,
        None => change.ratio().is_some_and(|ratio| ratio.abs() >= LEAST_RATIO),
    }
}

/// `diff.csv`: one number per row, before, after, and the difference with its interval.
pub fn file(diffs: &[Diff]) -> File {
    const COLUMNS: [&str; 12] = [
        "mesh",
        "scope",
        "name",
        "metric",
        "statistic",
        "unit",
        "before",
        "after",
        "difference",
        "ci_low",
        "ci_high",
        "changed",
    ];
    let rows = diffs.iter().flat_map(|diff| diff.changes.iter().map(|change| fields(diff, change)));
    File { path: "diff.csv".to_owned(), bytes: table(&COLUMNS, rows) }
}

fn fields(diff: &Diff, change: &Change) -> Vec<String> {
    let text = |estimate: Option<Estimate>| {
        estimate.map_or_else(String::new, |estimate| number(estimate.value, estimate.kind))
    };
    let (low, high) = ends(change.difference.and_then(|difference| difference.interval));
    let told = match (change.before, change.after, change.is_told()) {
        (None, ..) => "new",
        (_, None, _) => "gone",
        (.., Some(true)) => "yes",
        (.., Some(false)) => "cannot_tell",
        (.., None) => "",
    };
    vec![
        diff.meshes.1.clone(),
        change.scope.to_string(),
        change.name.clone(),
        change.metric.clone(),
        change.statistic.to_string(),
        change.unit.to_string(),
        text(change.before),
        text(change.after),
        text(change.difference),
        low,
        high,
        told.to_owned(),
    ]
}

/// The same as `diff.csv`, for programs: a list with an object per row.
///
/// # Panics
/// Never: what is written is text.
pub fn json(diffs: &[Diff]) -> String {
    let rows = diffs.iter().flat_map(|diff| {
        diff.changes.iter().map(|change| {
            let difference = change.difference;
            let interval = difference.and_then(|difference| difference.interval);
            serde_json::json!({
                "mesh": diff.meshes.1,
                "scope": change.scope.as_str(),
                "name": change.name,
                "metric": change.metric,
                "statistic": change.statistic.as_str(),
                "unit": change.unit.as_str(),
                "before": change.before.map(|side| side.value),
                "after": change.after.map(|side| side.value),
                "difference": difference.map(|difference| difference.value),
                "interval": interval.map(|(low, high)| [low, high]),
            })
        })
    });
    String::from_utf8(super::manifest::json(&rows.collect::<Vec<_>>())).expect("JSON is text")
}

/// For the terminal: under each mesh what users see, what it costs, and what else changed most. Ends with a newline.
pub fn render(diffs: &[Diff]) -> String {
    diffs.iter().map(render_one).collect::<Vec<_>>().join("\n")
}

fn render_one(diff: &Diff) -> String {
    let (before, after) = &diff.meshes;
    let title = if before == after { name(after) } else { format!("{} → {}", name(before), name(after)) };
    let mut text = format!("Under {title}\n");
    let mut entries: Vec<&str> = Vec::new();
    for change in diff.changes.iter().filter(|change| change.scope == Scope::Entry) {
        if !entries.contains(&change.name.as_str()) {
            entries.push(&change.name);
        }
    }
    for entry in entries {
        let wanted = OF_ENTRY.iter().filter_map(|row| find(diff, Scope::Entry, Some(entry), *row));
        text += &grid(&name(entry), wanted.collect(), what);
    }
    let wanted = OF_SCENARIO.iter().filter_map(|row| find(diff, Scope::Scenario, None, *row));
    text += &grid("What it takes", wanted.collect(), what);
    text += &most(diff);
    text += &unmatched(diff);
    for note in &diff.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn find<'d>(
    diff: &'d Diff,
    scope: Scope,
    name: Option<&str>,
    (metric, statistic): (&str, Statistic),
) -> Option<&'d Change> {
    let is_it = |change: &&Change| {
        (change.scope, change.statistic) == (scope, statistic)
            && change.metric == metric
            && name.is_none_or(|name| change.name == name)
    };
    diff.changes.iter().find(is_it)
}

/// `response time p99`.
fn what(change: &Change) -> String {
    let metric = change.metric.replace('_', " ");
    match change.statistic {
        Statistic::Total => metric,
        // Only times have other statistics than a mean.
        Statistic::Mean if change.unit != Unit::Seconds => metric,
        statistic => format!("{metric} {statistic}"),
    }
}

/// What of services and calls changed most, relative to what it was.
fn most(diff: &Diff) -> String {
    // Of a proxy group the mean and the sum change alike.
    let is_shown = |change: &&Change| {
        let of_part = matches!(change.scope, Scope::Service | Scope::Edge | Scope::Proxy);
        let is_one = matches!(change.statistic, Statistic::Mean | Statistic::P99);
        of_part && is_one && is_change(change)
    };
    let mut changed: Vec<&Change> = diff.changes.iter().filter(is_shown).collect();
    let size = |change: &Change| change.ratio().map_or(f64::INFINITY, f64::abs);
    changed.sort_by(|left, right| size(right).total_cmp(&size(left)));
    let title = match changed.len() {
        0 => return "\nNo service, call or proxy changed by more than chance explains.\n".to_owned(),
        all if all > MOST => format!("Changed most, {MOST} of {all} (`--output csv` has all)"),
        _ => "Changed most".to_owned(),
    };
    changed.truncate(MOST);
    grid(&title, changed, |change| format!("{} · {}", long_name(&change.name), what(change)))
}

/// A call's name: those of its two ends.
fn long_name(both: &str) -> String {
    both.split(" -> ").map(name).collect::<Vec<_>>().join(" → ")
}

/// Names that only one side has.
fn unmatched(diff: &Diff) -> String {
    let mut text = String::new();
    for (word, is_it) in [
        ("only before", (|change: &Change| change.after.is_none()) as fn(&Change) -> bool),
        ("only after", |change| change.before.is_none()),
    ] {
        let mut names: Vec<String> = Vec::new();
        let shown = [Scope::Entry, Scope::Service, Scope::Edge];
        for change in diff.changes.iter().filter(|change| shown.contains(&change.scope) && is_it(change)) {
            let name = format!("{} {}", change.scope, long_name(&change.name));
            // A thing that is on both sides may lack single numbers on one of them.
            let elsewhere =
                |other: &&Change| (other.scope, &other.name) == (change.scope, &change.name) && !is_it(other);
            if !names.contains(&name) && diff.changes.iter().find(elsewhere).is_none() {
                names.push(name);
            }
        }
        if !names.is_empty() {
            let _ = write!(text, "\n{word}: {}\n", names.join(", "));
        }
    }
    text
}

/// A table with a row per change, each in the unit that suits it.
fn grid(title: &str, changes: Vec<&Change>, label: impl Fn(&Change) -> String) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    // Nothing depends on whether this is a terminal, nor on its width.
    table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled);
    let style = table.style_mut();
    *style = comfy_table::presets::NOTHING;
    style.header_separator = comfy_table::LineStyle::none().fill('─').junction('─');
    table.set_header(aligned(["", "before", "after", "change", ""].map(str::to_owned)));
    for change in changes {
        table.add_row(aligned(cells(change, label(change))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((1, 0));
    }
    format!("\n{title}\n{}\n", table.trim_fmt())
}

fn aligned(cells: [String; 5]) -> Vec<Cell> {
    let align = |(column, text): (usize, String)| {
        Cell::new(text).set_alignment(if column == 0 { CellAlignment::Left } else { CellAlignment::Right })
    };
    cells.into_iter().enumerate().map(align).collect()
}

fn cells(change: &Change, label: String) -> [String; 5] {
    let sides = [change.before, change.after].map(|side| side.map(bare));
    let scale = Scale::of(sides.iter().flatten(), change.unit);
    let unit = match change.unit {
        Unit::Money(currency) => format!("{currency}{}", scale.unit),
        _ => scale.unit.to_owned(),
    };
    let space = if unit.is_empty() { "" } else { " " };
    let [before, after] = sides.map(|side| {
        side.map_or_else(|| "–".to_owned(), |side| format!("{}{space}{unit}", scale.estimate(&side)))
    });
    let Some(difference) = change.difference else {
        return [label, before, after, "–".to_owned(), String::new()];
    };
    let told = match (change.is_told(), change.ratio()) {
        (Some(false), _) => "cannot tell".to_owned(),
        (_, Some(ratio)) if ratio.abs() >= 5e-4 => format!("{:+.1} %", ratio * 100.0),
        (_, Some(_)) => "same".to_owned(),
        (_, None) => String::new(),
    };
    [label, before, after, scale.difference(&difference), told]
}

/// Without its intervals.
const fn bare(estimate: Estimate) -> Estimate {
    Estimate { interval: None, model: None, ..estimate }
}

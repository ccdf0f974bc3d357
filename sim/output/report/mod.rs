//! `report.md`: one page that puts a comparison together. A file for each section.
//!
//! Plain Markdown as GitHub shows it. What users named is escaped; nothing in it depends on when or how fast it ran.

mod assumptions;
mod certificates;
mod changes;
mod choice;
mod lifecycle;
mod limits;
mod origin;
mod routing;
mod sensitivity;
mod telemetry;

use std::fmt::Write as _;

use crate::metrics::Results;

use super::File;
use super::comparison::{Comparison, growth, knees, load_grid, tables, vary_grids, verdict};
use super::human::printable;
use super::plot::Picture;

/// The page.
pub(super) fn files(comparison: &Comparison<'_>) -> Vec<File> {
    vec![File { path: "report.md".to_owned(), bytes: render(comparison).into_bytes() }]
}

fn render(comparison: &Comparison<'_>) -> String {
    let sections: [(&str, String); 16] = [
        ("What each mesh adds", numbers(comparison)),
        ("Pictures", pictures(comparison)),
        ("Under more and less load", load(comparison)),
        ("With other values", vary(comparison)),
        ("Objectives", objectives(comparison)),
        ("Routing", routing::section(comparison)),
        ("How pods come and go", lifecycle::section(comparison)),
        ("How long a change takes", changes::section(comparison)),
        ("How proxies come to their certificates", certificates::section(comparison)),
        ("What watching it takes", telemetry::section(comparison)),
        ("What each mesh cannot do here", limits::section(comparison)),
        ("Which assumptions matter", sensitivity::section(comparison)),
        ("What is assumed", assumptions::section(comparison)),
        ("What to know beside the numbers", notes(comparison)),
        ("How to make it again", origin::section(comparison)),
        ("Which mesh for this scenario", choice::section(comparison)),
    ];
    let mut text = format!(
        "# {}: what a service mesh adds\n\n{}\n",
        escape(comparison.scenario()),
        escape(&verdict(comparison))
    );
    for (title, section) in sections.iter().filter(|(_, section)| !section.is_empty()) {
        let _ = write!(text, "\n## {title}\n\n{}\n", section.trim());
    }
    text
}

fn numbers(comparison: &Comparison<'_>) -> String {
    let replications = comparison.runs[comparison.baseline].results.replications;
    let model = match comparison.draws {
        0 => "No constants were drawn (`--draws 0`), so there are no model intervals.".to_owned(),
        draws => format!(
            "Below it, in brackets, is the model's interval: from the 5th to the 95th percentile of {draws} draws of \
             the meshes' constants within their ranges. The two are never merged."
        ),
    };
    let mut text =
        format!("{replications} replications; ± is the simulation's interval at 95 % confidence. {model}\n");
    for grid in tables(comparison) {
        let _ = write!(text, "\n**{}**\n\n{}", escape(&grid.title), grid.markdown());
    }
    text
}

/// The pictures with what they show, but for those that stand in sections of their own.
fn pictures(comparison: &Comparison<'_>) -> String {
    let is_elsewhere =
        |picture: &Picture| is_against_load(picture) || is_along_values(picture) || is_of_telemetry(picture);
    shown(&comparison.pictures(), |picture| !is_elsewhere(picture))
}

fn is_along_values(picture: &Picture) -> bool {
    picture.name == super::plot::VARY
}

fn is_of_telemetry(picture: &Picture) -> bool {
    picture.name == super::plot::TELEMETRY
}

fn is_against_load(picture: &Picture) -> bool {
    picture.name.starts_with("load-")
}

fn shown(pictures: &[Picture], which: impl Fn(&Picture) -> bool) -> String {
    let show = |picture: &Picture| {
        let (title, caption) = (escape(&picture.title), escape(&picture.caption));
        format!("![{title}](plots/{}.svg)\n\n{caption}\n", picture.name)
    };
    let chosen = pictures.iter().filter(|picture| which(picture));
    chosen.map(show).collect::<Vec<_>>().join("\n")
}

fn load(comparison: &Comparison<'_>) -> String {
    let Some(loads) = comparison.load else { return String::new() };
    let mut text = shown(&comparison.pictures(), is_against_load) + "\n";
    for entry in comparison.shown_entries() {
        let grid = load_grid(comparison, loads, entry);
        let knees = escape(&knees(comparison, loads, entry));
        let _ = write!(text, "**{}**\n\n{}\n{knees}\n\n", escape(&grid.title), grid.markdown());
    }
    text
}

fn vary(comparison: &Comparison<'_>) -> String {
    let Some(variation) = comparison.vary else { return String::new() };
    let mut text = shown(&comparison.pictures(), is_along_values) + "\n";
    for grid in vary_grids(comparison, variation) {
        let _ = write!(text, "**{}**\n\n{}\n", escape(&grid.title), grid.markdown());
    }
    text + &escape(&growth(comparison, variation))
}

fn objectives(comparison: &Comparison<'_>) -> String {
    if comparison.objectives.is_empty() {
        return String::new();
    }
    let rows = comparison.objectives.iter().map(|one| {
        let result = if one.met { "met" } else { "**missed**" };
        [escape(&one.mesh), escape(&one.entry), result.to_owned(), escape(&one.text)]
    });
    table(["mesh", "entry", "result", "seen and allowed"], rows)
}

/// Warnings about the input, and each note on the results once.
fn notes(comparison: &Comparison<'_>) -> String {
    let mut text = String::new();
    for warning in comparison.warnings {
        let _ = writeln!(text, "- {}", escape(warning));
    }
    let all: Vec<Results> = comparison.results().cloned().collect();
    for note in super::table::notes(&all).lines().filter_map(|line| line.strip_prefix("note: ")) {
        let _ = writeln!(text, "- {}", escape(note));
    }
    text
}

/// A table of cells that are Markdown already.
fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&header.map(str::to_owned)) + "|" + &"---|".repeat(N) + "\n";
    for row in rows {
        text += &line(&row);
    }
    text
}

/// A text that means nothing but itself in Markdown, in tables too, and cannot be HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '$' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A text as code, in tables too: whatever is in it.
fn code(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./: ".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return format!("`{text}`");
    }
    format!("<code>{}</code>", escape(text))
}

#[cfg(test)]
mod tests;

//! A comparison on the terminal: the verdict, then the table that answers the question, then the rest.

use std::fmt::Write as _;

use crate::metrics::Results;
use crate::output::human::printable;
use crate::output::table::{name, notes};

use super::{
    Comparison, certificates, changes, growth, knees, lives, load_grid, splits, tables, vary_grids, verdict,
    versions, watching,
};

/// Everything for standard output, without where the files are. Ends with a newline.
pub fn render(comparison: &Comparison<'_>) -> String {
    let mut text = format!("{}\n\n{}\n", headline(comparison), wrapped(&verdict(comparison)));
    for grid in tables(comparison)
        .into_iter()
        .chain(splits(comparison))
        .chain(versions(comparison))
        .chain(lives(comparison))
        .chain(changes(comparison))
        .chain(certificates(comparison))
    {
        text += &grid.terminal();
    }
    let all: Vec<Results> = comparison.results().cloned().collect();
    text += &paragraph(&watching(&all));
    if let Some(loads) = comparison.load {
        for entry in comparison.shown_entries() {
            text += &load_grid(comparison, loads, entry).terminal();
            let _ = writeln!(text, "{}", wrapped(&knees(comparison, loads, entry)));
        }
    }
    if let Some(variation) = comparison.vary {
        for grid in vary_grids(comparison, variation) {
            text += &grid.terminal();
        }
        text += &paragraph(&growth(comparison, variation));
    }
    if !comparison.objectives.is_empty() {
        text += "\nObjectives\n";
        for one in comparison.objectives {
            let word = if one.met { "met   " } else { "MISSED" };
            let (entry, mesh) = (printable(&one.entry), printable(&one.mesh));
            let _ = writeln!(text, "  {word} {entry} under {mesh}: {}", one.text);
        }
    }
    text + &notes(&all)
}

fn headline(comparison: &Comparison<'_>) -> String {
    let results = comparison.runs[comparison.baseline].results;
    let plural = if results.replications == 1 { "" } else { "s" };
    let simulation = format!("{}: {} replication{plural}", name(&results.scenario), results.replications);
    let has_intervals =
        comparison.results().any(|one| one.rows.iter().any(|row| row.value.interval.is_some()));
    let simulation = if has_intervals { simulation + ", ± at 95 % confidence" } else { simulation };
    match comparison.draws {
        0 => format!("{simulation}; no model intervals (--draws 0)"),
        draws => format!("{simulation}; model: 5 % to 95 % of {draws} draws of the meshes' constants"),
    }
}

/// A sentence after an empty line; nothing if it is empty.
pub(in crate::output) fn paragraph(sentence: &str) -> String {
    if sentence.is_empty() { String::new() } else { format!("\n{}\n", wrapped(sentence)) }
}

/// The words in lines of a hundred columns.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

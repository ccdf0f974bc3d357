//! `sim models`: the mesh profiles, and where every number comes from.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::diag::{Diagnostics, Sources};
use crate::mesh::profile::{CapabilityRow, Profile, install_profiles, summaries};

use super::scenario::{find, report};
use super::{Exit, print};

/// Columns of a page.
const WIDTH: usize = 100;

#[derive(Debug, Args)]
pub(super) struct ModelsArguments {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Every value of a profile with unit, range, kind and source, and what the mesh can do
    Show {
        /// Name of the profile, with `@ha` as installed for high availability, or a file of your own
        mesh: String,
    },
}

pub(super) fn execute(arguments: &ModelsArguments) -> Exit {
    match &arguments.command {
        None => list(),
        Some(ModelsCommand::Show { mesh }) => show(mesh),
    }
}

fn list() -> Exit {
    let mut listing = Listing::default();
    for summary in summaries() {
        let installs = install_profiles(&summary.name);
        let further: Vec<String> =
            installs.iter().skip(1).map(|install| format!("{}@{install}", summary.name)).collect();
        let further = if further.is_empty() { String::new() } else { format!("also {}", further.join(", ")) };
        let versions = format!("{}; {}", summary.mesh_version, summary.proxy_version);
        let details = vec![versions, format!("Kubernetes {}", summary.kubernetes_version), further];
        listing.add(&[&summary.name, &summary.title], details);
    }
    print(&listing.render());
    Exit::Done
}

fn show(mesh: &str) -> Exit {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let profile = find(mesh, None, &mut sources, &mut diagnostics);
    report(&diagnostics, &sources);
    match profile {
        Some(profile) if !diagnostics.has_errors() => {
            print(&describe(&profile));
            Exit::Done
        }
        _ => Exit::BadInput,
    }
}

fn describe(profile: &Profile) -> String {
    let head = &profile.head;
    let mut text = format!("{} ({})\n", head.title, head.name);
    for (label, value) in [
        ("mesh", &head.mesh_version),
        ("proxy", &head.proxy_version),
        ("Kubernetes", &head.kubernetes_version),
        ("installation", &head.install_profile),
        ("reference machine", &head.reference_machine),
    ] {
        if !value.is_empty() {
            text += &wrapped(&format!("{label}: {value}"), "  ");
        }
    }
    let mut settings = Listing::default();
    for row in profile.setting_rows() {
        let origin = format!("{} {}", row.kind, row.date);
        let source = format!("{}: {}", origin.trim_end(), row.source);
        let details = vec![row.meaning.to_owned(), row.change, source];
        settings.add(&[row.path, &row.value, &row.range], details);
    }
    let (can, reads) = (answers(profile.capability_rows()), answers(profile.resource_rows()));
    let _ = write!(
        text,
        "\nWhat it costs\n{}\nWhat it can do\n{}\nWhat it reads\n{}",
        settings.render(),
        can.render(),
        reads.render()
    );
    text
}

fn answers(rows: Vec<CapabilityRow>) -> Listing {
    let mut listing = Listing::default();
    for row in rows {
        let by = if row.enforced_by.is_empty() { String::new() } else { format!("by {}", row.enforced_by) };
        let per = if row.per.is_empty() { String::new() } else { format!("per {}", row.per) };
        // What it takes instead may be a whole sentence.
        let (support, instead) = row.support.split_once(" (").unwrap_or((&row.support, ""));
        let instead = instead.trim_end_matches(')').to_owned();
        let details = vec![row.meaning.to_owned(), instead, row.change, row.source.clone()];
        listing.add(&[row.feature, support, &by, &per], details);
    }
    listing
}

/// Rows of aligned cells, each with further lines under it; no wider than [`WIDTH`] as long as the cells are short.
#[derive(Default)]
struct Listing {
    rows: Vec<(Vec<String>, Vec<String>)>,
}

impl Listing {
    fn add(&mut self, cells: &[&str], details: Vec<String>) {
        self.rows.push((cells.iter().map(|&cell| cell.to_owned()).collect(), details));
    }

    fn render(&self) -> String {
        let columns = self.rows.first().map_or(0, |(cells, _)| cells.len());
        let width = |column: usize| {
            self.rows.iter().map(|(cells, _)| cells[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (cells, details) in &self.rows {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
            let _ = writeln!(text, "  {}", padded.join("  ").trim_end());
            for detail in details.iter().filter(|detail| !detail.is_empty()) {
                text += &wrapped(detail, "      ");
            }
        }
        text
    }
}

/// The words in lines of [`WIDTH`], each behind an indent.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        let is_first = line.len() == indent.len();
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(lines, "{line}");
            line = format!("{indent}{word}");
        } else {
            line += if is_first { "" } else { " " };
            line += word;
        }
    }
    let _ = writeln!(lines, "{line}");
    lines
}

//! `sim models`: the mesh profiles, and where every number comes from.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};

use crate::diag::{Diagnostics, Sources};
use crate::mesh::profile::{find, summaries};

use super::scenario::report;
use super::{Exit, print};

#[derive(Debug, Args)]
pub(super) struct ModelsArguments {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Every value of a profile with unit, range, kind and source, and what the mesh can do
    Show {
        /// Name of the profile
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
    let mut table = new_table(&["profile", "what it is", "mesh", "proxy"]);
    for summary in summaries() {
        table.add_row([summary.name, summary.title, summary.mesh_version, summary.proxy_version]);
    }
    print(&format!("{table}\n"));
    Exit::Done
}

fn show(mesh: &str) -> Exit {
    let profile = match find(mesh, None) {
        Ok(profile) => profile,
        Err(problem) => {
            let mut diagnostics = Diagnostics::default();
            diagnostics.push(*problem);
            report(&diagnostics, &Sources::default());
            return Exit::BadInput;
        }
    };
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
            let _ = writeln!(text, "  {label}: {value}");
        }
    }
    let mut settings = new_table(&["path", "value", "range", "kind", "date", "source"]);
    for row in profile.setting_rows() {
        settings.add_row([row.path, &row.value, &row.range, row.kind, &row.date, &row.source]);
    }
    let mut capabilities = new_table(&["feature", "support", "enforced by", "per", "source"]);
    for row in profile.capability_rows() {
        capabilities.add_row([row.feature, &row.support, row.enforced_by, row.per, &row.source]);
    }
    print(&format!("{text}\n{settings}\n\nWhat it can do\n{capabilities}\n"));
    Exit::Done
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().copied());
    table
}

//! `sim resources`: what the proxies of a cluster reserve and use, and what each mesh would.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::diag::{Diagnostics, Sources};
use crate::input::kubernetes::pods;
use crate::mesh::inventory::Inventory;
use crate::mesh::profile;
use crate::mesh::reserve::reserve;
use crate::output::resources::{Predicted, csv, json, table};

use super::scenario::{NODE_CORES, find, report};
use super::{Exit, print};

#[derive(Debug, Args)]
pub(super) struct ResourcesArguments {
    /// What `kubectl get pods --all-namespaces -o json` prints (or YAML), or manifests with injected templates, of which
    /// those count that no pod is listed of; `-` is standard input
    #[arg(value_name = "FILE")]
    pods: PathBuf,
    /// What `kubectl top pods --all-namespaces --containers` prints, or a PodMetricsList
    #[arg(long, value_name = "FILE")]
    top: Option<PathBuf>,
    /// Meshes to predict, by profile name or file [default: all that are compared]
    #[arg(long, value_name = "MESH", value_delimiter = ',')]
    mesh: Vec<String>,
    /// Number of nodes [default: those that pods name]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    nodes: Option<u64>,
    /// Cores of a node: as many workers has a proxy without a CPU limit that asks for one per core
    #[arg(long, value_name = "N", default_value_t = NODE_CORES, value_parser = clap::value_parser!(u32).range(1..=1024))]
    node_cores: u32,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    Table,
    /// One row per number
    Csv,
    /// The same rows
    Json,
}

pub(super) fn execute(arguments: &ResourcesArguments) -> Exit {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let records = pods::load(&arguments.pods, arguments.nodes, &mut sources, &mut diagnostics);
    let usages = arguments.top.iter().flat_map(|top| pods::usage(top, &mut sources, &mut diagnostics));
    let usages: Vec<_> = usages.collect();
    let mut names = arguments.mesh.clone();
    if names.is_empty() {
        names.extend(profile::compared().filter(|name| *name != "none").map(str::to_owned));
    }
    let profiles: Vec<_> =
        names.iter().filter_map(|name| find(name.trim(), None, &mut sources, &mut diagnostics)).collect();
    report(&diagnostics, &sources);
    if diagnostics.has_errors() {
        return Exit::BadInput;
    }
    let inventory = Inventory::of(&records, &usages, arguments.nodes);
    let meshes: Vec<Predicted> = profiles
        .iter()
        .map(|profile| {
            let model = profile.model(arguments.node_cores);
            Predicted { mesh: model.name.clone(), reserves: reserve(&model, &inventory.fleet) }
        })
        .collect();
    print(&match arguments.format {
        Format::Table => table(&inventory, &meshes),
        Format::Csv => csv(&inventory, &meshes),
        Format::Json => json(&inventory, &meshes),
    });
    Exit::Done
}

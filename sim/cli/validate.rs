//! `sim validate`: everything that is wrong with the files, and what they say if nothing is.

use std::path::PathBuf;

use clap::Args;

use super::scenario::{Loading, Meshes, origin};
use super::{Exit, print};

#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    /// Scenarios, isotope graphs, Kubernetes manifests, folders of them; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "file")]
    files: Vec<PathBuf>,
    /// One more file or folder
    #[arg(short, long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Profiles that must accept the scenario's overrides
    #[arg(long, value_name = "MESH", value_delimiter = ',')]
    mesh: Vec<String>,
    /// Replace a value before checking
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Refuse files of which something is not modelled
    #[arg(long)]
    strict: bool,
}

pub(super) fn execute(arguments: &ValidateArguments) -> Exit {
    let loading = Loading {
        files: arguments.files.iter().chain(&arguments.file).cloned().collect(),
        meshes: arguments.mesh.clone(),
        unnamed: Meshes::OfScenario,
        sets: arguments.set.clone(),
        vary: None,
        rate: None,
        as_written: false,
        strict: arguments.strict,
    };
    let Some(loaded) = loading.load() else { return Exit::BadInput };
    let scenario = &loaded.scenario;
    let pods: u64 = scenario.services.iter().map(|service| u64::from(service.replicas)).sum();
    print(&format!("{}: {} services, {pods} pods\n", scenario.name, scenario.services.len()));
    for source in &scenario.sources {
        let service = scenario.services[source.service].full_name();
        print(&format!("  {} asks {service}, {}\n", source.name, origin(&source.from)));
    }
    let meshes: Vec<&str> = loaded.meshes.iter().map(|mesh| mesh.name.as_str()).collect();
    print(&format!("  meshes: {}\n", meshes.join(", ")));
    for guess in &loaded.guesses {
        print(&format!("  guessed: {guess}\n"));
    }
    Exit::Done
}

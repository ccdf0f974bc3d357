//! Where results go: a folder for each mesh, and one for their comparison.

use std::fmt::Write as _;
use std::path::Path;

use crate::experiment::Plan;
use crate::output::{Existing, File, Folder, FolderError, Identity, Manifest};
use crate::program::Program;

use super::scenario::Loaded;

/// The folder of a comparison, beside those of the meshes.
pub(super) const COMPARISON: &str = "comparison";

/// A folder for results, and whose they will be.
#[derive(Debug)]
pub(super) struct Place {
    identity: Identity,
    folder: Folder,
}

/// What the results in the folders depend on.
#[derive(Debug)]
pub(super) struct Provenance<'p> {
    loaded: &'p Loaded,
    /// Hashes of the programs, mesh by mesh.
    programs: Vec<String>,
    /// What they depend on beside the programs and the plan: nothing, or hashes of the profiles' ranges.
    ranges: Vec<String>,
    plan: String,
}

impl<'p> Provenance<'p> {
    /// Of runs of the programs.
    pub(super) fn new(loaded: &'p Loaded, programs: &[Program]) -> Self {
        let plan = match loaded.plan() {
            Plan::Fixed(replications) => replications.to_string(),
            Plan::Precision(target) => format!("p99 to {target}"),
        };
        let programs = programs.iter().map(Program::digest).collect();
        Self { loaded, programs, ranges: Vec::new(), plan }
    }

    /// With so many draws of every profile's constants.
    pub(super) fn with_draws(mut self, draws: u32) -> Self {
        if draws > 0 {
            let _ = write!(self.plan, "; {draws} draws");
            self.ranges = self.loaded.meshes.iter().map(|mesh| mesh.profile.fingerprint()).collect();
        }
        self
    }

    /// The folders of all meshes.
    pub(super) fn open(&self, root: &Path, existing: Existing) -> Result<Vec<Place>, FolderError> {
        let meshes = &self.loaded.meshes;
        let open = |index: usize| {
            let compared = self.loaded.baseline.filter(|&base| base != index);
            let own = || [Some(index), compared].into_iter().flatten();
            let programs = own().map(|at| self.programs[at].clone());
            let ranges = own().filter_map(|at| self.ranges.get(at).cloned());
            let identity = Identity {
                mesh: meshes[index].name.clone(),
                baseline: compared.map(|base| meshes[base].name.clone()),
                ..self.identity(programs.chain(ranges).collect())
            };
            Place::open(root, identity, existing)
        };
        (0..meshes.len()).map(open).collect()
    }

    /// The folder of the comparison; `more` is what it alone depends on.
    pub(super) fn open_comparison(
        &self,
        root: &Path,
        existing: Existing,
        more: &str,
    ) -> Result<Place, FolderError> {
        let all = self.programs.iter().chain(&self.ranges).cloned().collect();
        let mut identity = self.identity(all);
        identity.baseline = self.loaded.baseline.map(|base| self.loaded.meshes[base].name.clone());
        identity.plan += more;
        Place::open(root, identity, existing)
    }

    fn identity(&self, program: Vec<String>) -> Identity {
        Identity {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: self.loaded.scenario.name.clone(),
            mesh: COMPARISON.to_owned(),
            baseline: None,
            seed: self.loaded.scenario.run.seed,
            plan: self.plan.clone(),
            program,
        }
    }
}

impl Place {
    fn open(root: &Path, identity: Identity, existing: Existing) -> Result<Self, FolderError> {
        let folder = Folder::open(root, identity.clone(), existing)?;
        Ok(Self { identity, folder })
    }

    /// As a reader may open it.
    pub(super) fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Writes everything, with a manifest.
    pub(super) fn write(
        &self,
        files: Vec<File>,
        loaded: &Loaded,
        replications: usize,
        notes: &[String],
        seconds: f64,
    ) -> Result<(), FolderError> {
        let manifest = Manifest {
            run: self.identity.clone(),
            // Not where the program lies: that differs from machine to machine.
            command: std::iter::once("sim".to_owned()).chain(std::env::args().skip(1)).collect(),
            inputs: loaded.inputs.clone(),
            replications,
            notes: loaded.warnings.iter().chain(notes).cloned().collect(),
            files: Vec::new(),
            wall_time_seconds: seconds,
        };
        self.folder.write_files(files, manifest).map(|_| ())
    }
}

//! `manifest.json`: what a folder's results came from.

use serde::{Deserialize, Serialize};

use crate::digest;

/// What a folder's results came from. All of it but the wall time is the same from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the results depend on.
    pub run: Identity,
    /// The command line, program name first.
    pub command: Vec<String>,
    /// Every file that was read.
    pub inputs: Vec<FileHash>,
    /// Number of replications that were run; fewer than wanted when the run was stopped.
    pub replications: usize,
    /// Warnings about the input and notes on the results.
    pub notes: Vec<String>,
    /// Files beside this one; filled in by [`Folder::write`](super::Folder::write).
    #[serde(default)]
    pub files: Vec<FileHash>,
    /// Wall-clock time of the simulation, in seconds.
    pub wall_time_seconds: f64,
}

/// What the results depend on: equal identities, equal results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Version of `sim`.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the mesh profile.
    pub mesh: String,
    /// The mesh it is compared with, if any.
    pub baseline: Option<String>,
    /// Everything random follows from it.
    pub seed: u64,
    /// How many replications were wanted: a number, or a precision such as `p99 to 5 %`.
    pub plan: String,
    /// SHA-256 of the compiled program, and of the baseline's after it.
    pub program: Vec<String>,
}

/// A file and its content's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileHash {
    /// As it was named on the command line, or relative to the manifest for its own files.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl FileHash {
    /// The file of that name and content.
    pub fn new(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self { path: path.into(), sha256: digest::of_bytes(bytes) }
    }
}

/// Indented JSON with a newline at the end.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("plain data has a JSON form");
    bytes.push(b'\n');
    bytes
}

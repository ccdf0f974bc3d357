//! The results folder: `<root>/<scenario>/<mesh>/`. The only part of this module that touches the disk.
//!
//! A folder belongs to the run that its manifest names. The same run (equal [`Identity`], hence equal results) may
//! write there again; another one is refused unless it is told to replace. Files appear whole: each is written under a
//! temporary name and renamed, and the manifest comes last, so a folder with a manifest is complete.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::human::printable;
use super::manifest::{FileHash, Identity, Manifest, json};
use super::names::file_name;
use super::{File, Run, render};

const MANIFEST: &str = "manifest.json";
/// Ends the name of a file that is not whole yet.
const UNFINISHED: &str = ".part";

/// What to do with the results of another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse to touch them.
    Keep,
    /// Remove the files that its manifest lists and write ours; other files stay.
    Replace,
}

/// A folder that a run may write to.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whose results they will be.
    identity: Identity,
    /// Files of the run to be replaced.
    stale: Vec<PathBuf>,
    /// Replications that an earlier go of the same run left there, if they are to be kept.
    done: usize,
}

/// Why results could not be written. Its text says what to do.
#[derive(Debug)]
pub enum FolderError {
    /// The folder holds what this run may not overwrite.
    Taken {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        holds: Holds,
    },
    /// The system refused.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as in "cannot … it".
        action: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Results of another run: its command line.
    AnotherRun(String),
    /// So many replications of this run, which was stopped sooner this time.
    MoreOfThisRun(usize),
    /// Files without a manifest that could be read.
    Unknown,
}

impl Folder {
    /// The folder for the results of `identity` under `root`, if this run may and can write there. Leaves nothing there.
    ///
    /// # Errors
    /// When it holds another run's results, or files of unknown origin, and `existing` is [`Existing::Keep`]; when it
    /// cannot be read or written.
    pub fn open(root: &Path, identity: Identity, existing: Existing) -> Result<Self, FolderError> {
        let path = root.join(file_name(&identity.scenario)).join(file_name(&identity.mesh));
        try_to_write(&path)?;
        if is_empty(&path)? {
            return Ok(Self { path, identity, stale: Vec::new(), done: 0 });
        }
        let manifest = read_manifest(&path)?;
        let is_ours = manifest.as_ref().is_some_and(|manifest| manifest.run == identity);
        if existing == Existing::Keep && !is_ours {
            let holds = manifest.map_or(Holds::Unknown, |old| Holds::AnotherRun(old.command.join(" ")));
            return Err(FolderError::Taken { path, holds });
        }
        let done = match (&manifest, existing) {
            (Some(manifest), Existing::Keep) => manifest.replications,
            _ => 0,
        };
        Ok(Self { stale: manifest.map_or_else(Vec::new, |old| listed(&old)), path, identity, done })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes every output of a run, as [`Self::write_files`] does.
    ///
    /// # Errors
    /// As [`Self::write_files`].
    pub fn write(&self, run: &Run<'_>, manifest: Manifest) -> Result<Vec<PathBuf>, FolderError> {
        self.write_files(render(run), manifest)
    }

    /// Writes the files and, last, the manifest, whose list of files is filled in. Gives what was written.
    ///
    /// # Errors
    /// When the folder holds more replications of the same run and is to keep them; when the system refuses, which
    /// leaves the folder without a manifest.
    ///
    /// # Panics
    /// When the manifest is another run's than the folder was opened for.
    pub fn write_files(&self, files: Vec<File>, mut manifest: Manifest) -> Result<Vec<PathBuf>, FolderError> {
        assert_eq!(manifest.run, self.identity, "a folder is written by the run that opened it");
        if manifest.replications < self.done {
            let path = self.path.clone();
            return Err(FolderError::Taken { path, holds: Holds::MoreOfThisRun(self.done) });
        }
        remove(&self.path.join(MANIFEST))?;
        for stale in &self.stale {
            remove(&self.path.join(stale))?;
        }
        let write = |file: File| {
            let path = self.path.join(&file.path);
            write_whole(&path, &file.bytes)?;
            Ok((path, FileHash::new(file.path, &file.bytes)))
        };
        let both: Result<Vec<_>, FolderError> = files.into_par_iter().map(write).collect();
        let (mut written, hashes): (Vec<_>, Vec<_>) = both?.into_iter().unzip();
        manifest.files = hashes;
        let path = self.path.join(MANIFEST);
        write_whole(&path, &json(&manifest))?;
        written.push(path);
        Ok(written)
    }
}

/// Finds out before a long run, not after it, that its results cannot be written: makes a file in the folder, or where
/// the folder is to be, and removes it.
fn try_to_write(path: &Path) -> Result<(), FolderError> {
    let place = path.ancestors().find(|place| place.is_dir()).unwrap_or(Path::new("."));
    let probe = place.join(format!(".sim{UNFINISHED}"));
    fs::write(&probe, []).map_err(|error| FolderError::io(path, "create", error))?;
    remove(&probe)
}

/// Whether there is nothing in a folder, or no folder.
fn is_empty(path: &Path) -> Result<bool, FolderError> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(FolderError::io(path, "read", error)),
    }
}

/// The manifest in a folder, if there is one that can be understood.
pub(super) fn read_manifest(folder: &Path) -> Result<Option<Manifest>, FolderError> {
    let path = folder.join(MANIFEST);
    match fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FolderError::io(&path, "read", error)),
    }
}

/// The files that a manifest lists. A manifest is only a file: what would leave the folder is not believed.
fn listed(manifest: &Manifest) -> Vec<PathBuf> {
    let inside = |path: &PathBuf| path.components().all(|part| matches!(part, Component::Normal(_)));
    manifest.files.iter().map(|file| PathBuf::from(&file.path)).filter(inside).collect()
}

fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FolderError::io(path, "remove", error)),
        _ => Ok(()),
    }
}

/// Writes a file under another name and gives it its own when it is whole. Makes its folder.
///
/// # Panics
/// When the path names no file.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let folder = path.parent().expect("a file stands in a folder");
    fs::create_dir_all(folder).map_err(|error| FolderError::io(folder, "create", error))?;
    let mut name = path.file_name().expect("a file has a name").to_owned();
    name.push(UNFINISHED);
    let part = path.with_file_name(name);
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, path))
        .map_err(|error| FolderError::io(path, "write", error))
}

impl FolderError {
    fn io(path: &Path, action: &'static str, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, error }
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { path, holds } => {
                match holds {
                    Holds::AnotherRun(command) => {
                        let command = printable(command);
                        write!(f, "{} holds the results of another run (`{command}`)", path.display())?;
                    }
                    Holds::MoreOfThisRun(done) => {
                        write!(
                            f,
                            "{} holds {done} replications of this run, which are more",
                            path.display()
                        )?;
                    }
                    Holds::Unknown => write!(f, "{} holds files that no finished run wrote", path.display())?,
                }
                f.write_str("; write elsewhere with `--out FOLDER`, or replace them with `--force`")
            }
            Self::Io { path, action, error } => write!(f, "cannot {action} {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Taken { .. } => None,
            Self::Io { error, .. } => Some(error),
        }
    }
}

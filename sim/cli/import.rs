//! `sim import`: files of any format as one scenario to be edited.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::diag::Code;
use crate::input::{self, Options};
use crate::mesh::validate;
use crate::output::{native, write_whole};

use super::scenario::report;
use super::{Exit, print};

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// Manifests, graphs, scenarios, folders of them; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "file")]
    files: Vec<PathBuf>,
    /// One more file or folder
    #[arg(short, long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// File to write, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file that `--output` names
    #[arg(long, requires = "output")]
    force: bool,
    /// Refuse files of which something is not modelled
    #[arg(long)]
    strict: bool,
}

pub(super) fn execute(arguments: &ImportArguments) -> Exit {
    let files: Vec<PathBuf> = arguments.files.iter().chain(&arguments.file).cloned().collect();
    let (draft, sources, mut diagnostics) = input::load(&files, &Options::default());
    // What is still missing, traffic above all, is for the user to write: only what was read wrongly is refused.
    let is_readable = !diagnostics.has_errors();
    if arguments.strict {
        diagnostics.refuse(Code::NotModelled);
    }
    let is_refused = diagnostics.has_errors();
    if is_readable {
        validate(&draft, &mut diagnostics);
        diagnostics.excuse(Code::EmptyInput);
    }
    report(&diagnostics, &sources);
    if is_refused {
        return Exit::BadInput;
    }
    let text = native::scenario(&draft);
    let Some(path) = &arguments.output else {
        print(&text);
        return Exit::Done;
    };
    // It may hold what its user has made of an earlier import.
    if path.exists() && !arguments.force {
        let _ =
            writeln!(std::io::stderr(), "error: {} is there already: `--force` replaces it", path.display());
        return Exit::BadInput;
    }
    match write_whole(path, text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            Exit::BadInput
        }
    }
}

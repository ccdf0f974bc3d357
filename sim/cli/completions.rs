//! `sim completions`: completions for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Exit, print};

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell to complete in
    shell: Shell,
}

pub(super) fn execute(arguments: &CompletionsArguments) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "sim", &mut text);
    print(&String::from_utf8_lossy(&text));
    Exit::Done
}

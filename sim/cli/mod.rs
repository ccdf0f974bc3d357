//! The `sim` command: one file per subcommand. The only place that looks at the terminal and the wall clock.

mod compare;
mod completions;
mod diff;
mod import;
mod init;
mod models;
mod options;
mod progress;
mod resources;
mod routes;
mod run;
mod scenario;
mod simulation;
mod slo;
mod store;
mod topology;
mod validate;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// Done.
    Done = 0,
    /// A service-level objective was missed.
    SloMissed = 1,
    /// Bad usage or bad input; nothing was written.
    BadInput = 2,
    /// Not finished; what was finished is kept.
    Unfinished = 3,
}

/// What a service mesh costs and how it behaves, before you deploy it.
#[derive(Debug, Parser)]
#[command(name = "sim", version, about, long_about = None, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate a topology under one or several meshes
    Run(Box<run::RunArguments>),
    /// Say what each mesh adds, how sure that is, and write a report
    Compare(Box<compare::CompareArguments>),
    /// Say what changes from one scenario, or folder of results, to another
    Diff(Box<diff::DiffArguments>),
    /// Check files and say everything that is wrong with them
    Validate(validate::ValidateArguments),
    /// Say which rule matches a request, and what then becomes of it under each mesh
    Routes(Box<routes::RoutesArguments>),
    /// Say what the proxies of a cluster reserve and use, and what each mesh would
    Resources(resources::ResourcesArguments),
    /// Make one scenario of files of any format, to be edited; what was guessed is marked
    Import(import::ImportArguments),
    /// List the mesh profiles, or show one with the source of every number
    Models(models::ModelsArguments),
    /// Print a commented scenario to start from
    Init(init::InitArguments),
    /// Make service graphs of any size
    Topology(topology::TopologyArguments),
    /// Print completions for a shell
    Completions(completions::CompletionsArguments),
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = match arguments.command {
        Command::Run(arguments) => run::execute(&arguments),
        Command::Compare(arguments) => compare::execute(&arguments),
        Command::Diff(arguments) => diff::execute(&arguments),
        Command::Validate(arguments) => validate::execute(&arguments),
        Command::Routes(arguments) => routes::execute(&arguments),
        Command::Resources(arguments) => resources::execute(&arguments),
        Command::Import(arguments) => import::execute(&arguments),
        Command::Models(arguments) => models::execute(&arguments),
        Command::Init(arguments) => init::execute(&arguments),
        Command::Topology(arguments) => topology::execute(&arguments),
        Command::Completions(arguments) => completions::execute(&arguments),
    };
    ExitCode::from(exit as u8)
}

/// The help of every subcommand, for the reference: its usage name and its text.
pub fn help() -> Vec<(String, String)> {
    // A width of its own: the page must not depend on the terminal.
    let mut command = Arguments::command().term_width(100);
    command.build();
    let mut pages = Vec::new();
    pages_of(&mut command, "sim", &mut pages);
    pages
}

/// Adds the help of all subcommands of `command`, and of theirs.
fn pages_of(command: &mut clap::Command, name: &str, pages: &mut Vec<(String, String)>) {
    for subcommand in command.get_subcommands_mut().filter(|subcommand| subcommand.get_name() != "help") {
        let name = format!("{name} {}", subcommand.get_name());
        pages.push((name.clone(), subcommand.render_long_help().to_string()));
        pages_of(subcommand, &name, pages);
    }
}

/// Prints to standard output; a reader that has gone away (`| head`) is no error, a full disk ends the process.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("error: cannot write to standard output: {error}");
            std::process::exit(Exit::Unfinished as i32);
        }
        _ => {}
    }
}

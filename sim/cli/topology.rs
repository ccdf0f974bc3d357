//! `sim topology generate`: a service graph of any size, as a scenario.

use std::io::Write as _;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Subcommand};

use crate::diag::{Code, Diagnostic, Diagnostics, Sources};
use crate::output::write_whole;
use crate::topology::{Law, Load, Options, PRESETS, Topology};
use crate::units::{Rate, Ratio};

use super::scenario::report;
use super::{Exit, print};

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct TopologyArguments {
    #[command(subcommand)]
    command: TopologyCommand,
}

#[derive(Debug, Subcommand)]
enum TopologyCommand {
    /// Make a service graph from a preset and laws; the file says what came out, and from what it was made
    Generate(Box<GenerateArguments>),
}

#[derive(Debug, Args)]
struct GenerateArguments {
    /// Shape of the graph; what follows replaces parts of it
    #[arg(long, default_value = "meta", value_parser = presets())]
    preset: String,
    /// Name of the scenario [default: that of the preset]
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Number of services
    #[arg(long, value_name = "N")]
    services: Option<u32>,
    /// Number of pods of all services [default: the preset's pods per service]
    #[arg(long, value_name = "N")]
    pods: Option<u64>,
    /// Number of namespaces; in a tree, each has a tree of its own
    #[arg(long, value_name = "N")]
    namespaces: Option<u32>,
    /// Number of services that requests from outside come to; not in a tree
    #[arg(long, value_name = "N")]
    entries: Option<u32>,
    /// Services on the longest way of a request; not in a tree
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// How many others a service calls that calls any: 3, or quantiles as in p50:4,p90:23,p99:252
    #[arg(long, value_name = "LAW", value_parser = Law::parse)]
    fan_out: Option<Law>,
    /// How pods spread over services, most for the busiest: 1 is evenly, or quantiles; --pods scales it
    #[arg(long, value_name = "LAW", value_parser = Law::parse)]
    replicas: Option<Law>,
    /// Calls that one request makes in all, on average; probabilities of calls follow from it
    #[arg(long, value_name = "N")]
    calls_per_request: Option<f64>,
    /// Requests per second, end to end: at all entries together, shared equally
    #[arg(long, value_name = "RATE", value_parser = Rate::parse, conflicts_with = "mesh_rps")]
    rps: Option<Rate>,
    /// Requests per second at all services together, called ones included
    #[arg(long, value_name = "RATE", value_parser = Rate::parse)]
    mesh_rps: Option<Rate>,
    /// Share of their time for which the pods of no service work more [default: 30%]
    #[arg(long, value_name = "SHARE", value_parser = Ratio::parse)]
    utilization: Option<Ratio>,
    /// What all services speak [default: http1]
    #[arg(long, value_parser = PossibleValuesParser::new(["http1", "http2", "grpc"]))]
    protocol: Option<String>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File to write, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn execute(arguments: &TopologyArguments) -> Exit {
    let TopologyCommand::Generate(arguments) = &arguments.command;
    let options = options(arguments);
    let topology = options
        .settings()
        .and_then(|settings| Topology::generate(&settings).map_err(|problem| vec![problem]));
    match topology {
        Ok(topology) => write(arguments.output.as_deref(), &topology.scenario(&options.command())),
        Err(problems) => refuse(problems),
    }
}

fn options(arguments: &GenerateArguments) -> Options {
    let load = arguments.rps.map(Load::Entries).or(arguments.mesh_rps.map(Load::Services));
    Options {
        preset: arguments.preset.clone(),
        name: arguments.name.clone(),
        services: arguments.services,
        pods: arguments.pods,
        namespaces: arguments.namespaces,
        entries: arguments.entries,
        depth: arguments.depth,
        fan_out: arguments.fan_out.clone(),
        replicas: arguments.replicas.clone(),
        calls_per_request: arguments.calls_per_request,
        load,
        utilization: arguments.utilization,
        protocol: arguments.protocol.as_deref().and_then(Options::protocol),
        seed: arguments.seed,
    }
}

fn write(path: Option<&std::path::Path>, text: &str) -> Exit {
    let Some(path) = path else {
        print(text);
        return Exit::Done;
    };
    if path.file_name().is_none() || path.is_dir() {
        let message = format!("{} is a folder, no file to write", path.display());
        return refuse(vec![Diagnostic::error(Code::InvalidValue, message)]);
    }
    match write_whole(path, text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            Exit::BadInput
        }
    }
}

fn refuse(problems: Vec<Diagnostic>) -> Exit {
    let mut diagnostics = Diagnostics::default();
    for problem in problems {
        diagnostics.push(problem);
    }
    report(&diagnostics, &Sources::default());
    Exit::BadInput
}

/// The presets, each with what it is.
fn presets() -> PossibleValuesParser {
    PossibleValuesParser::new(PRESETS.map(|preset| PossibleValue::new(preset.name).help(preset.about)))
}

/// A name that needs no quotes in YAML and is a folder's name as well.
fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && text.len() <= 63 && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err("a name begins with a letter and has at most 63 letters, digits, - and _".to_owned())
}

//! `sim routes`: which rule matches a request, and what then becomes of it under each mesh.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::diag::{Code, Diagnostic, Diagnostics, Location, Sources, closest, quote};
use crate::input::Draft;
use crate::input::draft::{ArrivalsDraft, ServiceDraft, SourceDraft, Via};
use crate::input::tree::Located;
use crate::mesh::Scenario;
use crate::mesh::scenario::{Arrivals, Origin, ServiceIdx};
use crate::output::routes::{Answered, Asked, json, table};
use crate::program::route::explain::{Question, Request, Sender, asked_for, explain, gateways_of};
use crate::units::Rate;
use crate::vocabulary::{HashOn, Header, HeaderValues};

use super::scenario::{Loading, Meshes};
use super::{Exit, print};

/// Without `--path`, `--method`, `--header` and `--query` all rules of the host are told. No traffic need be given, and
/// nothing is simulated.
#[derive(Debug, Args)]
pub(super) struct RoutesArguments {
    /// Manifests, mesh configuration, scenarios, folders of them; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "file")]
    files: Vec<PathBuf>,
    /// One more file or folder
    #[arg(short, long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Whom the request is for: a service (`reviews`, `reviews.shop`), or a host of a gateway
    #[arg(long, value_name = "HOST")]
    to: String,
    /// Its path; what follows a `?` is its query
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Its method [default: GET, of gRPC POST]
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// A header of it
    #[arg(short = 'H', long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// A query parameter of it
    #[arg(long, value_name = "NAME=VALUE")]
    query: Vec<String>,
    /// Who sends it: a service, or `gateway:NAME` [default: a pod of the callee's namespace, without labels]
    #[arg(long, value_name = "SENDER")]
    from: Option<String>,
    /// Port that it is sent to [default: the service's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Meshes, by profile name or file [default: all that are compared]
    #[arg(long, value_name = "MESH", value_delimiter = ',')]
    mesh: Vec<String>,
    /// Replace a value: of the scenario, or (`profile.…`) of the meshes
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Let an object act only in the meshes that read its kind, instead of translating what is meant to each mesh
    #[arg(long)]
    as_written: bool,
    /// Refuse files of which something is not modelled
    #[arg(long)]
    strict: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Table,
    /// An object for each mesh
    Json,
}

pub(super) fn execute(arguments: &RoutesArguments) -> Exit {
    let loading = Loading {
        files: arguments.files.iter().chain(&arguments.file).cloned().collect(),
        meshes: arguments.mesh.clone(),
        unnamed: Meshes::All,
        sets: arguments.set.clone(),
        vary: None,
        rate: None,
        as_written: arguments.as_written,
        strict: arguments.strict,
    };
    let mut question = None;
    let loaded = loading.load_with(ask_every_service, |scenario, sources, diagnostics| {
        question = arguments.question(scenario, sources, diagnostics);
    });
    let (Some(loaded), Some(question)) = (loaded, question) else { return Exit::BadInput };
    let answers: Vec<Answered> = loaded
        .meshes
        .iter()
        .map(|mesh| Answered {
            mesh: mesh.name.clone(),
            explanation: explain(&loaded.scenario, &mesh.profile, &mesh.model, &question),
        })
        .collect();
    let asked = Asked { host: &arguments.to, scenario: &loaded.scenario, question: &question };
    print(&match arguments.format {
        Format::Table => table(&asked, &answers),
        Format::Json => json(&asked, &answers),
    });
    Exit::Done
}

/// Where no file says who sends requests, every service gets some, and the first one through every gateway: routes can be
/// asked for without traffic. They have every header that rules and hashes look at, as the one that is asked for may have.
fn ask_every_service(draft: &mut Draft) {
    if !draft.sources.is_empty() {
        return;
    }
    let mut gateways: Vec<&str> = Vec::new();
    for route in &draft.routes {
        let Via::Gateways { names, .. } = &route.via else { continue };
        for name in names.iter().filter(|name| name.value != "*") {
            if !gateways.contains(&name.value.as_str()) {
                gateways.push(&name.value);
            }
        }
    }
    let matches = draft.routes.iter().flat_map(|route| &route.rules).flat_map(|rule| &rule.value.matches);
    let hashed =
        draft.policies.iter().filter_map(|policy| match &policy.policy.value.balancing.as_ref()?.hash_on {
            HashOn::Header(name) => Some(name.as_str()),
            HashOn::Cookie { .. } | HashOn::Query(_) | HashOn::Source => None,
        });
    let names: BTreeSet<&str> =
        matches.flat_map(|one| &one.headers).map(|header| header.name.as_str()).chain(hashed).collect();
    let header = |name: &str, at| {
        let values = HeaderValues::Shares(vec![(String::new(), 1.0)]);
        Located::new(Header { name: name.to_owned(), values }, at)
    };
    let source = |service: &ServiceDraft, name: String, from: Origin| {
        let at = service.name.location;
        let headers = names.iter().filter(|name| !name.starts_with(':')).map(|name| header(name, at));
        SourceDraft { headers: headers.collect(), ..source(service, name, from) }
    };
    let client = |service| source(service, service.full_name(), Origin::MeshedClient { replicas: 1 });
    let through = |name: &str| {
        let short = name.rsplit_once('/').map_or(name, |(_, short)| short);
        let origin = Origin::Gateway { name: short.to_owned(), replicas: 1 };
        draft.services.first().map(|service| source(service, format!("gateway:{name}"), origin))
    };
    let sources = draft.services.iter().map(client).chain(gateways.into_iter().filter_map(through));
    draft.sources = sources.collect();
}

/// One request per second.
fn source(service: &ServiceDraft, name: String, from: Origin) -> SourceDraft {
    let at = service.name.location;
    let rate = Rate::parse("1/s").expect("a rate");
    SourceDraft {
        name: Located::new(name, at),
        service: Located::new(service.full_name(), at),
        operation: None,
        host: None,
        from: Located::new(from, at),
        arrivals: Located::new(ArrivalsDraft::Known(Arrivals::Constant { rate }), at),
        headers: Vec::new(),
        timeout: None,
    }
}

/// The arguments as texts that diagnostics can point into.
struct Told<'d> {
    sources: &'d mut Sources,
    diagnostics: &'d mut Diagnostics,
}

impl Told<'_> {
    /// Reports what is wrong with the value of an option.
    fn wrong(&mut self, option: &str, value: &str, report: impl FnOnce(Location) -> Diagnostic) {
        let file = self.sources.add(option, value);
        self.diagnostics.push(report(Location::new(file, 0, value.len() as u32)));
    }
}

impl RoutesArguments {
    /// What is asked, all names resolved.
    fn question(
        &self,
        scenario: &Scenario,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Question> {
        let mut told = Told { sources, diagnostics };
        let from = self.sender(scenario, &mut told);
        let headers = pairs("--header", &self.header, &mut told);
        let query = pairs("--query", &self.query, &mut told);
        let gateway = match &from {
            Some(Sender::Gateway(name)) => Some(name.clone()),
            // A host that only a gateway knows can only be asked for there.
            _ if self.from.is_none() => gateways_of(scenario, &self.to).into_iter().next(),
            _ => None,
        };
        let found = asked_for(scenario, &self.to, gateway.as_deref());
        if found.is_none() {
            told.wrong("--to", &self.to, |at| unknown_host(scenario, &self.to, gateway.as_deref()).at(at));
        }
        let (service, named) = found?;
        let from = match gateway {
            Some(name) if named => Sender::Gateway(name),
            _ => from?,
        };
        let host = named.then(|| self.to.clone());
        Some(Question { service, host, from, port: self.port, request: self.request(headers?, query?) })
    }

    /// The request, if one is given.
    fn request(&self, headers: Vec<(String, String)>, mut query: Vec<(String, String)>) -> Option<Request> {
        let lower = |(name, value): (String, String)| (name.to_lowercase(), value);
        let path = self.path.as_ref().map(|path| {
            let (path, behind) = path.split_once('?').unwrap_or((path, ""));
            let parts = behind.split('&').filter(|part| !part.is_empty());
            query.extend(parts.map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (name.to_owned(), value.to_owned())
            }));
            path.to_owned()
        });
        let headers: Vec<_> = headers.into_iter().map(lower).collect();
        let request = Request { path, method: self.method.clone(), headers, query };
        (request != Request::default()).then_some(request)
    }

    fn sender(&self, scenario: &Scenario, told: &mut Told<'_>) -> Option<Sender> {
        let Some(from) = &self.from else { return Some(Sender::Anyone) };
        if let Some(name) = from.strip_prefix("gateway:") {
            let known = gateways(scenario);
            if known.iter().any(|gateway| gateway == name) {
                return Some(Sender::Gateway(name.to_owned()));
            }
            told.wrong("--from", from, |at| {
                let message = format!("no route and no traffic goes through a gateway {}", quote(name));
                let near = closest(name, known.iter().map(String::as_str));
                Diagnostic::error(Code::UnknownName, message).at(at).suggest(near)
            });
            return None;
        }
        let found = asked_for(scenario, from, None);
        if found.is_none() {
            told.wrong("--from", from, |at| {
                let message = format!("there is no service {}", quote(from));
                Diagnostic::error(Code::UnknownName, message).at(at).suggest(like(scenario, from))
            });
        }
        let (service, _): (ServiceIdx, bool) = found?;
        Some(Sender::Service(service))
    }
}

/// `name=value`, or as curl has headers, `name: value`.
fn pairs(option: &str, all: &[String], told: &mut Told<'_>) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for text in all {
        let split = text.split_once('=').or_else(|| text.split_once(':'));
        match split {
            Some((name, value)) if !name.trim().is_empty() => {
                pairs.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            _ => told.wrong(option, text, |at| {
                let diagnostic =
                    Diagnostic::error(Code::InvalidValue, "a name and a value are needed").at(at);
                diagnostic.hint(format!("write {option} name=value"))
            }),
        }
    }
    (pairs.len() == all.len()).then_some(pairs)
}

/// All gateways that routes name or traffic comes through.
fn gateways(scenario: &Scenario) -> Vec<String> {
    let named = scenario.all_routes().flat_map(|route| route.gateways.iter().cloned());
    let used = scenario.sources.iter().filter_map(|source| match &source.from {
        Origin::Gateway { name, .. } => Some(name.clone()),
        _ => None,
    });
    let short = |name: String| name.rsplit_once('/').map_or(name.clone(), |(_, short)| short.to_owned());
    let mut all: Vec<String> = named.flat_map(|name| [short(name.clone()), name]).chain(used).collect();
    all.retain(|name| name != "*");
    all.sort();
    all.dedup();
    all
}

fn like<'s>(scenario: &'s Scenario, name: &str) -> Option<&'s str> {
    closest(name, scenario.services.iter().map(|service| service.name.as_str()))
}

fn unknown_host(scenario: &Scenario, host: &str, gateway: Option<&str>) -> Diagnostic {
    let message = match gateway {
        Some(gateway) => {
            format!("{} is no service, and no route of gateway {} has it", quote(host), quote(gateway))
        }
        None => format!("there is no service {}", quote(host)),
    };
    let services = scenario.services.iter().map(|service| service.name.as_str());
    let hosts = scenario.all_routes().flat_map(|route| route.hosts.iter().map(String::as_str));
    Diagnostic::error(Code::UnknownName, message).suggest(closest(host, services.chain(hosts)))
}

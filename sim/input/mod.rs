//! Reading the user's files: one file per format, all of them into one [`Draft`].
//!
//! Files, directories and standard input are read in the order given; each document is recognised by its head, with
//! the table [`FORMATS`].

use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic, Diagnostics, FileIdx, Location, Severity, Sources, closest, quote};
use crate::vocabulary::Arrivals;

pub mod defaults;
pub mod draft;
pub mod fields;
mod files;
pub mod foreign;
pub mod gateway_api;
pub mod isotope;
pub mod istio;
pub mod kinds;
pub mod kubernetes;
pub mod linkerd;
mod merge;
pub(crate) mod native;
mod observed;
pub mod smi;
mod trace;
pub mod tree;
mod versions;

pub use draft::Draft;
use draft::{ArrivalsDraft, PricesDraft};
use foreign::family::Family;
use tree::{Assignment, Located, Node, Value};

/// A format that can be read.
pub struct Format {
    /// What it is called.
    pub name: &'static str,
    /// How its documents are recognised, for messages.
    pub head: &'static str,
    recognises: fn(&Node) -> bool,
    decode: fn(&Node, &mut Reading<'_>),
}

/// Every format; the first one that recognises a document reads it.
pub const FORMATS: &[Format] = &[
    Format {
        name: "scenario",
        head: "`version: 1`",
        recognises: |node| {
            !kubernetes::is_object(node) && native::SECTIONS.iter().any(|key| node.get(key).is_some())
        },
        decode: |node, reading| native::decode(node, &mut reading.draft, &mut reading.diagnostics),
    },
    Format {
        name: "isotope service graph",
        head: "`services` without `version`",
        recognises: |node| !kubernetes::is_object(node) && node.get("services").is_some(),
        decode: |node, reading| {
            isotope::decode(node, &reading.options.entry, &mut reading.draft, &mut reading.diagnostics);
        },
    },
    Format {
        name: "isotope ConfigMap",
        head: "`kind: ConfigMap` with `service-graph` in `data`",
        recognises: |node| kubernetes::service_graph(node).is_some(),
        decode: Reading::config_map,
    },
    Format {
        name: "Istio objects",
        head: "`apiVersion` of networking, security, telemetry or extensions at istio.io",
        recognises: |node| istio::FAMILY.recognises(node),
        decode: |node, reading| reading.foreign(node, &istio::FAMILY, |pending| &mut pending.istio),
    },
    Format {
        name: "SMI objects",
        head: "`apiVersion` of split or specs at smi-spec.io",
        recognises: |node| smi::FAMILY.recognises(node),
        decode: |node, reading| reading.foreign(node, &smi::FAMILY, |pending| &mut pending.smi),
    },
    Format {
        name: "Gateway API objects",
        head: "`apiVersion` of gateway.networking.k8s.io",
        recognises: |node| gateway_api::FAMILY.recognises(node),
        decode: |node, reading| reading.foreign(node, &gateway_api::FAMILY, |pending| &mut pending.waypoints),
    },
    Format {
        name: "Linkerd objects",
        head: "`apiVersion` of linkerd.io or policy.linkerd.io",
        recognises: |node| linkerd::FAMILY.recognises(node),
        decode: |node, reading| reading.foreign(node, &linkerd::FAMILY, |pending| &mut pending.linkerd),
    },
    Format {
        name: "Kubernetes objects",
        head: "`kind: Deployment`, `Service`, `Pod` and others",
        recognises: kubernetes::is_known,
        decode: |node, reading| {
            reading.pending.waypoints.look(node);
            reading.pending.linkerd.look(node, &mut reading.diagnostics);
            reading.objects.add(node, &mut reading.diagnostics);
        },
    },
    Format {
        name: "Kiali graph",
        head: "`elements` with `nodes` and `edges`",
        recognises: observed::is_kiali,
        decode: |node, reading| reading.observed.kiali(node, &mut reading.diagnostics),
    },
    Format {
        name: "OpenTelemetry spans",
        head: "`resourceSpans`",
        recognises: observed::is_otlp,
        decode: |node, reading| reading.observed.otlp(node, &mut reading.diagnostics),
    },
    Format {
        name: "Prometheus result",
        head: "`resultType`",
        recognises: observed::is_prometheus,
        decode: |node, reading| reading.observed.prometheus(node, &mut reading.diagnostics),
    },
    Format {
        name: "dependencies of Jaeger or Zipkin",
        head: "a list with `parent` and `child`",
        recognises: observed::is_dependencies,
        decode: |node, reading| reading.observed.dependencies(node, &mut reading.diagnostics),
    },
    Format {
        name: "Jaeger traces",
        head: "`data` with `spans`",
        recognises: observed::is_jaeger,
        decode: |node, reading| reading.observed.jaeger(node, &mut reading.diagnostics),
    },
];

/// What the command line adds to the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Traffic of entry points in formats that know none.
    pub entry: isotope::Entry,
    /// `--set path=value`, applied to the first scenario in this order.
    pub assignments: Vec<String>,
    /// One of `--vary`, applied after them.
    pub varied: Option<String>,
}

/// Reads files, directories (every `*.yaml`, `*.yml` and `*.json` in them, by name) and standard input (`-`).
///
/// The draft holds what could be read, even when there are errors.
pub fn load(inputs: &[PathBuf], options: &Options) -> (Draft, Sources, Diagnostics) {
    let mut reading = Reading {
        options,
        draft: Draft::default(),
        sources: Sources::default(),
        diagnostics: Diagnostics::default(),
        folders: Vec::new(),
        unread: Vec::new(),
        findings: foreign::Findings::default(),
        pending: Pending::default(),
        objects: kubernetes::Objects::default(),
        observed: observed::Observations::default(),
    };
    let mut documents = Vec::new();
    for path in files::expand(inputs, &mut reading.diagnostics) {
        documents.extend(reading.documents(&path));
    }
    reading.assign(&mut documents);
    for document in &documents {
        reading.decode(document);
    }
    reading.resolve_objects();
    reading.resolve_meshes();
    std::mem::take(&mut reading.findings).report(&mut reading.diagnostics);
    reading.report_unread();
    reading.read_traces();
    reading.read_prices();
    if reading.draft.name.is_none()
        && let (Some(input), Some((file, _))) = (inputs.first(), reading.folders.first())
    {
        reading.draft.name = Some(Located::new(files::stem(input), Location::new(*file, 0, 0)));
    }
    (reading.draft, reading.sources, reading.diagnostics)
}

/// What can be said of a document that no format recognises.
fn unknown(document: &Node) -> Diagnostic {
    let message = format!("no format recognises this document, {}", document.describe());
    let diagnostic = Diagnostic::error(Code::UnknownObject, message).at(document.location);
    let known = || native::SECTIONS.iter().copied().chain(["services"]);
    // A map of very many keys is something else altogether.
    let keys = document.entries().into_iter().flatten().take(100);
    let near = keys.filter_map(|(key, _)| key.text()).find_map(|key| closest(key, known()));
    if near.is_some() {
        return diagnostic.suggest(near);
    }
    let heads: Vec<_> = FORMATS.iter().map(|format| format!("{} ({})", format.name, format.head)).collect();
    diagnostic.hint(format!("known are: {}", heads.join(", ")))
}

/// What has been read so far.
struct Reading<'o> {
    options: &'o Options,
    draft: Draft,
    sources: Sources,
    diagnostics: Diagnostics,
    /// Where files stand, to find others relative to them.
    folders: Vec<(FileIdx, PathBuf)>,
    /// Kubernetes objects that no format reads: kind, the first of them, how many.
    unread: Vec<(String, Location, usize)>,
    /// Fields of foreign objects that have no effect.
    findings: foreign::Findings,
    pending: Pending,
    /// Kubernetes' own objects, which mean something only together.
    objects: kubernetes::Objects,
    /// What monitoring and tracing have seen.
    observed: observed::Observations,
}

/// What of foreign objects waits until everything is read.
#[derive(Default)]
struct Pending {
    /// What of Istio's objects waits until everything is read.
    istio: istio::Pending,
    /// Splits and the groups of routes that they name.
    smi: smi::Pending,
    /// Profiles, and the annotations of Services.
    linkerd: linkerd::Pending,
    /// Ambient Istio's waypoints and the labels that lead to them.
    waypoints: gateway_api::Pending,
}

impl Reading<'_> {
    /// Reads an object of a family; `pending` is where what of it must wait does so.
    fn foreign<P>(&mut self, node: &Node, family: &Family<P>, pending: fn(&mut Pending) -> &mut P) {
        let import = &mut foreign::family::Import {
            draft: &mut self.draft,
            pending: pending(&mut self.pending),
            findings: &mut self.findings,
            diagnostics: &mut self.diagnostics,
        };
        family.decode(node, import);
    }

    /// The documents of one file, the elements of Kubernetes lists apart.
    fn documents(&mut self, path: &Path) -> Vec<Node> {
        let (file, documents) = // Rendered charts are full of empty documents.
            parse_file(path, Severity::Warning, &mut self.sources, &mut self.diagnostics);
        self.folders.push((file, path.parent().map(Path::to_path_buf).unwrap_or_default()));
        documents.into_iter().flat_map(kubernetes::flatten).collect()
    }

    /// Applies `--set` to the first scenario; if there is none, to an empty one.
    fn assign(&mut self, documents: &mut Vec<Node>) {
        let sets = self.options.assignments.iter().map(|argument| (tree::SET, argument));
        let all = sets.chain(self.options.varied.iter().map(|argument| (tree::VARY, argument)));
        let parse = |(option, argument): (&str, &String)| {
            Assignment::parse(option, argument, &mut self.sources, &mut self.diagnostics)
        };
        let assignments: Vec<Assignment> = all.filter_map(parse).collect();
        let Some(first) = assignments.first() else { return };
        let location = first.location;
        let scenario = documents.iter().position(FORMATS[0].recognises).unwrap_or_else(|| {
            let version = Node::scalar(&native::VERSION.to_string(), location);
            let entries = vec![(Node::scalar("version", location), version)];
            documents.push(Node { value: Value::Map(entries), location });
            documents.len() - 1
        });
        for assignment in assignments {
            let Assignment { path, location, value } = assignment;
            if let Err(problem) = tree::set(&mut documents[scenario], &path, location, value) {
                self.diagnostics.push(*problem);
            }
        }
    }

    fn decode(&mut self, document: &Node) {
        if let Some(format) = FORMATS.iter().find(|format| (format.recognises)(document)) {
            (format.decode)(document, self);
        } else if kubernetes::is_object(document) {
            let kind = kubernetes::kind(document);
            match self.unread.iter_mut().find(|(known, ..)| *known == kind) {
                Some((.., count)) => *count += 1,
                None => self.unread.push((kind, document.location, 1)),
            }
        } else {
            self.diagnostics.push(unknown(document));
        }
    }

    /// Puts together what objects of all files say, what other files say of the same services, and guesses in the place
    /// of the rest.
    fn resolve_objects(&mut self) {
        let objects = std::mem::take(&mut self.objects);
        let hints = objects.resolve(&mut self.draft, &mut self.diagnostics);
        let observed = std::mem::take(&mut self.observed);
        observed.resolve(&self.options.entry, &mut self.draft, &mut self.diagnostics);
        merge::merge(&mut self.draft, &mut self.diagnostics);
        kubernetes::guess(&hints, &self.options.entry, &mut self.draft);
    }

    /// Puts together what objects of meshes say that waits for others.
    fn resolve_meshes(&mut self) {
        let (draft, diagnostics) = (&mut self.draft, &mut self.diagnostics);
        std::mem::take(&mut self.pending.istio).resolve(draft, diagnostics);
        std::mem::take(&mut self.pending.smi).resolve(draft, diagnostics);
        std::mem::take(&mut self.pending.linkerd).resolve(draft, diagnostics);
        std::mem::take(&mut self.pending.waypoints).resolve(draft, diagnostics);
        versions::resolve(draft);
    }

    fn report_unread(&mut self) {
        for (kind, location, count) in std::mem::take(&mut self.unread) {
            let objects = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
            let message = format!("no format reads {objects} of kind {}", quote(&kind));
            let diagnostic = Diagnostic::warning(Code::NotModelled, message).at(location);
            let read = format!("services read from the other documents: {}", self.draft.services.len());
            self.diagnostics.push(diagnostic.hint(read));
        }
    }

    /// An isotope graph in a ConfigMap, as isotope's generated manifests carry it.
    fn config_map(document: &Node, reading: &mut Reading<'_>) {
        let Some((text, location)) = kubernetes::service_graph(document) else { return };
        let name = format!("{} (service-graph)", reading.sources.name(location.source));
        let file = reading.sources.add(name, text);
        let graphs = tree::parse(reading.sources.text(file), file, &mut reading.diagnostics);
        for graph in graphs {
            isotope::decode(&graph, &reading.options.entry, &mut reading.draft, &mut reading.diagnostics);
        }
    }

    /// Replaces the names of trace files by their times.
    fn read_traces(&mut self) {
        for source in &mut self.draft.sources {
            let ArrivalsDraft::TraceFile(path) = &source.arrivals.value else { continue };
            let location = source.arrivals.location;
            let path = beside(&self.folders, location, path);
            match files::read(&path) {
                Ok(text) => {
                    let file = self.sources.add(files::display_name(&path), text);
                    let times = trace::times(self.sources.text(file), file, &mut self.diagnostics);
                    source.arrivals.value = ArrivalsDraft::Known(Arrivals::Trace { times });
                }
                Err(problem) => {
                    let message = format!("{}: {}", files::display_name(&path), problem.message);
                    self.diagnostics.push(Diagnostic { message, ..problem }.at(location));
                }
            }
        }
    }

    /// Replaces the name of the price table by what it says.
    fn read_prices(&mut self) {
        let PricesDraft::File(name) = &self.draft.cluster.prices else { return };
        let path = beside(&self.folders, name.location, &name.value);
        self.draft.cluster.prices = match files::read(&path) {
            Ok(_) => match document(&path, &mut self.sources, &mut self.diagnostics) {
                Some(table) => PricesDraft::Read(table),
                None => PricesDraft::Shipped,
            },
            Err(problem) => {
                let message = format!("{}: {}", files::display_name(&path), problem.message);
                self.diagnostics.push(Diagnostic { message, ..problem }.at(name.location));
                PricesDraft::Shipped
            }
        };
    }
}

/// The file that one at `location` names, which is relative to it.
fn beside(folders: &[(FileIdx, PathBuf)], location: Location, path: &str) -> PathBuf {
    let folder = folders.iter().find(|(file, _)| *file == location.source);
    folder.map_or_else(|| PathBuf::from(path), |(_, folder)| folder.join(path))
}

/// The first document of one file, for those who read a format of their own; `None` if there is none, which is said.
pub fn document(path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Node> {
    parse_file(path, Severity::Error, sources, diagnostics).1.into_iter().next()
}

/// The documents of a file, or why there are none; `empty` is how bad it is if nothing is written there.
fn parse_file(
    path: &Path,
    empty: Severity,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> (FileIdx, Vec<Node>) {
    let (text, problem) = match files::read(path) {
        Ok(text) => (text, None),
        Err(problem) => (String::new(), Some(problem)),
    };
    let file = sources.add(files::display_name(path), text);
    let start = Location::new(file, 0, 0);
    if let Some(problem) = problem {
        diagnostics.push(problem.at(start));
        return (file, Vec::new());
    }
    let errors = diagnostics.errors();
    let documents = documents_of(sources.text(file), file, diagnostics);
    if documents.is_empty() && diagnostics.errors() == errors {
        let problem = Diagnostic::error(Code::EmptyInput, "the file holds no document").at(start);
        diagnostics.push(Diagnostic { severity: empty, ..problem });
    }
    (file, documents)
}

/// The documents of a text: of YAML or JSON, or of a JSON value on every line.
fn documents_of(text: &str, file: FileIdx, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_value = |line: &str| line.starts_with('{') && line.ends_with('}');
    if lines().nth(1).is_none() || !lines().all(is_value) {
        return tree::parse(text, file, diagnostics);
    }
    let mut documents = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        documents.extend(tree::parse_part(line, file, start, diagnostics));
        start += line.len() as u32;
    }
    documents
}

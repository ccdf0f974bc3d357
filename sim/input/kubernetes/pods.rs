//! Lists of pods, for questions about what runs: `kubectl get pods -o json`, and what their containers use, `kubectl top
//! pods --containers`.

use std::path::Path;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, Severity, Sources, quote};
use crate::input::tree::{self, Node};
use crate::input::{files, parse_file};
use crate::units::{Bytes, Cores};
use crate::vocabulary::{ProxyKind, Resources};

use super::object::{at, elements_at, flatten, is_object, kind, text_at};
use super::pod::{Container, Lifetime, cpu, memory, quantity_of_cpu, quantity_of_memory, total};
use super::proxy::Part;
use super::workload::Pod;

/// A pod that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRecord {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it belongs to: the name of a Deployment or the like, or its own.
    pub workload: String,
    /// The node it runs on.
    pub node: Option<String>,
    /// What it is to a mesh; `None` for an application.
    pub part: Option<Part>,
    /// Whether it has the network of its node: no mesh reaches into it.
    pub host_network: bool,
    /// Whether it runs no more.
    pub ended: bool,
    /// Whether a node's proxy takes its traffic.
    pub redirected: bool,
    /// What all containers but a proxy ask for.
    pub application: Resources,
    /// The proxy in it.
    pub proxy: Option<ProxyRecord>,
}

/// The container of a proxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProxyRecord {
    /// Whose it is.
    pub kind: ProxyKind,
    /// An init container that goes on, instead of one among the others.
    pub native: bool,
    /// What it asks for and may have.
    pub resources: Resources,
}

/// What a container uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Namespace of the pod; `None` if the list does not say.
    pub namespace: Option<String>,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// CPU in cores.
    pub cpu: Cores,
    /// Memory.
    pub memory: Bytes,
}

/// The pods of a file, or of standard input (`-`). Objects of other kinds are reported.
pub fn load(path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Vec<PodRecord> {
    let (file, documents) = parse_file(path, Severity::Error, sources, diagnostics);
    let mut records = Vec::new();
    let mut others: Vec<(String, Location, usize)> = Vec::new();
    for object in documents.into_iter().flat_map(flatten) {
        if is_object(&object) && text_at(&object, "kind") == "Pod" {
            records.extend(Pod::read(&object, diagnostics).map(PodRecord::of));
            continue;
        }
        let what = if is_object(&object) { kind(&object) } else { object.describe() };
        match others.iter_mut().find(|(known, ..)| *known == what) {
            Some((.., count)) => *count += 1,
            None => others.push((what, object.location, 1)),
        }
    }
    let hint = "give what `kubectl get pods --all-namespaces -o json` prints";
    for (what, location, count) in others {
        let what = if what.starts_with('`') { what } else { quote(&what) };
        let message = format!("{count} × {what} among the pods");
        let problem = Diagnostic::error(Code::UnknownObject, message).at(location).hint(hint);
        let severity = if records.is_empty() { Severity::Error } else { Severity::Warning };
        diagnostics.push(Diagnostic { severity, ..problem });
    }
    if records.is_empty() && !diagnostics.has_errors() {
        let problem = Diagnostic::error(Code::EmptyInput, "the list holds no pods");
        diagnostics.push(problem.at(Location::new(file, 0, 0)).hint(hint));
    }
    records
}

impl PodRecord {
    fn of(pod: Pod) -> Self {
        let template = &pod.template;
        let is_proxy = |container: &&Container| container.proxy().is_some();
        let found = template.containers.iter().find(is_proxy);
        let redirection = template.annotation("ambient.istio.io/redirection");
        Self {
            proxy: found.and_then(|container| {
                let native = container.lifetime == Lifetime::NativeSidecar;
                Some(ProxyRecord { kind: container.proxy()?, native, resources: container.resources })
            }),
            application: total(&template.application().map(|container| container.resources)),
            part: template.part(),
            host_network: template.host_network,
            redirected: redirection.is_some_and(|text| text.value == "enabled"),
            workload: pod.workload().to_owned(),
            namespace: pod.meta.namespace().to_owned(),
            node: pod.node,
            ended: pod.ended,
            name: pod.meta.name.value,
        }
    }
}

/// What containers use, from the text of `kubectl top pods --containers` or from a `PodMetricsList`.
pub fn usage(path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Vec<Usage> {
    let text = match files::read(path) {
        Ok(text) => text,
        Err(problem) => {
            let file = sources.add(files::display_name(path), "");
            diagnostics.push(problem.at(Location::new(file, 0, 0)));
            return Vec::new();
        }
    };
    let file = sources.add(files::display_name(path), text);
    let errors = diagnostics.errors();
    let text = sources.text(file);
    let begins = text.trim_start();
    let usages: Vec<Usage> = if begins.starts_with('{') || text.contains("kind:") {
        let documents = tree::parse(text, file, diagnostics);
        documents
            .into_iter()
            .flat_map(flatten)
            .flat_map(|metrics| of_metrics(&metrics, diagnostics))
            .collect()
    } else {
        of_table(text, |start, end| Location::new(file, start as u32, end as u32), diagnostics)
    };
    if usages.is_empty() && diagnostics.errors() == errors {
        let problem = Diagnostic::error(Code::EmptyInput, "there is no container in it");
        let problem = problem.at(Location::new(file, 0, 0));
        diagnostics.push(problem.hint("give what `kubectl top pods --all-namespaces --containers` prints"));
    }
    usages
}

/// The containers of a `PodMetrics`.
fn of_metrics(metrics: &Node, diagnostics: &mut Diagnostics) -> Vec<Usage> {
    let name = |key| at(metrics, &["metadata", key]).and_then(Node::text).map(str::to_owned);
    let Some(pod) = name("name") else {
        let message = format!("{} has no name in `metadata`", metrics.describe());
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(metrics.location));
        return Vec::new();
    };
    let mut usages = Vec::new();
    for container in elements_at(metrics, &["containers"], diagnostics) {
        let (Some(cpu_node), Some(memory_node)) =
            (at(container, &["usage", "cpu"]), at(container, &["usage", "memory"]))
        else {
            continue;
        };
        let (used_cpu, used_memory) = (cpu(cpu_node, diagnostics), memory(memory_node, diagnostics));
        if let (Some(cpu), Some(memory)) = (used_cpu, used_memory) {
            let container = text_at(container, "name").to_owned();
            usages.push(Usage { namespace: name("namespace"), pod: pod.clone(), container, cpu, memory });
        }
    }
    usages
}

/// The rows of the table that `kubectl top` prints, with or without a header and namespaces.
fn of_table(
    text: &str,
    place: impl Fn(usize, usize) -> Location,
    diagnostics: &mut Diagnostics,
) -> Vec<Usage> {
    let mut usages = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let location = place(start, start + line.trim_end().len());
        start += line.len();
        let words: Vec<&str> = line.split_whitespace().collect();
        if matches!(words.first(), None | Some(&"POD" | &"NAMESPACE" | &"NAME")) {
            continue;
        }
        let (namespace, rest) = match words.len() {
            5 => (Some(words[0].to_owned()), &words[1..]),
            _ => (None, &words[..]),
        };
        let row = match rest {
            [pod, container, cpu, memory] => quantity_of_cpu(cpu).and_then(|cpu| {
                let memory = quantity_of_memory(memory)?;
                let (pod, container) = ((*pod).to_owned(), (*container).to_owned());
                Ok(Usage { namespace, pod, container, cpu, memory })
            }),
            _ => Err(crate::units::UnitError::new("a row has pod, container, CPU and memory")),
        };
        match row {
            Ok(usage) => usages.push(usage),
            Err(error) => {
                let problem = Diagnostic::error(Code::InvalidValue, error.to_string()).at(location);
                diagnostics.push(problem.hint("use `kubectl top pods --containers`"));
            }
        }
    }
    usages
}

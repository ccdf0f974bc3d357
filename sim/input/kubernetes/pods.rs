//! Lists of pods, for questions about what runs: `kubectl get pods -o json`, or manifests of what makes pods; and what
//! their containers use, `kubectl top pods --containers`.

mod made;

use std::collections::BTreeSet;
use std::path::Path;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, Severity, Sources, quote};
use crate::input::tree::{self, Node};
use crate::input::{files, parse_file};
use crate::units::{Bytes, Cores};
use crate::vocabulary::{ProxyKind, Resources};

use super::object::{at, elements_at, flatten, is_object, kind, text_at};
use super::pod::{Container, Lifetime, Template, cpu, memory, quantity_of_cpu, quantity_of_memory, total};
use super::proxy::Part;
use super::workload::Pod;

/// A pod that was found, or the pods of a workload of which only the template is given.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRecord {
    /// How many pods are like this one.
    pub copies: u64,
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

/// The pods of a file, or of standard input (`-`), and those that its workloads make on so many `nodes` (`None`: those
/// that pods name), where no pod of theirs is listed. Objects of other kinds are nothing to it, unless there is nothing else.
pub fn load(
    path: &Path,
    nodes: Option<u64>,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<PodRecord> {
    let (file, documents) = parse_file(path, Severity::Error, sources, diagnostics);
    let (mut records, mut makers, mut workloads) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut others: Vec<(String, Location, usize, bool)> = Vec::new();
    for object in documents.into_iter().flat_map(flatten) {
        if is_object(&object) && text_at(&object, "kind") == "Pod" {
            if let Some(pod) = Pod::read(&object, diagnostics) {
                let namespace = pod.meta.namespace().to_owned();
                makers.extend(
                    pod.owner.iter().map(|(kind, name)| (kind.clone(), namespace.clone(), name.clone())),
                );
                records.push(PodRecord::of_pod(pod));
            }
            continue;
        }
        if is_object(&object) && made::makes_pods(&object) {
            workloads.extend(made::Made::read(&object, diagnostics));
            continue;
        }
        let makes_pods = ["template", "jobTemplate"].iter().any(|key| at(&object, &["spec", key]).is_some());
        let is_known = is_object(&object) && !makes_pods;
        let what = if is_object(&object) { kind(&object) } else { object.describe() };
        match others.iter_mut().find(|(known, ..)| *known == what) {
            Some((_, _, count, _)) => *count += 1,
            None => others.push((what, object.location, 1, is_known)),
        }
    }
    let named: BTreeSet<&str> = records.iter().filter_map(|pod: &PodRecord| pod.node.as_deref()).collect();
    let named = Some(named.len() as u64).filter(|count| *count > 0);
    records.extend(made::records(workloads, &makers, nodes.or(named), diagnostics));
    let hint = "give what `kubectl get pods --all-namespaces -o json` prints";
    for (what, location, count, is_known) in others {
        if is_known && !records.is_empty() {
            continue;
        }
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
    fn of_pod(pod: Pod) -> Self {
        let (name, workload) = (pod.meta.name.value.clone(), pod.workload().to_owned());
        let record = Self::of(&pod.template, name, pod.meta.namespace().to_owned(), workload);
        Self { node: pod.node, ended: pod.ended, ..record }
    }

    /// One pod of this template, on a node that nobody knows.
    fn of(template: &Template, name: String, namespace: String, workload: String) -> Self {
        let is_proxy = |container: &&Container| container.proxy().is_some();
        let found = template.containers.iter().find(is_proxy);
        let redirection = template.annotation("ambient.istio.io/redirection");
        Self {
            copies: 1,
            proxy: found.and_then(|container| {
                let native = container.lifetime == Lifetime::NativeSidecar;
                Some(ProxyRecord { kind: container.proxy()?, native, resources: container.resources })
            }),
            application: total(&template.application().map(|container| container.resources)),
            part: template.part(),
            host_network: template.host_network,
            redirected: redirection.is_some_and(|text| text.value == "enabled"),
            workload,
            namespace,
            node: None,
            ended: false,
            name,
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

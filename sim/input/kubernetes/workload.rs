//! Workloads: what makes pods (Deployments and their like), and pods that are there without one or are all that is known
//! of one.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location};
use crate::input::draft::{AutoscaleDraft, ProxyDraft};
use crate::input::fields;
use crate::input::tree::{Located, Node};

use super::life::Replacement;
use super::object::{Meta, Texts, at, elements_at, text_at};
use super::pod::Template;

/// Like pods.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) meta: Meta,
    /// `None` where nothing says how many.
    pub(super) replicas: Option<Located<u32>>,
    pub(super) template: Template,
    /// How its pods are replaced.
    pub(super) replacement: Replacement,
    /// The proxy that its pods have been given.
    pub(super) injected: Option<ProxyDraft>,
    /// Whether pods are looked at, with the proxies they have, and not what they will be made from.
    pub(super) live: bool,
    /// What decides how many there are, if anything does.
    pub(super) autoscale: Option<AutoscaleDraft>,
}

impl Workload {
    /// A Deployment, StatefulSet or DaemonSet, or a ReplicaSet that nothing owns.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        if owner(node, diagnostics).is_some() {
            return None;
        }
        let meta = Meta::read(node, diagnostics)?;
        let kind = text_at(node, "kind");
        let count = match kind {
            "DaemonSet" => at(node, &["status", "desiredNumberScheduled"]),
            _ => at(node, &["spec", "replicas"]),
        };
        let written = count.map(|count| fields::located(fields::u32)(count, diagnostics));
        let replicas = match written {
            Some(replicas) => Some(replicas?),
            None if kind == "DaemonSet" => None,
            None => Some(Located::new(1, meta.name.location)),
        };
        let Some(template) = at(node, &["spec", "template"]) else {
            let message = format!("{} has no `spec.template` and is left out", meta.full_name());
            diagnostics.push(Diagnostic::warning(Code::MissingKey, message).at(node.location));
            return None;
        };
        let template = Template::read(template, diagnostics);
        let injected = template.injected(diagnostics);
        let replacement = Replacement::read(node, diagnostics);
        Some(Self { meta, replicas, template, replacement, injected, live: false, autoscale: None })
    }

    /// Reports a workload of no pods.
    pub(super) fn is_empty(&self, diagnostics: &mut Diagnostics) -> bool {
        let Some(replicas) = self.replicas.as_ref().filter(|replicas| replicas.value == 0) else {
            return false;
        };
        let message = format!("{} is scaled to nothing and left out", self.meta.full_name());
        diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(replicas.location));
        true
    }
}

/// A pod of a list.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) meta: Meta,
    /// Kind and name of what made it, ReplicaSets of Deployments resolved.
    pub(super) owner: Option<(String, String)>,
    pub(super) template: Template,
    pub(super) node: Option<String>,
    /// Whether it runs no more.
    pub(super) ended: bool,
    /// Whether a cluster has seen it: then it has all proxies that it will have.
    pub(super) live: bool,
    pub(super) location: Location,
}

impl Pod {
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let meta = Meta::read(node, diagnostics)?;
        let hash = at(node, &["metadata", "labels", "pod-template-hash"]).and_then(Node::text);
        let owner = owner(node, diagnostics).map(|owner| deployment_of(owner, hash));
        let phase = at(node, &["status", "phase"]).and_then(Node::text);
        Some(Self {
            owner,
            template: Template::read(node, diagnostics),
            node: at(node, &["spec", "nodeName"]).and_then(Node::text).map(str::to_owned),
            ended: matches!(phase, Some("Succeeded" | "Failed")),
            live: phase.is_some(),
            location: meta.name.location,
            meta,
        })
    }

    /// The workload it belongs to, by name.
    pub(super) fn workload(&self) -> &str {
        match &self.owner {
            Some((kind, name)) if kind != "Node" => name,
            _ => &self.meta.name.value,
        }
    }

    /// Whether it runs to an end instead of serving.
    pub(super) fn is_job(&self) -> bool {
        matches!(&self.owner, Some((kind, _)) if kind == "Job")
    }
}

/// Kind and name of what keeps pods with this hash: a `ReplicaSet` whose name ends with it is a Deployment's.
pub(super) fn deployment_of((kind, name): (String, String), hash: Option<&str>) -> (String, String) {
    let deployment =
        hash.filter(|_| kind == "ReplicaSet").and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
    match deployment {
        Some(deployment) => ("Deployment".to_owned(), deployment.to_owned()),
        None => (kind, name),
    }
}

/// Kind and name of the controller of an object.
pub(super) fn owner(node: &Node, diagnostics: &mut Diagnostics) -> Option<(String, String)> {
    let owners = elements_at(node, &["metadata", "ownerReferences"], diagnostics);
    let controls = |owner: &&Node| text_at(owner, "controller") == "true";
    let owner = owners.iter().find(controls).or_else(|| owners.first())?;
    Some((text_at(owner, "kind").to_owned(), text_at(owner, "name").to_owned()))
}

/// Puts pods together by what made them. Pods of a workload that is known say only which proxy they have.
pub(super) fn gather(pods: Vec<Pod>, workloads: &mut Vec<Workload>, diagnostics: &mut Diagnostics) {
    let known = workloads.len();
    let mut rows: BTreeMap<(String, String), usize> = workloads
        .iter()
        .enumerate()
        .map(|(row, workload)| {
            ((workload.meta.namespace().to_owned(), workload.meta.name.value.clone()), row)
        })
        .collect();
    for pod in pods.into_iter().filter(|pod| !pod.ended && !pod.is_job()) {
        let key = (pod.meta.namespace().to_owned(), pod.workload().to_owned());
        let injected = pod.template.injected(diagnostics);
        if let Some(row) = rows.get(&key).copied() {
            let workload = &mut workloads[row];
            if row >= known
                && let Some(replicas) = &mut workload.replicas
            {
                replicas.value = replicas.value.saturating_add(1);
            }
            workload.injected = workload.injected.or(injected);
            workload.live |= pod.live;
            continue;
        }
        let name = Located::new(key.1.clone(), pod.location);
        rows.insert(key, workloads.len());
        workloads.push(Workload {
            replicas: Some(Located::new(1, pod.location)),
            meta: Meta { kind: pod.meta.kind, name, namespace: pod.meta.namespace },
            template: pod.template,
            replacement: Replacement::default(),
            injected,
            live: pod.live,
            autoscale: None,
        });
    }
}

/// The labels that all of them have.
pub(super) fn common_labels<'w>(mut all: impl Iterator<Item = &'w Workload>) -> Texts {
    let mut labels = all.next().map(|first| first.template.labels.clone()).unwrap_or_default();
    for other in all {
        labels.retain(|label| other.template.labels.contains(label));
    }
    labels
}

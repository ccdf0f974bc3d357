//! Pods that are not listed: what Deployments and their like make from their templates.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::fields;
use crate::input::tree::Node;

use super::super::object::{Meta, at, text_at};
use super::super::pod::Template;
use super::super::workload::{deployment_of, owner};
use super::PodRecord;

/// Whether an object makes pods that are counted.
pub(super) fn makes_pods(node: &Node) -> bool {
    matches!(text_at(node, "kind"), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job")
        && at(node, &["spec", "template"]).is_some()
}

/// Kind, namespace and name of what makes pods.
pub(super) type Maker = (String, String, String);

/// What makes pods, as it is given.
pub(super) struct Made {
    own: Maker,
    /// What made it, by which its pods go: a `ReplicaSet` is a Deployment's.
    owner: Option<Maker>,
    template: Template,
    /// `None` is one on each node.
    pods: Option<u32>,
    /// Seen in a cluster.
    live: bool,
    meta: Meta,
}

impl Made {
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let meta = Meta::read(node, diagnostics)?;
        let namespace = meta.namespace().to_owned();
        let maker = |(kind, name)| (kind, namespace.clone(), name);
        let kind = text_at(node, "kind").to_owned();
        // Kept ReplicaSets of a Deployment name it, others are known by their hash.
        let hash = at(node, &["metadata", "labels", "pod-template-hash"]).and_then(Node::text);
        let own = (kind.clone(), meta.name.value.clone());
        let by_hash = Some(deployment_of(own.clone(), hash)).filter(|found| *found != own);
        let owner = owner(node, diagnostics).or(by_hash).map(maker);
        Some(Self {
            owner,
            template: Template::read(at(node, &["spec", "template"])?, diagnostics),
            pods: pods(node, &kind, diagnostics),
            live: at(node, &["status"]).and_then(Node::entries).is_some_and(|said| !said.is_empty()),
            own: maker(own),
            meta,
        })
    }
}

/// How many pods an object keeps; `None` for one on each node.
fn pods(node: &Node, kind: &str, diagnostics: &mut Diagnostics) -> Option<u32> {
    let mut count = |path: &[&str]| at(node, path).and_then(|count| fields::u32(count, diagnostics));
    match kind {
        "DaemonSet" => count(&["status", "desiredNumberScheduled"]),
        "Job" => {
            let is_over = at(node, &["status", "completionTime"]).is_some();
            let waits = at(node, &["spec", "suspend"]).and_then(Node::text) == Some("true");
            let at_once = count(&["spec", "parallelism"]).unwrap_or(1);
            let wanted = count(&["spec", "completions"]).unwrap_or(at_once);
            Some(if is_over || waits {
                0
            } else {
                count(&["status", "active"]).unwrap_or_else(|| at_once.min(wanted))
            })
        }
        _ => Some(count(&["spec", "replicas"]).unwrap_or(1)),
    }
}

/// Records of the pods of each object that no pod among `records`, nor another object, stands for: a pod goes before what
/// made it, and a Deployment before its `ReplicaSets`. `makers` are those of the pods.
pub(super) fn records(
    made: Vec<Made>,
    makers: &BTreeSet<Maker>,
    nodes: Option<u64>,
    diagnostics: &mut Diagnostics,
) -> Vec<PodRecord> {
    let given: BTreeSet<Maker> = made.iter().map(|one| one.own.clone()).collect();
    let (mut records, mut seen) = (Vec::new(), BTreeSet::new());
    let (mut bare, mut first) = (0, None);
    for one in made {
        let stands_for = |maker: &Maker| makers.contains(maker);
        let is_counted = stands_for(&one.own)
            || one.owner.as_ref().is_some_and(|owner| stands_for(owner) || given.contains(owner));
        if is_counted || !seen.insert(one.own.clone()) {
            continue;
        }
        let copies = one.pods.map_or_else(|| nodes.unwrap_or(1), u64::from);
        if one.pods.is_none() && nodes.is_none() {
            let message = format!("{} has a pod on each node, taken as one", quote(&one.meta.full_name()));
            let problem = Diagnostic::warning(Code::MissingKey, message).at(one.meta.name.location);
            diagnostics.push(problem.hint("say with `--nodes` how many there are"));
        }
        if copies == 0 {
            continue;
        }
        let workload = one.owner.map_or(one.own.2, |(.., name)| name);
        let namespace = one.own.1;
        let record =
            PodRecord { copies, ..PodRecord::of(&one.template, workload.clone(), namespace, workload) };
        if one.live && record.proxy.is_none() && record.part.is_none() {
            bare += 1;
            first = first.or(Some(one.meta.name.location));
        }
        records.push(record);
    }
    if let Some(place) = first {
        let message = format!("{bare} × no pods of a workload, whose template has no proxy");
        let problem = Diagnostic::warning(Code::MissingKey, message).at(place);
        diagnostics.push(problem.hint(
            "proxies are put into pods, not into templates: give what `kubectl get pods --all-namespaces -o json` prints",
        ));
    }
    records
}

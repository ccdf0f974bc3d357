//! Kubernetes manifests: what runs, how often, with which resources and labels, behind which Services.
//!
//! Objects of all files are gathered and then put together, as labels tie them to each other. What manifests do not say,
//! how long a service works and whom it calls, is guessed from environments and marked as a guess, unless another file
//! says it of a service of the same name (see `input::merge`).

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};

use super::draft::Draft;
use super::foreign::Treatment;
use super::kinds::KnownKind;
use super::tree::{Located, Node};

mod autoscaler;
mod behaviour;
mod hints;
mod known;
mod life;
mod object;
mod pod;
pub mod pods;
mod proxy;
mod resolve;
mod service;
mod table;
mod workload;

pub(super) use behaviour::guess;
pub(super) use hints::is_named_for_load as makes_load;
pub(super) use object::{flatten, is_object, kind, service_graph};
pub use proxy::Part;
pub use table::{Shape, fields};

use autoscaler::Autoscaler;
use hints::ConfigMaps;
use object::{Meta, Texts, located_at, text_at, texts_at};
use resolve::Hints;
use service::Service;
use table::{ANNOTATIONS, MESHES};
use workload::{Pod, Workload};

/// What is done with objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Workload,
    Pod,
    Service,
    Namespace,
    ConfigMap,
    Autoscaler,
    /// It changes nothing that is simulated.
    Irrelevant,
    /// It would matter; why it does not here.
    NotModelled(&'static str),
}

use Reading::{Irrelevant, NotModelled};

/// Kinds that are known, with the API group.
const KINDS: &[(&str, &str, Reading)] = &[
    ("apps", "Deployment", Reading::Workload),
    ("apps", "StatefulSet", Reading::Workload),
    ("apps", "DaemonSet", Reading::Workload),
    ("apps", "ReplicaSet", Reading::Workload),
    ("", "Pod", Reading::Pod),
    ("", "Service", Reading::Service),
    ("", "Namespace", Reading::Namespace),
    ("", "ConfigMap", Reading::ConfigMap),
    ("batch", "Job", NotModelled("what runs to an end takes no part")),
    ("batch", "CronJob", NotModelled("what runs to an end takes no part")),
    ("autoscaling", "HorizontalPodAutoscaler", Reading::Autoscaler),
    ("autoscaling.k8s.io", "VerticalPodAutoscaler", NotModelled("resources stay as they are")),
    ("networking.k8s.io", "NetworkPolicy", NotModelled("no call is forbidden")),
    ("networking.k8s.io", "Ingress", NotModelled("write a source `from: gateway:NAME` under `traffic`")),
    ("policy", "PodDisruptionBudget", Irrelevant),
    ("", "LimitRange", NotModelled("containers without resources of their own get none")),
    ("", "ReplicationController", NotModelled("write it as a Deployment")),
    ("", "Node", NotModelled("write `nodes` under `cluster`")),
    ("", "ServiceAccount", Irrelevant),
    ("", "Secret", Irrelevant),
    ("", "PersistentVolume", Irrelevant),
    ("", "PersistentVolumeClaim", Irrelevant),
    ("", "ResourceQuota", Irrelevant),
    ("", "Endpoints", Irrelevant),
    ("", "Event", Irrelevant),
    ("apps", "ControllerRevision", Irrelevant),
    ("discovery.k8s.io", "EndpointSlice", Irrelevant),
    ("events.k8s.io", "Event", Irrelevant),
    ("coordination.k8s.io", "Lease", Irrelevant),
    ("networking.k8s.io", "IngressClass", Irrelevant),
    ("scheduling.k8s.io", "PriorityClass", Irrelevant),
    ("storage.k8s.io", "StorageClass", Irrelevant),
    ("rbac.authorization.k8s.io", "Role", Irrelevant),
    ("rbac.authorization.k8s.io", "RoleBinding", Irrelevant),
    ("rbac.authorization.k8s.io", "ClusterRole", Irrelevant),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", Irrelevant),
    ("apiextensions.k8s.io", "CustomResourceDefinition", Irrelevant),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", Irrelevant),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", Irrelevant),
    ("monitoring.coreos.com", "ServiceMonitor", Irrelevant),
    ("monitoring.coreos.com", "PodMonitor", Irrelevant),
    ("monitoring.coreos.com", "PrometheusRule", Irrelevant),
];

/// Every kind, and the annotations that are looked at, for documentation.
pub fn kinds() -> Vec<KnownKind> {
    let kind = |&(group, name, reading): &(&str, &str, Reading)| {
        let (whole, fields) = match reading {
            Reading::Workload => (Treatment::Modelled, fields(Shape::Workload)),
            Reading::Pod => (Treatment::Modelled, fields(Shape::Pod)),
            Reading::Service => (Treatment::Modelled, fields(Shape::Service)),
            Reading::Namespace => (Treatment::Modelled, fields(Shape::Namespace)),
            Reading::Autoscaler => (Treatment::Modelled, fields(Shape::Autoscaler)),
            Reading::ConfigMap => (Treatment::Modelled, vec![("data".to_owned(), Treatment::Modelled)]),
            Irrelevant => (Treatment::Irrelevant, Vec::new()),
            NotModelled(reason) => (Treatment::Named(reason), Vec::new()),
        };
        let group = if group.is_empty() { "v1".to_owned() } else { format!("{group}/*") };
        KnownKind { name: name.to_owned(), versions: vec![group], whole, fields }
    };
    let annotations = KnownKind {
        name: "annotations of pods, their templates and workloads".to_owned(),
        versions: MESHES.map(|domain| format!("*.{domain}/*")).to_vec(),
        whole: Treatment::Modelled,
        fields: ANNOTATIONS.iter().map(|(name, treatment)| ((*name).to_owned(), *treatment)).collect(),
    };
    KINDS.iter().map(kind).chain([annotations]).collect()
}

/// What becomes of an object of this kind; `None` for those that are not Kubernetes' own.
fn reading(node: &Node) -> Option<Reading> {
    let version = text_at(node, "apiVersion");
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    // Where workloads were before they had a group of their own.
    let group = if group == "extensions" { "apps" } else { group };
    let name = text_at(node, "kind");
    KINDS.iter().find(|(of, kind, _)| *of == group && *kind == name).map(|(.., reading)| *reading)
}

/// Whether it is one of Kubernetes' own objects.
pub(super) fn is_known(node: &Node) -> bool {
    reading(node).is_some()
}

/// Objects of all files, until all are read.
#[derive(Debug, Default)]
pub(super) struct Objects {
    workloads: Vec<Workload>,
    pods: Vec<Pod>,
    services: Vec<Service>,
    namespaces: Vec<Namespace>,
    config_maps: ConfigMaps,
    autoscalers: Vec<Autoscaler>,
    unread: known::Unread,
    /// Kinds that are known and not modelled: kind, why, the first of them, how many.
    left_out: Vec<(String, &'static str, Location, usize)>,
}

/// A namespace's say in which pods get a proxy.
#[derive(Debug)]
struct Namespace {
    name: String,
    annotations: Vec<(String, Located<String>)>,
    wish: Option<bool>,
    location: Location,
}

impl Objects {
    /// Keeps an object; what is wrong with it is reported.
    pub(super) fn add(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        match reading(node) {
            Some(Reading::Workload) => {
                self.unread.look(node, Shape::Workload);
                self.workloads.extend(Workload::read(node, diagnostics));
            }
            Some(Reading::Pod) => {
                self.unread.look(node, Shape::Pod);
                self.pods.extend(Pod::read(node, diagnostics));
            }
            Some(Reading::Service) => {
                self.unread.look(node, Shape::Service);
                self.services.extend(Service::read(node, diagnostics));
            }
            Some(Reading::Namespace) => {
                self.unread.look(node, Shape::Namespace);
                self.namespaces.extend(Namespace::read(node, diagnostics));
            }
            Some(Reading::ConfigMap) => {
                if let Some(meta) = Meta::read(node, diagnostics) {
                    let key = (meta.namespace().to_owned(), meta.name.value);
                    self.config_maps.insert(key, texts_at(node, &["data"]));
                }
            }
            Some(Reading::Autoscaler) => {
                self.unread.look(node, Shape::Autoscaler);
                self.autoscalers.extend(Autoscaler::read(node, diagnostics));
            }
            Some(NotModelled(reason)) => {
                let kind = kind(node);
                match self.left_out.iter_mut().find(|(known, ..)| *known == kind) {
                    Some((.., count)) => *count += 1,
                    None => self.left_out.push((kind, reason, node.location, 1)),
                }
            }
            Some(Irrelevant) | None => {}
        }
    }

    /// Adds what all objects together say to the draft. Returns what they hint at.
    pub(super) fn resolve(mut self, draft: &mut Draft, diagnostics: &mut Diagnostics) -> Hints {
        std::mem::take(&mut self.unread).report(diagnostics);
        for (kind, reason, location, count) in std::mem::take(&mut self.left_out) {
            let objects = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
            let message = format!("{objects} of kind {} not modelled: {reason}", quote(&kind));
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(location));
        }
        let workloads = std::mem::take(&mut self.workloads);
        self.workloads = last_of_each(workloads, |workload| &workload.meta, diagnostics);
        let services = std::mem::take(&mut self.services);
        self.services = last_of_each(services, |service| &service.meta, diagnostics);
        workload::gather(std::mem::take(&mut self.pods), &mut self.workloads, diagnostics);
        let autoscalers = std::mem::take(&mut self.autoscalers);
        let autoscalers = last_of_each(autoscalers, |autoscaler| &autoscaler.meta, diagnostics);
        autoscaler::attach(autoscalers, &mut self.workloads, diagnostics);
        self.leave_out_meshes(diagnostics);
        self.workloads.retain(|workload| !workload.is_empty(diagnostics));
        resolve::resolve(&self, draft, diagnostics)
    }

    /// The mesh that is there has no part: each mesh brings its own.
    fn leave_out_meshes(&mut self, diagnostics: &mut Diagnostics) {
        let of_mesh = |workload: &Workload| workload.template.part().is_some();
        let parts: Vec<_> = self.workloads.iter().filter(|workload| of_mesh(workload)).collect();
        if let Some(first) = parts.first() {
            let names: Vec<_> = parts.iter().map(|part| part.meta.full_name()).collect();
            let message =
                format!("{} is part of a mesh and left out: every mesh has its own", names.join(", "));
            let diagnostic = Diagnostic::warning(Code::NotModelled, message).at(first.meta.name.location);
            diagnostics.push(diagnostic.hint("requests through a gateway are a source `from: gateway:NAME`"));
        }
        let (selected, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.workloads).into_iter().partition(of_mesh);
        self.workloads = kept;
        self.services.retain(|service| {
            let of = |part: &Workload| {
                part.meta.namespace() == service.meta.namespace()
                    && object::selects(&service.selector, &object::by_name(&part.template.labels))
            };
            !selected.iter().any(of)
        });
    }
}

/// Of objects of the same kind and name the last one: what is applied last holds.
fn last_of_each<T>(all: Vec<T>, meta: impl Fn(&T) -> &Meta, diagnostics: &mut Diagnostics) -> Vec<T> {
    let mut rows: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut kept: Vec<T> = Vec::new();
    for object in all {
        let own = meta(&object);
        let Some(row) = rows.insert((own.kind.clone(), own.full_name()), kept.len()) else {
            kept.push(object);
            continue;
        };
        rows.insert((own.kind.clone(), own.full_name()), row);
        let message = format!("{} {} is given a second time, which holds", own.kind, quote(&own.full_name()));
        let diagnostic = Diagnostic::warning(Code::DuplicateName, message).at(own.name.location);
        diagnostics.push(diagnostic.related(meta(&kept[row]).name.location, "the first one"));
        kept[row] = object;
    }
    kept
}

impl Namespace {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let name = Meta::read(node, diagnostics)?.name;
        let labels: Texts = texts_at(node, &["metadata", "labels"]);
        let annotations = located_at(node, &["metadata", "annotations"]);
        let wish = proxy::namespace_wish(&labels, &annotations);
        Some(Self { name: name.value, annotations, wish, location: name.location })
    }
}

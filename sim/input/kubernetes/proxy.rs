//! Meshes in pods: proxies that were injected, annotations that say how they are to be, and the mesh's own pods.

use crate::diag::{Code, Diagnostic, Diagnostics, Location};
use crate::input::draft::ProxyDraft;
use crate::input::fields;
use crate::input::tree::{self, Located, Node};
use crate::units::Cores;
use crate::vocabulary::{ProxyKind, ProxySettings, Resources};

use super::object::{Texts, by_name};
use super::pod::{Container, Lifetime, Template, completed, cpu, memory};

/// What a pod is to a mesh, if it is not one of its applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Tells proxies what to do, or sets them up.
    ControlPlane,
    /// The proxy of a node.
    NodeProxy,
    /// The proxy of a namespace or some services.
    Waypoint,
    /// The proxy at the edge.
    Gateway,
}

impl Container {
    /// The mesh whose sidecar this is; containers that end before the application starts are none.
    pub(super) fn proxy(&self) -> Option<ProxyKind> {
        let is = |kind: &ProxyKind| self.name == kind.container();
        let kind = ProxyKind::ALL.into_iter().find(is)?;
        (self.lifetime != Lifetime::Init).then_some(kind)
    }

    /// Worker threads that the container is told to have.
    fn workers(&self, diagnostics: &mut Diagnostics) -> Option<u32> {
        let words = self.texts.iter().filter(|(name, _)| name.is_none()).map(|(_, word)| word);
        let mut words = words.skip_while(|word| word.value != "--concurrency").skip(1);
        let variable = |name: &str| {
            self.texts.iter().find(|(known, _)| known.as_deref() == Some(name)).map(|(_, value)| value)
        };
        words
            .next()
            .or_else(|| variable("LINKERD2_PROXY_CORES_MAX"))
            .or_else(|| variable("LINKERD2_PROXY_CORES"))
            .and_then(|text| text.value.parse().ok())
            .or_else(|| variable("PROXY_CONFIG").and_then(|config| concurrency(config, diagnostics)))
    }
}

impl Template {
    /// The proxy that was injected, with what its container takes.
    pub(super) fn injected(&self, diagnostics: &mut Diagnostics) -> Option<ProxyDraft> {
        let (kind, container) = self.proxy()?;
        let (resources, location) = (container.resources, container.location);
        let workers = container.workers(diagnostics);
        let settings = ProxySettings { kind, resources: Some(resources), workers };
        Some(ProxyDraft { settings, location })
    }

    /// The container of an injected proxy.
    pub(super) fn proxy(&self) -> Option<(ProxyKind, &Container)> {
        if self.part().is_some_and(|part| part != Part::ControlPlane) {
            return None;
        }
        self.containers.iter().find_map(|container| Some((container.proxy()?, container)))
    }

    /// What it is to a mesh, if it is no application.
    pub(super) fn part(&self) -> Option<Part> {
        let labels = by_name(&self.labels);
        let is = |key: &str, value: &str| labels.get(key) == Some(&value);
        let runs = |role: &str| {
            let envoy =
                self.containers.iter().filter(|container| container.proxy() == Some(ProxyKind::Istio));
            envoy
                .flat_map(|container| &container.texts)
                .any(|(name, word)| name.is_none() && word.value == role)
        };
        if is("app", "ztunnel") || is("app.kubernetes.io/name", "ztunnel") || runs("ztunnel") {
            return Some(Part::NodeProxy);
        }
        if is("gateway.istio.io/managed", "istio.io-mesh-controller")
            || is("gateway.networking.k8s.io/gateway-class-name", "istio-waypoint")
            || runs("waypoint")
        {
            return Some(Part::Waypoint);
        }
        let gateway = ["ingressgateway", "egressgateway"].iter().any(|name| is("istio", name));
        let templates = self.annotation("inject.istio.io/templates");
        if gateway
            || is("gateway.istio.io/managed", "istio.io-gateway-controller")
            || templates.is_some_and(|text| text.value.split(',').any(|name| name.trim() == "gateway"))
            || runs("router")
        {
            return Some(Part::Gateway);
        }
        let control = is("app", "istiod")
            || is("istio", "pilot")
            || is("k8s-app", "istio-cni-node")
            || labels.contains_key("linkerd.io/control-plane-component");
        control.then_some(Part::ControlPlane)
    }

    /// Whether it is to have a proxy, where it says so, and where that is said.
    pub(super) fn wish(&self) -> Option<(bool, Option<Location>)> {
        if let Some((_, container)) = self.proxy() {
            return Some((true, Some(container.location)));
        }
        // An ambient pod may decline the sidecar: what asks for a mesh goes before what declines one.
        let annotation =
            |key: &str| self.annotation(key).map(|text| (text.value.as_str(), Some(text.location)));
        let label = |key: &str| self.label(key).map(|text| (text, None));
        let said = [
            label("istio.io/dataplane-mode"),
            annotation("ambient.istio.io/redirection"),
            label("sidecar.istio.io/inject").or_else(|| annotation("sidecar.istio.io/inject")),
            annotation("linkerd.io/inject"),
        ];
        let said = said.into_iter().flatten().filter_map(|(text, place)| Some((wanted(text)?, place)));
        match said.max_by_key(|(wanted, _)| *wanted) {
            Some((true, _)) | None if self.host_network => Some((false, None)),
            wish => wish,
        }
    }
}

/// What labels or annotations of a namespace say of its pods.
pub(super) fn namespace_wish(labels: &Texts, annotations: &[(String, Located<String>)]) -> Option<bool> {
    let labels = by_name(labels);
    let revision = labels.get("istio.io/rev").map(|_| "enabled");
    let label = |key: &str| labels.get(key).copied();
    let linkerd = annotations.iter().find(|(key, _)| key == "linkerd.io/inject");
    // As with Istio's own webhook, `istio-injection` goes before a revision.
    [
        label("istio.io/dataplane-mode"),
        label("istio-injection").or(revision),
        linkerd.map(|(_, text)| text.value.as_str()),
    ]
    .into_iter()
    .flatten()
    .filter_map(wanted)
    .max()
}

/// `enabled` and its like, or `disabled` and its.
fn wanted(text: &str) -> Option<bool> {
    match text {
        "true" | "enabled" | "ingress" | "ambient" => Some(true),
        "false" | "disabled" | "none" => Some(false),
        _ => None,
    }
}

/// What annotations make of the proxies that are yet to be injected; those of the namespace hold where the pod's are
/// silent, as Linkerd has it.
pub(super) fn annotated(
    template: &Template,
    namespace: &[(String, Located<String>)],
    diagnostics: &mut Diagnostics,
) -> Vec<ProxyDraft> {
    let istio = |key: &str| template.annotation(key).map(as_node);
    let linkerd = |key: &str| {
        let inherited = || namespace.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        template.annotation(key).or_else(inherited).map(as_node)
    };
    [istio_annotations(&istio, template, diagnostics), linkerd_annotations(&linkerd, diagnostics)]
        .into_iter()
        .flatten()
        .collect()
}

/// Any one of the four resources drops the defaults of all: what is not annotated is not set. The number of workers may
/// be given without.
fn istio_annotations(
    find: &impl Fn(&str) -> Option<Node>,
    template: &Template,
    diagnostics: &mut Diagnostics,
) -> Option<ProxyDraft> {
    let keys = ["proxyCPU", "proxyCPULimit", "proxyMemory", "proxyMemoryLimit"];
    let nodes = keys.map(|key| find(&format!("sidecar.istio.io/{key}")));
    let config = template.annotation("proxy.istio.io/config");
    let workers = config.and_then(|config| concurrency(config, diagnostics));
    let first = nodes.iter().flatten().next().map(|node| node.location);
    let location = first.or(config.filter(|_| workers.is_some()).map(|config| config.location))?;
    let resources = first.map(|_| resources(&nodes, diagnostics));
    Some(ProxyDraft { settings: ProxySettings { kind: ProxyKind::Istio, resources, workers }, location })
}

/// Linkerd has no defaults to drop; its CPU limit, in whole cores, is the number of its workers.
fn linkerd_annotations(
    find: &impl Fn(&str) -> Option<Node>,
    diagnostics: &mut Diagnostics,
) -> Option<ProxyDraft> {
    let keys = ["cpu-request", "cpu-limit", "memory-request", "memory-limit"];
    let nodes = keys.map(|key| find(&format!("config.linkerd.io/proxy-{key}")));
    let location = nodes.iter().flatten().next()?.location;
    let resources = resources(&nodes, diagnostics);
    let workers = resources.cpu_limit.map(whole_cores);
    let resources = Some(resources);
    Some(ProxyDraft { settings: ProxySettings { kind: ProxyKind::Linkerd, resources, workers }, location })
}

fn whole_cores(limit: Cores) -> u32 {
    limit.value().ceil().max(1.0) as u32
}

/// CPU request and limit, memory request and limit.
fn resources(nodes: &[Option<Node>; 4], diagnostics: &mut Diagnostics) -> Resources {
    let mut cores = |row: usize| nodes[row].as_ref().and_then(|node| cpu(node, diagnostics));
    let (cpu_request, cpu_limit) = (cores(0), cores(1));
    let mut bytes = |row: usize| nodes[row].as_ref().and_then(|node| memory(node, diagnostics));
    let (memory_request, memory_limit) = (bytes(2), bytes(3));
    completed(Resources { cpu_request, cpu_limit, memory_request, memory_limit })
}

fn as_node(text: &Located<String>) -> Node {
    Node::scalar(&text.value, text.location)
}

/// `concurrency` of a proxy's configuration, which is YAML within a text.
fn concurrency(config: &Located<String>, diagnostics: &mut Diagnostics) -> Option<u32> {
    let mut problems = Diagnostics::default();
    let documents = tree::parse(&config.value, config.location.source, &mut problems);
    if problems.has_errors() {
        let message = "the proxy's configuration is no well-formed YAML";
        diagnostics.push(Diagnostic::warning(Code::Syntax, message).at(config.location));
        return None;
    }
    let node = documents.first()?.get("concurrency")?;
    fields::u32(&Node { location: config.location, ..node.clone() }, diagnostics)
}

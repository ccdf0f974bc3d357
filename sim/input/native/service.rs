//! The section `services`.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::units::Span;
use crate::vocabulary::{Application, Protocol, ProxyKind};

use crate::input::defaults;
use crate::input::draft::{
    AliasDraft, LIFECYCLE, Origins, PortDraft, ProxyDraft, ServiceDraft, VersionDraft,
};
use crate::input::fields::{self, Fields, each, located, map};
use crate::input::tree::{Located, Node};

use super::{application, autoscale, operation};

const PROTOCOLS: &[(&str, Protocol)] = &[
    ("http1", Protocol::Http1),
    ("http2", Protocol::Http2),
    ("grpc", Protocol::Grpc),
    ("tcp", Protocol::Tcp),
    ("HTTP/1.1", Protocol::Http1),
    ("HTTP/2", Protocol::Http2),
];

/// One service.
pub(super) fn service(node: &Node, diagnostics: &mut Diagnostics) -> Option<ServiceDraft> {
    let keys = |node: &Node| -> Vec<String> {
        let keys = node.entries().into_iter().flatten().filter_map(|(key, _)| key.text());
        keys.map(str::to_owned).collect()
    };
    let mut written = keys(node);
    let of_life = node.get("lifecycle").map(keys).unwrap_or_default();
    written.extend(of_life.iter().map(|key| format!("{LIFECYCLE}{key}")));
    let mut fields = Fields::new(node, "a service", diagnostics);
    let location = fields.location();
    let name = fields.need("name", located(fields::text));
    let silent = Located::new(String::new(), location);
    let mut service = ServiceDraft::of(name.clone().unwrap_or(silent), Origins::Scenario(written));
    service.namespace = fields.read("namespace", located(fields::text));
    service.labels = fields.read("labels", labels).unwrap_or_default();
    let protocol = ports(&mut fields, &mut service.ports);
    let silent = Application { protocol, ..Application::default() };
    service.application = application::application(&mut fields, &silent);
    service.operations = operation::of_service(&mut fields, name.as_ref());
    service.proxies = fields.read("proxies", proxies).unwrap_or_default();
    if fields.take("autoscale").is_some_and(|node| node.text() != Some("none")) {
        service.autoscale = fields.read("autoscale", autoscale::autoscale);
    }
    let replicas = fields.read("replicas", located(fields::count));
    let own = |node: &Node, diagnostics: &mut Diagnostics| version(node, &service, diagnostics);
    let versions = fields.read("versions", each(own)).unwrap_or_default();
    let aliases = fields.read("aliases", each(alias)).unwrap_or_default();
    if let Some(replicas) = replicas.as_ref().filter(|_| !versions.is_empty()) {
        let message = format!("{} belongs into the versions where they are listed", quote("replicas"));
        fields.report(Diagnostic::error(Code::UnknownKey, message).at(replicas.location));
    }
    fields.finish();
    service.replicas = if versions.is_empty() {
        let silent = service.autoscale.as_ref().map_or(defaults::REPLICAS, |autoscale| autoscale.min.value);
        replicas.unwrap_or(Located::new(silent, location))
    } else {
        let sum = versions.iter().fold(0, |sum: u32, one| sum.saturating_add(one.replicas.value));
        Located::new(sum, location)
    };
    service.versions = versions;
    service.aliases = aliases;
    name.and(Some(service))
}

/// Another name, or that of a subset.
fn alias(node: &Node, diagnostics: &mut Diagnostics) -> Option<AliasDraft> {
    if node.entries().is_none() {
        let name = located(fields::text)(node, diagnostics)?;
        return Some(AliasDraft { name, subset: None, ports: Vec::new() });
    }
    let mut fields = Fields::new(node, "another name of a service", diagnostics);
    let name = fields.need("name", located(fields::text));
    let subset = fields.read("subset", fields::text);
    let ports = fields.read("ports", each(port_number)).unwrap_or_default();
    fields.finish();
    Some(AliasDraft { name: name?, subset, ports })
}

/// One of a service's versions: what is not written is the service's.
fn version(node: &Node, service: &ServiceDraft, diagnostics: &mut Diagnostics) -> Option<VersionDraft> {
    let mut fields = Fields::new(node, "a version", diagnostics);
    let name = fields.need("name", located(fields::text));
    let replicas = fields.read("replicas", located(fields::count));
    let own_labels = fields.read("labels", labels).unwrap_or_default();
    let application = application::application(&mut fields, &service.application);
    let operations = operation::of_version(&mut fields, &service.operations);
    let mut proxies = fields.read("proxies", proxies).unwrap_or_default();
    proxies.extend(&service.proxies);
    let location = fields.location();
    fields.finish();
    let name = name?;
    let mut labels = service.labels.clone();
    set(&mut labels, defaults::VERSION_LABEL.to_owned(), name.value.clone());
    for (key, value) in own_labels {
        set(&mut labels, key, value);
    }
    Some(VersionDraft {
        name,
        replicas: replicas.unwrap_or(Located::new(defaults::REPLICAS, location)),
        labels,
        application,
        operations,
        proxies,
    })
}

/// `{istio-proxy: {cpu_request: 50m, workers: 1}}`: settings by the name of the proxy's container.
fn proxies(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<ProxyDraft>> {
    let mut fields = Fields::new(node, "`proxies`", diagnostics);
    let read = |kind: ProxyKind| {
        let location = fields.take(kind.container())?.location;
        let settings =
            fields.read(kind.container(), |node, diagnostics| application::proxy(node, kind, diagnostics))?;
        Some(ProxyDraft { settings, location })
    };
    let proxies = ProxyKind::ALL.into_iter().filter_map(read).collect();
    fields.finish()?;
    Some(proxies)
}

fn set(labels: &mut Vec<(String, String)>, key: String, value: String) {
    match labels.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => *known = value,
        None => labels.push((key, value)),
    }
}

fn labels(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<(String, String)>> {
    let labels = map(fields::text)(node, diagnostics)?;
    Some(labels.into_iter().map(|(key, value)| (key.value, value)).collect())
}

/// The list `ports`, the main one first; `protocol` is what is spoken where a port does not say. Returns what is spoken
/// on the main one.
fn ports(fields: &mut Fields<'_, '_>, ports: &mut Vec<PortDraft>) -> Protocol {
    let spoken = fields.read("protocol", protocol).unwrap_or(Application::default().protocol);
    let port = |node: &Node, diagnostics: &mut Diagnostics| port(node, spoken, diagnostics);
    *ports = fields.read("ports", each(port)).unwrap_or_default();
    ports.first().map_or(spoken, |main| main.protocol)
}

/// A number, or a map.
fn port(node: &Node, spoken: Protocol, diagnostics: &mut Diagnostics) -> Option<PortDraft> {
    if node.entries().is_none() {
        return Some(PortDraft { name: None, number: port_number(node, diagnostics)?, protocol: spoken });
    }
    let mut fields = Fields::new(node, "a port", diagnostics);
    let number = fields.need("number", port_number);
    let name = fields.read("name", fields::text);
    let protocol = fields.read("protocol", protocol).unwrap_or(spoken);
    fields.finish();
    Some(PortDraft { name, number: number?, protocol })
}

pub(super) fn port_number(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    let number = fields::u32(node, diagnostics)?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("{number} is no port: they go from 1 to {}", u16::MAX);
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    }
    port
}

fn protocol(node: &Node, diagnostics: &mut Diagnostics) -> Option<Protocol> {
    fields::choice(node, "a protocol", PROTOCOLS, diagnostics)
}

/// A duration; `None` for `none`.
pub(super) fn timeout(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    application::timeout(node, diagnostics)
}

//! The section `services`.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::kernel::dist::Dist;
use crate::units::{Ratio, Span};
use crate::vocabulary::{Application, Client, CpuTime, Discipline, Protocol, Resources};

use crate::input::defaults;
use crate::input::draft::{OperationDraft, Origins, ServiceDraft};
use crate::input::fields::{self, Fields, each, located};
use crate::input::tree::{Located, Node};

use super::distribution::{size, time};
use super::script::step;

const PROTOCOLS: &[(&str, Protocol)] = &[
    ("http1", Protocol::Http1),
    ("http2", Protocol::Http2),
    ("grpc", Protocol::Grpc),
    ("tcp", Protocol::Tcp),
    ("HTTP/1.1", Protocol::Http1),
    ("HTTP/2", Protocol::Http2),
];

const DISCIPLINES: &[(&str, Discipline)] =
    &[("fifo", Discipline::Fifo), ("processor_sharing", Discipline::ProcessorSharing)];

/// Keys of an operation that may stand in a service with one operation.
const OPERATION_KEYS: &[&str] =
    &["service_time", "cpu_time", "request_size", "response_size", "error_ratio", "script"];

/// One service.
pub(super) fn service(node: &Node, diagnostics: &mut Diagnostics) -> Option<ServiceDraft> {
    let keys = node.entries().into_iter().flatten().filter_map(|(key, _)| key.text());
    let written = keys.map(str::to_owned).collect();
    let mut fields = Fields::new(node, "a service", diagnostics);
    let name = fields.need("name", located(fields::text));
    let namespace = fields.read("namespace", located(fields::text));
    let replicas = fields.read("replicas", located(fields::count));
    let application = application(&mut fields);
    let operations = operations(&mut fields, name.as_ref());
    let location = fields.location();
    fields.finish();
    let name = name?;
    Some(ServiceDraft {
        namespace,
        replicas: replicas.unwrap_or(Located::new(defaults::REPLICAS, location)),
        application,
        operations,
        ..ServiceDraft::of(name, Origins::Scenario(written))
    })
}

fn application(fields: &mut Fields<'_, '_>) -> Application {
    let silent = Application::default();
    let protocol = fields
        .read("protocol", |node, diagnostics| fields::choice(node, "a protocol", PROTOCOLS, diagnostics));
    let workers = fields.read("workers", limit);
    let hold_workers = fields.read("hold_workers", fields::boolean);
    let discipline = fields.read("discipline", |node, diagnostics| {
        fields::choice(node, "a discipline", DISCIPLINES, diagnostics)
    });
    Application {
        protocol: protocol.unwrap_or(silent.protocol),
        workers,
        hold_workers: hold_workers.unwrap_or(silent.hold_workers),
        discipline: discipline.unwrap_or(silent.discipline),
        queue_limit: fields.read("queue_limit", limit_from_zero),
        resources: fields.read("resources", resources).unwrap_or(silent.resources),
        memory: fields.read("memory", fields::bytes).unwrap_or(silent.memory),
        client: fields.read("client", client).unwrap_or(silent.client),
    }
}

/// The list `operations`, or the one operation that is written into the service.
fn operations(service: &mut Fields<'_, '_>, name: Option<&Located<String>>) -> Vec<OperationDraft> {
    if !service.has("operations") {
        let location = name.map_or(service.location(), |name| name.location);
        return vec![body(service, Located::new(defaults::OPERATION.to_owned(), location))];
    }
    for key in OPERATION_KEYS {
        if let Some(node) = service.take(key) {
            let message = format!("{} belongs into the operations where they are listed", quote(key));
            service.report(Diagnostic::error(Code::UnknownKey, message).at(node.location));
        }
    }
    service.need("operations", each(operation)).unwrap_or_default()
}

fn operation(node: &Node, diagnostics: &mut Diagnostics) -> Option<OperationDraft> {
    let mut fields = Fields::new(node, "an operation", diagnostics);
    let name = fields.need("name", located(fields::text));
    let nameless = Located::new(String::new(), node.location);
    let operation = body(&mut fields, name.clone().unwrap_or(nameless));
    fields.finish();
    name.and(Some(operation))
}

/// What `fields` say of an operation; what is wrong is reported and replaced, so that its name still resolves.
fn body(fields: &mut Fields<'_, '_>, name: Located<String>) -> OperationDraft {
    OperationDraft {
        service_time: fields.need("service_time", time).unwrap_or(Dist::ZERO),
        cpu_time: fields.read("cpu_time", cpu_time).unwrap_or(CpuTime::Share(Ratio::ONE)),
        request_size: fields.read("request_size", size).unwrap_or_else(defaults::request_size),
        response_size: fields.read("response_size", size).unwrap_or_else(defaults::response_size),
        error_ratio: fields.read("error_ratio", fields::ratio).unwrap_or(Ratio::ZERO),
        script: fields.read("script", each(step)).unwrap_or_default(),
        ..OperationDraft::of(name)
    }
}

/// A share of the service time (`80%`), or a distribution of its own.
fn cpu_time(node: &Node, diagnostics: &mut Diagnostics) -> Option<CpuTime> {
    match node.text().map(Ratio::parse) {
        Some(Ok(share)) => Some(CpuTime::Share(share)),
        _ => time(node, diagnostics).map(CpuTime::Own),
    }
}

fn resources(node: &Node, diagnostics: &mut Diagnostics) -> Option<Resources> {
    let mut fields = Fields::new(node, "`resources`", diagnostics);
    let resources = Resources {
        cpu_request: fields.read("cpu_request", fields::cores),
        cpu_limit: fields.read("cpu_limit", fields::cores),
        memory_request: fields.read("memory_request", fields::bytes),
        memory_limit: fields.read("memory_limit", fields::bytes),
    };
    fields.finish()?;
    Some(resources)
}

fn client(node: &Node, diagnostics: &mut Diagnostics) -> Option<Client> {
    let mut fields = Fields::new(node, "`client`", diagnostics);
    let client = Client {
        keep_alive: fields.read("keep_alive", fields::boolean).unwrap_or(true),
        pool_size: fields.read("pool_size", limit),
        timeout: fields.read("timeout", timeout),
        ..Client::default()
    };
    fields.finish()?;
    Some(client)
}

/// A number from 1; `None` for `unlimited`.
fn limit(node: &Node, diagnostics: &mut Diagnostics) -> Option<u32> {
    if node.text() == Some("unlimited") { None } else { fields::count(node, diagnostics) }
}

/// A number from 0; `None` for `unlimited`.
fn limit_from_zero(node: &Node, diagnostics: &mut Diagnostics) -> Option<u32> {
    if node.text() == Some("unlimited") { None } else { fields::u32(node, diagnostics) }
}

/// A duration; `None` for `none`.
pub(super) fn timeout(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    if node.text() == Some("none") { None } else { fields::span(node, diagnostics) }
}

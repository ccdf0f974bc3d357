//! What every instance of a service or of one of its versions runs.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::units::Span;
use crate::vocabulary::{Application, Client, Discipline, ProxyKind, ProxySettings, Resources};

use crate::input::fields::{self, Fields};
use crate::input::tree::Node;

use super::lifecycle;

const DISCIPLINES: &[(&str, Discipline)] =
    &[("fifo", Discipline::Fifo), ("processor_sharing", Discipline::ProcessorSharing)];

/// What `fields` say of an application; what they do not say is as in `base`. Its protocol is that of the port.
pub(super) fn application(fields: &mut Fields<'_, '_>, base: &Application) -> Application {
    let discipline = fields.read("discipline", |node, diagnostics| {
        fields::choice(node, "a discipline", DISCIPLINES, diagnostics)
    });
    Application {
        protocol: base.protocol,
        workers: optional("workers", fields, limit, base.workers),
        hold_workers: fields.read("hold_workers", fields::boolean).unwrap_or(base.hold_workers),
        discipline: discipline.unwrap_or(base.discipline),
        queue_limit: optional("queue_limit", fields, limit_from_zero, base.queue_limit),
        resources: fields
            .read("resources", |node, diagnostics| resources(node, &base.resources, diagnostics))
            .unwrap_or(base.resources),
        memory: fields.read("memory", fields::bytes).unwrap_or(base.memory),
        client: fields
            .read("client", |node, diagnostics| client(node, &base.client, diagnostics))
            .unwrap_or_else(|| base.client.clone()),
        lifecycle: fields
            .read("lifecycle", |node, diagnostics| lifecycle::pod_life(node, &base.lifecycle, diagnostics))
            .unwrap_or_else(|| base.lifecycle.clone()),
    }
}

/// A value that may be written as absent (`unlimited`, `none`): only where nothing is written it is that of the base.
fn optional<T>(
    key: &'static str,
    fields: &mut Fields<'_, '_>,
    reader: fn(&Node, &mut Diagnostics) -> Option<T>,
    base: Option<T>,
) -> Option<T> {
    if fields.take(key).is_some() { fields.read(key, reader) } else { base }
}

/// Resources and workers of a service's proxies. One of the four resources is in place of all of the mesh's own.
pub(super) fn proxy(node: &Node, kind: ProxyKind, diagnostics: &mut Diagnostics) -> Option<ProxySettings> {
    let mut fields = Fields::new(node, quote(kind.container()), diagnostics);
    let resources = container(&mut fields, &Resources::default());
    let workers = fields.read("workers", fields::u32);
    let place = fields.location();
    let cpu = resources.cpu_request.zip(resources.cpu_limit).is_some_and(|(request, limit)| request > limit);
    let memory = resources.memory_request.zip(resources.memory_limit);
    for (name, is_over) in [("CPU", cpu), ("memory", memory.is_some_and(|(request, limit)| request > limit))]
    {
        if is_over {
            let message = format!("{} requests more {name} than its limit", quote(kind.container()));
            fields.report(Diagnostic::error(Code::InvalidValue, message).at(place));
        }
    }
    fields.finish()?;
    let resources = Some(resources).filter(|resources| *resources != Resources::default());
    Some(ProxySettings { kind, resources, workers })
}

fn resources(node: &Node, base: &Resources, diagnostics: &mut Diagnostics) -> Option<Resources> {
    let mut fields = Fields::new(node, "`resources`", diagnostics);
    let resources = container(&mut fields, base);
    fields.finish()?;
    Some(resources)
}

fn container(fields: &mut Fields<'_, '_>, base: &Resources) -> Resources {
    Resources {
        cpu_request: fields.read("cpu_request", fields::cores).or(base.cpu_request),
        cpu_limit: fields.read("cpu_limit", fields::cores).or(base.cpu_limit),
        memory_request: fields.read("memory_request", fields::bytes).or(base.memory_request),
        memory_limit: fields.read("memory_limit", fields::bytes).or(base.memory_limit),
    }
}

fn client(node: &Node, base: &Client, diagnostics: &mut Diagnostics) -> Option<Client> {
    let mut fields = Fields::new(node, "`client`", diagnostics);
    let client = Client {
        keep_alive: fields.read("keep_alive", fields::boolean).unwrap_or(base.keep_alive),
        pool_size: optional("pool_size", &mut fields, limit, base.pool_size),
        timeout: optional("timeout", &mut fields, timeout, base.timeout),
        ..base.clone()
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

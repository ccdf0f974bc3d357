//! Services, their versions, operations and scripts.

use crate::input::defaults;
use crate::input::draft::{
    ActionDraft, AliasDraft, CallDraft, OperationDraft, PortDraft, ProxyDraft, ServiceDraft, StepDraft,
    VersionDraft,
};
use crate::units::Ratio;
use crate::vocabulary::routing::Status;
use crate::vocabulary::{
    Application, Client, CpuTime, Discipline, Protocol, ProxyKind, ProxySettings, Resources,
};

use super::quantity::{Of, cores, dist, ratio};
use super::yaml::{Map, Yaml};
use super::{Guesses, autoscale, labels, lifecycle};

pub(super) fn service(service: &ServiceDraft, guesses: &mut Guesses<'_>) -> Yaml {
    let mut map = Map::default();
    let mut places = vec![service.name.location];
    map.put("name", Yaml::text(&service.name.value));
    map.maybe("namespace", service.namespace.as_ref().map(|namespace| Yaml::text(&namespace.value)));
    if service.versions.is_empty() {
        places.push(service.replicas.location);
        let silent = service.autoscale.as_ref().map_or(defaults::REPLICAS, |autoscale| autoscale.min.value);
        if service.replicas.value != silent {
            map.put("replicas", Yaml::plain(service.replicas.value));
        }
    }
    if !service.labels.is_empty() {
        map.put("labels", labels(&service.labels));
    }
    let spoken = service.application.protocol;
    if spoken != Application::default().protocol {
        map.put("protocol", protocol(spoken));
    }
    map.some("ports", service.ports.iter().map(|row| port(row, spoken)).collect());
    application(&service.application, &Application::default(), &mut map);
    map.maybe("autoscale", service.autoscale.as_ref().map(autoscale::autoscale));
    proxies(&service.proxies, &[], &mut map);
    match service.operations.as_slice() {
        [only] if only.name.value == defaults::OPERATION => {
            places.push(only.name.location);
            operation(only, None, &mut map, guesses);
        }
        several => {
            let named = several.iter().map(|row| {
                let mut map = Map::default();
                map.put("name", Yaml::text(&row.name.value));
                operation(row, None, &mut map, guesses);
                guesses.say(&[row.name.location], &mut map);
                map.into()
            });
            let named = Yaml::List(named.collect());
            map.put("operations", named);
        }
    }
    map.some("aliases", service.aliases.iter().map(|row| alias(row, service)).collect());
    map.some("versions", service.versions.iter().map(|row| version(row, service, guesses)).collect());
    guesses.say(&places, &mut map);
    map.into()
}

fn alias(alias: &AliasDraft, service: &ServiceDraft) -> Yaml {
    let mut map = Map::default();
    map.put("name", Yaml::text(&alias.name.value));
    map.maybe("subset", alias.subset.as_deref().map(Yaml::text));
    if !alias.ports.iter().eq(service.ports.iter().map(|port| &port.number)) {
        map.some("ports", alias.ports.iter().map(Yaml::plain).collect());
    }
    map.or_only("name")
}

/// What a version says beside its service.
fn version(version: &VersionDraft, service: &ServiceDraft, guesses: &mut Guesses<'_>) -> Yaml {
    let mut map = Map::default();
    map.put("name", Yaml::text(&version.name.value));
    if version.replicas.value != defaults::REPLICAS {
        map.put("replicas", Yaml::plain(version.replicas.value));
    }
    let is_own = |label: &&(String, String)| {
        let implied = label.0 == "version" && label.1 == version.name.value;
        !implied && !service.labels.contains(label)
    };
    let own: Vec<_> = version.labels.iter().filter(is_own).cloned().collect();
    if !own.is_empty() {
        map.put("labels", labels(&own));
    }
    application(&version.application, &service.application, &mut map);
    proxies(&version.proxies, &service.proxies, &mut map);
    let mut others = Vec::new();
    for (own, base) in version.operations.iter().zip(&service.operations) {
        let mut written = Map::default();
        written.put("name", Yaml::text(&own.name.value));
        let mut said = Map::default();
        operation(own, Some(base), &mut said, guesses);
        if !said.is_empty() {
            if service.operations.len() == 1 {
                operation(own, Some(base), &mut map, guesses);
            } else {
                operation(own, Some(base), &mut written, guesses);
                others.push(written.into());
            }
        }
    }
    map.some("operations", others);
    guesses.say(&[version.name.location, version.replicas.location], &mut map);
    map.into()
}

fn protocol(protocol: Protocol) -> Yaml {
    Yaml::Scalar(
        match protocol {
            Protocol::Http1 => "http1",
            Protocol::Http2 => "http2",
            Protocol::Grpc => "grpc",
            Protocol::Tcp => "tcp",
        }
        .to_owned(),
    )
}

fn port(port: &PortDraft, spoken: Protocol) -> Yaml {
    let mut map = Map::default();
    map.put("number", Yaml::plain(port.number));
    map.maybe("name", port.name.as_deref().map(Yaml::text));
    if port.protocol != spoken {
        map.put("protocol", protocol(port.protocol));
    }
    map.or_only("number")
}

/// What differs from `base`.
fn application(application: &Application, base: &Application, map: &mut Map) {
    let limit = |limit: Option<u32>| limit.map_or_else(|| Yaml::text("unlimited"), Yaml::plain);
    if application.workers != base.workers {
        map.put("workers", limit(application.workers));
    }
    if application.hold_workers != base.hold_workers {
        map.put("hold_workers", Yaml::plain(application.hold_workers));
    }
    if application.discipline != base.discipline {
        let is_fifo = application.discipline == Discipline::Fifo;
        map.put("discipline", Yaml::text(if is_fifo { "fifo" } else { "processor_sharing" }));
    }
    if application.queue_limit != base.queue_limit {
        map.put("queue_limit", limit(application.queue_limit));
    }
    if application.resources != base.resources {
        map.put("resources", resources(&application.resources));
    }
    if application.memory != base.memory {
        map.put("memory", Yaml::plain(application.memory));
    }
    if application.client != base.client {
        map.put("client", client(&application.client, &base.client));
    }
    if application.lifecycle != base.lifecycle {
        map.put("lifecycle", lifecycle::pod_life(&application.lifecycle, &base.lifecycle));
    }
}

/// What is said of proxies otherwise than in `base`; of one kind the first one holds.
fn proxies(drafts: &[ProxyDraft], base: &[ProxyDraft], map: &mut Map) {
    let first = |drafts: &[ProxyDraft], kind| {
        drafts.iter().map(|proxy| proxy.settings).find(|settings| settings.kind == kind)
    };
    let mut own = Map::default();
    for kind in ProxyKind::ALL {
        if let Some(settings) = first(drafts, kind).filter(|own| first(base, kind) != Some(*own)) {
            own.put(kind.container(), proxy_settings(&settings));
        }
    }
    if !own.is_empty() {
        map.put("proxies", own);
    }
}

fn proxy_settings(settings: &ProxySettings) -> Map {
    let mut map = settings.resources.as_ref().map(resources).unwrap_or_default();
    // An empty map is the mesh's own; a container without any resources requests nothing.
    if map.is_empty() && settings.resources.is_some() {
        map.put("cpu_request", Yaml::plain(0));
    }
    map.maybe("workers", settings.workers.map(Yaml::plain));
    map
}

fn resources(resources: &Resources) -> Map {
    let mut map = Map::default();
    map.maybe("cpu_request", resources.cpu_request.map(cores));
    map.maybe("cpu_limit", resources.cpu_limit.map(cores));
    map.maybe("memory_request", resources.memory_request.map(Yaml::plain));
    map.maybe("memory_limit", resources.memory_limit.map(Yaml::plain));
    map
}

fn client(client: &Client, base: &Client) -> Map {
    let mut map = Map::default();
    if client.keep_alive != base.keep_alive {
        map.put("keep_alive", Yaml::plain(client.keep_alive));
    }
    if client.pool_size != base.pool_size {
        map.put("pool_size", client.pool_size.map_or_else(|| Yaml::text("unlimited"), Yaml::plain));
    }
    if client.timeout != base.timeout {
        map.put("timeout", client.timeout.map_or_else(|| Yaml::text("none"), Yaml::plain));
    }
    map
}

/// What an operation says, its name apart: all of it, or what differs from `base`.
fn operation(
    operation: &OperationDraft,
    base: Option<&OperationDraft>,
    map: &mut Map,
    guesses: &mut Guesses<'_>,
) {
    let silent = OperationDraft::of(operation.name.clone());
    let than = base.unwrap_or(&silent);
    if operation.method != than.method {
        map.maybe("method", operation.method.as_deref().map(Yaml::text));
    }
    if operation.path != than.path {
        map.maybe("path", operation.path.as_deref().map(Yaml::text));
    }
    if base.is_none_or(|base| base.service_time != operation.service_time) {
        map.put("service_time", dist(&operation.service_time, Of::Time));
    }
    if operation.cpu_time != than.cpu_time {
        map.put(
            "cpu_time",
            match &operation.cpu_time {
                CpuTime::Share(share) => ratio(*share),
                CpuTime::Own(own) => dist(own, Of::Time),
            },
        );
    }
    if operation.request_size != than.request_size {
        map.put("request_size", dist(&operation.request_size, Of::Size));
    }
    if operation.response_size != than.response_size {
        map.put("response_size", dist(&operation.response_size, Of::Size));
    }
    if operation.error_ratio != than.error_ratio {
        map.put("error_ratio", ratio(operation.error_ratio));
    }
    if operation.error_status != than.error_status {
        map.put("error_status", status(operation.error_status));
    }
    if operation.script != than.script {
        map.put("script", Yaml::List(operation.script.iter().map(|row| step(row, guesses)).collect()));
    }
}

pub(super) fn status(status: Status) -> Yaml {
    match status {
        Status::Http(status) => Yaml::plain(status),
        Status::Grpc(status) => Yaml::text(super::word(crate::input::native::rules::GRPC, &status)),
    }
}

fn step(step: &StepDraft, guesses: &mut Guesses<'_>) -> Yaml {
    match step {
        StepDraft::One(one) => action(one, guesses),
        StepDraft::Parallel(several) => Yaml::List(several.iter().map(|one| action(one, guesses)).collect()),
    }
}

fn action(action: &ActionDraft, guesses: &mut Guesses<'_>) -> Yaml {
    match action {
        ActionDraft::Sleep(time) => Yaml::of("sleep", dist(time, Of::Time)),
        ActionDraft::Call(made) => {
            let mut map = Map::default();
            map.put("call", call(made));
            guesses.say(&[made.service.location], &mut map);
            map.into()
        }
    }
}

fn call(call: &CallDraft) -> Yaml {
    let mut map = Map::default();
    map.put("service", Yaml::text(&call.service.value));
    map.maybe("operation", call.operation.as_ref().map(|operation| Yaml::text(&operation.value)));
    if call.probability != Ratio::ONE {
        map.put("probability", ratio(call.probability));
    }
    if call.count != 1 {
        map.put("count", Yaml::plain(call.count));
    }
    map.maybe("size", call.request_size.as_ref().map(|size| dist(size, Of::Size)));
    map.maybe("timeout", call.timeout.map(Yaml::plain));
    if call.optional {
        map.put("optional", Yaml::plain(true));
    }
    map.or_only("service")
}

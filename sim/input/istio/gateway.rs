//! `Gateway`: which hosts an ingress gateway serves.

use crate::input::draft::GatewayDraft;
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};

use super::{Import, NETWORKING, namespace, value};

pub(super) static KIND: Kind = Kind::new(
    "Gateway",
    NETWORKING,
    Spelling::Protobuf,
    &[
        ("spec.selector", Treatment::Irrelevant),
        ("spec.servers[].hosts", Treatment::Modelled),
        ("spec.servers[].port", Treatment::Irrelevant),
        ("spec.servers[].name", Treatment::Irrelevant),
        ("spec.servers[].bind", Treatment::Irrelevant),
        ("spec.servers[].defaultEndpoint", Treatment::Named("a gateway forwards by its routes only")),
        (
            "spec.servers[].tls",
            Treatment::Named(
                "TLS between users and a gateway costs nothing, and users ask with it from the start",
            ),
        ),
    ],
);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "a Gateway", import.diagnostics) else { return };
    let mut hosts = Vec::new();
    for server in spec.elements("servers") {
        let written = value::texts(server, "hosts", import.diagnostics);
        // `namespace/host` says whose routes may use the host.
        let host = |name: String| name.rsplit_once('/').map(|(_, host)| host.to_owned()).unwrap_or(name);
        hosts.extend(written.into_iter().map(|name| name.map(host)));
    }
    import.draft.gateways.push(GatewayDraft { name: head.name.clone(), namespace: namespace(head), hosts });
}

//! `Sidecar`: which services the sidecars of a namespace, or of some of its workloads, are told of.

use crate::input::draft::ScopeDraft;
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::Located;

use super::{Import, NETWORKING, ROOT_NAMESPACE, value};

const EVERYTHING: &str = "*/*";

pub(super) static KIND: Kind = Kind::new(
    "Sidecar",
    NETWORKING,
    Spelling::Protobuf,
    &[
        ("spec.workloadSelector.labels", Treatment::Modelled),
        ("spec.egress[].hosts", Treatment::Modelled),
        ("spec.egress[].port", Treatment::Named("hosts are known on all their ports")),
        ("spec.egress[].bind", Treatment::Irrelevant),
        ("spec.egress[].captureMode", Treatment::Named("all outbound traffic is captured")),
        ("spec.ingress", Treatment::Named("inbound traffic is captured on every port")),
        ("spec.inboundConnectionPool", Treatment::Named("a sidecar does not limit what it lets in")),
        (
            "spec.outboundTrafficPolicy",
            Treatment::Named("calls go to known services only, whatever a sidecar would do with others"),
        ),
        ("spec.localhost", Treatment::Irrelevant),
    ],
);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let spec = object.get("spec");
    let egress = spec.map(|spec| spec.elements("egress")).unwrap_or_default();
    let mut hosts: Vec<_> =
        egress.iter().flat_map(|listener| value::texts(*listener, "hosts", import.diagnostics)).collect();
    if egress.is_empty() {
        hosts.push(Located::new(EVERYTHING.to_owned(), head.name.location));
    }
    let selector = spec.and_then(|spec| spec.get("workloadSelector"));
    let selector = selector.map(|selector| selector.texts("labels", import.diagnostics)).unwrap_or_default();
    let namespace = head.namespace.as_ref().map_or("default", |namespace| &namespace.value);
    let is_root = namespace == ROOT_NAMESPACE && selector.is_empty();
    import.draft.scopes.push(ScopeDraft {
        name: head.name.clone(),
        namespace: (!is_root).then(|| namespace.to_owned()),
        selector,
        hosts,
    });
}

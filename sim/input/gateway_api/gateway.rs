//! `Gateway`: which hosts an ingress gateway serves, or a waypoint of ambient Istio.

use crate::input::draft::GatewayDraft;
use crate::input::fields;
use crate::input::foreign::readers::namespace;
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::Located;

use super::{Import, waypoint};

/// Class of ambient Istio's waypoints.
const WAYPOINT: &str = "istio-waypoint";

pub(super) static KIND: Kind = Kind::new(
    "Gateway",
    &[
        "gateway.networking.k8s.io/v1",
        "gateway.networking.k8s.io/v1beta1",
        "gateway.networking.k8s.io/v1alpha2",
    ],
    Spelling::Exact,
    &[
        ("metadata.labels", Treatment::Irrelevant),
        ("metadata.labels[istio.io/waypoint-for]", Treatment::Modelled),
        ("spec.gatewayClassName", Treatment::Modelled),
        ("spec.listeners[].hostname", Treatment::Modelled),
        ("spec.listeners[].name", Treatment::Irrelevant),
        ("spec.listeners[].port", Treatment::Irrelevant),
        ("spec.listeners[].protocol", Treatment::Irrelevant),
        ("spec.listeners[].allowedRoutes", Treatment::Irrelevant),
        ("spec.listeners[].tls", Treatment::Named("TLS between users and a gateway costs nothing")),
        ("spec.addresses", Treatment::Irrelevant),
        ("spec.infrastructure", Treatment::Named("a gateway's pods are what the profile says")),
        ("spec.allowedListeners", Treatment::Irrelevant),
        ("spec.tls", Treatment::Named("TLS between users and a gateway costs nothing")),
        (
            "spec.backendTLS",
            Treatment::Named("TLS between a gateway and a service is what the mesh makes of it"),
        ),
        ("spec.defaultScope", Treatment::Named("no gateway is one by default")),
    ],
);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "a Gateway", import.diagnostics) else { return };
    let class = spec.required("gatewayClassName", "a Gateway", fields::text, import.diagnostics);
    let mut hosts = Vec::new();
    for listener in spec.elements("listeners") {
        let host = listener.read("hostname", fields::located(fields::text), import.diagnostics);
        hosts.push(host.unwrap_or_else(|| Located::new("*".to_owned(), listener.location())));
    }
    if class.as_deref() == Some(WAYPOINT) {
        let labels = object.at(&["metadata", "labels"]);
        let serves = labels.and_then(|labels| {
            labels.read("istio.io/waypoint-for", fields::located(fields::text), import.diagnostics)
        });
        waypoint::add(head, serves, import);
        return;
    }
    import.draft.gateways.push(GatewayDraft { name: head.name.clone(), namespace: namespace(head), hosts });
}

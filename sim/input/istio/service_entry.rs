//! `ServiceEntry`: hosts that Kubernetes does not know. Proxies hold them; nobody calls them in a simulation.

use crate::input::draft::ExternalDraft;
use crate::input::fields;
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};

use super::{Import, NETWORKING, namespace, no_effect, value};

pub(super) static KIND: Kind = Kind::new(
    "ServiceEntry",
    NETWORKING,
    Spelling::Protobuf,
    &[
        ("spec.hosts", Treatment::Modelled),
        ("spec.addresses", Treatment::Irrelevant),
        ("spec.ports[].number", Treatment::Modelled),
        ("spec.ports[].name", Treatment::Irrelevant),
        ("spec.ports[].protocol", Treatment::Irrelevant),
        ("spec.ports[].targetPort", Treatment::Irrelevant),
        ("spec.location", Treatment::Modelled),
        ("spec.resolution", Treatment::Irrelevant),
        ("spec.endpoints[]", Treatment::Modelled),
        ("spec.workloadSelector", Treatment::Named("pods are those of the services that are described")),
        ("spec.exportTo", Treatment::Modelled),
        ("spec.subjectAltNames", Treatment::Irrelevant),
    ],
);

/// Values of `location`: whether it is in the mesh.
const LOCATIONS: &[(&str, bool)] = &[("MESH_EXTERNAL", false), ("MESH_INTERNAL", true)];

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "a ServiceEntry", import.diagnostics) else { return };
    let location = |node: &_, diagnostics: &mut _| fields::choice(node, "`location`", LOCATIONS, diagnostics);
    if spec.read("location", location, import.diagnostics) == Some(true) {
        let message = "workloads outside Kubernetes are not simulated: describe them as services";
        import.diagnostics.push(no_effect(message, head.name.location));
    }
    let ports = spec.elements("ports");
    let ports = ports.into_iter().filter_map(|port| port.read("number", value::port, import.diagnostics));
    let ports: Vec<_> = ports.collect();
    let endpoints = spec.elements("endpoints").len();
    let export_to = value::export_to(spec, import.diagnostics);
    for host in value::texts(spec, "hosts", import.diagnostics) {
        import.draft.external.push(ExternalDraft {
            host,
            namespace: namespace(head),
            ports: ports.clone(),
            endpoints: u32::try_from(endpoints).unwrap_or(u32::MAX),
            export_to: export_to.clone(),
        });
    }
}

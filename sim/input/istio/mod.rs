//! Istio's objects: traffic, security, telemetry and extensions, in every version that is served.
//!
//! One file per group of kinds, each with the tables of its fields. Delegated rules, and what holds for the whole mesh
//! only if no namespace is left out, wait in [`Pending`] until everything is read.

use crate::diag::{Code, Diagnostic, Diagnostics, Location};

use super::draft::Draft;
use super::foreign::{Findings, Foreign, Head, Kind, TypeMeta};
use super::tree::Node;

mod authorization;
mod connections;
mod delegate;
mod destination_rule;
mod extension;
mod features;
mod gateway;
mod matches;
mod named;
mod policy;
mod retry;
mod rule;
mod security;
mod service_entry;
mod sidecar;
mod telemetry;
mod value;
mod virtual_service;

pub use features::Pending;

/// Namespace of the control plane: what stands there without a selector holds for the whole mesh.
const ROOT_NAMESPACE: &str = "istio-system";

/// `apiVersion`s of traffic management.
const NETWORKING: &[&str] =
    &["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"];
/// `apiVersion`s of security.
const SECURITY: &[&str] = &["security.istio.io/v1", "security.istio.io/v1beta1"];
/// `apiVersion`s of telemetry.
const TELEMETRY: &[&str] = &["telemetry.istio.io/v1", "telemetry.istio.io/v1alpha1"];
/// `apiVersion`s of extensions.
const EXTENSIONS: &[&str] = &["extensions.istio.io/v1alpha1"];

/// Reads what an object says.
type Decode = fn(Foreign<'_>, &Head, &mut Import<'_>);

/// Every kind, and who reads it.
const KINDS: &[(&Kind, Decode)] = &[
    (&virtual_service::KIND, virtual_service::decode),
    (&destination_rule::KIND, destination_rule::decode),
    (&gateway::KIND, gateway::decode),
    (&service_entry::KIND, service_entry::decode),
    (&sidecar::KIND, sidecar::decode),
    (&security::PEER_AUTHENTICATION, security::peer_authentication),
    (&authorization::KIND, authorization::decode),
    (&telemetry::TELEMETRY, telemetry::telemetry),
    (&telemetry::PROXY_CONFIG, telemetry::proxy_config),
    (&extension::WASM_PLUGIN, extension::wasm_plugin),
    (&extension::TRAFFIC_EXTENSION, extension::traffic_extension),
    (&named::REQUEST_AUTHENTICATION, named::nothing),
    (&named::ENVOY_FILTER, named::nothing),
    (&named::WORKLOAD_ENTRY, named::nothing),
    (&named::WORKLOAD_GROUP, named::nothing),
];

/// Where what is read goes to.
pub(super) struct Import<'i> {
    pub(super) draft: &'i mut Draft,
    pub(super) pending: &'i mut Pending,
    pub(super) findings: &'i mut Findings,
    pub(super) diagnostics: &'i mut Diagnostics,
}

/// The tables of all kinds, for documentation.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().map(|(kind, _)| *kind)
}

/// Whether a document is an object of Istio's that is known.
pub(super) fn recognises(node: &Node) -> bool {
    kind_of(node).is_some()
}

fn kind_of(node: &Node) -> Option<&'static (&'static Kind, Decode)> {
    let head = TypeMeta::of(node)?;
    KINDS.iter().find(|(kind, _)| kind.is(head))
}

/// Reads one object.
pub(super) fn decode(node: &Node, import: &mut Import<'_>) {
    let Some((kind, decode)) = kind_of(node) else { return };
    let object = kind.open(node, import.findings, import.diagnostics);
    if let Some(head) = Head::read(object, import.diagnostics) {
        decode(object, &head, import);
    }
}

/// The namespace of an object, as drafts have it.
fn namespace(head: &Head) -> Option<String> {
    head.namespace.as_ref().map(|namespace| namespace.value.clone())
}

/// A warning about a value that has no effect although its field is modelled.
fn no_effect(message: impl Into<String>, place: Location) -> Diagnostic {
    Diagnostic::warning(Code::NotModelled, message).at(place)
}

#[cfg(test)]
mod tests;

//! Istio's objects: traffic, security, telemetry and extensions, in every version that is served.
//!
//! One file per group of kinds, each with the tables of its fields. Delegated rules, and what holds for the whole mesh
//! only if no namespace is left out, wait in `Pending` until everything is read.

use super::foreign::family::{self, Family};
use super::foreign::readers::{namespace, no_effect};

mod authorization;
mod connections;
mod delegate;
mod destination_rule;
mod extension;
mod features;
mod gateway;
mod matches;
mod metrics;
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

pub(super) use features::Pending;

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

/// Every kind, and who reads it.
pub(super) const FAMILY: Family<Pending> = Family(&[
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
]);

/// Where what is read goes to.
pub(super) type Import<'i> = family::Import<'i, Pending>;

#[cfg(test)]
mod tests;

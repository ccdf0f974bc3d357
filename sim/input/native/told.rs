//! The sections `scopes` and `external`: what sidecars are told of.
//!
//! ```yaml
//! scopes:
//!   - {name: shop, namespace: shop, hosts: [./*, istio-system/*]}
//! external:
//!   - {host: api.example.org, ports: [443], endpoints: 2}
//! ```

use crate::diag::Diagnostics;
use crate::input::draft::{ExternalDraft, ScopeDraft};
use crate::input::fields::{self, Fields, each, located};
use crate::input::tree::Node;

use super::routes::{labels, list_or_one};
use super::service::port_number;

/// Which services the proxies of some pods are told of.
pub(super) fn scope(node: &Node, diagnostics: &mut Diagnostics) -> Option<ScopeDraft> {
    let mut fields = Fields::new(node, "a scope", diagnostics);
    let name = fields.need("name", located(fields::text));
    let namespace = fields.read("namespace", fields::text);
    let selector = fields.read("labels", labels).unwrap_or_default();
    let hosts = fields.need("hosts", list_or_one(located(fields::text)));
    fields.finish();
    Some(ScopeDraft { name: name?, namespace, selector, hosts: hosts? })
}

/// A host outside the cluster.
pub(super) fn external(node: &Node, diagnostics: &mut Diagnostics) -> Option<ExternalDraft> {
    let mut fields = Fields::new(node, "a host outside the cluster", diagnostics);
    let host = fields.need("host", located(fields::text));
    let namespace = fields.read("namespace", fields::text);
    let ports = fields.read("ports", each(port_number)).unwrap_or_default();
    let endpoints = fields.read("endpoints", fields::u32).unwrap_or(0);
    let export_to = fields.read("visible_in", list_or_one(fields::text));
    fields.finish();
    Some(ExternalDraft { host: host?, namespace, ports, endpoints, export_to })
}

//! `VirtualService`: routes of requests and of connections.

use crate::diag::{Code, Diagnostic};
use crate::input::draft::{Level, RouteDraft, Via};
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::Located;
use crate::vocabulary::routing::{Order, Resource};

use super::delegate::Written;
use super::{Import, NETWORKING, connections, namespace, rule, value};

/// The gateway that stands for every caller in the mesh.
const MESH: &str = "mesh";

pub(super) static KIND: Kind = Kind::new(
    "VirtualService",
    NETWORKING,
    Spelling::Protobuf,
    &[
        ("spec.hosts", Treatment::Modelled),
        ("spec.gateways", Treatment::Modelled),
        ("spec.http[]", Treatment::Like(rule::ROWS)),
        ("spec.tcp[]", Treatment::Like(connections::TCP)),
        ("spec.tls[]", Treatment::Like(connections::TLS)),
        ("spec.exportTo", Treatment::Modelled),
    ],
);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "a VirtualService", import.diagnostics) else { return };
    let hosts = value::texts(spec, "hosts", import.diagnostics);
    let gateways = value::texts(spec, "gateways", import.diagnostics);
    let route = |suffix: &str, level: Level| RouteDraft {
        name: head.name.clone().map(|name| name + suffix),
        resource: Resource::VirtualService,
        namespace: namespace(head),
        hosts: hosts.clone(),
        via: via(&gateways),
        order: Order::Written,
        level,
        rules: Vec::new(),
        export_to: None,
    };
    let export_to = value::export_to(spec, import.diagnostics);
    let mut written = Vec::new();
    let http = spec.elements("http");
    if !http.is_empty() {
        let rules: Vec<_> =
            http.into_iter().filter_map(|rule| rule::http(rule, import.diagnostics)).collect();
        let (rules, delegates) = rules.into_iter().unzip();
        let route = RouteDraft { rules, export_to: export_to.clone(), ..route("", Level::Request) };
        written.push(Written { route, delegates });
    }
    for (field, suffix) in [("tcp", " (tcp)"), ("tls", " (tls)")] {
        let rules = spec.elements(field);
        if rules.is_empty() {
            continue;
        }
        let rules: Vec<_> =
            rules.into_iter().filter_map(|rule| connections::rule(rule, import.diagnostics)).collect();
        let delegates = vec![None; rules.len()];
        let route = RouteDraft { rules, export_to: export_to.clone(), ..route(suffix, Level::Connection) };
        written.push(Written { route, delegates });
    }
    if written.is_empty() {
        let message = "a VirtualService needs rules: `http`, `tcp` or `tls`";
        import.diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(spec.location()));
    }
    import.pending.routes.extend(written);
}

fn via(gateways: &[Located<String>]) -> Via {
    let names: Vec<_> = gateways.iter().filter(|name| name.value != MESH).cloned().collect();
    if names.is_empty() { Via::Mesh } else { Via::Gateways { mesh: names.len() < gateways.len(), names } }
}

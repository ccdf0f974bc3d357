//! The section `mesh`.

use crate::diag::Diagnostics;

use crate::input::draft::{MeshDraft, SelectionDraft, WaypointDraft};
use crate::input::fields::{self, Fields, list, located, map};
use crate::input::tree::Node;

pub(super) fn mesh(node: &Node, diagnostics: &mut Diagnostics) -> Option<MeshDraft> {
    let mut fields = Fields::new(node, "`mesh`", diagnostics);
    let mesh = MeshDraft {
        profile: fields.read("profile", located(fields::text)),
        overrides: fields.read("overrides", map(located(fields::text))).unwrap_or_default(),
        features: Vec::new(),
        inject: fields.read("inject", selection),
        exclude: fields.read("exclude", selection).unwrap_or_default(),
        waypoints: fields.read("waypoints", list(waypoint)),
    };
    fields.finish()?;
    Some(mesh)
}

fn waypoint(node: &Node, diagnostics: &mut Diagnostics) -> Option<WaypointDraft> {
    let mut fields = Fields::new(node, "a waypoint", diagnostics);
    let names = list(located(fields::text));
    let name = fields.need("name", located(fields::text));
    let services = SelectionDraft {
        namespaces: fields.read("namespaces", &names).unwrap_or_default(),
        services: fields.read("services", &names).unwrap_or_default(),
    };
    let replicas = fields.read("replicas", fields::count);
    let zone = fields.read("zone", located(fields::text));
    fields.finish();
    Some(WaypointDraft { name: name?, services, replicas, zone })
}

fn selection(node: &Node, diagnostics: &mut Diagnostics) -> Option<SelectionDraft> {
    let mut fields = Fields::new(node, "a selection of services", diagnostics);
    let names = list(located(fields::text));
    let selection = SelectionDraft {
        namespaces: fields.read("namespaces", &names).unwrap_or_default(),
        services: fields.read("services", &names).unwrap_or_default(),
    };
    fields.finish()?;
    Some(selection)
}

//! The section `mesh`.

use crate::diag::{Code, Diagnostic, Diagnostics};

use crate::input::draft::{FeatureDraft, FeatureValue, MeshDraft, SelectionDraft, WaypointDraft};
use crate::input::fields::{self, Fields, each, list, located, map};
use crate::input::tree::Node;

pub(super) fn mesh(node: &Node, diagnostics: &mut Diagnostics) -> Option<MeshDraft> {
    let mut fields = Fields::new(node, "`mesh`", diagnostics);
    let mesh = MeshDraft {
        profile: fields.read("profile", located(fields::text)),
        overrides: fields.read("overrides", map(located(fields::text))).unwrap_or_default(),
        features: fields.read("asked", each(asked)).unwrap_or_default(),
        inject: fields.read("inject", selection),
        exclude: fields.read("exclude", selection).unwrap_or_default(),
        waypoints: fields.read("waypoints", list(waypoint)),
    };
    fields.finish()?;
    Some(mesh)
}

/// A value of the profile that somebody's object asks for: of every mesh that has such a value.
fn asked(node: &Node, diagnostics: &mut Diagnostics) -> Option<FeatureDraft> {
    let mut fields = Fields::new(node, "a value that is asked for", diagnostics);
    let object = fields.need("by", located(fields::text));
    let path = fields.need("path", fields::text);
    let to = fields.read("to", fields::text);
    let times = fields.read("times", fields::f64);
    let word = fields.read("instead_of", fields::text);
    let location = fields.location();
    fields.finish()?;
    let value = match (to, times, word) {
        (Some(value), None, None) => FeatureValue::To(value),
        (None, Some(factor), None) if factor.is_finite() && factor >= 0.0 => FeatureValue::Times(factor),
        (Some(value), None, Some(word)) => FeatureValue::Instead { word, value },
        _ => {
            let message =
                "what is asked for is `to` a value, perhaps `instead_of` another, or `times` a factor from 0";
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(location));
            return None;
        }
    };
    Some(FeatureDraft { object: object?, path: path?, value })
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

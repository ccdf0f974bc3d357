//! `DestinationRule`: policies towards a host, its subsets and ports.

use crate::input::draft::{PolicyDraft, SubsetDraft};
use crate::input::fields;
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::Located;
use crate::vocabulary::resilience::TrafficPolicy;
use crate::vocabulary::routing::Resource;

use super::{Import, NETWORKING, namespace, no_effect, policy, value};

pub(super) static KIND: Kind = Kind::new(
    "DestinationRule",
    NETWORKING,
    Spelling::Protobuf,
    &[
        ("spec.host", Treatment::Modelled),
        ("spec.trafficPolicy", Treatment::Like(policy::ROWS)),
        ("spec.subsets[].name", Treatment::Modelled),
        ("spec.subsets[].labels", Treatment::Modelled),
        ("spec.subsets[].trafficPolicy", Treatment::Like(policy::ROWS)),
        ("spec.exportTo", Treatment::Modelled),
        ("spec.workloadSelector", Treatment::Named("it is taken to hold for every caller")),
    ],
);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let what = "a DestinationRule";
    let Some(spec) = object.need("spec", what, import.diagnostics) else { return };
    let text = fields::located(fields::text);
    let Some(host) = spec.required("host", what, &text, import.diagnostics) else { return };
    if value::export_to(spec, import.diagnostics).is_some() {
        let place = spec.get("exportTo").map_or(spec.location(), Foreign::location);
        let message = "a DestinationRule is taken to hold for callers in every namespace";
        import.diagnostics.push(no_effect(message, place));
    }
    let own = spec.get("trafficPolicy");
    let of_host = own.map(|policy| policy::traffic(policy, import.diagnostics)).unwrap_or_default();
    if let Some(written) = own {
        push(Target { head, host: &host, subset: None }, written, of_host.clone(), import);
    }
    for subset in spec.elements("subsets") {
        let Some(name) = subset.required("name", "a subset", &text, import.diagnostics) else { continue };
        import.draft.subsets.push(SubsetDraft {
            resource: Resource::DestinationRule,
            namespace: namespace(head),
            service: host.clone(),
            name: name.clone(),
            labels: subset.texts("labels", import.diagnostics),
        });
        let Some(written) = subset.get("trafficPolicy") else { continue };
        let mut policy = policy::traffic(written, import.diagnostics);
        policy::complete(&mut policy, written, &of_host);
        push(Target { head, host: &host, subset: Some(&name) }, written, policy, import);
    }
}

/// Whom a policy is for.
#[derive(Clone, Copy)]
struct Target<'t> {
    head: &'t Head,
    host: &'t Located<String>,
    subset: Option<&'t Located<String>>,
}

/// Adds a policy, and those of its ports.
fn push(target: Target<'_>, written: Foreign<'_>, policy: TrafficPolicy, import: &mut Import<'_>) {
    let draft = |port: Option<u16>, policy: TrafficPolicy, place| PolicyDraft {
        name: Some(target.head.name.clone()),
        resource: Resource::DestinationRule,
        namespace: namespace(target.head),
        service: target.host.clone(),
        subset: target.subset.cloned(),
        port,
        policy: Located::new(policy, place),
    };
    if policy != TrafficPolicy::default() {
        import.draft.policies.push(draft(None, policy, written.location()));
    }
    for setting in written.elements("portLevelSettings") {
        let port = setting.need("port", "a setting of a port", import.diagnostics);
        let number = |port: Foreign<'_>| port.required("number", "a port", value::port, import.diagnostics);
        let port = port.and_then(number);
        let policy = policy::traffic(setting, import.diagnostics);
        let Some(port) = port else { continue };
        import.draft.policies.push(draft(Some(port), policy, setting.location()));
    }
}

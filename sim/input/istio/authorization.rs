//! `AuthorizationPolicy`: how many rules a proxy looks at. Nobody is refused.

use crate::diag::Diagnostics;
use crate::input::draft::{Draft, ServiceDraft};
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::Located;

use super::features::{self, Reach};
use super::{Import, SECURITY, no_effect};

const NOBODY_IS_REFUSED: Treatment = Treatment::Named("rules cost CPU, but nobody is refused");

pub(super) static KIND: Kind = Kind::new(
    "AuthorizationPolicy",
    SECURITY,
    Spelling::Protobuf,
    &[
        ("spec", Treatment::Like(features::SELECTOR)),
        ("spec.rules[]", Treatment::Modelled),
        ("spec.rules[].from", NOBODY_IS_REFUSED),
        ("spec.rules[].to", NOBODY_IS_REFUSED),
        ("spec.rules[].when", NOBODY_IS_REFUSED),
        ("spec.action", NOBODY_IS_REFUSED),
        ("spec.provider", Treatment::Named("nobody is asked for leave elsewhere")),
    ],
);

/// All policies that were read.
#[derive(Debug, Default)]
pub(super) struct Policies(Vec<Policy>);

#[derive(Debug)]
struct Policy {
    object: Located<String>,
    reach: Reach,
    namespace: Option<String>,
    labels: Vec<(String, String)>,
    rules: u32,
}

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let spec = object.get("spec");
    let rules = spec.map_or(0, |spec| spec.elements("rules").len());
    let selector = spec.and_then(|spec| spec.get("selector"));
    import.pending.authorization.0.push(Policy {
        object: features::object(&KIND, head),
        reach: Reach::of(spec, head, import.diagnostics),
        namespace: super::namespace(head),
        labels: selector
            .map(|selector| selector.texts("matchLabels", import.diagnostics))
            .unwrap_or_default(),
        rules: u32::try_from(rules).unwrap_or(u32::MAX),
    });
}

impl Policies {
    /// The number of rules that a service's proxy looks at, and the object to name for it; `None` without any.
    pub(super) fn rules(
        &self,
        draft: &Draft,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Located<String>, u32)> {
        let first = self.0.first()?;
        let of_services: Vec<u64> = draft.services.iter().map(|service| self.of_service(service)).collect();
        let most = of_services.iter().copied().max().filter(|most| *most > 0)?;
        let mean = of_services.iter().sum::<u64>().div_ceil(of_services.len() as u64);
        if of_services.iter().any(|rules| *rules != most) {
            let message = format!(
                "services have up to {most} authorization rules: every proxy is taken to look at {mean}, their mean rounded up"
            );
            diagnostics.push(no_effect(message, first.object.location));
        }
        Some((first.object.clone(), u32::try_from(mean).unwrap_or(u32::MAX)))
    }

    fn of_service(&self, service: &ServiceDraft) -> u64 {
        let applying = self.0.iter().filter(|policy| policy.is_for(service));
        applying.map(|policy| u64::from(policy.rules)).sum()
    }
}

impl Policy {
    fn is_for(&self, service: &ServiceDraft) -> bool {
        let labels = |pod: &[(String, String)]| self.labels.iter().all(|label| pod.contains(label));
        let is_selected =
            || labels(&service.labels) || service.versions.iter().any(|version| labels(&version.labels));
        match &self.reach {
            Reach::Mesh => true,
            Reach::Namespace(name) => service.namespace() == name,
            Reach::Gateways => false,
            Reach::Workloads => {
                let namespace = self.namespace.as_deref().unwrap_or(crate::input::defaults::NAMESPACE);
                let is_near = namespace == super::ROOT_NAMESPACE || service.namespace() == namespace;
                is_near && !self.labels.is_empty() && is_selected()
            }
        }
    }
}

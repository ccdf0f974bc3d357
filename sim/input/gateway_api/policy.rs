//! `XBackendTrafficPolicy`: a budget of retries towards a service.

use crate::diag::{Diagnostics, quote};
use crate::input::draft::PolicyDraft;
use crate::input::fields;
use crate::input::foreign::readers::{namespace, no_effect, percentage};
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::Located;
use crate::units::{Ratio, Span};
use crate::vocabulary::resilience::{RetryBudget, TrafficPolicy};
use crate::vocabulary::routing::Resource;

use super::backends::is_core;
use super::{Import, timing};

pub(super) static KIND: Kind = Kind::new(
    "XBackendTrafficPolicy",
    &["gateway.networking.x-k8s.io/v1alpha1"],
    Spelling::Exact,
    &[
        ("spec.targetRefs[].group", Treatment::Modelled),
        ("spec.targetRefs[].kind", Treatment::Modelled),
        ("spec.targetRefs[].name", Treatment::Modelled),
        ("spec.retryConstraint.budget.percent", Treatment::Modelled),
        ("spec.retryConstraint.budget.interval", Treatment::Modelled),
        ("spec.retryConstraint.minRetryRate.count", Treatment::Modelled),
        ("spec.retryConstraint.minRetryRate.interval", Treatment::Modelled),
        ("spec.sessionPersistence", Treatment::Named("proxies hand out no sessions")),
    ],
);

/// What the API has where an object is silent.
const PERCENT: f64 = 0.2;
const INTERVAL: Span = Span::from_millis(10_000);
const MINIMUM: u32 = 10;
const MINIMUM_INTERVAL: Span = Span::from_millis(1000);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "an XBackendTrafficPolicy", import.diagnostics) else { return };
    let budget = spec.get("retryConstraint").map(|constraint| budget(constraint, import.diagnostics));
    for target in spec.elements("targetRefs") {
        let text = fields::located(fields::text);
        let name = target.required("name", "a target", &text, import.diagnostics);
        let kind = target.required("kind", "a target", fields::text, import.diagnostics);
        let group = target.read("group", super::matches::any_text, import.diagnostics).unwrap_or_default();
        let (Some(name), Some(kind)) = (name, kind) else { continue };
        if kind != "Service" || !is_core(&group) {
            let message = format!("{kind} {} is no Service", quote(&name.value));
            import.diagnostics.push(no_effect(message, target.location()));
            continue;
        }
        if let Some(budget) = budget {
            let policy = TrafficPolicy { retry_budget: Some(budget), ..TrafficPolicy::default() };
            import.draft.policies.push(PolicyDraft {
                name: Some(head.name.clone()),
                resource: Resource::BackendTrafficPolicy,
                namespace: namespace(head),
                service: name,
                subset: None,
                port: None,
                policy: Located::new(policy, spec.location()),
            });
        }
    }
}

fn budget(constraint: Foreign<'_>, diagnostics: &mut Diagnostics) -> RetryBudget {
    let budget = constraint.get("budget");
    let minimum = constraint.get("minRetryRate");
    let ratio = budget.and_then(|budget| budget.read("percent", percentage, diagnostics));
    let ttl = budget.and_then(|budget| budget.read("interval", timing::span, diagnostics));
    let count = minimum.and_then(|minimum| minimum.read("count", fields::count, diagnostics));
    let interval = minimum.and_then(|minimum| minimum.read("interval", timing::span, diagnostics));
    let interval = interval.filter(|interval| *interval > Span::ZERO).unwrap_or(MINIMUM_INTERVAL);
    let per_second = f64::from(count.unwrap_or(MINIMUM)) * 1e9 / interval.nanos() as f64;
    RetryBudget::Tokens {
        ratio: ratio.unwrap_or_else(|| Ratio::new(PERCENT).expect("a share")),
        // Less than one each second is still one now and then.
        per_second: per_second.round().clamp(1.0, f64::from(u32::MAX)) as u32,
        ttl: ttl.filter(|ttl| *ttl > Span::ZERO).unwrap_or(INTERVAL),
    }
}

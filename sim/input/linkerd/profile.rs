//! `ServiceProfile`: routes of a service, their retries and timeouts, a budget, and other destinations.

use crate::diag::{Code, Diagnostic, Diagnostics, Location};
use crate::input::defaults;
use crate::input::draft::{BackendDraft, Draft, Level, PolicyDraft, RouteDraft, Via};
use crate::input::fields;
use crate::input::foreign::readers::{host, namespace, no_effect, weight};
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::input::tree::{Located, Node};
use crate::units::{Ratio, Span, UnitError};
use crate::vocabulary::resilience::{RetryBudget, TrafficPolicy};
use crate::vocabulary::routing::{Order, Resource, Retries, Rule, RuleAction, Setting, Weighted};

use super::annotations::Annotated;
use super::{Import, conditions, responses};

pub(super) static KIND: Kind = Kind::new(
    "ServiceProfile",
    &["linkerd.io/v1alpha2", "linkerd.io/v1alpha1"],
    Spelling::Exact,
    &[
        ("spec.routes[].name", Treatment::Modelled),
        ("spec.routes[].condition", Treatment::Modelled),
        ("spec.routes[].isRetryable", Treatment::Modelled),
        ("spec.routes[].timeout", Treatment::Modelled),
        ("spec.routes[].responseClasses[].condition", Treatment::Modelled),
        ("spec.routes[].responseClasses[].isFailure", Treatment::Modelled),
        ("spec.retryBudget.retryRatio", Treatment::Modelled),
        ("spec.retryBudget.minRetriesPerSecond", Treatment::Modelled),
        ("spec.retryBudget.ttl", Treatment::Modelled),
        ("spec.dstOverrides[].authority", Treatment::Modelled),
        ("spec.dstOverrides[].weight", Treatment::Modelled),
        ("spec.opaquePorts", Treatment::Named("a port speaks the same under every mesh")),
    ],
);

/// Linkerd counts no attempts: its budget alone bounds them. This is more than any budget lets through.
const UNCOUNTED: u32 = 100;
/// Linkerd's budget where a field is missing (controller/api/destination/profile_translator.go).
const PER_SECOND: u32 = 10;
const TTL: Span = Span::from_millis(10_000);

/// A profile that was read.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: Located<String>,
    namespace: Option<String>,
    rules: Vec<Located<Rule<BackendDraft>>>,
    overrides: Vec<Weighted<BackendDraft>>,
    budget: Option<Located<RetryBudget>>,
    location: Location,
}

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "a ServiceProfile", import.diagnostics) else { return };
    let mut rules = Vec::new();
    for route in spec.elements("routes") {
        rules.extend(rule(route, import.diagnostics));
    }
    let mut overrides = Vec::new();
    for destination in spec.elements("dstOverrides") {
        overrides.extend(override_of(destination, import.diagnostics));
    }
    import.pending.profiles.push(Profile {
        name: head.name.clone(),
        namespace: namespace(head),
        rules,
        overrides,
        budget: spec.get("retryBudget").map(|budget| retry_budget(budget, import.diagnostics)),
        location: spec.location(),
    });
}

fn rule(route: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Located<Rule<BackendDraft>>> {
    let condition = route.need("condition", "a route", diagnostics);
    let matches = condition.and_then(|condition| conditions::read(condition.node(), diagnostics));
    let is_retryable = route.read("isRetryable", fields::boolean, diagnostics).unwrap_or(false);
    let on = responses::failures(route, diagnostics);
    let timeout = route.read("timeout", fields::span, diagnostics);
    let retries = Retries { attempts: UNCOUNTED, on: Some(on), backoff: None, avoid_previous: None };
    let rule = Rule {
        name: route.read("name", fields::text, diagnostics),
        timeout: match timeout {
            None => Setting::Inherit,
            Some(Span::ZERO) => Setting::Off,
            Some(span) => Setting::To(span),
        },
        retries: if is_retryable { Setting::To(retries) } else { Setting::Off },
        matches: matches?,
        ..Rule::of(RuleAction::Forward(Vec::new()))
    };
    Some(Located::new(rule, route.location()))
}

/// A destination: `web.shop.svc.cluster.local.:8080`.
fn override_of(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Weighted<BackendDraft>> {
    let authority = node.required("authority", "an override", fields::located(fields::text), diagnostics);
    let weight = node.required("weight", "an override", weight, diagnostics);
    let authority = authority?;
    let (name, port) = match authority.value.rsplit_once(':') {
        None => (authority.value.as_str(), None),
        Some((name, port)) => {
            let port = port.parse::<u16>().ok().filter(|port| *port > 0);
            if port.is_none() {
                let message = "after the colon of an authority stands a port, a number from 1 to 65535";
                diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(authority.location));
            }
            (name, Some(port?))
        }
    };
    let service = Located::new(name.trim_end_matches('.').to_owned(), authority.location);
    if service.value.is_empty() {
        let message = "an authority names a service";
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(authority.location));
        return None;
    }
    Some(Weighted { backend: BackendDraft { port, ..BackendDraft::of(service) }, weight: weight? })
}

fn retry_budget(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Located<RetryBudget> {
    let ratio = node.required("retryRatio", "a budget of retries", ratio, diagnostics);
    let per_second = node.read("minRetriesPerSecond", fields::u32, diagnostics).unwrap_or(PER_SECOND);
    let ttl = node.read("ttl", ttl, diagnostics).unwrap_or(TTL);
    let ratio = ratio.unwrap_or(Ratio::ZERO);
    Located::new(RetryBudget::Tokens { ratio, per_second, ttl }, node.location())
}

/// Linkerd takes up to 1000 retries for a request; here a request pays for at most one.
fn ratio(node: &Node, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    let written = fields::f64(node, diagnostics)?;
    if !(0.0..=1000.0).contains(&written) {
        let message = format!("a ratio of retries lies between 0 and 1000, not at {written}");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    if written > 1.0 {
        diagnostics.push(no_effect("a ratio of retries above 1 is taken for 1", node.location));
    }
    Ratio::new(written.min(1.0)).ok()
}

fn ttl(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    fields::parsed(node, "a duration", diagnostics, |text| {
        let span = Span::parse(text)?;
        let is_possible = (Span::from_millis(1000)..=Span::from_millis(60_000)).contains(&span);
        if is_possible { Ok(span) } else { Err(UnitError::new("a budget looks back 1s to 60s")) }
    })
}

impl Profile {
    /// Whether it is the profile that all callers of this Service have.
    pub(super) fn is_of(&self, service: &Annotated) -> bool {
        !self.is_callers() && service.is_host(&self.name.value, self.namespace.as_deref())
    }

    /// Whether only callers in its namespace have it: the service is in another one.
    fn is_callers(&self) -> bool {
        let own = self.namespace.as_deref().unwrap_or(defaults::NAMESPACE);
        host(&self.name.value).1.is_some_and(|namespace| namespace != own)
    }

    /// The route, if it has any rule, and into the draft the budget.
    pub(super) fn resolve(self, draft: &mut Draft) -> Option<RouteDraft> {
        if let Some(budget) = &self.budget {
            let policy = TrafficPolicy { retry_budget: Some(budget.value), ..TrafficPolicy::default() };
            draft.policies.push(PolicyDraft {
                name: Some(self.name.clone()),
                resource: Resource::ServiceProfile,
                namespace: self.namespace.clone(),
                service: self.name.clone(),
                subset: None,
                port: None,
                policy: Located::new(policy, budget.location),
            });
        }
        let export_to = self.is_callers().then(|| vec![".".to_owned()]);
        let backends = if self.overrides.is_empty() { self.split(draft) } else { self.overrides };
        if self.rules.is_empty() && backends.is_empty() {
            return None;
        }
        // What no route is for goes the same way, without retries and timeout.
        let rest = Located::new(Rule::of(RuleAction::Forward(Vec::new())), self.location);
        let mut rules = self.rules;
        rules.push(rest);
        for rule in &mut rules {
            rule.value.action = RuleAction::Forward(backends.clone());
        }
        Some(RouteDraft {
            name: self.name.clone(),
            resource: Resource::ServiceProfile,
            namespace: self.namespace,
            hosts: vec![self.name],
            via: Via::Mesh,
            order: Order::Written,
            level: Level::Request,
            rules,
            export_to,
        })
    }

    /// The backends of a `TrafficSplit` of the service: Linkerd's extension for SMI writes them into its profile.
    fn split(&self, draft: &Draft) -> Vec<Weighted<BackendDraft>> {
        let full = |written: &str, namespace: Option<&String>| {
            let (name, other) = host(written);
            let own = namespace.map_or(defaults::NAMESPACE, String::as_str);
            format!("{}/{name}", other.unwrap_or(own))
        };
        let own = full(&self.name.value, self.namespace.as_ref());
        let of_service = |route: &&RouteDraft| {
            route.resource == Resource::TrafficSplit
                && route.namespace == self.namespace
                && route.hosts.iter().any(|host| full(&host.value, route.namespace.as_ref()) == own)
        };
        let split = draft.routes.iter().find(of_service).map(|route| &route.rules[..]);
        match split {
            Some([only]) => match &only.value.action {
                RuleAction::Forward(backends) => backends.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

//! Annotations of Services, `HTTPRoute`s and `GRPCRoute`s: retries, timeouts, and when an endpoint is shut off.
//!
//! Values and what holds where nothing is written: linkerd/linkerd2 policy-controller/k8s/index/src/outbound.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, closest, quote};
use crate::input::draft::{BackendDraft, Draft, Level, PolicyDraft, RouteDraft, Via};
use crate::input::foreign::readers::{host, namespace, no_effect};
use crate::input::foreign::{Foreign, Head, Row, Treatment};
use crate::input::tree::{Located, Node};
use crate::input::{defaults, fields};
use crate::units::{Ratio, Span, UnitError};
use crate::vocabulary::resilience::{ConsecutiveFailures, TrafficPolicy};
use crate::vocabulary::routing::{GrpcStatus, Order, Resource, Retries, RetryOn, Rule, RuleAction, Setting};

/// Annotations of a route.
pub(in crate::input) const ROUTE: &[Row] = &[
    ("", Treatment::Irrelevant),
    ("[retry.linkerd.io/http]", Treatment::Modelled),
    ("[retry.linkerd.io/grpc]", Treatment::Modelled),
    ("[retry.linkerd.io/limit]", Treatment::Modelled),
    ("[retry.linkerd.io/timeout]", Treatment::Modelled),
    ("[timeout.linkerd.io/request]", Treatment::Modelled),
    ("[timeout.linkerd.io/response]", Treatment::Named(RESPONSE)),
    ("[timeout.linkerd.io/idle]", Treatment::Named(IDLE)),
];

/// Why two of Linkerd's timeouts have no effect.
pub(in crate::input) const RESPONSE: &str = "an attempt's time is not counted from its last byte sent";
pub(in crate::input) const IDLE: &str = "streams are never idle while an answer is awaited";

const PREFIX: &str = "balancer.linkerd.io/failure-accrual";

/// Ends the name of a route that says what annotations make of another.
const ANNOTATED: &str = " (route)";

/// Attempts after the first one where nothing is written.
const LIMIT: u32 = 1;

/// What annotations ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::input) struct Asked {
    retries: Option<Retries>,
    attempt_timeout: Option<Span>,
    timeout: Setting<Span>,
}

/// Finds the value of an annotation.
type Find<'n> = dyn Fn(&str) -> Option<&'n Node> + 'n;

/// What the annotations of a route ask for.
pub(in crate::input) fn of_route(object: Foreign<'_>, diagnostics: &mut Diagnostics) -> Asked {
    let Some(annotations) = object.at(&["metadata", "annotations"]) else { return Asked::default() };
    Asked::read(&|key| annotations.get(key).map(Foreign::node), diagnostics)
}

impl Asked {
    fn read(find: &Find<'_>, diagnostics: &mut Diagnostics) -> Self {
        let http = find("retry.linkerd.io/http");
        let grpc = find("retry.linkerd.io/grpc");
        let limit = find("retry.linkerd.io/limit");
        let attempt = find("retry.linkerd.io/timeout");
        let mut on = Vec::new();
        on.extend(http.and_then(|node| statuses(node, diagnostics)).unwrap_or_default());
        on.extend(grpc.and_then(|node| grpc_statuses(node, diagnostics)).unwrap_or_default());
        let given = limit.and_then(|node| fields::u32(node, diagnostics)).filter(|limit| *limit > 0);
        let attempt_timeout =
            attempt.and_then(|node| span(node, diagnostics)).filter(|span| *span > Span::ZERO);
        if attempt_timeout.is_some() {
            // An attempt that takes too long is made again.
            on.push(RetryOn::Reset);
        }
        on.sort_unstable();
        on.dedup();
        let is_asked = http.is_some() || grpc.is_some() || given.is_some() || attempt_timeout.is_some();
        let retries = is_asked.then(|| Retries {
            attempts: given.unwrap_or(LIMIT),
            on: Some(on),
            backoff: None,
            avoid_previous: None,
        });
        let timeout = find("timeout.linkerd.io/request").and_then(|node| span(node, diagnostics));
        let timeout = match timeout {
            None | Some(Span::ZERO) => Setting::Inherit,
            Some(span) => Setting::To(span),
        };
        Self { retries, attempt_timeout, timeout }
    }

    /// Adds what a route's own annotations ask for, which goes before its fields: as a route before the one that was just
    /// read, for meshes that read annotations; into Linkerd's own route, which nobody else reads, itself.
    pub(in crate::input) fn annotate(&self, head: &Head, resource: Resource, draft: &mut Draft) {
        if self.is_empty() {
            return;
        }
        let is_own = |route: &RouteDraft| {
            // Linkerd routes requests of callers in the mesh alone.
            route.via == Via::Mesh
                && route.resource == resource
                && route.namespace == namespace(head)
                && route.name.location == head.name.location
        };
        if resource == Resource::LinkerdHttpRoute {
            let own = draft.routes.iter_mut().filter(|route| is_own(route));
            own.flat_map(|route| &mut route.rules).for_each(|rule| self.apply_to(&mut rule.value));
            return;
        }
        let mut position = 0;
        while let Some(route) = draft.routes.get(position) {
            if is_own(route) {
                let mut annotated = annotated(route);
                annotated.rules.iter_mut().for_each(|rule| self.apply_to(&mut rule.value));
                draft.routes.insert(position, annotated);
                position += 1;
            }
            position += 1;
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Sets what a route's own annotations ask for: they go before its fields.
    fn apply_to(&self, rule: &mut Rule<BackendDraft>) {
        if let Some(retries) = &self.retries {
            rule.retries = Setting::To(retries.clone());
            rule.attempt_timeout = self.attempt_timeout;
        }
        if self.timeout != Setting::Inherit {
            rule.timeout = self.timeout;
        }
    }

    /// Sets what a rule leaves open.
    fn fill(&self, rule: &mut Rule<BackendDraft>) {
        if let (Setting::Inherit, Some(retries)) = (&rule.retries, &self.retries) {
            rule.retries = Setting::To(retries.clone());
            rule.attempt_timeout = rule.attempt_timeout.or(self.attempt_timeout);
        }
        if rule.timeout == Setting::Inherit {
            rule.timeout = self.timeout;
        }
    }
}

/// The same route, for meshes that read annotations.
fn annotated(route: &RouteDraft) -> RouteDraft {
    let name = route.name.clone().map(|name| format!("{name}{ANNOTATED}"));
    RouteDraft { name, resource: Resource::LinkerdAnnotation, ..route.clone() }
}

/// A Service with annotations.
#[derive(Debug)]
pub(super) struct Annotated {
    name: Located<String>,
    namespace: Option<String>,
    asked: Asked,
    breaker: Option<ConsecutiveFailures>,
    /// Where the annotations stand.
    location: Location,
}

impl Annotated {
    /// A Service whose annotations ask for something.
    pub(super) fn read(object: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        if object.get("kind").and_then(Node::text) != Some("Service") {
            return None;
        }
        let metadata = object.get("metadata")?;
        let annotations = metadata.get("annotations")?;
        let find = |key: &str| annotations.get(key).filter(|node| !node.is_null());
        let asked = Asked::read(&find, diagnostics);
        let breaker = breaker(&find, diagnostics);
        let name = metadata.get("name")?;
        let read = Self {
            name: Located::new(name.text()?.to_owned(), name.location),
            namespace: metadata.get("namespace").and_then(Node::text).map(str::to_owned),
            asked,
            breaker,
            location: annotations.location,
        };
        (!read.asked.is_empty() || read.breaker.is_some()).then_some(read)
    }

    /// The namespace it is in.
    fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(defaults::NAMESPACE)
    }

    /// Whether a host is this Service for one in the namespace.
    pub(super) fn is_host(&self, written: &str, namespace: Option<&str>) -> bool {
        let (name, other) = host(written);
        let namespace = other.or(namespace).unwrap_or(defaults::NAMESPACE);
        name == self.name.value && namespace == self.namespace()
    }

    /// Adds a policy, and the rest to the routes of the Service, or as a route of its own if it has none.
    pub(super) fn resolve(
        &self,
        profile: Option<&Located<String>>,
        draft: &mut Draft,
        diagnostics: &mut Diagnostics,
    ) {
        if let Some(breaker) = self.breaker {
            let policy = TrafficPolicy { breaker: Some(breaker), ..TrafficPolicy::default() };
            draft.policies.push(PolicyDraft {
                name: Some(self.name.clone()),
                resource: Resource::LinkerdAnnotation,
                namespace: self.namespace.clone(),
                service: self.name.clone(),
                subset: None,
                port: None,
                policy: Located::new(policy, self.location),
            });
        }
        if self.asked.is_empty() {
            return;
        }
        if let Some(profile) = profile {
            let message = format!(
                "retries and timeouts in annotations of {} have no effect: it has a ServiceProfile",
                quote(&self.name.value)
            );
            diagnostics.push(no_effect(message, self.location).related(profile.location, "the profile"));
            return;
        }
        let mut is_routed = false;
        let mut routes = Vec::new();
        for mut route in std::mem::take(&mut draft.routes) {
            let own = |host: &Located<String>| self.is_host(&host.value, route.namespace.as_deref());
            let hosts: Vec<_> = route.hosts.iter().filter(|host| own(host)).cloned().collect();
            let is_of_mesh = !matches!(route.via, Via::Gateways { mesh: false, .. });
            if is_of_mesh && route.resource.is_gateway_api() && !hosts.is_empty() {
                is_routed = true;
                let reads_annotations = |route: &RouteDraft| {
                    matches!(route.resource, Resource::LinkerdAnnotation | Resource::LinkerdHttpRoute)
                };
                let is_copied = routes.last().is_some_and(|last: &RouteDraft| {
                    reads_annotations(last) && last.name.value == format!("{}{ANNOTATED}", route.name.value)
                });
                if reads_annotations(&route) {
                    route.rules.iter_mut().for_each(|rule| self.asked.fill(&mut rule.value));
                } else if !is_copied {
                    let mut copy = RouteDraft { hosts, ..annotated(&route) };
                    copy.rules.iter_mut().for_each(|rule| self.asked.fill(&mut rule.value));
                    routes.push(copy);
                }
            }
            routes.push(route);
        }
        draft.routes = routes;
        if !is_routed {
            draft.routes.push(self.route());
        }
    }

    fn route(&self) -> RouteDraft {
        let mut rule = Rule::of(RuleAction::Forward(Vec::new()));
        self.asked.apply_to(&mut rule);
        RouteDraft {
            name: self.name.clone(),
            resource: Resource::LinkerdAnnotation,
            namespace: self.namespace.clone(),
            hosts: vec![self.name.clone()],
            via: Via::Mesh,
            order: Order::Written,
            level: Level::Request,
            rules: vec![Located::new(rule, self.location)],
            export_to: None,
        }
    }
}

/// `retry.linkerd.io/http`: statuses, ranges of them, `5xx` and `gateway-error`.
fn statuses(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<RetryOn>> {
    let written = fields::text(node, diagnostics)?;
    let mut on = Vec::new();
    for word in written.split(',').map(str::trim) {
        let range = word.split_once('-').unwrap_or((word, word));
        let status = |text: &str| text.parse::<u16>().ok().filter(|status| (100..600).contains(status));
        match (word, status(range.0), status(range.1)) {
            ("5xx", ..) | (_, Some(500), Some(599)) => on.push(RetryOn::ServerError),
            ("gateway-error", ..) | (_, Some(502), Some(504)) => on.push(RetryOn::GatewayError),
            (_, Some(first), Some(last)) if first <= last => on.extend((first..=last).map(RetryOn::Status)),
            _ => {
                let message = format!("{} is no status that can be tried again", quote(word));
                let hint = "write 5xx, gateway-error, a status or a range as 500-504, with commas between";
                diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location).hint(hint));
            }
        }
    }
    Some(on)
}

/// Words of `retry.linkerd.io/grpc`.
const GRPC: &[(&str, GrpcStatus)] = &[
    ("cancelled", GrpcStatus::Cancelled),
    ("deadline-exceeded", GrpcStatus::DeadlineExceeded),
    ("internal", GrpcStatus::Internal),
    ("resource-exhausted", GrpcStatus::ResourceExhausted),
    ("unavailable", GrpcStatus::Unavailable),
];

fn grpc_statuses(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<RetryOn>> {
    let written = fields::text(node, diagnostics)?;
    let mut on = Vec::new();
    for word in written.split(',').map(str::trim) {
        if let Some((_, status)) = GRPC.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            on.push(RetryOn::Grpc(*status));
            continue;
        }
        let message = format!("{} is no status of gRPC that Linkerd tries again", quote(word));
        let names = || GRPC.iter().map(|(name, _)| *name);
        let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
        let diagnostic = diagnostic.hint(names().collect::<Vec<_>>().join(", "));
        diagnostics.push(diagnostic.suggest(closest(word, names())));
    }
    Some(on)
}

/// When an endpoint is shut off, if failures are counted at all.
fn breaker(find: &Find<'_>, diagnostics: &mut Diagnostics) -> Option<ConsecutiveFailures> {
    let mode = find(PREFIX)?;
    if mode.text() != Some("consecutive") {
        let message = format!("failures are counted in a row only, not as {}", mode.describe());
        diagnostics.push(no_effect(message, mode.location));
        return None;
    }
    let of = |name: &str| find(&format!("{PREFIX}-consecutive-{name}"));
    let max_failures = of("max-failures").and_then(|node| fields::count(node, diagnostics)).unwrap_or(7);
    let mut pause = |name: &str, default: u64| {
        let written = of(name).and_then(|node| span(node, diagnostics));
        written.unwrap_or(Span::from_millis(default))
    };
    let (min_penalty, max_penalty) = (pause("min-penalty", 1000), pause("max-penalty", 60_000));
    if min_penalty > max_penalty || max_penalty == Span::ZERO {
        let message = format!("the longest penalty, {max_penalty}, is shorter than the first, {min_penalty}");
        let place = of("max-penalty").or_else(|| of("min-penalty")).unwrap_or(mode).location;
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
        return None;
    }
    let jitter = of("jitter-ratio").and_then(|node| jitter(node, diagnostics));
    let jitter = jitter.unwrap_or_else(|| Ratio::new(0.5).expect("a share"));
    Some(ConsecutiveFailures { max_failures, min_penalty, max_penalty, jitter })
}

/// Linkerd takes up to 100; here a pause is at most doubled.
fn jitter(node: &Node, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    let written = fields::f64(node, diagnostics)?;
    if !(0.0..=100.0).contains(&written) {
        let message = format!("jitter lies between 0 and 100, not at {written}");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    if written > 1.0 {
        diagnostics.push(no_effect("jitter above 1 is taken for 1", node.location));
    }
    Ratio::new(written.min(1.0)).ok()
}

/// A duration as Linkerd's annotations have it: one whole number with one unit.
fn span(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    fields::parsed(node, "a duration", diagnostics, |text| {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let is_zero = digits > 0 && digits == text.len() && text.bytes().all(|digit| digit == b'0');
        match &text[digits..] {
            "" if is_zero => Ok(Span::ZERO),
            "ms" | "s" | "m" | "h" | "d" if digits > 0 => Span::parse(text),
            _ => Err(UnitError::new("write one whole number with ms, s, m, h or d")),
        }
    })
}

//! What becomes of requests under a mesh, for people: the rules that are looked at, which one is taken and why, what it
//! does, and who sees to it. It goes by the same functions as the compiler.

mod effect;

use crate::index::Idx;
use crate::mesh::model::MeshModel;
use crate::mesh::profile::Profile;
use crate::mesh::scenario::{
    Backend, BalancingPolicy, OperationIdx, Protocol, Route, Scenario, Service, ServiceIdx, SubsetIdx,
};
use crate::policy::backoff::Pauses;
use crate::units::Span;
use crate::vocabulary::request::{Ends, Name, Refusal};
use crate::vocabulary::resilience::TrafficPolicy;
use crate::vocabulary::routing::{Changes, FaultAbort, FaultDelay, RequestMatch, RetryOn, Rule, RuleAction};

use super::Answer;
use super::concern::{Asked, candidates, concerning, fit, leaves_others_alone, names_of};
use super::condition::usual_method;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The service that requests are for. Of a host that only gateways know: a backend of its routes.
    pub service: ServiceIdx,
    /// The host that requests name, where that is none of the service's names.
    pub host: Option<String>,
    /// Who sends them.
    pub from: Sender,
    /// Port they are sent to, instead of the service's own.
    pub port: Option<u16>,
    /// One request; `None` asks for all rules.
    pub request: Option<Request>,
}

/// Who sends requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A pod of the mesh without labels, in the callee's namespace.
    Anyone,
    /// A service.
    Service(ServiceIdx),
    /// A gateway.
    Gateway(String),
}

/// What a request carries. What is not given is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Path without the query; `/` if none is given.
    pub path: Option<String>,
    /// Method; `GET` if none is given, of gRPC `POST`.
    pub method: Option<String>,
    /// Headers, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// Query parameters.
    pub query: Vec<(String, String)>,
}

/// What becomes of requests under one mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Who looks at the rules.
    pub enforcer: Enforcement,
    /// The rules for the service, in the order in which they are looked at.
    pub rules: Vec<Explained>,
    /// What happens to requests that no rule is for; `None` if there are none.
    pub otherwise: Option<Effect>,
    /// How the backends are treated that requests may go to.
    pub backends: Vec<Treatment>,
    /// What of all this the mesh does not do, or does otherwise, a sentence each.
    pub impossible: Vec<String>,
}

/// Who looks at the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// The proxy beside the caller.
    ClientProxy,
    /// The service's waypoint.
    Waypoint,
    /// The gateway's proxy.
    Gateway(String),
    /// No proxy on the way looks at requests: rules have no effect.
    Nobody,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The object's kind and name.
    pub object: String,
    /// `rule 2`, counted within its object in the order in which rules are looked at, and its name if it has one.
    pub rule: String,
    /// Whether it is taken.
    pub verdict: Verdict,
    /// What it does; of one request only the rule that is taken.
    pub effect: Option<Effect>,
}

/// Whether a rule is taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is, for these conditions hold; none is for every request.
    Taken(Vec<String>),
    /// It is not; why, for each way to match it.
    Refused(Vec<Refusal>),
    /// An earlier one is.
    NotReached,
    /// The mesh does not have it.
    Impossible,
    /// It says nothing that would make a difference.
    Void,
    /// For requests of which all conditions hold of one of these ways; without any, for every request.
    For(Vec<Vec<String>>),
}

/// What happens to requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Where they go.
    pub to: Vec<Share>,
    /// They are answered by the proxy instead.
    pub answer: Option<Answer>,
    /// Some are delayed ...
    pub delay: Option<FaultDelay>,
    /// ... and some fail, on purpose.
    pub abort: Option<FaultAbort>,
    /// Copies.
    pub mirrors: Vec<Share>,
    /// After this long the proxy answers 504; only a rule sets it.
    pub timeout: Option<Span>,
    /// After this long an attempt is given up; only a rule sets it.
    pub attempt_timeout: Option<Span>,
    /// What is tried again.
    pub retries: Retrying,
    /// Changes on the way.
    pub changes: Changes,
}

/// A backend and its share of the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Share, in [0, 1].
    pub ratio: f64,
    /// `service` or `service:subset`.
    pub backend: String,
    /// Versions with their pods; empty if all pods are alike.
    pub versions: Vec<(String, u32)>,
    /// Pods in all.
    pub pods: u32,
    /// Nobody is there: the proxy answers with this.
    pub missing: Option<u16>,
}

/// What is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrying {
    /// Attempts after the first one.
    pub attempts: Told<u32>,
    /// Which failures.
    pub on: Told<Vec<RetryOn>>,
    /// Pauses before.
    pub pauses: Told<Pauses>,
    /// Whether endpoints that failed are avoided.
    pub avoid_previous: Told<bool>,
}

/// A value and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<T> {
    /// The value.
    pub value: T,
    /// An object says so; otherwise it is the mesh's own way.
    pub written: bool,
}

/// How a backend is treated by whoever sends requests to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Treatment {
    /// `service` or `service:subset`.
    pub backend: String,
    /// How one of its endpoints is chosen.
    pub balancing: Told<BalancingPolicy>,
    /// For each connection rather than each request.
    pub per_connection: bool,
    /// What is written; where nobody looks at requests, nothing.
    pub policy: TrafficPolicy,
}

/// The service that requests to a host are for, and whether the host is another one than its own names; `None` if neither a
/// service nor a route of the gateway has it.
pub fn asked_for(scenario: &Scenario, host: &str, gateway: Option<&str>) -> Option<(ServiceIdx, bool)> {
    let has_it =
        |service: &Service| names_of(service).iter().any(|name| name == host) || service.full_name() == host;
    let services = || scenario.services.iter_enumerated().filter(|(_, service)| has_it(service));
    // Of several short names that of the default namespace.
    let in_default = services().find(|(_, service)| service.namespace == "default");
    if let Some((service, _)) = in_default.or_else(|| services().next()) {
        return Some((service, false));
    }
    let ends = Ends { gateway: Some(gateway?.to_owned()), hosts: vec![host.to_owned()], ..Ends::default() };
    let first = ServiceIdx::at(0);
    let routes = concerning(scenario, &scenario.routes, Asked { service: first, named: true }, &ends);
    let backends = routes.iter().flat_map(|route| &route.rules).filter_map(|rule| match &rule.action {
        RuleAction::Forward(backends) => backends.iter().find_map(|one| match one.backend {
            Backend::Service { service, .. } => Some(service),
            Backend::Missing { .. } => None,
        }),
        _ => None,
    });
    (!routes.is_empty()).then(|| (backends.into_iter().next().unwrap_or(first), true))
}

/// The gateways that a host has routes at, by name.
pub fn gateways_of(scenario: &Scenario, host: &str) -> Vec<String> {
    let hosts = [host.to_owned()];
    let fitting =
        scenario.routes.iter().filter(|route| route.hosts.iter().any(|one| fit(one, &hosts).is_some()));
    let mut names: Vec<String> = fitting.flat_map(|route| route.gateways.iter().cloned()).collect();
    names.retain(|name| name != "*");
    names.sort();
    names.dedup();
    names
}

/// What becomes of requests under a mesh.
pub fn explain(scenario: &Scenario, profile: &Profile, mesh: &MeshModel, question: &Question) -> Explanation {
    let whole = numbered(scenario);
    let possible = profile.possible(&whole);
    let asked = Asked { service: question.service, named: question.host.is_some() };
    let ends = ends(scenario, question);
    let enforcer = enforcement(&whole, mesh, question);
    let written = concerning(&whole, &whole.routes, asked, &ends);
    let left = match enforcer {
        Enforcement::Nobody => Vec::new(),
        _ => concerning(&possible, &possible.routes, asked, &ends),
    };
    let view = effect::View { scenario: &possible, mesh, question, enforcer: &enforcer };
    let mut rules: Vec<Explained> = Vec::new();
    for route in &written {
        for rule in &route.rules {
            let found = find(&left, route, rule);
            let verdict = match found {
                Some((_, rule)) => Verdict::For(ways(rule)),
                None if alone(&whole, profile, route, rule).is_empty() && enforcer != Enforcement::Nobody => {
                    Verdict::Void
                }
                None => Verdict::Impossible,
            };
            rules.push(Explained {
                object: object(route),
                rule: rule.name.clone().unwrap_or_default(),
                verdict,
                effect: found.map(|(route, rule)| view.rule(route, rule)),
            });
        }
    }
    let mut otherwise = Some(view.otherwise(leaves_others_alone(&left)));
    if is_for_all(&left) {
        otherwise = None;
    }
    if let Some(request) = &question.request {
        let protocol = scenario.services[question.service].application.protocol;
        if judge(&left, &ends, request, protocol, &mut rules) {
            otherwise = None;
        }
    }
    let backends = view.treatments(&rules, otherwise.as_ref());
    let impossible = profile.impossible(&only(&whole, &written, &backends));
    let backends = backends.into_iter().map(|(_, treatment)| treatment).collect();
    Explanation { enforcer, rules, otherwise, backends, impossible }
}

/// Which of the rules a request takes; whether it takes any.
fn judge(
    left: &[&Route],
    ends: &Ends,
    request: &Request,
    protocol: Protocol,
    rules: &mut [Explained],
) -> bool {
    let carried = |name: Name<'_>| match name {
        Name::Path => Some(request.path.as_deref().unwrap_or("/")),
        Name::Method => Some(request.method.as_deref().unwrap_or(usual_method(protocol))),
        Name::Header(name) => value(&request.headers, name),
        Name::Query(name) => value(&request.query, name),
    };
    let mut is_taken = false;
    let mut looked_at = candidates(left).into_iter().peekable();
    for explained in rules.iter_mut().filter(|explained| matches!(explained.verdict, Verdict::For(_))) {
        let mut refusals = Vec::new();
        let mut taken = None;
        while let Some(candidate) = looked_at.next_if(|candidate| {
            candidate.rule.name.as_ref() == Some(&explained.rule)
                && explained.object == object(candidate.route)
        }) {
            let refusal = candidate.of.and_then(|of| of.refusal(ends, carried));
            match refusal {
                None if taken.is_none() => {
                    taken = Some(candidate.of.map(RequestMatch::words).unwrap_or_default());
                }
                refusal => refusals.extend(refusal),
            }
        }
        explained.verdict = match taken {
            _ if is_taken => Verdict::NotReached,
            Some(conditions) => Verdict::Taken(conditions),
            None => Verdict::Refused(refusals),
        };
        is_taken |= matches!(explained.verdict, Verdict::Taken(_));
    }
    for explained in rules.iter_mut().filter(|explained| !matches!(explained.verdict, Verdict::Taken(_))) {
        explained.effect = None;
    }
    is_taken
}

fn value<'a>(all: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    all.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str())
}

/// Kind and name.
fn object(route: &Route) -> String {
    format!("{} {}", route.resource.kind(), route.name)
}

/// The scenario with its rules named by their place in their object, which they keep under every mesh.
fn numbered(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    let mut seen: Vec<String> = Vec::new();
    for route in &mut scenario.routes {
        let object = object(route);
        for rule in &mut route.rules {
            seen.push(object.clone());
            let number = seen.iter().filter(|name| **name == object).count();
            rule.name = Some(match &rule.name {
                Some(name) => format!("rule {number} ({name})"),
                None => format!("rule {number}"),
            });
        }
    }
    scenario
}

/// Caller and callee, as the rules' conditions see them.
fn ends(scenario: &Scenario, question: &Question) -> Ends {
    let callee = &scenario.services[question.service];
    let mut ends = Ends {
        hosts: question.host.clone().map_or_else(|| names_of(callee), |host| vec![host]),
        port: question.port.or(callee.port.filter(|_| question.host.is_none())),
        namespace: callee.namespace.clone(),
        ..Ends::default()
    };
    match &question.from {
        Sender::Anyone => {}
        Sender::Service(caller) => {
            let caller = &scenario.services[*caller];
            ends.labels = labels(caller);
            ends.namespace.clone_from(&caller.namespace);
        }
        Sender::Gateway(name) => ends.gateway = Some(name.clone()),
    }
    ends
}

/// The labels that all pods of a service have.
fn labels(service: &Service) -> Vec<(String, String)> {
    let versions = || service.versions.iter();
    match versions().next() {
        None => service.labels.clone(),
        Some(first) => {
            let have_all = |label: &&(String, String)| versions().all(|one| one.labels.contains(label));
            first.labels.iter().filter(have_all).cloned().collect()
        }
    }
}

fn enforcement(scenario: &Scenario, mesh: &MeshModel, question: &Question) -> Enforcement {
    let caller = match &question.from {
        Sender::Gateway(name) => return Enforcement::Gateway(name.clone()),
        Sender::Anyone => None,
        Sender::Service(caller) => Some(&scenario.services[*caller]),
    };
    let callee = &scenario.services[question.service];
    let has_waypoint = match &scenario.waypoints {
        None => callee.injected,
        Some(waypoints) => waypoints.iter().any(|waypoint| waypoint.services.contains(&question.service)),
    };
    if caller.is_some_and(|caller| !caller.injected) {
        Enforcement::Nobody
    } else if mesh.sidecar.is_some() {
        Enforcement::ClientProxy
    } else if mesh.node_proxy.is_some() && mesh.waypoint.is_some() && has_waypoint {
        Enforcement::Waypoint
    } else {
        Enforcement::Nobody
    }
}

/// A rule as a mesh has it.
fn find<'a>(
    left: &[&'a Route],
    route: &Route,
    rule: &Rule<Backend>,
) -> Option<(&'a Route, &'a Rule<Backend>)> {
    let same = |other: &&&Route| {
        (other.resource, &other.name, other.of_connections)
            == (route.resource, &route.name, route.of_connections)
    };
    let rules = left.iter().filter(same).flat_map(|route| route.rules.iter().map(move |rule| (*route, rule)));
    rules.into_iter().find(|(_, other)| other.name == rule.name)
}

/// Each way to match a rule, in words.
fn ways(rule: &Rule<Backend>) -> Vec<Vec<String>> {
    rule.matches.iter().map(RequestMatch::words).collect()
}

/// Whether a rule is for every request.
fn is_for_all(routes: &[&Route]) -> bool {
    let all = |rule: &Rule<Backend>| rule.matches.is_empty() || ways(rule).iter().any(Vec::is_empty);
    routes.iter().flat_map(|route| &route.rules).any(all)
}

/// What of one rule a mesh does not do.
fn alone(scenario: &Scenario, profile: &Profile, route: &Route, rule: &Rule<Backend>) -> Vec<String> {
    let route = Route { rules: vec![rule.clone()], ..route.clone() };
    profile.impossible(&Scenario { routes: vec![route], policies: Vec::new(), ..scenario.clone() })
}

/// The scenario with what concerns these requests alone.
fn only(scenario: &Scenario, routes: &[&Route], backends: &[(Target, Treatment)]) -> Scenario {
    let is_asked = |service: ServiceIdx| backends.iter().any(|((backend, _), _)| *backend == service);
    Scenario {
        routes: routes.iter().map(|route| (*route).clone()).collect(),
        policies: scenario.policies.iter().filter(|policy| is_asked(policy.service)).cloned().collect(),
        ..scenario.clone()
    }
}

/// Endpoints: those of a service, or of a subset of it.
type Target = (ServiceIdx, Option<SubsetIdx>);

/// The operation that stands for requests of which only the path is known.
fn operation(service: &Service, request: Option<&Request>) -> OperationIdx {
    let path = request.and_then(|request| request.path.as_deref());
    let written =
        |path: &Option<String>| path.as_deref().map(|path| path.split('?').next().unwrap_or(path).to_owned());
    let found =
        service.operations.iter().position(|one| path.is_some() && written(&one.path).as_deref() == path);
    OperationIdx::at(found.unwrap_or(0))
}

//! Rules, effects and policies in words.

use crate::input::native::rules::RETRY_ON;
use crate::kernel::dist::Dist;
use crate::policy::backoff::Pauses;
use crate::program::route::explain::{Enforcement, Retrying, Share, Told, Treatment, Verdict};
use crate::program::route::{Answer, Why};
use crate::units::{Ratio, Span};
use crate::vocabulary::request::Refusal;
use crate::vocabulary::resilience::{
    ClientTls, Limits, Locality, OutlierEjection, RetryBudget, TrafficPolicy,
};
use crate::vocabulary::routing::{Changes, FaultAbort, FaultDelay, RetryOn, Status};

use super::super::human::printable;
use super::{Asked, sender};

/// Two lines: whom and what is asked.
pub(super) fn question(asked: &Asked<'_>) -> String {
    let (question, callee) = (asked.question, &asked.scenario.services[asked.question.service]);
    let versions: Vec<(String, u32)> =
        callee.versions.iter().map(|version| (version.name.clone(), version.replicas)).collect();
    let whom = match &question.host {
        Some(host) => format!("host {host}"),
        None => format!("{}: {}", callee.full_name(), endpoints(&versions, callee.replicas)),
    };
    let what = match &question.request {
        None => "every request".to_owned(),
        Some(request) => {
            let method = request.method.clone().into_iter();
            let path = std::iter::once(request.path.clone().unwrap_or_else(|| "/".to_owned()));
            let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}"));
            let query = request.query.iter().map(|(name, value)| format!("?{name}={value}"));
            method.chain(path).chain(headers).chain(query).collect::<Vec<_>>().join(", ")
        }
    };
    let port = question.port.map(|port| format!(", on port {port}")).unwrap_or_default();
    printable(&whom) + "\n" + &printable(&format!("{what}, from {}{port}", sender(asked))) + "\n"
}

pub(super) fn enforcement(enforcer: &Enforcement) -> String {
    match enforcer {
        Enforcement::ClientProxy => "the caller's proxy".to_owned(),
        Enforcement::Waypoint => "the waypoint".to_owned(),
        Enforcement::Gateway(name) => format!("the proxy of gateway {name}"),
        Enforcement::Nobody => {
            "nobody: no proxy on the way looks at requests, rules have no effect".to_owned()
        }
    }
}

/// A line for each way to match a rule.
pub(super) fn verdict(verdict: &Verdict) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match verdict {
        Verdict::Taken(conditions) if conditions.is_empty() => one("taken: it is for every request"),
        Verdict::Taken(conditions) => vec![format!("taken: {}", conditions.join(" and "))],
        Verdict::Refused(refusals) => begun("not taken: ", "nor: ", refusals.iter().map(refusal)),
        Verdict::NotReached => one("not reached"),
        Verdict::Impossible => one("not possible here, left out"),
        Verdict::Void => one("makes no difference"),
        Verdict::For(ways) if ways.iter().all(Vec::is_empty) => one("for every request"),
        Verdict::For(ways) => begun("if ", "or if ", ways.iter().map(|way| way.join(" and "))),
    }
}

/// Texts, the first of which begins so and the others otherwise.
fn begun(first: &str, others: &str, texts: impl Iterator<Item = String>) -> Vec<String> {
    let begin = |(number, text): (usize, String)| {
        if number == 0 { format!("{first}{text}") } else { format!("{others}{text}") }
    };
    texts.enumerate().map(begin).collect()
}

/// The features that a mesh does not have, each once, and what else is said of it.
pub(in crate::output) fn impossible(sentences: &[String]) -> (Vec<String>, Vec<String>) {
    let mut features: Vec<String> = Vec::new();
    let mut others = Vec::new();
    for sentence in sentences {
        match sentence.strip_prefix("not possible: ").and_then(|rest| rest.split_once(';')) {
            Some((names, _)) => {
                let new = names.split(", ").filter(|name| !features.iter().any(|known| known == name));
                let new: Vec<String> = new.map(str::to_owned).collect();
                features.extend(new);
            }
            None => others.push(sentence.clone()),
        }
    }
    (features, others)
}

fn refusal(refusal: &Refusal) -> String {
    match &refusal.found {
        Some(found) => format!("{} (here: {found})", refusal.condition),
        None => format!("{} (here: none)", refusal.condition),
    }
}

/// `25 %`, without decimals that say nothing.
fn percent(ratio: f64) -> String {
    format!("{} %", (ratio * 1e4).round() / 100.0)
}

fn endpoints(versions: &[(String, u32)], pods: u32) -> String {
    let count = |pods: u32| format!("{pods} {}", if pods == 1 { "pod" } else { "pods" });
    if versions.is_empty() {
        return count(pods);
    }
    versions.iter().map(|(name, pods)| format!("{name} {}", count(*pods))).collect::<Vec<_>>().join(", ")
}

pub(super) fn share(share: &Share) -> String {
    let (odds, backend) = (percent(share.ratio), &share.backend);
    match share.missing {
        Some(status) => format!("{odds} {backend}: nobody is there, answered with {status}"),
        None => format!("{odds} {backend} ({})", endpoints(&share.versions, share.pods)),
    }
}

pub(super) fn answer(answer: &Answer) -> String {
    let status = answer.status;
    match answer.why {
        Why::Rule if (300..400).contains(&status) => format!("redirect with {status}"),
        Why::Rule => format!("{status} with {} bytes, by the proxy itself", answer.size),
        Why::NoRule => format!("{status}: no rule is for it"),
        Why::NoBackend => format!("{status}: no backend has any weight"),
    }
}

pub(super) fn delay(fault: &FaultDelay) -> String {
    let mean = Span::from_nanos(fault.delay.mean().round() as u64);
    let average = if matches!(fault.delay, Dist::Constant(_)) { "" } else { " on average" };
    format!("{} by {mean}{average}", percent(fault.ratio.value()))
}

pub(super) fn abort(fault: &FaultAbort) -> String {
    let status = match fault.status {
        Status::Http(status) => status.to_string(),
        Status::Grpc(status) => format!("gRPC {}", retry_on(RetryOn::Grpc(status))),
    };
    format!("{} with {status}", percent(fault.ratio.value()))
}

/// Only rules set one.
pub(super) fn limit(limit: Option<Span>) -> String {
    limit.map_or_else(|| "none (mesh)".to_owned(), |limit| format!("{limit} (written)"))
}

pub(super) fn source<T>(told: &Told<T>) -> &'static str {
    if told.written { "written" } else { "mesh" }
}

pub(super) fn retries(retrying: &Retrying) -> Vec<String> {
    let attempts = &retrying.attempts;
    if attempts.value == 0 {
        return vec![format!("none ({})", source(attempts))];
    }
    let on: Vec<String> = retrying.on.value.iter().copied().map(retry_on).collect();
    let on = if on.is_empty() { "nothing".to_owned() } else { on.join(", ") };
    let pauses = pauses(&retrying.pauses.value);
    let whom = if retrying.avoid_previous.value { "another endpoint if possible" } else { "any endpoint" };
    vec![
        format!("{} ({})", attempts.value, source(attempts)),
        format!("on {on} ({})", source(&retrying.on)),
        format!("{pauses} ({}), {whom} ({})", source(&retrying.pauses), source(&retrying.avoid_previous)),
    ]
}

/// As scenarios have it.
pub(super) fn retry_on(on: RetryOn) -> String {
    let named = RETRY_ON.iter().find(|(_, other)| *other == on).map(|(name, _)| (*name).to_owned());
    match on {
        RetryOn::Status(status) => status.to_string(),
        _ => named.unwrap_or_default(),
    }
}

pub(super) fn pauses(pauses: &Pauses) -> String {
    match pauses {
        Pauses::None => "at once".to_owned(),
        Pauses::FullJitter { base, max } => format!("after up to {base}, doubling to {max}"),
        Pauses::Exponential { min, max, .. } => format!("after {min}, doubling to {max}"),
    }
}

pub(super) fn changes(changes: &Changes) -> String {
    let mut all = Vec::new();
    for (count, what) in [(changes.request_headers, "request"), (changes.response_headers, "response")] {
        if count > 0 {
            all.push(format!("{count} {what} header{}", if count == 1 { "" } else { "s" }));
        }
    }
    all.extend(changes.path.iter().map(|path| format!("path to {path}")));
    all.extend(changes.authority.iter().map(|host| format!("host to {host}")));
    all.join(", ")
}

pub(super) fn balancing(treatment: &Treatment) -> String {
    let unit = if treatment.per_connection { "connection" } else { "request" };
    format!("{} for each {unit} ({})", treatment.balancing.value.name(), source(&treatment.balancing))
}

/// What is written of how a backend is treated, balancing apart.
pub(super) fn policy(policy: &TrafficPolicy) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let limits = limits(&policy.limits);
    if !limits.is_empty() {
        all.push(("limits", limits));
    }
    all.extend(policy.ejection.iter().map(|ejection| ("ejection", ejected(ejection))));
    all.extend(policy.breaker.iter().map(|breaker| {
        let (failures, min, max) = (breaker.max_failures, breaker.min_penalty, breaker.max_penalty);
        ("circuit breaker", format!("after {failures} failures in a row, for {min}, doubling to {max}"))
    }));
    all.extend(policy.retry_budget.iter().map(|budget| ("retry budget", budgeted(budget))));
    all.extend(policy.locality.iter().map(|locality| {
        let text = match locality {
            Locality::Off => "every zone alike".to_owned(),
            Locality::Failover(_) if policy.ejection.is_none() => {
                "every zone alike: no endpoint is ejected".to_owned()
            }
            Locality::Failover(zones) if zones.is_empty() => "the caller's zone first".to_owned(),
            Locality::Failover(zones) => {
                let all: Vec<String> = zones.iter().map(|(from, to)| format!("{from} to {to}")).collect();
                format!("the caller's zone first, then {}", all.join(", "))
            }
            Locality::Distribute(_) => "spread over zones by weight".to_owned(),
        };
        ("zones", text)
    }));
    all.extend(policy.warm_up.iter().map(|warm_up| ("warm-up", format!("over {}", warm_up.duration))));
    all.extend(policy.tls.iter().map(|tls| {
        let text = match tls {
            ClientTls::Off => "off",
            ClientTls::Mesh => "the mesh's own",
            ClientTls::Simple => "of the application's kind",
        };
        ("TLS", text.to_owned())
    }));
    all
}

fn limits(limits: &Limits) -> String {
    let mut all = Vec::new();
    for (name, value) in [
        ("connections", limits.connections),
        ("pending", limits.pending),
        ("requests", limits.requests),
        ("requests per connection", limits.requests_per_connection),
        ("retries", limits.retries),
    ] {
        all.extend(value.map(|value| format!("{value} {name}")));
    }
    all.extend(limits.connect_timeout.map(|span| format!("{span} to connect")));
    all.extend(limits.idle_timeout.map(|span| format!("{span} idle")));
    all.join(", ")
}

fn ejected(ejection: &OutlierEjection) -> String {
    let counted = [
        (ejection.consecutive_errors, "errors"),
        (ejection.consecutive_gateway_errors, "gateway errors"),
        (ejection.consecutive_local_errors, "failed connections"),
    ];
    let counted: Vec<String> =
        counted.into_iter().filter_map(|(count, what)| Some(format!("{} {what}", count?))).collect();
    format!(
        "after {} in a row, looked at every {}, for {} or longer, {} of them at most",
        if counted.is_empty() { "nothing".to_owned() } else { counted.join(" or ") },
        ejection.interval,
        ejection.base_time,
        of(ejection.max_ratio),
    )
}

fn budgeted(budget: &RetryBudget) -> String {
    match budget {
        RetryBudget::Concurrent { ratio, minimum } => {
            format!("{} of the requests under way, at least {minimum}", of(*ratio))
        }
        RetryBudget::Tokens { ratio, per_second, ttl } => {
            format!("{} of the requests of the last {ttl}, and {per_second} a second", of(*ratio))
        }
    }
}

fn of(ratio: Ratio) -> String {
    percent(ratio.value())
}

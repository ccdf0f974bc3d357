//! Rules of a route: what is done with the requests that match.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::units::{Bytes, Ratio, UnitError};
use crate::vocabulary::routing::{
    Backoff, Changes, FaultAbort, FaultDelay, GrpcStatus, Mirror, Retries, RetryOn, Rule, RuleAction,
    Setting, Status, Weighted,
};

use crate::input::defaults;
use crate::input::draft::BackendDraft;
use crate::input::fields::{self, Fields, located};
use crate::input::tree::{Node, Value};

use super::distribution::time;
use super::matches::request_match;
use super::routes::list_or_one;

/// Keys of a rule.
pub(super) const RULE_KEYS: &[&str] = &[
    "name",
    "match",
    "to",
    "redirect",
    "respond",
    "timeout",
    "attempt_timeout",
    "retries",
    "delay",
    "abort",
    "mirror",
    "changes",
];

pub(crate) const GRPC: &[(&str, GrpcStatus)] = &[
    ("cancelled", GrpcStatus::Cancelled),
    ("unknown", GrpcStatus::Unknown),
    ("deadline_exceeded", GrpcStatus::DeadlineExceeded),
    ("resource_exhausted", GrpcStatus::ResourceExhausted),
    ("internal", GrpcStatus::Internal),
    ("unavailable", GrpcStatus::Unavailable),
];

pub(crate) const RETRY_ON: &[(&str, RetryOn)] = &[
    ("connect_failure", RetryOn::ConnectFailure),
    ("refused_stream", RetryOn::RefusedStream),
    ("reset", RetryOn::Reset),
    ("reset_before_request", RetryOn::ResetBeforeRequest),
    ("server_error", RetryOn::ServerError),
    ("gateway_error", RetryOn::GatewayError),
    ("conflict", RetryOn::Conflict),
    ("cancelled", RetryOn::Grpc(GrpcStatus::Cancelled)),
    ("unknown", RetryOn::Grpc(GrpcStatus::Unknown)),
    ("deadline_exceeded", RetryOn::Grpc(GrpcStatus::DeadlineExceeded)),
    ("resource_exhausted", RetryOn::Grpc(GrpcStatus::ResourceExhausted)),
    ("internal", RetryOn::Grpc(GrpcStatus::Internal)),
    ("unavailable", RetryOn::Grpc(GrpcStatus::Unavailable)),
];

/// One rule of a list.
pub(super) fn rule(node: &Node, diagnostics: &mut Diagnostics) -> Option<Rule<BackendDraft>> {
    let mut fields = Fields::new(node, "a rule", diagnostics);
    let name = fields.read("name", fields::text);
    let rule = rule_of(&mut fields);
    fields.finish()?;
    Some(Rule { name, ..rule? })
}

/// What `fields` say of a rule, its name apart.
pub(super) fn rule_of(fields: &mut Fields<'_, '_>) -> Option<Rule<BackendDraft>> {
    let matches = fields.read("match", list_or_one(request_match));
    let has_matches = fields.has("match");
    let action = action(fields);
    let timeout = fields.read("timeout", setting(fields::positive_span));
    let attempt_timeout = fields.read("attempt_timeout", inheritable(fields::positive_span));
    let retries = fields.read("retries", setting(retries));
    let delay = fields.read("delay", delay);
    let abort = fields.read("abort", abort);
    let mirrors = fields.read("mirror", list_or_one(mirror)).unwrap_or_default();
    let changes = fields.read("changes", changes).unwrap_or_default();
    // A rule whose conditions could not be read would hold for every request.
    if has_matches && matches.is_none() {
        return None;
    }
    Some(Rule {
        matches: matches.unwrap_or_default(),
        timeout: timeout.unwrap_or_default(),
        attempt_timeout: attempt_timeout.flatten(),
        retries: retries.unwrap_or_default(),
        delay,
        abort,
        mirrors,
        changes,
        ..Rule::of(action?)
    })
}

/// A reader of settings: `inherit` is the mesh's own, `none` switches off.
fn setting<T>(
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Setting<T>> {
    move |node, diagnostics| match node.text() {
        Some("inherit") => Some(Setting::Inherit),
        Some("none") => Some(Setting::Off),
        _ => reader(node, diagnostics).map(Setting::To),
    }
}

/// `to`, `redirect` or `respond`; with none of them requests go to the service that was asked.
fn action(fields: &mut Fields<'_, '_>) -> Option<RuleAction<BackendDraft>> {
    let written: Vec<&str> =
        ["to", "redirect", "respond"].into_iter().filter(|key| fields.has(key)).collect();
    if let [first, second, ..] = written[..] {
        let message = format!("a rule does one thing, not both {} and {}", quote(first), quote(second));
        let place = fields.location();
        fields.report(Diagnostic::error(Code::InvalidValue, message).at(place));
        for key in ["to", "redirect", "respond"] {
            fields.take(key);
        }
        return None;
    }
    match written.first() {
        Some(&"redirect") => fields.need("redirect", redirect),
        Some(&"respond") => fields.need("respond", respond),
        Some(_) => fields.need("to", list_or_one(weighted)).map(RuleAction::Forward),
        None => Some(RuleAction::Forward(Vec::new())),
    }
}

/// `reviews`, or `{service: reviews, subset: v1, weight: 90}`.
fn weighted(node: &Node, diagnostics: &mut Diagnostics) -> Option<Weighted<BackendDraft>> {
    backend_with(node, "a backend", diagnostics, |fields| {
        fields.read("weight", fields::f64).unwrap_or(defaults::WEIGHT)
    })
    .map(|(backend, weight)| Weighted { backend, weight: weight.unwrap_or(defaults::WEIGHT) })
}

fn mirror(node: &Node, diagnostics: &mut Diagnostics) -> Option<Mirror<BackendDraft>> {
    backend_with(node, "a mirror", diagnostics, |fields| {
        fields.read("share", fields::ratio).unwrap_or(Ratio::ONE)
    })
    .map(|(backend, ratio)| Mirror { backend, ratio: ratio.unwrap_or(Ratio::ONE) })
}

/// A backend by its name alone, or a map of what says where it is and `more`.
fn backend_with<T>(
    node: &Node,
    what: &str,
    diagnostics: &mut Diagnostics,
    more: impl FnOnce(&mut Fields<'_, '_>) -> T,
) -> Option<(BackendDraft, Option<T>)> {
    if matches!(node.value, Value::Scalar { .. }) {
        let service = located(fields::text)(node, diagnostics)?;
        return Some((BackendDraft::of(service), None));
    }
    let mut fields = Fields::new(node, what, diagnostics);
    let service = fields.need("service", located(fields::text));
    let namespace = fields.read("namespace", fields::text);
    let subset = fields.read("subset", located(fields::text));
    let port = fields.read("port", port);
    let more = more(&mut fields);
    fields.finish();
    Some((BackendDraft { service: service?, namespace, subset, port }, Some(more)))
}

/// From 1 to 65535.
pub(super) fn port(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    fields::parsed(node, "a port", diagnostics, |text| {
        let number = text.parse().ok().filter(|number| *number > 0);
        number.ok_or_else(|| UnitError::new("a port lies between 1 and 65535"))
    })
}

/// `301` or `{status: 301}`.
fn redirect(node: &Node, diagnostics: &mut Diagnostics) -> Option<RuleAction<BackendDraft>> {
    let status = |node: &Node, diagnostics: &mut Diagnostics| http(node, 300..=399, diagnostics);
    let status = status_or_map(node, "`redirect`", diagnostics, status, |_| ())?.0;
    Some(RuleAction::Redirect { status })
}

/// `418` or `{status: 418, size: 100}`.
fn respond(node: &Node, diagnostics: &mut Diagnostics) -> Option<RuleAction<BackendDraft>> {
    let status = |node: &Node, diagnostics: &mut Diagnostics| http(node, 200..=599, diagnostics);
    let (status, size) =
        status_or_map(node, "`respond`", diagnostics, status, |fields| fields.read("size", fields::bytes))?;
    Some(RuleAction::Respond { status, size: size.flatten().map_or(0, Bytes::value) })
}

/// A status alone, or a map with `status` and `more`.
fn status_or_map<S, T>(
    node: &Node,
    what: &str,
    diagnostics: &mut Diagnostics,
    status: impl Fn(&Node, &mut Diagnostics) -> Option<S>,
    more: impl FnOnce(&mut Fields<'_, '_>) -> T,
) -> Option<(S, Option<T>)> {
    if matches!(node.value, Value::Scalar { .. }) {
        return Some((status(node, diagnostics)?, None));
    }
    let mut fields = Fields::new(node, what, diagnostics);
    let status = fields.need("status", status);
    let more = more(&mut fields);
    fields.finish();
    Some((status?, Some(more)))
}

fn http(node: &Node, range: std::ops::RangeInclusive<u16>, diagnostics: &mut Diagnostics) -> Option<u16> {
    fields::parsed(node, "a status", diagnostics, |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            UnitError::new(format!("it is a number from {} to {} here", range.start(), range.end()))
        })
    })
}

/// An HTTP status from 200, or the name of a gRPC status.
fn status(node: &Node, diagnostics: &mut Diagnostics) -> Option<Status> {
    match node.text() {
        Some(text) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            fields::choice(node, "a gRPC status", GRPC, diagnostics).map(Status::Grpc)
        }
        _ => http(node, 200..=599, diagnostics).map(Status::Http),
    }
}

/// A number of attempts after the first one, or a map.
fn retries(node: &Node, diagnostics: &mut Diagnostics) -> Option<Retries> {
    if matches!(node.value, Value::Scalar { .. }) {
        let attempts = fields::count(node, diagnostics)?;
        return Some(Retries { attempts, on: None, backoff: None, avoid_previous: None });
    }
    let mut fields = Fields::new(node, "`retries`", diagnostics);
    let attempts = fields.read("attempts", fields::count);
    let on = fields.read("on", inheritable(list_or_one(retry_on)));
    let backoff = fields.read("backoff", inheritable(backoff));
    let avoid_previous = fields.read("avoid_previous", inheritable(fields::boolean));
    fields.finish();
    Some(Retries {
        attempts: attempts.unwrap_or(defaults::RETRY_ATTEMPTS),
        on: on.flatten(),
        backoff: backoff.flatten(),
        avoid_previous: avoid_previous.flatten(),
    })
}

/// A reader of what may be left to the mesh by writing `inherit`.
pub(super) fn inheritable<T>(
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Option<T>> {
    or_word("inherit", reader)
}

/// A reader of what may be a word that stands for no value.
pub(super) fn or_word<T>(
    word: &'static str,
    reader: impl Fn(&Node, &mut Diagnostics) -> Option<T>,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Option<T>> {
    move |node, diagnostics| {
        if node.text() == Some(word) { Some(None) } else { reader(node, diagnostics).map(Some) }
    }
}

/// The name of a failure, or a status.
fn retry_on(node: &Node, diagnostics: &mut Diagnostics) -> Option<RetryOn> {
    match node.text() {
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            http(node, 100..=599, diagnostics).map(RetryOn::Status)
        }
        _ => fields::choice(node, "a failure that is tried again", RETRY_ON, diagnostics),
    }
}

/// `{base: 25ms, max: 250ms}`; without `max` ten times the base.
fn backoff(node: &Node, diagnostics: &mut Diagnostics) -> Option<Backoff> {
    let mut fields = Fields::new(node, "`backoff`", diagnostics);
    let base = fields.need("base", fields::positive_span);
    let max = fields.read("max", located(fields::positive_span));
    if let (Some(base), Some(max)) = (base, &max)
        && max.value < base
    {
        let message = "the largest pause is shorter than the first one";
        fields.report(Diagnostic::error(Code::InvalidValue, message).at(max.location));
    }
    fields.finish();
    let base = base?;
    Some(Backoff { base, max: max.map_or_else(|| defaults::backoff_max(base), |max| max.value) })
}

/// `5s`, or `{share: 10%, time: 5s}`.
fn delay(node: &Node, diagnostics: &mut Diagnostics) -> Option<FaultDelay> {
    if node.get("time").is_none() && node.get("share").is_none() {
        return time(node, diagnostics).map(|delay| FaultDelay { ratio: Ratio::ONE, delay });
    }
    let mut fields = Fields::new(node, "`delay`", diagnostics);
    let ratio = fields.read("share", fields::ratio).unwrap_or(Ratio::ONE);
    let delay = fields.need("time", time);
    fields.finish();
    Some(FaultDelay { ratio, delay: delay? })
}

/// `503`, or `{share: 1%, status: 503}`; the name of a gRPC status in its place.
fn abort(node: &Node, diagnostics: &mut Diagnostics) -> Option<FaultAbort> {
    let share = |fields: &mut Fields<'_, '_>| fields.read("share", fields::ratio).unwrap_or(Ratio::ONE);
    let (status, ratio) = status_or_map(node, "`abort`", diagnostics, status, share)?;
    Some(FaultAbort { ratio: ratio.unwrap_or(Ratio::ONE), status })
}

fn changes(node: &Node, diagnostics: &mut Diagnostics) -> Option<Changes> {
    let mut fields = Fields::new(node, "`changes`", diagnostics);
    let changes = Changes {
        request_headers: fields.read("request_headers", fields::u32).unwrap_or(0),
        response_headers: fields.read("response_headers", fields::u32).unwrap_or(0),
        path: fields.read("path", fields::text),
        authority: fields.read("authority", fields::text),
    };
    fields.finish()?;
    Some(changes)
}

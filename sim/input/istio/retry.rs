//! `retries` of HTTP rules, and the words of `retryOn`.

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::input::fields;
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::Located;
use crate::units::Span;
use crate::vocabulary::routing::{Backoff, GrpcStatus, Retries, RetryOn, Setting};

use super::{no_effect, value};

/// Fields of `retries`.
pub(super) const ROWS: &[Row] = &[
    ("attempts", Treatment::Modelled),
    ("perTryTimeout", Treatment::Modelled),
    ("retryOn", Treatment::Modelled),
    ("backoff", Treatment::Modelled),
    ("retryIgnorePreviousHosts", Treatment::Modelled),
    (
        "retryRemoteLocalities",
        Treatment::Named("another attempt chooses among the same localities as the first"),
    ),
];

/// Envoy's longest pause, in lengths of the shortest.
const BACKOFF_GROWTH: f64 = 10.0;

/// What a word of `retryOn` stands for.
#[derive(Clone, Copy)]
enum Meaning {
    /// These failures.
    Of(&'static [RetryOn]),
    /// Only that the numbers beside it are statuses.
    Numbers,
    /// A failure that is not simulated, because of this.
    Never(&'static str),
}

/// Words of Envoy's `x-envoy-retry-on` and `x-envoy-retry-grpc-on`. A broken connection counts as a failure of every
/// kind that a status from 500 or a reset is (envoyproxy/envoy source/common/router/retry_state_impl.cc).
const WORDS: &[(&str, Meaning)] = &[
    (
        "5xx",
        Meaning::Of(&[RetryOn::ServerError, RetryOn::ConnectFailure, RetryOn::RefusedStream, RetryOn::Reset]),
    ),
    (
        "gateway-error",
        Meaning::Of(&[
            RetryOn::GatewayError,
            RetryOn::ConnectFailure,
            RetryOn::RefusedStream,
            RetryOn::Reset,
        ]),
    ),
    ("reset", Meaning::Of(&[RetryOn::Reset, RetryOn::ConnectFailure, RetryOn::RefusedStream])),
    ("reset-before-request", Meaning::Of(&[RetryOn::ResetBeforeRequest])),
    ("connect-failure", Meaning::Of(&[RetryOn::ConnectFailure])),
    ("refused-stream", Meaning::Of(&[RetryOn::RefusedStream])),
    ("retriable-4xx", Meaning::Of(&[RetryOn::Conflict])),
    ("cancelled", Meaning::Of(&[RetryOn::Grpc(GrpcStatus::Cancelled)])),
    ("deadline-exceeded", Meaning::Of(&[RetryOn::Grpc(GrpcStatus::DeadlineExceeded)])),
    ("internal", Meaning::Of(&[RetryOn::Grpc(GrpcStatus::Internal)])),
    ("resource-exhausted", Meaning::Of(&[RetryOn::Grpc(GrpcStatus::ResourceExhausted)])),
    ("unavailable", Meaning::Of(&[RetryOn::Grpc(GrpcStatus::Unavailable)])),
    ("retriable-status-codes", Meaning::Numbers),
    ("retriable-headers", Meaning::Never("no answer has a header that asks for another attempt")),
    ("envoy-ratelimited", Meaning::Never("nothing limits rates")),
    ("http3-post-connect-failure", Meaning::Never("nobody speaks HTTP/3")),
];

/// The retries of a rule, and how long an attempt may take.
pub(super) fn retries(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> (Setting<Retries>, Option<Span>) {
    let attempts = node.read("attempts", fields::u32, diagnostics).unwrap_or(0);
    let attempt_timeout = value::span(node, "perTryTimeout", diagnostics).or(None);
    let on = node.read("retryOn", fields::located(value::any_text), diagnostics);
    let base = value::span(node, "backoff", diagnostics).or(None);
    let retries = Retries {
        attempts,
        on: on.and_then(|written| conditions(&written, diagnostics)),
        backoff: base.map(|base| Backoff { base, max: base.scale(BACKOFF_GROWTH) }),
        avoid_previous: node.read("retryIgnorePreviousHosts", fields::boolean, diagnostics),
    };
    if attempts == 0 {
        return (Setting::Off, None);
    }
    (Setting::To(retries), attempt_timeout)
}

/// What `retryOn` says; `None` if it says nothing.
pub(super) fn conditions(written: &Located<String>, diagnostics: &mut Diagnostics) -> Option<Vec<RetryOn>> {
    let mut conditions = Vec::new();
    let words = written.value.split(',').map(str::trim).filter(|word| !word.is_empty());
    for word in words.clone() {
        if let Ok(status) = word.parse::<u16>() {
            if (100..600).contains(&status) {
                conditions.push(RetryOn::Status(status));
            } else {
                let message = format!("{status} is no status of HTTP");
                diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(written.location));
            }
            continue;
        }
        match WORDS.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning) {
            Some(Meaning::Of(failures)) => conditions.extend(failures),
            Some(Meaning::Numbers) => {}
            Some(Meaning::Never(reason)) => {
                let message = format!("a retry on {} never happens: {reason}", quote(word));
                diagnostics.push(no_effect(message, written.location));
            }
            None => {
                let message = format!("{} is no reason for another attempt", quote(word));
                let near = closest(word, WORDS.iter().map(|(name, _)| *name));
                let known = WORDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(written.location);
                let diagnostic = diagnostic.hint(format!("a status such as 503, or one of: {known}"));
                diagnostics.push(diagnostic.suggest(near));
            }
        }
    }
    conditions.sort_unstable();
    conditions.dedup();
    (words.count() > 0).then_some(conditions)
}

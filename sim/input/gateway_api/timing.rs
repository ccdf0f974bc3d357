//! Timeouts and retries of rules, and durations as Gateway API writes them.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::draft::BackendDraft;
use crate::input::fields;
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::Node;
use crate::units::{Span, UnitError};
use crate::vocabulary::routing::{Backoff, Retries, RetryOn, Rule, Setting};

/// Fields of an `HTTPRoute`'s rule.
pub(super) const ROWS: &[Row] = &[
    ("timeouts.request", Treatment::Modelled),
    ("timeouts.backendRequest", Treatment::Modelled),
    ("retry.codes", Treatment::Modelled),
    ("retry.attempts", Treatment::Modelled),
    ("retry.backoff", Treatment::Modelled),
];

/// Retries where `retry` gives no number: as many as Istio makes unasked, which it takes in this place too.
const ATTEMPTS: u32 = 2;
/// Envoy's longest pause, in lengths of the shortest.
const BACKOFF_GROWTH: f64 = 10.0;
/// Failures of connections are tried again whenever something is (`HTTPRouteRetry` in the API's own words).
const CONNECTIONS: [RetryOn; 3] = [RetryOn::ConnectFailure, RetryOn::RefusedStream, RetryOn::Reset];

/// Sets what a rule says of time.
pub(super) fn read(node: Foreign<'_>, rule: &mut Rule<BackendDraft>, diagnostics: &mut Diagnostics) {
    if let Some(timeouts) = node.get("timeouts") {
        let request = timeouts.read("request", span, diagnostics);
        let attempt = timeouts.read("backendRequest", span, diagnostics);
        if let (Some(request), Some(attempt)) = (request, attempt)
            && request > Span::ZERO
            && attempt > request
        {
            let message = format!("an attempt may take {attempt}, longer than the whole request, {request}");
            let place = timeouts.get("backendRequest").map_or(timeouts.location(), Foreign::location);
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(place));
        }
        rule.timeout = match request {
            None => Setting::Inherit,
            Some(Span::ZERO) => Setting::Off,
            Some(span) => Setting::To(span),
        };
        rule.attempt_timeout = attempt.filter(|span| *span > Span::ZERO);
    }
    if let Some(retry) = node.get("retry") {
        rule.retries = retries(retry, diagnostics);
    }
}

fn retries(retry: Foreign<'_>, diagnostics: &mut Diagnostics) -> Setting<Retries> {
    let codes = retry.read("codes", fields::each(code), diagnostics).unwrap_or_default();
    let attempts = retry.read("attempts", fields::u32, diagnostics).unwrap_or(ATTEMPTS);
    let backoff = retry.read("backoff", span, diagnostics).filter(|base| *base > Span::ZERO);
    if attempts == 0 {
        return Setting::Off;
    }
    let mut on: Vec<_> = CONNECTIONS.into_iter().chain(codes.into_iter().map(RetryOn::Status)).collect();
    on.sort_unstable();
    on.dedup();
    Setting::To(Retries {
        attempts,
        on: Some(on),
        backoff: backoff.map(|base| Backoff { base, max: base.scale(BACKOFF_GROWTH) }),
        avoid_previous: None,
    })
}

fn code(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    fields::parsed(node, "a status", diagnostics, |text| {
        let code = text.parse::<u16>().ok().filter(|code| (400..600).contains(code));
        code.ok_or_else(|| UnitError::new("what is tried again are statuses from 400 to 599"))
    })
}

/// A duration of GEP-2257: up to four whole numbers of up to five digits with the units h, m, s and ms.
pub(super) fn span(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    fields::parsed(node, "a duration", diagnostics, |text| {
        if is_gep_2257(text) {
            return Span::parse(text);
        }
        Err(UnitError::new("write whole numbers with units, as in 500ms, 10s or 1m30s"))
    })
}

fn is_gep_2257(text: &str) -> bool {
    let mut rest = text;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let after = &rest[digits..];
        let unit = ["ms", "h", "m", "s"].into_iter().find(|unit| after.starts_with(unit));
        let (1..=5, Some(unit)) = (digits, unit) else { return false };
        rest = &after[unit.len()..];
        parts += 1;
    }
    (1..=4).contains(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_gep_2257() {
        for text in ["0s", "1h", "500ms", "1h30m10s500ms", "99999s", "1m1m"] {
            assert!(is_gep_2257(text), "{text}");
        }
        for text in ["", "0", "1", "1.5s", "-1s", "1us", "100000s", "1h1h1h1h1h", "1d", "s", "1s ", "10 s"] {
            assert!(!is_gep_2257(text), "{text}");
        }
    }
}

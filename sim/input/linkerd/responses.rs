//! Response classes of a profile's routes: which statuses are failures, and so tried again.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::fields;
use crate::input::foreign::Foreign;
use crate::input::tree::Node;
use crate::vocabulary::routing::{GrpcStatus, RetryOn};

/// Statuses that an answer may have.
const STATUSES: std::ops::Range<u16> = 100..600;

/// Statuses of gRPC that Linkerd calls failures.
const GRPC: [GrpcStatus; 4] =
    [GrpcStatus::Unknown, GrpcStatus::DeadlineExceeded, GrpcStatus::Internal, GrpcStatus::Unavailable];

/// A class: whether a status belongs to it, and whether it is a failure.
type Class = (Vec<bool>, bool);

/// What is tried again on a route: the first class that an answer belongs to decides, else statuses from 500 fail.
pub(super) fn failures(route: Foreign<'_>, diagnostics: &mut Diagnostics) -> Vec<RetryOn> {
    let mut classes: Vec<Class> = Vec::new();
    for class in route.elements("responseClasses") {
        let is_failure = class.read("isFailure", fields::boolean, diagnostics).unwrap_or(false);
        let condition = class.need("condition", "a response class", diagnostics);
        let members = condition.and_then(|condition| members(condition.node(), diagnostics));
        classes.extend(members.map(|members| (members, is_failure)));
    }
    let fails = |status: u16| {
        let row = usize::from(status - STATUSES.start);
        classes.iter().find(|(members, _)| members[row]).map_or(status >= 500, |(_, is_failure)| *is_failure)
    };
    let mut on = Vec::new();
    let all_errors = (500..600).all(fails);
    if all_errors {
        on.push(RetryOn::ServerError);
    }
    let single = STATUSES.filter(|status| fails(*status) && !(all_errors && *status >= 500));
    on.extend(single.map(RetryOn::Status));
    on.extend(GRPC.into_iter().map(RetryOn::Grpc));
    on.sort_unstable();
    on
}

/// Which statuses fulfil a condition; all of its fields must hold.
fn members(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<bool>> {
    let Some(entries) = node.entries() else {
        return fields::unexpected(node, "a condition: a map", diagnostics);
    };
    let mut parts = Vec::new();
    for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
        parts.push(match key.text().unwrap_or_default() {
            "status" => range(value, diagnostics)?,
            "all" => folded(list(value, diagnostics)?, true),
            "any" => folded(list(value, diagnostics)?, false),
            "not" => members(value, diagnostics)?.into_iter().map(|is| !is).collect(),
            other => {
                let message = format!("{} is no condition on a response", quote(other));
                let hint = "status, all, any or not";
                diagnostics.push(Diagnostic::warning(Code::UnknownKey, message).at(key.location).hint(hint));
                continue;
            }
        });
    }
    if parts.is_empty() {
        let message = "a condition on a response needs `status`, `all`, `any` or `not`";
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location));
        return None;
    }
    Some(folded(parts, true))
}

fn list(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<Vec<bool>>> {
    let Some(elements) = node.elements() else {
        return fields::unexpected(node, "a list of conditions", diagnostics);
    };
    elements.iter().map(|element| members(element, diagnostics)).collect()
}

fn folded(parts: Vec<Vec<bool>>, every: bool) -> Vec<bool> {
    let mut whole = vec![every; STATUSES.len()];
    for part in parts {
        for (is, other) in whole.iter_mut().zip(part) {
            *is = if every { *is && other } else { *is || other };
        }
    }
    whole
}

/// From `min` to `max`; one alone is just that status.
fn range(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<bool>> {
    let mut bound = |key: &str| {
        let node = node.get(key).filter(|node| !node.is_null())?;
        fields::u32(node, diagnostics).filter(|bound| *bound > 0)
    };
    let (min, max) = (bound("min"), bound("max"));
    let (Some(first), Some(last)) = (min.or(max), max.or(min)) else {
        let message = "a range of statuses needs `min`, `max` or both";
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location));
        return None;
    };
    let is_possible = |status: &u32| (100..600).contains(status);
    if first > last || !is_possible(&first) || !is_possible(&last) {
        let message = format!("statuses lie between 100 and 599, not from {first} to {last}");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(STATUSES.map(|status| (first..=last).contains(&u32::from(status))).collect())
}

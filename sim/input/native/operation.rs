//! Operations: what a service can be asked for, and what a version of it does otherwise.

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::kernel::dist::Dist;
use crate::units::Ratio;
use crate::vocabulary::CpuTime;
use crate::vocabulary::routing::{GrpcStatus, Status};

use crate::input::defaults;
use crate::input::draft::OperationDraft;
use crate::input::fields::{self, Fields, each, located};
use crate::input::tree::{Located, Node};

use super::distribution::{size, time};
use super::script::step;

/// Keys of an operation that may stand in a service or version with one operation.
const KEYS: &[&str] = &[
    "method",
    "path",
    "service_time",
    "cpu_time",
    "request_size",
    "response_size",
    "error_ratio",
    "error_status",
    "script",
];

const GRPC_STATUSES: &[(&str, GrpcStatus)] = &[
    ("CANCELLED", GrpcStatus::Cancelled),
    ("UNKNOWN", GrpcStatus::Unknown),
    ("DEADLINE_EXCEEDED", GrpcStatus::DeadlineExceeded),
    ("RESOURCE_EXHAUSTED", GrpcStatus::ResourceExhausted),
    ("INTERNAL", GrpcStatus::Internal),
    ("UNAVAILABLE", GrpcStatus::Unavailable),
];

/// The list `operations`, or the one operation that is written into its service.
pub(super) fn of_service(
    service: &mut Fields<'_, '_>,
    name: Option<&Located<String>>,
) -> Vec<OperationDraft> {
    if !service.has("operations") {
        let location = name.map_or(service.location(), |name| name.location);
        let name = Located::new(defaults::OPERATION.to_owned(), location);
        let service_time = service.need("service_time", time).unwrap_or(Dist::ZERO);
        return vec![body(service, OperationDraft { service_time, ..OperationDraft::of(name) })];
    }
    reject_shortcuts(service);
    service.need("operations", each(operation)).unwrap_or_default()
}

/// The operations of a version: those of its service, with what is written of them.
pub(super) fn of_version(version: &mut Fields<'_, '_>, of_service: &[OperationDraft]) -> Vec<OperationDraft> {
    let mut operations = of_service.to_vec();
    if version.has("operations") {
        reject_shortcuts(version);
        let own = |node: &Node, diagnostics: &mut Diagnostics| own_operation(node, of_service, diagnostics);
        for (place, operation) in version.read("operations", each(own)).unwrap_or_default() {
            operations[place] = operation;
        }
        return operations;
    }
    let [only] = operations.as_mut_slice() else {
        for key in KEYS {
            if let Some(node) = version.take(key) {
                let message = format!("{} could be that of any of the service's operations", quote(key));
                let diagnostic = Diagnostic::error(Code::UnknownKey, message).at(node.location);
                version.report(diagnostic.hint("write it into an operation of the version's `operations`"));
            }
        }
        return operations;
    };
    *only = with_own_time(version, only.clone());
    operations
}

fn reject_shortcuts(fields: &mut Fields<'_, '_>) {
    for key in KEYS {
        if let Some(node) = fields.take(key) {
            let message = format!("{} belongs into the operations where they are listed", quote(key));
            fields.report(Diagnostic::error(Code::UnknownKey, message).at(node.location));
        }
    }
}

fn operation(node: &Node, diagnostics: &mut Diagnostics) -> Option<OperationDraft> {
    let mut fields = Fields::new(node, "an operation", diagnostics);
    let name = fields.need("name", located(fields::text));
    let nameless = Located::new(String::new(), node.location);
    let service_time = fields.need("service_time", time).unwrap_or(Dist::ZERO);
    let silent = OperationDraft { service_time, ..OperationDraft::of(name.clone().unwrap_or(nameless)) };
    let operation = body(&mut fields, silent);
    fields.finish();
    name.and(Some(operation))
}

/// What a version says of one of its service's operations, and which one that is.
fn own_operation(
    node: &Node,
    of_service: &[OperationDraft],
    diagnostics: &mut Diagnostics,
) -> Option<(usize, OperationDraft)> {
    let mut fields = Fields::new(node, "an operation", diagnostics);
    let name = fields.need("name", located(fields::text));
    let place = name.as_ref().and_then(|name| {
        let place = of_service.iter().position(|operation| operation.name.value == name.value);
        if place.is_none() {
            let message = format!("the service has no operation {}", quote(&name.value));
            let names = of_service.iter().map(|operation| operation.name.value.as_str());
            let near = closest(&name.value, names);
            fields.report(Diagnostic::error(Code::UnknownName, message).at(name.location).suggest(near));
        }
        place
    });
    let nameless = OperationDraft::of(Located::new(String::new(), node.location));
    let base = place.map_or(nameless, |place| of_service[place].clone());
    let own = with_own_time(&mut fields, base);
    fields.finish();
    Some((place?, own))
}

fn with_own_time(fields: &mut Fields<'_, '_>, base: OperationDraft) -> OperationDraft {
    let service_time = fields.read("service_time", time).unwrap_or_else(|| base.service_time.clone());
    body(fields, OperationDraft { service_time, ..base })
}

/// What `fields` say of an operation, its service time apart; what is wrong is reported and replaced, so that its name
/// still resolves.
fn body(fields: &mut Fields<'_, '_>, base: OperationDraft) -> OperationDraft {
    OperationDraft {
        method: fields.read("method", fields::text).or(base.method),
        path: fields.read("path", path).or(base.path),
        cpu_time: fields.read("cpu_time", cpu_time).unwrap_or(base.cpu_time),
        request_size: fields.read("request_size", size).unwrap_or(base.request_size),
        response_size: fields.read("response_size", size).unwrap_or(base.response_size),
        error_ratio: fields.read("error_ratio", fields::ratio).unwrap_or(base.error_ratio),
        error_status: fields.read("error_status", error_status).unwrap_or(base.error_status),
        script: fields.read("script", each(step)).unwrap_or(base.script),
        ..base
    }
}

/// A path begins with a slash; its query is no part of it.
fn path(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let path = fields::text(node, diagnostics)?;
    if path.starts_with('/') && !path.contains('?') {
        return Some(path);
    }
    let message = format!("{} is no path of a request", quote(&path));
    let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
    diagnostics.push(diagnostic.hint("a path begins with / and holds no query, for example /reviews/0"));
    None
}

/// An HTTP status from 400, or the name of a gRPC status.
fn error_status(node: &Node, diagnostics: &mut Diagnostics) -> Option<Status> {
    let text = fields::text(node, diagnostics)?;
    if let Ok(number) = text.parse::<u16>() {
        if (400..=599).contains(&number) {
            return Some(Status::Http(number));
        }
        let message = format!("{number} is no status of a failure");
        let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(node.location);
        diagnostics.push(diagnostic.hint("400 to 599, or the name of a gRPC status such as UNAVAILABLE"));
        return None;
    }
    fields::choice(node, "the status of a failure", GRPC_STATUSES, diagnostics).map(Status::Grpc)
}

/// A share of the service time (`80%`), or a distribution of its own.
fn cpu_time(node: &Node, diagnostics: &mut Diagnostics) -> Option<CpuTime> {
    match node.text().map(Ratio::parse) {
        Some(Ok(share)) => Some(CpuTime::Share(share)),
        _ => time(node, diagnostics).map(CpuTime::Own),
    }
}

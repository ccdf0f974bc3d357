//! One rule of a `VirtualService`'s `http`.

use crate::diag::{Code, Diagnostic, Diagnostics, closest, quote};
use crate::input::draft::BackendDraft;
use crate::input::fields;
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::{Located, Node};
use crate::kernel::dist::Dist;
use crate::units::Ratio;
use crate::vocabulary::routing::{
    Changes, FaultAbort, FaultDelay, GrpcStatus, Mirror, Rule, RuleAction, Setting, Status, Weighted,
};

use super::{matches, no_effect, retry, value};

/// Where requests go to.
pub(super) const DESTINATION: &[Row] = &[
    ("host", Treatment::Modelled),
    ("subset", Treatment::Modelled),
    ("port.number", Treatment::Modelled),
    ("port.name", Treatment::Named("Istio itself takes a port by its number only")),
];

const HEADERS: &[Row] = &[
    ("request.set", Treatment::Modelled),
    ("request.add", Treatment::Modelled),
    ("request.remove", Treatment::Modelled),
    ("response.set", Treatment::Modelled),
    ("response.add", Treatment::Modelled),
    ("response.remove", Treatment::Modelled),
];

/// Istio's own proxies never had these (istio/istio pilot/pkg/networking/core/route/route.go).
const NEVER_IN_ISTIO: Treatment = Treatment::Named("Istio accepts it and does not apply it");

const FAULT: &[Row] = &[
    ("delay.percentage.value", Treatment::Modelled),
    ("delay.percent", Treatment::Modelled),
    ("delay.fixedDelay", Treatment::Modelled),
    ("delay.exponentialDelay", NEVER_IN_ISTIO),
    ("abort.percentage.value", Treatment::Modelled),
    ("abort.percent", Treatment::Modelled),
    ("abort.httpStatus", Treatment::Modelled),
    ("abort.grpcStatus", Treatment::Modelled),
    ("abort.http2Error", NEVER_IN_ISTIO),
];

/// Fields of one element of `http`.
pub(super) const ROWS: &[Row] = &[
    ("name", Treatment::Modelled),
    ("match[]", Treatment::Like(matches::ROWS)),
    ("route[].destination", Treatment::Like(DESTINATION)),
    ("route[].weight", Treatment::Modelled),
    ("route[].headers", Treatment::Like(HEADERS)),
    ("redirect", Treatment::Irrelevant),
    ("redirect.redirectCode", Treatment::Modelled),
    ("directResponse.status", Treatment::Modelled),
    ("directResponse.body.string", Treatment::Modelled),
    ("directResponse.body.bytes", Treatment::Modelled),
    ("delegate.name", Treatment::Modelled),
    ("delegate.namespace", Treatment::Modelled),
    ("rewrite.uri", Treatment::Modelled),
    ("rewrite.authority", Treatment::Modelled),
    ("rewrite.uriRegexRewrite.match", Treatment::Irrelevant),
    ("rewrite.uriRegexRewrite.rewrite", Treatment::Modelled),
    ("timeout", Treatment::Modelled),
    ("retries", Treatment::Like(retry::ROWS)),
    ("fault", Treatment::Like(FAULT)),
    ("mirror", Treatment::Like(DESTINATION)),
    ("mirrorPercentage.value", Treatment::Modelled),
    ("mirrorPercent", Treatment::Modelled),
    ("mirrors[].destination", Treatment::Like(DESTINATION)),
    ("mirrors[].percentage.value", Treatment::Modelled),
    ("corsPolicy", Treatment::Named("browsers' preflight requests are not told from others")),
    ("headers", Treatment::Like(HEADERS)),
];

/// The object that a rule leaves the matter to.
#[derive(Clone, Debug)]
pub(super) struct Delegate {
    pub(super) name: Located<String>,
    pub(super) namespace: Option<String>,
}

/// A rule, and to whom it leaves what it does itself not say.
pub(super) fn http(
    node: Foreign<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(Located<Rule<BackendDraft>>, Option<Delegate>)> {
    let matches = node.elements("match").into_iter().filter_map(|one| matches::request(one, diagnostics));
    let matches: Vec<_> = matches.collect();
    let delegate = node.get("delegate").and_then(|delegate| {
        let name = delegate.required("name", "a delegate", fields::located(fields::text), diagnostics)?;
        Some(Delegate { name, namespace: delegate.read("namespace", fields::text, diagnostics) })
    });
    let action = action(node, delegate.is_some(), diagnostics);
    let (retries, attempt_timeout) = match node.get("retries") {
        Some(written) => retry::retries(written, diagnostics),
        None => (Setting::Inherit, None),
    };
    let rule = Rule {
        name: node.read("name", fields::text, diagnostics),
        matches,
        timeout: value::span(node, "timeout", diagnostics),
        attempt_timeout,
        retries,
        delay: delay(node, diagnostics),
        abort: abort(node, diagnostics),
        mirrors: mirrors(node, diagnostics),
        changes: changes(node, diagnostics),
        ..Rule::of(action?)
    };
    Some((Located::new(rule, node.location()), delegate))
}

fn action(
    node: Foreign<'_>,
    delegates: bool,
    diagnostics: &mut Diagnostics,
) -> Option<RuleAction<BackendDraft>> {
    let backends = backends(node, diagnostics);
    let redirect = node.get("redirect").map(|redirect| {
        let status = redirect.read("redirectCode", status, diagnostics);
        RuleAction::Redirect { status: status.unwrap_or(301) }
    });
    let response = node.get("directResponse").map(|response| {
        let status = response.required("status", "a direct response", status, diagnostics);
        RuleAction::Respond { status: status.unwrap_or(200), size: body(response, diagnostics) }
    });
    let written = usize::from(node.get("route").is_some())
        + usize::from(redirect.is_some())
        + usize::from(response.is_some())
        + usize::from(delegates);
    if written != 1 {
        let message = "a rule has exactly one of `route`, `redirect`, `directResponse` and `delegate`";
        let code = if written == 0 { Code::MissingKey } else { Code::InvalidValue };
        diagnostics.push(Diagnostic::error(code, message).at(node.location()));
        return None;
    }
    Some(redirect.or(response).unwrap_or(RuleAction::Forward(backends)))
}

/// `route`: a single destination gets everything; of several, one without a weight gets nothing.
pub(super) fn backends(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Vec<Weighted<BackendDraft>> {
    let routes = node.elements("route");
    let mut backends = Vec::with_capacity(routes.len());
    for route in &routes {
        let weight = route.read("weight", fields::u32, diagnostics).unwrap_or(0);
        let weight = if routes.len() == 1 { weight.max(1) } else { weight };
        let destination = route.need("destination", "a route", diagnostics);
        if let Some(backend) = destination.and_then(|written| destination_of(written, diagnostics)) {
            backends.push(Weighted { backend, weight: f64::from(weight) });
        }
    }
    backends
}

fn destination_of(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<BackendDraft> {
    let text = fields::located(fields::text);
    let host = node.required("host", "a destination", &text, diagnostics);
    let subset = node.read("subset", &text, diagnostics);
    let port = node.get("port").and_then(|port| port.read("number", value::port, diagnostics));
    Some(BackendDraft { subset, port, ..BackendDraft::of(host?) })
}

fn status(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    let number = fields::u32(node, diagnostics)?;
    let status = u16::try_from(number).ok().filter(|status| (200..600).contains(status));
    if status.is_none() {
        let message = format!("a status lies between 200 and 599, not at {number}");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    }
    status
}

/// Bytes of a direct response.
fn body(response: Foreign<'_>, diagnostics: &mut Diagnostics) -> u64 {
    let Some(body) = response.get("body") else { return 0 };
    if let Some(text) = body.read("string", value::any_text, diagnostics) {
        return text.len() as u64;
    }
    let Some(encoded) = body.read("bytes", value::any_text, diagnostics) else { return 0 };
    // Base64 writes three bytes as four characters.
    encoded.trim_end_matches('=').len() as u64 * 3 / 4
}

fn delay(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<FaultDelay> {
    let delay = node.at(&["fault", "delay"])?;
    let ratio = fault_ratio(delay, "delay", diagnostics);
    let length = delay.read("fixedDelay", fields::span, diagnostics)?;
    Some(FaultDelay { ratio, delay: Dist::constant(length.nanos() as f64).ok()? })
}

fn abort(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<FaultAbort> {
    let abort = node.at(&["fault", "abort"])?;
    let ratio = fault_ratio(abort, "abort", diagnostics);
    let http = abort.read("httpStatus", status, diagnostics).map(Status::Http);
    let grpc = abort.read("grpcStatus", grpc_status, diagnostics).map(Status::Grpc);
    Some(FaultAbort { ratio, status: http.or(grpc)? })
}

fn fault_ratio(fault: Foreign<'_>, what: &str, diagnostics: &mut Diagnostics) -> Ratio {
    value::share(fault, "percentage", &["percent"], diagnostics).unwrap_or_else(|| {
        let message = format!("a fault's {what} without a percentage hits nobody");
        let hint = "write percentage: {value: 100} to hit every request";
        diagnostics.push(no_effect(message, fault.location()).hint(hint));
        Ratio::ZERO
    })
}

/// Names of gRPC's statuses. Those that no retry asks for are one and the same to everybody who sees them.
const GRPC: &[(&str, GrpcStatus)] = &[
    ("CANCELLED", GrpcStatus::Cancelled),
    ("UNKNOWN", GrpcStatus::Unknown),
    ("INVALID_ARGUMENT", GrpcStatus::Unknown),
    ("DEADLINE_EXCEEDED", GrpcStatus::DeadlineExceeded),
    ("NOT_FOUND", GrpcStatus::Unknown),
    ("ALREADY_EXISTS", GrpcStatus::Unknown),
    ("PERMISSION_DENIED", GrpcStatus::Unknown),
    ("RESOURCE_EXHAUSTED", GrpcStatus::ResourceExhausted),
    ("FAILED_PRECONDITION", GrpcStatus::Unknown),
    ("ABORTED", GrpcStatus::Unknown),
    ("OUT_OF_RANGE", GrpcStatus::Unknown),
    ("UNIMPLEMENTED", GrpcStatus::Unknown),
    ("INTERNAL", GrpcStatus::Internal),
    ("UNAVAILABLE", GrpcStatus::Unavailable),
    ("DATA_LOSS", GrpcStatus::Unknown),
    ("UNAUTHENTICATED", GrpcStatus::Unknown),
];

/// By name, or by number: the names stand in the order of the numbers from 1.
fn grpc_status(node: &Node, diagnostics: &mut Diagnostics) -> Option<GrpcStatus> {
    let text = fields::text(node, diagnostics)?;
    let number = text.parse::<usize>().ok().and_then(|number| GRPC.get(number.checked_sub(1)?));
    if let Some((_, status)) = number.or_else(|| GRPC.iter().find(|(name, _)| *name == text)) {
        return Some(*status);
    }
    let message = format!("{} is no status of a failure in gRPC", quote(&text));
    let near = closest(&text, GRPC.iter().map(|(name, _)| *name));
    diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location).suggest(near));
    None
}

/// `mirror` with its percentage, and `mirrors`. One without a percentage gets a copy of everything.
fn mirrors(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Vec<Mirror<BackendDraft>> {
    let mut mirrors = Vec::new();
    if let Some(mirror) = node.get("mirror") {
        let ratio = value::share(node, "mirrorPercentage", &["mirrorPercent"], diagnostics);
        mirrors.push((destination_of(mirror, diagnostics), ratio));
    }
    for mirror in node.elements("mirrors") {
        let destination = mirror.need("destination", "a mirror", diagnostics);
        let backend = destination.and_then(|written| destination_of(written, diagnostics));
        mirrors.push((backend, value::share(mirror, "percentage", &[], diagnostics)));
    }
    let mirrors = mirrors.into_iter().filter_map(|(backend, ratio)| {
        Some(Mirror { backend: backend?, ratio: ratio.unwrap_or(Ratio::ONE) })
    });
    mirrors.filter(|mirror| mirror.ratio > Ratio::ZERO).collect()
}

/// Changes to headers, those of the destination with the most included, and to the path.
fn changes(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Changes {
    let (request, response) = header_changes(node);
    let destinations: Vec<_> = node.elements("route").into_iter().map(header_changes).collect();
    let most = |counts: &mut dyn Iterator<Item = u32>| counts.max().unwrap_or(0);
    let rewrite = node.get("rewrite");
    let path = rewrite.and_then(|rewrite| {
        let pattern = rewrite.get("uriRegexRewrite");
        let by_pattern = pattern.and_then(|pattern| pattern.read("rewrite", value::any_text, diagnostics));
        rewrite.read("uri", value::any_text, diagnostics).or(by_pattern)
    });
    Changes {
        request_headers: request + most(&mut destinations.iter().map(|(request, _)| *request)),
        response_headers: response + most(&mut destinations.iter().map(|(_, response)| *response)),
        path,
        authority: rewrite.and_then(|rewrite| rewrite.read("authority", fields::text, diagnostics)),
    }
}

/// Number of request and of response headers that `headers` changes.
fn header_changes(node: Foreign<'_>) -> (u32, u32) {
    let count = |side: &str| {
        let Some(side) = node.at(&["headers", side]) else { return 0 };
        let maps = ["set", "add"].into_iter().filter_map(|field| side.get(field));
        let named: usize = maps.map(|map| map.node().entries().map_or(0, <[_]>::len)).sum();
        let removed = side.get("remove").and_then(|list| list.node().elements()).map_or(0, <[_]>::len);
        u32::try_from(named + removed).unwrap_or(u32::MAX)
    };
    (count("request"), count("response"))
}

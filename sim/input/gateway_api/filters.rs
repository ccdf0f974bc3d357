//! Filters of rules: copies, changes to headers and paths, redirects.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::draft::BackendDraft;
use crate::input::fields;
use crate::input::foreign::readers::{any_text, percentage};
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::Node;
use crate::units::{Ratio, UnitError};
use crate::vocabulary::routing::{Changes, Mirror};

use super::backends;

const HEADERS: &[Row] =
    &[("set", Treatment::Modelled), ("add", Treatment::Modelled), ("remove", Treatment::Modelled)];

const PATH: &[Row] = &[
    ("type", Treatment::Modelled),
    ("replaceFullPath", Treatment::Modelled),
    ("replacePrefixMatch", Treatment::Modelled),
];

/// Fields of an element of a `GRPCRoute`'s `filters`.
pub(super) const GRPC: &[Row] = &[
    ("type", Treatment::Modelled),
    ("requestMirror.backendRef", Treatment::Like(backends::REFERENCE)),
    ("requestMirror.percent", Treatment::Modelled),
    ("requestMirror.fraction.numerator", Treatment::Modelled),
    ("requestMirror.fraction.denominator", Treatment::Modelled),
    ("requestHeaderModifier", Treatment::Like(HEADERS)),
    ("responseHeaderModifier", Treatment::Like(HEADERS)),
    ("extensionRef", Treatment::Named("what an implementation adds of its own is not known here")),
];

/// Fields of an element of an `HTTPRoute`'s `filters`.
pub(super) const HTTP: &[Row] = &[
    ("", Treatment::Like(GRPC)),
    ("requestRedirect", Treatment::Irrelevant),
    ("requestRedirect.statusCode", Treatment::Modelled),
    ("urlRewrite.hostname", Treatment::Modelled),
    ("urlRewrite.path", Treatment::Like(PATH)),
    ("cors", Treatment::Named("browsers' preflight requests are not told from others")),
    ("externalAuth", Treatment::Named("nobody is asked for leave elsewhere")),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mirror,
    RequestHeaders,
    ResponseHeaders,
    Redirect,
    Rewrite,
    /// The table of fields says why it has no effect.
    Named,
}

const KINDS: &[(&str, Kind)] = &[
    ("RequestMirror", Kind::Mirror),
    ("RequestHeaderModifier", Kind::RequestHeaders),
    ("ResponseHeaderModifier", Kind::ResponseHeaders),
    ("RequestRedirect", Kind::Redirect),
    ("URLRewrite", Kind::Rewrite),
    ("CORS", Kind::Named),
    ("ExternalAuth", Kind::Named),
    ("ExtensionRef", Kind::Named),
];

/// What all filters of a rule do together.
#[derive(Debug, Default)]
pub(super) struct Filters {
    pub(super) mirrors: Vec<Mirror<BackendDraft>>,
    pub(super) changes: Changes,
    /// Status of the redirect, if there is one.
    pub(super) redirect: Option<u16>,
}

/// The filters of a rule; `is_grpc` says that paths and redirects are none of its business.
pub(super) fn read(rule: Foreign<'_>, is_grpc: bool, diagnostics: &mut Diagnostics) -> Filters {
    let mut filters = Filters::default();
    let mut is_rewritten = false;
    for filter in rule.elements("filters") {
        let Some(written) = filter.need("type", "a filter", diagnostics) else { continue };
        let Some(kind) = fields::choice(written.node(), "a filter", KINDS, diagnostics) else { continue };
        if is_grpc && matches!(kind, Kind::Redirect | Kind::Rewrite) {
            let message = "a GRPCRoute neither redirects nor rewrites";
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(written.location()));
            continue;
        }
        match kind {
            Kind::Mirror => filters.mirrors.extend(mirror(filter, diagnostics)),
            Kind::RequestHeaders => {
                filters.changes.request_headers += headers(filter, "requestHeaderModifier", diagnostics);
            }
            Kind::ResponseHeaders => {
                filters.changes.response_headers += headers(filter, "responseHeaderModifier", diagnostics);
            }
            Kind::Redirect => filters.redirect = redirect(filter, diagnostics),
            Kind::Rewrite => {
                is_rewritten = true;
                rewrite(filter, &mut filters.changes, diagnostics);
            }
            Kind::Named => {}
        }
    }
    if is_rewritten && filters.redirect.is_some() {
        let message = "a rule either redirects or rewrites";
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(rule.location()));
    }
    filters
}

/// A copy of everything, or of a percentage or fraction.
fn mirror(filter: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Mirror<BackendDraft>> {
    let mirror = filter.need("requestMirror", "a RequestMirror", diagnostics)?;
    let percent = mirror.read("percent", percentage, diagnostics);
    let fraction = mirror.get("fraction").and_then(|fraction| share(fraction, diagnostics));
    if percent.is_some() && mirror.get("fraction").is_some() {
        let message = "a mirror has either `percent` or `fraction`";
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(mirror.location()));
    }
    let backend = mirror.need("backendRef", "a mirror", diagnostics)?;
    let backend = backends::backend(backend, diagnostics)?;
    let ratio = percent.or(fraction).unwrap_or(Ratio::ONE);
    (ratio > Ratio::ZERO).then_some(Mirror { backend, ratio })
}

fn share(fraction: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    let numerator = fraction.required("numerator", "a fraction", fields::u32, diagnostics)?;
    let denominator = fraction.read("denominator", fields::count, diagnostics).unwrap_or(100);
    let ratio = Ratio::new(f64::from(numerator) / f64::from(denominator)).ok();
    if ratio.is_none() {
        let message = format!("{numerator}/{denominator} is more than everything");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(fraction.location()));
    }
    ratio
}

/// How many headers a filter changes.
fn headers(filter: Foreign<'_>, field: &str, diagnostics: &mut Diagnostics) -> u32 {
    let Some(changes) = filter.need(field, "a filter of headers", diagnostics) else { return 0 };
    let lists = ["set", "add", "remove"].into_iter().filter_map(|list| changes.get(list));
    let count: usize = lists.map(|list| list.node().elements().map_or(0, <[_]>::len)).sum();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn redirect(filter: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<u16> {
    let redirect = filter.need("requestRedirect", "a RequestRedirect", diagnostics)?;
    Some(redirect.read("statusCode", redirect_status, diagnostics).unwrap_or(302))
}

fn redirect_status(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    fields::parsed(node, "a status", diagnostics, |text| {
        let status = text.parse().ok().filter(|status| [301, 302, 303, 307, 308].contains(status));
        status.ok_or_else(|| UnitError::new("a redirect has status 301, 302, 303, 307 or 308"))
    })
}

/// Kinds of new paths, and the field of each.
const NEW_PATHS: &[(&str, &str)] =
    &[("ReplaceFullPath", "replaceFullPath"), ("ReplacePrefixMatch", "replacePrefixMatch")];

fn rewrite(filter: Foreign<'_>, changes: &mut Changes, diagnostics: &mut Diagnostics) {
    let Some(rewrite) = filter.need("urlRewrite", "a URLRewrite", diagnostics) else { return };
    changes.authority = rewrite.read("hostname", fields::text, diagnostics);
    let Some(path) = rewrite.get("path") else { return };
    let Some(kind) = path.need("type", "a new path", diagnostics) else { return };
    if let Some(field) = fields::choice(kind.node(), "a new path", NEW_PATHS, diagnostics) {
        changes.path = path.required(field, "a new path", any_text, diagnostics);
    }
}

//! `HTTPRoute`, Gateway API's and Linkerd's.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::draft::BackendDraft;
use crate::input::fields;
use crate::input::foreign::{Foreign, Head, Kind, Row, Spelling, Treatment};
use crate::input::linkerd::annotations;
use crate::input::tree::Located;
use crate::vocabulary::routing::{Resource, Rule, RuleAction};

use super::{Import, backends, filters, matches, parents, timing};

const RULE: &[Row] = &[
    ("name", Treatment::Modelled),
    ("matches[]", Treatment::Like(matches::HTTP)),
    ("filters[]", Treatment::Like(filters::HTTP)),
    ("backendRefs[]", Treatment::Like(backends::ROWS)),
    ("", Treatment::Like(timing::ROWS)),
    ("sessionPersistence", Treatment::Named("proxies hand out no sessions")),
];

const ROWS: &[Row] = &[
    ("metadata.annotations", Treatment::Like(annotations::ROUTE)),
    ("spec", Treatment::Like(parents::ROWS)),
    ("spec.rules[]", Treatment::Like(RULE)),
];

pub(super) static KIND: Kind = Kind::new(
    "HTTPRoute",
    &[
        "gateway.networking.k8s.io/v1",
        "gateway.networking.k8s.io/v1beta1",
        "gateway.networking.k8s.io/v1alpha2",
    ],
    Spelling::Exact,
    ROWS,
);

pub(super) static LINKERD: Kind = Kind::new(
    "HTTPRoute",
    &[
        "policy.linkerd.io/v1beta3",
        "policy.linkerd.io/v1beta2",
        "policy.linkerd.io/v1beta1",
        "policy.linkerd.io/v1alpha1",
    ],
    Spelling::Exact,
    ROWS,
);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    read(object, head, false, import);
}

pub(super) fn decode_linkerd(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    read(object, head, true, import);
}

fn read(object: Foreign<'_>, head: &Head, is_linkerds: bool, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "an HTTPRoute", import.diagnostics) else { return };
    let asked = annotations::of_route(object, import.diagnostics);
    let mut rules = Vec::new();
    for node in spec.elements("rules") {
        rules.extend(rule(node, is_linkerds, import.diagnostics));
    }
    if rules.is_empty() && spec.get("rules").is_none() {
        // The API's default: one rule for every path, without a backend.
        let action = unsent(is_linkerds, spec, import.diagnostics);
        rules.push(Located::new(Rule::of(action), spec.location()));
    }
    let resource = if is_linkerds { Resource::LinkerdHttpRoute } else { Resource::HttpRoute };
    parents::attach(spec, head, resource, &rules, import.draft, import.diagnostics);
    asked.annotate(head, resource, import.draft);
}

fn rule(
    node: Foreign<'_>,
    is_linkerds: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Located<Rule<BackendDraft>>> {
    let matches = matches::all(node, matches::http, diagnostics);
    let filters = filters::read(node, false, diagnostics);
    let backends = backends::weighted(node, diagnostics);
    let has_backends = node.get("backendRefs").is_some_and(|list| list.node().elements() != Some(&[]));
    let action = match filters.redirect {
        Some(_) if has_backends => {
            let message = "a rule either redirects or has backends";
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location()));
            return None;
        }
        Some(status) => RuleAction::Redirect { status },
        None if has_backends => RuleAction::Forward(backends),
        None => unsent(is_linkerds, node, diagnostics),
    };
    let mut rule = Rule {
        name: node.read("name", fields::text, diagnostics),
        mirrors: filters.mirrors,
        changes: filters.changes,
        ..Rule::of(action)
    };
    timing::read(node, &mut rule, diagnostics);
    rule.matches = matches?;
    Some(Located::new(rule, node.location()))
}

/// What a rule without backends does: Gateway API answers with 500, Linkerd's own route goes to the service.
pub(super) fn unsent(
    is_linkerds: bool,
    node: Foreign<'_>,
    diagnostics: &mut Diagnostics,
) -> RuleAction<BackendDraft> {
    if is_linkerds {
        return RuleAction::Forward(Vec::new());
    }
    let message = "a rule without `backendRefs` answers every request with 500";
    diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(node.location()));
    RuleAction::Respond { status: 500, size: 0 }
}

//! `GRPCRoute`.

use crate::diag::Diagnostics;
use crate::input::draft::BackendDraft;
use crate::input::fields;
use crate::input::foreign::{Foreign, Head, Kind, Row, Spelling, Treatment};
use crate::input::linkerd::annotations;
use crate::input::tree::Located;
use crate::vocabulary::routing::{Resource, Rule, RuleAction};

use super::{Import, backends, filters, http, matches, parents};

const RULE: &[Row] = &[
    ("name", Treatment::Modelled),
    ("matches[]", Treatment::Like(matches::GRPC)),
    ("filters[]", Treatment::Like(filters::GRPC)),
    ("backendRefs[]", Treatment::Like(backends::ROWS)),
    ("sessionPersistence", Treatment::Named("proxies hand out no sessions")),
];

pub(super) static KIND: Kind = Kind::new(
    "GRPCRoute",
    &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2"],
    Spelling::Exact,
    &[
        ("metadata.annotations", Treatment::Like(annotations::ROUTE)),
        ("spec", Treatment::Like(parents::ROWS)),
        ("spec.rules[]", Treatment::Like(RULE)),
    ],
);

pub(super) fn decode(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.need("spec", "a GRPCRoute", import.diagnostics) else { return };
    let asked = annotations::of_route(object, import.diagnostics);
    let mut rules = Vec::new();
    for node in spec.elements("rules") {
        rules.extend(rule(node, import.diagnostics));
    }
    parents::attach(spec, head, Resource::GrpcRoute, &rules, import.draft, import.diagnostics);
    asked.annotate(head, Resource::GrpcRoute, import.draft);
}

fn rule(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Located<Rule<BackendDraft>>> {
    let matches = matches::all(node, matches::grpc, diagnostics);
    let filters = filters::read(node, true, diagnostics);
    let backends = backends::weighted(node, diagnostics);
    let has_backends = node.get("backendRefs").is_some_and(|list| list.node().elements() != Some(&[]));
    let action =
        if has_backends { RuleAction::Forward(backends) } else { http::unsent(false, node, diagnostics) };
    let mut rule = Rule {
        name: node.read("name", fields::text, diagnostics),
        mirrors: filters.mirrors,
        changes: filters.changes,
        ..Rule::of(action)
    };
    rule.matches = matches?;
    Some(Located::new(rule, node.location()))
}

//! `tcp` and `tls` of a `VirtualService`: rules that look at connections only.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::input::draft::BackendDraft;
use crate::input::fields;
use crate::input::foreign::{Foreign, Row, Treatment};
use crate::input::tree::Located;
use crate::vocabulary::routing::{RequestMatch, Rule, RuleAction};

use super::{matches, rule, value};

const NO_ADDRESSES: Treatment = Treatment::Named("pods have no addresses: every one is taken to match");

/// Fields of one element of `tcp`.
pub(super) const TCP: &[Row] = &[
    ("match[].destinationSubnets", NO_ADDRESSES),
    ("match[].sourceSubnet", NO_ADDRESSES),
    ("match[].port", Treatment::Modelled),
    ("match[].sourceLabels", Treatment::Modelled),
    ("match[].sourceNamespace", Treatment::Modelled),
    ("match[].gateways", Treatment::Modelled),
    ("route[].destination", Treatment::Like(rule::DESTINATION)),
    ("route[].weight", Treatment::Modelled),
];

/// Fields of one element of `tls`.
pub(super) const TLS: &[Row] = &[
    (
        "match[].sniHosts",
        Treatment::Named("a connection is told by the service it is for, which the object's hosts name"),
    ),
    ("match[].destinationSubnets", NO_ADDRESSES),
    ("match[].port", Treatment::Modelled),
    ("match[].sourceLabels", Treatment::Modelled),
    ("match[].sourceNamespace", Treatment::Modelled),
    ("match[].gateways", Treatment::Modelled),
    ("route[].destination", Treatment::Like(rule::DESTINATION)),
    ("route[].weight", Treatment::Modelled),
];

/// One rule of `tcp` or `tls`.
pub(super) fn rule(node: Foreign<'_>, diagnostics: &mut Diagnostics) -> Option<Located<Rule<BackendDraft>>> {
    let matches = node.elements("match").into_iter().map(|one| RequestMatch {
        source_labels: one.texts("sourceLabels", diagnostics),
        source_namespace: one.read("sourceNamespace", fields::text, diagnostics),
        port: one.read("port", value::port, diagnostics),
        gateways: matches::names(value::texts(one, "gateways", diagnostics)),
        ..RequestMatch::default()
    });
    let matches = matches.collect();
    let backends = rule::backends(node, diagnostics);
    if backends.is_empty() {
        let message = "a rule for connections needs a `route` with a destination";
        diagnostics.push(Diagnostic::error(Code::MissingKey, message).at(node.location()));
        return None;
    }
    let rule = Rule { matches, ..Rule::of(RuleAction::Forward(backends)) };
    Some(Located::new(rule, node.location()))
}

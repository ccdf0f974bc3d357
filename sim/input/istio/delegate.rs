//! Delegation: a rule leaves what it does to another `VirtualService`, whose rules take its place.
//!
//! As istiod merges them (istio/istio pilot/pkg/model/virtualservice.go): a delegated rule keeps what it says itself and
//! takes the rest from the delegating rule; its matches must be narrower than those, or it is left out.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::defaults;
use crate::input::draft::{BackendDraft, Draft, RouteDraft};
use crate::input::tree::Located;
use crate::vocabulary::routing::{NamedMatch, RequestMatch, Rule, RuleAction, Setting};
use crate::vocabulary::text::{PathMatch, TextMatch};

use super::rule::Delegate;

/// A route, and for each of its rules to whom it is left.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) route: RouteDraft,
    pub(super) delegates: Vec<Option<Delegate>>,
}

/// Puts the routes into the draft, delegated rules in the places of those that delegate.
pub(super) fn resolve(routes: &[Written], draft: &mut Draft, diagnostics: &mut Diagnostics) {
    let mut used = vec![false; routes.len()];
    for written in routes.iter().filter(|written| !is_delegate(written)) {
        let mut route = RouteDraft { rules: Vec::new(), ..written.route.clone() };
        for (rule, delegate) in written.route.rules.iter().zip(&written.delegates) {
            let Some(delegate) = delegate else {
                route.rules.push(rule.clone());
                continue;
            };
            let namespace = delegate.namespace.as_deref().or(written.route.namespace.as_deref());
            let found = find(routes, &delegate.name.value, namespace, &written.route);
            let Some(position) = found else {
                let message =
                    format!("there is no VirtualService {} to delegate to", quote(&delegate.name.value));
                let diagnostic = Diagnostic::warning(Code::UnknownName, message).at(delegate.name.location);
                diagnostics.push(
                    diagnostic.hint(
                        "the rule is left out; a delegate has no hosts and is exported to this namespace",
                    ),
                );
                continue;
            };
            used[position] = true;
            delegated(rule, &routes[position], &mut route, diagnostics);
        }
        draft.routes.push(route);
    }
    for (written, used) in routes.iter().zip(used) {
        if is_delegate(written) && !used {
            let message =
                format!("nobody delegates to {}, which has no hosts", quote(&written.route.name.value));
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(written.route.name.location);
            diagnostics.push(diagnostic);
        }
    }
}

fn is_delegate(written: &Written) -> bool {
    written.route.hosts.is_empty()
}

/// The delegate of this name that the delegating route may see.
fn find(routes: &[Written], name: &str, namespace: Option<&str>, from: &RouteDraft) -> Option<usize> {
    let or_default = |namespace: Option<&str>| namespace.unwrap_or(defaults::NAMESPACE).to_owned();
    let (wanted, own) = (or_default(namespace), or_default(from.namespace.as_deref()));
    let is_visible = |route: &RouteDraft| match &route.export_to {
        None => true,
        Some(names) => names.iter().any(|name| *name == own || (name == "." && wanted == own)),
    };
    routes.iter().position(|written| {
        let route = &written.route;
        let is_named = route.name.value == name && or_default(route.namespace.as_deref()) == wanted;
        is_delegate(written) && is_named && is_visible(route)
    })
}

/// Adds the rules of a delegate in the place of the rule that names it.
fn delegated(
    root: &Located<Rule<BackendDraft>>,
    delegate: &Written,
    route: &mut RouteDraft,
    diagnostics: &mut Diagnostics,
) {
    for (leaf, further) in delegate.route.rules.iter().zip(&delegate.delegates) {
        if let Some(further) = further {
            let message = "a VirtualService that is delegated to cannot delegate: the rule is left out";
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(further.name.location));
            continue;
        }
        let Some(matches) = matches(&root.value.matches, &leaf.value.matches) else {
            let message =
                "this rule asks for other requests than the rule that delegates to it: it is left out";
            let diagnostic = Diagnostic::warning(Code::Unreachable, message).at(leaf.location);
            diagnostics.push(diagnostic.related(root.location, "the rule that delegates"));
            continue;
        };
        let mut own = leaf.value.clone();
        settle(&mut own, delegate.route.namespace.as_deref());
        let rule = Rule { matches, ..merged(&root.value, own) };
        route.rules.push(Located::new(rule, leaf.location));
    }
}

/// The delegated rule with what it leaves open taken from the delegating one.
fn merged(root: &Rule<BackendDraft>, mut leaf: Rule<BackendDraft>) -> Rule<BackendDraft> {
    leaf.name = match (&root.name, leaf.name) {
        (Some(root), Some(leaf)) => Some(format!("{root}-{leaf}")),
        (root, leaf) => leaf.or_else(|| root.clone()),
    };
    if leaf.timeout == Setting::Inherit {
        leaf.timeout = root.timeout;
    }
    if leaf.retries == Setting::Inherit {
        leaf.retries = root.retries.clone();
        leaf.attempt_timeout = root.attempt_timeout;
    }
    if leaf.delay.is_none() && leaf.abort.is_none() {
        leaf.delay.clone_from(&root.delay);
        leaf.abort.clone_from(&root.abort);
    }
    if leaf.mirrors.is_empty() {
        leaf.mirrors.clone_from(&root.mirrors);
    }
    if leaf.changes.request_headers + leaf.changes.response_headers == 0 {
        leaf.changes.request_headers = root.changes.request_headers;
        leaf.changes.response_headers = root.changes.response_headers;
    }
    if leaf.changes.path.is_none() && leaf.changes.authority.is_none() {
        leaf.changes.path.clone_from(&root.changes.path);
        leaf.changes.authority.clone_from(&root.changes.authority);
    }
    leaf
}

/// Short names of a delegate stay those of its own namespace.
fn settle(rule: &mut Rule<BackendDraft>, namespace: Option<&str>) {
    let namespace = Some(namespace.unwrap_or(defaults::NAMESPACE).to_owned());
    if let RuleAction::Forward(backends) = &mut rule.action {
        for backend in backends {
            backend.backend.namespace.clone_from(&namespace);
        }
    }
    for mirror in &mut rule.mirrors {
        mirror.backend.namespace.clone_from(&namespace);
    }
}

/// The matches of a delegated rule under those of the delegating one; `None` if they contradict each other.
fn matches(root: &[RequestMatch], leaf: &[RequestMatch]) -> Option<Vec<RequestMatch>> {
    if root.is_empty() || leaf.is_empty() {
        return Some(if root.is_empty() { leaf } else { root }.to_vec());
    }
    let mut merged = Vec::new();
    for leaf in leaf {
        let before = merged.len();
        merged.extend(root.iter().filter(|root| agree(root, leaf)).map(|root| both(root, leaf)));
        if merged.len() == before {
            return None;
        }
    }
    Some(merged)
}

/// Whether the delegated match is narrower in everything that both speak of.
fn agree(root: &RequestMatch, leaf: &RequestMatch) -> bool {
    let named = |root: &[NamedMatch], leaf: &[NamedMatch]| {
        leaf.iter().all(|leaf| {
            let same = root.iter().find(|root| root.name == leaf.name && root.without == leaf.without);
            text_agrees(same.map(|root| &root.value), Some(&leaf.value))
        })
    };
    path_agrees(root.path.as_ref(), leaf.path.as_ref())
        && text_agrees(root.method.as_ref(), leaf.method.as_ref())
        && text_agrees(root.authority.as_ref(), leaf.authority.as_ref())
        && named(&root.headers, &leaf.headers)
        && named(&root.query, &leaf.query)
        && root.port.zip(leaf.port).is_none_or(|(root, leaf)| root == leaf)
        && root.source_namespace.as_ref().is_none_or(|root| leaf.source_namespace.as_ref() == Some(root))
        && leaf.source_labels.iter().all(|(name, value)| {
            root.source_labels.iter().all(|(root, other)| root != name || other == value)
        })
        && (root.gateways.is_empty() || leaf.gateways.iter().all(|leaf| root.gateways.contains(leaf)))
}

/// An expression agrees with nothing: whether it is narrower cannot be told.
fn text_agrees(root: Option<&TextMatch>, leaf: Option<&TextMatch>) -> bool {
    match (root, leaf) {
        (None, _) | (_, None) | (Some(TextMatch::Regex(_)), Some(TextMatch::Present)) => true,
        (Some(TextMatch::Exact(root)), Some(TextMatch::Exact(leaf))) => root == leaf,
        (Some(TextMatch::Prefix(root)), Some(TextMatch::Exact(leaf) | TextMatch::Prefix(leaf))) => {
            leaf.starts_with(root)
        }
        (Some(_), Some(_)) => false,
    }
}

fn path_agrees(root: Option<&PathMatch>, leaf: Option<&PathMatch>) -> bool {
    match (root, leaf) {
        (None, _) | (_, None) => true,
        (Some(PathMatch::Exact(root)), Some(PathMatch::Exact(leaf))) => root == leaf,
        (Some(PathMatch::Prefix(root)), Some(PathMatch::Exact(leaf) | PathMatch::Prefix(leaf))) => {
            leaf.starts_with(root)
        }
        (Some(_), Some(_)) => false,
    }
}

/// Both matches in one.
fn both(root: &RequestMatch, leaf: &RequestMatch) -> RequestMatch {
    let named = |root: &[NamedMatch], leaf: &[NamedMatch]| {
        let other = |root: &&NamedMatch| {
            leaf.iter().all(|leaf| leaf.name != root.name || leaf.without != root.without)
        };
        leaf.iter().chain(root.iter().filter(other)).cloned().collect()
    };
    let mut source_labels = leaf.source_labels.clone();
    for label in &root.source_labels {
        if !source_labels.contains(label) {
            source_labels.push(label.clone());
        }
    }
    RequestMatch {
        path: leaf.path.clone().or_else(|| root.path.clone()),
        method: leaf.method.clone().or_else(|| root.method.clone()),
        authority: leaf.authority.clone().or_else(|| root.authority.clone()),
        headers: named(&root.headers, &leaf.headers),
        query: named(&root.query, &leaf.query),
        source_labels,
        source_namespace: leaf.source_namespace.clone().or_else(|| root.source_namespace.clone()),
        port: leaf.port.or(root.port),
        gateways: if leaf.gateways.is_empty() { root.gateways.clone() } else { leaf.gateways.clone() },
    }
}

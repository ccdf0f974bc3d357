//! The key `autoscale` of a service: what decides how many pods it has.
//!
//! ```yaml
//! autoscale:
//!   min: 2
//!   max: 20
//!   target: 80% # of what is requested, or 300m of CPU for each pod
//!   of: pod # or application, or proxy
//!   up: {stabilization: 0s, policies: [{pods: 4, every: 15s}, {percent: 100, every: 15s}], select: max}
//!   down: {stabilization: 5m, policies: [{percent: 10, every: 1m}], tolerance: 5%}
//! ```
//!
//! Several metrics are a list `metrics` of maps with `target` and `of`.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::defaults;
use crate::input::draft::AutoscaleDraft;
use crate::input::fields::{self, Fields, each, list, located};
use crate::input::tree::{Located, Node};
use crate::units::{Cores, Span, UnitError};
use crate::vocabulary::autoscale::{Behavior, Change, Metric, Of, Policy, Rules, Select, Target};

pub(crate) const OF: &[(&str, Of)] =
    &[("pod", Of::Pod), ("application", Of::Application), ("proxy", Of::Proxy)];
pub(crate) const SELECT: &[(&str, Select)] =
    &[("max", Select::Max), ("min", Select::Min), ("disabled", Select::Disabled)];

/// An autoscaler.
pub(super) fn autoscale(node: &Node, diagnostics: &mut Diagnostics) -> Option<AutoscaleDraft> {
    let mut fields = Fields::new(node, "`autoscale`", diagnostics);
    let location = fields.location();
    let min = fields.read("min", located(fields::count));
    let max = fields.need("max", located(fields::count));
    let metrics = metrics(&mut fields);
    let silent = Behavior::default();
    let rules = |key: &'static str, base: Rules, fields: &mut Fields<'_, '_>| {
        let read = fields.read(key, |node, diagnostics| rules(node, key, &base, diagnostics));
        read.unwrap_or(base)
    };
    let says_how_fast = fields.has("up") || fields.has("down");
    let behavior =
        Behavior { up: rules("up", silent.up, &mut fields), down: rules("down", silent.down, &mut fields) };
    fields.finish()?;
    let min = min.unwrap_or(Located::new(defaults::REPLICAS, location));
    Some(AutoscaleDraft { location, min, max: max?, metrics, behavior: says_how_fast.then_some(behavior) })
}

/// One metric, or a list of them.
fn metrics(fields: &mut Fields<'_, '_>) -> Vec<Located<Metric>> {
    let location = fields.location();
    let one = metric(fields);
    let Some(several) = fields.take("metrics").map(|node| node.location) else {
        return vec![Located::new(one, location)];
    };
    for key in ["target", "of"] {
        if !fields.has(key) {
            continue;
        }
        let message = format!("{} belongs into the metrics where they are listed", quote(key));
        fields.report(Diagnostic::error(Code::UnknownKey, message).at(several));
    }
    let metrics = fields.read("metrics", each(located(of_list)));
    if metrics.as_ref().is_some_and(Vec::is_empty) && fields.take("metrics").is_some_and(is_empty) {
        let problem = Diagnostic::error(Code::EmptyInput, "an autoscaler looks at one metric at least");
        fields.report(problem.at(several).hint("leave `metrics` out for 80% of what whole pods request"));
    }
    metrics.unwrap_or_default()
}

fn is_empty(list: &Node) -> bool {
    list.elements().is_some_and(<[_]>::is_empty)
}

fn of_list(node: &Node, diagnostics: &mut Diagnostics) -> Option<Metric> {
    let mut fields = Fields::new(node, "a metric", diagnostics);
    let metric = metric(&mut fields);
    fields.finish()?;
    Some(metric)
}

fn metric(fields: &mut Fields<'_, '_>) -> Metric {
    let silent = Metric::default();
    let of =
        fields.read("of", |node, diagnostics| fields::choice(node, "what is looked at", OF, diagnostics));
    let target = fields.read("target", target);
    Metric { of: of.unwrap_or(silent.of), target: target.unwrap_or(silent.target) }
}

/// `80%` of what is requested, or an amount of CPU.
fn target(node: &Node, diagnostics: &mut Diagnostics) -> Option<Target> {
    fields::parsed(node, "a target", diagnostics, |text| {
        let found = match text.trim().strip_suffix('%') {
            Some(percent) => percent.trim().parse().ok().map(Target::Utilization),
            None => Cores::parse(text).ok().map(|cores| Target::Value(cores.millicores())),
        };
        match found {
            Some(Target::Utilization(0) | Target::Value(0)) => Err(UnitError::new("it is more than nothing")),
            Some(target) => Ok(target),
            None => Err(UnitError::new(
                "write whole per cent of what is requested as 80%, or CPU of each pod as 300m",
            )),
        }
    })
}

/// One direction; what is not written is as in `base`.
fn rules(node: &Node, key: &str, base: &Rules, diagnostics: &mut Diagnostics) -> Option<Rules> {
    let mut fields = Fields::new(node, quote(key), diagnostics);
    let within = |node: &Node, diagnostics: &mut Diagnostics| {
        span_within(node, Rules::LONGEST, fields::span, diagnostics)
    };
    let rules = Rules {
        stabilization: inherited("stabilization", &mut fields, within, base.stabilization),
        policies: fields.read("policies", policies).unwrap_or_else(|| base.policies.clone()),
        select: fields
            .read("select", |node, diagnostics| fields::choice(node, "a choice", SELECT, diagnostics))
            .unwrap_or(base.select),
        tolerance: inherited("tolerance", &mut fields, fields::ratio, base.tolerance),
    };
    fields.finish()?;
    Some(rules)
}

/// A value, or the controller's own for `inherit`.
fn inherited<T>(
    key: &'static str,
    fields: &mut Fields<'_, '_>,
    reader: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
    base: Option<T>,
) -> Option<T> {
    match fields.take(key) {
        None => base,
        Some(node) if node.text() == Some("inherit") => None,
        Some(_) => fields.read(key, reader),
    }
}

fn policies(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<Policy>> {
    let policies = list(policy)(node, diagnostics)?;
    if policies.is_empty() {
        let problem = Diagnostic::error(Code::EmptyInput, "a direction has one policy at least");
        diagnostics.push(problem.at(node.location).hint("to change nothing write `select: disabled`"));
        return None;
    }
    Some(policies)
}

/// So many pods, or per cent of them, within a time.
fn policy(node: &Node, diagnostics: &mut Diagnostics) -> Option<Policy> {
    let mut fields = Fields::new(node, "a policy", diagnostics);
    let pods = fields.read("pods", fields::count).map(Change::Pods);
    let percent = fields.read("percent", fields::count).map(Change::Percent);
    let within = |node: &Node, diagnostics: &mut Diagnostics| {
        span_within(node, Policy::LONGEST, fields::positive_span, diagnostics)
    };
    let every = fields.need("every", within);
    let place = fields.location();
    if fields.has("pods") == fields.has("percent") {
        let message = "a policy has either `pods` or `percent`";
        let problem = Diagnostic::error(Code::InvalidValue, message).at(place);
        fields.report(problem.hint("{pods: 4, every: 15s} or {percent: 100, every: 15s}"));
    }
    fields.finish()?;
    Some(Policy { change: pods.or(percent)?, period: every? })
}

/// A duration that is not longer than Kubernetes allows.
fn span_within(
    node: &Node,
    longest: Span,
    reader: fn(&Node, &mut Diagnostics) -> Option<Span>,
    diagnostics: &mut Diagnostics,
) -> Option<Span> {
    let span = reader(node, diagnostics)?;
    if span > longest {
        let message = format!("{span} is longer than the {longest} that Kubernetes allows");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(span)
}

//! The section `lifecycle` of a service or a version: how its pods start, end and are replaced.
//!
//! ```yaml
//! lifecycle:
//!   image_pull: 4s
//!   start: {lognormal: {p50: 3s, p99: 9s}}
//!   readiness: {period: 5s, delay: 2s} # or none
//!   pre_stop: 5s
//!   shutdown: 1s
//!   grace: 30s
//!   strategy: {max_surge: 1, max_unavailable: 0} # or recreate
//!   min_ready: 10s
//!   oom_kill: true
//! ```

use crate::diag::{Code, Diagnostic, Diagnostics, Location, closest, quote};
use crate::units::{Span, UnitError};
use crate::vocabulary::{Amount, PodLife, Readiness, UpdateStrategy};

use crate::input::fields::{self, Fields};
use crate::input::tree::Node;

use super::distribution;

/// The one strategy that is written as a word.
const RECREATE: &str = "recreate";

/// What is written; what is not is as in `base`.
pub(super) fn pod_life(node: &Node, base: &PodLife, diagnostics: &mut Diagnostics) -> Option<PodLife> {
    let mut fields = Fields::new(node, "`lifecycle`", diagnostics);
    let life = PodLife {
        image_pull: fields.read("image_pull", distribution::time).unwrap_or_else(|| base.image_pull.clone()),
        start: fields.read("start", distribution::time).unwrap_or_else(|| base.start.clone()),
        readiness: if fields.take("readiness").is_some() {
            fields.read("readiness", readiness)
        } else {
            base.readiness
        },
        pre_stop: fields.read("pre_stop", fields::span).unwrap_or(base.pre_stop),
        shutdown: fields.read("shutdown", fields::span).unwrap_or(base.shutdown),
        grace: fields.read("grace", whole_seconds).unwrap_or(base.grace),
        strategy: fields.read("strategy", strategy).unwrap_or(base.strategy),
        min_ready: fields.read("min_ready", fields::span).unwrap_or(base.min_ready),
        oom_kill: fields.read("oom_kill", fields::boolean).unwrap_or(base.oom_kill),
    };
    fields.finish()?;
    Some(life)
}

/// A probe; `None` for `none`.
fn readiness(node: &Node, diagnostics: &mut Diagnostics) -> Option<Readiness> {
    if node.text() == Some("none") {
        return None;
    }
    if let (None, Some(text)) = (node.entries(), node.text()) {
        let message = format!("a readiness probe cannot be {}", quote(text));
        let problem = Diagnostic::error(Code::InvalidValue, message).at(node.location);
        let problem = problem.hint("write {period: 10s, delay: 0s}, or none");
        diagnostics.push(problem.suggest(closest(text, ["none"])));
        return None;
    }
    let mut fields = Fields::new(node, "a readiness probe", diagnostics);
    let silent = Readiness::default();
    let readiness = Readiness {
        period: fields.read("period", fields::positive_span).unwrap_or(silent.period),
        delay: fields.read("delay", fields::span).unwrap_or(silent.delay),
    };
    fields.finish();
    Some(readiness)
}

/// Kubernetes counts a grace period in whole seconds.
fn whole_seconds(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    const SECOND: u64 = Span::from_seconds(1).nanos();
    let span = fields::span(node, diagnostics)?;
    if span.nanos() % SECOND != 0 {
        let message = format!("a grace period of {span} is not possible: it has whole seconds");
        diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
        return None;
    }
    Some(span)
}

/// `recreate`, or how many pods more and fewer than wanted.
fn strategy(node: &Node, diagnostics: &mut Diagnostics) -> Option<UpdateStrategy> {
    if let (None, Some(text)) = (node.entries(), node.text()) {
        if text.eq_ignore_ascii_case(RECREATE) {
            return Some(UpdateStrategy::Recreate);
        }
        let message = format!("a strategy cannot be {}", quote(text));
        let problem = Diagnostic::error(Code::InvalidValue, message).at(node.location);
        let problem = problem.hint("write recreate, or {max_surge: 25%, max_unavailable: 25%}");
        diagnostics.push(problem.suggest(closest(text, [RECREATE])));
        return None;
    }
    let mut fields = Fields::new(node, "a strategy", diagnostics);
    let (surge, unavailable) = (fields.read("max_surge", amount), fields.read("max_unavailable", amount));
    let UpdateStrategy::RollingUpdate { max_surge, max_unavailable } = UpdateStrategy::default() else {
        unreachable!("Kubernetes' own strategy is a rolling update")
    };
    let amounts = (surge.unwrap_or(max_surge), unavailable.unwrap_or(max_unavailable));
    fields.finish();
    Some(rolling_update(amounts, node.location, diagnostics))
}

/// Little by little: so many pods more, and fewer, at a time. Reports if both are none.
pub(in crate::input) fn rolling_update(
    (max_surge, max_unavailable): (Amount, Amount),
    place: Location,
    diagnostics: &mut Diagnostics,
) -> UpdateStrategy {
    if max_surge.is_none() && max_unavailable.is_none() {
        let message = "with no pod more and none fewer than wanted nothing can be replaced";
        let problem = Diagnostic::error(Code::InvalidValue, message).at(place);
        diagnostics.push(problem.hint("at least one of the two is to be 1 or more"));
    }
    UpdateStrategy::RollingUpdate { max_surge, max_unavailable }
}

/// `1` or `25%`, as Kubernetes has them.
pub(in crate::input) fn amount(node: &Node, diagnostics: &mut Diagnostics) -> Option<Amount> {
    fields::parsed(node, "a number of pods", diagnostics, |text| {
        let whole = |text: &str| text.trim().parse::<u32>().ok();
        let found = match text.trim().strip_suffix('%') {
            Some(percent) => whole(percent).map(Amount::Percent),
            None => whole(text).map(Amount::Pods),
        };
        found.ok_or_else(|| UnitError::new("write a whole number as 1, or whole per cent of all pods as 25%"))
    })
}

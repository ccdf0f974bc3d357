//! The sections `run` and `slo`.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::units::{Ratio, Span};
use crate::vocabulary::{Objective, RunSettings};

use crate::input::defaults;
use crate::input::draft::SloDraft;
use crate::input::fields::{self, Fields, located};
use crate::input::tree::{Located, Node};

pub(super) fn run(node: &Node, diagnostics: &mut Diagnostics) -> Option<RunSettings> {
    let default = defaults::run();
    let mut fields = Fields::new(node, "`run`", diagnostics);
    let interval = fields.read("interval", located(interval));
    let run = RunSettings {
        warm_up: fields.read("warm_up", fields::span).unwrap_or(default.warm_up),
        duration: fields.read("duration", fields::positive_span).unwrap_or(default.duration),
        drain_limit: fields.read("drain_limit", fields::span).unwrap_or(default.drain_limit),
        interval: interval.as_ref().map(|interval| interval.value),
        replications: fields.read("replications", fields::count).unwrap_or(default.replications),
        precision: fields.read("precision", precision),
        seed: fields.read("seed", fields::u64).unwrap_or(default.seed),
    };
    if let Some(interval) = interval {
        check_interval(&run, &interval, &mut fields);
    }
    fields.finish()?;
    Some(run)
}

/// A length; `None` for `from_length`.
fn interval(node: &Node, diagnostics: &mut Diagnostics) -> Option<Span> {
    if node.text() == Some("from_length") { None } else { fields::positive_span(node, diagnostics) }
}

/// A time line of very many intervals is no use to anybody.
fn check_interval(run: &RunSettings, interval: &Located<Span>, fields: &mut Fields<'_, '_>) {
    let (length, most) = (run.length(), RunSettings::MOST_INTERVALS);
    let intervals = length.nanos().div_ceil(interval.value.nanos());
    if intervals > most {
        let message = format!(
            "a run of {length} has {intervals} intervals of this length, and at most {most} are kept"
        );
        let least = Span::from_seconds_f64((length.seconds() / most as f64 * 1e3).ceil() / 1e3);
        let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(interval.location);
        fields.report(diagnostic.hint(format!("{least} is long enough")));
    }
}

fn precision(node: &Node, diagnostics: &mut Diagnostics) -> Option<Ratio> {
    let precision = fields::ratio(node, diagnostics)?;
    if precision == Ratio::ZERO {
        let message = "no number of replications gives an interval without width";
        diagnostics
            .push(Diagnostic::error(Code::InvalidValue, message).at(node.location).hint("for example, 2%"));
        return None;
    }
    Some(precision)
}

/// Quantiles that an objective may limit.
pub(crate) const QUANTILES: &[(&str, f64)] = &[
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.5", 0.995),
    ("p99.9", 0.999),
    ("p999", 0.999),
    ("p99.99", 0.9999),
];

/// `{entry: web, p99: 50ms, error_ratio: 1%}`: one objective per limit.
pub(super) fn slo(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<SloDraft>> {
    let mut fields = Fields::new(node, "an SLO", diagnostics);
    let entry = fields.read("entry", located(fields::text));
    let error_ratio = fields.read("error_ratio", located(fields::ratio));
    let mut objectives = Vec::new();
    for (name, quantile) in QUANTILES {
        if let Some(limit) = fields.read(name, located(fields::span)) {
            objectives.push(limit.map(|limit| Objective::ResponseTime { quantile: *quantile, limit }));
        }
    }
    objectives.extend(error_ratio.map(|ratio| ratio.map(Objective::ErrorRatio)));
    let limited = fields.has("error_ratio") || QUANTILES.iter().any(|(name, _)| fields.has(name));
    if !limited && node.entries().is_some() {
        let diagnostic = Diagnostic::error(Code::MissingKey, "an SLO limits nothing").at(fields.location());
        fields.report(diagnostic.hint("for example, {p99: 50ms} or {error_ratio: 1%}"));
    }
    fields.finish()?;
    let slo = |objective: crate::input::tree::Located<Objective>| SloDraft {
        entry: entry.clone(),
        objective: objective.value,
        location: objective.location,
    };
    Some(objectives.into_iter().map(slo).collect())
}

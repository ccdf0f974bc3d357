//! Distributions as users write them: a scalar, or a map with the distribution's name.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::kernel::dist::{DISTRIBUTIONS, Dist, DistError};
use crate::units::{Bytes, Ratio, Span, UnitError};

use crate::input::fields::{self, Fields};
use crate::input::tree::{Node, Value};

/// What is distributed: how its values are written, and in which unit the numbers are.
#[derive(Clone, Copy)]
struct Quantity {
    /// With its article, for messages.
    name: &'static str,
    parse: fn(&str) -> Result<f64, UnitError>,
}

const TIME: Quantity = Quantity { name: "a duration", parse: |text| Ok(Span::parse(text)?.nanos() as f64) };
const SIZE: Quantity = Quantity { name: "a size", parse: |text| Ok(Bytes::parse(text)?.value() as f64) };

/// A distribution of durations, in nanoseconds.
pub(super) fn time(node: &Node, diagnostics: &mut Diagnostics) -> Option<Dist> {
    distribution(node, TIME, diagnostics)
}

/// A distribution of sizes, in bytes.
pub(super) fn size(node: &Node, diagnostics: &mut Diagnostics) -> Option<Dist> {
    distribution(node, SIZE, diagnostics)
}

fn distribution(node: &Node, quantity: Quantity, diagnostics: &mut Diagnostics) -> Option<Dist> {
    let value = |node: &Node, diagnostics: &mut Diagnostics| {
        fields::parsed(node, quantity.name, diagnostics, quantity.parse)
    };
    if matches!(node.value, Value::Scalar { .. }) {
        return made(Dist::constant(value(node, diagnostics)?), node, diagnostics);
    }
    let names = DISTRIBUTIONS.map(|row| row.name);
    let (name, parameters) = fields::one_of(node, "a distribution", &names, diagnostics)?;
    let article = if name.starts_with(['e', 'u']) { "an" } else { "a" };
    let what = format!("{article} {name} distribution");
    match name {
        "constant" => made(Dist::constant(value(parameters, diagnostics)?), node, diagnostics),
        "exponential" => {
            let mean = if matches!(parameters.value, Value::Map(_)) {
                let mut fields = Fields::new(parameters, &what, diagnostics);
                let mean = fields.need("mean", value);
                fields.finish();
                mean
            } else {
                value(parameters, diagnostics)
            };
            made(Dist::exponential(mean?), node, diagnostics)
        }
        "lognormal" => lognormal(parameters, &what, value, diagnostics),
        "empirical" => empirical(parameters, &what, quantity, diagnostics),
        _ => {
            let mut fields = Fields::new(parameters, &what, diagnostics);
            let dist = two_or_three(name, &mut fields, value);
            fields.finish();
            made(dist?, node, diagnostics)
        }
    }
}

/// The distributions that have one way to be written, with two or three parameters.
fn two_or_three(
    name: &str,
    fields: &mut Fields<'_, '_>,
    value: impl Fn(&Node, &mut Diagnostics) -> Option<f64>,
) -> Option<Result<Dist, DistError>> {
    Some(match name {
        "uniform" => {
            let (low, high) = (fields.need("low", &value), fields.need("high", &value));
            Dist::uniform(low?, high?)
        }
        "gamma" => {
            let (mean, cv) = (fields.need("mean", &value), fields.need("cv", fields::f64));
            Dist::gamma(mean?, cv?)
        }
        "hyperexponential" => {
            let (mean, cv) = (fields.need("mean", &value), fields.need("cv", fields::f64));
            Dist::hyperexponential(mean?, cv?)
        }
        "erlang" => {
            let (mean, stages) = (fields.need("mean", &value), fields.need("stages", fields::count));
            Dist::erlang(mean?, stages?)
        }
        "weibull" => {
            let (mean, shape) = (fields.need("mean", &value), fields.need("shape", fields::f64));
            Dist::weibull_mean_shape(mean?, shape?)
        }
        "bounded_pareto" => {
            let (low, high) = (fields.need("low", &value), fields.need("high", &value));
            let shape = fields.need("shape", fields::f64);
            Dist::bounded_pareto(low?, high?, shape?)
        }
        _ => unreachable!("the names of DISTRIBUTIONS are all matched"),
    })
}

/// Percentiles by which a lognormal distribution can be given: any two of them.
const PERCENTILES: &[(&str, f64)] = &[
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p999", 0.999),
];

fn lognormal(
    node: &Node,
    what: &str,
    value: impl Fn(&Node, &mut Diagnostics) -> Option<f64>,
    diagnostics: &mut Diagnostics,
) -> Option<Dist> {
    let mut fields = Fields::new(node, what, diagnostics);
    let percentiles: Vec<_> = PERCENTILES.iter().filter(|(name, _)| fields.has(name)).collect();
    if let [(first, first_probability), (second, second_probability)] = percentiles[..] {
        let (low, high) = (fields.need(first, &value), fields.need(second, &value));
        fields.finish();
        let dist = Dist::lognormal_percentiles((*first_probability, low?), (*second_probability, high?));
        return made(dist, node, diagnostics);
    }
    if !percentiles.is_empty() && !fields.has("mean") {
        let message = "a lognormal distribution needs `mean` and `cv`, or two percentiles";
        let diagnostic = Diagnostic::error(Code::MissingKey, message).at(node.location);
        fields.report(diagnostic.hint("for example {p50: 2ms, p99: 30ms}"));
        return None;
    }
    let (mean, cv) = (fields.need("mean", &value), fields.need("cv", fields::f64));
    fields.finish();
    made(Dist::lognormal_mean_cv(mean?, cv?), node, diagnostics)
}

/// `{values: {5ms: 0.9, 50ms: 0.1}}` or `{quantiles: {0: 1ms, 0.5: 2ms, 1: 60ms}}`.
fn empirical(node: &Node, what: &str, quantity: Quantity, diagnostics: &mut Diagnostics) -> Option<Dist> {
    let (kind, points) = fields::one_of(node, what, &["values", "quantiles"], diagnostics)?;
    let Some(entries) = points.entries() else {
        return fields::unexpected(points, "a map", diagnostics);
    };
    let quantity_of = |node: &Node, diagnostics: &mut Diagnostics| {
        fields::parsed(node, quantity.name, diagnostics, quantity.parse)
    };
    let share =
        |node: &Node, diagnostics: &mut Diagnostics| fields::ratio(node, diagnostics).map(Ratio::value);
    let decoded: Vec<Option<(f64, f64)>> = entries
        .iter()
        .map(|(key, value)| {
            let (left, right) = if kind == "values" {
                (quantity_of(key, diagnostics), fields::f64(value, diagnostics))
            } else {
                (share(key, diagnostics), quantity_of(value, diagnostics))
            };
            Some((left?, right?))
        })
        .collect();
    let decoded: Vec<(f64, f64)> = decoded.into_iter().collect::<Option<_>>()?;
    let dist =
        if kind == "values" { Dist::empirical_values(decoded) } else { Dist::empirical_quantiles(&decoded) };
    made(dist, points, diagnostics)
}

fn made(dist: Result<Dist, DistError>, node: &Node, diagnostics: &mut Diagnostics) -> Option<Dist> {
    match dist {
        Ok(dist) => Some(dist),
        Err(error) => {
            let message = match node.text() {
                Some(text) => format!("{} makes no distribution: {error}", quote(text)),
                None => error.to_string(),
            };
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location));
            None
        }
    }
}

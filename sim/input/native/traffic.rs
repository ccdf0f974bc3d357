//! The section `traffic`.

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::units::Rate;
use crate::vocabulary::{Arrivals, Header, HeaderValues, Origin, Phase};

use crate::input::defaults;
use crate::input::draft::{ArrivalsDraft, SourceDraft};
use crate::input::fields::{self, Fields, list, located, map};
use crate::input::tree::{Located, Node, Value};

use super::distribution::time;
use super::service::timeout;

const ORIGINS: &str = "outside, meshed_client or gateway:NAME";

const PHASES: &[(&str, Phase)] =
    &[("together", Phase::Together), ("spread", Phase::Spread), ("jittered", Phase::Jittered)];

const SILENT: ArrivalsDraft = ArrivalsDraft::Known(Arrivals::Poisson { rate: Rate::ZERO });

/// The kinds of `arrivals`.
const KINDS: &[&str] = &["poisson", "constant", "ramp", "diurnal", "bursty", "trace", "closed", "paced"];

/// One source of requests.
pub(super) fn source(node: &Node, diagnostics: &mut Diagnostics) -> Option<SourceDraft> {
    let mut fields = Fields::new(node, "a traffic source", diagnostics);
    let service = fields.need("service", located(fields::text));
    let name = fields.read("name", located(fields::text)).or_else(|| service.clone());
    let operation = fields.read("operation", located(fields::text));
    let from = from(&mut fields);
    let arrivals = rate_or_arrivals(&mut fields);
    let host = fields.read("host", located(fields::text));
    let headers = headers(&mut fields);
    let timeout = fields.read("timeout", timeout);
    fields.finish();
    Some(SourceDraft {
        name: name?,
        service: service?,
        operation,
        host,
        // What is missing has been reported; the name shall resolve nevertheless.
        from: from.unwrap_or(Located::new(Origin::Outside, node.location)),
        arrivals: arrivals.unwrap_or(Located::new(SILENT, node.location)),
        headers,
        timeout,
    })
}

/// `from` decides how many proxies there are, so it has no default.
fn from(fields: &mut Fields<'_, '_>) -> Option<Located<Origin>> {
    if !fields.has("from") {
        let message = "a traffic source needs `from`: where its requests enter";
        let diagnostic = Diagnostic::error(Code::MissingKey, message).at(fields.location());
        fields.report(
            diagnostic.hint(format!("{ORIGINS}: a client's or gateway's proxy is a whole proxy more")),
        );
    }
    fields.read("from", located(origin))
}

fn origin(node: &Node, diagnostics: &mut Diagnostics) -> Option<Origin> {
    if node.entries().is_some() {
        return origin_with_replicas(node, diagnostics);
    }
    let text = fields::text(node, diagnostics)?;
    match text.split_once(':') {
        None if text == "outside" => Some(Origin::Outside),
        None if text == "meshed_client" => Some(Origin::MeshedClient { replicas: defaults::REPLICAS }),
        Some(("gateway", name)) if !name.trim().is_empty() => {
            Some(Origin::Gateway { name: name.trim().to_owned(), replicas: defaults::REPLICAS })
        }
        _ => {
            let message = format!("requests cannot come from {}", quote(&text));
            diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(node.location).hint(ORIGINS));
            None
        }
    }
}

/// `{meshed_client: {replicas: 2}}` or `{gateway: {name: ingress, replicas: 2}}`.
fn origin_with_replicas(node: &Node, diagnostics: &mut Diagnostics) -> Option<Origin> {
    let (kind, value) = fields::one_of(node, "`from`", &["meshed_client", "gateway"], diagnostics)?;
    let mut fields = Fields::new(value, format!("`{kind}`"), diagnostics);
    let name = if kind == "gateway" { Some(fields.need("name", fields::text)) } else { None };
    let replicas = fields.read("replicas", fields::count).unwrap_or(defaults::REPLICAS);
    fields.finish();
    match name {
        None => Some(Origin::MeshedClient { replicas }),
        Some(name) => Some(Origin::Gateway { name: name?, replicas }),
    }
}

/// `rate: 100/s` is short for `arrivals: {poisson: 100/s}`.
fn rate_or_arrivals(fields: &mut Fields<'_, '_>) -> Option<Located<ArrivalsDraft>> {
    let location = fields.location();
    match (fields.has("rate"), fields.has("arrivals")) {
        (true, false) => fields.need(
            "rate",
            located(|node, diagnostics| {
                let rate = fields::rate(node, diagnostics)?;
                Some(ArrivalsDraft::Known(Arrivals::Poisson { rate }))
            }),
        ),
        (false, true) => fields.need("arrivals", located(arrivals)),
        (both, _) => {
            let (code, message) = if both {
                (Code::InvalidValue, "a traffic source has `rate` or `arrivals`, not both")
            } else {
                (Code::MissingKey, "a traffic source needs `rate` or `arrivals`")
            };
            fields.take("rate");
            fields.take("arrivals");
            fields.report(Diagnostic::error(code, message).at(location).hint("for example, rate: 100/s"));
            None
        }
    }
}

fn arrivals(node: &Node, diagnostics: &mut Diagnostics) -> Option<ArrivalsDraft> {
    let (kind, value) = fields::one_of(node, "`arrivals`", KINDS, diagnostics)?;
    if kind == "trace" {
        return trace(value, diagnostics);
    }
    if let ("poisson" | "constant", Value::Scalar { .. }) = (kind, &value.value) {
        let rate = fields::rate(value, diagnostics)?;
        let poisson = kind == "poisson";
        return Some(ArrivalsDraft::Known(if poisson {
            Arrivals::Poisson { rate }
        } else {
            Arrivals::Constant { rate }
        }));
    }
    let mut fields = Fields::new(value, format!("`{kind}`"), diagnostics);
    let arrivals =
        if matches!(kind, "closed" | "paced") { closed(kind, &mut fields) } else { open(kind, &mut fields) };
    fields.finish();
    arrivals.map(ArrivalsDraft::Known)
}

fn open(kind: &str, fields: &mut Fields<'_, '_>) -> Option<Arrivals> {
    match kind {
        "poisson" => Some(Arrivals::Poisson { rate: fields.need("rate", fields::rate)? }),
        "constant" => Some(Arrivals::Constant { rate: fields.need("rate", fields::rate)? }),
        "ramp" => {
            let (from, to) = (fields.need("from", fields::rate), fields.need("to", fields::rate));
            let over = fields.need("over", fields::positive_span);
            Some(Arrivals::Ramp { from: from?, to: to?, over: over? })
        }
        "diurnal" => {
            let (mean, amplitude) =
                (fields.need("mean", fields::rate), fields.need("amplitude", fields::ratio));
            let period = fields.need("period", fields::positive_span);
            Some(Arrivals::Diurnal { mean: mean?, amplitude: amplitude?, period: period? })
        }
        _ => {
            let rates = (fields.need("calm_rate", fields::rate), fields.need("burst_rate", fields::rate));
            let means = (
                fields.need("calm_mean", fields::positive_span),
                fields.need("burst_mean", fields::positive_span),
            );
            Some(Arrivals::Bursty {
                calm_rate: rates.0?,
                burst_rate: rates.1?,
                calm_mean: means.0?,
                burst_mean: means.1?,
            })
        }
    }
}

fn closed(kind: &str, fields: &mut Fields<'_, '_>) -> Option<Arrivals> {
    if kind == "closed" {
        let (users, think_time) = (fields.need("users", fields::count), fields.need("think_time", time));
        return Some(Arrivals::Closed { users: users?, think_time: think_time? });
    }
    let (connections, rate) = (fields.need("connections", fields::count), fields.need("rate", fields::rate));
    let phase =
        fields.read("phase", |node, diagnostics| fields::choice(node, "a phase", PHASES, diagnostics));
    let catch_up = fields.read("catch_up", fields::boolean);
    Some(Arrivals::Paced {
        connections: connections?,
        rate: rate?,
        phase: phase.unwrap_or(defaults::PHASE),
        catch_up: catch_up.unwrap_or(defaults::CATCH_UP),
    })
}

/// The name of a file, or the arrival times themselves.
fn trace(node: &Node, diagnostics: &mut Diagnostics) -> Option<ArrivalsDraft> {
    if node.elements().is_none() {
        return fields::text(node, diagnostics).map(ArrivalsDraft::TraceFile);
    }
    let times = list(|node, diagnostics| {
        fields::parsed(node, "an arrival time", diagnostics, crate::input::trace::time)
    })(node, diagnostics)?;
    Some(ArrivalsDraft::Known(Arrivals::Trace { times }))
}

/// `headers: {x-tenant: gold, x-user: {distinct: 1000}, x-canary: {shares: {always: 5%}}}`, and in the same way what
/// routes look at beside headers: `path`, `method`, and `query` by the names of its parameters.
fn headers(fields: &mut Fields<'_, '_>) -> Vec<Located<Header>> {
    let written = fields.read("headers", map(header_values)).unwrap_or_default();
    let mut headers: Vec<Located<Header>> = written
        .into_iter()
        .map(|(name, values)| name.map(|name| Header { name: folded(name), values }))
        .collect();
    for (key, name) in [("path", ":path"), ("method", ":method")] {
        let values = fields.read(key, located(header_values));
        headers.extend(values.map(|values| values.map(|values| Header { name: name.to_owned(), values })));
    }
    let query = fields.read("query", map(header_values)).unwrap_or_default();
    headers.extend(
        query.into_iter().map(|(name, values)| name.map(|name| Header { name: format!("?{name}"), values })),
    );
    headers
}

/// Names of headers are the same in either case, others are not.
fn folded(name: String) -> String {
    let is_header = !name.starts_with('?') && !name.starts_with("cookie:");
    if is_header { name.to_ascii_lowercase() } else { name }
}

fn header_values(node: &Node, diagnostics: &mut Diagnostics) -> Option<HeaderValues> {
    if let Some(value) = node.text() {
        return Some(HeaderValues::Shares(vec![(value.to_owned(), 1.0)]));
    }
    match fields::one_of(node, "a header", &["shares", "distinct"], diagnostics)? {
        ("distinct", number) => fields::count(number, diagnostics).map(HeaderValues::Distinct),
        (_, shares) => {
            let shares = map(fields::ratio)(shares, diagnostics)?;
            let plain = shares.into_iter().map(|(value, share)| (value.value, share.value()));
            Some(HeaderValues::Shares(plain.collect()))
        }
    }
}

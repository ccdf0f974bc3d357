//! Sources of traffic.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::index::{Idx, IndexVec};
use crate::input::Draft;
use crate::input::defaults;
use crate::input::draft::{ArrivalsDraft, SourceDraft};
use crate::input::tree::Located;
use crate::units::{Rate, Span};

use super::super::scenario::{
    Arrivals, Header, HeaderValues, Origin, Service, ServiceIdx, SourceIdx, TrafficSource,
};
use super::names::Directory;
use super::services::operation;

/// Requests per second of one source: one per nanosecond.
pub(super) const MAX_RATE: f64 = 1e9;

/// Users or connections of one source: what fits in memory.
pub(super) const MAX_USERS: u32 = 10_000_000;

/// All sources; one that asks nobody is reported and left out.
pub(super) fn resolve(
    draft: &Draft,
    directory: &Directory<'_>,
    services: &IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) -> IndexVec<SourceIdx, TrafficSource> {
    gateways_agree(&draft.sources, diagnostics);
    let sources: IndexVec<SourceIdx, TrafficSource> = draft
        .sources
        .iter()
        .filter_map(|source| resolve_one(source, draft, directory, diagnostics))
        .collect();
    if !diagnostics.has_errors() {
        for (source, written) in sources.iter().zip(&draft.sources) {
            check_time_passes(source, written, draft, services, diagnostics);
        }
    }
    sources
}

fn resolve_one(
    source: &SourceDraft,
    draft: &Draft,
    directory: &Directory<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TrafficSource> {
    let arrivals = match &source.arrivals.value {
        ArrivalsDraft::Known(arrivals) => {
            check_arrivals(arrivals, source.arrivals.location, diagnostics);
            arrivals.clone()
        }
        // Input reads every trace file, or says why it cannot; then there are errors.
        ArrivalsDraft::TraceFile(_) => Arrivals::Trace { times: Vec::new() },
    };
    check_headers(&source.headers, diagnostics);
    let service = directory.find(&source.service, defaults::NAMESPACE, diagnostics)?;
    let asked = &draft.services[service.position()];
    Some(TrafficSource {
        name: source.name.value.clone(),
        service,
        operation: operation(asked, source.operation.as_ref(), diagnostics)?,
        host: source.host.as_ref().map(|host| host.value.clone()),
        from: source.from.value.clone(),
        arrivals,
        headers: source.headers.iter().map(|header| header.value.clone()).collect(),
        timeout: source.timeout,
    })
}

/// Sources that name the same gateway share it, so they agree on its size.
fn gateways_agree(sources: &[SourceDraft], diagnostics: &mut Diagnostics) {
    let mut known: Vec<(&str, u32, Location)> = Vec::new();
    for source in sources {
        let Origin::Gateway { name, replicas } = &source.from.value else { continue };
        match known.iter().find(|(other, ..)| other == name) {
            Some((_, other, location)) if other != replicas => {
                let message = format!("the gateway {} has {replicas} replicas here", quote(name));
                diagnostics.push(
                    Diagnostic::error(Code::InvalidValue, message)
                        .at(source.from.location)
                        .related(*location, format!("and {other} here")),
                );
            }
            Some(_) => {}
            None => known.push((name, *replicas, source.from.location)),
        }
    }
}

fn check_arrivals(arrivals: &Arrivals, location: Location, diagnostics: &mut Diagnostics) {
    let mut error = |code, message: String| diagnostics.push(Diagnostic::error(code, message).at(location));
    for rate in rates(arrivals) {
        if rate.value() > MAX_RATE {
            error(Code::TooLarge, format!("{rate} is more than one request per nanosecond"));
        }
    }
    match arrivals {
        Arrivals::Trace { times } if times.is_empty() => {
            error(Code::EmptyInput, "the trace holds no arrival".to_owned());
        }
        Arrivals::Trace { times } => {
            if let Some(at) = times.windows(2).position(|pair| pair[0] > pair[1]) {
                let message = format!(
                    "arrival {} of the trace ({}) comes before the one above it",
                    at + 2,
                    times[at + 1]
                );
                error(Code::InvalidValue, message);
            }
        }
        Arrivals::Closed { users: many, .. } | Arrivals::Paced { connections: many, .. }
            if *many > MAX_USERS =>
        {
            error(Code::TooLarge, format!("at most {MAX_USERS} users or connections fit, not {many}"));
        }
        Arrivals::Paced { rate, .. } if *rate == Rate::ZERO => {
            error(Code::InvalidValue, "paced connections need a rate above zero".to_owned());
        }
        _ => {}
    }
}

/// The rates that arrivals are made of.
pub(super) fn rates(arrivals: &Arrivals) -> Vec<Rate> {
    match arrivals {
        Arrivals::Poisson { rate } | Arrivals::Constant { rate } | Arrivals::Paced { rate, .. } => {
            vec![*rate]
        }
        Arrivals::Ramp { from, to, .. } => vec![*from, *to],
        Arrivals::Diurnal { mean, .. } => vec![*mean],
        Arrivals::Bursty { calm_rate, burst_rate, .. } => vec![*calm_rate, *burst_rate],
        Arrivals::Trace { .. } | Arrivals::Closed { .. } => Vec::new(),
    }
}

fn check_headers(headers: &[Located<Header>], diagnostics: &mut Diagnostics) {
    for (position, header) in headers.iter().enumerate() {
        let name = &header.value.name;
        if headers[..position].iter().any(|earlier| earlier.value.name == *name) {
            let message = format!("the header {} comes twice; upper and lower case are alike", quote(name));
            diagnostics.push(Diagnostic::error(Code::DuplicateName, message).at(header.location));
        }
        if let HeaderValues::Shares(shares) = &header.value.values {
            let sum: f64 = shares.iter().map(|(_, share)| share).sum();
            // Shares such as 0.1 are not exact.
            if sum > 1.0 + 1e-9 {
                let message = format!("the shares of the header {} sum to {sum}, above 1", quote(name));
                diagnostics.push(Diagnostic::error(Code::InvalidValue, message).at(header.location));
            }
        }
    }
}

/// A source without any request, and users for whom no time passes.
fn check_time_passes(
    source: &TrafficSource,
    written: &SourceDraft,
    draft: &Draft,
    services: &IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) {
    let location = written.arrivals.location;
    let all = rates(&source.arrivals);
    if !all.is_empty() && all.iter().all(|rate| *rate == Rate::ZERO) {
        let message = format!("{} never sends a request: its rate is zero", quote(&source.name));
        diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(location));
    }
    if let Arrivals::Trace { times } = &source.arrivals
        && times.first().is_some_and(|first| *first >= end_of_window(draft))
    {
        let message = format!("{} sends its first request after the run", quote(&source.name));
        diagnostics.push(Diagnostic::warning(Code::Unreachable, message).at(location));
    }
    if let Arrivals::Closed { think_time, .. } = &source.arrivals {
        let cluster = &draft.cluster;
        let takes_none = services[source.service]
            .bodies(source.operation)
            .any(|operation| operation.service_time.is_zero());
        let nothing_takes_time = think_time.is_zero()
            && takes_none
            && cluster.network_delay.is_zero()
            && cluster.outside_delay.is_zero();
        if nothing_takes_time {
            let message =
                format!("the users of {} would ask again at the same instant, for ever", quote(&source.name));
            let diagnostic = Diagnostic::error(Code::EndlessCalls, message).at(location);
            diagnostics.push(diagnostic.hint("give them a think time, or the network a delay"));
        }
    }
}

fn end_of_window(draft: &Draft) -> Span {
    draft.run.warm_up + draft.run.duration
}

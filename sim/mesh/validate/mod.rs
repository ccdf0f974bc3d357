//! From a draft to a scenario: every name resolved, every rule checked, all problems at once.
//!
//! Nothing after this can fail because of what the user wrote.

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::index::IndexVec;
use crate::input::Draft;
use crate::input::draft::EventKindDraft;

use super::scenario::{Event, Scenario, Service, ServiceIdx, SourceIdx, TrafficSource, Unsaid};

mod applied;
mod autoscale;
mod backends;
mod calls;
mod events;
mod guesses;
mod hosts;
mod inject;
mod names;
mod nodes;
mod order;
mod placement;
mod policies;
mod routes;
mod scopes;
mod services;
mod slo;
mod subsets;
mod traffic;
mod waypoints;

use names::Directory;

/// Pods of one scenario, clients, gateways and waypoints included: what fits in memory.
const MAX_PODS: u64 = 1_000_000;

/// The scenario that `draft` means; `None` if `diagnostics` then holds errors, whoever reported them.
///
/// Warnings about what has no effect are given only where there are no errors: what is wrong elsewhere may be why.
pub fn validate(draft: &Draft, diagnostics: &mut Diagnostics) -> Option<Scenario> {
    names::check(draft, diagnostics);
    let directory = Directory::new(&draft.services);
    let mut services = services::resolve(draft, &directory, diagnostics);
    autoscale::check(draft, diagnostics);
    subsets::resolve(draft, &directory, &mut services, diagnostics);
    let sources = traffic::resolve(draft, &directory, &services, diagnostics);
    inject::mark(draft, &directory, &mut services, diagnostics);
    let policies = policies::resolve(draft, &directory, &sources, &mut services, diagnostics);
    let routes = routes::resolve(draft, &draft.routes, &directory, &services, &sources, diagnostics);
    let cluster = placement::cluster(draft, &directory, &sources, diagnostics);
    let waypoints = waypoints::resolve(draft, &directory, &services, &cluster.zones, diagnostics);
    let scopes = scopes::resolve(draft, &services, diagnostics);
    let of_applied = applied::Known { draft, directory: &directory, services: &services, sources: &sources };
    let applied = applied::resolve(&of_applied, &routes, diagnostics);
    let known = events::Known {
        directory: &directory,
        services: &services,
        sources: &sources,
        zones: &cluster.zones,
        applied: &applied,
    };
    let events = events::resolve(draft, &known, diagnostics);
    let slos = slo::resolve(draft, &sources, diagnostics);
    let calls = calls::check(draft, &services, &sources, &routes, diagnostics);
    let applied = applied.checked(&of_applied, diagnostics);
    check_pods(draft, &services, &sources, &events, diagnostics);
    check_content(&services, &sources, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    autoscale::warn(draft, &services, diagnostics);
    let name = draft.name.as_ref().map_or("scenario", |name| &name.value).to_owned();
    let unsaid = Unsaid {
        rates: draft.assumed_rates == sources.len(),
        run: draft.given.iter().all(|(section, _)| *section != "run"),
    };
    let guesses = guesses::resolve(draft, &services);
    Some(Scenario {
        name,
        services,
        sources,
        routes,
        applied,
        policies,
        scopes,
        waypoints,
        cluster,
        events,
        run: draft.run,
        telemetry: draft.telemetry,
        certificates: draft.certificates,
        slos,
        calls: calls?,
        unsaid,
        as_written: false,
        guesses,
    })
}

/// There are not more pods than fit.
fn check_pods(
    draft: &Draft,
    services: &IndexVec<ServiceIdx, Service>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    events: &[Event],
    diagnostics: &mut Diagnostics,
) {
    let waypoints = draft.mesh.waypoints.iter().flatten();
    let waypoints = waypoints.map(|waypoint| (waypoint.replicas.unwrap_or(1), waypoint.name.location));
    let services_pods = services.iter_enumerated().map(|(index, service)| service.places(index, events));
    let sources_pods = sources.iter().map(|source| u64::from(source.from.replicas()));
    let waypoints_pods = waypoints.clone().map(|(replicas, _)| u64::from(replicas));
    let pods: u64 = services_pods.chain(sources_pods).chain(waypoints_pods).sum();
    if pods > MAX_PODS {
        let written = draft.services.iter().flat_map(|service| {
            let versions = service.versions.iter().map(|version| &version.replicas);
            let whole = service.versions.is_empty().then_some(&service.replicas);
            whole.into_iter().chain(versions)
        });
        let scaled = draft.events.iter().filter_map(|event| match &event.kind {
            EventKindDraft::Scale { replicas, .. } => Some(replicas),
            _ => None,
        });
        let scaled = scaled.chain(draft.services.iter().filter_map(|one| Some(&one.autoscale.as_ref()?.max)));
        let written = written.chain(scaled).map(|replicas| (replicas.value, replicas.location));
        let largest = written.chain(waypoints).max_by_key(|(replicas, _)| *replicas);
        let message = format!("the scenario has {pods} pods, more than the {MAX_PODS} that fit");
        let diagnostic = Diagnostic::error(Code::TooLarge, message);
        let is_mortal = services.iter().any(|service| service.autoscale.is_some())
            || events.iter().any(|event| event.kind.is_of_pods());
        let diagnostic = if is_mortal {
            diagnostic.hint("pods that are replaced and those in their place are counted both")
        } else {
            diagnostic
        };
        diagnostics.push(match largest {
            Some((_, location)) => diagnostic.at(location),
            None => diagnostic,
        });
    }
}

/// There is something to simulate.
fn check_content(
    services: &IndexVec<ServiceIdx, Service>,
    sources: &IndexVec<SourceIdx, TrafficSource>,
    diagnostics: &mut Diagnostics,
) {
    // With other errors, what is missing may only have been misread.
    if diagnostics.has_errors() {
        return;
    }
    if services.is_empty() {
        let diagnostic = Diagnostic::error(Code::EmptyInput, "there are no services to simulate");
        diagnostics.push(diagnostic.hint("list them under `services`"));
    } else if sources.is_empty() {
        let diagnostic = Diagnostic::error(Code::EmptyInput, "nobody sends requests: there is no traffic");
        diagnostics.push(diagnostic.hint(
            "add a source under `traffic`, for example {service: web, from: outside, rate: 100/s}; \
             in an isotope graph, `isEntrypoint: true`",
        ));
    }
}

//! Routes that events apply: all that there are from then on.

use crate::diag::{Code, Diagnostic, Diagnostics, Location};
use crate::index::IndexVec;
use crate::input::Draft;
use crate::input::draft::{EventKindDraft, RouteDraft};
use crate::units::Span;

use super::super::scenario::{Backend, Route, Service, ServiceIdx, SourceIdx, TrafficSource};
use super::calls;
use super::names::Directory;
use super::routes::{self, full_name, object};
use crate::vocabulary::routing::RuleAction;

/// What is known when routes are resolved.
pub(super) struct Known<'a> {
    pub(super) draft: &'a Draft,
    pub(super) directory: &'a Directory<'a>,
    pub(super) services: &'a IndexVec<ServiceIdx, Service>,
    pub(super) sources: &'a IndexVec<SourceIdx, TrafficSource>,
}

/// What the events do that apply routes, in the order of time.
#[derive(Default)]
pub(super) struct Applied(Vec<Step>);

/// What one of them does.
struct Step {
    /// Position among all events.
    event: usize,
    /// All routes from then on.
    routes: Vec<Route>,
    /// Services that are routed otherwise from then on, ascending.
    services: Vec<ServiceIdx>,
}

/// `base` are the routes before all events.
pub(super) fn resolve(known: &Known<'_>, base: &[Route], diagnostics: &mut Diagnostics) -> Applied {
    let mut steps: Vec<(Span, usize, &[RouteDraft], Location)> = Vec::new();
    for (event, written) in known.draft.events.iter().enumerate() {
        if let EventKindDraft::Apply { routes, location } = &written.kind {
            steps.push((written.at.value, event, routes, *location));
        }
    }
    let mut applied = Applied::default();
    if steps.is_empty() {
        return applied;
    }
    steps.sort_by_key(|step| step.0);
    let mut all = known.draft.routes.clone();
    for (_, event, written, location) in steps {
        // Two of one name in one event are told from each other as those of a scenario are.
        routes::unique(written, diagnostics);
        apply(&mut all, written);
        let mut found = Diagnostics::default();
        let Known { draft, directory, services, sources } = known;
        let routes = routes::resolve(draft, &all, directory, services, sources, &mut found);
        report_new(&found, diagnostics);
        let before = applied.0.last().map_or(base, |step| step.routes.as_slice());
        let services = changed(before, &routes, written);
        if services.is_empty() {
            let message = "what is applied changes nothing";
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(location));
        }
        applied.0.push(Step { event, routes, services });
    }
    applied
}

/// Each route takes the place of the one that is the same object.
fn apply(all: &mut Vec<RouteDraft>, written: &[RouteDraft]) {
    for route in written {
        // The last of several is the one that holds.
        match all.iter_mut().rev().find(|one| object(one) == object(route)) {
            Some(place) => *place = route.clone(),
            None => all.push(route.clone()),
        }
    }
}

/// What stands there already was looked at before.
fn report_new(found: &Diagnostics, diagnostics: &mut Diagnostics) {
    let known: Vec<Diagnostic> = diagnostics.sorted().into_iter().cloned().collect();
    for diagnostic in found.sorted().into_iter().filter(|diagnostic| !known.contains(diagnostic)) {
        diagnostics.push(diagnostic.clone());
    }
}

/// The services that routes of these names are about, before or after.
fn changed(before: &[Route], after: &[Route], written: &[RouteDraft]) -> Vec<ServiceIdx> {
    let is_meant = |route: &&Route| {
        written.iter().any(|one| {
            one.resource == route.resource
                && full_name(one.namespace.as_deref(), &one.name.value) == route.name
        })
    };
    let others = |routes: &[Route], others: &[Route]| -> Vec<ServiceIdx> {
        let changed = routes.iter().filter(is_meant).filter(|route| !others.contains(route));
        changed.flat_map(services).collect()
    };
    let mut all = others(before, after);
    all.extend(others(after, before));
    all.sort_unstable();
    all.dedup();
    all
}

/// Whose requests a route is about: of one for a gateway's hosts alone, those that it leads to.
fn services(route: &Route) -> Vec<ServiceIdx> {
    if !route.services.is_empty() {
        return route.services.clone();
    }
    let forwarded = route.rules.iter().flat_map(|rule| match &rule.action {
        RuleAction::Forward(weighted) => weighted.as_slice(),
        RuleAction::Redirect { .. } | RuleAction::Respond { .. } => &[],
    });
    forwarded
        .filter_map(|weighted| match weighted.backend {
            Backend::Service { service, .. } => Some(service),
            Backend::Missing { .. } => None,
        })
        .collect()
}

impl Applied {
    /// What an event does: its place among those that apply routes, and whose requests are routed otherwise.
    pub(super) fn of_event(&self, position: usize) -> Option<(u32, &[ServiceIdx])> {
        let number = self.0.iter().position(|step| step.event == position)?;
        Some((number as u32, &self.0[number].services))
    }

    /// The routes, once it is clear that every request ends under each of them.
    pub(super) fn checked(self, known: &Known<'_>, diagnostics: &mut Diagnostics) -> Vec<Vec<Route>> {
        let check = |step: Step| {
            let mut found = Diagnostics::default();
            calls::check(known.draft, known.services, known.sources, &step.routes, &mut found);
            if found.has_errors() {
                report_new(&found, diagnostics);
            }
            step.routes
        };
        self.0.into_iter().map(check).collect()
    }
}

//! What happens during a run: when, how often, to whom.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::index::{Idx, IndexVec};
use crate::input::draft::{ChangedDraft, EventDraft, EventKindDraft};
use crate::input::tree::Located;
use crate::input::{Draft, defaults};
use crate::units::Span;

use super::super::scenario::{Change, Event, EventKind, PlaneEvent, Repeated, Service, ServiceIdx};
use super::applied::Applied;
use super::names::Directory;

/// One event may happen so often: what fits in memory and in a day.
const MOST_TIMES: u64 = 1_000_000;

pub(super) fn resolve(
    draft: &Draft,
    directory: &Directory<'_>,
    services: &IndexVec<ServiceIdx, Service>,
    applied: &Applied,
    diagnostics: &mut Diagnostics,
) -> Vec<Event> {
    unique(&draft.events, diagnostics);
    let mut events = Vec::new();
    for (position, event) in draft.events.iter().enumerate() {
        let kind = match &event.kind {
            EventKindDraft::Apply { routes, .. } => of_routes(applied.of_event(position), routes.len()),
            other => kind(other, directory, services, diagnostics),
        };
        let resolved = kind.map(|kind| Event {
            name: name(event, position),
            at: event.at.value,
            repeated: event.every.as_ref().map(|every| Repeated {
                every: every.value,
                until: event.until.as_ref().map(|one| one.value),
            }),
            kind,
        });
        check_times(event, draft, diagnostics);
        events.extend(resolved);
    }
    events
}

/// Its own name, or what it is and its place.
fn name(event: &EventDraft, position: usize) -> String {
    let kind = match event.kind {
        EventKindDraft::Change { .. } => "change",
        EventKindDraft::Rollout { .. } => "rollout",
        EventKindDraft::Scale { .. } => "scale",
        EventKindDraft::Kill { .. } => "kill",
        EventKindDraft::AuthorityDown { .. } => "certificate-authority",
        EventKindDraft::Apply { .. } => "apply",
        EventKindDraft::KillInstances { .. } => "control-plane-kill",
        EventKindDraft::StarveInstances { .. } => "control-plane-starve",
    };
    event.name.as_ref().map_or_else(|| format!("{kind}-{}", position + 1), |name| name.value.clone())
}

fn unique(events: &[EventDraft], diagnostics: &mut Diagnostics) {
    let mut first: BTreeMap<String, Location> = BTreeMap::new();
    for (position, event) in events.iter().enumerate() {
        let (name, location) =
            (name(event, position), event.name.as_ref().map_or(event.at.location, |name| name.location));
        if name == Event::ALL || name.starts_with(Event::ENDPOINTS) {
            let what = if name == Event::ALL { "all of them" } else { "changes of endpoints" };
            let message = format!("an event cannot be called {}: results call {what} so", quote(&name));
            diagnostics.push(Diagnostic::error(Code::InvalidName, message).at(location));
        }
        if let Some(earlier) = first.get(&name) {
            let problem =
                Diagnostic::error(Code::DuplicateName, format!("there is a second event {}", quote(&name)));
            diagnostics.push(problem.at(location).related(*earlier, "the first one"));
        } else {
            first.insert(name, location);
        }
    }
}

fn check_times(event: &EventDraft, draft: &Draft, diagnostics: &mut Diagnostics) {
    let (run, at) = (&draft.run, event.at.value);
    let length = run.length();
    let wrong = |message: String, location| Diagnostic::error(Code::InvalidValue, message).at(location);
    if at >= length {
        let message = format!("an event at {at} lies behind the end of the run, which lasts {length}");
        diagnostics.push(wrong(message, event.at.location).hint(format!(
            "the run begins with the warm-up of {} and goes on for {}",
            run.warm_up, run.duration
        )));
        return;
    }
    if let Some(until) = event.until.as_ref().filter(|until| until.value <= at) {
        let message = format!("an event from {at} on cannot end at {}", until.value);
        diagnostics.push(wrong(message, until.location));
        return;
    }
    let until = event.until.as_ref().map_or(length, |until| until.value.min(length));
    let Some(every) = &event.every else {
        return warn_of_warm_up(event, at, run.warm_up, diagnostics);
    };
    let times = until.saturating_sub(at).nanos().div_ceil(every.value.nanos());
    if times > MOST_TIMES {
        let message = format!("an event that happens {times} times is more than the {MOST_TIMES} that fit");
        diagnostics.push(Diagnostic::error(Code::TooLarge, message).at(every.location));
        return;
    }
    let last = at + Span::from_nanos(every.value.nanos() * (times - 1));
    warn_of_warm_up(event, last, run.warm_up, diagnostics);
}

fn warn_of_warm_up(event: &EventDraft, last: Span, warm_up: Span, diagnostics: &mut Diagnostics) {
    if last < warm_up {
        let message = format!("an event before {warm_up} happens during the warm-up and is not measured");
        diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(event.at.location));
    }
}

/// Nothing happens where nothing is routed otherwise.
fn of_routes(applied: Option<(u32, &[ServiceIdx])>, routes: usize) -> Option<EventKind> {
    let (number, services) = applied.filter(|(_, services)| !services.is_empty())?;
    let change = Change { services: services.to_vec(), objects: routes as u32, applies: Some(number) };
    Some(EventKind::Change(change))
}

fn kind(
    kind: &EventKindDraft,
    directory: &Directory<'_>,
    all: &IndexVec<ServiceIdx, Service>,
    diagnostics: &mut Diagnostics,
) -> Option<EventKind> {
    let (EventKindDraft::Change { services, .. }
    | EventKindDraft::Rollout { services }
    | EventKindDraft::Scale { services, .. }
    | EventKindDraft::Kill { services, .. }) = kind
    else {
        return of_cluster(kind);
    };
    let mut named: Vec<ServiceIdx> = match services {
        ChangedDraft::All => all.indexes().collect(),
        ChangedDraft::These(names) => {
            let mut find = |name: &Located<String>| directory.find(name, defaults::NAMESPACE, diagnostics);
            let found: Vec<_> = names.iter().map(&mut find).collect();
            found.into_iter().collect::<Option<_>>()?
        }
    };
    named.sort_unstable();
    named.dedup();
    // A service that has an error of its own is not among them.
    named.retain(|service| service.position() < all.len());
    if named.is_empty() {
        return None;
    }
    Some(match kind {
        EventKindDraft::Change { objects, .. } => {
            let objects = objects.as_ref().map_or(named.len() as u32, |objects| objects.value);
            EventKind::Change(Change { services: named, objects, applies: None })
        }
        EventKindDraft::Rollout { .. } => EventKind::Rollout(named),
        EventKindDraft::Scale { replicas, .. } => {
            refuse_versions(&named, all, replicas.location, diagnostics)?;
            EventKind::Scale(named, replicas.value)
        }
        EventKindDraft::Kill { pods, .. } => EventKind::Kill(named, pods.value),
        _ => return of_cluster(kind),
    })
}

/// What happens to no service in particular.
fn of_cluster(kind: &EventKindDraft) -> Option<EventKind> {
    match kind {
        EventKindDraft::AuthorityDown { length } => Some(EventKind::AuthorityDown(length.value)),
        EventKindDraft::KillInstances { instances } => {
            Some(EventKind::Plane(PlaneEvent::Kill { instances: instances.value }))
        }
        EventKindDraft::StarveInstances { cores, length } => {
            Some(EventKind::Plane(PlaneEvent::Starve { cores: cores.value, length: length.value }))
        }
        _ => None,
    }
}

/// Which version gets the pods nobody says.
fn refuse_versions(
    services: &[ServiceIdx],
    all: &IndexVec<ServiceIdx, Service>,
    location: Location,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let versioned: Vec<&Service> = services
        .iter()
        .map(|service| &all[*service])
        .filter(|service| !service.versions.is_empty())
        .collect();
    for service in &versioned {
        let message = format!("{} has versions and cannot be scaled as a whole", quote(&service.name));
        let problem = Diagnostic::error(Code::InvalidValue, message).at(location);
        diagnostics.push(problem.hint("write its versions as services of their own, or leave it out"));
    }
    versioned.is_empty().then_some(())
}

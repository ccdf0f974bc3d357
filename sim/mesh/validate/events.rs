//! What happens during a run: when, how often, to whom.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::index::IndexVec;
use crate::input::Draft;
use crate::input::draft::{EventDraft, EventKindDraft, NodesWhat};
use crate::units::Span;

use super::super::scenario::{
    Change, Event, EventKind, Repeated, Service, ServiceIdx, SourceIdx, TrafficSource,
};
use super::applied::Applied;
use super::names::Directory;

mod kinds;

/// One event may happen so often: what fits in memory and in a day.
const MOST_TIMES: u64 = 1_000_000;

/// What events speak of.
pub(super) struct Known<'a> {
    pub(super) directory: &'a Directory<'a>,
    pub(super) services: &'a IndexVec<ServiceIdx, Service>,
    pub(super) sources: &'a IndexVec<SourceIdx, TrafficSource>,
    pub(super) zones: &'a [String],
    pub(super) applied: &'a Applied,
}

pub(super) fn resolve(draft: &Draft, known: &Known<'_>, diagnostics: &mut Diagnostics) -> Vec<Event> {
    unique(&draft.events, diagnostics);
    let mut events = Vec::new();
    for (position, event) in draft.events.iter().enumerate() {
        let kind = match &event.kind {
            EventKindDraft::Apply { routes, .. } => of_routes(known.applied.of_event(position), routes.len()),
            other => kinds::resolve(other, known, diagnostics),
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
        EventKindDraft::Surge { .. } => "surge",
        EventKindDraft::Network { .. } => "network",
        EventKindDraft::Upgrade { .. } => "upgrade",
        EventKindDraft::Nodes { what: NodesWhat::Drain, .. } => "drain",
        EventKindDraft::Nodes { what: NodesWhat::Lose, .. } => "lose",
        EventKindDraft::Nodes { what: NodesWhat::Add, .. } => "add",
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
    if let (Some(every), EventKindDraft::Nodes { what: NodesWhat::Add, .. }) = (&event.every, &event.kind) {
        let problem = wrong("nodes are not added again and again".to_owned(), every.location);
        diagnostics.push(problem.hint("write an event for each time"));
    }
    let until = event.until.as_ref().map_or(length, |until| until.value.min(length));
    let Some(every) = &event.every else {
        return warn_of_warm_up(
            event,
            lasting(event).map_or(at, |lasts| at + lasts),
            run.warm_up,
            diagnostics,
        );
    };
    if let Some(lasts) = lasting(event).filter(|lasts| *lasts > every.value) {
        let message =
            format!("an event that lasts {lasts} is not over when it happens again after {}", every.value);
        diagnostics.push(wrong(message, every.location));
    }
    let times = until.saturating_sub(at).nanos().div_ceil(every.value.nanos());
    if times > MOST_TIMES {
        let message = format!("an event that happens {times} times is more than the {MOST_TIMES} that fit");
        diagnostics.push(Diagnostic::error(Code::TooLarge, message).at(every.location));
        return;
    }
    let last = at + Span::from_nanos(every.value.nanos() * (times - 1));
    warn_of_warm_up(event, last, run.warm_up, diagnostics);
}

/// How long it goes on; nothing of one that happens in a moment.
fn lasting(event: &EventDraft) -> Option<Span> {
    match &event.kind {
        EventKindDraft::Surge { lasts, .. } | EventKindDraft::Network { lasts, .. } => {
            Some(lasts.as_ref().map_or(Span::MAX, |lasts| lasts.value))
        }
        _ => None,
    }
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

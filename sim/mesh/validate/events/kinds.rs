//! What happens, and to whom.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::index::{Idx, IndexVec};
use crate::input::defaults;
use crate::input::draft::{ChangedDraft, EventKindDraft};
use crate::input::tree::Located;
use crate::kernel::dist::Dist;
use crate::units::Span;

use super::super::super::scenario::{
    Arrivals, Between, Change, EventKind, Network, NodesEvent, NodesWhat, PlaneEvent, Service, ServiceIdx,
    SourceIdx, Surge, Upgrade, ZoneIdx,
};
use super::super::placement::find_source;
use super::super::traffic::{MAX_RATE, MAX_USERS, rates};
use super::super::waypoints::find_zone;
use super::Known;

/// What happens; `None` where it is not known what was meant.
pub(super) fn resolve(
    kind: &EventKindDraft,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<EventKind> {
    Some(match kind {
        EventKindDraft::Change { services, objects } => {
            let services = find(services, known, diagnostics)?;
            let objects = objects.as_ref().map_or(services.len() as u32, |objects| objects.value);
            EventKind::Change(Change { services, objects, applies: None })
        }
        EventKindDraft::Rollout { services } => EventKind::Rollout(find(services, known, diagnostics)?),
        EventKindDraft::Scale { services, replicas } => {
            let services = find(services, known, diagnostics)?;
            refuse_versions(&services, known.services, replicas.location, diagnostics)?;
            EventKind::Scale(services, replicas.value)
        }
        EventKindDraft::Kill { services, pods } => {
            EventKind::Kill(find(services, known, diagnostics)?, pods.value)
        }
        EventKindDraft::AuthorityDown { length } => EventKind::AuthorityDown(length.value),
        EventKindDraft::KillInstances { instances } => {
            EventKind::Plane(PlaneEvent::Kill { instances: instances.value })
        }
        EventKindDraft::StarveInstances { cores, length } => {
            EventKind::Plane(PlaneEvent::Starve { cores: cores.value, length: length.value })
        }
        // Read with the routes.
        EventKindDraft::Apply { .. } => return None,
        EventKindDraft::Surge { sources, factor, lasts } => {
            let sources = surging(sources, factor, known, diagnostics)?;
            EventKind::Surge(Surge {
                sources,
                factor: factor.value,
                lasts: lasts.as_ref().map(|lasts| lasts.value),
            })
        }
        EventKindDraft::Network { delay, loss, zones, lasts } => EventKind::Network(Network {
            delay: delay.clone().unwrap_or(Dist::ZERO),
            loss: loss.as_ref().map_or(0.0, |loss| loss.value.value()),
            between: match zones {
                None => Between::All,
                Some(zones) => between(zones, known.zones, diagnostics)?,
            },
            lasts: lasts.as_ref().map(|lasts| lasts.value),
        }),
        EventKindDraft::Upgrade { services, wave, pause } => EventKind::Upgrade(Upgrade {
            services: find(services, known, diagnostics)?,
            wave: wave.as_ref().map(|wave| wave.value),
            pause: pause.as_ref().map_or(Span::ZERO, |pause| pause.value),
        }),
        EventKindDraft::Nodes { what, count, zone } => {
            let zone = match zone {
                None => None,
                Some(zone) => Some(find_zone(zone, known.zones, diagnostics)?),
            };
            if *what == NodesWhat::Add
                && let Some(count) = count.as_ref().filter(|count| count.value > MOST_ADDED)
            {
                let message = format!("at most {MOST_ADDED} nodes are added at once, not {}", count.value);
                diagnostics.push(Diagnostic::error(Code::TooLarge, message).at(count.location));
                return None;
            }
            EventKind::Nodes(NodesEvent { what: *what, count: count.as_ref().map(|count| count.value), zone })
        }
    })
}

/// Every service has places on each of them.
const MOST_ADDED: u32 = 1000;

/// Services, ascending, each once; `None` if there is none.
fn find(
    services: &ChangedDraft,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<ServiceIdx>> {
    let all = known.services;
    let mut named: Vec<ServiceIdx> = match services {
        ChangedDraft::All => all.indexes().collect(),
        ChangedDraft::These(names) => {
            let mut find =
                |name: &Located<String>| known.directory.find(name, defaults::NAMESPACE, diagnostics);
            let found: Vec<_> = names.iter().map(&mut find).collect();
            found.into_iter().collect::<Option<_>>()?
        }
    };
    named.sort_unstable();
    named.dedup();
    // A service that has an error of its own is not among them.
    named.retain(|service| service.position() < all.len());
    (!named.is_empty()).then_some(named)
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

/// Sources, ascending, each once. A trace says itself when requests come.
fn surging(
    sources: &ChangedDraft,
    factor: &Located<f64>,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<SourceIdx>> {
    let mut named: Vec<SourceIdx> = match sources {
        ChangedDraft::All => known.sources.indexes().collect(),
        ChangedDraft::These(names) => {
            let found: Vec<_> =
                names.iter().map(|name| find_source(name, known.sources, diagnostics)).collect();
            found.into_iter().collect::<Option<_>>()?
        }
    };
    named.sort_unstable();
    named.dedup();
    let mut is_wrong = false;
    for source in named.iter().map(|&source| &known.sources[source]) {
        let name = quote(&source.name);
        let problem = if matches!(source.arrivals, Arrivals::Trace { .. }) {
            let message = format!("{name} follows a trace, which says itself when requests come");
            let problem = Diagnostic::error(Code::InvalidValue, message);
            problem.hint("write the surge into the trace, or name other sources")
        } else if is_too_much(&source.arrivals, factor.value) {
            let message = format!("{} times the traffic of {name} is more than fits", factor.value);
            Diagnostic::error(Code::TooLarge, message)
        } else {
            continue;
        };
        diagnostics.push(problem.at(factor.location));
        is_wrong = true;
    }
    (!named.is_empty() && !is_wrong).then_some(named)
}

fn is_too_much(arrivals: &Arrivals, factor: f64) -> bool {
    let is_too_many = |users: u32| f64::from(users) * factor > f64::from(MAX_USERS);
    rates(arrivals).iter().any(|rate| rate.value() * factor > MAX_RATE)
        || matches!(arrivals, Arrivals::Closed { users, .. } if is_too_many(*users))
}

fn between(
    written: &Located<Vec<Located<String>>>,
    zones: &[String],
    diagnostics: &mut Diagnostics,
) -> Option<Between> {
    let found: Vec<Option<ZoneIdx>> =
        written.value.iter().map(|name| find_zone(name, zones, diagnostics)).collect();
    let found: Vec<ZoneIdx> = found.into_iter().collect::<Option<_>>()?;
    match found[..] {
        [zone] => Some(Between::Around(zone)),
        [one, other] => Some(Between::Zones(one, other)),
        _ => {
            let problem = Diagnostic::error(Code::InvalidValue, "a message goes from one zone to one other");
            let hint = "name two zones, or one for its messages from and to all others";
            diagnostics.push(problem.at(written.location).hint(hint));
            None
        }
    }
}

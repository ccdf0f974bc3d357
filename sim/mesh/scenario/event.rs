//! What happens during a run.

use crate::kernel::dist::Dist;
use crate::units::{Cores, SimTime, Span};

pub use crate::input::draft::NodesWhat;

use super::{ServiceIdx, SourceIdx, ZoneIdx};

/// Something that happens at a time, once or again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unique among events.
    pub name: String,
    /// Since the start of the run, warm-up included.
    pub at: Span,
    /// Whether it happens again.
    pub repeated: Option<Repeated>,
    /// What happens.
    pub kind: EventKind,
}

/// How an event happens again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Time between two, longer than nothing.
    pub every: Span,
    /// It happens before this time; `None` is the end of the run.
    pub until: Option<Span>,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// Routes or policies of services are changed.
    Change(Change),
    /// All pods of these services are replaced by new ones, as their strategies say.
    Rollout(Vec<ServiceIdx>),
    /// From now on these services, none of which has versions, have so many pods each.
    Scale(Vec<ServiceIdx>, u32),
    /// So many pods of each of these services, or of each version of one, are gone without warning.
    Kill(Vec<ServiceIdx>, u32),
    /// For so long nobody gets a certificate.
    AuthorityDown(Span),
    /// Something happens to the instances of the control plane.
    Plane(PlaneEvent),
    /// Sources send more, or less.
    Surge(Surge),
    /// The network is slower, or loses messages.
    Network(Network),
    /// Nodes come or go.
    Nodes(Nodes),
    /// The mesh's proxies are replaced.
    Upgrade(Upgrade),
}

/// The mesh's proxies are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Of which services, ascending, at least one.
    pub services: Vec<ServiceIdx>,
    /// How many services at once; `None` is all.
    pub wave: Option<u32>,
    /// From when a wave is done until the next.
    pub pause: Span,
}

/// Nodes come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// What happens to them.
    pub what: NodesWhat,
    /// How many; `None` is all.
    pub count: Option<u32>,
    /// In which zone; `None` is any.
    pub zone: Option<ZoneIdx>,
}

/// The traffic of sources is multiplied.
#[derive(Clone, Debug, PartialEq)]
pub struct Surge {
    /// Which, ascending, at least one.
    pub sources: Vec<SourceIdx>,
    /// What it is multiplied with, not negative.
    pub factor: f64,
    /// For how long; `None` is from then on.
    pub lasts: Option<Span>,
}

/// Messages between pods take longer, and some are lost and sent again.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What each leg takes longer, in nanoseconds.
    pub delay: Dist,
    /// The odds that a message is lost, from 0 to 1.
    pub loss: f64,
    /// Which messages.
    pub between: Between,
    /// For how long; `None` is from then on.
    pub lasts: Option<Span>,
}

/// Between which pods something happens to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// All of the cluster.
    All,
    /// Those of one zone and those of another, or of the same.
    Zones(ZoneIdx, ZoneIdx),
    /// Those of a zone and those of every other.
    Around(ZoneIdx),
}

impl Between {
    /// Whether it concerns messages between pods of these zones.
    pub fn concerns(self, one: ZoneIdx, other: ZoneIdx) -> bool {
        match self {
            Self::All => true,
            Self::Zones(first, second) => (one, other) == (first, second) || (other, one) == (first, second),
            Self::Around(zone) => (one == zone) != (other == zone),
        }
    }
}

/// What happens to the instances of a control plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlaneEvent {
    /// So many are gone without warning.
    Kill {
        /// How many at most.
        instances: u32,
    },
    /// Each has less CPU for a while.
    Starve {
        /// So much, in cores.
        cores: Cores,
        /// For so long.
        length: Span,
    },
}

impl EventKind {
    /// Whether it makes pods come or go.
    pub fn is_of_pods(&self) -> bool {
        matches!(self, Self::Nodes(_)) || !self.of_pods().is_empty()
    }

    /// The services that it names and whose pods come or go.
    pub fn of_pods(&self) -> &[ServiceIdx] {
        match self {
            Self::Change(_)
            | Self::AuthorityDown(_)
            | Self::Plane(_)
            | Self::Surge(_)
            | Self::Network(_)
            | Self::Nodes(_) => &[],
            Self::Rollout(services) | Self::Scale(services, _) | Self::Kill(services, _) => services,
            Self::Upgrade(upgrade) => &upgrade.services,
        }
    }
}

/// Routes or policies of services are changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which services, ascending, at least one.
    pub services: Vec<ServiceIdx>,
    /// How many objects change at once. They are spread evenly over the services; one concerns several services where
    /// there are fewer.
    pub objects: u32,
    /// From then on routes are these of [`Scenario::applied`](super::Scenario::applied); `None` if nobody says what they
    /// are.
    pub applies: Option<u32>,
}

impl Change {
    /// How many objects of the service at this position among them change.
    pub fn objects_of(&self, position: usize) -> u32 {
        let (services, objects) = (self.services.len() as u64, u64::from(self.objects));
        (objects.saturating_sub(position as u64)).div_ceil(services).max(1) as u32
    }
}

impl Event {
    /// What all events together are called in results; no event has this name.
    pub const ALL: &str = "all changes";

    /// How the names begin that changes of endpoints have in results; no event has such a name.
    pub const ENDPOINTS: &str = "endpoints of ";

    /// How often it happens before `end`, since the start of the run.
    pub fn times(&self, end: Span) -> u64 {
        let Some(Repeated { every, until }) = self.repeated else { return u64::from(self.at < end) };
        let until = until.map_or(end, |until| until.min(end));
        until.saturating_sub(self.at).nanos().div_ceil(every.nanos())
    }

    /// When it happens for the time of this number, counted from 0.
    pub fn time(&self, number: u64) -> SimTime {
        let every = self.repeated.map_or(0, |repeated| repeated.every.nanos());
        SimTime::ZERO + self.at + Span::from_nanos(every.saturating_mul(number))
    }
}

#[cfg(test)]
mod tests {
    use crate::index::Idx;

    use super::*;

    #[test]
    fn objects_are_spread_evenly_and_every_service_has_one() {
        let of = |services: usize, objects| {
            let change =
                Change { services: (0..services).map(ServiceIdx::at).collect(), objects, applies: None };
            (0..services).map(|position| change.objects_of(position)).collect::<Vec<_>>()
        };
        assert_eq!(of(3, 7), [3, 2, 2]);
        assert_eq!(of(3, 1), [1, 1, 1]);
        assert_eq!(of(1, 1000), [1000]);
    }

    #[test]
    fn it_happens_before_its_end() {
        let event = |at, repeated| Event {
            name: "churn".to_owned(),
            at: Span::from_seconds(at),
            repeated,
            kind: EventKind::Change(Change { services: vec![ServiceIdx::at(0)], objects: 1, applies: None }),
        };
        let every = |until: Option<u64>| {
            Some(Repeated { every: Span::from_seconds(2), until: until.map(Span::from_seconds) })
        };
        let end = Span::from_seconds(10);
        assert_eq!(event(9, None).times(end), 1);
        assert_eq!(event(10, None).times(end), 0);
        assert_eq!(event(3, every(None)).times(end), 4, "3, 5, 7, 9");
        assert_eq!(event(4, every(None)).times(end), 3, "4, 6, 8");
        assert_eq!(event(4, every(Some(7))).times(end), 2);
        assert_eq!(event(4, every(Some(100))).times(end), 3);
        assert_eq!(event(3, every(None)).time(2), SimTime::ZERO + Span::from_seconds(7));
    }
}

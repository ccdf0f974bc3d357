//! What happens during a run, as written.

use crate::units::{Cores, Span};

use crate::diag::Location;

use super::{Located, RouteDraft};

/// What may happen: the key that says so, an example, and what it is.
pub const EVENTS: [(&str, &str, &str); 7] = [
    (
        "change",
        "{at: 40s, change: [reviews, ratings], objects: 10, every: 1s, until: 60s}",
        "routes or policies of these services change, one object for each unless `objects` says how many in all",
    ),
    (
        "rollout",
        "{at: 20s, rollout: reviews}",
        "all pods of a service, or of each of its versions, are replaced as `lifecycle.strategy` says",
    ),
    (
        "scale",
        "{at: 20s, scale: reviews, replicas: 6}",
        "a service, which has no versions, has so many pods from then on; 0 is none",
    ),
    (
        "kill",
        "{at: 20s, kill: [reviews, ratings], pods: 1}",
        "so many pods of each service, or of each of its versions, are gone without warning and are replaced",
    ),
    (
        "certificate_authority",
        "{at: 20s, certificate_authority: down, for: 60s}",
        "for so long nobody gets a certificate: proxies ask again and again, and new ones wait",
    ),
    (
        "apply",
        "{at: 20s, apply: [{name: reviews, host: reviews, rules: [{to: {service: reviews, subset: v2}}]}]}",
        "routes are written as in `routes`: each takes the place of the one of its name, or is new",
    ),
    (
        "control_plane",
        "{at: 20s, control_plane: kill, instances: 1}",
        "`kill`: so many instances of the control plane are gone without warning and are replaced; `starve`: each has only \
         `cores: 0.2` `for: 30s`",
    ),
];

/// Something that happens at a time, once or again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDraft {
    /// Its name, if it has one.
    pub name: Option<Located<String>>,
    /// Since the start of the run, warm-up included.
    pub at: Located<Span>,
    /// It happens again after each such time ...
    pub every: Option<Located<Span>>,
    /// ... before this time, or the end of the run.
    pub until: Option<Located<Span>>,
    /// What happens.
    pub kind: EventKindDraft,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKindDraft {
    /// Routes or policies of services are changed.
    Change {
        /// Which services.
        services: ChangedDraft,
        /// How many objects change at once; `None` is one for each service.
        objects: Option<Located<u32>>,
    },
    /// All pods of services are replaced.
    Rollout {
        /// Which services.
        services: ChangedDraft,
    },
    /// Services get another number of pods.
    Scale {
        /// Which services.
        services: ChangedDraft,
        /// How many pods each has from then on.
        replicas: Located<u32>,
    },
    /// Pods are gone without warning.
    Kill {
        /// Of which services.
        services: ChangedDraft,
        /// How many of each.
        pods: Located<u32>,
    },
    /// Nobody gets a certificate.
    AuthorityDown {
        /// For how long.
        length: Located<Span>,
    },
    /// Routes take the places of those of the same kind, namespace and name, or are new.
    Apply {
        /// At least one.
        routes: Vec<RouteDraft>,
        /// Where they stand.
        location: Location,
    },
    /// Instances of the control plane are gone without warning.
    KillInstances {
        /// How many.
        instances: Located<u32>,
    },
    /// Each instance of the control plane has less CPU for a while.
    StarveInstances {
        /// How much.
        cores: Located<Cores>,
        /// For how long.
        length: Located<Span>,
    },
}

/// Services to which something happens.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangedDraft {
    /// All.
    All,
    /// These, at least one.
    These(Vec<Located<String>>),
}

//! What happens during a run, as written.

use crate::kernel::dist::Dist;
use crate::units::{Cores, Ratio, Span};

use crate::diag::Location;

use super::{Located, RouteDraft};

/// What may happen: the key that says so, an example, and what it is.
pub const EVENTS: [(&str, &str, &str); 13] = [
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
    (
        "surge",
        "{at: 20s, surge: users, factor: 3, for: 10s}",
        "sources, named or `all`, send so many times as much, `for` a while or from then on; users of a closed one are so \
         many times as many; 0 is silence",
    ),
    (
        "network",
        "{at: 20s, network: {delay: 5ms, loss: 1%, zones: [zone-1, zone-2]}, for: 30s}",
        "every message between two pods takes longer, and is lost with these odds and sent again: everywhere, between two \
         zones, or between one and all others",
    ),
    (
        "drain",
        "{at: 20s, drain: {nodes: 1}}",
        "so many nodes, or `{zone: zone-1}` all of a zone, take no more pods, and those on them are deleted and replaced elsewhere",
    ),
    (
        "lose",
        "{at: 20s, lose: {zone: zone-1}}",
        "nodes are gone without warning, chosen in the same way: nothing answers there, not even that nobody is there; \
         Kubernetes notices after `kubernetes.node_grace` and replaces their pods `kubernetes.eviction` later",
    ),
    (
        "add",
        "{at: 20s, add: {nodes: 2}}",
        "so many nodes more, in one zone or in all in turn, which take pods that had no room",
    ),
    (
        "upgrade",
        "{at: 20s, upgrade: all, wave: 2, pause: 10s}",
        "the mesh's proxies are replaced: of sidecars the pods of these services with them, `wave` services at a time, each wave \
         `pause` after the one before is done; of node proxies one node after the other, which cuts connections that are still \
         open when the old one has drained",
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
    /// Sources send more, or less.
    Surge {
        /// Which sources.
        sources: ChangedDraft,
        /// What their traffic is multiplied with.
        factor: Located<f64>,
        /// For how long; `None` is from then on.
        lasts: Option<Located<Span>>,
    },
    /// The network is slower, or loses messages.
    Network {
        /// What each leg takes longer, in nanoseconds.
        delay: Option<Dist>,
        /// The odds that a message is lost.
        loss: Option<Located<Ratio>>,
        /// Between which zones: two, or one and all others; none is everywhere.
        zones: Option<Located<Vec<Located<String>>>>,
        /// For how long; `None` is from then on.
        lasts: Option<Located<Span>>,
    },
    /// The mesh's proxies are replaced.
    Upgrade {
        /// Of which services, where they stand beside pods.
        services: ChangedDraft,
        /// How many services at once; `None` is all.
        wave: Option<Located<u32>>,
        /// From when a wave is done until the next.
        pause: Option<Located<Span>>,
    },
    /// Nodes come or go.
    Nodes {
        /// Which of these.
        what: NodesWhat,
        /// How many; `None` is all of the zone.
        count: Option<Located<u32>>,
        /// In which zone; `None` is any.
        zone: Option<Located<String>>,
    },
}

/// What happens to nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodesWhat {
    /// They take no more pods, and those on them are deleted.
    Drain,
    /// They are gone without warning.
    Lose,
    /// They are new.
    Add,
}

/// Services or sources to which something happens.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangedDraft {
    /// All.
    All,
    /// These, at least one.
    These(Vec<Located<String>>),
}

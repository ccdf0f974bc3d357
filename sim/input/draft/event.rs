//! What happens during a run, as written.

use crate::units::Span;

use super::Located;

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
}

/// Services to which something happens.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangedDraft {
    /// All.
    All,
    /// These, at least one.
    These(Vec<Located<String>>),
}

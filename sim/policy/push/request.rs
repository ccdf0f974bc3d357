//! What a push says, and what several say together.
//!
//! Follows `PushRequest` in pilot/pkg/model/push_context.go: of two, the merged one is older's start, full or forced if
//! either is, with the changes and reasons of both. A proxy's pending request is a range of pushes ([`Pushes`]), since
//! every push goes to every connected proxy; the log says what a range consists of.

use std::collections::VecDeque;

use crate::units::SimTime;

/// What several requests come to.
pub trait Merge {
    /// Adds what `newer` says, which was made later.
    fn merge(&mut self, newer: &Self);
}

/// Why something is pushed (`TriggerReason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// Endpoints came or went.
    Endpoint,
    /// A service was added, changed or removed.
    Service,
    /// Routing or policy was changed.
    Configuration,
    /// A certificate or key of a gateway was changed.
    Secret,
    /// A namespace's labels were changed.
    Namespace,
    /// Something of the whole mesh was changed.
    Global,
    /// A proxy has connected, or asked for more.
    Proxy,
}

impl Trigger {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Endpoint,
        Self::Service,
        Self::Configuration,
        Self::Secret,
        Self::Namespace,
        Self::Global,
        Self::Proxy,
    ];
}

/// A push, or several in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushRequest {
    /// When the first of its changes came.
    pub since: Option<SimTime>,
    /// Everything that depends on the changes is made anew; else endpoints only.
    pub is_full: bool,
    /// It concerns every proxy, whatever it sees.
    pub is_forced: bool,
    /// What has changed, ascending: numbers of services.
    changed: Vec<u32>,
    /// How many changes for which reason.
    counts: [u32; Trigger::ALL.len()],
}

impl PushRequest {
    /// One change of some services, that is endpoints only unless `is_full`.
    pub fn of(trigger: Trigger, is_full: bool, services: &[u32], now: SimTime) -> Self {
        let mut request = Self { since: Some(now), is_full, ..Self::default() };
        request.counts[trigger as usize] = 1;
        request.add(services);
        request
    }

    /// A change that concerns every proxy.
    pub fn forced(trigger: Trigger, now: SimTime) -> Self {
        Self { is_forced: true, ..Self::of(trigger, true, &[], now) }
    }

    /// Services that have changed, ascending.
    pub fn changed(&self) -> &[u32] {
        &self.changed
    }

    /// How many changes were made for this reason.
    pub const fn count(&self, trigger: Trigger) -> u32 {
        self.counts[trigger as usize]
    }

    /// How many changes there are.
    pub fn changes(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Whether a proxy that sees these services, ascending, needs it.
    pub fn concerns(&self, sees: &[u32]) -> bool {
        let (few, many) = if self.changed.len() < sees.len() {
            (&self.changed[..], sees)
        } else {
            (sees, &self.changed[..])
        };
        self.is_forced || few.iter().any(|service| many.binary_search(service).is_ok())
    }

    /// Says nothing, and keeps its memory.
    pub fn clear(&mut self) {
        self.changed.clear();
        let changed = std::mem::take(&mut self.changed);
        *self = Self { changed, ..Self::default() };
    }

    fn add(&mut self, services: &[u32]) {
        if services.is_empty() {
            return;
        }
        self.changed.extend_from_slice(services);
        self.changed.sort_unstable();
        self.changed.dedup();
    }
}

impl Merge for PushRequest {
    fn merge(&mut self, newer: &Self) {
        self.since = match (self.since, newer.since) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        self.is_full |= newer.is_full;
        self.is_forced |= newer.is_forced;
        self.add(&newer.changed);
        for (own, other) in self.counts.iter_mut().zip(newer.counts) {
            *own += other;
        }
    }
}

/// Pushes that a proxy is to get at once: a range of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushes {
    /// The first of them.
    pub first: u64,
    /// The last of them: what the proxy has then.
    pub last: u64,
}

impl Pushes {
    /// One push.
    pub const fn one(version: u64) -> Self {
        Self { first: version, last: version }
    }
}

impl Merge for Pushes {
    fn merge(&mut self, newer: &Self) {
        self.first = self.first.min(newer.first);
        self.last = self.last.max(newer.last);
    }
}

/// The pushes that some proxy may still be owed, by version from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushLog {
    pushes: VecDeque<PushRequest>,
    /// Version of the first of them.
    first: u64,
    spare: Vec<PushRequest>,
}

impl Default for PushLog {
    fn default() -> Self {
        Self { pushes: VecDeque::new(), first: 1, spare: Vec::new() }
    }
}

impl PushLog {
    /// Takes what has been gathered, which says nothing afterwards, for the next push. Returns its version.
    pub fn push(&mut self, gathered: &mut PushRequest) -> u64 {
        let mut empty = self.spare.pop().unwrap_or_default();
        std::mem::swap(gathered, &mut empty);
        self.pushes.push_back(empty);
        self.latest()
    }

    /// Version of the latest push; 0 before the first.
    pub fn latest(&self) -> u64 {
        self.first + self.pushes.len() as u64 - 1
    }

    /// What these pushes say together.
    ///
    /// # Panics
    /// When one of them is forgotten, or not made yet.
    pub fn merged(&self, pushes: Pushes, into: &mut PushRequest) {
        into.clear();
        for version in pushes.first..=pushes.last {
            into.merge(self.get(version));
        }
    }

    /// What one push says.
    ///
    /// # Panics
    /// When it is forgotten, or not made yet.
    pub fn get(&self, version: u64) -> &PushRequest {
        let position = version.checked_sub(self.first).expect("a push that is not forgotten");
        &self.pushes[position as usize]
    }

    /// Forgets pushes before a version: nobody is owed them any more.
    pub fn forget_before(&mut self, version: u64) {
        while self.first < version
            && let Some(mut push) = self.pushes.pop_front()
        {
            push.clear();
            self.spare.push(push);
            self.first += 1;
        }
    }
}

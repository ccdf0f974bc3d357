//! How a Deployment replaces its pods: sizes of replica sets, step by step.
//!
//! Follows pkg/controller/deployment/{rolling,recreate,sync}.go and util/deployment_util.go. A step either adds new pods
//! or takes old ones away, never both. Old pods that are not available go first: taking them away costs nothing. What a
//! replica set takes away it chooses by [`Rank`]. Pods that are being deleted count no more.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::units::{SimTime, Span};

pub use crate::vocabulary::{Amount, UpdateStrategy};

/// The pods of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSet {
    /// How many it is told to have.
    pub replicas: u32,
    /// How many of them are available: ready for as long as they have to be.
    pub available: u32,
}

impl ReplicaSet {
    const fn unavailable(self) -> u32 {
        self.replicas.saturating_sub(self.available)
    }
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The new set has become so much larger.
    Added(u32),
    /// Sets have become so much smaller in all.
    Removed(u32),
    /// Nothing can be done, or is left to do.
    Nothing,
}

/// Takes one step towards so many pods in `new` and none in `old` (oldest first). `terminating` are pods of old sets
/// that have not ended. Due whenever a pod has become available, unavailable or has ended, and after every step that
/// has done something.
pub fn step(
    strategy: UpdateStrategy,
    replicas: u32,
    old: &mut [ReplicaSet],
    new: &mut ReplicaSet,
    terminating: u32,
) -> Step {
    if new.replicas > replicas {
        return Step::Removed(std::mem::replace(&mut new.replicas, replicas) - replicas);
    }
    let (surge, unavailable) = strategy.bounds(replicas);
    let old_replicas: u32 = old.iter().map(|set| set.replicas).sum();
    if strategy == UpdateStrategy::Recreate {
        if old_replicas > 0 {
            for set in old.iter_mut() {
                set.replicas = 0;
            }
            return Step::Removed(old_replicas);
        }
        if terminating > 0 {
            return Step::Nothing;
        }
    }
    let room = (replicas + surge).saturating_sub(old_replicas + new.replicas);
    let added = room.min(replicas - new.replicas);
    if added > 0 {
        new.replicas += added;
        return Step::Added(added);
    }
    let least = replicas - unavailable;
    match remove(old, *new, least) {
        0 => Step::Nothing,
        removed => Step::Removed(removed),
    }
}

/// Takes old pods away while so many stay available, and says how many.
fn remove(old: &mut [ReplicaSet], new: ReplicaSet, least: u32) -> u32 {
    let all: u32 = old.iter().map(|set| set.replicas).sum::<u32>() + new.replicas;
    let mut room = all.saturating_sub(least + new.unavailable());
    if room == 0 {
        return 0;
    }
    let mut removed = 0;
    for set in old.iter_mut() {
        let count = set.unavailable().min(room);
        set.replicas -= count;
        room -= count;
        removed += count;
    }
    let available = old.iter().map(|set| set.available).sum::<u32>() + new.available;
    let mut room = available.saturating_sub(least);
    for set in old.iter_mut() {
        let count = set.replicas.min(room);
        set.replicas -= count;
        room -= count;
        removed += count;
    }
    removed
}

/// The number of wanted pods changes from `from` to `to` while there may be several sets (oldest first, the new one
/// last): all change in proportion, and the largest takes what rounding leaves. Steps go on from there.
pub fn rescale(strategy: UpdateStrategy, from: u32, to: u32, sets: &mut [ReplicaSet]) {
    let active = sets.iter().filter(|set| set.replicas > 0).count();
    if active <= 1 {
        let only = sets.iter().position(|set| set.replicas > 0).or(sets.len().checked_sub(1));
        if let Some(set) = only.and_then(|position| sets.get_mut(position)) {
            set.replicas = to;
        }
        return;
    }
    let UpdateStrategy::RollingUpdate { .. } = strategy else { return };
    let with_surge = |replicas: u32| i64::from(replicas + strategy.bounds(replicas).0);
    let allowed = if to == 0 { 0 } else { with_surge(to) };
    let change = allowed - sets.iter().map(|set| i64::from(set.replicas)).sum::<i64>();
    let mut order: SmallVec<[usize; 4]> =
        (0..sets.len()).filter(|&position| sets[position].replicas > 0).collect();
    // Of equal ones the newer first where pods are added, the older where they are taken away.
    order.sort_by_key(|&position| {
        let age = if change > 0 { sets.len() - position } else { position };
        (std::cmp::Reverse(sets[position].replicas), age)
    });
    let mut left = change;
    for &position in &order {
        let size = i64::from(sets[position].replicas);
        let share = if to == 0 { 0.0 } else { (size * allowed) as f64 / with_surge(from) as f64 };
        let share = share.round() as i64 - size;
        let share = if change > 0 { share.min(left) } else { share.max(left) };
        let share = if change == 0 { 0 } else { share };
        sets[position].replicas = (size + share) as u32;
        left -= share;
    }
    let largest = &mut sets[order[0]];
    largest.replicas = (i64::from(largest.replicas) + left).max(0) as u32;
}

/// From when on a pod that is ready since then counts as available, if it stays so (`minReadySeconds`).
pub fn available_from(ready: SimTime, min_ready: Span) -> SimTime {
    ready + min_ready
}

/// How a rollout goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All pods are new and available.
    Complete,
    /// It has moved lately.
    Progressing,
    /// It has not moved for longer than its deadline (`ProgressDeadlineExceeded`); it goes on all the same.
    Stalled,
}

/// What there is of a Deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// All pods.
    pub replicas: u32,
    /// Pods of the new set.
    pub updated: u32,
    /// Pods that are ready, of all sets.
    pub ready: u32,
    /// Pods that are available, of all sets.
    pub available: u32,
}

/// Whether a rollout moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    deadline: Span,
    moved: SimTime,
    last: Status,
}

impl Progress {
    /// Of a rollout that begins now; `deadline` is 600 s unless told (`progressDeadlineSeconds`).
    pub const fn new(deadline: Span, status: Status, now: SimTime) -> Self {
        Self { deadline, moved: now, last: status }
    }

    /// Looks at what there is of it.
    pub fn observe(&mut self, status: Status, replicas: u32, now: SimTime) -> State {
        let last = std::mem::replace(&mut self.last, status);
        let old = |status: Status| status.replicas.saturating_sub(status.updated);
        let has_moved = status.updated > last.updated
            || old(status) < old(last)
            || status.ready > last.ready
            || status.available > last.available;
        if has_moved {
            self.moved = now;
        }
        if status.updated == replicas && status.replicas == replicas && status.available == replicas {
            State::Complete
        } else if self.moved + self.deadline < now {
            State::Stalled
        } else {
            State::Progressing
        }
    }
}

/// What a replica set looks at to choose the pods it takes away (`ActivePodsWithRanks` in
/// pkg/controller/controller_utils.go): the least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// It has a node.
    pub is_scheduled: bool,
    /// Its containers run.
    pub is_running: bool,
    /// Since when it is ready.
    pub ready: Option<SimTime>,
    /// Pods of the same owner on its node.
    pub neighbours: u32,
    /// How often its containers were started again.
    pub restarts: u32,
    /// When it was made.
    pub created: SimTime,
    /// Decides where nothing else does (the random UID there).
    pub tie: u64,
}

impl Rank {
    /// Which of two goes first at a time: `Less` if `self` does.
    pub fn compare(&self, other: &Self, now: SimTime) -> Ordering {
        (self.is_scheduled.cmp(&other.is_scheduled))
            .then(self.is_running.cmp(&other.is_running))
            .then(self.ready.is_some().cmp(&other.ready.is_some()))
            .then(other.neighbours.cmp(&self.neighbours))
            .then_with(|| self.by_age(other, self.ready, other.ready, now))
            .then(other.restarts.cmp(&self.restarts))
            .then_with(|| self.by_age(other, Some(self.created), Some(other.created), now))
            .then(self.tie.cmp(&other.tie))
    }

    /// The younger first, where ages differ in their whole binary logarithm; by chance where they only differ.
    fn by_age(
        &self,
        other: &Self,
        since: Option<SimTime>,
        others: Option<SimTime>,
        now: SimTime,
    ) -> Ordering {
        let magnitude = |since: SimTime| now.since(since).nanos().checked_ilog2();
        match (since, others) {
            (Some(since), Some(others)) if since != others => {
                magnitude(since).cmp(&magnitude(others)).then(self.tie.cmp(&other.tie))
            }
            _ => Ordering::Equal,
        }
    }
}

//! Which pods a workload is to have: revisions, their sizes, and which pods go first.

use std::cmp::Ordering;

use crate::index::Idx;
use crate::kernel::Uniform;
use crate::kernel::rng::Key;
use crate::policy::rollout::{Rank, ReplicaSet, Step, rescale, step};
use crate::program::PodIdx;
use crate::program::lifecycle::LifeIdx;
use crate::units::SimTime;

use super::super::{Engine, draw};
use super::Lifecycle;
use super::nodes::Nodes;
use super::pod::Phase;

/// What a workload's pods are to be.
#[derive(Debug)]
pub(super) struct Deployment {
    wanted: u32,
    /// Pods wanted of each revision that there are pods of, oldest first; the last is the newest.
    sets: Vec<(u32, u32)>,
}

impl Deployment {
    pub(super) fn new(wanted: u32) -> Self {
        Self { wanted, sets: vec![(0, wanted)] }
    }

    /// Pods that are wanted of a revision; `None` if it is forgotten.
    fn wanted_of(&self, revision: u32) -> Option<u32> {
        self.sets.iter().find(|(other, _)| *other == revision).map(|&(_, wanted)| wanted)
    }

    /// Pods that are wanted.
    pub(super) const fn wanted(&self) -> u32 {
        self.wanted
    }
}

impl Lifecycle<'_> {
    /// The replica sets as the controller sees them, and pods that have not ended.
    fn sets(&self, life: LifeIdx) -> (Vec<ReplicaSet>, u32) {
        let places = &self.places[life];
        let set = |&(revision, replicas): &(u32, u32)| {
            let own = places.iter().filter(|place| place.is_active() && place.revision == revision);
            ReplicaSet { replicas, available: own.filter(|place| place.is_available).count() as u32 }
        };
        let ending = places.iter().filter(|place| place.phase == Phase::Ending).count();
        (self.deployments[life].sets.iter().map(set).collect(), ending as u32)
    }

    /// All pods are of the newest revision, and as many as wanted are available.
    pub(super) fn is_rolled_out(&self, life: LifeIdx) -> bool {
        let deployment = &self.deployments[life];
        let Some(&(newest, _)) = deployment.sets.last() else { return true };
        let active = self.places[life].iter().filter(|place| place.is_active());
        let (mut old, mut available) = (0, 0);
        for place in active {
            old += u32::from(place.revision != newest);
            available += u32::from(place.is_available);
        }
        old == 0 && available >= deployment.wanted
    }

    fn count(&self, life: LifeIdx, revision: u32) -> u32 {
        let own = self.places[life].iter().filter(|place| place.is_active() && place.revision == revision);
        own.count() as u32
    }

    /// The pod of a revision that its replica set takes away first.
    fn first_to_go(
        &self,
        life: LifeIdx,
        revision: u32,
        now: SimTime,
        tie: impl Fn(u32) -> u64,
    ) -> Option<u32> {
        let places = &self.places[life];
        let rank = |position: u32| {
            let place = &places[position as usize];
            Rank {
                is_scheduled: true,
                is_running: place.phase == Phase::Ready,
                ready: place.ready,
                neighbours: 0,
                restarts: place.crashes.restarts(),
                created: place.created,
                tie: tie(position),
            }
        };
        let all = (0..places.len() as u32).filter(|&position| {
            let place = &places[position as usize];
            place.is_active() && place.revision == revision
        });
        all.min_by(|&one, &other| rank(one).compare(&rank(other), now))
    }
}

impl Engine<'_> {
    /// All pods of a workload are to be replaced by new ones.
    pub(super) fn begin_rollout(&mut self, life: LifeIdx) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let sets = &mut lifecycle.deployments[life].sets;
        let newest = sets.last().map_or(0, |&(revision, _)| revision);
        sets.push((newest + 1, 0));
        self.roll(life);
    }

    /// So many pods are wanted from now on.
    pub(super) fn scale(&mut self, life: LifeIdx, pods: u32) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let (mut sets, _) = lifecycle.sets(life);
        let deployment = &mut lifecycle.deployments[life];
        rescale(lifecycle.setup.lives[life].strategy, deployment.wanted, pods, &mut sets);
        deployment.wanted = pods;
        for ((_, replicas), set) in deployment.sets.iter_mut().zip(sets) {
            *replicas = set.replicas;
        }
        self.fit(life);
        self.roll(life);
    }

    /// So many pods are gone without warning, whichever; others take their place.
    pub(super) fn kill(&mut self, life: LifeIdx, pods: u32, number: u64) {
        let Some(lifecycle) = &self.lifecycle else { return };
        let mut ready: Vec<u32> = (0..)
            .zip(&lifecycle.places[life])
            .filter(|(_, place)| place.phase == Phase::Ready && !place.is_lost)
            .map(|(position, _)| position)
            .collect();
        let mut draws = self.life_key(life).draws(draw::POD_CHOICE, number, 0, 0);
        for _ in 0..pods.min(ready.len() as u32) {
            let victim = ready.swap_remove(draws.below(ready.len() as u32) as usize);
            // One may have been taken away when another one went.
            if self
                .lifecycle
                .as_ref()
                .is_some_and(|of| of.places[life][victim as usize].phase == Phase::Ready)
            {
                self.drop_dead(life, victim);
            }
        }
        self.fit(life);
        self.roll(life);
    }

    /// Takes steps of a rollout until none is due: whenever pods have become available or have gone.
    pub(super) fn roll(&mut self, life: LifeIdx) {
        loop {
            let Some(lifecycle) = &mut self.lifecycle else { return };
            let (mut sets, ending) = lifecycle.sets(life);
            let strategy = lifecycle.setup.lives[life].strategy;
            let deployment = &mut lifecycle.deployments[life];
            let wanted = deployment.wanted;
            let Some((new, old)) = sets.split_last_mut() else { return };
            if step(strategy, wanted, old, new, ending) == Step::Nothing {
                break;
            }
            for ((_, replicas), set) in deployment.sets.iter_mut().zip(sets) {
                *replicas = set.replicas;
            }
            self.fit(life);
        }
        let Some(lifecycle) = &mut self.lifecycle else { return };
        // Revisions of which nothing is left are forgotten; the newest is kept.
        let counts: Vec<u32> = lifecycle.deployments[life]
            .sets
            .iter()
            .map(|&(revision, _)| lifecycle.count(life, revision))
            .collect();
        let sets = &mut lifecycle.deployments[life].sets;
        let newest = sets.len() - 1;
        let mut position = 0;
        sets.retain(|&(_, replicas)| {
            let is_kept = position == newest || replicas > 0 || counts[position] > 0;
            position += 1;
            is_kept
        });
        self.look_at_upgrades();
    }

    /// Every replica set makes or takes away pods until it has as many as it is told.
    pub(super) fn fit(&mut self, life: LifeIdx) {
        let now = self.schedule.now();
        let key = self.life_key(life);
        let tie = |position: u32| key.draws(draw::POD_CHOICE, u64::from(position), 1, 0).bits();
        let Some(lifecycle) = &self.lifecycle else { return };
        let revisions: Vec<u32> =
            lifecycle.deployments[life].sets.iter().map(|&(revision, _)| revision).collect();
        for revision in revisions {
            // A pod that goes makes room, which may change what is wanted.
            while let Some(lifecycle) = &self.lifecycle
                && let Some(wanted) = lifecycle.deployments[life].wanted_of(revision)
            {
                let count = lifecycle.count(life, revision);
                match count.cmp(&wanted) {
                    Ordering::Equal => break,
                    Ordering::Greater => {
                        let Some(victim) = lifecycle.first_to_go(life, revision, now, tie) else { break };
                        self.end_pod(life, victim);
                    }
                    Ordering::Less => {
                        // Without a free place the pod waits until one is.
                        let Some(place) = self.free_place(life) else { break };
                        self.start_pod(life, place, revision);
                    }
                }
            }
        }
        self.count_waiting(life);
    }

    /// Where nodes come and go, pods may wait for room.
    fn count_waiting(&mut self, life: LifeIdx) {
        let now = self.schedule.now();
        let Some(lifecycle) = &mut self.lifecycle else { return };
        if lifecycle.nodes.is_none() {
            return;
        }
        let sets = &lifecycle.deployments[life].sets;
        let missing =
            sets.iter().map(|&(revision, wanted)| wanted.saturating_sub(lifecycle.count(life, revision)));
        let missing: u32 = missing.sum();
        let (pods, since) = std::mem::replace(&mut lifecycle.waiting[life], (missing, now));
        let nanos = u64::from(pods) * self.program.window.overlap(since, now).nanos();
        lifecycle.records[life].waiting_nanos += nanos;
    }

    /// Where what belongs to no pod is drawn.
    pub(super) fn life_key(&self, life: LifeIdx) -> Key {
        let first = self.program.pods[self.pod_at(life, 0)].identity;
        Key::new(&[self.program.seed, u64::from(self.replication), first])
    }

    /// A place that no pod is in, and to which nothing refers any more.
    fn free_place(&self, life: LifeIdx) -> Option<u32> {
        let lifecycle = self.lifecycle.as_ref()?;
        let mut free = (0..).zip(&lifecycle.places[life]).filter(|(_, place)| place.phase == Phase::Free);
        let request = lifecycle.setup.lives[life].request;
        let is_clear = |place: u32| {
            let pod = self.pod_at(life, place);
            let node = self.program.pods[pod].node;
            if lifecycle.nodes.as_ref().is_some_and(|nodes| !nodes.takes(node, request)) {
                return false;
            }
            let is_told = self.control.as_ref().is_none_or(|control| control.is_clear(pod));
            is_told && !self.calls.iter().any(|call| call.callee == pod || call.caller == pod)
        };
        free.find(|&(place, _)| is_clear(place)).map(|(place, _)| place)
    }

    /// Deployments whose pods wait for a free place look again.
    pub(super) fn look_for_places(&mut self, pod: PodIdx) {
        // Where room is scarce, those of others may have waited for it.
        if self.lifecycle.as_ref().is_some_and(|of| of.nodes.as_ref().is_some_and(Nodes::is_limited)) {
            return self.look_everywhere();
        }
        if let Some((life, _)) = self.program.place(pod) {
            self.fit(life);
            self.roll(life);
        }
    }

    /// All deployments look whether they have the pods that they are to have.
    pub(super) fn look_everywhere(&mut self) {
        let lives = self.lifecycle.as_ref().map_or(0, |lifecycle| lifecycle.places.len());
        for life in (0..lives).map(LifeIdx::at) {
            self.fit(life);
            self.roll(life);
        }
    }
}

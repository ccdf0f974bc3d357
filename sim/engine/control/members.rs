//! Which endpoints there are, and as of when each client knows them.
//!
//! Endpoints of a workload change in steps, each a version. Who picks endpoints is a *client*: a proxy that a control
//! plane tells, or a node, whose rules serve the pods that no such proxy stands beside. A client knows one version of each
//! workload's endpoints, however late that is.

use std::collections::VecDeque;

use crate::index::{Idx, IndexVec};
use crate::policy::available::Available;
use crate::program::Program;
use crate::program::lifecycle::{LifeIdx, Lifecycle};

/// Versions kept in any case.
const MOST_KEPT: usize = 64;

/// Who picks endpoints: subscribers of the control plane, then nodes, then whoever is outside the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct ClientIdx(pub(super) u32);

/// A client has learned of endpoints.
pub(in crate::engine) type Learned = (ClientIdx, LifeIdx);

#[derive(Debug)]
pub(in crate::engine) struct Members {
    histories: IndexVec<LifeIdx, History>,
    /// The version that each client knows, by client and life.
    known: Vec<u32>,
    lives: usize,
}

/// The endpoints of a workload: places with a pod that is one.
#[derive(Debug)]
struct History {
    versions: VecDeque<Available>,
    /// Number of the first that is kept.
    first: u32,
    /// The latest that control planes and nodes have heard of.
    heard: u32,
    /// So many are worth a look at who needs the first of them.
    look_at: usize,
}

impl Members {
    /// At the start everybody knows the pods that are there.
    pub(super) fn new(program: &Program, setup: &Lifecycle, clients: u32) -> Self {
        let history = |life: &crate::program::lifecycle::Life| {
            let workload = &program.workloads[life.workload];
            let mut available = Available::all(workload.pods);
            for place in workload.wanted..workload.pods {
                available.remove(place);
            }
            History { versions: VecDeque::from([available]), first: 0, heard: 0, look_at: MOST_KEPT }
        };
        let lives = setup.lives.len();
        Self {
            histories: setup.lives.iter().map(history).collect(),
            known: vec![0; lives * clients as usize],
            lives,
        }
    }

    /// The endpoints as they are now.
    pub(super) fn latest(&self, life: LifeIdx) -> &Available {
        let history = &self.histories[life];
        &history.versions[history.versions.len() - 1]
    }

    /// How many endpoints there are more than when the run began.
    pub(super) fn more_than_at_start(&self, program: &Program) -> f64 {
        let Some(setup) = &program.lifecycle else { return 0.0 };
        let more = setup.lives.iter_enumerated().map(|(life, one)| {
            let workload = &program.workloads[one.workload];
            let endpoints = workload.pods as usize - self.latest(life).out().len();
            endpoints as f64 - f64::from(workload.wanted)
        });
        more.sum()
    }

    /// From now on the endpoints are others; returns the version.
    pub(super) fn publish(&mut self, life: LifeIdx, endpoints: Available) -> u32 {
        self.forget(life);
        let history = &mut self.histories[life];
        history.versions.push_back(endpoints);
        history.first + history.versions.len() as u32 - 1
    }

    /// Control planes and nodes have heard of a version.
    pub(super) fn hear(&mut self, life: LifeIdx, version: u32) {
        self.histories[life].heard = version;
    }

    /// A client knows a version; returns whether it knew an older one.
    pub(super) fn learn(&mut self, client: ClientIdx, life: LifeIdx, version: u32) -> bool {
        let known = &mut self.known[client.0 as usize * self.lives + life.position()];
        let is_new = version > *known;
        *known = version.max(*known);
        is_new
    }

    /// A client begins with whatever has been heard of.
    pub(super) fn learn_all(&mut self, client: ClientIdx) {
        for (life, history) in self.histories.iter_enumerated() {
            self.known[client.0 as usize * self.lives + life.position()] = history.heard;
        }
    }

    /// What a client takes for the endpoints.
    pub(in crate::engine) fn known(&self, client: ClientIdx, life: LifeIdx) -> &Available {
        let history = &self.histories[life];
        let version = self.known[client.0 as usize * self.lives + life.position()];
        &history.versions[(version - history.first) as usize]
    }

    /// Forgets versions that nobody knows any more.
    fn forget(&mut self, life: LifeIdx) {
        let history = &mut self.histories[life];
        if history.versions.len() < history.look_at {
            return;
        }
        let of_life = self.known.iter().skip(life.position()).step_by(self.lives);
        let oldest = of_life.min().copied().unwrap_or(history.heard).min(history.heard);
        history.versions.drain(..(oldest - history.first) as usize);
        history.first = oldest;
        history.look_at = MOST_KEPT.max(2 * history.versions.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(places: u32, clients: usize) -> Members {
        let history =
            History { versions: VecDeque::from([Available::all(places)]), first: 0, heard: 0, look_at: 2 };
        Members { histories: IndexVec::from_iter([history]), known: vec![0; clients], lives: 1 }
    }

    #[test]
    fn each_client_knows_the_version_it_was_told_and_what_nobody_knows_is_forgotten() {
        let mut members = members(3, 2);
        let life = LifeIdx::at(0);
        let mut all = Vec::new();
        for version in 1..=200_u32 {
            let mut endpoints = Available::all(3);
            endpoints.remove(version % 3);
            all.push(endpoints.clone());
            assert_eq!(members.publish(life, endpoints), version);
            members.hear(life, version);
            assert!(members.learn(ClientIdx(0), life, version));
            assert!(!members.learn(ClientIdx(0), life, version - 1), "nobody unlearns");
            if version > 50 {
                members.learn(ClientIdx(1), life, version - 50);
            }
            assert_eq!(members.known(ClientIdx(0), life), &all[version as usize - 1]);
            if version > 50 {
                assert_eq!(members.known(ClientIdx(1), life), &all[version as usize - 51]);
            }
        }
        assert!(members.histories[life].versions.len() < 150, "what nobody knows is forgotten");
        members.learn_all(ClientIdx(1));
        assert_eq!(members.known(ClientIdx(1), life), members.latest(life));
    }
}

//! Pods that come and go: rollouts, scaling, pods that are killed.
//!
//! `deployment` decides which pods there are to be, `autoscale` how many, `pod` is one place and the pod in it, `stages` takes a pod from one
//! stage of its life to the next, `downfall` is what its end does to connections and calls, `nodes` are machines that come and
//! go, `upgrade` replaces the mesh's proxies, `out_of_memory` is what happens to those that pass their limits. What a pod's start and end
//! consist of is computed when they begin ([`crate::policy::pod_start`], [`crate::policy::pod_end`]).

mod autoscale;
mod deployment;
mod downfall;
mod nodes;
mod out_of_memory;
mod pod;
mod stages;
mod upgrade;

use crate::index::{Idx, IndexVec};
use crate::metrics::record::LifeRecord;
use crate::policy::available::Available;
use crate::program::lifecycle::{IncidentIdx, IncidentKind, LifeIdx, Lifecycle as Setup};
use crate::program::{EdgeIdx, PodIdx, Program, ProxyIdx, WorkloadIdx};
use crate::units::SimTime;

use super::recorder::Recorder;
use super::{Engine, Event};

use autoscale::Autoscaler;
use deployment::Deployment;
pub(super) use nodes::NodeStage;
use nodes::Nodes;
use pod::{Phase, Place};
pub(super) use stages::PodStage;
use upgrade::Upgrade;

/// The state of everything of which pods come and go.
#[derive(Debug)]
pub(super) struct Lifecycle<'p> {
    setup: &'p Setup,
    /// What becomes of each life's pods.
    deployments: IndexVec<LifeIdx, Deployment>,
    autoscalers: IndexVec<LifeIdx, Option<Autoscaler>>,
    /// Its places; a place's position is the pod's within its workload.
    places: IndexVec<LifeIdx, Vec<Place>>,
    /// The edges that lead to it, with the number of its first place on each.
    edges: IndexVec<LifeIdx, Vec<EdgeIdx>>,
    /// Of each edge: whose pods it leads to, and the number of the first of them.
    leads_to: IndexVec<EdgeIdx, Vec<(LifeIdx, u32)>>,
    /// The edges of each workload, by slot.
    of_callers: IndexVec<WorkloadIdx, Vec<EdgeIdx>>,
    /// How often each incident has happened.
    happened: IndexVec<IncidentIdx, u64>,
    records: IndexVec<LifeIdx, LifeRecord>,
    /// `None` where no nodes come and go.
    nodes: Option<Nodes<'p>>,
    /// Upgrades of sidecars that go on.
    upgrades: Vec<Upgrade>,
    /// Proxies that are killed when their memory passes its limit, ascending, with their pods.
    mortal_proxies: Vec<(ProxyIdx, PodIdx)>,
    /// Pods that wait for a place, and since when.
    waiting: IndexVec<LifeIdx, (u32, SimTime)>,
}

impl<'p> Lifecycle<'p> {
    /// `None` where no pods come and go.
    pub(super) fn new(program: &'p Program) -> Option<Box<Self>> {
        let setup = program.lifecycle.as_deref()?;
        let mut edges = IndexVec::filled(Vec::new(), setup.lives.len());
        let mut leads_to = IndexVec::filled(Vec::new(), program.edges.len());
        let mut of_callers = IndexVec::filled(Vec::new(), program.workloads.len());
        for (index, edge) in program.edges.iter_enumerated() {
            debug_assert_eq!(of_callers[edge.caller].len(), edge.slot as usize, "slots are in order");
            of_callers[edge.caller].push(index);
            for (life, first) in setup.lives_of(program, edge) {
                edges[life].push(index);
                leads_to[index].push((life, first));
            }
        }
        let workloads = || setup.lives.iter().map(|life| &program.workloads[life.workload]);
        let places = workloads().map(|workload| {
            (0..workload.pods)
                .map(|place| if place < workload.wanted { Place::taken() } else { Place::free() })
        });
        let autoscalers = setup.lives.iter().map(|life| {
            let places = program.workloads[life.workload].pods;
            life.autoscaler.as_ref().map(|autoscaler| Autoscaler::new(autoscaler, places))
        });
        Some(Box::new(Self {
            setup,
            deployments: workloads().map(|workload| Deployment::new(workload.wanted)).collect(),
            autoscalers: autoscalers.collect(),
            places: places.map(Iterator::collect).collect(),
            edges,
            leads_to,
            of_callers,
            happened: IndexVec::filled(0, setup.incidents.len()),
            records: IndexVec::filled(LifeRecord::default(), setup.lives.len()),
            nodes: setup.nodes.as_ref().map(|nodes| Nodes::new(program, nodes)),
            upgrades: Vec::new(),
            mortal_proxies: out_of_memory::mortal_proxies(program),
            waiting: IndexVec::filled((0, SimTime::ZERO), setup.lives.len()),
        }))
    }

    /// The edges that lead to a life's pods.
    pub(super) fn edges_to(&self, life: LifeIdx) -> &[EdgeIdx] {
        &self.edges[life]
    }

    /// Whose pods an edge leads to, and the number of the first place of each on it.
    pub(super) fn leads_to(&self, edge: EdgeIdx) -> &[(LifeIdx, u32)] {
        &self.leads_to[edge]
    }

    /// The edges of a workload, by slot.
    pub(super) fn edges_of(&self, caller: WorkloadIdx) -> &[EdgeIdx] {
        &self.of_callers[caller]
    }

    fn place(&self, program: &Program, pod: PodIdx) -> Option<&Place> {
        let (life, place) = program.place(pod)?;
        Some(&self.places[life][place as usize])
    }

    /// The endpoints of a life: places whose pods have been written down as such.
    fn endpoints(&self, life: LifeIdx) -> Available {
        let places = &self.places[life];
        let mut endpoints = Available::all(places.len() as u32);
        for (position, _) in (0..).zip(places).filter(|(_, place)| !place.is_endpoint) {
            endpoints.remove(position);
        }
        endpoints
    }

    /// For which share of the window each proxy was there: all of it, unless it comes and goes with its pod.
    pub(super) fn shares(&self, program: &Program, end: SimTime) -> IndexVec<ProxyIdx, f64> {
        let mut shares = IndexVec::filled(1.0, program.proxies.len());
        let window = program.window.length().nanos() as f64;
        for (life, places) in self.places.iter_enumerated() {
            let workload = &program.workloads[self.setup.lives[life].workload];
            for (position, place) in (0..).zip(places).filter(|_| workload.group.is_some()) {
                if let Some(proxy) = program.pods[PodIdx(workload.first_pod.0 + position)].proxy {
                    shares[proxy] = place.nanos_in(program.window, end) as f64 / window;
                }
            }
        }
        let of_nodes = self.nodes.iter().flat_map(|nodes| nodes.shares(program, end));
        for (proxy, share) in of_nodes {
            shares[proxy] = share;
        }
        shares
    }

    /// The records; `recorder` is told how many instances there were on average.
    pub(super) fn finish(self, program: &Program, end: SimTime, recorder: &mut Recorder) -> Vec<LifeRecord> {
        let window = program.window;
        let length = window.length().nanos() as f64;
        let mut records = self.records;
        for (life, &(pods, since)) in self.waiting.iter_enumerated() {
            records[life].waiting_nanos += u64::from(pods) * window.overlap(since, end).nanos();
        }
        for (life, places) in self.places.iter_enumerated() {
            let index = self.setup.lives[life].workload;
            let workload = &program.workloads[index];
            for (position, place) in (0..).zip(places) {
                let nanos = place.nanos_in(window, end);
                records[life].pod_nanos += nanos;
                let bytes = workload.memory as f64 * nanos as f64 / length;
                recorder.hold(program.pods[PodIdx(workload.first_pod.0 + position)].node, bytes);
            }
            let instances = (records[life].pod_nanos as f64 / length).round() as u64;
            recorder.instances(program, index, instances);
        }
        records.iter().cloned().collect()
    }
}

impl Engine<'_> {
    pub(super) fn start_incidents(&mut self) {
        let Some(setup) = &self.program.lifecycle else { return };
        for (index, incident) in
            setup.incidents.iter_enumerated().filter(|(_, incident)| incident.when.times > 0)
        {
            self.schedule.at(incident.when.first, Event::Incident(index));
        }
        self.start_autoscalers();
        self.start_without_new_nodes();
        self.limit_memory();
    }

    /// An interval of the time line ends.
    pub(super) fn count_pods(&mut self) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        for (life, places) in lifecycle.places.iter_enumerated() {
            let ready = places.iter().filter(|place| place.phase == Phase::Ready).count();
            lifecycle.records[life].ready.push(ready as u64);
        }
    }

    /// Something makes pods come or go.
    pub(super) fn incident(&mut self, index: IncidentIdx) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let incident = &lifecycle.setup.incidents[index];
        lifecycle.happened[index] += 1;
        if let Some(every) = incident.when.again(lifecycle.happened[index]) {
            self.schedule.after(every, Event::Incident(index));
        }
        let number = lifecycle.happened[index];
        match &incident.kind {
            IncidentKind::Rollout(lives) => {
                for &life in lives {
                    self.begin_rollout(life);
                }
            }
            IncidentKind::Scale(lives, pods) => {
                for &life in lives {
                    self.scale(life, *pods);
                }
            }
            IncidentKind::Kill(lives, pods) => {
                for &life in lives {
                    self.kill(life, *pods, number);
                }
            }
            IncidentKind::Upgrade { .. } | IncidentKind::UpgradeNodes { .. } => self.begin_upgrade(index),
            IncidentKind::Nodes(what, by_time) => {
                let concerned = by_time.get(number as usize - 1).map_or(&[][..], Vec::as_slice);
                self.change_nodes(*what, concerned);
            }
        }
    }

    /// The pod in a place of a life.
    fn pod_at(&self, life: LifeIdx, place: u32) -> PodIdx {
        let Some(setup) = &self.program.lifecycle else { return PodIdx::at(0) };
        let first = self.program.workloads[setup.lives[life].workload].first_pod;
        PodIdx(first.0 + place)
    }

    /// Whether a pod takes new connections.
    #[inline]
    pub(super) fn accepts(&self, pod: PodIdx) -> bool {
        let Some(lifecycle) = &self.lifecycle else { return true };
        lifecycle.place(self.program, pod).is_none_or(|place| place.accepts)
    }

    /// Whether a pod's proxy, or without one its application, is there.
    #[inline]
    pub(super) fn is_reachable(&self, pod: PodIdx) -> bool {
        let Some(lifecycle) = &self.lifecycle else { return true };
        lifecycle.place(self.program, pod).is_none_or(|place| place.is_reachable)
    }

    /// Whether a pod's application is there.
    #[inline]
    pub(super) fn serves(&self, pod: PodIdx) -> bool {
        let Some(lifecycle) = &self.lifecycle else { return true };
        lifecycle.place(self.program, pod).is_none_or(|place| place.serves)
    }
}

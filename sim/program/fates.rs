//! What becomes of machines during a run: which are drained or lost, and which are new.
//!
//! Which nodes it is follows from the event's name, not from the replication: so places for the pods that are replaced are
//! given out, when a scenario is compiled, on nodes that stay, and on new ones.

use crate::index::IndexVec;
use crate::kernel::Uniform;
use crate::kernel::rng::{Key, Purpose, hash_name};
use crate::mesh::scenario::{Event, EventKind, NodesEvent, NodesWhat, Scenario};
use crate::placement::{self, NodeIdx, Placement, Request, ZoneIdx};
use crate::units::SimTime;

use super::WorkloadIdx;
use super::workload::Workloads;

/// What its draws are for; no number of the engine's.
const NODE_CHOICE: Purpose = Purpose(62);

/// What becomes of nodes.
#[derive(Debug)]
pub(super) struct Fates {
    /// By event of the scenario and time that it happens, the nodes that come or go.
    of_events: Vec<Vec<Vec<NodeIdx>>>,
    /// Nodes that stay from the start to the end.
    stay: Vec<NodeIdx>,
    /// Nodes that are new, in the order in which they come; ...
    added: Vec<NodeIdx>,
    /// ... and those of them that stay.
    added_stay: Vec<NodeIdx>,
    /// Nodes that go.
    gone: Vec<NodeIdx>,
    /// By workload, what one of its pods asks the scheduler for.
    pub(super) requests: IndexVec<WorkloadIdx, Request>,
}

impl Fates {
    /// `None` where no nodes come or go. New nodes are added to the placement.
    pub(super) fn new(scenario: &Scenario, daemons: &[Request], placed: &mut Placement) -> Option<Self> {
        let end = scenario.run.length();
        let nodes_of =
            |event: &Event| if let EventKind::Nodes(nodes) = event.kind { Some(nodes) } else { None };
        let mut happenings: Vec<(SimTime, usize, u64, NodesEvent)> = Vec::new();
        for (position, event) in scenario.events.iter().enumerate() {
            let Some(nodes) = nodes_of(event) else { continue };
            happenings
                .extend((0..event.times(end)).map(|number| (event.time(number), position, number, nodes)));
        }
        if !scenario.events.iter().any(|event| nodes_of(event).is_some()) {
            return None;
        }
        happenings.sort_unstable_by_key(|&(time, position, number, _)| (time, position, number));
        let mut up: Vec<NodeIdx> = placed.nodes.indexes().collect();
        let mut this = Self {
            of_events: scenario.events.iter().map(|_| Vec::new()).collect(),
            stay: Vec::new(),
            added: Vec::new(),
            added_stay: Vec::new(),
            gone: Vec::new(),
            requests: IndexVec::new(),
        };
        for (_, position, number, nodes) in happenings {
            let concerned = if nodes.what == NodesWhat::Add {
                let count = nodes.count.unwrap_or(0);
                let zones = scenario.cluster.zones.len() as u32;
                let zone = |one: u32| nodes.zone.unwrap_or(ZoneIdx((this.added.len() as u32 + one) % zones));
                let zones: Vec<ZoneIdx> = (0..count).map(zone).collect();
                let add = |zone| placement::add_node(&scenario.cluster, daemons, placed, zone);
                let new: Vec<NodeIdx> = zones.into_iter().map(add).collect();
                this.added.extend(&new);
                up.extend(&new);
                new
            } else {
                let name = hash_name(&scenario.events[position].name);
                let key = Key::new(&[scenario.run.seed, name, number]);
                let chosen = choose(&up, nodes, placed, key);
                up.retain(|node| !chosen.contains(node));
                this.gone.extend(&chosen);
                chosen
            };
            this.of_events[position].push(concerned);
        }
        this.stay = up.into_iter().filter(|node| !this.added.contains(node)).collect();
        let stays = |node: &&NodeIdx| !this.gone.contains(node);
        this.added_stay = this.added.iter().filter(stays).copied().collect();
        Some(this)
    }

    /// With what one pod of each workload asks the scheduler for.
    pub(super) fn with(self, requests: IndexVec<WorkloadIdx, Request>) -> Self {
        Self { requests, ..self }
    }

    /// The nodes that come or go with the event at a position, by the time that it happens.
    pub(super) fn of_event(&self, position: usize) -> &[Vec<NodeIdx>] {
        &self.of_events[position]
    }

    /// Nodes that are new, those included that go again.
    pub(super) fn all_added(&self) -> &[NodeIdx] {
        &self.added
    }

    /// Places for pods that are made during the run: on every new node as many as there are pods, the others on the nodes
    /// that stay in turn, from behind the last pod's on.
    pub(super) fn add_spare(&self, own: &mut Vec<NodeIdx>, (places, wanted): (u32, u32)) {
        let on_new = (self.added_stay.len() as u32 * wanted).min(places);
        let turn = if self.stay.is_empty() { &self.added_stay } else { &self.stay };
        // Without a node that stays nobody finds room: the places are where they are of no use.
        let turn = if turn.is_empty() { &self.gone } else { turn };
        let last = own.last().and_then(|last| turn.iter().position(|node| node >= last));
        let start = last.map_or(0, |last| last + usize::from(own.last() == turn.get(last)));
        own.extend(turn.iter().cycle().skip(start).take((places - on_new) as usize));
        own.extend(self.added_stay.iter().cycle().take(on_new as usize));
    }

    /// Pods that have no life stay where they are.
    pub(super) fn notes(&self, workloads: &Workloads<'_>, placed: &[Vec<NodeIdx>]) -> Option<String> {
        let immortal = workloads.all.iter().zip(placed).filter(|(workload, _)| workload.service.is_none());
        let pods = immortal.flat_map(|(_, own)| own).filter(|node| self.gone.contains(node)).count();
        (pods > 0).then(|| {
            let pods = if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") };
            format!(
                "{pods} of clients, gateways and waypoints stand on nodes that are drained or lost; they go on as before, \
                 with the node's proxy: only pods of services come and go"
            )
        })
    }
}

/// So many of the nodes that are up, each as likely as the others.
fn choose(up: &[NodeIdx], nodes: NodesEvent, placed: &Placement, key: Key) -> Vec<NodeIdx> {
    let is_there = |node: &&NodeIdx| nodes.zone.is_none_or(|zone| placed.nodes[**node].zone == zone);
    let mut left: Vec<NodeIdx> = up.iter().filter(is_there).copied().collect();
    let Some(count) = nodes.count else { return left };
    let mut draws = key.draws(NODE_CHOICE, 0, 0, 0);
    let mut chosen = Vec::new();
    for _ in 0..count.min(left.len() as u32) {
        chosen.push(left.swap_remove(draws.below(left.len() as u32) as usize));
    }
    chosen
}

//! Pods on nodes: which zone and which machine each pod gets, by what it asks the scheduler for.
//!
//! The zone of a pod follows from its workload's name and its number alone, so that under every mesh the same calls
//! cross zones. Within a zone a given number of nodes is filled as kube-scheduler's LeastAllocated does; otherwise pods
//! are packed into as few nodes as first-fit-decreasing needs. A pod that fits nowhere is placed all the same, and
//! counted.

mod pack;
mod spread;

use crate::index::{Idx, IndexVec};
use crate::index_type;
use crate::kernel::rng::hash_name;
use crate::mesh::scenario::Cluster;
pub use crate::mesh::scenario::ZoneIdx;
use crate::units::{Bytes, Cores};

index_type! {
    /// A machine.
    pub struct NodeIdx;
}

/// What containers ask the scheduler for, in whole units so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// CPU in billionths of a core.
    pub nanocores: u64,
    /// Memory in bytes.
    pub bytes: u64,
}

impl Request {
    /// So much of both.
    pub fn new(cpu: Cores, memory: Bytes) -> Self {
        Self { nanocores: (cpu.value() * 1e9 + 0.5) as u64, bytes: memory.value() }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            nanocores: self.nanocores.saturating_add(other.nanocores),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// CPU in cores.
    pub fn cores(self) -> f64 {
        self.nanocores as f64 / 1e9
    }
}

/// Like pods that are placed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Unique; decides the zone of the first pod.
    pub name: String,
    /// All pods stand in this zone.
    pub zone: Option<ZoneIdx>,
    /// Number of pods.
    pub pods: u32,
    /// What one of them asks for.
    pub request: Request,
}

/// A machine with what is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `zone/node-1`.
    pub name: String,
    /// Where it stands.
    pub zone: ZoneIdx,
    /// What its pods ask for, daemons included.
    pub reserved: Request,
    /// Number of pods, daemons included.
    pub pods: u32,
}

/// Where everything runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The machines.
    pub nodes: IndexVec<NodeIdx, Node>,
    /// By workload as given, the node of each pod.
    pub of: Vec<Vec<NodeIdx>>,
    /// Pods that fit on no node and overload the one they are on.
    pub misfits: u32,
}

/// Places workloads on the nodes of a cluster; `daemons` is what every node holds beside them.
pub fn place(cluster: &Cluster, daemons: &[Request], workloads: &[Workload]) -> Placement {
    let mut placement = Placement {
        of: workloads.iter().map(|workload| vec![NodeIdx(0); workload.pods as usize]).collect(),
        ..Placement::default()
    };
    let size = Size {
        request: Request::new(cluster.nodes.cores, cluster.nodes.memory),
        pods: cluster.nodes.pods,
        daemons: daemons.iter().fold(Request::default(), |sum, daemon| sum.plus(*daemon)),
        daemon_pods: daemons.len() as u32,
    };
    let zones = cluster.zones.len() as u32;
    let order = order(workloads, &size);
    for (zone, name) in cluster.zones.iter().enumerate() {
        let pods = order.iter().flat_map(|&row| {
            in_zone(&workloads[row], zones, zone as u32).map(move |pod| Place {
                row,
                pod,
                request: workloads[row].request,
            })
        });
        let mut site = Site { zone: ZoneIdx(zone as u32), name, size: &size, placement: &mut placement };
        match cluster.nodes.count {
            None => pack::fill(&mut site, pods),
            // Every zone has as many as the others; the first ones may have one more.
            Some(count) => spread::fill(&mut site, (count + zones - 1 - zone as u32) / zones, pods),
        }
    }
    placement
}

/// One more node in a zone, which holds its daemons; returns which.
pub fn add_node(cluster: &Cluster, daemons: &[Request], placement: &mut Placement, zone: ZoneIdx) -> NodeIdx {
    let reserved = daemons.iter().fold(Request::default(), |sum, daemon| sum.plus(*daemon));
    let number = placement.nodes.iter().filter(|node| node.zone == zone).count() + 1;
    placement.nodes.push(Node {
        name: format!("{}/node-{number}", cluster.zones[zone.position()]),
        zone,
        reserved,
        pods: daemons.len() as u32,
    })
}

/// The zone of a workload's pod.
pub fn zone_of(name: &str, pod: u32, zones: u32) -> ZoneIdx {
    ZoneIdx(((hash_name(name) % u64::from(zones)) as u32 + pod) % zones)
}

/// The pods of a workload that stand in a zone.
fn in_zone(workload: &Workload, zones: u32, zone: u32) -> impl Iterator<Item = u32> + use<> {
    let ZoneIdx(start) = zone_of(&workload.name, 0, zones);
    let (first, step) = match workload.zone {
        None => ((zone + zones - start) % zones, zones),
        Some(ZoneIdx(only)) if only == zone => (0, 1),
        Some(_) => (workload.pods, 1),
    };
    (first..workload.pods).step_by(step as usize)
}

/// Workloads by the share of a node that one pod takes of what it takes most of, the largest first; then by name.
fn order(workloads: &[Workload], size: &Size) -> Vec<usize> {
    let mut order: Vec<usize> = (0..workloads.len()).collect();
    let rank = |row: usize| {
        let request = workloads[row].request;
        (size.dominant(request), request)
    };
    order.sort_by(|&left, &right| {
        rank(right).cmp(&rank(left)).then_with(|| workloads[left].name.cmp(&workloads[right].name))
    });
    order
}

/// A pod to be placed.
struct Place {
    row: usize,
    pod: u32,
    request: Request,
}

/// What a node holds, and what is on it from the start.
struct Size {
    request: Request,
    pods: u32,
    daemons: Request,
    daemon_pods: u32,
}

impl Size {
    /// Share of a node times both of its sizes: comparable without rounding.
    fn dominant(&self, request: Request) -> u128 {
        let (cpu, memory) = self.shares(request);
        cpu.max(memory)
    }

    /// Shares of CPU and of memory, both times CPU · memory of a node.
    fn shares(&self, request: Request) -> (u128, u128) {
        let of = |part: u64, other: u64| u128::from(part) * u128::from(other);
        (of(request.nanocores, self.request.bytes), of(request.bytes, self.request.nanocores))
    }
}

/// The nodes of one zone while they are filled.
struct Site<'a> {
    zone: ZoneIdx,
    name: &'a str,
    size: &'a Size,
    placement: &'a mut Placement,
}

impl Site<'_> {
    /// One more node, which holds its daemons; `number` counts from 1 within the zone.
    fn open(&mut self, number: u32) -> NodeIdx {
        self.placement.nodes.push(Node {
            name: format!("{}/node-{number}", self.name),
            zone: self.zone,
            reserved: self.size.daemons,
            pods: self.size.daemon_pods,
        })
    }

    fn fits(&self, node: NodeIdx, request: Request) -> bool {
        let node = &self.placement.nodes[node];
        let sum = node.reserved.plus(request);
        node.pods < self.size.pods
            && sum.nanocores <= self.size.request.nanocores
            && sum.bytes <= self.size.request.bytes
    }

    fn put(&mut self, place: &Place, node: NodeIdx) {
        self.placement.of[place.row][place.pod as usize] = node;
        let node = &mut self.placement.nodes[node];
        node.reserved = node.reserved.plus(place.request);
        node.pods += 1;
    }
}

#[cfg(test)]
mod tests;

//! Pods: each with its node, its proxy and its views; proxies with their workers, workers with their cores.

use std::collections::BTreeMap;

use crate::index::IndexVec;
use crate::kernel::rng::{extend_path, hash_name};
use crate::kernel::station::CoreIdx;
use crate::mesh::scenario::{CoreSet, Scenario, SourceIdx};
use crate::placement::NodeIdx;

use super::workload::Beside;
use super::{GroupIdx, Pod, Program, Proxy, ProxyIdx, WorkloadIdx};

/// What the workloads' layout and their placement say of pods.
pub(super) struct Layout<'a> {
    pub(super) of_sources: &'a IndexVec<SourceIdx, WorkloadIdx>,
    pub(super) beside: &'a IndexVec<WorkloadIdx, Beside<'a>>,
    /// The node of each pod; of a workload outside the cluster none.
    pub(super) nodes: &'a IndexVec<WorkloadIdx, Vec<NodeIdx>>,
    /// The proxies of the nodes.
    pub(super) node_group: Option<GroupIdx>,
}

/// Gives every workload its pods.
pub(super) fn place(program: &mut Program, scenario: &Scenario, layout: &Layout<'_>) {
    for edge in &program.edges {
        program.workloads[edge.caller].edges += 1;
    }
    let mut shared = SharedCores::new(scenario, program, layout.of_sources);
    let mut of_node: BTreeMap<NodeIdx, ProxyIdx> = BTreeMap::new();
    let mut first_view = 0;
    for index in program.workloads.indexes() {
        let workload = &program.workloads[index];
        let (name, edges) = (hash_name(&workload.name), workload.edges);
        let own = workload.group;
        for replica in 0..workload.pods {
            let node = layout.nodes[index].get(replica as usize).copied();
            let cores = (index, replica);
            let proxy = match (layout.beside[index], own, node, layout.node_group) {
                (Beside::Node(_), _, Some(node), Some(group)) => {
                    let known = of_node.get(&node).copied();
                    let proxy = known.unwrap_or_else(|| add_proxy(program, group, cores, &mut shared));
                    of_node.insert(node, proxy);
                    Some(proxy)
                }
                (_, Some(group), ..) => Some(add_proxy(program, group, cores, &mut shared)),
                _ => None,
            };
            let identity = extend_path(name, u64::from(replica));
            program.pods.push(Pod { workload: index, proxy, node, identity, first_view });
            first_view += edges;
        }
    }
}

/// A proxy with its workers. A node's proxy is on the core set of the first of its pods.
fn add_proxy(
    program: &mut Program,
    group: GroupIdx,
    (workload, replica): (WorkloadIdx, u32),
    shared: &mut SharedCores,
) -> ProxyIdx {
    let first_worker = program.workers.next_index();
    for _ in 0..program.groups[group].workers {
        program.workers.push(shared.core(workload, replica, &mut program.cores));
    }
    program.proxies.push(Proxy { group, first_worker })
}

/// Which workloads share a core, and the cores given out so far.
struct SharedCores {
    set_of: BTreeMap<WorkloadIdx, Shared>,
    given: BTreeMap<(usize, u32), CoreIdx>,
}

/// The core set of a workload.
#[derive(Clone, Copy)]
struct Shared {
    set: usize,
    cores: u32,
    /// Pods of the same service before those of the workload.
    before: u32,
}

impl SharedCores {
    fn new(scenario: &Scenario, program: &Program, of_sources: &IndexVec<SourceIdx, WorkloadIdx>) -> Self {
        let mut set_of = BTreeMap::new();
        for (set, CoreSet { services, sources, cores, .. }) in scenario.cluster.core_sets.iter().enumerate() {
            for &service in services {
                let mut before = 0;
                for workload in program.services[service].workloads() {
                    set_of.insert(workload, Shared { set, cores: *cores, before });
                    before += program.workloads[workload].pods;
                }
            }
            let shared = Shared { set, cores: *cores, before: 0 };
            set_of.extend(sources.iter().map(|&source| (of_sources[source], shared)));
        }
        Self { set_of, given: BTreeMap::new() }
    }

    /// A core of its own, or what this replica of every member of the set shares.
    fn core(&mut self, workload: WorkloadIdx, replica: u32, cores: &mut IndexVec<CoreIdx, u32>) -> CoreIdx {
        match self.set_of.get(&workload) {
            None => cores.push(1),
            Some(&shared) => {
                let copy = (shared.set, shared.before + replica);
                *self.given.entry(copy).or_insert_with(|| cores.push(shared.cores))
            }
        }
    }
}

//! What every pod asks the scheduler for, and so the machines it runs on.

use crate::index::{Idx, IndexVec};
use crate::mesh::model::{MeshModel, ProxyModel, ReservationModel};
use crate::mesh::scenario::{NodeCores, Origin, Scenario, ServiceIdx};
use crate::placement::{self, Node, NodeIdx, Request};
use crate::units::{Bytes, Cores};

use super::workload::{Beside, Workloads};
use super::{Machines, WorkloadIdx};

/// What an application container asks for where the user does not say: a tenth of a core and 128 MiB, as the charts
/// of small services do.
const ASSUMED_NANOCORES: u64 = 100_000_000;
const ASSUMED_BYTES: u64 = 128 << 20;

/// The machines, and on which of them the pods of each workload run; nowhere if they are outside the cluster.
pub(super) fn place(
    scenario: &Scenario,
    mesh: &MeshModel,
    workloads: &Workloads<'_>,
) -> (Machines, IndexVec<WorkloadIdx, Vec<NodeIdx>>) {
    let outside: IndexVec<WorkloadIdx, bool> = are_outside(scenario, workloads);
    let mut requests: Vec<placement::Workload> = workloads
        .all
        .iter_enumerated()
        .map(|(index, workload)| placement::Workload {
            name: workload.name.clone(),
            pods: if outside[index] { 0 } else { workload.pods },
            request: application(scenario, workloads, index).plus(match workloads.beside[index] {
                Beside::Pod(proxy) => request_of(proxy),
                Beside::Node(_) | Beside::Nothing => Request::default(),
            }),
            zone: workloads.zones[index],
        })
        .collect();
    requests.extend(mesh.control_plane.iter().map(|pods| placement::Workload {
        name: pods.name.clone(),
        pods: pods.replicas,
        request: reservation(pods),
        zone: None,
    }));
    let node_proxy = mesh.node_proxy.iter().map(|node| request_of(&node.proxy));
    let daemons: Vec<Request> = mesh.daemons.iter().map(reservation).chain(node_proxy).collect();
    let mut placed = placement::place(&scenario.cluster, &daemons, &requests);
    placed.of.truncate(workloads.all.len());
    let notes = notes(scenario, placed.misfits);
    (machines(scenario, placed.nodes, notes), placed.of.into_iter().collect())
}

fn machines(scenario: &Scenario, nodes: IndexVec<NodeIdx, Node>, notes: Vec<String>) -> Machines {
    let cluster = &scenario.cluster;
    Machines {
        nodes,
        zones: cluster.zones.clone(),
        cores: cluster.nodes.cores.value(),
        memory: cluster.nodes.memory.value(),
        shared: cluster.cores == NodeCores::Shared,
        price: cluster.nodes.price,
        cross_zone_price: cluster.cross_zone_price,
        currency: cluster.currency,
        notes,
    }
}

/// Clients outside the cluster need no node.
fn are_outside(scenario: &Scenario, workloads: &Workloads<'_>) -> IndexVec<WorkloadIdx, bool> {
    let mut outside = IndexVec::filled(false, workloads.all.len());
    for (source, &workload) in scenario.sources.iter().zip(&workloads.of_sources) {
        outside[workload] = source.from == Origin::Outside;
    }
    outside
}

/// Of a gateway or waypoint the proxy is all there is; a client is an application of which nothing is known.
fn application(scenario: &Scenario, workloads: &Workloads<'_>, index: WorkloadIdx) -> Request {
    if let Some(service) = scenario.services.get(ServiceIdx::at(index.position())) {
        let written = &service.application.resources;
        // Kubernetes takes the limit for the request where only that is written.
        let cpu = written.cpu_request.or(written.cpu_limit);
        let memory = written.memory_request.or(written.memory_limit);
        let assumed = Request { nanocores: ASSUMED_NANOCORES, bytes: ASSUMED_BYTES };
        return Request {
            nanocores: cpu.map_or(assumed.nanocores, |cpu| request(Some(cpu), None).nanocores),
            bytes: memory.map_or(assumed.bytes, |memory| request(None, Some(memory)).bytes),
        };
    }
    let mut sources = scenario.sources.iter().zip(&workloads.of_sources);
    let is_client = sources
        .any(|(source, &workload)| workload == index && matches!(source.from, Origin::MeshedClient { .. }));
    if is_client {
        Request { nanocores: ASSUMED_NANOCORES, bytes: ASSUMED_BYTES }
    } else {
        Request::default()
    }
}

fn request_of(proxy: &ProxyModel) -> Request {
    request(proxy.cpu_request.or(proxy.cpu_limit), proxy.memory_request.or(proxy.memory_limit))
}

fn reservation(pods: &ReservationModel) -> Request {
    request(pods.cpu_request, pods.memory_request)
}

fn request(cpu: Option<Cores>, memory: Option<Bytes>) -> Request {
    Request::new(cpu.unwrap_or(Cores::ZERO), memory.unwrap_or(Bytes::ZERO))
}

/// What was assumed, and what did not fit.
fn notes(scenario: &Scenario, misfits: u32) -> Vec<String> {
    let mut notes = Vec::new();
    let silent = scenario
        .services
        .iter()
        .filter(|service| {
            let written = &service.application.resources;
            written.cpu_request.or(written.cpu_limit).is_none()
                || written.memory_request.or(written.memory_limit).is_none()
        })
        .count();
    if silent > 0 {
        notes.push(format!(
            "nodes: {silent} of {} services say not what they request; 100m CPU and 128 MiB are assumed for an instance",
            scenario.services.len()
        ));
    }
    if misfits > 0 {
        let pods = if misfits == 1 { "1 pod fits".to_owned() } else { format!("{misfits} pods fit") };
        notes.push(format!("nodes: {pods} on no node and overload the one they are on"));
    }
    notes
}

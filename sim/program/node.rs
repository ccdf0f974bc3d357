//! What every pod asks the scheduler for, and so the machines it runs on.

use crate::index::IndexVec;
use crate::mesh::model::{MeshModel, ProxyModel};
use crate::mesh::scenario::{Application, NodeCores, Origin, Scenario};
use crate::placement::{self, Node, NodeIdx, Request, ZoneIdx};
use crate::units::{Bytes, Cores};

use super::fates::Fates;
use super::workload::{Beside, Workloads};
use super::{Machines, WorkloadIdx};

/// What an application container asks for where the user does not say: a tenth of a core and 128 MiB, as the charts
/// of small services do.
const ASSUMED: Request = Request { nanocores: 100_000_000, bytes: 128 << 20 };

/// Two of the 1024 shares of a core: what Kubernetes gives to a container that asks for nothing.
pub(super) const LEAST_WEIGHT: f64 = 2.0 / 1024.0;

/// What the pods of the control plane are called among workloads.
const CONTROL_PLANE: &str = "control-plane";

/// The machines, on which of them the pods of each workload run (nowhere if they are outside the cluster), and what becomes of
/// machines during the run.
pub(super) fn place(
    scenario: &Scenario,
    mesh: &MeshModel,
    workloads: &Workloads<'_>,
) -> (Machines, IndexVec<WorkloadIdx, Vec<NodeIdx>>, Option<Fates>) {
    let origins = origins(scenario, workloads);
    let mut requests: Vec<placement::Workload> = workloads
        .all
        .iter_enumerated()
        .map(|(index, workload)| placement::Workload {
            name: workload.name.clone(),
            zone: workloads.zones[index],
            // Clients outside the cluster need no node.
            pods: if origins[index] == Some(&Origin::Outside) { 0 } else { workload.wanted },
            request: application(workloads.bodies[index].map(|body| body.application), origins[index]).plus(
                match workloads.beside[index] {
                    Beside::Pod(model) => proxy(model),
                    // The node's own is a daemon.
                    Beside::Node(_) | Beside::Nothing => Request::default(),
                },
            ),
        })
        .collect();
    requests.extend(mesh.control_plane.iter().map(|pods| placement::Workload {
        name: CONTROL_PLANE.to_owned(),
        zone: None,
        pods: pods.replicas,
        request: request(pods.cpu_request, pods.memory_request),
    }));
    let node_proxy = mesh.node_proxy.iter().map(|node| proxy(&node.proxy));
    let others = mesh.daemons.iter().map(|daemon| request(daemon.cpu_request, daemon.memory_request));
    let daemons: Vec<Request> = node_proxy.chain(others).collect();
    let mut placed = placement::place(&scenario.cluster, &daemons, &requests);
    placed.of.truncate(workloads.all.len());
    let fates = Fates::new(scenario, &daemons, &mut placed);
    for ((workload, own), zone) in workloads.all.iter().zip(&mut placed.of).zip(&workloads.zones) {
        let places = workload.pods - workload.wanted;
        match &fates {
            None => add_spare(own, places, &placed.nodes, *zone),
            Some(fates) if places > 0 => fates.add_spare(own, (places, workload.wanted)),
            Some(_) => {}
        }
    }
    let fates = fates.map(|fates| fates.with(requests.iter().map(|workload| workload.request).collect()));
    let mut notes = notes(scenario, placed.misfits);
    notes.extend(fates.iter().filter_map(|fates| fates.notes(workloads, &placed.of)));
    (machines(scenario, placed.nodes, notes), placed.of.into_iter().collect(), fates)
}

/// Places for pods that are made during the run: on the nodes of their zone in turn, from the last pod's on. Nothing is
/// reserved for them.
fn add_spare(own: &mut Vec<NodeIdx>, places: u32, nodes: &IndexVec<NodeIdx, Node>, zone: Option<ZoneIdx>) {
    if places == 0 {
        return;
    }
    let is_allowed = |node: &&NodeIdx| zone.is_none_or(|zone| nodes[**node].zone == zone);
    let indexes: Vec<NodeIdx> = nodes.indexes().collect();
    let allowed: Vec<NodeIdx> = indexes.iter().filter(is_allowed).copied().collect();
    let last = own.last().and_then(|last| allowed.iter().position(|node| node == last));
    own.extend(allowed.iter().cycle().skip(last.map_or(0, |last| last + 1)).take(places as usize));
}

fn machines(scenario: &Scenario, nodes: IndexVec<NodeIdx, Node>, notes: Vec<String>) -> Machines {
    let cluster = &scenario.cluster;
    Machines {
        nodes,
        given: cluster.nodes.count.is_some(),
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

/// Where the traffic of clients and gateways comes from; nothing for services and waypoints.
fn origins<'a>(
    scenario: &'a Scenario,
    workloads: &Workloads<'_>,
) -> IndexVec<WorkloadIdx, Option<&'a Origin>> {
    let mut origins = IndexVec::filled(None, workloads.all.len());
    for (source, &workload) in scenario.sources.iter().zip(&workloads.of_sources) {
        origins[workload] = Some(&source.from);
    }
    origins
}

/// Of a gateway or a waypoint the proxy is all there is; a client is an application of which nothing is known.
fn application(application: Option<&Application>, origin: Option<&Origin>) -> Request {
    match (application, origin) {
        (Some(application), _) => of_application(application),
        (None, Some(Origin::MeshedClient { .. })) => ASSUMED,
        (None, _) => Request::default(),
    }
}

fn of_application(application: &Application) -> Request {
    let written = &application.resources;
    // Kubernetes takes the limit for the request where only that is written.
    let cpu = written.cpu_request.or(written.cpu_limit);
    let memory = written.memory_request.or(written.memory_limit);
    Request {
        nanocores: cpu.map_or(ASSUMED.nanocores, |cpu| request(Some(cpu), None).nanocores),
        bytes: memory.map_or(ASSUMED.bytes, |memory| request(None, Some(memory)).bytes),
    }
}

/// The weight of an application on a node's cores.
pub(super) fn cpu_weight(application: &Application) -> f64 {
    weight(of_application(application))
}

/// The weight that CFS gives to who asks for so much: in proportion, but never nothing.
pub(super) fn weight(request: Request) -> f64 {
    request.cores().max(LEAST_WEIGHT)
}

pub(super) fn proxy(model: &ProxyModel) -> Request {
    request(model.cpu_request.or(model.cpu_limit), model.memory_request.or(model.memory_limit))
}

fn request(cpu: Option<Cores>, memory: Option<Bytes>) -> Request {
    Request::new(cpu.unwrap_or(Cores::ZERO), memory.unwrap_or(Bytes::ZERO))
}

/// Whether it leaves open what it requests.
fn is_silent(application: &Application) -> bool {
    let written = &application.resources;
    written.cpu_request.or(written.cpu_limit).is_none()
        || written.memory_request.or(written.memory_limit).is_none()
}

/// What was assumed, and what did not fit.
fn notes(scenario: &Scenario, misfits: u32) -> Vec<String> {
    let mut notes = Vec::new();
    let silent = scenario
        .services
        .iter()
        .filter(|service| {
            let versions = service.versions.iter().map(|version| &version.application);
            let whole = service.versions.is_empty().then_some(&service.application);
            versions.chain(whole).any(is_silent)
        })
        .count();
    if silent > 0 {
        notes.push(format!(
            "nodes: {silent} of {} services do not say what they request; 100m CPU and 128 MiB are assumed for an instance",
            scenario.services.len()
        ));
    }
    if misfits > 0 {
        let pods = if misfits == 1 { "1 pod fits".to_owned() } else { format!("{misfits} pods fit") };
        notes.push(format!("nodes: {pods} on no node and overload the one they are on"));
    }
    notes
}

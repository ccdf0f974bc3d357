//! From an upgrade of the mesh to what is replaced when.

use crate::index::IndexVec;
use crate::mesh::model::{KubernetesModel, MeshModel};
use crate::mesh::scenario::{EventKind, Scenario, ServiceIdx, Upgrade};

use super::super::workload::{Beside, Workloads};
use super::super::{Program, WorkloadIdx};
use super::{IncidentKind, LifeIdx};

/// What an upgrade of the mesh is: nothing where it has no proxies, or none beside the pods of these services.
pub(super) fn upgrade(
    scenario: &Scenario,
    mesh: &MeshModel,
    beside: &IndexVec<WorkloadIdx, Beside<'_>>,
    program: &Program,
    (of_workloads, upgrade): (&IndexVec<WorkloadIdx, Option<LifeIdx>>, &Upgrade),
) -> IncidentKind {
    if let Some(life) = mesh.lifecycle.node_proxy {
        let KubernetesModel { schedule, sandbox, image_pull, .. } = mesh.lifecycle.kubernetes;
        let start = schedule + sandbox + image_pull + life.start.scale(1.0 / scenario.cluster.cpu_speed);
        return IncidentKind::UpgradeNodes { nodes: program.machines.nodes.indexes().collect(), start };
    }
    let has_sidecar = |workload: &WorkloadIdx| matches!(beside[*workload], Beside::Pod(_));
    let lives = |service: &ServiceIdx| -> Vec<LifeIdx> {
        let own = program.services[*service].workloads().filter(has_sidecar);
        own.filter_map(|workload| of_workloads[workload]).collect()
    };
    let services: Vec<Vec<LifeIdx>> =
        upgrade.services.iter().map(lives).filter(|lives| !lives.is_empty()).collect();
    let size = upgrade.wave.map_or(services.len(), |wave| wave as usize).max(1);
    IncidentKind::Upgrade { waves: services.chunks(size).map(<[_]>::concat).collect(), pause: upgrade.pause }
}

/// What of an upgrade does not happen under this mesh.
pub(in super::super) fn upgrade_notes(
    scenario: &Scenario,
    mesh: &MeshModel,
    workloads: &Workloads<'_>,
) -> Option<String> {
    let is_upgraded = scenario.events.iter().any(|event| matches!(event.kind, EventKind::Upgrade(_)));
    let has_proxies = mesh.node_proxy.is_some() || mesh.sidecar.is_some();
    let others = workloads.all.iter_enumerated().filter(|(index, workload)| {
        workload.service.is_none() && matches!(workloads.beside[*index], Beside::Pod(_))
    });
    match (is_upgraded, has_proxies, others.count()) {
        (false, ..) | (true, true, 0) => None,
        (true, false, _) => Some(format!("there is nothing to upgrade under {}: it has no proxies", mesh.name)),
        (true, true, _) => Some(
            "an upgrade of the mesh leaves out the proxies of clients, gateways and waypoints: only pods of services come \
             and go"
                .to_owned(),
        ),
    }
}

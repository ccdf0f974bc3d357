//! From a scenario and a mesh to the life of pods.

use crate::index::{Idx, IndexVec};
use crate::kernel::dist::Dist;
use crate::mesh::model::{
    KubernetesModel, LifecycleModel, MeshModel, SidecarExit, SidecarMode, SidecarModel,
};
use crate::mesh::scenario::{Event, EventKind, PodLife, Scenario, Service, ServiceIdx, Upgrade};
use crate::placement::Request;
use crate::policy::pod_end::{self, Exit};
use crate::policy::pod_start::{Probe, Sidecar};
use crate::units::Span;

use super::super::control::{ChangeIdx, Control};
use super::super::fates::Fates;
use super::super::happening::Happening;
use super::super::workload::Beside;
use super::super::{Program, WorkloadIdx};
use super::{Incident, IncidentIdx, IncidentKind, Life, LifeIdx, Lifecycle, Nodes, Rules, Start};

/// The workloads whose pods come and go, in order.
pub(in super::super) fn lives(scenario: &Scenario, program: &Program) -> IndexVec<LifeIdx, WorkloadIdx> {
    let mortal: IndexVec<ServiceIdx, bool> =
        scenario.services.indexes().map(|service| scenario.is_mortal(service)).collect();
    let all = program.workloads.iter_enumerated();
    let own = all.filter(|(_, workload)| workload.service.is_some_and(|service| mortal[service]));
    own.map(|(index, _)| index).collect()
}

/// `None` where no pods come or go.
pub(in super::super) fn build(
    scenario: &Scenario,
    mesh: &MeshModel,
    (beside, fates): (&IndexVec<WorkloadIdx, Beside<'_>>, Option<&Fates>),
    program: &Program,
    lives: &IndexVec<LifeIdx, WorkloadIdx>,
) -> Option<Box<Lifecycle>> {
    let control = program.control.as_ref().filter(|_| !lives.is_empty())?;
    let mut of_workloads = IndexVec::filled(None, program.workloads.len());
    for (life, &workload) in lives.iter_enumerated() {
        of_workloads[workload] = Some(life);
    }
    let first = control.changes.len() - lives.len();
    let life = |(life, &workload): (LifeIdx, &WorkloadIdx)| {
        let service = served(scenario, program, workload);
        let said = said(service, program, workload);
        let stages = Stages {
            model: &mesh.lifecycle,
            said,
            beside: beside[workload],
            clusters: clusters(control, program, workload),
            speed: scenario.cluster.cpu_speed,
        };
        Life {
            workload,
            endpoints: ChangeIdx::at(first + life.position()),
            start: stages.start(),
            end: stages.end(),
            strategy: said.strategy,
            min_ready: said.min_ready,
            oom_kill: said.oom_kill,
            request: fates.map_or_else(Request::default, |fates| fates.requests[workload]),
            autoscaler: super::autoscale::autoscaler(service, beside[workload]),
        }
    };
    let upgrades = |upgrade: &Upgrade| {
        super::upgrade::upgrade(scenario, mesh, beside, program, (&of_workloads, upgrade))
    };
    let KubernetesModel { watch, rules_least, rules_write, .. } = mesh.lifecycle.kubernetes;
    Some(Box::new(Lifecycle {
        lives: lives.iter_enumerated().map(life).collect(),
        incidents: incidents(scenario, program, &of_workloads, &upgrades, fates),
        node_proxy_drain: mesh.lifecycle.node_proxy.map_or(Span::ZERO, |life| life.drain),
        nodes: fates.map(|fates| nodes(scenario, mesh, fates)),
        of_workloads,
        watch: constant(watch),
        rules: Rules { least: rules_least, write: constant(rules_write) },
    }))
}

/// The service that a workload's pods serve.
fn served<'a>(scenario: &'a Scenario, program: &Program, workload: WorkloadIdx) -> &'a Service {
    let workload = &program.workloads[workload];
    &scenario.services[workload.service.expect("pods that come and go serve")]
}

/// What is said of a workload's pods.
fn said<'a>(service: &'a Service, program: &Program, workload: WorkloadIdx) -> &'a PodLife {
    let application = match program.workloads[workload].version {
        None => &service.application,
        Some(version) => &service.versions[version].application,
    };
    &application.lifecycle
}

/// The clusters that the proxies of a workload hold.
fn clusters(control: &Control, program: &Program, workload: WorkloadIdx) -> u64 {
    let group = program.workloads[workload].group;
    let own = control.audiences.iter().find(|audience| Some(audience.group) == group);
    own.map_or(0, |audience| audience.clusters)
}

/// The node controller taints nodes that do not answer one after the other (`--node-eviction-rate`, 0.1 per second).
const EVICTION_PACE: Span = Span::from_seconds(10);

fn nodes(scenario: &Scenario, mesh: &MeshModel, fates: &Fates) -> Nodes {
    let KubernetesModel { node_grace, eviction, endpoint_slice, .. } = mesh.lifecycle.kubernetes;
    let nodes = &scenario.cluster.nodes;
    Nodes {
        added: fates.all_added().to_vec(),
        room: nodes.count.map(|_| (Request::new(nodes.cores, nodes.memory), nodes.pods)),
        grace: node_grace,
        eviction,
        eviction_pace: EVICTION_PACE,
        endpoint: endpoint_slice,
    }
}

fn incidents(
    scenario: &Scenario,
    program: &Program,
    of_workloads: &IndexVec<WorkloadIdx, Option<LifeIdx>>,
    upgrades: &dyn Fn(&Upgrade) -> IncidentKind,
    fates: Option<&Fates>,
) -> IndexVec<IncidentIdx, Incident> {
    let of = |services: &[ServiceIdx]| -> Vec<LifeIdx> {
        let workloads = services.iter().flat_map(|&service| program.services[service].workloads());
        workloads.filter_map(|workload| of_workloads[workload]).collect()
    };
    let incident = |(position, event): (usize, &Event)| {
        let kind = match &event.kind {
            EventKind::Change(_)
            | EventKind::AuthorityDown(_)
            | EventKind::Plane(_)
            | EventKind::Surge(_)
            | EventKind::Network(_) => return None,
            EventKind::Rollout(services) => IncidentKind::Rollout(of(services)),
            EventKind::Scale(services, replicas) => IncidentKind::Scale(of(services), *replicas),
            EventKind::Kill(services, pods) => IncidentKind::Kill(of(services), *pods),
            EventKind::Upgrade(upgrade) => upgrades(upgrade),
            EventKind::Nodes(nodes) => IncidentKind::Nodes(nodes.what, fates?.of_event(position).to_vec()),
        };
        Some(Incident { when: Happening::of(event, program.window.end()), kind })
    };
    scenario.events.iter().enumerate().filter_map(incident).collect()
}

/// What the stages of a pod's life follow from.
struct Stages<'a> {
    model: &'a LifecycleModel,
    said: &'a PodLife,
    beside: Beside<'a>,
    /// What its proxy is told of.
    clusters: u64,
    speed: f64,
}

impl Stages<'_> {
    /// The proxy in the pod.
    fn sidecar(&self) -> Option<&SidecarModel> {
        self.model.sidecar.as_ref().filter(|_| matches!(self.beside, Beside::Pod(_)))
    }

    fn start(&self) -> Start {
        let KubernetesModel { schedule, sandbox, image_pull, endpoint_slice, .. } = self.model.kubernetes;
        let redirection = match self.beside {
            Beside::Node(_) => self.model.redirection,
            Beside::Pod(_) | Beside::Nothing => Span::ZERO,
        };
        let of_proxy =
            |length: fn(&SidecarModel) -> Span| constant(self.sidecar().map_or(Span::ZERO, length));
        let pull = constant(self.sidecar().map_or(Span::ZERO, |_| image_pull));
        let with_cpu = |span: Span, cpu: Span| constant(span + cpu.scale(1.0 / self.speed));
        let sidecar = self.sidecar();
        let apply = sidecar.map_or(Span::ZERO, |sidecar| sidecar.per_cluster.scale(self.clusters as f64));
        Start {
            sidecar: sidecar.map_or(Sidecar::None, |sidecar| match sidecar.mode {
                SidecarMode::Classic => Sidecar::Classic,
                SidecarMode::Held { poll } => Sidecar::Held { poll },
                SidecarMode::Native => Sidecar::Native,
            }),
            schedule: constant(schedule),
            sandbox: constant(sandbox + redirection),
            init: constant(sidecar.map_or(Span::ZERO, |sidecar| sidecar.init + image_pull)),
            proxy_pull: pull,
            proxy_start: sidecar.map_or(Dist::ZERO, |sidecar| with_cpu(sidecar.agent, sidecar.process)),
            certificate: of_proxy(|sidecar| sidecar.certificate),
            configuration: of_proxy(|sidecar| sidecar.first_configuration),
            apply: with_cpu(Span::ZERO, apply),
            proxy_probe: Probe {
                delay: Span::ZERO,
                period: sidecar.map_or(Probe::default().period, |sidecar| sidecar.probe_period),
            },
            application_pull: self.said.image_pull.clone(),
            application_start: self.said.start.clone(),
            readiness: self.said.readiness.map(|probe| Probe { delay: probe.delay, period: probe.period }),
            endpoint: constant(endpoint_slice),
        }
    }

    fn end(&self) -> pod_end::Plan {
        let proxy = |sidecar: &SidecarModel| pod_end::Proxy {
            is_native: sidecar.mode == SidecarMode::Native,
            drains_first: sidecar.drains_first,
            // It asks for a drain and does not wait for it.
            pre_stop: Span::ZERO,
            exit: match sidecar.exit {
                SidecarExit::After(time) => Exit::After(time),
                SidecarExit::WhenIdle(grace) => Exit::WhenIdle { grace },
                SidecarExit::WithoutConnections { minimum, poll } => {
                    Exit::OnZeroConnections { minimum, poll }
                }
            },
            drain: sidecar.accept,
        };
        pod_end::Plan {
            proxy: self.sidecar().map(proxy),
            grace: self.said.grace,
            pre_stop: self.said.pre_stop,
            shutdown: self.said.shutdown,
            endpoint: self.model.kubernetes.endpoint_slice,
        }
    }
}

fn constant(span: Span) -> Dist {
    Dist::constant(span.nanos() as f64).expect("a span is finite and not negative")
}

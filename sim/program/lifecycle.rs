//! Pods that come and go during a run: how they start and end, and what makes them.
//!
//! A workload of which pods come and go has more places than pods: [`pods`](super::Workload::pods) of them, of which the first
//! [`wanted`](super::Workload::wanted) hold a pod when the run begins. A pod that is made takes a free place; what it is does not depend
//! on which. Of all others every place holds a pod from the start on.

mod autoscale;
mod build;
#[cfg(test)]
mod tests;
mod upgrade;

use crate::index::IndexVec;
use crate::index_type;
use crate::kernel::Uniform;
use crate::kernel::dist::Dist;
use crate::placement::{NodeIdx, Request};
use crate::policy::autoscale::{Settings, Spec};
use crate::policy::pod_end;
use crate::policy::pod_start::{self, Probe, Sidecar};
use crate::policy::rollout::UpdateStrategy;
use crate::units::Span;

use crate::mesh::scenario::NodesWhat;

use super::control::ChangeIdx;
use super::happening::Happening;
use super::{Edge, PodIdx, Program, WorkloadIdx};

pub(super) use autoscale::{SCRAPE, notes};
pub(super) use build::{build, lives};
pub(super) use upgrade::upgrade_notes;

index_type! {
    /// A workload of which pods come and go.
    pub struct LifeIdx;
    /// An event of the scenario that makes pods come or go.
    pub struct IncidentIdx;
}

/// Everything about pods that come and go. Times of laws are nanoseconds.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// Workloads of which pods come and go, in the order of all workloads.
    pub lives: IndexVec<LifeIdx, Life>,
    /// Which of them each workload is.
    pub of_workloads: IndexVec<WorkloadIdx, Option<LifeIdx>>,
    /// What happens, in the scenario's order.
    pub incidents: IndexVec<IncidentIdx, Incident>,
    /// From when an endpoint is written to the API server until who watches there knows.
    pub watch: Dist,
    /// How nodes learn of endpoints for those pods that no proxy stands beside.
    pub rules: Rules,
    /// How long the old proxy of a node goes on beside the new one.
    pub node_proxy_drain: Span,
    /// Nodes that come and go; `None` where none do.
    pub nodes: Option<Nodes>,
}

/// Nodes that come and go.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// Those that are not there when the run begins.
    pub added: Vec<NodeIdx>,
    /// What a node has room for, in requests and in pods, where the user says how many there are; else there is always room.
    pub room: Option<(Request, u32)>,
    /// From when a node is gone until its pods count as not ready, ...
    pub grace: Span,
    /// ... and from then until they are replaced, ...
    pub eviction: Span,
    /// ... for each node that went at the same time so much later.
    pub eviction_pace: Span,
    /// From when a pod counts as not ready until its endpoint is written.
    pub endpoint: Span,
}

/// When the rules of a node are written (kube-proxy).
#[derive(Clone, Debug)]
pub struct Rules {
    /// Least time between two times that they are.
    pub least: Span,
    /// How long it takes.
    pub write: Dist,
}

/// Pods of a workload that come and go.
#[derive(Clone, Debug)]
pub struct Life {
    /// Which workload.
    pub workload: WorkloadIdx,
    /// The change that says who is told of its endpoints.
    pub endpoints: ChangeIdx,
    /// How a pod starts.
    pub start: Start,
    /// How a pod ends.
    pub end: pod_end::Plan,
    /// How pods are replaced.
    pub strategy: UpdateStrategy,
    /// A pod is available once it has been ready for so long.
    pub min_ready: Span,
    /// A proxy whose memory passes its limit is killed.
    pub oom_kill: bool,
    /// What a pod asks the scheduler for, where that matters.
    pub request: Request,
    /// What decides how many pods are wanted, if anything does.
    pub autoscaler: Option<Autoscaler>,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    /// What it is told.
    pub spec: Spec,
    /// What all of them are told.
    pub settings: Settings,
    /// Time between two looks at what pods have used (metrics-server).
    pub scrape: Span,
    /// What the application and the proxy ask the scheduler for, in thousandths of a core.
    pub requests: [Option<u64>; 2],
}

/// Laws of the stages of a pod's start, see [`pod_start::Plan`].
#[derive(Clone, Debug)]
pub struct Start {
    /// How a pod comes to its proxy.
    pub sidecar: Sidecar,
    /// Until a node has it.
    pub schedule: Dist,
    /// Sandbox and network.
    pub sandbox: Dist,
    /// Init containers.
    pub init: Dist,
    /// The proxy's image.
    pub proxy_pull: Dist,
    /// Until the proxy asks for its certificate.
    pub proxy_start: Dist,
    /// Until it can ask, beside key, network and authority ([`Certificates`](super::control::Certificates)).
    pub certificate: Dist,
    /// Until it has its configuration.
    pub configuration: Dist,
    /// Until it has applied it.
    pub apply: Dist,
    /// The proxy's startup probe.
    pub proxy_probe: Probe,
    /// The application's image.
    pub application_pull: Dist,
    /// Until the application answers.
    pub application_start: Dist,
    /// The application's readiness probe.
    pub readiness: Option<Probe>,
    /// Until the endpoint is written.
    pub endpoint: Dist,
}

/// Something that makes pods come or go.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its name, and when it happens.
    pub when: Happening,
    /// What happens.
    pub kind: IncidentKind,
}

/// What makes pods come or go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentKind {
    /// All pods are replaced by new ones, step by step.
    Rollout(Vec<LifeIdx>),
    /// So many pods are wanted of each from now on.
    Scale(Vec<LifeIdx>, u32),
    /// So many pods of each are gone without warning, as with their nodes, and are replaced.
    Kill(Vec<LifeIdx>, u32),
    /// Proxies are replaced with their pods, wave by wave.
    Upgrade {
        /// Whose pods, by wave.
        waves: Vec<Vec<LifeIdx>>,
        /// From when a wave is done until the next.
        pause: Span,
    },
    /// Proxies of nodes are replaced one after the other.
    UpgradeNodes {
        /// In this order.
        nodes: Vec<NodeIdx>,
        /// How long a new one takes to start.
        start: Span,
    },
    /// Nodes come or go, those of the first time it happens, of the second, ...
    Nodes(NodesWhat, Vec<Vec<NodeIdx>>),
}

impl Start {
    /// The stages' lengths of one pod.
    pub fn plan(&self, uniform: &mut impl Uniform) -> pod_start::Plan {
        let mut draw = |law: &Dist| Span::from_nanos_f64(law.sample(uniform));
        pod_start::Plan {
            sidecar: self.sidecar,
            schedule: draw(&self.schedule),
            sandbox: draw(&self.sandbox),
            init: draw(&self.init),
            proxy_pull: draw(&self.proxy_pull),
            proxy_start: draw(&self.proxy_start),
            certificate: draw(&self.certificate),
            configuration: draw(&self.configuration),
            apply: draw(&self.apply),
            proxy_probe: self.proxy_probe,
            application_pull: draw(&self.application_pull),
            application_start: draw(&self.application_start),
            readiness: self.readiness,
            endpoint: draw(&self.endpoint),
        }
    }
}

impl Lifecycle {
    /// The lives among the workloads that an edge leads to, each with the number on the edge of its first place.
    pub fn lives_of<'a>(
        &'a self,
        program: &'a Program,
        edge: &'a Edge,
    ) -> impl Iterator<Item = (LifeIdx, u32)> + 'a {
        let mut number = 0;
        let stretches = std::iter::from_fn(move || {
            let first = (number < edge.targets.len()).then_some(number)?;
            let workload = program.pods[edge.endpoints.pod(first)].workload;
            number += program.workloads[workload].pods;
            Some((self.of_workloads[workload], first))
        });
        stretches.filter_map(|(life, first)| Some((life?, first)))
    }
}

impl Program {
    /// Whose life a pod is part of, and its place there; `None` where no pods come and go.
    #[inline]
    pub fn place(&self, pod: PodIdx) -> Option<(LifeIdx, u32)> {
        let workload = self.pods[pod].workload;
        Some((self.life(workload)?, pod.0 - self.workloads[workload].first_pod.0))
    }

    /// The life of a workload's pods, if they come and go.
    #[inline]
    pub fn life(&self, workload: WorkloadIdx) -> Option<LifeIdx> {
        self.lifecycle.as_ref().and_then(|lifecycle| lifecycle.of_workloads[workload])
    }
}

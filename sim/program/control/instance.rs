//! What the instances of a control plane are: how they start, what memory they take, what happens to them.

use crate::index::IndexVec;
use crate::index_type;
use crate::mesh::model::{DistributionModel, KubernetesModel, Way};
use crate::mesh::scenario::{Event, EventKind, PlaneEvent, Scenario};
use crate::policy::autoscale::{Settings, Spec};
use crate::policy::push::connect::ConnectionAge;
use crate::units::{Ratio, Span};
use crate::vocabulary::autoscale::{Metric, Of, Target};

use super::super::Program;
use super::super::happening::Happening;
use super::super::lifecycle::Autoscaler;

index_type! {
    /// An event of the scenario that happens to the control plane's instances.
    pub struct IncidentIdx;
}

/// What becomes of an instance of the control plane.
#[derive(Clone, Debug)]
pub struct Instance {
    /// From when its pod is made until proxies are sent to it: scheduled, started, ready, written and heard of.
    pub start: Span,
    /// The same from the start of its container.
    pub restart: Span,
    /// What memory it takes.
    pub memory: Memory,
    /// How long a proxy stays connected to it.
    pub age: ConnectionAge,
    /// What decides how many there are, if anything does.
    pub autoscaler: Option<Autoscaler>,
}

/// Memory of an instance, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Without proxies: services and the endpoints that there are when the run begins included.
    pub base: f64,
    /// Per endpoint that there are more.
    pub per_endpoint: f64,
    /// Per connected proxy.
    pub per_proxy: f64,
    /// Per byte of what is made or sent.
    pub per_pushed_byte: f64,
    /// Above this it is killed; `None` is never.
    pub limit: Option<f64>,
}

/// Something that happens to instances.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its name, and when it happens.
    pub when: Happening,
    /// What happens.
    pub kind: IncidentKind,
}

/// What happens to instances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IncidentKind {
    /// So many are gone without warning, and others are started in their place.
    Kill(u32),
    /// Each has only so many cores for so long.
    Starve(f64, Span),
}

impl Instance {
    pub(super) fn new(scenario: &Scenario, model: &DistributionModel, kubernetes: &KubernetesModel) -> Self {
        let restart = model.start_up + kubernetes.endpoint_slice + kubernetes.watch;
        let own: u64 = scenario.services.iter().map(|service| u64::from(service.replicas)).sum();
        let endpoints = own + scenario.cluster.others.endpoints;
        // gRPC scatters the age of istiod's connections and lets streams go on for a while; the lifetime of Linkerd's streams
        // is what it is.
        let age = match model.way {
            Way::Push(_) => ConnectionAge { age: model.connection_lifetime, ..ConnectionAge::default() },
            Way::Stream(_) => {
                ConnectionAge { age: model.connection_lifetime, jitter: Ratio::ZERO, grace: Span::ZERO }
            }
        };
        Self {
            start: kubernetes.schedule + kubernetes.sandbox + kubernetes.image_pull + restart,
            restart,
            memory: Memory {
                base: model.memory_base
                    + model.memory_per_service * scenario.known_services() as f64
                    + model.memory_per_endpoint * endpoints as f64,
                per_endpoint: model.memory_per_endpoint,
                per_proxy: model.memory_per_proxy,
                per_pushed_byte: model.memory_per_pushed_byte,
                limit: model.memory_limit,
            },
            age,
            autoscaler: autoscaler(model),
        }
    }
}

/// Of an autoscaler that may do something.
fn autoscaler(model: &DistributionModel) -> Option<Autoscaler> {
    let told = model.autoscaler.filter(|autoscaler| autoscaler.most > model.replicas)?;
    let metric = Metric { of: Of::Application, target: Target::Utilization(told.utilization) };
    Some(Autoscaler {
        spec: Spec { min: model.replicas, max: told.most, metrics: vec![metric], behavior: None },
        settings: Settings::default(),
        scrape: super::super::lifecycle::SCRAPE,
        requests: [Some(told.request.millicores()), None],
    })
}

/// What happens to instances before the window ends.
pub(super) fn incidents(scenario: &Scenario, program: &Program) -> IndexVec<IncidentIdx, Incident> {
    let incident = |event: &Event| {
        let EventKind::Plane(kind) = event.kind else { return None };
        Some(Incident {
            when: Happening::of(event, program.window.end()),
            kind: match kind {
                PlaneEvent::Kill { instances } => IncidentKind::Kill(instances),
                PlaneEvent::Starve { cores, length } => IncidentKind::Starve(cores.value(), length),
            },
        })
    };
    scenario.events.iter().filter_map(incident).collect()
}

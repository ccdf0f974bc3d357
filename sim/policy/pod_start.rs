//! A pod's start as a line of stages: from given lengths, when each begins and ends.
//!
//! Kubelet's order (pkg/kubelet/kuberuntime, `SyncPod`): the sandbox and its network; init containers one after the
//! other, among them native sidecars, each of which is started and awaited until its startup probe succeeds; then the
//! other containers, each pulled, started and held until its postStart hook returns before the next one is looked at.
//! A proxy asks for its certificate, then for its configuration, and is ready when it has applied it. The pod is ready
//! when all its containers are, and an endpoint when the control plane of Kubernetes has noticed.

mod probe;
#[cfg(test)]
mod tests;

pub use probe::Probe;

use crate::units::{SimTime, Span};

/// How a pod comes to its proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sidecar {
    /// It has none; what there is serves all pods of its node and waits for nobody (ztunnel).
    None,
    /// A container after the application's: the application starts without it (Istio's, unless told).
    Classic,
    /// A container before the application's, whose postStart hook asks every so often whether the proxy is ready: 0.5 s
    /// for Istio's `holdApplicationUntilProxyStarts`, 1 s for linkerd-await.
    Held {
        /// Time between two looks.
        poll: Span,
    },
    /// An init container that stays (`restartPolicy: Always`): the application starts after its startup probe.
    Native,
}

/// How long each stage lasts when nothing keeps it waiting, and how the pod is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its proxy.
    pub sidecar: Sidecar,
    /// From when the pod is made until its node has it.
    pub schedule: Span,
    /// Sandbox and network; an ambient mesh's plugin, too, which waits for its node's proxy.
    pub sandbox: Span,
    /// Init containers with their images: the application's, and what a mesh sets up.
    pub init: Span,
    /// The proxy's image.
    pub proxy_pull: Span,
    /// From when the proxy's container is created until its process asks for a certificate.
    pub proxy_start: Span,
    /// Until it has its certificate.
    pub certificate: Span,
    /// Until it has its first configuration, where [`Line::with_configuration`] is not told.
    pub configuration: Span,
    /// Until it has applied it.
    pub apply: Span,
    /// The proxy's startup probe; it counts as ready with its first success.
    pub proxy_probe: Probe,
    /// The application's image.
    pub application_pull: Span,
    /// From when the application's container is created until it answers.
    pub application_start: Span,
    /// The application's readiness probe; none is always ready.
    pub readiness: Option<Probe>,
    /// From when the pod is ready until its endpoint is written.
    pub endpoint: Span,
}

/// A stage of a pod's start, in the order in which they usually come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A node is found.
    Schedule,
    /// Sandbox and network.
    Sandbox,
    /// Init containers.
    Init,
    /// The proxy's image is pulled.
    ProxyPull,
    /// The proxy's process starts.
    ProxyStart,
    /// It waits for its certificate.
    Certificate,
    /// It waits for its first configuration.
    Configuration,
    /// It applies it.
    Apply,
    /// It is ready, but not known to be.
    ProxyReady,
    /// The application's image is pulled.
    ApplicationPull,
    /// The application starts.
    ApplicationStart,
    /// It answers, but is not known to be ready.
    Readiness,
    /// All containers are ready: its endpoint is written.
    Endpoint,
}

impl Stage {
    /// It is the proxy's; else the pod's or its application's.
    pub const fn is_of_proxy(self) -> bool {
        matches!(
            self,
            Self::ProxyPull
                | Self::ProxyStart
                | Self::Certificate
                | Self::Configuration
                | Self::Apply
                | Self::ProxyReady
        )
    }

    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Sandbox => "sandbox",
            Self::Init => "init",
            Self::ProxyPull => "proxy_pull",
            Self::ProxyStart => "proxy_start",
            Self::Certificate => "certificate",
            Self::Configuration => "configuration",
            Self::Apply => "apply",
            Self::ProxyReady => "proxy_ready",
            Self::ApplicationPull => "application_pull",
            Self::ApplicationStart => "application_start",
            Self::Readiness => "readiness",
            Self::Endpoint => "endpoint",
        }
    }

    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Schedule,
        Self::Sandbox,
        Self::Init,
        Self::ProxyPull,
        Self::ProxyStart,
        Self::Certificate,
        Self::Configuration,
        Self::Apply,
        Self::ProxyReady,
        Self::ApplicationPull,
        Self::ApplicationStart,
        Self::Readiness,
        Self::Endpoint,
    ];
}

/// When a stage begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// It begins.
    pub begin: SimTime,
    /// It ends.
    pub end: SimTime,
}

/// The stages of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    stages: [Option<Interval>; Stage::ALL.len()],
}

impl Line {
    /// Of a pod that is made now.
    pub fn new(plan: &Plan, now: SimTime) -> Self {
        Self::with_configuration(plan, now, |asked| asked + plan.certificate + plan.configuration)
    }

    /// Of a pod that is made now, whose proxy has its first configuration when `configured` says, given when it asks
    /// for its certificate. The certificate's length stays as planned; the rest is the configuration's.
    pub fn with_configuration(
        plan: &Plan,
        now: SimTime,
        configured: impl FnOnce(SimTime) -> SimTime,
    ) -> Self {
        let mut line = Self { stages: [None; Stage::ALL.len()] };
        let scheduled = line.put(Stage::Schedule, now, plan.schedule);
        let sandbox = line.put(Stage::Sandbox, scheduled, plan.sandbox);
        let initialized = line.put(Stage::Init, sandbox, plan.init);
        let (proxy, application) = match plan.sidecar {
            Sidecar::None => (None, line.application(plan, initialized)),
            Sidecar::Classic => {
                let application = line.application(plan, initialized);
                (Some(line.proxy(plan, application.created, configured)), application)
            }
            Sidecar::Held { poll } => {
                let proxy = line.proxy(plan, initialized, configured);
                let held = probe::next_tick(proxy.created, poll, proxy.up);
                (Some(proxy), line.application(plan, held))
            }
            Sidecar::Native => {
                let proxy = line.proxy(plan, initialized, configured);
                (Some(proxy), line.application(plan, plan.proxy_probe.success(proxy, proxy.created, None)))
            }
        };
        line.end(plan, proxy, application);
        line
    }

    /// When a stage begins and ends; `None` of a pod without it.
    pub fn get(&self, stage: Stage) -> Option<Interval> {
        self.stages[stage as usize]
    }

    /// Stages that there are, with when they begin and end.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Interval)> + '_ {
        Stage::ALL.into_iter().filter_map(|stage| Some((stage, self.get(stage)?)))
    }

    /// When the pod is ready.
    pub fn ready(&self) -> SimTime {
        self.stages[Stage::Endpoint as usize].map_or(SimTime::MAX, |interval| interval.begin)
    }

    /// When the application can send requests on its own account: it runs, ready or not. Before its proxy is ready such
    /// requests fail, with a classic sidecar.
    pub fn application_up(&self) -> SimTime {
        self.stages[Stage::ApplicationStart as usize].map_or(SimTime::MAX, |interval| interval.end)
    }

    /// When the proxy is ready, if the pod has one.
    pub fn proxy_up(&self) -> Option<SimTime> {
        self.get(Stage::Apply).map(|interval| interval.end)
    }

    /// When the endpoint is written.
    pub fn endpoint(&self) -> SimTime {
        self.stages[Stage::Endpoint as usize].map_or(SimTime::MAX, |interval| interval.end)
    }

    fn put(&mut self, stage: Stage, begin: SimTime, length: Span) -> SimTime {
        self.between(stage, begin, begin + length)
    }

    fn between(&mut self, stage: Stage, begin: SimTime, end: SimTime) -> SimTime {
        self.stages[stage as usize] = Some(Interval { begin, end });
        end
    }

    fn application(&mut self, plan: &Plan, begin: SimTime) -> Container {
        let created = self.put(Stage::ApplicationPull, begin, plan.application_pull);
        let up = self.put(Stage::ApplicationStart, created, plan.application_start);
        Container { created, up }
    }

    fn proxy(
        &mut self,
        plan: &Plan,
        begin: SimTime,
        configured: impl FnOnce(SimTime) -> SimTime,
    ) -> Container {
        let created = self.put(Stage::ProxyPull, begin, plan.proxy_pull);
        let asked = self.put(Stage::ProxyStart, created, plan.proxy_start);
        let configured = configured(asked).max(asked);
        let certified = self.between(Stage::Certificate, asked, (asked + plan.certificate).min(configured));
        let configured = self.between(Stage::Configuration, certified, configured);
        let up = self.put(Stage::Apply, configured, plan.apply);
        Container { created, up }
    }

    fn end(&mut self, plan: &Plan, proxy: Option<Container>, application: Container) {
        // Kubelet looks at containers when it has started all that it starts in one go: only then they are probed.
        let started = match (plan.sidecar, proxy) {
            (Sidecar::Classic, Some(proxy)) => application.created.max(proxy.created),
            _ => application.created,
        };
        let proxy_ready = proxy.map(|proxy| {
            let probed = if plan.sidecar == Sidecar::Native { proxy.created } else { started };
            self.between(Stage::ProxyReady, proxy.up, plan.proxy_probe.success(proxy, probed, None))
        });
        let ready = plan.readiness.map_or(started, |probe| probe.success(application, started, proxy_ready));
        self.between(Stage::Readiness, application.up, ready.max(application.up));
        self.put(Stage::Endpoint, proxy_ready.map_or(ready, |proxy| proxy.max(ready)), plan.endpoint);
    }
}

/// When a container is created, and when it answers.
#[derive(Clone, Copy)]
struct Container {
    created: SimTime,
    up: SimTime,
}

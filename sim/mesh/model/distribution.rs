//! How a control plane gets configuration to proxies, and what that costs it.

use crate::units::{Cores, Span};

/// A control plane. CPU is that of the profile's reference machine, bytes are those of one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct DistributionModel {
    /// Instances, each of which a proxy is connected to with equal chance.
    pub replicas: u32,
    /// What may make them more.
    pub autoscaler: Option<PlaneAutoscaler>,
    /// From the start of an instance's container until it takes connections.
    pub start_up: Span,
    /// Age at which a connection is ended, which is opened anew then.
    pub connection_lifetime: Span,
    /// CPU quota of an instance; `None` is as much as its node has.
    pub cpu_limit: Option<Cores>,
    /// Memory of an idle instance.
    pub memory_base: f64,
    /// Memory per service of the cluster.
    pub memory_per_service: f64,
    /// Memory per endpoint of the cluster.
    pub memory_per_endpoint: f64,
    /// Memory per connected proxy.
    pub memory_per_proxy: f64,
    /// Memory per byte of a push while it is made and sent.
    pub memory_per_pushed_byte: f64,
    /// Memory above which an instance is killed; `None` is never.
    pub memory_limit: Option<f64>,
    /// Bytes on the wire per endpoint.
    pub bytes_per_endpoint: f64,
    /// Whether it pushes or serves streams.
    pub way: Way,
}

/// A HorizontalPodAutoscaler of a control plane, which never has fewer instances than it starts with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneAutoscaler {
    /// Most instances.
    pub most: u32,
    /// CPU to be used, in per cent of what an instance requests.
    pub utilization: u32,
    /// What an instance requests.
    pub request: Cores,
}

/// How configuration reaches proxies.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// Changes are gathered, and every proxy is told of them together (istiod).
    Push(PushModel),
    /// Every change is sent at once to whoever has asked for it (Linkerd's destination).
    Stream(StreamModel),
}

/// A control plane that pushes.
#[derive(Clone, Debug, PartialEq)]
pub struct PushModel {
    /// A push waits for so long without a change ...
    pub quiet: Span,
    /// ... but for no longer than this.
    pub longest: Span,
    /// Proxies pushed to at once.
    pub concurrency: PerCore,
    /// Proxies that may connect to an instance in a second; 0 is no limit.
    pub connect_rate: PerCore,
    /// A push carries what changed, not everything.
    pub is_delta: bool,
    /// CPU per service to prepare a push.
    pub build_per_service: Span,
    /// CPU per proxy and push.
    pub push: Span,
    /// CPU per cluster that lies in the cache.
    pub per_cached_cluster: Span,
    /// CPU per endpoint.
    pub per_endpoint: Span,
    /// Of a cluster or route that a sidecar is told of.
    pub sidecar: ResourceCost,
    /// Of one that a gateway or a waypoint is told of.
    pub gateway: ResourceCost,
}

/// What one cluster or route costs that changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResourceCost {
    /// CPU to generate it.
    pub cpu: Span,
    /// Bytes on the wire.
    pub bytes: f64,
}

/// A number that grows with the cores of an instance: `min(base + per_core · cores, most)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerCore {
    /// Without any.
    pub base: f64,
    /// For each.
    pub per_core: f64,
    /// At most.
    pub most: f64,
}

impl PerCore {
    /// The number of an instance that may use so many.
    pub fn at(self, cores: f64) -> f64 {
        (self.base + self.per_core * cores).min(self.most)
    }
}

/// A control plane of streams.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamModel {
    /// CPU per update and subscriber.
    pub update: Span,
    /// Bytes on the wire per changed route.
    pub bytes_per_route: f64,
    /// Updates that a stream may hold before it is ended.
    pub queue_limit: u32,
}

/// CPU of a proxy to take over an update of its configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ApplyCost {
    /// Control thread, per cluster or route that changed.
    pub changed: Span,
    /// Control thread, per cluster that came along unchanged.
    pub unchanged: Span,
    /// Control thread, per cluster whose endpoints changed ...
    pub endpoints: Span,
    /// ... and per endpoint that comes with it.
    pub per_endpoint: Span,
    /// Each worker.
    pub worker: Span,
}

//! A mesh as the compiler needs it: the typed values of a profile, overrides applied.
//!
//! All CPU figures are those of the profile's reference machine. Spans are one proxy's; "traversal" is a request and
//! its response through one proxy.

use crate::units::{Bytes, Cores, Ratio, Span};

use crate::vocabulary::ProxyKind;
use crate::vocabulary::routing::{Backoff, RetryOn};

use super::scenario::{BalancingPolicy, Protocol};

mod certificate;
mod distribution;
mod lifecycle;
mod telemetry;

pub use certificate::{CertificateModel, HolderModel, Renewal};
pub use distribution::{
    ApplyCost, DistributionModel, PerCore, PlaneAutoscaler, PushModel, ResourceCost, StreamModel, Way,
};
pub use lifecycle::{KubernetesModel, LifecycleModel, NodeProxyLife, SidecarExit, SidecarMode, SidecarModel};
pub use telemetry::{Logs, Metrics, Outcomes, Peers, PrometheusModel, Reports, SideModel, TelemetryModel};

/// What one mesh does to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshModel {
    /// The profile's name, e.g. `istio-sidecar`.
    pub name: String,
    /// For people, e.g. `Istio sidecar`.
    pub title: String,
    /// The proxy beside every injected pod; `None` when the mesh has none.
    pub sidecar: Option<ProxyModel>,
    /// The proxy of a node, which its injected pods share; `None` when the mesh has none.
    pub node_proxy: Option<NodeProxyModel>,
    /// The proxy between those of two nodes; `None` when the mesh has none.
    pub waypoint: Option<WaypointModel>,
    /// The proxy of an ingress gateway.
    pub gateway: ProxyModel,
    /// How an application without a proxy reaches another pod.
    pub direct: DirectModel,
    /// What its proxies try again; `None` if no proxy ever does.
    pub retries: Option<RetryModel>,
    /// Pods that stand on every node, whatever else runs there.
    pub daemons: Vec<ReservationModel>,
    /// Pods of the control plane; `None` when the mesh has none of its own.
    pub control_plane: Option<ReservationModel>,
    /// What keeps its proxies' metrics.
    pub prometheus: PrometheusModel,
    /// How it tells proxies of changes; `None` where kube-proxy is all there is, which knows no routes.
    pub distribution: Option<DistributionModel>,
    /// What it and Kubernetes add to the life of a pod.
    pub lifecycle: LifecycleModel,
    /// How its proxies come to their certificates; `None` where there are none.
    pub certificates: Option<CertificateModel>,
}

/// Whose reading of conditions and pauses a proxy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Envoy's.
    Envoy,
    /// That of Linkerd's proxy.
    Linkerd,
}

impl MeshModel {
    /// Whose sidecars it has, if it has any.
    pub fn sidecar_kind(&self) -> Option<ProxyKind> {
        let follows = self.sidecar.as_ref().and(self.retries.as_ref())?.follows;
        Some(match follows {
            Follows::Envoy => ProxyKind::Istio,
            Follows::Linkerd => ProxyKind::Linkerd,
        })
    }
}

/// What proxies try again, unasked or where a rule leaves it open.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryModel {
    /// Whose way it is.
    pub follows: Follows,
    /// Attempts after the first one that are made unasked.
    pub attempts: u32,
    /// Which failures.
    pub on: Vec<RetryOn>,
    /// Pause before a retry.
    pub backoff: Backoff,
    /// A retry goes to an endpoint that was not tried before, if one is found soon enough.
    pub avoid_previous: bool,
}

/// A proxy shared by the pods of a node, and its tunnels to the proxies of other nodes.
///
/// Its `proxy.memory` holds what a service (`per_cluster`) and its endpoints take.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeProxyModel {
    /// The process.
    pub proxy: ProxyModel,
    /// Its tunnels.
    pub tunnel: TunnelModel,
    /// Bytes per pod of the mesh, on whatever node: it is told of all.
    pub memory_per_workload: f64,
}

/// One multiplexed connection between two node proxies, or a node proxy and a waypoint. Each connection of an
/// application is one stream of it; its handshake is that of the proxy's [`UpstreamModel`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TunnelModel {
    /// Streams before another tunnel is opened; `u32::MAX` without a limit.
    pub streams: u32,
    /// After this long without a stream it is closed.
    pub idle_timeout: Span,
    /// Network round trips before the first byte of a new stream on an open tunnel.
    pub stream_round_trips: f64,
}

/// The proxy of a service or a namespace on the way between nodes' proxies.
#[derive(Clone, Debug, PartialEq)]
pub struct WaypointModel {
    /// The process.
    pub proxy: ProxyModel,
    /// Pods of each waypoint.
    pub replicas: u32,
}

/// Pods that take room on nodes and carry no request.
#[derive(Clone, Debug, PartialEq)]
pub struct ReservationModel {
    /// For people and for the order of placement.
    pub name: String,
    /// How many, where they do not stand on every node.
    pub replicas: u32,
    /// CPU the scheduler reserves for one.
    pub cpu_request: Option<Cores>,
    /// Memory the scheduler reserves for one.
    pub memory_request: Option<Bytes>,
}

/// The application's own connections where no proxy stands in between.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectModel {
    /// How kube-proxy chooses, per connection.
    pub balancing: BalancingPolicy,
    /// Network round trips before the first byte of a request.
    pub handshake_round_trips: f64,
    /// After this long unused an application closes a connection.
    pub idle_timeout: Span,
}

/// A proxy process.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyModel {
    /// Worker threads ...
    pub workers: u32,
    /// ... which follow from the CPU limit, or without one from the node's cores; otherwise they are given.
    pub workers_by_limit: bool,
    /// How jobs find a worker.
    pub dispatch: Dispatch,
    /// CPU of one traversal without features, by protocol.
    pub http1: TraversalCost,
    /// CPU of one traversal, HTTP/2.
    pub http2: TraversalCost,
    /// CPU of one traversal, gRPC.
    pub grpc: TraversalCost,
    /// CPU of one exchange of bytes on an opaque connection.
    pub tcp: TraversalCost,
    /// CPU of a connection of an application, handshakes between proxies apart.
    pub connection: ConnectionCost,
    /// Share of a traversal's CPU that the response takes, in [0, 1].
    pub response_ratio: f64,
    /// CPU per payload byte, in nanoseconds, TLS apart.
    pub cpu_per_byte: f64,
    /// CPU of one traversal for TLS records, where both sides are in the mesh.
    pub tls_cpu: Span,
    /// CPU per byte for encryption or decryption, in nanoseconds, on the side that faces the mesh.
    pub tls_cpu_per_byte: f64,
    /// Features that are switched on, summed: CPU per traversal on top of the base.
    pub feature_cpu: Span,
    /// Features that are switched on, summed: CPU per payload byte on top, in nanoseconds.
    pub feature_cpu_per_byte: f64,
    /// Squared coefficient of variation of a job's CPU.
    pub cpu_scv: f64,
    /// Wake-ups.
    pub wake: WakeCost,
    /// CPU an idle process takes, in cores.
    pub idle_cpu: Cores,
    /// Delay of one pass (request or response) beside CPU: kernel, loopback.
    pub pass_delay: Span,
    /// Connections towards other pods.
    pub upstream: UpstreamModel,
    /// Bytes that mesh headers add to a request, and framing and TLS to each message.
    pub request_overhead: Bytes,
    /// The same for a response.
    pub response_overhead: Bytes,
    /// How it chooses an endpoint, per request (HTTP) ...
    pub balancing: BalancingPolicy,
    /// ... and per opaque connection.
    pub tcp_balancing: BalancingPolicy,
    /// Peak-EWMA: assumed latency of an endpoint not yet asked, and decay.
    pub ewma_default: Span,
    /// Time constant of the decay.
    pub ewma_decay: Span,
    /// Memory.
    pub memory: MemoryModel,
    /// Metrics, access logs and spans.
    pub telemetry: TelemetryModel,
    /// Taking over changed configuration.
    pub apply: ApplyCost,
    /// Requests and limits of the container.
    pub cpu_request: Option<Cores>,
    /// CPU quota over 100 ms; `None` is none.
    pub cpu_limit: Option<Cores>,
    /// Memory the scheduler reserves.
    pub memory_request: Option<Bytes>,
    /// Memory above which it is killed.
    pub memory_limit: Option<Bytes>,
}

impl ProxyModel {
    /// The CPU of one traversal for what a port speaks.
    pub fn traversal(&self, protocol: Protocol) -> &TraversalCost {
        match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
            Protocol::Grpc => &self.grpc,
            Protocol::Tcp => &self.tcp,
        }
    }

    /// Bytes for what it is told of: so many services, each `per_service` bytes, `opaque` of them opaque TCP, with so many
    /// endpoints beyond the first of each. HTTP services share one outbound listener, each opaque TCP service has its own,
    /// and three stand for inbound traffic, the virtual outbound and the metrics port.
    pub fn configuration_bytes(&self, per_service: f64, services: u64, opaque: u64, endpoints: u64) -> f64 {
        self.memory.per_listener * (4 + opaque) as f64
            + per_service * services as f64
            + self.memory.per_endpoint * endpoints as f64
    }
}

/// CPU of a request and its response through one proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraversalCost {
    /// On the caller's side.
    pub outbound: Span,
    /// On the callee's side.
    pub inbound: Span,
}

/// CPU of a connection of an application in one proxy, handshakes between proxies apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCost {
    /// On the caller's side: one that the application opens.
    pub outbound: ConnectionCpu,
    /// On the callee's side: one in a tunnel, or from a client without a proxy.
    pub inbound: ConnectionCpu,
}

/// CPU of a connection at its two ends in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCpu {
    /// Before the first request goes on.
    pub opening: Span,
    /// After the last response.
    pub closing: Span,
}

/// How a job finds a worker thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// Each connection belongs to the worker that accepted it (Envoy).
    Pinned,
    /// Any free worker takes any job (Tokio).
    Shared,
}

/// CPU of waking a core or a thread: `floor + rise · (1 − exp(−idle/tau))`, or `thread` on a busy core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WakeCost {
    /// Of a core that was idle for no time.
    pub floor: Span,
    /// What a long idle time adds.
    pub rise: Span,
    /// Time constant.
    pub tau: Span,
    /// Of a sleeping thread while its core is busy.
    pub thread: Span,
    /// Share that precedes the job; the rest delays only later jobs.
    pub before_ratio: Ratio,
}

/// Connections of a client proxy towards endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamModel {
    /// Speaks HTTP/2 between proxies even where the application speaks HTTP/1.1.
    pub upgrade_http1: bool,
    /// Streams per HTTP/2 connection before another is opened.
    pub max_streams: u32,
    /// Whether each worker has its own pool.
    pub pool_per_worker: bool,
    /// A call whose connection does not come to be goes to another endpoint.
    pub unreachable_elsewhere: bool,
    /// Network round trips before the first byte of a request (TCP and TLS).
    pub handshake_round_trips: f64,
    /// CPU of a handshake on the connecting side.
    pub handshake_client_cpu: Span,
    /// CPU of a handshake on the accepting side.
    pub handshake_server_cpu: Span,
    /// After this long unused a connection is closed.
    pub idle_timeout: Span,
}

/// Memory of a proxy, part by part, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryModel {
    /// Anonymous memory of the idle proxy and its agent.
    pub base: f64,
    /// Per worker thread.
    pub per_worker: f64,
    /// Per listener.
    pub per_listener: f64,
    /// Per route (virtual host).
    pub per_route: f64,
    /// Per cluster (a service port it knows).
    pub per_cluster: f64,
    /// Per cluster and worker.
    pub per_cluster_worker: f64,
    /// Per endpoint beyond the first of a cluster.
    pub per_endpoint: f64,
    /// Per open connection, either side.
    pub per_connection: f64,
    /// Per request in flight.
    pub per_request: f64,
    /// Which services it holds.
    pub view: ConfigurationView,
}

/// What a proxy is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigurationView {
    /// Every service of the mesh.
    Everything,
    /// The services it has called.
    Used,
}

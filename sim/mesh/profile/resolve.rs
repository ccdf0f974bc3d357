//! From a profile to what the compiler needs.

use crate::mesh::model::{
    ApplyCost, ConfigurationView, ConnectionCost, ConnectionCpu, DirectModel, Dispatch, Follows, MemoryModel,
    MeshModel, NodeProxyModel, ProxyModel, ReservationModel, RetryModel, TraversalCost, TunnelModel,
    UpstreamModel, WakeCost, WaypointModel,
};
use crate::units::{Bytes, Cores, Ratio, Span};
use crate::vocabulary::BalancingPolicy;
use crate::vocabulary::routing::{Backoff, GrpcStatus, RetryOn};

use super::{Profile, Setting, table};

impl Profile {
    /// The typed values. `node_cores` is the number of workers where neither workers nor a CPU limit are set.
    pub fn model(&self, node_cores: u32) -> MeshModel {
        let section = |section| Reader { profile: self, section };
        let direct = section("direct");
        let data_plane = self.word("data_plane");
        let is_ambient = matches!(data_plane, "ambient" | "ambient_waypoint");
        MeshModel {
            name: self.head.name.clone(),
            title: self.head.title.clone(),
            sidecar: (data_plane == "sidecar").then(|| section("proxy").proxy(node_cores)),
            node_proxy: is_ambient.then(|| section("node_proxy").node_proxy(node_cores)),
            waypoint: (data_plane == "ambient_waypoint").then(|| WaypointModel {
                proxy: section("waypoint").proxy(node_cores),
                replicas: section("waypoint").number("replicas") as u32,
            }),
            gateway: section("gateway").proxy(node_cores),
            direct: DirectModel {
                balancing: direct.balancing("balancing"),
                handshake_round_trips: direct.number("round_trips"),
                idle_timeout: direct.span("idle_timeout"),
            },
            retries: (data_plane != "none").then(|| section("retries").retries()),
            daemons: is_ambient.then(|| section("cni").reservation("cni", 1)).into_iter().collect(),
            control_plane: self.control_plane(),
            prometheus: section("prometheus").prometheus(),
            distribution: self.distribution(),
            lifecycle: self.lifecycle(),
            certificates: self.certificates(),
        }
    }

    /// Its pods; `None` where kube-proxy is all there is.
    fn control_plane(&self) -> Option<ReservationModel> {
        let section = Reader { profile: self, section: "control_plane" };
        let is_there = section.word("kind") != "kube_proxy";
        is_there.then(|| section.reservation("control-plane", section.number("replicas") as u32))
    }

    pub(super) fn word(&self, path: &str) -> &'static str {
        let position = table().position(path).expect("the table has the path");
        self.word_at(position).expect("a decoded profile has every word it needs")
    }
}

/// The parameters of one section.
#[derive(Clone, Copy)]
pub(super) struct Reader<'p> {
    pub(super) profile: &'p Profile,
    pub(super) section: &'static str,
}

impl Reader<'_> {
    fn proxy(self, node_cores: u32) -> ProxyModel {
        let features = self.features();
        let traversal = |protocol: &str| TraversalCost {
            outbound: self.span(&format!("cpu.{protocol}.outbound")),
            inbound: self.span(&format!("cpu.{protocol}.inbound")),
        };
        ProxyModel {
            workers: self.workers(node_cores),
            workers_by_limit: self.limit("workers").is_none(),
            dispatch: match self.word("dispatch") {
                "pinned" => Dispatch::Pinned,
                _ => Dispatch::Shared,
            },
            http1: traversal("http1"),
            http2: traversal("http2"),
            grpc: traversal("grpc"),
            tcp: traversal("tcp"),
            connection: self.connection(),
            response_ratio: self.number("cpu.response_ratio"),
            cpu_per_byte: self.number("cpu.per_byte") * NANOS,
            tls_cpu: features.tls_cpu,
            tls_cpu_per_byte: features.tls_cpu_per_byte,
            feature_cpu: features.cpu,
            feature_cpu_per_byte: features.cpu_per_byte,
            cpu_scv: self.number("cpu.scv"),
            wake: WakeCost {
                floor: self.span("wake.floor"),
                rise: self.span("wake.rise"),
                tau: self.span("wake.tau"),
                thread: self.span("wake.thread"),
                before_ratio: Ratio::new(self.number("wake.before_ratio"))
                    .expect("a decoded ratio lies in [0, 1]"),
            },
            idle_cpu: cores(self.number("idle_cpu")),
            pass_delay: self.span("pass_delay"),
            upstream: self.upstream(&features),
            request_overhead: bytes(self.number("overhead.request_bytes") + features.request_bytes),
            response_overhead: bytes(self.number("overhead.response_bytes") + features.response_bytes),
            balancing: self.balancing("balancing.http"),
            tcp_balancing: self.balancing("balancing.tcp"),
            ewma_default: self.span("balancing.ewma_default"),
            ewma_decay: self.span("balancing.ewma_decay"),
            memory: self.memory(&features),
            telemetry: self.telemetry(),
            apply: ApplyCost {
                changed: self.span("configuration.apply_per_changed_cluster"),
                unchanged: self.span("configuration.apply_per_unchanged_cluster"),
                endpoints: self.span("configuration.apply_per_endpoint_update"),
                per_endpoint: self.span("configuration.apply_per_endpoint"),
                worker: self.span("configuration.apply_per_worker"),
            },
            cpu_request: self.limit("cpu_request").map(cores),
            cpu_limit: self.limit("cpu_limit").map(cores),
            memory_request: self.limit("memory_request").map(bytes),
            memory_limit: self.limit("memory_limit").map(bytes),
        }
    }

    fn connection(self) -> ConnectionCost {
        let [outbound, inbound] = ["outbound", "inbound"].map(|side| {
            let whole = self.span(&format!("cpu.connection.{side}"));
            let closing = whole.scale(self.number("cpu.connection.closing_ratio"));
            ConnectionCpu { opening: whole.saturating_sub(closing), closing }
        });
        ConnectionCost { outbound, inbound }
    }

    fn workers(self, node_cores: u32) -> u32 {
        let whole = |path| self.limit(path).map(|cores| (cores.ceil() as u32).max(1));
        let limit = whole("cpu_limit");
        match self.limit("workers") {
            Some(count) => count as u32,
            None if self.word("workers") == "quarter_of_node" => {
                limit.unwrap_or(node_cores.div_ceil(4)).max(whole("cpu_request").unwrap_or(1)).max(2)
            }
            // Envoy under Istio: one per core of the limit; without a limit one per core of the node.
            None => limit.unwrap_or(node_cores).max(1),
        }
    }

    fn node_proxy(self, node_cores: u32) -> NodeProxyModel {
        let proxy = self.proxy(node_cores);
        NodeProxyModel {
            tunnel: TunnelModel {
                streams: proxy.upstream.max_streams,
                idle_timeout: proxy.upstream.idle_timeout,
                stream_round_trips: self.number("tunnel.stream_round_trips"),
            },
            memory_per_workload: self.number("memory.per_workload"),
            proxy,
        }
    }

    fn reservation(self, name: &str, replicas: u32) -> ReservationModel {
        ReservationModel {
            name: name.to_owned(),
            replicas,
            cpu_request: self.limit("cpu_request").map(cores),
            memory_request: self.limit("memory_request").map(bytes),
        }
    }

    fn retries(self) -> RetryModel {
        use GrpcStatus::{Cancelled, Unavailable};
        use RetryOn::{ConnectFailure, Grpc, RefusedStream, ServerError};
        RetryModel {
            follows: if self.word("follow") == "linkerd" { Follows::Linkerd } else { Follows::Envoy },
            attempts: self.number("attempts") as u32,
            on: match self.word("on") {
                "unsent" => vec![ConnectFailure, RefusedStream, Grpc(Unavailable), Grpc(Cancelled)],
                _ => vec![ServerError],
            },
            backoff: Backoff { base: self.span("backoff_base"), max: self.span("backoff_max") },
            avoid_previous: self.word("avoid_previous") == "yes",
        }
    }

    fn upstream(self, features: &Features) -> UpstreamModel {
        UpstreamModel {
            upgrade_http1: self.word("upstream.http1_as") == "http2",
            max_streams: self.limit("upstream.max_streams").map_or(u32::MAX, |count| count as u32),
            pool_per_worker: self.word("upstream.pool") == "per_worker",
            unreachable_elsewhere: self.word("upstream.unreachable") == "elsewhere",
            handshake_round_trips: self.number("upstream.tcp_round_trips") + features.round_trips,
            handshake_client_cpu: features.handshake_client_cpu,
            handshake_server_cpu: features.handshake_server_cpu,
            idle_timeout: self.span("upstream.idle_timeout"),
        }
    }

    fn memory(self, features: &Features) -> MemoryModel {
        MemoryModel {
            // A plugin has a machine of its own on every thread, the main one included.
            base: self.number("memory.base") + self.number("memory.agent") + features.memory_per_worker,
            per_worker: self.number("memory.per_worker") + features.memory_per_worker,
            per_listener: self.number("memory.per_listener"),
            per_route: self.number("memory.per_route"),
            per_cluster: self.number("memory.per_cluster"),
            per_cluster_worker: self.number("memory.per_cluster_worker"),
            per_endpoint: self.number("memory.per_endpoint"),
            per_connection: self.number("memory.per_connection") + features.memory_per_connection,
            per_request: self.number("memory.per_request"),
            view: match self.word("configuration.view") {
                "everything" => ConfigurationView::Everything,
                _ => ConfigurationView::Used,
            },
        }
    }

    /// The costs of what is switched on.
    fn features(self) -> Features {
        let mut sum = Features::default();
        let mut seconds = 0.0;
        if self.is_on("mtls") {
            sum.tls_cpu = self.span("features.mtls.cpu");
            sum.tls_cpu_per_byte = self.number("features.mtls.cpu_per_byte") * NANOS;
            sum.request_bytes += self.number("features.mtls.request_bytes");
            sum.response_bytes += self.number("features.mtls.response_bytes");
            sum.round_trips = self.number("features.mtls.round_trips");
            sum.handshake_client_cpu = self.span("features.mtls.handshake_client_cpu");
            sum.handshake_server_cpu = self.span("features.mtls.handshake_server_cpu");
            sum.memory_per_connection = self.number("features.mtls.memory_per_connection");
        }
        for feature in ["telemetry", "metadata_exchange", "access_log"] {
            if self.is_on(feature) {
                seconds += self.number(&format!("features.{feature}.cpu"));
            }
        }
        if self.is_on("metadata_exchange") {
            sum.request_bytes += self.number("features.metadata_exchange.request_bytes");
            sum.response_bytes += self.number("features.metadata_exchange.response_bytes");
        }
        if self.is_on("authorization") {
            seconds += self.number("features.authorization.rules")
                * self.number("features.authorization.cpu_per_rule");
        }
        if self.is_on("tracing") {
            seconds +=
                self.number("features.tracing.sampled_ratio") * self.number("features.tracing.cpu_per_span");
            sum.request_bytes += self.number("features.tracing.request_bytes");
        }
        if self.is_on("wasm") {
            seconds += self.number("features.wasm.callbacks") * self.number("features.wasm.cpu_per_callback");
            sum.cpu_per_byte = self.number("features.wasm.cpu_per_byte") * NANOS;
            sum.memory_per_worker = self.number("features.wasm.memory_per_worker");
        }
        sum.cpu = Span::from_seconds_f64(seconds);
        sum
    }

    pub(super) fn is_on(self, feature: &str) -> bool {
        matches!(self.word(&format!("features.{feature}.enabled")), "on" | "always")
    }

    pub(super) fn word(self, path: &str) -> &'static str {
        self.profile.word(&format!("{}.{path}", self.section))
    }

    /// A number in its base unit.
    pub(super) fn number(self, path: &str) -> f64 {
        self.limit(path).expect("a decoded profile has every number it needs")
    }

    /// A number in its base unit, or `None` for a word such as `none`, `unlimited` or `from_cpu_limit`.
    pub(super) fn limit(self, path: &str) -> Option<f64> {
        match self.profile.get(&format!("{}.{path}", self.section)) {
            Some(Setting::Number(quantity)) => Some(quantity.value),
            Some(Setting::Word(_)) => None,
            None => panic!("a decoded profile has {}.{path}", self.section),
        }
    }

    pub(super) fn span(self, path: &str) -> Span {
        Span::from_seconds_f64(self.number(path))
    }

    fn balancing(self, path: &str) -> BalancingPolicy {
        let word = self.word(path);
        let found = BalancingPolicy::ALL.iter().find(|(name, _)| *name == word);
        found.expect("a decoded profile names a policy").1
    }
}

/// Nanoseconds per second.
const NANOS: f64 = 1e9;

/// What is switched on costs so much.
#[derive(Default)]
struct Features {
    cpu: Span,
    cpu_per_byte: f64,
    tls_cpu: Span,
    tls_cpu_per_byte: f64,
    request_bytes: f64,
    response_bytes: f64,
    round_trips: f64,
    handshake_client_cpu: Span,
    handshake_server_cpu: Span,
    memory_per_connection: f64,
    memory_per_worker: f64,
}

pub(super) fn cores(value: f64) -> Cores {
    Cores::new(value).expect("a decoded number is finite and not negative")
}

fn bytes(value: f64) -> Bytes {
    Bytes::new((value + 0.5) as u64)
}

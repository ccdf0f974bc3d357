//! The table of a profile's parameters: it drives reading, overriding, printing and the messages about paths.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::vocabulary::BalancingPolicy;

use super::dimension::Dimension;
use super::telemetry::OF_PROXIES;

/// One parameter. Its path is relative to its role where it belongs to a proxy.
#[derive(Debug)]
pub struct Parameter {
    path: &'static str,
    /// Its dimension, when it can be a number.
    pub dimension: Option<Dimension>,
    /// Words it can be.
    pub words: &'static [&'static str],
    /// Numbers below this are refused, in the base unit.
    pub least: f64,
    /// Numbers above this are refused, in the base unit.
    pub most: f64,
    /// What it is, in one line.
    pub meaning: &'static str,
}

/// Which profiles must have a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// All.
    Always,
    /// Those with proxies, wherever they stand.
    Meshed,
    /// Those with a proxy beside every pod.
    Sidecar,
    /// Those with a proxy on every node.
    Ambient,
    /// Those with waypoints.
    Waypoint,
    /// Those with a control plane of their own.
    Managed,
    /// Those whose control plane pushes everything to everybody.
    Push,
    /// Those whose control plane serves streams that proxies open.
    Stream,
    /// Those without a mesh.
    KubeProxy,
}

impl Needed {
    /// Completes "… is of ".
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Always => "every profile",
            Self::Meshed => "a mesh with proxies",
            Self::Sidecar => "a mesh with sidecars",
            Self::Ambient => "a mesh with a proxy on every node",
            Self::Waypoint => "a mesh with waypoints",
            Self::Managed => "a mesh with a control plane",
            Self::Push => "a control plane that pushes",
            Self::Stream => "a control plane of streams",
            Self::KubeProxy => "a cluster without a mesh",
        }
    }
}

pub(super) const fn number(path: &'static str, dimension: Dimension, meaning: &'static str) -> Parameter {
    let most = if matches!(dimension, Dimension::Ratio) { 1.0 } else { f64::MAX };
    Parameter { path, dimension: Some(dimension), words: &[], least: 0.0, most, meaning }
}

pub(super) const fn word(
    path: &'static str,
    words: &'static [&'static str],
    meaning: &'static str,
) -> Parameter {
    Parameter { path, dimension: None, words, least: 0.0, most: f64::MAX, meaning }
}

impl Parameter {
    const fn or(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    /// Whether it says what kind of mesh this is, on which the other parameters depend.
    pub(super) fn is_structural(&self) -> bool {
        matches!(self.path, "data_plane" | "control_plane.kind")
    }

    /// Whether it switches a feature on and off.
    pub(super) fn is_switch(&self) -> bool {
        self.words == SWITCH
    }

    pub(super) const fn at_least(self, least: f64) -> Self {
        Self { least, ..self }
    }

    const fn at_most(self, most: f64) -> Self {
        Self { most, ..self }
    }
}

/// `on` and `off` can be changed; what is `always` or `unavailable` cannot.
pub(super) const SWITCH: &[&str] = &["on", "off", "always", "unavailable"];

/// No machine has more.
const MOST_CORES: f64 = 1024.0;

/// What describes a proxy, in whatever role.
#[rustfmt::skip]
static PROXY: &[Parameter] = &{
    use Dimension::{Cores, Count, Factor, Ratio, Size, Time, TimePerByte};
    [
        number("workers", Count, "Worker threads.").or(&["from_cpu_limit", "quarter_of_node"]).at_least(1.0).at_most(MOST_CORES),
        word("dispatch", &["pinned", "shared"], "Whether a connection belongs to one worker or any free worker takes a job."),
        number("cpu.http1.outbound", Time, "CPU of one HTTP/1.1 traversal on the caller's side, features apart."),
        number("cpu.http1.inbound", Time, "CPU of one HTTP/1.1 traversal on the callee's side, features apart."),
        number("cpu.http2.outbound", Time, "CPU of one HTTP/2 traversal on the caller's side, features apart."),
        number("cpu.http2.inbound", Time, "CPU of one HTTP/2 traversal on the callee's side, features apart."),
        number("cpu.grpc.outbound", Time, "CPU of one gRPC traversal on the caller's side, features apart."),
        number("cpu.grpc.inbound", Time, "CPU of one gRPC traversal on the callee's side, features apart."),
        number("cpu.tcp.outbound", Time, "CPU of one exchange of bytes on an opaque connection, caller's side."),
        number("cpu.tcp.inbound", Time, "CPU of one exchange of bytes on an opaque connection, callee's side."),
        number("cpu.connection.outbound", Time, "CPU of opening and closing a connection of an application, caller's side."),
        number("cpu.connection.inbound", Time, "CPU of opening and closing a connection that no handshake between proxies brings, callee's side."),
        number("cpu.connection.closing_ratio", Ratio, "Share of it that closing takes, once the response is back."),
        number("cpu.response_ratio", Ratio, "Share of a traversal's CPU that the response takes."),
        number("cpu.per_byte", TimePerByte, "CPU per payload byte, TLS apart."),
        number("cpu.scv", Factor, "Squared coefficient of variation of a job's CPU."),
        number("wake.floor", Time, "CPU of waking a core that was idle for no time."),
        number("wake.rise", Time, "What a long idle time adds to it."),
        number("wake.tau", Time, "Time constant of that rise.").at_least(1e-9),
        number("wake.thread", Time, "CPU of waking a sleeping thread on a busy core."),
        number("wake.before_ratio", Ratio, "Share of a wake-up that precedes the job; the rest delays later ones."),
        number("idle_cpu", Cores, "CPU of the idle process, and of its agent."),
        number("pass_delay", Time, "Delay of a request or a response on its way through, beside CPU."),
        number("routing.cpu_per_rule", Time, "CPU of looking at one route rule."),
        number("routing.cpu_per_regex", Time, "CPU of matching one regular expression."),
        word("upstream.http1_as", &["http1", "http2"], "What a meshed HTTP/1.1 request is carried as between proxies."),
        number("upstream.max_streams", Count, "Streams per HTTP/2 connection before another is opened.").or(&["unlimited"]).at_least(1.0),
        word("upstream.pool", &["per_worker", "shared"], "Whether each worker has its own connections."),
        word("upstream.unreachable", &["fails", "elsewhere"], "What becomes of a call whose connection does not come to be: it fails, or goes to another endpoint."),
        number("upstream.tcp_round_trips", Factor, "Network round trips of a TCP handshake before the first byte."),
        number("upstream.idle_timeout", Time, "After this long unused a connection is closed."),
        number("overhead.request_bytes", Size, "Bytes of headers and framing that a request gains between proxies, features apart."),
        number("overhead.response_bytes", Size, "The same for a response."),
        word("balancing.http", &BalancingPolicy::NAMES, "How an endpoint is chosen for each request."),
        word("balancing.tcp", &BalancingPolicy::NAMES, "How an endpoint is chosen for each opaque connection."),
        number("balancing.ewma_default", Time, "Peak EWMA: assumed latency of an endpoint not yet asked."),
        number("balancing.ewma_decay", Time, "Peak EWMA: time constant of the decay.").at_least(1e-9),
        number("memory.base", Size, "Anonymous memory of the idle proxy."),
        number("memory.agent", Size, "Anonymous memory of the agent beside it."),
        number("memory.per_worker", Size, "Memory per worker thread."),
        number("memory.per_listener", Size, "Memory per listener."),
        number("memory.per_route", Size, "Memory per route (virtual host)."),
        number("memory.per_cluster", Size, "Memory per cluster (a service port it knows), with one endpoint."),
        number("memory.per_cluster_worker", Size, "Memory per cluster and worker."),
        number("memory.per_endpoint", Size, "Memory per further endpoint of a cluster."),
        number("memory.per_connection", Size, "Memory per open connection, TLS apart."),
        number("memory.per_request", Size, "Memory per request in flight."),
        word("configuration.view", &["everything", "used"], "Whether it is told of every service or of those it calls."),
        number("configuration.apply_per_changed_cluster", Time, "Control thread's CPU per changed cluster of an update."),
        number("configuration.apply_per_unchanged_cluster", Time, "Control thread's CPU per unchanged cluster that comes along."),
        number("configuration.apply_per_endpoint_update", Time, "Control thread's CPU per cluster whose endpoints changed."),
        number("configuration.apply_per_endpoint", Time, "Control thread's CPU per endpoint that comes with it."),
        number("configuration.apply_per_worker", Time, "CPU of each worker to take over an update."),
        number("cpu_request", Cores, "CPU that the scheduler reserves.").or(&["none"]),
        number("cpu_limit", Cores, "CPU quota over 100 ms.").or(&["none"]).at_least(0.01).at_most(MOST_CORES),
        number("memory_request", Size, "Memory that the scheduler reserves.").or(&["none"]),
        number("memory_limit", Size, "Memory above which it is killed.").or(&["none"]).at_least(1.0),
        word("features.mtls.enabled", SWITCH, "Mutual TLS between proxies."),
        number("features.mtls.cpu", Time, "CPU per traversal of TLS records."),
        number("features.mtls.cpu_per_byte", TimePerByte, "CPU per encrypted or decrypted byte."),
        number("features.mtls.request_bytes", Size, "Bytes of TLS records around a request."),
        number("features.mtls.response_bytes", Size, "Bytes of TLS records around a response."),
        number("features.mtls.round_trips", Factor, "Network round trips of a TLS handshake after TCP's."),
        number("features.mtls.handshake_client_cpu", Time, "CPU of a handshake on the connecting side."),
        number("features.mtls.handshake_server_cpu", Time, "CPU of a handshake on the accepting side."),
        number("features.mtls.memory_per_connection", Size, "Memory that TLS adds to a connection."),
        word("features.telemetry.enabled", SWITCH, "Request metrics by workload."),
        number("features.telemetry.cpu", Time, "CPU per traversal of request metrics."),
        word("features.metadata_exchange.enabled", SWITCH, "Telling the peer proxy about the workload in headers."),
        number("features.metadata_exchange.cpu", Time, "CPU per traversal of metadata exchange."),
        number("features.metadata_exchange.request_bytes", Size, "Bytes of its request headers."),
        number("features.metadata_exchange.response_bytes", Size, "Bytes of its response headers."),
        word("features.access_log.enabled", SWITCH, "A log line per request."),
        number("features.access_log.cpu", Time, "CPU per traversal of the access log."),
        word("features.authorization.enabled", SWITCH, "Authorization rules."),
        number("features.authorization.rules", Count, "Rules looked at per request."),
        number("features.authorization.cpu_per_rule", Time, "CPU per rule."),
        word("features.tracing.enabled", SWITCH, "Distributed tracing."),
        number("features.tracing.sampled_ratio", Ratio, "Share of the requests that are sampled."),
        number("features.tracing.cpu_per_span", Time, "CPU per sampled span."),
        number("features.tracing.request_bytes", Size, "Bytes of trace headers."),
        word("features.wasm.enabled", SWITCH, "A WebAssembly plugin."),
        number("features.wasm.callbacks", Count, "Callbacks of the plugin per traversal."),
        number("features.wasm.cpu_per_callback", Time, "CPU per callback."),
        number("features.wasm.cpu_per_byte", TimePerByte, "CPU per payload byte that is handed to the plugin."),
        number("features.wasm.memory_per_worker", Size, "Memory of a virtual machine, one per worker."),
    ]
};

/// What describes a proxy in one role only.
#[rustfmt::skip]
static OF_ONE_ROLE: &[(&str, Parameter)] = &{
    use Dimension::{Count, Factor, Size};
    [
        ("node_proxy", number("tunnel.stream_round_trips", Factor, "Network round trips to open a stream on an open tunnel.")),
        ("node_proxy", number("memory.per_workload", Size, "Memory per pod of the mesh, wherever it runs.")),
        ("waypoint", number("replicas", Count, "Pods of each waypoint.").at_least(1.0)),
    ]
};

/// What describes a mesh beside its proxies.
#[rustfmt::skip]
static MESH: &[(Needed, Parameter)] = &{
    use Dimension::{Cores, Count, Factor, Ratio, Rate, Size, Time};
    use Needed::{Always, Ambient, KubeProxy, Managed, Meshed, Push, Sidecar, Stream};
    [
        (Ambient, number("cni.cpu_request", Cores, "CPU that the scheduler reserves on every node for the agent that redirects traffic.").or(&["none"])),
        (Ambient, number("cni.memory_request", Size, "Memory that the scheduler reserves for it.").or(&["none"])),
        (Always, number("prometheus.scrape_interval", Time, "Time between two scrapes of a proxy.").at_least(1e-9)),
        (Always, number("prometheus.memory_per_series", Size, "Prometheus' memory per series in its head.")),
        (Always, number("prometheus.head_time", Time, "How long a series that has ended stays in the head.")),
        (Always, word("direct.balancing", &BalancingPolicy::NAMES, "How kube-proxy chooses an endpoint where no proxy does.")),
        (Always, number("direct.round_trips", Factor, "Network round trips before the first byte of a direct connection.")),
        (Always, number("direct.idle_timeout", Time, "After this long unused an application closes a connection.")),
        (Meshed, number("retries.attempts", Count, "Attempts after the first one that proxies make unasked.")),
        (Meshed, word("retries.follow", &["envoy", "linkerd"], "Whose reading of conditions and pauses it is.")),
        (Meshed, word("retries.on", &["unsent", "server_error"], "What is tried again unless a rule says: connect failures, refused streams, gRPC unavailable and cancelled; or every status from 500.")),
        (Meshed, number("retries.backoff_base", Time, "Largest pause before the first retry, unless a rule says.")),
        (Meshed, number("retries.backoff_max", Time, "Largest pause before any retry, unless a rule says.")),
        (Meshed, word("retries.avoid_previous", &["yes", "no"], "Whether a retry looks for an endpoint that has not failed yet.")),
        (Sidecar, word("startup.mode", &["native_sidecar", "held", "classic"], "Whether the application waits for the proxy's start.")),
        (Sidecar, number("startup.hold_poll", Time, "Where it is held: time between two looks at the proxy.")),
        (Sidecar, number("startup.init", Time, "The init container that redirects traffic.")),
        (Ambient, number("startup.cni", Time, "What redirection adds to the start of a pod.")),
        (Sidecar, number("startup.agent", Time, "From the container's start to the proxy's.")),
        (Meshed, number("startup.process", Time, "From the proxy's start to ready, without configuration.")),
        (Meshed, number("startup.per_cluster", Time, "What each cluster adds to it.")),
        (Meshed, number("startup.certificate", Time, "Until it can ask for a certificate, key, network and authority apart.")),
        (Meshed, number("startup.first_configuration", Time, "Until it holds its first configuration.")),
        (Sidecar, number("startup.startup_probe_period", Time, "Period of the startup probe.")),
        (Sidecar, number("startup.startup_probe_failures", Count, "Failed startup probes before a restart.")),
        (Sidecar, number("startup.readiness_probe_period", Time, "Period of the readiness probe.")),
        (Sidecar, number("startup.readiness_probe_delay", Time, "Delay of the first readiness probe.")),
        (Sidecar, number("startup.readiness_probe_failures", Count, "Failed readiness probes before it counts as unready.")),
        (Meshed, number("startup.drain", Time, "How long a terminating proxy goes on serving.")),
        (Sidecar, word("termination.exit", &["after_drain", "when_idle", "without_connections"], "When a proxy goes that is told to: after `startup.drain`; without requests, but then at the latest; or without connections.")),
        (Sidecar, word("termination.drains_first", &["yes", "no"], "Whether a native sidecar drains when its pod is deleted and goes at once when it is told to.")),
        (Sidecar, number("termination.accept", Time, "How long it takes new connections while it drains.")),
        (Sidecar, number("termination.minimum_drain", Time, "Before it looks whether it is without connections.")),
        (Sidecar, number("termination.poll", Time, "Time between two such looks.")),
        (Always, number("kubernetes.schedule", Time, "From when a pod is made until its node has it.")),
        (Always, number("kubernetes.sandbox", Time, "A pod's sandbox and network.")),
        (Always, number("kubernetes.image_pull", Time, "The image of a mesh's container, mostly there already.")),
        (Always, number("kubernetes.endpoint_slice", Time, "From when a pod is ready, or deleted, until its endpoint is written.")),
        (Always, number("kubernetes.watch", Time, "From when something is written to the API server until who watches there knows.")),
        (Always, number("kubernetes.kube_proxy_min_sync", Time, "Least time between two updates of a node's rules.")),
        (Always, number("kubernetes.kube_proxy_sync", Time, "How long it takes to write them.")),
        (Always, number("kubernetes.node_grace", Time, "From when a node is gone until Kubernetes takes its pods for not ready.")),
        (Always, number("kubernetes.eviction", Time, "From then until it replaces them.")),
        (Meshed, word("certificate.key", &["rsa_2048", "ecdsa_p256"], "Key type of workload certificates.")),
        (Meshed, number("certificate.lifetime", Time, "Validity of a workload certificate.")),
        (Meshed, number("certificate.rotate_ratio", Ratio, "Share of its life after which a certificate is renewed.")),
        (Meshed, number("certificate.rotate_jitter", Ratio, "By chance, up to such a share of its life sooner or later.")),
        (Meshed, number("certificate.clock_skew", Time, "How long before its issue it begins to hold, for clocks that differ.")),
        (Meshed, number("certificate.issue_cpu", Time, "Certificate authority's CPU per certificate.")),
        (Meshed, number("certificate.request_cpu", Time, "CPU beside the workload per certificate.")),
        (Push, number("certificate.retry_first", Time, "Pause after a first refusal; it grows by half with each, and by chance.")),
        (Push, number("certificate.retry_max", Time, "Longest pause after a refusal, before chance.")),
        (Stream, number("certificate.rotate_least", Time, "It is renewed no sooner than this, nor asked for again.")),
        (Stream, number("certificate.rotate_most", Time, "Nor later than this.")),
        (Ambient, number("certificate.gateway.request_cpu", Time, "CPU per certificate of a gateway or a waypoint.")),
        (Ambient, number("certificate.gateway.rotate_jitter", Ratio, "The jitter of their certificates.")),
        (Ambient, number("certificate.gateway.retry_max", Time, "Their longest pause after a refusal, before chance.")),
        (Always, word("control_plane.kind", &["push", "stream", "kube_proxy"], "How configuration reaches who uses it.")),
        (Managed, number("control_plane.replicas", Count, "Instances of the control plane.").at_least(1.0)),
        (Managed, number("control_plane.autoscale_max", Count, "Instances that an autoscaler may make of them.").or(&["none"]).at_least(1.0)),
        (Managed, number("control_plane.autoscale_cpu", Ratio, "CPU that the autoscaler holds an instance to, as a share of what it requests.").or(&["none"]).at_least(0.01)),
        (Managed, number("control_plane.start_up", Time, "From the start of an instance's container until it takes connections.")),
        (Managed, number("control_plane.cpu_request", Cores, "CPU that the scheduler reserves for an instance.").or(&["none"])),
        (Managed, number("control_plane.cpu_limit", Cores, "CPU quota of an instance.").or(&["none"]).at_least(0.01)),
        (Managed, number("control_plane.memory_request", Size, "Memory that the scheduler reserves for an instance.").or(&["none"])),
        (Managed, number("control_plane.memory_limit", Size, "Memory above which an instance is killed.").or(&["none"]).at_least(1.0)),
        (Managed, number("control_plane.memory.base", Size, "Memory of an idle instance.")),
        (Managed, number("control_plane.memory.per_service", Size, "Memory per service of the cluster.")),
        (Managed, number("control_plane.memory.per_endpoint", Size, "Memory per endpoint of the cluster.")),
        (Managed, number("control_plane.memory.per_proxy", Size, "Memory per connected proxy.")),
        (Managed, number("control_plane.memory.per_pushed_byte", Factor, "Memory per byte of what is sent, while it is made and sent.")),
        (Managed, number("control_plane.bytes_per_endpoint", Size, "Bytes on the wire per endpoint.")),
        (Managed, number("control_plane.connection_lifetime", Time, "Age at which a proxy's connection is closed and opened anew.")),
        (Push, word("control_plane.updates", &["delta", "state_of_the_world"], "Whether a push carries what changed or everything.")),
        (Push, number("control_plane.debounce_quiet", Time, "A push waits for so long without a change.")),
        (Push, number("control_plane.debounce_max", Time, "But for no longer than this.")),
        (Push, number("control_plane.push_concurrency_base", Count, "Proxies pushed to at once: this ...")),
        (Push, number("control_plane.push_concurrency_per_core", Count, "... and so many more per core ...")),
        (Push, number("control_plane.push_concurrency_max", Count, "... but no more than this.").at_least(1.0)),
        (Push, number("control_plane.connect_rate_base", Rate, "New proxy connections a second: this ...")),
        (Push, number("control_plane.connect_rate_per_core", Rate, "... and so many more per core ...")),
        (Push, number("control_plane.connect_rate_max", Rate, "... but no more than this.")),
        (Push, number("control_plane.build_cpu_per_service", Time, "CPU per service to prepare a full push.")),
        (Push, number("control_plane.push_cpu", Time, "CPU per proxy and push.")),
        (Push, number("control_plane.push_cpu_per_cluster", Time, "CPU per cluster that must be generated for a proxy.")),
        (Push, number("control_plane.push_cpu_per_cached_cluster", Time, "CPU per cluster that lies in the cache.")),
        (Push, number("control_plane.push_cpu_per_endpoint", Time, "CPU per endpoint of a generated cluster.")),
        (Push, number("control_plane.bytes_per_cluster", Size, "Bytes on the wire per cluster.")),
        (Ambient, number("control_plane.gateway.push_cpu_per_cluster", Time, "CPU per cluster that must be generated for a gateway or a waypoint.")),
        (Ambient, number("control_plane.gateway.bytes_per_cluster", Size, "Bytes on the wire per cluster of a gateway or a waypoint.")),
        (Stream, number("control_plane.update_cpu", Time, "CPU per update and subscriber.")),
        (Stream, number("control_plane.bytes_per_route", Size, "Bytes on the wire per changed route.")),
        (Stream, number("control_plane.queue_limit", Count, "Updates a stream may hold before it is ended.").at_least(1.0)),
        (Stream, number("control_plane.stream_idle_timeout", Time, "After this long without an update a stream is opened anew.")),
        (KubeProxy, number("control_plane.sync_period", Time, "Longest time between two updates of a node's rules.")),
    ]
};

static DATA_PLANE: Parameter = word(
    "data_plane",
    &["none", "sidecar", "ambient", "ambient_waypoint"],
    "Which proxies a call meets beside the gateway's.",
);

/// Sections that describe a proxy, and who needs them.
pub(super) const ROLES: [(&str, Needed); 4] = [
    ("proxy", Needed::Sidecar),
    ("node_proxy", Needed::Ambient),
    ("waypoint", Needed::Waypoint),
    ("gateway", Needed::Always),
];

/// A parameter at its place.
#[derive(Debug)]
pub struct Row {
    /// As overrides and files name it: `proxy.cpu.http1.outbound`.
    pub path: String,
    /// What it is.
    pub parameter: &'static Parameter,
    /// Which profiles must have it.
    pub needed: Needed,
}

impl Row {
    /// The row of the switch that this parameter depends on: that of its feature.
    pub(super) fn switch(&self) -> Option<usize> {
        let (role, rest) = self.path.split_once(".features.")?;
        let (feature, parameter) = rest.split_once('.')?;
        (parameter != "enabled").then(|| table().position(&format!("{role}.features.{feature}.enabled")))?
    }
}

/// Every parameter of every section, in the order in which they are shown.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Row>,
    positions: BTreeMap<String, usize>,
}

impl Table {
    fn new() -> Self {
        let mut rows =
            vec![Row { path: DATA_PLANE.path.to_owned(), parameter: &DATA_PLANE, needed: Needed::Always }];
        for (role, needed) in ROLES {
            let further =
                OF_ONE_ROLE.iter().filter(|(only, _)| *only == role).map(|(_, parameter)| parameter);
            rows.extend(PROXY.iter().chain(OF_PROXIES).chain(further).map(|parameter| Row {
                path: format!("{role}.{}", parameter.path),
                parameter,
                needed,
            }));
        }
        rows.extend(MESH.iter().map(|(needed, parameter)| Row {
            path: parameter.path.to_owned(),
            parameter,
            needed: *needed,
        }));
        let positions = rows.iter().enumerate().map(|(row, entry)| (entry.path.clone(), row)).collect();
        Self { rows, positions }
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row with this path.
    pub fn position(&self, path: &str) -> Option<usize> {
        self.positions.get(path).copied()
    }

    /// What may stand directly under `section` (`""`: at the top), each once.
    pub(super) fn children(&self, section: &str) -> Vec<&str> {
        let mut children: Vec<&str> = Vec::new();
        for row in &self.rows {
            let rest = match section {
                "" => Some(row.path.as_str()),
                _ => row.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')),
            };
            let Some(rest) = rest else { continue };
            let child = rest.split('.').next().unwrap_or(rest);
            if !children.contains(&child) {
                children.push(child);
            }
        }
        children
    }
}

/// The one table.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(Table::new);
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_a_unique_path_a_meaning_and_something_to_be() {
        assert_eq!(table().positions.len(), table().rows.len(), "a path comes twice");
        for row in table().rows() {
            assert!(row.parameter.meaning.ends_with('.'), "{}", row.path);
            assert!(row.parameter.dimension.is_some() || row.parameter.words.len() > 1, "{}", row.path);
        }
    }

    #[test]
    fn no_path_is_both_a_value_and_a_section() {
        for row in table().rows() {
            assert!(table().children(&row.path).is_empty(), "{}", row.path);
        }
    }

    #[test]
    fn a_features_numbers_know_their_switch() {
        let row = |path| &table().rows()[table().position(path).expect("it exists")];
        let switch = row("gateway.features.wasm.cpu_per_byte").switch().expect("it has a switch");
        assert_eq!(table().rows()[switch].path, "gateway.features.wasm.enabled");
        assert_eq!(row("proxy.features.wasm.enabled").switch(), None);
        assert_eq!(row("proxy.cpu.per_byte").switch(), None);
    }
}

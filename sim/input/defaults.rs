//! What holds when a scenario does not say: one table for the code, the tests and the documentation.

use crate::kernel::dist::Dist;
use crate::units::{Rate, Span};
use crate::vocabulary::routing::Status;
use crate::vocabulary::{Phase, RunSettings};

/// Status of an application's failures.
pub const ERROR_STATUS: Status = Status::Http(500);

/// Path in a scenario, default as it would be written, and why this one.
///
/// Paths that begin with `services.NAME`, `traffic.NAME`, `run` and `cluster` are those of `--set`; `call` is a call
/// of a script. A test writes each default into a scenario and sees that nothing changes.
pub const DEFAULTS: &[(&str, &str, &str)] = &[
    ("services.NAME.namespace", "default", "as in Kubernetes"),
    ("services.NAME.replicas", "1", "as in Kubernetes"),
    ("services.NAME.protocol", "HTTP/1.1", "what most services speak"),
    ("services.NAME.workers", "unlimited", "goroutines, event loops; limit it for thread or process pools"),
    (
        "services.NAME.hold_workers",
        "false",
        "a thread that waits for a call is a property of some frameworks only",
    ),
    ("services.NAME.discipline", "fifo", "first come, first served"),
    ("services.NAME.queue_limit", "unlimited", "few frameworks bound their queue"),
    ("services.NAME.memory", "0", "the application's memory is the same under every mesh"),
    ("services.NAME.client.keep_alive", "true", "the default of HTTP clients"),
    ("services.NAME.client.pool_size", "unlimited", "as in Go's HTTP client"),
    ("services.NAME.client.timeout", "none", "most clients wait for ever unless told otherwise"),
    ("services.NAME.cpu_time", "100%", "the cautious assumption: working is computing"),
    ("services.NAME.request_size", "512", "a GET with a few headers"),
    ("services.NAME.response_size", "1KiB", "a small JSON document"),
    ("services.NAME.error_ratio", "0%", "a healthy service"),
    ("call.probability", "100%", "a call that is written is made"),
    ("call.count", "1", "once"),
    ("call.timeout", "none", "the client's own timeout holds"),
    ("call.optional", "false", "a failed call fails its caller, as in isotope"),
    ("traffic.NAME.timeout", "none", "the user waits; latency is then never cut off"),
    (
        "cluster.network_delay",
        "50us",
        "one way between two nodes of one zone: cloud providers' TCP round trips lie near 0.1 ms",
    ),
    (
        "cluster.zone_delay",
        "500us",
        "one way between two zones: round trips between zones of a region lie between 0.3 and 2 ms (FlashGrid, all \
         regions of AWS, 2023)",
    ),
    ("cluster.outside_delay", "0s", "latency is counted from the cluster's edge; the same under every mesh"),
    ("cluster.bandwidth", "unlimited", "requests are small against a node's 10 Gbit/s"),
    ("cluster.cpu_speed", "1", "the profile's reference machine"),
    ("cluster.zones", "[zone-1]", "one zone"),
    ("cluster.nodes.count", "auto", "as many as the pods' requests need"),
    ("cluster.nodes.type", "m5.xlarge", "4 cores and 16 GiB; the first row of the price table"),
    ("cluster.nodes.pods", "110", "as the kubelet"),
    (
        "cluster.cross_zone_price",
        "0.02",
        "per GB, what sender and receiver pay together; from the price table",
    ),
    ("run.warm_up", "5s", "connections and queues settle within seconds; the report checks it"),
    ("run.duration", "30s", "at 1000 requests per second enough for a p99"),
    ("run.drain_limit", "60s", "longer than any usual timeout"),
    (
        "run.interval",
        "from_length",
        "of the time line: 1, 2 or 5 times a power of ten seconds, so that the window has at most 60 intervals",
    ),
    ("run.replications", "10", "the fewest that give an interval for a quantile"),
    ("run.seed", "1", "any number serves"),
];

/// Namespace of a service that names none.
pub const NAMESPACE: &str = "default";

/// Name of the only operation of a service that lists none.
pub const OPERATION: &str = "default";

pub(crate) const REPLICAS: u32 = 1;
pub(crate) const CPU_SPEED: f64 = 1.0;

/// Paced connections as Fortio opens them without flags: all tick at once, and a late one catches up.
pub(crate) const PHASE: Phase = Phase::Together;
pub(crate) const CATCH_UP: bool = true;

pub(crate) fn request_size() -> Dist {
    Dist::constant(512.0).expect("a positive constant")
}

pub(crate) fn response_size() -> Dist {
    Dist::constant(1024.0).expect("a positive constant")
}

pub(crate) fn network_delay() -> Dist {
    Dist::constant(50_000.0).expect("a positive constant")
}

pub(crate) fn zone_delay() -> Dist {
    Dist::constant(500_000.0).expect("a positive constant")
}

/// Pods that a node may hold: the kubelet's own limit.
pub(crate) const PODS_PER_NODE: u32 = 110;

/// The only zone of a cluster that names none.
pub(crate) const ZONE: &str = "zone-1";

pub(crate) const fn run() -> RunSettings {
    RunSettings {
        warm_up: Span::from_seconds(5),
        duration: Span::from_seconds(30),
        drain_limit: Span::from_seconds(60),
        interval: None,
        replications: 10,
        precision: None,
        seed: 1,
    }
}

/// Mean service time of a service of which nobody says it, in nanoseconds: what a request of a small service takes in
/// published microservice traces, to an order of magnitude.
const GUESSED_SERVICE_TIME: f64 = 5e6;

/// The service time of a service of which nobody says it.
pub(crate) fn guessed_service_time() -> Dist {
    Dist::lognormal_mean_cv(GUESSED_SERVICE_TIME, 1.0).expect("positive constants")
}

/// Rate of an entry point whose format knows no traffic, when the command line gives none.
pub(crate) fn entry_rate() -> Rate {
    Rate::per_second(1000.0).expect("a positive rate")
}

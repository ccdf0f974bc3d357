//! What holds when a scenario does not say: one table for the code, the tests and the documentation.

use crate::kernel::dist::Dist;
use crate::units::{Rate, Ratio, Span};
use crate::vocabulary::resilience::{ConsecutiveFailures, OutlierEjection, RetryBudget};
use crate::vocabulary::routing::Status;
use crate::vocabulary::{Phase, RunSettings};

/// Status of an application's failures.
pub const ERROR_STATUS: Status = Status::Http(500);

/// Path in a scenario, default as it would be written, and why this one.
///
/// Paths that begin with `services.NAME`, `traffic.NAME`, `routes.NAME`, `policies.NAME`, `run` and `cluster` are those of
/// `--set`; `call` is a call of a script, `rule` a rule of a route. A test writes each default into a scenario and sees that nothing changes.
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
    (
        "services.NAME.lifecycle.image_pull",
        "2s",
        "an assumption: a small image from a registry nearby; 0s where nodes have it",
    ),
    (
        "services.NAME.lifecycle.start",
        "1s",
        "an assumption: between the tenth of a Go binary and the ten seconds of a JVM",
    ),
    (
        "services.NAME.lifecycle.readiness.period",
        "10s",
        "Kubernetes' own; most services have a probe, and manifests without one give none",
    ),
    ("services.NAME.lifecycle.readiness.delay", "0s", "Kubernetes' own"),
    ("services.NAME.lifecycle.pre_stop", "0s", "Kubernetes' own: no hook"),
    (
        "services.NAME.lifecycle.shutdown",
        "1s",
        "an assumption: servers that end in order finish what they have, which seldom takes longer",
    ),
    ("services.NAME.lifecycle.grace", "30s", "Kubernetes' own"),
    ("services.NAME.lifecycle.strategy.max_surge", "25%", "Kubernetes' own"),
    ("services.NAME.lifecycle.strategy.max_unavailable", "25%", "Kubernetes' own"),
    ("services.NAME.lifecycle.min_ready", "0s", "Kubernetes' own"),
    (
        "services.NAME.lifecycle.oom_kill",
        "false",
        "a limit that is passed is named in a note; with `true` proxies that pass it are killed and started again",
    ),
    ("services.NAME.proxies", "{}", "the mesh's own; by container: `istio-proxy`, `linkerd-proxy`"),
    (
        "services.NAME.autoscale",
        "none",
        "replicas stay as they are, and `autoscale.min` is their default otherwise",
    ),
    ("services.NAME.autoscale.min", "1", "as in Kubernetes"),
    (
        "services.NAME.autoscale.target",
        "80%",
        "as in Kubernetes: of what is requested; 300m is CPU of each pod; several metrics are a list `metrics`",
    ),
    (
        "services.NAME.autoscale.of",
        "pod",
        "all containers, as a metric `Resource`; `application` or `proxy` as a `ContainerResource`",
    ),
    ("services.NAME.autoscale.up.stabilization", "0s", "as in Kubernetes"),
    (
        "services.NAME.autoscale.up.policies",
        "[{pods: 4, every: 15s}, {percent: 100, every: 15s}]",
        "as in Kubernetes",
    ),
    ("services.NAME.autoscale.up.select", "max", "as in Kubernetes; `min`, or `disabled`"),
    ("services.NAME.autoscale.up.tolerance", "inherit", "kube-controller-manager's own: 10%"),
    ("services.NAME.autoscale.down.stabilization", "inherit", "kube-controller-manager's own: 300 s"),
    ("services.NAME.autoscale.down.policies", "[{percent: 100, every: 15s}]", "as in Kubernetes"),
    ("services.NAME.autoscale.down.select", "max", "as in Kubernetes"),
    ("services.NAME.autoscale.down.tolerance", "inherit", "kube-controller-manager's own: 10%"),
    ("services.NAME.cpu_time", "100%", "the cautious assumption: working is computing"),
    ("services.NAME.request_size", "512", "a GET with a few headers"),
    ("services.NAME.response_size", "1KiB", "a small JSON document"),
    ("services.NAME.error_ratio", "0%", "a healthy service"),
    ("services.NAME.error_status", "500", "what frameworks answer when a handler fails"),
    ("call.probability", "100%", "a call that is written is made"),
    ("call.count", "1", "once"),
    ("call.timeout", "none", "the client's own timeout holds"),
    ("call.optional", "false", "a failed call fails its caller, as in isotope"),
    ("traffic.NAME.timeout", "none", "the user waits; latency is then never cut off"),
    ("routes.NAME.via", "mesh", "callers in the mesh; a gateway's requests are asked for"),
    ("routes.NAME.order", "written", "as in Istio; Gateway API has most_specific"),
    ("routes.NAME.level", "requests", "connections are for bytes that no proxy understands"),
    ("routes.NAME.resource", "scenario", "every mesh reads it, with `--as-written` too"),
    ("rule.timeout", "inherit", "the mesh's own: none of them has one"),
    ("rule.attempt_timeout", "inherit", "the mesh's own: as long as the whole request may take"),
    ("rule.retries", "inherit", "the mesh's own: Istio tries twice more without being asked, others do not"),
    ("rule.retries.attempts", "2", "as Istio's own"),
    ("rule.retries.on", "inherit", "the mesh's own choice of failures"),
    (
        "rule.retries.backoff",
        "inherit",
        "the mesh's own: up to 25 ms before the first one under Envoy and Linkerd",
    ),
    ("rule.retries.backoff.max", "250ms", "ten times the base, as in Envoy"),
    ("rule.retries.avoid_previous", "inherit", "the mesh's own: Envoy as Istio sets it avoids them"),
    ("rule.to.weight", "1", "as in Gateway API: backends without weights share alike"),
    ("rule.delay.share", "100%", "a fault that is written happens"),
    ("rule.abort.share", "100%", "a fault that is written happens"),
    ("rule.mirror.share", "100%", "as in Istio and Gateway API"),
    ("rule.changes.request_headers", "0", "nothing is changed unasked"),
    ("rule.changes.response_headers", "0", "nothing is changed unasked"),
    ("respond.size", "0", "an answer without a body"),
    ("policies.NAME.resource", "scenario", "every mesh reads it, with `--as-written` too"),
    ("policies.NAME.balancing", "inherit", "the mesh's own"),
    ("policies.NAME.locality", "inherit", "the mesh's own"),
    ("policies.NAME.tls", "inherit", "the mesh's own"),
    ("policies.NAME.limits.connections", "inherit", "the mesh's own: Istio and Linkerd have no limit"),
    ("policies.NAME.limits.pending", "inherit", "the mesh's own"),
    ("policies.NAME.limits.requests", "inherit", "the mesh's own"),
    ("policies.NAME.limits.requests_per_connection", "inherit", "the mesh's own"),
    ("policies.NAME.limits.retries", "inherit", "the mesh's own"),
    ("policies.NAME.limits.connect_timeout", "inherit", "the mesh's own"),
    ("policies.NAME.limits.idle_timeout", "inherit", "the mesh's own"),
    ("policies.NAME.warm_up.minimum", "10%", "as in Envoy and Istio"),
    ("policies.NAME.warm_up.aggression", "1", "as in Envoy and Istio: the share grows evenly"),
    ("policies.NAME.ejection.consecutive_errors", "5", "as in Envoy and Istio"),
    ("policies.NAME.ejection.consecutive_gateway_errors", "none", "off in Envoy and Istio"),
    (
        "policies.NAME.ejection.consecutive_local_errors",
        "none",
        "counted among the others unless told otherwise",
    ),
    ("policies.NAME.ejection.interval", "10s", "as in Envoy and Istio"),
    ("policies.NAME.ejection.base_time", "30s", "as in Envoy and Istio"),
    ("policies.NAME.ejection.max_time", "300s", "as in Envoy; never less than base_time"),
    ("policies.NAME.ejection.max_ratio", "10%", "as in Envoy and Istio: of fewer than ten endpoints none"),
    ("policies.NAME.ejection.panic_ratio", "0%", "as Istio sets it; Envoy alone has 50%"),
    ("policies.NAME.circuit_breaker.max_failures", "7", "as in Linkerd"),
    ("policies.NAME.circuit_breaker.min_penalty", "1s", "as in Linkerd"),
    ("policies.NAME.circuit_breaker.max_penalty", "60s", "as in Linkerd"),
    ("policies.NAME.circuit_breaker.jitter", "50%", "as in Linkerd"),
    ("policies.NAME.retry_budget.concurrent.ratio", "20%", "as in Envoy, Istio and Linkerd"),
    ("policies.NAME.retry_budget.concurrent.minimum", "3", "as in Envoy and Istio"),
    ("retry_budget.tokens.ratio", "20%", "as in Linkerd"),
    ("retry_budget.tokens.per_second", "10", "as in Linkerd"),
    ("retry_budget.tokens.ttl", "10s", "as in Linkerd"),
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
    (
        "cluster.others.services",
        "0",
        "services that take no part in the traffic, with one port and one cluster each; proxies without a scope, proxies \
         of nodes and control planes hold them",
    ),
    (
        "cluster.others.endpoints",
        "one_each",
        "of all of them together, a pod each; as many as there are services",
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
    (
        "telemetry.scrape_interval",
        "inherit",
        "the mesh's own: 15 s as in Istio's samples, 10 s as in Linkerd's extension",
    ),
    ("telemetry.pods_replaced_per_hour", "0", "nothing is known of roll-outs and autoscaling"),
    ("certificates.life", "inherit", "the mesh's own: a day"),
    (
        "certificates.issued",
        "spread",
        "as in a cluster that is long in use; `together` is a mass start, `age` (0s) before the run",
    ),
];

/// Namespace of a service that names none.
pub const NAMESPACE: &str = "default";

/// Name of the only operation of a service that lists none.
pub const OPERATION: &str = "default";

pub(crate) const REPLICAS: u32 = 1;

/// The label by which versions are told apart.
pub(crate) const VERSION_LABEL: &str = "version";
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

/// Weight of a backend that names none.
pub(crate) const WEIGHT: f64 = 1.0;

/// Attempts after the first one where retries are asked for without a number.
pub(crate) const RETRY_ATTEMPTS: u32 = 2;

/// The largest pause of a back-off that names its first one alone.
pub(crate) const fn backoff_max(base: Span) -> Span {
    Span::from_nanos(base.nanos().saturating_mul(10))
}

pub(crate) const WARM_UP_AGGRESSION: f64 = 1.0;

pub(crate) fn warm_up_minimum() -> Ratio {
    ratio(0.1)
}

pub(crate) fn ejection() -> OutlierEjection {
    OutlierEjection {
        consecutive_errors: Some(5),
        consecutive_gateway_errors: None,
        consecutive_local_errors: None,
        interval: Span::from_seconds(10),
        base_time: Span::from_seconds(30),
        max_time: Span::from_seconds(300),
        max_ratio: ratio(0.1),
        panic_ratio: Ratio::ZERO,
    }
}

pub(crate) fn circuit_breaker() -> ConsecutiveFailures {
    ConsecutiveFailures {
        max_failures: 7,
        min_penalty: Span::from_seconds(1),
        max_penalty: Span::from_seconds(60),
        jitter: ratio(0.5),
    }
}

pub(crate) const BUDGET_MINIMUM: u32 = 3;
pub(crate) const BUDGET_PER_SECOND: u32 = 10;
pub(crate) const BUDGET_TTL: Span = Span::from_seconds(10);

/// Share of retries that a budget allows.
pub(crate) fn budget_ratio() -> Ratio {
    ratio(0.2)
}

pub(crate) fn concurrent_budget() -> RetryBudget {
    RetryBudget::Concurrent { ratio: budget_ratio(), minimum: BUDGET_MINIMUM }
}

pub(crate) fn token_budget() -> RetryBudget {
    RetryBudget::Tokens { ratio: budget_ratio(), per_second: BUDGET_PER_SECOND, ttl: BUDGET_TTL }
}

fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

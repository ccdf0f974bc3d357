//! What a caller's proxy keeps of each backend: limits, ejection, breakers, budgets. State is per enforcing proxy.

use crate::units::{Ratio, Span};

use super::Balancing;

/// Everything that is said of how callers treat a backend; `None` is the mesh's own way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrafficPolicy {
    /// How one endpoint is chosen.
    pub balancing: Option<Balancing>,
    /// New endpoints get their share slowly.
    pub warm_up: Option<WarmUp>,
    /// Which zones are preferred.
    pub locality: Option<Locality>,
    /// Limits on connections and requests.
    pub limits: Limits,
    /// Endpoints that fail are left out for a while (Envoy).
    pub ejection: Option<OutlierEjection>,
    /// Endpoints that fail are tried again one request at a time (Linkerd).
    pub breaker: Option<ConsecutiveFailures>,
    /// Retries are bounded by this.
    pub retry_budget: Option<RetryBudget>,
    /// Whether the caller's proxy encrypts.
    pub tls: Option<ClientTls>,
}

/// Limits of one client proxy towards one backend, all its workers together; `None` is no limit, or the mesh's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Connections; further requests wait.
    pub connections: Option<u32>,
    /// Requests that wait for a connection; further ones fail at once.
    pub pending: Option<u32>,
    /// Requests under way; further ones fail at once.
    pub requests: Option<u32>,
    /// Requests that a connection carries before it is closed.
    pub requests_per_connection: Option<u32>,
    /// Retries under way; further ones are not made.
    pub retries: Option<u32>,
    /// After this long without a connection an attempt fails.
    pub connect_timeout: Option<Span>,
    /// After this long without a request a connection is closed.
    pub idle_timeout: Option<Span>,
}

/// Envoy's slow start: an endpoint's weight grows with its age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// Until it has its whole share.
    pub duration: Span,
    /// Share it starts with.
    pub minimum: Ratio,
    /// Exponent of the growth: weight = max(minimum, (age/duration)^(1/aggression)).
    pub aggression: f64,
}

/// Which zones a caller prefers.
#[derive(Clone, Debug, PartialEq)]
pub enum Locality {
    /// Every endpoint alike.
    Off,
    /// The caller's own zone as long as enough of its endpoints are healthy, then others in this order.
    Failover(Vec<(String, String)>),
    /// From a zone (`*` is any) to zones, by weight.
    Distribute(Vec<(String, Vec<(String, f64)>)>),
}

/// Envoy's outlier detection. Counted per client proxy and endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlierEjection {
    /// Failures from 500 in a row, until an endpoint is ejected; `None` is off.
    pub consecutive_errors: Option<u32>,
    /// Failures 502, 503, 504 in a row; `None` is off.
    pub consecutive_gateway_errors: Option<u32>,
    /// Connections that failed in a row, where they are counted apart.
    pub consecutive_local_errors: Option<u32>,
    /// Sweeps are this far apart; ejected endpoints come back at one.
    pub interval: Span,
    /// Length of the first ejection; the n-th is n times as long.
    pub base_time: Span,
    /// No ejection is longer.
    pub max_time: Span,
    /// Not more than this share is ejected at once.
    pub max_ratio: Ratio,
    /// With fewer healthy endpoints than this share, all are used.
    pub panic_ratio: Ratio,
}

/// Linkerd's circuit breaking. Counted per client proxy and endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsecutiveFailures {
    /// Failures in a row until an endpoint is shut off.
    pub max_failures: u32,
    /// First pause before a single request probes it.
    pub min_penalty: Span,
    /// Longest pause; each is twice the one before.
    pub max_penalty: Span,
    /// A pause is longer by up to this share.
    pub jitter: Ratio,
}

/// A bound on retries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RetryBudget {
    /// Retries under way, at most the larger of `minimum` and `ratio` of requests under way and waiting (Envoy).
    Concurrent {
        /// Share.
        ratio: Ratio,
        /// Always allowed.
        minimum: u32,
    },
    /// Each request that ends well deposits `ratio` of a retry, and `per_second` come by themselves; deposits are forgotten
    /// after `ttl` (Linkerd).
    Tokens {
        /// Share.
        ratio: Ratio,
        /// Retries per second that are always allowed.
        per_second: u32,
        /// How long a deposit counts.
        ttl: Span,
    },
}

/// Whether a caller's proxy encrypts towards a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTls {
    /// Plain text.
    Off,
    /// The mesh's own mutual TLS.
    Mesh,
    /// TLS of the application's kind: one-sided or with given certificates.
    Simple,
}

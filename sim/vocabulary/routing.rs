//! The routing vocabulary that every format is translated to: which request goes where, and what is done to it.
//!
//! Types are generic over `B`, how a backend is named: as written in a draft, by index in a scenario. What a format
//! leaves open stays open here (`None`, [`Setting::Inherit`]) and follows from the mesh's profile.

use crate::kernel::dist::Dist;
use crate::units::{Ratio, Span};

use super::text::{PathMatch, TextMatch};

/// What kind of object says something: it decides which meshes read it as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A scenario in the program's own format: every mesh reads it.
    Scenario,
    /// Kubernetes' own objects: every mesh reads them.
    Kubernetes,
    /// Istio's `VirtualService`.
    VirtualService,
    /// Istio's `DestinationRule`.
    DestinationRule,
    /// Gateway API's `HTTPRoute`.
    HttpRoute,
    /// Gateway API's `GRPCRoute`.
    GrpcRoute,
    /// SMI's `TrafficSplit`.
    TrafficSplit,
    /// Linkerd's `ServiceProfile`.
    ServiceProfile,
    /// Linkerd's own `HTTPRoute`, of the group `policy.linkerd.io`.
    LinkerdHttpRoute,
    /// Linkerd's annotations of a Service or a route.
    LinkerdAnnotation,
    /// Gateway API's `XBackendTrafficPolicy`.
    BackendTrafficPolicy,
}

impl Resource {
    /// As Kubernetes calls the kind of object.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Kubernetes => "Kubernetes object",
            Self::VirtualService => "VirtualService",
            Self::DestinationRule => "DestinationRule",
            Self::HttpRoute => "HTTPRoute",
            Self::GrpcRoute => "GRPCRoute",
            Self::TrafficSplit => "TrafficSplit",
            Self::ServiceProfile => "ServiceProfile",
            Self::LinkerdHttpRoute => "HTTPRoute of policy.linkerd.io",
            Self::LinkerdAnnotation => "Linkerd annotation",
            Self::BackendTrafficPolicy => "XBackendTrafficPolicy",
        }
    }

    /// Whether its routes are Gateway API's, Linkerd's version and annotations of them included: a backend that does not
    /// exist is answered for with 500.
    pub const fn is_gateway_api(self) -> bool {
        matches!(self, Self::HttpRoute | Self::GrpcRoute | Self::LinkerdHttpRoute | Self::LinkerdAnnotation)
    }
}

/// Which of several matching rules is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first one, as written.
    Written,
    /// The most specific one, as Gateway API has it; then the first one.
    MostSpecific,
}

/// A value that may be left to the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// Nothing is written: the mesh's own.
    #[default]
    Inherit,
    /// Switched off.
    Off,
    /// This.
    To(T),
}

impl<T> Setting<T> {
    /// The value, with the mesh's own where nothing is written.
    pub fn or(self, inherited: Option<T>) -> Option<T> {
        match self {
            Self::Inherit => inherited,
            Self::Off => None,
            Self::To(value) => Some(value),
        }
    }
}

/// A rule of a route.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<B> {
    /// For messages and explanations.
    pub name: Option<String>,
    /// One of them must hold; with none the rule is for every request.
    pub matches: Vec<RequestMatch>,
    /// What is done with the request.
    pub action: RuleAction<B>,
    /// After this long the caller's proxy answers 504, retries included.
    pub timeout: Setting<Span>,
    /// After this long an attempt is given up.
    pub attempt_timeout: Option<Span>,
    /// What is tried again.
    pub retries: Setting<Retries>,
    /// Requests delayed on purpose.
    pub delay: Option<FaultDelay>,
    /// Requests failed on purpose.
    pub abort: Option<FaultAbort>,
    /// Copies that nobody waits for.
    pub mirrors: Vec<Mirror<B>>,
    /// Changes to headers and path.
    pub changes: Changes,
}

impl<B> Rule<B> {
    /// A rule for every request that does nothing but this.
    pub fn of(action: RuleAction<B>) -> Self {
        Self {
            name: None,
            matches: Vec::new(),
            action,
            timeout: Setting::Inherit,
            attempt_timeout: None,
            retries: Setting::Inherit,
            delay: None,
            abort: None,
            mirrors: Vec::new(),
            changes: Changes::default(),
        }
    }
}

/// Conditions on a request: all must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestMatch {
    /// Its path, without the query.
    pub path: Option<PathMatch>,
    /// Its method.
    pub method: Option<TextMatch>,
    /// Its host (`:authority`).
    pub authority: Option<TextMatch>,
    /// Its headers, by lower-case name.
    pub headers: Vec<NamedMatch>,
    /// Its query parameters.
    pub query: Vec<NamedMatch>,
    /// Labels that the calling pod has.
    pub source_labels: Vec<(String, String)>,
    /// The calling pod's namespace.
    pub source_namespace: Option<String>,
    /// The port it is sent to.
    pub port: Option<u16>,
    /// It comes through one of these gateways; `mesh` is every caller that is none. Empty: as the route says.
    pub gateways: Vec<String>,
}

/// A condition on a header or a query parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMatch {
    /// Of what; a header's name in lower case.
    pub name: String,
    /// What it must be.
    pub value: TextMatch,
    /// It must *not* be that; what is not there is not.
    pub without: bool,
}

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleAction<B> {
    /// It goes to one of these; with none, to the service that was asked.
    Forward(Vec<Weighted<B>>),
    /// The caller is sent elsewhere.
    Redirect {
        /// Status of the answer.
        status: u16,
    },
    /// It is answered at once.
    Respond {
        /// Status of the answer.
        status: u16,
        /// Bytes of the answer.
        size: u64,
    },
}

/// A backend and its share of the requests: its weight by the sum of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted<B> {
    /// Where to.
    pub backend: B,
    /// Weight, at least 0; fractions of quantities such as `900m` are kept.
    pub weight: f64,
}

/// Copies of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror<B> {
    /// Where to.
    pub backend: B,
    /// Share of the requests that are copied.
    pub ratio: Ratio,
}

/// What is tried again, how often and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Retries {
    /// Attempts after the first one.
    pub attempts: u32,
    /// Which failures are tried again; `None` is the mesh's own choice.
    pub on: Option<Vec<RetryOn>>,
    /// Pause before an attempt; `None` is the mesh's own.
    pub backoff: Option<Backoff>,
    /// Whether an attempt avoids the endpoints that failed before; `None` is the mesh's own choice.
    pub avoid_previous: Option<bool>,
}

/// A pause before retry n: uniform in [0, min(base · 2ⁿ⁻¹, max)), with full jitter (Envoy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Largest first pause.
    pub base: Span,
    /// Largest pause.
    pub max: Span,
}

/// A kind of failure that is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetryOn {
    /// No connection came to be.
    ConnectFailure,
    /// HTTP/2 refused the stream before anything was done.
    RefusedStream,
    /// The connection broke before an answer, or an attempt took too long.
    Reset,
    /// The connection broke before the request was sent.
    ResetBeforeRequest,
    /// A status from 500.
    ServerError,
    /// Status 502, 503 or 504.
    GatewayError,
    /// Status 409.
    Conflict,
    /// This status.
    Status(u16),
    /// This gRPC status.
    Grpc(GrpcStatus),
}

/// gRPC status codes that retries and errors name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrpcStatus {
    /// 1
    Cancelled,
    /// 2
    Unknown,
    /// 4
    DeadlineExceeded,
    /// 8
    ResourceExhausted,
    /// 13
    Internal,
    /// 14
    Unavailable,
}

/// Requests delayed before they are forwarded.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultDelay {
    /// Share of the requests.
    pub ratio: Ratio,
    /// How long, in nanoseconds.
    pub delay: Dist,
}

/// Requests answered with a failure instead of being forwarded.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultAbort {
    /// Share of the requests.
    pub ratio: Ratio,
    /// With which status.
    pub status: Status,
}

/// What an answer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// HTTP.
    Http(u16),
    /// gRPC, in a trailer of HTTP status 200.
    Grpc(GrpcStatus),
}

/// Changes to a request and its response on the way. They cost nothing and change no later match: applications do not pass
/// on what they do not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Number of request headers set, added or removed.
    pub request_headers: u32,
    /// Number of response headers set, added or removed.
    pub response_headers: u32,
    /// The path is rewritten to this, whole or in the part that matched.
    pub path: Option<String>,
    /// The host is rewritten to this.
    pub authority: Option<String>,
}

//! Why a request, or one attempt of it, failed: what retries, ejection and metrics tell apart.

use super::routing::{GrpcStatus, Status};

/// What made an attempt fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The callee answered with a failure.
    Application,
    /// A fault rule of the caller's proxy answered instead of the callee.
    FaultAbort,
    /// A rule of the caller's proxy answered instead of the callee.
    DirectResponse,
    /// No rule or no existing backend is there for the request.
    NoRoute,
    /// No connection came to be.
    ConnectFailure,
    /// The endpoint is gone, and the caller's proxy has not yet heard of it.
    StaleEndpoint,
    /// HTTP/2 refused the stream before anything was done.
    RefusedStream,
    /// The connection broke before an answer.
    Reset,
    /// One attempt took too long.
    AttemptTimeout,
    /// The request took too long, with all its attempts.
    RequestTimeout,
    /// The caller stopped waiting.
    CallerTimeout,
    /// A limit of the caller's proxy was reached.
    Overflow,
    /// There is no healthy endpoint, or none became ready in time.
    NoHealthyEndpoint,
    /// Every endpoint is ejected or shut off by a breaker.
    Ejected,
}

impl Cause {
    /// Every cause, in the order of the variants, by its name in results.
    pub const ALL: [(&'static str, Self); 14] = [
        ("application", Self::Application),
        ("fault_abort", Self::FaultAbort),
        ("direct_response", Self::DirectResponse),
        ("no_route", Self::NoRoute),
        ("connect_failure", Self::ConnectFailure),
        ("stale_endpoint", Self::StaleEndpoint),
        ("refused_stream", Self::RefusedStream),
        ("reset", Self::Reset),
        ("attempt_timeout", Self::AttemptTimeout),
        ("request_timeout", Self::RequestTimeout),
        ("caller_timeout", Self::CallerTimeout),
        ("overflow", Self::Overflow),
        ("no_healthy_endpoint", Self::NoHealthyEndpoint),
        ("ejected", Self::Ejected),
    ];

    /// Its name in results.
    pub const fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// What a proxy answers with when it fails a request for this cause; `None` where the status says so itself.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Application | Self::FaultAbort | Self::DirectResponse => None,
            Self::NoRoute => Some(404),
            Self::AttemptTimeout | Self::RequestTimeout | Self::CallerTimeout => Some(504),
            Self::ConnectFailure
            | Self::StaleEndpoint
            | Self::RefusedStream
            | Self::Reset
            | Self::Overflow
            | Self::NoHealthyEndpoint
            | Self::Ejected => Some(503),
        }
    }
}

/// A failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub cause: Cause,
    /// What was answered, or would be if nothing is tried again.
    pub status: Status,
    /// Something of the request went upstream, in this attempt or an earlier one.
    pub sent: bool,
}

impl Failure {
    /// The callee, or a rule in its place, answered with this status.
    pub const fn answered(cause: Cause, status: Status) -> Self {
        Self { cause, status, sent: matches!(cause, Cause::Application) }
    }

    /// A failure that the caller's proxy found itself.
    ///
    /// # Panics
    /// For causes whose status is given by an answer.
    pub const fn local(cause: Cause, sent: bool) -> Self {
        let Some(status) = cause.status() else { panic!("an answer has a status of its own") };
        Self { cause, status: Status::Http(status), sent }
    }
}

impl Status {
    /// The HTTP status that says the same, as Envoy translates gRPC's (source/common/grpc/status.cc).
    pub const fn as_http(self) -> u16 {
        match self {
            Self::Http(status) => status,
            Self::Grpc(GrpcStatus::Cancelled) => 499,
            Self::Grpc(GrpcStatus::Unknown | GrpcStatus::Internal) => 500,
            Self::Grpc(GrpcStatus::DeadlineExceeded) => 504,
            Self::Grpc(GrpcStatus::ResourceExhausted) => 429,
            Self::Grpc(GrpcStatus::Unavailable) => 503,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_in_the_order_of_their_variants() {
        for (position, (name, cause)) in Cause::ALL.into_iter().enumerate() {
            assert_eq!((cause as usize, cause.name()), (position, name));
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        }
    }

    #[test]
    fn what_a_proxy_finds_itself_has_its_status() {
        let timeout = Failure::local(Cause::AttemptTimeout, true);
        assert_eq!(timeout.status, Status::Http(504));
        assert_eq!(Failure::local(Cause::Overflow, false).status, Status::Http(503));
        assert_eq!(Status::Grpc(GrpcStatus::Unavailable).as_http(), 503);
    }
}

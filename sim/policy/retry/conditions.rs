//! Which failures are tried again.
//!
//! Follows Envoy's source/common/router/retry_state_impl.cc (`wouldRetryFromHeaders`, `wouldRetryFromReset`) and
//! router.cc, and linkerd2-proxy's linkerd/app/outbound/src/http/logical/policy/route/retry.rs and http/retry.rs.
//! Nobody tries again what a rule of the own proxy answered, what a limit of it refused, or what ran out of time.

use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::{RetryOn, Status};

/// Whose reading of conditions it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Envoy: every condition says what it is for. A server or gateway error includes everything that ends an attempt
    /// without an answer, for it would be answered with one; so an attempt that took too long is a reset.
    Envoy,
    /// Linkerd's routes: statuses as asked; besides, whatever is asked, attempts that took too long, refused streams,
    /// and requests for which no endpoint became ready in time. Broken connections are not tried again.
    Linkerd,
    /// Linkerd's service profiles: statuses only.
    ServiceProfile,
}

/// The failures that a route tries again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    style: Style,
    on: Box<[RetryOn]>,
}

impl Conditions {
    /// The union of `on`.
    pub fn new(style: Style, on: &[RetryOn]) -> Self {
        Self { style, on: on.into() }
    }

    /// Whether this failure is tried again, as far as it is for its kind to decide.
    pub fn retries(&self, failure: &Failure) -> bool {
        if failure.cause == Cause::Application {
            return self.retries_answer(failure.status);
        }
        match self.style {
            Style::Envoy => self.retries_without_answer(failure.cause, failure.sent),
            Style::Linkerd => matches!(
                failure.cause,
                Cause::AttemptTimeout | Cause::RefusedStream | Cause::NoHealthyEndpoint | Cause::Ejected
            ),
            Style::ServiceProfile => false,
        }
    }

    /// A gRPC status comes with HTTP's 200, which no HTTP condition takes for a failure.
    fn retries_answer(&self, status: Status) -> bool {
        self.on.iter().any(|condition| match (*condition, status) {
            (RetryOn::ServerError, Status::Http(status)) => (500..600).contains(&status),
            (RetryOn::GatewayError, Status::Http(status)) => (502..=504).contains(&status),
            (RetryOn::Conflict, Status::Http(status)) => status == 409,
            (RetryOn::Status(wanted), Status::Http(status)) => status == wanted,
            (RetryOn::Grpc(wanted), Status::Grpc(status)) => status == wanted,
            _ => false,
        })
    }

    /// Envoy's way with attempts that end without an answer.
    fn retries_without_answer(&self, cause: Cause, sent: bool) -> bool {
        let (is_connection, is_refused) = match cause {
            Cause::ConnectFailure | Cause::StaleEndpoint => (true, false),
            Cause::RefusedStream => (false, true),
            Cause::Reset | Cause::AttemptTimeout => (false, false),
            _ => return false,
        };
        self.on.iter().any(|condition| match condition {
            RetryOn::Reset | RetryOn::ServerError | RetryOn::GatewayError => true,
            RetryOn::ResetBeforeRequest => !sent,
            RetryOn::ConnectFailure => is_connection,
            RetryOn::RefusedStream => is_refused,
            RetryOn::Conflict | RetryOn::Status(_) | RetryOn::Grpc(_) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::routing::GrpcStatus;

    const CONDITIONS: [RetryOn; 9] = [
        RetryOn::ConnectFailure,
        RetryOn::RefusedStream,
        RetryOn::Reset,
        RetryOn::ResetBeforeRequest,
        RetryOn::ServerError,
        RetryOn::GatewayError,
        RetryOn::Conflict,
        RetryOn::Status(429),
        RetryOn::Grpc(GrpcStatus::Unavailable),
    ];

    /// The failures of the table below, one row each.
    fn failures() -> [(&'static str, Failure); 18] {
        let answer = |status| Failure::answered(Cause::Application, Status::Http(status));
        let grpc = |status| Failure::answered(Cause::Application, Status::Grpc(status));
        [
            ("500", answer(500)),
            ("503", answer(503)),
            ("409", answer(409)),
            ("429", answer(429)),
            ("404", answer(404)),
            ("unavailable", grpc(GrpcStatus::Unavailable)),
            ("internal", grpc(GrpcStatus::Internal)),
            ("connect failure", Failure::local(Cause::ConnectFailure, false)),
            ("stale endpoint", Failure::local(Cause::StaleEndpoint, false)),
            ("refused stream", Failure::local(Cause::RefusedStream, true)),
            ("reset", Failure::local(Cause::Reset, true)),
            ("reset, nothing sent", Failure::local(Cause::Reset, false)),
            ("attempt timeout", Failure::local(Cause::AttemptTimeout, true)),
            ("request timeout", Failure::local(Cause::RequestTimeout, true)),
            ("overflow", Failure::local(Cause::Overflow, false)),
            ("no healthy endpoint", Failure::local(Cause::NoHealthyEndpoint, false)),
            ("fault", Failure::answered(Cause::FaultAbort, Status::Http(503))),
            ("response of a rule", Failure::answered(Cause::DirectResponse, Status::Http(503))),
        ]
    }

    /// One letter per condition that tries a failure again; a dot for one that does not.
    fn table(style: Style) -> String {
        let rows = failures().map(|(name, failure)| {
            let marks =
                CONDITIONS.map(|on| if Conditions::new(style, &[on]).retries(&failure) { 'x' } else { '.' });
            format!("{} {name}\n", marks.iter().collect::<String>())
        });
        rows.concat()
    }

    #[test]
    fn envoy_tries_again_what_its_documentation_says() {
        // connect failure, refused stream, reset, before request, 5xx, gateway, conflict, 429, unavailable
        assert_eq!(
            table(Style::Envoy),
            "....x.... 500\n\
             ....xx... 503\n\
             ......x.. 409\n\
             .......x. 429\n\
             ......... 404\n\
             ........x unavailable\n\
             ......... internal\n\
             x.xxxx... connect failure\n\
             x.xxxx... stale endpoint\n\
             .xx.xx... refused stream\n\
             ..x.xx... reset\n\
             ..xxxx... reset, nothing sent\n\
             ..x.xx... attempt timeout\n\
             ......... request timeout\n\
             ......... overflow\n\
             ......... no healthy endpoint\n\
             ......... fault\n\
             ......... response of a rule\n"
        );
    }

    #[test]
    fn linkerd_tries_statuses_and_what_met_no_endpoint() {
        assert_eq!(
            table(Style::Linkerd),
            "....x.... 500\n\
             ....xx... 503\n\
             ......x.. 409\n\
             .......x. 429\n\
             ......... 404\n\
             ........x unavailable\n\
             ......... internal\n\
             ......... connect failure\n\
             ......... stale endpoint\n\
             xxxxxxxxx refused stream\n\
             ......... reset\n\
             ......... reset, nothing sent\n\
             xxxxxxxxx attempt timeout\n\
             ......... request timeout\n\
             ......... overflow\n\
             xxxxxxxxx no healthy endpoint\n\
             ......... fault\n\
             ......... response of a rule\n"
        );
    }

    #[test]
    fn a_service_profile_tries_statuses_only() {
        let tried: Vec<&str> = failures()
            .into_iter()
            .filter(|(_, failure)| Conditions::new(Style::ServiceProfile, &CONDITIONS).retries(failure))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(tried, ["500", "503", "409", "429", "unavailable"]);
    }

    #[test]
    fn istios_own_tries_connections_and_unavailability() {
        let istio = Conditions::new(
            Style::Envoy,
            &[
                RetryOn::ConnectFailure,
                RetryOn::RefusedStream,
                RetryOn::Grpc(GrpcStatus::Unavailable),
                RetryOn::Grpc(GrpcStatus::Cancelled),
            ],
        );
        let tried: Vec<&str> = failures()
            .into_iter()
            .filter(|(_, failure)| istio.retries(failure))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(tried, ["unavailable", "connect failure", "stale endpoint", "refused stream"]);
        assert!(Conditions::new(Style::Envoy, &[]) != istio);
        assert!(failures().iter().all(|(_, failure)| !Conditions::new(Style::Envoy, &[]).retries(failure)));
    }
}

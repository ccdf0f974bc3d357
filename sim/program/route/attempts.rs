//! How often and how long a request is tried, as its rule says and as the mesh does unasked.

use crate::mesh::model::{Follows, RetryModel};
use crate::mesh::scenario::{Backend, OperationIdx, Protocol, Route, Scenario, ServiceIdx};
use crate::policy::backoff::Pauses;
use crate::policy::retry::{Conditions, Style};
use crate::units::{Ratio, Span};
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::routing::{self, Backoff, Resource, RuleAction, Setting, Status};

use super::Attempts;

/// Pauses of a proxy that no mesh's profile describes: Envoy's.
const ENVOYS_PAUSES: Pauses = Pauses::FullJitter { base: Span::from_millis(25), max: Span::from_millis(250) };

/// What decides how often requests are tried, their rules apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries<'a> {
    pub(super) scenario: &'a Scenario,
    /// What the mesh's proxies try again where nothing is written.
    pub(super) retries: Option<&'a RetryModel>,
}

impl Tries<'_> {
    /// Of a request for an operation of a service that takes a rule; `None` is once, for as long as it takes.
    pub(super) fn attempts(
        &self,
        written: &routing::Rule<Backend>,
        route: &Route,
        service: ServiceIdx,
        operation: OperationIdx,
    ) -> Option<Attempts> {
        if route.of_connections || !matches!(written.action, RuleAction::Forward(_)) {
            return None;
        }
        let nanos = |span: Option<Span>| span.map_or(u64::MAX, Span::nanos);
        let timeout = nanos(written.timeout.or(None));
        let attempt_timeout = nanos(written.attempt_timeout);
        let retries = match &written.retries {
            Setting::Inherit => self.inherited(service, operation),
            Setting::Off => None,
            Setting::To(retries) => Some(self.asked(retries, route.resource)),
        };
        let is_plain = timeout == u64::MAX && attempt_timeout == u64::MAX;
        match retries {
            None if is_plain => None,
            retries => Some(Attempts { timeout, attempt_timeout, ..retries.unwrap_or_else(once) }),
        }
    }

    /// Retries as a rule asks for them; what it leaves open is the mesh's own.
    fn asked(&self, written: &routing::Retries, resource: Resource) -> Attempts {
        let Some(own) = self.retries else {
            let pauses = written.backoff.map_or(ENVOYS_PAUSES, Pauses::from);
            let on = Conditions::new(Style::Envoy, written.on.as_deref().unwrap_or_default());
            let avoid_previous = written.avoid_previous.unwrap_or(false);
            return Attempts { retries: written.attempts, on, pauses, avoid_previous, ..once() };
        };
        let style = match own.follows {
            Follows::Envoy => Style::Envoy,
            Follows::Linkerd if resource == Resource::ServiceProfile => Style::ServiceProfile,
            Follows::Linkerd => Style::Linkerd,
        };
        Attempts {
            retries: written.attempts,
            on: Conditions::new(style, written.on.as_deref().unwrap_or(&own.on)),
            pauses: match (style, written.backoff) {
                (Style::ServiceProfile, None) => Pauses::None,
                (_, backoff) => pauses(own.follows, backoff.unwrap_or(own.backoff)),
            },
            avoid_previous: written.avoid_previous.unwrap_or(own.avoid_previous),
            ..once()
        }
    }

    /// The mesh's own retries, where the callee's failures are of a kind that they are for, or its pods may be gone.
    pub(super) fn inherited(&self, service: ServiceIdx, operation: OperationIdx) -> Option<Attempts> {
        let attempts = self.unasked(service)?;
        let answers = [self.scenario.services[service].operations[operation].error_status, Status::Http(503)];
        let is_for = |status| attempts.on.retries(&Failure::answered(Cause::Application, status));
        let may_fail = self.scenario.is_mortal(service) || answers.into_iter().any(is_for);
        may_fail.then_some(attempts)
    }

    /// The mesh's own retries, whatever may fail; connections are not tried again.
    pub(super) fn unasked(&self, service: ServiceIdx) -> Option<Attempts> {
        let own = self.retries.filter(|own| own.attempts > 0)?;
        let asked =
            routing::Retries { attempts: own.attempts, on: None, backoff: None, avoid_previous: None };
        let protocol = self.scenario.services[service].application.protocol;
        (protocol != Protocol::Tcp).then(|| self.asked(&asked, Resource::Scenario))
    }
}

fn pauses(follows: Follows, backoff: Backoff) -> Pauses {
    match follows {
        Follows::Envoy => Pauses::from(backoff),
        Follows::Linkerd => Pauses::Exponential { min: backoff.base, max: backoff.max, jitter: Ratio::ONE },
    }
}

/// One attempt, for as long as it takes.
fn once() -> Attempts {
    Attempts {
        timeout: u64::MAX,
        attempt_timeout: u64::MAX,
        retries: 0,
        on: Conditions::new(Style::Envoy, &[]),
        pauses: Pauses::None,
        avoid_previous: false,
    }
}

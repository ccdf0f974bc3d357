//! Linkerd's circuit breaking: an endpoint that fails in a row is shut off, then probed with one request at a time. Per
//! client proxy and backend.
//!
//! Follows linkerd2-proxy's linkerd/app/outbound/src/http/breaker/consecutive_failures.rs. After so many failures in a
//! row the endpoint is out of rotation for a pause; then it admits one request, the answer to which opens the endpoint or
//! shuts it off for the next, twice as long pause. What is answered while it is shut off does not count. Any answer
//! decides a probe, that of a request sent long before, too.

use std::collections::BTreeMap;

use super::available::Available;
use super::backoff::Pauses;
use crate::kernel::Uniform;
use crate::units::SimTime;
use crate::vocabulary::failure::{Cause, Failure};
use crate::vocabulary::resilience::ConsecutiveFailures;
use crate::vocabulary::routing::{GrpcStatus, Status};

/// The breakers of a client proxy for the endpoints of a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitBreakers {
    max_failures: u32,
    pauses: Pauses,
    /// Of endpoints of which there is anything to remember.
    states: BTreeMap<u32, State>,
    rotation: Available,
}

/// What an endpoint is in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Everything; so many failures in a row.
    Open { failures: u32 },
    /// Nothing, in its so-manieth pause.
    Shut { pause: u32 },
    /// One request, after that pause.
    Probing { pause: u32 },
}

impl CircuitBreakers {
    /// With all of so many endpoints open.
    pub fn new(policy: ConsecutiveFailures, endpoints: u32) -> Self {
        let pauses =
            Pauses::Exponential { min: policy.min_penalty, max: policy.max_penalty, jitter: policy.jitter };
        let max_failures = policy.max_failures.max(1);
        Self { max_failures, pauses, states: BTreeMap::new(), rotation: Available::all(endpoints) }
    }

    /// Endpoints to choose from.
    #[inline]
    pub const fn available(&self) -> &Available {
        &self.rotation
    }

    /// An endpoint is a new one, of which nothing is known.
    pub fn renew(&mut self, endpoint: u32) {
        self.states.remove(&endpoint);
        self.rotation.insert(endpoint);
    }

    /// Whether Linkerd takes what came of a call to an endpoint for a failure of the endpoint's.
    pub const fn is_failure(failure: &Failure) -> bool {
        match (failure.cause, failure.status) {
            (Cause::Application, Status::Http(status)) => status >= 500,
            (Cause::Application, Status::Grpc(status)) => {
                !matches!(status, GrpcStatus::Cancelled | GrpcStatus::ResourceExhausted)
            }
            _ => true,
        }
    }

    /// A call goes to an endpoint: if it is probed, no other call does.
    #[inline]
    pub fn on_call(&mut self, endpoint: u32) {
        if !self.states.is_empty()
            && let Some(State::Probing { .. }) = self.states.get(&endpoint)
        {
            self.rotation.remove(endpoint);
        }
    }

    /// A call to an endpoint has ended. Returns when the endpoint is to be probed if this has shut it off.
    #[inline]
    pub fn on_result<U: Uniform>(
        &mut self,
        endpoint: u32,
        is_success: bool,
        now: SimTime,
        uniform: &mut U,
    ) -> Option<SimTime> {
        if is_success && self.states.is_empty() {
            return None;
        }
        let state = self.states.get(&endpoint).copied().unwrap_or(State::Open { failures: 0 });
        let pause = match (state, is_success) {
            (State::Shut { .. }, _) => return None,
            (_, true) => {
                self.states.remove(&endpoint);
                self.rotation.insert(endpoint);
                return None;
            }
            (State::Open { failures }, false) if failures + 1 < self.max_failures => {
                self.states.insert(endpoint, State::Open { failures: failures + 1 });
                return None;
            }
            (State::Open { .. }, false) => 1,
            (State::Probing { pause }, false) => pause.saturating_add(1),
        };
        self.states.insert(endpoint, State::Shut { pause });
        self.rotation.remove(endpoint);
        Some(now + self.pauses.pause(pause, uniform))
    }

    /// A call to an endpoint has ended and says nothing of it: the caller stopped waiting. A probe is sent anew.
    pub fn on_abandoned(&mut self, endpoint: u32) {
        if let Some(State::Probing { .. }) = self.states.get(&endpoint) {
            self.rotation.insert(endpoint);
        }
    }

    /// The time has come that [`Self::on_result`] told: the endpoint admits one call.
    pub fn probe(&mut self, endpoint: u32) {
        if let Some(state) = self.states.get_mut(&endpoint)
            && let State::Shut { pause } = *state
        {
            *state = State::Probing { pause };
            self.rotation.insert(endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::available::Candidates;
    use super::*;
    use crate::kernel::rng::{Purpose, Stream};
    use crate::units::{Ratio, Span};
    use proptest::prelude::*;

    fn breakers(max_failures: u32, jitter: f64) -> CircuitBreakers {
        let policy = ConsecutiveFailures {
            max_failures,
            min_penalty: Span::from_seconds(1),
            max_penalty: Span::from_seconds(60),
            jitter: Ratio::new(jitter).expect("a ratio"),
        };
        CircuitBreakers::new(policy, 3)
    }

    fn stream() -> Stream {
        Stream::new(1, Purpose(1), "breaker", 0)
    }

    #[test]
    fn pauses_double_until_a_probe_succeeds() {
        let (mut breakers, mut uniform) = (breakers(7, 0.0), stream());
        let mut now = SimTime::ZERO;
        let mut result = |breakers: &mut CircuitBreakers, is_success, now| {
            breakers.on_result(1, is_success, now, &mut uniform)
        };
        for _ in 0..6 {
            assert_eq!(result(&mut breakers, false, now), None);
        }
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let until = result(&mut breakers, false, now).expect("shut off");
            assert!(!breakers.available().contains(1));
            assert_eq!(result(&mut breakers, true, now), None, "shut off, no answer counts");
            assert!(!breakers.available().contains(1));
            pauses.push(until.since(now).seconds());
            now = until;
            breakers.probe(1);
            assert!(breakers.available().contains(1), "a probe is admitted");
            breakers.on_call(1);
            assert!(!breakers.available().contains(1), "one only");
        }
        assert_eq!(pauses, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert_eq!(result(&mut breakers, true, now), None);
        assert!(breakers.available().is_all());
        for _ in 0..6 {
            assert_eq!(result(&mut breakers, false, now), None, "counted anew");
        }
        assert_eq!(result(&mut breakers, false, now), Some(now + Span::from_seconds(1)));
    }

    #[test]
    fn a_success_ends_the_row_and_an_abandoned_probe_is_sent_anew() {
        let (mut breakers, mut uniform) = (breakers(2, 0.5), stream());
        for is_success in [false, true, false, true, false] {
            assert_eq!(breakers.on_result(0, is_success, SimTime::ZERO, &mut uniform), None);
        }
        let until = breakers.on_result(0, false, SimTime::ZERO, &mut uniform).expect("shut off");
        assert!(
            until > SimTime::ZERO + Span::from_seconds(1) && until < SimTime::ZERO + Span::from_millis(1500)
        );
        breakers.on_abandoned(0);
        assert!(!breakers.available().contains(0), "shut off all the same");
        breakers.probe(0);
        breakers.on_call(0);
        breakers.on_abandoned(0);
        assert!(breakers.available().contains(0));
    }

    #[test]
    fn failures_are_linkerds() {
        let answered = |status| CircuitBreakers::is_failure(&Failure::answered(Cause::Application, status));
        assert!(answered(Status::Http(500)) && answered(Status::Grpc(GrpcStatus::Unavailable)));
        assert!(!answered(Status::Http(429)) && !answered(Status::Grpc(GrpcStatus::ResourceExhausted)));
        assert!(CircuitBreakers::is_failure(&Failure::local(Cause::Reset, true)));
    }

    proptest! {
        #[test]
        fn probes_are_one_at_a_time(max_failures in 1_u32..4, events in prop::collection::vec((any::<bool>(), 0_u64..3000), 1..200)) {
            // The obvious twin keeps the whole history of one endpoint: when it was shut off last, how often in a row.
            let (mut breakers, mut uniform) = (breakers(max_failures, 0.0), stream());
            let (mut now, mut timer) = (SimTime::ZERO, None);
            let (mut failures, mut shut, mut row, mut probed) = (0, None, 0_u32, false);
            for (is_success, gap) in events {
                now += Span::from_millis(gap);
                if let Some(until) = timer.filter(|&until| until <= now) {
                    prop_assert_eq!(Some(until), shut);
                    breakers.probe(2);
                    timer = None;
                }
                let is_admitted = shut.is_none_or(|until| until <= now && !probed);
                prop_assert_eq!(breakers.available().contains(2), is_admitted);
                if !is_admitted {
                    continue;
                }
                breakers.on_call(2);
                probed = shut.is_some();
                prop_assert_eq!(breakers.available().contains(2), !probed);
                let told = breakers.on_result(2, is_success, now, &mut uniform);
                failures = if is_success { 0 } else { failures + 1 };
                if is_success {
                    (shut, row) = (None, 0);
                } else if probed || failures == max_failures {
                    let pause = Span::from_seconds((1 << row.min(10)).min(60));
                    (shut, row, failures) = (Some(now + pause), row + 1, 0);
                    timer = shut;
                }
                probed = false;
                prop_assert_eq!(told, shut.filter(|_| !is_success));
            }
        }
    }
}

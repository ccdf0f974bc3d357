//! Envoy's rules one by one, and all of them against an obvious twin.

use super::*;
use crate::policy::available::Candidates;
use crate::units::Ratio;
use proptest::prelude::*;

const OK: Outcome = Outcome::Answered(200);
const ERROR: Outcome = Outcome::Answered(500);
const GATEWAY: Outcome = Outcome::Answered(503);
const UNCONNECTED: Outcome = Outcome::Failed { status: 503, connected: false };
const TIMEOUT: Outcome = Outcome::Failed { status: 504, connected: true };

fn policy(max: f64, panic: f64) -> OutlierEjection {
    OutlierEjection {
        consecutive_errors: Some(5),
        consecutive_gateway_errors: None,
        consecutive_local_errors: None,
        interval: Span::from_seconds(10),
        base_time: Span::from_seconds(30),
        max_time: Span::from_seconds(300),
        max_ratio: Ratio::new(max).expect("a ratio"),
        panic_ratio: Ratio::new(panic).expect("a ratio"),
    }
}

fn seconds(seconds: u64) -> SimTime {
    SimTime::ZERO + Span::from_seconds(seconds)
}

fn fail(detector: &mut OutlierDetector, endpoint: u32, times: u32, now: SimTime) -> Option<SimTime> {
    (0..times).filter_map(|_| detector.on_result(endpoint, ERROR, now)).last()
}

#[test]
fn failures_in_a_row_eject() {
    let mut detector = OutlierDetector::new(policy(0.5, 0.0), 4, SimTime::ZERO);
    assert_eq!(fail(&mut detector, 1, 4, seconds(3)), None);
    assert_eq!(detector.on_result(1, OK, seconds(3)), None);
    assert_eq!(fail(&mut detector, 1, 4, seconds(3)), None);
    // 30 s from 3 s are over at 33 s; sweeps are at 10, 20, 30, 40 s.
    assert_eq!(detector.on_result(1, ERROR, seconds(3)), Some(seconds(40)));
    assert_eq!(detector.available().out(), [1]);
    assert_eq!(fail(&mut detector, 1, 9, seconds(4)), None);
    assert_eq!(detector.next_sweep(seconds(4)), Some(seconds(10)));
    assert_eq!(detector.next_sweep(seconds(4)), None);
    let mut now = seconds(10);
    while detector.sweep(now).is_empty() {
        now = detector.next_sweep(now).expect("one is ejected");
    }
    assert_eq!(now, seconds(40));
    assert!(detector.available().is_all());
    assert_eq!(fail(&mut detector, 1, 5, seconds(41)), Some(seconds(110)));
}

#[test]
fn ejections_grow_and_shrink() {
    let mut detector = OutlierDetector::new(
        OutlierEjection { max_time: Span::from_seconds(70), ..policy(1.0, 0.0) },
        1,
        SimTime::ZERO,
    );
    let mut now = SimTime::ZERO;
    let mut lengths = Vec::new();
    for _ in 0..5 {
        let back = fail(&mut detector, 0, 5, now).expect("an ejection");
        lengths.push(back.since(now).seconds());
        while now < back {
            now += Span::from_seconds(10);
            detector.sweep(now);
        }
    }
    assert_eq!(lengths, [30.0, 60.0, 70.0, 70.0, 70.0]);
    // The factor stays at 4, the first with which 30 s × 4 exceed 70 s + 30 s, and sinks by one with each sweep.
    for _ in 0..3 {
        now += Span::from_seconds(10);
        detector.sweep(now);
    }
    assert_eq!(fail(&mut detector, 0, 5, now), Some(now + Span::from_seconds(60)));
}

#[test]
fn no_more_are_ejected_than_the_share() {
    // Endpoints, per cent: how many are ejected when all fail.
    for (endpoints, percent, expected) in [
        (9, 10, 0),
        (10, 10, 1),
        (19, 10, 1),
        (20, 10, 2),
        (3, 34, 1),
        (3, 33, 0),
        (100, 29, 29),
        (100, 57, 57),
        (7, 100, 7),
    ] {
        let mut detector =
            OutlierDetector::new(policy(f64::from(percent) / 100.0, 0.0), endpoints, SimTime::ZERO);
        for endpoint in 0..endpoints {
            fail(&mut detector, endpoint, 5, SimTime::ZERO);
        }
        assert_eq!(detector.available().out().len(), expected, "{percent} % of {endpoints}");
    }
}

#[test]
fn with_too_few_left_all_are_used() {
    // Ejected of ten, and whether all are used below a half, and below nine tenths.
    let expected = [
        (0, false, false),
        (2, false, false),
        (3, false, true),
        (5, false, true),
        (6, true, true),
        (10, true, true),
    ];
    for (ejected, at_half, at_nine_tenths) in expected {
        for (panic, expected) in [(0.5, at_half), (0.9, at_nine_tenths), (0.0, false)] {
            let mut detector = OutlierDetector::new(policy(1.0, panic), 10, SimTime::ZERO);
            for endpoint in 0..ejected {
                fail(&mut detector, endpoint, 5, SimTime::ZERO);
            }
            assert_eq!(detector.panics(), expected, "{ejected} {panic}");
            let left = if expected { 10 } else { 10 - ejected };
            assert_eq!(detector.available().len(), left, "{ejected} {panic}");
        }
    }
}

#[test]
fn failures_without_an_answer_count_as_their_status_unless_apart() {
    let gateway =
        OutlierEjection { consecutive_errors: None, consecutive_gateway_errors: Some(3), ..policy(1.0, 0.0) };
    let mut detector = OutlierDetector::new(gateway, 2, SimTime::ZERO);
    let mut ejects = |outcomes: &[Outcome]| {
        outcomes.iter().any(|&outcome| detector.on_result(0, outcome, SimTime::ZERO).is_some())
    };
    assert!(!ejects(&[GATEWAY, TIMEOUT, ERROR, UNCONNECTED, TIMEOUT]));
    assert!(ejects(&[GATEWAY]));
    let apart = OutlierEjection { consecutive_local_errors: Some(3), ..gateway };
    let mut detector = OutlierDetector::new(apart, 2, SimTime::ZERO);
    let mut ejects = |outcomes: &[Outcome]| {
        outcomes.iter().any(|&outcome| detector.on_result(0, outcome, SimTime::ZERO).is_some())
    };
    // What breaks after it was connected begins a new row of one.
    assert!(!ejects(&[
        GATEWAY,
        UNCONNECTED,
        UNCONNECTED,
        GATEWAY,
        UNCONNECTED,
        TIMEOUT,
        TIMEOUT,
        TIMEOUT,
        UNCONNECTED
    ]));
    assert!(ejects(&[UNCONNECTED]));
}

#[test]
fn endpoints_answer_for_what_they_did() {
    use crate::vocabulary::routing::{GrpcStatus, Status};
    let outcome = |failure| Outcome::of(&failure);
    let unavailable = Failure::answered(Cause::Application, Status::Grpc(GrpcStatus::Unavailable));
    assert_eq!(outcome(unavailable), Some(GATEWAY));
    assert_eq!(outcome(Failure::local(Cause::AttemptTimeout, true)), Some(TIMEOUT));
    assert_eq!(outcome(Failure::local(Cause::StaleEndpoint, false)), Some(UNCONNECTED));
    assert_eq!(outcome(Failure::local(Cause::Overflow, false)), None);
    assert_eq!(outcome(Failure::answered(Cause::FaultAbort, Status::Http(503))), None);
}

/// The obvious twin: a row for every endpoint, and a sweep at every interval, whether there is something to do or not.
struct Twin {
    policy: OutlierEjection,
    errors: Vec<u32>,
    gateway_errors: Vec<u32>,
    /// Ejected at, for how long.
    ejected: Vec<Option<(u64, u64)>>,
    factor: Vec<u64>,
    back: Vec<Option<u64>>,
    swept: u64,
}

impl Twin {
    fn advance(&mut self, now: u64) {
        let interval = self.policy.interval.nanos();
        while self.swept + interval <= now {
            self.swept += interval;
            for endpoint in 0..self.errors.len() {
                if self.ejected[endpoint].is_some_and(|(since, time)| since + time <= self.swept) {
                    self.ejected[endpoint] = None;
                    (self.errors[endpoint], self.gateway_errors[endpoint]) = (0, 0);
                    self.back[endpoint] = Some(self.swept);
                } else if self.ejected[endpoint].is_none()
                    && self.back[endpoint].is_some_and(|back| back + interval <= self.swept)
                    && self.factor[endpoint] > 0
                {
                    self.factor[endpoint] -= 1;
                }
            }
        }
    }

    fn result(&mut self, endpoint: usize, status: u16, now: u64) {
        self.gateway_errors[endpoint] =
            if (502..505).contains(&status) { self.gateway_errors[endpoint] + 1 } else { 0 };
        self.errors[endpoint] = if status >= 500 { self.errors[endpoint] + 1 } else { 0 };
        if self.ejected[endpoint].is_some() {
            return;
        }
        for by_gateway in [true, false] {
            let (count, limit) = if by_gateway {
                (&mut self.gateway_errors[endpoint], self.policy.consecutive_gateway_errors)
            } else {
                (&mut self.errors[endpoint], self.policy.consecutive_errors)
            };
            if limit != Some(*count) {
                continue;
            }
            *count = 0;
            let count = self.ejected.iter().flatten().count() + 1;
            let allowed =
                100 * count <= (self.policy.max_ratio.value() * 100.0 + 0.5) as usize * self.ejected.len();
            if allowed && self.ejected[endpoint].is_none() {
                let (base, max) = (self.policy.base_time.nanos(), self.policy.max_time.nanos());
                if self.factor[endpoint] * base < base + max {
                    self.factor[endpoint] += 1;
                }
                self.ejected[endpoint] = Some((now, (self.factor[endpoint] * base).min(max)));
            }
        }
    }
}

proptest! {
    #[test]
    fn ejections_are_those_of_the_obvious_twin(
        endpoints in 1_usize..7,
        percent in 0_u32..=100,
        limits in (1_u32..4, 1_u32..3),
        results in prop::collection::vec((0_usize..7, prop::sample::select(vec![200_u16, 404, 500, 503, 503, 504]), prop_oneof![8 => 0_u64..2, 1 => 0_u64..90]), 1..400),
    ) {
        let policy = OutlierEjection {
            consecutive_errors: Some(limits.0),
            consecutive_gateway_errors: Some(limits.1),
            max_time: Span::from_seconds(80),
            ..policy(f64::from(percent) / 100.0, 0.0)
        };
        let mut detector = OutlierDetector::new(policy, endpoints as u32, SimTime::ZERO);
        let mut twin = Twin {
            policy, errors: vec![0; endpoints], gateway_errors: vec![0; endpoints], ejected: vec![None; endpoints],
            factor: vec![0; endpoints], back: vec![None; endpoints], swept: 0,
        };
        let (mut now, mut next_sweep) = (0, None);
        for (endpoint, status, gap) in results {
            now += gap;
            twin.advance(seconds(now).nanos());
            while let Some(sweep) = next_sweep.filter(|&sweep| sweep <= seconds(now)) {
                detector.sweep(sweep);
                next_sweep = detector.next_sweep(sweep);
            }
            let endpoint = endpoint % endpoints;
            twin.result(endpoint, status, seconds(now).nanos());
            detector.on_result(endpoint as u32, Outcome::Answered(status), seconds(now));
            next_sweep = next_sweep.or(detector.next_sweep(seconds(now)));
            let ejected: Vec<u32> = (0..endpoints as u32).filter(|&endpoint| twin.ejected[endpoint as usize].is_some()).collect();
            prop_assert_eq!(detector.available().out(), &ejected[..]);
        }
    }
}

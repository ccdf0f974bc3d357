//! Of two random endpoints the one that is expected to answer sooner: response time × (calls under way + 1).
//!
//! The response time is a peak-sensitive moving average: a slower answer is believed at once, a faster one slowly, and
//! what is not asked fades. Follows linkerd2-proxy: linkerd/ewma/src/lib.rs (`add_peak`, `get_at`),
//! linkerd/load-biaser/src/lib.rs (load), linkerd/pool/p2c/src/lib.rs (two different endpoints, the first drawn when
//! both look alike). Defaults there: 30 ms assumed, 10 s decay. Tower's older PeakEwma differs in that reading moves
//! the estimate's time, too.

use super::{BalancerHelp, EndpointLoad, Loads, distinct_pair};
use crate::kernel::Uniform;
use crate::policy::available::Candidates;
use crate::units::{SimTime, Span};
use crate::vocabulary::BalancingPolicy;

pub(super) const HELP: BalancerHelp = BalancerHelp {
    policy: BalancingPolicy::PeakEwma,
    doc: "Of two random endpoints the one with the lower moving average of response times × (requests under way + 1).",
    used_by: "Linkerd always.",
};

#[inline]
pub(super) fn pick<C, L, U>(candidates: &C, loads: &L, now: SimTime, uniform: &mut U) -> u32
where
    C: Candidates + ?Sized,
    L: Loads + ?Sized,
    U: Uniform,
{
    let (first, second) = distinct_pair(candidates.len(), uniform);
    let (first, second) = (candidates.nth(first), candidates.nth(second));
    if cost(loads.of(second), now) < cost(loads.of(first), now) { second } else { first }
}

#[inline]
fn cost(load: &EndpointLoad, now: SimTime) -> f64 {
    load.latency.at(now) * f64::from(load.active + 1)
}

/// An estimate of response times that remembers peaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeakEwma {
    /// Nanoseconds, as of `updated`.
    value: f64,
    updated: SimTime,
    /// 1 / time constant, per nanosecond; zero keeps no response times.
    decay_rate: f64,
}

impl PeakEwma {
    /// Keeps no response times.
    pub(super) const UNUSED: Self = Self::new(Span::ZERO, Span::ZERO, SimTime::ZERO);

    /// An estimate of `assumed` as of `now` that decays with time constant `decay`; with a `decay` of zero it stays
    /// `assumed` for ever.
    pub const fn new(assumed: Span, decay: Span, now: SimTime) -> Self {
        let decay_rate = if decay.nanos() == 0 { 0.0 } else { 1.0 / decay.nanos() as f64 };
        Self { value: assumed.nanos() as f64, updated: now, decay_rate }
    }

    /// The estimate at `now`, in nanoseconds: value · e^(−elapsed / decay).
    #[inline]
    pub fn at(&self, now: SimTime) -> f64 {
        self.value * self.weight(now)
    }

    /// A response that took `response_time` came at `now`. Above the estimate it replaces it; below, the estimate moves
    /// towards it by 1 − e^(−elapsed / decay).
    #[inline]
    pub fn record(&mut self, response_time: Span, now: SimTime) {
        if self.decay_rate == 0.0 {
            return;
        }
        let observed = response_time.nanos() as f64;
        let weight = self.weight(now);
        self.value = if self.value * weight < observed {
            observed
        } else {
            self.value * weight + observed * (1.0 - weight)
        };
        self.updated = now;
    }

    /// What is left of the estimate at `now`, in [0, 1].
    #[inline]
    fn weight(&self, now: SimTime) -> f64 {
        let elapsed = now.since(self.updated).nanos();
        if elapsed == 0 { 1.0 } else { libm::exp(-(elapsed as f64) * self.decay_rate) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_shares, stream};
    use super::*;
    use crate::policy::available::Everyone;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn seconds(seconds: f64) -> SimTime {
        SimTime::ZERO + Span::from_seconds_f64(seconds)
    }

    fn ten_second_estimate(assumed: Span) -> PeakEwma {
        PeakEwma::new(assumed, Span::from_seconds(10), SimTime::ZERO)
    }

    fn assert_close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-12 * expected, "{value} is not {expected}");
    }

    #[test]
    fn what_is_not_asked_fades() {
        let estimate = ten_second_estimate(Span::from_millis(30));
        assert_eq!(estimate.at(SimTime::ZERO), 30e6);
        assert_close(estimate.at(seconds(10.0)), 30e6 / std::f64::consts::E);
        assert_close(estimate.at(seconds(20.0)), 30e6 / std::f64::consts::E / std::f64::consts::E);
        assert!(estimate.at(seconds(1e6)) >= 0.0);
    }

    #[test]
    fn a_peak_is_believed_at_once_and_forgotten_slowly() {
        // Linkerd's own example: 10 at 1 s is worth 0.82 at 26 s, so 1 replaces it.
        let mut estimate = ten_second_estimate(Span::from_nanos(1));
        estimate.record(Span::from_seconds(10), seconds(1.0));
        assert_eq!(estimate.at(seconds(1.0)), 10e9);
        estimate.record(Span::from_seconds(1), seconds(26.0));
        assert_eq!(estimate.at(seconds(26.0)), 1e9);

        // After a peak P, answers that all take r: r + (P − r) e^(−t/decay), however often they come.
        for steps in [1_u32, 7, 100] {
            let mut estimate = ten_second_estimate(Span::from_seconds(2));
            for step in 1..=steps {
                estimate.record(Span::from_millis(500), seconds(6.0 * f64::from(step) / f64::from(steps)));
            }
            assert_close(estimate.at(seconds(6.0)), 0.5e9 + 1.5e9 * libm::exp(-0.6));
        }
    }

    proptest! {
        #[test]
        fn the_estimate_is_the_sum_of_decayed_shares(answers in prop::collection::vec((1_u64..4 * SECOND, 0_u64..4 * SECOND), 1..40)) {
            // The obvious twin keeps all answers since the last peak, each with what it contributed.
            let mut estimate = ten_second_estimate(Span::from_millis(30));
            let mut shares = vec![(0_u64, 30e6)];
            let (mut now, mut last) = (0, 0);
            let decayed = |shares: &[(u64, f64)], now: u64| -> f64 {
                shares.iter().map(|&(time, share)| share * libm::exp(-((now - time) as f64) / 10e9)).sum()
            };
            for (gap, response_time) in answers {
                now += gap;
                if decayed(&shares, now) < response_time as f64 {
                    shares = vec![(now, response_time as f64)];
                } else {
                    shares.push((now, response_time as f64 * (1.0 - libm::exp(-((now - last) as f64) / 10e9))));
                }
                last = now;
                estimate.record(Span::from_nanos(response_time), SimTime::from_nanos(now));
                let read = now + gap / 2;
                let expected = decayed(&shares, read);
                prop_assert!((estimate.at(SimTime::from_nanos(read)) - expected).abs() <= 1e-9 * expected);
            }
        }
    }

    #[test]
    fn picks_have_the_law_of_all_distinct_pairs() {
        let now = seconds(5.0);
        let load = |active, millis, updated: f64| EndpointLoad {
            active,
            latency: PeakEwma::new(Span::from_millis(millis), Span::from_seconds(10), seconds(updated)),
        };
        // Costs at 5 s: 30, 20, 20, 36.4, 19.9: endpoints 1 and 2 look alike, 3 has faded from 60, 4 is busy.
        let loads =
            [load(0, 30, 5.0), load(1, 10, 5.0), load(0, 20, 5.0), load(0, 60, 0.0), load(9, 3, 0.88)];
        let costs: Vec<f64> = loads.iter().map(|load| cost(load, now)).collect();
        let mut expected = [0.0; 5];
        for first in 0..5 {
            for second in (0..5).filter(|&second| second != first) {
                expected[if costs[first] <= costs[second] { first } else { second }] += 1.0 / 20.0;
            }
        }
        assert_eq!(expected.map(|share| (share * 20.0 + 0.5) as u32), [2, 5, 5, 0, 8]);
        let mut counts = vec![0_u32; 5];
        let mut uniform = stream(0);
        for _ in 0..100_000 {
            counts[pick(&Everyone(5), &loads[..], now, &mut uniform) as usize] += 1;
        }
        assert_shares(&counts, &expected);
    }

    #[test]
    fn without_decay_nothing_is_kept() {
        let mut estimate = PeakEwma::new(Span::from_millis(30), Span::ZERO, SimTime::ZERO);
        estimate.record(Span::from_seconds(1), seconds(1.0));
        assert_eq!(estimate.at(seconds(100.0)), 30e6);
    }
}

//! Connections that each send at a fixed rate, with at most one request under way each, as load generators do.
//!
//! Each connection has a clock whose n-th tick, from 0, is the intended time of its n-th request. The ticks of connection
//! c of C are n intervals (together), n + c/C intervals (spread; Fortio's `-uniform`), or n + a random start ± 10 %
//! (jittered). A connection that is late either sends the missed requests one right after the other, each still with its
//! own intended time (wrk2; Fortio by default, which however counts latency from the sending), or skips the ticks that
//! have passed (Fortio's `-nocatchup`, periodic/periodic.go).

use super::{ArrivalHelp, Surges};
use crate::kernel::Uniform;
use crate::units::{Rate, SimTime, Span};
use crate::vocabulary::Phase;

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "paced",
    parameters: &["connections", "rate", "phase", "catch_up"],
    doc: "Connections that each send at a fixed rate, at most one request at a time (Fortio, wrk2, Nighthawk).",
};

/// How far a jittered tick is off at most, in intervals.
const JITTER: f64 = 0.1;

/// The clocks of all connections of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Pacer {
    /// Nanoseconds between two ticks of one connection; infinite when nothing is ever sent.
    interval: f64,
    /// First tick of each connection, in intervals.
    starts: Vec<f64>,
    /// In intervals.
    jitter: f64,
    surges: Surges,
}

impl Pacer {
    /// Clocks of `connections` that together tick at `rate`. Jittered ones start at random, one uniform number each.
    pub fn new<U: Uniform>(connections: u32, rate: Rate, phase: Phase, uniform: &mut U) -> Self {
        let start = |connection: u32| match phase {
            Phase::Together => 0.0,
            Phase::Spread => f64::from(connection) / f64::from(connections),
            Phase::Jittered => uniform.unit(),
        };
        Self {
            interval: f64::from(connections) / rate.value() * 1e9,
            starts: (0..connections).map(start).collect(),
            jitter: if phase == Phase::Jittered { JITTER } else { 0.0 },
            surges: Surges::default(),
        }
    }

    /// The same clocks, which go faster or slower during surges.
    #[must_use]
    pub fn with(self, surges: Surges) -> Self {
        Self { surges, ..self }
    }

    /// The intended time of the connection's n-th request; the same whenever it is asked with the same draws, of which
    /// jittered clocks take one.
    pub fn tick<U: Uniform>(&self, connection: u32, n: u64, draws: &mut U) -> SimTime {
        let jitter = if self.jitter > 0.0 { self.jitter * (2.0 * draws.unit() - 1.0) } else { 0.0 };
        self.time(connection, n, jitter)
    }

    /// The number of the tick after the n-th, whose request was answered at `completion`. Without catching up it is the
    /// first tick that no jitter can bring before `completion`: such a connection is never late.
    pub fn after(&self, connection: u32, n: u64, completion: SimTime, catch_up: bool) -> u64 {
        if catch_up || !self.interval.is_finite() {
            return n + 1;
        }
        let clock = if self.surges.is_none() {
            completion.nanos() as f64
        } else {
            self.surges.stretched(0.0, completion.seconds()) * 1e9
        };
        let passed = clock / self.interval - self.starts[connection as usize];
        // One below the quotient, for rounding; then step by step.
        let mut next = (n + 1).max((passed - 1.0) as u64);
        while self.time(connection, next, -self.jitter) < completion {
            next += 1;
        }
        next
    }

    fn time(&self, connection: u32, n: u64, jitter: f64) -> SimTime {
        if !self.interval.is_finite() {
            return SimTime::MAX;
        }
        let intervals = n as f64 + self.starts[connection as usize] + jitter;
        if self.surges.is_none() {
            return SimTime::ZERO + Span::from_nanos_f64(intervals * self.interval);
        }
        let time = self.surges.after(0.0, intervals.max(0.0) * self.interval / 1e9);
        time.map_or(SimTime::MAX, |seconds| SimTime::ZERO + Span::from_seconds_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rng::{Key, Purpose, Stream};
    use proptest::prelude::*;

    fn pacer(connections: u32, rate: f64, phase: Phase) -> Pacer {
        let rate = Rate::per_second(rate).expect("a rate");
        Pacer::new(connections, rate, phase, &mut Stream::new(1, Purpose(1), "paced", 0))
    }

    fn millis(pacer: &Pacer, connection: u32, n: u64) -> f64 {
        pacer
            .tick(connection, n, &mut Key::new(&[u64::from(connection), n]).draws(Purpose(2), 0, 0, 0))
            .seconds()
            * 1e3
    }

    #[test]
    fn clocks_tick_together_spread_or_jittered() {
        let together = pacer(4, 100.0, Phase::Together);
        let spread = pacer(4, 100.0, Phase::Spread);
        for connection in 0..4 {
            for n in 0..5 {
                assert_eq!(millis(&together, connection, n), 40.0 * n as f64);
                assert_eq!(millis(&spread, connection, n), 40.0 * n as f64 + 10.0 * f64::from(connection));
            }
        }
        let jittered = pacer(4, 100.0, Phase::Jittered);
        let offsets: Vec<f64> = (0..10_000).map(|n| millis(&jittered, 2, n) / 40.0 - n as f64).collect();
        let start = jittered.starts[2];
        assert!(offsets.iter().all(|offset| (offset - start).abs() <= 0.1 + 1e-9));
        let mean = offsets.iter().sum::<f64>() / 1e4;
        let variance = offsets.iter().map(|offset| (offset - mean) * (offset - mean)).sum::<f64>() / 1e4;
        // Uniform on ±0.1: variance 0.2²/12, whose estimate deviates by 0.9 %.
        assert!((mean - start).abs() < 4.0 * 0.0577 / 100.0, "{mean} {start}");
        assert!((variance / (0.04 / 12.0) - 1.0).abs() < 0.036, "{variance}");
    }

    #[test]
    fn jittered_starts_fill_the_interval() {
        let starts = pacer(10_000, 1.0, Phase::Jittered).starts;
        let mean = starts.iter().sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 4.0 * 0.2887 / 100.0, "{mean}");
        assert!(starts.iter().any(|&start| start < 0.01) && starts.iter().any(|&start| start > 0.99));
    }

    proptest! {
        #[test]
        fn skipping_finds_the_first_tick_that_has_not_passed(
            phase in prop::sample::select(vec![Phase::Together, Phase::Spread, Phase::Jittered]),
            rate in 1.0..100_000.0, connections in 1_u32..50, n in 0_u64..1000, late in 0.0..20.0, on_a_tick: bool
        ) {
            let pacer = pacer(connections, rate, phase);
            let connection = connections / 2;
            let late = if on_a_tick { (late as u64) as f64 } else { late };
            let completion = pacer.time(connection, n, late);
            let mut obvious = n + 1;
            while pacer.time(connection, obvious, -pacer.jitter) < completion {
                obvious += 1;
            }
            prop_assert_eq!(pacer.after(connection, n, completion, false), obvious);
            prop_assert_eq!(pacer.after(connection, n, completion, true), n + 1);
        }
    }

    #[test]
    fn an_answer_exactly_on_the_next_tick_misses_nothing() {
        let pacer = pacer(3, 700.0, Phase::Together);
        for n in 0..10_000 {
            assert_eq!(pacer.after(0, n, pacer.time(0, n + 1, 0.0), false), n + 1);
        }
    }

    #[test]
    fn a_long_outage_costs_no_time() {
        let pacer = pacer(1, 1e9, Phase::Spread);
        assert_eq!(pacer.after(0, 5, SimTime::from_nanos(3_600_000_000_000), false), 3_600_000_000_000);
    }

    #[test]
    fn without_a_rate_nothing_is_sent() {
        let pacer = pacer(2, 0.0, Phase::Together);
        assert_eq!(pacer.tick(0, 0, &mut Stream::new(1, Purpose(1), "paced", 0)), SimTime::MAX);
        assert_eq!(pacer.after(0, 0, SimTime::from_nanos(5), false), 1);
    }
}

//! How long a container that ends again and again is kept from starting (CrashLoopBackOff).
//!
//! Follows kubelet's doBackOff (pkg/kubelet/kuberuntime/kuberuntime_manager.go) and client-go's util/flowcontrol: the
//! first time it starts at once, then 10 s after its end, then twice as long each time, 300 s at most. A container that
//! ends more than twice the longest pause after it was started is taken for one that has never ended before.

use crate::units::{SimTime, Span};

/// The pauses of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashLoop {
    first: Span,
    longest: Span,
    /// The next pause, and when the container was started last.
    entry: Option<(Span, SimTime)>,
    restarts: u32,
}

impl Default for CrashLoop {
    fn default() -> Self {
        Self::new(Span::from_seconds(10), Span::from_seconds(300))
    }
}

impl CrashLoop {
    /// Of a container that has not ended yet.
    pub const fn new(first: Span, longest: Span) -> Self {
        Self { first, longest, entry: None, restarts: 0 }
    }

    /// The container has ended. Returns when it is started again.
    pub fn on_end(&mut self, now: SimTime) -> SimTime {
        self.restarts = self.restarts.saturating_add(1);
        let stable = Span::from_nanos(self.longest.nanos().saturating_mul(2));
        let pause = self.entry.filter(|&(_, started)| now.since(started) <= stable).map(|entry| entry.0);
        let restart = now + pause.unwrap_or(Span::ZERO);
        let next = match pause {
            None => self.first,
            Some(pause) => (pause + pause).min(self.longest),
        };
        self.entry = Some((next, restart));
        restart
    }

    /// How often it was started again.
    pub const fn restarts(&self) -> u32 {
        self.restarts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> SimTime {
        SimTime::ZERO + Span::from_seconds(seconds)
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let mut container = CrashLoop::default();
        let mut now = seconds(100);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let restart = container.on_end(now);
            pauses.push(restart.since(now).seconds());
            now = restart + Span::from_seconds(2);
        }
        assert_eq!(pauses, [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]);
        assert_eq!(container.restarts(), 8);
    }

    #[test]
    fn ten_minutes_without_an_end_are_forgiven() {
        for (ran, expected) in [(600, 20), (601, 0)] {
            let mut container = CrashLoop::default();
            container.on_end(seconds(0));
            let restart = container.on_end(seconds(5));
            assert_eq!(restart, seconds(15));
            let end = restart + Span::from_seconds(ran);
            assert_eq!(container.on_end(end), end + Span::from_seconds(expected));
        }
    }

    proptest! {
        #[test]
        fn pauses_are_those_of_the_whole_history(runs in prop::collection::vec(prop_oneof![3 => 0_u64..60, 1 => 500_u64..700], 1..40)) {
            // The twin counts ends since the last run of more than ten minutes.
            let mut container = CrashLoop::default();
            let (mut now, mut row) = (SimTime::ZERO, 0_u32);
            for run in runs {
                now += Span::from_seconds(run);
                row = if run > 600 { 1 } else { row + 1 };
                let pause = if row == 1 { 0 } else { (10 << (row - 2).min(10)).min(300) };
                let restart = container.on_end(now);
                prop_assert_eq!(restart.since(now), Span::from_seconds(pause));
                now = restart;
            }
        }
    }
}

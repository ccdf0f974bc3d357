//! Users who send, wait for the response, think and send again.
//!
//! A user thinks before the first request too: users start staggered, by one think time each. Each has at most one
//! request under way, so `users` users send at most users / (mean think time + mean response time) requests a second,
//! and a slow mesh sees fewer: closed sources hide how bad an overload is.

use super::ArrivalHelp;
use crate::kernel::Uniform;
use crate::kernel::dist::Dist;
use crate::units::{SimTime, Span};

pub(super) const HELP: ArrivalHelp = ArrivalHelp {
    name: "closed",
    parameters: &["users", "think_time"],
    doc: "Users who send, wait for the response, think and send again; each starts after one think time.",
};

/// When a user who starts to think at `now` (at the start of the run, or when the response has come) sends the next
/// request.
#[inline]
pub fn next<U: Uniform>(think_time: &Dist, now: SimTime, uniform: &mut U) -> SimTime {
    now + Span::from_nanos_f64(think_time.sample(uniform))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rng::{Purpose, Stream};

    #[test]
    fn a_user_who_is_answered_at_once_sends_a_poisson_process() {
        let think_time = Dist::exponential(2e6).expect("a mean");
        let mut stream = Stream::new(1, Purpose(1), "user", 0);
        let mut now = SimTime::ZERO;
        for _ in 0..40_000 {
            now = next(&think_time, now, &mut stream);
        }
        // 40,000 gaps of mean 2 ms: 80 s, with a deviation of 0.4 s.
        assert!((now.seconds() - 80.0).abs() < 1.6, "{now}");
    }
}

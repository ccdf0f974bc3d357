//! What bounds the number of retries, per client proxy and backend.

use crate::units::SimTime;
use crate::vocabulary::resilience::RetryBudget;

/// A bound on retries, and what it has counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Budget {
    /// None.
    Unlimited,
    /// So many retries under way (Envoy's `max_retries`).
    Limit {
        /// So many.
        retries: u32,
        /// Retries that are waiting for their time, or under way.
        under_way: u32,
    },
    /// Retries under way are at most a share of all requests under way and waiting, but always `minimum` (Envoy's
    /// `retry_budget`).
    Concurrent {
        /// Share.
        ratio: f64,
        /// Always allowed.
        minimum: u32,
        /// Retries that are waiting for their time, or under way.
        under_way: u32,
    },
    /// Retries are paid for (Linkerd).
    Tokens(TokenBudget),
}

impl Budget {
    /// The bound of a client proxy that starts at `now`: a budget, where there is one, replaces a limit, as in Envoy.
    pub fn new(budget: Option<RetryBudget>, limit: Option<u32>, now: SimTime) -> Self {
        match (budget, limit) {
            (Some(RetryBudget::Concurrent { ratio, minimum }), _) => {
                Self::Concurrent { ratio: ratio.value(), minimum, under_way: 0 }
            }
            (Some(RetryBudget::Tokens { .. }), _) => Self::Tokens(TokenBudget::new(budget, now)),
            (None, Some(retries)) => Self::Limit { retries, under_way: 0 },
            (None, None) => Self::Unlimited,
        }
    }

    /// Asks for a retry, which counts from its pause to its end; `requests` are those under way and waiting, retries
    /// included. A request gives back its earlier retry first.
    pub fn withdraw(&mut self, requests: u32, now: SimTime) -> bool {
        let (under_way, bound) = match self {
            Self::Unlimited => return true,
            Self::Tokens(tokens) => return tokens.withdraw(now),
            Self::Limit { retries, under_way } => (under_way, *retries),
            Self::Concurrent { ratio, minimum, under_way } => {
                (under_way, ((*ratio * f64::from(requests)) as u32).max(*minimum))
            }
        };
        let is_allowed = *under_way < bound;
        *under_way += u32::from(is_allowed);
        is_allowed
    }

    /// A retry is over, or will be followed by another one.
    pub fn end(&mut self) {
        if let Self::Limit { under_way, .. } | Self::Concurrent { under_way, .. } = self {
            debug_assert!(*under_way > 0, "a retry is under way");
            *under_way -= 1;
        }
    }

    /// A request is over, and its answer is none that would be tried again.
    pub fn deposit(&mut self, now: SimTime) {
        if let Self::Tokens(tokens) = self {
            tokens.deposit(now);
        }
    }
}

/// Slots that the memory of a token budget has, besides the one that is written.
const SLOTS: usize = 10;

/// Linkerd's budget, which is Tower's (tower/src/retry/budget/tps_budget.rs): every request that ends well pays in one
/// token, every retry takes the whole part of 1/ratio of them. Both are forgotten after the time to live, which is
/// divided in ten slots. `per_second` retries' worth for the time to live are there from the start; as withdrawals are
/// forgotten, so many come by themselves, and up to twice as many where no request falls on the edge of a slot: the slot
/// that has just begun counts among those that are over, and with it what was written ten slots before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBudget {
    deposit: i64,
    withdrawal: i64,
    reserve: i64,
    /// Length of a slot, nanoseconds.
    window: u64,
    slots: [i64; SLOTS],
    /// The slot that is written next, when the current one is over.
    current: usize,
    /// Of the current slot.
    writing: i64,
    since: SimTime,
}

impl TokenBudget {
    /// # Panics
    /// When `budget` is not one of tokens.
    fn new(budget: Option<RetryBudget>, now: SimTime) -> Self {
        let Some(RetryBudget::Tokens { ratio, per_second, ttl }) = budget else {
            panic!("a budget of tokens")
        };
        // As there, in single precision: 0.2 is a whole fifth.
        let share = ratio.value() as f32;
        let (deposit, withdrawal) = if share == 0.0 { (0, 1) } else { (1, (1.0 / share) as i64) };
        Self {
            deposit,
            withdrawal,
            reserve: i64::from(per_second) * ttl.seconds() as i64 * withdrawal,
            window: (ttl.nanos() / SLOTS as u64).max(1),
            slots: [0; SLOTS],
            current: 0,
            writing: 0,
            since: now,
        }
    }

    fn deposit(&mut self, now: SimTime) {
        self.expire(now);
        self.writing += self.deposit;
    }

    fn withdraw(&mut self, now: SimTime) -> bool {
        self.expire(now);
        let is_allowed = self.balance() >= self.withdrawal;
        if is_allowed {
            self.writing -= self.withdrawal;
        }
        is_allowed
    }

    fn balance(&self) -> i64 {
        self.reserve + self.writing + self.slots.iter().sum::<i64>()
    }

    /// Closes the current slot when it is over, and forgets the slots that nothing was written to since.
    fn expire(&mut self, now: SimTime) {
        let elapsed = now.since(self.since).nanos();
        if elapsed < self.window {
            return;
        }
        self.slots[self.current] = std::mem::take(&mut self.writing);
        self.current = (self.current + 1) % SLOTS;
        let empty = elapsed.div_ceil(self.window) - 1;
        if empty >= SLOTS as u64 {
            self.slots = [0; SLOTS];
        } else {
            for _ in 0..empty {
                self.slots[self.current] = 0;
                self.current = (self.current + 1) % SLOTS;
            }
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Uniform;
    use crate::kernel::rng::{Purpose, Stream};
    use crate::units::{Ratio, Span};
    use proptest::prelude::*;

    fn tokens(ratio: f64, per_second: u32, ttl: Span) -> Budget {
        let ratio = Ratio::new(ratio).expect("a ratio");
        Budget::new(Some(RetryBudget::Tokens { ratio, per_second, ttl }), None, SimTime::ZERO)
    }

    /// The obvious twin of a token budget: every deposit and withdrawal, by the number of its slot.
    struct Log {
        entries: Vec<(u64, i64)>,
        slot: u64,
        since: u64,
    }

    impl Log {
        fn advance(&mut self, now: u64, window: u64) {
            let elapsed = now - self.since;
            if elapsed >= window {
                self.slot += elapsed.div_ceil(window);
                self.since = now;
            }
        }

        fn sum(&self) -> i64 {
            self.entries.iter().filter(|(slot, _)| slot + 10 >= self.slot).map(|(_, amount)| amount).sum()
        }
    }

    proptest! {
        #[test]
        fn a_token_budget_is_the_sum_of_what_is_remembered(
            percent in prop::sample::select(vec![0_u32, 5, 10, 20, 30, 50, 100]),
            per_second in 0_u32..4,
            ttl in 1_u32..4,
            events in prop::collection::vec((any::<bool>(), prop_oneof![4 => 0_u64..80_000_000, 1 => 0_u64..3_000_000_000]), 1..300),
        ) {
            let mut budget = tokens(f64::from(percent) / 100.0, per_second, Span::from_seconds(ttl.into()));
            // 100 / 30 is 3.3, of which the whole part counts.
            let price = i64::from(100_u32.checked_div(percent).unwrap_or(1));
            let reserve = i64::from(per_second) * i64::from(ttl) * price;
            let mut log = Log { entries: Vec::new(), slot: 0, since: 0 };
            let mut now = 0;
            for (is_retry, gap) in events {
                now += gap;
                log.advance(now, u64::from(ttl) * 100_000_000);
                if is_retry {
                    let expected = log.sum() + reserve >= price;
                    prop_assert_eq!(budget.withdraw(0, SimTime::from_nanos(now)), expected);
                    if expected {
                        log.entries.push((log.slot, -price));
                    }
                } else {
                    budget.deposit(SimTime::from_nanos(now));
                    log.entries.push((log.slot, i64::from(percent > 0)));
                }
            }
        }
    }

    /// Attempts per request of a client that sends `rate` requests a second for 200 s, each attempt of which fails with
    /// chance `failure` and is tried again as often as the budget lets it.
    fn attempts_per_request(budget: &mut Budget, rate: f64, failure: f64) -> f64 {
        let mut stream = Stream::new(1, Purpose(1), "budget", 0);
        let mut attempts = 0;
        let requests = (rate * 200.0) as u32;
        for number in 0..requests {
            let now = SimTime::ZERO + Span::from_seconds_f64(f64::from(number) / rate);
            attempts += 1;
            loop {
                if !stream.chance(failure) {
                    budget.deposit(now);
                    break;
                }
                if !budget.withdraw(0, now) {
                    break;
                }
                attempts += 1;
            }
        }
        f64::from(attempts) / f64::from(requests)
    }

    #[test]
    fn without_a_floor_retries_are_at_most_the_share_of_requests() {
        for share in [0.5, 0.25, 0.2, 0.1, 0.05] {
            for failure in [0.02, 0.2, 0.5, 0.9, 1.0] {
                let mut budget = tokens(share, 0, Span::from_seconds(10));
                let attempts = attempts_per_request(&mut budget, 200.0, failure);
                assert!(attempts <= 1.0 + share, "{share} {failure}: {attempts}");
                if failure == 0.02 {
                    // The budget is ample: what independent failures ask for.
                    let asked = 1.0 / (1.0 - failure);
                    assert!((attempts - asked).abs() < 0.005, "{share}: {attempts}");
                }
            }
            // Only requests that end well pay in.
            assert_eq!(attempts_per_request(&mut tokens(share, 0, Span::from_seconds(10)), 200.0, 1.0), 1.0);
        }
    }

    #[test]
    fn linkerds_floor_adds_ten_retries_a_second() {
        for rate in [20.0, 100.0, 1000.0] {
            for failure in [0.3, 0.6, 0.95, 1.0] {
                let mut budget = tokens(0.2, 10, Span::from_seconds(10));
                let attempts = attempts_per_request(&mut budget, rate, failure);
                // The reserve of the start is spent once more: 100 retries in 200 s.
                let bound = 1.0 + 0.2 + 10.0 / rate + 100.0 / (200.0 * rate);
                assert!(attempts <= bound, "{rate} {failure}: {attempts}");
                if failure == 1.0 {
                    let floor = 1.0 + 10.0 / rate;
                    // A retry is remembered for the time to live and up to a slot more.
                    assert!(attempts > 1.0 + 0.9 * (floor - 1.0), "{rate}: {attempts}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn envoys_bounds_hold_at_every_instant(percent in 0_u32..=100, minimum in 0_u32..5, limit in 0_u32..6, events in prop::collection::vec(0_u8..4, 1..200)) {
            let ratio = Ratio::new(f64::from(percent) / 100.0).expect("a ratio");
            let mut budgets = [
                Budget::new(Some(RetryBudget::Concurrent { ratio, minimum }), Some(limit), SimTime::ZERO),
                Budget::new(None, Some(limit), SimTime::ZERO),
            ];
            let mut retries = [0_u32; 2];
            let mut requests = 0_u32;
            for event in events {
                match event {
                    0 => requests += 1,
                    1 => requests = requests.saturating_sub(1),
                    2 => for (budget, retries) in budgets.iter_mut().zip(&mut retries) {
                        if *retries > 0 {
                            budget.end();
                            *retries -= 1;
                        }
                    },
                    _ => {
                        let bounds = [minimum.max((ratio.value() * f64::from(requests)) as u32), limit];
                        for ((budget, retries), bound) in budgets.iter_mut().zip(&mut retries).zip(bounds) {
                            let is_allowed = budget.withdraw(requests, SimTime::ZERO);
                            prop_assert_eq!(is_allowed, *retries < bound);
                            *retries += u32::from(is_allowed);
                            prop_assert!(!is_allowed || *retries <= bound);
                        }
                    }
                }
            }
        }
    }
}

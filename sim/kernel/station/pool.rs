//! Servers held for an open-ended time, with a FIFO queue of waiters: application workers that are held during calls,
//! connections, request slots.
//!
//! The pool has no clock and schedules nothing: whoever holds a server gives it back, and learns who is next.

use std::collections::VecDeque;

use super::{Capacity, Level, Tally, Window};
use crate::units::SimTime;

/// What became of a job that wanted a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Acquired {
    /// It holds a server from now on.
    Started,
    /// It waits; the ticket withdraws it.
    Queued(Ticket),
    /// No server was free and no waiting place either.
    Rejected,
}

/// A place in the queue of one pool; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(u64);

/// Servers and their queue; `T` says who waits.
///
/// ```
/// use sim::kernel::station::{Acquired, Capacity, Pool, Window};
/// use sim::units::SimTime;
///
/// let now = SimTime::ZERO;
/// let mut pool = Pool::new(Capacity::Limited(1), Capacity::Limited(2), Window::ALWAYS);
/// assert_eq!(pool.acquire(now, "a"), Acquired::Started);
/// let Acquired::Queued(ticket) = pool.acquire(now, "b") else { panic!("b waits") };
/// assert!(matches!(pool.acquire(now, "c"), Acquired::Queued(_)));
/// assert_eq!(pool.acquire(now, "d"), Acquired::Rejected);
/// assert_eq!(pool.cancel(now, ticket), Some("b"));
/// assert_eq!(pool.release(now), Some("c")); // c holds the server now
/// assert_eq!(pool.release(now), None);
/// ```
#[derive(Clone, Debug)]
pub struct Pool<T> {
    servers: Capacity,
    places: Capacity,
    /// Waiters in the order of their tickets; `None` where one was withdrawn. The front is never `None`.
    queue: VecDeque<(Ticket, Option<T>)>,
    next_ticket: Ticket,
    busy: Level,
    waiting: Level,
    tally: Tally,
}

impl<T> Pool<T> {
    /// A pool of free `servers` with `places` waiting places, which counts busy time in `window`.
    pub const fn new(servers: Capacity, places: Capacity, window: Window) -> Self {
        Self {
            servers,
            places,
            queue: VecDeque::new(),
            next_ticket: Ticket(0),
            busy: Level::new(window),
            waiting: Level::new(window),
            tally: Tally { arrivals: 0, rejected: 0, withdrawn: 0, completed: 0 },
        }
    }

    /// A job arrives and wants a server.
    pub fn acquire(&mut self, now: SimTime, token: T) -> Acquired {
        self.tally.arrivals += 1;
        if self.waiting() == 0 && self.servers.has_room(self.busy() as usize) {
            self.busy.set(now, self.busy() + 1);
            return Acquired::Started;
        }
        if !self.places.has_room(self.waiting() as usize) {
            self.tally.rejected += 1;
            return Acquired::Rejected;
        }
        let ticket = self.next_ticket;
        self.next_ticket.0 += 1;
        self.queue.push_back((ticket, Some(token)));
        self.waiting.set(now, self.waiting() + 1);
        Acquired::Queued(ticket)
    }

    /// A job is done and gives its server back. The first waiter, if any, holds it from now on and is returned.
    ///
    /// # Panics
    /// When no server is held.
    pub fn release(&mut self, now: SimTime) -> Option<T> {
        self.tally.completed += 1;
        self.free_server(now)
    }

    /// A job that holds a server is withdrawn, as [`Pool::release`] but not counted as done.
    ///
    /// # Panics
    /// When no server is held.
    pub fn abandon(&mut self, now: SimTime) -> Option<T> {
        self.tally.withdrawn += 1;
        self.free_server(now)
    }

    /// Withdraws a waiter. `None` when it has started already, or was withdrawn before.
    pub fn cancel(&mut self, now: SimTime, ticket: Ticket) -> Option<T> {
        let position = self.queue.binary_search_by_key(&ticket, |waiter| waiter.0).ok()?;
        let token = self.queue[position].1.take()?;
        self.tally.withdrawn += 1;
        self.waiting.set(now, self.waiting() - 1);
        self.drop_gaps();
        Some(token)
    }

    /// Changes the number of servers. Waiters that a new server takes up are appended to `started`. A server that is
    /// held when it is one too many goes away when it is given back.
    pub fn resize(&mut self, now: SimTime, servers: Capacity, started: &mut Vec<T>) {
        self.servers = servers;
        while self.servers.has_room(self.busy() as usize) {
            let Some(token) = self.take_first(now) else { break };
            self.busy.set(now, self.busy() + 1);
            started.push(token);
        }
    }

    /// Withdraws everybody, as when the process dies; waiters are appended to `evicted`, holders are known to whoever
    /// started them.
    pub fn evict(&mut self, now: SimTime, evicted: &mut Vec<T>) {
        self.tally.withdrawn += u64::from(self.busy()) + u64::from(self.waiting());
        evicted.extend(self.queue.drain(..).filter_map(|waiter| waiter.1));
        self.waiting.set(now, 0);
        self.busy.set(now, 0);
    }

    /// Servers held now.
    pub const fn busy(&self) -> u32 {
        self.busy.value()
    }

    /// Jobs waiting now.
    pub const fn waiting(&self) -> u32 {
        self.waiting.value()
    }

    /// Servers held, over time.
    pub const fn busy_level(&self) -> &Level {
        &self.busy
    }

    /// Jobs waiting, over time.
    pub const fn waiting_level(&self) -> &Level {
        &self.waiting
    }

    /// What became of the jobs.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    fn free_server(&mut self, now: SimTime) -> Option<T> {
        let left = self.busy().checked_sub(1).expect("a server is held");
        let next = if self.servers.has_room(left as usize) { self.take_first(now) } else { None };
        if next.is_none() {
            self.busy.set(now, left);
        }
        debug_assert_eq!(self.tally.present(), u64::from(self.busy()) + u64::from(self.waiting()));
        next
    }

    fn take_first(&mut self, now: SimTime) -> Option<T> {
        let (_, token) = self.queue.pop_front()?;
        self.waiting.set(now, self.waiting() - 1);
        self.drop_gaps();
        token
    }

    /// Keeps the front a waiter, and the gaps fewer than the waiters: memory follows the jobs present.
    fn drop_gaps(&mut self) {
        while self.queue.front().is_some_and(|waiter| waiter.1.is_none()) {
            self.queue.pop_front();
        }
        if self.queue.len() > 2 * self.waiting() as usize + 16 {
            self.queue.retain(|waiter| waiter.1.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use super::super::Fifo;
    use super::*;
    use crate::units::Span;
    use proptest::prelude::*;

    /// Departures when every job holds its server for a time that is known on arrival; `None` for rejected ones.
    fn departures(pool: &mut Pool<usize>, jobs: &[(u64, u64)]) -> Vec<Option<u64>> {
        let mut done = vec![None; jobs.len()];
        let mut ends = BinaryHeap::new();
        let mut release_until = |pool: &mut Pool<usize>, ends: &mut BinaryHeap<Reverse<u64>>, until: u64| {
            while ends.peek().is_some_and(|end| end.0 <= until) {
                let now = ends.pop().expect("peeked").0;
                if let Some(next) = pool.release(SimTime::from_nanos(now)) {
                    done[next] = Some(now + jobs[next].1);
                    ends.push(Reverse(now + jobs[next].1));
                }
            }
        };
        let mut started = Vec::new();
        for (job, &(now, hold)) in jobs.iter().enumerate() {
            release_until(pool, &mut ends, now);
            if pool.acquire(SimTime::from_nanos(now), job) == Acquired::Started {
                started.push((job, now + hold));
                ends.push(Reverse(now + hold));
            }
        }
        release_until(pool, &mut ends, u64::MAX);
        for (job, end) in started {
            done[job] = Some(end);
        }
        done
    }

    proptest! {
        #[test]
        fn known_hold_times_make_it_a_committed_station(
            servers in 1_u32..5, places in 0_u32..6, gaps in prop::collection::vec((0_u64..20, 0_u64..60), 1..80)
        ) {
            let mut now = 0;
            let jobs: Vec<(u64, u64)> = gaps.into_iter().map(|(gap, hold)| { now += gap; (now, hold) }).collect();
            let window = Window::new(SimTime::from_nanos(100), Span::from_nanos(300));
            let (servers, places) = (Capacity::Limited(servers), Capacity::Limited(places));
            let (mut pool, mut fifo) = (Pool::new(servers, places, window), Fifo::new(servers, places, window));
            let expected: Vec<Option<u64>> = jobs.iter().map(|&(now, hold)| {
                fifo.offer(SimTime::from_nanos(now), Span::from_nanos(hold)).ok().map(|visit| visit.done.nanos())
            }).collect();
            prop_assert_eq!(departures(&mut pool, &jobs), expected);
            let busy = pool.busy_level().unit_nanos(SimTime::from_nanos(1_000_000));
            prop_assert_eq!(busy, u128::from(fifo.busy().in_window().nanos()));
            prop_assert_eq!((pool.tally().rejected, pool.tally().present()), (fifo.rejected(), 0));
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Acquire,
        Release,
        Abandon,
        Cancel(u64),
        Resize(u32),
        Evict,
    }

    /// The obvious pool: a list of waiters, searched from the front.
    #[derive(Default)]
    struct Obvious {
        servers: usize,
        busy: usize,
        waiters: Vec<u64>,
        started: Vec<u64>,
    }

    impl Obvious {
        fn fill(&mut self) {
            while self.busy < self.servers && !self.waiters.is_empty() {
                self.started.push(self.waiters.remove(0));
                self.busy += 1;
            }
        }

        fn step(&mut self, step: Step, job: u64, places: usize) {
            match step {
                Step::Acquire if self.busy < self.servers || self.waiters.len() < places => {
                    self.waiters.push(job);
                }
                Step::Release | Step::Abandon => self.busy = self.busy.saturating_sub(1),
                Step::Cancel(job) => self.waiters.retain(|&waiter| waiter != job),
                Step::Resize(servers) => self.servers = servers as usize,
                Step::Evict => (self.busy, self.waiters) = (0, Vec::new()),
                Step::Acquire => {}
            }
            self.fill();
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => Just(Step::Acquire),
            3 => Just(Step::Release),
            1 => Just(Step::Abandon),
            3 => (0_u64..200).prop_map(Step::Cancel),
            1 => (0_u32..5).prop_map(Step::Resize),
            1 => Just(Step::Evict),
        ]
    }

    proptest! {
        #[test]
        fn waiters_start_in_the_order_of_the_obvious_pool(steps in prop::collection::vec(step(), 1..200), places in 0_u32..40) {
            let mut pool = Pool::new(Capacity::Limited(2), Capacity::Limited(places), Window::ALWAYS);
            let mut obvious = Obvious { servers: 2, ..Obvious::default() };
            let (mut tickets, mut started) = (std::collections::BTreeMap::new(), Vec::new());
            for (job, &step) in (0_u64..).zip(&steps) {
                let now = SimTime::from_nanos(job);
                match step {
                    Step::Acquire => match pool.acquire(now, job) {
                        Acquired::Started => started.push(job),
                        Acquired::Queued(ticket) => { tickets.insert(job, ticket); }
                        Acquired::Rejected => {}
                    },
                    Step::Release if pool.busy() > 0 => started.extend(pool.release(now)),
                    Step::Abandon if pool.busy() > 0 => started.extend(pool.abandon(now)),
                    Step::Cancel(job) => if let Some(&ticket) = tickets.get(&job) {
                        let waits = obvious.waiters.contains(&job);
                        prop_assert_eq!(pool.cancel(now, ticket), waits.then_some(job));
                    },
                    Step::Resize(servers) => pool.resize(now, Capacity::Limited(servers), &mut started),
                    Step::Evict => {
                        let mut evicted = Vec::new();
                        pool.evict(now, &mut evicted);
                        prop_assert_eq!(&evicted, &obvious.waiters);
                    }
                    Step::Release | Step::Abandon => {}
                }
                obvious.step(step, job, places as usize);
                prop_assert_eq!(&started, &obvious.started);
                prop_assert_eq!((pool.busy() as usize, pool.waiting() as usize), (obvious.busy, obvious.waiters.len()));
                prop_assert_eq!(pool.tally().present(), (obvious.busy + obvious.waiters.len()) as u64);
                prop_assert!(pool.queue.len() <= 2 * pool.waiting() as usize + 16);
            }
        }
    }

    #[test]
    fn an_unlimited_pool_never_queues() {
        let mut pool = Pool::new(Capacity::Unlimited, Capacity::Limited(0), Window::ALWAYS);
        assert!((0..1000).all(|job| pool.acquire(SimTime::ZERO, job) == Acquired::Started));
    }
}

//! A FIFO station of constant capacity whose departures are known on arrival.
//!
//! Nothing happens at a committed station between arrival and departure that the arrival does not already know, so one
//! event per visit is enough: the departure. Jobs cannot be withdrawn; use a [`Pool`](super::pool::Pool) for that.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Busy, Capacity, Rejected, Visit, Window};
use crate::units::{SimTime, Span};

/// `servers` equal servers and one FIFO queue with `places` waiting places.
///
/// Waiting places do not include the servers: an M/M/1/K queue has K − 1 of them.
///
/// ```
/// use sim::kernel::station::{Capacity, Fifo, Rejected, Window};
/// use sim::units::{SimTime, Span};
///
/// let mut station = Fifo::new(Capacity::Limited(1), Capacity::Limited(1), Window::ALWAYS);
/// let (now, demand) = (SimTime::ZERO, Span::from_millis(10));
/// assert_eq!(station.offer(now, demand).unwrap().done, SimTime::ZERO + Span::from_millis(10));
/// assert_eq!(station.offer(now, demand).unwrap().start, SimTime::ZERO + Span::from_millis(10));
/// assert_eq!(station.offer(now, demand), Err(Rejected));
/// ```
#[derive(Clone, Debug)]
pub struct Fifo {
    servers: Servers,
    queue: Option<WaitingPlaces>,
    busy: Busy,
    arrivals: u64,
    rejected: u64,
}

/// When each server becomes free.
#[derive(Clone, Debug)]
enum Servers {
    One(SimTime),
    Many(BinaryHeap<Reverse<SimTime>>),
    Unlimited,
}

impl Fifo {
    /// An empty station, all servers free, which counts busy time in `window`.
    ///
    /// # Panics
    /// When there are no servers.
    pub fn new(servers: Capacity, places: Capacity, window: Window) -> Self {
        let servers = match servers {
            Capacity::Limited(0) => panic!("a station has servers"),
            Capacity::Limited(1) => Servers::One(SimTime::ZERO),
            Capacity::Limited(count) => Servers::Many((0..count).map(|_| Reverse(SimTime::ZERO)).collect()),
            Capacity::Unlimited => Servers::Unlimited,
        };
        let queue = match places {
            Capacity::Limited(places) => {
                Some(WaitingPlaces { places: places as usize, starts: VecDeque::new() })
            }
            Capacity::Unlimited => None,
        };
        Self { servers, queue, busy: Busy::new(window), arrivals: 0, rejected: 0 }
    }

    /// A job of length `demand` arrives. Arrivals must come in the order of time.
    ///
    /// # Errors
    /// When no server is free and no waiting place either.
    #[inline]
    pub fn offer(&mut self, now: SimTime, demand: Span) -> Result<Visit, Rejected> {
        self.arrivals += 1;
        let start = self.earliest_start(now);
        if let Some(queue) = &mut self.queue
            && queue.take_place(now, start).is_err()
        {
            self.rejected += 1;
            return Err(Rejected);
        }
        let done = start + demand;
        match &mut self.servers {
            Servers::One(free_at) => *free_at = done,
            Servers::Many(free_at) => {
                if let Some(mut first) = free_at.peek_mut() {
                    *first = Reverse(done);
                }
            }
            Servers::Unlimited => {}
        }
        self.busy.add(start, done);
        Ok(Visit { start, done })
    }

    /// When a job that arrived now would start.
    #[inline]
    pub fn earliest_start(&self, now: SimTime) -> SimTime {
        match &self.servers {
            Servers::One(free_at) => now.max(*free_at),
            Servers::Many(free_at) => free_at.peek().map_or(now, |first| now.max(first.0)),
            Servers::Unlimited => now,
        }
    }

    /// Busy time of all servers, including what has been committed to but lies ahead.
    pub const fn busy(&self) -> &Busy {
        &self.busy
    }

    /// Busy time of all servers from the start up to `now`, which must not lie before the last arrival. `None` of
    /// unlimited servers: nobody keeps a list of them.
    pub fn busy_until(&self, now: SimTime) -> Option<Span> {
        // A server that is busy now works without a pause until it is free.
        let ahead = match &self.servers {
            Servers::One(free_at) => free_at.since(now),
            Servers::Many(free_at) => free_at.iter().map(|free_at| free_at.0.since(now)).sum(),
            Servers::Unlimited => return None,
        };
        Some(self.busy.total().saturating_sub(ahead))
    }

    /// Jobs offered.
    pub const fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Jobs turned away.
    pub const fn rejected(&self) -> u64 {
        self.rejected
    }
}

/// A bounded queue: the start times of the jobs that have not started yet, in FIFO and therefore ascending order.
#[derive(Clone, Debug)]
struct WaitingPlaces {
    places: usize,
    starts: VecDeque<SimTime>,
}

impl WaitingPlaces {
    fn take_place(&mut self, now: SimTime, start: SimTime) -> Result<(), Rejected> {
        while self.starts.front().is_some_and(|&first| first <= now) {
            self.starts.pop_front();
        }
        if start <= now {
            return Ok(());
        }
        if self.starts.len() >= self.places {
            return Err(Rejected);
        }
        self.starts.push_back(start);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The obvious station: every job of the past is remembered, and the state at an arrival is counted anew.
    fn obvious(servers: usize, places: usize, jobs: &[(u64, u64)]) -> Vec<Option<(u64, u64)>> {
        let mut visits: Vec<Option<(u64, u64)>> = Vec::new();
        for &(now, demand) in jobs {
            let taken: Vec<(u64, u64)> = visits.iter().flatten().copied().collect();
            let waiting = taken.iter().filter(|visit| visit.0 > now).count();
            let mut present: Vec<u64> =
                taken.iter().map(|visit| visit.1).filter(|&done| done > now).collect();
            present.sort_unstable_by(|a, b| b.cmp(a));
            // With n present and c servers, a new job starts when only c − 1 of them are left.
            let start = if present.len() < servers { now } else { present[servers - 1] };
            let accepted = start == now || waiting < places;
            visits.push(accepted.then_some((start, start + demand)));
        }
        visits
    }

    fn jobs() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0_u64..20, 0_u64..60), 1..80).prop_map(|gaps| {
            let mut now = 0;
            gaps.into_iter()
                .map(|(gap, demand)| {
                    now += gap;
                    (now, demand)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn departures_are_those_of_the_obvious_station(servers in 1_u32..5, places in 0_u32..6, unbounded: bool, jobs in jobs()) {
            let capacity = if unbounded { Capacity::Unlimited } else { Capacity::Limited(places) };
            let window = Window::new(SimTime::from_nanos(100), Span::from_nanos(300));
            let mut station = Fifo::new(Capacity::Limited(servers), capacity, window);
            let places = if unbounded { usize::MAX } else { places as usize };
            let expected = obvious(servers as usize, places, &jobs);
            let (mut busy, mut visits) = (0, Vec::new());
            for (&(now, demand), expected) in jobs.iter().zip(&expected) {
                let visit = station.offer(SimTime::from_nanos(now), Span::from_nanos(demand)).ok();
                prop_assert_eq!(visit.map(|visit| (visit.start.nanos(), visit.done.nanos())), *expected);
                busy += expected.map_or(0, |(start, done)| done.min(400).saturating_sub(start.max(100)));
                visits.extend(expected);
                let before = |&(start, done): &(u64, u64)| done.min(now) - start.min(now);
                let until_now = Span::from_nanos(visits.iter().map(before).sum());
                prop_assert_eq!(station.busy_until(SimTime::from_nanos(now)), Some(until_now));
            }
            prop_assert_eq!(station.busy().in_window().nanos(), busy);
            let rejected = expected.iter().filter(|visit| visit.is_none()).count();
            prop_assert_eq!((station.arrivals(), station.rejected()), (jobs.len() as u64, rejected as u64));
        }
    }

    #[test]
    fn unlimited_servers_never_make_a_job_wait() {
        let mut station = Fifo::new(Capacity::Unlimited, Capacity::Limited(0), Window::ALWAYS);
        for _ in 0..1000 {
            assert_eq!(
                station.offer(SimTime::ZERO, Span::from_seconds(1)).map(|visit| visit.start),
                Ok(SimTime::ZERO)
            );
        }
    }
}

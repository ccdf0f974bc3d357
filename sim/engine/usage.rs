//! How much of a backend's limits a client proxy uses, all its workers together: connections, pending calls, requests.
//!
//! As in Envoy, a pool without a connection may always open one: its calls would otherwise wait for ever.

use crate::program::Bounds;
use crate::units::SimTime;

/// Of a client proxy and a backend.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) bounds: Bounds,
    connections: u32,
    /// Connections by pool; those that have none may be missing at the end.
    of_pools: Vec<u32>,
    pending: u32,
    requests: u32,
    /// No connection will have been idle for too long before then.
    pub(super) look_again: SimTime,
}

impl Usage {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            connections: 0,
            of_pools: Vec::new(),
            pending: 0,
            requests: 0,
            look_again: SimTime::ZERO,
        }
    }

    /// A call is to wait for a connection. Returns whether it may.
    pub(super) fn wait(&mut self) -> bool {
        let may = self.pending < self.bounds.pending;
        self.pending += u32::from(may);
        may
    }

    /// A call waits no longer.
    pub(super) fn stop_waiting(&mut self) {
        self.pending -= 1;
    }

    /// A call is to go out on a connection. Returns whether it may.
    pub(super) fn begin(&mut self) -> bool {
        let may = self.requests < self.bounds.requests;
        self.requests += u32::from(may);
        may
    }

    /// A call is done with its connection.
    pub(super) fn end(&mut self) {
        self.requests -= 1;
    }

    /// Whether the pool may open a connection.
    pub(super) fn may_open(&self, pool: u32) -> bool {
        self.connections < self.bounds.connections
            || self.of_pools.get(pool as usize).is_none_or(|&open| open == 0)
    }

    /// Calls that wait for connections, and calls on them.
    pub(super) fn calls(&self) -> [u32; 2] {
        [self.pending, self.requests]
    }

    pub(super) fn opened(&mut self, pool: u32) {
        let pool = pool as usize;
        if pool >= self.of_pools.len() {
            self.of_pools.resize(pool + 1, 0);
        }
        self.of_pools[pool] += 1;
        self.connections += 1;
    }

    pub(super) fn closed(&mut self, pool: u32) {
        self.of_pools[pool as usize] -= 1;
        self.connections -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Bounds =
        Bounds { connections: 2, pending: 2, requests: 2, per_connection: 2, connect_timeout: u64::MAX };

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut usage = Usage::new(TWO);
        assert_eq!([usage.wait(), usage.wait(), usage.wait()], [true, true, false]);
        usage.stop_waiting();
        assert_eq!([usage.wait(), usage.wait()], [true, false]);
        assert_eq!([usage.begin(), usage.begin(), usage.begin()], [true, true, false]);
        usage.end();
        assert_eq!([usage.begin(), usage.begin()], [true, false]);
    }

    #[test]
    fn a_pool_without_a_connection_opens_one_whatever_the_limit() {
        let mut usage = Usage::new(TWO);
        usage.opened(0);
        usage.opened(0);
        assert_eq!([0, 1, 9].map(|pool| usage.may_open(pool)), [false, true, true]);
        usage.opened(1);
        usage.closed(0);
        assert_eq!([0, 1, 9].map(|pool| usage.may_open(pool)), [false, false, true], "two are open still");
        usage.closed(0);
        assert_eq!([0, 1, 9].map(|pool| usage.may_open(pool)), [true; 3]);
    }
}

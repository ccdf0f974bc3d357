//! A pool: the connections of one worker to one endpoint, or, where an endpoint is chosen per connection, to all; and
//! the calls that wait until one of them is ready.
//!
//! As in Envoy, a call that finds no ready connection becomes pending, and a connection is opened unless those being
//! opened will do for all that are pending. Whatever is ready first, a new connection or one that another call gives
//! back, takes the call that has waited longest.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::call::CallId;
use super::connection::ConnectionId;

#[derive(Debug, Default)]
pub(super) struct Pool {
    /// With one stream per connection those that are idle, last used last; else all that are ready.
    pub(super) connections: SmallVec<[ConnectionId; 4]>,
    /// There while a connection is being opened.
    opening: Option<Box<Pending>>,
}

#[derive(Debug, Default)]
struct Pending {
    /// Calls that wait for a connection, in the order in which they came.
    calls: VecDeque<CallId>,
    /// Connections being opened.
    connecting: usize,
}

impl Pool {
    /// A call waits, where no connection is ready that could take it. Returns the call for which a connection has to be
    /// opened, as [`Self::wants`] does.
    pub(super) fn wait(&mut self, call: CallId, streams: u32) -> Option<CallId> {
        self.opening.get_or_insert_default().calls.push_back(call);
        self.wants(streams)
    }

    /// The first call for which no connection is being opened, given that each will take so many at once. From now on
    /// one is.
    pub(super) fn wants(&mut self, streams: u32) -> Option<CallId> {
        let pending = self.opening.as_mut()?;
        let call = pending.calls.get(pending.connecting.saturating_mul(streams as usize)).copied();
        pending.connecting += usize::from(call.is_some());
        call
    }

    /// Whether calls wait, or have until just now.
    #[inline]
    pub(super) fn has_pending(&self) -> bool {
        self.opening.is_some()
    }

    /// Calls that wait.
    pub(super) fn pending(&self) -> usize {
        self.opening.as_ref().map_or(0, |pending| pending.calls.len())
    }

    /// The call that has waited longest; it still waits.
    pub(super) fn first(&self) -> Option<CallId> {
        self.opening.as_ref().and_then(|pending| pending.calls.front().copied())
    }

    /// A connection that was being opened is ready, and has not taken a call yet; or it is not opened after all.
    pub(super) fn connected(&mut self) {
        if let Some(pending) = &mut self.opening {
            pending.connecting -= 1;
        }
        self.forget_the_opened();
    }

    /// The call that has waited longest: it has a connection.
    #[inline]
    pub(super) fn next(&mut self) -> Option<CallId> {
        let pending = self.opening.as_mut()?;
        let next = pending.calls.pop_front();
        self.forget_the_opened();
        next
    }

    /// The call waits no longer.
    pub(super) fn cancel(&mut self, call: CallId) {
        if let Some(pending) = &mut self.opening
            && let Some(place) = pending.calls.iter().position(|&waiting| waiting == call)
        {
            pending.calls.remove(place);
        }
    }

    fn forget_the_opened(&mut self) {
        self.opening.take_if(|pending| pending.connecting == 0 && pending.calls.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_opened_than_what_is_pending_needs() {
        for (streams, opened) in [(1, [true; 6]), (2, [true, false, true, false, true, false])] {
            let mut pool = Pool::default();
            let opens: Vec<bool> = (0..6)
                .map(|call| {
                    pool.wait(CallId(call), streams)
                        .inspect(|&opens| assert_eq!(opens, CallId(call)))
                        .is_some()
                })
                .collect();
            assert_eq!(opens, opened, "{streams} streams");
        }
    }

    #[test]
    fn what_is_being_opened_serves_whoever_comes_after_the_call_it_was_for() {
        let mut pool = Pool::default();
        assert_eq!(pool.wait(CallId(0), 1), Some(CallId(0)));
        assert_eq!(pool.next(), Some(CallId(0)), "onto a connection that came back");
        assert_eq!(pool.wait(CallId(1), 1), None);
        assert_eq!(pool.wait(CallId(2), 1), Some(CallId(2)));
        pool.cancel(CallId(1));
        pool.connected();
        assert_eq!(pool.next(), Some(CallId(2)));
        pool.connected();
        assert_eq!(pool.next(), None);
        assert!(pool.opening.is_none());
    }

    #[test]
    fn a_connection_that_is_not_opened_is_wanted_again() {
        let mut pool = Pool::default();
        assert_eq!(pool.wants(1), None);
        for call in [0, 1] {
            assert_eq!(pool.wait(CallId(call), 1), Some(CallId(0)));
            pool.connected();
        }
        assert_eq!([pool.wants(1), pool.wants(1), pool.wants(1)], [Some(CallId(0)), Some(CallId(1)), None]);
        assert_eq!(
            (pool.first(), pool.next(), pool.first()),
            (Some(CallId(0)), Some(CallId(0)), Some(CallId(1)))
        );
    }
}

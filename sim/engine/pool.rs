//! A pool: the connections of one worker to one endpoint, or, where an endpoint is chosen per connection, to all; and
//! the calls that wait until one of them is ready.
//!
//! As in Envoy, a call that finds no ready connection becomes pending, and a connection is opened unless those being
//! opened will do for all that are pending. Whatever is ready first, a new connection or one that another call gives
//! back, takes the call that has waited longest.

use std::collections::VecDeque;

use super::call::CallId;
use super::connection::ConnectionId;

#[derive(Debug, Default)]
pub(super) struct Pool {
    /// With one stream per connection those that are idle, last used last; else all that are ready.
    pub(super) connections: Vec<ConnectionId>,
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
    /// A call waits, where no connection is ready that could take it. Returns whether a connection has to be opened,
    /// given that each will take so many calls at once.
    pub(super) fn wait(&mut self, call: CallId, streams: u32) -> bool {
        let pending = self.opening.get_or_insert_default();
        pending.calls.push_back(call);
        let opens = pending.calls.len() > pending.connecting.saturating_mul(streams as usize);
        pending.connecting += usize::from(opens);
        opens
    }

    /// A connection that was being opened is ready. It has not taken a call yet.
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
            let opens: Vec<bool> = (0..6).map(|call| pool.wait(CallId(call), streams)).collect();
            assert_eq!(opens, opened, "{streams} streams");
        }
    }

    #[test]
    fn what_is_being_opened_serves_whoever_comes_after_the_call_it_was_for() {
        let mut pool = Pool::default();
        assert!(pool.wait(CallId(0), 1));
        assert_eq!(pool.next(), Some(CallId(0)), "onto a connection that came back");
        assert!(!pool.wait(CallId(1), 1));
        assert!(pool.wait(CallId(2), 1));
        pool.cancel(CallId(1));
        pool.connected();
        assert_eq!(pool.next(), Some(CallId(2)));
        pool.connected();
        assert_eq!(pool.next(), None);
        assert!(pool.opening.is_none());
    }
}

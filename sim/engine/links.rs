//! The application's own connections on one edge: towards its proxy, or, without one, to the called pods.
//!
//! HTTP/1.1 and opaque connections carry one call at a time; HTTP/2 and gRPC clients open one connection and put all
//! calls on it until its streams are used up. A connection belongs to the worker of the proxy that accepted it.

use crate::program::route::RuleIdx;
use smallvec::SmallVec;

/// A connection of the application: its place among those of the edge.
pub(super) type LinkId = u32;

/// No connection.
pub(super) const NO_LINK: LinkId = u32::MAX;

/// The application's connections on one edge. Mostly they are few: they lie in what has them.
#[derive(Debug, Default)]
pub(super) struct Links {
    places: SmallVec<[Link; 2]>,
    /// Places of closed connections.
    free: Vec<LinkId>,
    /// Connections that carry one call at a time and none now, last used last.
    idle: SmallVec<[LinkId; 4]>,
    open: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    worker: u32,
    /// Calls on it.
    streams: u32,
    is_open: bool,
    /// Where its calls go, once that is drawn for all of them.
    target: Option<Drawn>,
}

/// A target of a route that was drawn for a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Drawn {
    /// By which rule.
    pub(super) rule: RuleIdx,
    /// Position among its targets.
    pub(super) target: u32,
}

/// A connection for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LinkTaken {
    Kept(LinkId),
    New(LinkId),
}

impl Links {
    /// A connection with room for one more call, or a new one unless `limit` are open; `None` if the call must wait.
    ///
    /// `streams` is how many calls one connection carries at once.
    #[inline]
    pub(super) fn take(&mut self, streams: u32, limit: u32) -> Option<LinkTaken> {
        if streams == 1 {
            if let Some(link) = self.idle.pop() {
                self.places[link as usize].streams = 1;
                return Some(LinkTaken::Kept(link));
            }
        } else if let Some(link) =
            self.places.iter().position(|place| place.is_open && place.streams < streams)
        {
            self.places[link].streams += 1;
            return Some(LinkTaken::Kept(link as LinkId));
        }
        if self.open == limit {
            return None;
        }
        self.open += 1;
        let link = Link { worker: 0, streams: 1, is_open: true, target: None };
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = link;
            return Some(LinkTaken::New(place));
        }
        self.places.push(link);
        Some(LinkTaken::New((self.places.len() - 1) as LinkId))
    }

    /// Says which worker of the proxy has accepted a new connection.
    pub(super) fn accepted(&mut self, link: LinkId, worker: u32) {
        self.places[link as usize].worker = worker;
    }

    /// The worker of the proxy that the connection belongs to.
    #[inline]
    pub(super) fn worker(&self, link: LinkId) -> u32 {
        self.places[link as usize].worker
    }

    /// Which of its route's targets the calls on a connection go to, where that is drawn for all of them.
    pub(super) fn target(&mut self, link: LinkId) -> &mut Option<Drawn> {
        &mut self.places[link as usize].target
    }

    /// All connections are closed; returns how many were open.
    pub(super) fn close_all(&mut self) -> u32 {
        let open = self.open;
        *self = Self::default();
        open
    }

    /// A call is over: its connection serves the next one if it is `kept`. Returns whether it was closed.
    #[inline]
    pub(super) fn release(&mut self, link: LinkId, streams: u32, kept: bool) -> bool {
        let place = &mut self.places[link as usize];
        place.streams -= 1;
        if !kept && place.streams == 0 {
            place.is_open = false;
            self.open -= 1;
            self.free.push(link);
            return true;
        }
        if streams == 1 {
            self.idle.push(link);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_at_a_time_takes_the_connection_used_last() {
        let mut links = Links::default();
        let [first, second] = [links.take(1, 2), links.take(1, 2)].map(|taken| match taken {
            Some(LinkTaken::New(link)) => link,
            other => panic!("{other:?} is not new"),
        });
        assert_eq!(links.take(1, 2), None, "both are in use");
        assert!(!links.release(second, 1, true));
        assert!(!links.release(first, 1, true));
        assert_eq!(links.take(1, 2), Some(LinkTaken::Kept(first)));
        assert!(links.release(first, 1, false), "closed");
        assert_eq!(links.take(1, 2), Some(LinkTaken::Kept(second)));
        assert_eq!(links.take(1, 2), Some(LinkTaken::New(first)), "its place is taken again");
    }

    #[test]
    fn multiplexed_calls_fill_one_connection_before_the_next_is_opened() {
        let mut links = Links::default();
        let Some(LinkTaken::New(first)) = links.take(2, 2) else { panic!("the first is new") };
        links.accepted(first, 7);
        assert_eq!(links.take(2, 2), Some(LinkTaken::Kept(first)));
        let Some(LinkTaken::New(second)) = links.take(2, 2) else { panic!("the first is full") };
        assert_eq!(links.take(2, 2), Some(LinkTaken::Kept(second)));
        assert_eq!(links.take(2, 2), None);
        assert!(!links.release(first, 2, true));
        assert_eq!(links.take(2, 2), Some(LinkTaken::Kept(first)));
        assert_eq!(links.worker(first), 7);
        assert!(!links.release(first, 2, false), "another call is still on it");
        assert!(links.release(first, 2, false));
    }
}

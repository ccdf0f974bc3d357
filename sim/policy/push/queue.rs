//! Proxies that wait to be pushed to.
//!
//! Follows pilot/pkg/xds/pushqueue.go and the dispatcher in discovery.go: first come, first served, with one pending
//! request per proxy, into which later ones are merged. What is asked for while a proxy is served waits until it is
//! done, and goes to the end of the queue then. So many proxies are served at once.

use std::collections::VecDeque;

use super::request::Merge;

/// Pushes at once of a replica with so many cores, unless told (`PILOT_PUSH_THROTTLE`); as many new streams a second
/// (`PILOT_MAX_REQUESTS_PER_SECOND`). From pilot/pkg/features/tuning.go.
pub const fn automatic_limit(cores: u32) -> u32 {
    let limit = cores.saturating_mul(5).saturating_add(15);
    if limit < 100 { limit } else { 100 }
}

/// Where a proxy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    Waiting,
    Served,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Proxy<R> {
    place: Place,
    pending: Option<R>,
    /// Tells its place in the queue from an earlier one, of a connection that is gone.
    connection: u32,
}

impl<R> Default for Proxy<R> {
    fn default() -> Self {
        Self { place: Place::Nowhere, pending: None, connection: 0 }
    }
}

/// The queue of one replica. Proxies are numbered from 0; memory grows to the highest number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushQueue<R> {
    proxies: Vec<Proxy<R>>,
    /// Proxies and their connections.
    queue: VecDeque<(u32, u32)>,
    waiting: u32,
    served: u32,
    limit: u32,
}

impl<R: Merge> PushQueue<R> {
    /// An empty queue from which so many proxies are served at once, at least one.
    pub fn new(limit: u32) -> Self {
        Self { proxies: Vec::new(), queue: VecDeque::new(), waiting: 0, served: 0, limit: limit.max(1) }
    }

    /// A proxy is to get this, with what it is to get already.
    pub fn enqueue(&mut self, proxy: u32, request: R) {
        let position = proxy as usize;
        if self.proxies.len() <= position {
            self.proxies.resize_with(position + 1, Proxy::default);
        }
        let entry = &mut self.proxies[position];
        match &mut entry.pending {
            Some(pending) => pending.merge(&request),
            None => entry.pending = Some(request),
        }
        if entry.place == Place::Nowhere {
            self.wait(proxy);
        }
    }

    /// Begins to serve the next proxy, if there is one and not too many are served. Returns it, and what it gets.
    ///
    /// # Panics
    /// Never: who waits has a request.
    pub fn serve(&mut self) -> Option<(u32, R)> {
        while self.served < self.limit {
            let (proxy, connection) = self.queue.pop_front()?;
            let entry = &mut self.proxies[proxy as usize];
            if entry.connection != connection {
                continue;
            }
            let request = entry.pending.take().expect("who waits has a request");
            entry.place = Place::Served;
            self.waiting -= 1;
            self.served += 1;
            return Some((proxy, request));
        }
        None
    }

    /// A proxy has been served. There may be room for another one: see [`Self::serve`].
    pub fn done(&mut self, proxy: u32) {
        let entry = &mut self.proxies[proxy as usize];
        debug_assert_eq!(entry.place, Place::Served, "it is served");
        entry.place = Place::Nowhere;
        self.served -= 1;
        if entry.pending.is_some() {
            self.wait(proxy);
        }
    }

    /// A proxy's connection is gone, and with it what it was to get; it makes room for another one
    /// if it was being served: see [`Self::serve`].
    pub fn disconnect(&mut self, proxy: u32) {
        let Some(entry) = self.proxies.get_mut(proxy as usize) else { return };
        entry.pending = None;
        match std::mem::take(&mut entry.place) {
            Place::Nowhere => {}
            Place::Waiting => self.waiting -= 1,
            Place::Served => self.served -= 1,
        }
        entry.connection = entry.connection.wrapping_add(1);
    }

    /// Proxies that wait.
    pub const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Proxies that are served.
    pub const fn served(&self) -> u32 {
        self.served
    }

    /// What a proxy is to get when its turn comes.
    pub fn pending(&self, proxy: u32) -> Option<&R> {
        self.proxies.get(proxy as usize)?.pending.as_ref()
    }

    fn wait(&mut self, proxy: u32) {
        let entry = &mut self.proxies[proxy as usize];
        entry.place = Place::Waiting;
        self.queue.push_back((proxy, entry.connection));
        self.waiting += 1;
    }
}

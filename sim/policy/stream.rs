//! How a control plane of streams (Linkerd's destination) gets endpoints to its proxies.
//!
//! A proxy asks for a service when it first sends to it, and has a stream from then on, which first says what is there
//! and then every change, one message each: there is no window and nothing is merged (linkerd2
//! controller/api/destination/server.go). So many messages wait for each stream; the stream whose queue is full when a
//! change comes is ended, and the proxy asks anew. A proxy that has not sent to a service for a while forgets it
//! (linkerd2-proxy linkerd/idle-cache); a stream is asked for anew after its lifetime, so that proxies spread over
//! replicas, and when it has said nothing for long (linkerd2-proxy linkerd/http/stream-timeouts).

#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

use crate::units::{SimTime, Span};

/// Limits of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Messages that wait for one stream at most (`DefaultStreamQueueCapacity`).
    pub capacity: u32,
    /// A service that a proxy has not sent to for so long is forgotten (`proxy.outboundDiscoveryCacheUnusedTimeout`).
    pub unused: Span,
    /// A stream is asked for anew when it has said nothing for so long (`proxy.control.streams.idleTimeout`).
    pub silence: Span,
    /// And when it is so old (`proxy.control.streams.lifetime`).
    pub lifetime: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capacity: 100,
            unused: Span::from_seconds(5),
            silence: Span::from_seconds(300),
            lifetime: Span::from_seconds(3600),
        }
    }
}

impl Settings {
    fn expiry(&self, opened: SimTime, heard: SimTime) -> SimTime {
        (opened + self.lifetime).min(heard + self.silence)
    }
}

/// A proxy's stream of a service, or the one it had: one that is forgotten stays so, though its place is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    place: u32,
    generation: u32,
}

/// What a use of a service comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The proxy knows the service already, or waits for it.
    Known(StreamId),
    /// The proxy asks for it: its first message waits, and [`Streams::expire`] is due at that time.
    Asked(StreamId, SimTime),
}

/// What becomes of a stream that may be as old, or silent, as it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It is forgotten, or has ended.
    Gone,
    /// It is neither: look again at that time.
    Later(SimTime),
    /// The proxy asks anew, and gets all there is: look again at that time.
    Asked(SimTime),
}

/// What a change does to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A message waits.
    Queued,
    /// The queue was full: the stream is ended, and what waited is lost. The proxy keeps what it has and calls
    /// [`Streams::reopen`] when it asks anew.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    generation: u32,
    proxy: u32,
    service: u32,
    /// Requests, connections and the like that keep the proxy from forgetting the service.
    users: u32,
    /// Since when there is none.
    unused: SimTime,
    opened: SimTime,
    /// When it said something last.
    heard: SimTime,
    /// Version that the next message brings, and that of the last one that waits.
    next: u64,
    last: u64,
    /// Place among the subscribers of its service; `None` if it is ended.
    position: Option<u32>,
}

impl Stream {
    const fn waiting(&self) -> u64 {
        self.last + 1 - self.next
    }
}

/// A service as the control plane knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Topic {
    version: u64,
    /// Places of its streams.
    subscribers: Vec<u32>,
}

/// Streams of all proxies. Services and proxies are numbers; memory grows to the streams there have been at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Streams {
    settings: Settings,
    topics: Vec<Topic>,
    /// A stream in each, or nothing where it is free.
    places: Vec<Option<Stream>>,
    free: Vec<(u32, u32)>,
    /// Place of the stream of a proxy and a service.
    known: FxHashMap<(u32, u32), u32>,
    /// Places of a change's subscribers, kept for its memory.
    told: Vec<u32>,
}

impl Streams {
    /// None, of so many services.
    pub fn new(settings: Settings, services: u32) -> Self {
        Self {
            settings,
            topics: vec![Topic::default(); services as usize],
            places: Vec::new(),
            free: Vec::new(),
            known: FxHashMap::default(),
            told: Vec::new(),
        }
    }

    /// A proxy begins to use a service: it has a request for it, or a connection.
    pub fn begin(&mut self, proxy: u32, service: u32, now: SimTime) -> Use {
        if let Some(&place) = self.known.get(&(proxy, service))
            && let Some(stream) = &mut self.places[place as usize]
        {
            stream.users += 1;
            return Use::Known(StreamId { place, generation: stream.generation });
        }
        let (place, generation) = self.free.pop().unwrap_or((self.places.len() as u32, 0));
        if self.places.len() == place as usize {
            self.places.push(None);
        }
        self.known.insert((proxy, service), place);
        self.places[place as usize] = Some(Stream {
            generation,
            proxy,
            service,
            users: 1,
            unused: now,
            opened: now,
            heard: now,
            next: 0,
            last: 0,
            position: None,
        });
        let id = StreamId { place, generation };
        Use::Asked(id, self.subscribe(id, now).unwrap_or(SimTime::MAX))
    }

    /// A use ends. After the last one [`Self::forget`] is due at the returned time.
    pub fn end(&mut self, id: StreamId, now: SimTime) -> Option<SimTime> {
        let unused = self.settings.unused;
        let stream = self.get_mut(id)?;
        debug_assert!(stream.users > 0, "it is used");
        stream.users -= 1;
        stream.unused = now;
        (stream.users == 0).then(|| now + unused)
    }

    /// Forgets a service that its proxy has not used for long enough. Returns whether it has.
    pub fn forget(&mut self, id: StreamId, now: SimTime) -> bool {
        let unused = self.settings.unused;
        match self.get(id) {
            Some(stream) if stream.users == 0 && stream.unused + unused <= now => self.drop(id),
            _ => false,
        }
    }

    /// A proxy is gone, and its stream with it, whoever uses it. Returns whether there was one.
    pub fn drop(&mut self, id: StreamId) -> bool {
        let Some(&Stream { proxy, service, .. }) = self.get(id) else { return false };
        self.unsubscribe(id);
        self.known.remove(&(proxy, service));
        self.places[id.place as usize] = None;
        self.free.push((id.place, id.generation.wrapping_add(1)));
        true
    }

    /// A service's endpoints have changed: every stream of it gets a message. Tells of each what came of it.
    pub fn publish(&mut self, service: u32, mut tell: impl FnMut(StreamId, Change)) {
        let topic = &mut self.topics[service as usize];
        topic.version += 1;
        let version = topic.version;
        let mut told = std::mem::take(&mut self.told);
        told.clone_from(&topic.subscribers);
        for &place in &told {
            let Some(stream) = &mut self.places[place as usize] else { continue };
            let id = StreamId { place, generation: stream.generation };
            if stream.waiting() < u64::from(self.settings.capacity) {
                stream.last = version;
                tell(id, Change::Queued);
            } else {
                self.unsubscribe(id);
                tell(id, Change::Ended);
            }
        }
        self.told = told;
    }

    /// Takes the message that is sent next, if one waits. Returns the version of the service it brings the proxy to.
    pub fn send(&mut self, id: StreamId, now: SimTime) -> Option<u64> {
        let stream = self.get_mut(id).filter(|stream| stream.position.is_some() && stream.waiting() > 0)?;
        let version = stream.next;
        stream.next += 1;
        stream.heard = now;
        Some(version)
    }

    /// Looks whether a stream is as old or silent as it becomes.
    pub fn expire(&mut self, id: StreamId, now: SimTime) -> Expiry {
        let Some(stream) = self.get(id).filter(|stream| stream.position.is_some()) else {
            return Expiry::Gone;
        };
        let due = self.settings.expiry(stream.opened, stream.heard);
        if due > now {
            return Expiry::Later(due);
        }
        self.unsubscribe(id);
        self.subscribe(id, now).map_or(Expiry::Gone, Expiry::Asked)
    }

    /// A proxy whose stream has ended asks anew. Returns when the new one expires; `None` if it is forgotten.
    pub fn reopen(&mut self, id: StreamId, now: SimTime) -> Option<SimTime> {
        self.get(id).filter(|stream| stream.position.is_none())?;
        self.subscribe(id, now)
    }

    /// Messages that wait for a stream.
    pub fn waiting(&self, id: StreamId) -> u64 {
        self.get(id).filter(|stream| stream.position.is_some()).map_or(0, Stream::waiting)
    }

    /// How many changes a service has seen.
    pub fn version(&self, service: u32) -> u64 {
        self.topics[service as usize].version
    }

    /// Streams of a service.
    pub fn subscribers(&self, service: u32) -> u32 {
        self.topics[service as usize].subscribers.len() as u32
    }

    /// Services that proxies know, one for each proxy.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nobody knows anything.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn get(&self, id: StreamId) -> Option<&Stream> {
        self.places.get(id.place as usize)?.as_ref().filter(|stream| stream.generation == id.generation)
    }

    fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.places.get_mut(id.place as usize)?.as_mut().filter(|stream| stream.generation == id.generation)
    }

    fn subscribe(&mut self, id: StreamId, now: SimTime) -> Option<SimTime> {
        let expiry = self.settings.expiry(now, now);
        let service = self.get(id)?.service;
        let topic = &mut self.topics[service as usize];
        let (version, position) = (topic.version, topic.subscribers.len() as u32);
        topic.subscribers.push(id.place);
        let stream = self.get_mut(id)?;
        // The first message says all there is.
        (stream.next, stream.last) = (version, version);
        (stream.opened, stream.heard, stream.position) = (now, now, Some(position));
        Some(expiry)
    }

    fn unsubscribe(&mut self, id: StreamId) {
        let Some(stream) = self.get_mut(id) else { return };
        let (service, Some(position)) = (stream.service, stream.position.take()) else { return };
        let subscribers = &mut self.topics[service as usize].subscribers;
        subscribers.swap_remove(position as usize);
        if let Some(&moved) = subscribers.get(position as usize)
            && let Some(moved) = &mut self.places[moved as usize]
        {
            moved.position = Some(position);
        }
    }
}

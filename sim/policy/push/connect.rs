//! How proxies come to be connected to a replica of their control plane, and how long they stay.

use super::super::backoff::Pauses;
use crate::kernel::Uniform;
use crate::units::{Ratio, SimTime, Span};

/// How often a replica lets new streams in, one after the other.
///
/// As `WaitForRequestLimit` in pilot/pkg/xds/discovery.go with a burst of one: who would have to wait longer than the
/// patience is refused at once and takes no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    /// Time between two streams; none is no limit.
    interval: Span,
    patience: Span,
    /// Earliest time of the next turn.
    next: SimTime,
}

impl RequestLimit {
    /// So many a second (0 is no limit), of which one may wait a second.
    pub fn new(per_second: u32) -> Self {
        let interval = 1_000_000_000_u64.checked_div(per_second.into()).map_or(Span::ZERO, Span::from_nanos);
        Self { interval, patience: Span::from_seconds(1), next: SimTime::ZERO }
    }

    /// A proxy wants a stream. Returns when it gets it; `None` if it is refused.
    pub fn admit(&mut self, now: SimTime) -> Option<SimTime> {
        let turn = self.next.max(now);
        if turn.since(now) > self.patience {
            return None;
        }
        self.next = turn + self.interval;
        Some(turn)
    }
}

/// How long a connection lasts (gRPC's `MaxConnectionAge`), so that proxies spread over new replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConnectionAge {
    /// On average.
    pub age: Span,
    /// Uniform share by which it is shorter or longer at most; a tenth in grpc-go
    /// (internal/transport/http2_server.go).
    pub jitter: Ratio,
    /// How long streams may go on after it.
    pub grace: Span,
}

impl Default for ConnectionAge {
    /// Istio's: 30 min, ten seconds' grace (charts istio-discovery/values.yaml).
    fn default() -> Self {
        let jitter = Ratio::new(0.1).expect("a ratio");
        Self { age: Span::from_seconds(1800), jitter, grace: Span::from_seconds(10) }
    }
}

impl ConnectionAge {
    /// When a connection of `now` is told to go. xDS streams never end by themselves: they are cut off at the end of
    /// the grace.
    pub fn end<U: Uniform>(&self, now: SimTime, uniform: &mut U) -> SimTime {
        let share = 1.0 + self.jitter.value() * (2.0 * uniform.unit() - 1.0);
        now + self.age.scale(share)
    }
}

/// Pauses of a client between attempts to connect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnect {
    pauses: Pauses,
    /// After a stream that the server has ended in order.
    after_end: Option<Span>,
    failures: u32,
}

impl Reconnect {
    /// ztunnel (src/xds/client.rs): from 20 ms doubling to 15 s, without jitter; 10 ms after a stream that has ended.
    pub const fn ztunnel() -> Self {
        let (min, max) = (Span::from_millis(20), Span::from_seconds(15));
        let pauses = Pauses::Exponential { min, max, jitter: Ratio::ZERO };
        Self { pauses, after_end: Some(Span::from_millis(10)), failures: 0 }
    }

    /// Envoy's xDS client (source/extensions/config_subscription/grpc): 0.5 s doubling to 30 s, fully jittered.
    pub const fn envoy() -> Self {
        let pauses = Pauses::FullJitter { base: Span::from_millis(500), max: Span::from_seconds(30) };
        Self { pauses, after_end: None, failures: 0 }
    }

    /// It could not connect, or was refused: how long it waits.
    pub fn failed<U: Uniform>(&mut self, uniform: &mut U) -> Span {
        self.failures = self.failures.saturating_add(1);
        self.pauses.pause(self.failures, uniform)
    }

    /// Its stream has ended: how long it waits.
    pub fn ended<U: Uniform>(&mut self, uniform: &mut U) -> Span {
        self.failures = 0;
        self.after_end.unwrap_or_else(|| self.pauses.pause(1, uniform))
    }
}

/// Which proxy is connected to which replica. A new connection goes to any ready replica with equal chance, as
/// kube-proxy sends it (iptables): nobody is moved to even out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// The replica of each proxy.
    replica: Vec<Option<u32>>,
    /// Replicas that take connections, ascending.
    ready: Vec<u32>,
    /// Connections of each replica.
    counts: Vec<u32>,
}

impl Spread {
    /// Nobody connected, so many replicas ready.
    pub fn new(replicas: u32) -> Self {
        Self { replica: Vec::new(), ready: (0..replicas).collect(), counts: vec![0; replicas as usize] }
    }

    /// A replica takes connections from here on.
    pub fn add(&mut self, replica: u32) {
        if let Err(position) = self.ready.binary_search(&replica) {
            self.ready.insert(position, replica);
        }
        if self.counts.len() <= replica as usize {
            self.counts.resize(replica as usize + 1, 0);
        }
    }

    /// A replica takes no connections from here on. Those that it has stay.
    pub fn remove(&mut self, replica: u32) {
        if let Ok(position) = self.ready.binary_search(&replica) {
            self.ready.remove(position);
        }
    }

    /// Connects a proxy, which is not connected, to a ready replica; `None` if there is none.
    pub fn connect<U: Uniform>(&mut self, proxy: u32, uniform: &mut U) -> Option<u32> {
        if self.ready.is_empty() {
            return None;
        }
        let replica = self.ready[uniform.below(self.ready.len() as u32) as usize];
        if self.replica.len() <= proxy as usize {
            self.replica.resize(proxy as usize + 1, None);
        }
        let place = &mut self.replica[proxy as usize];
        debug_assert!(place.is_none(), "it is not connected");
        *place = Some(replica);
        self.counts[replica as usize] += 1;
        Some(replica)
    }

    /// A proxy's connection is gone. Returns the replica it was to.
    pub fn disconnect(&mut self, proxy: u32) -> Option<u32> {
        let replica = self.replica.get_mut(proxy as usize)?.take()?;
        self.counts[replica as usize] -= 1;
        Some(replica)
    }

    /// The replica that a proxy is connected to.
    pub fn replica(&self, proxy: u32) -> Option<u32> {
        self.replica.get(proxy as usize).copied().flatten()
    }

    /// Connections of a replica.
    pub fn connections(&self, replica: u32) -> u32 {
        self.counts.get(replica as usize).copied().unwrap_or(0)
    }

    /// A replica has died: it takes no connections, and its proxies, ascending, are added to `lost`.
    pub fn kill(&mut self, replica: u32, lost: &mut Vec<u32>) {
        self.remove(replica);
        for (proxy, place) in self.replica.iter_mut().enumerate() {
            if *place == Some(replica) {
                *place = None;
                lost.push(proxy as u32);
            }
        }
        if let Some(count) = self.counts.get_mut(replica as usize) {
            *count = 0;
        }
    }
}

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

    /// Linkerd's proxy (linkerd/app/src/env.rs: that of its outbound connections, which `dst.rs` takes for streams too): from
    /// 100 ms doubling to 500 ms, longer by a tenth at most.
    ///
    /// # Panics
    /// Never: a tenth is a ratio.
    pub fn linkerd() -> Self {
        let (min, max) = (Span::from_millis(100), Span::from_millis(500));
        let jitter = Ratio::new(0.1).expect("a ratio");
        Self { pauses: Pauses::Exponential { min, max, jitter }, after_end: None, failures: 0 }
    }

    /// It is connected, and has what it asked for: what failed before is forgotten.
    pub const fn connected(&mut self) {
        self.failures = 0;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rng::{Purpose, Stream};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn stream() -> Stream {
        Stream::new(1, Purpose(1), "connect", 0)
    }

    fn millis(millis: u64) -> SimTime {
        SimTime::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn a_storm_gets_in_at_the_rate_and_the_rest_is_refused() {
        // 2000 proxies at once, 20 a second: 21 in the first second, the others come back.
        let mut limit = RequestLimit::new(20);
        let admitted = (0..2000).filter_map(|_| limit.admit(SimTime::ZERO)).collect::<Vec<_>>();
        assert_eq!(admitted.len(), 21);
        assert_eq!(admitted[20], millis(1000));
        assert!((0..2000).all(|_| RequestLimit::new(0).admit(millis(7)) == Some(millis(7))));
    }

    #[test]
    fn ages_scatter_by_a_tenth_and_spread_proxies_anew() {
        let (age, mut uniform) = (ConnectionAge::default(), stream());
        let ages: Vec<f64> = (0..20_000).map(|_| age.end(SimTime::ZERO, &mut uniform).seconds()).collect();
        assert!(ages.iter().all(|age| (1620.0..1980.0).contains(age)));
        let mean = ages.iter().sum::<f64>() / 20_000.0;
        // Standard error: 360 / sqrt(12 · 20000) = 0.73.
        assert!((mean - 1800.0).abs() < 3.0, "{mean}");
        assert!(ages.iter().filter(|&&age| age < 1710.0).count().abs_diff(5000) < 300);
        let mut spread = Spread::new(1);
        for proxy in 0..3000 {
            spread.connect(proxy, &mut uniform);
        }
        spread.add(1);
        spread.add(2);
        assert_eq!([0, 1, 2].map(|replica| spread.connections(replica)), [3000, 0, 0], "nobody is moved");
        for proxy in 0..3000 {
            spread.disconnect(proxy);
            spread.connect(proxy, &mut uniform);
        }
        assert!((0..3).all(|replica| spread.connections(replica).abs_diff(1000) < 120), "{spread:?}");
    }

    #[test]
    fn clients_come_back_as_theirs_do() {
        let mut uniform = stream();
        let mut ztunnel = Reconnect::ztunnel();
        let pauses: Vec<u64> = (0..12).map(|_| ztunnel.failed(&mut uniform).nanos() / 1_000_000).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 15_000, 15_000]);
        assert_eq!(ztunnel.ended(&mut uniform), Span::from_millis(10));
        assert_eq!(ztunnel.failed(&mut uniform), Span::from_millis(20));
        let mut envoy = Reconnect::envoy();
        let bounds = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        for bound in bounds {
            assert!(envoy.failed(&mut uniform) < Span::from_millis(bound));
        }
        assert!(envoy.ended(&mut uniform) < Span::from_millis(500));
        let mut linkerd = Reconnect::linkerd();
        for bound in [100, 200, 400, 500, 500] {
            let pause = linkerd.failed(&mut uniform);
            let most = (bound * 11 / 10).min(500);
            assert!((Span::from_millis(bound)..=Span::from_millis(most)).contains(&pause), "{pause}");
        }
        linkerd.connected();
        assert!(linkerd.failed(&mut uniform) <= Span::from_millis(110));
    }

    proptest! {
        #[test]
        fn streams_get_in_as_from_a_bucket_of_one(
            per_second in 1_u32..60,
            gaps in prop::collection::vec(prop_oneof![3 => 0_u64..30, 1 => 0_u64..1500], 1..200),
        ) {
            // The twin fills a bucket of one token, which may be overdrawn by what comes within the patience.
            let mut limit = RequestLimit::new(per_second);
            let interval = i128::from(1_000_000_000 / per_second);
            let (mut tokens, mut now) = (interval, 0_u64);
            for gap in gaps {
                now += gap;
                tokens = (tokens + i128::from(gap) * 1_000_000).min(interval);
                let wait = (interval - tokens).max(0);
                let expected = (wait <= 1_000_000_000).then(|| millis(now) + Span::from_nanos(wait as u64));
                prop_assert_eq!(limit.admit(millis(now)), expected);
                if expected.is_some() {
                    tokens -= interval;
                }
            }
        }

        #[test]
        fn connections_are_where_the_twin_has_them(events in prop::collection::vec((0_u8..9, 0_u32..12), 1..200)) {
            let (mut spread, mut uniform) = (Spread::new(2), stream());
            let (mut twin, mut ready) = (BTreeMap::new(), vec![0, 1]);
            for (kind, number) in events {
                let replica = number % 4;
                match kind {
                    0..=4 if !twin.contains_key(&number) => {
                        let replica = spread.connect(number, &mut uniform);
                        prop_assert_eq!(replica.is_some(), !ready.is_empty());
                        if let Some(replica) = replica {
                            prop_assert!(ready.contains(&replica));
                            twin.insert(number, replica);
                        }
                    }
                    5 => prop_assert_eq!(spread.disconnect(number), twin.remove(&number)),
                    6 => {
                        spread.add(replica);
                        ready.retain(|&other| other != replica);
                        ready.push(replica);
                    }
                    7 => {
                        spread.remove(replica);
                        ready.retain(|&other| other != replica);
                    }
                    8 => {
                        let mut lost = Vec::new();
                        spread.kill(replica, &mut lost);
                        ready.retain(|&other| other != replica);
                        let expected: Vec<u32> = twin.iter().filter(|entry| *entry.1 == replica).map(|entry| *entry.0).collect();
                        prop_assert_eq!(lost, expected);
                        twin.retain(|_, other| *other != replica);
                    }
                    _ => {}
                }
                for replica in 0..4 {
                    let count = twin.values().filter(|&&other| other == replica).count();
                    prop_assert_eq!(spread.connections(replica) as usize, count);
                }
                prop_assert_eq!(spread.replica(number), twin.get(&number).copied());
            }
        }
    }
}

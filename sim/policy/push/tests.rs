//! Each rule by hand, each machine against its obvious twin, and all of them together on random changes: every change
//! reaches every connected proxy once, alone or merged, and nobody is left behind.

use std::collections::{BTreeMap, VecDeque};

use super::connect::{ConnectionAge, Reconnect, RequestLimit, Spread};
use super::queue::{PushQueue, automatic_limit};
use super::request::{Merge, PushLog, PushRequest, Pushes, Trigger};
use super::window::{Gathered, Next, Settings, Window};
use crate::kernel::rng::{Purpose, Stream};
use crate::units::{SimTime, Span};
use proptest::prelude::*;

fn millis(millis: u64) -> SimTime {
    SimTime::ZERO + Span::from_millis(millis)
}

fn stream() -> Stream {
    Stream::new(1, Purpose(1), "push", 0)
}

/// Drives a window through changes and says when it pushes what; builds take so long.
fn pushes(changes: &[u64], build: u64) -> Vec<(u64, u32)> {
    let mut window = Window::new(Settings::default());
    let (mut timer, mut built, mut pushes) = (None, None, Vec::new());
    let mut changes: VecDeque<u64> = changes.iter().copied().collect();
    loop {
        let due = [changes.front().copied(), timer, built].into_iter().flatten().min();
        let Some(now) = due else { return pushes };
        let next = if built == Some(now) {
            built = None;
            window.on_built(millis(now))
        } else if changes.front() == Some(&now) {
            changes.pop_front();
            window.on_change(millis(now))
        } else {
            timer = None;
            window.on_timer(millis(now))
        };
        match next {
            Next::Nothing => {}
            Next::Wait(until) => timer = Some(until.since(SimTime::ZERO).nanos() / 1_000_000),
            Next::Push(Gathered { changes, .. }) => {
                assert!(built.is_none(), "one build at a time");
                built = Some(now + build);
                pushes.push((now, changes));
            }
        }
    }
}

#[test]
fn a_push_waits_for_quiet() {
    assert_eq!(pushes(&[0], 1), [(100, 1)]);
    assert_eq!(pushes(&[0, 99], 1), [(199, 2)]);
    // The timer of 100 goes off first: changes of that instant belong to the next push if they come after it.
    assert_eq!(pushes(&[0, 101], 1), [(100, 1), (201, 1)]);
    assert_eq!(pushes(&[0, 50, 120, 200, 290], 1), [(390, 5)]);
}

#[test]
fn under_constant_change_a_push_comes_every_ten_seconds() {
    let constant: Vec<u64> = (0..2000).map(|number| 15 * number).collect();
    let times: Vec<u64> = pushes(&constant, 200).iter().map(|push| push.0).collect();
    // The timer goes off a quiet time after the latest change of when it was set: up to 100 ms late.
    assert!((10_000..10_100).contains(&times[0]), "{times:?}");
    assert!((10_000..10_310).contains(&(times[1] - times[0])), "{times:?}");
}

#[test]
fn what_comes_during_a_build_waits_for_it() {
    // 150 to 300 come during the build of 100..600; at 600 it has been quiet for long.
    assert_eq!(pushes(&[0, 150, 300], 500), [(100, 1), (600, 2)]);
    // At 600 it has been quiet for 40 ms only.
    assert_eq!(pushes(&[0, 150, 560], 500), [(100, 1), (660, 2)]);
    // A build longer than the longest window: the next one follows at once.
    assert_eq!(pushes(&[0, 5_000, 20_099], 20_000), [(100, 1), (20_100, 2)]);
}

proptest! {
    #[test]
    fn pushes_are_those_of_the_twin_that_looks_every_millisecond(
        gaps in prop::collection::vec(prop_oneof![6 => 1_u64..130, 1 => 1_u64..3000], 1..250),
        build in 1_u64..900,
    ) {
        let changes: Vec<u64> = gaps.iter().scan(0, |time, gap| { *time += gap; Some(*time) }).collect();
        // The twin: when it looks is not told by timers, but found by looking at the rule every millisecond.
        let (mut twin, mut pending, mut look, mut free_at) = (Vec::new(), Vec::<u64>::new(), None, 0_u64);
        let mut at = changes.iter().copied().peekable();
        let mut was_free = true;
        for now in 0..changes.last().expect("a change") + 12_000 + build {
            let frees = !was_free && now == free_at;
            was_free |= frees;
            let is_timer = look == Some(now) && was_free;
            let has_changed = at.next_if_eq(&now).is_some();
            // A change of the same instant as the timer or a finished build comes after the build and before the timer.
            let mut check = |pending: &mut Vec<u64>, look: &mut Option<u64>| {
                let (Some(&first), Some(&latest)) = (pending.first(), pending.last()) else { return };
                if now - first >= 10_000 || now - latest >= 100 {
                    twin.push((now, pending.len() as u32));
                    (was_free, free_at, *look) = (false, now + build, None);
                    pending.clear();
                } else {
                    *look = Some(latest + 100);
                }
            };
            if frees {
                check(&mut pending, &mut look);
            }
            if has_changed {
                pending.push(now);
                if pending.len() == 1 {
                    look = Some(now + 100);
                }
            }
            if is_timer && look == Some(now) {
                check(&mut pending, &mut look);
            }
        }
        prop_assert_eq!(pushes(&changes, build), twin);
    }
}

#[test]
fn a_merged_request_says_what_all_of_them_say() {
    let endpoints = PushRequest::of(Trigger::Endpoint, false, &[7, 3, 7], millis(20));
    assert_eq!(endpoints.changed(), [3, 7]);
    assert!(endpoints.concerns(&[1, 2, 7, 9]) && !endpoints.concerns(&[1, 2, 9]) && !endpoints.concerns(&[]));
    let mut merged = endpoints.clone();
    merged.merge(&PushRequest::of(Trigger::Endpoint, false, &[3], millis(10)));
    assert!(!merged.is_full && merged.since == Some(millis(10)) && merged.count(Trigger::Endpoint) == 2);
    merged.merge(&PushRequest::of(Trigger::Configuration, true, &[1], millis(30)));
    assert!(merged.is_full && !merged.is_forced && merged.changed() == [1, 3, 7]);
    merged.merge(&PushRequest::forced(Trigger::Global, millis(40)));
    assert!(merged.is_forced && merged.concerns(&[]) && merged.changes() == 4);
    assert!(PushRequest::of(Trigger::Service, true, &[9], millis(0)).is_full);
    let all: Vec<u32> = Trigger::ALL.iter().map(|&trigger| merged.count(trigger)).collect();
    assert_eq!(all, [2, 0, 1, 0, 0, 1, 0]);
    merged.clear();
    assert_eq!(merged, PushRequest::default());
}

#[test]
fn the_limit_grows_with_cores() {
    assert_eq!([0, 1, 2, 4, 16, 17, 64].map(automatic_limit), [15, 20, 25, 35, 95, 100, 100]);
}

/// Requests by number, in the order in which they were made.
#[derive(Clone, Debug, PartialEq)]
struct Numbers(Vec<u32>);

impl Merge for Numbers {
    fn merge(&mut self, newer: &Self) {
        self.0.extend_from_slice(&newer.0);
    }
}

#[test]
fn who_is_served_waits_for_the_end_of_the_queue() {
    let mut queue = PushQueue::new(2);
    for (number, proxy) in [4, 2, 4, 1, 2].into_iter().enumerate() {
        queue.enqueue(proxy, Numbers(vec![number as u32]));
    }
    assert_eq!(queue.waiting(), 3);
    assert_eq!(queue.serve(), Some((4, Numbers(vec![0, 2]))));
    assert_eq!(queue.serve(), Some((2, Numbers(vec![1, 4]))));
    assert_eq!((queue.serve(), queue.served()), (None, 2), "two at once");
    queue.enqueue(4, Numbers(vec![5]));
    queue.enqueue(4, Numbers(vec![6]));
    queue.enqueue(3, Numbers(vec![7]));
    queue.done(4);
    assert_eq!(queue.serve(), Some((1, Numbers(vec![3]))));
    queue.done(1);
    assert_eq!(queue.serve(), Some((3, Numbers(vec![7]))), "4 was added when it was done");
    queue.done(2);
    assert_eq!(queue.serve(), Some((4, Numbers(vec![5, 6]))));
    queue.disconnect(4);
    queue.done(3);
    assert_eq!((queue.serve(), queue.served(), queue.waiting()), (None, 0, 0));
}

/// The obvious twin: istiod's maps, and a list of who waits.
#[derive(Default)]
struct Maps {
    waiting: Vec<u32>,
    pending: BTreeMap<u32, Vec<u32>>,
    served: BTreeMap<u32, Vec<u32>>,
}

proptest! {
    #[test]
    fn the_queue_is_that_of_the_twin_with_maps(
        limit in 1_u32..4,
        events in prop::collection::vec((0_u8..10, 0_u32..6), 1..300),
    ) {
        let (mut queue, mut twin) = (PushQueue::new(limit), Maps::default());
        let (mut made, mut owed): (u32, BTreeMap<u32, Vec<u32>>) = (0, BTreeMap::new());
        for (kind, proxy) in events {
            match kind {
                0..=4 => {
                    queue.enqueue(proxy, Numbers(vec![made]));
                    owed.entry(proxy).or_default().push(made);
                    if let Some(later) = twin.served.get_mut(&proxy) {
                        later.push(made);
                    } else {
                        if !twin.pending.contains_key(&proxy) {
                            twin.waiting.push(proxy);
                        }
                        twin.pending.entry(proxy).or_default().push(made);
                    }
                    made += 1;
                }
                5 | 6 => {
                    let expected = if twin.served.len() < limit as usize && !twin.waiting.is_empty() {
                        let proxy = twin.waiting.remove(0);
                        twin.served.insert(proxy, Vec::new());
                        Some((proxy, Numbers(twin.pending.remove(&proxy).expect("it waits"))))
                    } else {
                        None
                    };
                    let next = queue.serve();
                    prop_assert_eq!(&next, &expected);
                    if let Some((proxy, Numbers(numbers))) = next {
                        // Exactly what it was owed, each once and in order.
                        prop_assert_eq!(owed.remove(&proxy), Some(numbers));
                    }
                }
                7 | 8 => {
                    if let Some(later) = twin.served.remove(&proxy) {
                        queue.done(proxy);
                        if !later.is_empty() {
                            twin.waiting.push(proxy);
                            twin.pending.insert(proxy, later);
                        }
                    }
                }
                _ => {
                    queue.disconnect(proxy);
                    owed.remove(&proxy);
                    twin.waiting.retain(|&other| other != proxy);
                    twin.pending.remove(&proxy);
                    twin.served.remove(&proxy);
                }
            }
            prop_assert_eq!(queue.waiting() as usize, twin.waiting.len());
            prop_assert_eq!(queue.served() as usize, twin.served.len());
        }
    }
}

/// A control plane of one replica: everything in this folder together, and what each proxy has.
struct World {
    window: Window,
    pending: PushRequest,
    log: PushLog,
    queue: PushQueue<Pushes>,
    /// Version of each connected proxy.
    has: BTreeMap<u32, u64>,
    /// Times of what is to come: the window's timer, the build, and proxies' ends of service with what they get.
    timer: Option<SimTime>,
    built: Option<SimTime>,
    serving: BTreeMap<u32, (SimTime, Pushes)>,
    /// Service that each change was of, and how many changes each version says.
    changes: Vec<u32>,
    said: Vec<u32>,
}

impl World {
    fn new() -> Self {
        Self {
            window: Window::new(Settings::default()),
            pending: PushRequest::default(),
            log: PushLog::default(),
            queue: PushQueue::new(2),
            has: BTreeMap::new(),
            timer: None,
            built: None,
            serving: BTreeMap::new(),
            changes: Vec::new(),
            said: Vec::new(),
        }
    }

    fn change(&mut self, service: u32, now: SimTime) {
        self.changes.push(service);
        self.pending.merge(&PushRequest::of(Trigger::Endpoint, false, &[service], now));
        let next = self.window.on_change(now);
        self.apply(next, now, Span::ZERO);
    }

    fn connect(&mut self, proxy: u32) {
        // It gets what is there at that time.
        self.has.entry(proxy).or_insert(self.log.latest());
    }

    fn disconnect(&mut self, proxy: u32) {
        self.has.remove(&proxy);
        self.serving.remove(&proxy);
        self.queue.disconnect(proxy);
    }

    fn apply(&mut self, next: Next, now: SimTime, build: Span) {
        match next {
            Next::Nothing => {}
            Next::Wait(until) => self.timer = Some(until),
            Next::Push(gathered) => {
                assert_eq!(gathered.changes, self.pending.changes());
                self.said.push(gathered.changes);
                // What is built is what was gathered: later changes belong to the next.
                self.log.push(&mut self.pending);
                assert_eq!(self.pending, PushRequest::default());
                self.built = Some(now + build);
            }
        }
    }

    /// Lets everything happen until then.
    fn advance(&mut self, until: SimTime, service: Span, build: Span) {
        loop {
            let ends = self.serving.iter().map(|(&proxy, &(at, _))| (at, Some(proxy)));
            let others = [self.timer, self.built].into_iter().flatten().map(|at| (at, None));
            let Some((now, proxy)) = ends.chain(others).min().filter(|(at, _)| *at <= until) else { return };
            if let Some(proxy) = proxy {
                let (_, pushes) = self.serving.remove(&proxy).expect("it is served");
                let has = self.has.get_mut(&proxy).expect("it is connected");
                // No push twice, none left out, never back.
                assert_eq!(pushes.first, *has + 1);
                assert!(pushes.last >= pushes.first);
                *has = pushes.last;
                self.queue.done(proxy);
            } else if self.built == Some(now) {
                self.built = None;
                let version = self.log.latest();
                for &proxy in self.has.keys() {
                    self.queue.enqueue(proxy, Pushes::one(version));
                }
                let next = self.window.on_built(now);
                self.apply(next, now, build);
            } else {
                self.timer = None;
                let next = self.window.on_timer(now);
                self.apply(next, now, build);
            }
            while let Some((proxy, pushes)) = self.queue.serve() {
                self.serving.insert(proxy, (now + service, pushes));
            }
            let owed = self.serving.values().map(|&(_, pushes)| pushes.first);
            let oldest = owed.chain(self.has.values().map(|has| has + 1)).min();
            self.log.forget_before(oldest.unwrap_or(self.log.latest()).saturating_sub(3));
        }
    }
}

proptest! {
    #[test]
    fn every_change_reaches_every_proxy_once_and_nobody_is_left_behind(
        events in prop::collection::vec((0_u8..12, 0_u32..5, prop_oneof![4 => 0_u64..80, 1 => 0_u64..2000]), 1..150),
        service in 1_u64..400,
        build in 1_u64..400,
    ) {
        let (service, build) = (Span::from_millis(service), Span::from_millis(build));
        let (mut world, mut now) = (World::new(), SimTime::ZERO);
        for (kind, number, gap) in events {
            // A proxy connects at no time of a build: what a push that is being built says is not there yet.
            let gap = Span::from_millis(gap);
            now += gap;
            world.advance(now, service, build);
            match kind {
                0..=7 => world.change(number, now),
                8 | 9 if world.built.is_none() => world.connect(number),
                10 => world.disconnect(number),
                _ => {}
            }
        }
        world.advance(now + Span::from_seconds(3600), service, build);
        let last = world.log.latest();
        prop_assert!(world.has.values().all(|&has| has == last), "{:?} of {last}", world.has);
        prop_assert_eq!(world.said.iter().sum::<u32>() as usize, world.changes.len(), "each change in one push");
        if last > 0 {
            let mut merged = PushRequest::default();
            world.log.merged(Pushes::one(last), &mut merged);
            let tail = &world.changes[world.changes.len() - merged.changes() as usize..];
            let mut services = tail.to_vec();
            services.sort_unstable();
            services.dedup();
            prop_assert_eq!(merged.changed(), &services[..]);
            prop_assert_eq!(&merged, world.log.get(last));
        }
    }

    #[test]
    fn the_log_says_what_was_pushed(
        pushes in prop::collection::vec(prop::collection::vec(0_u32..20, 0..4), 1..20),
        range in (0_usize..20, 0_usize..20),
    ) {
        let mut log = PushLog::default();
        for (number, services) in pushes.iter().enumerate() {
            let mut gathered = PushRequest::of(Trigger::Service, number % 2 == 0, services, millis(number as u64));
            prop_assert_eq!(log.push(&mut gathered), number as u64 + 1);
        }
        let [a, b] = [range.0 % pushes.len(), range.1 % pushes.len()];
        let (first, last) = (a.min(b), a.max(b));
        log.forget_before(first as u64 + 1);
        let mut merged = PushRequest::of(Trigger::Secret, true, &[99], millis(9));
        log.merged(Pushes { first: first as u64 + 1, last: last as u64 + 1 }, &mut merged);
        let mut services: Vec<u32> = pushes[first..=last].concat();
        services.sort_unstable();
        services.dedup();
        prop_assert_eq!(merged.changed(), &services[..]);
        prop_assert_eq!(merged.changes() as usize, last - first + 1);
        prop_assert_eq!(merged.is_full, (first..=last).any(|number| number % 2 == 0));
        prop_assert_eq!(merged.since, Some(millis(first as u64)));
        prop_assert_eq!(log.latest() as usize, pushes.len());
    }

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
}

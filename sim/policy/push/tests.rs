//! Requests and the queue against obvious twins, and everything in this folder together on random changes: every change
//! reaches every connected proxy once, alone or merged, and nobody is left behind.

use std::collections::BTreeMap;

use super::queue::{PushQueue, automatic_limit};
use super::request::{Merge, PushLog, PushRequest, Pushes, Trigger};
use super::window::{Next, Settings, Window};
use crate::units::{SimTime, Span};
use proptest::prelude::*;

fn millis(millis: u64) -> SimTime {
    SimTime::ZERO + Span::from_millis(millis)
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
    queue.enqueue(1, Numbers(vec![8]));
    queue.disconnect(4);
    assert_eq!(queue.serve(), Some((1, Numbers(vec![8]))), "a connection that is gone makes room");
    queue.done(1);
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
    /// How long a proxy is served.
    service: Span,
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
    fn new(service: Span) -> Self {
        Self {
            service,
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

    fn disconnect(&mut self, proxy: u32, now: SimTime) {
        self.has.remove(&proxy);
        self.serving.remove(&proxy);
        self.queue.disconnect(proxy);
        self.serve(now);
    }

    fn serve(&mut self, now: SimTime) {
        while let Some((proxy, pushes)) = self.queue.serve() {
            self.serving.insert(proxy, (now + self.service, pushes));
        }
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
    fn advance(&mut self, until: SimTime, build: Span) {
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
            self.serve(now);
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
        let (mut world, mut now) = (World::new(service), SimTime::ZERO);
        for (kind, number, gap) in events {
            // A proxy connects at no time of a build: what a push that is being built says is not there yet.
            let gap = Span::from_millis(gap);
            now += gap;
            world.advance(now, build);
            match kind {
                0..=7 => world.change(number, now),
                8 | 9 if world.built.is_none() => world.connect(number),
                10 => world.disconnect(number, now),
                _ => {}
            }
        }
        world.advance(now + Span::from_seconds(3600), build);
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
}

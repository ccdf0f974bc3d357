//! Linkerd's rules one by one, and all of them against a twin that keeps every message.

use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

fn seconds(seconds: u64) -> SimTime {
    SimTime::ZERO + Span::from_seconds(seconds)
}

fn asked(used: Use) -> (StreamId, SimTime) {
    match used {
        Use::Asked(id, expiry) => (id, expiry),
        Use::Known(id) => panic!("{id:?} is known"),
    }
}

fn publish(streams: &mut Streams, service: u32) -> Vec<Change> {
    let mut changes = Vec::new();
    streams.publish(service, |_, change| changes.push(change));
    changes
}

#[test]
fn a_stream_opens_on_first_use_and_says_every_change() {
    let mut streams = Streams::new(Settings::default(), 3);
    assert_eq!(publish(&mut streams, 1), [], "nobody has asked");
    let (first, expiry) = asked(streams.begin(7, 1, seconds(1)));
    assert_eq!(expiry, seconds(301));
    let (second, _) = asked(streams.begin(8, 1, seconds(1)));
    assert_eq!(streams.begin(7, 1, seconds(2)), Use::Known(first));
    assert_eq!(publish(&mut streams, 2), []);
    assert_eq!(publish(&mut streams, 1), [Change::Queued; 2]);
    assert_eq!(publish(&mut streams, 1), [Change::Queued; 2]);
    // What there was at first, then one message for each change: nothing is merged.
    assert_eq!([0; 4].map(|_| streams.send(first, seconds(3))), [Some(1), Some(2), Some(3), None]);
    assert_eq!(streams.waiting(second), 3);
}

#[test]
fn a_full_queue_ends_the_stream() {
    let mut streams = Streams::new(Settings::default(), 1);
    let (slow, _) = asked(streams.begin(0, 0, SimTime::ZERO));
    let (quick, _) = asked(streams.begin(1, 0, SimTime::ZERO));
    streams.send(quick, SimTime::ZERO);
    for _ in 0..99 {
        assert_eq!(publish(&mut streams, 0), [Change::Queued; 2]);
        streams.send(quick, SimTime::ZERO);
    }
    // 100 messages wait for the slow one: what there was, and 99 changes.
    assert_eq!(publish(&mut streams, 0), [Change::Ended, Change::Queued]);
    assert_eq!(
        (streams.send(slow, SimTime::ZERO), streams.waiting(slow), streams.subscribers(0)),
        (None, 0, 1)
    );
    assert_eq!(publish(&mut streams, 0), [Change::Queued]);
    assert_eq!(streams.expire(slow, seconds(4000)), Expiry::Gone, "it is not open");
    assert_eq!(streams.reopen(slow, seconds(9)), Some(seconds(309)));
    assert_eq!(streams.reopen(slow, seconds(9)), None, "it is open");
    assert_eq!([0; 2].map(|_| streams.send(slow, seconds(9))), [Some(101), None]);
}

#[test]
fn unused_services_are_forgotten() {
    let mut streams = Streams::new(Settings::default(), 1);
    let (id, _) = asked(streams.begin(0, 0, SimTime::ZERO));
    streams.begin(0, 0, seconds(1));
    assert_eq!(streams.end(id, seconds(2)), None, "still used");
    assert_eq!(streams.end(id, seconds(3)), Some(seconds(8)));
    streams.begin(0, 0, seconds(7));
    assert!(!streams.forget(id, seconds(8)), "used again");
    assert_eq!(streams.end(id, seconds(9)), Some(seconds(14)));
    assert!(!streams.forget(id, seconds(8)), "too early");
    assert!(streams.forget(id, seconds(14)));
    assert!(streams.is_empty() && streams.subscribers(0) == 0);
    let (again, _) = asked(streams.begin(5, 0, seconds(20)));
    assert_ne!(again, id);
    // What was told of the forgotten stream is no concern of the one in its place.
    assert!(!streams.forget(id, seconds(99)) && !streams.drop(id));
    assert_eq!((streams.send(id, seconds(20)), streams.end(id, seconds(20)), streams.len()), (None, None, 1));
}

#[test]
fn a_stream_is_asked_for_anew_after_an_hour_or_five_minutes_of_silence() {
    let mut streams = Streams::new(Settings::default(), 1);
    let (id, mut due) = asked(streams.begin(0, 0, SimTime::ZERO));
    streams.send(id, seconds(2));
    let mut asked_at = Vec::new();
    for change in 1..=35 {
        publish(&mut streams, 0);
        streams.send(id, seconds(100 * change));
        while due <= seconds(100 * change) {
            let now = due;
            due = match streams.expire(id, now) {
                Expiry::Later(due) => due,
                other => panic!("{other:?}"),
            };
        }
    }
    while asked_at.len() < 3 {
        let now = due;
        due = match streams.expire(id, now) {
            Expiry::Later(due) => due,
            Expiry::Asked(due) => {
                asked_at.push(now.seconds());
                due
            }
            Expiry::Gone => panic!("it is there"),
        };
    }
    // The last message was at 3500 s: the hour is over before the silence is. Nothing is sent from then on.
    assert_eq!(asked_at, [3600.0, 3900.0, 4200.0]);
    assert_eq!([0; 2].map(|_| streams.send(id, seconds(4200))), [Some(35), None]);
}

/// A stream as the twin has it: every message that waits.
#[derive(Clone, Default)]
struct Obvious {
    id: Option<StreamId>,
    messages: Vec<u64>,
    is_ended: bool,
    users: u32,
    unused: u64,
    opened: u64,
    heard: u64,
}

/// Tells the twin of a change, and says what the streams should.
fn tell(
    twin: &mut BTreeMap<(u32, u32), Obvious>,
    service: u32,
    version: u64,
) -> Vec<(Option<StreamId>, Change)> {
    let mut expected = Vec::new();
    for ((_, other), stream) in twin.iter_mut() {
        if *other != service || stream.is_ended {
            continue;
        }
        stream.is_ended = stream.messages.len() == 3;
        if stream.is_ended {
            stream.messages.clear();
        } else {
            stream.messages.push(version);
        }
        expected.push((stream.id, if stream.is_ended { Change::Ended } else { Change::Queued }));
    }
    expected
}

proptest! {
    #[test]
    fn streams_are_those_of_the_twin_that_keeps_every_message(
        events in prop::collection::vec((0_u8..14, 0_u32..4, 0_u32..3, 0_u64..4), 1..300),
    ) {
        let settings = Settings { capacity: 3, unused: Span::from_seconds(5), silence: Span::from_seconds(12), lifetime: Span::from_seconds(30) };
        let mut streams = Streams::new(settings, 3);
        let mut twin: BTreeMap<(u32, u32), Obvious> = BTreeMap::new();
        let (mut versions, mut now) = ([0_u64; 3], 0);
        for (kind, proxy, service, gap) in events {
            now += gap;
            let key = (proxy, service);
            let version = versions[service as usize];
            match kind {
                0..=2 => match (streams.begin(proxy, service, seconds(now)), twin.get_mut(&key)) {
                    (Use::Known(id), Some(stream)) => {
                        prop_assert_eq!(stream.id, Some(id));
                        stream.users += 1;
                    }
                    (Use::Asked(id, expiry), None) => {
                        prop_assert_eq!(expiry, seconds(now + 12));
                        let stream = Obvious { id: Some(id), messages: vec![version], users: 1, opened: now, heard: now, ..Obvious::default() };
                        twin.insert(key, stream);
                    }
                    (other, _) => prop_assert!(false, "{other:?}"),
                },
                3..=5 => {
                    versions[service as usize] += 1;
                    let expected = tell(&mut twin, service, version + 1);
                    let mut told = Vec::new();
                    streams.publish(service, |id, change| told.push((Some(id), change)));
                    let sorted = |mut list: Vec<(Option<StreamId>, Change)>| {
                        list.sort_by_key(|entry| entry.0);
                        list
                    };
                    prop_assert_eq!(sorted(told), sorted(expected));
                }
                _ => {
                    let Some(stream) = twin.get_mut(&key) else { continue };
                    let id = stream.id.expect("a stream of the twin has one");
                    match kind {
                        6..=8 => {
                            let expected = (!stream.messages.is_empty()).then(|| stream.messages.remove(0));
                            prop_assert_eq!(streams.send(id, seconds(now)), expected);
                            if expected.is_some() {
                                stream.heard = now;
                            }
                        }
                        9 | 10 if stream.users > 0 => {
                            stream.users -= 1;
                            stream.unused = now;
                            let expected = (stream.users == 0).then(|| seconds(now + 5));
                            prop_assert_eq!(streams.end(id, seconds(now)), expected);
                        }
                        11 => {
                            let is_forgotten = stream.users == 0 && stream.unused + 5 <= now;
                            prop_assert_eq!(streams.forget(id, seconds(now)), is_forgotten);
                            if is_forgotten {
                                twin.remove(&key);
                            }
                        }
                        12 => {
                            let due = (stream.opened + 30).min(stream.heard + 12);
                            let expected = match stream.is_ended {
                                true => Expiry::Gone,
                                false if due > now => Expiry::Later(seconds(due)),
                                false => Expiry::Asked(seconds(now + 12)),
                            };
                            prop_assert_eq!(streams.expire(id, seconds(now)), expected);
                            if !stream.is_ended && due <= now {
                                (stream.messages, stream.opened, stream.heard) = (vec![version], now, now);
                            }
                        }
                        13 => {
                            let is_ended = stream.is_ended;
                            prop_assert_eq!(streams.reopen(id, seconds(now)), is_ended.then(|| seconds(now + 12)));
                            if is_ended {
                                (stream.messages, stream.is_ended) = (vec![version], false);
                                (stream.opened, stream.heard) = (now, now);
                            }
                        }
                        _ => {}
                    }
                }
            }
            let open = twin.iter().filter(|(key, stream)| key.1 == service && !stream.is_ended).count();
            prop_assert_eq!(streams.subscribers(service) as usize, open);
            prop_assert_eq!(streams.len(), twin.len());
        }
        // When all is sent and all that ended is asked for anew, every proxy has the latest.
        for ((_, service), stream) in twin {
            let id = stream.id.expect("a stream of the twin has one");
            streams.reopen(id, seconds(now));
            let mut has = None;
            while let Some(version) = streams.send(id, seconds(now)) {
                has = Some(version);
            }
            prop_assert!(has.is_none_or(|has| has == versions[service as usize]));
            prop_assert!(has.is_some() || (stream.messages.is_empty() && !stream.is_ended));
        }
    }
}

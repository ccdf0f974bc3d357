//! Surges, and a network that is worse than usual for a while.

use sim::metrics::RunRecord;
use sim::vocabulary::failure::Cause;

use super::{MILLISECOND, part, run, total};
use crate::common::{free_proxies, mesh};

/// Twenty seconds without a mesh; the window begins at once.
fn with(service: &str, traffic: &str, events: &str) -> RunRecord {
    run(
        &mesh("none"),
        0,
        20_000,
        &format!(
            "cluster: {{network_delay: 1ms, zones: [a, b]}}\nservices: [{{name: web, {service}}}]\ntraffic: [{{name: users, service: web, \
             {traffic}}}]\nevents: [{events}]\n"
        ),
    )
}

/// All calls share a connection, which is open.
const STREAMS: &str = "protocol: HTTP/2, service_time: 0s";

fn arrived(traffic: &str, events: &str) -> u64 {
    with("service_time: 1ms", traffic, events).entries[0].arrived
}

#[test]
fn a_surge_multiplies_what_is_sent_while_it_lasts() {
    let constant = "from: outside, arrivals: {constant: 10/s}";
    assert_eq!(arrived(constant, "{at: 5s, surge: users, factor: 3, for: 2s}"), 200 + 40);
    assert_eq!(arrived(constant, "{at: 5s, surge: all, factor: 3}"), 50 + 450);
    assert_eq!(arrived(constant, "{at: 5s, surge: all, factor: 0, for: 5s}"), 150);
    assert_eq!(arrived(constant, "{at: 5s, surge: users, factor: 2, for: 1s, every: 5s}"), 200 + 30);
    let twice = "{at: 5s, surge: users, factor: 2, for: 10s}, {at: 10s, surge: users, factor: 3, for: 10s}";
    assert_eq!(arrived(constant, twice), 50 + 100 + 300 + 150);
    let paced = "from: outside, arrivals: {paced: {connections: 10, rate: 10/s}}";
    assert_eq!(arrived(paced, "{at: 5s, surge: users, factor: 3, for: 2s}"), 200 + 40);
    // From 10/s to 20/s in 10 s and on: 5 s of it, at 20/s, three times.
    let ramp = "from: outside, arrivals: {ramp: {from: 10/s, to: 20/s, over: 10s}}";
    let surged = arrived(ramp, "{at: 12s, surge: users, factor: 3, for: 5s}");
    let plain = arrived(ramp, "");
    assert!((surged as f64 - plain as f64 - 200.0).abs() < 4.0 * 200.0_f64.sqrt(), "{plain} {surged}");
}

#[test]
fn what_is_sent_before_a_surge_is_the_same() {
    let traffic = "from: outside, arrivals: {poisson: 100/s}";
    let plain = with("service_time: {exponential: 1ms}", traffic, "");
    let surged = with("service_time: {exponential: 1ms}", traffic, "{at: 19s, surge: users, factor: 3}");
    let before = |record: &RunRecord| record.entries[0].halves[0];
    assert_eq!(before(&plain), before(&surged));
    assert!(surged.entries[0].arrived > plain.entries[0].arrived + 100);
}

#[test]
fn a_surge_of_users_brings_more_of_them() {
    // Each thinks for 97 ms and waits for 1 ms and two ways of 1 ms: ten requests a second.
    let traffic = "from: outside, arrivals: {closed: {users: 2, think_time: 97ms}}";
    let service = "service_time: 1ms";
    let events = "{at: 5s, surge: users, factor: 1.5, for: 10s}, {at: 17s, surge: users, factor: 0.5}";
    let record = with(service, traffic, events);
    let plain = with(service, traffic, "");
    // The third is there for 10 s, the second stays away from 17 s on; what is under way when a surge ends is answered.
    let period = 20.0 / (plain.entries[0].arrived as f64 / 2.0);
    let expected = plain.entries[0].arrived as f64 + (10.0 - 3.0) / period;
    assert!(
        (record.entries[0].arrived as f64 - expected).abs() <= 3.0,
        "{} {expected}",
        record.entries[0].arrived
    );
}

#[test]
fn delay_is_added_to_each_leg_between_pods() {
    let client = "from: meshed_client, arrivals: {constant: 10/s}";
    let plain = with("service_time: 1ms", client, "");
    let slow = with("service_time: 1ms", client, "{at: 10s, network: {delay: 5ms}, for: 5s}");
    // 50 requests with two legs each; connections stand.
    assert_eq!(total(&slow) - total(&plain), 50 * 10 * MILLISECOND);
    assert_eq!(part(&slow, "network") - part(&plain, "network"), 50 * 10 * MILLISECOND);
    // It says nothing of the way from outside.
    let outside = "from: outside, arrivals: {constant: 10/s}";
    let event = "{at: 10s, network: {delay: 5ms}}";
    let record = |events| with("service_time: 1ms", outside, events);
    assert_eq!(total(&record(event)), total(&record("")));
}

#[test]
fn only_messages_between_the_named_zones_suffer() {
    let text = |zones: &str| {
        format!(
            "cluster: {{network_delay: 0s, zone_delay: 0s, zones: [a, b, c]}}\nservices:\n  - {{name: web, replicas: 3, service_time: 0s}}\n\
             traffic: [{{name: users, service: web, from: {{meshed_client: {{replicas: 3}}}}, arrivals: {{constant: 90/s}}}}]\n\
             policies: [{{service: web, balancing: round_robin}}]\nevents: [{{at: 0s, network: {{delay: 5ms{zones}}}}}]\n"
        )
    };
    // Behind proxies that cost nothing every client pod takes each of the three in turn.
    let of = |zones: &str| part(&run(&free_proxies(), 1_000, 10_000, &text(zones)), "network") as f64 / 9e9;
    let all = of("");
    assert!((all - 1.0).abs() < 1e-9, "{all}");
    for (zones, share) in
        [(", zones: [a, b]", 2.0 / 9.0), (", zones: [a]", 4.0 / 9.0), (", zones: [b, b]", 1.0 / 9.0)]
    {
        let measured = of(zones);
        assert!((measured - share).abs() < 0.07, "{zones}: {measured} of {share}");
    }
}

#[test]
fn a_lost_message_is_sent_again_after_a_timeout_that_doubles() {
    let client = "from: meshed_client, arrivals: {constant: 100/s}";
    let plain = with(STREAMS, client, "");
    let lossy = with(STREAMS, client, "{at: 0s, network: {loss: 10%}}");
    // Streams of one connection. A message with odds p waits for Σ pᵏ·200 ms·2ᵏ⁻¹ = 0.2 p / (1 − 2p) = 25 ms; there are two of 2000 requests. Its
    // variance is 0.04·p(1−p)·Σ... ≈ 0.0098 s²: four standard errors of 4000 are 6 ms of 50.
    let mean = (total(&lossy) - total(&plain)) as f64 / 2e3 / 1e6;
    assert!((mean - 50.0).abs() < 12.0, "{mean}");
    assert_eq!(lossy.entries[0].failed.len(), 0);
}

#[test]
fn what_is_sent_into_a_partition_comes_through_when_it_is_over() {
    // Cut from 10 s to 11 s. A request of 10.005 s, say, is sent again 200, 600 and 1400 ms later.
    let client = "from: meshed_client, arrivals: {constant: 10/s}";
    let record = with(STREAMS, client, "{at: 10s, network: {loss: 100%}, for: 1s}");
    assert_eq!(record.entries[0].arrived, record.entries[0].succeeded.len());
    let plain = with(STREAMS, client, "");
    // Sent before 10.4 s it arrives with the third repetition, before 10.8 s with the second, and then with the first:
    // 4 · 1.4 + 4 · 0.6 + 2 · 0.2 s. The phase of arrivals moves none of ten across.
    let added = total(&record) - total(&plain);
    assert_eq!(added, (4 * 1400 + 4 * 600 + 2 * 200) * MILLISECOND);
    // Users who wait for a second only give up.
    let hasty = with(
        STREAMS,
        "from: meshed_client, timeout: 1s, arrivals: {constant: 10/s}",
        "{at: 10s, network: {loss: 100%}, for: 1s}",
    );
    assert_eq!(hasty.entries[0].causes[Cause::CallerTimeout as usize], 4);
}

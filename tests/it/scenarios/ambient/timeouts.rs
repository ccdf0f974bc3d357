//! Giving up with tunnels and a waypoint on the way: work goes on, and nothing is left behind.

use super::super::{MILLISECOND, part, run, ten_a_second, total};
use super::{at, far_apart, pair};
use crate::common::free_ambient;

const NEAR: &str = "cluster: {network_delay: 0s, nodes: {count: 4}}\n";

fn calls(how: &str) -> String {
    pair("", ", workers: 1").replace("5ms", "10ms").replace("{call: b}", how)
}

#[test]
fn behind_a_waypoint_work_goes_on_after_the_caller_has_given_up() {
    for protocol in ["HTTP/1.1", "gRPC", "TCP"] {
        let services = calls("{call: {service: b, timeout: 4ms, optional: true}}");
        let services = services.replace("name: b,", &format!("name: b, protocol: {protocol},"));
        let text = format!("{NEAR}{services}{}", ten_a_second("a"));
        let record = run(&free_ambient("istio-ambient-waypoint"), 1_000, 1_000, &text);
        assert_eq!(total(&record), 10 * 4 * MILLISECOND, "{protocol}");
        assert_eq!(part(&record, "abandoned"), 10 * 4 * MILLISECOND);
        let outer = &record.edges[0];
        assert_eq!((outer.calls, outer.failures, outer.timeouts), (10, 10, 10));
        let inner = &record.edges[1];
        assert_eq!((inner.calls, inner.failures, inner.timeouts), (10, 0, 0), "the waypoint waits");
        assert_eq!(record.services[1].busy, 10 * 10 * MILLISECOND);
        // At most the one in use and the one before, at either end.
        for proxy in &record.proxies {
            assert!(proxy.connections_mean <= 6.0, "{protocol}: {} left open", proxy.connections_mean);
        }
    }
}

#[test]
fn a_tunnel_is_opened_though_the_call_for_which_it_is_was_given_up() {
    let mesh = free_ambient("istio-ambient");
    let once = |protocol: &str, timeout: u32, times: &str| {
        let services = pair("", &format!(", protocol: {protocol}"))
            .replace("{call: b}", &format!("{{call: {{service: b, timeout: {timeout}ms, optional: true}}}}"));
        run(&mesh, 0, 1_000, &format!("{}{services}{}", far_apart(2), at("a", "outside", times)))
    };
    // The first would have taken 13 ms. Its connection is closed, and the second has another stream; or it goes on.
    for (protocol, second) in [("HTTP/1.1", 9), ("gRPC", 7)] {
        let record = once(protocol, 12, "100ms, 200ms");
        assert_eq!(total(&record), (12 + second) * MILLISECOND, "{protocol}");
        assert_eq!((record.edges[0].handshakes, record.edges[0].timeouts), (1, 1));
    }
    // Given up while the tunnel was being opened: the second waits for it too, and gives up too.
    let record = once("HTTP/1.1", 3, "100ms, 102ms");
    assert_eq!(total(&record), (3 + 3) * MILLISECOND);
    assert_eq!((record.edges[0].handshakes, record.edges[0].timeouts), (1, 2));
    assert_eq!(record.services[1].visits, 0, "neither was sent");
}

#[test]
fn a_stream_given_up_leaves_the_tunnel_and_makes_room() {
    // 90 calls at once that are all given up, twice: a tunnel holds 100.
    let services = calls("[{call: {service: b, count: 90, timeout: 15ms, optional: true}}]");
    let services = services.replace("10ms", "20ms");
    let text = format!("{}{services}{}", far_apart(2), at("a", "outside", "100ms, 2s"));
    let record = run(&free_ambient("istio-ambient"), 0, 4_000, &text);
    assert_eq!((record.edges[0].timeouts, record.edges[0].handshakes), (180, 1));
    assert_eq!(record.services[1].busy, 180 * 20 * MILLISECOND);
}

//! Time series, access logs and spans of proxies, counted by hand.

use sim::mesh::MeshModel;
use sim::metrics::telemetry::TelemetryRecord;

use super::run;
use crate::common::{load, mesh, mesh_with};

/// Series of a proxy without traffic, and of a combination of labels: Istio's four metrics of requests, three of them
/// histograms of 20 buckets; four counters of connections.
const ENVOY: f64 = 400.0;
const ZTUNNEL: f64 = 60.0;
const REQUESTS: f64 = 1.0 + 3.0 * 22.0;
const CONNECTIONS: f64 = 4.0;
/// Linkerd's: a counter and a histogram of 12 buckets by status; counters by peer; five counters and a histogram of
/// connections.
const LINKERD: f64 = 250.0;
const BY_STATUS: f64 = 1.0 + 14.0;
const OF_CONNECTIONS: f64 = 5.0 + 14.0;
const SENT: f64 = BY_STATUS + 1.0 + OF_CONNECTIONS;
const RECEIVED: f64 = BY_STATUS + 2.0 + OF_CONNECTIONS;
const SERVICE: f64 = 50.0;

fn telemetry(mesh: &MeshModel, text: &str) -> TelemetryRecord {
    *run(mesh, 500, 1_000, text).telemetry.expect("every run has it")
}

/// Two services: three pods call two.
fn two(more: &str) -> String {
    two_of(3, 2, "", more)
}

fn two_of(front: u32, back: u32, of_back: &str, more: &str) -> String {
    format!(
        "services:\n  - {{name: front, replicas: {front}, service_time: 1ms, script: [{{call: back}}]}}\n  \
         - {{name: back, replicas: {back}, service_time: 1ms{of_back}}}\n\
         traffic: [{{name: users, service: front, from: meshed_client, rate: 500/s}}]\n{more}"
    )
}

#[track_caller]
fn check(record: &TelemetryRecord, [base, outbound, inbound]: [f64; 3]) {
    let close = |one: f64, other: f64| (one - other).abs() < 1e-6 * other.max(1.0);
    let series = record.series;
    let is_right =
        close(series.base, base) && close(series.outbound, outbound) && close(series.inbound, inbound);
    assert!(is_right, "{series:?} instead of {:?}", [base, outbound, inbound]);
    let groups: f64 = record.of_groups.iter().sum();
    assert!(close(groups, record.exposed()), "groups have {groups} together");
}

#[test]
fn two_services_under_every_mesh() {
    // One client, three callers, two callees; the nodes' proxies stand on one node.
    check(&telemetry(&mesh("istio-sidecar"), &two("")), [6.0 * ENVOY, 4.0 * REQUESTS, 5.0 * REQUESTS]);
    let linkerd = telemetry(&mesh("linkerd"), &two(""));
    // The client knows three pods; each caller two.
    check(&linkerd, [6.0 * LINKERD, 9.0 * SENT + 4.0 * SERVICE, 5.0 * RECEIVED]);
    check(&telemetry(&mesh("istio-ambient"), &two("")), [ZTUNNEL, 2.0 * CONNECTIONS, 2.0 * CONNECTIONS]);
    // The node's proxy sees the client and the callers connect to the waypoint, and the waypoint to both services.
    let waypoint = telemetry(&mesh("istio-ambient-waypoint"), &two(""));
    check(&waypoint, [ZTUNNEL + ENVOY, 2.0 * CONNECTIONS, 2.0 * REQUESTS + 2.0 * CONNECTIONS]);
    assert_eq!(run(&mesh("none"), 500, 1_000, &two("")).telemetry.map(|one| one.active()), Some(0.0));
}

#[test]
fn bookinfo_under_every_mesh() {
    let mut scenario = load(std::path::Path::new("topologies/bookinfo.yaml"));
    scenario.run.warm_up = sim::units::Span::from_seconds(1);
    scenario.run.duration = sim::units::Span::from_seconds(2);
    let telemetry = |name: &str| {
        let program = sim::program::compile(&scenario, &mesh(name));
        *sim::engine::run(&program, 0, &false.into()).and_then(|record| record.telemetry).expect("it has one")
    };
    // A gateway; two pods of the page, of details and of ratings, three versions of reviews, two of which call ratings.
    check(&telemetry("none"), [ENVOY, 0.0, 0.0]);
    let sent = 1.0 + 2.0 * (1.0 + 3.0) + 2.0;
    let received = 2.0 + 2.0 + 3.0 + 2.0 * 2.0;
    check(&telemetry("istio-sidecar"), [10.0 * ENVOY, sent * REQUESTS, received * REQUESTS]);
    let pairs = 2.0 * 2.0 + 2.0 * 3.0 + 2.0 * 2.0;
    let services = 2.0 * 2.0 + 2.0;
    check(
        &telemetry("linkerd"),
        [9.0 * LINKERD + ENVOY, pairs * SENT + services * SERVICE, received * RECEIVED],
    );
    // Only the gateway reads requests; the page's pods, on one node, connect to details and three versions.
    let ambient = telemetry("istio-ambient");
    check(&ambient, [ENVOY + ZTUNNEL, REQUESTS + 6.0 * CONNECTIONS, 7.0 * CONNECTIONS]);
    // The waypoint sees details, three versions, and ratings from two of them; the gateway goes past it.
    check(
        &telemetry("istio-ambient-waypoint"),
        [2.0 * ENVOY + ZTUNNEL, REQUESTS + 4.0 * CONNECTIONS, 6.0 * REQUESTS + 6.0 * CONNECTIONS],
    );
}

#[test]
fn more_pods_edges_and_codes_make_more_series() {
    for name in ["istio-sidecar", "istio-ambient-waypoint", "linkerd"] {
        let of = |text: &str| telemetry(&mesh(name), text).active();
        let base = of(&two(""));
        if name != "istio-ambient-waypoint" {
            assert!(of(&two_of(4, 2, "", "")) > base && of(&two_of(3, 3, "", "")) > base, "{name}: pods");
        }
        let edge = "  - {name: other, service_time: 1ms, script: [{call: back}]}\n";
        let text = two("").replace("traffic:", &format!("{edge}traffic:"));
        let text = text.replace(
            "script: [{call: back}]}\n  - {name: back",
            "script: [{call: back}, {call: other}]}\n  - {name: back",
        );
        assert!(of(&text) > base, "{name}: edges");
        assert!(of(&two_of(3, 2, ", error_ratio: 20%", "")) > base, "{name}: codes");
    }
}

#[test]
fn each_status_is_a_series_of_its_own_unless_it_is_no_label() {
    let failing = two_of(3, 2, ", error_ratio: 20%", "");
    // The front fails with the back, so that every combination comes with both statuses.
    let istio = telemetry(&mesh("istio-sidecar"), &failing);
    check(&istio, [6.0 * ENVOY, 8.0 * REQUESTS, 10.0 * REQUESTS]);
    for (outcomes, times) in [("code", 2.0), ("flags", 1.0), ("none", 1.0)] {
        let without = mesh_with("istio-sidecar", &[("proxy.telemetry.outcomes", outcomes)]);
        let series = [6.0 * ENVOY, times * 4.0 * REQUESTS, times * 5.0 * REQUESTS];
        check(&telemetry(&without, &failing), series);
    }
    let linkerd = telemetry(&mesh("linkerd"), &failing);
    check(&linkerd, [6.0 * LINKERD, 9.0 * (SENT + BY_STATUS) + 4.0 * SERVICE, 5.0 * (RECEIVED + BY_STATUS)]);
}

#[test]
fn what_is_switched_off_has_no_series() {
    let off = |paths: &[&str]| {
        let overrides: Vec<(&str, &str)> = paths.iter().map(|path| (*path, "off")).collect();
        telemetry(&mesh_with("istio-sidecar", &overrides), &two(""))
    };
    let sizes = off(&["proxy.telemetry.outbound.request_sizes", "proxy.telemetry.inbound.response_sizes"]);
    check(&sizes, [6.0 * ENVOY, 4.0 * (REQUESTS - 22.0), 5.0 * (REQUESTS - 22.0)]);
    check(&off(&["features.telemetry"]), [6.0 * ENVOY, 0.0, 0.0]);
    let whole = telemetry(&mesh("istio-sidecar"), &two(""));
    assert!(sizes.proxy_bytes < whole.proxy_bytes && sizes.samples() < whole.samples());
}

#[test]
fn opaque_bytes_are_counted_by_connection() {
    let tcp = two_of(3, 2, ", protocol: TCP", "");
    // All three callers have a connection each, which lead to one or two pods.
    let istio = telemetry(&mesh("istio-sidecar"), &tcp);
    let series = istio.series;
    assert!((series.outbound - (REQUESTS + 3.0 * CONNECTIONS)).abs() < 1e-6, "{series:?}");
    let reached = (series.inbound - 3.0 * REQUESTS) / CONNECTIONS;
    assert!((reached - reached.round()).abs() < 1e-6 && (1.0..=2.0).contains(&reached), "{reached} pods");
}

#[test]
fn series_of_replaced_pods_stay_until_the_head_is_cut() {
    // Of five pods of services ten are replaced in an hour; their series stay for two and a half.
    let settings = "telemetry: {pods_replaced_per_hour: 10, scrape_interval: 30s}\n";
    let replaced = 10.0 * 2.5 / 5.0;
    let istio = telemetry(&mesh("istio-sidecar"), &two(settings));
    let of_pods = 5.0 * ENVOY + 3.0 * REQUESTS + 5.0 * REQUESTS;
    assert!((istio.of_replaced_pods - replaced * of_pods).abs() < 1e-6 * of_pods, "the client stays");
    assert!((istio.samples() - istio.exposed() / 30.0).abs() < 1e-9, "what is gone is not scraped");
    assert!((istio.prometheus_bytes() - 3000.0 * istio.active()).abs() < 1e-3);
    // Linkerd's clients have series for each pod that they have ever called.
    let linkerd = telemetry(&mesh("linkerd"), &two(settings));
    let of_pods = 5.0 * LINKERD + 3.0 * SERVICE + (3.0 + 2.0 * 6.0) * SENT + 5.0 * RECEIVED;
    assert!((linkerd.of_replaced_pods - replaced * of_pods).abs() < 1e-6 * of_pods, "{linkerd:?}");
    // A node's proxy does not go with its pods, and names workloads.
    let ambient = telemetry(&mesh("istio-ambient"), &two(settings));
    assert_eq!(ambient.of_replaced_pods, 0.0);
    assert_eq!(telemetry(&mesh("istio-sidecar"), &two("")).of_replaced_pods, 0.0);
}

#[test]
fn logs_and_spans_follow_requests() {
    let close = |one: f64, other: f64| (one - other).abs() < 0.1 * other;
    let on = |name: &str, paths: &[&str]| {
        let overrides: Vec<(&str, &str)> = paths.iter().map(|path| (*path, "on")).collect();
        telemetry(&mesh_with(name, &overrides), &two(""))
    };
    let quiet = telemetry(&mesh("istio-sidecar"), &two(""));
    assert_eq!((quiet.log_lines, quiet.spans), ([0.0; 2], [0.0; 2]));
    // 500 requests a second, two calls each, both ends of each.
    let istio = on("istio-sidecar", &["proxy.features.access_log", "proxy.features.tracing"]);
    assert!(close(istio.log_lines[0], 2000.0), "{istio:?}");
    assert!((istio.log_lines[1] - 292.0 * istio.log_lines[0]).abs() < 1e-6);
    assert!(close(istio.spans[0], 20.0), "one in a hundred: {istio:?}");
    // Linkerd's receiving proxies write alone.
    let linkerd = on("linkerd", &["proxy.features.access_log"]);
    assert!(close(linkerd.log_lines[0], 1000.0), "{linkerd:?}");
    // A waypoint writes once for both ends; the nodes' proxies once for a connection.
    let waypoint = on("istio-ambient-waypoint", &["waypoint.features.access_log"]);
    let ztunnel = telemetry(&mesh("istio-ambient-waypoint"), &two(""));
    assert!(close(waypoint.log_lines[0] - ztunnel.log_lines[0], 1000.0), "{waypoint:?}");
    assert!(ztunnel.log_lines[0] < 100.0, "{ztunnel:?}");
}

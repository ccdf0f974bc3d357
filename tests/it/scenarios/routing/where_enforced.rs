//! Rules hold where a proxy looks at requests.

use super::super::{MILLISECOND, run, total};
use super::with_clients;
use crate::common::{free_ambient, free_proxies, mesh};

const CANARY: &str = "services:
  - {name: v1, service_time: 1ms}
  - {name: v2, service_time: 1ms}
  - {name: web, service_time: 1ms}
routes: [{host: web, rules: [{to: [{service: v1, weight: 70}, {service: v2, weight: 30}]}]}]
";

#[test]
fn every_proxy_that_looks_at_requests_divides_them_alike() {
    let text = with_clients("web", "{constant: 1000/s}", CANARY);
    let seen = |mesh| super::visits(&run(&mesh, 1_000, 1_000, &text));
    let sidecars = seen(free_proxies());
    assert_eq!((sidecars[0] + sidecars[1], sidecars[2]), (1000, 0));
    assert_eq!(seen(mesh("linkerd")), sidecars, "the same requests, draw for draw");
    assert_eq!(seen(free_ambient("istio-ambient-waypoint")), sidecars);
    assert_eq!(seen(free_ambient("istio-ambient")), [0, 0, 1000], "nobody looks");
    assert_eq!(seen(mesh("none")), [0, 0, 1000]);
}

#[test]
fn a_gateway_looks_under_every_mesh() {
    let text = with_clients(
        "web",
        "{constant: 1000/s}",
        &CANARY.replace("host: web", "host: web, via: 'gateway:front'"),
    )
    .replace("from: meshed_client", "from: gateway:front");
    for name in ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"] {
        let visits = super::visits(&run(&mesh(name), 1_000, 1_000, &text));
        assert_eq!((visits[0] + visits[1], visits[2]), (1000, 0), "{name}");
    }
}

#[test]
fn callers_without_a_proxy_know_no_rules() {
    let text = with_clients("web", "{constant: 10/s}", CANARY).replace("meshed_client", "outside");
    assert_eq!(super::visits(&run(&free_proxies(), 1_000, 1_000, &text)), [0, 0, 10]);
}

#[test]
fn a_waypoint_delays_and_tries_again() {
    let text = with_clients(
        "web",
        "{constant: 10/s}",
        "services:\n  - {name: web, service_time: 2ms}\nroutes: [{host: web, delay: 3ms, timeout: 1s}]\n",
    );
    let record = run(&free_ambient("istio-ambient-waypoint"), 1_000, 1_000, &text);
    assert_eq!(total(&record), 10 * 5 * MILLISECOND);
    assert_eq!(super::super::part(&record, "waypoint"), 10 * 3 * MILLISECOND);
}

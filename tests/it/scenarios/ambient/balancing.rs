//! Who chooses an instance, and how often: a node proxy for each connection, a waypoint for each request.

use super::super::{run, users};
use super::far_apart;
use crate::common::free_ambient;

/// Requests a second through three instances of one worker and 10 ms each, kept busy by 30 users.
fn throughput(mesh_name: &str, protocol: &str, rest: &str) -> u64 {
    let text = format!(
        "{}services:\n  - {{name: a, protocol: {protocol}, replicas: 3, workers: 1, service_time: 10ms}}\n{}{rest}",
        far_apart(4),
        users("a", 30, "meshed_client")
    );
    run(&free_ambient(mesh_name), 1_000, 1_000, &text).entries[0].completed_in_window
}

#[test]
fn a_multiplexed_connection_sticks_to_one_instance_unless_a_waypoint_looks_into_it() {
    for protocol in ["HTTP/2", "gRPC"] {
        assert_eq!(throughput("istio-ambient", protocol, "").next_multiple_of(5), 100, "{protocol}");
        assert!(throughput("istio-ambient-waypoint", protocol, "") >= 297, "{protocol}");
        let none = throughput("istio-ambient-waypoint", protocol, "mesh: {waypoints: []}\n");
        assert_eq!(none.next_multiple_of(5), 100, "{protocol}");
    }
}

#[test]
fn many_connections_reach_all_instances() {
    for protocol in ["HTTP/1.1", "TCP"] {
        for mesh in ["istio-ambient", "istio-ambient-waypoint"] {
            assert!(throughput(mesh, protocol, "") >= 275, "{protocol} under {mesh}");
        }
    }
}

#[test]
fn only_a_waypoint_does_what_a_policy_says() {
    let hashing = "policies:\n  - {service: a, balancing: {policy: maglev, hash_on: source}}\n";
    assert!(throughput("istio-ambient", "HTTP/1.1", hashing) >= 275, "by connection, at random");
    let one = throughput("istio-ambient-waypoint", "HTTP/1.1", hashing);
    assert_eq!(one.next_multiple_of(5), 100, "the waypoint is the one source");
}

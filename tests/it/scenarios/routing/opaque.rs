//! Routes of connections whose bytes no proxy understands: a target is drawn for each of them.

use crate::common::{free_ambient, free_proxies};
use sim::mesh::MeshModel;

/// Visits of two opaque backends of equal weight in a second of calls by callers of one connection each.
fn visits(mesh: &MeshModel, callers: u32, client: &str) -> [u64; 2] {
    let text = format!(
        "cluster: {{network_delay: 0s}}
services:
  - {{name: caller, replicas: {callers}, service_time: 0s, client: {client}, script: [{{call: a}}]}}
  - {{name: a, protocol: TCP, service_time: 100us}}
  - {{name: b, protocol: TCP, service_time: 100us}}
routes: [{{host: a, level: connections, rules: [{{to: [{{service: a, weight: 1}}, {{service: b, weight: 1}}]}}]}}]
traffic: [{{name: users, service: caller, from: {{meshed_client: {{replicas: {callers}}}}}, arrivals: {{constant: 100/s}}}}]
"
    );
    let record = super::super::run(mesh, 1_000, 4_000, &text);
    let visits = [1, 2].map(|service: usize| record.services[service].visits);
    assert_eq!(visits[0] + visits[1], 400);
    visits
}

#[test]
fn a_connection_stays_with_its_target() {
    for mesh in [free_proxies(), free_ambient("istio-ambient-waypoint")] {
        let one = visits(&mesh, 1, "{}");
        assert_eq!(one.iter().max(), Some(&400), "{}: {one:?}", mesh.name);
        let many = visits(&mesh, 40, "{}");
        assert!(many.iter().all(|&part| part > 100), "{}: {many:?}", mesh.name);
        let anew = visits(&mesh, 1, "{keep_alive: false}");
        assert!(anew[0].abs_diff(200) < 40, "{}: {anew:?}", mesh.name);
    }
}

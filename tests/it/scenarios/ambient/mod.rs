//! Proxies of nodes and the tunnels between them, and waypoints on the way.

mod balancing;
mod memory;
mod quiet;
mod timeouts;
mod tunnels;
mod waypoints;

/// A cluster one millisecond wide.
fn far_apart(pods: u32) -> String {
    format!("cluster: {{network_delay: 1ms, nodes: {}}}\n", nodes_for(pods))
}

/// A node for each of so many pods, and one for the control plane: each pod goes where most is free. Or one for all.
fn nodes_for(pods: u32) -> String {
    let count = if pods == 1 { 1 } else { pods + 1 };
    format!("{{count: {count}}}")
}

/// Two services, the first of which calls the other.
fn pair(caller: &str, callee: &str) -> String {
    format!(
        "services:\n  - {{name: a, service_time: 0s, {caller}script: [{{call: b}}]}}\n  - {{name: b, service_time: 5ms{callee}}}\n"
    )
}

/// Requests at these times.
fn at(service: &str, from: &str, times: &str) -> String {
    format!(
        "traffic:\n  - {{name: users, service: {service}, from: {from}, arrivals: {{trace: [{times}]}}}}\n"
    )
}

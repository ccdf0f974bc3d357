//! Routes: what the caller's proxy does with requests, through proxies that cost nothing and a network without delay.

mod answers;
mod faults;
mod guards;
mod linkerd;
mod localities;
mod matches;
mod mirrors;
mod opaque;
mod repeats;
mod retries;
mod timeouts;
mod where_enforced;

use sim::metrics::RunRecord;
use sim::metrics::record::EdgeRecord;
use sim::vocabulary::failure::Cause;

use crate::common::free_proxies;

/// The second second of `text`, ten requests a second from a client with a proxy to `service`.
fn routed(service: &str, text: &str) -> RunRecord {
    from_clients(service, "{constant: 10/s}", text)
}

/// The second second of `text`, requests from a client with a proxy to `service`.
fn from_clients(service: &str, arrivals: &str, text: &str) -> RunRecord {
    super::run(&free_proxies(), 1_000, 1_000, &with_clients(service, arrivals, text))
}

fn with_clients(service: &str, arrivals: &str, text: &str) -> String {
    format!(
        "cluster: {{network_delay: 0s}}\n{text}traffic:\n  - {{name: users, service: {service}, from: meshed_client, arrivals: {arrivals}}}\n"
    )
}

/// Requests of the only source: successful, failed for this cause, failed at all.
fn outcomes(record: &RunRecord, cause: Cause) -> (u64, u64, u64) {
    let entry = &record.entries[0];
    assert_eq!(entry.causes.iter().sum::<u64>(), entry.failed.len(), "each failure has one cause");
    (entry.succeeded.len(), entry.causes[cause as usize], entry.failed.len())
}

/// Of all edges together.
fn sum(record: &RunRecord, count: impl Fn(&EdgeRecord) -> u64) -> u64 {
    record.edges.iter().map(count).sum()
}

fn visits(record: &RunRecord) -> Vec<u64> {
    record.services.iter().map(|service| service.visits).collect()
}

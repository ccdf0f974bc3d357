//! Services and calls as the picture of the call graph shows them.

use std::collections::BTreeMap;

use crate::metrics::record::{EdgeRecord, ServiceRecord};
use crate::metrics::{Labels, RunRecord, Unit};

use super::super::number;

/// With more services than this, only the busiest are shown.
const MOST: usize = 60;
/// So many of them.
const SHOWN: usize = 40;
const NANOS_PER_SECOND: f64 = 1e9;

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    /// Services of the scenario.
    pub(super) services: usize,
    /// Services that are not shown.
    pub(super) left_out: usize,
    /// Waypoints that calls go through, and how many calls.
    pub(super) waypoints: Vec<String>,
}

/// A service or a source of traffic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) name: String,
    /// Its rate and how busy it is.
    pub(super) detail: String,
    /// Share of its workers that is busy, where they are limited.
    pub(super) utilization: Option<f64>,
    /// It only calls: users, clients, a gateway.
    pub(super) source: bool,
}

/// A caller and a callee.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Link {
    /// Positions in the nodes.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Calls per second.
    pub(super) rate: f64,
    /// Median time that a call spends in proxies and on handshakes, in seconds; `None` without calls.
    pub(super) added: Option<f64>,
}

/// The graph of all replications taken together.
pub(super) fn graph(labels: &Labels, record: &RunRecord) -> Graph {
    let kept = busiest(labels, record);
    let mut place: BTreeMap<usize, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    let namespace = super::super::common_namespace(&labels.services);
    for &service in &kept {
        let label = &labels.services[service];
        place.insert(service, nodes.len());
        nodes.push(node_of(
            label.strip_prefix(&namespace).unwrap_or(label),
            &record.services[service],
            record.window,
        ));
    }
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    // Versions of a service and subsets are drawn as the service: several edges may be one link.
    let mut measured: Vec<((usize, usize), EdgeRecord)> = Vec::new();
    let mut waypoints: Vec<(&str, u64)> = Vec::new();
    for (edge, record_of_edge) in labels.edges.iter().zip(&record.edges) {
        // What a waypoint sends on is a part of the call that its caller made.
        if let Some(waypoint) = edge.caller.strip_prefix("waypoint:") {
            match waypoints.iter_mut().find(|(name, _)| *name == waypoint) {
                Some((_, calls)) => *calls += record_of_edge.calls,
                None => waypoints.push((waypoint, record_of_edge.calls)),
            }
            continue;
        }
        let Some(&to) = place.get(&edge.to_service) else { continue };
        let from = match edge.from_service {
            Some(service) => match place.get(&service) {
                Some(&from) => from,
                None => continue,
            },
            None => *sources.entry(&edge.caller).or_insert_with(|| {
                nodes.push(source(&edge.caller, labels, record));
                nodes.len() - 1
            }),
        };
        match measured.iter_mut().find(|(ends, _)| *ends == (from, to)) {
            Some((_, link)) => {
                link.calls += record_of_edge.calls;
                link.proxy_time.merge(&record_of_edge.proxy_time);
            }
            None => measured.push(((from, to), record_of_edge.clone())),
        }
    }
    let link = |((from, to), edge): ((usize, usize), EdgeRecord)| Link {
        from,
        to,
        rate: per_second(edge.calls, record.window),
        added: (edge.proxy_time.count() > 0).then(|| edge.proxy_time.quantile(0.5) as f64 / NANOS_PER_SECOND),
    };
    let links = measured.into_iter().map(link).collect();
    let services = labels.services.len();
    let waypoints = waypoints
        .into_iter()
        .map(|(name, calls)| format!("{name}, {}", number::rate(per_second(calls, record.window))))
        .collect();
    Graph { nodes, links, services, left_out: services - kept.len(), waypoints }
}

/// The services that are shown, in the order of the labels: all, or what is called first and then the busiest.
fn busiest(labels: &Labels, record: &RunRecord) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..labels.services.len()).collect();
    if kept.len() > MOST {
        let called_first = |service: usize| {
            labels.edges.iter().any(|edge| edge.to_service == service && edge.from_service.is_none())
        };
        let first: Vec<bool> = kept.iter().map(|&service| called_first(service)).collect();
        kept.sort_by_key(|&service| (!first[service], std::cmp::Reverse(record.services[service].visits)));
        kept.truncate(SHOWN);
        kept.sort_unstable();
    }
    kept
}

fn node_of(name: &str, service: &ServiceRecord, window: u64) -> Node {
    let rate = number::rate(per_second(service.visits, window));
    let utilization = service
        .workers
        .filter(|&workers| workers > 0 && window > 0)
        .map(|workers| service.busy as f64 / (workers as f64 * window as f64));
    let busy = match utilization {
        Some(ratio) => format!("{:.0} % busy", ratio * 100.0),
        None => number::alone(service.cpu as f64 / window.max(1) as f64, Unit::Cores),
    };
    Node { name: name.to_owned(), detail: format!("{rate} · {busy}"), utilization, source: false }
}

/// `gateway:ingress` is called ingress and says that it is a gateway.
fn source(label: &str, labels: &Labels, record: &RunRecord) -> Node {
    let (kind, name) = label.split_once(':').unwrap_or(("source", label));
    let edges = labels.edges.iter().zip(&record.edges);
    let calls = edges.filter(|(edge, _)| edge.caller == label).map(|(_, measured)| measured.calls).sum();
    let rate = number::rate(per_second(calls, record.window));
    Node { name: name.to_owned(), detail: format!("{kind} · {rate}"), utilization: None, source: true }
}

fn per_second(count: u64, window: u64) -> f64 {
    count as f64 * NANOS_PER_SECOND / window.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::synthetic::{full_labels, full_record};

    #[test]
    fn services_and_sources_are_nodes_with_rate_and_use() {
        let graph = graph(&full_labels("istio-sidecar", true), &full_record(0, 1000, true));
        let told: Vec<(&str, &str)> =
            graph.nodes.iter().map(|node| (node.name.as_str(), node.detail.as_str())).collect();
        assert_eq!(
            told,
            [("front", "1000/s · 2 % busy"), ("back", "1000/s · 2 % busy"), ("web", "outside · 1000/s")]
        );
        let ends: Vec<(usize, usize)> = graph.links.iter().map(|link| (link.from, link.to)).collect();
        assert_eq!(ends, [(2, 0), (0, 1)]);
    }

    #[test]
    fn what_a_waypoint_sends_on_is_no_call_of_its_own() {
        let mut labels = full_labels("istio-ambient-waypoint", true);
        let mut record = full_record(0, 1000, true);
        let before = graph(&labels, &record);
        labels.edges.push(crate::metrics::EdgeLabel {
            caller: "waypoint:default".to_owned(),
            from_service: None,
            ..labels.edges[0].clone()
        });
        record.edges.push(record.edges[0].clone());
        let after = graph(&labels, &record);
        assert_eq!(after.waypoints, ["default, 1000/s"]);
        assert_eq!((after.nodes, after.links), (before.nodes, before.links));
    }

    #[test]
    fn of_many_services_the_busiest_are_shown_and_those_called_first() {
        let mut labels = full_labels("none", false);
        let mut record = full_record(0, 10, false);
        record.services[0].visits = 0;
        for number in 0_u64..100 {
            labels.services.push(format!("default/s{number}"));
            let visits = if number.is_multiple_of(2) { 1000 } else { 1 };
            record.services.push(ServiceRecord { visits, ..record.services[0].clone() });
        }
        let graph = graph(&labels, &record);
        assert_eq!(graph.left_out, 102 - SHOWN);
        assert_eq!(graph.nodes[0].name, "front");
        assert!(graph.nodes[1..].iter().all(|node| node.source || node.detail.starts_with("1000/s")));
    }
}

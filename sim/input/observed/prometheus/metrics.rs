//! Which metric measures what, and whose traffic its labels name.

use std::collections::BTreeMap;

use crate::input::tree::Located;

use super::Sample;

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) family: Family,
    pub(super) quantity: Quantity,
    /// Nanoseconds or bytes of its unit.
    pub(super) unit: u32,
    pub(super) part: Part,
}

/// Whose labels a metric has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Istio,
    Linkerd,
    OpenTelemetry,
    Container,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    Requests,
    /// Requests that failed, in a metric of their own.
    Failures,
    /// Time that the reporter saw.
    Time,
    ServerTime,
    ClientTime,
    RequestSize,
    ResponseSize,
    Cpu,
}

/// Which part of a histogram, or all of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Total,
    Sum,
    Count,
    Bucket,
}

/// Metrics by their names without the part: `_total`, `_sum`, `_count`, `_bucket`.
const METRICS: &[(&str, Family, Quantity, u32)] = &[
    ("istio_requests", Family::Istio, Quantity::Requests, 1),
    ("istio_request_duration_milliseconds", Family::Istio, Quantity::Time, 1_000_000),
    ("istio_request_bytes", Family::Istio, Quantity::RequestSize, 1),
    ("istio_response_bytes", Family::Istio, Quantity::ResponseSize, 1),
    ("response", Family::Linkerd, Quantity::Requests, 1),
    ("request", Family::Linkerd, Quantity::Requests, 1),
    ("response_latency_ms", Family::Linkerd, Quantity::Time, 1_000_000),
    ("traces_service_graph_request", Family::OpenTelemetry, Quantity::Requests, 1),
    ("traces_service_graph_request_failed", Family::OpenTelemetry, Quantity::Failures, 1),
    (
        "traces_service_graph_request_server_seconds",
        Family::OpenTelemetry,
        Quantity::ServerTime,
        1_000_000_000,
    ),
    (
        "traces_service_graph_request_client_seconds",
        Family::OpenTelemetry,
        Quantity::ClientTime,
        1_000_000_000,
    ),
    ("container_cpu_usage_seconds", Family::Container, Quantity::Cpu, 1),
];

impl Measure {
    /// Of the metric of this name; OpenTelemetry's may have a prefix.
    pub(super) fn of(name: &str) -> Option<Self> {
        let parts = [
            ("_total", Part::Total),
            ("_sum", Part::Sum),
            ("_count", Part::Count),
            ("_bucket", Part::Bucket),
        ];
        let (base, part) = parts.into_iter().find_map(|(end, part)| Some((name.strip_suffix(end)?, part)))?;
        let base = base.find("traces_service_graph_").map_or(base, |start| &base[start..]);
        let (_, family, quantity, unit) = METRICS.iter().copied().find(|(known, ..)| *known == base)?;
        let counts = matches!(quantity, Quantity::Requests | Quantity::Failures | Quantity::Cpu);
        (counts == (part == Part::Total)).then_some(Self { family, quantity, unit, part })
    }
}

/// The metric that series without a name come from, where labels leave no doubt.
pub(super) fn guessed_name(labels: &BTreeMap<String, Located<String>>) -> Option<&'static str> {
    let has = |name: &str| labels.contains_key(name);
    if has("le") {
        return None;
    }
    match () {
        () if has("source_workload") || has("destination_workload") || has("destination_service_name") => {
            Some("istio_requests_total")
        }
        () if has("client") && has("server") => Some("traces_service_graph_request_total"),
        () if has("deployment") && has("dst_deployment") => Some("response_total"),
        () if has("container") => Some("container_cpu_usage_seconds_total"),
        () => None,
    }
}

/// One end of a call as labels name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peer {
    /// Empty if it is not known, as all of this.
    pub(super) namespace: String,
    /// What is asked.
    pub(super) service: String,
    /// What answers.
    pub(super) workload: String,
    pub(super) version: String,
}

/// The first of these labels that says something.
fn first(sample: &Sample, names: &[&str]) -> String {
    names.iter().find_map(|name| sample.label(name)).map(|label| label.value.clone()).unwrap_or_default()
}

impl Sample {
    /// Who called; without a workload it is not known.
    pub(super) fn caller(&self) -> Peer {
        let of = |namespace: &[&str], service: &[&str], workload: &[&str], version: &[&str]| Peer {
            namespace: first(self, namespace),
            service: first(self, service),
            workload: first(self, workload),
            version: first(self, version),
        };
        match self.measure.family {
            Family::Istio => of(
                &["source_workload_namespace"],
                &["source_canonical_service", "source_app", "source_workload"],
                &["source_workload", "source_canonical_service", "source_app"],
                &["source_version", "source_canonical_revision"],
            ),
            Family::Linkerd if self.text("direction") == "inbound" => of(&[], &[], &[], &[]),
            Family::Linkerd => of(&["namespace"], WORKLOADS, WORKLOADS, &[]),
            Family::OpenTelemetry | Family::Container => of(&[], &["client"], &["client"], &[]),
        }
    }

    /// Who was called; `None` if nothing says so.
    pub(super) fn callee(&self) -> Option<Peer> {
        let of = |namespace: &[&str], service: &[&str], workload: &[&str], version: &[&str]| Peer {
            namespace: first(self, namespace),
            service: first(self, service),
            workload: first(self, workload),
            version: first(self, version),
        };
        let peer = match self.measure.family {
            Family::Istio => of(
                &["destination_service_namespace", "destination_workload_namespace"],
                &[
                    "destination_service_name",
                    "destination_canonical_service",
                    "destination_app",
                    "destination_workload",
                ],
                &["destination_workload"],
                &["destination_version", "destination_canonical_revision", "destination_workload"],
            ),
            Family::Linkerd if self.text("direction") == "inbound" => {
                of(&["namespace"], WORKLOADS, WORKLOADS, &[])
            }
            Family::Linkerd => of(&["dst_namespace", "namespace"], DST_WORKLOADS, DST_WORKLOADS, &[]),
            Family::OpenTelemetry => of(&[], &["server"], &["server"], &[]),
            Family::Container => return None,
        };
        // Envoy's names for "no service that it knows".
        let nobody = matches!(peer.service.as_str(), "" | "PassthroughCluster" | "BlackHoleCluster");
        (!nobody).then_some(peer)
    }

    /// Whether these requests failed.
    pub(super) fn failed(&self) -> bool {
        let code = self.text("response_code");
        let status = self.text("grpc_response_status");
        let status = if status.is_empty() { self.text("grpc_status") } else { status };
        let of_server = code.len() == 3 && code.starts_with('5');
        of_server
            || code == "0"
            || self.text("classification") == "failure"
            || !matches!(status, "" | "0" | "OK")
    }
}

const WORKLOADS: &[&str] = &["deployment", "statefulset", "daemonset"];
const DST_WORKLOADS: &[&str] = &["dst_deployment", "dst_statefulset", "dst_daemonset", "dst_service"];

//! What a profile says of telemetry: metrics by side, what tells their series apart, bytes.

use crate::mesh::model::{
    Logs, Metrics, Outcomes, Peers, PrometheusModel, Reports, SideModel, TelemetryModel,
};

use super::dimension::Dimension::{Count, Size};
use super::parameters::{Parameter, SWITCH, number, word};
use super::resolve::Reader;

/// What describes the telemetry of a proxy, in whatever role. Its metrics count where `features.telemetry` is on.
#[rustfmt::skip]
pub(super) static OF_PROXIES: &[Parameter] = &[
    word("telemetry.reports", &["both", "passing"], "Whether both ends report a request, or the proxy between them once."),
    word("telemetry.peers", &["workload", "endpoint"], "How metrics tell receivers apart: by workload or by pod."),
    word("telemetry.outcomes", &["code_and_flags", "code", "flags", "none"], "What of a response is a label."),
    word("telemetry.connections", &["opaque", "all"], "Which connections have metrics of their own."),
    word("telemetry.logs", &["request", "inbound_request", "connection"], "What a line of the access log is about."),
    number("telemetry.base_series", Count, "Series of a proxy without traffic, its agent's included."),
    number("telemetry.histogram_buckets", Count, "Buckets of a histogram, that of infinity included."),
    word("telemetry.outbound.requests", SWITCH, "Sent: a counter of requests by peer and outcome."),
    word("telemetry.outbound.durations", SWITCH, "Sent: a histogram of durations by peer and outcome."),
    word("telemetry.outbound.request_sizes", SWITCH, "Sent: a histogram of request sizes by peer and outcome."),
    word("telemetry.outbound.response_sizes", SWITCH, "Sent: a histogram of response sizes by peer and outcome."),
    word("telemetry.outbound.connections_opened", SWITCH, "Sent: a counter of connections opened by peer."),
    word("telemetry.outbound.connections_closed", SWITCH, "Sent: a counter of connections closed by peer."),
    word("telemetry.outbound.bytes_sent", SWITCH, "Sent: a counter of bytes sent by peer."),
    word("telemetry.outbound.bytes_received", SWITCH, "Sent: a counter of bytes received by peer."),
    number("telemetry.outbound.peer_counters", Count, "Sent: counters of requests by peer, whatever became of them."),
    number("telemetry.outbound.connection_counters", Count, "Sent: further counters and gauges of connections by peer."),
    number("telemetry.outbound.connection_histograms", Count, "Sent: histograms of connections by peer."),
    number("telemetry.outbound.service_series", Count, "Sent: series per called service, whoever answers."),
    word("telemetry.inbound.requests", SWITCH, "Received: a counter of requests by caller and outcome."),
    word("telemetry.inbound.durations", SWITCH, "Received: a histogram of durations by caller and outcome."),
    word("telemetry.inbound.request_sizes", SWITCH, "Received: a histogram of request sizes by caller and outcome."),
    word("telemetry.inbound.response_sizes", SWITCH, "Received: a histogram of response sizes by caller and outcome."),
    word("telemetry.inbound.connections_opened", SWITCH, "Received: a counter of connections opened by caller."),
    word("telemetry.inbound.connections_closed", SWITCH, "Received: a counter of connections closed by caller."),
    word("telemetry.inbound.bytes_sent", SWITCH, "Received: a counter of bytes sent by caller."),
    word("telemetry.inbound.bytes_received", SWITCH, "Received: a counter of bytes received by caller."),
    number("telemetry.inbound.peer_counters", Count, "Received: counters of requests by caller, whatever became of them."),
    number("telemetry.inbound.connection_counters", Count, "Received: further counters and gauges of connections by caller."),
    number("telemetry.inbound.connection_histograms", Count, "Received: histograms of connections by caller."),
    number("telemetry.memory_per_counter", Size, "Memory of a counter in the proxy; a part of what it holds anyway."),
    number("telemetry.memory_per_histogram", Size, "Memory of a histogram in the proxy; a part of what it holds anyway."),
    number("telemetry.log_line", Size, "Bytes of a line of the access log."),
    number("telemetry.span", Size, "Bytes of a span."),
];

impl Reader<'_> {
    pub(super) fn telemetry(self) -> TelemetryModel {
        let has_metrics = self.is_on("telemetry");
        let side = |name: &str| if has_metrics { self.side(name) } else { SideModel::default() };
        TelemetryModel {
            reports: if self.word("telemetry.reports") == "both" { Reports::Both } else { Reports::Passing },
            peers: if self.word("telemetry.peers") == "workload" { Peers::Workload } else { Peers::Endpoint },
            outcomes: match self.word("telemetry.outcomes") {
                "code_and_flags" => Outcomes::CodeAndFlags,
                "code" => Outcomes::Code,
                "flags" => Outcomes::Flags,
                _ => Outcomes::None,
            },
            counts_all_connections: self.word("telemetry.connections") == "all",
            base_series: self.number("telemetry.base_series"),
            histogram_series: self.number("telemetry.histogram_buckets") + SUM_AND_COUNT,
            outbound: side("outbound"),
            inbound: side("inbound"),
            service_series: if has_metrics { self.number("telemetry.outbound.service_series") } else { 0.0 },
            memory_per_counter: self.number("telemetry.memory_per_counter"),
            memory_per_histogram: self.number("telemetry.memory_per_histogram"),
            logs: self.is_on("access_log").then(|| match self.word("telemetry.logs") {
                "request" => Logs::Request,
                "inbound_request" => Logs::InboundRequest,
                _ => Logs::Connection,
            }),
            log_line: self.number("telemetry.log_line"),
            sampled_ratio: if self.is_on("tracing") {
                self.number("features.tracing.sampled_ratio")
            } else {
                0.0
            },
            span: self.number("telemetry.span"),
        }
    }

    fn side(self, side: &str) -> SideModel {
        let number = |name: &str| self.number(&format!("telemetry.{side}.{name}"));
        let on = |names: &[&str]| {
            let is_on =
                |name: &&&str| matches!(self.word(&format!("telemetry.{side}.{name}")), "on" | "always");
            names.iter().filter(is_on).count() as f64
        };
        SideModel {
            by_outcome: Metrics {
                counters: on(&["requests"]),
                histograms: on(&["durations", "request_sizes", "response_sizes"]),
            },
            by_peer: Metrics { counters: number("peer_counters"), histograms: 0.0 },
            connections: Metrics {
                counters: on(&["connections_opened", "connections_closed", "bytes_sent", "bytes_received"])
                    + number("connection_counters"),
                histograms: number("connection_histograms"),
            },
        }
    }

    pub(super) fn prometheus(self) -> PrometheusModel {
        PrometheusModel {
            scrape_interval: self.span("scrape_interval"),
            memory_per_series: self.number("memory_per_series"),
            head_time: self.span("head_time"),
        }
    }
}

/// Series of a histogram beside its buckets.
const SUM_AND_COUNT: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::profile::{Profile, find};

    fn shipped(name: &str) -> Profile {
        find(name, None).expect("it is shipped")
    }

    #[test]
    fn each_mesh_has_its_metrics() {
        let istio = shipped("istio-sidecar").model(4).sidecar.expect("it has one").telemetry;
        assert_eq!(istio.series(istio.outbound.by_outcome), 1.0 + 3.0 * 22.0);
        assert_eq!(istio.series(istio.inbound.connections), 4.0);
        assert_eq!((istio.logs, istio.sampled_ratio), (None, 0.0), "neither is on by default");

        let ambient = shipped("istio-ambient-waypoint").model(4);
        let ztunnel = ambient.node_proxy.expect("it has one").proxy.telemetry;
        assert_eq!(ztunnel.series(ztunnel.outbound.by_outcome), 0.0);
        assert_eq!(ztunnel.series(ztunnel.outbound.connections), 4.0);
        assert_eq!(ztunnel.logs, Some(Logs::Connection));
        let waypoint = ambient.waypoint.expect("it has some").proxy.telemetry;
        assert_eq!(waypoint.reports, Reports::Passing);
        assert_eq!(waypoint.series(waypoint.inbound.by_outcome), 67.0);

        let linkerd = shipped("linkerd").model(4).sidecar.expect("it has one").telemetry;
        assert_eq!(linkerd.peers, Peers::Endpoint);
        assert_eq!(linkerd.series(linkerd.outbound.by_outcome), 1.0 + 14.0);
        assert_eq!(linkerd.series(linkerd.outbound.connections), 5.0 + 14.0);

        let bare = shipped("none").model(4).gateway.telemetry;
        assert!(!bare.outbound.by_outcome.is_some() && bare.base_series > 0.0, "Envoy's own counters");
    }

    #[test]
    fn switches_take_metrics_away() {
        let mut profile = shipped("istio-sidecar");
        for (path, text) in [
            ("proxy.telemetry.outbound.request_sizes", "off"),
            ("proxy.telemetry.outcomes", "code"),
            ("features.access_log", "on"),
            ("features.tracing", "on"),
        ] {
            profile.set(path, text, None).expect("it can be set");
        }
        let telemetry = profile.model(4).sidecar.expect("it has one").telemetry;
        assert_eq!(telemetry.series(telemetry.outbound.by_outcome), 45.0);
        assert_eq!(telemetry.series(telemetry.inbound.by_outcome), 67.0);
        assert_eq!((telemetry.outcomes, telemetry.logs), (Outcomes::Code, Some(Logs::Request)));
        assert!(telemetry.sampled_ratio > 0.0);
        profile.set("features.telemetry", "off", None).expect("it can be set");
        let telemetry = profile.model(4).sidecar.expect("it has one").telemetry;
        assert!(!telemetry.outbound.by_outcome.is_some() && !telemetry.inbound.connections.is_some());
    }

    #[test]
    fn what_a_mesh_always_counts_cannot_be_switched_off() {
        let mut profile = shipped("linkerd");
        assert!(profile.set("proxy.telemetry.outbound.requests", "off", None).is_err());
        assert!(profile.set("proxy.telemetry.outbound.request_sizes", "on", None).is_err());
    }
}

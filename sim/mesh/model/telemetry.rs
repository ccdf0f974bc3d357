//! What a proxy tells of its traffic: time series, lines of an access log, spans.

use crate::units::Span;

/// Telemetry of one proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetryModel {
    /// Whose traffic its metrics tell apart.
    pub reports: Reports,
    /// How it tells the pods apart that it sends to.
    pub peers: Peers,
    /// How it tells apart what became of requests.
    pub outcomes: Outcomes,
    /// Connections that carry requests have the metrics of connections too.
    pub counts_all_connections: bool,
    /// Series without any traffic.
    pub base_series: f64,
    /// Series of one histogram: its buckets, sum and count.
    pub histogram_series: f64,
    /// Of what it sends.
    pub outbound: SideModel,
    /// Of what it receives.
    pub inbound: SideModel,
    /// Series per called service, whoever answers.
    pub service_series: f64,
    /// Bytes of a counter in the proxy.
    pub memory_per_counter: f64,
    /// Bytes of a histogram in the proxy.
    pub memory_per_histogram: f64,
    /// Its access log; `None` is none.
    pub logs: Option<Logs>,
    /// Bytes of a line.
    pub log_line: f64,
    /// Share of the requests that leave a span; 0 without tracing.
    pub sampled_ratio: f64,
    /// Bytes of a span.
    pub span: f64,
}

/// Metrics of one side of a proxy, for each combination of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SideModel {
    /// Of requests, by peer and by what became of them.
    pub by_outcome: Metrics,
    /// Of requests, by peer alone.
    pub by_peer: Metrics,
    /// Of connections, by peer.
    pub connections: Metrics,
}

/// So many metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Counters and gauges: a series each.
    pub counters: f64,
    /// Histograms: a series for each bucket, and for sum and count.
    pub histograms: f64,
}

impl Metrics {
    /// Whether there is any.
    pub fn is_some(self) -> bool {
        self.counters + self.histograms > 0.0
    }
}

impl TelemetryModel {
    /// Series of some metrics, once.
    pub fn series(&self, metrics: Metrics) -> f64 {
        metrics.counters + metrics.histograms * self.histogram_series
    }

    /// Bytes of some metrics in the proxy, once.
    pub fn memory(&self, metrics: Metrics) -> f64 {
        metrics.counters * self.memory_per_counter + metrics.histograms * self.memory_per_histogram
    }
}

/// Which traffic a proxy reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reports {
    /// What its own pods send and what they receive, each with the other end.
    Both,
    /// What passes through on its way from one workload to another, once.
    Passing,
}

/// How the receiving end is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peers {
    /// By workload: a service, or a version of one.
    Workload,
    /// By pod.
    Endpoint,
}

/// What tells requests apart by what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcomes {
    /// Status and Envoy's response flags.
    CodeAndFlags,
    /// Status.
    Code,
    /// Response flags.
    Flags,
    /// Nothing.
    None,
}

/// What a line of the access log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    /// A request, at either side.
    Request,
    /// A request, where it is received.
    InboundRequest,
    /// A connection, at either side.
    Connection,
}

/// What keeps the metrics of proxies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrometheusModel {
    /// Time between two scrapes.
    pub scrape_interval: Span,
    /// Bytes per series in the head.
    pub memory_per_series: f64,
    /// How long a series that has ended stays in the head.
    pub head_time: Span,
}

//! What proxies tell of their traffic, as one replication's traffic makes it: an expected number of time series, so no
//! whole number.

/// Series, logs and spans of all proxies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TelemetryRecord {
    /// Series by what they are about, all proxies together.
    pub series: Series,
    /// Series that Prometheus still holds of pods that are gone.
    pub of_replaced_pods: f64,
    /// Series of each group of proxies, those of replaced pods apart; in the order of the proxies' records.
    pub of_groups: Vec<f64>,
    /// Bytes of live metrics in all proxies.
    pub proxy_bytes: f64,
    /// Seconds between two scrapes.
    pub scrape_interval: f64,
    /// Bytes that Prometheus needs for a series.
    pub bytes_per_series: f64,
    /// Spans per second, and their bytes.
    pub spans: [f64; 2],
    /// Lines of access logs per second, and their bytes.
    pub log_lines: [f64; 2],
}

/// Series by what they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Series {
    /// The proxies themselves.
    pub base: f64,
    /// What they send.
    pub outbound: f64,
    /// What they receive, or what passes through.
    pub inbound: f64,
}

impl Series {
    /// All of them.
    pub fn total(&self) -> f64 {
        self.base + self.outbound + self.inbound
    }
}

impl TelemetryRecord {
    /// Series that one scrape of every proxy finds.
    pub fn exposed(&self) -> f64 {
        self.series.total()
    }

    /// Series in Prometheus' head.
    pub fn active(&self) -> f64 {
        self.exposed() + self.of_replaced_pods
    }

    /// Samples per second.
    pub fn samples(&self) -> f64 {
        self.exposed() / self.scrape_interval
    }

    /// Bytes of Prometheus for them.
    pub fn prometheus_bytes(&self) -> f64 {
        self.active() * self.bytes_per_series
    }

    /// Makes every number the mean of itself and another one, as `mean` weighs them.
    ///
    /// # Panics
    /// When the groups differ: they are not replications of one program.
    pub(super) fn average(&mut self, other: &Self, mean: impl Fn(f64, f64) -> f64) {
        assert_eq!(self.of_groups.len(), other.of_groups.len(), "replications have the same groups");
        let Self { series, of_replaced_pods, of_groups, proxy_bytes, spans, log_lines, .. } = self;
        let own =
            [&mut series.base, &mut series.outbound, &mut series.inbound, of_replaced_pods, proxy_bytes];
        let others = [
            other.series.base,
            other.series.outbound,
            other.series.inbound,
            other.of_replaced_pods,
            other.proxy_bytes,
        ];
        for (own, other) in own.into_iter().zip(others) {
            *own = mean(*own, other);
        }
        let lists = [
            (&mut spans[..], &other.spans[..]),
            (&mut log_lines[..], &other.log_lines[..]),
            (&mut of_groups[..], &other.of_groups[..]),
        ];
        for (own, other) in lists.into_iter().flat_map(|(own, other)| own.iter_mut().zip(other)) {
            *own = mean(*own, *other);
        }
    }
}

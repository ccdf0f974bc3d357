//! Results as one flat table: a row per scope, name, metric and statistic.

use std::fmt;

use crate::units::Currency;

use super::lookup::Lookup;

/// What the replications of one scenario under one mesh say.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the mesh profile.
    pub mesh: String,
    /// The mesh that metrics ending in `_added` are measured against, if any.
    pub baseline: Option<String>,
    /// Number of independent replications.
    pub replications: usize,
    /// False when some station was saturated by open traffic: no row then has an interval.
    pub stationary: bool,
    /// Scenario first, then entries, services, versions, edges, proxies, nodes, changes of configuration, telemetry and pairs of zones
    /// in the program's order.
    pub rows: Vec<Row>,
    /// What a reader must know beside the numbers: one sentence each.
    pub notes: Vec<String>,
    /// Of the rows.
    pub(super) lookup: Lookup,
}

impl Results {
    /// Appends what this mesh adds to `baseline`, as [`difference`](super::difference) computed it.
    pub fn with_baseline(mut self, baseline: &str, added: Vec<Row>) -> Self {
        self.baseline = Some(baseline.to_owned());
        self.extend(added);
        self
    }

    /// Appends rows.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
        self.lookup = Lookup::default();
    }

    /// Keeps only the rows of these scopes.
    pub fn retain(&mut self, scopes: &[Scope]) {
        self.rows.retain(|row| scopes.contains(&row.scope));
        self.lookup = Lookup::default();
    }

    /// The estimate of one row, if there is such a row.
    pub fn get(&self, scope: Scope, name: &str, metric: &str, statistic: Statistic) -> Option<&Estimate> {
        let matches = |row: &&Row| row.statistic == statistic && row.metric == metric;
        self.lookup.of(&self.rows, scope, name).find(matches).map(|row| &row.value)
    }

    /// Names within a scope, in order, each once.
    pub fn names(&self, scope: Scope) -> Vec<&str> {
        self.lookup.firsts(&self.rows, scope).map(|row| row.name.as_str()).collect()
    }
}

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What kind of thing it describes.
    pub scope: Scope,
    /// Which one; the scenario's name in [`Scope::Scenario`].
    pub name: String,
    /// Which quantity.
    pub metric: &'static str,
    /// Which statistic of it.
    pub statistic: Statistic,
    /// The number itself.
    pub value: Estimate,
    /// Its unit.
    pub unit: Unit,
}

/// A value and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// In the row's unit.
    pub value: f64,
    /// 95 % confidence interval of the simulation (replications), low and high.
    pub interval: Option<(f64, f64)>,
    /// Interval of the model (constants drawn within their ranges), low and high; never merged with the other.
    pub model: Option<(f64, f64)>,
    /// Whether `value` is the number or a bound.
    pub kind: Kind,
}

impl Estimate {
    /// Half the width of the interval relative to the value; `None` without an interval or at zero.
    pub fn relative_half_width(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        (self.value != 0.0).then(|| (high - low) / 2.0 / self.value.abs())
    }
}

/// Whether a value is the number or a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The number.
    Exact,
    /// The number is larger: it lies among requests that had no answer when the run ended.
    AtLeast,
}

/// A closed set of words, each with the spelling it has in files.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As written in files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What kind of thing a row describes.
    Scope {
        /// The whole.
        Scenario = "scenario",
        /// A source of traffic: what its users see.
        Entry = "entry",
        /// The instances of a service, all versions together.
        Service = "service",
        /// The instances of a version, of services that have any.
        Version = "version",
        /// A caller and a callee.
        Edge = "edge",
        /// A group of like proxies.
        Proxy = "proxy",
        /// A machine.
        Node = "node",
        /// Pods of a workload that come and go.
        Pods = "pods",
        /// A stage of their start.
        PodStart = "pod_start",
        /// A zone and another one.
        Zone = "zone",
        /// Changes of configuration, one event's or all, and what they cost.
        ControlPlane = "control_plane",
        /// Metrics, logs and spans of the proxies, of all or of a group of like ones.
        Telemetry = "telemetry",
    }
}

words! {
    /// A statistic of a quantity.
    Statistic {
        /// Mean over requests, over time, or over instances.
        Mean = "mean",
        /// Median.
        P50 = "p50",
        /// 90th percentile.
        P90 = "p90",
        /// 95th percentile.
        P95 = "p95",
        /// 99th percentile.
        P99 = "p99",
        /// 99.9th percentile.
        P999 = "p999",
        /// Largest seen in any replication.
        Max = "max",
        /// Sum over instances, or a count over all replications.
        Total = "total",
    }
}

impl Statistic {
    /// The quantile in (0, 1) of a percentile.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            Self::Mean | Self::Max | Self::Total => None,
        }
    }
}

/// The unit of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Events per second.
    PerSecond,
    /// A fraction of 1.
    Ratio,
    /// Busy cores.
    Cores,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// A number of things.
    Count,
    /// Money, of a month unless the metric says otherwise.
    Money(Currency),
}

impl Unit {
    /// As written in files; money by its currency.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Seconds => "s",
            Self::PerSecond => "1/s",
            Self::Ratio => "ratio",
            Self::Cores => "cores",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes/s",
            Self::Count => "count",
            Self::Money(currency) => currency.code(),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

//! Words that mean the same as written and as checked: what needs no name resolved. `Draft` and `Scenario` share them.
//!
//! Times in distributions are nanoseconds, sizes bytes.

use crate::kernel::dist::Dist;
use crate::units::{Bytes, Cores, Rate, Ratio, Span};

pub mod autoscale;
mod certificate;
pub mod failure;
mod lifecycle;
mod proxy;
pub mod request;
pub mod resilience;
pub mod routing;
mod telemetry;
pub mod text;

pub use certificate::{CertificateSettings, Issued};
pub use lifecycle::{Amount, PodLife, Readiness, UpdateStrategy};
pub use proxy::{ProxyKind, ProxySettings};
pub use telemetry::TelemetrySettings;

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// One request at a time per connection.
    Http1,
    /// Many requests at a time per connection.
    Http2,
    /// HTTP/2 with gRPC framing.
    Grpc,
    /// Bytes that no proxy understands; balanced per connection.
    Tcp,
}

/// The order in which an instance serves its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// Everybody at once, each at an equal share of the workers' speed.
    ProcessorSharing,
}

/// What every instance of a service runs: how it serves, what it takes, how it calls others.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// What its port speaks.
    pub protocol: Protocol,
    /// Requests one instance serves at once; `None` is unlimited.
    pub workers: Option<u32>,
    /// Whether a worker stays busy while the instance waits for calls and sleeps.
    pub hold_workers: bool,
    /// In which order an instance serves.
    pub discipline: Discipline,
    /// Requests that may wait for a worker; one more is rejected with an error. `None` is unlimited.
    pub queue_limit: Option<u32>,
    /// CPU and memory of the container.
    pub resources: Resources,
    /// Memory an idle instance takes.
    pub memory: Bytes,
    /// How it calls others.
    pub client: Client,
    /// How its pods start, end and are replaced.
    pub lifecycle: PodLife,
}

impl Default for Application {
    /// What holds where a scenario is silent.
    fn default() -> Self {
        Self {
            protocol: Protocol::Http1,
            workers: None,
            hold_workers: false,
            discipline: Discipline::Fifo,
            queue_limit: None,
            resources: Resources::default(),
            memory: Bytes::ZERO,
            client: Client::default(),
            lifecycle: PodLife::default(),
        }
    }
}

/// Container resources, as Kubernetes has them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// CPU the scheduler reserves.
    pub cpu_request: Option<Cores>,
    /// CPU quota.
    pub cpu_limit: Option<Cores>,
    /// Memory the scheduler reserves.
    pub memory_request: Option<Bytes>,
    /// Memory above which the container is killed.
    pub memory_limit: Option<Bytes>,
}

/// Who may use the cores of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCores {
    /// The containers of a node share its cores; where they want more, their CPU work takes longer.
    Shared,
    /// Every container always finds a free core.
    Unlimited,
}

/// How an application calls others.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Keeps connections for the next request; otherwise each request opens its own.
    pub keep_alive: bool,
    /// Connections per instance and called service; `None` is unlimited. Further requests wait for one.
    pub pool_size: Option<u32>,
    /// After this long without a response the application gives up a call; a call's own timeout goes before it.
    pub timeout: Option<Span>,
    /// Calls that the application makes again after a failure or timeout, at most so often, beside what proxies do.
    pub retries: u32,
}

impl Default for Client {
    fn default() -> Self {
        Self { keep_alive: true, pool_size: None, timeout: None, retries: 0 }
    }
}

/// A way to choose one of several endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Balancing {
    /// The policy.
    pub policy: BalancingPolicy,
    /// What consistent hashing looks at.
    pub hash_on: HashOn,
}

/// Load-balancing policies; each is a file in `policy/balance/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BalancingPolicy {
    /// Any endpoint, equally likely.
    Random,
    /// Each in turn.
    RoundRobin,
    /// The one of two random endpoints with fewer active requests.
    LeastRequest,
    /// The one of two random endpoints with the lower peak-EWMA latency × (pending + 1).
    PeakEwma,
    /// Consistent hashing on a ring.
    RingHash,
    /// Consistent hashing with Maglev's table.
    Maglev,
    /// Random once per connection (kube-proxy, ztunnel).
    PerConnection,
}

impl BalancingPolicy {
    /// Every policy, in the order of the variants, by its name in scenarios and profiles.
    pub const ALL: [(&'static str, Self); 7] = [
        ("random", Self::Random),
        ("round_robin", Self::RoundRobin),
        ("least_request", Self::LeastRequest),
        ("peak_ewma", Self::PeakEwma),
        ("ring_hash", Self::RingHash),
        ("maglev", Self::Maglev),
        ("per_connection", Self::PerConnection),
    ];

    /// The names alone.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut row = 0;
        while row < names.len() {
            names[row] = Self::ALL[row].0;
            row += 1;
        }
        names
    };

    /// As written in scenarios and profiles.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What a consistent hash is taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashOn {
    /// The calling instance.
    Source,
    /// The value of a header the traffic source gives its requests.
    Header(String),
    /// The value of a cookie: a header of the traffic source called `cookie:NAME`, or else one that the caller's proxy
    /// makes up for each user.
    Cookie {
        /// Lower-case name.
        name: String,
        /// How long a cookie that is made up lasts, zero being for ever; with `None` none is made up.
        ttl: Option<Span>,
    },
    /// The value of a query parameter: a header of the traffic source called `?NAME`.
    Query(String),
}

impl HashOn {
    /// The header of traffic sources that holds the input; `None` for the caller.
    pub fn header(&self) -> Option<String> {
        match self {
            Self::Source => None,
            Self::Header(name) => Some(name.clone()),
            Self::Cookie { name, .. } => Some(format!("cookie:{name}")),
            Self::Query(name) => Some(format!("?{name}")),
        }
    }
}

/// CPU that an operation's service time burns.
#[derive(Clone, Debug, PartialEq)]
pub enum CpuTime {
    /// This share of the service time.
    Share(Ratio),
    /// A distribution of its own, in nanoseconds.
    Own(Dist),
}

/// Where requests enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From a client without a proxy.
    Outside,
    /// From client pods inside the mesh, each with a proxy of its own if the mesh has one per pod.
    MeshedClient {
        /// Number of client pods.
        replicas: u32,
    },
    /// From outside through an ingress gateway, a proxy that stands there under every mesh.
    Gateway {
        /// Sources that name the same gateway share it.
        name: String,
        /// Number of gateway pods.
        replicas: u32,
    },
}

impl Origin {
    /// Pods that this origin adds: clients or gateways.
    pub const fn replicas(&self) -> u32 {
        match self {
            Self::Outside => 0,
            Self::MeshedClient { replicas } | Self::Gateway { replicas, .. } => *replicas,
        }
    }
}

/// A request header and the odds of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Lower-case name.
    pub name: String,
    /// Its values with their weights; the rest to a total of 1 have no such header.
    pub values: HeaderValues,
}

/// How a header's value is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValues {
    /// These values with these probabilities (sum at most 1).
    Shares(Vec<(String, f64)>),
    /// One of so many equally likely values (user or session identifiers).
    Distinct(u32),
}

/// When requests come. Open sources do not look at responses; closed ones wait for them.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent arrivals at a constant rate.
    Poisson {
        /// Mean rate.
        rate: Rate,
    },
    /// Equally spaced arrivals.
    Constant {
        /// Rate.
        rate: Rate,
    },
    /// Poisson with a rate that goes linearly from one value to another and stays there.
    Ramp {
        /// Rate at time zero.
        from: Rate,
        /// Rate at and after `over`.
        to: Rate,
        /// Length of the ramp.
        over: Span,
    },
    /// Poisson with rate mean · (1 + amplitude · sin(2π(t/period))).
    Diurnal {
        /// Mean rate over a period.
        mean: Rate,
        /// Relative swing, in [0, 1].
        amplitude: Ratio,
        /// Length of a day.
        period: Span,
    },
    /// Markov-modulated Poisson: exponential phases of calm and burst, starting calm.
    Bursty {
        /// Rate between bursts.
        calm_rate: Rate,
        /// Rate in a burst.
        burst_rate: Rate,
        /// Mean length of a calm phase.
        calm_mean: Span,
        /// Mean length of a burst.
        burst_mean: Span,
    },
    /// The given arrival times, in order.
    Trace {
        /// Time of each arrival since the start of the run, ascending.
        times: Vec<Span>,
    },
    /// Users who send, wait for the response, think and send again.
    Closed {
        /// Number of users.
        users: u32,
        /// Think time, in nanoseconds.
        think_time: Dist,
    },
    /// Connections that each send at a fixed rate, with at most one request in flight each (Fortio, wrk2, Nighthawk).
    Paced {
        /// Number of connections.
        connections: u32,
        /// Rate of all connections together.
        rate: Rate,
        /// How the connections' clocks relate.
        phase: Phase,
        /// Whether a late connection sends the missed requests at once (latency then counts from the intended time).
        catch_up: bool,
    },
}

/// How paced connections' clocks relate to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All tick at the same instant.
    Together,
    /// Ticks are spread evenly.
    Spread,
    /// Each clock starts at a random point of its interval and each tick is jittered by ±10 % of it.
    Jittered,
}

/// How long, how often, with which seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunSettings {
    /// Discarded transient.
    pub warm_up: Span,
    /// Requests that arrive within this span after the warm-up are measured.
    pub duration: Span,
    /// How long after the window the run waits for the last measured response.
    pub drain_limit: Span,
    /// Length of the time line's intervals; `None` lets the length of the run decide.
    pub interval: Option<Span>,
    /// Independent repetitions, at least 1.
    pub replications: u32,
    /// Wanted relative half-width of the p99's interval; replications are then added until it is reached.
    pub precision: Option<Ratio>,
    /// Everything random follows from it.
    pub seed: u64,
}

impl RunSettings {
    /// A time line has at most so many intervals.
    pub const MOST_INTERVALS: u64 = 1200;

    /// From the start of the warm-up to the end of the window.
    pub fn length(&self) -> Span {
        self.warm_up + self.duration
    }
}

/// What an SLO limits.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// The quantile of the response time must be at most `limit`.
    ResponseTime {
        /// Quantile in (0, 1), e.g. 0.99.
        quantile: f64,
        /// Largest allowed value.
        limit: Span,
    },
    /// The share of failed requests must be at most this.
    ErrorRatio(Ratio),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balancing_policies_stand_in_the_order_of_their_variants() {
        for (name, policy) in BalancingPolicy::ALL {
            assert_eq!(policy.name(), name);
        }
    }
}

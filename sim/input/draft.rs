//! What the user's files say, whatever their format: values with their places, names not yet resolved.

use crate::diag::Location;
use crate::kernel::dist::Dist;
use crate::units::{Bytes, Cores, Money, Ratio, Span};
use crate::vocabulary::routing::Status;
use crate::vocabulary::{
    Application, Arrivals, CertificateSettings, CpuTime, Header, NodeCores, Objective, Origin, Protocol,
    RunSettings, TelemetrySettings,
};

use super::defaults;
use super::tree::{Located, Node};

mod autoscale;
mod event;
mod proxy;
mod routing;

pub use autoscale::AutoscaleDraft;
pub use event::{ChangedDraft, EVENTS, EventDraft, EventKindDraft, NodesWhat};
pub use proxy::ProxyDraft;
pub use routing::{
    BackendDraft, ExternalDraft, GatewayDraft, Level, PolicyDraft, RouteDraft, ScopeDraft, SubsetDraft, Via,
};

/// Everything that was read, from all files together.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What the user calls it, or the name of the first file.
    pub name: Option<Located<String>>,
    /// Services in the order in which they were read.
    pub services: Vec<ServiceDraft>,
    /// Sources of traffic.
    pub sources: Vec<SourceDraft>,
    /// Which mesh, and for whom.
    pub mesh: MeshDraft,
    /// What lies between and beneath the pods.
    pub cluster: ClusterDraft,
    /// Rules for requests.
    pub routes: Vec<RouteDraft>,
    /// Policies towards services.
    pub policies: Vec<PolicyDraft>,
    /// Named parts of services' endpoints, beside their versions.
    pub subsets: Vec<SubsetDraft>,
    /// Ingress gateways that objects describe.
    pub gateways: Vec<GatewayDraft>,
    /// What proxies are told of, where that is less than everything.
    pub scopes: Vec<ScopeDraft>,
    /// Hosts outside the cluster that proxies are told of.
    pub external: Vec<ExternalDraft>,
    /// What no file said and was put in its place, a sentence each with where it belongs.
    pub guesses: Vec<Located<String>>,
    /// Service times among the guesses.
    pub guessed_times: Vec<GuessedTime>,
    /// How long, how often, with which seed.
    pub run: RunSettings,
    /// How metrics are gathered.
    pub telemetry: TelemetrySettings,
    /// How proxies came to their certificates, if anything is said of it.
    pub certificates: Option<CertificateSettings>,
    /// What happens during a run.
    pub events: Vec<EventDraft>,
    /// Limits.
    pub slos: Vec<SloDraft>,
    /// Sections that can be given only once, with where they were.
    pub given: Vec<(&'static str, Location)>,
    /// How many of the sources have a rate that no file gave.
    pub assumed_rates: usize,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            name: None,
            services: Vec::new(),
            sources: Vec::new(),
            mesh: MeshDraft::default(),
            cluster: ClusterDraft::default(),
            routes: Vec::new(),
            policies: Vec::new(),
            subsets: Vec::new(),
            gateways: Vec::new(),
            scopes: Vec::new(),
            external: Vec::new(),
            guesses: Vec::new(),
            guessed_times: Vec::new(),
            run: defaults::run(),
            telemetry: TelemetrySettings::default(),
            certificates: None,
            events: Vec::new(),
            slos: Vec::new(),
            given: Vec::new(),
            assumed_rates: 0,
        }
    }
}

/// A service time that nobody said.
#[derive(Clone, Debug, PartialEq)]
pub struct GuessedTime {
    /// The service, as calls name it.
    pub service: Located<String>,
    /// Its operation.
    pub operation: String,
    /// The true one lies between so many and so many times the guess.
    pub factors: (f64, f64),
}

impl GuessedTime {
    /// The range of a service time of which nothing is known.
    pub const FACTORS: (f64, f64) = (0.5, 2.0);
}

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDraft {
    /// Name within its namespace.
    pub name: Located<String>,
    /// Namespace, if one is written.
    pub namespace: Option<Located<String>>,
    /// What says that it is there.
    pub origin: Origins,
    /// Number of instances; of a service with versions, theirs together.
    pub replicas: Located<u32>,
    /// Labels of its pods, by name.
    pub labels: Vec<(String, String)>,
    /// Ports it can be called on, its main one first; empty if none is written.
    pub ports: Vec<PortDraft>,
    /// What each instance runs.
    pub application: Application,
    /// What it can be asked for.
    pub operations: Vec<OperationDraft>,
    /// Workloads behind it that differ; empty if all instances are alike.
    pub versions: Vec<VersionDraft>,
    /// Other names of it, or of a part of it.
    pub aliases: Vec<AliasDraft>,
    /// What its pods' proxies take, under the meshes for which manifests say so: of a service with versions, what all of
    /// them say.
    pub proxies: Vec<ProxyDraft>,
    /// What decides how many instances there are, if anything does.
    pub autoscale: Option<AutoscaleDraft>,
}

/// Another name under which a service is called: in Kubernetes, a second Service for the same pods.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasDraft {
    /// Name within the service's namespace.
    pub name: Located<String>,
    /// The subset that it stands for; `None` is all of the service.
    pub subset: Option<String>,
    /// Ports it can be called on; empty is those of the service.
    pub ports: Vec<u16>,
}

/// Begins the names of those keys of [`Origins::Scenario`] that stand in the section `lifecycle`.
pub const LIFECYCLE: &str = "lifecycle.";

/// What says that a service is there: kinds of files that say different things of one service are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// A service graph or scenario, with these keys written, those of its section `lifecycle` among them.
    Scenario(Vec<String>),
    /// Kubernetes manifests: replicas, labels, ports and resources, but not what it does.
    Manifest,
    /// Measurements: what it does, but not what it runs on.
    Observed,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortDraft {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Number that callers use.
    pub number: u16,
    /// What is spoken there.
    pub protocol: Protocol,
}

/// One of several workloads behind a service.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionDraft {
    /// Unique within the service.
    pub name: Located<String>,
    /// Number of instances.
    pub replicas: Located<u32>,
    /// Labels of its pods, those of the service included.
    pub labels: Vec<(String, String)>,
    /// What each instance runs.
    pub application: Application,
    /// What it can be asked for: the service's operations, some perhaps with bodies of its own.
    pub operations: Vec<OperationDraft>,
    /// What its pods' proxies take, those of the service included; of one kind the first one holds.
    pub proxies: Vec<ProxyDraft>,
}

impl ServiceDraft {
    /// A service of which nothing else is known: one instance, no operation.
    pub fn of(name: Located<String>, origin: Origins) -> Self {
        Self {
            namespace: None,
            origin,
            replicas: Located::new(defaults::REPLICAS, name.location),
            labels: Vec::new(),
            ports: Vec::new(),
            application: Application::default(),
            operations: Vec::new(),
            versions: Vec::new(),
            aliases: Vec::new(),
            proxies: Vec::new(),
            autoscale: None,
            name,
        }
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or(defaults::NAMESPACE, |namespace| &namespace.value)
    }

    /// `namespace/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace(), self.name.value)
    }
}

/// One thing a service can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationDraft {
    /// Name; of an operation written into its service, `default` at the place of the service's name.
    pub name: Located<String>,
    /// Method of its requests, for routes.
    pub method: Option<String>,
    /// Path of its requests, for routes.
    pub path: Option<String>,
    /// Time the application works on it, in nanoseconds.
    pub service_time: Dist,
    /// How much of that burns CPU.
    pub cpu_time: CpuTime,
    /// Bytes of a request.
    pub request_size: Dist,
    /// Bytes of a response.
    pub response_size: Dist,
    /// Share of requests that fail of themselves ...
    pub error_ratio: Ratio,
    /// ... and with which status.
    pub error_status: Status,
    /// What it does after its service time.
    pub script: Vec<StepDraft>,
}

impl OperationDraft {
    /// An operation that takes no time and never fails, with messages of the default sizes.
    pub fn of(name: Located<String>) -> Self {
        Self {
            name,
            method: None,
            path: None,
            service_time: Dist::ZERO,
            cpu_time: CpuTime::Share(Ratio::ONE),
            request_size: defaults::request_size(),
            response_size: defaults::response_size(),
            error_ratio: Ratio::ZERO,
            error_status: defaults::ERROR_STATUS,
            script: Vec::new(),
        }
    }
}

/// A step of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum StepDraft {
    /// One action after the other.
    One(ActionDraft),
    /// All at once.
    Parallel(Vec<ActionDraft>),
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionDraft {
    /// A call.
    Call(CallDraft),
    /// Waiting, in nanoseconds.
    Sleep(Dist),
}

/// A call of another service.
#[derive(Clone, Debug, PartialEq)]
pub struct CallDraft {
    /// Who is called: `service`, `namespace/service` or `service.namespace`.
    pub service: Located<String>,
    /// For what; the first operation if nothing is written.
    pub operation: Option<Located<String>>,
    /// Chance that the call is made.
    pub probability: Ratio,
    /// Repetitions.
    pub count: u32,
    /// Request bytes instead of the operation's own.
    pub request_size: Option<Dist>,
    /// After this long the caller gives up.
    pub timeout: Option<Span>,
    /// A failure leaves the caller's response successful.
    pub optional: bool,
}

impl CallDraft {
    /// One call of `service` that is always made.
    pub const fn of(service: Located<String>) -> Self {
        Self {
            service,
            operation: None,
            probability: Ratio::ONE,
            count: 1,
            request_size: None,
            timeout: None,
            optional: false,
        }
    }
}

/// A source of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceDraft {
    /// Name; that of the service if none is written.
    pub name: Located<String>,
    /// The service asked.
    pub service: Located<String>,
    /// For what; the first operation if nothing is written.
    pub operation: Option<Located<String>>,
    /// Host that its requests name, for the routes of gateways.
    pub host: Option<Located<String>>,
    /// Where its requests come from.
    pub from: Located<Origin>,
    /// When they come.
    pub arrivals: Located<ArrivalsDraft>,
    /// Request headers; `:path` and `:method` stand for those of its own requests, `?name` for a query parameter.
    pub headers: Vec<Located<Header>>,
    /// After this long the user gives up.
    pub timeout: Option<Span>,
}

/// When requests come, a trace file perhaps not read yet.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrivalsDraft {
    /// Complete.
    Known(Arrivals),
    /// In this file, named relative to the file that names it.
    TraceFile(String),
}

/// Which mesh, and for whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshDraft {
    /// Name or file of a profile.
    pub profile: Option<Located<String>>,
    /// Values of the profile to replace: path and value, both as written.
    pub overrides: Vec<(Located<String>, Located<String>)>,
    /// Values that a mesh's objects ask for, in this order; a profile that has no such value goes without.
    pub features: Vec<FeatureDraft>,
    /// If given, only these get a proxy.
    pub inject: Option<SelectionDraft>,
    /// These get none.
    pub exclude: SelectionDraft,
    /// Which services have a waypoint where the mesh has any; if nothing is written, every namespace has one.
    pub waypoints: Option<Vec<WaypointDraft>>,
}

/// A value of the profile that an object of a mesh asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureDraft {
    /// Kind and name, for messages.
    pub object: Located<String>,
    /// Path in the profile: `proxy.features.access_log.enabled`.
    pub path: String,
    /// What it is to be.
    pub value: FeatureValue,
}

/// What a value of the profile is to be.
#[derive(Clone, Debug, PartialEq)]
pub enum FeatureValue {
    /// This, as overrides are written.
    To(String),
    /// So many times what the profile says.
    Times(f64),
    /// This, where the profile says `word`: a mesh's own way to set what others set otherwise.
    Instead {
        /// What the profile says.
        word: String,
        /// What it is to be, as overrides are written.
        value: String,
    },
}

impl FeatureValue {
    /// A feature switched on or off.
    pub fn switch(on: bool) -> Self {
        Self::To(if on { "on" } else { "off" }.to_owned())
    }
}

/// A waypoint and the services it stands before.
#[derive(Clone, Debug, PartialEq)]
pub struct WaypointDraft {
    /// Unique among waypoints.
    pub name: Located<String>,
    /// Its services.
    pub services: SelectionDraft,
    /// Number of pods; the profile's if nothing is written.
    pub replicas: Option<u32>,
    /// The zone of its pods; any if nothing is written.
    pub zone: Option<Located<String>>,
}

/// Services picked by their own or their namespace's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelectionDraft {
    /// Whole namespaces.
    pub namespaces: Vec<Located<String>>,
    /// Single services.
    pub services: Vec<Located<String>>,
}

/// What lies between and beneath the pods.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterDraft {
    /// One-way delay between two pods of a zone, in nanoseconds.
    pub network_delay: Dist,
    /// One-way delay between two pods in different zones, in nanoseconds.
    pub zone_delay: Option<Located<Dist>>,
    /// One-way delay between an outside client and the cluster, in nanoseconds.
    pub outside_delay: Dist,
    /// Bits per second of one flow; `None` is unlimited.
    pub bandwidth: Option<f64>,
    /// CPU speed relative to the profile's reference machine.
    pub cpu_speed: f64,
    /// Proxies that share a core.
    pub core_sets: Vec<CoreSetDraft>,
    /// The machines; `None` if nothing is written of them.
    pub nodes: Option<NodesDraft>,
    /// Zones, if any are named.
    pub zones: Option<Located<Vec<Located<String>>>>,
    /// Price of a GB that goes from one zone to another.
    pub cross_zone_price: Option<Money>,
    /// Who may use the cores of a node, if that is written.
    pub cores: Option<NodeCores>,
    /// Where prices come from.
    pub prices: PricesDraft,
    /// Services that take no part in the traffic, if there are any.
    pub others: Option<OthersDraft>,
}

impl Default for ClusterDraft {
    fn default() -> Self {
        Self {
            network_delay: defaults::network_delay(),
            outside_delay: Dist::ZERO,
            bandwidth: None,
            cpu_speed: defaults::CPU_SPEED,
            core_sets: Vec::new(),
            zone_delay: None,
            nodes: None,
            zones: None,
            cross_zone_price: None,
            cores: None,
            prices: PricesDraft::Shipped,
            others: None,
        }
    }
}

/// Services of the cluster that take no part in the traffic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OthersDraft {
    /// How many; none if that is not written.
    pub services: Option<Located<u32>>,
    /// Endpoints of all of them together; one of each if that is not written.
    pub endpoints: Option<Located<u32>>,
}

/// The machines of the cluster, all alike. What is not written follows from the type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodesDraft {
    /// How many; `None` is as many as the pods need.
    pub count: Option<Located<u32>>,
    /// Name in the price table.
    pub node_type: Option<Located<String>>,
    /// CPU of one.
    pub cores: Option<Cores>,
    /// Memory of one.
    pub memory: Option<Bytes>,
    /// Pods that one may hold.
    pub pods: Option<u32>,
    /// Price of one for an hour.
    pub price: Option<Money>,
}

/// Where prices come from.
#[derive(Clone, Debug, PartialEq)]
pub enum PricesDraft {
    /// From the table that comes with the program.
    Shipped,
    /// From this file, named relative to the file that names it.
    File(Located<String>),
    /// From this document.
    Read(Node),
}

/// Proxies that share a core.
#[derive(Clone, Debug, PartialEq)]
pub struct CoreSetDraft {
    /// For messages.
    pub name: Located<String>,
    /// Services whose proxies run there.
    pub services: Vec<Located<String>>,
    /// Sources whose proxies run there.
    pub sources: Vec<Located<String>>,
    /// Number of cores.
    pub cores: u32,
}

/// A limit on results.
#[derive(Clone, Debug, PartialEq)]
pub struct SloDraft {
    /// The source it concerns; `None` is every source.
    pub entry: Option<Located<String>>,
    /// What is limited.
    pub objective: Objective,
    /// Where it stands.
    pub location: Location,
}

//! The names behind the rows of a [`RunRecord`](super::RunRecord), in the same order.

use crate::mesh::scenario::Event;
use crate::units::Currency;

/// Names of everything a record has rows for. Each vector is as long as the record's vector of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the mesh profile.
    pub mesh: String,
    /// Sources of traffic.
    pub entries: Vec<EntryLabel>,
    /// `namespace/name` of each service.
    pub services: Vec<String>,
    /// Versions of the services that have any.
    pub versions: Vec<VersionLabel>,
    /// Call edges.
    pub edges: Vec<EdgeLabel>,
    /// Groups of like proxies, named after the workload beside which they stand.
    pub proxies: Vec<String>,
    /// Machines.
    pub nodes: Vec<String>,
    /// Zones: what goes from one to another has a row per pair.
    pub zones: Vec<String>,
    /// Events that change configuration, then endpoints that come and go.
    pub changes: Vec<ChangeLabel>,
    /// Events that make pods come or go, and those for which nobody gets a certificate.
    pub incidents: Vec<ChangeLabel>,
    /// Workloads of which pods come and go.
    pub lives: Vec<String>,
    /// Proxies come to certificates.
    pub certificates: bool,
    /// Some proxy looks at rules, or some application repeats calls: attempts have rows.
    pub routed: bool,
    /// The currency of all money.
    pub currency: Currency,
    /// What was assumed before the run: one sentence each.
    pub notes: Vec<String>,
}

impl Labels {
    /// What rows about all events together are called.
    pub const ALL_CHANGES: &str = Event::ALL;
    /// What rows about the telemetry of all proxies together are called.
    pub const ALL_PROXIES: &str = "all proxies";
}

/// A source of traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryLabel {
    /// Its name.
    pub name: String,
    /// Its requests pass a gateway: the mean response time is given without it, too.
    pub gateway: bool,
    /// Requests keep coming whatever the responses do, so a saturated station has no steady state. False for users who
    /// wait for their response.
    pub open: bool,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeLabel {
    /// Its name.
    pub name: String,
    /// It is about endpoints, which change when pods come and go.
    pub is_about_endpoints: bool,
    /// When it happens first and last, since the start of the run, in nanoseconds.
    pub span: (u64, u64),
}

/// A version of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionLabel {
    /// `namespace/name@version`.
    pub name: String,
    /// Position of its service among the services.
    pub service: usize,
}

/// A caller and a callee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeLabel {
    /// Who calls: a service or a version of one, a client, gateway or waypoint.
    pub caller: String,
    /// Who is called: a service, or `service@subset`.
    pub callee: String,
    /// Position of the caller's service among the services, if it is one.
    pub from_service: Option<usize>,
    /// Position of the called service among the services.
    pub to_service: usize,
}

impl EdgeLabel {
    /// `caller -> callee`.
    pub fn name(&self) -> String {
        format!("{} -> {}", self.caller, self.callee)
    }
}

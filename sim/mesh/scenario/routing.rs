//! Routes, policies and subsets, resolved.

use crate::index_type;
use crate::vocabulary::resilience::TrafficPolicy;
use crate::vocabulary::routing::{Order, Resource, Rule};

use super::{Application, Operation, OperationIdx, ServiceIdx};
use crate::index::IndexVec;

index_type! {
    /// A version, counted within its service.
    pub struct VersionIdx;
    /// A subset, counted within its service.
    pub struct SubsetIdx;
}

/// One of several workloads behind a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Unique within the service.
    pub name: String,
    /// Labels of its pods.
    pub labels: Vec<(String, String)>,
    /// Number of instances, at least 1.
    pub replicas: u32,
    /// What each of them runs.
    pub application: Application,
    /// What it can be asked for: operations of the same names and in the same order as the service's.
    pub operations: IndexVec<OperationIdx, Operation>,
}

/// A named part of a service's endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    /// Unique within the service.
    pub name: String,
    /// Which kind of object defines it.
    pub resource: Resource,
    /// The versions whose pods are in it; none if nobody has its labels. Of a service without versions `VersionIdx(0)`
    /// stands for all its pods.
    pub versions: Vec<VersionIdx>,
}

/// Rules for the requests to some services.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Of the object, with its namespace.
    pub name: String,
    /// Which kind of object says so.
    pub resource: Resource,
    /// Whose requests, from callers in the mesh.
    pub services: Vec<ServiceIdx>,
    /// Hosts as written, for requests through gateways.
    pub hosts: Vec<String>,
    /// Callers in the mesh are meant.
    pub mesh: bool,
    /// Requests through these gateways are meant; `*` is any.
    pub gateways: Vec<String>,
    /// Namespaces whose callers see it; `None` is all.
    pub visible_in: Option<Vec<String>>,
    /// Which of several matching rules is taken.
    pub order: Order,
    /// It looks at connections only, not at requests.
    pub of_connections: bool,
    /// The rules, as written.
    pub rules: Vec<Rule<Backend>>,
}

/// Where a rule sends requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// To a service, or a subset of its endpoints.
    Service {
        /// Whose endpoints.
        service: ServiceIdx,
        /// Only these of them.
        subset: Option<SubsetIdx>,
        /// On this port.
        port: Option<u16>,
    },
    /// To nobody: what is named does not exist, and the proxy answers itself.
    Missing {
        /// What was named.
        name: String,
        /// Status of the answer.
        status: u16,
    },
}

/// How callers treat a service, or a subset or port of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Of the object, with its namespace; what a scenario says has no name.
    pub name: Option<String>,
    /// Which kind of object says so.
    pub resource: Resource,
    /// The service called.
    pub service: ServiceIdx,
    /// Only these of its endpoints.
    pub subset: Option<SubsetIdx>,
    /// Only on this port.
    pub port: Option<u16>,
    /// What it says.
    pub policy: TrafficPolicy,
}

//! Routes, policies and subsets as written: hosts and backends by name, each in the namespace of its object.

use crate::vocabulary::resilience::TrafficPolicy;
use crate::vocabulary::routing::{Order, Resource, Rule};

use super::super::tree::Located;

/// Rules for the requests to some hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteDraft {
    /// Of the object, for messages: unique among those of its kind and namespace.
    pub name: Located<String>,
    /// Which kind of object says so.
    pub resource: Resource,
    /// The object's namespace, in which short names are looked up; `None` is the default one.
    pub namespace: Option<String>,
    /// Whose requests: services by any of their names, or the hosts that gateways serve, with `*` at the beginning.
    pub hosts: Vec<Located<String>>,
    /// Which requests to them.
    pub via: Via,
    /// Which of several matching rules is taken.
    pub order: Order,
    /// What the rules look at: requests, or connections alone.
    pub level: Level,
    /// The rules, in the order of the object.
    pub rules: Vec<Located<Rule<BackendDraft>>>,
    /// Namespaces whose callers see it; `None` is all. `.` is the object's own.
    pub export_to: Option<Vec<String>>,
}

/// Through what the requests come that a route is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Via {
    /// From callers in the mesh.
    Mesh,
    /// Through these gateways (`namespace/name` or a name in the route's namespace), and from callers in the mesh if `mesh`.
    Gateways {
        /// The gateways.
        names: Vec<Located<String>>,
        /// Callers in the mesh too.
        mesh: bool,
    },
}

/// What rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Each request.
    Request,
    /// Each connection (`tcp`, `tls`): no match on requests, no retries.
    Connection,
}

/// A backend as written.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendDraft {
    /// A service by any of its names; short ones in the object's namespace.
    pub service: Located<String>,
    /// The namespace in which it is looked up instead.
    pub namespace: Option<String>,
    /// A subset of its endpoints.
    pub subset: Option<Located<String>>,
    /// Its port.
    pub port: Option<u16>,
}

impl BackendDraft {
    /// All of a service.
    pub const fn of(service: Located<String>) -> Self {
        Self { service, namespace: None, subset: None, port: None }
    }
}

/// A policy towards a service, one of its subsets, or one of its ports.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyDraft {
    /// Of the object, for messages.
    pub name: Option<Located<String>>,
    /// Which kind of object says so.
    pub resource: Resource,
    /// In which short names are looked up; `None` is the default one.
    pub namespace: Option<String>,
    /// The service called; `*` at the beginning stands for several.
    pub service: Located<String>,
    /// The subset it is for; `None` is all that no policy of a subset speaks of. What a subset's policy leaves open
    /// follows from the service's.
    pub subset: Option<Located<String>>,
    /// The port it is for. It replaces that of the service or subset, field by field or, in Istio's objects, whole.
    pub port: Option<u16>,
    /// What it says.
    pub policy: Located<TrafficPolicy>,
}

/// A named part of a service's endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct SubsetDraft {
    /// Which kind of object says so.
    pub resource: Resource,
    /// In which short names are looked up; `None` is the default one.
    pub namespace: Option<String>,
    /// The service.
    pub service: Located<String>,
    /// What it is called.
    pub name: Located<String>,
    /// Labels that its pods have.
    pub labels: Vec<(String, String)>,
}

/// An ingress gateway's servers, by which routes find its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayDraft {
    /// Name within its namespace.
    pub name: Located<String>,
    /// Namespace; `None` is the default one.
    pub namespace: Option<String>,
    /// Hosts that it serves; `*` at the beginning stands for several.
    pub hosts: Vec<Located<String>>,
}

/// Which services the proxies of some workloads are told of (Istio's `Sidecar`).
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeDraft {
    /// For messages.
    pub name: Located<String>,
    /// Whose proxies: those of this namespace; `None` is every namespace without one of its own.
    pub namespace: Option<String>,
    /// Of them, those whose pods have these labels; empty is all.
    pub selector: Vec<(String, String)>,
    /// `namespace/host`: `./*` is the own namespace, `~/*` nothing, `*/*` everything.
    pub hosts: Vec<Located<String>>,
}

/// A host outside the cluster that proxies are told of (Istio's `ServiceEntry`).
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalDraft {
    /// Its name; `*` at the beginning stands for several.
    pub host: Located<String>,
    /// Namespace of the object; `None` is the default one.
    pub namespace: Option<String>,
    /// Ports it is known on; a cluster each.
    pub ports: Vec<u16>,
    /// Endpoints that are listed.
    pub endpoints: u32,
    /// Namespaces whose proxies are told; `None` is all. `.` is the object's own.
    pub export_to: Option<Vec<String>>,
}

//! Conditions of rules on one call site: true, false, or up to what the request carries.

use crate::mesh::scenario::{Operation, Protocol, Service};
use crate::vocabulary::routing::{NamedMatch, RequestMatch};
use crate::vocabulary::text::{PathMatch, TextMatch};

/// The names under which sources give path and method, if those vary; a query parameter is `?name`.
pub(super) const PATH: &str = ":path";
pub(super) const METHOD: &str = ":method";

/// What is known of every request at a call site.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// Path of the operation without its query, and the query's parameters.
    path: &'a str,
    query: Vec<(&'a str, &'a str)>,
    method: &'a str,
    /// Names under which the callee is called.
    pub(super) hosts: Vec<String>,
    port: Option<u16>,
    /// Labels and namespace of the calling pods.
    pub(super) labels: Vec<(String, String)>,
    pub(super) namespace: String,
    /// The gateway that calls.
    pub(super) gateway: Option<String>,
    /// The caller is a source: path, method and query may vary.
    pub(super) is_own: bool,
}

/// A condition on something that varies from request to request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'r> {
    /// Header, or [`PATH`], [`METHOD`] or `?` and a query parameter's name.
    pub(super) name: Name<'r>,
    pub(super) test: Test<'r>,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'r> {
    Path,
    Method,
    Header(&'r str),
    Query(&'r str),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Test<'r> {
    Path(&'r PathMatch),
    Text(&'r TextMatch),
    Named(&'r NamedMatch),
}

impl<'r> Name<'r> {
    /// What a condition on a header is about: HTTP/2 has path and method among its headers, too.
    fn of_header(header: &'r str) -> Self {
        match header {
            PATH => Self::Path,
            METHOD => Self::Method,
            other => Self::Header(other),
        }
    }

    /// The name of the header that carries it.
    pub(super) fn is_header(self, header: &str) -> bool {
        match self {
            Self::Path => header == PATH,
            Self::Method => header == METHOD,
            Self::Header(name) => header == name,
            Self::Query(name) => header.strip_prefix('?') == Some(name),
        }
    }
}

impl Condition<'_> {
    /// Whether it holds of a value; `None` is a request that does not carry any.
    pub(super) fn holds(&self, value: Option<&str>) -> bool {
        match self.test {
            Test::Path(path) => value.is_some_and(|value| path.holds(value)),
            Test::Text(text) => value.is_some_and(|value| text.holds(value)),
            Test::Named(named) => value.is_some_and(|value| named.value.holds(value)) != named.without,
        }
    }
}

/// The conditions of a match.
fn conditions(of: &RequestMatch) -> impl Iterator<Item = Condition<'_>> {
    let path = of.path.iter().map(|path| Condition { name: Name::Path, test: Test::Path(path) });
    let method = of.method.iter().map(|text| Condition { name: Name::Method, test: Test::Text(text) });
    let headers = of
        .headers
        .iter()
        .map(|named| Condition { name: Name::of_header(&named.name), test: Test::Named(named) });
    let query =
        of.query.iter().map(|named| Condition { name: Name::Query(&named.name), test: Test::Named(named) });
    path.chain(method).chain(headers).chain(query)
}

impl<'a> Place<'a> {
    /// Requests for an operation of a service; of callers without labels.
    pub(super) fn new(service: &'a Service, operation: &'a Operation, hosts: Vec<String>) -> Self {
        let is_grpc = service.application.protocol == Protocol::Grpc;
        let written = operation.path.as_deref().unwrap_or("/");
        let (path, query) = written.split_once('?').unwrap_or((written, ""));
        let parameter = |part: &'a str| part.split_once('=').unwrap_or((part, ""));
        Self {
            path,
            query: query.split('&').filter(|part| !part.is_empty()).map(parameter).collect(),
            method: operation.method.as_deref().unwrap_or(if is_grpc { "POST" } else { "GET" }),
            hosts,
            port: service.port,
            labels: Vec::new(),
            namespace: String::new(),
            gateway: None,
            is_own: false,
        }
    }

    /// What of a match depends on the request; `None` if it never holds. `varies` says what some source's requests
    /// carry in different ways.
    pub(super) fn remaining<'r>(
        &self,
        of: &'r RequestMatch,
        varies: impl Fn(Name<'_>) -> bool,
    ) -> Option<Vec<Condition<'r>>> {
        if !self.admits(of) {
            return None;
        }
        let mut left = Vec::new();
        for condition in conditions(of) {
            let may_vary = matches!(condition.name, Name::Header(_)) || self.is_own;
            if may_vary && varies(condition.name) {
                left.push(condition);
            } else if !condition.holds(self.known(condition.name)) {
                return None;
            }
        }
        Some(left)
    }

    /// What every request carries of this.
    pub(super) fn known(&self, name: Name<'_>) -> Option<&str> {
        match name {
            Name::Path => Some(self.path),
            Name::Method => Some(self.method),
            Name::Header(_) => None,
            Name::Query(name) => self.query.iter().find(|(key, _)| *key == name).map(|(_, value)| *value),
        }
    }

    /// Whether the conditions hold that look at caller and callee alone. A port that nobody gave is any.
    fn admits(&self, of: &RequestMatch) -> bool {
        let host = of.authority.as_ref().is_none_or(|text| self.hosts.iter().any(|host| text.holds(host)));
        let labels = of.source_labels.iter().all(|label| self.labels.contains(label));
        let namespace = of.source_namespace.as_ref().is_none_or(|namespace| *namespace == self.namespace);
        let port = of.port.is_none_or(|port| self.port.is_none_or(|own| own == port));
        let gateway = of.gateways.is_empty()
            || match &self.gateway {
                None => of.gateways.iter().any(|name| name == "mesh"),
                Some(gateway) => of.gateways.iter().any(|name| is_gateway(name, gateway)),
            };
        host && labels && namespace && port && gateway
    }
}

/// Whether a route's name of a gateway, with or without its namespace, means this one.
pub(super) fn is_gateway(name: &str, gateway: &str) -> bool {
    name == "*" || name == gateway || name.rsplit_once('/').is_some_and(|(_, short)| short == gateway)
}

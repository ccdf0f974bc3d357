//! Conditions of rules on one call site: true, false, or up to what the request carries.

use crate::mesh::scenario::{Operation, Protocol, Service};
use crate::vocabulary::request::{Condition, Ends, Name};
use crate::vocabulary::routing::RequestMatch;

/// The names under which sources give path and method, if those vary; a query parameter is `?name`.
const PATH: &str = ":path";
const METHOD: &str = ":method";

/// What is known of every request at a call site.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// Path of the operation without its query, and the query's parameters.
    path: &'a str,
    query: Vec<(&'a str, &'a str)>,
    method: &'a str,
    /// Caller and callee.
    pub(super) ends: Ends,
    /// The caller is a source: path, method and query may vary.
    pub(super) is_own: bool,
}

/// Whether a source gives by this header what a condition is on.
pub(super) fn is_header(name: Name<'_>, header: &str) -> bool {
    match name {
        Name::Path => header == PATH,
        Name::Method => header == METHOD,
        Name::Header(name) => header == name,
        Name::Query(name) => header.strip_prefix('?') == Some(name),
    }
}

/// The method of requests that say none.
pub(super) fn usual_method(protocol: Protocol) -> &'static str {
    if protocol == Protocol::Grpc { "POST" } else { "GET" }
}

impl<'a> Place<'a> {
    /// Requests for an operation of a service; of callers without labels.
    pub(super) fn new(service: &'a Service, operation: &'a Operation, hosts: Vec<String>) -> Self {
        let written = operation.path.as_deref().unwrap_or("/");
        let (path, query) = written.split_once('?').unwrap_or((written, ""));
        let parameter = |part: &'a str| part.split_once('=').unwrap_or((part, ""));
        Self {
            path,
            query: query.split('&').filter(|part| !part.is_empty()).map(parameter).collect(),
            method: operation.method.as_deref().unwrap_or(usual_method(service.application.protocol)),
            ends: Ends { hosts, port: service.port, ..Ends::default() },
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
        if !of.end_conditions().all(|condition| condition.holds(&self.ends)) {
            return None;
        }
        let mut left = Vec::new();
        for condition in of.conditions() {
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
}

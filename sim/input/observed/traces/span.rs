//! A span, whoever recorded it.

use crate::diag::Location;
use crate::input::tree::Located;

use super::super::json::is_known;

/// A piece of work that was timed.
#[derive(Clone, Debug)]
pub(in super::super) struct Span {
    pub(in super::super) trace: String,
    pub(in super::super) id: String,
    /// Spans that it is a part of, by trace and identifier; those that did not wait for it come last.
    pub(in super::super) parents: Vec<Parent>,
    pub(in super::super) kind: Kind,
    pub(in super::super) service: Located<String>,
    pub(in super::super) operation: Located<String>,
    /// Nanoseconds, when it began and ended.
    pub(in super::super) start: u64,
    pub(in super::super) end: u64,
    pub(in super::super) tags: Tags,
    pub(in super::super) place: Location,
}

/// A reference to another span.
#[derive(Clone, Debug)]
pub(in super::super) struct Parent {
    pub(in super::super) trace: String,
    pub(in super::super) id: String,
    /// Whether the other one waited.
    pub(in super::super) waits: bool,
}

/// Which end of a call a span is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// Nobody says.
    #[default]
    Unsaid,
    Internal,
    Client,
    Server,
    /// It sends a message and waits for no response.
    Producer,
    Consumer,
}

/// What tags or attributes say.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Tags {
    pub(in super::super) failed: bool,
    /// Recorded by a proxy: a hop of a call.
    pub(in super::super) proxy: bool,
    pub(in super::super) grpc: bool,
    pub(in super::super) request_size: Option<f64>,
    pub(in super::super) response_size: Option<f64>,
    /// Who is called, of a client's span.
    pub(in super::super) peer: Option<String>,
    pub(in super::super) namespace: Option<String>,
    /// How sure `peer` is: the lower the surer.
    peer_rank: usize,
}

/// Names of whom a client calls, the surest first.
const PEERS: [&str; 5] = ["peer.service", "db.system", "db.system.name", "messaging.system", "db.type"];

impl Tags {
    /// Takes a tag over, if it says something that is read.
    pub(in super::super) fn add(&mut self, key: &str, value: &str) {
        let number = || value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        match key {
            "error" => self.failed |= value == "true",
            "http.status_code" | "http.response.status_code" => {
                self.failed |= number().is_some_and(|code| (500.0..600.0).contains(&code));
            }
            "grpc.status_code" | "rpc.grpc.status_code" | "grpc.status" => {
                self.grpc = true;
                self.failed |= !matches!(value, "0" | "OK");
            }
            "rpc.system" => self.grpc |= value == "grpc",
            "component" => self.proxy |= matches!(value, "proxy" | "envoy"),
            "request_size" | "http.request_content_length" | "http.request.body.size" => {
                self.request_size = number();
            }
            "response_size" | "http.response_content_length" | "http.response.body.size" => {
                self.response_size = number();
            }
            "k8s.namespace.name" | "service.namespace" if is_known(value) => {
                self.namespace = Some(value.to_owned());
            }
            _ => {}
        }
        if let Some(rank) = PEERS.iter().position(|name| *name == key).filter(|_| is_known(value))
            && (self.peer.is_none() || rank < self.peer_rank)
        {
            (self.peer, self.peer_rank) = (Some(value.to_owned()), rank);
        }
    }
}

impl Span {
    /// Whether a proxy recorded it.
    pub(super) fn is_hop(&self) -> bool {
        let service = self.service.value.as_str();
        self.tags.proxy || matches!(service, "linkerd-proxy" | "istio-proxy" | "envoy")
    }
}

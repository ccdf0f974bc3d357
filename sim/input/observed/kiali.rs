//! Kiali's graph (`/api/namespaces/graph`) as its server sends it: `elements.nodes` and `elements.edges`, all numbers as
//! texts, rates per second, response times in milliseconds.
//!
//! Nodes of services between workloads and waypoints are hops of the same call. Gateways, unknown callers and load
//! generators are where requests come from.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::input::kubernetes;
use crate::input::tree::{Located, Node};
use crate::vocabulary::Protocol;

use super::graph::{Entrance, Observed, Target, Window};
use super::json::{self, flag, is_known, list, name, number, number_at, text};

/// A service's response time at the 95th percentile by its mean, if lognormal with a cv of 1.
const P95_BY_MEAN: f64 = 2.78;
/// Bytes of a request and its response, where only bytes were counted.
const BYTES_PER_REQUEST: f64 = 1536.0;
/// Hops of one call: waypoint, service.
const HOPS: usize = 4;

/// Whether a document is such a graph.
pub(in crate::input) fn recognises(node: &Node) -> bool {
    let elements = json::head(node, "elements");
    let has = |key| elements.is_some_and(|elements| elements.get(key).is_some());
    has("nodes") || has("edges")
}

/// What a graph says.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Observed {
    let mut reading = Reading {
        observed: Observed::within(Window::Seconds(1.0)),
        roles: Vec::new(),
        edges: Vec::new(),
        out: Vec::new(),
    };
    let elements = node.get("elements").unwrap_or(node);
    let rows = reading.edges(elements, diagnostics);
    reading.nodes(elements, text(node, "graphType") == Some("service"), &rows);
    reading.count(|protocol| protocol != Protocol::Tcp);
    reading.count(|protocol| protocol == Protocol::Tcp);
    if let Some(edge) = reading.edges.iter().find(|edge| edge.time.is_some()) {
        let text =
            "Kiali gives response times at a percentile: taken as p95, their mean is guessed as p95 / 2.78";
        reading.observed.remarks.push(Located::new(text.to_owned(), edge.place));
    }
    if let Some(edge) = reading.edges.iter().find(|edge| edge.protocol == Protocol::Tcp && edge.rate > 0.0) {
        let text = "of TCP only bytes are counted: read as requests of 512 bytes with responses of 1024";
        reading.observed.remarks.push(Located::new(text.to_owned(), edge.place));
    }
    reading.observed
}

/// What a node is to the calls.
#[derive(Clone, Debug)]
enum Role {
    /// A service's workload.
    Serves(Target),
    /// A hop of a call.
    Passes,
    /// Where requests come from.
    Sends(Entrance),
    /// A box, or nobody.
    Nothing,
}

/// Traffic between two nodes, by their rows.
struct Edge {
    from: usize,
    to: usize,
    protocol: Protocol,
    /// Requests per second.
    rate: f64,
    /// Of these, failed.
    failures: f64,
    /// Response time in nanoseconds, at its percentile.
    time: Option<f64>,
    place: Location,
}

struct Reading {
    observed: Observed,
    roles: Vec<Role>,
    edges: Vec<Edge>,
    /// Rows of the edges that leave a node.
    out: Vec<Vec<usize>>,
}

impl Reading {
    /// Reads the edges. Returns the nodes' rows by their identifiers.
    fn edges<'n>(&mut self, elements: &'n Node, diagnostics: &mut Diagnostics) -> BTreeMap<&'n str, usize> {
        let nodes = list(elements, "nodes");
        let mut rows = BTreeMap::new();
        for (row, node) in nodes.iter().enumerate() {
            if let Some(id) = node.get("data").and_then(|data| text(data, "id")) {
                rows.entry(id).or_insert(row);
            }
        }
        self.out = vec![Vec::new(); nodes.len()];
        for edge in list(elements, "edges") {
            let Some(data) = edge.get("data") else { continue };
            let mut end = |key| {
                let end = data.get(key);
                let row = end.and_then(Node::text).and_then(|id| rows.get(id).copied());
                if row.is_none() {
                    let message = format!("no node has the identifier that is the {key} of this edge");
                    let place = end.unwrap_or(data).location;
                    diagnostics.push(Diagnostic::error(Code::UnknownName, message).at(place));
                }
                row
            };
            let (Some(from), Some(to)) = (end("source"), end("target")) else { continue };
            if let Some(edge) = Edge::read(data, from, to, diagnostics) {
                self.out[from].push(self.edges.len());
                self.edges.push(edge);
            }
        }
        rows
    }

    fn nodes(&mut self, elements: &Node, of_services: bool, rows: &BTreeMap<&str, usize>) {
        let mut called = vec![false; self.out.len()];
        for edge in &self.edges {
            called[edge.to] = true;
        }
        for (row, node) in list(elements, "nodes").iter().enumerate() {
            let data = node.get("data").unwrap_or(node);
            let first = text(data, "id").and_then(|id| rows.get(id)).is_none_or(|first| *first == row);
            let role = match (first, self.out[row].is_empty()) {
                (false, _) => Role::Nothing,
                (true, last) => self.role(data, of_services, last, called[row]),
            };
            self.roles.push(role);
        }
    }

    /// What a node is; `last` is one that calls nobody.
    fn role(&mut self, data: &Node, of_services: bool, last: bool, called: bool) -> Role {
        let kind = text(data, "nodeType").unwrap_or_default();
        let is_service = kind == "service";
        if kind == "box" || data.get("isBox").is_some_and(|of| of.text() != Some("") && !of.is_null()) {
            return Role::Nothing;
        }
        if flag(data, "isWaypoint") || (is_service && !of_services && !last) {
            return Role::Passes;
        }
        let own = name(data, "workload").or_else(|| name(data, "app")).or_else(|| name(data, "service"));
        let Some(own) = own.filter(|_| kind != "unknown") else {
            return if last { Role::Nothing } else { Role::Sends(Entrance::Outside) };
        };
        let app = name(data, "app").unwrap_or_else(|| own.clone());
        let is_gateway = data.get("isGateway").is_some_and(|of| !of.is_null() && of.text() != Some("false"));
        if !last && (is_gateway || (flag(data, "isRoot") && app.value.contains("gateway"))) {
            return Role::Sends(Entrance::Gateway(app.value));
        }
        if !called && !last && kubernetes::makes_load(&own.value) {
            return Role::Sends(Entrance::Client(own.value));
        }
        let asked = list(data, "destServices").iter().filter_map(|service| name(service, "name"));
        let asked: Vec<_> = asked.collect();
        let service = name(data, "service")
            .or_else(|| asked.iter().find(|asked| asked.value == app.value).cloned())
            .or_else(|| asked.first().cloned())
            .unwrap_or(app);
        let row = self.observed.service(name(data, "namespace"), &service);
        let version =
            if is_service { None } else { name(data, "version").or_else(|| name(data, "workload")) };
        let meshed = !flag(data, "isOutOfMesh");
        let known = &mut self.observed.services[row].meshed;
        *known = Some(known.unwrap_or(false) || meshed);
        let version = version.unwrap_or_else(|| Located::new(String::new(), service.location));
        Role::Serves(self.observed.only_of(row, version))
    }

    /// Counts the traffic of some protocols. Between nodes whose traffic has been counted, other protocols carry the same
    /// requests.
    fn count(&mut self, is_wanted: impl Fn(Protocol) -> bool) {
        let edges = std::mem::take(&mut self.edges);
        let mut known: BTreeMap<usize, BTreeMap<usize, f64>> = BTreeMap::new();
        let mut counted: Vec<(Role, Target, usize, f64)> = Vec::new();
        for (row, edge) in edges.iter().enumerate() {
            let from = self.roles[edge.from].clone();
            if !is_wanted(edge.protocol) || !matches!(from, Role::Serves(_) | Role::Sends(_)) {
                continue;
            }
            let ends = known.entry(edge.to).or_insert_with(|| self.ends(edge.to, &edges));
            for (to, share) in ends {
                match (&from, &self.roles[*to]) {
                    (_, Role::Serves(to)) => counted.push((from.clone(), *to, row, *share)),
                    (Role::Serves(caller), Role::Nothing) if edge.rate > 0.0 => {
                        let caller = quote(&self.observed.written(caller.service));
                        let text =
                            format!("{caller} calls nobody known {} times per second: left out", edge.rate);
                        self.observed.remarks.push(Located::new(text, edge.place));
                    }
                    _ => {}
                }
            }
        }
        if is_wanted(Protocol::Tcp) {
            counted.retain(|(from, to, ..)| match from {
                Role::Serves(from) => !self.observed.at(*from).calls.contains_key(to),
                Role::Sends(from) => !self.observed.at(*to).entries.contains_key(from),
                _ => false,
            });
        }
        for (from, to, row, share) in counted {
            self.add(&from, to, &edges[row], share);
        }
        self.edges = edges;
    }

    fn add(&mut self, from: &Role, to: Target, edge: &Edge, share: f64) {
        let (rate, failures) = (edge.rate * share, edge.failures * share);
        let protocol = &mut self.observed.services[to.service].protocol;
        if protocol.is_none() || edge.protocol == Protocol::Grpc {
            *protocol = Some(edge.protocol);
        }
        let time = edge.time.map(|time| time / P95_BY_MEAN);
        let operation = self.observed.at_mut(to);
        operation.failures += failures;
        if let Some(time) = time {
            operation.response.add_mean(time, rate);
        }
        match from {
            Role::Sends(entrance) => *operation.entries.entry(entrance.clone()).or_default() += rate,
            Role::Serves(from) => {
                let call = self.observed.call(*from, to, edge.place);
                call.calls += rate;
                call.failures += failures;
                if let Some(time) = time {
                    call.time.add_mean(time, rate);
                }
            }
            Role::Passes | Role::Nothing => {}
        }
    }

    /// Where calls of a node end, behind its hops, with their shares.
    fn ends(&self, node: usize, edges: &[Edge]) -> BTreeMap<usize, f64> {
        let mut open = BTreeMap::from([(node, 1.0)]);
        let mut ends = BTreeMap::new();
        for _ in 0..HOPS {
            let mut next = BTreeMap::new();
            for (node, share) in std::mem::take(&mut open) {
                if !matches!(self.roles[node], Role::Passes) {
                    *ends.entry(node).or_default() += share;
                    continue;
                }
                let out = self.out[node].iter().map(|row| &edges[*row]);
                let total: f64 = out.clone().map(|edge| edge.rate).sum();
                for edge in out.filter(|edge| edge.rate > 0.0) {
                    *next.entry(edge.to).or_default() += share * edge.rate / total;
                }
            }
            open = next;
        }
        ends
    }
}

impl Edge {
    /// `None` where there is no traffic.
    fn read(data: &Node, from: usize, to: usize, diagnostics: &mut Diagnostics) -> Option<Self> {
        let traffic = data.get("traffic")?;
        let spoken = text(traffic, "protocol").filter(|name| is_known(name))?;
        let protocol = match spoken {
            "grpc" => Protocol::Grpc,
            "tcp" => Protocol::Tcp,
            _ => Protocol::Http1,
        };
        let rates = traffic.get("rates")?;
        let mut rate = |suffix: &str| number_at(rates, &format!("{spoken}{suffix}"), diagnostics);
        let all = rate("")?;
        let bytes = if protocol == Protocol::Tcp { BYTES_PER_REQUEST } else { 1.0 };
        let lost = rate("NoResponse").unwrap_or(0.0);
        let of_itself = rate("5xx").or_else(|| rate("Err"));
        let failed = match (of_itself, rate("4xx"), rate("PercentErr")) {
            (Some(failed), ..) => failed + lost,
            (None, None, Some(percent)) => all * percent / 100.0,
            _ => lost,
        };
        let time = data.get("responseTime").and_then(|node| number(node, diagnostics));
        Some(Self {
            from,
            to,
            protocol,
            rate: all / bytes,
            failures: failed.min(all) / bytes,
            time: time.filter(|time| *time > 0.0).map(|milliseconds| milliseconds * 1e6),
            place: data.location,
        })
    }
}

//! Edges: what a call costs on the way, how an endpoint is chosen, how connections are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::index::{Idx, IndexVec};
use crate::kernel::rng::hash_name;
use crate::mesh::model::{ConnectionCpu, DirectModel, MeshModel, NodeProxyModel, ProxyModel, TunnelModel};
use crate::mesh::scenario::{Balancing, BalancingPolicy, HashOn, Protocol, Scenario, ServiceIdx, SubsetIdx};
use crate::placement::ZoneIdx;
use crate::policy::balance::Targets;
use crate::units::Span;
use crate::vocabulary::resilience::TrafficPolicy;

use super::resilience::{self, Resilience, limited, policy_of};
use super::workload::{Beside, Workloads};
use super::{
    Edge, EdgeIdx, Endpoints, HashInput, PassCost, PodIdx, Pool, Service as Called, Tunnel, WorkloadIdx,
};

/// Streams that applications put on one HTTP/2 connection: the default of gRPC and Go servers.
const APPLICATION_STREAMS: u32 = 100;

/// Collects edges as call sites ask for them.
pub(super) struct Edges<'a> {
    scenario: &'a Scenario,
    mesh: &'a MeshModel,
    /// The proxy beside each workload.
    beside: IndexVec<WorkloadIdx, Beside<'a>>,
    waypoint_of: IndexVec<ServiceIdx, Option<WorkloadIdx>>,
    called: IndexVec<ServiceIdx, Called>,
    made: IndexVec<EdgeIdx, Edge>,
    known: BTreeMap<(WorkloadIdx, ServiceIdx, Option<SubsetIdx>), EdgeIdx>,
    slots: IndexVec<WorkloadIdx, u32>,
    of_workloads: IndexVec<WorkloadIdx, Pods>,
    targets: BTreeMap<(Vec<WorkloadIdx>, BalancingPolicy), Arc<Targets>>,
}

/// What edges must know of a workload.
struct Pods {
    name: String,
    first: PodIdx,
    count: u32,
    keep_alive: bool,
    /// The zone of each; of pods outside of the cluster there are none.
    zones: Vec<ZoneIdx>,
}

impl<'a> Edges<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        mesh: &'a MeshModel,
        workloads: &Workloads<'a>,
        zones: Vec<Vec<ZoneIdx>>,
    ) -> Self {
        Self {
            scenario,
            mesh,
            beside: workloads.beside.clone(),
            waypoint_of: workloads.waypoint_of.clone(),
            called: workloads.of_services.clone(),
            made: IndexVec::new(),
            known: BTreeMap::new(),
            slots: IndexVec::filled(0, workloads.all.len()),
            of_workloads: (workloads.all.iter().zip(zones))
                .map(|(workload, zones)| Pods {
                    name: workload.name.clone(),
                    first: workload.first_pod,
                    count: workload.pods,
                    keep_alive: workload.keep_alive,
                    zones,
                })
                .collect(),
            targets: BTreeMap::new(),
        }
    }

    /// The edge from a workload to a service.
    pub(super) fn between(&mut self, caller: WorkloadIdx, callee: ServiceIdx) -> EdgeIdx {
        self.backend(caller, callee, None).expect("a service has pods")
    }

    /// The edge from a workload to a service or a subset of it; `None` if nobody is in the subset. To a waypoint on the
    /// way there is one edge: it is the waypoint that chooses among subsets.
    pub(super) fn backend(
        &mut self,
        caller: WorkloadIdx,
        callee: ServiceIdx,
        subset: Option<SubsetIdx>,
    ) -> Option<EdgeIdx> {
        let subset = subset.filter(|_| self.waypoint(caller, callee).is_none());
        if subset.is_some_and(|subset| self.scenario.services[callee].subsets[subset].versions.is_empty()) {
            return None;
        }
        Some(self.edge(caller, callee, subset))
    }

    fn edge(&mut self, caller: WorkloadIdx, callee: ServiceIdx, subset: Option<SubsetIdx>) -> EdgeIdx {
        if let Some(&edge) = self.known.get(&(caller, callee, subset)) {
            return edge;
        }
        let waypoint = self.waypoint(caller, callee);
        let to = waypoint.map_or_else(|| self.workloads_of(callee, subset), |waypoint| vec![waypoint]);
        let edge = self.make(caller, (callee, subset), to, waypoint.is_some());
        self.slots[caller] += 1;
        let index = self.made.push(edge);
        self.known.insert((caller, callee, subset), index);
        index
    }

    /// The workloads of a service, or of a subset of it.
    fn workloads_of(&self, callee: ServiceIdx, subset: Option<SubsetIdx>) -> Vec<WorkloadIdx> {
        let all = self.called[callee].workloads();
        match subset {
            None => all.collect(),
            Some(subset) => {
                let all: Vec<WorkloadIdx> = all.collect();
                let versions = &self.scenario.services[callee].subsets[subset].versions;
                versions.iter().map(|version| all[version.position()]).collect()
            }
        }
    }

    pub(super) fn finish(self) -> IndexVec<EdgeIdx, Edge> {
        self.made
    }

    /// The waypoint through which the calls of a workload reach a service: node proxies know of waypoints, and no call
    /// goes through the same one twice. Gateways go past them, as Istio's do unless told otherwise.
    pub(super) fn waypoint(&self, caller: WorkloadIdx, callee: ServiceIdx) -> Option<WorkloadIdx> {
        self.waypoint_of[callee].filter(|_| matches!(self.beside[caller], Beside::Node(_)))
    }

    /// Whether a proxy of the workload's own looks at what it calls.
    pub(super) fn looks_at_requests(&self, caller: WorkloadIdx) -> bool {
        matches!(self.beside[caller], Beside::Pod(_))
    }

    /// All workloads that an edge leads to have the same kind of proxy.
    fn make(
        &mut self,
        caller: WorkloadIdx,
        (callee, subset): (ServiceIdx, Option<SubsetIdx>),
        to: Vec<WorkloadIdx>,
        is_relayed: bool,
    ) -> Edge {
        let service = &self.scenario.services[callee];
        let stretches: Vec<(PodIdx, u32)> = to
            .iter()
            .map(|&workload| (self.of_workloads[workload].first, self.of_workloads[workload].count))
            .collect();
        let ends = [self.beside[caller], self.beside[to[0]]];
        let [outbound, inbound] = ends.map(Beside::model);
        let speed = self.scenario.cluster.cpu_speed;
        let mutual_tls = outbound.is_some() && inbound.is_some();
        let pass = |end: Beside<'_>, is_outbound: bool, mutual_tls: bool| {
            let protocol = match end {
                // It does not look into what it forwards.
                Beside::Node(_) => Protocol::Tcp,
                _ => service.application.protocol,
            };
            end.model().map(|proxy| pass_cost(proxy, protocol, is_outbound, mutual_tls, speed))
        };
        let treatment = policy_of(self.scenario, callee, subset);
        let balancing = treatment.balancing.as_ref().or(service.balancing.as_ref());
        let policy = match ends[0] {
            Beside::Node(node) => node.proxy.tcp_balancing,
            _ => policy(balancing, service.application.protocol, outbound, &self.mesh.direct),
        };
        let pool = match ends[0] {
            Beside::Pod(proxy) => limited(
                proxy_pool(
                    proxy,
                    service.application.protocol,
                    inbound,
                    &self.mesh.direct,
                    speed,
                    Self::tunnel_to(ends[1]),
                ),
                &treatment.limits,
            ),
            Beside::Node(node) if inbound.is_some() => {
                self.node_pool(caller, service.application.protocol, node, inbound)
            }
            Beside::Node(_) | Beside::Nothing => self.direct_pool(caller, service.application.protocol),
        };
        let pool = Pool {
            opening_cpu: connection_cpu(ends, speed, |cpu| cpu.opening),
            closing_cpu: connection_cpu(ends, speed, |cpu| cpu.closing),
            ..pool
        };
        let resilience = self.resilience(caller, &treatment, (policy, &pool), &to);
        // Mesh headers, framing and TLS records exist between two proxies only.
        let overhead = |size: fn(&ProxyModel) -> u64| outbound.filter(|_| mutual_tls).map_or(0, size);
        let are_both_of_nodes = ends.iter().all(|end| matches!(end, Beside::Node(_)));
        Edge {
            caller,
            callee,
            subset: subset.map(|subset| service.subsets[subset].name.clone()),
            endpoints: Endpoints::of(&stretches),
            slot: self.slots[caller],
            outbound: pass(ends[0], true, mutual_tls),
            // A waypoint's work is that of the call it makes in turn.
            inbound: pass(ends[1], false, mutual_tls).filter(|_| !is_relayed),
            local: pass(ends[0], true, false).filter(|_| are_both_of_nodes),
            policy,
            targets: self.targets_of(to, policy),
            hash: hash_input(balancing, policy),
            // Zero: nobody looks at response times.
            ewma: match outbound {
                Some(proxy) if policy == BalancingPolicy::PeakEwma => (proxy.ewma_default, proxy.ewma_decay),
                _ => (Span::ZERO, Span::ZERO),
            },
            resilience,
            pool,
            link_streams: application_streams(service.application.protocol),
            request_overhead: overhead(|proxy| proxy.request_overhead.value()),
            response_overhead: overhead(|proxy| proxy.response_overhead.value()),
        }
    }

    /// What the caller's proxy keeps of these workloads.
    fn resilience(
        &self,
        caller: WorkloadIdx,
        treatment: &TrafficPolicy,
        (policy, pool): (BalancingPolicy, &Pool),
        to: &[WorkloadIdx],
    ) -> Option<Box<Resilience>> {
        if !self.looks_at_requests(caller) {
            return None;
        }
        let names = &self.scenario.cluster.zones;
        let zones = || {
            let zones = to.iter().flat_map(|&workload| &self.of_workloads[workload].zones);
            zones.map(|zone| names[zone.position()].as_str()).collect()
        };
        let localities = resilience::localities(treatment, names, zones);
        Resilience::of(treatment, pool, policy, localities)
    }

    /// Towards a pod behind a node's proxy, connections go through tunnels.
    fn tunnel_to(end: Beside<'_>) -> Option<Tunnel> {
        match end {
            Beside::Node(node) => Some(tunnel(&node.tunnel)),
            Beside::Pod(_) | Beside::Nothing => None,
        }
    }

    /// Connections that the application makes and the node's proxies carry through their tunnels.
    fn node_pool(
        &self,
        caller: WorkloadIdx,
        protocol: Protocol,
        node: &NodeProxyModel,
        inbound: Option<&ProxyModel>,
    ) -> Pool {
        let speed = self.scenario.cluster.cpu_speed;
        let handshakes = proxy_pool(&node.proxy, protocol, inbound, &self.mesh.direct, speed, None);
        Pool {
            handshake_legs: handshakes.handshake_legs,
            client_cpu: handshakes.client_cpu,
            server_cpu: handshakes.server_cpu,
            tunnel: Some(tunnel(&node.tunnel)),
            ..self.direct_pool(caller, protocol)
        }
    }

    fn direct_pool(&self, caller: WorkloadIdx, protocol: Protocol) -> Pool {
        let direct = &self.mesh.direct;
        Pool {
            streams: application_streams(protocol),
            per_connection: true,
            per_worker: false,
            elsewhere: false,
            keep_alive: self.of_workloads[caller].keep_alive,
            handshake_legs: half_trips(direct.handshake_round_trips),
            client_cpu: 0,
            server_cpu: 0,
            opening_cpu: [0, 0],
            closing_cpu: [0, 0],
            idle_timeout: direct.idle_timeout.nanos(),
            tunnel: None,
        }
    }

    fn targets_of(&mut self, to: Vec<WorkloadIdx>, policy: BalancingPolicy) -> Arc<Targets> {
        let replicas: Vec<(&str, u32)> = to
            .iter()
            .map(|&workload| (self.of_workloads[workload].name.as_str(), self.of_workloads[workload].count))
            .collect();
        let targets = self.targets.entry((to, policy));
        Arc::clone(targets.or_insert_with(|| Arc::new(Targets::of(policy, &replicas))))
    }
}

/// The user's choice for the service, else that of the proxy that makes it, else kube-proxy's.
pub(super) fn policy(
    balancing: Option<&Balancing>,
    protocol: Protocol,
    outbound: Option<&ProxyModel>,
    direct: &DirectModel,
) -> BalancingPolicy {
    match (outbound, balancing) {
        (None, _) => direct.balancing,
        (Some(_), Some(balancing)) => balancing.policy,
        (Some(proxy), None) if protocol == Protocol::Tcp => proxy.tcp_balancing,
        (Some(proxy), None) => proxy.balancing,
    }
}

fn hash_input(balancing: Option<&Balancing>, policy: BalancingPolicy) -> HashInput {
    match (policy, balancing) {
        (BalancingPolicy::RingHash | BalancingPolicy::Maglev, Some(balancing)) => {
            let name = balancing.hash_on.header().map(|name| hash_name(&name));
            match (name, &balancing.hash_on) {
                (Some(name), HashOn::Cookie { ttl: Some(ttl), .. }) => {
                    HashInput::Cookie { name, lifetime: ttl.nanos() }
                }
                (Some(name), _) => HashInput::Header(name),
                (None, _) => HashInput::Source,
            }
        }
        (BalancingPolicy::RingHash | BalancingPolicy::Maglev, None) => HashInput::Source,
        _ => HashInput::Nothing,
    }
}

fn pass_cost(
    proxy: &ProxyModel,
    protocol: Protocol,
    is_outbound: bool,
    mutual_tls: bool,
    speed: f64,
) -> PassCost {
    let traversal = proxy.traversal(protocol);
    let base = if is_outbound { traversal.outbound } else { traversal.inbound };
    let features = if protocol == Protocol::Tcp { Span::ZERO } else { proxy.feature_cpu };
    let (tls_cpu, tls) = if mutual_tls { (proxy.tls_cpu, proxy.tls_cpu_per_byte) } else { (Span::ZERO, 0.0) };
    let nanos = (base + features + tls_cpu).nanos() as f64 / speed;
    PassCost {
        request: nanos * (1.0 - proxy.response_ratio),
        response: nanos * proxy.response_ratio,
        per_byte: (proxy.cpu_per_byte + proxy.feature_cpu_per_byte + tls) / speed,
    }
}

fn proxy_pool(
    proxy: &ProxyModel,
    protocol: Protocol,
    inbound: Option<&ProxyModel>,
    direct: &DirectModel,
    speed: f64,
    tunnel: Option<Tunnel>,
) -> Pool {
    let upstream = &proxy.upstream;
    // Without a proxy at the other end there is nobody to encrypt with: a plain connection, as an application's.
    let round_trips =
        if inbound.is_some() { upstream.handshake_round_trips } else { direct.handshake_round_trips };
    let multiplexed = match protocol {
        Protocol::Tcp => false,
        // Only another proxy understands the upgrade.
        Protocol::Http1 => upstream.upgrade_http1 && inbound.is_some(),
        Protocol::Http2 | Protocol::Grpc => true,
    };
    let cpu = |span: Span| if inbound.is_some() { (span.nanos() as f64 / speed) as u64 } else { 0 };
    Pool {
        streams: if multiplexed { upstream.max_streams } else { 1 },
        per_connection: protocol == Protocol::Tcp,
        per_worker: upstream.pool_per_worker,
        elsewhere: upstream.unreachable_elsewhere,
        keep_alive: true,
        handshake_legs: half_trips(round_trips),
        client_cpu: cpu(upstream.handshake_client_cpu),
        server_cpu: cpu(
            inbound.map_or(upstream.handshake_server_cpu, |proxy| proxy.upstream.handshake_server_cpu)
        ),
        opening_cpu: [0, 0],
        closing_cpu: [0, 0],
        idle_timeout: upstream.idle_timeout.nanos(),
        tunnel,
    }
}

/// What the proxies of both ends spend on opening or closing a connection of an application, in nanoseconds. Between two
/// proxies beside their pods the accepting side's part is in that of the handshake.
fn connection_cpu(ends: [Beside<'_>; 2], speed: f64, part: fn(ConnectionCpu) -> Span) -> [u64; 2] {
    let nanos = |cpu: ConnectionCpu| (part(cpu).nanos() as f64 / speed) as u64;
    let [outbound, inbound] = ends.map(|end| end.model().map(|proxy| proxy.connection));
    let is_in_handshake = matches!(ends, [Beside::Pod(_), Beside::Pod(_)]);
    [
        outbound.map_or(0, |cost| nanos(cost.outbound)),
        inbound.filter(|_| !is_in_handshake).map_or(0, |cost| nanos(cost.inbound)),
    ]
}

fn tunnel(model: &TunnelModel) -> Tunnel {
    Tunnel {
        streams: model.streams,
        stream_legs: half_trips(model.stream_round_trips),
        idle_timeout: model.idle_timeout.nanos(),
    }
}

/// Calls that an application puts on one of its connections at once.
fn application_streams(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Http1 | Protocol::Tcp => 1,
        Protocol::Http2 | Protocol::Grpc => APPLICATION_STREAMS,
    }
}

fn half_trips(round_trips: f64) -> u32 {
    (round_trips * 2.0 + 0.5) as u32
}

#[cfg(test)]
mod tests;

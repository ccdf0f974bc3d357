//! Edges: what a call costs on the way, how an endpoint is chosen, how connections are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::index::{Idx, IndexVec};
use crate::kernel::rng::hash_name;
use crate::mesh::model::{DirectModel, MeshModel, ProxyModel};
use crate::mesh::scenario::{BalancingPolicy, HashOn, Protocol, Scenario, Service, ServiceIdx};
use crate::policy::balance::Targets;
use crate::units::Span;

use super::workload::Workloads;
use super::{Edge, EdgeIdx, HashInput, PassCost, Pool, WorkloadIdx};

/// Streams that applications put on one HTTP/2 connection: the default of gRPC and Go servers.
const APPLICATION_STREAMS: u32 = 100;

/// Collects edges as call sites ask for them.
pub(super) struct Edges<'a> {
    scenario: &'a Scenario,
    mesh: &'a MeshModel,
    /// The proxy model beside each workload.
    proxies: IndexVec<WorkloadIdx, Option<&'a ProxyModel>>,
    made: IndexVec<EdgeIdx, Edge>,
    known: BTreeMap<(WorkloadIdx, ServiceIdx), EdgeIdx>,
    slots: IndexVec<WorkloadIdx, u32>,
    targets: BTreeMap<(ServiceIdx, BalancingPolicy), Arc<Targets>>,
}

impl<'a> Edges<'a> {
    pub(super) fn new(scenario: &'a Scenario, mesh: &'a MeshModel, workloads: &Workloads<'a>) -> Self {
        Self {
            scenario,
            mesh,
            proxies: workloads.models.clone(),
            made: IndexVec::new(),
            known: BTreeMap::new(),
            slots: IndexVec::filled(0, workloads.all.len()),
            targets: BTreeMap::new(),
        }
    }

    /// The edge from a workload to a service.
    pub(super) fn between(&mut self, caller: WorkloadIdx, callee: ServiceIdx) -> EdgeIdx {
        if let Some(&edge) = self.known.get(&(caller, callee)) {
            return edge;
        }
        let edge = self.make(caller, callee);
        self.slots[caller] += 1;
        let index = self.made.push(edge);
        self.known.insert((caller, callee), index);
        index
    }

    pub(super) fn finish(self) -> IndexVec<EdgeIdx, Edge> {
        self.made
    }

    fn make(&mut self, caller: WorkloadIdx, callee: ServiceIdx) -> Edge {
        let service = &self.scenario.services[callee];
        let callee_workload = WorkloadIdx::at(callee.position());
        let (outbound, inbound) = (self.proxies[caller], self.proxies[callee_workload]);
        let speed = self.scenario.cluster.cpu_speed;
        let mutual_tls = outbound.is_some() && inbound.is_some();
        let pass = |proxy: &ProxyModel, is_outbound: bool| {
            pass_cost(proxy, service.application.protocol, is_outbound, mutual_tls, speed)
        };
        let policy = policy(service, outbound, &self.mesh.direct);
        let pool = match outbound {
            Some(proxy) => proxy_pool(proxy, service.application.protocol, inbound, &self.mesh.direct, speed),
            None => self.direct_pool(caller, service.application.protocol),
        };
        let overhead = |size: fn(&ProxyModel) -> u64| outbound.map_or(0, size);
        Edge {
            caller,
            callee: callee_workload,
            slot: self.slots[caller],
            outbound: outbound.map(|proxy| pass(proxy, true)),
            inbound: inbound.map(|proxy| pass(proxy, false)),
            policy,
            targets: self.targets_of(callee, policy),
            hash: hash_input(service, policy),
            // Zero: nobody looks at response times.
            ewma: match outbound {
                Some(proxy) if policy == BalancingPolicy::PeakEwma => (proxy.ewma_default, proxy.ewma_decay),
                _ => (Span::ZERO, Span::ZERO),
            },
            pool,
            request_overhead: overhead(|proxy| proxy.request_overhead.value()),
            response_overhead: overhead(|proxy| proxy.response_overhead.value()),
        }
    }

    fn direct_pool(&self, caller: WorkloadIdx, protocol: Protocol) -> Pool {
        let direct = &self.mesh.direct;
        let keep_alive = match self.scenario.services.get(ServiceIdx::at(caller.position())) {
            Some(service) => service.application.client.keep_alive,
            None => true,
        };
        Pool {
            streams: match protocol {
                Protocol::Http1 | Protocol::Tcp => 1,
                Protocol::Http2 | Protocol::Grpc => APPLICATION_STREAMS,
            },
            per_connection: true,
            per_worker: false,
            keep_alive,
            handshake_legs: half_trips(direct.handshake_round_trips),
            client_cpu: 0,
            server_cpu: 0,
            idle_timeout: direct.idle_timeout.nanos(),
        }
    }

    fn targets_of(&mut self, callee: ServiceIdx, policy: BalancingPolicy) -> Arc<Targets> {
        let service = &self.scenario.services[callee];
        let targets = self
            .targets
            .entry((callee, policy))
            .or_insert_with(|| Arc::new(Targets::new(policy, &service.full_name(), service.replicas)));
        Arc::clone(targets)
    }
}

/// The user's choice for the service, else that of the proxy that makes it, else kube-proxy's.
fn policy(service: &Service, outbound: Option<&ProxyModel>, direct: &DirectModel) -> BalancingPolicy {
    match (outbound, &service.balancing) {
        (None, _) => direct.balancing,
        (Some(_), Some(balancing)) => balancing.policy,
        (Some(proxy), None) if service.application.protocol == Protocol::Tcp => proxy.tcp_balancing,
        (Some(proxy), None) => proxy.balancing,
    }
}

fn hash_input(service: &Service, policy: BalancingPolicy) -> HashInput {
    match (policy, &service.balancing) {
        (BalancingPolicy::RingHash | BalancingPolicy::Maglev, Some(balancing)) => match &balancing.hash_on {
            HashOn::Source => HashInput::Source,
            HashOn::Header(name) => HashInput::Header(hash_name(name)),
        },
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
        keep_alive: true,
        handshake_legs: half_trips(round_trips),
        client_cpu: cpu(upstream.handshake_client_cpu),
        server_cpu: cpu(
            inbound.map_or(upstream.handshake_server_cpu, |proxy| proxy.upstream.handshake_server_cpu)
        ),
        idle_timeout: upstream.idle_timeout.nanos(),
    }
}

fn half_trips(round_trips: f64) -> u32 {
    (round_trips * 2.0 + 0.5) as u32
}

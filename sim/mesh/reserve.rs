//! What a mesh reserves for pods that are known, and what it takes before any request.

use crate::units::{Bytes, Cores};

use super::model::{ConfigurationView, MeshModel, ProxyModel, ReservationModel};

/// What a mesh is to serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Pods in the mesh.
    pub pods: u64,
    /// Whether they are in one already.
    pub is_meshed: bool,
    /// Nodes of the cluster.
    pub nodes: u64,
    /// Whether anything tells how many.
    pub nodes_known: bool,
    /// Namespaces with pods in the mesh.
    pub namespaces: u64,
    /// Services that proxies are told of.
    pub services: u64,
    /// Pods behind them.
    pub endpoints: u64,
}

/// What like pods of a mesh take together.
#[derive(Clone, Debug, PartialEq)]
pub struct Reserve {
    /// What they are: `sidecar`, `node_proxy`, `waypoint`, or a name of their own.
    pub name: String,
    /// Whether they are proxies, and not control plane or helpers.
    pub is_proxy: bool,
    /// How many.
    pub count: u64,
    /// CPU that the scheduler reserves, in cores.
    pub cpu_request: f64,
    /// CPU that they may use, in cores; `None` is without a limit.
    pub cpu_limit: Option<f64>,
    /// Memory that the scheduler reserves, in bytes.
    pub memory_request: f64,
    /// Memory that they may use, in bytes; `None` is without a limit.
    pub memory_limit: Option<f64>,
    /// CPU that they take without traffic, in cores, where the profile says so.
    pub idle_cpu: Option<f64>,
    /// Memory that they take without traffic, in bytes, where the profile says so.
    pub idle_memory: Option<f64>,
}

/// All that a mesh adds to these pods, gateways apart.
pub fn reserve(mesh: &MeshModel, fleet: &Fleet) -> Vec<Reserve> {
    let mut reserves = Vec::new();
    if let Some(sidecar) = &mesh.sidecar {
        let memory = idle_memory(sidecar, fleet);
        reserves.push(proxies("sidecar", fleet.pods, sidecar, memory));
    }
    if let Some(node) = &mesh.node_proxy {
        let memory = &node.proxy.memory;
        // It holds all services and pods of the mesh, whatever it is asked for.
        let bytes = memory.base
            + memory.per_worker * f64::from(node.proxy.workers)
            + memory.per_cluster * fleet.services as f64
            + memory.per_endpoint * beyond_first(fleet)
            + node.memory_per_workload * fleet.pods as f64;
        reserves.push(proxies("node_proxy", fleet.nodes, &node.proxy, bytes));
    }
    if let Some(waypoint) = &mesh.waypoint {
        // Each is told of the services of its own namespace.
        let share = Fleet {
            services: fleet.services.div_ceil(fleet.namespaces.max(1)),
            endpoints: fleet.endpoints.div_ceil(fleet.namespaces.max(1)),
            ..*fleet
        };
        let count = fleet.namespaces * u64::from(waypoint.replicas);
        reserves.push(proxies("waypoint", count, &waypoint.proxy, idle_memory(&waypoint.proxy, &share)));
    }
    reserves.extend(mesh.control_plane.iter().map(|plane| others(plane, u64::from(plane.replicas))));
    reserves.extend(mesh.daemons.iter().map(|daemon| others(daemon, fleet.nodes)));
    reserves
}

fn beyond_first(fleet: &Fleet) -> f64 {
    fleet.endpoints.saturating_sub(fleet.services) as f64
}

/// Bytes of a proxy without connections: what it is told of before it is asked, with no opaque TCP service among them.
fn idle_memory(proxy: &ProxyModel, fleet: &Fleet) -> f64 {
    let memory = &proxy.memory;
    let workers = f64::from(proxy.workers);
    let own = memory.base + memory.per_worker * workers;
    match memory.view {
        ConfigurationView::Everything => {
            let per_service = memory.per_cluster + memory.per_cluster_worker * workers + memory.per_route;
            own + proxy.configuration_bytes(
                per_service,
                fleet.services,
                0,
                fleet.endpoints.max(fleet.services) - fleet.services,
            )
        }
        ConfigurationView::Used => own,
    }
}

fn proxies(name: &str, count: u64, proxy: &ProxyModel, idle_memory: f64) -> Reserve {
    let all = |one: f64| one * count as f64;
    let bytes = |amount: Option<Bytes>| amount.map(|amount| all(amount.value() as f64));
    let cores = |amount: Option<Cores>| amount.map(|amount| all(amount.value()));
    Reserve {
        name: name.to_owned(),
        is_proxy: true,
        count,
        cpu_request: cores(proxy.cpu_request).unwrap_or(0.0),
        cpu_limit: cores(proxy.cpu_limit),
        memory_request: bytes(proxy.memory_request).unwrap_or(0.0),
        memory_limit: bytes(proxy.memory_limit),
        idle_cpu: Some(all(proxy.idle_cpu.value())),
        idle_memory: Some(all(idle_memory)),
    }
}

fn others(pods: &ReservationModel, count: u64) -> Reserve {
    Reserve {
        name: pods.name.clone(),
        is_proxy: false,
        count,
        cpu_request: pods.cpu_request.map_or(0.0, Cores::value) * count as f64,
        cpu_limit: None,
        memory_request: pods.memory_request.map_or(0.0, |bytes| bytes.value() as f64) * count as f64,
        memory_limit: None,
        idle_cpu: None,
        idle_memory: None,
    }
}

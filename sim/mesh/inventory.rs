//! The proxies that run in a cluster: how many, what they reserve and what they use, by namespace and in all.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::kubernetes::Part;
use crate::input::kubernetes::pods::{PodRecord, Usage};
use crate::units::{Bytes, Cores};
use crate::vocabulary::Resources;

use super::reserve::Fleet;

/// What a proxy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Stands in the pod of an application.
    Sidecar,
    /// Stands on a node, for its pods.
    NodeProxy,
    /// Stands before services.
    Waypoint,
    /// Stands at the edge.
    Gateway,
}

impl Role {
    /// As tables and files call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::NodeProxy => "node_proxy",
            Self::Waypoint => "waypoint",
            Self::Gateway => "gateway",
        }
    }
}

/// Like proxies of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Their namespace; `None` for all together.
    pub namespace: Option<String>,
    /// The container's name.
    pub container: &'static str,
    /// What they are for.
    pub role: Role,
}

/// A sum over containers of which some may not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// What those that say so have together: cores or bytes.
    pub total: f64,
    /// How many say so.
    pub given: u64,
}

impl Sum {
    fn add(&mut self, value: Option<f64>, copies: u64) {
        self.total += value.unwrap_or(0.0) * copies as f64;
        self.given += if value.is_some() { copies } else { 0 };
    }
}

/// What like proxies have together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    /// How many there are ...
    pub count: u64,
    /// ... and how many of them are native sidecars.
    pub native: u64,
    /// CPU that the scheduler reserves, in cores.
    pub cpu_request: Sum,
    /// CPU that they may use, in cores.
    pub cpu_limit: Sum,
    /// Memory that the scheduler reserves, in bytes.
    pub memory_request: Sum,
    /// Memory that they may use, in bytes.
    pub memory_limit: Sum,
    /// CPU that they use, in cores, where that is known.
    pub cpu_used: Sum,
    /// Memory that they use, in bytes, where that is known.
    pub memory_used: Sum,
    /// CPU requests of those whose use is known, in cores.
    pub cpu_request_of_used: f64,
    /// Memory requests of those whose use is known, in bytes.
    pub memory_request_of_used: f64,
}

impl Held {
    fn add(&mut self, resources: &Resources, native: bool, copies: u64, used: Option<&Usage>) {
        let [cpu_request, cpu_limit] =
            [resources.cpu_request, resources.cpu_limit].map(|it| it.map(Cores::value));
        let bytes = |amount: Option<Bytes>| amount.map(|amount| amount.value() as f64);
        self.count += copies;
        self.native += if native { copies } else { 0 };
        self.cpu_request.add(cpu_request, copies);
        self.cpu_limit.add(cpu_limit, copies);
        self.memory_request.add(bytes(resources.memory_request), copies);
        self.memory_limit.add(bytes(resources.memory_limit), copies);
        self.cpu_used.add(used.map(|used| used.cpu.value()), 1);
        self.memory_used.add(used.map(|used| used.memory.value() as f64), 1);
        if used.is_some() {
            self.cpu_request_of_used += cpu_request.unwrap_or(0.0);
            self.memory_request_of_used += bytes(resources.memory_request).unwrap_or(0.0);
        }
    }
}

/// What runs in a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Proxies by namespace, then all of them.
    pub proxies: BTreeMap<Key, Held>,
    /// What the containers of control planes have together.
    pub control_plane: Held,
    /// Pods of applications without a proxy, by namespace.
    pub without: BTreeMap<String, u64>,
    /// Of them, those whose node's proxy takes their traffic.
    pub redirected: u64,
    /// Pods that run no more and count nowhere.
    pub ended: u64,
    /// Rows of what is used that belong to no pod.
    pub strangers: u64,
    /// What a mesh would have to serve.
    pub fleet: Fleet,
}

impl Inventory {
    /// Counts pods; `nodes` is how many nodes there are, where pods do not tell.
    pub fn of(pods: &[PodRecord], usages: &[Usage], nodes: Option<u64>) -> Self {
        let mut inventory = Self::default();
        let used = Used::of(pods, usages);
        inventory.strangers = used.strangers;
        for pod in pods {
            if pod.ended {
                inventory.ended += 1;
            } else {
                inventory.count(pod, &used);
            }
        }
        inventory.fleet = fleet(pods, nodes);
        inventory
    }

    fn count(&mut self, pod: &PodRecord, used: &Used<'_>) {
        if pod.part == Some(Part::ControlPlane) {
            self.control_plane.add(&pod.application, false, pod.copies, None);
        }
        let role = match pod.part {
            Some(Part::NodeProxy) => Role::NodeProxy,
            Some(Part::Waypoint) => Role::Waypoint,
            Some(Part::Gateway) => Role::Gateway,
            Some(Part::ControlPlane) | None => Role::Sidecar,
        };
        let Some(proxy) = &pod.proxy else {
            if pod.part.is_none() {
                *self.without.entry(pod.namespace.clone()).or_default() += pod.copies;
                self.redirected += if pod.redirected { pod.copies } else { 0 };
            }
            return;
        };
        let container = proxy.kind.container();
        for namespace in [Some(pod.namespace.clone()), None] {
            let key = Key { namespace, container, role };
            let found = used.find(pod, container).filter(|_| pod.copies == 1);
            self.proxies.entry(key).or_default().add(&proxy.resources, proxy.native, pod.copies, found);
        }
    }

    /// Sidecars, node proxies and waypoints of all namespaces together: what a mesh brings, gateways apart.
    pub fn total(&self) -> Held {
        let mut total = Held::default();
        let all = self.proxies.iter().filter(|(key, _)| key.namespace.is_none() && key.role != Role::Gateway);
        for (_, held) in all {
            total.count += held.count;
            total.native += held.native;
            total.cpu_request_of_used += held.cpu_request_of_used;
            total.memory_request_of_used += held.memory_request_of_used;
            for (sum, one) in [
                (&mut total.cpu_request, held.cpu_request),
                (&mut total.cpu_limit, held.cpu_limit),
                (&mut total.memory_request, held.memory_request),
                (&mut total.memory_limit, held.memory_limit),
                (&mut total.cpu_used, held.cpu_used),
                (&mut total.memory_used, held.memory_used),
            ] {
                sum.total += one.total;
                sum.given += one.given;
            }
        }
        total
    }
}

/// What containers use, by pod and container.
struct Used<'u> {
    rows: BTreeMap<(&'u str, &'u str, &'u str), &'u Usage>,
    strangers: u64,
}

impl<'u> Used<'u> {
    /// A row without a namespace belongs to the only pod of its name.
    fn of(pods: &'u [PodRecord], usages: &'u [Usage]) -> Self {
        let mut namespaces: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for pod in pods {
            namespaces.entry(&pod.name).or_default().insert(&pod.namespace);
        }
        let mut used = Self { rows: BTreeMap::new(), strangers: 0 };
        for usage in usages {
            let known = namespaces.get(usage.pod.as_str());
            let namespace = match &usage.namespace {
                Some(written) => known.and_then(|known| known.get(written.as_str())),
                None => known.filter(|known| known.len() == 1).and_then(BTreeSet::first),
            };
            match namespace {
                Some(namespace) => {
                    used.rows.insert((namespace, &usage.pod, &usage.container), usage);
                }
                None => used.strangers += 1,
            }
        }
        used
    }

    fn find(&self, pod: &PodRecord, container: &str) -> Option<&'u Usage> {
        self.rows.get(&(pod.namespace.as_str(), pod.name.as_str(), container)).copied()
    }
}

/// Pods that are in a mesh, or, where none is, those that could be: not those of the mesh itself, nor those with the
/// network of their node. Each workload counts as a service.
fn fleet(pods: &[PodRecord], nodes: Option<u64>) -> Fleet {
    let running = || pods.iter().filter(|pod| !pod.ended);
    let applications = || running().filter(|pod| pod.part.is_none() && !pod.host_network);
    let is_meshed = |pod: &&PodRecord| pod.proxy.is_some() || pod.redirected;
    let any = applications().any(|pod| is_meshed(&pod));
    let meshed = || applications().filter(|pod| !any || is_meshed(pod));
    let named: BTreeSet<&str> = running().filter_map(|pod| pod.node.as_deref()).collect();
    let namespaces: BTreeSet<&str> = meshed().map(|pod| pod.namespace.as_str()).collect();
    let services: BTreeSet<(&str, &str)> =
        applications().map(|pod| (pod.namespace.as_str(), pod.workload.as_str())).collect();
    Fleet {
        pods: meshed().map(|pod| pod.copies).sum(),
        is_meshed: any,
        nodes: nodes.unwrap_or(named.len().max(1) as u64),
        nodes_known: nodes.is_some() || !named.is_empty(),
        namespaces: namespaces.len() as u64,
        services: services.len() as u64,
        endpoints: applications().map(|pod| pod.copies).sum(),
    }
}

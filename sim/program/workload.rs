//! Workloads, pods, proxies, workers and the cores they run on.

use std::collections::BTreeMap;

use crate::index::{Idx, IndexVec};
use crate::kernel::dist::Dist;
use crate::kernel::rng::{extend_path, hash_name};
use crate::kernel::station::{CoreIdx, Quota, WakeModel};
use crate::mesh::model::{ConfigurationView, MeshModel, ProxyModel};
use crate::mesh::scenario::{Client, Origin, Protocol, Scenario, Service, ServiceIdx, SourceIdx};
use crate::units::Span;

use super::{GroupIdx, Pod, PodIdx, Program, Proxy, ProxyGroup, Serving, Workload, WorkloadIdx};

/// The CFS period of Kubernetes.
const CFS_PERIOD: Span = Span::from_millis(100);

/// Workloads as they are laid out, before pods are placed.
pub(super) struct Workloads<'a> {
    pub(super) all: IndexVec<WorkloadIdx, Workload>,
    /// The proxy model beside each workload.
    pub(super) models: IndexVec<WorkloadIdx, Option<&'a ProxyModel>>,
    pub(super) groups: IndexVec<GroupIdx, ProxyGroup>,
    /// The client or gateway of each source.
    pub(super) of_sources: IndexVec<SourceIdx, WorkloadIdx>,
    next_pod: u32,
}

impl<'a> Workloads<'a> {
    pub(super) fn lay_out(scenario: &Scenario, mesh: &'a MeshModel) -> Self {
        let mut this = Self {
            all: IndexVec::new(),
            models: IndexVec::new(),
            groups: IndexVec::new(),
            of_sources: IndexVec::new(),
            next_pod: 0,
        };
        for service in &scenario.services {
            let proxy = if service.injected { mesh.sidecar.as_ref() } else { None };
            this.add(scenario, service.full_name(), service.replicas, proxy, Some(service));
        }
        let mut gateways: BTreeMap<&str, WorkloadIdx> = BTreeMap::new();
        for source in &scenario.sources {
            let workload = match &source.from {
                Origin::Outside => this.add(scenario, format!("outside:{}", source.name), 1, None, None),
                Origin::MeshedClient { replicas } => this.add(
                    scenario,
                    format!("client:{}", source.name),
                    *replicas,
                    mesh.sidecar.as_ref(),
                    None,
                ),
                Origin::Gateway { name, replicas } => match gateways.get(name.as_str()) {
                    Some(&workload) => workload,
                    None => {
                        this.add(scenario, format!("gateway:{name}"), *replicas, Some(&mesh.gateway), None)
                    }
                },
            };
            if let Origin::Gateway { name, .. } = &source.from {
                gateways.insert(name, workload);
            }
            this.of_sources.push(workload);
        }
        this
    }

    fn add(
        &mut self,
        scenario: &Scenario,
        name: String,
        pods: u32,
        proxy: Option<&'a ProxyModel>,
        service: Option<&Service>,
    ) -> WorkloadIdx {
        let workload = self.all.next_index();
        let group = proxy.map(|proxy| self.groups.push(group(scenario, workload, proxy)));
        let default_client = Client::default();
        let client = service.map_or(&default_client, |service| &service.application.client);
        self.models.push(proxy);
        self.all.push(Workload {
            name,
            first_pod: PodIdx(self.next_pod),
            pods,
            group,
            serving: service.map_or(Serving::Unlimited, serving),
            hold_workers: service.is_some_and(|service| service.application.hold_workers),
            edges: 0,
            pool_size: client.pool_size.unwrap_or(u32::MAX),
            keep_alive: client.keep_alive,
            memory: service.map_or(0, |service| service.application.memory.value()),
        });
        self.next_pod += pods;
        workload
    }
}

fn serving(service: &Service) -> Serving {
    let application = &service.application;
    match application.workers {
        None => Serving::Unlimited,
        Some(workers) => Serving::Limited {
            workers,
            queue_limit: application.queue_limit.unwrap_or(u32::MAX),
            discipline: application.discipline,
        },
    }
}

fn group(scenario: &Scenario, workload: WorkloadIdx, proxy: &ProxyModel) -> ProxyGroup {
    let speed = scenario.cluster.cpu_speed;
    let scale = |span: Span| span.scale(1.0 / speed);
    let memory = &proxy.memory;
    let workers = f64::from(proxy.workers);
    let per_target = memory.per_cluster + memory.per_cluster_worker * workers + memory.per_route;
    let everything = memory.view == ConfigurationView::Everything;
    ProxyGroup {
        workload,
        workers: proxy.workers,
        dispatch: proxy.dispatch,
        wake: WakeModel {
            floor: scale(proxy.wake.floor),
            rise: scale(proxy.wake.rise),
            tau: proxy.wake.tau,
            thread: scale(proxy.wake.thread),
            before_ratio: proxy.wake.before_ratio,
        },
        quota: proxy
            .cpu_limit
            .filter(|limit| limit.value() < workers)
            .map(|limit| Quota::new(CFS_PERIOD.scale(limit.value()), CFS_PERIOD)),
        variation: variation(proxy.cpu_scv),
        pass_delay: proxy.pass_delay.nanos(),
        idle_cpu: proxy.idle_cpu.value(),
        static_memory: memory.base
            + memory.per_worker * workers
            + if everything { configuration_bytes(scenario, proxy, per_target) } else { 0.0 },
        memory_per_used_target: if everything { 0.0 } else { per_target },
        memory_per_used_endpoint: if everything { 0.0 } else { memory.per_endpoint },
        memory_per_connection: memory.per_connection,
        memory_per_request: memory.per_request,
    }
}

/// The spread of a job's CPU, as a law of mean 1.
fn variation(scv: f64) -> Option<Dist> {
    let cv = scv.sqrt();
    let law = if scv > 1.0 { Dist::hyperexponential(1.0, cv) } else { Dist::gamma(1.0, cv) };
    law.ok().filter(|_| scv > 0.0)
}

/// Bytes of a proxy that is told of every service: HTTP services share one outbound listener, each opaque TCP service
/// has its own, and three stand for inbound traffic, the virtual outbound and the metrics port.
fn configuration_bytes(scenario: &Scenario, proxy: &ProxyModel, per_target: f64) -> f64 {
    let opaque =
        scenario.services.iter().filter(|service| service.application.protocol == Protocol::Tcp).count();
    let endpoints: u64 = scenario.services.iter().map(|service| u64::from(service.replicas) - 1).sum();
    proxy.memory.per_listener * (4 + opaque) as f64
        + per_target * scenario.services.len() as f64
        + proxy.memory.per_endpoint * endpoints as f64
}

/// Gives every workload its pods, every pod its proxy and view, every proxy its workers, every worker its core.
pub(super) fn place_pods(
    program: &mut Program,
    scenario: &Scenario,
    of_sources: &IndexVec<SourceIdx, WorkloadIdx>,
) {
    for edge in &program.edges {
        program.workloads[edge.caller].edges += 1;
    }
    let mut shared = SharedCores::new(scenario, of_sources);
    let mut first_view = 0;
    for (index, workload) in program.workloads.iter_enumerated() {
        for replica in 0..workload.pods {
            let proxy = workload.group.map(|group| {
                let first_worker = program.workers.next_index();
                for _ in 0..program.groups[group].workers {
                    program.workers.push(shared.core(index, replica, &mut program.cores));
                }
                program.proxies.push(Proxy { group, first_worker })
            });
            program.pods.push(Pod {
                workload: index,
                proxy,
                identity: extend_path(hash_name(&workload.name), u64::from(replica)),
                first_view,
            });
            first_view += workload.edges;
        }
    }
}

/// Which workloads share a core, and the cores given out so far.
struct SharedCores {
    set_of: BTreeMap<WorkloadIdx, usize>,
    given: BTreeMap<(usize, u32), CoreIdx>,
}

impl SharedCores {
    fn new(scenario: &Scenario, of_sources: &IndexVec<SourceIdx, WorkloadIdx>) -> Self {
        let mut set_of = BTreeMap::new();
        for (number, set) in scenario.cluster.core_sets.iter().enumerate() {
            let services =
                set.services.iter().map(|&service: &ServiceIdx| WorkloadIdx::at(service.position()));
            let sources = set.sources.iter().map(|&source| of_sources[source]);
            set_of.extend(services.chain(sources).map(|workload| (workload, number)));
        }
        Self { set_of, given: BTreeMap::new() }
    }

    /// A core of its own, or the one that this replica of every member of the set shares.
    fn core(&mut self, workload: WorkloadIdx, replica: u32, cores: &mut usize) -> CoreIdx {
        let mut fresh = || {
            *cores += 1;
            CoreIdx::at(*cores - 1)
        };
        match self.set_of.get(&workload) {
            None => fresh(),
            Some(&set) => *self.given.entry((set, replica)).or_insert_with(fresh),
        }
    }
}

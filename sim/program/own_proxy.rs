//! Proxies of services and their versions that have resources of their own.

use crate::index::IndexVec;
use crate::mesh::model::{MeshModel, ProxyModel};
use crate::mesh::scenario::{Scenario, Service, ServiceIdx, VersionIdx};
use crate::units::Cores;
use crate::vocabulary::{ProxySettings, Resources};

/// The sidecars of a service's pods that do not take what the mesh gives to all.
#[derive(Debug)]
pub(super) struct OwnProxies {
    whole: Option<ProxyModel>,
    versions: IndexVec<VersionIdx, Option<ProxyModel>>,
}

impl OwnProxies {
    /// The sidecar of a version, or of a service that has none.
    pub(super) fn of(&self, version: Option<VersionIdx>) -> Option<&ProxyModel> {
        version.map_or(self.whole.as_ref(), |version| self.versions[version].as_ref())
    }
}

/// Those of each service.
pub(super) fn own_proxies(scenario: &Scenario, mesh: &MeshModel) -> IndexVec<ServiceIdx, OwnProxies> {
    let node_cores = whole(scenario.cluster.nodes.cores);
    let own = |proxies: &Vec<ProxySettings>| {
        let sidecar = mesh.sidecar.as_ref()?;
        let kind = mesh.sidecar_kind()?;
        let settings = proxies.iter().find(|settings| settings.kind == kind)?;
        Some(set(sidecar, settings, node_cores))
    };
    let of = |service: &Service| OwnProxies {
        whole: own(&service.proxies),
        versions: service.versions.iter().map(|version| own(&version.proxies)).collect(),
    };
    scenario.services.iter().map(of).collect()
}

/// The proxy with these settings. As in Kubernetes, a CPU limit of 0 is none, and what has a limit alone requests that.
fn set(proxy: &ProxyModel, settings: &ProxySettings, node_cores: u32) -> ProxyModel {
    let given = settings.workers.map(|workers| if workers == 0 { node_cores } else { workers });
    let Some(resources) = settings.resources else {
        return ProxyModel { workers: given.unwrap_or(proxy.workers), ..proxy.clone() };
    };
    let Resources { cpu_request, cpu_limit, memory_request, memory_limit } = resources;
    let cpu_limit = cpu_limit.filter(|limit| limit.value() > 0.0);
    let by_limit =
        || if proxy.workers_by_limit { cpu_limit.map_or(node_cores, whole) } else { proxy.workers };
    let workers = given.unwrap_or_else(by_limit);
    ProxyModel {
        workers,
        cpu_request: cpu_request.or(cpu_limit),
        cpu_limit,
        memory_request: memory_request.or(memory_limit),
        memory_limit,
        ..proxy.clone()
    }
}

fn whole(cores: Cores) -> u32 {
    (cores.value().ceil() as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::profile::find;
    use crate::units::Bytes;
    use crate::vocabulary::ProxyKind;

    #[test]
    fn workers_follow_from_the_limit_unless_they_are_given() {
        let istio = find("istio-sidecar", None).expect("it is shipped").model(8).sidecar.expect("it has one");
        let linkerd = find("linkerd", None).expect("it is shipped").model(8).sidecar.expect("it has one");
        let cores = |cores: f64| Cores::new(cores).ok();
        for (workers, limit, of_istio, of_linkerd) in [
            (None, None, 8, linkerd.workers),
            (None, cores(0.0), 8, linkerd.workers),
            (None, cores(0.2), 1, linkerd.workers),
            (None, cores(2.5), 3, linkerd.workers),
            (Some(5), cores(2.5), 5, 5),
            (Some(0), cores(2.5), 8, 8),
        ] {
            let memory_limit = Some(Bytes::new(1 << 30));
            let resources = Resources { cpu_limit: limit, memory_limit, ..Resources::default() };
            let settings = ProxySettings { kind: ProxyKind::Istio, resources: Some(resources), workers };
            let [one, other] = [&istio, &linkerd].map(|proxy| set(proxy, &settings, 8));
            assert_eq!((one.workers, other.workers), (of_istio, of_linkerd), "{workers:?} {limit:?}");
            assert_eq!((one.memory_request, one.memory_limit), (memory_limit, memory_limit));
            let limit = limit.filter(|limit| limit.value() > 0.0);
            assert_eq!((one.cpu_request, one.cpu_limit), (limit, limit), "of which the request is");
        }
        let settings = ProxySettings { kind: ProxyKind::Istio, resources: None, workers: Some(5) };
        assert_eq!(set(&istio, &settings, 8), ProxyModel { workers: 5, ..istio.clone() });
    }
}

//! From a profile to what the mesh and Kubernetes add to the life of a pod.

use crate::mesh::model::{
    KubernetesModel, LifecycleModel, NodeProxyLife, SidecarExit, SidecarMode, SidecarModel,
};
use crate::units::Span;

use super::Profile;
use super::resolve::Reader;

impl Profile {
    pub(super) fn lifecycle(&self) -> LifecycleModel {
        let section = |section| Reader { profile: self, section };
        let kubernetes = section("kubernetes");
        let data_plane = self.word("data_plane");
        let is_ambient = matches!(data_plane, "ambient" | "ambient_waypoint");
        LifecycleModel {
            kubernetes: KubernetesModel {
                schedule: kubernetes.span("schedule"),
                sandbox: kubernetes.span("sandbox"),
                image_pull: kubernetes.span("image_pull"),
                endpoint_slice: kubernetes.span("endpoint_slice"),
                watch: kubernetes.span("watch"),
                rules_least: kubernetes.span("kube_proxy_min_sync"),
                rules_write: kubernetes.span("kube_proxy_sync"),
                node_grace: kubernetes.span("node_grace"),
                eviction: kubernetes.span("eviction"),
            },
            node_proxy: is_ambient.then(|| node_proxy(section("startup"))),
            redirection: if is_ambient { section("startup").span("cni") } else { Span::ZERO },
            sidecar: (data_plane == "sidecar").then(|| sidecar(section("startup"), section("termination"))),
        }
    }
}

fn node_proxy(startup: Reader<'_>) -> NodeProxyLife {
    let start = startup.span("process") + startup.span("first_configuration");
    NodeProxyLife { start, drain: startup.span("drain") }
}

fn sidecar(startup: Reader<'_>, termination: Reader<'_>) -> SidecarModel {
    let mode = match startup.word("mode") {
        "native_sidecar" => SidecarMode::Native,
        "held" => SidecarMode::Held { poll: startup.span("hold_poll") },
        _ => SidecarMode::Classic,
    };
    let drain = startup.span("drain");
    SidecarModel {
        mode,
        init: startup.span("init"),
        agent: startup.span("agent"),
        process: startup.span("process"),
        per_cluster: startup.span("per_cluster"),
        certificate: startup.span("certificate"),
        first_configuration: startup.span("first_configuration"),
        probe_period: startup.span("startup_probe_period"),
        exit: match termination.word("exit") {
            "when_idle" => SidecarExit::WhenIdle(drain),
            "without_connections" => SidecarExit::WithoutConnections {
                minimum: termination.span("minimum_drain"),
                poll: termination.span("poll"),
            },
            _ => SidecarExit::After(drain),
        },
        drains_first: mode == SidecarMode::Native && termination.word("drains_first") == "yes",
        accept: termination.span("accept"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{find, names};

    /// What meshes share is drawn as one assumption, and cancels in their difference.
    #[test]
    fn kubernetes_is_the_same_under_every_mesh() {
        let of = |name: &str| {
            let profile = find(name, None).expect("it is shipped");
            let numbers: Vec<_> = profile
                .numbers()
                .filter(|(path, _)| path.starts_with("kubernetes."))
                .map(|(path, quantity)| (path.to_owned(), quantity.value, quantity.low, quantity.high))
                .collect();
            (numbers, profile.model(4).lifecycle.kubernetes)
        };
        let first = of("none");
        assert_eq!(first.0.len(), 9);
        for name in names() {
            assert_eq!(of(name), first, "{name}");
        }
    }

    #[test]
    fn only_sidecars_and_redirection_add_to_it() {
        for name in names() {
            let model = find(name, None).expect("it is shipped").model(4);
            assert_eq!(model.lifecycle.sidecar.is_some(), model.sidecar.is_some(), "{name}");
            let redirects = model.lifecycle.redirection > super::Span::ZERO;
            assert_eq!(redirects, model.node_proxy.is_some(), "{name}");
        }
    }
}

//! From a profile to how its control plane tells proxies of changes.

use crate::mesh::model::{DistributionModel, PerCore, PushModel, ResourceCost, StreamModel, Way};

use super::Profile;
use super::resolve::{Reader, cores};

impl Profile {
    /// `None` where kube-proxy is all there is.
    pub(super) fn distribution(&self) -> Option<DistributionModel> {
        let plane = Reader { profile: self, section: "control_plane" };
        let way = match plane.word("kind") {
            "push" => Way::Push(plane.push(self.word("data_plane") == "sidecar")),
            "stream" => Way::Stream(StreamModel {
                update: plane.span("update_cpu"),
                bytes_per_route: plane.number("bytes_per_route"),
                queue_limit: plane.number("queue_limit") as u32,
            }),
            _ => return None,
        };
        Some(DistributionModel {
            replicas: plane.number("replicas") as u32,
            cpu_limit: plane.limit("cpu_limit").map(cores),
            memory_base: plane.number("memory.base"),
            memory_per_service: plane.number("memory.per_service"),
            memory_per_endpoint: plane.number("memory.per_endpoint"),
            memory_per_proxy: plane.number("memory.per_proxy"),
            bytes_per_endpoint: plane.number("bytes_per_endpoint"),
            way,
        })
    }
}

impl Reader<'_> {
    fn push(self, has_sidecars: bool) -> PushModel {
        let resource = |section: &str| ResourceCost {
            cpu: self.span(&format!("{section}push_cpu_per_cluster")),
            bytes: self.number(&format!("{section}bytes_per_cluster")),
        };
        // A node's proxy is told of addresses, which are another thing than an Envoy's clusters.
        let gateway = resource(if has_sidecars { "" } else { "gateway." });
        PushModel {
            quiet: self.span("debounce_quiet"),
            longest: self.span("debounce_max"),
            concurrency: PerCore {
                base: self.number("push_concurrency_base"),
                per_core: self.number("push_concurrency_per_core"),
                most: self.number("push_concurrency_max"),
            },
            is_delta: self.word("updates") == "delta",
            build_per_service: self.span("build_cpu_per_service"),
            push: self.span("push_cpu"),
            per_cached_cluster: self.span("push_cpu_per_cached_cluster"),
            per_endpoint: self.span("push_cpu_per_endpoint"),
            sidecar: resource(""),
            gateway,
        }
    }
}

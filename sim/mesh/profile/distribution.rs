//! From a profile to how its control plane tells proxies of changes.

use crate::mesh::model::{
    DistributionModel, PerCore, PlaneAutoscaler, PushModel, ResourceCost, StreamModel, Way,
};

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
            autoscaler: plane.autoscaler(),
            start_up: plane.span("start_up"),
            connection_lifetime: plane.span("connection_lifetime"),
            cpu_limit: plane.limit("cpu_limit").map(cores),
            memory_base: plane.number("memory.base"),
            memory_per_service: plane.number("memory.per_service"),
            memory_per_endpoint: plane.number("memory.per_endpoint"),
            memory_per_proxy: plane.number("memory.per_proxy"),
            memory_per_pushed_byte: plane.number("memory.per_pushed_byte"),
            memory_limit: plane.limit("memory_limit"),
            bytes_per_endpoint: plane.number("bytes_per_endpoint"),
            way,
        })
    }
}

impl Reader<'_> {
    /// `None` where there is none, or it has nothing to hold usage against.
    fn autoscaler(self) -> Option<PlaneAutoscaler> {
        let share = self.limit("autoscale_cpu")?;
        Some(PlaneAutoscaler {
            most: self.limit("autoscale_max")? as u32,
            utilization: (100.0 * share).round() as u32,
            request: self.limit("cpu_request").filter(|request| *request > 0.0).map(cores)?,
        })
    }

    fn per_core(self, what: &str) -> PerCore {
        PerCore {
            base: self.number(&format!("{what}_base")),
            per_core: self.number(&format!("{what}_per_core")),
            most: self.number(&format!("{what}_max")),
        }
    }

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
            concurrency: self.per_core("push_concurrency"),
            connect_rate: self.per_core("connect_rate"),
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

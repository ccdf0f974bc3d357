//! Which kinds of object a mesh reads, and by whom they are enforced.

use crate::vocabulary::routing::Resource;

use super::{Capability, Profile};

/// Kinds of object that only some meshes read: their keys under `reads`.
pub static RESOURCES: [(&str, Resource); 9] = [
    ("virtual_service", Resource::VirtualService),
    ("destination_rule", Resource::DestinationRule),
    ("http_route", Resource::HttpRoute),
    ("grpc_route", Resource::GrpcRoute),
    ("traffic_split", Resource::TrafficSplit),
    ("service_profile", Resource::ServiceProfile),
    ("linkerd_http_route", Resource::LinkerdHttpRoute),
    ("linkerd_annotation", Resource::LinkerdAnnotation),
    ("backend_traffic_policy", Resource::BackendTrafficPolicy),
];

impl Profile {
    /// Whether the mesh as it is installed reads such objects. Everybody reads Kubernetes' own, and scenarios.
    pub fn reads(&self, resource: Resource) -> bool {
        match RESOURCES.iter().position(|(_, row)| *row == resource) {
            None => true,
            Some(position) => {
                self.reads[position].as_ref().is_some_and(|answer| answer.support == super::Support::Native)
            }
        }
    }

    /// Kinds of object and what the profile answers, in the table's order.
    pub fn resources(&self) -> impl Iterator<Item = (Resource, &Capability)> {
        let answers = RESOURCES.iter().zip(&self.reads);
        answers.filter_map(|((_, resource), answer)| Some((*resource, answer.as_ref()?)))
    }
}

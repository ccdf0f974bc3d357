//! Kinds that are known and have no effect.

use crate::input::foreign::{Foreign, Head, Kind, Treatment};

use super::Import;

const CONNECTIONS: Treatment = Treatment::Named(
    "connections are not routed apart from requests; their callers call the services they name",
);
const LISTENERS: Treatment = Treatment::Named("a gateway serves the hosts of its own listeners");

pub(super) static TCP_ROUTE: Kind = Kind::without_effect(
    "TCPRoute",
    &["gateway.networking.k8s.io/v1alpha2", "gateway.networking.k8s.io/v1"],
    CONNECTIONS,
);

pub(super) static TLS_ROUTE: Kind = Kind::without_effect(
    "TLSRoute",
    &[
        "gateway.networking.k8s.io/v1alpha2",
        "gateway.networking.k8s.io/v1alpha3",
        "gateway.networking.k8s.io/v1",
    ],
    CONNECTIONS,
);

pub(super) static UDP_ROUTE: Kind = Kind::without_effect(
    "UDPRoute",
    &["gateway.networking.k8s.io/v1alpha2", "gateway.networking.k8s.io/v1"],
    CONNECTIONS,
);

pub(super) static LISTENER_SET: Kind =
    Kind::without_effect("ListenerSet", &["gateway.networking.k8s.io/v1"], LISTENERS);

pub(super) static X_LISTENER_SET: Kind =
    Kind::without_effect("XListenerSet", &["gateway.networking.x-k8s.io/v1alpha1"], LISTENERS);

pub(super) static BACKEND_TLS_POLICY: Kind = Kind::without_effect(
    "BackendTLSPolicy",
    &[
        "gateway.networking.k8s.io/v1",
        "gateway.networking.k8s.io/v1alpha3",
        "gateway.networking.k8s.io/v1alpha2",
    ],
    Treatment::Named("TLS between a gateway and a service is what the mesh makes of it"),
);

pub(super) static BACKEND_LB_POLICY: Kind = Kind::without_effect(
    "BackendLBPolicy",
    &["gateway.networking.k8s.io/v1alpha2"],
    Treatment::Named("proxies hand out no sessions"),
);

pub(super) static REFERENCE_GRANT: Kind = Kind::without_effect(
    "ReferenceGrant",
    &[
        "gateway.networking.k8s.io/v1",
        "gateway.networking.k8s.io/v1beta1",
        "gateway.networking.k8s.io/v1alpha2",
    ],
    Treatment::Irrelevant,
);

pub(super) static GATEWAY_CLASS: Kind = Kind::without_effect(
    "GatewayClass",
    &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"],
    Treatment::Irrelevant,
);

/// Takes an object for read.
pub(super) fn nothing(_: Foreign<'_>, _: &Head, _: &mut Import<'_>) {}

//! Kinds that are known and have no effect.

use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};

use super::Import;

const CONNECTIONS: Treatment = Treatment::Named(
    "connections are not routed apart from requests; their callers call the services they name",
);
const LISTENERS: Treatment = Treatment::Named("a gateway serves the hosts of its own listeners");

pub(super) static TCP_ROUTE: Kind = Kind::new(
    "TCPRoute",
    &["gateway.networking.k8s.io/v1alpha2", "gateway.networking.k8s.io/v1"],
    Spelling::Exact,
    &[("spec", CONNECTIONS)],
);

pub(super) static TLS_ROUTE: Kind = Kind::new(
    "TLSRoute",
    &[
        "gateway.networking.k8s.io/v1alpha2",
        "gateway.networking.k8s.io/v1alpha3",
        "gateway.networking.k8s.io/v1",
    ],
    Spelling::Exact,
    &[("spec", CONNECTIONS)],
);

pub(super) static UDP_ROUTE: Kind = Kind::new(
    "UDPRoute",
    &["gateway.networking.k8s.io/v1alpha2", "gateway.networking.k8s.io/v1"],
    Spelling::Exact,
    &[("spec", CONNECTIONS)],
);

pub(super) static LISTENER_SET: Kind =
    Kind::new("ListenerSet", &["gateway.networking.k8s.io/v1"], Spelling::Exact, &[("spec", LISTENERS)]);

pub(super) static X_LISTENER_SET: Kind = Kind::new(
    "XListenerSet",
    &["gateway.networking.x-k8s.io/v1alpha1"],
    Spelling::Exact,
    &[("spec", LISTENERS)],
);

pub(super) static BACKEND_TLS_POLICY: Kind = Kind::new(
    "BackendTLSPolicy",
    &[
        "gateway.networking.k8s.io/v1",
        "gateway.networking.k8s.io/v1alpha3",
        "gateway.networking.k8s.io/v1alpha2",
    ],
    Spelling::Exact,
    &[("spec", Treatment::Named("TLS between a gateway and a service is what the mesh makes of it"))],
);

pub(super) static BACKEND_LB_POLICY: Kind = Kind::new(
    "BackendLBPolicy",
    &["gateway.networking.k8s.io/v1alpha2"],
    Spelling::Exact,
    &[("spec", Treatment::Named("proxies hand out no sessions"))],
);

pub(super) static REFERENCE_GRANT: Kind = Kind::new(
    "ReferenceGrant",
    &[
        "gateway.networking.k8s.io/v1",
        "gateway.networking.k8s.io/v1beta1",
        "gateway.networking.k8s.io/v1alpha2",
    ],
    Spelling::Exact,
    &[("spec", Treatment::Irrelevant)],
);

pub(super) static GATEWAY_CLASS: Kind = Kind::new(
    "GatewayClass",
    &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"],
    Spelling::Exact,
    &[("spec", Treatment::Irrelevant)],
);

/// Takes an object for read.
pub(super) fn nothing(_: Foreign<'_>, _: &Head, _: &mut Import<'_>) {}

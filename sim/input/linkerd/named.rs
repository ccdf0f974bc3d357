//! Kinds that are known and have no effect.

use crate::input::foreign::{Foreign, Head, Kind, Treatment};

use super::Import;

const NOBODY_IS_REFUSED: Treatment =
    Treatment::Named("nobody is refused, and looking who calls costs nothing beside mutual TLS");
const LIMITS: Treatment = Treatment::Named("nothing limits rates at the called side");
const OUTSIDE: Treatment =
    Treatment::Named("what lies outside the cluster is not simulated; describe it as a service");

pub(super) static SERVER: Kind = Kind::without_effect(
    "Server",
    &[
        "policy.linkerd.io/v1beta3",
        "policy.linkerd.io/v1beta2",
        "policy.linkerd.io/v1beta1",
        "policy.linkerd.io/v1alpha1",
    ],
    NOBODY_IS_REFUSED,
);

pub(super) static SERVER_AUTHORIZATION: Kind = Kind::without_effect(
    "ServerAuthorization",
    &["policy.linkerd.io/v1beta1", "policy.linkerd.io/v1alpha1"],
    NOBODY_IS_REFUSED,
);

pub(super) static AUTHORIZATION_POLICY: Kind =
    Kind::without_effect("AuthorizationPolicy", &["policy.linkerd.io/v1alpha1"], NOBODY_IS_REFUSED);

pub(super) static MESH_TLS_AUTHENTICATION: Kind =
    Kind::without_effect("MeshTLSAuthentication", &["policy.linkerd.io/v1alpha1"], NOBODY_IS_REFUSED);

pub(super) static NETWORK_AUTHENTICATION: Kind =
    Kind::without_effect("NetworkAuthentication", &["policy.linkerd.io/v1alpha1"], NOBODY_IS_REFUSED);

pub(super) static RATE_LIMIT: Kind =
    Kind::without_effect("HTTPLocalRateLimitPolicy", &["policy.linkerd.io/v1alpha1"], LIMITS);

pub(super) static EGRESS_NETWORK: Kind =
    Kind::without_effect("EgressNetwork", &["policy.linkerd.io/v1alpha1"], OUTSIDE);

pub(super) static EXTERNAL_WORKLOAD: Kind = Kind::without_effect(
    "ExternalWorkload",
    &["workload.linkerd.io/v1beta1", "workload.linkerd.io/v1alpha1"],
    OUTSIDE,
);

pub(super) static LINK: Kind = Kind::without_effect(
    "Link",
    &[
        "multicluster.linkerd.io/v1alpha3",
        "multicluster.linkerd.io/v1alpha2",
        "multicluster.linkerd.io/v1alpha1",
    ],
    OUTSIDE,
);

/// Takes an object for read.
pub(super) fn nothing(_: Foreign<'_>, _: &Head, _: &mut Import<'_>) {}

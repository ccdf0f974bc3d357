//! Kinds that are known and have no effect.

use crate::input::foreign::{Foreign, Head, Kind, Treatment};

use super::{Import, NETWORKING, SECURITY};

pub(super) static REQUEST_AUTHENTICATION: Kind = Kind::without_effect(
    "RequestAuthentication",
    SECURITY,
    Treatment::Named("tokens are not checked, and checking costs nothing"),
);

pub(super) static ENVOY_FILTER: Kind = Kind::without_effect(
    "EnvoyFilter",
    NETWORKING,
    Treatment::Named("Envoy's own configuration is not read; set the profile's numbers instead"),
);

const WORKLOADS: Treatment =
    Treatment::Named("workloads outside Kubernetes are not simulated; describe them as services");

pub(super) static WORKLOAD_ENTRY: Kind = Kind::without_effect("WorkloadEntry", NETWORKING, WORKLOADS);

pub(super) static WORKLOAD_GROUP: Kind = Kind::without_effect("WorkloadGroup", NETWORKING, WORKLOADS);

/// Takes an object for read.
pub(super) fn nothing(_: Foreign<'_>, _: &Head, _: &mut Import<'_>) {}

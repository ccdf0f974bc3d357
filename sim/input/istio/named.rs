//! Kinds that are known and have no effect.

use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};

use super::{Import, NETWORKING, SECURITY};

pub(super) static REQUEST_AUTHENTICATION: Kind = Kind::new(
    "RequestAuthentication",
    SECURITY,
    Spelling::Protobuf,
    &[("spec", Treatment::Named("tokens are not checked, and checking costs nothing"))],
);

pub(super) static ENVOY_FILTER: Kind = Kind::new(
    "EnvoyFilter",
    NETWORKING,
    Spelling::Protobuf,
    &[("spec", Treatment::Named("Envoy's own configuration is not read; set the profile's numbers instead"))],
);

const WORKLOADS: Treatment =
    Treatment::Named("workloads outside Kubernetes are not simulated; describe them as services");

pub(super) static WORKLOAD_ENTRY: Kind =
    Kind::new("WorkloadEntry", NETWORKING, Spelling::Protobuf, &[("spec", WORKLOADS)]);

pub(super) static WORKLOAD_GROUP: Kind =
    Kind::new("WorkloadGroup", NETWORKING, Spelling::Protobuf, &[("spec", WORKLOADS)]);

/// Takes an object for read.
pub(super) fn nothing(_: Foreign<'_>, _: &Head, _: &mut Import<'_>) {}

//! Kinds that are known and have no effect.

use crate::input::foreign::{Foreign, Head, Kind, Treatment};

use super::Import;
use super::route_group::SPECS;

const NOBODY_IS_REFUSED: Treatment = Treatment::Named("it says who may call whom, and nobody is refused");

pub(super) static TCP_ROUTE: Kind = Kind::without_effect("TCPRoute", SPECS, NOBODY_IS_REFUSED);

pub(super) static UDP_ROUTE: Kind = Kind::without_effect("UDPRoute", SPECS, NOBODY_IS_REFUSED);

pub(super) static TRAFFIC_TARGET: Kind = Kind::without_effect(
    "TrafficTarget",
    &["access.smi-spec.io/v1alpha1", "access.smi-spec.io/v1alpha2", "access.smi-spec.io/v1alpha3"],
    NOBODY_IS_REFUSED,
);

/// Takes an object for read.
pub(super) fn nothing(_: Foreign<'_>, _: &Head, _: &mut Import<'_>) {}

//! SMI's objects: `TrafficSplit` with the `HTTPRouteGroup`s that it names, in every version.
//!
//! Groups may come after the splits that name them: both wait in `Pending` until everything is read.

use crate::diag::Diagnostics;

use super::draft::Draft;
use super::foreign::family::{self, Family};

mod named;
mod route_group;
mod traffic_split;

/// Every kind, and who reads it.
pub(super) const FAMILY: Family<Pending> = Family(&[
    (&traffic_split::KIND, traffic_split::decode),
    (&route_group::KIND, route_group::decode),
    (&named::TCP_ROUTE, named::nothing),
    (&named::UDP_ROUTE, named::nothing),
    (&named::TRAFFIC_TARGET, named::nothing),
]);

/// What waits until everything is read.
#[derive(Debug, Default)]
pub(super) struct Pending {
    splits: Vec<traffic_split::Split>,
    groups: Vec<route_group::Group>,
}

/// Where what is read goes to.
pub(super) type Import<'i> = family::Import<'i, Pending>;

impl Pending {
    /// Moves everything into the draft.
    pub(super) fn resolve(self, draft: &mut Draft, diagnostics: &mut Diagnostics) {
        for split in self.splits {
            draft.routes.push(split.route(&self.groups, diagnostics));
        }
    }
}

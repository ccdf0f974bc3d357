//! What is said of the proxies beside a service's pods.

use crate::diag::Location;
use crate::vocabulary::ProxySettings;

/// Resources of the proxies of a service's pods, where annotations, injected containers or a scenario give them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProxyDraft {
    /// What is said.
    pub settings: ProxySettings,
    /// Where that is said.
    pub location: Location,
}

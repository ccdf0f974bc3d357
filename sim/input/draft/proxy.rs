//! What manifests say of the proxies beside a service's pods.

use crate::diag::Location;
use crate::vocabulary::Resources;

/// Resources of the proxies of a service's pods, where annotations or injected containers give them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProxyDraft {
    /// The mesh whose proxy this is: another mesh's proxies take what that mesh gives them.
    pub kind: ProxyKind,
    /// All four in place of the mesh's own: `None` is no request and no limit.
    pub resources: Resources,
    /// Worker threads: `None` follows from the CPU limit, 0 is one for each core of the node.
    pub workers: Option<u32>,
    /// Where that is said.
    pub location: Location,
}

/// A sidecar's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProxyKind {
    /// `istio-proxy`.
    Istio,
    /// `linkerd-proxy`.
    Linkerd,
}

impl ProxyKind {
    /// The name of its container.
    pub const fn container(self) -> &'static str {
        match self {
            Self::Istio => "istio-proxy",
            Self::Linkerd => "linkerd-proxy",
        }
    }
}

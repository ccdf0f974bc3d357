//! What a service's own proxies take, where that is not what their mesh gives to all.

use super::Resources;

/// Resources of the proxies beside a service's pods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProxySettings {
    /// The mesh whose proxy this is: another mesh's proxies take what that mesh gives them.
    pub kind: ProxyKind,
    /// All four in place of the mesh's own: what is not given is no request and no limit. `None` is the mesh's own.
    pub resources: Option<Resources>,
    /// Worker threads: `None` is as the mesh has it, 0 is one for each core of the node.
    pub workers: Option<u32>,
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
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Istio, Self::Linkerd];

    /// The name of its container.
    pub const fn container(self) -> &'static str {
        match self {
            Self::Istio => "istio-proxy",
            Self::Linkerd => "linkerd-proxy",
        }
    }
}

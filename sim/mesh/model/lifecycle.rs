//! What Kubernetes and a mesh add to the life of a pod.

use crate::units::Span;

/// How long the stages of a pod's life take, beside what its application needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleModel {
    /// Kubernetes' own.
    pub kubernetes: KubernetesModel,
    /// What redirection to the node's proxy adds to a pod's network; zero of a mesh without such a one.
    pub redirection: Span,
    /// How a new proxy of a node takes over from the old one; `None` when the mesh has none.
    pub node_proxy: Option<NodeProxyLife>,
    /// The life of the proxy beside a pod; `None` when the mesh has none.
    pub sidecar: Option<SidecarModel>,
}

/// How a new proxy of a node takes over from the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeProxyLife {
    /// From when its container is created until it takes connections. CPU is that of the profile's reference machine.
    pub start: Span,
    /// How long the old one goes on after that.
    pub drain: Span,
}

/// Latencies of Kubernetes, whatever the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KubernetesModel {
    /// From when a pod is made until its node has it.
    pub schedule: Span,
    /// Sandbox and network.
    pub sandbox: Span,
    /// The image of a mesh's container.
    pub image_pull: Span,
    /// From when a pod is ready, or deleted, until its endpoint is written.
    pub endpoint_slice: Span,
    /// From then until who watches the API server knows.
    pub watch: Span,
    /// Least time between two updates of a node's rules.
    pub rules_least: Span,
    /// How long one takes.
    pub rules_write: Span,
    /// From when a node is gone until its pods count as not ready, ...
    pub node_grace: Span,
    /// ... and from then until they are replaced.
    pub eviction: Span,
}

/// How the proxy beside a pod starts and ends. CPU is that of the profile's reference machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidecarModel {
    /// How the application waits for it.
    pub mode: SidecarMode,
    /// The init container that redirects traffic.
    pub init: Span,
    /// From the container's start to that of the proxy.
    pub agent: Span,
    /// CPU of the proxy until it is ready, without configuration ...
    pub process: Span,
    /// ... and what each cluster adds.
    pub per_cluster: Span,
    /// Until it can ask for a certificate; key, network and authority are in [`super::CertificateModel`].
    pub certificate: Span,
    /// Until it holds its first configuration.
    pub first_configuration: Span,
    /// Period of its startup probe.
    pub probe_period: Span,
    /// When it goes.
    pub exit: SidecarExit,
    /// It drains when its pod is deleted, and goes at once when it is told to.
    pub drains_first: bool,
    /// How long it takes new connections while it drains.
    pub accept: Span,
}

/// How the application waits for the proxy's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidecarMode {
    /// It does not.
    Classic,
    /// A hook of the proxy's container looks every so often.
    Held {
        /// Time between two looks.
        poll: Span,
    },
    /// The proxy is an init container that stays.
    Native,
}

/// When a proxy goes that is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidecarExit {
    /// So long after it was told.
    After(Span),
    /// Once nothing is under way, at the latest after this.
    WhenIdle(Span),
    /// Once it has no connection.
    WithoutConnections {
        /// First wait.
        minimum: Span,
        /// Time between two looks.
        poll: Span,
    },
}

//! How a mesh's proxies come to their certificates. CPU is that of the profile's reference machine.

use crate::units::{Ratio, Span};

/// A mesh's certificates.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateModel {
    /// From issue to expiry.
    pub life: Span,
    /// How long before its issue one begins to hold.
    pub backdated: Span,
    /// How much longer than `life` one holds, for clocks that differ.
    pub prolonged: Span,
    /// CPU of the authority to issue one.
    pub issue: Span,
    /// The authority is the control plane itself, whose instances it shares; otherwise it has as many of its own.
    pub is_control_plane: bool,
    /// What stands beside a pod, or is one: sidecars, gateways, waypoints.
    pub beside: HolderModel,
    /// What stands on a node, and holds one for each identity of its pods.
    pub node: Option<HolderModel>,
}

/// What asks for certificates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HolderModel {
    /// CPU of a key and a request.
    pub request: Span,
    /// When it asks for the next one.
    pub renewal: Renewal,
    /// Its first and its longest pause after a refusal; without effect where it renews what is left.
    pub retry: (Span, Span),
}

/// When a certificate is renewed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Renewal {
    /// After this share of its life, by chance up to `jitter` of it sooner or later.
    Jittered {
        /// The share.
        ratio: Ratio,
        /// The jitter, as a share of the life.
        jitter: Ratio,
    },
    /// After this share of its validity, which begins before its issue.
    OfValidity {
        /// The share.
        ratio: Ratio,
    },
    /// After this share of what is left whenever its holder looks, also after a refusal.
    OfWhatIsLeft {
        /// The share.
        ratio: Ratio,
        /// Not sooner.
        least: Span,
        /// Not later.
        most: Span,
    },
}

//! How the certificates of a mesh's proxies came to be, and how long they hold.

use crate::units::Span;

/// Certificates of proxies, whatever the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertificateSettings {
    /// From issue to expiry; `None` is the profile's.
    pub life: Option<Span>,
    /// When those were issued that proxies have when the run begins.
    pub issued: Issued,
}

/// When the certificates were issued that proxies have when the run begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Issued {
    /// One after the other, so that as many are renewed at any time as at any other.
    #[default]
    Spread,
    /// All at once, so long before the run.
    Together(Span),
}

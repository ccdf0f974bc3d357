//! Every kind of other people's objects that is known, and what is made of its fields; for documentation.

use super::foreign::{Kind, Treatment};
use super::{gateway_api, istio, kubernetes, linkerd, smi};

/// The objects of one API family.
pub struct Family {
    /// What it is called.
    pub name: &'static str,
    /// Its kinds.
    pub kinds: fn() -> Vec<KnownKind>,
}

/// Every family.
pub const FAMILIES: &[Family] = &[
    Family { name: "Kubernetes", kinds: kubernetes::kinds },
    Family { name: "Istio", kinds: || istio::FAMILY.kinds().map(KnownKind::from).collect() },
    Family { name: "Gateway API", kinds: || gateway_api::FAMILY.kinds().map(KnownKind::from).collect() },
    Family { name: "Linkerd", kinds: || linkerd::FAMILY.kinds().map(KnownKind::from).collect() },
    Family { name: "SMI", kinds: || smi::FAMILY.kinds().map(KnownKind::from).collect() },
];

/// A kind of object and what is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKind {
    /// `kind`.
    pub name: String,
    /// Every `apiVersion` that is read, or the groups of those of which all are.
    pub versions: Vec<String>,
    /// What is made of such an object as a whole.
    pub whole: Treatment,
    /// Its fields, with full paths; none where the whole says everything.
    pub fields: Vec<(String, Treatment)>,
}

impl From<&'static Kind> for KnownKind {
    fn from(kind: &'static Kind) -> Self {
        Self {
            name: kind.name.to_owned(),
            versions: kind.versions.iter().map(|&version| version.to_owned()).collect(),
            whole: kind.whole,
            fields: match kind.whole {
                Treatment::Modelled => kind.fields().map(|(path, is)| (path.to_owned(), is)).collect(),
                _ => Vec::new(),
            },
        }
    }
}

//! From a profile to how its proxies come to their certificates.

use crate::mesh::model::{CertificateModel, HolderModel, Renewal};
use crate::units::{Ratio, Span};

use super::Profile;
use super::resolve::Reader;

impl Profile {
    /// `None` without proxies, or if they do not encrypt what they tell each other.
    pub(super) fn certificates(&self) -> Option<CertificateModel> {
        let data_plane = self.word("data_plane");
        let encrypts = match data_plane {
            "none" => return None,
            "sidecar" => self.word("proxy.features.mtls.enabled"),
            _ => self.word("node_proxy.features.mtls.enabled"),
        };
        if matches!(encrypts, "off" | "unavailable") {
            return None;
        }
        let section = Reader { profile: self, section: "certificate" };
        let is_stream = self.word("control_plane.kind") == "stream";
        let is_ambient = data_plane != "sidecar";
        let clock_skew = section.span("clock_skew");
        let own = if is_stream { section.of_stream() } else { section.jittered("") };
        Some(CertificateModel {
            life: section.span("lifetime"),
            backdated: clock_skew,
            prolonged: if is_stream { clock_skew } else { Span::ZERO },
            issue: section.span("issue_cpu"),
            is_control_plane: !is_stream,
            beside: if is_ambient { section.jittered("gateway.") } else { own },
            node: is_ambient.then(|| HolderModel {
                renewal: Renewal::OfValidity { ratio: section.ratio("rotate_ratio") },
                ..own
            }),
        })
    }
}

impl Reader<'_> {
    fn ratio(self, path: &str) -> Ratio {
        Ratio::new(self.number(path)).expect("the table bounds it")
    }

    fn jittered(self, of: &str) -> HolderModel {
        let own = |name: &str| format!("{of}{name}");
        HolderModel {
            request: self.span(&own("request_cpu")),
            renewal: Renewal::Jittered {
                ratio: self.ratio("rotate_ratio"),
                jitter: self.ratio(&own("rotate_jitter")),
            },
            retry: (self.span("retry_first"), self.span(&own("retry_max"))),
        }
    }

    fn of_stream(self) -> HolderModel {
        let (least, most) = (self.span("rotate_least"), self.span("rotate_most"));
        HolderModel {
            request: self.span("request_cpu"),
            renewal: Renewal::OfWhatIsLeft { ratio: self.ratio("rotate_ratio"), least, most },
            retry: (least, least),
        }
    }
}

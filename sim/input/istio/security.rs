//! `PeerAuthentication`: whether proxies encrypt.

use crate::input::draft::FeatureValue;
use crate::input::fields;
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};

use super::features::{self, Reach};
use super::{Import, SECURITY};

pub(super) static PEER_AUTHENTICATION: Kind = Kind::new(
    "PeerAuthentication",
    SECURITY,
    Spelling::Protobuf,
    &[
        ("spec", Treatment::Like(features::SELECTOR)),
        ("spec.mtls.mode", Treatment::Modelled),
        ("spec.portLevelMtls", Treatment::Named("all ports of a service are treated alike")),
    ],
);

/// What a mode asks of proxies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Unset,
    Disable,
    Permissive,
    Strict,
}

pub(super) fn peer_authentication(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    const MODES: &[(&str, Mode)] = &[
        ("UNSET", Mode::Unset),
        ("DISABLE", Mode::Disable),
        ("PERMISSIVE", Mode::Permissive),
        ("STRICT", Mode::Strict),
    ];
    let spec = object.get("spec");
    let reach = Reach::of(spec, head, import.diagnostics);
    let Some(written) = spec.and_then(|spec| spec.at(&["mtls", "mode"])) else { return };
    let mode = fields::choice(written.node(), "a mode of mutual TLS", MODES, import.diagnostics);
    match mode {
        Some(Mode::Disable) => {
            let object = features::object(&PEER_AUTHENTICATION, head);
            import.pending.ask(object, reach, vec![("features.mtls.enabled", FeatureValue::switch(false))]);
        }
        // Proxies of a mesh encrypt by themselves wherever both sides have one.
        Some(Mode::Strict) => {
            let message = "callers without a proxy are not refused: STRICT is taken for PERMISSIVE";
            features::no_value(import, message, written.location());
        }
        Some(Mode::Unset | Mode::Permissive) | None => {}
    }
}

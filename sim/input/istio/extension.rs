//! `WasmPlugin` and `TrafficExtension`: plugins that requests pass.

use crate::input::foreign::{Foreign, Head, Kind, Row, Spelling, Treatment};

use super::features::{self, Reach};
use super::{EXTENSIONS, Import, no_effect};

const WHERE: &[Row] = &[
    ("selector.matchLabels", Treatment::Modelled),
    ("targetRefs", Treatment::Modelled),
    ("phase", Treatment::Irrelevant),
    ("priority", Treatment::Irrelevant),
    ("match", Treatment::Named("a plugin is called for all requests, on both sides")),
];

const PLUGIN: &[Row] = &[
    ("url", Treatment::Irrelevant),
    ("sha256", Treatment::Irrelevant),
    ("imagePullPolicy", Treatment::Irrelevant),
    ("imagePullSecret", Treatment::Irrelevant),
    ("verificationKey", Treatment::Irrelevant),
    ("pluginName", Treatment::Irrelevant),
    ("pluginConfig", Treatment::Irrelevant),
    ("vmConfig", Treatment::Irrelevant),
    ("failStrategy", Treatment::Named("plugins do not fail")),
    ("type", Treatment::Irrelevant),
];

pub(super) static WASM_PLUGIN: Kind = Kind::new(
    "WasmPlugin",
    EXTENSIONS,
    Spelling::Protobuf,
    &[("spec", Treatment::Like(WHERE)), ("spec", Treatment::Like(PLUGIN))],
);

pub(super) static TRAFFIC_EXTENSION: Kind = Kind::new(
    "TrafficExtension",
    EXTENSIONS,
    Spelling::Protobuf,
    &[
        ("spec", Treatment::Like(WHERE)),
        ("spec.wasm", Treatment::Like(PLUGIN)),
        ("spec.lua", Treatment::Modelled),
    ],
);

pub(super) fn wasm_plugin(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let reach = Reach::of(object.get("spec"), head, import.diagnostics);
    import.pending.plug(features::object(&WASM_PLUGIN, head), reach);
}

pub(super) fn traffic_extension(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.get("spec") else { return };
    let reach = Reach::of(Some(spec), head, import.diagnostics);
    if let Some(script) = spec.get("lua") {
        let message = "a script in Lua is not modelled: no figure of what it costs is known";
        import.diagnostics.push(no_effect(message, script.location()));
    } else if spec.get("wasm").is_some() {
        import.pending.plug(features::object(&TRAFFIC_EXTENSION, head), reach);
    }
}

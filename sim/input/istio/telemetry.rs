//! `Telemetry` and `ProxyConfig`: access logs, traces, metrics, and worker threads.

use crate::input::draft::FeatureValue;
use crate::input::fields;
use crate::input::foreign::{Foreign, Head, Kind, Spelling, Treatment};
use crate::units::Ratio;

use super::features::{self, Reach};
use super::{Import, NETWORKING, TELEMETRY as VERSIONS, metrics, value};

pub(super) static TELEMETRY: Kind = Kind::new(
    "Telemetry",
    VERSIONS,
    Spelling::Protobuf,
    &[
        ("spec", Treatment::Like(features::SELECTOR)),
        ("spec.accessLogging[].disabled", Treatment::Modelled),
        ("spec.accessLogging[].providers", Treatment::Irrelevant),
        ("spec.accessLogging[].match", Treatment::Named("both sides write a line")),
        ("spec.accessLogging[].filter", Treatment::Named("a line is written for every request")),
        ("spec.tracing[].randomSamplingPercentage", Treatment::Modelled),
        ("spec.tracing[].disableSpanReporting", Treatment::Modelled),
        ("spec.tracing[].providers", Treatment::Irrelevant),
        ("spec.tracing[].match", Treatment::Named("both sides report a span")),
        ("spec.tracing[].customTags", Treatment::Irrelevant),
        ("spec.tracing[].enableIstioTags", Treatment::Irrelevant),
        ("spec.tracing[].useRequestIdForTraceSampling", Treatment::Irrelevant),
        ("spec.metrics[].providers", Treatment::Irrelevant),
        ("spec.metrics[].reportingInterval", Treatment::Irrelevant),
        ("spec.metrics[].overrides[].disabled", Treatment::Modelled),
        ("spec.metrics[].overrides[].match.metric", Treatment::Modelled),
        ("spec.metrics[].overrides[].match.customMetric", Treatment::Modelled),
        ("spec.metrics[].overrides[].match.mode", Treatment::Modelled),
        ("spec.metrics[].overrides[].tagOverrides.*.operation", Treatment::Modelled),
        (
            "spec.metrics[].overrides[].tagOverrides.*.value",
            Treatment::Named("how many values a label takes is not known"),
        ),
    ],
);

pub(super) static PROXY_CONFIG: Kind = Kind::new(
    "ProxyConfig",
    NETWORKING,
    Spelling::Protobuf,
    &[
        ("spec", Treatment::Like(features::SELECTOR)),
        ("spec.concurrency", Treatment::Modelled),
        ("spec.environmentVariables", Treatment::Irrelevant),
        ("spec.image", Treatment::Irrelevant),
    ],
);

pub(super) fn telemetry(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.get("spec") else { return };
    let reach = Reach::of(Some(spec), head, import.diagnostics);
    let mut values = Vec::new();
    for log in spec.elements("accessLogging") {
        let off = log.read("disabled", fields::boolean, import.diagnostics) == Some(true);
        values.push(("features.access_log.enabled", FeatureValue::switch(!off)));
    }
    for tracing in spec.elements("tracing") {
        let off = tracing.read("disableSpanReporting", fields::boolean, import.diagnostics) == Some(true);
        let share = tracing.read("randomSamplingPercentage", value::percentage, import.diagnostics);
        values.push(("features.tracing.enabled", FeatureValue::switch(!off)));
        if let Some(share) = share {
            values.push(("features.tracing.sampled_ratio", FeatureValue::To(ratio(share))));
        }
    }
    values.extend(metrics::overrides(&spec.elements("metrics"), import));
    if !values.is_empty() {
        import.pending.ask(features::object(&TELEMETRY, head), reach, values);
    }
}

fn ratio(share: Ratio) -> String {
    share.value().to_string()
}

pub(super) fn proxy_config(object: Foreign<'_>, head: &Head, import: &mut Import<'_>) {
    let Some(spec) = object.get("spec") else { return };
    let reach = Reach::of(Some(spec), head, import.diagnostics);
    let Some(written) = spec.get("concurrency") else { return };
    match fields::u32(written.node(), import.diagnostics) {
        Some(0) => {
            let message = "a worker for every core of the host is not modelled: the profile's number holds";
            features::no_value(import, message, written.location());
        }
        Some(workers) => {
            // Other meshes' proxies have other numbers, and other ways to set them.
            let value =
                FeatureValue::Instead { word: "from_cpu_limit".to_owned(), value: workers.to_string() };
            let workers = vec![("workers", value)];
            import.pending.ask(features::object(&PROXY_CONFIG, head), reach, workers);
        }
        None => {}
    }
}

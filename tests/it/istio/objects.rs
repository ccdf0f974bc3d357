//! Gateways, outside hosts, scopes, and what objects ask of the profile.

use sim::input::Draft;
use sim::input::draft::FeatureValue;

use super::{example, text};

#[test]
fn gateways_external_hosts_and_scopes() {
    let gateway = example("gateway").gateways.remove(0);
    let hosts: Vec<_> = gateway.hosts.iter().map(|host| host.value.as_str()).collect();
    assert_eq!(hosts, ["*.example.org", "orders.example.com", "*"]);
    let external = example("service-entry").external;
    assert_eq!(external.len(), 2);
    assert_eq!((external[0].ports.clone(), external[0].endpoints), (vec![443, 80], 2));
    let scopes = example("sidecar").scopes;
    let told: Vec<_> = scopes
        .iter()
        .map(|scope| {
            let hosts: Vec<_> = scope.hosts.iter().map(|host| host.value.as_str()).collect();
            (scope.namespace.as_deref(), scope.selector.len(), hosts.join(" "))
        })
        .collect();
    assert_eq!(
        told,
        [
            (None, 0, "./* istio-system/*".to_owned()),
            (Some("shop"), 1, "./orders.shop.svc.cluster.local reporting/*".to_owned()),
            (Some("default"), 0, "*/*".to_owned()),
        ]
    );
}

/// Paths and values that objects ask for, for the sidecars.
fn asked(draft: &Draft) -> Vec<(String, FeatureValue)> {
    let features = draft.mesh.features.iter();
    let of_sidecars = features.filter_map(|one| {
        let path = one.path.strip_prefix("proxy.")?;
        Some((path.to_owned(), one.value.clone()))
    });
    of_sidecars.collect()
}

fn to(path: &str, value: &str) -> (String, FeatureValue) {
    (path.to_owned(), FeatureValue::To(value.to_owned()))
}

#[test]
fn objects_of_the_whole_mesh_set_the_profile() {
    assert_eq!(asked(&example("peer-authentication")), [to("features.mtls.enabled", "off")]);
    let workers = FeatureValue::Instead { word: "from_cpu_limit".to_owned(), value: "4".to_owned() };
    assert_eq!(asked(&example("proxy-config")), [("workers".to_owned(), workers)]);
    let only_codes = FeatureValue::Instead { word: "code_and_flags".to_owned(), value: "code".to_owned() };
    assert_eq!(
        asked(&example("telemetry")),
        [
            to("features.access_log.enabled", "on"),
            to("features.tracing.enabled", "on"),
            to("features.tracing.sampled_ratio", "0.05"),
            to("features.telemetry.enabled", "off"),
            to("telemetry.outbound.request_sizes", "off"),
            to("telemetry.inbound.request_sizes", "off"),
            to("telemetry.inbound.response_sizes", "off"),
            ("telemetry.outcomes".to_owned(), only_codes),
            to("features.access_log.enabled", "off"),
        ],
        "the namespace's own goes after the mesh's"
    );
    assert_eq!(
        asked(&example("authorization-policy")),
        [to("features.authorization.enabled", "on"), to("features.authorization.rules", "3")]
    );
    assert_eq!(asked(&example("wasm-plugin")), [to("features.wasm.enabled", "on")]);
    let twice = asked(&example("traffic-extension"));
    assert_eq!(twice[0], to("features.wasm.enabled", "on"));
    let callbacks = ("features.wasm.callbacks".to_owned(), FeatureValue::Times(2.0));
    assert!(twice.contains(&callbacks), "{twice:?}");
    let edge = example("wasm-plugin").mesh.features;
    let gateways: Vec<_> = edge.iter().filter(|one| one.path.starts_with("gateway.")).collect();
    assert!(gateways.iter().any(|one| one.value == FeatureValue::Times(2.0)), "{gateways:?}");
}

#[test]
fn what_is_for_a_part_of_the_mesh_only_is_named() {
    let services = "version: 1\nservices:\n- {name: a, namespace: x}\n- {name: b, namespace: y}\n---\n";
    let object = |spec: &str| {
        format!(
            "{services}apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: x}}\nspec: {spec}\n"
        )
    };
    let (draft, said) = text(&object("{accessLogging: [{}]}"));
    assert!(asked(&draft).is_empty());
    assert!(said.contains("`Telemetry t` is not modelled: it is for the namespace `x` only"), "{said}");
    let (draft, said) = text(&object("{selector: {matchLabels: {app: a}}, accessLogging: [{}]}"));
    assert!(asked(&draft).is_empty());
    assert!(said.contains("`Telemetry t` is not modelled: it is for some workloads only"), "{said}");
}

#[test]
fn overrides_of_metrics_say_what_is_not_modelled_of_them() {
    let object = |overrides: &str| {
        format!(
            "version: 1\nservices:\n- {{name: a}}\n---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: istio-system}}\nspec: {{metrics: [{{overrides: {overrides}}}]}}\n"
        )
    };
    let (draft, said) = text(&object("[{match: {mode: CLIENT}, disabled: true}, {disabled: false}]"));
    let asked = asked(&draft);
    assert_eq!(asked.len(), 8 + 1 + 8, "the whole says of each part again what holds: {asked:?}");
    assert_eq!(asked[8], to("features.telemetry.enabled", "on"));
    assert_eq!(asked[9], to("telemetry.outbound.requests", "on"));
    assert!(!said.contains("not modelled"), "{said}");
    for (overrides, why) in [
        ("[{match: {customMetric: mine}, disabled: true}]", "only Istio's own metrics"),
        ("[{match: {metric: GRPC_REQUEST_MESSAGES}, disabled: true}]", "gRPC streams are not counted"),
        (
            "[{match: {metric: REQUEST_COUNT}, tagOverrides: {response_code: {operation: REMOVE}}}]",
            "from all metrics at once",
        ),
        ("[{tagOverrides: {source_app: {operation: REMOVE}}}]", "only `response_code` and `response_flags`"),
        ("[{tagOverrides: {mine: {value: request.host}}}]", "how many values a label takes"),
    ] {
        let (draft, said) = text(&object(overrides));
        assert!(self::asked(&draft).is_empty() && said.contains(why), "{overrides}: {said}");
    }
}

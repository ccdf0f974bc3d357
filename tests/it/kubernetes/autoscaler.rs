//! What HorizontalPodAutoscalers say, of every version of their API, and that it survives being written down.

use std::fmt::Write as _;

use sim::input::draft::AutoscaleDraft;
use sim::output::native;
use sim::program::compile;
use sim::units::{Ratio, Span};
use sim::vocabulary::autoscale::{Behavior, Change, Metric, Of, Policy, Rules, Select, Target};

use super::{Draft, scenario, service, text};
use crate::common::mesh;

/// A Deployment `web` whose `spec` begins so, with two sources of what its autoscaler says.
fn scaled(deployment: &str, version: &str, says: &str) -> String {
    let mut text = format!(
        "version: 1\nservices: [{{name: web, service_time: 10ms}}]\n\
         traffic: [{{service: web, from: outside, rate: 100/s}}]\n---\n\
         {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{{deployment} template: {{metadata: {{labels: \
         {{app: web}}}}, spec: {{containers: [{{name: app, resources: {{limits: {{cpu: 500m}}}}}}]}}}}}}}}\n---\n"
    );
    let _ = writeln!(
        text,
        "{{apiVersion: {version}, kind: HorizontalPodAutoscaler, metadata: {{name: any}}, spec: {{scaleTargetRef: \
         {{apiVersion: apps/v1, kind: Deployment, name: web}}, {says}}}}}"
    );
    text
}

fn autoscale(draft: &Draft) -> &AutoscaleDraft {
    service(draft, "default/web").autoscale.as_ref().expect("it is scaled")
}

/// Metrics of an autoscaler that says so.
fn metrics(version: &str, says: &str) -> Vec<(Of, Target)> {
    let draft = text(&scaled("", version, &format!("maxReplicas: 5, {says}")));
    autoscale(&draft).spec().metrics.into_iter().map(|Metric { of, target }| (of, target)).collect()
}

#[test]
fn metrics_are_those_of_cpu_in_every_version() {
    let share = |percent| (Of::Pod, Target::Utilization(percent));
    assert_eq!(metrics("autoscaling/v1", ""), [share(80)], "Kubernetes' own");
    assert_eq!(metrics("autoscaling/v2", "metrics: []"), [share(80)]);
    assert_eq!(metrics("autoscaling/v1", "targetCPUUtilizationPercentage: 65"), [share(65)]);
    let old = "metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 70}}, {type: Resource, resource: \
               {name: cpu, targetAverageValue: 1500u}}]";
    assert_eq!(metrics("autoscaling/v2beta1", old), [share(70), (Of::Pod, Target::Value(2))]);
    let new = "metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 1.5}}}, \
               {type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: Utilization, \
               averageUtilization: 150}}}, {type: ContainerResource, containerResource: {name: cpu, container: istio-proxy, \
               target: {type: Utilization, averageUtilization: 90}}}, {type: Resource, resource: {name: memory, target: \
               {type: Utilization, averageUtilization: 90}}}]";
    for version in ["autoscaling/v2beta2", "autoscaling/v2"] {
        assert_eq!(
            metrics(version, new),
            [
                (Of::Pod, Target::Value(1500)),
                (Of::Application, Target::Utilization(150)),
                (Of::Proxy, Target::Utilization(90)),
            ]
        );
    }
}

#[test]
fn replicas_that_nobody_writes_are_the_fewest() {
    let replicas = |deployment: &str, says: &str| {
        let draft = text(&scaled(deployment, "autoscaling/v2", says));
        let autoscale = autoscale(&draft);
        (service(&draft, "default/web").replicas.value, autoscale.min.value, autoscale.max.value)
    };
    assert_eq!(replicas("", "minReplicas: 3, maxReplicas: 9"), (3, 3, 9));
    assert_eq!(replicas("replicas: 5,", "minReplicas: 3, maxReplicas: 9"), (5, 3, 9));
    assert_eq!(
        replicas("replicas: 1,", "minReplicas: 3, maxReplicas: 9"),
        (1, 3, 9),
        "the autoscaler adds two"
    );
    assert_eq!(replicas("", "maxReplicas: 2"), (1, 1, 2));
}

#[test]
fn behavior_is_filled_in_as_kubernetes_does() {
    let behavior = |says: &str| {
        let draft = text(&scaled("", "autoscaling/v2", &format!("maxReplicas: 5{says}")));
        autoscale(&draft).behavior.clone()
    };
    let silent = Behavior::default();
    assert_eq!(behavior(""), None);
    assert_eq!(
        behavior(", behavior: {scaleDown: {selectPolicy: Disabled}}").map(|one| one.up),
        Some(silent.up.clone())
    );
    let policy = |change, seconds| Policy { change, period: Span::from_seconds(seconds) };
    let said = ", behavior: {scaleUp: {stabilizationWindowSeconds: 30, tolerance: 50m, policies: [{type: Pods, value: 2, \
                periodSeconds: 60}]}, scaleDown: {selectPolicy: Min, policies: [{type: Percent, value: 10, periodSeconds: \
                60}, {type: Pods, value: 1, periodSeconds: 30}]}}";
    let up = Rules {
        stabilization: Some(Span::from_seconds(30)),
        tolerance: Ratio::new(0.05).ok(),
        policies: vec![policy(Change::Pods(2), 60)],
        ..silent.up
    };
    let down = Rules {
        select: Select::Min,
        policies: vec![policy(Change::Percent(10), 60), policy(Change::Pods(1), 30)],
        ..silent.down
    };
    assert_eq!(behavior(said), Some(Behavior { up, down }));
}

#[test]
fn what_is_written_down_is_the_same_program() {
    let said = "minReplicas: 2, maxReplicas: 9, metrics: [{type: Resource, resource: {name: cpu, target: {averageUtilization: \
                70}}}, {type: ContainerResource, containerResource: {name: cpu, container: app, target: {averageValue: 300m}}}]";
    let how_fast = ", behavior: {scaleUp: {stabilizationWindowSeconds: 30, policies: [{type: Pods, value: 2, periodSeconds: \
                    60}]}, scaleDown: {selectPolicy: Disabled, tolerance: 0.2}}";
    for (deployment, says) in [
        ("", "maxReplicas: 4".to_owned()),
        ("replicas: 1,", said.to_owned()),
        ("", format!("{said}{how_fast}")),
        (
            "replicas: 7,",
            "maxReplicas: 8, targetCPUUtilizationPercentage: 50, behavior: {scaleUp: {}}".to_owned(),
        ),
    ] {
        let draft = text(&scaled(deployment, "autoscaling/v2", &says));
        let written = native::scenario(&draft);
        let again = text(&written);
        let [before, after] = [&draft, &again].map(scenario);
        assert_eq!(after.services, before.services, "{written}");
        assert_eq!(native::scenario(&again), written);
        for mesh in ["none", "istio-sidecar", "linkerd"].map(mesh) {
            assert_eq!(compile(&after, &mesh).digest(), compile(&before, &mesh).digest(), "{written}");
        }
    }
}

#[test]
fn a_scenario_has_the_last_word() {
    let manifests = scaled("", "autoscaling/v2", "minReplicas: 2, maxReplicas: 9");
    let own = |key: &str| {
        let draft =
            text(&manifests.replace("service_time: 10ms", &format!("service_time: 10ms, autoscale: {key}")));
        service(&draft, "default/web").autoscale.as_ref().map(|autoscale| autoscale.max.value)
    };
    assert_eq!(own("{max: 4}"), Some(4));
    assert_eq!(own("none"), None);
}

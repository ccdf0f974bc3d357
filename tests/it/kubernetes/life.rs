//! What manifests say of how pods start, end and are replaced.

use sim::units::Span;
use sim::vocabulary::{Amount, PodLife, Readiness, UpdateStrategy};

use super::*;

/// A workload with one service of its name.
fn workload(kind: &str, name: &str, spec: &str, pod: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n  replicas: 4\n  \
         template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {pod}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, \
         ports: [{{port: 80}}]}}\n"
    )
}

fn life(manifest: &str) -> PodLife {
    let draft = text(manifest);
    draft.services[0].application.lifecycle.clone()
}

const fn rolling(max_surge: Amount, max_unavailable: Amount) -> UpdateStrategy {
    UpdateStrategy::RollingUpdate { max_surge, max_unavailable }
}

#[test]
fn a_deployment_says_how_its_pods_live() {
    let seconds = Span::from_seconds;
    let full = workload(
        "Deployment",
        "a",
        "strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 10%}}\n  minReadySeconds: 5",
        "{terminationGracePeriodSeconds: 60, containers: [\
         {name: app, readinessProbe: {periodSeconds: 5, initialDelaySeconds: 3, httpGet: {path: /, port: 80}}, \
         lifecycle: {preStop: {exec: {command: [/bin/sh, -c, sleep 10]}}}}, \
         {name: log, readinessProbe: {}, lifecycle: {preStop: {sleep: {seconds: 15}}}}, \
         {name: istio-proxy, image: istio/proxyv2, readinessProbe: {periodSeconds: 15, initialDelaySeconds: 20}, \
         lifecycle: {preStop: {sleep: {seconds: 100}}}}]}",
    );
    // The pod waits for the slowest of its containers; a proxy's probes and hooks are its mesh's.
    let expected = PodLife {
        readiness: Some(Readiness { period: seconds(10), delay: seconds(3) }),
        pre_stop: seconds(15),
        grace: seconds(60),
        strategy: rolling(Amount::Pods(1), Amount::Percent(10)),
        min_ready: seconds(5),
        ..PodLife::default()
    };
    assert_eq!(life(&full), expected);
}

#[test]
fn what_a_workload_does_not_say_is_as_in_kubernetes() {
    let bare = "{containers: [{name: app}]}";
    let silent = PodLife { readiness: None, ..PodLife::default() };
    assert_eq!(life(&workload("Deployment", "a", "paused: false", bare)), silent, "no probe is always ready");
    for (kind, spec, strategy) in [
        ("Deployment", "strategy: {type: Recreate}", UpdateStrategy::Recreate),
        ("Deployment", "strategy: {}", UpdateStrategy::default()),
        (
            "Deployment",
            "strategy: {rollingUpdate: {maxUnavailable: 0}}",
            rolling(Amount::Percent(25), Amount::Pods(0)),
        ),
        ("StatefulSet", "serviceName: a", rolling(Amount::Pods(0), Amount::Pods(1))),
        (
            "StatefulSet",
            "updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 2}}",
            rolling(Amount::Pods(0), Amount::Pods(2)),
        ),
        (
            "DaemonSet",
            "updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}",
            rolling(Amount::Pods(1), Amount::Pods(0)),
        ),
    ] {
        let expected = PodLife { strategy, ..silent.clone() };
        assert_eq!(life(&workload(kind, "a", spec, bare)), expected, "{kind} {spec}");
    }
}

#[test]
fn a_hook_of_unknown_length_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.yaml");
    let hook = "{containers: [{name: app, lifecycle: {preStop: {httpGet: {path: /bye, port: 80}}}}]}";
    fs::write(&path, workload("Deployment", "a", "paused: false", hook)).expect("a file");
    let (draft, sources, diagnostics) = input::load(&[path], &Options::default());
    let said = diagnostics.render(&sources, Style::Plain);
    assert_eq!(draft.services[0].application.lifecycle.pre_stop, Span::ZERO);
    assert!(
        said.contains("this preStop hook takes no time here: only one that sleeps is modelled"),
        "{said}"
    );
}

/// A scenario beside manifests replaces what it says, and nothing else.
#[test]
fn a_scenario_adds_to_what_manifests_say_of_pods() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = workload(
        "Deployment",
        "a",
        "minReadySeconds: 5",
        "{containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 15}}}}]}",
    );
    let scenario =
        "version: 1\nservices: [{name: a, service_time: 1ms, lifecycle: {start: 7s, pre_stop: 0s}}]\n";
    let paths = [("a.yaml", &*manifest), ("b.yaml", scenario)].map(|(name, text)| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    });
    let (draft, _) = draft(&[&paths[0], &paths[1]]);
    let life = &draft.services[0].application.lifecycle;
    assert_eq!(life.start.mean(), 7e9);
    assert_eq!((life.pre_stop, life.min_ready, life.readiness), (Span::ZERO, Span::from_seconds(5), None));
}

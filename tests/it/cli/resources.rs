//! `sim resources`: the answer of the well-known line of kubectl and jq, and what each mesh would reserve.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sim::diag::{Diagnostics, Sources};
use sim::input::kubernetes::pods;

use crate::errors::cpu_time;

use super::{Place, stderr, stdout};

/// Pods of both meshes in every way they come, and pods of none.
const PODS: &str = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: web-1, namespace: shop, ownerReferences: [{kind: StatefulSet, name: web}]}
  spec:
    nodeName: one
    initContainers: [{name: istio-init, resources: {requests: {cpu: 9, memory: 9Gi}}}]
    containers:
    - {name: app, resources: {requests: {cpu: 1, memory: 1Gi}}}
    - {name: istio-proxy, args: [proxy, sidecar], resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 2, memory: 1Gi}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: web-2, namespace: shop, ownerReferences: [{kind: StatefulSet, name: web}]}
  spec:
    nodeName: two
    initContainers:
    - {name: istio-proxy, restartPolicy: Always, resources: {requests: {cpu: 50m}, limits: {memory: 256Mi}}}
    containers: [{name: app}]
- apiVersion: v1
  kind: Pod
  metadata: {name: bus, namespace: shop}
  spec:
    nodeName: two
    initContainers: [{name: linkerd-proxy, restartPolicy: Always}]
    containers: [{name: app}]
- apiVersion: v1
  kind: Pod
  metadata: {name: bare, namespace: tools}
  spec: {nodeName: two, containers: [{name: app}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: done, namespace: tools}
  spec: {nodeName: three, containers: [{name: istio-proxy, resources: {requests: {cpu: 7}}}]}
  status: {phase: Succeeded}
- apiVersion: v1
  kind: Pod
  metadata: {name: ztunnel-x, namespace: istio-system, labels: {app: ztunnel}}
  spec: {nodeName: one, containers: [{name: istio-proxy, args: [proxy, ztunnel], resources: {requests: {cpu: 200m, memory: 512Mi}}}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: waypoint-x, namespace: shop, labels: {gateway.istio.io/managed: istio.io-mesh-controller}}
  spec: {nodeName: one, containers: [{name: istio-proxy, resources: {requests: {cpu: 100m}}}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: ingress-x, namespace: istio-system, labels: {istio: ingressgateway}}
  spec: {nodeName: one, containers: [{name: istio-proxy, resources: {requests: {cpu: 300m}}}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: istiod-x, namespace: istio-system, labels: {app: istiod}}
  spec: {nodeName: one, containers: [{name: discovery, resources: {requests: {cpu: 500m, memory: 2Gi}}}]}
";

const TOP: &str = "\
NAMESPACE  POD        NAME           CPU(cores)  MEMORY(bytes)
shop       web-1      app            10m         20Mi
shop       web-1      istio-proxy    20m         64Mi
shop       web-2      istio-proxy    5m          32Mi
shop       gone       istio-proxy    99m         99Mi
";

/// The CSV by mesh, namespace, name and metric.
fn rows(csv: &str) -> BTreeMap<String, f64> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("mesh,namespace,name,metric,value,unit"));
    let row = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        (cells[..4].join(","), cells[4].parse().expect("a number"))
    };
    lines.map(row).collect()
}

#[test]
fn proxies_are_counted_and_summed_as_kubectl_and_jq_do() {
    let place = Place::new();
    place.write("pods.yaml", PODS);
    place.write("top.txt", TOP);
    let found = rows(&place.fine("resources pods.yaml --top top.txt --format csv"));
    let mebibyte = 1_048_576.0;
    for (key, value) in [
        ("now,shop,istio-proxy (sidecar),count", 2.0),
        ("now,shop,istio-proxy (sidecar),native", 1.0),
        ("now,shop,istio-proxy (sidecar),cpu_request", 0.15),
        ("now,shop,istio-proxy (sidecar),cpu_limit", 2.0),
        ("now,shop,istio-proxy (sidecar),with_cpu_limit", 1.0),
        // The API server makes a limit without a request its own request.
        ("now,shop,istio-proxy (sidecar),memory_request", 384.0 * mebibyte),
        ("now,shop,istio-proxy (sidecar),memory_limit", 1280.0 * mebibyte),
        ("now,shop,istio-proxy (sidecar),cpu_used", 0.025),
        ("now,shop,istio-proxy (sidecar),memory_used", 96.0 * mebibyte),
        ("now,,linkerd-proxy (sidecar),count", 1.0),
        ("now,,linkerd-proxy (sidecar),with_cpu_request", 0.0),
        ("now,istio-system,istio-proxy (node_proxy),memory_request", 512.0 * mebibyte),
        ("now,,istio-proxy (waypoint),cpu_request", 0.1),
        ("now,,istio-proxy (gateway),cpu_request", 0.3),
        ("now,,istio-proxy (sidecar),count", 2.0),
        ("now,,control-plane,cpu_request", 0.5),
        ("now,tools,without a proxy,pods", 1.0),
        // Three pods in a mesh, in one namespace, on two nodes: that of the pod that has ended is none.
        ("istio-sidecar,,sidecar,count", 3.0),
        ("istio-sidecar,,sidecar,cpu_request", 0.3),
        ("istio-sidecar,,sidecar,memory_limit", 3072.0 * mebibyte),
        ("istio-ambient,,node_proxy,count", 2.0),
        ("istio-ambient,,node_proxy,cpu_request", 0.4),
        ("istio-ambient-waypoint,,waypoint,cpu_request", 0.1),
        ("linkerd,,sidecar,cpu_request", 0.0),
    ] {
        assert_eq!(found.get(key), Some(&value), "{key}");
    }
    assert!(!found.keys().any(|key| key.contains("linkerd,,sidecar,cpu_limit")), "it has none");
    let table = place.fine("resources pods.yaml --top top.txt --mesh istio-sidecar,linkerd --nodes 5");
    insta::assert_snapshot!(table);
}

#[test]
fn usage_is_the_same_from_text_and_from_metrics() {
    let place = Place::new();
    place.write("pods.yaml", PODS);
    place.write("top.txt", TOP);
    place.write(
        "top.json",
        &json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": [
            {"metadata": {"name": "web-1", "namespace": "shop"}, "containers": [
                {"name": "app", "usage": {"cpu": "10m", "memory": "20480Ki"}},
                {"name": "istio-proxy", "usage": {"cpu": "20000000n", "memory": "65536Ki"}},
            ]},
            {"metadata": {"name": "web-2", "namespace": "shop"}, "containers": [
                {"name": "istio-proxy", "usage": {"cpu": "5m", "memory": "32Mi"}},
            ]},
            {"metadata": {"name": "gone", "namespace": "shop"}, "containers": [
                {"name": "istio-proxy", "usage": {"cpu": "99m", "memory": "99Mi"}},
            ]},
        ]})
        .to_string(),
    );
    // Without a header and without namespaces, as `kubectl top pods --no-headers` prints it.
    let short: String =
        TOP.lines().skip(1).fold(String::new(), |text, line| text + line.trim_start_matches("shop") + "\n");
    place.write("short.txt", &short);
    let text = place.fine("resources pods.yaml --top top.txt");
    assert!(text.contains("Containers of --top in pods that were not given: 1"), "{text}");
    assert_eq!(place.fine("resources pods.yaml --top top.json"), text);
    assert_eq!(place.fine("resources pods.yaml --top short.txt"), text);
    let json: Value = serde_json::from_str(&place.fine("resources pods.yaml --format json")).expect("JSON");
    assert_eq!((&json["pods"], &json["nodes"], &json["in_a_mesh"]), (&json!(3), &json!(2), &json!(true)));
    assert_eq!(json["rows"][0]["mesh"], "now");
}

#[test]
fn what_is_no_list_of_pods_is_refused_with_its_place() {
    let place = Place::new();
    place.write("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n");
    place.write("empty.json", r#"{"apiVersion": "v1", "kind": "List", "items": []}"#);
    place.write("broken.json", r#"{"apiVersion": "v1", "kind": "List", "items": ["#);
    place.write("cpu.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: istio-proxy, resources: {requests: {cpu: lots}}}]}\n");
    place.write("pods.yaml", PODS);
    place.write("top.txt", "POD NAME CPU(cores) MEMORY(bytes)\nweb-1 istio-proxy 20m\nweb-2 app 1 much\n");
    for (arguments, expected) in [
        ("resources deployment.yaml", "--> deployment.yaml:1:1"),
        ("resources empty.json", "error[empty-input]: the list holds no pods"),
        ("resources broken.json", "error[syntax]"),
        ("resources missing.json", "error[unreadable]"),
        ("resources cpu.yaml", "--> cpu.yaml:4:69"),
        ("resources pods.yaml --top top.txt", "--> top.txt:2:1"),
        ("resources pods.yaml --top top.txt", "--> top.txt:3:1"),
        ("resources pods.yaml --mesh istoi-sidecar", "did you mean `istio-sidecar`"),
    ] {
        let output = place.sim(arguments);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{arguments}");
        assert!(stderr(&output).contains(expected), "{arguments}: {}", stderr(&output));
    }
}

/// A list as kubectl prints it, of so many pods; every second proxy is a native sidecar.
fn large_list(pods: usize) -> String {
    let environment: Vec<Value> = (0..12)
        .map(|n| json!({"name": format!("V{n}"), "value": "a value of some length behind it"}))
        .collect();
    let proxy = |native: bool| {
        let mut proxy = json!({
            "name": "istio-proxy", "image": "proxyv2", "env": environment,
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
        });
        if native {
            proxy["restartPolicy"] = json!("Always");
        }
        proxy
    };
    let mut text = String::from("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [");
    for pod in 0..pods {
        let application =
            json!({"name": "app", "env": environment, "volumeMounts": [{"name": "a", "mountPath": "/a"}]});
        let (mut containers, mut init) = (vec![application], vec![json!({"name": "istio-init"})]);
        if pod % 2 == 0 {
            containers.push(proxy(false));
        } else {
            init.push(proxy(true));
        }
        let item = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod-{pod}"), "namespace": format!("team-{}", pod % 20)},
            "spec": {"nodeName": format!("node-{}", pod % 60), "containers": containers, "initContainers": init},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        let comma = if pod > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{}", serde_json::to_string_pretty(&item).expect("JSON"));
    }
    text + "]}"
}

#[test]
fn large_lists_are_read_in_seconds() {
    let place = Place::new();
    let list = large_list(2800);
    assert!(list.len() > 9_000_000, "{} bytes", list.len());
    place.write("pods.json", &list);
    let found = rows(&place.fine("resources pods.json --format csv"));
    assert_eq!(found["now,,istio-proxy (sidecar),count"], 2800.0);
    assert_eq!(found["now,,istio-proxy (sidecar),native"], 1400.0);
    assert_eq!(found["now,,istio-proxy (sidecar),cpu_request"], 280.0);
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let start = cpu_time();
    let pods = pods::load(&place.path("pods.json"), None, &mut sources, &mut diagnostics);
    let took = cpu_time().saturating_sub(start);
    println!("{} MB in {} ms", list.len() / 1_000_000, took.as_millis());
    assert_eq!((pods.len(), diagnostics.errors()), (2800, 0));
    // Whatever the build; an optimised one takes a tenth of it.
    assert!(took.as_secs() < 5, "{took:?}");
}

/// A workload as injected, with so many replicas.
fn workload(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: shop}}
spec:
  {spec}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - {{name: app}}
      - {{name: istio-proxy, resources: {{requests: {{cpu: 100m, memory: 128Mi}}}}}}
"
    )
}

fn pod(name: &str, kind: &str, owner: &str, hash: &str) -> String {
    let owner = format!("ownerReferences: [{{kind: {kind}, name: {owner}, controller: true}}]");
    format!(
        "---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop, labels: {{app: web{hash}}}, {owner}}}
spec: {{nodeName: one, containers: [{{name: app}}, {{name: istio-proxy, resources: {{requests: {{cpu: 300m}}}}}}]}}
"
    )
}

#[test]
fn templates_stand_for_the_pods_that_are_not_listed() {
    let place = Place::new();
    let seen = |text: &str, more: &str| {
        place.write("objects.yaml", text);
        let found = rows(&place.fine(&format!("resources objects.yaml --format csv{more}")));
        ["count", "cpu_request"].map(|metric| found[&format!("now,,istio-proxy (sidecar),{metric}")])
    };
    let deployment = workload("Deployment", "web", "replicas: 3");
    assert_eq!(seen(&deployment, ""), [3.0, 0.3]);
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    assert_eq!(seen(&format!("{service}{deployment}"), ""), [3.0, 0.3], "a Service is nothing to it");
    assert_eq!(seen(&format!("{deployment}{deployment}"), ""), [3.0, 0.3]);
    // A pod goes before what made it, by whatever name it knows that.
    let own = pod("web-1-a", "ReplicaSet", "web-1", ", pod-template-hash: '1'");
    let set = workload("ReplicaSet", "web-1", "replicas: 3");
    let owned = set.replace(
        "namespace: shop}\nspec",
        "namespace: shop, ownerReferences: [{kind: Deployment, name: web, controller: true}]}\nspec",
    );
    assert_eq!(seen(&format!("{deployment}{own}"), ""), [1.0, 0.3]);
    assert_eq!(seen(&format!("{own}{owned}{deployment}"), ""), [1.0, 0.3]);
    assert_eq!(seen(&format!("{owned}{deployment}"), ""), [3.0, 0.3], "a Deployment before its ReplicaSets");
    assert_eq!(seen(&owned, ""), [3.0, 0.3]);
    assert_eq!(seen(&format!("{set}{}", pod("web-1-a", "ReplicaSet", "web-1", "")), ""), [1.0, 0.3]);
    let others = workload("StatefulSet", "store", "replicas: 2");
    assert_eq!(seen(&format!("{deployment}{own}{others}"), ""), [3.0, 0.5]);
    // A DaemonSet has a pod on each node.
    let daemons = workload("DaemonSet", "agent", "selector: {}");
    assert_eq!(seen(&daemons, " --nodes 7"), [7.0, 0.7]);
    let counted = format!("{daemons}status: {{desiredNumberScheduled: 4}}\n");
    assert_eq!(seen(&counted, " --nodes 7"), [4.0, 0.4]);
    let elsewhere = own.replace("nodeName: one", "nodeName: two").replace("web-1-a", "web-1-b");
    assert_eq!(seen(&format!("{daemons}{own}{elsewhere}"), ""), [4.0, 0.8], "on the nodes that pods name");
    // A Job has as many as run at once, until it is done.
    let job = |spec: &str, status: &str| {
        let text = workload("Job", "batch", spec).replace("apps/v1", "batch/v1");
        seen(&format!("{deployment}{text}{status}"), "")[0] - 3.0
    };
    assert_eq!(job("parallelism: 4\n  completions: 2", ""), 2.0);
    assert_eq!(job("parallelism: 4", "status: {active: 1}\n"), 1.0);
    assert_eq!(job("suspend: true", ""), 0.0);
    assert_eq!(job("parallelism: 4", "status: {completionTime: '2026-01-01T00:00:00Z'}\n"), 0.0);
}

#[test]
fn who_gives_templates_is_told_what_they_do_not_show() {
    let place = Place::new();
    let said = |text: &str| {
        place.write("objects.yaml", text);
        let output = place.sim("resources objects.yaml --mesh istio-sidecar");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    let bare = workload("Deployment", "web", "replicas: 3").replace("istio-proxy", "other");
    let (table, problems) = said(&bare);
    assert!(table.contains("Pods without a proxy: 3 (shop 3)"), "{table}");
    assert_eq!(problems, "", "manifests are as they are");
    let (_, problems) = said(&format!("{bare}status: {{replicas: 3}}\n"));
    assert!(problems.contains("objects.yaml:4:18") && problems.contains("kubectl get pods"), "{problems}");
    let (_, problems) = said(&workload("DaemonSet", "agent", "selector: {}"));
    assert!(problems.contains("say with `--nodes`"), "{problems}");
    let cron =
        "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {jobTemplate: {}}\n";
    let (_, problems) = said(&format!("{bare}{cron}"));
    assert!(problems.contains("1 × `CronJob (batch/v1)` among the pods"), "{problems}");
    place.write("huge.yaml", &workload("Deployment", "web", "replicas: 4000000000"));
    let found = rows(&place.fine("resources huge.yaml --format csv"));
    assert_eq!(found["now,,istio-proxy (sidecar),count"], 4e9);
}

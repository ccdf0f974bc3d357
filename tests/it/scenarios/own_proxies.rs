//! Services whose proxies take other resources than those of the mesh.

use sim::input::{self, Options};
use sim::mesh::{MeshModel, validate};
use sim::output::native;
use sim::program::{Program, ProxyGroup, compile};
use sim::units::Cores;

use super::{run, users};
use crate::common::{load, mesh, scenario};

const ASKED: &str = "{cpu_request: 300m, cpu_limit: 3, memory_request: 64MiB, memory_limit: 1GiB}";

fn text(proxies: &str) -> String {
    format!(
        "version: 1
cluster: {{nodes: {{cores: 8}}}}
services:
  - {{name: web, replicas: 2, service_time: 1ms, script: [{{call: db}}]{proxies}}}
  - {{name: db, service_time: 1ms}}
traffic: [{{name: users, service: web, from: meshed_client, rate: 10/s}}]
"
    )
}

fn program(text: &str, mesh: &MeshModel) -> Program {
    compile(&scenario(text), mesh)
}

fn group<'p>(program: &'p Program, workload: &str) -> &'p ProxyGroup {
    let found = program.workloads.iter().find(|one| one.name == workload).expect("a workload of this name");
    &program.groups[found.group.expect("it has proxies")]
}

/// CPU that is reserved on all nodes.
fn reserved(program: &Program) -> f64 {
    program.machines.nodes.iter().map(|node| node.reserved.cores()).sum()
}

#[test]
fn a_services_proxies_have_what_it_asks_for_them() {
    let istio = mesh("istio-sidecar");
    let plain = program(&text(""), &istio);
    let own = program(&text(&format!(", proxies: {{istio-proxy: {ASKED}}}")), &istio);
    let web = group(&own, "default/web");
    assert_eq!(
        (web.workers, web.quota),
        (3, None),
        "a worker for each core of the limit, which binds nobody then"
    );
    assert_eq!((web.memory_request, web.memory_limit), (Some(64 << 20), Some(1 << 30)));
    assert!((web.cpu_weight - 0.3).abs() < 1e-9);
    assert!((reserved(&own) - reserved(&plain) - 2.0 * (0.3 - 0.1)).abs() < 1e-6, "of two pods");
    for other in ["default/db", "client:users"] {
        assert_eq!(format!("{:?}", group(&own, other)), format!("{:?}", group(&plain, other)), "{other}");
    }
    let workers = |settings: &str| {
        let proxies = format!(", proxies: {{istio-proxy: {settings}}}");
        group(&program(&text(&proxies), &istio), "default/web").workers
    };
    assert_eq!(
        ["{}", "{workers: 5}", "{workers: 0}", "{cpu_limit: 500m}", "{cpu_request: 50m}"].map(workers),
        [2, 5, 8, 1, 8]
    );
}

#[test]
fn versions_have_proxies_of_their_own() {
    let text = |versions: &str, proxies: &str| {
        let versions = format!(", versions: [{versions}]{proxies}");
        text("")
            .replace("{name: db, service_time: 1ms}", &format!("{{name: db, service_time: 1ms{versions}}}"))
    };
    let istio = mesh("istio-sidecar");
    let large = ", proxies: {istio-proxy: {cpu_limit: 4, memory_request: 1GiB}}";
    let mixed = program(&text(&format!("{{name: v1, replicas: 2{large}}}, {{name: v2}}"), ""), &istio);
    let of = |program: &Program, version: &str| {
        let group = group(program, &format!("default/db@{version}"));
        (group.workers, group.memory_request)
    };
    let mesh_own = (2, Some(128 << 20));
    assert_eq!((of(&mixed, "v1"), of(&mixed, "v2")), ((4, Some(1 << 30)), mesh_own));
    // What the service says holds for a version that is silent, one kind at a time.
    let both = program(&text("{name: v1, proxies: {istio-proxy: {workers: 1}}}, {name: v2}", large), &istio);
    assert_eq!((of(&both, "v1"), of(&both, "v2")), ((1, mesh_own.1), (4, Some(1 << 30))));
    let other =
        program(&text("{name: v1, proxies: {linkerd-proxy: {workers: 1}}}, {name: v2}", large), &istio);
    assert_eq!((of(&other, "v1"), of(&other, "v2")), ((4, Some(1 << 30)), (4, Some(1 << 30))));
    // Said of each version it is the same as said of the service.
    let each = program(&text(&format!("{{name: v1{large}}}, {{name: v2{large}}}"), ""), &istio);
    let service = program(&text("{name: v1}, {name: v2}", large), &istio);
    assert_eq!(each.digest(), service.digest());
}

#[test]
fn other_meshes_and_services_without_a_proxy_are_left_alone() {
    let own = format!(", proxies: {{istio-proxy: {ASKED}}}");
    for name in ["none", "istio-ambient", "istio-ambient-waypoint", "linkerd"] {
        let model = mesh(name);
        assert_eq!(program(&text(&own), &model).digest(), program(&text(""), &model).digest(), "{name}");
    }
    let model = mesh("linkerd");
    let linkerd = program(&text(", proxies: {linkerd-proxy: {cpu_limit: 200m, workers: 1}}"), &model);
    let quota = group(&linkerd, "default/web").quota.expect("a fifth of a core binds");
    assert_eq!(quota.budget().nanos() * 5, quota.period().nanos());
    let excluded =
        |proxies: &str| text(proxies).replace("services:", "mesh: {exclude: {services: [web]}}\nservices:");
    let istio = mesh("istio-sidecar");
    assert_eq!(program(&excluded(&own), &istio).digest(), program(&excluded(""), &istio).digest());
}

#[test]
fn a_limit_of_its_own_throttles_the_proxy() {
    let used = |proxies: &str| {
        let services = format!("services: [{{name: web, service_time: 0s{proxies}}}]\n");
        let mut model = mesh("istio-sidecar");
        if let Some(sidecar) = &mut model.sidecar {
            sidecar.idle_cpu = Cores::ZERO;
        }
        let record = run(&model, 1_000, 5_000, &format!("{services}{}", users("web", 20, "outside")));
        record.proxies[0].cpu as f64 / 5e9
    };
    let throttled = used(", proxies: {istio-proxy: {cpu_limit: 250m}}");
    assert!((throttled - 0.25).abs() < 0.01, "{throttled}");
    assert!(used("") > 1.0, "as many as the workers can do");
}

/// Two workloads behind one Service, with annotations of their own.
fn canary(annotations: [&str; 2]) -> String {
    let deployment = |version: &str, annotations: &str| {
        format!(
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{version}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web, version: {version}}}}}
  template:
    metadata:
      labels: {{app: web, version: {version}, sidecar.istio.io/inject: 'true'}}
      annotations: {{{annotations}}}
    spec: {{containers: [{{name: app}}]}}
"
        )
    };
    let service = "apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
";
    let [one, two] = annotations;
    format!("{service}{}{}", deployment("v1", one), deployment("v2", two))
}

#[test]
fn each_workload_behind_a_service_has_the_proxies_of_its_annotations() {
    let istio = mesh("istio-sidecar");
    let seen = |annotations: [&str; 2], written: &str| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let traffic = "traffic: [{service: web, from: outside, rate: 1/s}]\n";
        let written = format!("version: 1\nservices: [{{name: web, service_time: 1ms{written}}}]\n{traffic}");
        for (name, text) in [("manifest.yaml", canary(annotations)), ("scenario.yaml", written)] {
            std::fs::write(folder.path().join(name), text).expect("a writable folder");
        }
        let program = compile(&load(folder.path()), &istio);
        ["v1", "v2"].map(|version| group(&program, &format!("default/web@{version}")).memory_request)
    };
    let annotated = "sidecar.istio.io/proxyMemory: 300Mi";
    let (mesh_own, large) = (Some(128 << 20), Some(300 << 20));
    assert_eq!(seen([annotated, ""], ""), [large, mesh_own]);
    assert_eq!(seen(["", annotated], ""), [mesh_own, large]);
    assert_eq!(
        seen([annotated, "sidecar.istio.io/proxyCPU: 1"], ""),
        [large, None],
        "which drops all defaults"
    );
    assert_eq!(seen([annotated, annotated], ""), [large, large]);
    let own = "{istio-proxy: {memory_request: 1GiB}}";
    assert_eq!(seen([annotated, ""], &format!(", proxies: {own}")), [Some(1 << 30); 2]);
    let versions = format!(", versions: [{{name: v1}}, {{name: v2, proxies: {own}}}]");
    assert_eq!(seen([annotated, ""], &versions), [large, Some(1 << 30)], "v1's pods keep theirs");
}

#[test]
fn imported_proxies_come_back() {
    // A container without any resources, where the mesh would give it some.
    let bare = canary(["", ""]).replace("[{name: app}]", "[{name: app}, {name: linkerd-proxy}]");
    let annotated = canary(["sidecar.istio.io/proxyMemory: 300Mi", "sidecar.istio.io/proxyCPU: 1"]);
    for (manifest, mesh) in [(annotated, "istio-sidecar"), (bare, "linkerd@ha")] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let traffic = "version: 1\nname: shop\ntraffic: [{service: web, from: outside, rate: 1/s}]\n";
        for (name, text) in [("manifest.yaml", &*manifest), ("traffic.yaml", traffic)] {
            std::fs::write(folder.path().join(name), text).expect("a writable folder");
        }
        let (draft, _, _) = input::load(&[folder.path().to_path_buf()], &Options::default());
        let written = folder.path().join("written.yaml");
        std::fs::write(&written, native::scenario(&draft)).expect("a writable folder");
        let model = crate::common::mesh(mesh);
        let [before, after] = [folder.path().join("manifest.yaml"), written.clone()].map(|path| {
            let files =
                if path == written { vec![path] } else { vec![path, folder.path().join("traffic.yaml")] };
            let (draft, _, mut diagnostics) = input::load(&files, &Options::default());
            compile(&validate(&draft, &mut diagnostics).expect("it is valid"), &model).digest()
        });
        assert_eq!(before, after, "{mesh}");
    }
}

#[test]
fn annotations_of_manifests_reach_the_proxies_and_what_a_scenario_writes_goes_before_them() {
    let manifest = "apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web, sidecar.istio.io/inject: 'true'}
      annotations: {sidecar.istio.io/proxyCPU: 250m, sidecar.istio.io/proxyMemoryLimit: 300Mi}
    spec: {containers: [{name: app}]}
";
    let written = "version: 1\nservices: [{name: web, service_time: 1ms}]\ntraffic: [{service: web, from: outside, rate: 1/s}]\n";
    let seen = |written: &str| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in [("manifest.yaml", manifest), ("scenario.yaml", written)] {
            std::fs::write(folder.path().join(name), text).expect("a writable folder");
        }
        let program = compile(&load(folder.path()), &mesh("istio-sidecar"));
        let group = group(&program, "default/web");
        (group.cpu_weight, group.memory_request, group.memory_limit)
    };
    assert_eq!(seen(written), (0.25, Some(300 << 20), Some(300 << 20)));
    let own = written.replace("1ms}", "1ms, proxies: {istio-proxy: {memory_limit: 1GiB}}}");
    let (_, request, limit) = seen(&own);
    assert_eq!((request, limit), (Some(1 << 30), Some(1 << 30)), "all four at once, as with annotations");
}

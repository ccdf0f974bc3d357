//! Kubernetes manifests: what they say, what is guessed, and how other files add to them.

mod life;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sim::diag::{Diagnostics, Style};
use sim::input::draft::{ActionDraft, ArrivalsDraft, Draft, Origins, ServiceDraft, StepDraft};
use sim::input::foreign::Treatment;
use sim::input::kubernetes::{Shape, fields};
use sim::input::{self, Options};
use sim::mesh::scenario::Backend;
use sim::mesh::{Scenario, validate};
use sim::units::{Bytes, Cores};
use sim::vocabulary::routing::RuleAction;
use sim::vocabulary::{Arrivals, Origin, Protocol, ProxyKind, Resources};

mod autoscaler;

const REAL: &str = "../shared/data/inputs";
const SHOP: &str = "tests/data/good/kubernetes/shop.yaml";

fn draft(inputs: &[&str]) -> (Draft, Diagnostics) {
    let paths: Vec<_> = inputs.iter().map(PathBuf::from).collect();
    let (draft, sources, diagnostics) = input::load(&paths, &Options::default());
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(&sources, Style::Plain));
    (draft, diagnostics)
}

/// What a text says, as a file of its own.
fn text(text: &str) -> Draft {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.yaml");
    fs::write(&path, text).expect("a file");
    draft(&[&path.to_string_lossy()]).0
}

fn service<'d>(draft: &'d Draft, name: &str) -> &'d ServiceDraft {
    let names: Vec<_> = draft.services.iter().map(ServiceDraft::full_name).collect();
    let found = draft.services.iter().find(|service| service.full_name() == name);
    found.unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

/// Whom an operation calls, in order.
fn callees(steps: &[StepDraft]) -> Vec<&str> {
    let callee = |step| match step {
        &StepDraft::One(ActionDraft::Call(ref call)) => &*call.service.value,
        other => panic!("{other:?}"),
    };
    steps.iter().map(callee).collect()
}

fn calls<'d>(draft: &'d Draft, name: &str) -> Vec<&'d str> {
    callees(&service(draft, name).operations[0].script)
}

/// CPU request and limit in cores, memory request and limit in MiB.
fn shown(resources: Resources) -> [Option<f64>; 4] {
    let mebibytes = |bytes: Bytes| bytes.value() as f64 / 1_048_576.0;
    [
        resources.cpu_request.map(Cores::value),
        resources.cpu_limit.map(Cores::value),
        resources.memory_request.map(mebibytes),
        resources.memory_limit.map(mebibytes),
    ]
}

fn scenario(draft: &Draft) -> Scenario {
    let mut diagnostics = Diagnostics::default();
    validate(draft, &mut diagnostics).unwrap_or_else(|| panic!("{:?}", diagnostics.sorted()))
}

#[test]
fn workloads_behind_one_service_are_its_versions() {
    let (draft, _) = draft(&[SHOP]);
    let names: Vec<_> = draft.services.iter().map(ServiceDraft::full_name).collect();
    assert_eq!(names, ["shop/web", "shop/cart", "shop/stock", "tools/mailer"]);
    let web = service(&draft, "shop/web");
    assert_eq!((web.replicas.value, &web.origin), (4, &Origins::Manifest));
    let versions: Vec<_> = web.versions.iter().map(|one| (&*one.name.value, one.replicas.value)).collect();
    assert_eq!(versions, [("blue", 3), ("green", 1)]);
    assert_eq!(web.labels, [("app".to_owned(), "web".to_owned())]);
    assert_eq!(web.versions[0].labels.len(), 2, "what differs from roll-out to roll-out is no label");
    // The containers of a pod together; a limit is its own request.
    let close = |resources, expected: [f64; 4]| {
        for (value, expected) in shown(resources).into_iter().zip(expected) {
            assert!((value.expect("it is given") - expected).abs() < 1e-9, "{resources:?}");
        }
    };
    close(web.versions[0].application.resources, [0.11, 0.25, 80.0, 160.0]);
    close(web.versions[1].application.resources, [1.0, 1.0, 1024.0, 1024.0]);
    // A second Service is another name, of all or of a part.
    let aliases: Vec<_> =
        web.aliases.iter().map(|alias| (&*alias.name.value, alias.subset.as_deref())).collect();
    assert_eq!(aliases, [("web-public", None), ("web-green", Some("web-green"))]);
    assert_eq!(draft.subsets[0].labels[1], ("version".to_owned(), "green".to_owned()));
    let ports: Vec<_> = web.ports.iter().map(|port| port.number).collect();
    assert_eq!(ports, [80, 8000]);
}

#[test]
fn environments_hint_at_calls_and_their_ports() {
    let (draft, _) = draft(&[SHOP]);
    assert_eq!(calls(&draft, "shop/web"), ["shop/cart", "shop/stock"]);
    let web = service(&draft, "shop/web");
    let of: Vec<_> = web.versions.iter().map(|version| callees(&version.operations[0].script)).collect();
    assert_eq!(of, [vec!["shop/cart", "shop/stock"], vec!["shop/cart"]]);
    // It names `web` too, but calls would go round.
    assert_eq!(calls(&draft, "shop/cart"), ["shop/stock"]);
    assert!(draft.guesses.iter().any(|guess| guess.value.contains("does not call `shop/web`")));
    // Its callers name the second port.
    let cart = service(&draft, "shop/cart");
    assert_eq!((cart.ports[0].number, cart.application.protocol), (7070, Protocol::Grpc));
    assert_eq!(service(&draft, "shop/stock").application.protocol, Protocol::Tcp);
    assert!((web.operations[0].service_time.mean() - 5e6).abs() < 1.0);
    let [source] = &draft.sources[..] else { panic!("{:?}", draft.sources) };
    assert_eq!((&*source.name.value, &*source.service.value), ("load", "shop/web"));
    assert_eq!(source.from.value, Origin::MeshedClient { replicas: 1 });
    let ArrivalsDraft::Known(Arrivals::Poisson { rate }) = source.arrivals.value else {
        panic!("{source:?}")
    };
    assert_eq!(rate.value(), 20.0);
    scenario(&draft);
}

#[test]
fn namespaces_and_pods_say_who_gets_a_proxy() {
    let scenario = scenario(&draft(&[SHOP]).0);
    let injected: Vec<_> =
        scenario.services.iter().map(|service| (service.name.as_str(), service.injected)).collect();
    assert_eq!(injected, [("web", true), ("cart", true), ("stock", false), ("mailer", false)]);
}

#[test]
fn a_scenario_adds_what_manifests_do_not_say() {
    let (draft, _) = draft(&[SHOP, "tests/data/good/kubernetes/behaviour.yaml"]);
    let web = service(&draft, "shop/web");
    assert_eq!((web.replicas.value, web.versions.len(), web.application.workers), (4, 2, Some(8)));
    assert_eq!(web.operations[0].service_time.mean(), 3e6);
    assert_eq!(web.versions[1].operations[0].service_time.mean(), 3e6);
    assert_eq!(web.versions[1].application.workers, Some(8));
    // Nobody wrote whom it calls.
    assert_eq!(calls(&draft, "shop/web"), ["shop/cart", "shop/stock"]);
    let stock = service(&draft, "shop/stock");
    assert_eq!(
        (stock.application.protocol, shown(stock.application.resources)[1]),
        (Protocol::Tcp, Some(2.0))
    );
    let names: Vec<_> = draft.sources.iter().map(|source| &*source.name.value).collect();
    assert_eq!(names, ["web"], "who writes traffic wants no other");
    assert!(!draft.guesses.iter().any(|guess| guess.value.contains("`shop/web` works")));
    scenario(&draft);
    // Either order of files is the same.
    let other = scenario(&self::draft(&["tests/data/good/kubernetes/behaviour.yaml", SHOP]).0);
    let names = |scenario: &Scenario| -> Vec<String> {
        scenario.services.iter().map(|service| format!("{} {service:?}", service.full_name())).collect()
    };
    assert_eq!(names(&other).len(), 4);
    let first = |scenario: &Scenario| names(scenario).into_iter().find(|name| name.starts_with("shop/web "));
    assert_eq!(first(&other).map(|text| text.len()), first(&scenario(&draft)).map(|text| text.len()));
}

#[test]
fn a_service_for_some_of_the_pods_is_a_subset_to_routes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("route.yaml");
    let route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: shop}\nspec:\n  \
                 hosts: [web]\n  http:\n  - route:\n    - {destination: {host: web-green}, weight: 10}\n    \
                 - {destination: {host: web-public.shop.svc.cluster.local}, weight: 90}\n";
    fs::write(&path, route).expect("a file");
    let scenario = scenario(&draft(&[SHOP, &path.to_string_lossy()]).0);
    let RuleAction::Forward(backends) = &scenario.routes[0].rules[0].action else { panic!("it forwards") };
    let [Backend::Service { subset: Some(green), .. }, Backend::Service { service, subset: None, .. }] =
        [&backends[0].backend, &backends[1].backend]
    else {
        panic!("{backends:?}")
    };
    let web = &scenario.services[*service];
    assert_eq!((web.name.as_str(), web.subsets[*green].name.as_str()), ("web", "web-green"));
    let versions: Vec<_> =
        web.subsets[*green].versions.iter().map(|version| &*web.versions[*version].name).collect();
    assert_eq!(versions, ["green"]);
}

#[test]
fn of_services_for_the_same_pods_the_shortest_name_stands_for_them() {
    let service = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n\
             spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}\n---\n"
        )
    };
    let pods = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-v1}\n\
                spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a}]}}}\n";
    let draft = text(&format!("{}{}{pods}", service("web-headless"), service("web")));
    let web = self::service(&draft, "default/web");
    assert_eq!(
        web.aliases.iter().map(|alias| alias.name.value.as_str()).collect::<Vec<_>>(),
        ["web-headless"]
    );
}

/// A pod with these annotations, and further lines of its `spec`.
fn pod(annotations: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations: {annotations}\nspec:\n  \
         containers: [{{name: app, resources: {{requests: {{cpu: 1}}}}}}]\n{spec}"
    )
}

#[test]
fn annotations_of_proxies_have_their_traps() {
    for (annotations, expected, workers) in [
        // One of the four drops the defaults of all.
        ("{sidecar.istio.io/proxyCPU: 50m}", [Some(0.05), None, None, None], None),
        // A limit is its own request.
        ("{sidecar.istio.io/proxyMemoryLimit: 1Gi}", [None, None, Some(1024.0), Some(1024.0)], None),
        (
            "{sidecar.istio.io/proxyCPU: 50m, proxy.istio.io/config: 'concurrency: 0'}",
            [Some(0.05), None, None, None],
            Some(0),
        ),
        // A CPU limit is rounded up to whole cores, which are the workers.
        ("{config.linkerd.io/proxy-cpu-limit: 1500m}", [Some(1.5), Some(1.5), None, None], Some(2)),
    ] {
        let draft = text(&pod(annotations, ""));
        let [proxy] = draft.services[0].proxies[..] else { panic!("{:?}", draft.services[0].proxies) };
        let said = proxy.settings;
        assert_eq!((said.resources.map(shown), said.workers), (Some(expected), workers), "{annotations}");
    }
    let said =
        |annotations: &str| text(&pod(annotations, "")).services[0].proxies.first().map(|one| one.settings);
    let workers = said("{proxy.istio.io/config: 'concurrency: 4'}").expect("a number of workers");
    assert_eq!((workers.resources, workers.workers), (None, Some(4)), "the mesh's own resources");
    assert_eq!(said("{proxy.istio.io/config: 'drainDuration: 4s'}"), None);
}

#[test]
fn only_containers_that_last_are_proxies() {
    let proxy =
        |fields: &str| format!("{{name: istio-proxy, resources: {{requests: {{cpu: 100m}}}}{fields}}}");
    for (spec, has_proxy, cpu) in [
        (format!("  initContainers: [{}]\n", proxy(", restartPolicy: Always")), true, 1.0),
        (format!("  initContainers: [{}]\n", proxy("")), false, 1.0),
        ("  initContainers: [{name: istio-init, restartPolicy: Always}]\n".to_owned(), false, 1.0),
        // A sidecar of the application's own counts with it.
        (
            "  initContainers: [{name: own, restartPolicy: Always, resources: {requests: {cpu: 2}}}]\n"
                .to_owned(),
            false,
            3.0,
        ),
    ] {
        let draft = text(&pod("{}", &spec));
        assert_eq!(draft.services[0].proxies.len(), usize::from(has_proxy), "{spec}");
        assert_eq!(shown(draft.services[0].application.resources)[0], Some(cpu), "{spec}");
    }
}

#[test]
fn live_pods_are_counted_by_what_made_them() {
    let owned = |pod: &str, kind: &str, owner: &str, more: &str| {
        format!(
            "- metadata: {{name: {pod}, labels: {{app: web, pod-template-hash: 5d4f}}, \
             ownerReferences: [{{kind: {kind}, name: {owner}, controller: true}}]}}\n  \
             spec: {{containers: [{{name: app}}{more}]}}\n  status: {{phase: Running}}\n"
        )
    };
    let proxy = ", {name: linkerd-proxy}";
    let list = format!(
        "apiVersion: v1\nkind: PodList\nitems:\n{}{}{}{}{}",
        owned("web-5d4f-a", "ReplicaSet", "web-5d4f", proxy),
        owned("web-5d4f-b", "ReplicaSet", "web-5d4f", proxy),
        owned("db-0", "StatefulSet", "db", ""),
        owned("migrate-x", "Job", "migrate", ""),
        owned("old", "ReplicaSet", "old", "").replace("Running", "Succeeded"),
    );
    let draft = text(&list);
    let found: Vec<_> = draft.services.iter().map(|one| (&*one.name.value, one.replicas.value)).collect();
    assert_eq!(found, [("web", 2), ("db", 1)]);
    assert_eq!(draft.services[0].proxies[0].settings.kind, ProxyKind::Linkerd);
    let excluded: Vec<_> = draft.mesh.exclude.services.iter().map(|name| &*name.value).collect();
    assert_eq!(excluded, ["default/db"], "pods without a proxy have none");
    // With their Deployment at hand, pods say only which proxy they have.
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 9\n  \
                      template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app}]}}\n---\n";
    let both = text(&format!("{deployment}{list}"));
    assert_eq!(both.services[0].replicas.value, 9);
    assert_eq!(both.services[0].proxies[0].settings.kind, ProxyKind::Linkerd);
}

#[test]
fn every_field_has_one_row_and_its_reason() {
    for shape in [Shape::Workload, Shape::Pod, Shape::Service, Shape::Namespace] {
        let rows = fields(shape);
        for (row, (path, treatment)) in rows.iter().enumerate() {
            assert!(rows[..row].iter().all(|(other, _)| other != path), "{shape:?}: {path} comes twice");
            assert!(!path.is_empty() && *treatment != Treatment::Named(""), "{path}");
        }
    }
}

/// Manifests of Google's demonstration shop, where they are at hand.
#[test]
fn the_real_online_boutique_is_read() {
    let file = format!("{REAL}/online-boutique/kubernetes-manifests.yaml");
    if !Path::new(&file).exists() {
        return;
    }
    let (draft, _) = draft(&[&file]);
    assert_eq!(draft.services.len(), 11);
    assert_eq!(
        calls(&draft, "default/frontend"),
        [
            "default/productcatalogservice",
            "default/currencyservice",
            "default/cartservice",
            "default/recommendationservice",
            "default/shippingservice",
            "default/checkoutservice",
            "default/adservice",
        ]
    );
    assert_eq!(calls(&draft, "default/checkoutservice").len(), 6);
    assert_eq!(calls(&draft, "default/cartservice"), ["default/redis-cart"]);
    let frontend = service(&draft, "default/frontend");
    assert_eq!(shown(frontend.application.resources), [Some(0.1), Some(0.2), Some(64.0), Some(128.0)]);
    assert_eq!(
        (frontend.application.protocol, &*frontend.aliases[0].name.value),
        (Protocol::Http1, "frontend-external")
    );
    assert_eq!(service(&draft, "default/cartservice").application.protocol, Protocol::Grpc);
    assert_eq!(service(&draft, "default/redis-cart").application.protocol, Protocol::Tcp);
    let source = &draft.sources[0];
    assert_eq!((&*source.name.value, &*source.service.value), ("loadgenerator", "default/frontend"));
    let ArrivalsDraft::Known(Arrivals::Closed { users, .. }) = source.arrivals.value else {
        panic!("{source:?}")
    };
    assert_eq!(users, 10);
    let scenario = scenario(&draft);
    assert!(scenario.services.iter().all(|service| service.injected));
}

/// Istio's sample application, and pods as both meshes' injectors make them.
#[test]
fn the_real_bookinfo_and_injected_pods_are_read() {
    if !Path::new(REAL).exists() {
        return;
    }
    let bookinfo = format!("{REAL}/istio/bookinfo/bookinfo.yaml");
    let (draft, diagnostics) = draft(&[&bookinfo, &format!("{REAL}/istio/bookinfo/bookinfo-versions.yaml")]);
    assert_eq!(diagnostics.warnings(), 0, "{:?}", diagnostics.sorted());
    assert_eq!(draft.services.len(), 4);
    let reviews = service(&draft, "default/reviews");
    let versions: Vec<_> = reviews.versions.iter().map(|version| &*version.name.value).collect();
    assert_eq!((versions, reviews.replicas.value), (vec!["v1", "v2", "v3"], 3));
    let aliases: Vec<_> =
        reviews.aliases.iter().map(|alias| (&*alias.name.value, alias.subset.as_deref())).collect();
    assert_eq!(
        aliases,
        [
            ("reviews-v1", Some("reviews-v1")),
            ("reviews-v2", Some("reviews-v2")),
            ("reviews-v3", Some("reviews-v3"))
        ]
    );
    assert_eq!(service(&draft, "default/ratings").aliases[0].subset, None);

    let read = |file: &str| self::draft(&[&format!("{REAL}/{file}")]).0;
    for (file, name, replicas, kind, resources) in [
        (
            "istio/injected/hello.yaml",
            "default/hello",
            7,
            ProxyKind::Istio,
            [Some(0.1), Some(2.0), Some(128.0), Some(1024.0)],
        ),
        (
            "istio/injected/native-sidecar.yaml",
            "default/hello",
            1,
            ProxyKind::Istio,
            [Some(0.1), Some(2.0), Some(128.0), Some(1024.0)],
        ),
        (
            "istio/injected/resource_annotations.yaml",
            "default/resource",
            7,
            ProxyKind::Istio,
            [Some(0.1), Some(1.0), Some(1024.0), Some(2048.0)],
        ),
        (
            "linkerd/injected-emojivoto-config-overrides.yaml",
            "emojivoto/web",
            1,
            ProxyKind::Linkerd,
            [Some(0.5), Some(1.0), Some(64.0), Some(256.0)],
        ),
    ] {
        let draft = read(file);
        let service = service(&draft, name);
        assert_eq!((service.replicas.value, service.proxies.len()), (replicas, 1), "{file}");
        let proxy = service.proxies[0].settings;
        assert_eq!((proxy.kind, proxy.resources.map(shown)), (kind, Some(resources)), "{file}");
        assert_eq!(
            shown(service.application.resources),
            [None; 4],
            "{file}: the proxy is none of the application"
        );
    }
    assert_eq!(
        read("linkerd/injected-emojivoto-config-overrides.yaml").services[0].proxies[0].settings.workers,
        Some(1)
    );
}

/// Everything that happens to a text.
#[derive(Clone, Debug)]
enum Change {
    Delete,
    Double,
    Indent,
    Outdent,
    Value(&'static str),
}

fn changed(text: &str, changes: &[(usize, Change)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (place, change) in changes {
        let row = place % lines.len().max(1);
        let Some(line) = lines.get(row).cloned() else { break };
        match change {
            Change::Delete => {
                lines.remove(row);
            }
            Change::Double => lines.insert(row, line),
            Change::Indent => lines[row] = format!("  {line}"),
            Change::Outdent => line.strip_prefix("  ").unwrap_or(&line).clone_into(&mut lines[row]),
            Change::Value(value) => {
                let key = line.split_once(": ").map_or(line.as_str(), |(key, _)| key);
                lines[row] = format!("{key}: {value}");
            }
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn changed_manifests_are_never_fatal(
        file in 0_usize..4,
        changes in prop::collection::vec((0_usize..2000, prop_oneof![
            Just(Change::Delete),
            Just(Change::Double),
            Just(Change::Indent),
            Just(Change::Outdent),
            prop::sample::select(vec![
                "", "[]", "{}", "-1", "99999999999999999999", "~", "text", "[a, {b: c}]", "'a:1,b:2'", "1e308",
                "web:80", "{app: web}", "List", "Pod", "Service", "\"\\0\"", "è",
            ]).prop_map(Change::Value),
        ]), 1..12),
    ) {
        let real = [
            "online-boutique/kubernetes-manifests.yaml",
            "istio/bookinfo/bookinfo.yaml",
            "linkerd/injected-emojivoto-config-overrides.yaml",
        ];
        let path = file.checked_sub(1).map(|row| format!("{REAL}/{}", real[row]));
        let text = path.and_then(|path| fs::read_to_string(path).ok());
        let text = text.unwrap_or_else(|| fs::read_to_string(SHOP).expect("own manifests"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.yaml");
        fs::write(&path, changed(&text, &changes)).expect("a file");
        let (draft, sources, mut diagnostics) = input::load(&[path], &Options::default());
        validate(&draft, &mut diagnostics);
        diagnostics.render(&sources, Style::Plain);
    }
}

/// What is reserved for a list of pods is what the compiler gives the same services.
#[test]
fn idle_memory_is_that_of_compiled_proxies() {
    use sim::mesh::reserve::{Fleet, reserve};
    let mut text = "version: 1\nservices:\n".to_owned();
    for service in 0..7 {
        let _ = writeln!(text, "- {{name: s{service}, replicas: {}, service_time: 1ms}}", service + 1);
    }
    text += "traffic: [{service: s0, from: outside, rate: 1}]\n";
    let scenario = crate::common::scenario(&text);
    let fleet = Fleet { pods: 28, nodes: 3, namespaces: 1, services: 7, endpoints: 28, ..Fleet::default() };
    for (mesh, name, proxies) in [
        ("istio-sidecar", "sidecar", 28.0),
        ("istio-ambient", "node_proxy", 3.0),
        ("linkerd", "sidecar", 28.0),
    ] {
        let mesh = crate::common::mesh(mesh);
        let program = sim::program::compile(&scenario, &mesh);
        let reserves = reserve(&mesh, &fleet);
        let row = reserves.iter().find(|row| row.name == name).expect("it has such proxies");
        let idle = row.idle_memory.expect("a profile says so") / proxies;
        let group = program.groups.iter().next_back().expect("proxies");
        assert!(
            (group.static_memory - idle).abs() < 1.0,
            "{}: {} and {idle}",
            mesh.name,
            group.static_memory
        );
    }
}

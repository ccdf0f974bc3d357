//! Small scenarios made at random, under every mesh: the engine asserts conservation, Little's law and that the parts of
//! every response time add up in each of these runs; and each run gives the same record twice.

use std::fmt::Write;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use proptest::sample::select;
use sim::experiment::labels;
use sim::mesh::{MeshModel, Scenario};
use sim::program::compile;
use sim::units::Span;

use crate::common::{mesh, mesh_with, scenario};

static MESHES: LazyLock<Vec<MeshModel>> = LazyLock::new(|| {
    ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"].map(mesh).into()
});

/// Services of a scenario; each may call those after it.
const MOST_SERVICES: usize = 4;

fn service() -> impl Strategy<Value = String> {
    (
        select(&["HTTP/1.1", "HTTP/2", "gRPC", "TCP"][..]),
        1..4_u32,
        select(&["", ", workers: 1", ", workers: 2, queue_limit: 1", ", workers: 1, hold_workers: true"][..]),
        select(&["1ms", "{exponential: 2ms}", "0s", "{lognormal: {mean: 3ms, cv: 2}}"][..]),
        select(
            &[
                "",
                ", client: {keep_alive: false}",
                ", client: {pool_size: 1}",
                ", client: {pool_size: 2, timeout: 3ms}",
                ", client: {timeout: 500us}",
            ][..],
        ),
        select(
            &[
                "",
                ", error_ratio: 10%",
                ", resources: {cpu_limit: 500m}, cpu_time: 1ms",
                ", proxies: {istio-proxy: {cpu_limit: 300m}, linkerd-proxy: {workers: 2, memory_limit: 20MiB}}",
                ", lifecycle: {image_pull: 0s, start: 1ms, readiness: none, shutdown: 0s}",
                ", lifecycle: {image_pull: 1ms, start: {exponential: 5ms}, readiness: {period: 4ms}, pre_stop: 5ms, \
                 shutdown: 3ms, strategy: {max_surge: 1, max_unavailable: 0}}",
                ", lifecycle: {start: 2ms, image_pull: 0s, strategy: recreate, min_ready: 5ms, shutdown: 10ms}",
            ][..],
        ),
        select(
            &[
                "",
                "",
                "",
                "[{name: v1, script: []}]",
                "[{name: v1, script: [], error_ratio: 20%}, {name: v2, replicas: 2, workers: 2}]",
                "[{name: v1, service_time: 100us, client: {keep_alive: false}}, {name: v2, workers: unlimited}]",
            ][..],
        ),
    )
        .prop_map(|(protocol, replicas, workers, time, client, rest, versions)| {
            let pods = if versions.is_empty() {
                format!("replicas: {replicas}")
            } else {
                format!("versions: {versions}")
            };
            format!("protocol: {protocol}, {pods}, service_time: {time}{workers}{client}{rest}")
        })
}

/// A step of a script: how many services further down it calls, and how.
fn step() -> impl Strategy<Value = (usize, &'static str)> {
    let how = [
        "{call: NAME}",
        "{call: {service: NAME, count: 3}}",
        "[{call: {service: NAME, count: 4}}, {sleep: 1ms}]",
        "{call: {service: NAME, timeout: 2ms, optional: true}}",
        "[{call: {service: NAME, count: 2, timeout: 300us, optional: true}}]",
        "{call: {service: NAME, probability: 50%}}",
    ];
    (1..MOST_SERVICES, select(Vec::from(how)))
}

fn source() -> impl Strategy<Value = (usize, String)> {
    let from =
        ["outside", "meshed_client", "{meshed_client: {replicas: 2}}", "gateway:front", "gateway:other"];
    let arrivals = [
        "rate: 200/s",
        "arrivals: {closed: {users: 20, think_time: 2ms}}",
        "rate: 100/s, timeout: 3ms",
        "arrivals: {paced: {connections: 4, rate: 100/s}}",
    ];
    (0..MOST_SERVICES, select(Vec::from(from)), select(Vec::from(arrivals)))
        .prop_map(|(service, from, arrivals)| (service, format!("from: {from}, {arrivals}")))
}

/// Rules of a route; NAME is any service.
fn rule() -> impl Strategy<Value = (usize, &'static str)> {
    let rules = [
        "{to: [{service: NAME, weight: 3}, {service: s0, weight: 1}]}",
        "{match: {headers: {user: a}}, to: NAME}",
        "{match: {headers: {user: b}}, redirect: 301}",
        "{match: {headers: {user: {prefix: a}}}, respond: 503}",
        "{delay: {share: 50%, time: {exponential: 1ms}}, timeout: 2ms}",
        "{abort: {share: 20%, status: 503}, mirror: {service: NAME, share: 50%}}",
        "{timeout: 1ms, retries: {attempts: 3, on: [server_error], backoff: {base: 100us}}}",
        "{attempt_timeout: 1ms, retries: {attempts: 2, on: [reset, 503, 500]}, mirror: NAME}",
        "{retries: {attempts: 2, on: [server_error], backoff: {base: 1us}, avoid_previous: true}}",
    ];
    (0..MOST_SERVICES, select(Vec::from(rules)))
}

/// A route for a service, and a policy towards it.
fn route() -> impl Strategy<Value = RandomRoute> {
    let policies = [
        "ejection: {consecutive_errors: 2, interval: 10ms, base_time: 10ms, max_ratio: 100%}",
        "ejection: {consecutive_gateway_errors: 1, interval: 5ms, base_time: 5ms, panic_ratio: 50%}",
        "circuit_breaker: {max_failures: 1, min_penalty: 5ms, max_penalty: 20ms}",
        "circuit_breaker: {max_failures: 1, min_penalty: 20ms, max_penalty: 4s}",
        "retry_budget: {concurrent: {ratio: 20%, minimum: 1}}",
        "retry_budget: {tokens: {ratio: 10%, per_second: 1, ttl: 1s}}",
        "limits: {retries: 1}",
        "limits: {connections: 1, pending: 2, idle_timeout: 5ms}",
        "limits: {connections: 2, requests_per_connection: 3, connect_timeout: 400us}",
        "limits: {requests: 2, pending: 1, requests_per_connection: 1}",
        "ejection: {consecutive_errors: 1, interval: 5ms, base_time: 5ms, max_ratio: 100%}, locality: failover",
        "locality: {distribute: {'*': {north: 80, south: 20}}}, warm_up: 1s",
    ];
    (
        0..MOST_SERVICES,
        prop::collection::vec(rule(), 1..4),
        select(&["mesh", "{gateways: [front], mesh: true}"][..]),
        select(Vec::from(policies)),
    )
}

fn text() -> impl Strategy<Value = String> {
    let clusters = [
        "{}",
        "{nodes: {count: 1}}",
        "{nodes: {count: 3, cores: 2}, cores: shared}",
        "{zones: [north, south], network_delay: {exponential: 300us}, zone_delay: 1ms}",
        "{network_delay: 0s, bandwidth: 100Mbit/s, nodes: {count: 2}}",
    ];
    let meshes = [
        "{}",
        "{exclude: {services: [s0]}}",
        "{waypoints: []}",
        "{waypoints: [{name: w, services: [s0], replicas: 2}]}",
        "{waypoints: [{name: w, namespaces: [default], replicas: 3}]}",
    ];
    (
        prop::collection::vec((service(), prop::collection::vec(step(), 0..3)), 1..=MOST_SERVICES),
        prop::collection::vec(source(), 1..3),
        select(Vec::from(clusters)),
        select(Vec::from(meshes)),
        any::<u32>(),
        prop::collection::vec(route(), 0..3),
    )
        .prop_map(|(services, sources, cluster, mesh, seed, routes)| {
            let mut text = format!("version: 1\nname: random\ncluster: {cluster}\nmesh: {mesh}\nservices:\n");
            let count = services.len();
            for (index, (service, steps)) in services.iter().enumerate() {
                let steps = steps.iter().filter(|(further, _)| index + further < count);
                let script: Vec<String> = steps
                    .map(|(further, how)| how.replace("NAME", &format!("s{}", index + further)))
                    .collect();
                let _ = writeln!(text, "  - {{name: s{index}, {service}, script: [{}]}}", script.join(", "));
            }
            text.push_str("traffic:\n");
            for (index, (service, rest)) in sources.iter().enumerate() {
                let headers = "headers: {user: {shares: {a: 30%, b: 20%, ab: 20%}}}";
                let service = service % count;
                let _ = writeln!(text, "  - {{name: t{index}, service: s{service}, {headers}, {rest}}}");
            }
            add_routes(&mut text, &routes, count);
            let _ = writeln!(text, "run: {{seed: {seed}}}");
            text
        })
}

type RandomRoute = (usize, Vec<(usize, &'static str)>, &'static str, &'static str);

/// Routes and policies, at most one of each for a service.
fn add_routes(text: &mut String, routes: &[RandomRoute], services: usize) {
    let is_first = |number: usize| routes[..number].iter().all(|other| other.0 != routes[number].0);
    let numbers = (0..routes.len()).filter(|&number| is_first(number) && routes[number].0 < services);
    let kept: Vec<&RandomRoute> = numbers.map(|number| &routes[number]).collect();
    if kept.is_empty() {
        return;
    }
    text.push_str("gateways: [{name: front, hosts: ['*']}]\nroutes:\n");
    for (host, rules, via, _) in &kept {
        // A route leads on to the service itself or to one after it: no circle.
        let further = |other: usize| host + other % (services - host);
        let rules: Vec<String> = rules
            .iter()
            .map(|(other, rule)| {
                rule.replace("NAME", &format!("s{}", further(*other))).replace("s0", &format!("s{host}"))
            })
            .collect();
        let _ = writeln!(text, "  - {{host: s{host}, via: {via}, rules: [{}]}}", rules.join(", "));
        // For those that speak opaque TCP.
        let to = format!("[{{service: s{host}, weight: 3}}, {{service: s{}, weight: 1}}]", further(1));
        let _ =
            writeln!(text, "  - {{host: s{host}, level: connections, via: {via}, rules: [{{to: {to}}}]}}");
    }
    text.push_str("policies:\n");
    for (host, _, _, policy) in &kept {
        let _ = writeln!(text, "  - {{service: s{host}, {policy}}}");
    }
}

/// Routes and policies for the services of a scenario.
fn routes() -> impl Strategy<Value = String> {
    let rules = [
        "{to: [{service: s0, weight: 90}, {service: s1, weight: 0.5}]}",
        "{match: {path: {elements: /a}, headers: {x-a: {without: {present}}}}, to: s0, timeout: 1.5s}",
        "{match: [{method: GET}, {query: {q: {regex: 'a.*'}}, port: 80}], redirect: 302}",
        "{retries: {attempts: 3, on: [503, reset, unavailable], backoff: {base: 10ms}}, attempt_timeout: 7ms}",
        "{delay: {share: 7%, time: {lognormal: {p75: 2ms, p99: 31ms}}}, abort: {share: 0.3%, status: internal}}",
        "{mirror: {service: nobody, share: 29%}, changes: {request_headers: 1, path: /b}, retries: none}",
        "{match: {source: {labels: {app: a, 'a/b': 'yes'}, namespace: default}}, respond: {status: 418, size: 3}}",
    ];
    let heads = [
        "host: s0",
        "host: s0, order: most_specific, resource: http_route, namespace: default",
        "hosts: [s0, 's*'], via: {gateways: [front], mesh: true}, visible_in: [., other]",
    ];
    let policies = [
        "balancing: {policy: maglev, hash_on: 'cookie:A'}, warm_up: 7s, tls: 'off'",
        "limits: {connections: 3, connect_timeout: 50ms}, ejection: {max_ratio: 57%}, locality: failover",
        "port: 80, retry_budget: {tokens: {ratio: 13%}}, circuit_breaker: {jitter: 33%}",
        "resource: destination_rule, namespace: default, locality: {distribute: {zone-1: {zone-1: 0.3}}}",
    ];
    (
        select(Vec::from(heads)),
        prop::collection::vec(select(Vec::from(rules)), 1..5),
        prop::collection::vec(select(Vec::from(policies)), 0..2),
    )
        .prop_map(|(head, rules, policies)| {
            let mut text =
                format!("routes:\n  - {{name: r, {head}, rules: [{}]}}\npolicies:\n", rules.join(", "));
            for (service, policy) in policies.iter().enumerate() {
                let _ = writeln!(text, "  - {{service: s{service}, {policy}}}");
            }
            if policies.is_empty() { text.replace("policies:\n", "") } else { text }
        })
}

fn record(scenario: &Scenario, mesh: &MeshModel) -> String {
    let program = compile(scenario, mesh);
    let record = sim::engine::run(&program, 0, &AtomicBool::new(false)).expect("nothing stops it");
    for entry in &record.entries {
        let answered = entry.succeeded.len() + entry.failed.len() + entry.unfinished;
        assert_eq!(entry.arrived, answered, "measured requests are conserved under {}", mesh.name);
    }
    for (service, whole) in program.services.iter().zip(&record.services) {
        let names: Vec<&String> =
            service.workloads().map(|workload| &program.workloads[workload].name).collect();
        let of_versions = labels(&program).versions.into_iter().zip(&record.versions);
        let own: Vec<_> = of_versions.filter(|(label, _)| names.contains(&&label.name)).collect();
        if !own.is_empty() {
            let visits: u64 = own.iter().map(|(_, version)| version.visits).sum();
            assert_eq!(whole.visits, visits, "visits of {} are those of its versions", service.name);
        }
    }
    sim::digest::of_debug(&record)
}

/// Meshes under which a pod comes and goes within milliseconds.
static LIVELY: LazyLock<Vec<MeshModel>> = LazyLock::new(|| {
    let kubernetes = [
        ("kubernetes.schedule", "1ms"),
        ("kubernetes.sandbox", "500us"),
        ("kubernetes.image_pull", "0s"),
        ("kubernetes.endpoint_slice", "2ms"),
        ("kubernetes.watch", "1ms"),
        ("kubernetes.kube_proxy_min_sync", "10ms"),
        ("kubernetes.kube_proxy_sync", "3ms"),
        ("kubernetes.node_grace", "10ms"),
        ("kubernetes.eviction", "15ms"),
    ];
    let sidecar = [
        ("startup.init", "1ms"),
        ("startup.agent", "1ms"),
        ("startup.process", "1ms"),
        ("startup.certificate", "2ms"),
        ("startup.first_configuration", "2ms"),
        ("startup.startup_probe_period", "2ms"),
    ];
    let push = [
        ("control_plane.debounce_quiet", "3ms"),
        ("control_plane.debounce_max", "20ms"),
        ("certificate.retry_first", "3ms"),
    ];
    let stream = [("certificate.rotate_least", "3ms"), ("certificate.rotate_most", "30ms")];
    let certificates = [
        ("certificate.request_cpu", "1ms"),
        ("certificate.issue_cpu", "2ms"),
        ("certificate.lifetime", "60ms"),
        ("certificate.clock_skew", "0s"),
    ];
    let with =
        |mesh: &str, more: &[&[(&str, &str)]]| mesh_with(mesh, &[&kubernetes[..], &more.concat()].concat());
    vec![
        with("none", &[]),
        with("istio-sidecar", &[&sidecar, &push, &certificates]),
        with("istio-ambient", &[&push, &certificates]),
        with("istio-ambient-waypoint", &[&push, &certificates]),
        with("linkerd", &[&sidecar[..1], &sidecar[2..5], &stream, &certificates]),
    ]
});

/// Events that make pods come and go, each of a service.
fn incident() -> impl Strategy<Value = (usize, String)> {
    let kinds = [
        "rollout: NAME",
        "rollout: NAME, every: 30ms",
        "kill: NAME, pods: 1",
        "kill: NAME, pods: 3, every: 20ms",
        "control_plane: kill, instances: 1",
        "control_plane: starve, cores: 0.01, for: 50ms",
        "scale: NAME, replicas: 4",
        "scale: NAME, replicas: 1",
        "scale: NAME, replicas: 0",
        "change: NAME",
        "certificate_authority: down, for: 20ms",
        "certificate_authority: down, for: 5ms, every: 30ms",
        "certificate_authority: down, for: 100ms",
        "surge: t0, factor: 3, for: 20ms",
        "surge: all, factor: 0.3, for: 5ms, every: 10ms",
        "network: {delay: 1ms, loss: 5%}, for: 30ms",
        "network: {delay: {exponential: 2ms}, loss: 100%}, for: 10ms, every: 50ms",
        "drain: 1",
        "drain: {nodes: 1}, every: 40ms",
        "lose: 1",
        "lose: {nodes: 1}, every: 50ms",
        "add: {nodes: 2}",
    ];
    (0..MOST_SERVICES, 0..150_u32, select(Vec::from(kinds)))
        .prop_map(|(service, at, kind)| (service, format!("{{at: {at}ms, {kind}}}")))
}

/// Nothing of certificates, or how they came to be, and when nobody gets one.
fn certificates() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "certificates: {}\n",
        "certificates: {life: 30ms}\n",
        "certificates: {issued: together, age: 27ms}\n",
        "certificates: {life: 20ms, issued: together}\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_small_scenario_runs_under_every_mesh_and_twice_the_same(text in text()) {
        let mut scenario = scenario(&text);
        scenario.run.warm_up = Span::from_millis(20);
        scenario.run.duration = Span::from_millis(150);
        for mesh in MESHES.iter() {
            prop_assert_eq!(record(&scenario, mesh), record(&scenario, mesh), "under {}", mesh.name);
        }
    }

    #[test]
    fn pods_come_and_go_in_any_small_scenario(text in text(), incidents in prop::collection::vec(incident(), 1..5), section in certificates()) {
        let count = text.matches("  - {name: s").count();
        // A service with versions is not scaled.
        let has_versions = |service: usize| {
            let line = text.lines().find(|line| line.contains(&format!("{{name: s{service},")));
            line.is_some_and(|line| line.contains("versions:"))
        };
        let events: Vec<String> = incidents
            .iter()
            .map(|(service, event)| (service % count, event))
            .filter(|(service, event)| !(event.contains("scale") && has_versions(*service)))
            .map(|(service, event)| event.replace("NAME", &format!("s{service}")))
            .collect();
        let mut scenario = scenario(&format!("{text}{section}events: [{}]\n", events.join(", ")));
        scenario.run.warm_up = Span::from_millis(20);
        scenario.run.duration = Span::from_millis(150);
        for mesh in LIVELY.iter() {
            prop_assert_eq!(record(&scenario, mesh), record(&scenario, mesh), "under {}", mesh.name);
        }
    }

    #[test]
    fn any_small_scenario_comes_back_from_what_is_written_of_it(
        text in text(),
        routes in routes(),
        section in certificates(),
    ) {
        // Two services at least, for the routes and policies.
        let more = "  - {name: s1, service_time: {gamma: {mean: 3ms, cv: 0.7}}}\n  - {name: s0, ";
        let text = if text.contains("name: s1,") { text } else { text.replace("  - {name: s0, ", more) };
        // Half of the texts have routes of their own.
        let routes = if text.contains("routes:") { String::new() } else { routes };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, format!("{text}{routes}{section}")).expect("a writable folder");
        let (draft, _, _) = sim::input::load(std::slice::from_ref(&file), &sim::input::Options::default());
        let before = crate::common::load(&file);
        let written = sim::output::native::scenario(&draft);
        let after = scenario(&written);
        prop_assert_eq!(&after, &before, "{}", written);
        for mesh in MESHES.iter() {
            prop_assert_eq!(compile(&after, mesh).digest(), compile(&before, mesh).digest());
        }
    }
}

//! Pods that come and go, with stages that can be added up by hand.

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::metrics::record::LifeRecord;
use sim::policy::pod_start::Stage;
use sim::vocabulary::failure::Cause;

use super::{MILLISECOND, run};
use crate::common::mesh_with;

/// Kubernetes takes 100 ms to find a node, 200 ms for the sandbox, 50 ms to write an endpoint, and 10 ms until who watches
/// knows; a node writes its rules once a second at most, in 20 ms.
const KUBERNETES: [(&str, &str); 7] = [
    ("kubernetes.schedule", "100ms"),
    ("kubernetes.sandbox", "200ms"),
    ("kubernetes.image_pull", "0s"),
    ("kubernetes.endpoint_slice", "50ms"),
    ("kubernetes.watch", "10ms"),
    ("kubernetes.kube_proxy_min_sync", "1s"),
    ("kubernetes.kube_proxy_sync", "20ms"),
];

fn without_mesh() -> MeshModel {
    mesh_with("none", &KUBERNETES)
}

/// A push costs nothing but its window of 100 ms.
fn istio(overrides: &[(&str, &str)]) -> MeshModel {
    let costs = [
        ("startup.mode", "native_sidecar"),
        ("startup.init", "0s"),
        ("startup.agent", "0s"),
        ("startup.process", "0s"),
        ("startup.per_cluster", "0s"),
        ("startup.certificate", "0s"),
        ("certificate.request_cpu", "0s"),
        ("certificate.issue_cpu", "0s"),
        ("startup.first_configuration", "0s"),
        ("control_plane.build_cpu_per_service", "0s"),
        ("control_plane.push_cpu", "0s"),
        ("control_plane.push_cpu_per_cluster", "0s"),
        ("control_plane.push_cpu_per_cached_cluster", "0s"),
    ];
    mesh_with("istio-sidecar", &[&KUBERNETES[..], &costs[..], overrides].concat())
}

/// Ten seconds of `web`, which a client asks 100 times a second; `lifecycle` is how its pods live.
fn web(mesh: &MeshModel, replicas: u32, lifecycle: &str, from: &str, events: &str) -> RunRecord {
    run(
        mesh,
        0,
        10_000,
        &format!(
            "cluster: {{network_delay: 0s}}\nservices:\n  - {{name: web, replicas: {replicas}, service_time: 1ms, lifecycle: \
             {{image_pull: 0s, start: 1s, {lifecycle}}}}}\ntraffic:\n  - {{name: users, service: web, \
             from: {from}, arrivals: {{constant: 100/s}}}}\nroutes: [{{host: web, to: web, retries: none}}]\nevents: [{events}]\n"
        ),
    )
}

fn life(record: &RunRecord) -> &LifeRecord {
    &record.lives.as_ref().expect("pods come and go")[0]
}

fn failed(record: &RunRecord) -> u64 {
    record.entries[0].failed.len()
}

#[test]
fn a_pod_starts_in_stages() {
    let record = web(
        &without_mesh(),
        1,
        "readiness: none, shutdown: 0s",
        "outside",
        "{at: 1s, scale: web, replicas: 2}",
    );
    let life = life(&record);
    assert_eq!((life.started, life.ended, life.killed), (1, 0, 0));
    // A node after 100 ms, a sandbox after 300; without a probe the pod is ready when its container has started, which
    // is before it answers.
    let stage = |stage: Stage| life.stages[stage as usize];
    assert_eq!(stage(Stage::Schedule), (0, 100 * MILLISECOND));
    assert_eq!(stage(Stage::Sandbox), (100 * MILLISECOND, 300 * MILLISECOND));
    assert_eq!(stage(Stage::ApplicationStart), (300 * MILLISECOND, 1300 * MILLISECOND));
    assert_eq!(stage(Stage::Endpoint), (300 * MILLISECOND, 350 * MILLISECOND));
    // The second pod is there for nine seconds of ten.
    assert_eq!(life.pod_nanos, 19_000 * MILLISECOND);
    // Written at 1.35 s, known at 1.36, in the rules at 1.38.
    let control = record.control.as_ref().expect("somebody is told");
    let change = control.changes.last().expect("of endpoints");
    assert_eq!((change.times, change.concerned, change.convergence_time.max()), (1, 1, 30 * MILLISECOND));
}

#[test]
fn who_is_sent_to_a_pod_before_it_answers_is_refused() {
    // Without a probe its endpoint is written at 1.35 s and pushed at 1.46, and it answers at 2.3 s: 42 of 84 requests.
    let text = "{at: 1s, scale: web, replicas: 2}";
    let early = web(&istio(&[]), 1, "readiness: none, shutdown: 0s", "meshed_client", text);
    let stale = early.entries[0].causes[Cause::StaleEndpoint as usize];
    assert_eq!(stale, failed(&early));
    assert!((35..=50).contains(&stale), "{stale}");
    let probed = web(&istio(&[]), 1, "readiness: {period: 1s}, shutdown: 0s", "meshed_client", text);
    assert_eq!(failed(&probed), 0);
}

#[test]
fn what_a_proxy_does_not_know_fails_until_it_does() {
    // The pod is deleted at 5 s; its application is gone at once, its endpoint at 5.05. What watches knows at 5.06, and
    // pushes at 5.16. Until then every second request of 100 a second goes to a proxy without an application.
    let record = web(
        &istio(&[("control_plane.debounce_quiet", "100ms")]),
        2,
        "readiness: {period: 100ms}, shutdown: 0s",
        "meshed_client",
        "{at: 5s, scale: web, replicas: 1}",
    );
    let entry = &record.entries[0];
    let stale = entry.causes[Cause::StaleEndpoint as usize];
    assert_eq!(failed(&record), stale);
    // Of 16 requests about half: three standard deviations of a fair coin.
    assert!((2..=14).contains(&stale), "{stale}");
    let control = record.control.as_ref().expect("somebody is told");
    let change = control.changes.last().expect("of endpoints");
    assert_eq!(change.unreached, 0);
    let nanos = change.convergence_time.max();
    assert!((110 * MILLISECOND..112 * MILLISECOND).contains(&nanos), "{nanos}");
}

#[test]
fn a_pod_that_waits_for_longer_than_that_loses_nothing() {
    let patient = "readiness: {period: 100ms}, pre_stop: 1s, shutdown: 0s";
    for events in ["{at: 5s, scale: web, replicas: 1}", "{at: 2s, rollout: web}"] {
        let mesh = istio(&[]);
        assert_eq!(failed(&web(&mesh, 2, patient, "meshed_client", events)), 0, "{events}");
    }
    let hasty = web(
        &istio(&[]),
        2,
        "readiness: {period: 100ms}, shutdown: 0s",
        "meshed_client",
        "{at: 2s, rollout: web}",
    );
    assert!(failed(&hasty) > 0);
}

#[test]
fn a_rollout_replaces_every_pod_and_keeps_enough_of_them() {
    let strategy = "readiness: {period: 100ms}, shutdown: 0s, pre_stop: 1s, strategy: {max_surge: 1, max_unavailable: 0}";
    let record = web(&istio(&[]), 3, strategy, "meshed_client", "{at: 1s, rollout: web}");
    let life = life(&record);
    assert_eq!((life.started, life.ended, life.killed), (3, 3, 0));
    assert_eq!(failed(&record), 0);
    let recreated = web(
        &istio(&[]),
        3,
        "readiness: {period: 100ms}, shutdown: 0s, strategy: recreate",
        "meshed_client",
        "{at: 1s, rollout: web}",
    );
    let life = self::life(&recreated);
    assert_eq!((life.started, life.ended), (3, 3));
    assert!(
        recreated.entries[0].causes[Cause::NoHealthyEndpoint as usize] > 50,
        "nobody is there for a while"
    );
}

#[test]
fn a_pod_that_is_killed_is_replaced_and_its_callers_fail_until_they_know() {
    let record = web(
        &istio(&[]),
        2,
        "readiness: {period: 100ms}, shutdown: 0s",
        "meshed_client",
        "{at: 5s, kill: web, pods: 1}",
    );
    let life = life(&record);
    assert_eq!((life.started, life.ended, life.killed), (1, 0, 1));
    // Its endpoint goes at once: 10 ms until it is known, and 100 until it is pushed.
    let stale = record.entries[0].causes[Cause::StaleEndpoint as usize];
    assert!((4..=7).contains(&stale), "{stale}");
}

#[test]
fn retries_go_where_a_pod_is() {
    let text = "cluster: {network_delay: 0s}\nservices:\n  - {name: web, replicas: 2, service_time: 1ms, lifecycle: \
                {image_pull: 0s, start: 1s, readiness: {period: 100ms}, shutdown: 0s}}\ntraffic:\n  - {name: users, service: web, \
                from: meshed_client, arrivals: {constant: 100/s}}\nevents: [{at: 5s, kill: web, pods: 1}]\n";
    let record = run(&istio(&[]), 0, 10_000, text);
    // Istio tries again what could not connect, unasked; what was under way in the pod is lost.
    assert!(failed(&record) <= 1, "{}", failed(&record));
    assert!(record.edges[0].attempts > record.edges[0].calls);
}

#[test]
fn nothing_is_left_of_a_service_that_is_scaled_to_zero() {
    let record = web(
        &without_mesh(),
        1,
        "readiness: {period: 100ms}, shutdown: 0s",
        "outside",
        "{at: 5s, scale: web, replicas: 0}",
    );
    let entry = &record.entries[0];
    let [stale, refused] =
        [Cause::StaleEndpoint, Cause::ConnectFailure].map(|cause| entry.causes[cause as usize]);
    assert_eq!(stale + refused, failed(&record));
    assert!((495..=500).contains(&failed(&record)), "half of all: {}", failed(&record));
    assert!(stale <= 9, "the rules are written within 80 ms: {stale}");
}

#[test]
fn new_proxies_wait_for_a_control_plane_that_is_busy() {
    // Both ask 300 ms after they were made. An instance of one core lets 20 in a second: the second one is let in at 350 ms.
    // They share the core: half a second of work each takes until 1250 and 1300 ms.
    let slow = istio(&[("control_plane.push_cpu", "500ms"), ("control_plane.cpu_limit", "1")]);
    let lifecycle = "readiness: {period: 100ms}, shutdown: 0s";
    let record = web(&slow, 1, lifecycle, "meshed_client", "{at: 2s, scale: web, replicas: 3}");
    let configuration = life(&record).stages[Stage::Configuration as usize];
    assert_eq!((life(&record).started, configuration), (2, (600 * MILLISECOND, 2550 * MILLISECOND)));
    let control = record.control.as_ref().expect("somebody is told");
    assert!(control.cpu >= 1000 * MILLISECOND, "{}", control.cpu);
}

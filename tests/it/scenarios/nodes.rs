//! Nodes that are drained, lost and added, with times that can be added up by hand.

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::metrics::record::LifeRecord;
use sim::vocabulary::failure::Cause;

use super::{MILLISECOND, run};
use crate::common::mesh_with;

/// A pod is there at once but for the second that its application takes, an endpoint is written after 50 ms and heard of 10 ms
/// later; a node that is gone is noticed after 3 s, and its pods are replaced 2 s later.
const KUBERNETES: [(&str, &str); 9] = [
    ("kubernetes.schedule", "0s"),
    ("kubernetes.sandbox", "0s"),
    ("kubernetes.image_pull", "0s"),
    ("kubernetes.endpoint_slice", "50ms"),
    ("kubernetes.watch", "10ms"),
    ("kubernetes.kube_proxy_min_sync", "1s"),
    ("kubernetes.kube_proxy_sync", "20ms"),
    ("kubernetes.node_grace", "3s"),
    ("kubernetes.eviction", "2s"),
];

/// A push costs nothing but its window of 100 ms.
fn istio() -> MeshModel {
    let costs = [
        ("startup.mode", "native_sidecar"),
        ("startup.init", "0s"),
        ("startup.agent", "0s"),
        ("startup.process", "0s"),
        ("startup.per_cluster", "0s"),
        ("startup.certificate", "0s"),
        ("startup.first_configuration", "0s"),
        ("control_plane.debounce_quiet", "100ms"),
        ("control_plane.build_cpu_per_service", "0s"),
        ("control_plane.push_cpu", "0s"),
        ("control_plane.push_cpu_per_cluster", "0s"),
        ("control_plane.push_cpu_per_cached_cluster", "0s"),
    ];
    mesh_with("istio-sidecar", &[&KUBERNETES[..], &costs[..]].concat())
}

/// Ten seconds, after `warm_up` milliseconds, of `web` on nodes of so many cores, which a client asks 100 times a second, pod by
/// pod, and waits for no longer than 100 ms.
fn web(mesh: &MeshModel, warm_up: u64, cluster: &str, replicas: u32, events: &str) -> RunRecord {
    run(
        mesh,
        warm_up,
        10_000,
        &format!(
            "cluster: {{network_delay: 0s, cores: unlimited, {cluster}}}\nservices:\n  - {{name: web, replicas: {replicas}, service_time: 1ms, \
             resources: {{cpu_request: 600m}}, lifecycle: {{image_pull: 0s, start: 1s, readiness: {{period: 100ms}}, pre_stop: 2s, shutdown: 0s}}}}\n\
             traffic: [{{name: users, service: web, from: meshed_client, timeout: 100ms, arrivals: {{constant: 100/s}}}}]\n\
             policies: [{{service: web, balancing: round_robin}}]\nroutes: [{{host: web, to: web, retries: none}}]\nevents: [{events}]\n"
        ),
    )
}

/// Two pods stand on two nodes.
const APART: &str = "zones: [a, b], zone_delay: 0s, nodes: {count: 2, cores: 8}";

fn life(record: &RunRecord) -> &LifeRecord {
    &record.lives.as_ref().expect("pods come and go")[0]
}

#[test]
fn pods_leave_a_node_that_is_drained_without_losing_a_request() {
    for mesh in [mesh_with("none", &KUBERNETES), istio()] {
        let record = web(&mesh, 0, APART, 2, "{at: 2s, drain: {nodes: 1}}");
        let life = life(&record);
        assert_eq!((life.started, life.ended, life.killed), (1, 1, 0));
        assert_eq!(record.entries[0].failed.len(), 0, "{:?}", record.entries[0].causes);
        // Four seconds after it has been drained nothing is left there.
        let after = web(&mesh_with("none", &KUBERNETES), 6_000, APART, 2, "{at: 2s, drain: 1}");
        let mut busy: Vec<u64> = after.nodes.iter().map(|node| node.cpu).collect();
        busy.sort_unstable();
        assert_eq!(busy[0], 0);
        assert!(busy[1] >= 999 * MILLISECOND, "{busy:?}");
    }
}

#[test]
fn nobody_answers_for_a_node_that_is_lost_until_it_is_noticed() {
    // Lost at 2 s, noticed at 5, its endpoint out at 5.05, heard of at 5.06, pushed at 5.16: until then every second of 100
    // requests a second comes to nothing, and nobody says so.
    let record = web(&istio(), 0, APART, 2, "{at: 2s, lose: {nodes: 1}}");
    let entry = &record.entries[0];
    let timeouts = entry.causes[Cause::CallerTimeout as usize];
    assert_eq!(timeouts, entry.failed.len(), "{:?}", entry.causes);
    assert!((157..=159).contains(&timeouts), "{timeouts}");
    // The pod is counted until 7 s, and replaced then.
    let life = life(&record);
    assert_eq!((life.started, life.ended, life.killed), (1, 0, 1));
    assert_eq!(life.pod_nanos, 20_000 * MILLISECOND);
    assert_eq!(life.waiting_nanos, 0);
}

#[test]
fn a_zone_takes_all_its_pods_with_it() {
    let cluster = "zones: [a, b], zone_delay: 0s, nodes: {count: 4, cores: 8}";
    let record = web(&istio(), 0, cluster, 4, "{at: 2s, lose: {zone: a}}");
    let life = life(&record);
    assert_eq!((life.started, life.killed), (1, 2));
    // Pods of one node are replaced ten seconds after those of the other: after the end.
    let timeouts = record.entries[0].causes[Cause::CallerTimeout as usize];
    assert!((155..=161).contains(&timeouts), "half of 3.16 s: {timeouts}");
}

#[test]
fn a_pod_without_room_waits_for_a_node() {
    // Each node has room for one pod and the client.
    let cluster = "nodes: {count: 2, cores: 1}";
    let none = mesh_with("none", &KUBERNETES);
    let record = web(&none, 0, cluster, 2, "{at: 2s, drain: 1}, {at: 6s, add: {nodes: 1}}");
    assert_eq!((life(&record).started, life(&record).ended), (1, 1));
    assert_eq!(life(&record).waiting_nanos, 4_000 * MILLISECOND);
    let forever = web(&none, 0, cluster, 2, "{at: 2s, drain: 1}");
    assert_eq!((life(&forever).started, life(&forever).waiting_nanos), (0, 8_000 * MILLISECOND));
    // Where nodes follow from what pods ask for there is room.
    let packed = web(&none, 0, "nodes: {cores: 1}", 2, "{at: 2s, drain: 1}");
    assert_eq!((life(&packed).started, life(&packed).waiting_nanos), (1, 0));
}

#[test]
fn a_node_proxy_comes_and_goes_with_its_node() {
    let mesh = mesh_with("istio-ambient", &KUBERNETES);
    let proxies = |events: &str| {
        let record = web(&mesh, 0, "nodes: {count: 5, cores: 8}", 5, events);
        record.proxies.iter().map(|group| group.memory_mean).sum::<f64>()
    };
    // Nothing is asked of new nodes; one that comes halfway holds half as much as one that is there from the start.
    let (plain, more) = (proxies("{at: 9.9s, add: 1}"), proxies("{at: 5s, add: 1}"));
    let each = plain / 5.0;
    assert!(more > plain, "{plain} {more}");
    assert!((more - plain) < each, "{plain} {more}");
}

/// Three services alike, each of one pod, of which a client asks the first.
fn three(mesh: &MeshModel, call: &str, events: &str) -> RunRecord {
    let life = "lifecycle: {image_pull: 0s, start: 1s, readiness: {period: 1s}, pre_stop: 1s, shutdown: 0s, strategy: {max_surge: 1, max_unavailable: 0}}";
    run(
        mesh,
        0,
        30_000,
        &format!(
            "cluster: {{network_delay: 0s, cores: unlimited, nodes: {{count: 2, cores: 8}}, zones: [x, y], zone_delay: 0s}}\nservices:\n\
             \u{20} - {{name: a, {call}, {life}}}\n  - {{name: b, service_time: 1ms, {life}}}\n  - {{name: c, service_time: 1ms, {life}}}\n\
             traffic: [{{name: users, service: a, from: meshed_client, arrivals: {{constant: 10/s}}}}]\n\
             routes: [{{host: a, to: a, retries: none}}]\nevents: [{events}]\n"
        ),
    )
}

#[test]
fn sidecars_are_replaced_in_waves_each_once_the_one_before_is_done() {
    // A pod is ready between 1 s, which its application takes, and 3 s after it was made, by its probes; so long a wave takes.
    let started = |events: &str| -> Vec<u64> {
        let record = three(&istio(), "service_time: 1ms", events);
        assert_eq!(record.entries[0].failed.len(), 0, "{:?}", record.entries[0].causes);
        let lives = record.lives.expect("pods come and go");
        lives.iter().map(|life| life.started).collect()
    };
    assert_eq!(started("{at: 5s, upgrade: all}"), [1, 1, 1]);
    assert_eq!(started("{at: 5s, upgrade: [a, c]}"), [1, 1], "b has no life then");
    // Of three waves the last comes after the end, where a pause of 12 s is between them.
    assert_eq!(started("{at: 5s, upgrade: all, wave: 1, pause: 12s}"), [1, 1, 0]);
    assert_eq!(started("{at: 5s, upgrade: all, wave: 2, pause: 12s}"), [1, 1, 1]);
    assert_eq!(started("{at: 5s, upgrade: all, wave: 1, pause: 1s}"), [1, 1, 1]);
    let none = three(&mesh_with("none", &KUBERNETES), "service_time: 1ms", "{at: 5s, upgrade: all}");
    assert!(none.lives.expect("pods may come and go").iter().all(|life| life.started == 0));
}

#[test]
fn a_node_proxy_cuts_what_is_open_when_it_has_drained() {
    let overrides =
        [("startup.process", "0s"), ("startup.first_configuration", "1s"), ("startup.drain", "5s")];
    let mesh = mesh_with("istio-ambient", &[&KUBERNETES[..], &overrides[..]].concat());
    // Calls take 4 s, so none is older than the drain of 5 s when it ends, but connections are kept: each call begins on a
    // connection as old as the run. The two nodes' proxies are ready at 11 and 12 s, and cut at 16 and 17.
    let record = three(&mesh, "service_time: 4s", "{at: 10s, upgrade: all}");
    let entry = &record.entries[0];
    let reset = entry.causes[Cause::Reset as usize];
    assert_eq!(reset, entry.failed.len());
    // 40 are under way at a time, each on a connection of its own; all of them are cut once, by the proxy of the client's node
    // or of the service's, whichever comes first.
    assert!((39..=41).contains(&reset), "{reset}");
    // Short calls are hardly ever under way when connections are cut.
    let short = three(&mesh, "service_time: 1ms", "{at: 10s, upgrade: all}");
    assert!(short.entries[0].failed.len() <= 2);
    assert_eq!(three(&mesh, "service_time: 4s", "").entries[0].failed.len(), 0);
}

#[test]
fn a_proxy_above_its_memory_limit_is_killed_and_comes_back_ever_later() {
    let mesh = istio();
    let text = |limit: &str| {
        format!(
            "cluster: {{network_delay: 0s, cores: unlimited}}\nservices:\n  - {{name: web, service_time: 1ms, \
             proxies: {{istio-proxy: {{memory_limit: {limit}}}}}, lifecycle: {{image_pull: 0s, start: 1s, readiness: {{period: 1s}}, oom_kill: true}}}}\n\
             traffic: [{{name: users, service: web, from: meshed_client, arrivals: {{constant: 10/s}}}}]\n\
             routes: [{{host: web, to: web, retries: none}}]\n"
        )
    };
    // Far more than it needs.
    let fine = run(&mesh, 0, 100_000, &text("1GiB"));
    assert_eq!((life(&fine).oom_kills, life(&fine).restarts, fine.entries[0].failed.len()), (0, 0, 0));
    // Less than it holds without a connection: it is killed with the first, and whenever it begins. It is started again at
    // once, then 10, 20 and 40 s later: at 0, 10, 30 and 70 s.
    let crashing = run(&mesh, 0, 100_000, &text("1MiB"));
    assert_eq!((life(&crashing).oom_kills, life(&crashing).restarts), (5, 4));
    let entry = &crashing.entries[0];
    assert_eq!(entry.failed.len(), 1000, "nobody is ever answered: {:?}", entry.causes);
}

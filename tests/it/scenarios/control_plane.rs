//! Changes of configuration on their way to the proxies, with costs that can be added up by hand.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use proptest::sample::select;
use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::metrics::record::ControlRecord;
use sim::program::compile;

use super::{MILLISECOND, run};
use crate::common::{mesh, mesh_with, scenario};

/// The two seconds after the first second of two services, of which `a` has three instances and calls `b` with one.
fn changes(mesh: &MeshModel, cluster: &str, events: &str) -> RunRecord {
    run(
        mesh,
        1_000,
        2_000,
        &format!(
            "cluster: {{network_delay: 0s{cluster}}}\nservices:\n  - {{name: a, replicas: 3, service_time: 1ms, script: [{{call: b}}]}}\n  \
             - {{name: b, service_time: 1ms}}\ntraffic:\n  - {{name: users, service: a, from: outside, arrivals: \
             {{constant: 10/s}}}}\nevents: [{events}]\n"
        ),
    )
}

fn control(record: &RunRecord) -> &ControlRecord {
    record.control.as_ref().expect("something changes")
}

/// When the proxies had an event's changes: mean and last, in whole microseconds.
fn times(record: &RunRecord, event: usize) -> (u64, u64) {
    let change = &control(record).changes[event];
    assert_eq!(change.unreached, 0, "all have it");
    let micros = |nanos: f64| (nanos / 1e3).round() as u64;
    (micros(change.convergence_time.mean()), micros(change.convergence_time.max() as f64))
}

fn concerned(record: &RunRecord) -> Vec<u64> {
    control(record).changes.iter().map(|change| change.concerned).collect()
}

/// One core; a build takes 1 ms for each of the two services, a push 3 ms and 1 ms for what changed, taking it over 5 ms,
/// and 1 ms on every worker.
fn istiod(overrides: &[(&str, &str)]) -> MeshModel {
    let costs = [
        ("control_plane.cpu_limit", "1"),
        ("control_plane.build_cpu_per_service", "1ms"),
        ("control_plane.push_cpu", "3ms"),
        ("control_plane.push_cpu_per_cluster", "1ms"),
        ("control_plane.push_cpu_per_cached_cluster", "0s"),
        ("control_plane.bytes_per_cluster", "1000"),
        ("proxy.configuration.apply_per_changed_cluster", "5ms"),
        ("proxy.configuration.apply_per_unchanged_cluster", "2ms"),
        ("proxy.configuration.apply_per_worker", "1ms"),
        ("control_plane.push_concurrency_per_core", "0"),
    ];
    mesh_with("istio-sidecar", &[&costs[..], overrides].concat())
}

const ONE_AT_A_TIME: (&str, &str) = ("control_plane.push_concurrency_base", "1");

#[test]
fn proxies_are_told_one_after_the_other() {
    let record = changes(&istiod(&[ONE_AT_A_TIME]), "", "{at: 1s, change: b}");
    // 100 ms without another change, 2 ms to build, 4 ms for each of four proxies, 6 ms to take it over: 112, 116, …
    assert_eq!(times(&record, 0), (118_000, 124_000));
    let control = control(&record);
    assert_eq!((control.subscribers, control.builds, control.messages, control.bytes), (4, 1, 4, 4000));
    assert_eq!(control.cpu.div_ceil(1000), 18_000, "2 + 4 · 4 ms");
    // Two workers each.
    assert_eq!(control.apply_cpu, 4 * (5 + 2) * MILLISECOND);
    assert_eq!(control.queue_max, 3);
}

#[test]
fn proxies_that_are_told_at_once_share_the_cpu() {
    let record = changes(&istiod(&[]), "", "{at: 1s, change: b}");
    assert_eq!(times(&record, 0), (124_000, 124_000));
    let two = istiod(&[("control_plane.cpu_limit", "2")]);
    assert_eq!(times(&changes(&two, "", "{at: 1s, change: b}"), 0), (116_000, 116_000));
    let instances = istiod(&[ONE_AT_A_TIME, ("control_plane.replicas", "2")]);
    let record = changes(&instances, "", "{at: 1s, change: b}");
    assert_eq!(times(&record, 0), (114_000, 116_000), "two proxies each");
    assert_eq!(control(&record).builds, 2);
}

#[test]
fn a_slow_wire_keeps_others_waiting() {
    // 1000 bytes at 1 Mbit/s are 8 ms.
    let record = changes(&istiod(&[ONE_AT_A_TIME]), ", bandwidth: 1Mbit/s", "{at: 1s, change: b}");
    assert_eq!(times(&record, 0).1, 102_000 + 4 * 12_000 + 6_000);
    // What is not being served waits for the CPU only.
    let record = changes(&istiod(&[]), ", bandwidth: 1Mbit/s", "{at: 1s, change: b}");
    assert_eq!(times(&record, 0).1, 102_000 + 16_000 + 8_000 + 6_000);
}

#[test]
fn without_increments_everything_comes_along() {
    let whole = istiod(&[ONE_AT_A_TIME, ("control_plane.updates", "state_of_the_world")]);
    let record = changes(&whole, "", "{at: 1s, change: b}");
    assert_eq!(times(&record, 0).1, 102_000 + 4 * 4_000 + 8_000, "2 ms more for `a`, which has not changed");
    assert_eq!(control(&record).bytes, 8000);
}

#[test]
fn changes_close_together_are_one_push() {
    let record = changes(&istiod(&[ONE_AT_A_TIME]), "", "{at: 1s, change: b}, {at: 1050ms, change: b}");
    assert_eq!(control(&record).builds, 1);
    // An object each: 5 ms for each proxy from 152 ms on, and 11 ms to take them over.
    assert_eq!((times(&record, 0).1, times(&record, 1).1), (183_000, 133_000));
    assert_eq!(control(&record).messages, 4);
}

#[test]
fn what_changes_during_a_build_waits_for_it() {
    let slow = istiod(&[ONE_AT_A_TIME, ("control_plane.build_cpu_per_service", "100ms")]);
    let record = changes(&slow, "", "{at: 1s, change: b}, {at: 1150ms, change: a}");
    // Built from 100 to 300. The second has been quiet for long enough then, and its build shares the CPU with the
    // pushes of the first, each of which takes 8 ms and not 4: 308, 316, …
    assert_eq!(times(&record, 0).1, 332_000 + 6_000);
    // 16 ms of its 200 are done by then.
    assert_eq!(times(&record, 1).1, 332_000 - 150_000 + 184_000 + 16_000 + 6_000);
    assert_eq!(control(&record).builds, 2);
}

#[test]
fn changes_that_wait_for_a_busy_proxy_are_merged() {
    let slow = istiod(&[
        ONE_AT_A_TIME,
        ("control_plane.push_cpu", "99ms"),
        ("control_plane.build_cpu_per_service", "0s"),
    ]);
    let events = "{at: 1s, change: b}, {at: 1110ms, change: b}, {at: 1220ms, change: b}";
    let record = changes(&slow, "", events);
    // The first push begins to be served at 100 ms, the others are there at 210 and 320: the first proxy gets two
    // pushes, the others wait and get all at once, as far as they are not served yet.
    let control = control(&record);
    assert_eq!(control.builds, 3);
    assert!(control.messages < 12, "{} messages", control.messages);
    let [first, _, third] = [0, 1, 2].map(|event| times(&record, event).1 + 110_000 * event as u64);
    assert!(first <= third, "nobody has the third and not the first");
}

#[test]
fn only_those_who_see_a_service_are_told() {
    let scoped = |overrides: &[(&str, &str)]| {
        run(
            &istiod(
                &[&[ONE_AT_A_TIME, ("control_plane.push_cpu_per_cached_cluster", "2ms")][..], overrides]
                    .concat(),
            ),
            1_000,
            2_000,
            "cluster: {network_delay: 0s}\nservices:\n  - {name: a, namespace: front, replicas: 3, service_time: 1ms}\n  \
             - {name: b, namespace: back, service_time: 1ms}\n  - {name: c, namespace: back, service_time: 1ms}\ntraffic:\n  \
             - {name: users, service: a, from: gateway:ingress, arrivals: {constant: 10/s}}\nscopes:\n  \
             - {name: own, namespace: front, hosts: [./*]}\n  - {name: own, namespace: back, hosts: [./*]}\nevents: \
             [{at: 1s, change: a}, {at: 2s, change: [b, c], objects: 4}]\n",
        )
    };
    let record = scoped(&[]);
    // Sidecars of their own namespace, and the gateway, which sees everything.
    assert_eq!(concerned(&record), [4, 3]);
    // 3 ms to build. The sidecars of `a` see nothing else: they have it at 113, 117 and 121. The gateway sees two more that
    // lie in the cache, so it is told after another 8 ms, and takes it over as its own profile says.
    assert_eq!(times(&record, 0), ((113_000 + 117_000 + 121_000 + 123_750_u64).div_ceil(4), 123_750));
    let whole = scoped(&[("control_plane.updates", "state_of_the_world")]);
    assert!(control(&whole).bytes > control(&record).bytes);
}

#[test]
fn many_objects_cost_as_many() {
    let record = changes(&istiod(&[ONE_AT_A_TIME]), "", "{at: 1s, change: [a, b], objects: 10}");
    assert_eq!(times(&record, 0).1, 102_000 + 4 * 13_000 + 51_000);
    assert_eq!(control(&record).bytes, 4 * 10 * 1000);
}

#[test]
fn the_warm_up_is_not_measured_and_repetitions_are() {
    let events = "{at: 500ms, change: b}, {at: 500ms, name: churn, change: a, every: 500ms, until: 2500ms}";
    let record = changes(&istiod(&[]), "", events);
    let times: Vec<u64> = control(&record).changes.iter().map(|change| change.times).collect();
    assert_eq!(times, [0, 3], "at 1, 1.5 and 2 s");
    assert_eq!(control(&record).builds, 3);
}

#[test]
fn the_run_goes_on_until_the_last_proxy_has_it() {
    let record = changes(&istiod(&[]), "", "{at: 2999ms, change: b}");
    assert_eq!(times(&record, 0).1, 124_000);
}

#[test]
fn a_stream_tells_those_who_call_at_once() {
    let linkerd = mesh_with(
        "linkerd",
        &[
            ("control_plane.cpu_limit", "1"),
            ("control_plane.update_cpu", "10ms"),
            ("control_plane.bytes_per_route", "400"),
            ("proxy.configuration.apply_per_changed_cluster", "3ms"),
        ],
    );
    let record = changes(&linkerd, "", "{at: 1s, change: b}, {at: 2s, change: a}");
    assert_eq!(concerned(&record), [3, 0], "`a` calls `b`; who calls `a` has no proxy");
    assert_eq!(times(&record, 0), (23_000, 33_000));
    let control = control(&record);
    assert_eq!((control.messages, control.bytes, control.queue_max), (3, 1200, 3));
    assert_eq!((control.cpu, control.apply_cpu), (30 * MILLISECOND, 9 * MILLISECOND));
}

#[test]
fn a_stream_that_cannot_hold_its_updates_is_asked_for_anew() {
    let linkerd = mesh_with(
        "linkerd",
        &[
            ("control_plane.cpu_limit", "1"),
            ("control_plane.update_cpu", "20ms"),
            ("control_plane.queue_limit", "1"),
            ("proxy.configuration.apply_per_changed_cluster", "0s"),
        ],
    );
    let record = changes(&linkerd, "", "{at: 1s, change: b, every: 10ms, until: 1050ms}");
    let change = &control(&record).changes[0];
    assert_eq!((change.times, change.concerned, change.unreached), (5, 15, 0));
    assert!(control(&record).messages < 15, "what was lost came with the first message of a later stream");
}

#[test]
fn ambient_tells_waypoints_and_gateways_of_routes() {
    let events = "{at: 1s, change: b}, {at: 2s, change: a}";
    let ambient = changes(&mesh_with("istio-ambient", &[]), "", events);
    assert_eq!(concerned(&ambient), [0, 0], "a node's proxy knows no routes");
    assert!(control(&ambient).subscribers > 0 && control(&ambient).builds == 2);
    let waypoint = changes(&mesh_with("istio-ambient-waypoint", &[]), "", events);
    assert_eq!(concerned(&waypoint), [1, 1]);
    let (mean, last) = times(&waypoint, 0);
    assert!(mean == last && mean > 100_000, "{mean} µs");
}

#[test]
fn without_a_mesh_there_are_no_routes() {
    let record = changes(&mesh_with("none", &[]), "", "{at: 1s, change: all}");
    assert_eq!(concerned(&record), [0]);
    assert_eq!((control(&record).instances, control(&record).messages), (0, 0));
}

/// Services that call two others each, as a tree, with so many proxies; one of them changes every second.
fn churn(services: usize, replicas: usize, seconds: u64) -> sim::mesh::Scenario {
    use std::fmt::Write as _;
    let mut text = "version: 1\nname: churn\nservices:\n".to_owned();
    for service in 0..services {
        let calls: Vec<String> = (2 * service + 1..=2 * service + 2)
            .filter(|&called| called < services)
            .map(|called| format!("{{call: s{called}}}"))
            .collect();
        let calls = calls.join(", ");
        let script = if calls.is_empty() { String::new() } else { format!(", script: [[{calls}]]") };
        let _ = writeln!(text, "  - {{name: s{service}, replicas: {replicas}, service_time: 1ms{script}}}");
    }
    let _ = write!(
        text,
        "traffic: [{{service: s{}, from: outside, rate: 1/s}}]\nevents: [{{at: 0s, change: s7, every: 1s}}]\nrun: \
         {{warm_up: 0s, duration: {seconds}s}}\n",
        services - 1
    );
    scenario(&text)
}

/// Runs such a scenario, in which a run itself asserts that every change reaches everybody it concerns once.
fn churned(mesh_name: &str, services: usize, replicas: usize, seconds: u64) -> RunRecord {
    let program = compile(&churn(services, replicas, seconds), &mesh(mesh_name));
    sim::engine::run(&program, 0, &AtomicBool::new(false)).expect("nothing stops it")
}

#[test]
fn a_control_plane_that_falls_behind_merges_what_waits() {
    let record = churned("istio-sidecar", 50, 20, 20);
    let control = control(&record);
    let change = &control.changes[0];
    assert_eq!((change.times, change.concerned, change.unreached), (20, 20 * 1000, 0));
    let slow = compile(
        &churn(50, 20, 20),
        &mesh_with(
            "istio-sidecar",
            &[("control_plane.cpu_limit", "500m"), ("control_plane.push_cpu", "2ms")],
        ),
    );
    let record = sim::engine::run(&slow, 0, &AtomicBool::new(false)).expect("nothing stops it");
    let behind = record.control.as_ref().expect("something changes");
    let change = &behind.changes[0];
    // 500 m do not do the 20 · 1000 · 2 ms in the 20 seconds.
    assert!(behind.messages < control.messages / 2, "{} and {}", behind.messages, control.messages);
    assert_eq!((change.concerned, change.unreached), (20 * 1000, 0), "all have everything in the end");
    assert!(behind.queue_max > 900 && behind.cpu > 9_900 * MILLISECOND, "{behind:?}");
}

#[test]
#[ignore = "a minute; measure it with `time` in an optimised build"]
fn ten_thousand_proxies_and_a_change_a_second_for_ten_minutes() {
    for mesh in ["istio-sidecar", "linkerd", "istio-ambient-waypoint"] {
        let record = churned(mesh, 1000, 10, 600);
        let change = &control(&record).changes[0];
        assert_eq!(change.times, 600, "{mesh}");
    }
}

#[test]
fn requests_do_not_hear_of_changes() {
    let mesh = mesh("istio-sidecar");
    let with = changes(&mesh, "", "{at: 1s, change: all, objects: 100, every: 100ms}");
    let without = changes(&mesh, "", "");
    assert!(without.control.is_none());
    assert_eq!(with.demand, without.demand);
    assert_eq!(with.entries[0].succeeded, without.entries[0].succeeded);
    let cpu = |record: &RunRecord| record.proxies.iter().map(|group| group.cpu).sum::<u64>();
    assert_eq!(cpu(&with), cpu(&without) + control(&with).apply_cpu, "but the proxies' CPU is theirs");
}

/// When something happens in the first two seconds, what, and how often.
fn event() -> impl Strategy<Value = String> {
    let what = ["a", "b", "[a, b]", "all, objects: 7"];
    let again = ["", ", every: 1ms, until: 2200ms", ", every: 30ms", ", every: 170ms"];
    (1000..2000_u64, select(Vec::from(what)), select(Vec::from(again)))
        .prop_map(|(at, what, again)| format!("{{at: {at}ms, change: {what}{again}}}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// Whatever happens, the engine's own assertions hold: nobody has older configuration than was last sent to it, and
    /// every change reaches everybody that it concerns once. In the end all have everything, for a run waits for it.
    #[test]
    fn every_change_reaches_everybody(
        events in prop::collection::vec(event(), 1..4),
        cores in select(&["100m", "1", "2500m"][..]),
        replicas in 1..4_u32,
        delay in select(&["", ", bandwidth: 1Mbit/s", ", nodes: {count: 2}"][..]),
        name in select(&["istio-sidecar", "istio-ambient-waypoint", "linkerd"][..]),
    ) {
        let mesh = mesh_with(name, &[
            ("control_plane.cpu_limit", cores),
            ("control_plane.replicas", &replicas.to_string()),
        ]);
        let record = changes(&mesh, delay, &events.join(", "));
        let control = control(&record);
        for change in &control.changes {
            prop_assert_eq!(change.unreached, 0);
            prop_assert_eq!(change.convergence_time.count(), change.concerned);
            prop_assert_eq!(change.last_proxy.count(), if change.concerned > 0 { change.times } else { 0 });
        }
        let digest = |record: &RunRecord| sim::digest::of_debug(record);
        prop_assert_eq!(digest(&record), digest(&changes(&mesh, delay, &events.join(", "))));
    }
}

/// Visits of the versions of `b`, and calls on its routes, all and those on old ones; every 100 ms, from 1050 ms on, `a`
/// is asked and calls `b`, of which an event sends the calls from one version to the other.
fn diverted(mesh: &MeshModel, at: &str) -> (Vec<u64>, [u64; 2]) {
    let text = format!(
        "cluster: {{network_delay: 0s}}\nservices:\n  - {{name: a, service_time: 1ms, script: [{{call: b}}]}}\n  \
         - {{name: b, service_time: 1ms, versions: [{{name: v1}}, {{name: v2}}]}}\nsubsets:\n  \
         - {{service: b, name: v1, labels: {{version: v1}}}}\n  - {{service: b, name: v2, labels: {{version: v2}}}}\n\
         routes: [{{name: b, host: b, to: {{service: b, subset: v1}}}}]\ntraffic:\n  \
         - {{name: users, service: a, from: outside, arrivals: {{constant: 10/s}}}}\nevents:\n  \
         - {{at: {at}, apply: {{name: b, host: b, to: {{service: b, subset: v2}}}}}}\n"
    );
    let record = run(mesh, 1_000, 2_000, &text);
    let versions = record.versions.iter().map(|version| version.visits).collect();
    (versions, control(&record).outdated)
}

#[test]
fn requests_take_the_routes_that_their_proxy_has_been_told_of() {
    // The proxies of `a` and of both versions see `b`: 102 ms until the first push is made, then 4 ms each; `a` is first
    // and takes it over within 6 ms, at 112 ms.
    let mesh = istiod(&[ONE_AT_A_TIME]);
    let (early, _) = diverted(&mesh, "1500ms");
    let (late, outdated) = diverted(&mesh, "1700ms");
    assert_eq!(early.iter().sum::<u64>(), 20);
    assert_eq!(early[0] + 2, late[0], "two requests more go the old way when it changes 200 ms later");
    assert_eq!(outdated[0], 20, "all calls are on routes that change");
    assert_eq!(outdated[1], 1, "that at 1751 ms, within 112 ms of the change");
    // A control plane that waits ten times as long makes ten times as many requests go the old way.
    let slow = istiod(&[ONE_AT_A_TIME, ("control_plane.debounce_quiet", "1s")]);
    let (slow, outdated) = diverted(&slow, "1500ms");
    assert_eq!((slow[0], outdated[1]), (early[0] + 9, 10));
}

#[test]
fn streams_tell_of_routes_too_and_without_a_mesh_there_are_none() {
    let (linkerd, outdated) = diverted(&mesh("linkerd"), "1500ms");
    assert_eq!((linkerd[0] + linkerd[1], outdated), (20, [20, 0]), "it takes less than a millisecond");
    assert_eq!(linkerd[0], 5);
}

//! Instances of the control plane that are killed, starved, out of memory or made more, and the proxies that lose them.

use proptest::prelude::*;
use proptest::sample::select;
use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::metrics::record::{ChangeRecord, InstanceCounts, PlaneRecord, PushKind};

use super::{MILLISECOND, run};
use crate::common::mesh_with;

/// From the end of the first second on, two services, of which `a` has three instances and calls `b` with one.
fn told(mesh: &MeshModel, seconds: u64, events: &str) -> RunRecord {
    run(
        mesh,
        1_000,
        1_000 * seconds,
        &format!(
            "cluster: {{network_delay: 0s}}\nservices:\n  - {{name: a, replicas: 3, service_time: 1ms, script: [{{call: b}}]}}\n  \
             - {{name: b, service_time: 1ms}}\ntraffic:\n  - {{name: users, service: a, from: outside, arrivals: \
             {{constant: 10/s}}}}\nevents: [{events}]\n"
        ),
    )
}

fn plane(record: &RunRecord) -> &PlaneRecord {
    &record.control.as_ref().expect("something happens").plane
}

fn change(record: &RunRecord) -> &ChangeRecord {
    &record.control.as_ref().expect("something happens").changes[0]
}

/// When the proxies had the first change: mean and last, in whole microseconds.
fn times(record: &RunRecord) -> (u64, u64) {
    let change = change(record);
    assert_eq!((change.unreached, change.convergence_time.count()), (0, change.concerned), "all have it");
    let micros = |nanos: f64| (nanos / 1e3).round() as u64;
    (micros(change.convergence_time.mean()), micros(change.convergence_time.max() as f64))
}

const ONE_AT_A_TIME: (&str, &str) = ("control_plane.push_concurrency_base", "1");

/// What Kubernetes adds to the start of an instance is nothing.
const AT_ONCE: [(&str, &str); 5] = [
    ("kubernetes.schedule", "0s"),
    ("kubernetes.sandbox", "0s"),
    ("kubernetes.image_pull", "0s"),
    ("kubernetes.endpoint_slice", "0s"),
    ("kubernetes.watch", "0s"),
];

/// One core; a build takes 1 ms for each of the two services, a push 3 ms and 1 ms for each that is made, taking over 5 ms for
/// what changed and 2 ms for what did not. An instance is there three seconds after its pod.
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
        ("proxy.configuration.apply_per_worker", "0s"),
        ("control_plane.push_concurrency_per_core", "0"),
        ("control_plane.autoscale_max", "none"),
        ("control_plane.start_up", "3s"),
    ];
    mesh_with("istio-sidecar", &[&costs[..], &AT_ONCE, overrides].concat())
}

#[test]
fn proxies_without_a_control_plane_keep_what_they_have_and_ask_the_next_one_for_all() {
    let record =
        told(&istiod(&[]), 20, "{at: 2500ms, change: b}, {at: 2s, control_plane: kill, instances: 1}");
    let control = record.control.as_ref().expect("something happens");
    // Nobody is there to hear of the change at 2.5 s; who connects after 5 s is sent it with everything else: 3 ms and 2 · 1 ms
    // to make it, 2 · 2 ms and 5 ms to take it over. At 5 s a proxy pauses for at most 8 s.
    let (mean, last) = times(&record);
    assert!(mean >= 2_514_000 && last < 10_600_000, "{mean} and {last} µs");
    assert_eq!((control.builds, control.messages, control.bytes), (0, 4, 4 * 2000));
    assert_eq!(control.cpu.div_ceil(1000), 4 * 5_000);
    assert_eq!(control.apply_cpu, 4 * 9 * MILLISECOND);
    let plane = plane(&record);
    assert_eq!(plane.pushes[PushKind::Connect as usize], 4);
    assert_eq!((plane.sessions.connected, plane.sessions.lost, plane.sessions.aged), (4, 4, 0));
    assert_eq!(plane.instances, InstanceCounts { killed: 1, started: 1, ..InstanceCounts::default() });
    let none: Vec<bool> = plane.running.iter().map(|&running| running == 0).collect();
    assert_eq!(
        none.iter().filter(|none| **none).count(),
        plane.running.len() * 3 / 21,
        "{:?}",
        plane.running
    );
    assert!(record.entries[0].succeeded.len() > 190 && record.entries[0].failed.is_empty(), "calls go on");
}

#[test]
fn what_is_on_its_way_when_an_instance_dies_comes_from_the_next_one() {
    // Pushes are made from 102 ms on, 4 ms each: two have left when the instance dies.
    let events = "{at: 2s, change: b}, {at: 2111ms, control_plane: kill, instances: 1}";
    let record = told(&istiod(&[ONE_AT_A_TIME]), 20, events);
    let control = record.control.as_ref().expect("something happens");
    let (mean, last) = times(&record);
    // Half of them at 111 and 115 ms.
    assert!(mean >= (111_000 + 115_000 + 2 * 3_125_000) / 4 && mean < last, "{mean} µs");
    assert!(last >= 3_111_000 + 14_000, "{last} µs");
    assert_eq!(plane(&record).pushes, [2, 0, 4], "all ask for everything");
    assert_eq!(control.builds, 1);
    // What the first instance has used: 2 ms, two pushes, and 1 ms of the third; then the others' 5 ms.
    assert_eq!(control.cpu.div_ceil(1000), 2_000 + 8_000 + 1_000 + 4 * 5_000);
}

#[test]
fn a_storm_is_let_in_as_the_limit_says() {
    let slow = istiod(&[
        ("control_plane.connect_rate_base", "2/s"),
        ("control_plane.connect_rate_per_core", "0/s"),
        ("control_plane.replicas", "2"),
    ]);
    let record = told(&slow, 30, "{at: 2s, control_plane: kill, instances: 2}");
    let plane = plane(&record);
    assert_eq!(plane.sessions.connected, plane.sessions.lost);
    let per_second = plane.connected.len() / 31;
    let connected: Vec<u32> = plane.connected.iter().copied().step_by(per_second).collect();
    assert_eq!(connected.last(), Some(&4));
    // Two instances, and one that comes at either end of a second.
    assert!(connected.windows(2).all(|pair| pair[1] <= pair[0] + 6), "{connected:?}");
    let refused = istiod(&[
        ("control_plane.connect_rate_base", "0/s"),
        ("control_plane.connect_rate_max", "1/s"),
        ("control_plane.connect_rate_per_core", "1/s"),
    ]);
    let record = told(&refused, 30, "{at: 2s, control_plane: kill, instances: 1}");
    assert_eq!(self::plane(&record).sessions.connected, 4);
}

#[test]
fn connections_end_with_their_age_and_are_spread_anew() {
    // 2 s and ten seconds' grace, scattered by 0.2 s; a pause of less than 0.5 s.
    let aging = istiod(&[
        ("control_plane.connection_lifetime", "2s"),
        ("control_plane.replicas", "2"),
        ("control_plane.memory.base", "0"),
        ("control_plane.memory.per_service", "0"),
        ("control_plane.memory.per_endpoint", "0"),
        ("control_plane.memory.per_pushed_byte", "0"),
        ("control_plane.memory.per_proxy", "1"),
    ]);
    let record = told(&aging, 59, "{at: 2s, control_plane: kill, instances: 1}");
    let plane = plane(&record);
    // A cycle of 11.8 to 12.7 s: from 4 · 4 to 4 · 5 within a minute, less those lost, which start over 2 to 14 s late.
    assert!((16..=20).contains(&plane.sessions.aged), "{:?}", plane.sessions);
    assert_eq!(
        plane.sessions.connected,
        plane.sessions.aged + plane.sessions.lost
            - (4 - u64::from(plane.connected[plane.connected.len() - 1]))
    );
    assert_eq!(plane.memory_max as u32, 4, "all are at the other one for a while");
    // Whoever is connected takes a byte.
    let mut sums = plane.memory.iter().zip(&plane.connected);
    assert!(sums.all(|(memory, connected)| *memory as u32 >= *connected));
    assert_eq!(plane.pushes[PushKind::Connect as usize], plane.sessions.connected);
    // A run that is shorter sees nothing of it.
    let record = told(&istiod(&[]), 59, "{at: 2s, change: b}");
    assert!(!self::plane(&record).is_eventful());
}

#[test]
fn a_starved_instance_takes_longer() {
    // Half a core: 4 ms to build, 8 ms for each of four proxies, which take 5 ms to take it over.
    let starved = "{at: 2s, control_plane: starve, cores: 0.5, for: 5s}, {at: 2s, change: b}";
    let record = told(&istiod(&[ONE_AT_A_TIME]), 2, starved);
    assert_eq!(times(&record), (129_000, 141_000), "117, 125, 133 and 141 ms");
    assert_eq!(
        record.control.as_ref().expect("something happens").cpu.div_ceil(1000),
        18_000,
        "it is the same work"
    );
    // It is over when two are told.
    let starved = "{at: 2s, control_plane: starve, cores: 0.5, for: 120ms}, {at: 2s, change: b}";
    assert_eq!(times(&told(&istiod(&[ONE_AT_A_TIME]), 2, starved)), (126_000, 133_000));
    // What is more than there is does nothing; of two that overlap, the worse holds.
    let more = "{at: 2s, control_plane: starve, cores: 3, for: 5s}, {at: 2s, change: b}";
    assert_eq!(times(&told(&istiod(&[ONE_AT_A_TIME]), 2, more)), (117_000, 123_000));
    let two = "{at: 2s, control_plane: starve, cores: 0.5, for: 5s}, {at: 2s, control_plane: starve, cores: 0.25, for: \
               100ms}, {at: 2s, change: b}";
    assert_eq!(times(&told(&istiod(&[ONE_AT_A_TIME]), 2, two)), (129_000, 141_000));
    assert_eq!(plane(&told(&istiod(&[]), 2, two)).instances.starved, 2);
}

#[test]
fn pushes_take_memory_and_too_much_of_it_kills() {
    let memory = [
        ("control_plane.memory.base", "100MB"),
        ("control_plane.memory.per_service", "0"),
        ("control_plane.memory.per_endpoint", "0"),
        ("control_plane.memory.per_proxy", "0"),
        ("control_plane.memory.per_pushed_byte", "1000"),
    ];
    let of = |more: &[(&str, &str)]| told(&istiod(&[&memory[..], more].concat()), 30, "{at: 2s, change: b}");
    // 1000 bytes to each of four proxies at once, a thousandfold.
    assert_eq!(plane(&of(&[])).memory_max as u64, 104_000_000);
    assert_eq!(plane(&of(&[ONE_AT_A_TIME])).memory_max as u64, 101_000_000);
    let limited = of(&[("control_plane.memory_limit", "103500000")]);
    let plane = plane(&limited);
    assert_eq!((plane.instances.out_of_memory, plane.instances.started), (1, 1), "{plane:?}");
    // It is started again at once, and has nothing to push but to who connects.
    assert_eq!((plane.pushes, change(&limited).unreached), ([0, 0, 4], 0));
    assert!(times(&limited).0 >= 3_000_000 + 102_000);
    // One that never has enough is started again after 0, 10, 20 seconds: at 3, 16 and 39.
    let never = istiod(&[&memory[..], &[("control_plane.memory_limit", "99MB")]].concat());
    let record = told(&never, 44, "{at: 2s, change: b}");
    let plane = self::plane(&record);
    assert_eq!((plane.instances.started, plane.instances.out_of_memory), (3, 3));
    assert!(plane.running.iter().all(|running| *running == 0));
    assert_eq!(change(&record).unreached, 4);
}

#[test]
fn streams_are_opened_anew_and_say_all_there_is() {
    let costs = [
        ("control_plane.cpu_limit", "1"),
        ("control_plane.update_cpu", "10ms"),
        ("control_plane.bytes_per_route", "400"),
        ("control_plane.bytes_per_endpoint", "50"),
        ("proxy.configuration.apply_per_changed_cluster", "3ms"),
        ("proxy.configuration.apply_per_endpoint_update", "0s"),
        ("control_plane.start_up", "2s"),
    ];
    let linkerd = mesh_with("linkerd", &[&costs[..], &AT_ONCE].concat());
    let record = told(&linkerd, 20, "{at: 2500ms, change: b}, {at: 2s, control_plane: kill, instances: 1}");
    let control = record.control.as_ref().expect("something happens");
    let (mean, last) = times(&record);
    // It is there at 4 s; nobody pauses for more than half a second then. They may come at once.
    assert!(mean >= 1_513_000 && last <= 2_000_000 + 33_000, "{mean} and {last} µs");
    assert_eq!((control.messages, control.bytes), (3, 3 * (400 + 50)));
    assert_eq!(plane(&record).pushes, [0, 0, 3]);
    assert_eq!(control.cpu, 30 * MILLISECOND);
    // A tenth of a core: ten times as long for each.
    let record =
        told(&linkerd, 20, "{at: 2s, change: b}, {at: 2s, control_plane: starve, cores: 0.1, for: 150ms}");
    // One and a half of them take 150 ms, the rest 15 ms.
    assert_eq!(times(&record), (143_000, 168_000), "103, 158 and 168 ms");
}

#[test]
fn more_work_makes_more_instances_which_only_new_connections_find() {
    let growing = istiod(&[
        ("control_plane.autoscale_max", "5"),
        ("control_plane.cpu_request", "100m"),
        ("control_plane.push_cpu", "9ms"),
        ("control_plane.build_cpu_per_service", "0s"),
        ("control_plane.memory.base", "0"),
        ("control_plane.memory.per_service", "0"),
        ("control_plane.memory.per_endpoint", "0"),
        ("control_plane.memory.per_pushed_byte", "0"),
        ("control_plane.memory.per_proxy", "1"),
    ]);
    // 4 · 10 ms, five times a second: 200 m of 100 m, where 80 m are wanted.
    let record = told(&growing, 60, "{at: 0s, change: b, every: 200ms}");
    let plane = plane(&record);
    assert_eq!(plane.running.last(), Some(&3), "{:?}", plane.running);
    assert_eq!((plane.instances.scalings, plane.instances.started), (1, 2));
    assert_eq!(plane.memory_max as u32, 4, "nobody is moved");
    assert_eq!(change(&record).unreached, 0);
    // Without an event there is nobody to ask.
    let fixed = told(&istiod(&[]), 60, "{at: 0s, change: b, every: 200ms}");
    assert_eq!(self::plane(&fixed).running.last(), Some(&1));
}

/// When something happens in the first two seconds, what, and how often.
fn event() -> impl Strategy<Value = String> {
    let what = [
        "change: b",
        "change: [a, b]",
        "change: all, objects: 7",
        "rollout: a",
        "scale: a, replicas: 5",
        "kill: b, pods: 1",
        "control_plane: kill, instances: 1",
        "control_plane: kill, instances: 2",
        "control_plane: starve, cores: 0.05, for: 300ms",
    ];
    let again = ["", "", ", every: 150ms, until: 2200ms"];
    (1000..2000_u64, select(Vec::from(what)), select(Vec::from(again)))
        .prop_map(|(at, what, again)| format!("{{at: {at}ms, {what}{again}}}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// Whatever happens to the control plane, every change reaches everybody that it concerns once, and nobody ends with
    /// older configuration than was last sent to it: a run itself asserts it, and waits for it.
    #[test]
    fn every_change_reaches_everybody_whatever_happens_to_the_control_plane(
        events in prop::collection::vec(event(), 1..5),
        cores in select(&["100m", "1", "2500m"][..]),
        replicas in 1..4_u32,
        start in select(&["0s", "50ms", "1s"][..]),
        age in select(&["300ms", "30min"][..]),
        is_limited in select(&[false, false, true][..]),
        name in select(&["istio-sidecar", "istio-ambient-waypoint", "linkerd"][..]),
    ) {
        // A little more than what proxies take that are sent nothing.
        let limit = match (is_limited, name) {
            (false, _) => "none",
            (true, "linkerd") => "63500000",
            (true, _) => "57500000",
        };
        let mesh = mesh_with(name, &[&AT_ONCE[..], &[
            ("control_plane.cpu_limit", cores),
            ("control_plane.replicas", &replicas.to_string()),
            ("control_plane.start_up", start),
            ("control_plane.connection_lifetime", age),
            ("control_plane.memory_limit", limit),
            ("control_plane.memory.per_pushed_byte", "100"),
        ]].concat());
        let record = told(&mesh, 4, &events.join(", "));
        let control = record.control.as_ref().expect("something happens");
        for change in &control.changes {
            // One that has never enough memory is started again too late for some.
            prop_assert!(change.unreached == 0 || control.plane.instances.out_of_memory > 0);
            prop_assert_eq!(change.convergence_time.count() + change.unreached, change.concerned);
        }
        let sessions = control.plane.sessions;
        let ended = sessions.aged + sessions.lost;
        prop_assert!(control.plane.running.iter().all(|running| *running <= replicas));
        prop_assert!(ended == 0 || control.plane.is_eventful());
        let again = told(&mesh, 4, &events.join(", "));
        prop_assert_eq!(sim::digest::of_debug(&record), sim::digest::of_debug(&again));
    }
}

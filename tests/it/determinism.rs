//! Same inputs, same seed, same bytes; and what is added to a scenario shifts nobody else's random numbers.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use sim::engine::{self, Event, Trace};
use sim::mesh::Scenario;
use sim::mesh::scenario::{Arrivals, Repeated, Service, TrafficSource};
use sim::metrics::RunRecord;
use sim::program::{Program, compile};
use sim::units::Span;

use crate::common::{blessed, load, mesh, scenario};

const MESHES: [&str; 5] = ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"];

fn topologies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("topologies are there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn record(scenario: &Scenario, mesh_name: &str, replication: u32) -> RunRecord {
    let program = compile(scenario, &mesh(mesh_name));
    engine::run(&program, replication, &AtomicBool::new(false)).expect("nothing stops it")
}

/// A few seconds of a small scenario, a moment of a large one.
fn short(mut scenario: Scenario) -> Scenario {
    let large = scenario.services.len() > 100;
    let (warm_up, duration) = if large { (50, 100) } else { (1000, 3000) };
    scenario.run.warm_up = Span::from_millis(warm_up);
    scenario.run.duration = Span::from_millis(duration);
    for (number, event) in (1..).zip(&mut scenario.events) {
        event.at = Span::from_millis(warm_up + 300 * number);
        if let Some(repeated) = &mut event.repeated {
            *repeated = Repeated { every: Span::from_millis(400), until: None };
        }
    }
    scenario
}

fn digest(record: &RunRecord) -> String {
    sim::digest::of_debug(record)[..32].to_owned()
}

/// Where two runs of one program part ways.
fn first_difference(program: &Program) -> String {
    match Trace::new(program, 0).first_difference(Trace::new(program, 0)) {
        Some(difference) => difference.to_string(),
        None => "all events are the same, what was recorded of them is not".to_owned(),
    }
}

/// Everything of a run, on this machine as on any other: `SIM_BLESS=1` rewrites the file.
#[test]
fn every_topology_has_its_golden_digest_under_every_mesh() {
    let mut lines = String::new();
    for file in topologies() {
        let scenario = short(load(&file));
        for mesh_name in MESHES {
            let first = record(&scenario, mesh_name, 0);
            let twice = digest(&first) == digest(&record(&scenario, mesh_name, 0));
            assert!(twice, "not twice the same: {}", first_difference(&compile(&scenario, &mesh(mesh_name))));
            let name = file.file_stem().expect("a file has a name").to_string_lossy();
            let _ = writeln!(lines, "{name} {mesh_name} {} events {}", first.events, digest(&first));
        }
    }
    blessed("tests/data/golden.txt", &lines);
}

fn run_command(mesh_name: &str, threads: &str, out: &Path) {
    let status = Command::new(env!("CARGO_BIN_EXE_sim"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "run",
            "topologies/bookinfo.yaml",
            "--duration",
            "2s",
            "--warm-up",
            "1s",
            "--replications",
            "5",
            "--mesh",
            mesh_name,
        ])
        .args(["--threads", threads, "--out"])
        .arg(out)
        .output()
        .expect("the command starts");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

/// Relative path and content of every file; of a manifest, only what does not name the command and the wall time.
fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(current) = open.pop() {
        for entry in fs::read_dir(&current).expect("a readable folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let mut text = fs::read_to_string(&path).expect("results are text");
            if path.ends_with("manifest.json") {
                let mut manifest: serde_json::Value =
                    serde_json::from_str(&text).expect("a manifest is JSON");
                manifest["command"] = serde_json::Value::Null;
                manifest["wall_time_seconds"] = serde_json::Value::Null;
                text = manifest.to_string();
            }
            files.push((path.strip_prefix(folder).expect("within").to_path_buf(), text));
        }
    }
    files.sort();
    files
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for mesh_name in ["istio-sidecar", "istio-ambient-waypoint"] {
        let of = |name: &str, threads: &str| {
            let out = folder.path().join(format!("{mesh_name}-{name}"));
            run_command(mesh_name, threads, &out);
            contents(&out)
        };
        let one = of("one", "1");
        assert!(one.len() >= 6, "{} files", one.len());
        for (name, threads) in [("two", "2"), ("four", "4"), ("again", "1")] {
            for (left, right) in one.iter().zip(of(name, threads)) {
                assert_eq!(left.0, right.0, "{name}: the same files");
                assert!(left.1 == right.1, "{name}: {} differs", left.0.display());
            }
        }
    }
}

#[test]
fn every_mesh_gets_the_same_requests() {
    let mut excused = 0;
    for file in topologies() {
        let scenario = short(load(&file));
        let demands: Vec<u64> = MESHES.iter().map(|mesh| record(&scenario, mesh, 0).demand).collect();
        // Users who wait for a response send the next request later under a slower mesh.
        let waits = |source: &TrafficSource| matches!(source.arrivals, Arrivals::Closed { .. });
        // Where versions do not ask for the same things, it matters which one a mesh's balancing picks.
        let differ = |service: &Service| {
            service.versions.iter().any(|version| version.operations != service.operations)
        };
        let same = demands.iter().all(|demand| *demand == demands[0]);
        // So it does which meshes follow rules, and how often they try.
        let expected = !scenario.sources.iter().any(waits)
            && !scenario.services.iter().any(differ)
            && scenario.routes.is_empty();
        assert!(same || !expected, "{}: {demands:?}", file.display());
        excused += u32::from(!same);
        assert_ne!(demands[0], record(&scenario, "none", 1).demand, "replications differ");
    }
    assert!(excused > 0, "the excuses are needed");
}

const SHOP: &str = "version: 1
name: shop
services:
EXTRA
  - {name: web, service_time: {exponential: 2ms}, script: [[{call: cart}, {call: db}]]}
  - {name: cart, replicas: 2, service_time: {lognormal: {mean: 1ms, cv: 1}}, script: [{call: db}]}
  - {name: db, service_time: {gamma: {mean: 1ms, cv: 0.5}}}
traffic:
  - {name: users, service: web, from: outside, rate: 200/s}
OTHER
run: {warm_up: 1s, duration: 5s}
";

#[test]
fn what_is_added_elsewhere_shifts_no_draw() {
    let plain = scenario(&SHOP.replace("EXTRA\n", "").replace("OTHER\n", ""));
    // Another service before all others, so that every index moves.
    let extra = "  - {name: aside, service_time: {exponential: 1ms}}\n";
    let more = scenario(&SHOP.replace("EXTRA\n", extra).replace("OTHER\n", ""));
    let (before, after) = (record(&plain, "none", 0), record(&more, "none", 0));
    assert_eq!(before.demand, after.demand);
    assert_eq!(
        before.entries[0].succeeded, after.entries[0].succeeded,
        "not only the demand, every response"
    );

    // Another source: the first one's requests stay what they were.
    let other = "  - {name: batch, service: db, from: outside, rate: 50/s}\n";
    let busier = scenario(&SHOP.replace("EXTRA\n", "").replace("OTHER\n", other));
    let both = record(&busier, "none", 0);
    assert_eq!(
        both.entries[0].succeeded, before.entries[0].succeeded,
        "nothing queues here, so nothing changes"
    );
    assert!(both.entries[1].arrived > 150);
}

/// Where pods are packed, one more service may move others to another node, and then another proxy serves them: what is
/// asked for stays the same. Where no pod moves, every response does.
#[test]
fn an_added_service_shifts_no_draw_under_any_mesh() {
    let extra = "  - {name: aside, replicas: 40, service_time: {exponential: 1ms}, resources: {cpu_request: 1500m}}\n";
    let shop = SHOP.replace("OTHER\n", "").replace("from: outside", "from: meshed_client");
    for (cluster, nobody_moves) in [("cluster: {nodes: {count: 1}}", true), ("cluster: {}", false)] {
        let text = shop.replace("services:\n", &format!("{cluster}\nservices:\n"));
        let plain = scenario(&text.replace("EXTRA\n", ""));
        let more = scenario(&text.replace("EXTRA\n", extra));
        for mesh_name in MESHES {
            let (before, after) = (record(&plain, mesh_name, 0), record(&more, mesh_name, 0));
            assert_eq!(before.demand, after.demand, "{mesh_name}");
            if nobody_moves {
                let [before, after] = [before, after].map(|mut record| record.entries.remove(0).succeeded);
                assert_eq!(before, after, "{mesh_name}");
            }
        }
    }
}

#[test]
fn another_seed_gives_other_requests() {
    let mut shop = scenario(&SHOP.replace("EXTRA\n", "").replace("OTHER\n", ""));
    let first = record(&shop, "none", 0).demand;
    shop.run.seed += 1;
    assert_ne!(first, record(&shop, "none", 0).demand);
}

#[test]
fn the_first_event_that_differs_is_named() {
    let plain = scenario(&SHOP.replace("EXTRA\n", "").replace("OTHER\n", ""));
    let program = compile(&plain, &mesh("istio-sidecar"));
    assert_eq!(Trace::new(&program, 0).first_difference(Trace::new(&program, 0)), None);
    let events = record(&plain, "istio-sidecar", 0).events;
    assert_eq!(Trace::new(&program, 0).count() as u64, events, "a trace goes as far as the run does");

    // The first time the database has done its work is the first event that a slower database can move.
    let slower = scenario(
        &SHOP
            .replace("EXTRA\n", "")
            .replace("OTHER\n", "")
            .replace("mean: 1ms, cv: 0.5", "mean: 1001us, cv: 0.5"),
    );
    let changed = compile(&slower, &mesh("istio-sidecar"));
    let difference =
        Trace::new(&program, 0).first_difference(Trace::new(&changed, 0)).expect("one is slower");
    let (left, right) = (difference.left.expect("an event"), difference.right.expect("an event"));
    assert_eq!(left.number, right.number);
    let before = |program| Trace::new(program, 0).take(left.number as usize - 1).collect::<Vec<_>>();
    assert_eq!(before(&program), before(&changed), "all before it are the same");
    assert!(matches!(left.event, Event::ServiceDone(_)) && right.time > left.time, "{difference}");
    let told = format!("event {} at {}: {:?}", left.number, left.time, left.event);
    assert!(difference.to_string().starts_with(&told), "{difference}");
}

//! `sim compare` as its users run it.

use std::fs;

use super::{Place, QUICK, stderr, stdout, walk};

/// Two services and little traffic: a comparison of it takes a moment.
const TINY: &str = "version: 1\nname: tiny\nservices:\n\
    \x20 - {name: web, service_time: 2ms, script: [{call: db}]}\n\
    \x20 - {name: db, service_time: 1ms}\n\
    traffic:\n  - {name: users, service: web, rate: 300, from: outside}\n";

fn tiny() -> Place {
    let place = Place::new();
    place.write("tiny.yaml", TINY);
    place
}

/// Every file of a comparison but the manifest, whose wall time and command differ.
fn contents(place: &Place, out: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    walk(&place.path(out), &mut files);
    files.retain(|file| !file.ends_with("manifest.json"));
    files.sort();
    let root = place.path(out);
    let read = |file: &std::path::PathBuf| {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        (name, fs::read(file).unwrap())
    };
    files.iter().map(read).collect()
}

#[test]
fn a_comparison_says_what_each_mesh_adds_and_leaves_the_same_files_on_any_number_of_threads() {
    let place = tiny();
    let compare = format!("compare tiny.yaml {QUICK} --load 0.5..1:0.5");
    let table = place.fine(&format!("{compare} --threads 1"));
    assert!(table.starts_with("tiny: 2 replications; model: 5 % to 95 % of 16 draws"), "{table}");
    assert!(table.contains("users: response time, and what is added to none"), "{table}");
    assert!(table.contains("\nusers: p99 against load, 2 replications, 16 draws a point"), "{table}");
    assert!(table.contains(".."), "no model interval in\n{table}");
    let names: Vec<String> = contents(&place, "results/tiny").into_iter().map(|(name, _)| name).collect();
    for expected in [
        "comparison/comparison.csv",
        "comparison/load.csv",
        "comparison/plots/graph-linkerd.png",
        "comparison/plots/load-users.svg",
        "comparison/report.md",
        "istio-sidecar/summary.csv",
        "linkerd/histograms/users.hgrm",
        "none/summary.json",
    ] {
        assert!(names.iter().any(|name| name == expected), "no {expected} in {names:?}");
    }
    let again = place.fine(&format!("{compare} --threads 2 --out again"));
    assert_eq!(again.replace("again/tiny", "results/tiny"), table);
    assert!(contents(&place, "again") == contents(&place, "results"), "the bytes differ");

    let report = fs::read_to_string(place.path("results/tiny/comparison/report.md")).unwrap();
    assert!(report.contains(&format!("$ sim {compare}\n")), "{report}");
    for section in ["What each mesh adds", "Pictures", "Which assumptions matter", "What is assumed"] {
        assert!(report.contains(&format!("\n## {section}\n")), "no {section} in\n{report}");
    }
    let summary = fs::read_to_string(place.path("results/tiny/linkerd/summary.csv")).unwrap();
    let added = summary.lines().find(|line| line.contains("proxy_cpu_added")).expect("a row");
    let [low, high]: [f64; 2] = added
        .rsplit(',')
        .take(2)
        .map(|end| end.parse().unwrap())
        .collect::<Vec<_>>()
        .try_into()
        .map(|[high, low]: [f64; 2]| [low, high])
        .unwrap();
    assert!(low < high && low > 0.0, "{added}");
}

#[test]
fn without_draws_there_is_no_model_interval_and_the_report_says_so() {
    let place = tiny();
    let compare = format!("compare tiny.yaml {QUICK} --mesh none,linkerd --draws 0");
    let table = place.fine(&compare);
    assert!(table.contains("no model intervals (--draws 0)"), "{table}");
    let report = fs::read_to_string(place.path("results/tiny/comparison/report.md")).unwrap();
    assert!(report.contains("No constants were drawn (`--draws 0`)"), "{report}");
    assert!(!report.contains("## Which assumptions matter"), "{report}");

    // These are other results than those of `sim run`, and than those with another seed.
    for other in [format!("{compare} --load 1..2:1"), format!("{compare} --seed 7")] {
        let refused = place.sim(&other);
        assert_eq!(refused.status.code(), Some(2), "{other}");
        assert!(stderr(&refused).contains("--force"), "{}", stderr(&refused));
    }
    let before = contents(&place, "results");
    place.fine(&compare);
    assert!(contents(&place, "results") == before, "the same comparison may write again");
    place.fine(&format!("{compare} --seed 7 --force"));
    assert!(contents(&place, "results") != before);
}

#[test]
fn what_cannot_be_compared_is_refused_and_nothing_is_written() {
    let place = tiny();
    place.write("comparison.yaml", "name: comparison\nextends: linkerd\n");
    for (arguments, expected) in [
        ("--mesh linkerd", "takes two meshes"),
        ("--mesh none,comparison.yaml", "cannot be called `comparison`"),
        ("--draws 3", "from 16 to 1000"),
        ("--load 2..1", "to a larger one"),
        ("--load 1", "write it as 0.2..1.2"),
        ("--mesh none,linkred", "did you mean `linkerd`?"),
        ("--vary services.web.replicas", "write it as KEY=V1,V2"),
        ("--vary services.web.replicas=1", "from two to 64 values"),
        ("--vary services.web.replicas=1,2,1", "1 stands there twice"),
    ] {
        let output = place.sim(&format!("compare tiny.yaml {arguments}"));
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(stderr(&output).contains(expected), "{arguments}: no {expected:?} in\n{}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments}");
    }
    assert!(!place.path("results").exists());
}

#[test]
fn all_that_is_wrong_with_values_is_told_before_anything_runs() {
    let place = tiny();
    let said = |vary: &str| {
        let output = place.sim(&format!("compare tiny.yaml {QUICK} --vary {vary}"));
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{vary}");
        stderr(&output)
    };
    insta::assert_snapshot!(
        [
            said("services.web.replicas=1,none,2,many"),
            said("services.web.replcas=1,2,3"),
            said("profile.proxy.wokers=1,2"),
            said("mesh.profile=none,linkerd@ha"),
        ]
        .join("\n")
    );
    assert!(!place.path("results").exists());
}

#[test]
fn values_of_a_key_stand_side_by_side() {
    let place = tiny();
    let compare = format!("compare tiny.yaml {QUICK} --mesh none,istio-sidecar,linkerd --draws 0");
    let vary = format!("{compare} --vary cluster.others.services=0,1000");
    let table = place.fine(&vary);
    assert!(
        table.contains("istio-sidecar, cluster.others.services: users and proxies, 2 replications a value"),
        "{table}"
    );
    assert!(
        table.contains("Memory of proxies, from 0 to 1000 of cluster.others.services: istio-sidecar +"),
        "{table}"
    );
    assert!(table.contains("linkerd 0 MiB in all"), "{table}");
    let csv = fs::read_to_string(place.path("results/tiny/comparison/vary.csv")).unwrap();
    let number = |setting: &str, mesh: &str, metric: &str| -> f64 {
        let head = format!("tiny,cluster.others.services,{setting},{mesh},scenario,tiny,{metric},");
        let row =
            csv.lines().find(|line| line.starts_with(&head)).unwrap_or_else(|| panic!("no {head}\n{csv}"));
        row.split(',').nth(8).unwrap().parse().unwrap()
    };
    // Two sidecars, each with a thousand clusters and routes more; the rest is the same.
    let [few, many] = ["0", "1000"].map(|setting| number(setting, "istio-sidecar", "proxy_memory"));
    let [one, other] = ["0", "1000"].map(|setting| number(setting, "istio-sidecar", "largest_proxy_memory"));
    let (grown, largest) = (many - few, other - one);
    assert!((grown - 2.0 * largest).abs() < 1e-6 * grown, "{grown}, {largest}");
    assert!((largest / 1024.0 / 1000.0 - 86.9).abs() < 0.1, "{largest}");
    assert_eq!(number("0", "linkerd", "proxy_memory"), number("1000", "linkerd", "proxy_memory"));
    let report = fs::read_to_string(place.path("results/tiny/comparison/report.md")).unwrap();
    assert!(report.contains("\n## With other values\n") && report.contains("](plots/vary.svg)"), "{report}");
    assert!(place.path("results/tiny/comparison/plots/vary.png").is_file());

    // Results of other values are other results.
    let refused = place.sim(&format!("{compare} --vary cluster.others.services=0,2000"));
    assert_eq!(refused.status.code(), Some(2));
    let before = contents(&place, "results");
    assert_eq!(place.fine(&format!("{vary} --threads 2")), table);
    assert!(contents(&place, "results") == before, "the bytes differ");
    // What varies may be a constant of the meshes, too.
    let table = place.fine(&format!("{compare} --vary profile.proxy.workers=1,2 --out workers"));
    assert!(table.contains("linkerd, profile.proxy.workers: users and proxies"), "{table}");
}

#[test]
fn a_missed_objective_ends_with_one() {
    let place = Place::new();
    place.write("strict.yaml", &format!("{TINY}slo:\n  - {{p99: 1ms}}\n"));
    let output = place.sim(&format!("compare strict.yaml {QUICK} --mesh none,linkerd --draws 0"));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("MISSED users under linkerd: p99 is "), "{}", stdout(&output));
    let report = fs::read_to_string(place.path("results/tiny/comparison/report.md")).unwrap();
    assert!(report.contains("| linkerd | users | **missed** |"), "{report}");
}

/// A scenario's own mesh stands beside all that are shipped.
#[test]
fn all_meshes_are_compared_unless_some_are_named() {
    let place = Place::new();
    place.write("mine.yaml", "name: mine\nextends: linkerd\n");
    place.write("own.yaml", &format!("{TINY}mesh: {{profile: mine.yaml}}\n"));
    let csv = place.fine(&format!("compare own.yaml {QUICK} --draws 0 --output csv"));
    for mesh in ["none", "istio-sidecar", "linkerd", "mine"] {
        assert!(csv.contains(&format!("\ntiny,{mesh},")), "no {mesh}");
    }
}

/// Linkerd has one way to balance; what a scenario asks for beside it is left out there, and said.
#[test]
fn a_policy_that_a_mesh_does_not_know_is_left_out() {
    let place = tiny();
    let many = TINY.replace("{name: db,", "{name: db, replicas: 5,");
    place.write("own-way.yaml", &many);
    place.write("ring.yaml", &format!("{many}policies:\n  - {{service: db, balancing: ring_hash}}\n"));
    let run = |file: &str, mesh: &str| {
        place.fine(&format!("run {file}.yaml --mesh {mesh} {QUICK} --output csv --out {file}"))
    };
    assert_eq!(run("ring", "linkerd"), run("own-way", "linkerd"));
    assert_ne!(run("ring", "istio-sidecar"), run("own-way", "istio-sidecar"));
    let table = place.fine(&format!("run ring.yaml --mesh linkerd,istio-sidecar {QUICK} --out table"));
    assert!(table.contains("note: linkerd: not possible: balance_ring_hash; the mesh's own way"), "{table}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_the_replications() {
    let place = tiny();
    // Two replications of some 50 ms, then two thousand more for the draws: minutes, on any machine.
    let command = "compare tiny.yaml --mesh none,linkerd --warm-up 0s --duration 20s --rps 1000 --replications 1 \
                   --draws 1000";
    let child = place.command(command).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(4));
    super::interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stdout(&output).contains("note: stopped early: "), "{}", stdout(&output));
    assert!(place.path("results/tiny/comparison/report.md").is_file());
}

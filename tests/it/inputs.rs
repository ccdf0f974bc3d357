//! Good input: every format, every key, every default.

use std::fs;
use std::path::{Path, PathBuf};

use sim::experiment::size;
use sim::input::{self, Options, defaults::DEFAULTS};
use sim::mesh::{Scenario, validate};

use crate::common;
use crate::errors::check;

mod mutated;
mod real;
mod round_trip;

/// The scenario of files that have nothing wrong with them.
#[track_caller]
fn read(inputs: &[&str], options: &Options) -> Scenario {
    let paths: Vec<_> = inputs.iter().map(PathBuf::from).collect();
    let (draft, sources, mut diagnostics) = input::load(&paths, options);
    let scenario = validate(&draft, &mut diagnostics);
    let text = diagnostics.render(&sources, sim::diag::Style::Plain);
    scenario.unwrap_or_else(|| panic!("{inputs:?} is refused:\n{text}"))
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

#[test]
fn good_files_are_read_without_a_word() {
    for file in files_in("tests/data/good").into_iter().chain(files_in("topologies")) {
        let (text, usable) = check(std::slice::from_ref(&file), &Options::default());
        assert!(usable, "{}: {text}", file.display());
        if !file.ends_with("isotope-configmap.yaml") {
            assert_eq!(text, "", "{}", file.display());
        }
    }
}

#[test]
fn the_starter_scenario_is_good() {
    let (text, usable) = check(&[PathBuf::from("sim/cli/starter.yaml")], &Options::default());
    assert_eq!((text.as_str(), usable), ("", true));
}

#[test]
fn every_key_arrives_in_the_scenario() {
    insta::assert_debug_snapshot!(read(&["tests/data/good/everything.yaml"], &Options::default()));
}

#[test]
fn isotope_is_read_as_its_own_parser_does() {
    insta::assert_debug_snapshot!(read(&["tests/data/good/isotope.yaml"], &Options::default()));
}

#[test]
fn isotope_in_a_config_map_is_found_among_other_objects() {
    let file = PathBuf::from("tests/data/good/isotope-configmap.yaml");
    insta::assert_snapshot!(check(&[file], &Options::default()).0);
    let scenario = read(&["tests/data/good/isotope-configmap.yaml"], &Options::default());
    assert_eq!((scenario.services.len(), scenario.sources.len()), (2, 1));
}

/// Istio's own example graphs, where they are at hand.
#[test]
fn real_isotope_graphs_are_read() {
    let folder = "../shared/data/inputs/isotope";
    if !Path::new(folder).exists() {
        return;
    }
    for file in files_in(folder) {
        let (text, usable) = check(std::slice::from_ref(&file), &Options::default());
        assert!(usable, "{}: {text}", file.display());
    }
}

#[test]
fn assignments_change_the_first_scenario_or_an_empty_one() {
    let options = |argument: &str| Options { assignments: vec![argument.to_owned()], ..Options::default() };
    let minimal = "tests/data/good/minimal.yaml";
    assert_eq!(read(&[minimal], &options("run.seed=7")).run.seed, 7);
    let scenario = read(&[minimal], &options("services.web.replicas=5"));
    assert_eq!(scenario.services.iter().map(|service| service.replicas).collect::<Vec<_>>(), [5]);
    let scenario = read(&["tests/data/good/isotope.yaml"], &options("run.seed=7"));
    assert_eq!((scenario.run.seed, scenario.services.len()), (7, 4));
}

#[test]
fn several_files_make_one_scenario() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("b/services.yml", "version: 1\nservices:\n- {name: a, service_time: 1ms}\n---\n");
    write("a.json", r#"{"version": 1, "traffic": [{"service": "a", "from": "outside", "rate": 1}]}"#);
    write("notes.txt", "not read: [");
    let scenario = read(&[&folder.path().to_string_lossy()], &Options::default());
    assert_eq!((scenario.services.len(), scenario.sources.len()), (1, 1));
    write("c.yaml", "version: 1\nrun: {seed: 1}\n---\nversion: 1\nrun: {seed: 2}\n");
    let (text, usable) = check(&[folder.path().to_path_buf()], &Options::default());
    assert!(!usable && text.contains("`run` is given a second time"), "{text}");
}

/// What the table of defaults speaks of, all of it silent.
const SILENT: &str = r"version: 1
services:
  - {name: web, service_time: 1ms, script: [{call: {service: other}}]}
  - {name: other, service_time: 1ms}
  - {name: scaled, service_time: 1ms, resources: {cpu_request: 1}, autoscale: {max: 3, up: {}, down: {}}}
traffic:
  - {service: web, from: outside, rate: 100/s}
routes:
  - name: web
    host: web
    rules:
      - {match: {port: 80}, to: [{service: web}], delay: {time: 1s}, abort: {status: 503}, mirror: [{service: web}]}
      - {match: {port: 81}, retries: {}}
      - {match: {port: 82}, retries: {backoff: {base: 25ms}}}
      - {match: {port: 83}, respond: {status: 418}}
policies:
  - {name: web, service: web, warm_up: {duration: 10s}, ejection: {}, circuit_breaker: {}, retry_budget: {concurrent: {}}}
  - {name: other, service: other, retry_budget: {tokens: {}}}
certificates: {}
";

/// Where a key of the table stands in [`SILENT`].
fn place_of(key: &str) -> String {
    let places = [
        ("call.", "services.web.script[0].call."),
        ("traffic.NAME", "traffic[0]"),
        ("rule.retries.backoff.", "routes.web.rules[2].retries.backoff."),
        ("rule.retries.", "routes.web.rules[1].retries."),
        ("rule.to.", "routes.web.rules[0].to[0]."),
        ("rule.mirror.", "routes.web.rules[0].mirror[0]."),
        ("rule.", "routes.web.rules[0]."),
        ("respond.", "routes.web.rules[3].respond."),
        ("retry_budget.tokens.", "policies.other.retry_budget.tokens."),
        ("services.NAME.autoscale.", "services.scaled.autoscale."),
    ];
    let place =
        places.iter().find_map(|(prefix, place)| Some(format!("{place}{}", key.strip_prefix(prefix)?)));
    place.unwrap_or_else(|| key.replace("NAME", "web"))
}

/// Writes each default of the table into a scenario that does not mention it, and sees that nothing changes.
#[test]
fn the_table_of_defaults_is_true() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("minimal.yaml");
    fs::write(&path, SILENT).expect("a file");
    let path = path.to_string_lossy().into_owned();
    let scenario = |extra: Option<String>| {
        let assignments = extra.into_iter().collect();
        read(&[&path], &Options { assignments, ..Options::default() })
    };
    let without = scenario(None);
    for (key, value, reason) in DEFAULTS {
        let key = place_of(key);
        // That something was said is a difference, and the only one.
        let with = Scenario { unsaid: without.unsaid, ..scenario(Some(format!("{key}={value}"))) };
        assert_eq!(with, without, "{key} = {value}");
        assert!(!reason.is_empty());
    }
}

#[test]
fn traffic_and_runs_that_nobody_chose_are_kept_within_bounds() {
    let calls = "      - call: b\n".repeat(99);
    let graph = format!("services:\n  - name: a\n    isEntrypoint: true\n    script:\n{calls}  - name: b\n");
    let mut scenario = common::scenario(&graph);
    let note = size::moderate_rates(&mut scenario).expect("100 calls, a thousand times per second");
    assert!(note.contains("get 80/s each, for at 1000/s") && note.contains("100000 calls"), "{note}");
    assert_eq!(size::shorten(&mut scenario), None, "35 s of 8000 calls per second are not too many");
    assert_eq!(size::moderate_rates(&mut scenario), None);

    let busy = "version: 1\nservices: [{name: a, service_time: 1ms}]\n\
                traffic: [{service: a, from: outside, rate: 100000}]\n";
    let mut scenario = common::scenario(busy);
    assert_eq!(size::moderate_rates(&mut scenario), None, "a rate that is written holds");
    let note = size::shorten(&mut scenario).expect("3.5 million calls");
    assert!(note.contains("3.4s after 600ms of warm-up"), "{note}");
    let mut scenario = common::scenario(&format!("{busy}run: {{seed: 2}}\n"));
    assert_eq!(size::shorten(&mut scenario), None, "so does a length");
}

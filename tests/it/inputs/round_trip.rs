//! Import and read again: what is written of real files is the same scenario, and the same program under every mesh.

use std::fs;
use std::path::PathBuf;

use sim::diag::Style;
use sim::input::{self, Draft, Options};
use sim::mesh::{Scenario, validate};
use sim::output::native;
use sim::program::compile;

use crate::common::mesh;

use super::real::{CALLS, REAL, files};

/// The draft of files, and the scenario if nothing is missing.
fn load(paths: &[PathBuf]) -> (Draft, Option<Scenario>, String) {
    let (draft, sources, mut diagnostics) = input::load(paths, &Options::default());
    let scenario = validate(&draft, &mut diagnostics);
    (draft, scenario, diagnostics.render(&sources, Style::Plain))
}

/// Files that make a scenario: a real one by itself, with a source of requests, or beside Bookinfo.
fn sets(folder: &std::path::Path) -> Vec<Vec<PathBuf>> {
    let text = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a writable folder");
        path
    };
    let calls = text("calls.yaml", CALLS);
    let mut sets = Vec::new();
    for (number, file) in files().into_iter().enumerate() {
        let (draft, scenario, _) = load(std::slice::from_ref(&file));
        let mut set = vec![file.clone()];
        match draft.services.first() {
            _ if scenario.is_some() => {}
            Some(service) if !file.to_string_lossy().contains("bookinfo/") => {
                let name = service.full_name();
                let source =
                    format!("version: 1\ntraffic: [{{service: {name}, from: outside, rate: 10/s}}]\n");
                set.push(text(&format!("{number}.yaml"), &source));
            }
            _ => {
                let manifests = PathBuf::from(REAL).join("istio/bookinfo/bookinfo.yaml");
                set.extend([manifests, calls.clone()].into_iter().filter(|path| *path != file));
            }
        }
        sets.push(set);
    }
    let bookinfo = |name: &str| PathBuf::from(REAL).join("istio/bookinfo").join(name);
    if bookinfo("bookinfo.yaml").exists() {
        sets.push(vec![
            bookinfo("bookinfo.yaml"),
            bookinfo("destination-rule-all.yaml"),
            bookinfo("bookinfo-gateway.yaml"),
            bookinfo("virtual-service-ratings-test-delay.yaml"),
            calls,
        ]);
        sets.push(vec![PathBuf::from(REAL).join("online-boutique")]);
    }
    sets
}

#[test]
fn what_is_imported_from_real_files_is_read_as_the_same_program() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let meshes = ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"].map(mesh);
    for set in sets(folder.path()) {
        let (draft, before, said) = load(&set);
        let Some(before) = before else { panic!("{set:?}: {said}") };
        let written = native::scenario(&draft);
        let path = folder.path().join("written.yaml");
        fs::write(&path, &written).expect("a writable folder");
        let (_, after, said) = load(&[path]);
        let Some(mut after) = after else { panic!("{set:?}: {said}\n{written}") };
        // A guess that is written down is the user's.
        after.guesses.clone_from(&before.guesses);
        after.unsaid = before.unsaid;
        assert_same(&after, &before, &format!("{set:?}\n{written}"));
        for mesh in &meshes {
            let [one, other] = [&before, &after].map(|scenario| compile(scenario, mesh).digest());
            assert_eq!(one, other, "{set:?} under {}", mesh.name);
        }
    }
}

/// That two scenarios are equal, told by the first line that differs.
#[track_caller]
fn assert_same(after: &Scenario, before: &Scenario, what: &str) {
    if after == before {
        return;
    }
    let [after, before] = [after, before].map(|scenario| format!("{scenario:#?}"));
    let differing = after.lines().zip(before.lines()).enumerate().find(|(_, (one, other))| one != other);
    let (line, (one, other)) = differing.unwrap_or((0, ("", "")));
    let near: Vec<&str> = before.lines().skip(line.saturating_sub(30)).take(40).collect();
    panic!("{what}\nread again: {one}\nat first:   {other}\n{}", near.join("\n"));
}

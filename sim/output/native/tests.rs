//! What is written is read as the same.

use std::path::{Path, PathBuf};

use crate::diag::Style;
use crate::input::tree::Located;
use crate::input::{self, Options};
use crate::mesh::{Scenario, validate};
use crate::program::compile;

use super::*;

fn load(path: &Path) -> (Draft, Scenario) {
    let (draft, sources, mut diagnostics) = input::load(&[path.to_path_buf()], &Options::default());
    let scenario = validate(&draft, &mut diagnostics);
    let scenario = scenario
        .unwrap_or_else(|| panic!("{}: {}", path.display(), diagnostics.render(&sources, Style::Plain)));
    (draft, scenario)
}

/// Reads a file, writes it, reads that, and compares.
#[track_caller]
fn check(path: &Path) {
    let (draft, before) = load(path);
    let text = scenario(&draft);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let written = folder.path().join("written.yaml");
    std::fs::write(&written, &text).expect("a writable folder");
    let (again, after) = load(&written);
    // That rates are written now is a difference, and the only one.
    let after = Scenario { unsaid: before.unsaid, ..after };
    assert_eq!(after, before, "{}:\n{text}", path.display());
    // Rates that were assumed have a comment, which is gone when they are read.
    if draft.assumed_rates == 0 {
        assert_eq!(scenario(&again), text, "a second time nothing changes");
    }
    for mesh in crate::mesh::profile::names() {
        let profile = crate::mesh::profile::find(mesh, None).expect("it is shipped");
        let digest = |scenario: &Scenario| compile(&profile.possible(scenario), &profile.model(4)).digest();
        assert_eq!(digest(&after), digest(&before), "{} under {mesh}", path.display());
    }
}

#[test]
fn every_good_file_and_topology_comes_back() {
    for folder in ["tests/data/good", "topologies"] {
        let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
        let mut files: Vec<PathBuf> = files
            .filter(|path| path.extension().is_some_and(|kind| kind == "yaml" || kind == "json"))
            .collect();
        files.sort();
        for file in files {
            // Thousands of services say no more than tens.
            let is_small = file.metadata().is_ok_and(|data| data.len() < 200_000);
            if is_small && !file.ends_with("everything.yaml") {
                check(&file);
            }
        }
    }
}

#[test]
fn every_key_comes_back() {
    let text = std::fs::read_to_string("tests/data/good/everything.yaml").expect("it is there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy("tests/data/good/arrivals.csv", folder.path().join("arrivals.csv")).expect("a copy");
    let file = folder.path().join("everything.yaml");
    // Prices of a file of their own stay in that file.
    std::fs::write(
        &file,
        text.replace("  prices: prices/own.yaml\n", "").replace("type: huge", "type: m5.xlarge"),
    )
    .expect("a writable folder");
    check(&file);
}

#[test]
fn guesses_stand_beside_what_they_are_for() {
    let (mut draft, _) = load(Path::new("tests/data/good/minimal.yaml"));
    let place = draft.services[0].name.location;
    let elsewhere = Location::new(place.source, 0, 0);
    draft.guesses = vec![
        Located::new("one instance".to_owned(), place),
        Located::new("no file says how long it runs".to_owned(), elsewhere),
    ];
    let text = scenario(&draft);
    assert!(text.starts_with("# guess: no file says how long it runs\n"), "{text}");
    assert!(text.contains("\n  # guess: one instance\n  - {name: web"), "{text}");
    let long = "so many words ".repeat(20);
    draft.guesses[0].value.clone_from(&long);
    let text = scenario(&draft);
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("  #"));
    let said = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    assert_eq!(said.matches("so many words").count(), 20, "{text}");
}

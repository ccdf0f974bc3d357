//! What is left on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Made, istio};
use crate::output::{Existing, FileHash, Folder, Identity, Manifest};

fn identity(seed: u64) -> Identity {
    Identity {
        version: "0.1.0".to_owned(),
        scenario: "shop".to_owned(),
        mesh: "istio-sidecar".to_owned(),
        baseline: Some("none".to_owned()),
        seed,
        plan: "2 replications".to_owned(),
        program: vec!["ab12".to_owned(), "cd34".to_owned()],
    }
}

fn manifest(seed: u64) -> Manifest {
    Manifest {
        run: identity(seed),
        command: ["sim", "run", "shop.yaml", "--seed", &seed.to_string()].map(str::to_owned).to_vec(),
        inputs: vec![FileHash::new("shop.yaml", b"version: 1\n")],
        replications: 2,
        notes: vec!["something to know".to_owned()],
        files: Vec::new(),
        wall_time_seconds: 1.5,
    }
}

/// Opens and writes as a command does; the paths below the root.
fn write(root: &Path, made: &Made, seed: u64, existing: Existing) -> Result<Vec<String>, String> {
    let folder = Folder::open(root, identity(seed), existing).map_err(|error| error.to_string())?;
    let written = folder.write(&made.run(), manifest(seed)).map_err(|error| error.to_string())?;
    let relative = |path: PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    Ok(written.into_iter().map(relative).collect())
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn a_run_leaves_its_files_and_a_manifest_that_lists_them() {
    let root = tempfile::tempdir().unwrap();
    let made = istio(2);
    let written = write(root.path(), &made, 1, Existing::Keep).unwrap();
    assert_eq!(
        written,
        [
            "summary.csv",
            "summary.json",
            "replications.csv",
            "edges.csv",
            "timeline.csv",
            "histograms/web.hgrm",
            "manifest.json"
        ]
        .map(|file| format!("shop/istio-sidecar/{file}"))
    );
    let files = contents(root.path());
    assert_eq!(files.len(), written.len(), "nothing else, no temporary files: {files:?}");

    let text = fs::read_to_string(root.path().join("shop/istio-sidecar/manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    for file in &manifest.files {
        let bytes = fs::read(root.path().join("shop/istio-sidecar").join(&file.path)).unwrap();
        assert_eq!(*file, FileHash::new(file.path.clone(), &bytes));
    }
    assert_eq!(manifest.files.len(), written.len() - 1);
    insta::assert_snapshot!(text);
}

#[test]
fn the_same_run_may_write_again_and_leaves_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let made = istio(2);
    write(root.path(), &made, 1, Existing::Keep).unwrap();
    let before = contents(root.path());
    write(root.path(), &made, 1, Existing::Keep).unwrap();
    assert_eq!(contents(root.path()), before);
}

#[test]
fn another_runs_results_are_kept_unless_told_to_replace_them() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("shop/istio-sidecar");
    write(root.path(), &istio(2), 1, Existing::Keep).unwrap();
    fs::write(folder.join("my-notes.txt"), "mine").unwrap();
    let before = contents(root.path());

    let refusal = write(root.path(), &istio(2), 2, Existing::Keep).unwrap_err();
    assert_eq!(
        refusal.replace(root.path().to_str().unwrap(), "results"),
        "results/shop/istio-sidecar holds the results of another run (`sim run shop.yaml --seed 1`); write elsewhere \
         with `--out FOLDER`, or replace them with `--force`"
    );
    assert_eq!(contents(root.path()), before);

    let mut renamed = istio(2);
    renamed.labels.entries[0].name = "shop-front".to_owned();
    write(root.path(), &renamed, 2, Existing::Replace).unwrap();
    assert!(folder.join("histograms/shop-front.hgrm").exists());
    assert!(!folder.join("histograms/web.hgrm").exists(), "the old run's files go");
    assert_eq!(fs::read_to_string(folder.join("my-notes.txt")).unwrap(), "mine", "nobody else's do");
}

#[test]
fn a_run_that_was_stopped_sooner_does_not_replace_one_that_went_on() {
    let root = tempfile::tempdir().unwrap();
    let made = istio(2);
    write(root.path(), &made, 1, Existing::Keep).unwrap();
    let before = contents(root.path());
    let stopped = |existing| {
        let folder = Folder::open(root.path(), identity(1), existing).unwrap();
        folder.write(&made.run(), Manifest { replications: 1, ..manifest(1) })
    };
    let refusal = stopped(Existing::Keep).unwrap_err().to_string();
    assert!(
        refusal.contains("holds 2 replications of this run, which are more; write elsewhere"),
        "{refusal}"
    );
    assert_eq!(contents(root.path()), before);
    stopped(Existing::Replace).unwrap();
}

#[test]
fn files_of_unknown_origin_are_kept_too() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("shop/istio-sidecar");
    fs::create_dir_all(&folder).unwrap();
    // An empty folder is nobody's.
    write(root.path(), &istio(2), 1, Existing::Keep).unwrap();
    for broken in ["{}", "not JSON"] {
        fs::write(folder.join("manifest.json"), broken).unwrap();
        let refusal = write(root.path(), &istio(2), 1, Existing::Keep).unwrap_err();
        assert!(refusal.contains("holds files that no finished run wrote"), "{refusal}");
    }
    write(root.path(), &istio(2), 1, Existing::Replace).unwrap();
}

#[test]
fn a_manifest_cannot_have_files_outside_its_folder_removed() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("shop/istio-sidecar");
    let precious = root.path().join("precious.txt");
    fs::write(&precious, "kept").unwrap();
    fs::create_dir_all(&folder).unwrap();
    let mut forged = manifest(1);
    forged.files =
        ["../../precious.txt", precious.to_str().unwrap()].map(|path| FileHash::new(path, b"")).to_vec();
    fs::write(folder.join("manifest.json"), serde_json::to_string(&forged).unwrap()).unwrap();
    write(root.path(), &istio(2), 2, Existing::Replace).unwrap();
    assert_eq!(fs::read_to_string(precious).unwrap(), "kept");
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("shop"), "a file where a folder should be").unwrap();
    let error = write(root.path(), &istio(2), 1, Existing::Replace).unwrap_err();
    assert!(error.starts_with("cannot ") && error.contains("shop"), "{error}");
}

#[test]
fn opening_creates_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(root.path(), identity(1), Existing::Keep).unwrap();
    assert_eq!(folder.path(), root.path().join("shop/istio-sidecar"));
    assert!(contents(root.path()).is_empty() && !folder.path().exists());
}

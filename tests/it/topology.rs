//! `sim topology generate` as its users run it, and the committed file that it made.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn sim(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(arguments.split_whitespace())
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// The command that a generated file says it was made by, without `sim`.
fn command_of(file: &str) -> &str {
    let line = file.lines().nth(1).expect("a head");
    line.strip_prefix("#   sim ").expect("the second line is the command")
}

#[test]
fn the_load_mesh_is_what_its_command_gives() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/istio-load-mesh.yaml");
    let committed = std::fs::read_to_string(file).expect("the file is there");
    let made = sim(command_of(&committed));
    assert_eq!(made.status.code(), Some(0));
    assert!(text(&made.stdout) == committed, "write it again: sim {} -o FILE", command_of(&committed));
    assert!(committed.len() < 200_000, "{} bytes", committed.len());
}

#[test]
fn what_is_generated_is_valid_and_names_the_command_that_makes_it_again() {
    for arguments in [
        "",
        "--preset tree --services 40 --fan-out p50:2,p90:6 --protocol grpc --pods 123",
        "--preset load-mesh --mesh-rps 1000 --namespaces 5",
        "--preset meta --services 300 --pods 3000 --depth 7 --entries 4 --rps 20 --seed 3 --utilization 50%",
        "--preset alibaba --services 200 --replicas 3 --calls-per-request 7.5 --name shop --protocol http2",
        "--services 1 --pods 1 --rps 1",
    ] {
        let made = sim(&format!("topology generate {arguments}"));
        assert_eq!((made.status.code(), text(&made.stderr)), (Some(0), ""), "{arguments}");
        let scenario = text(&made.stdout);
        assert_eq!(text(&sim(command_of(scenario)).stdout), scenario, "{arguments}");

        let mut validate = Command::new(env!("CARGO_BIN_EXE_sim"))
            .args(["validate", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        validate.stdin.take().expect("a pipe").write_all(scenario.as_bytes()).expect("it reads");
        let output = validate.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{arguments}");
    }
}

#[test]
fn nonsense_ends_with_two_and_a_reason() {
    for (arguments, reason) in [
        ("--services 0 --pods 0", "error[invalid-value]: --services must lie between 1 and 50000, not 0"),
        ("--services 10 --pods 9", "--pods must lie between 10 and"),
        ("--services 99999999999", "--services"),
        ("--preset tree --depth 4", "--depth does not apply to a tree"),
        ("--pods 1000 --rps 1000000", "1000 pods are too few for this traffic"),
        ("--fan-out p50:9,p90:2", "never fall"),
        ("--preset facebook", "possible values: tree, load-mesh, meta, alibaba"),
        ("--rps 1 --mesh-rps 1", "cannot be used with"),
        ("--name a/b", "a name begins with a letter"),
        ("-o /", "is a folder"),
        ("-o /proc/nothing/x.yaml", "cannot"),
    ] {
        let output = sim(&format!("topology generate {arguments}"));
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{arguments}");
        assert!(text(&output.stderr).contains(reason), "{arguments}: {}", text(&output.stderr));
    }
}

#[test]
fn a_file_is_written_where_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("new/tree.yaml");
    let made = sim(&format!("topology generate --preset tree -o {}", file.display()));
    assert_eq!((made.status.code(), text(&made.stdout)), (Some(0), ""));
    let written = std::fs::read_to_string(file).expect("the file is there");
    assert_eq!(written, text(&sim("topology generate --preset tree").stdout));
}

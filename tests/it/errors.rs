//! Bad input: every file in `tests/data/bad` with all that is said about it, and input made to hurt.
//!
//! To accept changed messages: `INSTA_UPDATE=always cargo test errors`, then read the difference.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use sim::diag::Style;
use sim::input::{self, Options};
use sim::mesh::validate;

/// Everything that is said about these files, as text, and whether they can be simulated.
pub(crate) fn check(inputs: &[PathBuf], options: &Options) -> (String, bool) {
    let (draft, sources, mut diagnostics) = input::load(inputs, options);
    let scenario = validate(&draft, &mut diagnostics);
    (diagnostics.render(&sources, Style::Plain), scenario.is_some())
}

/// As [`check`], for bytes in a file of their own; the folder's name is taken out of the messages.
fn check_bytes(bytes: &[u8]) -> (String, bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bad.yaml");
    fs::write(&path, bytes).expect("a temporary file");
    let (text, usable) = check(std::slice::from_ref(&path), &Options::default());
    (text.replace(&path.display().to_string(), "bad.yaml"), usable)
}

#[test]
fn every_bad_file_is_told_all_that_is_wrong() {
    let mut files: Vec<_> = fs::read_dir("tests/data/bad")
        .expect("the bad files are there")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"))
        .collect();
    files.sort();
    assert!(files.len() >= 45, "{} bad files", files.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../data/bad");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let (text, usable) = check(std::slice::from_ref(&file), &Options::default());
        // What is only warned of can be simulated.
        assert_eq!(usable, name.starts_with("warning-"), "{name}: {text}");
        assert!(!text.is_empty(), "nothing is said about {name}");
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let missing = [PathBuf::from("tests/data/bad/there-is-no-such.yaml")];
    assert!(check(&missing, &Options::default()).0.contains("error[unreadable]: cannot be read"));
    let empty = tempfile::tempdir().expect("a temporary folder");
    let (text, usable) = check(&[empty.path().to_path_buf()], &Options::default());
    assert!(text.contains("holds no YAML or JSON file") && !usable, "{text}");
    assert!(check(&[], &Options::default()).0.contains("no file was named"));
    if Path::new("/dev/zero").exists() {
        assert!(
            check(&[PathBuf::from("/dev/zero")], &Options::default()).0.contains("larger than the 64 MiB")
        );
    }
}

#[test]
fn bytes_that_are_no_text_say_so() {
    for (bytes, expected) in [
        (&b""[..], "holds no document"),
        (b"\n# a comment\n---\n", "holds no document"),
        (b"\x7fELF\x00\x01", "binary"),
        (b"version: 1\nname: \xff\n", "line 2 holds a byte"),
        (b"\xff\xfev\x00", "UTF-16"),
        (b"\xef\xbb\xbf", "holds no document"),
        (b"just words", "no format recognises this document"),
        (b"- a\n- b\n", "no format recognises this document"),
        (b"version: 1\r\nservices:\r\n\t- name: a\r\n", "indent with spaces"),
    ] {
        let (text, usable) = check_bytes(bytes);
        assert!(text.contains(expected) && !usable, "{expected}: {text}");
    }
}

/// Most CPU time that any hostile input may take. The promise is a second for a release build; tests check overflow.
const PATIENCE: Duration = Duration::from_secs(4);

/// CPU time of this thread so far, where the system tells: other work on the machine does not count.
pub(crate) fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

#[test]
fn hostile_input_ends_soon_in_an_error() {
    let bomb = (1..40).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let before = level - 1;
        text + &format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}, *a{before}]\n")
    });
    let many_errors = "- {nmae: a, replcas: x}\n".repeat(100_000);
    let long_line = format!("version: 1\nname: {}\n", "x".repeat(10 << 20));
    let services = |callee: fn(usize) -> String| {
        repeat(20_000, |n| format!("- {{name: s{n}, service_time: 1ms, script: [call: {}]}}\n", callee(n)))
    };
    let all_undefined = services(|n| format!("t{n}"));
    let circle = services(|n| format!("s{}", (n + 1) % 20_000));
    for (name, text, expected) in [
        ("huge", " ".repeat((64 << 20) + 1), "larger than the 64 MiB"),
        ("deep lists", "[".repeat(10_000), "more than 128 deep"),
        ("deep maps", "{a: ".repeat(10_000), "more than 128 deep"),
        ("deep blocks", repeat(10_000, |n| " ".repeat(n) + "-\n"), "more than 128 deep"),
        ("bomb", bomb, "stand for more than"),
        ("long list", format!("version: 1\nservices: [{}]\n", "1, ".repeat(1_000_000)), "written as a map"),
        ("long map", repeat(900_000, |n| format!("k{n}: 1\n")), "no format recognises"),
        ("too many values", format!("[{}]", "1,".repeat(5_000_000)), "more than 2000000 values"),
        ("many errors", format!("version: 1\nservices:\n{many_errors}"), "did you mean `name`?"),
        ("long line", long_line, "is longer than"),
        ("all undefined", format!("version: 1\nservices:\n{all_undefined}"), "there is no service `t0`"),
        ("circle", format!("version: 1\nservices:\n{circle}"), "calls go round without an end"),
        ("open quote", format!("version: 1\nname: \"{}", "x\n".repeat(1_000_000)), "not closed"),
    ] {
        let start = cpu_time();
        let (said, usable) = check_bytes(text.as_bytes());
        let took = cpu_time().saturating_sub(start);
        println!("{name}: {} ms", took.as_millis());
        assert!(said.contains(expected) && !usable, "{name}: {}", &said[..said.len().min(2000)]);
        assert!(said.len() < 200_000, "{name}: a message of {} bytes", said.len());
        assert!(took < PATIENCE, "{name} takes {took:?}");
    }
}

fn repeat(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |text, n| text + &piece(n))
}

#[test]
fn truncated_files_are_refused_or_read_but_never_fatal() {
    for file in
        ["tests/data/good/everything.yaml", "tests/data/good/isotope.yaml", "tests/data/good/shop.json"]
    {
        let bytes = fs::read(file).expect("a good file");
        for end in (0..bytes.len()).step_by(7) {
            check_bytes(&bytes[..end]);
        }
    }
}

#[test]
fn any_printable_name_is_accepted_and_no_other() {
    let with_name = |name: &str| {
        let name = serde_json::to_string(name).expect("a JSON string");
        let text = format!(
            "{{\"version\": 1, \"services\": [{{\"name\": {name}, \"service_time\": \"1ms\"}}], \
             \"traffic\": [{{\"service\": {name}, \"from\": \"outside\", \"rate\": 1}}]}}"
        );
        check_bytes(text.as_bytes())
    };
    for name in
        ["a/b", "..", "../../etc/passwd", "\"quoted\"", "it's", "<script>", "größe", "服务", "a b", "-", "~x"]
    {
        assert_eq!(with_name(name), (String::new(), true), "{name}");
    }
    assert!(with_name("a\u{1b}[31m").0.contains("control characters"));
    assert!(with_name("a\nb").0.contains("control characters"));
    assert!(with_name(" ").0.contains("a name is empty"));
    assert!(with_name(&"x".repeat(253)).1);
    assert!(with_name(&"x".repeat(254)).0.contains("254 characters"));
}

#[test]
fn assignments_that_lead_nowhere_point_into_the_command_line() {
    let options = Options {
        assignments: vec![
            "services.wbe.replicas=3".to_owned(),
            "run.duraton=5s".to_owned(),
            "run.seed=x".to_owned(),
            "nonsense".to_owned(),
        ],
        ..Options::default()
    };
    let (text, usable) = check(&[PathBuf::from("tests/data/good/minimal.yaml")], &options);
    assert!(!usable);
    insta::assert_snapshot!(text);
}

proptest! {
    #[test]
    fn arbitrary_text_is_never_fatal(text in any::<String>()) {
        check_bytes(text.as_bytes());
    }

    /// Real keys and values in wrong places.
    #[test]
    fn shuffled_scenarios_are_never_fatal(
        lines in prop::collection::vec((0_usize..4, prop::sample::select(PIECES)), 0..25)
    ) {
        let body = repeat(lines.len(), |n| format!("{}{}\n", "  ".repeat(lines[n].0), lines[n].1));
        check_bytes(format!("version: 1\n{body}").as_bytes());
    }
}

const PIECES: &[&str] = &[
    "services:",
    "- name: a",
    "- {name: b, service_time: 1ms}",
    "service_time: {exponential: 5ms}",
    "service_time: {lognormal: {p50: 5ms, p99: 1ms}}",
    "service_time: {empirical: {values: {1ms: 0}}}",
    "operations:",
    "script:",
    "- call: a",
    "- [{call: b}, {sleep: 1s}]",
    "- call: {service: a, probability: 0.5, count: 3}",
    "traffic:",
    "- {service: a, from: outside, rate: 5}",
    "- {service: a, from: 'gateway:x', arrivals: {closed: {users: 1, think_time: 0s}}}",
    "arrivals: {trace: [2, 1]}",
    "slo: [{p99: 1ms}]",
    "run: {seed: 1}",
    "mesh: {exclude: {services: [a]}}",
    "cluster: {core_sets: [{name: x, services: [a, a]}]}",
    "policies: [{service: a, balancing: maglev}]",
    "<<: *x",
    "&x",
];

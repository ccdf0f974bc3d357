//! Real files and examples of every kind, changed at random: nobody panics, and every problem has a place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use sim::diag::{Code, Diagnostics, Sources, Style};
use sim::input::kubernetes::pods;
use sim::input::{self, Options};
use sim::mesh::validate;
use sim::program::compile;

use crate::common::mesh;

use super::real;

/// Names and texts by family: the folder they stand in.
static FAMILIES: LazyLock<Vec<Vec<(String, String)>>> = LazyLock::new(|| {
    let own = ["gateway-api", "istio", "kubernetes", "linkerd", "observed", "smi"];
    let mut families: Vec<Vec<PathBuf>> = Vec::new();
    for folder in own {
        let entries = fs::read_dir(Path::new("tests/data/good").join(folder)).expect("a folder");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        files.sort();
        families.push(files);
    }
    families.push(vec!["tests/data/good/isotope.yaml".into(), "tests/data/good/everything.yaml".into()]);
    for file in real::files() {
        match families.last_mut().filter(|family| family[0].parent() == file.parent()) {
            Some(family) => family.push(file),
            None => families.push(vec![file]),
        }
    }
    let read = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        // A graph of a thousand services says no more than its beginning.
        let text: String = fs::read_to_string(path).expect("a readable file").chars().take(30_000).collect();
        (name, text)
    };
    families.iter().map(|family| family.iter().map(read).collect()).collect()
});

/// What else may stand in a value's place.
const VALUES: &[&str] = &[
    "",
    "~",
    "[]",
    "{}",
    "-1",
    "0",
    "99999999999999999999",
    "1e400",
    "1e-300",
    "900m",
    "x",
    "[{}]",
    "{a: 1}",
    "'*'",
    "9s",
    "true",
    "(?",
    ":",
    "\"NaN\"",
    "List",
    "Pod",
    "\"\\0\"",
    "è",
    "*.default.svc.cluster.local",
];

/// Something that happens to a text.
#[derive(Clone, Debug)]
enum Change {
    Value(Index, &'static str),
    Delete(Index),
    Double(Index),
    Indent(Index),
    Outdent(Index),
    Cut(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (any::<Index>(), select(VALUES)).prop_map(|(at, value)| Change::Value(at, value)),
        1 => any::<Index>().prop_map(Change::Delete),
        1 => any::<Index>().prop_map(Change::Double),
        1 => any::<Index>().prop_map(Change::Indent),
        1 => any::<Index>().prop_map(Change::Outdent),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(at, length)| Change::Cut(at, length)),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let with_line = |at: &Index, with: &dyn Fn(&str) -> String| {
        let row = at.index(lines.len().max(1));
        let line =
            |(number, line): (usize, &&str)| if number == row { with(line) } else { format!("{line}\n") };
        lines.iter().enumerate().map(line).collect::<String>()
    };
    match change {
        Change::Value(at, value) => {
            let places: Vec<usize> = text.match_indices(": ").map(|(place, _)| place + 2).collect();
            if places.is_empty() {
                return text.to_owned();
            }
            let start = *at.get(&places);
            let end = text[start..].find(['\n', ',', '}', ']']).map_or(text.len(), |length| start + length);
            format!("{}{value}{}", &text[..start], &text[end..])
        }
        Change::Delete(at) => with_line(at, &|_| String::new()),
        Change::Double(at) => with_line(at, &|line| format!("{line}\n{line}\n")),
        Change::Indent(at) => with_line(at, &|line| format!("  {line}\n")),
        Change::Outdent(at) => {
            with_line(at, &|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
        }
        Change::Cut(at, length) => {
            let boundaries: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            let row = at.index(boundaries.len().max(1));
            let last = (row + length.index(40)).min(boundaries.len().saturating_sub(1));
            match (boundaries.get(row), boundaries.get(last)) {
                (Some(&start), Some(&end)) => format!("{}{}", &text[..start], &text[end..]),
                _ => text.to_owned(),
            }
        }
    }
}

/// Every problem that is some text's has its place in it.
fn check_places(diagnostics: &Diagnostics, sources: &Sources) {
    for problem in diagnostics.sorted() {
        // That there is nothing in any file is no line's fault.
        assert!(problem.location.is_some() || problem.code == Code::EmptyInput, "{problem:?}");
        assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{problem:?}");
    }
    diagnostics.render(sources, Style::Plain);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn changed_files_are_never_fatal_and_problems_have_places(
        family in any::<Index>(),
        file in any::<Index>(),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        let family: &Vec<(String, String)> = family.get(&FAMILIES);
        let (name, text): &(String, String) = file.get(family);
        let text = changes.iter().fold(text.clone(), |text, change| changed(&text, change));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a writable folder");
        let (draft, sources, mut diagnostics) = input::load(std::slice::from_ref(&path), &Options::default());
        check_places(&diagnostics, &sources);
        let had_errors = diagnostics.has_errors();
        let scenario = validate(&draft, &mut diagnostics);
        prop_assert!(scenario.is_some() || had_errors || diagnostics.has_errors(), "it is refused without a word");
        check_places(&diagnostics, &sources);
        let is_small = |scenario: &sim::mesh::Scenario| scenario.services.iter().all(|one| one.replicas < 1000);
        if let Some(scenario) = scenario.filter(is_small) {
            compile(&scenario, &mesh("istio-sidecar"));
        }
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
        pods::load(&path, None, &mut sources, &mut diagnostics);
        pods::usage(&path, &mut sources, &mut diagnostics);
        check_places(&diagnostics, &sources);
    }
}

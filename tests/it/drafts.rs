//! What the tests of importers share: reading texts and files into drafts, and looking at rules.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use sim::diag::{Diagnostics, Sources, Style};
use sim::input::draft::{BackendDraft, RouteDraft};
use sim::input::{self, Draft, Options};
use sim::mesh::{Scenario, validate};
use sim::units::Ratio;
use sim::vocabulary::routing::{Rule, RuleAction};

/// What files say, and what is said of them.
pub(crate) fn read(paths: &[PathBuf]) -> (Draft, String) {
    let (draft, sources, diagnostics) = input::load(paths, &Options::default());
    (draft, diagnostics.render(&sources, Style::Plain))
}

/// The same for a text, in a file `a.yaml`.
pub(crate) fn text(text: &str) -> (Draft, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, text).expect("a temporary file");
    let (draft, said) = read(std::slice::from_ref(&path));
    (draft, said.replace(&path.display().to_string(), "a.yaml"))
}

/// A text in a file `a.yaml`, for who goes on to check it.
pub(crate) fn load(text: &str) -> (Draft, Sources, Diagnostics) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, text).expect("a temporary file");
    input::load(&[path], &Options::default())
}

/// The scenario of a text, and what is said of it.
#[track_caller]
pub(crate) fn scenario(text: &str) -> (Scenario, String) {
    let (draft, sources, mut diagnostics) = load(text);
    let scenario = validate(&draft, &mut diagnostics);
    let said = diagnostics.render(&sources, Style::Plain);
    (scenario.unwrap_or_else(|| panic!("{said}")), said)
}

/// An example of a kind, about which nothing is said.
#[track_caller]
pub(crate) fn example(name: &str) -> Draft {
    let (draft, said) = read(&[PathBuf::from(format!("tests/data/good/{name}.yaml"))]);
    assert_eq!(said, "");
    draft
}

/// A real file, where it is at hand.
#[track_caller]
pub(crate) fn real(file: &str) -> Option<(Draft, String)> {
    let path = Path::new("../shared/data/inputs").join(file);
    path.exists().then(|| {
        let (draft, said) = read(&[path]);
        assert!(!said.contains("error["), "{said}");
        (draft, said)
    })
}

/// The one element.
#[track_caller]
pub(crate) fn only<T: Debug>(values: &[T]) -> &T {
    assert_eq!(values.len(), 1, "{values:?}");
    &values[0]
}

/// Each backend, with its namespace, subset and port, and its weight.
pub(crate) fn backends(rule: &Rule<BackendDraft>) -> Vec<(String, f64)> {
    let RuleAction::Forward(backends) = &rule.action else { return Vec::new() };
    backends.iter().map(|weighted| (backend(&weighted.backend), weighted.weight)).collect()
}

/// `namespace:service/subset@port`.
pub(crate) fn backend(of: &BackendDraft) -> String {
    let namespace = of.namespace.as_ref().map_or_else(String::new, |name| format!("{name}:"));
    let subset = of.subset.as_ref().map_or_else(String::new, |name| format!("/{}", name.value));
    let port = of.port.map_or_else(String::new, |port| format!("@{port}"));
    format!("{namespace}{}{subset}{port}", of.service.value)
}

/// Names of the hosts of a route.
pub(crate) fn hosts(route: &RouteDraft) -> Vec<&str> {
    route.hosts.iter().map(|host| host.value.as_str()).collect()
}

/// A share.
pub(crate) fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

/// What else may stand in a value's place.
pub(crate) const OTHERS: &[&str] =
    &["", "~", "[]", "{}", "-1", "0", "1e400", "900m", "x", "[{}]", "{a: 1}", "'*'", "9s", "true", "(?", ":"];

/// Examples of a folder under `tests/data/good`.
pub(crate) fn examples(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(Path::new("tests/data/good").join(folder)).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files.into_iter().map(|path| std::fs::read_to_string(path).expect("a readable example")).collect()
}

/// A text with other values in some places.
pub(crate) fn spoilt(text: &str, places: &[(proptest::sample::Index, &str)]) -> String {
    let mut spoilt = text.to_owned();
    for (place, other) in places {
        let colons: Vec<_> = spoilt.match_indices(": ").map(|(at, _)| at + 2).collect();
        if colons.is_empty() {
            break;
        }
        let start = *place.get(&colons);
        let end = spoilt[start..].find(['\n', ',', '}', ']']).map_or(spoilt.len(), |end| start + end);
        spoilt.replace_range(start..end, other);
    }
    spoilt
}

//! Istio's objects: what they mean, on real files, on an example of every kind, and on tables of their odd corners.

use std::fmt::Debug;
use std::path::PathBuf;

use sim::diag::Style;
use sim::input::draft::{BackendDraft, RouteDraft};
use sim::input::{self, Draft, Options};
use sim::units::Ratio;
use sim::vocabulary::routing::{NamedMatch, Rule, RuleAction};
use sim::vocabulary::text::TextMatch;

mod bookinfo;
mod objects;
mod policies;
mod routes;
mod scopes;
mod spoilt;
mod tables;
mod wildcards;

/// What files say, and what is said of them.
pub(crate) fn read(paths: &[PathBuf]) -> (Draft, String) {
    let (draft, sources, diagnostics) = input::load(paths, &Options::default());
    (draft, diagnostics.render(&sources, Style::Plain))
}

/// The same for a text.
pub(crate) fn text(text: &str) -> (Draft, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("istio.yaml");
    std::fs::write(&path, text).expect("a temporary file");
    let (draft, said) = read(std::slice::from_ref(&path));
    (draft, said.replace(&path.display().to_string(), "istio.yaml"))
}

/// An example of a kind, about which nothing is said.
#[track_caller]
pub(crate) fn example(name: &str) -> Draft {
    let (draft, said) = read(&[PathBuf::from(format!("tests/data/good/istio/{name}.yaml"))]);
    assert_eq!(said, "");
    draft
}

/// A `VirtualService` with this element of `http`.
pub(crate) fn http(rule: &str) -> (Draft, String) {
    text(&format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: a}}\nspec:\n  hosts: [a]\n  http:\n  - {rule}\n"
    ))
}

#[track_caller]
pub(crate) fn only<T: Debug>(values: &[T]) -> &T {
    assert_eq!(values.len(), 1, "{values:?}");
    &values[0]
}

/// Host and subset of each backend with its weight.
pub(crate) fn backends(rule: &Rule<BackendDraft>) -> Vec<(String, f64)> {
    let RuleAction::Forward(backends) = &rule.action else { return Vec::new() };
    let name = |backend: &BackendDraft| match &backend.subset {
        Some(subset) => format!("{}/{}", backend.service.value, subset.value),
        None => backend.service.value.clone(),
    };
    backends.iter().map(|weighted| (name(&weighted.backend), weighted.weight)).collect()
}

pub(crate) fn named(name: &str, value: TextMatch, without: bool) -> NamedMatch {
    NamedMatch { name: name.to_owned(), value, without }
}

pub(crate) fn exact(text: &str) -> TextMatch {
    TextMatch::Exact(text.to_owned())
}

pub(crate) fn route<'d>(draft: &'d Draft, name: &str) -> &'d RouteDraft {
    draft.routes.iter().find(|route| route.name.value == name).expect("a route of this name")
}

pub(crate) fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a ratio")
}

//! docs/inputs.md: of every kind of other people's objects, what is made of its fields.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sim::input::foreign::{HEAD, Treatment};
use sim::input::kinds::{FAMILIES, KnownKind};

use crate::common::blessed;

use super::code;

const INTRO: &str = "# What is made of your objects

Made from the tables of the code by `tests/it/reference.rs`; do not edit.

- *Modelled* fields have their effect.
- *Not modelled* ones would have an effect and have none here: whoever writes one gets a warning with its place, which
  `--strict` makes an error.
- *Irrelevant* ones change neither behaviour nor cost, and nothing is said.
- A field in no table gets a warning that it is unknown.

A row speaks for what is below it, too, unless that has a row of its own. `[]` stands for the elements of a list, `*` for
keys that users choose. Of every object `apiVersion`, `kind`, `metadata.name` and `metadata.namespace` are read; the rest
of `metadata`, and `status`, is irrelevant unless a table says otherwise.
";

fn page() -> String {
    let mut text = INTRO.to_owned();
    for family in FAMILIES {
        let _ = write!(text, "\n## {}\n", family.name);
        let kinds = (family.kinds)();
        let (whole, by_field): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.fields.is_empty());
        for alike in by_field.chunk_by(|left, right| left.fields == right.fields && is_plain(left)) {
            text += &fields_of(alike);
        }
        text += &as_a_whole(&whole);
    }
    text
}

/// Whether a kind has a name that stands in a list with others.
fn is_plain(kind: &KnownKind) -> bool {
    !kind.name.contains(' ')
}

/// A section on kinds with the same fields.
fn fields_of(kinds: &[&KnownKind]) -> String {
    let mut names: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    names.dedup();
    let versions = versions(kinds.iter().flat_map(|kind| &kind.versions));
    let mut text = format!("\n### {}\n\n{versions}\n", names.join(", "));
    let is_head = |(path, treatment): &&(String, Treatment)| {
        HEAD.iter().any(|(known, usual)| known == path && usual == treatment)
    };
    let fields: Vec<Field<'_>> =
        kinds[0].fields.iter().filter(|field| !is_head(field)).map(Field::new).collect();
    let alike = Alike::of(&fields);
    text += &table_of(&fields, &alike);
    let own = fields.iter().filter(|field| alike.canonical(field.path).is_none());
    let (mut remarks, mut missing) = (String::new(), String::new());
    for field in own {
        let (rows, words) = match field.treatment {
            Treatment::ModelledAs(remark) => (&mut remarks, remark),
            Treatment::Named(reason) => (&mut missing, reason),
            _ => continue,
        };
        let _ = writeln!(rows, "| {} | {words} |", code(field.path));
    }
    for (head, rows) in [("modelled | as", remarks), ("not modelled | because", missing)] {
        if !rows.is_empty() {
            let _ = write!(text, "\n| {head} |\n|---|---|\n{rows}");
        }
    }
    text
}

/// `group` v1, v1beta1; of several groups one after the other.
fn versions<'v>(all: impl Iterator<Item = &'v String>) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for written in all {
        let (group, version) = written.rsplit_once('/').unwrap_or(("", written));
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, versions)) if versions.contains(&version) => {}
            Some((_, versions)) => versions.push(version),
            None => groups.push((group, vec![version])),
        }
    }
    let shown = groups.iter().map(|(group, versions)| match (*group, &versions[..]) {
        ("", versions) => versions.iter().map(code).collect::<Vec<_>>().join(", "),
        (group, ["*"]) => format!("`{group}` in every version"),
        (group, versions) => format!("`{group}` {}", versions.join(", ")),
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// A field: where it stands, and its own key.
struct Field<'f> {
    path: &'f str,
    parent: &'f str,
    key: &'f str,
    treatment: Treatment,
}

impl<'f> Field<'f> {
    fn new((path, treatment): &'f (String, Treatment)) -> Self {
        let (parent, key) = split(path);
        Self { path, parent, key, treatment: *treatment }
    }
}

/// A path without its last key, and that key: behind a point, in brackets, or, of an annotation, behind its domain.
fn split(path: &str) -> (&str, &str) {
    if let Some(annotation) = path.split_once('/').filter(|_| !path.contains('[')) {
        return annotation;
    }
    if let Some(inner) = path.strip_suffix(']').filter(|_| !path.ends_with("[]")) {
        return inner.rsplit_once('[').unwrap_or(("", path));
    }
    let end = path.rfind(']').map_or(0, |end| end + 1);
    match path[end..].rfind('.') {
        Some(dot) => (&path[..end + dot], &path[end + dot + 1..]),
        None if end > 0 && !path.ends_with("[]") => (&path[..end], &path[end..]),
        None => path.rsplit_once('.').unwrap_or(("", path)),
    }
}

/// Places below which everything is as below another one.
struct Alike<'f> {
    /// Place, and the other one.
    places: BTreeMap<&'f str, &'f str>,
}

/// Fewer fields than these are said again.
const FEWEST: usize = 4;

impl<'f> Alike<'f> {
    fn of(fields: &[Field<'f>]) -> Self {
        let mut by_content: BTreeMap<String, Vec<&'f str>> = BTreeMap::new();
        let mut seen: Vec<&str> = Vec::new();
        for field in fields {
            let mut place = field.parent;
            while !place.is_empty() && !seen.contains(&place) {
                seen.push(place);
                let below: Vec<String> = fields
                    .iter()
                    .filter_map(|field| {
                        let rest = field.path.strip_prefix(place)?;
                        let is_below = rest.starts_with(['.', '[']);
                        is_below.then(|| format!("{rest} {:?}", field.treatment))
                    })
                    .collect();
                if below.len() >= FEWEST {
                    by_content.entry(below.join("\n")).or_default().push(place);
                }
                place = split(place).0;
            }
        }
        let mut places = BTreeMap::new();
        for alike in by_content.values() {
            let first = alike.iter().min_by_key(|place| (place.len(), **place)).expect("one at least");
            places.extend(alike.iter().filter(|place| *place != first).map(|place| (*place, *first)));
        }
        // Of a place within another one that is said already, nothing is to be said.
        let outer: Vec<&str> = places.keys().copied().collect();
        places.retain(|place, _| !outer.iter().any(|outer| is_within(place, outer)));
        Self { places }
    }

    /// The place that is like the one that a path is within.
    fn canonical(&self, path: &str) -> Option<(&'f str, &'f str)> {
        self.places.iter().map(|(place, first)| (*place, *first)).find(|(place, _)| is_within(path, place))
    }
}

fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// What is modelled and what is irrelevant, by the place where it stands.
fn table_of(fields: &[Field<'_>], alike: &Alike<'_>) -> String {
    let mut rows: Vec<(&str, [Vec<String>; 2])> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    let mut others = String::new();
    for field in fields {
        if let Some((place, first)) = alike.canonical(field.path) {
            if !told.contains(&place) {
                told.push(place);
                let _ = writeln!(others, "- {} is as {}.", code(place), code(first));
            }
            continue;
        }
        let column = match field.treatment {
            Treatment::Modelled | Treatment::ModelledAs(_) => 0,
            Treatment::Irrelevant => 1,
            _ => continue,
        };
        let row = rows.iter().position(|(place, _)| *place == field.parent).unwrap_or_else(|| {
            rows.push((field.parent, [Vec::new(), Vec::new()]));
            rows.len() - 1
        });
        rows[row].1[column].push(code(field.key));
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "\n| in | modelled | irrelevant |\n|---|---|---|\n".to_owned();
    for (place, [modelled, irrelevant]) in rows {
        let place = if place.is_empty() { "the object".to_owned() } else { code(place) };
        let _ = writeln!(text, "| {place} | {} | {} |", modelled.join(", "), irrelevant.join(", "));
    }
    if others.is_empty() { text } else { format!("{text}\n{others}") }
}

/// Kinds of which one thing is to be said.
fn as_a_whole(kinds: &[&KnownKind]) -> String {
    let rows = kinds.iter().map(|kind| {
        let made = match kind.whole {
            Treatment::Named(reason) => format!("not modelled: {reason}"),
            _ => "irrelevant".to_owned(),
        };
        format!("| {} | {} | {made} |\n", kind.name, versions(kind.versions.iter()))
    });
    let rows = rows.collect::<String>();
    if rows.is_empty() {
        return rows;
    }
    format!("\n### Kinds as a whole\n\n| kind | `apiVersion` | what is made of it |\n|---|---|---|\n{rows}")
}

#[test]
fn the_inputs_are_those_of_the_code() {
    blessed("docs/inputs.md", &page());
}

/// Every field of every kind is told, by itself or by a place that is like its own.
#[test]
fn no_field_is_lost_on_the_page() {
    let page = page();
    for kind in FAMILIES.iter().flat_map(|family| (family.kinds)()) {
        let fields: Vec<Field<'_>> = kind.fields.iter().map(Field::new).collect();
        let alike = Alike::of(&fields);
        for field in fields.iter().filter(|field| !HEAD.iter().any(|(path, _)| *path == field.path)) {
            let mut path = field.path.to_owned();
            while let Some((place, first)) = alike.canonical(&path) {
                path = format!("{first}{}", &path[place.len()..]);
            }
            let (parent, key) = split(&path);
            let place = if parent.is_empty() { "the object".to_owned() } else { code(parent) };
            let mut rows = page.lines().filter(|line| line.starts_with(&format!("| {place} |")));
            let is_told = match field.treatment {
                Treatment::Named(reason) => page.contains(&format!("| {} | {reason} |", code(&path))),
                _ => rows.any(|row| row.contains(&code(key))),
            };
            assert!(is_told, "{}: {path}", kind.name);
        }
    }
    assert_eq!(split("spec.a[].b"), ("spec.a[]", "b"));
    assert_eq!(split("spec.a[]"), ("spec", "a[]"));
    assert_eq!(split("metadata.annotations[x.io/y]"), ("metadata.annotations", "x.io/y"));
    assert_eq!(split("kind"), ("", "kind"));
}
